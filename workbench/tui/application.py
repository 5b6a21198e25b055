"""The Textual application over one run. Import it late: Textual takes a tenth of a second to load."""

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import ClassVar

from textual.app import App, SystemCommand
from textual.screen import Screen
from textual.theme import Theme

from workbench.tui import palette
from workbench.tui.glance import Glance, read_glance
from workbench.tui.keys import KEYS
from workbench.tui.screens.run import RunScreen

WORKBENCH = (sys.executable, "-m", "workbench")
"""How the command line is started for what needs torch or scikit-learn."""

THEME = Theme(
    name="workbench",
    primary=palette.ACCENT,
    secondary=palette.MUTED,
    warning=palette.WARNING,
    error=palette.CATASTROPHIC,
    success=palette.GOOD,
    accent=palette.ACCENT,
    foreground=palette.TEXT,
    background=palette.BACKGROUND,
    surface=palette.SURFACE,
    panel=palette.SURFACE,
    dark=True,
)


class WorkbenchApp(App[None], inherit_bindings=False):
    """Looks at one run; follows it while it trains. Its keys are those of the key table, no others."""

    TITLE = "workbench"
    CSS_PATH: ClassVar = "app.tcss"
    ENABLE_COMMAND_PALETTE = False  # Textual would bind a key to it; the run screen opens it

    def __init__(
        self,
        path: Path,
        *,
        glance: Glance | None = None,
        clock: Callable[[], float] = time.time,
        command: Sequence[str] = WORKBENCH,
    ) -> None:
        """Open a run and read what it has.

        Args:
            path: a run directory or its log file.
            glance: the first frame's data if they were read already.
            clock: seconds since 1970-01-01 UTC.
            command: how the command line is started.

        Raises:
            WorkbenchError: there is no readable energy log at ``path``.
        """
        super().__init__()
        self.register_theme(THEME)
        self.theme = THEME.name
        self._path, self._clock, self._command = Path(path), clock, command
        self.glance = read_glance(self._path, clock) if glance is None else glance

    def get_default_screen(self) -> Screen[None]:
        """The run."""
        return RunScreen(self._path, self.glance, self._clock, self._command)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The key table's actions, for the command palette."""
        for key in KEYS:
            if key.action != "palette":
                yield SystemCommand(key.help, f"key {key.caps}", lambda action=key.action: screen.run_action(action))
