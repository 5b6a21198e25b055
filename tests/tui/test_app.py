"""What the app says about runs, the strange ones too."""

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.tui.conftest import Opened, facts_of, text_of
from tests.tui.recorded import open_pane
from tests.tui.runs import COLLAPSE, EPOCHS, NOW, NUM_PROBE, NUM_TRAIN, append, measures, meta, start, table, write
from trainers.errors import WorkbenchError
from workbench.tui.application import WorkbenchApp
from workbench.tui.panes import PANES

HOSTILE = "[red]x[/] \x1b[31mred\x1b]0;title\x07 line\nbreak \u202etfel [@click=app.quit]q[/] " + "N" * 10_000


async def visit_all_panes(pilot) -> str:
    """Open each pane, the last at the first epoch; all that was shown."""
    shown = []
    for pane in PANES:
        await pilot.press(pane.key)
        shown.append(text_of(pilot))
    await pilot.press("home", "4", "3")
    return "\n".join([*shown, text_of(pilot)])


async def test_the_overview_tells_the_run(written: Path, opened: Opened) -> None:
    best = COLLAPSE - 1
    numbers = measures(best, collapses=True)
    async with opened(written / "collapsed", size=(120, 50)) as pilot:
        screen = text_of(pilot)
    for words in (
        "fgsm · digits · small-cnn · ε 0.25 · seed 0",
        f"✓ finished · {EPOCHS}/{EPOCHS} epochs",
        f"Catastrophic overfitting from epoch {COLLAPSE}",
        f"{best:>5}{numbers['pgd_accuracy']:>7.1%}{numbers['fgsm_accuracy']:>7.1%}{numbers['clean_accuracy']:>7.1%}",
        f"{EPOCHS - 1:>5}   4.0%  88.0%",
        f"epoch-{best:06d}.safetensors",
        "under fgsm, batch norm in train mode",
        "▲CO",
        "ΔE nat",
    ):
        assert words in screen, words


async def test_the_numbers_are_those_of_the_epoch_under_the_cursor(written: Path, opened: Opened) -> None:
    async with opened(written / "collapsed", size=(120, 24)) as pilot:
        for epoch in (0, 7, COLLAPSE):
            await pilot.press("home", *["right"] * epoch)
            await pilot.pause()
            numbers = measures(epoch, collapses=True)
            readout = text_of(pilot).splitlines()[-2]
            assert f"clean {numbers['clean_accuracy']:.1%}" in readout
            assert f"FGSM {numbers['fgsm_accuracy']:.1%}" in readout
            assert f"PGD {numbers['pgd_accuracy']:.1%}" in readout
            size = 30.0 if epoch >= COLLAPSE else 0.3 + 0.05 * epoch
            assert f"ΔE {size * (0.3 + math.log(0.5)):.3g}"[:7] in readout


async def test_onsets_are_flagged_on_every_time_axis(written: Path, opened: Opened) -> None:
    async with opened(written / "collapsed", size=(120, 40)) as pilot:
        assert text_of(pilot).count("▲CO") == 3, "accuracies, heat map and timeline"
        await pilot.press("2")
        await pilot.pause(0.1)
        assert text_of(pilot).count("▲CO") == 3, "accuracies, loss and timeline"


async def test_all_plots_put_the_cursor_in_one_column(written: Path, opened: Opened) -> None:
    async with opened(written / "healthy", size=(120, 40)) as pilot:
        await pilot.press("home", "right_square_bracket")
        await pilot.pause()
        columns = [line.index("┻") for line in text_of(pilot).splitlines() if "┻" in line]
    assert len(columns) == 2
    assert columns[0] == columns[1]


async def test_the_events_pane_shows_evidence_and_events(tmp_path: Path, opened: Opened) -> None:
    writer = start(tmp_path / "run")
    for _ in range(COLLAPSE + 2):
        append(writer, collapses=True)
    writer.append_event(kind="note", epoch=3, step=60, message="the learning rate was lowered")
    writer.close("stopped")
    async with opened(tmp_path / "run", size=(160, 40)) as pilot:
        await open_pane(pilot, "0", "provenance")
        screen = text_of(pilot)
    assert "■ stopped" in screen
    assert "the learning rate was lowered" in screen
    assert "before   after" in screen
    assert "rule: collapse" in screen


