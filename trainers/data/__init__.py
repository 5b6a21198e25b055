"""Data sets with stable sample indices: a training split and a probe split carved out of it; test data are apart."""

from trainers.data.registry import load_data, load_test
from trainers.data.split import Data, Split

__all__ = ["Data", "Split", "load_data", "load_test"]
