"""The pane of classes: its numbers are the samples', every key does what it says, strange logs are told as they are."""

import asyncio
import time
from dataclasses import replace
from itertools import takewhile
from pathlib import Path

import numpy as np
import pytest

from tests.tui.conftest import Opened, Pictured, text_of
from tests.tui.looks import Look, every_look
from tests.tui.recorded import EPOCHS, NAMES, NUM_TRAIN, open_pane, read, sample_table, write_recorded
from tests.tui.runs import NOW, append, meta, start
from trainers.errors import WorkbenchError
from workbench.tui.facts import class_table
from workbench.tui.facts.background import Background
from workbench.tui.facts.class_table import GIVEN_UP, KEPT, MOST_EPOCHS, ClassTable
from workbench.tui.facts.source import Source
from workbench.tui.keys.classes import CLASSES_KEYS
from workbench.tui.look.text import number, plain
from workbench.tui.widgets.classes import ORDERS, Classes

HOSTILE = ("[red]x[/]", "\x1b[31mred", "two\nlines", "\u202etfel", "N" * 10_000, "猫", "", "q", "0", "é")


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of ten classes that collapses, as written at NOW."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time", lambda: NOW)
        return write_recorded(tmp_path_factory.mktemp("recorded") / "run")


def line_of(screen: str, name: str) -> str:
    """The line of a class."""
    return next(line for line in screen.splitlines() if line[2:].startswith(f"{name} "))


def medians(epoch: int) -> np.ndarray:
    """Median ΔE of each class, one by one."""
    table, labels = sample_table(epoch, np.arange(NUM_TRAIN) % 10), np.arange(NUM_TRAIN) % 10
    return np.array([np.median(table.delta_energy[labels == label].astype(np.float64)) for label in range(10)])


async def test_each_line_says_what_a_loop_over_the_samples_says(recorded: Path, opened: Opened) -> None:
    labels = np.arange(NUM_TRAIN) % 10
    async with opened(recorded, size=(160, 48)) as pilot:
        await open_pane(pilot, "5", "classes")
        for key, epoch in (("end", EPOCHS - 1), ("home", 0)):
            await pilot.press(key)
            await read(pilot, "classes")
            screen, table = text_of(pilot), sample_table(epoch, labels)
            for label, name in enumerate(NAMES):
                line = line_of(screen, name)
                mine = labels == label
                assert f" {NUM_TRAIN // 10} " in line
                assert f" {number(float(medians(epoch)[label]))} " in line
                assert f" {table.correct[mine].mean():.0%}" in line
                assert f" {table.correct_adv[mine].mean():.0%} " in line
                if epoch:
                    change = medians(epoch)[label] - medians(epoch - 1)[label]
                    assert f"{change:+.2f}"[:5] in line


async def test_up_and_down_choose_a_class_and_say_more_of_it(recorded: Path, opened: Opened) -> None:
    async with opened(recorded, size=(120, 30)) as pilot:
        await open_pane(pilot, "5", "classes")
        for keys, name in (
            ("down", "car"),
            ("j", "bird"),
            ("up", "car"),
            ("k", "plane"),
            ("pagedown", "truck"),
            ("pageup", "plane"),
        ):
            await pilot.press(keys)
            await pilot.pause()
            assert f"{name}: 60 samples" in text_of(pilot), keys
        assert any(line.startswith("▸ plane") for line in text_of(pilot).splitlines())


async def test_o_orders_the_classes(recorded: Path, opened: Opened) -> None:
    expected = {
        "median": np.argsort(medians(EPOCHS - 1)),
        "change": np.argsort(-np.abs(medians(EPOCHS - 1) - medians(EPOCHS - 2))),
        "class": np.arange(10),
    }
    async with opened(recorded, size=(120, 30)) as pilot:
        widget = await open_pane(pilot, "5", "classes")
        seen = []
        for order in (*ORDERS[1:], ORDERS[0]):
            await pilot.press("o")
            await pilot.pause()
            lines = text_of(pilot).splitlines()
            seen.append(order)
            if order in expected:
                shown = [NAMES.index(line[2:].split()[0]) for line in lines[3:] if line[2:].split(" ")[0] in NAMES]
                assert shown[:10] == expected[order].tolist(), order
        assert "class▾" in text_of(pilot)
        assert isinstance(widget, Classes)


