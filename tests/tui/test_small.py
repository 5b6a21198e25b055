"""Terminals of any size, resized at any time, and the mouse anywhere: nothing breaks, and there is always something."""

import random
from pathlib import Path

import pytest

from tests.tui.conftest import Opened, settled, text_of
from tests.tui.runs import NOW, write
from workbench.tui.application import WorkbenchApp
from workbench.tui.panes import PANES
from workbench.tui.screens.run import RunScreen
from workbench.tui.screens.workspace import WorkspaceScreen

SIZES = [(20, 5), (1, 1), (200, 60), (40, 3), (5, 40), (80, 24)]


async def test_every_pane_in_twenty_by_five(written: Path, opened: Opened) -> None:
    async with opened(written / "collapsed", size=(20, 5)) as pilot:
        for pane in PANES:
            pilot.app.screen.action_pane(pane.name)
            await settled(pilot)
            assert text_of(pilot).strip(), pane.name
        for key in ("question_mark", "apostrophe", "X", "ctrl+p"):
            await pilot.press(key)
            await pilot.pause(0.05)
            assert text_of(pilot).strip(), key
            await pilot.press("escape")
            await pilot.pause(0.05)
        assert isinstance(pilot.app.screen, RunScreen)


@pytest.mark.parametrize("pane", [pane.name for pane in PANES])
async def test_resizing_storms(written: Path, opened: Opened, pane: str) -> None:
    async with opened(written / "collapsed", size=(100, 30)) as pilot:
        pilot.app.screen.action_pane(pane)
        for size in SIZES * 2:
            await pilot.resize_terminal(*size)
            await pilot.press("left")
        await settled(pilot)
        assert pilot.app.screen.pane == pane
        assert len(text_of(pilot).strip().splitlines()) > 5


async def test_the_mouse_anywhere(written: Path, opened: Opened) -> None:
    chance = random.Random(0)
    async with opened(written / "collapsed", size=(100, 30)) as pilot:
        for pane in PANES:
            pilot.app.screen.action_pane(pane.name)
            await settled(pilot)
            for _ in range(4):
                place = (chance.randrange(100), chance.randrange(2, 27))
                await pilot.click(offset=place, times=chance.choice((1, 2)))
                await pilot.hover(offset=place)
            while not isinstance(pilot.app.screen, RunScreen):
                await pilot.press("escape")
                await pilot.pause(0.05)
        assert text_of(pilot).strip()


async def test_the_list_in_any_size(tmp_path: Path) -> None:
    for name in "abc":
        write(tmp_path / name, epochs=2)
    app = WorkbenchApp(tmp_path, clock=lambda: NOW)
    async with app.run_test(size=(20, 5)) as pilot:
        while not isinstance(app.screen, WorkspaceScreen) or not app.screen._read_once:
            await pilot.pause(0.01)
        for size in (*SIZES, (20, 5)):
            await pilot.resize_terminal(*size)
            await pilot.press("down")
            await pilot.pause()
        assert "c" in text_of(pilot)
        await pilot.click(offset=(6, 2))
        assert app.screen.cursor is not None
        assert app.screen.cursor.parent.name in "ab"
