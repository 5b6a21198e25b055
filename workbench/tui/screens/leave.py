"""What is to become of the jobs when the app is left."""

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from workbench.tui.jobs.progress import share
from workbench.tui.jobs.queue import JobQueue
from workbench.tui.jobs.rows import JOB_LOOKS
from workbench.tui.jobs.task import Task
from workbench.tui.keys.jobs import LEAVE_KEYS
from workbench.tui.keys.table import bindings, cap_of
from workbench.tui.look.text import plain
from workbench.tui.widgets.tabs import Footer

CHOICES = {
    "stop": "stop them and quit; they keep what they have made",
    "leave": "leave them running and quit; the next app finds them",
    "stay": "stay",
}
"""What the keys do, by their names in the table."""

MOST = 8
"""Jobs that are named."""


class LeaveScreen(ModalScreen[None]):
    """Asks, stops the jobs if that is wanted, and leaves the app."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(LEAVE_KEYS)
    CSS_PATH: ClassVar = "../jobs.tcss"
    AUTO_FOCUS = None

    def __init__(self, jobs: JobQueue, patience: float, leave: Callable[[], None]) -> None:
        """A question about the jobs of a queue.

        Args:
            jobs: those of the app.
            patience: seconds that a job has to stop before it is ended.
            leave: leaves the app.
        """
        super().__init__()
        self._jobs, self._patience, self._leave = jobs, patience, leave
        self._stopping = False

    def compose(self) -> ComposeResult:
        """What runs, and what can be done."""
        with Vertical(classes="question") as frame:
            frame.border_title = "Jobs are running"
            yield Static(markup=False, id="leave-jobs")
            yield Static(
                "\n".join(f"{cap_of(LEAVE_KEYS, name):4} {words}" for name, words in CHOICES.items()),
                markup=False,
                classes="choices",
            )
        yield Footer(LEAVE_KEYS)

    def on_mount(self) -> None:
        """Follow them."""
        self._show()
        self.set_interval(0.5, self._show)

    def action_stop(self) -> None:
        """Stop them, and leave when they have; end them, if they were asked before."""
        if self._stopping:
            for task in self._jobs.ours:
                task.kill()
            return
        self._stopping = True
        self._show()
        self.run_worker(self._stop(), group="leave")

    def action_leave(self) -> None:
        """Leave them running; none that waits will start."""
        if not self._stopping:
            self._jobs.let_go()
            self._leave()

    def action_stay(self) -> None:
        """Back to the app."""
        if not self._stopping:
            self.dismiss()

    async def _stop(self) -> None:
        await self._jobs.close(self._patience)
        self._leave()

    def _show(self) -> None:
        tasks = self._jobs.ours
        lines = [_line(task) for task in tasks[:MOST]]
        if len(tasks) > MOST:
            lines.append(f"and {len(tasks) - MOST} more")
        if any(task.state == "queued" for task in tasks):
            lines.append("Those that are queued do not start once the app is left.")
        if self._stopping:
            lines.append(f"Stopping; {cap_of(LEAVE_KEYS, 'stop')} once more ends them at once.")
        elif not tasks:
            lines.append("All of them have ended.")
        self.query_one("#leave-jobs", Static).update("\n".join(lines))


def _line(task: Task) -> str:
    symbol, word, _ = JOB_LOOKS[task.state]
    progress = f" · {share(task.progress)}" if task.progress is not None else ""
    return f"{symbol} {word}{progress} · {plain(task.request.full_title, 200)}"