async def test_m_changes_the_measure_over_epochs(recorded: Path, opened: Opened) -> None:
    async with opened(recorded, size=(120, 30)) as pilot:
        await open_pane(pilot, "5", "classes")
        for words in ("accuracy under attack", "natural accuracy", "median ΔE"):
            await pilot.press("m")
            await pilot.pause()
            assert f" {words} " in text_of(pilot)


async def test_every_key_of_the_table_is_tried() -> None:
    tried = {"up", "k", "down", "j", "pageup", "pagedown", "o", "m"}
    assert {key for row in CLASSES_KEYS.rows for key in row.keys} == tried


async def test_a_click_chooses_the_class_and_the_epoch(recorded: Path, opened: Opened) -> None:
    async with opened(recorded, size=(120, 30)) as pilot:
        await open_pane(pilot, "5", "classes")
        lines = text_of(pilot).splitlines()
        y = next(at for at, line in enumerate(lines) if line[2:].startswith("bird "))
        await pilot.click(offset=(4, y))
        await pilot.pause()
        assert "bird: 60 samples" in text_of(pilot)
        left = lines[2].rindex("┌")
        await pilot.click(offset=(left + 1, y + 2))
        assert pilot.app.screen.epoch == 0


async def test_s_shows_the_probe_set(recorded: Path, opened: Opened) -> None:
    async with opened(recorded, size=(120, 30)) as pilot:
        await open_pane(pilot, "5", "classes")
        await pilot.press("s")
        async with asyncio.timeout(20):
            while "ΔE probe" not in text_of(pilot) or "20 samples" not in text_of(pilot):
                await pilot.pause(0.01)


async def test_names_of_any_kind_and_labels_without_one(tmp_path: Path, opened: Opened) -> None:
    labels = np.arange(NUM_TRAIN) % 9
    labels[:30], labels[30:60] = -7, 12
    run = write_recorded(tmp_path / "run", epochs=2, facts=meta(class_names=HOSTILE), labels=labels)
    async with opened(run, size=(100, 30)) as pilot:
        await open_pane(pilot, "5", "classes")
        screen = text_of(pilot)
        for name in (*(plain(name, 12) for name in HOSTILE if name), "(-7)", "(12)"):
            assert name in screen, name
        assert "\x1b" not in screen
        assert line_of(screen, "é").count("–") >= 4, "a class without samples"
        for _ in range(12):
            await pilot.press("down")
        assert pilot.app.is_running


@pytest.mark.parametrize("num_classes", [100, 1_000])
async def test_many_classes_scroll(tmp_path: Path, opened: Opened, num_classes: int) -> None:
    names = tuple(f"class {number}" for number in range(num_classes))
    run = write_recorded(
        tmp_path / "run", epochs=2, facts=meta(class_names=names), labels=np.arange(2_000) % num_classes
    )
    async with opened(run, size=(80, 24)) as pilot:
        widget = await open_pane(pilot, "5", "classes")
        assert "class 14 " in text_of(pilot)
        await pilot.press("pagedown", "pagedown", "pagedown")
        await pilot.pause()
        assert "class 14 " not in text_of(pilot)
        widget.action_choose(num_classes)
        await pilot.pause()
        assert f"▸ class {num_classes - 1}" in text_of(pilot)


async def test_samples_recorded_in_some_epochs_only(tmp_path: Path, opened: Opened) -> None:
    run = write_recorded(tmp_path / "run", epochs=6, train=lambda epoch, table: table if epoch % 2 else None)
    async with opened(run, size=(120, 30)) as pilot:
        await open_pane(pilot, "5", "classes")
        assert "◆" in line_of(text_of(pilot), "plane")
        await pilot.press("left")
        await read(pilot, "classes")
        line = line_of(text_of(pilot), "plane")
        assert "◆" not in line
        assert line.count("–") >= 4
        assert "·" in line, "epochs without samples are told from those not read yet"


