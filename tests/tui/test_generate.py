"""Generating images from the app: the form, a stand-in for the command, and the command itself."""

import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from textual.pilot import Pilot
from textual.widgets import Select, Static

from tests.tui.conftest import settled, text_of
from tests.tui.runs import NOW, append, meta, start, write
from tests.tui.test_live import until
from workbench.tui.application import WorkbenchApp
from workbench.tui.screens.generate import GenerateScreen
from workbench.tui.screens.job import JobScreen
from workbench.tui.screens.run import RunScreen
from workbench.tui.widgets.form import Field
from workbench.tui.widgets.picture import Picture

FAKE = Path(__file__).with_name("fake_workbench.py")
HOSTILE = "[red]x[/] \x1b[31mred\x1b]0;title\x07 \u202etfel [@click=app.quit]q[/] " + "N" * 10_000


def keep(run: Path, *epochs: int) -> Path:
    """Give a run checkpoints of some epochs, empty ones."""
    (run / "checkpoints").mkdir()
    for epoch in epochs:
        (run / "checkpoints" / f"epoch-{epoch:06d}.safetensors").touch()
    return run


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run of three epochs that keeps the checkpoints of the last two; the last is the best."""
    return keep(write(tmp_path / "run", epochs=3), 1, 2)


@asynccontextmanager
async def faked(path: Path, scenario: str = "works", size: tuple[int, int] = (100, 30)) -> AsyncIterator[Pilot[None]]:
    """The app on a run, with a stand-in for the command line."""
    app = WorkbenchApp(path, clock=lambda: NOW, command=(sys.executable, str(FAKE), scenario))
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        yield pilot


async def open_form(pilot: Pilot[None]) -> GenerateScreen:
    await pilot.press("g")
    await until(pilot, lambda: isinstance(pilot.app.screen, GenerateScreen))
    await pilot.pause(0.05)
    screen = pilot.app.screen
    assert isinstance(screen, GenerateScreen)
    return screen


async def begin(pilot: Pilot[None], classes: str = "3") -> JobScreen:
    """Fill in the form and start."""
    await open_form(pilot)
    await pilot.press(*classes, "enter")
    await until(pilot, lambda: isinstance(pilot.app.screen, JobScreen))
    screen = pilot.app.screen
    assert isinstance(screen, JobScreen)
    return screen


async def finish(pilot: Pilot[None]) -> str:
    """Wait for the end of the command; what is shown then."""
    screen = pilot.app.screen
    assert isinstance(screen, JobScreen)
    await until(pilot, lambda: screen.ended is not None, 30)
    await pilot.pause(0.1)
    await until(pilot, lambda: not screen.job.looking.locked())
    await pilot.pause()
    return text_of(pilot)


def joined(shown: str) -> str:
    """What is shown without spaces and frames, so that it does not matter where lines are broken."""
    return "".join(char for char in shown if not char.isspace() and char not in "│╭╮╰╯─")


def says(pilot: Pilot[None], *words: str) -> Callable[[], bool]:
    return lambda: all(word in text_of(pilot) for word in words)


async def test_the_form_says_at_once_what_is_wrong(run: Path) -> None:
    async with faked(run) as pilot:
        form = await open_form(pilot)
        assert "10 classes: 0, 1, 2, 3 and 6 more" in text_of(pilot)
        for name, typed, reason in (
            ("classes", "cat", "✗ the model has no class 'cat'; it has 0, 1, 2"),
            ("num", "0", "✗ a whole number from 1 to 1,000,000"),
            ("num", "9999999999999999999999", "✗ a whole number from 1 to"),
            ("num", "²", "✗ a whole number from 1 to"),
            ("steps", "-1", "✗ a whole number from 0 to 99,999"),
            ("steps", "ten", "✗ a whole number from 0 to"),
        ):
            field = form.query_one(f"#{name}", Field)
            field.input.focus()
            before = field.text
            field.input.value = ""
            await pilot.press(*typed)
            await pilot.pause()
            assert reason in text_of(pilot), typed
            await pilot.press("enter")
            await pilot.pause()
            assert pilot.app.screen is form, "a form that is wrong is not sent"
            assert pilot.app.focused is field.input
            field.input.value = before
        await pilot.pause()
        assert "✗" not in text_of(pilot)
        await pilot.press("escape")
        await pilot.pause()
        assert isinstance(pilot.app.screen, RunScreen)


async def test_what_is_asked_is_what_is_run(run: Path) -> None:
    async with faked(run) as pilot:
        form = await open_form(pilot)
        answers = []
        form.dismiss = answers.append  # type: ignore[method-assign,assignment]
        await pilot.press(*"7,2", "tab", *"24", "tab", *"80", "tab", "enter", "down", "enter")
        await pilot.pause()
        form.action_accept()
    request = answers[0]
    out = run / "generation" / "samples-000"
    assert request.labels == (7, 2)
    expected = ("sample", "--class=7,2", "--num", "24", "--steps", "80", "--epoch", "1", f"--out={out}", "--", str(run))
    assert request.arguments(run) == expected


async def test_the_checkpoints_of_the_form(written: Path, tmp_path: Path) -> None:
    run = keep(write(tmp_path / "run", epochs=5), 1, 2, 4)
    async with faked(run) as pilot:
        form = await open_form(pilot)
        checkpoint = form.query_one("#checkpoint", Select)
        assert [title for title, _ in checkpoint._options] == [
            "epoch 4 · best · last · under the cursor",
            "epoch 2",
            "epoch 1",
        ]
        await pilot.press("escape", "home", "right")
        await pilot.pause()
        form = await open_form(pilot)
        assert form.query_one("#checkpoint", Select).value == 1, "a cursor that was moved chooses"
        assert "epoch 1 · under the cursor" in text_of(pilot)


async def test_folders_are_numbered_on(run: Path) -> None:
    (run / "generation" / "samples-000").mkdir(parents=True)
    async with faked(run) as pilot:
        form = await open_form(pilot)
        assert str(form.query_one("#out", Static).render()) == f"Images go to {run / 'generation' / 'samples-001'}"


async def test_progress_preview_summary(run: Path) -> None:
    async with faked(run) as pilot:
        await begin(pilot)
        shown = await finish(pilot)
        out = run / "generation" / "samples-000"
        assert "16 images · class 3 · checkpoint of epoch 2" in shown
        assert "✓ finished" in shown
        assert "Median stop at step 20 of 60" in shown
        assert joined(f"16 images in {out}: 16 reached") in joined(shown)
        assert joined(str(out / "grid.png")) in joined(shown)
        assert shown.count("▀") >= 16 * 8 * 4
        await pilot.press("escape")
        await pilot.pause()
        assert isinstance(pilot.app.screen, RunScreen)


async def test_images_are_seen_while_others_are_made_and_stop_keeps_them(run: Path) -> None:
    async with faked(run, "waits") as pilot:
        screen = await begin(pilot)
        await until(pilot, says(pilot, "8 of 16 ended · active 8  E(x,y) -6.02  8.1 images/s", "50%", "▀"))
        assert len(list((run / "generation" / "samples-000" / "images" / "3").iterdir())) == 8
        await pilot.press("c")
        shown = await finish(pilot)
        assert screen.ended is not None
        assert screen.ended.stopped
        assert "■ stopped" in shown
        assert "8 of 16 images are kept in" in shown
        assert "workbench sample --resume" in shown
        assert "▀" in shown


async def test_a_stop_before_there_is_anything(run: Path) -> None:
    async with faked(run, "silent") as pilot:
        await begin(pilot)
        await until(pilot, says(pilot, "starting", "ready"))
        await pilot.press("c")
        shown = await finish(pilot)
    assert "■ stopped" in shown
    assert "There is no image yet." in shown
    assert "--resume" not in shown


async def test_a_command_that_does_not_stop_is_ended(run: Path) -> None:
    async with faked(run, "deaf") as pilot:
        screen = await begin(pilot)
        await until(pilot, says(pilot, "1 of 16 ended"))
        await pilot.press("c")
        await until(pilot, says(pilot, "c once more ends it at once"))
        assert screen.ended is None
        await pilot.press("c")
        shown = await finish(pilot)
    assert "1 of 16 images are kept in" in shown


@pytest.mark.parametrize(
    ("scenario", "words"),
    [
        (
            "fails",
            ["✗ failed", "Permission denied); choose another --out", "The command was:", "workbench sample --class=3"],
        ),
        ("crashes", ["✗ failed", "RuntimeError: [red]x[/] \\x1b[31mred", "2 of 16 images are kept", "--resume"]),
        ("mute", ["✗ failed", "the command ended with exit code 7 and said nothing"]),
    ],
)
async def test_a_command_that_fails(run: Path, scenario: str, words: list[str]) -> None:
    async with faked(run, scenario) as pilot:
        await begin(pilot)
        shown = await finish(pilot)
    for word in words:
        assert joined(word) in joined(shown), shown
    assert "workbench: " not in shown


async def test_hostile_output_stays_text(run: Path) -> None:
    async with faked(run, "noisy") as pilot:
        await begin(pilot)
        shown = await finish(pilot)
        svg = pilot.app.export_screenshot()
    assert "[red]x[/] \\x1b[31mred" in shown
    assert "[@click=app.quit]q[/]" in shown
    assert all(char.isprintable() or char == "\n" for char in shown)
    assert "\x1b" not in svg


async def test_hostile_class_names_stay_text(tmp_path: Path) -> None:
    writer = start(tmp_path / "run", meta(class_names=(HOSTILE, "-rf", "all,none", *"3456789")))
    append(writer)
    writer.close("finished")
    keep(tmp_path / "run", 0)
    async with faked(tmp_path / "run", size=(80, 24)) as pilot:
        form = await open_form(pilot)
        shown = text_of(pilot)
        assert "10 classes: [red]x[/]" in shown
        await pilot.press(*"nothing")
        await pilot.pause()
        shown += text_of(pilot)
        assert "the model has no class 'nothing'; it has [red]x[/]" in text_of(pilot)
        form.query_one("#classes", Field).input.value = "-rf"
        await pilot.pause()
        shown += text_of(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, JobScreen))
        shown += await finish(pilot)
        assert "class -rf" in shown
        await pilot.press("escape")
        await begin(pilot, "0")
        shown += await finish(pilot)
        svg = pilot.app.export_screenshot()
    assert "class [red]x[/] \\x1b[31mred" in shown
    assert all(char.isprintable() or char == "\n" for char in shown)
    assert "\x1b" not in svg


@pytest.mark.parametrize("size", [(40, 12), (20, 5), (1, 1), (200, 60)])
async def test_every_size(run: Path, size: tuple[int, int]) -> None:
    async with faked(run, size=size) as pilot:
        await begin(pilot, "all")
        await finish(pilot)
        await pilot.press("down", "pagedown", "up", "pageup")
        await pilot.resize_terminal(60, 20)
        await pilot.pause(0.2)
        assert "▀" in text_of(pilot)


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("COLORTERM", "")])
async def test_with_few_colours_brightness_is_told_by_characters(
    run: Path, name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    monkeypatch.setenv("TERM", "xterm")
    async with faked(run) as pilot:
        await begin(pilot)
        shown = await finish(pilot)
    assert "▀" not in shown
    assert shown.count("=    @") == 16, "rows 2 and 3 of every three: one of two pixels, and both"


async def test_redraws_are_at_most_four_a_second(run: Path) -> None:
    async with faked(run, "floods") as pilot:
        screen = await begin(pilot)
        drawn: list[float] = []
        show = screen.query_one(Picture).show
        screen.query_one(Picture).show = lambda strips: (drawn.append(time.monotonic()), show(strips))  # type: ignore[method-assign,assignment,func-returns-value]
        await until(pilot, says(pilot, "▀"))
        await pilot.pause(1.1)
        assert 1 <= len(drawn) <= 8
        await pilot.press("c")
        await finish(pilot)


@pytest.mark.parametrize("scenario", ["waits", "silent"])
async def test_to_quit_stops_the_command(run: Path, scenario: str) -> None:
    async with faked(run, scenario) as pilot:
        screen = await begin(pilot)
        await until(pilot, says(pilot, "8 of 16 ended" if scenario == "waits" else "ready"))
        await pilot.press("q")
        end = time.monotonic() + 10
        while pilot.app.is_running:
            assert time.monotonic() < end
            await pilot.pause(0.02)
    assert screen.job.ended is not None
    assert screen.job.ended.stopped


async def test_a_run_without_checkpoints(tmp_path: Path) -> None:
    write(tmp_path / "run", epochs=2)
    async with faked(tmp_path / "run") as pilot:
        for key in ("g", "a"):
            await pilot.press(key)
            await until(pilot, lambda: bool(pilot.app._notifications))
            assert next(note.message for note in pilot.app._notifications).endswith(
                "keeps no checkpoints, and images come from a checkpoint"
            )
            pilot.app.clear_notifications()
        assert isinstance(pilot.app.screen, RunScreen)


async def test_a_log_by_itself(run: Path) -> None:
    (run / "run.h5").rename(run / "other.h5")
    async with faked(run / "other.h5") as pilot:
        for key in ("g", "a"):
            await pilot.press(key)
            await until(pilot, lambda: bool(pilot.app._notifications))
            assert "other.h5 is a log by itself" in next(note.message for note in pilot.app._notifications)
            pilot.app.clear_notifications()


async def test_the_log_of_a_run_directory_means_the_run(run: Path) -> None:
    async with faked(run / "run.h5") as pilot:
        await begin(pilot)
        assert "✓ finished" in await finish(pilot)


TRAINING = ["--method", "fgsm", "--width", "2", "--epochs", "1", "--train-size", "60", "--probe-size", "20"]


async def test_the_real_command(tmp_path: Path) -> None:
    run = tmp_path / "run"
    command = [sys.executable, "-m", "workbench", "train", *TRAINING, "--out", str(run)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    app = WorkbenchApp(run, clock=time.time)
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await open_form(pilot)
        await pilot.press(*"3", "tab", *"4", "tab", *"2", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, JobScreen))
        screen = pilot.app.screen
        await until(pilot, lambda: screen.ended is not None, 120)
        shown = await finish(pilot)
        assert screen.job.progress is not None, "its lines of progress are understood"
        assert (screen.job.progress.ended, screen.job.progress.total) == (4, 4)
        await pilot.press("escape", "a")
        await until(pilot, lambda: isinstance(pilot.app.screen, JobScreen) and pilot.app.screen is not screen)
        await until(pilot, lambda: pilot.app.screen.ended is not None, 120)
        pca = await finish(pilot)
    assert "Class means" in pca
    assert "Class 0 · " in pca
    assert "✓ finished" in shown
    assert "4 images in" in shown
    assert "▀" in shown
    images = sorted((run / "generation" / "samples-000" / "images" / "3").glob("*.png"))
    assert len(images) == 4
    assert np.asarray(Image.open(images[0])).shape == (8, 8)
