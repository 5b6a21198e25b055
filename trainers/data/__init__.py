"""Data sets with stable sample indices: a training split and a probe split carved out of it; test data stay shut."""

from trainers.data.registry import load_data
from trainers.data.split import Data, Split

__all__ = ["Data", "Split", "load_data"]
