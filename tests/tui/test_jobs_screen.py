"""The list of jobs, jobs of the past, what the header and notifications say, and quitting while jobs run."""

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from textual.events import MouseScrollUp
from textual.pilot import Pilot

from tests.tui.conftest import Pictured, settled, text_of
from tests.tui.looks import Look, every_look
from tests.tui.runs import NOW, write
from tests.tui.test_generate import FAKE, HOSTILE, faked, joined, keep, until
from workbench.tui.application import WorkbenchApp
from workbench.tui.jobs.folder import PID, new_folder
from workbench.tui.jobs.record import Past, Record, write_record
from workbench.tui.jobs.request import JobRequest
from workbench.tui.jobs.task import Task
from workbench.tui.keys.jobs import JOBS_KEYS, LEAVE_KEYS, PAST_KEYS, REMOVE_KEYS
from workbench.tui.screens.job import JobScreen
from workbench.tui.screens.jobs import JobsScreen
from workbench.tui.screens.leave import LeaveScreen
from workbench.tui.screens.past import PastScreen
from workbench.tui.screens.remove import RemoveScreen
from workbench.tui.screens.run import RunScreen

TITLE = "Generate images · 16 images · class 3"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return keep(write(tmp_path / "run", epochs=3), 1, 2)


def request(run: Path, name: str = "samples", kind: str = "sample") -> JobRequest:
    out = run / "generation" / name
    arguments = ("sample", "--class=3", "--num", "16", f"--out={out}", "--", str(run))
    return JobRequest(kind=kind, title=TITLE, arguments=arguments, run_dir=run, out=out)


def submit(pilot: Pilot[None], run: Path, count: int = 1) -> list[Task]:
    app = pilot.app
    assert isinstance(app, WorkbenchApp)
    return [app.jobs.submit(request(run, f"samples-{number}")) for number in range(count)]


def past(run: Path, state: Past = "finished", code: int = 0, title: str = TITLE, before: float = 3600) -> Record:
    """A job that has ended, on the disk."""
    folder, _ = new_folder(run)
    record = Record(
        folder=folder,
        kind="sample",
        title=title,
        arguments=("sample", "--class=3", "--", "run"),
        state=state,
        started=NOW - before,
        ended=NOW - before + 75,
        code=code,
        pid=7,
        out=run / "generation" / "samples-000",
        version="0.1.0",
        revision="0123abc",
    )
    (folder / "stdout.txt").write_text("16 images in generation/samples-000: 16 reached their class's mean energy\n")
    (folder / "stderr.txt").write_text("sample  0/16  active 16\nsample  16/16  active 0\n")
    write_record(record)
    return record


async def open_jobs(pilot: Pilot[None]) -> JobsScreen:
    await pilot.press("J")
    await until(pilot, lambda: isinstance(pilot.app.screen, JobsScreen) and pilot.app.screen._read_once)
    screen = pilot.app.screen
    assert isinstance(screen, JobsScreen)
    await pilot.pause()
    return screen


def notes(pilot: Pilot[None]) -> str:
    return "\n".join(f"{note.title} {note.message}" for note in pilot.app._notifications)


async def test_live_and_past_jobs_are_listed_the_newest_first(run: Path) -> None:
    past(run, "failed", 2, "Class-wise PCA", before=7200)
    past(run, "stopped", 130, before=3600)
    async with faked(run, "waits") as pilot:
        first, _ = submit(pilot, run, 2)
        await until(pilot, lambda: first.progress is not None and first.progress.ended == 8)
        screen = await open_jobs(pilot)
        assert [row.state for row in screen.rows] == ["queued", "running", "stopped", "failed"]
        shown = text_of(pilot)
        states = ("○ queued", "● running", "■ stopped", "✗ failed")
        for words in (*states, "━━╌╌╌  50%", "1:15", "1 running · 1 queued"):
            assert words in shown
        await pilot.press("end")
        await pilot.pause()
        assert "failed, exit code 2" in text_of(pilot)
        first.stop()
        await until(pilot, lambda: [row.state for row in screen.rows][:2] == ["running", "stopped"])


