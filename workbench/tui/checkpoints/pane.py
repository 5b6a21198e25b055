"""The pane of checkpoints: choose one, copy its path, evaluate it, generate from it."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType
from textual.events import Click, MouseScrollDown, MouseScrollUp
from textual.geometry import Region

from workbench.tui.acts.seen import Target
from workbench.tui.checkpoints.paint import paint_nothing, paint_shelf, places
from workbench.tui.context import RunContext
from workbench.tui.facts.background import Background
from workbench.tui.keys.checkpoints import CHECKPOINT_KEYS
from workbench.tui.keys.table import bindings
from workbench.tui.launching.commands import Kept
from workbench.tui.widgets.cells import Cells, Painted
from workbench.tui.widgets.timeline import EpochChosen

if TYPE_CHECKING:
    from workbench.tui.checkpoints.shelf import Row, Shelf, Shelves
    from workbench.tui.facts.numbers import Table
    from workbench.tui.facts.source import View
    from workbench.tui.forms.form import Form

LOOK_SECONDS = 2.0
"""Pause between looks at the folders of a run."""


class Checkpoints(Painted, can_focus=True):
    """A line a checkpoint, and below it the one that is chosen with its strong evaluations.

    Attributes:
        shelf: what was read last; None before.
        chosen: the epoch of the checkpoint that is chosen; None before there is one.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings(CHECKPOINT_KEYS)

    def __init__(self, context: RunContext) -> None:
        super().__init__(id="checkpoints", classes="pane")
        self._run_context = context
        self._view: View | None = None
        self._epoch = 0
        self.shelf: Shelf | None = None
        self.chosen: int | None = None
        self._asked_for = False
        self._taken: Shelf | None = None
        self._shelves: Shelves | None = None
        self._due = False
        self._first = 0
        self._background = Background(self, self._step, self._take)

    @property
    def ready(self) -> bool:
        """Whether the folders were read."""
        return self.shelf is not None and self._background.idle

    def on_mount(self) -> None:
        """Look again from time to time, for checkpoints and evaluations come while the app is open."""
        self.set_interval(LOOK_SECONDS, self._look)

    def show(self, view: "View", epoch: int) -> None:
        """Show a view with the cursor at ``epoch``."""
        news, self._view, self._epoch = view is not self._view, view, epoch
        if news:
            self._look()
        self.repaint()

    def action_choose(self, lines: int) -> None:
        """Choose the checkpoint so many lines below."""
        rows = self.shelf.rows if self.shelf is not None else ()
        if rows:
            at = next((place for place, row in enumerate(rows) if row.epoch == self.chosen), 0)
            self._choose(rows[min(max(at + lines, 0), len(rows) - 1)].epoch)

    def action_go(self) -> None:
        """Move the epoch cursor to the checkpoint's epoch."""
        if self.chosen is not None and self._view is not None and self.chosen < self._view.num_epochs:
            self.post_message(EpochChosen(self.chosen))

    def action_copy(self) -> None:
        """Copy the path of the checkpoint."""
        row = self._kept_row()
        if row is not None:
            self.app.copy_to_clipboard(str(Path(row.path or "").absolute()))
            self.notify(f"Copied the path of epoch {row.epoch}.", markup=False)

    def action_evaluate(self) -> None:
        """Ask under what to evaluate it, and do it."""
        self._ask(self._evaluation_form)

    def action_generate(self) -> None:
        """Ask what to generate from it, and generate it."""
        self._ask(self._generate_form)

    def targets(self) -> list[Target]:
        """The checkpoints that are seen."""
        rows = self.shelf.rows if self.shelf is not None else ()
        seen = places(self.content_size.width, self.content_size.height, len(rows)).rows
        return [
            Target(Region(self.region.x, self.region.y + y, self.region.width, 1), partial(self._choose, row.epoch))
            for y, row in enumerate(rows[self._first : self._first + seen], 1)
        ]

    def keep(self) -> dict[str, object]:
        """The checkpoint that the user chose; not one that was proposed."""
        return {"chosen": self.chosen if self._asked_for else None}

    def restore(self, kept: Mapping[str, object]) -> None:
        """Choose what was chosen, if it is still there."""
        chosen = kept.get("chosen")
        if type(chosen) is int and not self._asked_for:
            self._choose(chosen)

    def export(self) -> "Table | None":
        """All that is known of each."""
        from workbench.tui.checkpoints.numbers import table_of

        return table_of(self.shelf) if self.shelf is not None and self.shelf.rows else None

    def copied(self) -> str:
        """The same as text; why there is nothing, if so."""
        from workbench.tui.checkpoints.numbers import lines_of

        if self.shelf is None:
            return ""
        return lines_of(self.shelf) if self.shelf.rows else self.shelf.nothing

    def on_click(self, event: Click) -> None:
        """Choose; a double click moves the cursor there."""
        rows = self.shelf.rows if self.shelf is not None else ()
        seen = places(self.content_size.width, self.content_size.height, len(rows)).rows
        place = self._first + event.y - 1
        if 1 <= event.y <= seen and place < len(rows):
            self._choose(rows[place].epoch)
            if event.chain > 1:
                self.action_go()

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        """Choose with the wheel."""
        event.stop()
        self.action_choose(1)

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        """Choose with the wheel."""
        event.stop()
        self.action_choose(-1)

    def paint(self, sheet: Cells) -> None:
        """All that was read."""
        if self.shelf is None:
            paint_nothing(sheet, "reading …")
        elif not self.shelf.rows or self.chosen is None:
            paint_nothing(sheet, self.shelf.nothing)
        else:
            self._first = paint_shelf(sheet, self.shelf, self.chosen, self._epoch, self._first)

    def _choose(self, epoch: int) -> None:
        self.chosen, self._asked_for = epoch, True
        self.repaint()

    def _look(self) -> None:
        if self._view is not None and self.display and self.screen.is_current:
            self._due = True
            self._background.wake()

    def _step(self) -> bool | None:
        """In a thread: read the folders once."""
        from workbench.tui.checkpoints.shelf import Shelves

        view = self._view
        if not self._due or view is None:
            return None
        self._due = False
        if self._shelves is None:
            self._shelves = Shelves(self._run_context.path)
        shelf = self._shelves.look(view)
        if shelf != self.shelf:
            self.shelf = shelf
        return True

    def _take(self) -> None:
        """Show what was read; at first the one to keep is chosen."""
        if self.shelf is None or self.shelf is self._taken:
            return
        self._taken, rows = self.shelf, self.shelf.rows
        if rows and self.chosen not in {row.epoch for row in rows}:
            self.chosen = next((row.epoch for row in rows if row.recommended), rows[-1].epoch)
            self._asked_for = False
        self.repaint()

    def _kept_row(self) -> "Row | None":
        """The one that is chosen if its file is there; else it is said that it is not."""
        rows = self.shelf.rows if self.shelf is not None else ()
        row = next((row for row in rows if row.epoch == self.chosen), None)
        if row is not None and row.size is not None:
            return row
        words = "There is no checkpoint." if row is None else f"The checkpoint of epoch {row.epoch} is not kept."
        self.notify(words, severity="warning", markup=False)
        return None

    def _ask(self, make: "Callable[[View, int], Form]") -> None:
        row, view = self._kept_row(), self._view
        if row is None or view is None or self.shelf is None:
            return
        if self.shelf.run_dir is None:
            words = "These checkpoints were made elsewhere: use workbench evaluate FILE --model … in a shell."
            self.notify(words, severity="warning", markup=False)
            return
        from workbench.tui.launching.asking import ask

        screen, jobs = self.screen, self._run_context.jobs
        screen.run_worker(ask(screen, jobs, lambda: make(view, row.epoch)), group="launch", exclusive=True)

    def _evaluation_form(self, view: "View", epoch: int) -> "Form":
        """In a thread."""
        from workbench.tui.forms.evaluation import evaluation_form

        assert self.shelf is not None
        assert self.shelf.run_dir is not None
        kept = sorted(self.shelf.kept, key=lambda row: (row.epoch != epoch, -row.epoch))
        return evaluation_form(self.shelf.run_dir, [Kept(epoch=row.epoch, roles=row.roles) for row in kept])

    def _generate_form(self, view: "View", epoch: int) -> "Form":
        """In a thread."""
        from workbench.tui.launching.launch import generate_form

        return generate_form(
            self._run_context.path, view, self._epoch, chosen=epoch, promised=self._run_context.jobs.promised
        )
