"""The list of runs: every key, the filter, what happens while runs come, change, break and go."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests.tui.conftest import text_of
from tests.tui.runs import NOW, measures, write
from trainers.errors import WorkbenchError
from workbench.tui.application import WorkbenchApp
from workbench.tui.facts.source import Source
from workbench.tui.keys.filter import FILTER_KEYS
from workbench.tui.keys.workspace import WORKSPACE_KEYS
from workbench.tui.plots.runplot import MEASURES
from workbench.tui.screens import workspace as workspace_screen
from workbench.tui.screens.filter import FilterScreen
from workbench.tui.screens.help import HelpScreen
from workbench.tui.screens.run import RunScreen
from workbench.tui.screens.workspace import WorkspaceScreen
from workbench.tui.widgets.runlist import COLUMNS, fitting_columns

Listed = Callable[..., AbstractAsyncContextManager[Pilot[None]]]


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Three runs and one log that cannot be read."""
    folder = tmp_path / "runs"
    write(folder / "healthy")
    write(folder / "nested" / "collapsed", collapses=True)
    shutil.copytree(folder / "healthy", folder / "twin")
    (folder / "broken").mkdir()
    (folder / "broken" / "run.h5").write_text("no log")
    return folder


@pytest.fixture
def opened_list(monkeypatch: pytest.MonkeyPatch) -> Listed:
    monkeypatch.setattr(workspace_screen, "POLL_SECONDS", 0.2)
    monkeypatch.setattr(workspace_screen, "REDRAW_SECONDS", 0.0)

    @asynccontextmanager
    async def open_list(*paths: Path, size: tuple[int, int] = (100, 30)) -> AsyncIterator[Pilot[None]]:
        app = WorkbenchApp(*paths, clock=lambda: NOW)
        async with app.run_test(size=size) as pilot:
            await until(pilot, lambda: screen_of(pilot)._read_once)
            yield pilot

    return open_list


async def until(pilot: Pilot[None], condition: Callable[[], bool], seconds: float = 20) -> None:
    for _ in range(int(seconds / 0.05)):
        if condition():
            await pilot.pause()
            return
        await asyncio.sleep(0.05)
    raise AssertionError(text_of(pilot))


def screen_of(pilot: Pilot[None]) -> WorkspaceScreen:
    screen = pilot.app.screen
    assert isinstance(screen, WorkspaceScreen)
    return screen


def names(pilot: Pilot[None]) -> list[str]:
    screen = next(screen for screen in pilot.app.screen_stack if isinstance(screen, WorkspaceScreen))
    return [listed.entry.name for listed in screen.shown]


async def test_every_run_below_is_listed_with_what_it_is(runs: Path, opened_list: Listed) -> None:
    async with opened_list(runs) as pilot:
        assert names(pilot) == ["broken", "healthy", "nested/collapsed", "twin"]
        text = text_of(pilot)
        assert "4 runs" in text
        assert "✗ unreadable" in text
        assert "▲CO 22" in text


async def test_several_paths_are_a_list(runs: Path, opened_list: Listed) -> None:
    async with opened_list(runs / "healthy", runs / "nested") as pilot:
        assert names(pilot) == ["healthy", "nested/collapsed"]


async def test_every_key_runs_its_action(runs: Path, opened_list: Listed, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    def record(name: str):
        def action(self: WorkspaceScreen, *arguments: object) -> None:
            done.append(f"{name}({', '.join(map(repr, arguments))})" if arguments else name)

        return action

    for row in WORKSPACE_KEYS.rows:
        name = row.action.split("(")[0]
        monkeypatch.setattr(WorkspaceScreen, f"action_{name}", record(name))
    async with opened_list(runs) as pilot:
        for row in WORKSPACE_KEYS.rows:
            for key in row.keys:
                done.clear()
                await pilot.press(key)
                assert done == [row.action], key


def test_no_key_has_two_meanings() -> None:
    for table in (WORKSPACE_KEYS, FILTER_KEYS):
        keys = [key for row in table.rows for key in row.keys]
        assert len(keys) == len(set(keys))
        assert all(row.help and row.caps and row.group for row in table.rows)


async def test_a_run_is_opened_and_left_again(runs: Path, opened_list: Listed) -> None:
    async with opened_list(runs) as pilot:
        await pilot.press("down", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, WorkspaceScreen))
        assert screen_of(pilot).cursor == runs / "healthy" / "run.h5"


