"""Checkpoints made elsewhere: read without running what is in them, and fitted to a model."""

from trainers.checkpoints.foreign.fitting import (
    PROGRAM_WORDS,
    Foreign,
    ForeignState,
    behind,
    fit_module,
    fit_named,
    read_state,
)
from trainers.checkpoints.foreign.keys import Normaliser
from trainers.checkpoints.foreign.sniff import FileKind, sniff

__all__ = [
    "PROGRAM_WORDS",
    "FileKind",
    "Foreign",
    "ForeignState",
    "Normaliser",
    "behind",
    "fit_module",
    "fit_named",
    "read_state",
    "sniff",
]