async def test_no_epoch(tmp_path: Path, opened: Opened) -> None:
    async with opened(write(tmp_path / "run", epochs=0, status="stopped")) as pilot:
        shown = await visit_all_panes(pilot)
    assert "no epoch is committed yet" in shown
    assert "nan" not in shown.replace("Provenance", "")


async def test_one_epoch(tmp_path: Path, opened: Opened) -> None:
    async with opened(write(tmp_path / "run", epochs=1)) as pilot:
        shown = await visit_all_panes(pilot)
    assert "ΔE train, fgsm, epoch 0" in shown
    assert f"clean {measures(0, collapses=False)['clean_accuracy']:.1%}" in shown


async def test_a_run_without_adversary_shows_the_probe_set(tmp_path: Path, opened: Opened) -> None:
    writer = start(tmp_path / "run", meta(method="standard", train_attack=None))
    for epoch in range(3):
        writer.append_epoch({"epoch": epoch, "clean_accuracy": 0.9}, None, table(-1.0 - 0.01 * np.arange(NUM_PROBE)))
    writer.close("finished")
    async with opened(tmp_path / "run") as pilot:
        shown = await visit_all_panes(pilot)
        await pilot.press("s")
        assert [note.message for note in pilot.app._notifications] == ["The log has ΔE of the probe samples only."]
    assert "ΔE of probe samples under pgd-10, epoch 2" in shown
    assert "FGSM –" in shown


async def test_no_delta_energy_at_all(tmp_path: Path, opened: Opened) -> None:
    writer = start(tmp_path / "run")
    for epoch in range(3):
        writer.append_epoch({"epoch": epoch, "train_loss": math.nan}, None, None)
    writer.close("finished")
    async with opened(tmp_path / "run") as pilot:
        shown = await visit_all_panes(pilot)
    assert "no ΔE recorded" in shown
    assert "nan" not in shown.replace("Provenance", "")


@pytest.mark.parametrize("value", [-math.inf, 1e300, 1e-300, 1e20])
async def test_numbers_out_of_all_bounds(tmp_path: Path, opened: Opened, value: float) -> None:
    writer = start(tmp_path / "run")
    for _ in range(3):
        append(
            writer,
            changes={"train_loss": value, "pgd_accuracy": value, "train_delta_energy_q50": value},
            energies=value,
        )
    writer.close("finished")
    async with opened(tmp_path / "run", size=(120, 40)) as pilot:
        await visit_all_panes(pilot)


async def test_hostile_text_stays_text(tmp_path: Path, opened: Opened) -> None:
    facts = meta(
        run_id=HOSTILE,
        method=HOSTILE,
        dataset=HOSTILE,
        train_attack=HOSTILE,
        probe_attack=HOSTILE,
        train_batch_norm=HOSTILE,
        created=HOSTILE,
        config={"model": HOSTILE, "eps": 10**400},
    )
    writer = start(tmp_path / "run", facts)
    for _ in range(2):
        append(writer)
    writer.append_event(kind="[b]note[/]", epoch=1, step=1, message=HOSTILE[:400])
    writer.close("finished")
    async with opened(tmp_path / "run", size=(120, 40)) as pilot:
        shown = await visit_all_panes(pilot)
        await pilot.press("1", *["pagedown"] * 3)
        shown += text_of(pilot) + facts_of(pilot)
        svg = pilot.app.export_screenshot()
    assert "[red]x[/]" in shown
    assert "\\x1b[31mred" in shown
    assert "line\\nbreak" in shown
    assert "[b]note[/]: [red]x[/]" in shown
    assert all(char.isprintable() or char == "\n" for char in shown)
    assert "\x1b" not in svg


@pytest.mark.parametrize("size", [(40, 12), (20, 5), (1, 1), (200, 60), (64, 40), (140, 20)])
async def test_every_size(written: Path, opened: Opened, size: tuple[int, int]) -> None:
    async with opened(written / "collapsed", size=size) as pilot:
        await visit_all_panes(pilot)
        await pilot.press("question_mark")
        await pilot.pause()
        await pilot.press("escape")
        assert all(len(line) <= size[0] for line in text_of(pilot).splitlines())


