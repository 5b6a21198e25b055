"""Attacks: where they start, how they step, and one loop."""

from trainers.attacks.pgd import Perturbed, perturb

__all__ = ["Perturbed", "perturb"]
