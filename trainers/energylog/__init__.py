"""The energy log: one HDF5 file per run, written while the run goes on and read by everything that looks at it."""

from trainers.energylog.meta import RunMeta, decode
from trainers.energylog.reader import EnergyLog
from trainers.energylog.schema import (
    CRASHED_AFTER_SECONDS,
    DELTA_STATISTICS,
    EPOCH_COLUMNS,
    EPOCH_DTYPE,
    EVENT_COLUMNS,
    EVENT_DTYPE,
    HISTOGRAM_BINS,
    HISTOGRAM_LIMIT,
    NOT_RECORDED,
    QUANTILES,
    SAMPLE_COLUMNS,
    SCHEMA_VERSION,
    SPLITS,
    STEP_COLUMNS,
    STEP_DTYPE,
    histogram_edges,
)
from trainers.energylog.statistics import best_epoch, delta_statistics, histogram_counts, merit
from trainers.energylog.tables import SampleKeys, SampleTable
from trainers.energylog.writer import LogWriter

__all__ = [
    "CRASHED_AFTER_SECONDS",
    "DELTA_STATISTICS",
    "EPOCH_COLUMNS",
    "EPOCH_DTYPE",
    "EVENT_COLUMNS",
    "EVENT_DTYPE",
    "HISTOGRAM_BINS",
    "HISTOGRAM_LIMIT",
    "NOT_RECORDED",
    "QUANTILES",
    "SAMPLE_COLUMNS",
    "SCHEMA_VERSION",
    "SPLITS",
    "STEP_COLUMNS",
    "STEP_DTYPE",
    "EnergyLog",
    "LogWriter",
    "RunMeta",
    "SampleKeys",
    "SampleTable",
    "best_epoch",
    "decode",
    "delta_statistics",
    "histogram_counts",
    "histogram_edges",
    "merit",
]
