"""The Textual application over a run, or over many. Import it late: Textual takes a tenth of a second to load."""

import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol, runtime_checkable

from rich.console import RenderableType
from textual.app import App, SystemCommand
from textual.await_complete import AwaitComplete
from textual.binding import BindingType
from textual.screen import Screen

from trainers.errors import WorkbenchError
from workbench.tui.context import RunContext
from workbench.tui.facts.glance import Glance, is_list, read_glance
from workbench.tui.graphics.terminal import Language, language_of
from workbench.tui.jobs.queue import JobQueue
from workbench.tui.keys.everywhere import EVERYWHERE_KEYS
from workbench.tui.keys.table import KeyTable, bindings, caps, keys_in_use, use_keys
from workbench.tui.look.text import plain
from workbench.tui.look.themes import Palette
from workbench.tui.look.theming import choose_theme, dress, next_theme, recolour
from workbench.tui.memory import Memory, Remembered, state_path
from workbench.tui.screens.run import RunScreen
from workbench.tui.settings import Settings, read_settings, settings_path

if TYPE_CHECKING:
    from workbench.tui.jobs.task import Task

WORKBENCH = (sys.executable, "-m", "workbench")
"""How the command line is started for what needs torch or scikit-learn."""

PATIENCE_SECONDS = 15.0
"""How long the app, when it is left, waits for a command that was asked to stop before it ends it."""

REMEMBER_SECONDS = 2.0
"""Pause between looks at what the user changed; what changed is written."""

STYLES = ("app.tcss",)
WORKSPACE_STYLE = "workspace.tcss"


@runtime_checkable
class HasTables(Protocol):
    """A screen whose keys the command palette offers."""

    def tables(self) -> Sequence[KeyTable]:
        """The keys that do something now."""
        ...


class WorkbenchApp(App[None], inherit_bindings=False):
    """Looks at runs; follows them while they train. Its keys are those of the key tables, no others.

    Attributes:
        jobs: what runs beside it.
        memory: what it remembers from one start to the next.
        image_language: what the terminal is told in to draw images itself; None for half cells.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings(EVERYWHERE_KEYS)
    TITLE = "workbench"
    ENABLE_COMMAND_PALETTE = False  # Textual would bind a key to it; the run screen opens it

    def __init__(
        self,
        *paths: Path,
        glance: Glance | None = None,
        clock: Callable[[], float] = time.time,
        command: Sequence[str] = WORKBENCH,
        detach: bool = False,
        theme: Palette | None = None,
    ) -> None:
        """Open a run and read what it has, or a list of runs.

        Args:
            paths: one run directory or log file for the run; several, or a directory with runs below it, for a list.
            glance: the first frame's data if they were read already.
            clock: seconds since 1970-01-01 UTC.
            command: how the command line is started.
            detach: leave jobs running, without asking, when the app is left or its terminal is lost.
            theme: its colours; None for what the settings say, the last one, or what the terminal can show.

        Raises:
            WorkbenchError: there is no readable energy log at the only path.
        """
        many = glance is None and is_list(paths)
        sheets = (*STYLES, WORKSPACE_STYLE) if many else STYLES
        super().__init__(css_path=[Path(__file__).parent / sheet for sheet in sheets])
        self.memory, self._settings, self._complaint = Memory(state_path(), clock), Settings(), ""
        try:
            self._settings = read_settings(settings_path())
        except WorkbenchError as error:
            self._complaint = str(error)
        use_keys(self._settings.keymap)
        self.image_language = self._image_language()
        last = self.memory.recall("app", "theme").get("name")
        dress(self, theme or choose_theme(self._settings, last, self.console.color_system))
        self._paths, self._clock, self._command = tuple(Path(path) for path in paths), clock, command
        self.jobs = JobQueue(command, clock, detach=detach)
        self.jobs.watch(self._tell_of_job)
        self._told: set[tuple[int, str, str]] = set()
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

    def on_load(self) -> None:
        """Take the user's keys, before any is pressed."""
        if self._settings.keymap:
            self.set_keymap(dict(self._settings.keymap))

    def on_mount(self) -> None:
        """Say what is wrong with the settings; begin to remember."""
        if self._complaint:
            self.notify(plain(self._complaint, 300), title="Settings", severity="warning", timeout=15, markup=False)
        self.set_interval(REMEMBER_SECONDS, self._save_soon)

    async def on_unmount(self) -> None:
        """However the app is left, no job outlives it, unless they are to."""
        await self.jobs.close(PATIENCE_SECONDS)

    def exit(self, result: None = None, return_code: int = 0, message: RenderableType | None = None) -> None:
        """Leave the app, from whatever screen; a user who does so while it runs jobs is asked about them first."""
        unasked = self.jobs.detach and not self.jobs.any_waits
        if result is not None or return_code or unasked or not self.jobs.ours:
            self._remember()
            self.memory.save()
            super().exit(result, return_code, message)
            return
        from workbench.tui.screens.leave import LeaveScreen

        if not isinstance(self.screen, LeaveScreen):
            self.push_screen(LeaveScreen(self.jobs, PATIENCE_SECONDS, self.exit))

    def _image_language(self) -> Language | None:
        """As the settings say, where that can be had."""
        try:
            return language_of(self._settings.images, os.environ)
        except WorkbenchError as error:
            self._complaint = str(error)
            return None

    def _tell_of_job(self, task: "Task") -> None:
        """A job has begun: see to it that it ends with the app. One has ended where nobody looks: say so."""
        news = task.number, task.state, task.warning
        if news in self._told:
            return
        from workbench.tui.launching.telling import guard, tell

        self._told.add(news)
        if task.state == "running":
            guard(self.jobs)
        tell(self, task)

    def pop_screen(self) -> AwaitComplete:
        """Remember a screen when it is left."""
        self._remember()
        return super().pop_screen()

    def action_palette(self) -> None:
        """Find a command by name."""
        from textual.command import CommandPalette

        self.push_screen(CommandPalette())

    def action_jump(self) -> None:
        """Go to something on the screen by a letter."""
        from workbench.tui.screens.jump import jump

        jump(self)

    def action_copy(self) -> None:
        """Copy what is open."""
        from workbench.tui.acts.copying import copy_view

        copy_view(self)

    def action_picture(self) -> None:
        """Save what is seen."""
        from workbench.tui.acts.copying import save_picture

        self.run_worker(save_picture(self), group="picture")

    def action_export(self) -> None:
        """Write what is open to a file."""
        from workbench.tui.screens.export import export_view

        self.run_worker(export_view(self, self._command), group="export")

    def action_theme(self) -> None:
        """Take the next theme."""
        theme = next_theme(self._settings.themes, self.console.color_system)
        dress(self, theme)
        recolour(self)
        self.memory.note("app", "theme", {"name": theme.name})
        self.notify(f"Theme: {theme.name}", timeout=2, markup=False)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The actions of the keys that do something on a screen, for the command palette."""
        for table in (*screen.tables(), EVERYWHERE_KEYS) if isinstance(screen, HasTables) else ():
            for key in table.rows:
                if key.action != "palette":
                    action = f"{table.target}.{key.action}"
                    words = f"key {caps(table, key, keys_in_use())}"
                    yield SystemCommand(key.help, words, lambda action=action: screen.run_action(action))

    def _remember(self) -> None:
        for screen in self.screen_stack:
            if isinstance(screen, Remembered):
                entry = screen.keep()
                if entry:
                    self.memory.note(*screen.memory_key, entry)

    def _save_soon(self) -> None:
        self._remember()
        if self.memory.is_changed:
            self.run_worker(self.memory.save, thread=True, group="memory")
