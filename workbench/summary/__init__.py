"""One run in a nutshell: the one source of what the command line, the app, the JSON and the reports say about it."""

from workbench.summary.checkpoints import Recommendation, last_healthy_checkpoint
from workbench.summary.epochs import DeltaEnergy, EpochSummary
from workbench.summary.run import RunSummary, summarize, summarize_path
from workbench.summary.values import onset_json, to_json

__all__ = [
    "DeltaEnergy",
    "EpochSummary",
    "Recommendation",
    "RunSummary",
    "last_healthy_checkpoint",
    "onset_json",
    "summarize",
    "summarize_path",
    "to_json",
]
