"""Onset of catastrophic and robust overfitting: labels that look back over a run, detectors that see only the past."""

from workbench.onset.catastrophic import CatastrophicDetector
from workbench.onset.detect import OnsetDetector, detect, run_detector, steps_of
from workbench.onset.energy import EnergyDetector
from workbench.onset.flags import Kind, Onset
from workbench.onset.labels import Label, catastrophic_label, robust_label
from workbench.onset.lineage import Lineage, follow
from workbench.onset.robust import RobustDetector

__all__ = [
    "CatastrophicDetector",
    "EnergyDetector",
    "Kind",
    "Label",
    "Lineage",
    "Onset",
    "OnsetDetector",
    "RobustDetector",
    "catastrophic_label",
    "detect",
    "follow",
    "robust_label",
    "run_detector",
    "steps_of",
]
