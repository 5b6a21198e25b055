"""Two folders of generated images side by side: which chains are pairs, what is said to differ, keys, numbers."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from textual.pilot import Pilot

from tests.tui.conftest import Opened, Pictured, settled, text_of
from tests.tui.generated_runs import MEANS, spec, write_samples, write_score
from tests.tui.looks import Look, every_look
from tests.tui.runs import meta, write
from tests.tui.test_generate import keep
from tests.tui.test_generated import opened_pane, press
from tests.tui.test_live import until
from workbench.tui.acts.exporting import csv_chunks
from workbench.tui.generated.compared import compared
from workbench.tui.generated.folders import Folder, FolderReader, find_folders
from workbench.tui.generated.pairs import Pairs, Wanted
from workbench.tui.screens.compare import CompareScreen
from workbench.tui.screens.run import RunScreen

NAMES = ("cat", "dog", "owl")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run with two folders of all classes that differ in two settings, and one of a single class, half done."""
    run = keep(write(tmp_path / "run", epochs=3, facts=meta(class_names=NAMES)), 2)
    generation = run / "generation"
    write_score(write_samples(generation / "samples-000", age=7200))
    other = spec(num=9, seed=7, step_size=0.2)
    better = {"scores": {"fid": {"value": 1.5, "std": None, "reason": None}}}
    write_score(write_samples(generation / "samples-001", other, age=600, diverged=frozenset({4})), better)
    write_samples(generation / "samples-002", spec(labels=(1,), num=8), ended=4, age=60)
    return run


def folder(run: Path, number: int) -> Folder:
    return next(each for each in FolderReader().read(find_folders(run)) if each.path.name == f"samples-{number:03d}")


def pair(run: Path, one: int, two: int) -> tuple[Folder, Folder]:
    return folder(run, one), folder(run, two)


async def compared_on(pilot: Pilot[None], *keys: str) -> CompareScreen:
    await pilot.press(*keys)
    await until(pilot, lambda: isinstance(pilot.app.screen, CompareScreen) and pilot.app.screen.ready)
    await pilot.pause()
    screen = pilot.app.screen
    assert isinstance(screen, CompareScreen)
    return screen


