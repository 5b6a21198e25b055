"""What commands make, and how it is told: the two things that a ``JobScreen`` can show. Needs no numpy to be imported.

``look`` and ``conclude`` read files, so they are called in threads, one at a time.
"""

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from textual.strip import Strip

from trainers.errors import WorkbenchError
from workbench.tui.jobs.process import Ended
from workbench.tui.launching.commands import SampleRequest, can_go_on
from workbench.tui.look.text import plain

if TYPE_CHECKING:
    from workbench.tui.facts.components import ClassWisePCA
    from workbench.tui.facts.gallery import Gallery
    from workbench.tui.generated.live import LiveEnergies

GRID_NAME = "grid.png"

LINES_SAID = 60
"""Lines of output that are shown of a command that makes nothing else that is shown."""

MOST_LINES = 2_000
"""Lines of a command's own words that are shown."""


class Result(Protocol):
    """What a command makes.

    Attributes:
        title: of the dialogue.
        what: what is being made, in a line.
        doing: what is said before the command says anything.
    """

    title: str
    what: str
    doing: str

    def look(self, width: int, height: int, *, colour: bool, done: bool, anew: bool) -> list[Strip] | None:
        """What there is to show now; None if that is as before. ``anew`` if it must be drawn in any case."""
        ...

    def conclude(self, ended: Ended) -> list[str]:
        """What came of it, in sentences."""
        ...


class Samples:
    """Images that end one after the other.

    Attributes:
        job_title: as ``JobRequest.title``.
    """

    title = "Generate images"
    doing = "starting: libraries, model and class energies are loaded"

    def __init__(self, request: SampleRequest, names: Sequence[str]) -> None:
        """What was asked for, and the names of the request's classes."""
        self._request, self._names = request, tuple(names)
        self._shows: tuple[Gallery, LiveEnergies] | None = None
        classes = f"class {plain(names[0], 24)}" if len(names) == 1 else f"{len(names)} classes"
        images = "1 image" if request.num == 1 else f"{request.num} images"
        steps = "" if request.steps is None else f" · at most {request.steps} steps"
        self.what = f"{images} · {classes} · checkpoint of epoch {request.epoch}{steps}"
        self.job_title = f"epoch {request.epoch} · generate {images} · {classes}{steps}"

    def look(self, width: int, height: int, *, colour: bool, done: bool, anew: bool) -> list[Strip] | None:
        """The images so far, while they come those that fit; beside them the energies of chains that have ended."""
        gallery, energies = self._open()
        news = [gallery.look(), energies.look()]
        if not (any(news) or anew):
            return None
        room = width - energies.width(width, height)
        images = gallery.strips(room - (room < width), height, colour=colour, scrolls=done)
        return energies.beside(images, width, height)

    def conclude(self, ended: Ended) -> list[str]:
        """The command's own summary; after a stop, or an error, what is kept and how to go on."""
        request, (gallery, _) = self._request, self._open()
        gallery.look()
        latest = [f"Shown are the latest {gallery.shown}."] if gallery.ended > gallery.shown else []
        if ended.good:
            said = [line.rstrip() for line in ended.output.splitlines() if line.strip()]
            grid = [f"As one picture: {request.out / GRID_NAME}"] if (request.out / GRID_NAME).exists() else []
            return [*said[:1], *latest, *grid, *said[1:]]
        kept = f"{gallery.ended} of {request.num} images are kept in {request.out}."
        nothing = ["There is no image yet."] if ended.stopped else []
        sentences = [kept, *latest] if gallery.ended else nothing
        if can_go_on(request.out):
            sentences.append(f"Go on with:  workbench sample --resume {shlex.quote(str(request.out))}")
        return sentences

    def _open(self) -> "tuple[Gallery, LiveEnergies]":
        if self._shows is None:
            from workbench.tui.facts.gallery import Gallery
            from workbench.tui.generated.live import LiveEnergies

            gallery = Gallery(self._request.out, self._request.num, self._names)
            self._shows = gallery, LiveEnergies(self._request.out)
        return self._shows


class Components:
    """A class-wise PCA.

    Attributes:
        starts: the line at which each class begins, as it was last shown.
    """

    title = "Class-wise PCA"
    doing = "reading the PCA, or fitting it to the training images"

    def __init__(self, run: str) -> None:
        """Which run's."""
        self.what = f"training images of {plain(run)}"
        self._pca: ClassWisePCA | None = None
        self.starts: tuple[int, ...] = ()

    def look(self, width: int, height: int, *, colour: bool, done: bool, anew: bool) -> list[Strip] | None:
        """All of it, once it is there."""
        if self._pca is None or not anew:
            return None
        from workbench.tui.facts.components import class_starts, pca_strips

        strips = pca_strips(self._pca, width, colour=colour)
        self.starts = class_starts(self._pca, width, colour=colour)
        return strips

    def proposal(self, place: int | None) -> dict[str, str]:
        """What to propose for sampling from this PCA, of the class at a place; of none, all of them."""
        if self._pca is None:
            return {}
        from workbench.tui.facts.components import sampling_proposal

        return sampling_proposal(self._pca, place)

    def conclude(self, ended: Ended) -> list[str]:
        """Read what the command has made.

        Raises:
            WorkbenchError: it cannot be read.
        """
        if not ended.good:
            return []
        from workbench.tui.facts.components import read_pca

        self._pca = read_pca(ended.output)
        return []


class Words:
    """What a command says at its end."""

    doing = "starting: libraries, networks and images are loaded"

    def __init__(self, title: str, what: str) -> None:
        """What is being made."""
        self.title, self.what = title, what
        self._said: list[str] = []

    def look(self, width: int, height: int, *, colour: bool, done: bool, anew: bool) -> list[Strip] | None:
        """What it said, line by line."""
        if not anew:
            return None
        from workbench.tui.look.strips import line

        return [line(said, width) for said in self._said]

    def conclude(self, ended: Ended) -> list[str]:
        """Take what it said."""
        self._said = ended.output.splitlines()[:MOST_LINES]
        return []


def conclusion(result: Result | None, ended: Ended, arguments: Sequence[str]) -> tuple[str, list[str]]:
    """How a command ended and what came of it.

    Returns:
        "finished", "stopped" or "failed", and sentences.
    """
    try:
        sentences = _words(ended) if result is None else result.conclude(ended)
    except WorkbenchError as error:
        return "failed", [str(error)]
    if ended.good:
        return "finished", sentences
    if ended.stopped:
        return "stopped", sentences
    return "failed", [ended.complaint, *sentences, f"The command was:  workbench {shlex.join(arguments)}"]


def _words(ended: Ended) -> list[str]:
    """What a command said, its last lines."""
    return [line.rstrip() for line in ended.output.splitlines() if line.strip()][-LINES_SAID:]