async def test_a_run_that_is_slow_to_open_is_opened_once(
    runs: Path, opened_list: Listed, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_glance = workspace_screen.read_glance

    def slow(*given: object) -> object:
        time.sleep(0.3)
        return read_glance(*given)

    monkeypatch.setattr(workspace_screen, "read_glance", slow)
    async with opened_list(runs) as pilot:
        await pilot.press("down", "enter", "enter", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
        await asyncio.sleep(0.5)
        assert sum(isinstance(screen, RunScreen) for screen in pilot.app.screen_stack) == 1


async def test_leaving_a_run_waits_for_no_reading(runs: Path, opened_list: Listed) -> None:
    async with opened_list(runs) as pilot:
        await pilot.press("down", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
        screen = pilot.app.screen
        await until(pilot, lambda: screen.view is not None and not screen._reading)
        source = screen._source
        source._lock.acquire()  # as a slow disk would hold it
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, WorkspaceScreen) and not screen.is_attached)
        assert source._lock.locked()
        log = source._handle._log
        assert not log._closed
        source._lock.release()
        with pytest.raises(WorkbenchError, match="not read any more"):
            source.keys("train")
        await until(pilot, lambda: log._closed)


def test_a_log_is_not_opened_after_it_was_left(runs: Path) -> None:
    source = Source(runs / "healthy", lambda: NOW)
    source.close()
    with pytest.raises(WorkbenchError):
        source.read()
    assert source._handle._log is None


async def test_a_log_that_cannot_be_read_is_not_opened(runs: Path, opened_list: Listed) -> None:
    async with opened_list(runs) as pilot:
        await pilot.press("home", "enter")
        await pilot.pause(0.3)
        assert isinstance(pilot.app.screen, WorkspaceScreen)


async def test_a_filter_is_applied_while_it_is_typed(runs: Path, opened_list: Listed) -> None:
    async with opened_list(runs) as pilot:
        await pilot.press("slash", *"onset:co")
        assert isinstance(pilot.app.screen, FilterScreen)
        assert names(pilot) == ["nested/collapsed"]
        assert "1 of 4 runs" in text_of(pilot)
        await pilot.press(*" -seed:")
        assert "✗ a value is missing after the comparison" in text_of(pilot)
        assert names(pilot) == ["nested/collapsed"]  # as by the last text that was understood
        await pilot.press("enter")
        assert isinstance(pilot.app.screen, FilterScreen), "what is wrong is not taken, and not lost"
        assert "✗ a value is missing after the comparison" in text_of(pilot)
        await pilot.press(*["backspace"] * len(" -seed:"), "enter")
        assert "filter onset:co" in text_of(pilot)
        await pilot.press("slash", "escape")
        assert len(names(pilot)) == 4


async def test_sorting_marking_and_pinning(runs: Path, opened_list: Listed) -> None:
    async with opened_list(runs) as pilot:
        screen = screen_of(pilot)
        screen.order = "pgd"
        await pilot.press("O")
        assert screen.order == "-pgd"
        assert names(pilot)[:3] == ["healthy", "twin", "nested/collapsed"]
        fields = [column.field for column in COLUMNS]
        await pilot.press("o")
        assert screen.order == fields[fields.index("pgd") + 1]
        screen.order = "name"
        await pilot.press("end", "p")
        assert names(pilot)[0] == "twin"
        await pilot.press("slash", *"onset:co")
        assert "1 of 4 runs, and 1 pinned" in text_of(pilot)
        await pilot.press("enter")
        assert names(pilot) == ["twin", "nested/collapsed"]
        await pilot.press("home", "p")
        assert names(pilot) == ["nested/collapsed"]
        await pilot.press("space", "slash", "escape", "u")
        assert not screen.marked
        await pilot.press("u")
        assert len(screen.marked) == 4
        assert len(set(screen.marked.values())) == 4


async def test_measures_and_axes_go_round(runs: Path, opened_list: Listed) -> None:
    async with opened_list(runs, size=(120, 40)) as pilot:
        await pilot.press("end", "up", "space")
        assert "PGD accuracy on the probe set by epoch" in text_of(pilot)
        await pilot.press("x", "x")
        assert "by epochs since onset" in text_of(pilot)
        for words, _ in [*MEASURES.values()][1:]:
            await pilot.press("m")
            assert words in text_of(pilot)


async def test_curves_are_read_off_under_the_pointer_and_smoothed(runs: Path, opened_list: Listed) -> None:
    async with opened_list(runs, size=(120, 40)) as pilot:
        await pilot.press("u")
        plot = pilot.app.screen.query_one("#overlay").region
        await pilot.hover(offset=(plot.x + plot.width - 2, plot.y + 3))
        await pilot.pause()
        lines = [line.rstrip() for line in text_of(pilot).splitlines()[plot.y :]]
        assert lines[0].endswith("▸ 39")
        last = f"{measures(39, collapses=False)['pgd_accuracy']:.1%}"
        assert sum(line.endswith(last) for line in lines) == 2, "healthy and its twin"
        assert any(line.endswith(" 4.0%") for line in lines)
        await pilot.hover(offset=(2, 2))
        await pilot.pause()
        assert "▸" not in text_of(pilot)
        for median in (3, 5, 9):
            await pilot.press("w")
            assert f"by epoch · median of {median}" in text_of(pilot)
        await pilot.press("w")
        assert "median" not in text_of(pilot)


async def test_runs_come_change_and_go(runs: Path, opened_list: Listed) -> None:
    async with opened_list(runs) as pilot:
        shutil.copytree(runs / "healthy", runs / "another")
        await until(pilot, lambda: "another" in names(pilot))
        shutil.rmtree(runs / "twin")
        await until(pilot, lambda: "twin" not in names(pilot))
        shutil.copy(runs / "healthy" / "run.h5", runs / "broken" / "run.h5")
        await until(pilot, lambda: "unreadable" not in text_of(pilot))


async def test_an_empty_directory_says_so(tmp_path: Path, opened_list: Listed) -> None:
    async with opened_list(tmp_path) as pilot:
        assert "no runs here; workbench train makes one" in text_of(pilot)
        await pilot.press("down", "enter", "space", "p", "O", "x", "m")
        assert isinstance(pilot.app.screen, WorkspaceScreen)


async def test_the_mouse_points_and_opens(runs: Path, opened_list: Listed) -> None:
    async with opened_list(runs) as pilot:
        await pilot.click("#runs", offset=(6, 3))
        assert screen_of(pilot).cursor == runs / "nested" / "collapsed" / "run.h5"
        await pilot.click("#runs", offset=(6, 2), times=2)
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))