@pytest.mark.parametrize(
    ("two", "wanted"),
    [
        (1, [(n, n) for n in range(9)]),  # the same classes: the same numbers
        (2, [(1 + 3 * k, k) for k in range(4)]),  # "dog" alone: its k-th image with the k-th dog
    ],
)
def test_pairs_are_of_the_same_class_and_place(run: Path, two: int, wanted: list[tuple[int, int]]) -> None:
    rows = [*Pairs(pair(run, 0, two)).table().rows()]
    assert [(row[3], row[7]) for row in rows] == wanted
    assert [row[0] for row in rows] == [one % 3 for one, _ in wanted]
    assert [row[2] for row in rows] == [one // 3 for one, _ in wanted]
    shown = Pairs(pair(run, 0, two)).look(Wanted(pair=3, width=60, height=30))
    assert shown.sides is not None
    assert shown.total == len(wanted)
    at = shown.place
    assert (int(shown.sides[0].number[at]), int(shown.sides[1].number[at])) == wanted[3]
    assert (shown.sides[0].label == shown.sides[1].label).all()


def test_numbers_are_those_of_both_chains(run: Path) -> None:
    table = Pairs(pair(run, 0, 1)).table()
    rows = [*csv.DictReader(io.StringIO(b"".join(csv_chunks(table)).decode()))]
    assert [row["class"] for row in rows] == [*NAMES] * 3
    for number, row in enumerate(rows):
        assert (row["chain_a"], row["stop_step_a"]) == (str(number), str(5 + number % 4))
        assert np.isclose(float(row["energy_a"]), MEANS[number % 3])
        assert ("diverged" in row["ending_b"]) == (number == 4)


def test_without_a_common_class_or_settings_it_says_so(run: Path) -> None:
    write_samples(run / "generation" / "samples-003", spec(labels=(2,), num=3))
    assert "No chain" in (Pairs(pair(run, 2, 3)).look(Wanted(width=60, height=20)).problem or "")
    write_samples(run / "generation" / "samples-004", shape=(3, 16, 16))
    sizes = Pairs(pair(run, 0, 4)).look(Wanted(width=60, height=20))
    assert "not laid side by side" in (sizes.problem or "")
    assert sizes.sides is not None, "their energies are"
    (run / "generation" / "samples-003" / "sampling.toml").write_text("rubbish = [")
    broken = pair(run, 0, 3)
    assert Pairs(broken).look(Wanted(width=60, height=20)).problem
    assert ("asked for", "known", "–") in {row[:3] for row in compared(broken, NAMES)}


def test_what_differs_is_told_and_nothing_else(run: Path) -> None:
    rows = {row.label: row[1:3] for row in compared(pair(run, 0, 1), NAMES)}
    assert rows[""] == ("A samples-000", "B samples-001")
    assert rows["images"] == ("12 of 12, complete", "9 of 9, complete")
    assert rows["FID"] == ("2.50", "1.50")
    assert (rows["step size"], rows["seed"]) == (("0.1", "0.2"), ("0", "7"))
    assert not {"steps", "guidance", "classes", "checkpoint", "labels", "num", "asked for"} & rows.keys()
    same = {row.label: row[1:3] for row in compared(pair(run, 0, 0), NAMES)}
    assert same["asked for"] == ("the same", "the same")
    alone = {row.label: row[1:3] for row in compared(pair(run, 0, 2), NAMES)}
    assert alone["classes"] == ("all 3 classes", "class dog")
    assert alone["FID"] == ("2.50", "–")


def test_scores_of_different_networks_carry_a_warning(run: Path) -> None:
    other = run / "generation" / "samples-001"
    for score in other.glob("score-*.json"):
        score.write_text(score.read_text().replace('"features": {"name": "', '"features": {"name": "another '))
    labels = [row.label for row in compared(pair(run, 0, 1), NAMES)]
    assert "≠ scored by" in labels
    assert "scored by" not in labels


async def test_choose_one_then_the_other(run: Path, opened: Opened) -> None:
    async with opened(run, (120, 40)) as pilot:
        await opened_pane(pilot)
        assert "samples-002 is to be compared" in await press(pilot, "C")
        assert "not scored yet" in await press(pilot, "C")
        await press(pilot, "C")
        assert "here compares" in await press(pilot, "down")
        await press(pilot, "up", "C", "down", "C", "down")
        screen = await compared_on(pilot, "C")
        shown = text_of(pilot)
        assert "samples-001 and samples-000" in shown
        assert "9 pairs" in shown
        assert "A cat" in shown
        assert "B cat" in shown
        await compared_on(pilot, "right", "right")
        assert (screen.shown.place, screen._wanted.pair) == (2, 2)
        assert "▸A owl" in text_of(pilot)
        await compared_on(pilot, "left", "pagedown", "pageup", "down", "up")
        await compared_on(pilot, "D")
        assert "A cat" not in text_of(pilot)
        assert "step size" in text_of(pilot)
        await compared_on(pilot, "D")
        assert "A dog" in text_of(pilot)
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, RunScreen)


async def test_the_numbers_are_exported(
    run: Path, opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with opened(run, (120, 40)) as pilot:
        await opened_pane(pilot)
        await press(pilot, "down", "C")
        await compared_on(pilot, "down", "C")
        await pilot.press("X")
        await until(pilot, lambda: "Export" in text_of(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: bool([*tmp_path.glob("*.csv")]))
        (file,) = tmp_path.glob("*.csv")
        assert file.name == "run-samples-001-samples-000.csv"
        assert len(file.read_text().splitlines()) == 10


async def test_one_folder_has_nothing_to_be_compared_with(tmp_path: Path, opened: Opened) -> None:
    run = keep(write(tmp_path / "run", epochs=3, facts=meta(class_names=NAMES)), 2)
    write_samples(run / "generation" / "samples-000")
    async with opened(run) as pilot:
        await opened_pane(pilot)
        assert "to be compared" not in await press(pilot, "C", "C")
        assert isinstance(pilot.app.screen, RunScreen)


@every_look
def test_pictures(pictured: Pictured, run: Path, look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(run.parent)

    async def steps(pilot: Pilot[None]) -> None:
        await settled(pilot)
        await opened_pane(pilot)
        await press(pilot, "down", "down", "C")
        await compared_on(pilot, "up", "C")

    pictured(look, "run", before=steps)
