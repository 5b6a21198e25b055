"""Generating images from the app: the form, a stand-in for the command, and the command itself."""

import shlex
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from textual.pilot import Pilot

from tests.tui.conftest import settled, text_of
from tests.tui.runs import NOW, append, meta, start, write
from tests.tui.test_live import until
from workbench.sampling.spec import SamplingSpec, defaults_for
from workbench.tui.application import WorkbenchApp
from workbench.tui.forms.form import Form
from workbench.tui.forms.sampling import sampling_form
from workbench.tui.launching.commands import Kept
from workbench.tui.screens.form import FormScreen
from workbench.tui.screens.job import JobScreen
from workbench.tui.screens.run import RunScreen
from workbench.tui.widgets.form import Line
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


async def open_form(pilot: Pilot[None]) -> FormScreen:
    await pilot.press("g")
    await until(pilot, lambda: isinstance(pilot.app.screen, FormScreen))
    await pilot.pause(0.05)
    screen = pilot.app.screen
    assert isinstance(screen, FormScreen)
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
            ("num", "0", "✗ --num must be at least 1; got 0"),
            ("steps", "ten", "✗ a whole number"),
        ):
            line = form.query_one(f"#{name}", Line)
            line.answerer.focus()
            before = line.answer
            line.answer_with("")
            await pilot.press(*typed)
            await pilot.pause()
            assert text_of(pilot).count(reason) == 2, "beside it and, whole, below"
            assert f"will not do: {line.question.label}" in text_of(pilot)
            form.query_one("#classes" if name != "classes" else "#num", Line).answerer.focus()
            await pilot.press("enter")
            await pilot.pause()
            assert pilot.app.screen is form, "a form that is wrong is not sent"
            assert pilot.app.focused is line.answerer
            line.answer_with(before)
        await pilot.pause()
        assert "✗" not in text_of(pilot)
        await pilot.press("escape")
        await pilot.pause()
        assert isinstance(pilot.app.screen, RunScreen)


def some_form(data: str = "digits", names: str = "0123456789") -> Form:
    kept = (Kept(epoch=2, roles=("best", "last")), Kept(epoch=1, roles=()))
    return sampling_form(Path("run"), kept, tuple(names), data, Path("run/generation/samples-000"))


def answers_of(form: Form, **changes: str) -> dict[str, str]:
    return {question.name: question.value for question in form.questions} | changes


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("classes", "", "a name, a number"),
        ("classes", "3,11", "the model has no class '11'"),
        ("num", "", "how many"),
        ("num", "²", "a whole number"),
        ("num", "9" * 30, "--num must be below 2^62"),
        ("num", "10000001", "at most 10000000"),
        ("steps", "-1", "at least 0"),
        ("steps", "100000", "below 100000"),
        ("steps", "1.5", "a whole number"),
        ("step_size", "0", "--step-size must be in (0,"),
        ("step_size", "a/b", "not a number: 'a/b'"),
        ("momentum", "1", "in [0, 1)"),
        ("momentum", "nan", "in [0, 1)"),
        ("noise", "-0.1", "in [0,"),
        ("start_scale", "inf", "in [0,"),
        ("variance", "1.1", "in (0, 1]"),
        ("local", "4", "no difference with start pca"),
        ("stop_tol", "0", "finite and above 0"),
        ("min_steps", "60", "leaves --stop adaptive no step"),
        ("seed", "-1", "at least 0"),
        ("guidance", "joint+joint", "cannot read the guidance"),
        ("guidance", "0*joint", "a finite number other than 0"),
    ],
)
def test_answers_that_will_not_do(name: str, text: str, problem: str) -> None:
    form = some_form()
    assert form.problems(answers_of(form)) == {}
    problems = form.problems(answers_of(form, **{name: text}))
    assert list(problems) == [name]
    assert problem in problems[name]


def test_settings_that_make_no_difference_may_not_be_given() -> None:
    form = some_form()
    answers = answers_of(form, start="noise", stop="fixed")
    assert not form.problems(answers)
    idle = [name for name in answers if form.check(name, answers) == ""]
    assert idle == ["start_scale", "variance", "local", "min_steps", "stop_tol"]
    given = answers | dict.fromkeys(idle, "1")
    assert list(form.problems(given)) == idle


@pytest.mark.parametrize("data", ["digits", "folder:images"])
def test_defaults_are_those_of_the_data(data: str) -> None:
    shown = {question.name: question.default for question in some_form(data).questions}
    assert {name: float(shown[name]) for name in defaults_for(data)} == defaults_for(data)
    assert (shown["start"], shown["stop"], shown["guidance"]) == ("pca", "adaptive", "joint")


def test_every_setting_is_asked_for_and_reaches_the_command() -> None:
    form = some_form()
    names = {question.name for question in form.questions}
    assert {field.name for field in fields(SamplingSpec)} <= names | {"labels"}
    answers = answers_of(
        form,
        classes="3",
        num="4",
        epoch="1",
        start="local-pca",
        guidance="joint+0.3*marginal",
        stop="plateau",
        steps="80",
        start_scale="0.5",
        start_noise="0.1",
        variance="0.9",
        local="2",
        step_size="8/255",
        momentum="0",
        noise="0",
        min_steps="5",
        stop_tol="0.02",
        seed="7",
        device="cpu",
    )
    assert form.problems(answers) == {}
    words = shlex.join(form.job(answers).arguments)
    for option in (
        "--class=3 --num 4 --steps 80 ",
        "--start=local-pca '--guidance=joint+0.3*marginal' --stop=plateau --start-scale=0.5 --start-noise=0.1",
        "--variance=0.9 --local=2 --step-size=8/255 --momentum=0 --noise=0 --min-steps=5 --stop-tol=0.02 --seed=7",
        "--device=cpu --epoch 1 --out=run/generation/samples-000 -- run",
    ):
        assert option in words