@pytest.mark.parametrize("epochs", [0, 1])
@pytest.mark.parametrize("size", [(80, 24), (20, 5), (40, 12)])
async def test_small_worlds(tmp_path: Path, opened: Opened, epochs: int, size: tuple[int, int]) -> None:
    async with opened(write_recorded(tmp_path / "run", epochs=epochs), size=size) as pilot:
        await open_pane(pilot, "5", "classes")
        await pilot.press("o", "m", "down", "s", "right")
        await pilot.pause(0.05)
        screen = text_of(pilot)
        assert "nan" not in screen
        if size == (80, 24):
            assert ("no epoch is committed yet" if epochs == 0 else "epoch 0 ◆") in screen


async def test_energies_that_are_no_numbers(tmp_path: Path, opened: Opened) -> None:
    def diverged(epoch: int, table):
        for name in ("energy", "energy_adv"):
            getattr(table, name)[:] = np.nan if epoch % 2 else np.inf
        return table

    async with opened(write_recorded(tmp_path / "run", epochs=4, train=diverged), size=(120, 30)) as pilot:
        await pilot.press("s")
        await open_pane(pilot, "5", "classes")
        assert "nan" not in text_of(pilot).replace("plane", "")
        assert pilot.app.is_running


def test_a_log_that_cannot_be_read_is_given_up_until_it_is_looked_at_again(recorded: Path) -> None:
    source = Source(recorded, lambda: NOW)
    view = source.read()
    table = ClassTable(view)
    table.look(view, 3)
    calls = []

    def fail(split: str, column: str, epoch: int, part: object) -> None:
        calls.append(epoch)
        raise WorkbenchError("it is gone")

    working, source.samples = source.samples, fail  # type: ignore[method-assign]
    while table.step() is not None:
        pass
    assert calls == [3, 2, 4][:GIVEN_UP]
    assert table.problem == "it is gone"
    source.samples = working  # type: ignore[method-assign]
    source.read("probe")
    table.look(source.read("train"), 3)
    assert table.step() is True
    source.close()


def test_the_nearest_epochs_are_read_first_and_little_is_kept(recorded: Path) -> None:
    source = Source(recorded, lambda: NOW)
    view = source.read()
    table = ClassTable(view)
    table.look(view, 12)
    order = []
    while table.step() is not None:
        order.append(next(epoch for epoch in table.rows if epoch not in order))
    assert order[:5] == [12, 11, 13, 10, 14]
    assert sorted(order) == list(range(EPOCHS))
    assert table.missing == 0
    for epoch in range(EPOCHS):
        table.look(view, epoch)
        while table.step() is not None:
            pass
    assert sum(table.detail(epoch) is not None for epoch in range(EPOCHS)) == KEPT
    assert MOST_EPOCHS >= 200
    source.close()


