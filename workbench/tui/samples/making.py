"""Having images made by ``workbench images``, a few samples at a time. Knows no screen."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from textual.strip import Strip

from trainers.errors import WorkbenchError
from workbench.tui.context import RunContext
from workbench.tui.keys.samples import SAMPLE_KEYS
from workbench.tui.keys.table import cap_of
from workbench.tui.launching.commands import run_dir_of
from workbench.tui.look import palette
from workbench.tui.look.text import plain

if TYPE_CHECKING:
    from workbench.tui.jobs.task import Task
    from workbench.tui.samples.shelf import Found


class Making:
    """One job at a time; what could not be made is not tried again until it is asked for.

    Attributes:
        ended: counts the jobs that have ended.
    """

    def __init__(self, context: RunContext, changed: Callable[[], None]) -> None:
        """Nothing is made yet; ``changed`` is called on the event loop when there is news of a job."""
        self.ended = 0
        self._context, self._changed = context, changed
        self._task: Task | None = None
        self._unwatch: Callable[[], None] | None = None
        self._asked: tuple[object, ...] = ()
        self._problem: tuple[tuple[object, ...], str] | None = None

    @property
    def busy(self) -> bool:
        """Whether something is being made."""
        return self._task is not None

    def make(self, found: "Found", samples: Sequence[int]) -> None:
        """Have the images of some samples made, unless others are being made or these could not be."""
        wanted = found.wanted
        if self._task is not None or (self._problem is not None and self._problem[0] == _key(found)):
            return
        from workbench.tui.jobs.request import JobRequest

        try:
            run_dir = run_dir_of(wanted.path)
        except WorkbenchError as error:
            self._problem = _key(found), str(error)
            return
        what = (f"--sample={','.join(map(str, samples))}", f"--split={wanted.split}", f"--attack={wanted.attack}")
        request = JobRequest(
            kind="images",
            title=f"epoch {found.checkpoint} · images of {len(samples)} {wanted.split} samples",
            arguments=("images", *what, "--epoch", str(found.checkpoint), "--", str(run_dir)),
            run_dir=run_dir,
            quiet=True,
        )
        self._problem = None
        if self._unwatch is None:
            self._unwatch = self._context.jobs.watch(self._hear)
        self._asked = _key(found)
        self._task = self._context.jobs.submit(request, at_once=True)

    def retry(self) -> bool:
        """Whether there was something that could not be made, which may now be tried again."""
        failed, self._problem = self._problem is not None, None
        return failed

    def strips(self, found: "Found", *, wanted: bool) -> list[Strip]:
        """What is said in place of images."""
        from workbench.tui.look.strips import line
        from workbench.tui.widgets.page import wrap

        task, width = self._task, found.wanted.width
        colour, words = palette.MUTED, ""
        if self._problem is not None and self._problem[0] == _key(found):
            colour, words = palette.CATASTROPHIC, f"✗ {self._problem[1]}"
        elif task is not None:
            done = "" if task.progress is None else f" {task.progress.ended}/{task.progress.total}"
            words = f"attacking samples{done} with the checkpoint of epoch {found.checkpoint} …"
        elif not wanted:
            key = cap_of(SAMPLE_KEYS, "images")
            words = f"{key}: natural and adversarial image, by the checkpoint of epoch {found.checkpoint}"
        return [line(part, width, colour) for part in wrap(plain(words), max(8, width))]

    def close(self) -> None:
        """Hear no more; a job that runs goes on, for its images are kept."""
        if self._unwatch is not None:
            self._unwatch()
            self._unwatch = None

    def _hear(self, task: "Task") -> None:
        """A job has changed."""
        if task is not self._task:
            return
        if task.ended is not None:
            self._task, self.ended = None, self.ended + 1
            if not task.ended.good:
                self._problem = self._asked, "stopped" if task.ended.stopped else plain(task.ended.complaint)
        self._changed()


def _key(found: "Found") -> tuple[object, ...]:
    """What images were asked for: which sample, of which checkpoint."""
    wanted = found.wanted
    return wanted.split, wanted.sample, wanted.attack, found.checkpoint