async def test_the_help_is_about_the_list(runs: Path, opened_list: Listed) -> None:
    async with opened_list(runs, size=(100, 40)) as pilot:
        await pilot.press("question_mark")
        assert isinstance(pilot.app.screen, HelpScreen)
        assert "Mark the run for the plot" in text_of(pilot)


async def test_hostile_names_are_shown_as_text(tmp_path: Path, opened_list: Listed) -> None:
    write(tmp_path / "[red]x[/red]\x1b[31m")
    async with opened_list(tmp_path) as pilot:
        assert r"[red]x[/red]\x1b[31m" in text_of(pilot)
        await pilot.press("u")
        assert "\x1b" not in text_of(pilot)


@pytest.mark.parametrize("size", [(20, 5), (40, 12), (80, 24), (200, 60)])
async def test_no_terminal_is_too_small(runs: Path, opened_list: Listed, size: tuple[int, int]) -> None:
    async with opened_list(runs, size=size) as pilot:
        await pilot.press("u", "down", "x", "m", "slash", "a", "escape")
        assert "run" in text_of(pilot)


@pytest.mark.parametrize("width", [10, 40, 80, 140])
def test_columns_fit_and_do_not_overlap(width: int) -> None:
    placed = fitting_columns(width)
    assert placed[0][0] is COLUMNS[0]
    ends = [x + size for _, x, size in placed]
    assert all(end < start for end, (_, start, _) in zip(ends, placed[1:], strict=False))
    if width >= 40:
        assert ends[-1] <= width


async def test_runs_without_a_place_on_the_axis_are_counted(runs: Path, opened_list: Listed) -> None:
    async with opened_list(runs, size=(120, 40)) as pilot:
        await pilot.press("u", "x", "x")
        assert "3 without an onset are not shown" in text_of(pilot)
        screen_of(pilot).marked.pop(runs / "nested" / "collapsed" / "run.h5")
        screen_of(pilot)._show()
        await pilot.pause()
        lines = [line for line in text_of(pilot).splitlines() if "3 without an onset are not shown" in line]
        assert len(lines) == 2, "the title, and why there are no curves"


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_curves_are_told_apart_without_colours(runs: Path, opened_list: Listed, size: tuple[int, int]) -> None:
    async with opened_list(runs / "healthy", runs / "nested", size=size) as pilot:
        await pilot.press("u")
        plot = pilot.app.screen.query_one("#overlay").region
        lines = text_of(pilot).splitlines()
        inside = [line[: plot.right] for line in lines[plot.y : plot.bottom]]
        for symbol, name in (("●", "healthy"), ("■", "nested/collapsed")):
            assert sum(line[1:2] == symbol and name in line for line in lines) == 1, "the list says which"
            assert sum(symbol in line for line in inside) == 1, "at its last value"
            assert any(f"{symbol} {name}" in line for line in lines[plot.y :]) == (size[0] > 80)
        assert sum("%" in line for line in inside) > 2, "values beside the upright axis"


async def test_the_cursor_is_on_the_first_row_until_it_is_moved(runs: Path, opened_list: Listed) -> None:
    async with opened_list(runs) as pilot:
        screen = screen_of(pilot)
        found = dict(screen._listed)
        last = dict([*found.items()][-1:])
        screen._read_once = screen._placed = False
        screen._take(last, False)
        assert "1 run so far" in screen._title()
        screen._take(found, False)
        assert screen.cursor == screen.shown[0].entry.path
        screen._take(last, False)
        screen.action_move(0)
        screen._take(found, False)
        assert screen.cursor == next(iter(last))


async def test_the_order_by_a_column_that_is_not_seen_is_said(runs: Path, opened_list: Listed) -> None:
    async with opened_list(runs, size=(60, 24)) as pilot:
        screen_of(pilot).order = "-clean"
        await pilot.press("O", "O")
        assert "4 runs by clean↓" in text_of(pilot)
        await pilot.resize_terminal(140, 40)
        await pilot.pause()
        screen_of(pilot)._arrange()
        await pilot.pause()
        assert "4 runs ·" in text_of(pilot)
        assert "clean↓" in text_of(pilot)
        screen_of(pilot).order = "-seed"
        screen_of(pilot)._arrange()
        await pilot.pause()
        assert " seed↓" in text_of(pilot)
