"""The pane of samples: every key, any log, and pictures of it in every look."""

import asyncio
import math
import shutil
import sys
import time
import unicodedata
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import fields, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from textual.events import MouseScrollDown, MouseScrollUp
from textual.pilot import Pilot

from tests.tui.conftest import Pictured, settled, text_of
from tests.tui.looks import Look, every_look
from tests.tui.runs import COLLAPSE, NOW, measures, meta
from tests.tui.test_graphics import CELL, Screen, enlarged, show_on
from tests.tui.test_live import until
from trainers.energylog import LogWriter, RunMeta, SampleKeys, SampleTable
from trainers.errors import WorkbenchError
from trainers.rundir import weights_name
from workbench.report.pictured import side_by_side
from workbench.tui.application import WorkbenchApp
from workbench.tui.facts.source import Source, View
from workbench.tui.facts.tensors import read_tensors
from workbench.tui.graphics import terminal
from workbench.tui.keys.samples import SAMPLE_KEYS
from workbench.tui.plots.braille import ACROSS, BRAILLE, DOTS, DOWN, Canvas
from workbench.tui.samples.arrangement import arrange
from workbench.tui.samples.choice import Choice
from workbench.tui.samples.columns import COLUMNS, fitting, nats
from workbench.tui.samples.find import Sought, seek
from workbench.tui.samples.pane import Samples
from workbench.tui.samples.plot import scale_of
from workbench.tui.samples.ranking import Ranker
from workbench.tui.samples.table import SampleTable as Table
from workbench.tui.samples.trajectories import Trajectories, Trajectory
from workbench.tui.samples.wish import Reference, Wish
from workbench.tui.screens.run import RunScreen
from workbench.tui.widgets.picture import Picture
from workbench.tui.widgets.trajectories import characters

FAKE = Path(__file__).with_name("fake_workbench.py")
HOSTILE = "[red]x[/] \x1b[31mred\x1b]0;title\x07 line\nbreak \u202etfel [@click=app.quit]q[/] " + "N" * 10_000
EPOCHS, NUM, CLASSES = 26, 60, ("cat", "dog", "bird")
MISSING_EPOCH = 24


def energies(epoch: int) -> SampleTable:
    rng = np.random.default_rng(epoch)
    table = SampleTable.empty(NUM)
    table.energy[:] = -6 + np.linspace(0, 3, NUM) + 0.3 * rng.standard_normal(NUM)
    fall = 8.0 * (np.arange(NUM) % 4 == 0) if epoch >= COLLAPSE else 0.0
    table.energy_adv[:] = table.energy + 0.5 * rng.standard_normal(NUM) + fall
    table.joint_energy[:] = table.energy + rng.exponential(1, NUM)
    table.joint_energy_adv[:] = table.energy_adv + rng.exponential(1, NUM)
    table.correct[:], table.correct_adv[:] = rng.random(NUM) < 0.9, rng.random(NUM) < 0.6
    table.energy_adv[7] = np.nan
    return table


def first(table: SampleTable, num: int) -> SampleTable:
    return SampleTable(**{each.name: getattr(table, each.name)[:num] for each in fields(table)})


def index(size: int = NUM) -> np.ndarray:
    return 100 + 3 * np.arange(size, dtype=np.int64)


def write_run(folder: Path, *, epochs: int = EPOCHS, facts: RunMeta | None = None, num: int = NUM) -> Path:
    folder.mkdir(parents=True)
    keys = SampleKeys(index=index(num), label=(np.arange(num) % 3).astype(np.int32))
    probe = SampleKeys(index=np.arange(NUM), label=np.zeros(NUM, np.int32))
    with LogWriter.create(folder / "run.h5", facts or meta(class_names=CLASSES), train=keys, probe=probe) as writer:
        for epoch in range(epochs):
            train = first(energies(epoch), num) if num and epoch != MISSING_EPOCH else None
            writer.append_epoch(measures(epoch, collapses=True), train, energies(epoch + 1000))
    return folder


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that keeps two checkpoints, as written at NOW."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time", lambda: NOW)
        folder = write_run(tmp_path_factory.mktemp("samples") / "run")
    (folder / "checkpoints").mkdir()
    for epoch in (COLLAPSE - 1, EPOCHS - 1):
        (folder / "checkpoints" / weights_name(epoch)).write_text(str(epoch))
    return folder


