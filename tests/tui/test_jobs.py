"""One command in a process of its own, its streams in a folder."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from workbench.foreign import open_foreign
from workbench.tui.jobs import folder as folder_module
from workbench.tui.jobs.folder import LOCK, PID, from_shell, holds, lives, new_folder
from workbench.tui.jobs.process import Ended, Job, environment
from workbench.tui.jobs.tail import MOST, MOST_LINES
from workbench.tui.look.text import LONGEST


def program(text: str) -> tuple[str, ...]:
    return (sys.executable, "-c", text)


async def started(job: Job, lines: list[str]) -> asyncio.Task[Ended]:
    """Run it until it has said something."""
    task = asyncio.create_task(job.run())
    end = time.monotonic() + 10
    while not lines:
        assert time.monotonic() < end
        await asyncio.sleep(0.01)
    return task


SLEEPS = "import sys, time; print('ready', file=sys.stderr, flush=True); time.sleep(60)"
DEAF = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN);" + SLEEPS


async def test_lines_come_one_by_one_and_output_at_the_end(tmp_path: Path) -> None:
    lines: list[str] = []
    text = "import sys; print('out'); sys.stderr.write('a\\nb\\r\\n\\n c'); sys.exit(3)"
    ended = await Job(program(text), tmp_path, lines.extend).run()
    assert lines == ["a", "b", " c"]
    assert (ended.code, ended.output, ended.lines, ended.stopped) == (3, "out\n", ("a", "b", " c"), False)


async def test_endless_lines_and_endless_output_do_no_harm(tmp_path: Path) -> None:
    lines: list[str] = []
    text = (
        f"import sys; sys.stderr.write('y' * {3 * MOST}); sys.stderr.write('\\n'); "
        "[sys.stderr.write(f'{i}\\n') for i in range(1000)]; sys.stdout.write('z' * 300_000)"
    )
    ended = await Job(program(text), tmp_path, lines.extend).run()
    assert len(ended.output) == 300_000
    assert max(map(len, lines)) == LONGEST
    assert lines[-1] == ended.lines[-1] == "999"
    assert len(ended.lines) == 200


async def test_a_command_that_never_stops_talking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_module, "MOST_STREAM", 5 * MOST)
    looks: list[int] = []
    last: list[str] = []

    def hear(lines: Sequence[str]) -> None:
        looks.append(len(lines))
        last[:] = lines[-1:]

    text = (
        f"import os, time; [(os.write(2, b'y\\n' * {MOST // 2}), time.sleep(0.02)) for _ in range(40)]; "
        "os.write(2, b'last\\n')"
    )
    ended = await Job(program(text), tmp_path, hear).run()
    assert (last, ended.lines[-2:]) == (["last"], ("y", "last"))
    assert max(looks) <= MOST_LINES
    assert (tmp_path / "stderr.txt").stat().st_size < 30 * MOST, "its beginning was dropped"


async def test_a_shell_that_cannot_be_started_leaves_nothing_open(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    ended = await Job((sys.executable, "-c", "x" * 10_000_000), tmp_path).run()
    assert "cannot start" in ended.complaint
    assert len(list(Path("/proc/self/fd").iterdir())) == before


async def test_kill_ends_what_the_command_started(tmp_path: Path) -> None:
    lines: list[str] = []
    text = (
        "import subprocess, sys; child = subprocess.Popen(['sleep', '60']); "
        "print(child.pid, file=sys.stderr, flush=True); child.wait()"
    )
    job = Job(program(text), tmp_path, lines.extend)
    task = await started(job, lines)
    job.kill()
    assert (await asyncio.wait_for(task, 10)).code == -signal.SIGKILL
    stat = Path(f"/proc/{lines[0]}/stat")
    assert not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] in "ZX"


async def test_stop_is_ctrl_c(tmp_path: Path) -> None:
    lines: list[str] = []
    text = (
        "import sys, time\ntry:\n print('ready', file=sys.stderr, flush=True); time.sleep(60)\n"
        "except KeyboardInterrupt:\n sys.exit(130)"
    )
    job = Job(program(text), tmp_path, lines.extend)
    task = await started(job, lines)
    job.stop()
    ended = await asyncio.wait_for(task, 10)
    assert (ended.code, ended.stopped, ended.good) == (130, True, False)


async def test_kill_ends_what_does_not_listen(tmp_path: Path) -> None:
    lines: list[str] = []
    job = Job(program(DEAF), tmp_path, lines.extend)
    task = await started(job, lines)
    job.stop()
    await asyncio.sleep(0.1)
    assert not task.done()
    job.kill()
    ended = await asyncio.wait_for(task, 10)
    assert (ended.code, ended.stopped) == (-9, True)


async def test_a_job_that_is_stopped_before_it_starts_does_not_start(tmp_path: Path) -> None:
    job = Job(program(f"open({str(tmp_path / 'ran')!r}, 'w')"), tmp_path)
    job.stop()
    assert (await job.run()).stopped
    assert not (tmp_path / "ran").exists()


async def test_what_is_asked_before_the_process_is_known_is_not_forgotten(tmp_path: Path) -> None:
    job = Job(program(SLEEPS), tmp_path)
    task = asyncio.create_task(job.run())
    while job.pid is None:
        await asyncio.sleep(0)
    job.stop()
    assert (await asyncio.wait_for(task, 10)).stopped


async def test_another_follows_a_job_that_it_did_not_start(tmp_path: Path) -> None:
    lines: list[str] = []
    task = await started(Job(program(SLEEPS), tmp_path, lines.extend), lines)
    again: list[str] = []
    other = Job((), tmp_path, again.extend)
    following = asyncio.create_task(other.follow())
    while not again:
        await asyncio.sleep(0.01)
    assert lives(tmp_path)
    other.stop()
    for waiting in (following, task):
        ended = await asyncio.wait_for(waiting, 10)
        assert (ended.stopped, ended.good) == (True, False)
    assert not lives(tmp_path)


@pytest.mark.parametrize("victim", ["command", "shell"])
async def test_a_job_that_is_killed_from_outside(tmp_path: Path, victim: str) -> None:
    lines: list[str] = []
    job = Job(program(SLEEPS), tmp_path, lines.extend)
    task = await started(job, lines)
    pid = int((tmp_path / PID).read_text())
    assert job.pid is not None
    if victim == "shell":
        os.kill(job.pid, signal.SIGKILL)
        await asyncio.sleep(0.2)
        assert not task.done(), "the command itself still runs"
    os.kill(pid, signal.SIGKILL)
    ended = await asyncio.wait_for(task, 10)
    assert (ended.code, ended.stopped) == (-9, False)
    assert "SIGKILL" in ended.complaint


async def test_a_folder_that_vanishes_takes_nothing_away(tmp_path: Path) -> None:
    lines: list[str] = []
    text = "import sys, time; sys.stderr.write('ready\\n'); time.sleep(0.5); print('out'); sys.exit('still there')"
    (tmp_path / "job").mkdir()
    task = await started(Job(program(text), tmp_path / "job", lines.extend), lines)
    shutil.rmtree(tmp_path / "job")
    ended = await asyncio.wait_for(task, 10)
    assert (ended.code, ended.output, ended.lines) == (1, "out\n", ("ready", "still there"))


async def test_a_job_has_a_session_of_its_own(tmp_path: Path) -> None:
    """One that is left running outlives the terminal of the app that started it."""
    lines: list[str] = []
    job = Job(program(SLEEPS), tmp_path, lines.extend)
    task = await started(job, lines)
    pid = int((tmp_path / PID).read_text())
    assert os.getsid(pid) != os.getsid(0)
    assert os.getpgid(pid) != os.getpgid(0)
    job.kill()
    await asyncio.wait_for(task, 10)


async def test_a_command_that_is_not_there(tmp_path: Path) -> None:
    ended = await Job(("/no/such/program",), tmp_path).run()
    assert not ended.good
    assert "cannot start /no/such/program" in ended.complaint


async def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    ended = await Job(program("pass"), tmp_path / "none").run()
    assert not ended.good
    assert "cannot start" in ended.complaint


def test_a_number_that_another_process_has_by_now_is_not_believed(tmp_path: Path) -> None:
    (tmp_path / LOCK).touch()
    lock = open_foreign(tmp_path / LOCK)
    try:
        assert holds(os.getpid(), lock)
        with subprocess.Popen(["sleep", "60"]) as other:
            assert not holds(other.pid, lock)
            other.kill()
    finally:
        os.close(lock)


def test_folders_are_numbered_on(tmp_path: Path) -> None:
    assert [new_folder(tmp_path)[0].name for _ in range(3)] == ["000001", "000002", "000003"]
    (tmp_path / "jobs" / "000007").mkdir()
    (tmp_path / "jobs" / "rubbish").mkdir()
    assert new_folder(tmp_path) == (tmp_path / "jobs" / "000008", "")


def test_after_the_last_number_jobs_go_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "jobs" / "999999").mkdir(parents=True)
    (tmp_path / "jobs" / "1000000").mkdir()
    folder, why = new_folder(tmp_path)
    assert tmp_path not in folder.parents
    assert "no number" in why
    folder.rmdir()


def test_a_run_that_cannot_be_written_to_has_its_jobs_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "jobs").write_text("in the way")
    folder, why = new_folder(tmp_path)
    assert folder.is_dir()
    assert tmp_path not in folder.parents
    assert "cannot be written to" in why
    assert str(folder) in why
    folder.rmdir()


@pytest.mark.parametrize(("shell", "code"), [(0, 0), (2, 2), (130, 130), (137, -9), (139, -11), (255, 255), (192, -64)])
def test_a_shells_exit_codes(shell: int, code: int) -> None:
    assert from_shell(shell) == code


@pytest.mark.parametrize(
    ("code", "lines", "words"),
    [
        (2, ("warning", "workbench: no such run: x", "later"), "no such run: x"),
        (1, ("Traceback", "ValueError: y"), "ValueError: y"),
        (7, (), "exit code 7"),
        (-9, ("working",), "SIGKILL"),
        (-250, (), "signal 250"),
    ],
)
def test_why_a_command_failed(code: int, lines: tuple[str, ...], words: str) -> None:
    assert words in Ended(code=code, output="", lines=lines, stopped=False).complaint


def test_nothing_in_the_environment_makes_a_file_colourful() -> None:
    made = environment({"FORCE_COLOR": "1", "HOME": "/h"})
    assert "FORCE_COLOR" not in made
    assert made["HOME"] == "/h"
