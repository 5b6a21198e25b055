"""What ``workbench evaluate`` makes, for the screen of its job."""

from typing import TYPE_CHECKING

from textual.strip import Strip

from trainers.errors import WorkbenchError
from workbench.tui.jobs.process import Ended
from workbench.tui.look.text import plain

if TYPE_CHECKING:
    from workbench.evaluation import Evaluation

MOST_CLASSES = 1_000


class Evaluated:
    """A strong evaluation."""

    title = "Strong evaluation"
    ending = " · strong evaluation"
    doing = "starting: libraries, model and images are loaded"

    def __init__(self, what: str) -> None:
        """What was asked for, in a line."""
        self.what = plain(what)
        self._evaluation: Evaluation | None = None

    def look(self, width: int, height: int, *, colour: bool, done: bool, anew: bool) -> list[Strip] | None:
        """All of it, once it is there."""
        return evaluation_strips(self._evaluation, width) if self._evaluation is not None and anew else None

    def conclude(self, ended: Ended) -> list[str]:
        """Read what the command has measured; after a stop, say what is kept.

        Raises:
            WorkbenchError: it cannot be read.
        """
        if not ended.good:
            return [line for line in ended.lines if line.startswith("stopped;")]
        from workbench.evaluation.document import from_text

        try:
            self._evaluation = from_text(ended.output.encode())
        except WorkbenchError as error:
            raise WorkbenchError(f"cannot make sense of what workbench evaluate answered: {error}") from None
        return [f"Accuracies on {self._evaluation.num:,} images; kept in the run's folder evaluation."]


def evaluation_strips(evaluation: "Evaluation", width: int) -> list[Strip]:
    """Accuracies, then the classes under each attack, as lines."""
    from workbench.tui.checkpoints.bars import headline, paint_accuracies, paint_classes
    from workbench.tui.look import palette
    from workbench.tui.look.palette import style
    from workbench.tui.widgets.cells import Cells

    classes = min(len(evaluation.class_names), MOST_CLASSES)
    sheet = Cells(max(width, 1), 6 + len(evaluation.inputs) + (classes + 6) * len(evaluation.attacks))
    sheet.write(0, 0, headline(evaluation), style(palette.MUTED))
    y = paint_accuracies(sheet, 0, 2, width, evaluation)
    for attack in evaluation.attacks:
        y = paint_classes(sheet, 0, y + 1, width, classes + 4, evaluation, attack)
    return sheet.strips()[:y]
