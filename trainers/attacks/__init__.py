"""Attacks: where they start, what they ascend, how they step, one loop of signed steps, and APGD."""

from trainers.attacks.apgd import apgd
from trainers.attacks.named import Attack, parse_attack, parse_attacks
from trainers.attacks.pgd import Perturbed, perturb

__all__ = ["Attack", "Perturbed", "apgd", "parse_attack", "parse_attacks", "perturb"]