@pytest.fixture
def run(pristine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pristine, tmp_path / "run"))


async def rested(pilot: Pilot[None]) -> Samples:
    """Wait until all that was wanted is read, made and drawn; the pane."""
    for _ in range(2_000):
        await pilot.pause(0.005)
        for pane in pilot.app.screen.query(Samples):
            if pane.idle and pane._view is not None and pane._arrangement.width:
                await pilot.pause()
                if pane.idle:
                    return pane
    raise AssertionError("the pane never rests")


@asynccontextmanager
async def opened(
    path: Path, size: tuple[int, int] = (80, 24), scenario: str = "images"
) -> AsyncIterator[tuple[Pilot[None], Samples]]:
    app = WorkbenchApp(path, clock=lambda: NOW, command=(sys.executable, str(FAKE), scenario))
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        await pilot.press("7")
        yield pilot, await rested(pilot)


async def press(pilot: Pilot[None], *keys: str) -> Samples:
    for key in keys:
        await pilot.press(key)
        pane = await rested(pilot)
    return pane


def view_of(path: Path) -> View:
    return Source(path, lambda: NOW).read()


def all_of(ranker: Ranker) -> None:
    while ranker.step() is not None:
        pass


# What is read


@pytest.mark.parametrize("order", ["size", "change", "flips", "loss", "delta", "energy", "energy-adv", "index"])
@pytest.mark.parametrize("reverse", [False, True])
def test_the_list_is_in_the_order_of_plain_numbers(pristine: Path, order: str, reverse: bool) -> None:
    epoch, view = 23, view_of(pristine)
    tables = [energies(e) for e in range(epoch + 1)]
    now, ranker = tables[epoch], Ranker()
    ranker.ask(view, Wish(view.data, "train", epoch, Reference("catastrophic", COLLAPSE), order, reverse))
    all_of(ranker)
    ranking = ranker.ranking
    before = np.mean([tables[e].delta_energy for e in range(COLLAPSE - 3, COLLAPSE)], axis=0)
    flips = [sum(a.correct_adv[i] != b.correct_adv[i] for a, b in pairwise(tables)) for i in range(NUM)]
    numbers = {
        "size": np.abs(now.delta_energy),
        "change": np.abs(tables[COLLAPSE].delta_energy - before),
        "flips": np.array(flips, float),
        "loss": now.joint_energy_adv - now.energy_adv,
        "delta": now.delta_energy,
        "energy": now.energy,
        "energy-adv": now.energy_adv,
        "index": index().astype(float),
    }[order]
    listed = numbers[ranking.rows]
    there = listed[~np.isnan(listed)]
    ascends = (order == "index") != reverse
    assert (np.diff(there) >= -1e-6).all() if ascends else (np.diff(there) <= 1e-6).all()
    assert np.isnan(listed[len(there) :]).all()
    assert sorted(ranking.rows.tolist()) == list(range(NUM))
    assert ranking.columns["flips"].tolist() == flips


def test_a_class_and_a_prediction_are_listed_alone(pristine: Path) -> None:
    view, ranker, now = view_of(pristine), Ranker(), energies(3)
    for label in (None, 1):
        for marks, flag in (("wrong", 0), ("right", 1)):
            ranker.ask(view, Wish(view.data, "train", 3, Reference(None, 3), "size", False, label, marks))
            all_of(ranker)
            expected = [i for i in range(NUM) if label in (None, i % 3) and now.correct_adv[i] == flag]
            assert sorted(ranker.ranking.rows.tolist()) == expected


def test_an_epoch_without_samples_and_flips_across_it(pristine: Path) -> None:
    view, ranker = view_of(pristine), Ranker()
    ranker.ask(view, Wish(view.data, "train", MISSING_EPOCH, Reference(None, MISSING_EPOCH)))
    all_of(ranker)
    assert np.isnan(ranker.ranking.columns["delta"]).all()
    assert ranker.ranking.rows.tolist() == list(range(NUM))
    ranker.ask(view, Wish(view.data, "train", 25, Reference(None, 25)))
    all_of(ranker)
    rows = [energies(epoch).correct_adv for epoch in range(26) if epoch != MISSING_EPOCH]
    flips = sum((a != b).astype(int) for a, b in pairwise(rows))
    assert ranker.ranking.columns["flips"].tolist() == flips.tolist()
    assert np.isnan(ranker.ranking.columns["change"]).all()  # nothing the epoch before


