"""The images of the selected sample: shown where they are, made where they are wanted, else what makes them is said."""

from typing import TYPE_CHECKING

from workbench.tui.context import RunContext
from workbench.tui.facts.background import Background
from workbench.tui.graphics.terminal import graphics_of
from workbench.tui.look.theming import pictures_in_colour
from workbench.tui.samples.making import Making
from workbench.tui.widgets.picture import Picture

if TYPE_CHECKING:
    from workbench.tui.facts.source import View
    from workbench.tui.samples.ranking import Ranking
    from workbench.tui.samples.shelf import Found, Shelf

AROUND = 8
"""Samples on either side of the selected one that are made with it, so that browsing is quick."""


class SampleImages(Picture):
    """Natural, adversarial and difference in half cells.

    Attributes:
        wanted: whether images that are not there are to be made.
    """

    def __init__(self, context: RunContext) -> None:
        super().__init__("sample-images")
        self.wanted = False
        self._run_context = context
        self._view: View | None = None
        self._epoch = self._place = 0
        self._ranking: Ranking | None = None
        self._shelf: Shelf | None = None
        self._looking = Background(self, self._look, self._draw)
        self._making = Making(context, self._hear)

    @property
    def idle(self) -> bool:
        """Whether nothing is looked for and nothing is made."""
        return self._looking.idle and not self._making.busy

    def show_sample(self, view: "View", epoch: int, ranking: "Ranking", place: int) -> None:
        """Show the sample at a place of a list, by the checkpoint nearest to an epoch."""
        self._view, self._epoch, self._ranking, self._place = view, epoch, ranking, place
        self._ask()

    def retry(self) -> bool:
        """Try again what could not be made; whether there was anything."""
        return self._making.retry()

    def on_resize(self) -> None:
        """Draw in another size."""
        self._ask()

    def on_unmount(self) -> None:
        """Hear no more of jobs."""
        self._making.close()

    def _ask(self) -> None:
        view, ranking = self._view, self._ranking
        width, height = self.content_size
        if view is None or ranking is None or not len(ranking.rows) or width < 4 or not self.display:
            return
        from workbench.tui.samples.shelf import Shelf, Wanted

        self._shelf = self._shelf or Shelf()
        self._shelf.wanted = Wanted(
            path=self._run_context.path,
            split=view.split,
            attack=view.attack,
            epoch=self._epoch,
            sample=int(ranking.keys.index[ranking.rows[self._place]]),
            class_names=view.meta.class_names,
            width=width,
            height=height,
            colour=pictures_in_colour(self.app),
            graphics=graphics_of(self.app),
            looks=self._making.ended,
        )
        self._looking.wake()

    def _look(self) -> bool | None:
        return None if self._shelf is None else self._shelf.step()

    def _hear(self) -> None:
        """A job has more to say, or has ended."""
        if self.is_mounted:
            self._ask()
            self._draw()

    def _draw(self) -> None:
        """What was found; where there is nothing yet, have it made, or say how."""
        found = None if self._shelf is None else self._shelf.found
        if found is None or self._shelf is None or found.wanted != self._shelf.wanted or not self.is_mounted:
            return
        if not found.strips and self.wanted:
            self._making.make(found, self._neighbours(found))
        self.show(found.strips or self._making.strips(found, wanted=self.wanted), found.drawings)

    def _neighbours(self, found: "Found") -> list[int]:
        """The selected sample and those around it in the list, by stable index, that have no images yet."""
        assert self._ranking is not None
        rows = self._ranking.rows[max(0, self._place - AROUND) : self._place + AROUND + 1]
        indices, selected = self._ranking.keys.index[rows].tolist(), found.wanted.sample
        return [selected, *(index for index in indices if index != selected and index not in found.kept)]