def test_a_run_that_grows_is_read_to_its_end(recorded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(class_table, "MOST_EPOCHS", 4)
    source = Source(recorded, lambda: NOW)
    view = source.read()
    table = ClassTable(view)
    for epochs in range(8, EPOCHS + 1):
        table.look(replace(view, table=view.table[:epochs]), epochs - 1)
        steps = sum(1 for _ in takewhile(lambda _: table.step() is not None, range(20)))
        assert steps < 20, "the same epoch is not read again and again"
        assert table.missing == 0
        assert len(table.rows) <= 8 + KEPT
    source.close()


async def test_hidden_work_stops_and_goes_on(recorded: Path, opened: Opened) -> None:
    async with opened(recorded) as pilot:
        widget = await open_pane(pilot, "5", "classes")
        done: list[int] = []

        def step() -> bool | None:
            done.append(len(done))
            if len(done) == 5:
                widget.display = False
            return None if len(done) > 50 else False

        work = Background(widget, step, lambda: None)
        work.wake()
        async with asyncio.timeout(10):
            while not work.idle:
                await pilot.pause(0.01)
        assert len(done) == 5
        widget.display = True
        work.wake()
        async with asyncio.timeout(10):
            while not work.idle:
                await pilot.pause(0.01)
        assert len(done) == 51


@every_look
def test_pictures(pictured: Pictured, recorded: Path, look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(recorded.parent)

    async def before(pilot) -> None:
        while pilot.app.screen.view is None:
            await pilot.pause(0.01)
        await open_pane(pilot, "5", "classes")
        await pilot.press("n", "down", "down")
        await read(pilot, "classes")

    pictured(look, "run", before=before)


async def test_a_growing_run_is_followed(tmp_path: Path, opened: Opened) -> None:
    writer = start(tmp_path / "run")
    append(writer)
    async with opened(tmp_path / "run", size=(120, 30), clock=time.time) as pilot:
        widget = await open_pane(pilot, "5", "classes")
        table = widget._table
        append(writer)
        async with asyncio.timeout(20):
            while "epoch 1 ◆ 0 ◇" not in text_of(pilot):
                await pilot.pause(0.02)
        await read(pilot, "classes")
        assert widget._table is table, "what was read is kept"
        assert sorted(table.rows) == [0, 1]
        writer.close("finished")


async def test_a_run_of_which_only_the_probe_set_was_recorded(tmp_path: Path, opened: Opened) -> None:
    run = write_recorded(tmp_path / "run", epochs=3, train=lambda epoch, table: None)
    async with opened(run, size=(120, 30)) as pilot:
        await open_pane(pilot, "5", "classes")
        assert "ΔE probe, epoch 2" in text_of(pilot)
        assert "20 samples" in text_of(pilot)
        await open_pane(pilot, "6", "energies")
        assert "200 probe samples" in text_of(pilot)


def replaced(run: Path, scratch: Path, **changes: object) -> None:
    """Put another log of the same run in the place of a run's."""
    (write_recorded(scratch, **changes) / "run.h5").replace(run / "run.h5")


async def reread(pilot) -> None:
    """Wait until the log is read once more."""
    screen, before = pilot.app.screen, pilot.app.screen.view
    screen._look()
    async with asyncio.timeout(20):
        while screen.view is before:
            await pilot.pause(0.01)


async def test_another_split_may_have_fewer_classes(tmp_path: Path, opened: Opened) -> None:
    run = write_recorded(tmp_path / "run", epochs=2, facts=meta(class_names=()), labels=[7] * NUM_TRAIN)
    async with opened(run, size=(120, 30)) as pilot:
        await open_pane(pilot, "5", "classes")
        await pilot.press("s")
        await read(pilot, "classes")
        await pilot.press(*["down"] * 6, "s")
        await read(pilot, "classes")
        assert "▸ (7)" in text_of(pilot)


async def test_a_log_that_took_the_place_of_another_is_shown_alone(tmp_path: Path, opened: Opened) -> None:
    run = write_recorded(tmp_path / "run", epochs=4, labels=np.arange(NUM_TRAIN) % 3, facts=meta(class_names=()))
    async with opened(run, size=(160, 48)) as pilot:
        widget = await open_pane(pilot, "5", "classes")
        assert len(widget._shown.numbers.quantiles) == 3
        await pilot.press("down", "down")
        replaced(run, tmp_path / "other", epochs=4, labels=np.arange(40) % 10, facts=meta(class_names=()))
        await reread(pilot)
        await read(pilot, "classes")
        async with asyncio.timeout(10):
            while "▸ (0)" not in text_of(pilot):
                await pilot.pause(0.02)
        assert len(widget._shown.numbers.quantiles) == 10


async def test_work_that_raises_anything_costs_its_pane_alone(
    recorded: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(recorded) as pilot:
        widget = await open_pane(pilot, "5", "classes")
        done: list[int] = []

        def step() -> bool | None:
            done.append(1)
            raise ValueError("[b]damaged[/]")

        monkeypatch.setattr(widget._background, "_step", step)
        widget._background._news = lambda: (widget.repaint(), widget._background.wake())
        for _ in range(2):
            widget._background.wake()
            async with asyncio.timeout(10):
                while not widget.ready:
                    await pilot.pause(0.01)
        await pilot.pause()
        assert len(done) == 2, "once for each time it was woken from outside"
        assert "ValueError: [b]damaged[/]" in text_of(pilot)
        assert [note.severity for note in pilot.app._notifications] == ["error"]
