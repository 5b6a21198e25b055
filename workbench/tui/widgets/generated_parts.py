"""The parts of the pane of generated images: images, energies, and a few lines about the folder."""

from textual.events import Click
from textual.message import Message

from workbench.tui.generated.reading import Shown
from workbench.tui.look import palette
from workbench.tui.look.palette import style
from workbench.tui.widgets.cells import Cells, Painted
from workbench.tui.widgets.picture import Picture
from workbench.tui.widgets.trajectories import chain_words, draw_trajectories


class PictureChosen(Message):
    """The user pointed at the images: a cell of theirs."""

    def __init__(self, x: int, y: int) -> None:
        super().__init__()
        self.x, self.y = x, y


class Images(Picture):
    """The images that are seen."""

    def on_click(self, event: Click) -> None:
        """Choose one."""
        self.post_message(PictureChosen(event.x, event.y + self.scroll_offset.y))


class Summary(Painted):
    """A few lines about the chosen folder."""

    def __init__(self) -> None:
        super().__init__(id="generated-summary")
        self._lines: list[tuple[str, str]] = []

    def show(self, lines: list[tuple[str, str]]) -> None:
        """Show other lines: text and colour."""
        self._lines = lines
        self.repaint()

    def paint(self, sheet: Cells) -> None:
        """One below the other, each cut."""
        for y, (text, colour) in enumerate(self._lines):
            sheet.write(1, y, text, style(colour))


class Energies(Painted):
    """Energies of the chains whose images are seen."""

    def __init__(self) -> None:
        super().__init__(id="generated-energies")
        self._shown = Shown()

    def show(self, shown: Shown) -> None:
        """Show others."""
        self._shown = shown
        self.repaint()

    def paint(self, sheet: Cells) -> None:
        """The plot, and below it the chosen chain in a line."""
        chains = self._shown.chains
        if chains is None:
            return
        draw_trajectories(sheet, chains, self._shown.place, sheet.height - 1)
        sheet.write(1, sheet.height - 1, chain_words(chains, self._shown.place, sheet.width - 2), style(palette.CLEAN))
