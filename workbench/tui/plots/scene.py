"""What a plot over epochs shows: which run, lines and epochs, and what moves over them."""

from typing import TYPE_CHECKING, NamedTuple

from workbench.tui.plots.charts import SCALE_NAMES, Chart, Look
from workbench.tui.plots.window import Window, whole

if TYPE_CHECKING:
    from workbench.tui.facts.source import View
    from workbench.tui.plots.steps import Trace


class Scene(NamedTuple):
    """What a plot shows.

    Attributes:
        view: the run.
        epoch: the epoch under the cursor.
        chart: the lines.
        look: how they are shown.
        pointer: the epoch under the mouse.
        selection: epochs that are being selected, in either order.
        trace: what was recorded at each step, as far as it was read.
    """

    view: "View"
    epoch: int
    chart: Chart
    look: Look = Look()
    pointer: int | None = None
    selection: tuple[int, int] | None = None
    trace: "Trace | None" = None

    @property
    def window(self) -> Window:
        """The epochs that are shown."""
        return self.look.window or whole(self.view.num_epochs)

    def draws_as(self, other: "Scene") -> bool:
        """Whether the lines are the same, whatever moves over them."""
        same = self.view.table is other.view.table and self.trace is other.trace
        return same and (self.chart, self.look) == (other.chart, other.look) and self._onsets == other._onsets

    @property
    def _onsets(self) -> tuple[object, ...]:
        return self.view.summary.onsets

    def titles(self, *, with_steps: bool) -> tuple[str, ...]:
        """What a plot shows and how, in ever fewer words; how the lines were changed is never left out."""
        look, window = self.look, self.window
        how = [f"median of {look.median}"] if look.median > 1 else []
        how += [SCALE_NAMES[self.chart.scale]] if look.scaled else []
        more = [f"epochs {window.first}–{window.stop - 1} of {self.view.num_epochs}"] if look.window is not None else []
        more += ["single steps behind"] if with_steps else []
        long = [" · ".join([title, *more, *how]) for title in self.chart.titles]
        return (*long, *(" · ".join([title, *how]) for title in self.chart.titles))
