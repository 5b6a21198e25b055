"""Strong evaluation of a kept checkpoint: robust accuracy and energies under attacks that training could not afford.

Measuring needs torch and is in ``workbench.evaluation.measure``; all that is imported here does not.
"""

from workbench.evaluation.document import to_json
from workbench.evaluation.store import Found, Stored, evaluation_folder, find_evaluations, save_evaluation
from workbench.evaluation.values import Evaluation, Group, Inputs, Tally, wilson

__all__ = [
    "Evaluation",
    "Found",
    "Group",
    "Inputs",
    "Stored",
    "Tally",
    "evaluation_folder",
    "find_evaluations",
    "save_evaluation",
    "to_json",
    "wilson",
]