async def test_resizing(written: Path, opened: Opened) -> None:
    async with opened(written / "collapsed", size=(40, 12)) as pilot:
        assert "accuracy on the probe set" not in text_of(pilot)
        for size in ((120, 40), (10, 4), (120, 40)):
            await pilot.resize_terminal(*size)
            await pilot.pause(0.1)
        screen = text_of(pilot)
    for words in ("status", "accuracy on the probe set", "share", "median"):
        assert words in screen


async def test_without_colours_shades_stand_for_them(
    written: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with opened(written / "healthy", size=(120, 40)) as pilot:
        screen = text_of(pilot)
        colours = {
            color.triplet
            for strip in pilot.app.screen._compositor.render_strips()
            for segment in strip
            for color in ([segment.style.color, segment.style.bgcolor] if segment.style else [])
            if color is not None and color.triplet is not None
        }
    assert "▓" in screen
    assert "░" in screen
    assert all(red == green == blue for red, green, blue in colours)


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "does not exist"), (b"", "not an HDF5 file"), (b"\x89HDF\r\n\x1a\n" + b"\0" * 500, "damaged")],
)
def test_no_log_is_an_error_before_the_terminal_is_touched(tmp_path: Path, content: bytes | None, words: str) -> None:
    path = tmp_path / "run.h5"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WorkbenchError, match=words):
        WorkbenchApp(path)
    script = "import sys; from pathlib import Path; from workbench.tui.app import run; run(Path(sys.argv[1]))"
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=False)
    assert words in done.stderr.splitlines()[-1]
    assert "\x1b" not in done.stdout


def test_the_clock_decides_what_crashed(tmp_path: Path) -> None:
    writer = start(tmp_path / "run")
    append(writer)
    app = WorkbenchApp(tmp_path / "run", clock=lambda: NOW + 1e9)
    assert app.glance.facts.status == "crashed"
    writer.close("finished")


SCRIPT = """
import sys, threading
from pathlib import Path
from workbench.tui.facts.glance import Helper
if sys.argv[2] == "threads":
    threading.Thread(target=threading.Event().wait, daemon=True).start()
helper = Helper(Path(sys.argv[1]))
forked, glance = helper.forked, helper.result()
loaded = [name for name in ("h5py", "numpy", "textual") if name in sys.modules]
total = sum([*glance.moment.shares, *glance.moment.outside])
print(forked, loaded, glance.facts.method, glance.moment.epoch, round(total, 6))
"""


@pytest.mark.parametrize(
    ("threads", "answer"),
    [("none", "True [] fgsm 39 1.0"), ("threads", "False ['h5py', 'numpy'] fgsm 39 1.0")],
)
def test_the_helper_reads_in_a_child_where_forking_is_safe(written: Path, threads: str, answer: str) -> None:
    command = [sys.executable, "-c", SCRIPT, str(written / "healthy"), threads]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == f"{answer}\n"


async def test_samples_beyond_the_axis_are_counted(tmp_path: Path, opened: Opened) -> None:
    writer = start(tmp_path / "run")
    far = np.concatenate([np.full(8, -900.0), np.zeros(NUM_TRAIN - 8)])
    writer.append_epoch({"epoch": 0}, table(far), None)
    for _ in range(39):
        append(writer)
    writer.close("finished")
    async with opened(tmp_path / "run", size=(80, 24)) as pilot:
        await pilot.press("3", "home")
        await pilot.pause()
        assert "◂2.0%" in text_of(pilot)


@pytest.mark.parametrize(
    ("module", "later"),
    [
        ("workbench.tui.app", ("textual", "numpy", "h5py")),
        ("workbench.tui.application", ("numpy", "h5py", "textual_plot", "torch", "sklearn")),
        ("workbench.tui.facts.source", ("textual_plot", "torch", "sklearn")),
    ],
)
def test_what_the_first_frame_does_not_need_is_loaded_later(module: str, later: tuple[str, ...]) -> None:
    script = f"import sys, {module}; print([name for name in {later} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
