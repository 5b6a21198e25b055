"""The pane of energies: what it counts and says is what the samples give, on axes that do not move."""

import asyncio
import time
from pathlib import Path

import numpy as np
import pytest

from tests.tui.conftest import Opened, Pictured, text_of
from tests.tui.looks import Look, every_look
from tests.tui.recorded import EPOCHS, NUM_TRAIN, open_pane, read, sample_table, write_recorded
from tests.tui.runs import COLLAPSE, NOW
from trainers.errors import WorkbenchError
from workbench.tui.facts.energy_plane import KEPT, EnergyPlanes, Wanted
from workbench.tui.facts.source import Source
from workbench.tui.keys.energies import ENERGIES_KEYS
from workbench.tui.look.text import number
from workbench.tui.widgets.plane import round_ticks

LABELS = np.arange(NUM_TRAIN) % 10


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of ten classes that collapses, as written at NOW."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time", lambda: NOW)
        return write_recorded(tmp_path_factory.mktemp("recorded") / "run")


async def test_the_words_are_those_of_a_loop_over_the_samples(recorded: Path, opened: Opened) -> None:
    async with opened(recorded, size=(160, 48)) as pilot:
        await open_pane(pilot, "6", "energies")
        for key, epoch in (("end", EPOCHS - 1), ("home", 0)):
            await pilot.press(key)
            await read(pilot, "energies")
            screen, table = text_of(pilot), sample_table(epoch, LABELS)
            x, y = table.energy.astype(float), table.energy_adv.astype(float)
            assert f"ΔE > 0 in {np.mean(x - y > 0):.1%}" in screen
            assert f"correlation {np.corrcoef(x, y)[0, 1]:.2f}" in screen
            assert f"wrong {1 - table.correct.mean():.1%} / {1 - table.correct_adv.mean():.1%}" in screen
            entropies = table.joint_energy - x, table.joint_energy_adv - y
            assert "median " + " / ".join(number(float(np.median(each))) for each in entropies) + " nat" in screen
            assert f"E(x*) against E(x), epoch {epoch}" in screen


def test_the_grids_are_those_of_a_loop_over_the_samples(recorded: Path) -> None:
    source = Source(recorded, lambda: NOW)
    view = source.read()
    planes = EnergyPlanes(view)
    table = sample_table(25, LABELS)
    planes.look(view, Wanted(25, (("pair", (8, 11)), ("joint", (6, 9))), fitted=False))
    assert planes.step() is True
    assert planes.step() is None
    found = planes.planes()
    (low, high), (joint_low, joint_high) = found.axes
    expected = {
        "pair": [(table.energy, table.energy_adv, (low, high), (8, 11))],
        "joint": [
            (table.energy, table.joint_energy, (joint_low, joint_high), (6, 9)),
            (table.energy_adv, table.joint_energy_adv, (joint_low, joint_high), (6, 9)),
        ],
    }
    for name, clouds in expected.items():
        for density, (x, y, (bottom, top), (rows, columns)) in zip(found.densities[name], clouds, strict=True):
            counts, outside = np.zeros((rows, columns), int), 0
            for a, b in zip(x.tolist(), y.tolist(), strict=True):
                if low <= a <= high and bottom <= b <= top:
                    row = rows - 1 - int((b - bottom) / (top - bottom) * rows)
                    counts[row, int((a - low) / (high - low) * columns)] += 1
                else:
                    outside += 1
            np.testing.assert_array_equal(density.counts, counts)
            assert density.outside == outside
    source.close()


def test_axes_stay_the_same_until_a_run_has_doubled_and_fit_one_epoch_where_asked(recorded: Path) -> None:
    source = Source(recorded, lambda: NOW)
    view = source.read()
    planes = EnergyPlanes(view)
    axes = []
    for epoch, fitted in ((0, False), (EPOCHS - 1, False), (0, True)):
        planes.look(view, Wanted(epoch, (("pair", (4, 4)),), fitted=fitted))
        planes.step()
        axes.append(planes.planes().axes)
    assert axes[0] == axes[1] != axes[2]
    table = sample_table(0, LABELS)
    pooled = np.concatenate([table.energy, table.energy_adv]).astype(float)
    np.testing.assert_allclose(axes[2].marginal, np.quantile(pooled, [0.002, 0.998]))
    assert planes.planes().densities["pair"][0].outside <= 6
    for epoch in range(EPOCHS):
        planes.look(view, Wanted(epoch, (("pair", (4, 4)),), fitted=False))
        planes.step()
    assert len(planes._kept) == KEPT
    source.close()


async def test_m_shows_the_next_picture(recorded: Path, opened: Opened) -> None:
    pair, joint = "E(x*) against E(x)", "E(x,y) against E(x)"
    async with opened(recorded, size=(80, 24)) as pilot:
        await open_pane(pilot, "6", "energies")
        for shown, hidden in ((pair, joint), (joint, pair), (pair, joint)):
            assert shown in text_of(pilot)
            assert hidden not in text_of(pilot)
            await pilot.press("m")
            await read(pilot, "energies")
        await pilot.resize_terminal(140, 40)
        await read(pilot, "energies")
        for both in (False, True, False, False):
            await pilot.pause(0.02)
            assert (pair in text_of(pilot) and joint in text_of(pilot)) == both
            await pilot.press("m")
            await read(pilot, "energies")


