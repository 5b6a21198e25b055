"""Energies of chains while others still run: the latest that have ended. Call it in a thread."""

from itertools import zip_longest
from pathlib import Path

from textual.strip import Strip

from trainers.errors import WorkbenchError
from workbench.sampling.files import files_of
from workbench.tui.generated.chains import MOST_LINES, Chains, find_chains, read_chains
from workbench.tui.widgets.cells import Cells
from workbench.tui.widgets.trajectories import draw_trajectories

LEAST_WIDTH, LEAST_HEIGHT = 70, 8
"""Room below which there are images alone."""

SHARE = 0.42
"""Of the width, for the energies."""


class LiveEnergies:
    """Reads the chains of a folder again whenever there are more files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: list[Path] = []
        self._chains: Chains | None = None

    def look(self) -> bool:
        """Read what has ended since; whether there was anything."""
        try:
            files = files_of(self._folder)
            if files == self._files:
                return False
            places = find_chains(self._folder)
            chains = read_chains(places, max(0, len(places.row) - MOST_LINES), MOST_LINES)
        except (WorkbenchError, OSError):  # what was there may just have been merged
            return False
        self._files, self._chains = files, chains
        return True

    def width(self, width: int, height: int) -> int:
        """Cells of ``width`` that the energies take; 0 where there are none, or no room."""
        return int(SHARE * width) if self._chains is not None and width >= LEAST_WIDTH and height >= LEAST_HEIGHT else 0

    def beside(self, images: list[Strip], width: int, height: int) -> list[Strip]:
        """The images with the energies to their right."""
        across = self.width(width, height)
        if self._chains is None or not across:
            return images
        sheet = Cells(across, height)
        draw_trajectories(sheet, self._chains, None, height)
        empty, rest = Strip.blank(0), width - across
        pairs = zip_longest(images, sheet.strips(), fillvalue=empty)
        return [Strip.join([left.adjust_cell_length(rest), right]) for left, right in pairs]
