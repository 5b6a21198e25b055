"""Energies and accuracies of checkpoints made elsewhere, as an ordinary energy log."""

from workbench.probe.job import EpochMeasured, probe
from workbench.probe.loading import ModelOptions
from workbench.probe.measure import Measured, measure
from workbench.probe.normalisers import parse_normaliser
from workbench.probe.order import ORDERS, in_order
from workbench.probe.setting import ProbeSpec

__all__ = [
    "ORDERS",
    "EpochMeasured",
    "Measured",
    "ModelOptions",
    "ProbeSpec",
    "in_order",
    "measure",
    "parse_normaliser",
    "probe",
]