def test_a_cursor_that_comes_back_before_all_is_read(pristine: Path) -> None:
    view, ranker = view_of(pristine), Ranker()
    there, away = (Wish(view.data, "train", epoch, Reference(None, epoch)) for epoch in (5, 6))
    ranker.ask(view, there)
    all_of(ranker)
    ranker.ask(view, away)
    ranker.step()
    ranker.ask(view, there)
    assert not ranker.urgent
    while ranker.step() is not None:
        assert ranker.ranking.columns.keys() >= {"energy", "energy_adv", "delta", "correct", "correct_adv"}


def test_a_log_that_cannot_be_read_is_told_and_tried_again(pristine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    view, ranker, kept = view_of(pristine), Ranker(), Trajectories()
    with monkeypatch.context() as patch:
        patch.setattr(Source, "samples", lambda *arguments: (_ for _ in ()).throw(WorkbenchError("gone")))
        ranker.ask(view, Wish(view.data, "train", 5, Reference(None, 5)))
        assert (ranker.step(), ranker.problem, ranker.step(), ranker.urgent) == (True, "gone", None, False)
        kept.ask(view, 3, 5)
        assert (kept.step(), kept.problem, kept.step(), kept.pending) == (True, "gone", None, False)
    again = view_of(pristine)
    ranker.ask(again, Wish(again.data, "train", 5, Reference(None, 5)))
    kept.ask(again, 3, 5)
    all_of(ranker)
    assert (ranker.problem, len(ranker.ranking.rows)) == (None, NUM)
    assert kept.step() is False
    assert kept.problem is None


def test_a_trajectory_is_read_from_the_cursor_on(pristine: Path) -> None:
    view, reader = view_of(pristine), Trajectories()
    kept = reader.ask(view, 11, 10)
    for _ in range(5):
        assert reader.step() is False
    assert np.flatnonzero(kept.read).tolist() == [8, 9, 10, 11, 12]
    while reader.step() is not None:
        pass
    for epoch in range(EPOCHS):
        table = energies(epoch)
        expected = math.nan if epoch == MISSING_EPOCH else float(table.energy[11] - table.energy_adv[11])
        assert float(kept.delta[epoch]) == pytest.approx(expected, abs=1e-6, nan_ok=True)
    assert reader.ask(view, 11, 3) is kept
    for row in range(70):
        reader.ask(view, row % NUM if row < NUM else 0, 3)
    assert len(reader._kept) <= 64


def test_a_log_in_the_place_of_another_shares_nothing_with_it(tmp_path: Path) -> None:
    run, source = write_run(tmp_path / "run"), Source(tmp_path / "run", lambda: NOW)
    ranker, trajectories = Ranker(), Trajectories()
    for num, epochs in ((NUM, EPOCHS), (NUM - 30, 5), (NUM, 5)):
        if num != NUM or epochs != EPOCHS:
            other = write_run(tmp_path / f"{num}", num=num, epochs=epochs)
            (other / "run.h5").replace(run / "run.h5")
        view = source.read()
        ranker.ask(view, Wish(view.data, "train", 4, Reference(None, 4), "flips"))
        all_of(ranker)
        assert ranker.problem is None
        assert len(ranker.ranking.keys) == len(ranker.ranking.rows) == num
        kept = trajectories.ask(view, 3, 4)
        assert not kept.read.any(), "nothing of another log"
        while trajectories.step() is not None:
            pass
        assert kept.read.tolist() == [True] * epochs
    source.close()


def test_what_a_view_no_longer_shows_is_not_read_for_it(tmp_path: Path) -> None:
    run, source = write_run(tmp_path / "run", epochs=2), Source(tmp_path / "run", lambda: NOW)
    view = source.read()
    same = source.read()
    assert same.data is view.data
    other = write_run(tmp_path / "other", epochs=2, facts=meta(class_names=CLASSES, run_id="other"))
    (other / "run.h5").replace(run / "run.h5")
    again = source.read()
    assert again.data is not view.data
    assert len(again.samples("energy", 1)) == NUM
    for read in (lambda: view.samples("energy", 1), view.keys):
        with pytest.raises(WorkbenchError, match="another log has taken the place"):
            read()
    source.close()


def test_a_run_in_segments_is_the_same_run_after_each_epoch_and_when_it_has_ended(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    keys = SampleKeys(index=index(), label=np.zeros(NUM, np.int32))
    writer = LogWriter.create(
        tmp_path / "run" / "run.h5", meta(class_names=CLASSES), train=keys, probe=keys, mode="segments"
    )
    source, seen = Source(tmp_path / "run", lambda: NOW), []
    for epoch in range(3):
        writer.append_epoch(measures(epoch, collapses=False), energies(epoch), energies(epoch))
        seen.append(source.read())
    writer.close("finished")
    seen.append(source.read())
    assert [view.num_epochs for view in seen] == [1, 2, 3, 3]
    assert all(view.data is seen[0].data for view in seen)
    assert seen[-1].summary.status == "finished"
    source.close()


def test_a_trajectory_can_be_drawn_while_it_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    kept, concatenate = Trajectory(), np.concatenate
    monkeypatch.setattr(np, "concatenate", lambda parts: (kept.delta, concatenate(parts))[1])
    kept.grow(200)
    assert len(kept.read) == len(kept.delta) == 200


def test_a_fresh_view_is_never_taken_for_one_that_could_not_be_read(
    pristine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, ranker, kept = Source(pristine, lambda: NOW), Ranker(), Trajectories()
    view = source.read()
    wish = Wish(view.data, "train", 5, Reference(None, 5))
    with monkeypatch.context() as patch:
        patch.setattr(Source, "samples", lambda *_: (_ for _ in ()).throw(WorkbenchError("gone")))
        ranker.ask(replace(view), wish)
        kept.ask(replace(view), 3, 5)
        assert (ranker.step(), kept.step()) == (True, True)
    for _ in range(20):  # the memory of one that is gone is used again
        ranker.ask(replace(view), wish)
        kept.ask(replace(view), 3, 5)
        assert (ranker.urgent, kept.pending) == (True, True)
    source.close()


# What is typed


@pytest.mark.parametrize(
    ("text", "sought"),
    [
        ("", Sought()),
        ("cat", Sought(label=0)),
        ("DO", Sought(label=1)),
        ("ir", Sought(label=2)),
        ("2", Sought(label=2)),
        ("index:12", Sought(sample=12)),
        ("Index: 7 ", Sought(sample=7)),
    ],
)
def test_what_is_typed_is_found(text: str, sought: Sought) -> None:
    assert seek(text, CLASSES) == sought


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("z", "no class"),
        ("3", "no class is called 3; there are 2"),
        ("x", "more than one class: xa, xb"),
        ("index:-1", "whole number"),
        ("index:²", "whole number"),
        (HOSTILE, "no class"),
    ],
)
def test_what_is_not_found_is_said_in_a_line(text: str, words: str) -> None:
    with pytest.raises(WorkbenchError) as refusal:
        seek(text, ("xa", "xb"))
    assert words in str(refusal.value)
    assert str(refusal.value).isprintable()


def test_digits_are_names_first() -> None:
    assert seek("1", ("2", "1", "10")) == Sought(label=1)
    assert seek("0", ("2", "1", "10")) == Sought(label=0)


# How it is drawn


def test_columns_fit_any_width() -> None:
    for width in range(1, 200):
        for order in ("size", "loss", "flips"):
            placed = fitting(width, 9, 8, order)
            assert any(order in column.orders for column, _, _ in placed)
            if width >= 40:
                assert all(x + size <= width for _, x, size in placed)
    assert len(fitting(120, 9, 8, "size")) == len(COLUMNS)


@pytest.mark.parametrize(
    "value", [0.0, -0.0, 1e-9, -12.3456, 99999.0, -1e5, 1e30, -1e30, math.nan, math.inf, -math.inf, -0.00123]
)
def test_energies_take_seven_cells(value: float) -> None:
    assert len(nats(value)) <= 7


def test_every_picture_of_dots_has_the_same_table() -> None:
    """Dots 1 to 3 and 7 stand on the left, 4 to 6 and 8 on the right; what draws dots in arrays agrees with it."""
    for y, numbers in enumerate(("14", "25", "36", "78")):
        for x, number in enumerate(numbers):
            dots = np.zeros((2 * DOWN, 3 * ACROSS), dtype=bool)
            dots[DOWN + y, 2 * ACROSS + x] = True
            ((row, column, char),) = characters(dots)
            assert (row, column) == (1, 2)
            assert char == chr(BRAILLE + DOTS[x][y])
            assert unicodedata.name(char) == f"BRAILLE PATTERN DOTS-{number}"


def test_dots_make_lines() -> None:
    canvas = Canvas(2, 1)
    canvas.line((0, 3), (3, 0))
    assert list(canvas.cells()) == [(0, 0, "⡠"), (1, 0, "⠊")]
    canvas.dot(-1, 0)
    canvas.dot(99, 99)
    assert len(list(canvas.cells())) == 2


@pytest.mark.parametrize(
    "values", [[], [math.nan], [math.inf], [3.0], [0.0, 0.0], [-1e30, 1e30], [1.0, math.nan], [1e20] * 2, [-3e38] * 2]
)
@pytest.mark.parametrize("signed", [True, False])
def test_scales_of_strange_values(values: list[float], signed: bool) -> None:
    scale = scale_of(values, signed=signed)
    assert (scale is None) == (not [value for value in values if math.isfinite(value)])
    if scale is not None:
        assert all(0 <= scale.position(value) <= 1 for value in values if math.isfinite(value))


def test_parts_fit_any_area() -> None:
    for width in range(0, 200, 7):
        for height in range(60):
            for trajectory in (None, True, False):
                for images in (True, False):
                    given = arrange(width, height, trajectory=trajectory, images=images)
                    assert min(given) >= 0
                    assert given.trajectory + given.images <= height or not given.beside
                    if not given.beside:
                        assert max(given.trajectory, given.images) <= max(0, height - 6)


# The pane


async def test_every_key_runs_its_action(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    def record(name: str) -> Callable[..., None]:
        return lambda self, *arguments: done.append(f"{name}({arguments[0]})" if arguments else name)

    for row in SAMPLE_KEYS.rows:
        name = row.action.split("(")[0]
        monkeypatch.setattr(Samples, f"action_{name}", record(name))
    async with opened(run) as (pilot, _):
        for row in SAMPLE_KEYS.rows:
            for key in row.keys:
                done.clear()
                await pilot.press(key)
                assert done == [row.action], key


async def test_the_selection_moves(run: Path) -> None:
    async with opened(run) as (pilot, pane):
        page = pane.query_one(Table).page - 1
        for keys, place in (
            ("down", 1),
            ("j down", 3),
            ("up k", 1),
            ("pagedown", 1 + page),
            ("pageup", 1),
            ("up up up", 0),
            ("greater_than_sign", NUM - 1),
            ("down", NUM - 1),
            ("ctrl+home", 0),
            ("ctrl+end", NUM - 1),
            ("less_than_sign", 0),
        ):
            await press(pilot, *keys.split())
            assert pane.place == place, keys
            assert f"{place + 1} of {NUM}" in text_of(pilot)
            assert pane.sample == pane.ranking.rows[place]


async def test_the_selection_stays_on_its_sample(run: Path) -> None:
    async with opened(run) as (pilot, pane):
        await press(pilot, "home", "down", "down")
        sample = pane.sample
        moved = set()
        for key in ("right", "right_square_bracket", "o", "O", "o", "end"):
            await press(pilot, key)
            if sample in pane.ranking.rows:
                assert pane.sample == sample, key
                moved.add(pane.place)
        assert len(moved) > 2
        await press(pilot, "less_than_sign", "o")  # at the top it stays at the top
        assert pane.place == 0


async def test_orders_classes_and_predictions(run: Path) -> None:
    async with opened(run, (100, 24)) as (pilot, _):
        assert "largest |ΔE|" in text_of(pilot)
        for words in ("largest change of ΔE (▲CO 22 − mean of 19–21)", "most flips", "highest loss under attack"):
            await press(pilot, "o")
            assert words in text_of(pilot)
        await press(pilot, "O")
        assert "highest loss under attack, reversed" in text_of(pilot)
        await press(pilot, "c", "c")
        assert "class dog" in text_of(pilot)
        assert f"1 of {NUM // 3}" in text_of(pilot)
        await press(pilot, "w")
        assert "wrong under attack" in text_of(pilot)
        await press(pilot, "w", "C", "w")
        assert f"1 of {NUM}" in text_of(pilot)


async def test_the_list_opens_as_it_was_left(run: Path) -> None:
    async with opened(run) as (pilot, pane):
        pane.action_order()
        pane.action_reverse()
        pane.action_next_class()
        pane.action_marks()
        left = (await rested(pilot)).choice
        assert left == Choice(pane.choice.order, True, 0, "wrong")
        await pilot.press("q")
    async with opened(run) as (_, pane):
        assert pane.choice == left != Choice()
        assert Choice().restored({"order": 1, "reverse": 1, "label": -1, "marks": ["all"]}) == Choice()


async def test_a_class_and_a_sample_are_typed(run: Path) -> None:
    async with opened(run) as (pilot, pane):
        await pilot.press("slash", *"bi")
        assert "class bird" in text_of(pilot)
        await press(pilot, "enter")
        assert (pane.choice.label, len(pane.ranking.rows)) == (2, NUM // 3)
        await pilot.press("slash", *"zebra", "enter")
        assert "✗ no class is called zebra" in text_of(pilot)
        await press(pilot, "escape")
        assert pane.choice.label == 2
        await pilot.press("slash", *"index:106")
        await press(pilot, "enter")
        assert (pane.choice.label, pane.sample) == (None, 2)
        assert "▶" in next(line for line in text_of(pilot).splitlines() if " 106 " in line)
        await pilot.press("slash", *"index:5")
        await pilot.press("enter")
        assert "✗ no sample 5 among these" in text_of(pilot), "what was typed stays"
        await press(pilot, "escape")
        assert pane.sample == 2


async def test_the_mouse(run: Path) -> None:
    async with opened(run, (120, 40)) as (pilot, pane):
        await pilot.click(Table, offset=(10, 2 + 4))
        assert (await rested(pilot)).place == 4
        heading = next(line for line in text_of(pilot).splitlines() if "flips" in line)
        await pilot.click(Table, offset=(heading.index("flips") + 1, 1))
        await rested(pilot)
        assert pane.choice.order == "flips"
        await pilot.click(Table, offset=(heading.index("flips") + 1, 1))
        await rested(pilot)
        assert pane.choice.reverse
        await press(pilot, "less_than_sign")
        place = pane.place
        await pilot._post_mouse_events([MouseScrollDown], Table, offset=(5, 5))
        assert (await rested(pilot)).place == place + 3
        await pilot._post_mouse_events([MouseScrollUp], Table, offset=(5, 5))
        assert (await rested(pilot)).place == place
        await pilot.click("#sample-trajectory", offset=(8, 4))
        await rested(pilot)
        assert pilot.app.screen.epoch == 0


async def test_rows_and_headings_can_be_jumped_to(run: Path) -> None:
    async with opened(run, (120, 40)) as (pilot, pane):
        table = pane.query_one(Table)
        targets = table.targets()
        lines = text_of(pilot).splitlines()
        flips = next(t for t in targets if "flips" in lines[t.place.y][t.place.x : t.place.right + 1])
        rows = [target for target in targets if target.place.width == table.size.width]
        assert len(rows) == table.page
        rows[5].act()
        assert (await rested(pilot)).place == 5
        sample = pane.sample
        flips.act()
        assert (await rested(pilot)).choice.order == "flips"
        assert pane.sample == sample


async def test_the_list_is_exported_in_its_order(run: Path) -> None:
    async with opened(run) as (pilot, pane):
        await press(pilot, "home", "o", "c")
        table = pane.export()
        assert table is not None
        rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows()]
        assert "class cat, epoch 0" in table.title
        assert [row["index"] for row in rows] == pane.ranking.keys.index[pane.ranking.rows].tolist()
        assert {row["class"] for row in rows} == {"cat"}
        now = energies(0)
        for row in rows:
            place = (row["index"] - 100) // 3
            assert row["energy"] == float(now.energy[place])
            assert row["correct_adv"] == now.correct_adv[place]


async def test_images_are_made_once_with_their_neighbours_and_shown(run: Path) -> None:
    async with opened(run, (120, 40)) as (pilot, pane):
        assert f"Enter: natural and adversarial image, by the checkpoint of epoch {EPOCHS - 1}" in words_of(pilot)
        await press(pilot, "enter")
        shown = text_of(pilot)
        sample = int(pane.ranking.keys.index[pane.sample])
        before, after = CLASSES[sample % 3], CLASSES[(sample + 1) % 3]
        for words in (
            f"x taken for {before} ✓",
            f"x* taken for {after} ✗",
            "ΔE 0.50",
            f"of epoch {EPOCHS - 1}",
            "±0.25",
        ):
            assert words in words_of(pilot), shown
        assert pilot.app.jobs._count == 1
        await press(pilot, "down", "down", "i", "i")
        assert pilot.app.jobs._count == 1  # the neighbours were made with it
        await press(pilot, "greater_than_sign")
        assert pilot.app.jobs._count == 2
        await press(pilot, "n")
        assert f"checkpoint of epoch {COLLAPSE - 1}" in words_of(pilot)
        assert pilot.app.jobs._count == 3
        assert not pilot.app.jobs.tasks
        assert not list((run / "jobs").iterdir()), "what is made in passing leaves no record"


async def test_a_terminal_that_draws_shows_all_pixels_of_the_three_images(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm-kitty")
    monkeypatch.delenv("TMUX", raising=False)
    monkeypatch.setattr(terminal, "cell_size", lambda: CELL)
    async with opened(run, (120, 40)) as (pilot, pane):
        screen = Screen()
        show_on(pilot, screen)
        await press(pilot, "enter")
        await until(pilot, lambda: len(screen.images) == 3)
        arrays = read_tensors(next((run / "generation").glob("images-*")))
        row = arrays["index"].tolist().index(int(pane.ranking.keys.index[pane.sample]))
        pictures, _ = side_by_side(*(arrays[name][row : row + 1] for name in ("natural", "adversarial")))
        view = pilot.app.query_one("#sample-images", Picture).scrollable_content_region
        rows = text_of(pilot).split("\n")
        for (corner, image), wanted in zip(sorted(screen.images.items()), pictures, strict=True):
            assert corner[1] == view.y + 1
            assert rows[corner[1]][corner[0]] == "▀"
            assert (np.asarray(image.convert("RGB")) == enlarged(wanted, image.size)).all()
        assert min(screen.images)[0] == view.x
        await pilot.press("1")
        await until(pilot, lambda: not screen.images)


def words_of(pilot: Pilot[None]) -> str:
    """What is said of the images, however it is wrapped."""
    lines = (strip.text.strip() for strip in pilot.app.query_one("#sample-images", Picture).strips)
    return " ".join(line for line in lines if line)


async def test_a_job_that_fails_is_told_and_not_tried_again_unasked(run: Path) -> None:
    async with opened(run, (120, 40), scenario="fails") as (pilot, _):
        await press(pilot, "enter")
        assert "(Permission denied); choose another" in words_of(pilot)
        await press(pilot, "left", "right")
        assert pilot.app.jobs._count == 1
        await press(pilot, "enter")
        assert pilot.app.jobs._count == 2


@pytest.mark.parametrize("content", [b"", b"rubbish", b"\x02\0\0\0\0\0\0\0{}"])
async def test_damaged_images_are_told(run: Path, content: bytes) -> None:
    async with opened(run, (120, 40)) as (pilot, _):
        await press(pilot, "enter")
        (file,) = (run / "generation").glob("images-*")
        file.write_bytes(content)
        await press(pilot, "down")
        assert "damaged" in words_of(pilot)


async def test_without_checkpoints_or_an_attack_it_says_why(tmp_path: Path) -> None:
    write_run(tmp_path / "bare", epochs=2)
    async with opened(tmp_path / "bare", (120, 40)) as (pilot, _):
        await press(pilot, "enter")
        assert "keeps no checkpoints" in words_of(pilot)
        assert not pilot.app.jobs.tasks
    shutil.copy(tmp_path / "bare" / "run.h5", tmp_path / "alone.h5")
    async with opened(tmp_path / "alone.h5", (120, 40)) as (pilot, _):
        await press(pilot, "enter")
        assert "a log by itself" in words_of(pilot)


@pytest.mark.parametrize("size", [(20, 5), (80, 24), (160, 48)])
@pytest.mark.parametrize("epochs", [0, 1])
async def test_few_epochs_in_any_terminal(tmp_path: Path, epochs: int, size: tuple[int, int]) -> None:
    write_run(tmp_path / "run", epochs=epochs)
    async with opened(tmp_path / "run", size) as (pilot, _):
        await pilot.press("down", "o", "O", "c", "C", "w", "t", "enter", "t", "s")
        await pilot.pause(0.05)
        assert isinstance(pilot.app.screen, RunScreen)
        if size[0] >= 80 and not epochs:
            assert "no epoch is committed yet" in text_of(pilot)


async def test_a_log_without_training_samples_says_so(tmp_path: Path) -> None:
    write_run(tmp_path / "run", epochs=2, num=0)
    async with opened(tmp_path / "run", (100, 30)) as (pilot, pane):
        if pane.ranking.wish.split == "probe":
            await pilot.press("s")
            await asyncio.sleep(0.1)
            await rested(pilot)
        shown = text_of(pilot)
        assert "the log holds no training samples; s shows the others" in shown or f"of {NUM}" in shown


async def test_names_from_the_log_are_text(tmp_path: Path) -> None:
    hostile = meta(class_names=(HOSTILE, "\x1b[2J", ""), train_attack="../../[red]" + HOSTILE)
    run = write_run(tmp_path / "run", epochs=3, facts=hostile)
    (run / "checkpoints").mkdir()
    (run / "checkpoints" / weights_name(2)).touch()
    async with opened(run, (140, 40)) as (pilot, _):
        await press(pilot, "c", "enter")
        shown = text_of(pilot)
        assert "[red]x[/] \\x1b[31m" in shown
        assert "\x1b" not in shown
        assert "is no attack that this program can make" in words_of(pilot)
        await pilot.press("slash", "x")
        assert "\x1b" not in text_of(pilot)


async def test_a_log_that_vanishes(run: Path) -> None:
    async with opened(run, (120, 40)) as (pilot, _):
        shutil.rmtree(run)
        await press(pilot, "home", "down", "o", "enter")
        assert f"of {NUM}" in text_of(pilot)
        assert "run is gone" in words_of(pilot)


async def test_a_run_that_grows(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    keys = SampleKeys(index=index(), label=np.zeros(NUM, np.int32))
    with LogWriter.create(tmp_path / "run" / "run.h5", meta(class_names=CLASSES), train=keys, probe=keys) as writer:
        for epoch in range(3):
            writer.append_epoch(measures(epoch, collapses=False), energies(epoch), energies(epoch))
        async with opened(tmp_path / "run", (120, 40)) as (pilot, pane):
            await press(pilot, "down", "down")
            sample = pane.sample
            writer.append_epoch(measures(3, collapses=False), energies(3), energies(3))
            await until(pilot, lambda: pane.ranking.wish.epoch == 3)
            await rested(pilot)
            assert pane.sample == sample
            expected = energies(3).delta_energy
            assert np.array_equal(pane.ranking.columns["delta"], expected, equal_nan=True)
            assert len(pane._trajectories.ask(pane._view, sample, 3).read) == 4


# Pictures


def shown(*keys: str) -> Callable[[Pilot[None]], object]:
    async def before(pilot: Pilot[None]) -> None:
        await settled(pilot)
        await pilot.press("7")
        await rested(pilot)
        await press(pilot, *keys)
        while " job" in text_of(pilot).splitlines()[0]:  # the header hears of the end of a job a little later
            await pilot.pause(0.05)

    return before


STEPS = {
    "table": ["n", "o", "down"],
    "images": ["end", "down", "down", "enter"],
    "trajectory": ["n", "t", "t", "t"],
}


@every_look
@pytest.mark.parametrize("steps", STEPS)
def test_pictures(
    pictured: Pictured, run: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, steps: str, look: Look
) -> None:
    monkeypatch.chdir(tmp_path)
    pictured(look, "run", before=shown(*STEPS[steps]), command=(sys.executable, str(FAKE), "images"))
