"""A job that an earlier app has started, as a request: what it makes is shown as far as its folder tells it."""

from pathlib import Path
from typing import TYPE_CHECKING

from textual.strip import Strip

from workbench.tui.checkpoints.result import Evaluated
from workbench.tui.jobs.process import Ended
from workbench.tui.jobs.record import Record
from workbench.tui.jobs.request import JobRequest
from workbench.tui.launching.results import Components, Result

if TYPE_CHECKING:
    from workbench.tui.facts.gallery import Gallery

ENDLESS = 10**9
"""For a gallery that is not told how many images there will be: the latest are shown."""


class Pictures:
    """Images of a folder of samples, of which only the folder is known."""

    title = "Generate images"
    doing = "no progress has been told yet"

    def __init__(self, record: Record, out: Path) -> None:
        """The images that a recorded job puts into a folder."""
        self.what = record.title
        self._out = out
        self._gallery: Gallery | None = None

    def look(self, width: int, height: int, *, colour: bool, done: bool, anew: bool) -> list[Strip] | None:
        """The latest images."""
        gallery = self._open()
        news = gallery.look()
        return gallery.strips(width, height, colour=colour, scrolls=done) if news or anew else None

    def conclude(self, ended: Ended) -> list[str]:
        """The command's own summary, or how much there is."""
        gallery = self._open()
        gallery.look()
        if ended.good:
            return [line.rstrip() for line in ended.output.splitlines() if line.strip()]
        return [f"{gallery.ended} images are kept in {self._out}."] if gallery.ended else []

    def _open(self) -> "Gallery":
        if self._gallery is None:
            from workbench.tui.facts.gallery import Gallery

            self._gallery = Gallery(self._out, ENDLESS, [""])
        return self._gallery


def request_of(record: Record, run_dir: Path) -> JobRequest:
    """What a recorded job was to do."""
    return JobRequest(
        kind=record.kind,
        title=record.title,
        arguments=record.arguments,
        run_dir=run_dir,
        result=_result(record, run_dir),
        out=record.out,
    )


def _result(record: Record, run_dir: Path) -> Result | None:
    if record.kind == "sample" and record.out is not None:
        return Pictures(record, record.out)
    if record.kind == "pca":
        return Components(run_dir.name or str(run_dir))
    if record.kind == "evaluate":
        return Evaluated(record.title.removesuffix(Evaluated.ending))
    return None
