"""Runs that all tests of the app share, and a clock that stands still."""

import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests.tui import idle
from tests.tui.looks import Look, SnapCompare
from tests.tui.runs import COLLAPSE, EPOCHS, NOW, write
from workbench.tui.application import WorkbenchApp
from workbench.tui.screens.run import RunScreen
from workbench.tui.widgets.curves import Curves
from workbench.tui.widgets.page import Page

os.environ["TEXTUAL_ANIMATIONS"] = "none"
os.environ["COLORTERM"] = "truecolor"  # pictures are shown in colours whatever terminal the tests run on
os.environ["TERM"] = "xterm-256color"  # and in half cells
os.environ.pop("TERM_PROGRAM", None)

Opened = Callable[..., AbstractAsyncContextManager[Pilot[None]]]
Pictured = Callable[..., None]


@pytest.fixture(scope="session", autouse=True)
def quick_pilot() -> Iterator[None]:
    """A pilot that does not sleep."""
    with pytest.MonkeyPatch.context() as patch:
        idle.install(patch)
        yield


@pytest.fixture(autouse=True)
def nobodys_settings(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings and state of nobody, other ones for each test; processes that a test starts have them too."""
    folder = tmp_path_factory.mktemp("user")
    monkeypatch.setenv("WORKBENCH_CONFIG", str(folder / "settings.toml"))
    monkeypatch.setenv("WORKBENCH_STATE", str(folder / "state.json"))


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the runs "healthy" and "collapsed" (with two checkpoints), as written at NOW."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time", lambda: NOW)
        write(folder / "healthy")
        write(folder / "collapsed", collapses=True)
    checkpoints = folder / "collapsed" / "checkpoints"
    checkpoints.mkdir()
    for epoch in (COLLAPSE - 1, EPOCHS - 1):
        (checkpoints / f"epoch-{epoch:06d}.safetensors").touch()
    return folder


async def settled(pilot: Pilot[None]) -> RunScreen:
    """Wait until the run is read and drawn, the curves too; the screen."""
    screen = pilot.app.screen
    assert isinstance(screen, RunScreen)
    while screen.view is None or not all(curves.ready for curves in screen.query(Curves)):
        await pilot.pause(0.01)
    for _ in range(3):
        await pilot.pause()
    return screen


@pytest.fixture
def opened() -> Opened:
    """Open the app on a run and wait until all of it is read."""

    @asynccontextmanager
    async def open_app(
        path: Path, size: tuple[int, int] = (100, 30), clock: Callable[[], float] = lambda: NOW
    ) -> AsyncIterator[Pilot[None]]:
        app = WorkbenchApp(path, clock=clock)
        async with app.run_test(size=size) as pilot:
            await settled(pilot)
            yield pilot

    return open_app


@pytest.fixture
def pictured(snap_compare: SnapCompare, monkeypatch: pytest.MonkeyPatch) -> Pictured:
    """Compare what the app shows in a look, after some steps, with the picture that is kept."""

    def check(look: Look, *paths: str, before: Callable[[Pilot[None]], object], **options: object) -> None:
        if not look.colours:
            monkeypatch.setenv("NO_COLOR", "1")
        app = WorkbenchApp(*map(Path, paths), clock=lambda: NOW, theme=look.theme, **options)
        assert snap_compare(app, terminal_size=look.size, run_before=before)

    return check


def text_of(pilot: Pilot[None]) -> str:
    """What the terminal shows, line by line."""
    width, height = pilot.app.size
    strips = pilot.app.screen._compositor.render_strips()
    return "\n".join(strip.text[:width].rstrip() for strip in strips[:height])


def facts_of(pilot: Pilot[None]) -> str:
    """What the overview says in words, however it is wrapped."""
    return "\n".join(f"{entry.label} {entry.text}" for entry in pilot.app.query_one("#facts", Page).entries)
