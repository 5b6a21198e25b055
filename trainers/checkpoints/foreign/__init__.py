"""Checkpoints made elsewhere: read without running what is in them, and fitted to a model."""

from trainers.checkpoints.foreign.fitting import Foreign, ForeignState, fit_factory, fit_named, read_state
from trainers.checkpoints.foreign.keys import Normaliser
from trainers.checkpoints.foreign.sniff import FileKind, sniff

__all__ = ["FileKind", "Foreign", "ForeignState", "Normaliser", "fit_factory", "fit_named", "read_state", "sniff"]
