"""The pane of samples: the table, and beside or under it the selected sample's energies over epochs and its images."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Vertical

from workbench.tui.acts.copying import tab_separated
from workbench.tui.context import RunContext
from workbench.tui.facts.background import Background
from workbench.tui.facts.numbers import Table
from workbench.tui.keys.samples import SAMPLE_KEYS
from workbench.tui.keys.table import bindings
from workbench.tui.samples.arrangement import Arrangement, arrange
from workbench.tui.samples.choice import Choice
from workbench.tui.samples.columns import class_name
from workbench.tui.samples.find import Sought
from workbench.tui.samples.images import SampleImages
from workbench.tui.samples.plot import TrajectoryPlot
from workbench.tui.samples.table import Pointed, SampleTable, Sorted, Turned
from workbench.tui.samples.words import caption_of, nothing_of

if TYPE_CHECKING:
    from workbench.tui.facts.source import View
    from workbench.tui.samples.ranking import Ranker, Ranking
    from workbench.tui.samples.trajectories import Trajectories

FAR = 1 << 62


class Samples(Container, can_focus=True):
    """Training or probe samples, put in order and looked at one by one.

    The selection is a sample, not a row: it stays when the epoch, the order or the list changes. One that was put at
    the top, or never moved, stays at the top of another order or list.

    Attributes:
        sample: the selected sample by its place in the split; None while there is none.
        place: where it stands in the list.
        choice: which samples are listed, in which order.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings(SAMPLE_KEYS)
    DEFAULT_CSS = """
    Samples { layout: vertical; }
    Samples.beside { layout: horizontal; }
    Samples > #sample-table { height: 1fr; width: 1fr; }
    Samples > #sample-detail { height: auto; width: 100%; }
    Samples.beside > #sample-detail { height: 100%; margin-left: 1; }
    Samples #sample-images { background: $background; padding: 0 1; overflow-x: hidden; overflow-y: auto;
        scrollbar-size-vertical: 1; scrollbar-color: $secondary; scrollbar-background: $background; }
    """

    def __init__(self, context: RunContext) -> None:
        super().__init__(id="samples", classes="pane")
        self.sample: int | None = None
        self.place = 0
        self.choice = Choice()
        self._view: View | None = None
        self._epoch = 0
        self._sought: int | None = None
        self._to_top = self._keeps_to_top = True
        self._wants_trajectory: bool | None = None
        self._arrangement = Arrangement(False, 0, 0, 0)
        self._ranker: Ranker | None = None
        self._trajectories: Trajectories | None = None
        self._reading = Background(self, self._step, self._take)
        self._table, self._plot, self._images = SampleTable(), TrajectoryPlot(), SampleImages(context)

    def compose(self) -> ComposeResult:
        """The table, and the two views of one sample."""
        yield self._table
        with Vertical(id="sample-detail"):
            yield self._plot
            yield self._images

    def on_resize(self) -> None:
        """Put the parts beside or under each other."""
        self._arrange()

    @property
    def ranking(self) -> "Ranking | None":
        """The list that is shown."""
        return None if self._ranker is None else self._ranker.ranking

    @property
    def idle(self) -> bool:
        """Whether all that was wanted has been read, made and drawn."""
        return self._reading.idle and self._images.idle and (self._ranker is None or not self._ranker.urgent)

    def show(self, view: "View", epoch: int) -> None:
        """Show a view with the cursor at ``epoch``."""
        if self._view is not None and (self._view.split, self._view.data) != (view.split, view.data):
            self.sample, self._to_top, self._keeps_to_top = None, True, True
        self._view, self._epoch = view, epoch
        self._ask()

    def export(self) -> Table | None:
        """The list in its order, with every number that the table shows."""
        view, ranking = self._view, self.ranking
        if view is None or ranking is None:
            return None

        def rows() -> Iterator[Sequence[object]]:
            for row in ranking.rows.tolist():
                label = int(ranking.keys.label[row])
                numbers = (values[row].item() for values in columns.values())
                yield int(ranking.keys.index[row]), label, class_name(label, view.meta.class_names), *numbers

        columns = {name: values for name, values in ranking.columns.items() if len(values) == len(ranking.keys)}
        title = f"{caption_of(view, ranking.wish, None)}, epoch {ranking.wish.epoch}"
        return Table(title, ("index", "label", "class", *columns), rows)

    def keep(self) -> dict[str, object]:
        """What is listed, and in which order."""
        return self.choice._asdict()

    def restore(self, kept: Mapping[str, object]) -> None:
        """List what was listed."""
        self.choice = self.choice.restored(kept)
        self._ask()

    def copied(self) -> str:
        """The list as text; why there is none, if so."""
        table = self.export()
        if table is not None:
            return tab_separated(table)
        view = self._view
        return "" if view is None else nothing_of(view, self.choice.wish(view, self._epoch), self._ranker)

    def action_select(self, rows: int) -> None:
        """Select another sample."""
        self._select(self.place + rows)

    def action_turn_page(self, pages: int) -> None:
        """Select a sample a page away."""
        self._select(self.place + pages * max(1, self._table.page - 1))

    def action_first_sample(self) -> None:
        """Select the first sample."""
        self._select(0)

    def action_last_sample(self) -> None:
        """Select the last sample."""
        self._select(FAR)

    def action_order(self) -> None:
        """Order by what comes next."""
        self._choose(self.choice.next_order())

    def action_reverse(self) -> None:
        """Order the other way round."""
        self._choose(self.choice.other_way())

    def action_next_class(self) -> None:
        """List the next class only."""
        if self._view is not None:
            self._choose(self.choice.next_class(len(self._view.meta.class_names)))

    def action_all_classes(self) -> None:
        """List all classes."""
        self._choose(self.choice._replace(label=None))

    def action_marks(self) -> None:
        """List the samples that are wrong under attack, those that are right, all."""
        self._choose(self.choice.next_marks())

    def action_find(self) -> None:
        """Ask for a class or a sample."""
        from workbench.tui.screens.find import FindScreen

        if self._view is not None:
            self.app.push_screen(FindScreen(self._view.meta.class_names, self._holds), self._seek)

    def _holds(self, index: int) -> bool:
        """Whether there is a sample of this index, as far as is known."""
        return self.ranking is None or bool((self.ranking.keys.index == index).any())

    def action_images(self) -> None:
        """Show the images of the sample, and make them if there are none; again: hide them."""
        self._images.wanted = self._images.retry() or not self._images.wanted
        if self._images.wanted and not self._arrangement.beside:
            self._wants_trajectory = False
        self._arrange()
        self._ask()

    def action_trajectory(self) -> None:
        """Show or hide the energies over epochs."""
        self._wants_trajectory = not self._arrangement.trajectory
        if self._wants_trajectory and not self._arrangement.beside:
            self._images.wanted = False
        self._arrange()
        self._ask()

    def on_pointed(self, event: Pointed) -> None:
        """Select the sample that was clicked; a second click shows its images."""
        self._select(event.place)
        if event.opened and not self._images.wanted:
            self.action_images()

    def on_turned(self, event: Turned) -> None:
        """Move the selection with the wheel."""
        self._select(self.place + event.rows)

    def on_sorted(self, event: Sorted) -> None:
        """Order by the column that was clicked; again: the other way round, then by its next order."""
        self._choose(self.choice.by_column(event.orders))

    def _choose(self, choice: Choice) -> None:
        """Another order or list."""
        self.choice, self._to_top = choice, self._to_top or self._keeps_to_top
        self._ask()

    def _seek(self, sought: Sought | None) -> None:
        """Go to what was typed."""
        if sought is None:
            return
        if sought.sample is None:
            self._choose(self.choice._replace(label=sought.label))
            return
        self._sought, self.choice = sought.sample, self.choice._replace(label=None, marks="all")
        if self.ranking is not None and self._view is not None:
            self._settle(self.ranking)
        self._ask()

    def _select(self, place: int) -> None:
        ranking = self.ranking
        if ranking is None or not len(ranking.rows):
            return
        self._to_top, self._sought = False, None
        self.place = min(max(place, 0), len(ranking.rows) - 1)
        self.sample, self._keeps_to_top = int(ranking.rows[self.place]), self.place == 0
        self._show_all()

    def _ask(self) -> None:
        """Want the list that was chosen, of the view's epoch."""
        view = self._view
        if view is None or not self.is_mounted:
            return
        if view.num_epochs:
            if self._ranker is None:
                from workbench.tui.samples.ranking import Ranker
                from workbench.tui.samples.trajectories import Trajectories

                self._ranker, self._trajectories = Ranker(), Trajectories()
            self._ranker.ask(view, self.choice.wish(view, self._epoch))
        self._show_all()
        self._reading.wake()

    def _step(self) -> bool | None:
        """In the thread: what the table waits for, then the sample's epochs, then what else the table shows."""
        ranker, trajectories = self._ranker, self._trajectories
        if ranker is None or trajectories is None:
            return None
        pressing = None if ranker.urgent or not self._arrangement.trajectory else trajectories.step()
        return ranker.step() if pressing is None else pressing

    def _take(self) -> None:
        """Show what has been read; the selection stays on its sample."""
        if self._ranker is not None and self.ranking is not None and self.ranking.wish == self._ranker.wish:
            self._settle(self.ranking)
        self._show_all()

    def _settle(self, ranking: "Ranking") -> None:
        """Find the selection in the list."""
        if self._sought is not None:
            found = (ranking.keys.index == self._sought).nonzero()[0]
            if len(found):
                self.sample, self._to_top, self._keeps_to_top = int(found[0]), False, False
            else:
                self.app.notify(f"No sample {self._sought} among these.", severity="warning", markup=False)
            self._sought = None
        at_top = self._to_top or self.sample is None
        place = 0 if at_top or self.sample is None else ranking.place_of(self.sample)
        self._to_top = False
        self.place = max(0, min(self.place if place is None else place, len(ranking.rows) - 1))
        self.sample = int(ranking.rows[self.place]) if len(ranking.rows) else None

    def _show_all(self) -> None:
        """Show the list, and the selected sample where it is seen."""
        view, ranking = self._view, self.ranking
        if view is None or not self.is_mounted:
            return
        if ranking is not None and (ranking.wish[:2] != (view.data, view.split) or not view.num_epochs):
            ranking = None
        wish, problem = self.choice.wish(view, self._epoch), self._reading.problem
        self._table.show(
            ranking,
            self.place,
            caption=caption_of(view, wish, self._ranker) + (f" · ✗ {problem}" if problem else ""),
            words=f"✗ {problem}" if problem else nothing_of(view, wish, self._ranker),
            class_names=view.meta.class_names,
        )
        if self._arrangement.trajectory:
            self._show_trajectory(view, ranking)
        if self._arrangement.images and ranking is not None and self.place < len(ranking.rows):
            self._images.show_sample(view, self._epoch, ranking, self.place)

    def _show_trajectory(self, view: "View", ranking: "Ranking | None") -> None:
        kept, words, title = None, "", ""
        if ranking is not None and self.sample is not None and self._trajectories is not None:
            kept = self._trajectories.ask(view, self.sample, self._epoch)
            words = self._trajectories.problem or ""
            name = class_name(int(ranking.keys.label[self.sample]), view.meta.class_names, 20)
            title = f"sample {int(ranking.keys.index[self.sample])}, class {name}"
            if self._trajectories.pending:
                self._reading.wake()
        self._plot.show(title, kept, count=view.num_epochs, epoch=self._epoch, onsets=view.summary.onsets, words=words)

    def _arrange(self) -> None:
        """Give the parts their places."""
        arrangement = arrange(
            self.size.width, self.size.height, trajectory=self._wants_trajectory, images=self._images.wanted
        )
        if arrangement == self._arrangement:
            return
        self._arrangement = arrangement
        self.set_class(arrangement.beside, "beside")
        detail = self.query_one("#sample-detail")
        detail.display = bool(arrangement.trajectory or arrangement.images)
        self._plot.display, self._images.display = bool(arrangement.trajectory), bool(arrangement.images)
        detail.styles.width = arrangement.width
        self._plot.styles.height, self._images.styles.height = arrangement.trajectory, arrangement.images
        self.call_after_refresh(self._ask)