async def test_f_fits_the_axes_to_the_epoch(recorded: Path, opened: Opened) -> None:
    async with opened(recorded, size=(80, 24)) as pilot:
        await open_pane(pilot, "6", "energies")
        await pilot.press("home")
        await read(pilot, "energies")
        before = [line[:12] for line in text_of(pilot).splitlines()]
        await pilot.press("f")
        await read(pilot, "energies")
        assert [line[:12] for line in text_of(pilot).splitlines()] != before
        await pilot.press("f")
        await read(pilot, "energies")
        assert [line[:12] for line in text_of(pilot).splitlines()] == before


def test_every_key_of_the_table_is_tried() -> None:
    assert {key for row in ENERGIES_KEYS.rows for key in row.keys} == {"m", "f"}


async def test_s_shows_the_probe_set(recorded: Path, opened: Opened) -> None:
    async with opened(recorded, size=(80, 24)) as pilot:
        await open_pane(pilot, "6", "energies")
        assert "600 training samples" in text_of(pilot)
        await pilot.press("s")
        async with asyncio.timeout(20):
            while "200 probe samples" not in text_of(pilot):
                await pilot.pause(0.01)


async def test_samples_recorded_in_some_epochs_only(tmp_path: Path, opened: Opened) -> None:
    run = write_recorded(tmp_path / "run", epochs=6, train=lambda epoch, table: table if epoch % 2 else None)
    async with opened(run, size=(80, 24)) as pilot:
        await open_pane(pilot, "6", "energies")
        assert "600 training samples" in text_of(pilot)
        await pilot.press("left")
        await read(pilot, "energies")
        assert "no energies recorded in epoch 4" in text_of(pilot)
        assert "nan" not in text_of(pilot)


async def test_energies_that_are_no_numbers_are_counted(tmp_path: Path, opened: Opened) -> None:
    def diverged(epoch: int, table):
        table.energy[:50], table.energy_adv[50:80] = np.nan, -np.inf
        return table

    async with opened(write_recorded(tmp_path / "run", epochs=3, train=diverged), size=(80, 24)) as pilot:
        await open_pane(pilot, "6", "energies")
        assert "520 training samples" in text_of(pilot)
        assert "80 without a number" in text_of(pilot)


async def test_energies_that_are_all_alike_or_enormous(tmp_path: Path, opened: Opened) -> None:
    def strange(epoch: int, table):
        for name in ("energy", "energy_adv", "joint_energy", "joint_energy_adv"):
            getattr(table, name)[:] = -2.3 if epoch == 0 else 3e38 * np.sign(LABELS - 4.5)
        return table

    async with opened(write_recorded(tmp_path / "run", epochs=2, train=strange), size=(140, 40)) as pilot:
        await open_pane(pilot, "6", "energies")
        await pilot.press("f")
        await read(pilot, "energies")
        await pilot.press("home")
        await read(pilot, "energies")
        assert "correlation –" in text_of(pilot)
        assert pilot.app.is_running


@pytest.mark.parametrize("epochs", [0, 1])
@pytest.mark.parametrize("size", [(80, 24), (20, 5), (40, 12)])
async def test_small_worlds(tmp_path: Path, opened: Opened, epochs: int, size: tuple[int, int]) -> None:
    async with opened(write_recorded(tmp_path / "run", epochs=epochs), size=size) as pilot:
        await open_pane(pilot, "6", "energies")
        await pilot.press("m", "f", "s", "right")
        await pilot.pause(0.05)
        screen = text_of(pilot)
        assert "nan" not in screen
        if size == (80, 24):
            assert ("no epoch is committed yet" if epochs == 0 else "epoch 0") in screen


def test_what_cannot_be_read_is_said_and_not_tried_again_until_the_log_was_looked_at(recorded: Path) -> None:
    source = Source(recorded, lambda: NOW)
    view = source.read()
    planes = EnergyPlanes(view)
    calls = []

    def fail(split: str, column: str, epoch: int, part: object) -> None:
        calls.append(epoch)
        raise WorkbenchError("it is gone")

    working, source.samples = source.samples, fail  # type: ignore[method-assign]
    wanted = Wanted(2, (("pair", (4, 4)),), fitted=True)
    planes.look(view, wanted)
    assert [planes.step(), planes.step()] == [True, None]
    assert calls == [2]
    assert planes.problem == "it is gone"
    source.samples = working  # type: ignore[method-assign]
    source.read("probe")
    planes.look(source.read("train"), wanted)
    assert planes.step() is True
    assert planes.problem is None
    source.close()


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (-11.0, -2.4, ["-10", "-8", "-6", "-4"]),
        (-0.31, 0.21, ["-0.3", "-0.2", "-0.1", "0.0", "0.1", "0.2"]),
        (0.0, 1.0, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (5.0, 5.0, []),
        (float("nan"), 1.0, []),
    ],
)
def test_round_ticks(low: float, high: float, labels: list[str]) -> None:
    ticks = round_ticks(low, high, 4)
    assert [label for _, label in ticks] == labels
    assert all(low <= value <= high for value, _ in ticks)


@every_look
def test_pictures(pictured: Pictured, recorded: Path, look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(recorded.parent)

    async def before(pilot) -> None:
        while pilot.app.screen.view is None:
            await pilot.pause(0.01)
        await open_pane(pilot, "6", "energies")
        await pilot.press(
            *["left"] * (EPOCHS - COLLAPSE), "m" if look.size[0] < 100 else "f", *["f"][: look.size[0] < 100]
        )
        await read(pilot, "energies")

    pictured(look, "run", before=before)
