"""Pictures of every pane. After a change that is meant: run this file with ``--snapshot-update``, and look at them."""

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests.tui.conftest import Pictured, settled, text_of
from tests.tui.looks import Look, SnapCompare, every_look
from tests.tui.runs import NOW, write
from tests.tui.test_generate import FAKE, begin, finish, keep, open_form, says, until
from tests.tui.test_pictures import answer, some_pca
from workbench.tui.application import WorkbenchApp
from workbench.tui.screens.run import RunScreen
from workbench.tui.widgets.picture import Picture

PANES = {
    "overview": [],
    "onset": ["n"],
    "curves": ["2"],
    "histogram": ["3", "n"],
    "heatmap": ["4", "home", "right_square_bracket"],
    "help": ["question_mark"],
}


@pytest.fixture
def here(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs by relative names, so that no picture depends on where they lie."""
    monkeypatch.chdir(written)


def read_and(*keys: str) -> Callable[[Pilot[None]], object]:
    """Wait for the run, then press keys."""

    async def before(pilot: Pilot[None]) -> None:
        await settled(pilot)
        await pilot.press(*keys)
        if isinstance(pilot.app.screen, RunScreen):
            await settled(pilot)

    return before


@pytest.mark.usefixtures("here")
@every_look
@pytest.mark.parametrize("pane", PANES)
def test_a_collapsed_run(pictured: Pictured, pane: str, look: Look) -> None:
    pictured(look, "collapsed", before=read_and(*PANES[pane]))


@pytest.mark.usefixtures("here")
@every_look
def test_a_healthy_run(pictured: Pictured, look: Look) -> None:
    pictured(look, "healthy", before=read_and("left"))


@pytest.mark.usefixtures("here")
def test_a_small_terminal(snap_compare: SnapCompare) -> None:
    app = WorkbenchApp(Path("collapsed"), clock=lambda: NOW)
    assert snap_compare(app, terminal_size=(40, 12), run_before=read_and("3"))


def test_no_epoch(snap_compare: SnapCompare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(Path("empty"), epochs=0)
    app = WorkbenchApp(Path("empty"), clock=lambda: NOW)
    assert snap_compare(app, terminal_size=(80, 24), run_before=read_and())


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run by a relative name that keeps checkpoints, and is written to."""
    monkeypatch.chdir(tmp_path)
    keep(write(Path("run"), epochs=3), 1, 2)


async def form(pilot: Pilot[None]) -> None:
    await open_form(pilot)
    await pilot.press(*"cat")


async def in_progress(pilot: Pilot[None]) -> None:
    await begin(pilot)
    await until(pilot, lambda: "8 of 16 ended" in text_of(pilot) and pilot.app.screen.query_one(Picture).strips)


async def grid(pilot: Pilot[None]) -> None:
    await begin(pilot)
    await finish(pilot)


async def pca(pilot: Pilot[None]) -> None:
    Path("run/answer.json").write_text(answer(Path("run/generation"), some_pca()))
    await pilot.press("a")
    await until(pilot, says(pilot, "Class-wise PCA"))
    await finish(pilot)


GENERATION = {
    "form": ("works", form),
    "in-progress": ("waits", in_progress),
    "grid": ("works", grid),
    "pca": ("pca", pca),
}
"""What the stand-in for the command does, and the steps to the picture."""


@pytest.mark.usefixtures("kept")
@every_look
@pytest.mark.parametrize(("scenario", "steps"), GENERATION.values(), ids=GENERATION)
def test_generation(
    pictured: Pictured, scenario: str, steps: Callable[[Pilot[None]], Awaitable[None]], look: Look
) -> None:
    async def before(pilot: Pilot[None]) -> None:
        await settled(pilot)
        await steps(pilot)

    pictured(look, "run", before=before, command=(sys.executable, str(FAKE), scenario))
