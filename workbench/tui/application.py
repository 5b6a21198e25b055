"""The Textual application over a run, or over many. Import it late: Textual takes a tenth of a second to load."""

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from textual.app import App, SystemCommand
from textual.screen import Screen
from textual.theme import Theme

from workbench.tui import palette
from workbench.tui.context import RunContext
from workbench.tui.glance import Glance, is_list, read_glance
from workbench.tui.jobs.queue import JobQueue
from workbench.tui.screens.run import RunScreen
from workbench.tui.themes import DARK, Palette

WORKBENCH = (sys.executable, "-m", "workbench")
"""How the command line is started for what needs torch or scikit-learn."""

PATIENCE_SECONDS = 15.0
"""How long the app, when it is left, waits for a command that was asked to stop before it ends it."""

STYLES = ("app.tcss",)
WORKSPACE_STYLE = "workspace.tcss"


def textual_theme(theme: Palette) -> Theme:
    """A theme of ours for Textual's own widgets and the style sheets; ``$frame`` is the colour of lines."""
    colours = theme.colours
    return Theme(
        name=f"workbench-{theme.name}",
        primary=colours[palette.ACCENT],
        secondary=colours[palette.MUTED],
        warning=colours[palette.WARNING],
        error=colours[palette.CATASTROPHIC],
        success=colours[palette.GOOD],
        accent=colours[palette.ACCENT],
        foreground=colours[palette.TEXT],
        background=colours[palette.BACKGROUND],
        surface=colours[palette.SURFACE],
        panel=colours[palette.SURFACE],
        dark=theme.dark,
        variables={"frame": colours[palette.FRAME]},
    )


class WorkbenchApp(App[None], inherit_bindings=False):
    """Looks at runs; follows them while they train. Its keys are those of the key tables, no others.

    Attributes:
        jobs: what runs beside it.
    """

    TITLE = "workbench"
    ENABLE_COMMAND_PALETTE = False  # Textual would bind a key to it; the run screen opens it

    def __init__(
        self,
        *paths: Path,
        glance: Glance | None = None,
        clock: Callable[[], float] = time.time,
        command: Sequence[str] = WORKBENCH,
        detach: bool = False,
        theme: Palette = DARK,
    ) -> None:
        """Open a run and read what it has, or a list of runs.

        Args:
            paths: one run directory or log file for the run; several, or a directory with runs below it, for a list.
            glance: the first frame's data if they were read already.
            clock: seconds since 1970-01-01 UTC.
            command: how the command line is started.
            detach: leave jobs running, without asking, when the app is left or its terminal is lost.
            theme: its colours.

        Raises:
            WorkbenchError: there is no readable energy log at the only path.
        """
        many = glance is None and is_list(paths)
        sheets = (*STYLES, WORKSPACE_STYLE) if many else STYLES
        super().__init__(css_path=[Path(__file__).parent / sheet for sheet in sheets])
        palette.use(theme)
        self.register_theme(textual_theme(theme))
        self.theme = textual_theme(theme).name
        self._paths, self._clock, self._command = tuple(Path(path) for path in paths), clock, command
        self.jobs = JobQueue(command, clock, detach=detach)
        self.glance = glance
        if glance is None and not many:
            self.glance = read_glance(self._paths[0], clock)

    def get_default_screen(self) -> Screen[None]:
        """The run, or the list."""
        if self.glance is not None:
            context = RunContext(path=self._paths[0], clock=self._clock, command=self._command, jobs=self.jobs)
            return RunScreen(self.glance, context)
        from workbench.tui.screens.workspace import WorkspaceScreen

        return WorkspaceScreen(self._paths, self._clock, self._command, self.jobs)

    async def on_unmount(self) -> None:
        """However the app is left, no job outlives it."""
        await self.jobs.close(PATIENCE_SECONDS)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The actions of the keys that do something on a screen, for the command palette."""
        for table in screen.tables() if isinstance(screen, RunScreen) else ():
            for key in table.rows:
                if key.action != "palette":
                    action = f"{table.target}.{key.action}"
                    yield SystemCommand(key.help, f"key {key.caps}", lambda action=action: screen.run_action(action))