async def test_what_is_asked_is_what_is_run_and_what_is_copied(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with faked(run, size=(100, 40)) as pilot:
        copied: list[str] = []
        monkeypatch.setattr(pilot.app, "copy_to_clipboard", copied.append)
        form = await open_form(pilot)
        answers = []
        form.dismiss = answers.append  # type: ignore[method-assign,assignment]
        await pilot.press(*"7,2", "tab", *"24", "down", "right", "up", "down", "down", "space", "left", "tab", "tab")
        await pilot.press("shift+tab", "tab", "tab", *"80", "ctrl+y")
        await pilot.pause()
        out = run / "generation" / "samples-000"
        expected = ("sample", "--class=7,2", "--num", "24", "--steps", "80", "--epoch", "1", f"--out={out}")
        assert copied == [shlex.join(("workbench", *expected, "--", str(run)))]
        assert joined(copied[0]) in joined(text_of(pilot))
        await pilot.press("enter")
        await pilot.pause()
    assert answers[0].arguments == (*expected, "--", str(run))
    assert answers[0].out == out


async def test_a_form_that_is_wrong_has_no_command_to_copy(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with faked(run) as pilot:
        copied: list[str] = []
        monkeypatch.setattr(pilot.app, "copy_to_clipboard", copied.append)
        await open_form(pilot)
        await pilot.press(*"cat", "ctrl+y")
        await pilot.pause()
        assert copied == []


@pytest.mark.parametrize("size", [(80, 24), (40, 12), (20, 5)])
async def test_every_question_can_be_reached_in_small_terminals(run: Path, size: tuple[int, int]) -> None:
    async with faked(run, size=size) as pilot:
        form = await open_form(pilot)
        lines = list(form.query(Line))
        for line in lines:
            assert form.focused is line.answerer
            await pilot.press("tab")
        assert form.focused is lines[0].answerer
        await pilot.press("shift+tab", "space")
        assert form.focused is lines[-1].answerer
        assert lines[-1].answer == "cpu"
        if size[1] >= 12:
            assert "‹ cpu ›" in text_of(pilot)
        await pilot.press("ctrl+c")
        await pilot.pause()
    assert not pilot.app.is_running


async def test_a_click_turns_a_choice_over(run: Path) -> None:
    async with faked(run) as pilot:
        form = await open_form(pilot)
        start = form.query_one("#start", Line).answerer
        await pilot.click(start, offset=(18, 0))
        assert start.value == "local-pca"
        await pilot.click(start, offset=(0, 0))
        assert start.value == "pca"


async def test_the_checkpoints_of_the_form(written: Path, tmp_path: Path) -> None:
    run = keep(write(tmp_path / "run", epochs=5), 1, 2, 4)
    async with faked(run) as pilot:
        form = await open_form(pilot)
        question = form.query_one("#epoch", Line).question
        assert isinstance(question.meaning, dict)
        assert question.choices == ("4", "2", "1")
        assert list(question.meaning.values()) == ["epoch 4 · best · last · under the cursor", "epoch 2", "epoch 1"]
        await pilot.press("escape", "home", "right")
        await pilot.pause()
        form = await open_form(pilot)
        assert form.query_one("#epoch", Line).answer == "1", "a cursor that was moved chooses"
        assert "epoch 1 · under the cursor" in text_of(pilot)


async def test_folders_are_numbered_on(run: Path) -> None:
    (run / "generation" / "samples-000").mkdir(parents=True)
    async with faked(run) as pilot:
        form = await open_form(pilot)
        assert form.form.job(form.answers).out == run / "generation" / "samples-001"


async def test_a_job_that_waits_is_promised_its_folder(run: Path) -> None:
    async with faked(run, "waits") as pilot:
        for number in range(3):
            screen = await begin(pilot)
            assert screen.job.request.out == run / "generation" / f"samples-{number:03d}"
            await pilot.press("escape")
            await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))


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
        form.query_one("#classes", Line).answer_with("-rf")
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
async def test_to_quit_stops_the_command_if_that_is_answered(run: Path, scenario: str) -> None:
    async with faked(run, scenario) as pilot:
        screen = await begin(pilot)
        await until(pilot, says(pilot, "8 of 16 ended" if scenario == "waits" else "ready"))
        await pilot.press("q", "s")
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
        await pilot.press(*"3", "tab", *"4", *["tab"] * 5, *"2", "enter")
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
        await pilot.press("escape", "9")
        await until(pilot, says(pilot, "✓ samples-000", "4/4", "#0 (1 of 4)"), 30)
    assert "E(x,y) over steps" in shown, "energies beside the images"
    assert "Class means" in pca
    assert "Class 0 · " in pca
    assert "✓ finished" in shown
    assert "4 images in" in shown
    assert "▀" in shown
    images = sorted((run / "generation" / "samples-000" / "images" / "3").glob("*.png"))
    assert len(images) == 4
    assert np.asarray(Image.open(images[0])).shape == (8, 8)