async def test_every_key_of_the_list(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for before in (600, 500, 400):
        past(run, before=before)
    copied: list[str] = []
    async with faked(run, "waits") as pilot:
        monkeypatch.setattr(type(pilot.app), "copy_to_clipboard", lambda app, text: copied.append(text))
        (task,) = submit(pilot, run)
        await until(pilot, lambda: task.progress is not None and task.progress.ended == 8)
        screen = await open_jobs(pilot)
        for keys, cursor in (
            (["down", "down"], 2),
            (["up"], 1),
            (["k"], 0),
            (["j"], 1),
            (["end"], 3),
            (["home"], 0),
            (["pagedown"], 3),
            (["pageup"], 0),
        ):
            await pilot.press(*keys)
            assert screen.cursor == cursor, keys
        await pilot.press("delete")
        assert "Only the record of a job that has ended" in notes(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, JobScreen))
        await pilot.press("escape")
        await pilot.press("c")
        await until(pilot, lambda: task.ended is not None)
        assert task.state == "stopped"
        await pilot.press("c")
        assert "This job does not run" in notes(pilot)
        await pilot.press("down", "y")
        assert copied == ["workbench sample --class=3 -- run"]
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, PastScreen))
        await until(pilot, lambda: "mean energy" in text_of(pilot))
        shown = text_of(pilot)
        for words in ("✓ finished", "workbench sample --class=3 -- run", "0123abc", "took 1:15", "sample  16/16"):
            assert words in shown
        await pilot.press("down", "pagedown", "space", "up", "pageup", "y")
        assert len(copied) == 2
        await pilot.press("escape", "delete")
        await until(pilot, lambda: isinstance(pilot.app.screen, RemoveScreen))
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is screen)
        assert len(screen.rows) == 4
        folder = screen.rows[1].record.folder  # type: ignore[union-attr]
        await pilot.press("delete")
        await until(pilot, lambda: isinstance(pilot.app.screen, RemoveScreen))
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.screen is screen and len(screen.rows) == 3)
        assert not folder.exists()
        assert (run / "generation" / "samples-0").exists()
        await pilot.press("home", "delete")
        await until(pilot, lambda: isinstance(pilot.app.screen, RemoveScreen))
        await pilot.press("y")
        await until(pilot, lambda: pilot.app.screen is screen and len(screen.rows) == 2)


async def test_help_and_the_ways_back(run: Path) -> None:
    async with faked(run) as pilot:
        await open_jobs(pilot)
        for key in ("question_mark", "f1"):
            await pilot.press(key)
            await until(pilot, lambda: "Remove the record of a job" in text_of(pilot))
            await pilot.press("escape")
            await until(pilot, lambda: isinstance(pilot.app.screen, JobsScreen))
        for key in ("escape", "J"):
            await pilot.press(key)
            await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
            await pilot.press("J")
            await until(pilot, lambda: isinstance(pilot.app.screen, JobsScreen))


def test_no_key_has_two_meanings() -> None:
    for table in (JOBS_KEYS, PAST_KEYS, REMOVE_KEYS, LEAVE_KEYS):
        keys = [key for row in table.rows for key in row.keys]
        assert len(keys) == len(set(keys))


