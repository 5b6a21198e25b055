"""What happened in a run, and where it comes from: pages of text."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from trainers.errors import WorkbenchError
from workbench.tui.context import RunContext
from workbench.tui.facts.background import Background
from workbench.tui.look import palette
from workbench.tui.look.text import plain
from workbench.tui.widgets.facts import events
from workbench.tui.widgets.page import Entry, Page

if TYPE_CHECKING:
    from workbench.tui.facts.provenance import LogFacts
    from workbench.tui.facts.source import View

LABEL = 18


class Record(Page):
    """A page about the run as a whole; what must be looked up on the disk is, in a thread, once per reading."""

    def __init__(self, name: str, before: "Callable[[View], list[Entry]]") -> None:
        """A page.

        Args:
            name: of the widget.
            before: what stands above the provenance.
        """
        super().__init__(name, label_width=LABEL)
        self._before = before
        self._view: View | None = None
        self._looked_at: View | None = None
        self._log: LogFacts | None = None
        self._problem: str | None = None
        self._background = Background(self, self._step, self._fill)

    @property
    def ready(self) -> bool:
        """Whether everything is looked up."""
        return self._view is not None and self._background.idle

    def show(self, view: "View", epoch: int) -> None:
        """Show a view; it says the same for all epochs."""
        if view is not self._view:
            self._view = view
            self._background.wake()
            self._fill()

    def _fill(self) -> None:
        """Show what is known: at first only what stands above, for what tells the rest is loaded in the thread."""
        if self._view is None:
            return
        if self._looked_at is None:
            self.fill(self._before(self._view))
            return
        from workbench.tui.facts.provenance import provenance

        problem = [] if self._problem is None else [Entry(text=plain(self._problem), colour=palette.WARNING)]
        self.fill([*self._before(self._view), *provenance(self._view, self._log), *problem])

    def _step(self) -> bool | None:
        """In a thread: look at the log's files once per reading."""
        from workbench.tui.facts.provenance import log_facts

        view = self._view
        if view is None or view is self._looked_at:
            return None
        try:
            self._log, self._problem = log_facts(view), None
        except (WorkbenchError, OSError) as error:
            self._problem = str(error)
        self._looked_at = view
        return True


def record(context: RunContext) -> Record:
    """Everything, one below the other."""
    return Record("record", before=events)


def provenance(context: RunContext) -> Record:
    """What stands beside the events where both fit."""
    return Record("provenance", before=lambda view: [])
