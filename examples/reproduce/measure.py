"""Strong attacks on what a run kept, by ``workbench.evaluation``; results lie beside the run, as that command's do."""

from pathlib import Path

from reproduce.grid import Measure
from trainers.attacks import parse_attacks
from workbench.evaluation import Evaluation, evaluation_folder, find_evaluations, save_evaluation
from workbench.evaluation.measure import evaluate
from workbench.probe import ModelOptions, ProbeSpec
from workbench.target import find_target

SPLIT = "test"


def is_measured(measure: Measure, out: Path) -> bool:
    """Whether the run in ``out`` has been evaluated so."""
    return find(measure, out) is not None


def find(measure: Measure, out: Path) -> Evaluation | None:
    """The whole evaluation of the run in ``out``; None if there is none yet."""
    target = find_target(out, measure.epoch)
    asked = tuple(attack.name for attack in parse_attacks(measure.attacks))
    for stored in reversed(find_evaluations(evaluation_folder(target)).stored):
        one = stored.evaluation
        is_it = one.epoch == target.epoch and one.asked == asked and one.split == SPLIT and one.num == measure.num
        if is_it and len(one.attacks) == len(asked):
            return one
    return None


def take(measure: Measure, out: Path, *, data: str, device: str) -> None:
    """Evaluate a checkpoint of the run in ``out`` on test images; kept after every attack.

    Raises:
        WorkbenchError: the data or the checkpoint cannot be used.
        KeyboardInterrupt: the attacks that are whole are kept, but taken again the next time.
    """
    target = find_target(out, measure.epoch)
    spec = ProbeSpec(
        checkpoints=(target.checkpoint,),
        model=ModelOptions(),
        data=data,
        attacks=measure.attacks,
        split=SPLIT,
        num=measure.num,
        device=device,
    )
    for evaluation in evaluate(target, spec):
        save_evaluation(evaluation_folder(target), evaluation)


def command(measure: Measure, name: str) -> str:
    """The ``workbench evaluate`` line that measures the same."""
    return f"workbench evaluate runs/{name} --epoch {measure.epoch} --attack {measure.attacks} --num {measure.num}"
