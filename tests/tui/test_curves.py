"""Looking into curves: every key, every gesture of the mouse, live runs, strange ones, and pictures."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from textual.events import MouseDown, MouseMove, MouseScrollDown, MouseScrollUp, MouseUp
from textual.pilot import Pilot

from tests.tui.conftest import Opened, Pictured, settled, text_of
from tests.tui.looks import Look, every_look
from tests.tui.runs import COLLAPSE, EPOCHS, append, keys, measures, meta, start, tables, write
from tests.tui.test_live import until
from trainers.energylog import LogWriter
from trainers.errors import WorkbenchError
from workbench.tui.facts.source import Source
from workbench.tui.keys.curves import CURVES_KEYS
from workbench.tui.keys.run import RUN_KEYS
from workbench.tui.look import palette
from workbench.tui.look.themes import DARK, LIGHT
from workbench.tui.plots.charts import LOWER
from workbench.tui.plots.window import Window
from workbench.tui.widgets.curves import Curves
from workbench.tui.widgets.explorer import Explorer

STEPS = 20


def write_steps(folder: Path, epochs: int = 12, falls: float = 10.0) -> Path:
    """A run with what was recorded at each step: loss and ΔE fall from step to step, ΔE by 1 / ``falls``."""
    folder.mkdir(parents=True)
    writer = LogWriter.create(folder / "run.h5", meta(), train=keys(400), probe=keys(150), steps_per_epoch=STEPS)
    for epoch in range(epochs):
        for step in range(STEPS * epoch, STEPS * (epoch + 1)):
            writer.append_step(
                {"step": step, "epoch": epoch, "loss": 3.0 - step / 100, "delta_energy_mean": -step / falls}
            )
        train, probe = tables(epoch, collapses=False)
        writer.append_epoch(measures(epoch, collapses=False) | {"train_seconds": 30.0 / falls}, train, probe)
    writer.close("finished")
    return folder


async def explorer(pilot: Pilot[None]) -> Explorer:
    """The pane of curves, opened and drawn."""
    await settled(pilot)
    await pilot.press("2")
    while not pilot.app.screen.query(Explorer) or not pilot.app.screen.query_one(Explorer).has_focus:
        await pilot.pause(0.01)
    await settled(pilot)
    return pilot.app.screen.query_one(Explorer)


def upper(pilot: Pilot[None]) -> Curves:
    return pilot.app.screen.query_one("#upper", Curves)


def place(pilot: Pilot[None], epoch: int) -> tuple[int, int]:
    """A cell of the screen in the upper plot, over an epoch."""
    plot = upper(pilot).query_one("LinePlot")
    return plot.region.x + 1 + upper(pilot).axis().column(epoch), plot.region.y + 3


async def mouse(pilot: Pilot[None], kind: type, x: int, y: int, button: int = 0, *, shift: bool = False) -> None:
    """One event of the mouse, as a terminal sends it."""
    pilot.app.post_message(kind(None, x, y, 0, 0, button, shift, False, False, x, y))
    await pilot.pause()


async def drag(pilot: Pilot[None], start: int, end: int, button: int = 1, *, shift: bool = False) -> None:
    """Press over an epoch, move to another, let go."""
    (x, y), (to, _) = place(pilot, start), place(pilot, end)
    await mouse(pilot, MouseDown, x, y, button, shift=shift)
    for at in np.linspace(x, to, 4).astype(int).tolist():
        await mouse(pilot, MouseMove, at, y, button, shift=shift)
    await mouse(pilot, MouseUp, to, y, button, shift=shift)
    await pilot.pause()


def test_no_key_has_two_meanings_and_none_of_the_run_screens_is_taken() -> None:
    own = [key for row in CURVES_KEYS.rows for key in row.keys]
    assert len(own) == len(set(own))
    assert not set(own) & {key for row in RUN_KEYS.rows for key in row.keys}


async def test_every_key_runs_its_action(written: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    def record(name: str) -> Callable[..., None]:
        def action(self: Explorer, *arguments: object) -> None:
            done.append(f"{name}({', '.join(map(repr, arguments))})" if arguments else name)

        return action

    for row in CURVES_KEYS.rows:
        name = row.action.split("(")[0]
        monkeypatch.setattr(Explorer, f"action_{name}", record(name))
    async with opened(written / "collapsed") as pilot:
        await explorer(pilot)
        for row in CURVES_KEYS.rows:
            for key in row.keys:
                done.clear()
                await pilot.press(key)
                assert done == [row.action], key


async def test_zoom_pan_and_back(written: Path, opened: Opened) -> None:
    async with opened(written / "collapsed") as pilot:
        pane = await explorer(pilot)
        await pilot.press("n", "plus")
        assert pane.look.window == Window(11, 20)
        assert f"epochs 11–30 of {EPOCHS}" in text_of(pilot)
        await pilot.press("equals_sign")
        assert pane.look.window == Window(17, 10)
        await pilot.press("greater_than_sign", "greater_than_sign", "less_than_sign")
        assert pane.look.window == Window(19, 10)
        await pilot.press("minus", "minus")
        assert pane.look.window is None
        await pilot.press("plus", "z")
        assert pane.look.window is None


async def test_the_window_scrolls_with_the_cursor(written: Path, opened: Opened) -> None:
    async with opened(written / "collapsed") as pilot:
        pane = await explorer(pilot)
        await pilot.press("n", "plus", "plus", "home")
        assert pane.look.window == Window(0, 10)
        await pilot.press("right_square_bracket")
        assert pane.look.window == Window(1, 10)
        await pilot.press("left")
        assert pane.look.window == Window(1, 10)
        await pilot.press("end")
        assert pane.look.window == Window(EPOCHS - 10, 10)


async def test_smoothing_scales_and_the_lower_plot_go_round_and_say_so(written: Path, opened: Opened) -> None:
    async with opened(written / "collapsed", size=(120, 40)) as pilot:
        await explorer(pilot)
        for median in (3, 5, 9):
            await pilot.press("w")
            assert text_of(pilot).count(f"· median of {median}") == 2
        await pilot.press("w")
        assert "median of" not in text_of(pilot)
        await pilot.press("L")
        assert "logit scale" in text_of(pilot)
        assert "training loss, nat · log scale" in text_of(pilot)
        for chart, scale in zip((*LOWER[1:], LOWER[0]), ("asinh", "log", "log"), strict=True):
            await pilot.press("d")
            assert f"{chart.titles[0]} · {scale} scale" in text_of(pilot)
        await pilot.press("L", "f")
        assert "scale" not in text_of(pilot)
        assert "100%" not in text_of(pilot)


async def test_the_values_at_the_cursor_and_under_the_pointer_are_read_off(written: Path, opened: Opened) -> None:
    async with opened(written / "collapsed") as pilot:
        pane = await explorer(pilot)
        await pilot.press("n", "w")
        lines = text_of(pilot).splitlines()
        assert any(f"epoch {COLLAPSE}" in line and "median 3" in line for line in lines)
        before = [measures(epoch, collapses=True)["pgd_accuracy"] for epoch in range(COLLAPSE - 1, COLLAPSE + 2)]
        row = next(line for line in lines if "■ PGD " in line and "%" in line)
        assert row.split()[-2:] == [f"{before[1]:.1%}", f"{np.median(before):.1%}"]
        await mouse(pilot, MouseMove, *place(pilot, 7))
        assert pane.pointer == 7
        assert "▸ 7" in text_of(pilot)
        row = next(line for line in text_of(pilot).splitlines() if "● clean " in line and "%" in line)
        assert f"{measures(7, collapses=True)['clean_accuracy']:.1%}" in row
        assert pilot.app.screen.epoch == COLLAPSE
        await mouse(pilot, MouseMove, 2, 0)
        assert pane.pointer is None


async def test_the_wheel_zooms_around_the_pointer(written: Path, opened: Opened) -> None:
    async with opened(written / "collapsed") as pilot:
        pane = await explorer(pilot)
        at = place(pilot, 10)
        await mouse(pilot, MouseScrollUp, *at)
        assert pane.look.window == Window(2, 32)
        assert upper(pilot).axis().epoch(upper(pilot).column(at[0])) == 10
        await mouse(pilot, MouseScrollDown, *at)
        assert pane.look.window is None


async def test_a_drag_selects_and_a_click_points(written: Path, opened: Opened) -> None:
    async with opened(written / "collapsed") as pilot:
        pane = await explorer(pilot)
        await drag(pilot, 25, 12)
        assert pane.look.window == Window(12, 14)
        assert pilot.app.screen.epoch == EPOCHS - 1, "a drag does not move the cursor"
        await pilot.click(offset=place(pilot, 20))
        assert pilot.app.screen.epoch == 20
        assert pane.look.window == Window(12, 14)


@pytest.mark.parametrize(("button", "shift"), [(1, True), (3, False)])
async def test_a_drag_with_shift_or_the_right_button_pans(
    written: Path, opened: Opened, button: int, shift: bool
) -> None:
    async with opened(written / "collapsed") as pilot:
        pane = await explorer(pilot)
        await pilot.press("n", "plus")
        assert pane.look.window == Window(11, 20)
        await drag(pilot, 18, 23, button, shift=shift)
        assert pane.look.window == Window(6, 20)
        assert pilot.app.screen.epoch == COLLAPSE


async def test_a_part_of_a_growing_run_follows_its_end(tmp_path: Path, opened: Opened) -> None:
    writer = start(tmp_path / "run")
    for _ in range(20):
        append(writer)
    async with opened(tmp_path / "run") as pilot:
        pane = await explorer(pilot)
        await pilot.press("plus")
        assert pane.look.window == Window(10, 10)
        append(writer)
        while pilot.app.screen.view.num_epochs < 21:
            await asyncio.sleep(0.05)
        await pilot.pause()
        assert pane.look.window == Window(11, 10)
        await pilot.press("home")
        append(writer)
        while pilot.app.screen.view.num_epochs < 22:
            await asyncio.sleep(0.05)
        await pilot.pause()
        assert pane.look.window == Window(0, 10)
    writer.close("stopped")


async def test_single_steps_show_where_epochs_are_wide(tmp_path: Path, opened: Opened) -> None:
    async with opened(write_steps(tmp_path / "run"), size=(120, 40)) as pilot:
        pane = await explorer(pilot)
        while pane._trace is None:
            await pilot.pause(0.01)
        np.testing.assert_allclose(pane._trace.values["delta_energy_mean"], -np.arange(12 * STEPS) / 10)
        np.testing.assert_allclose(pane._trace.positions[:2], [-0.475, -0.425])
        await pilot.press("home", "right", "plus", "plus", "d")
        await pilot.pause()
        assert "single steps behind" in text_of(pilot)
        await pilot.press("minus", "minus")
        window = Window(0, 3)
        assert pane._asked_for is not None
        assert pane._asked_for[0].count >= window.count


async def test_steps_are_those_of_the_log_that_is_there_and_read_again_after_a_failure(
    tmp_path: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, other = write_steps(tmp_path / "run"), write_steps(tmp_path / "other", falls=5.0)
    async with opened(run, size=(120, 40)) as pilot:
        pane = await explorer(pilot)
        await until(pilot, lambda: pane._trace is not None)
        before = pilot.app.screen.view
        (other / "run.h5").replace(run / "run.h5")
        with monkeypatch.context() as patch:
            patch.setattr(Source, "steps", lambda *_: (_ for _ in ()).throw(WorkbenchError("gone")))
            pilot.app.screen._look()
            await until(pilot, lambda: pilot.app.screen.view is not before and bool(pilot.app._notifications))
            assert pane._trace is None
            await pilot.press("left", "right")
        assert [note.message for note in pilot.app._notifications] == ["gone"], "said once"
        pane.show(replace(pilot.app.screen.view), 11)
        await until(pilot, lambda: pane._trace is not None)
        np.testing.assert_allclose(pane._trace.values["delta_energy_mean"], -np.arange(12 * STEPS) / 5)


async def test_where_no_steps_were_recorded_none_are_promised(written: Path, opened: Opened) -> None:
    async with opened(written / "collapsed", size=(160, 48)) as pilot:
        pane = await explorer(pilot)
        while pane._trace is None:
            await pilot.pause(0.01)
        await pilot.pause()
        assert "single steps" not in text_of(pilot)


async def test_how_curves_are_shown_is_kept(written: Path, opened: Opened) -> None:
    async with opened(written / "collapsed") as pilot:
        pane = await explorer(pilot)
        await pilot.press("w", "w", "L", "f", "d", "plus")
        kept = pane.keep()
        other = Explorer()
        other.restore(kept)
        assert other.look == pane.look._replace(window=None)
        assert other.lower == pane.lower == 1
        for strange in ({"median": 4, "lower": 9, "scaled": 1}, {"median": True, "lower": -1}, {"median": "5"}, {}):
            other.restore(strange)
            assert other.look.median == 1
            assert other.lower == 0
            assert not other.look.scaled


async def test_what_is_exported_is_what_is_seen(written: Path, opened: Opened) -> None:
    async with opened(written / "collapsed") as pilot:
        pane = await explorer(pilot)
        await pilot.press("n", "plus", "w", "d")
        table = pane.export()
        assert table is not None
        rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows()]
        assert [row["epoch"] for row in rows] == list(range(11, 31))
        assert rows[0]["pgd_accuracy"] == pytest.approx(measures(11, collapses=True)["pgd_accuracy"])
        around = [measures(epoch, collapses=True)["pgd_accuracy"] for epoch in (10, 11, 12)]
        assert rows[0]["pgd_accuracy_median_3"] == pytest.approx(np.median(around))
        assert "train_delta_energy_q05" in rows[0]
        assert "train_delta_energy_q05_median_3" not in rows[0]
        assert table.drawing is not None
        assert set(table.drawing.y) < set(table.columns)


async def test_another_theme_recolours_the_lines(written: Path, opened: Opened) -> None:
    async with opened(written / "collapsed") as pilot:
        await explorer(pilot)
        for theme in (DARK, LIGHT):
            while palette.in_use() is not theme:
                await pilot.press("T")
                await pilot.pause()
            canvas = upper(pilot).query_one("LinePlot").canvas
            looks = {canvas.get_pixel(x, y)[1] for x in range(canvas.size.width) for y in range(canvas.size.height)}
            assert theme.colours["clean"] in looks


@pytest.mark.parametrize("epochs", [0, 1, 2])
async def test_small_runs(tmp_path: Path, opened: Opened, epochs: int) -> None:
    async with opened(write(tmp_path / "run", epochs=epochs), size=(80, 24)) as pilot:
        pane = await explorer(pilot)
        for row in CURVES_KEYS.rows:
            await pilot.press(row.keys[0])
        await mouse(pilot, MouseMove, 30, 8)
        await drag(pilot, 0, max(epochs - 1, 0))
        await pilot.press("left", "right")
        assert "accuracy" in text_of(pilot)
        assert pane.look.window is None or pane.look.window.stop <= epochs


async def test_a_run_without_any_number(tmp_path: Path, opened: Opened) -> None:
    writer = start(tmp_path / "run")
    for _ in range(3):
        nothing = {name: np.nan for name in measures(0, collapses=False) if name not in ("epoch", "last_step")}
        append(writer, changes=nothing)
    writer.close("finished")
    async with opened(tmp_path / "run", size=(80, 24)) as pilot:
        await explorer(pilot)
        for row in CURVES_KEYS.rows:
            await pilot.press(row.keys[0])
        await mouse(pilot, MouseMove, *place(pilot, 1))
        assert "accuracy" in text_of(pilot)


@pytest.mark.parametrize("size", [(20, 5), (40, 12), (80, 24), (200, 60)])
async def test_no_terminal_is_too_small(written: Path, opened: Opened, size: tuple[int, int]) -> None:
    async with opened(written / "collapsed", size=(80, 24)) as pilot:
        await explorer(pilot)
        await pilot.resize_terminal(*size)
        await pilot.pause(0.1)
        await pilot.press("plus", "w", "L", "d", "left")
        await mouse(pilot, MouseMove, size[0] // 2, size[1] // 2)
        await pilot.resize_terminal(80, 24)
        await pilot.pause(0.1)
        assert "median of 3" in text_of(pilot)


def steps(*presses: str, hover: bool = False) -> Callable[[Pilot[None]], object]:
    """Open the curves and press keys."""

    async def before(pilot: Pilot[None]) -> None:
        await explorer(pilot)
        await pilot.press(*presses)
        if hover:
            await mouse(pilot, MouseMove, *place(pilot, 25))
        await settled(pilot)

    return before


@every_look
@pytest.mark.parametrize(
    ("presses", "hover"),
    [(("n", "plus", "w", "w"), False), (("n", "L", "d"), True), (("f", "d", "d"), False)],
    ids=["smoothed", "scaled", "fitted"],
)
def test_pictures(
    pictured: Pictured,
    written: Path,
    monkeypatch: pytest.MonkeyPatch,
    presses: tuple[str, ...],
    hover: bool,
    look: Look,
) -> None:
    monkeypatch.chdir(written)
    pictured(look, "collapsed", before=steps(*presses, hover=hover))