async def test_leaving_a_jobs_screen_leaves_it_running_and_the_header_says_so(run: Path) -> None:
    async with faked(run, "waits") as pilot:
        (task,) = submit(pilot, run)
        await pilot.app.push_screen(JobScreen(task))
        await until(pilot, lambda: "8 of 16 ended" in text_of(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: "▸ 1 job 50%" in text_of(pilot).splitlines()[0])
        assert task.state == "running"
        task.stop()
        await until(pilot, lambda: "■ stopped" in notes(pilot))
        await until(pilot, lambda: "1 job" not in text_of(pilot).splitlines()[0])


@pytest.mark.parametrize(
    ("scenario", "words"), [("mute", "ended with exit code 7 and said nothing"), ("works", "✓ finished")]
)
async def test_the_end_of_a_job_that_nobody_looks_at_is_told(run: Path, scenario: str, words: str) -> None:
    async with faked(run, scenario) as pilot:
        submit(pilot, run)
        await until(pilot, lambda: words in notes(pilot))
        assert TITLE in notes(pilot)


async def test_a_job_that_makes_nothing_to_look_at_shows_its_words(run: Path) -> None:
    async with faked(run, "works") as pilot:
        (task,) = submit(pilot, run)
        await pilot.app.push_screen(JobScreen(task))
        await until(pilot, lambda: "✓ finished" in text_of(pilot))
        assert "Median stop at step 20 of 60" in text_of(pilot)


async def test_the_end_of_a_job_whose_screen_is_open_is_not_told_twice(run: Path) -> None:
    async with faked(run, "mute") as pilot:
        (task,) = submit(pilot, run)
        await pilot.app.push_screen(JobScreen(task))
        await until(pilot, lambda: "✗ failed" in text_of(pilot))
        assert notes(pilot) == ""


async def test_a_run_that_cannot_be_written_to_is_told(run: Path) -> None:
    (run / "jobs").touch()
    async with faked(run, "works") as pilot:
        (task,) = submit(pilot, run)
        await until(pilot, lambda: "cannot be written to" in notes(pilot))
        await task.wait()
        assert task.state == "finished"
    assert task.record is not None
    shutil.rmtree(task.record.folder)


async def test_a_run_that_vanishes_and_hostile_records(run: Path) -> None:
    record = past(run, title=HOSTILE)
    write_record(replace(record, arguments=("sample", HOSTILE), out=Path(HOSTILE[:99].replace("/", ""))))
    (record.folder / "stderr.txt").write_text(f"{HOSTILE}\n\x1b[2J")
    (record.folder / "stdout.txt").unlink()
    (run / "jobs" / "000009").mkdir()
    (run / "jobs" / "000009" / "job.json").write_text("rubbish")
    async with faked(run, "waits") as pilot:
        screen = await open_jobs(pilot)
        await pilot.press("home")
        shown = text_of(pilot)
        await pilot.press("enter")
        await pilot.pause(0.2)
        shown += text_of(pilot)
        await pilot.press("escape", "down")
        await pilot.pause()
        shown += text_of(pilot)
        assert "makes no sense" in shown
        shutil.rmtree(run / "jobs")
        await pilot.press("home", "enter")
        await pilot.pause(0.2)
        assert isinstance(pilot.app.screen, PastScreen)
        await pilot.press("escape", "delete", "enter")
        await until(pilot, lambda: pilot.app.screen is screen and not screen.rows)
        assert "No jobs yet" in text_of(pilot)
        svg = pilot.app.export_screenshot()
    assert all(char.isprintable() or char == "\n" for char in shown)
    assert "\x1b" not in svg


@pytest.mark.parametrize("size", [(40, 12), (20, 5), (1, 1), (200, 60)])
async def test_every_size(run: Path, size: tuple[int, int]) -> None:
    past(run)
    async with faked(run, "waits", size=size) as pilot:
        submit(pilot, run, 2)
        await open_jobs(pilot)
        await pilot.press("down", "down", "enter")
        await pilot.pause(0.1)
        await pilot.press("escape")
        await pilot.resize_terminal(90, 30)
        await pilot.pause(0.2)
        assert "● running" in text_of(pilot)
        await pilot.press("q")
        await until(pilot, lambda: isinstance(pilot.app.screen, LeaveScreen))
        await pilot.resize_terminal(*size)
        await pilot.pause(0.1)


async def test_the_mouse(run: Path) -> None:
    for before in (600, 500, 400):
        past(run, before=before)
    async with faked(run) as pilot:
        screen = await open_jobs(pilot)
        await pilot.click("#job-list", offset=(20, 3))
        assert screen.cursor == 2
        await pilot._post_mouse_events([MouseScrollUp], widget="#job-list", button=0)
        await pilot.pause()
        assert screen.cursor == 1
        await pilot.click("#job-list", offset=(20, 1), times=2)
        await until(pilot, lambda: isinstance(pilot.app.screen, PastScreen))


async def test_the_jobs_of_all_runs_of_a_workspace(run: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other", epochs=2)
    past(run)
    past(other, before=60)
    app = WorkbenchApp(tmp_path, clock=lambda: NOW, command=(sys.executable, str(FAKE), "waits"))
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: app.screen._read_once)  # type: ignore[attr-defined]
        (task,) = submit(pilot, run)
        await until(pilot, lambda: "▸ 1 job 50%" in text_of(pilot))
        screen = await open_jobs(pilot)
        assert [row.run for row in screen.rows] == ["run", "other", "run"]
        assert "other · Generate images" in text_of(pilot)
        task.stop()
        await task.wait()


async def ended(pilot: Pilot[None]) -> None:
    end = time.monotonic() + 10
    while pilot.app.is_running:
        assert time.monotonic() < end
        await pilot.pause(0.02)


async def test_to_quit_while_jobs_run_asks(run: Path) -> None:
    async with faked(run, "waits") as pilot:
        first, second = submit(pilot, run, 2)
        await until(pilot, lambda: first.progress is not None and first.progress.ended == 8)
        await pilot.press("q")
        await until(pilot, lambda: isinstance(pilot.app.screen, LeaveScreen))
        shown = text_of(pilot)
        assert "● running · 50% · run · Generate images" in shown
        assert "○ queued · run · Generate images" in shown
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
        assert first.state == "running"
        await pilot.press("q", "s")
        await ended(pilot)
    assert (first.state, second.state) == ("stopped", "stopped")


async def test_a_detached_app_is_left_without_asking_unless_a_job_waits_that_would_not_start(run: Path) -> None:
    async with faked(run, "waits") as pilot:
        pilot.app.jobs.detach = True
        first, _ = submit(pilot, run, 2)
        await until(pilot, lambda: first.progress is not None and first.progress.ended == 8)
        await pilot.press("q")
        await until(pilot, lambda: isinstance(pilot.app.screen, LeaveScreen))
        assert "do not start once the app is left" in text_of(pilot)
        await pilot.press("l")
        await ended(pilot)
    assert first.record is not None
    assert first.record.state == "running"
    os.kill(int((first.record.folder / PID).read_text()), signal.SIGKILL)


async def test_a_job_that_does_not_stop_is_ended_by_asking_twice(run: Path) -> None:
    async with faked(run, "deaf") as pilot:
        (task,) = submit(pilot, run)
        await until(pilot, lambda: task.progress is not None)
        await pilot.press("q", "s")
        await until(pilot, lambda: "s once more ends them" in text_of(pilot))
        await pilot.press("s")
        await ended(pilot)
    assert task.ended is not None
    assert task.ended.code == -9


async def test_jobs_that_are_left_are_found_again_and_shown_live(run: Path) -> None:
    async with faked(run, "waits") as pilot:
        (task,) = submit(pilot, run)
        await until(pilot, lambda: task.progress is not None and task.progress.ended == 8)
        await pilot.press("q", "l")
        await ended(pilot)
    written = json.loads((run / "jobs" / "000001" / "job.json").read_text())
    assert written["state"] == "running"
    async with faked(run) as pilot:
        await until(pilot, lambda: "1 job 50%" in text_of(pilot))
        await open_jobs(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: "8 of 16 ended" in text_of(pilot) and "▀" in text_of(pilot))
        await pilot.press("c")
        await until(pilot, lambda: "■ stopped" in text_of(pilot))
        assert joined("8 images are kept in") in joined(text_of(pilot))
        await pilot.press("q")
        await ended(pilot)
    assert json.loads((run / "jobs" / "000001" / "job.json").read_text())["state"] == "stopped"


@pytest.fixture
def here(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The run by a relative name."""
    monkeypatch.chdir(tmp_path)
    return Path("run")


async def the_list(pilot: Pilot[None], run: Path) -> None:
    first, _ = submit(pilot, run, 2)
    await until(pilot, lambda: first.progress is not None and first.progress.ended == 8)
    await open_jobs(pilot)
    await pilot.press("down", "down", "down")
    await pilot.pause()


async def the_past(pilot: Pilot[None], run: Path) -> None:
    await open_jobs(pilot)
    await pilot.press("enter")
    await until(pilot, lambda: "mean energy" in text_of(pilot))


async def the_question(pilot: Pilot[None], run: Path) -> None:
    await the_list(pilot, run)
    await pilot.press("q")
    await until(pilot, lambda: isinstance(pilot.app.screen, LeaveScreen) and "running · 50%" in text_of(pilot))


async def the_removal(pilot: Pilot[None], run: Path) -> None:
    await open_jobs(pilot)
    await pilot.press("delete")
    await until(pilot, lambda: isinstance(pilot.app.screen, RemoveScreen))


SCREENS = {"list": the_list, "past": the_past, "question": the_question, "removal": the_removal}


@every_look
@pytest.mark.parametrize("steps", SCREENS.values(), ids=SCREENS)
def test_pictures(
    pictured: Pictured, here: Path, steps: Callable[[Pilot[None], Path], Awaitable[None]], look: Look
) -> None:
    past(here, "failed", 2, "Class-wise PCA of run", before=7200)
    past(here, "stopped", 130, before=3600)
    past(here, before=600)

    async def before(pilot: Pilot[None]) -> None:
        await settled(pilot)
        await steps(pilot, here)

    pictured(look, "run", before=before, command=(sys.executable, str(FAKE), "waits"))
