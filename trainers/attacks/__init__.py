"""Attacks: where they start, what they ascend, how they step, one loop of signed steps, and APGD."""

from trainers.attacks.apgd import apgd
from trainers.attacks.named import Attack, parse_attack, parse_attacks
from trainers.attacks.pgd import Ascent, Perturbed, ascend, perturb

__all__ = ["Ascent", "Attack", "Perturbed", "apgd", "ascend", "parse_attack", "parse_attacks", "perturb"]
