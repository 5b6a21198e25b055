"""Jump mode: a letter for everything that can be chosen, on the run, on the list and in dialogues that allow it."""

from pathlib import Path

import pytest
from textual.geometry import Region
from textual.pilot import Pilot

from tests.tui.conftest import Opened, text_of
from tests.tui.runs import EPOCHS, NOW, write
from workbench.tui.acts.jumping import LETTERS, labels, targets_on, under
from workbench.tui.acts.seen import Target
from workbench.tui.application import WorkbenchApp
from workbench.tui.screens.help import HelpScreen
from workbench.tui.screens.jump import JumpScreen
from workbench.tui.screens.run import RunScreen
from workbench.tui.screens.workspace import WorkspaceScreen


def nothing() -> None:
    """Goes nowhere."""


@pytest.mark.parametrize("count", [0, 1, 26, 27, 60, 676])
def test_no_label_begins_with_another(count: int) -> None:
    made = labels(count)
    assert len(made) == len(set(made)) == count
    assert not [(a, b) for a in made[:80] for b in made if a != b and b.startswith(a)]
    assert set("".join(made)) <= set(LETTERS)


def test_typing_narrows() -> None:
    targets = [Target(Region(x, 0, 1, 1), nothing) for x in range(30)]
    assert [label for label, _ in under(targets, "")] == labels(30)
    left = under(targets, "s")
    assert [target.place.x for _, target in left] == [26, 27, 28, 29]
    assert [label for label, _ in left] == list("asdf")
    assert under(targets, "z") == []


async def letter_of(pilot: Pilot[None], x: int, y: int) -> str:
    """Open jump mode; the letters at a place."""
    targets = targets_on(pilot.app.screen)
    await pilot.press("apostrophe")
    await pilot.pause()
    assert isinstance(pilot.app.screen, JumpScreen)
    return next(label for label, target in under(targets, "") if target.place.offset == (x, y))


async def test_a_letter_opens_a_pane(written: Path, opened: Opened) -> None:
    async with opened(written / "collapsed", size=(120, 30)) as pilot:
        line = text_of(pilot).splitlines()[1]
        letter = await letter_of(pilot, line.index(" 4 "), 1)
        shown = text_of(pilot).splitlines()
        assert shown[1][line.index(" 4 ")] == letter
        await pilot.press(letter)
        await pilot.pause()
        assert isinstance(pilot.app.screen, RunScreen)
        assert pilot.app.screen.pane == "heatmap"


async def test_a_plot_of_the_overview_opens_its_pane(written: Path, opened: Opened) -> None:
    async with opened(written / "collapsed", size=(160, 48)) as pilot:
        place = pilot.app.query_one("#histogram").region
        await pilot.press(await letter_of(pilot, place.x, place.y))
        await pilot.pause()
        assert pilot.app.screen.pane == "histogram"


async def test_a_key_of_the_footer_is_pressed(written: Path, opened: Opened) -> None:
    async with opened(written / "healthy", size=(120, 30)) as pilot:
        line = text_of(pilot).splitlines()[-1]
        await pilot.press(await letter_of(pilot, line.index("?"), 29))
        await pilot.pause()
        assert isinstance(pilot.app.screen, HelpScreen)


@pytest.mark.parametrize("key", ["escape", "apostrophe", "ctrl+o"])
async def test_leaving(written: Path, opened: Opened, key: str) -> None:
    async with opened(written / "healthy") as pilot:
        await pilot.press("ctrl+o")
        await pilot.pause()
        assert isinstance(pilot.app.screen, JumpScreen)
        await pilot.press("1", "left", key)
        await pilot.pause()
        assert isinstance(pilot.app.screen, RunScreen)
        assert pilot.app.screen.epoch == EPOCHS - 1


async def test_another_size_and_a_click_beside_leave(written: Path, opened: Opened) -> None:
    async with opened(written / "healthy") as pilot:
        await pilot.press("apostrophe")
        await pilot.pause()
        await pilot.resize_terminal(20, 5)
        await pilot.pause(0.1)
        assert isinstance(pilot.app.screen, RunScreen)
        await pilot.press("apostrophe")
        await pilot.pause()
        assert isinstance(pilot.app.screen, JumpScreen)
        await pilot.click(offset=(0, 2))
        await pilot.pause()
        assert isinstance(pilot.app.screen, RunScreen)


async def test_a_click_chooses(written: Path, opened: Opened) -> None:
    async with opened(written / "healthy", size=(120, 30)) as pilot:
        column = text_of(pilot).splitlines()[1].index(" 3 ") + 1
        await pilot.press("apostrophe")
        await pilot.pause()
        await pilot.click(offset=(column, 1))
        await pilot.pause()
        assert pilot.app.screen.pane == "histogram"


async def test_rows_of_the_list(tmp_path: Path) -> None:
    for number in range(30):
        write(tmp_path / f"run-{number:02d}", epochs=1)
    app = WorkbenchApp(tmp_path, clock=lambda: NOW)
    async with app.run_test(size=(100, 24)) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, WorkspaceScreen)
        while not screen._read_once:
            await pilot.pause(0.01)
        await pilot.pause()
        letters = await letter_of(pilot, 0, 4)
        await pilot.press(*letters)
        await pilot.pause()
        assert screen.cursor is not None
        assert screen.cursor.parent.name == "run-02"
