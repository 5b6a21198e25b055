"""The pane of samples: the table, and beside or under it the selected sample's energies over epochs and its images."""

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Vertical
from textual.widget import Widget

from workbench.tui.background import Background
from workbench.tui.context import RunContext
from workbench.tui.keys.samples import SAMPLE_KEYS
from workbench.tui.keys.table import bindings
from workbench.tui.samples.arrangement import Arrangement, arrange
from workbench.tui.samples.columns import class_name
from workbench.tui.samples.find import Sought
from workbench.tui.samples.making import Making
from workbench.tui.samples.plot import TrajectoryPlot
from workbench.tui.samples.table import Pointed, SampleTable, Sorted, Turned
from workbench.tui.samples.wish import MARKS, Wish, reference_of
from workbench.tui.samples.words import caption_of, nothing_of
from workbench.tui.widgets.picture import Picture

if TYPE_CHECKING:
    from workbench.tui.samples.ranking import Ranker, Ranking
    from workbench.tui.samples.shelf import Shelf
    from workbench.tui.samples.trajectories import Trajectories
    from workbench.tui.source import View

FAR = 1 << 62


class Samples(Container, can_focus=True):
    """Training or probe samples, put in order and looked at one by one.

    The selection is a sample, not a row: it stays when the epoch, the order or the list changes, but for a new order or
    list when it stood at the top, where it then stays.

    Attributes:
        sample: the selected sample by its place in the split; None while there is none.
        place: where it stands in the list.
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
        self._run_context = context
        self._view: View | None = None
        self._epoch = 0
        self._order, self._reverse = "size", False
        self._label: int | None = None
        self._marks = next(iter(MARKS))
        self._sought: int | None = None
        self._to_top = True
        self._wants_trajectory: bool | None = None
        self._wants_images = False
        self._arrangement: Arrangement | None = None
        self._ranker: Ranker | None = None
        self._trajectories: Trajectories | None = None
        self._shelf: Shelf | None = None
        self._reading = Background(self, self._step, self._take)
        self._looking = Background(self, self._look, self._show_images)
        self._making = Making(context, self._making_changed)

    def compose(self) -> ComposeResult:
        """The table, and the two views of one sample."""
        yield SampleTable()
        with Vertical(id="sample-detail"):
            yield TrajectoryPlot()
            yield Picture("sample-images")

    def on_resize(self) -> None:
        """Put the parts beside or under each other."""
        self._arrange()

    def on_unmount(self) -> None:
        """Hear no more of jobs."""
        self._making.close()

    @property
    def ranking(self) -> "Ranking | None":
        """The list that is shown."""
        return None if self._ranker is None else self._ranker.ranking

    @property
    def idle(self) -> bool:
        """Whether all that was wanted has been read and drawn."""
        return self._reading.idle and self._looking.idle

    def show(self, view: "View", epoch: int) -> None:
        """Show a view with the cursor at ``epoch``."""
        if self._view is not None and (self._view.split, self._view.meta.run_id) != (view.split, view.meta.run_id):
            self.sample, self._to_top = None, True
        self._view, self._epoch = view, epoch
        self._ask()

    def action_select(self, rows: int) -> None:
        """Select another sample."""
        self._select(self.place + rows)

    def action_turn_page(self, pages: int) -> None:
        """Select a sample a page away."""
        self._select(self.place + pages * max(1, self.query_one(SampleTable).page - 1))

    def action_first_sample(self) -> None:
        """Select the first sample."""
        self._select(0)

    def action_last_sample(self) -> None:
        """Select the last sample."""
        self._select(FAR)

    def action_order(self) -> None:
        """Order by what comes next."""
        from workbench.analysis.ranking import ORDERS

        names = list(ORDERS)
        self._reorder(names[(names.index(self._order) + 1) % len(names)], reverse=False)

    def action_reverse(self) -> None:
        """Order the other way round."""
        self._reorder(self._order, reverse=not self._reverse)

    def action_next_class(self) -> None:
        """List the next class only."""
        if self._view is not None and self._view.meta.class_names:
            label = -1 if self._label is None else self._label
            self._list((label + 1) % len(self._view.meta.class_names))

    def action_all_classes(self) -> None:
        """List all classes."""
        self._list(None)

    def action_marks(self) -> None:
        """List the samples that are wrong under attack, those that are right, all."""
        names = list(MARKS)
        self._marks = names[(names.index(self._marks) + 1) % len(names)]
        self._list(self._label)

    def action_find(self) -> None:
        """Ask for a class or a sample."""
        from workbench.tui.screens.find import FindScreen

        if self._view is not None:
            self.app.push_screen(FindScreen(self._view.meta.class_names), self._seek)

    def action_images(self) -> None:
        """Show the images of the sample, and make them if there are none; again: hide them."""
        if self._wants_images and not self._making.retry():
            self._wants_images = False
        else:
            self._wants_images = True
            if self._arrangement is not None and not self._arrangement.beside:
                self._wants_trajectory = False
        self._arrange()
        self._ask()

    def action_trajectory(self) -> None:
        """Show or hide the energies over epochs."""
        shown = self._arrangement is not None and self._arrangement.trajectory > 0
        self._wants_trajectory = not shown
        if self._arrangement is not None and not self._arrangement.beside and not shown:
            self._wants_images = False
        self._arrange()
        self._ask()

    def on_pointed(self, event: Pointed) -> None:
        """Select the sample that was clicked; a second click shows its images."""
        self._select(event.place)
        if event.opened and not self._wants_images:
            self.action_images()

    def on_turned(self, event: Turned) -> None:
        """Move the selection with the wheel."""
        self._select(self.place + event.rows)

    def on_sorted(self, event: Sorted) -> None:
        """Order by the column that was clicked; again: by its next order, or the other way round."""
        orders = event.orders
        if self._order not in orders:
            self._reorder(orders[0], reverse=False)
        elif self._order != orders[-1]:
            self._reorder(orders[orders.index(self._order) + 1], reverse=False)
        else:
            self._reorder(orders[0] if len(orders) > 1 and self._reverse else self._order, reverse=not self._reverse)

    def _reorder(self, order: str, *, reverse: bool) -> None:
        self._order, self._reverse = order, reverse
        self._to_top = self._to_top or self.place == 0
        self._ask()

    def _list(self, label: int | None) -> None:
        self._label, self._to_top = label, self._to_top or self.place == 0
        self._ask()

    def _seek(self, sought: Sought | None) -> None:
        """Go to what was typed."""
        if sought is None:
            return
        if sought.sample is None:
            self._list(sought.label)
            return
        self._sought, self._label, self._marks = sought.sample, None, next(iter(MARKS))
        self._ask()

    def _select(self, place: int) -> None:
        ranking = self.ranking
        if ranking is None or not len(ranking.rows):
            return
        self._to_top, self._sought = False, None
        self.place = min(max(place, 0), len(ranking.rows) - 1)
        self.sample = int(ranking.rows[self.place])
        self._show_table()
        self._ask_for_sample()

    def _ask(self) -> None:
        """Want the list that the keys chose, of the view's epoch."""
        view = self._view
        if view is None or not self.is_mounted:
            return
        if view.num_epochs:
            if self._ranker is None:
                from workbench.tui.samples.ranking import Ranker
                from workbench.tui.samples.trajectories import Trajectories

                self._ranker, self._trajectories = Ranker(), Trajectories()
            self._ranker.ask(view, self._wish(view))
        self._show_table()
        self._ask_for_sample()
        self._reading.wake()

    def _wish(self, view: "View") -> Wish:
        reference = reference_of(view, self._epoch)
        of = view.meta.run_id, view.split, self._epoch, reference
        return Wish(*of, self._order, self._reverse, self._label, self._marks)

    def _step(self) -> bool | None:
        """In the thread: what the table waits for, then the sample's epochs, then what else the table shows."""
        ranker, trajectories = self._ranker, self._trajectories
        if ranker is None or trajectories is None:
            return None
        if not ranker.urgent and self._arrangement is not None and self._arrangement.trajectory:
            pressing = trajectories.step()
            if pressing is not None:
                return pressing
        return ranker.step()

    def _take(self) -> None:
        """Show what has been read; the selection stays on its sample."""
        ranking, ranker = self.ranking, self._ranker
        if ranking is None or ranker is None or self._view is None or not self.is_mounted:
            self._show_table()
            return
        if ranking.wish == ranker.wish:
            self._settle(ranking)
        self._show_table()
        self._ask_for_sample()

    def _settle(self, ranking: "Ranking") -> None:
        """Find the selection in the list."""
        if self._sought is not None:
            self._select_index(ranking, self._sought)
            self._sought = None
        if not len(ranking.rows):
            self.place = 0
            return
        place = None if self._to_top or self.sample is None else ranking.place_of(self.sample)
        if self._to_top or self.sample is None:
            place = 0
        self._to_top = False
        self.place = min(self.place, len(ranking.rows) - 1) if place is None else place
        self.sample = int(ranking.rows[self.place])

    def _select_index(self, ranking: "Ranking", index: int) -> None:
        found = (ranking.keys.index == index).nonzero()[0]
        if len(found):
            self.sample, self._to_top = int(found[0]), False
        else:
            self.app.notify(f"No sample {index} among these.", severity="warning", markup=False)

    def _show_table(self) -> None:
        view, ranking, ranker = self._view, self.ranking, self._ranker
        if view is None or not self.is_mounted:
            return
        current = ranking is not None and ranking.wish[:2] == (view.meta.run_id, view.split)
        self.query_one(SampleTable).show(
            ranking if current and view.num_epochs else None,
            self.place,
            caption=caption_of(view, self._wish(view), ranker),
            words=nothing_of(view, self._wish(view), ranker),
            class_names=view.meta.class_names,
        )

    def _ask_for_sample(self) -> None:
        """Want the selected sample's epochs and images, where they are seen."""
        view, arrangement = self._view, self._arrangement
        if view is None or arrangement is None:
            return
        self._show_trajectory()
        if arrangement.images:
            self._want_images()

    def _show_trajectory(self) -> None:
        view, ranking = self._view, self.ranking
        if view is None or self._arrangement is None or not self._arrangement.trajectory:
            return
        kept, words, title = None, "", "one sample"
        if ranking is not None and self.sample is not None and self._trajectories is not None and len(ranking.keys):
            kept = self._trajectories.ask(view, self.sample, self._epoch)
            words = self._trajectories.problem or ""
            name = class_name(int(ranking.keys.label[self.sample]), view.meta.class_names, 20)
            title = f"sample {int(ranking.keys.index[self.sample])}, class {name}"
            if self._trajectories.pending:
                self._reading.wake()
        self.query_one(TrajectoryPlot).show(
            title, kept, count=view.num_epochs, epoch=self._epoch, onsets=view.summary.onsets, words=words
        )

    def _want_images(self) -> None:
        view, ranking, picture = self._view, self.ranking, self.query_one("#sample-images", Picture)
        width, height = picture.content_size
        if view is None or ranking is None or self.sample is None or not len(ranking.keys) or width < 4:
            return
        if self._shelf is None:
            from workbench.tui.samples.shelf import Shelf

            self._shelf = Shelf()
        from workbench.tui.samples.shelf import Wanted

        self._shelf.wanted = Wanted(
            path=self._run_context.path,
            split=view.split,
            attack=view.attack,
            epoch=self._epoch,
            sample=int(ranking.keys.index[self.sample]),
            class_names=view.meta.class_names,
            width=width,
            height=height,
            colour=not self.app.no_color,
            looks=self._making.ended,
        )
        self._looking.wake()

    def _look(self) -> bool | None:
        return None if self._shelf is None else self._shelf.step()

    def _show_images(self) -> None:
        """Show the images that were found; where there are none, make them, or say how."""
        shelf, ranking = self._shelf, self.ranking
        if shelf is None or shelf.found is None or shelf.found.wanted != shelf.wanted or not self.is_mounted:
            return
        found, picture = shelf.found, self.query_one("#sample-images", Picture)
        if found.there and (self._wants_images or found.strips):
            picture.show(found.strips)
            return
        if found.strips:  # why there will be none
            picture.show(found.strips)
            return
        if self._wants_images and ranking is not None:
            self._making.make(found, self._neighbours(ranking, found.kept))
        picture.show(self._making.strips(found, wanted=self._wants_images))

    def _neighbours(self, ranking: "Ranking", kept: "frozenset[int]") -> list[int]:
        """The selected sample and those around it in the list, by stable index, that have no images yet."""
        first = max(0, self.place - self._making.AROUND)
        rows = ranking.rows[first : self.place + self._making.AROUND + 1].tolist()
        indices = [int(ranking.keys.index[row]) for row in rows]
        assert self.sample is not None
        selected = int(ranking.keys.index[self.sample])
        return [selected, *(index for index in indices if index != selected and index not in kept)]

    def _making_changed(self) -> None:
        """A job has more to say, or has ended."""
        if self._arrangement is not None and self._arrangement.images:
            self._want_images()
            self._show_images()

    def _arrange(self) -> None:
        """Give the parts their places."""
        arrangement = arrange(
            self.size.width, self.size.height, trajectory=self._wants_trajectory, images=self._wants_images
        )
        if arrangement == self._arrangement:
            return
        self._arrangement = arrangement
        self.set_class(arrangement.beside, "beside")
        detail, plot, picture = (
            self.query_one(name, Widget) for name in ("#sample-detail", "#sample-trajectory", "#sample-images")
        )
        detail.display = bool(arrangement.trajectory or arrangement.images)
        plot.display, picture.display = bool(arrangement.trajectory), bool(arrangement.images)
        detail.styles.width = arrangement.width
        plot.styles.height, picture.styles.height = arrangement.trajectory, arrangement.images
        self.call_after_refresh(self._ask)
