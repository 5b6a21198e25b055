"""One command in a process of its own."""

import asyncio
import sys
import time
from pathlib import Path

import pytest

from workbench.tui.jobs.process import Ended, Job, environment
from workbench.tui.text import LONGEST


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


async def test_lines_come_one_by_one_and_output_at_the_end() -> None:
    lines: list[str] = []
    text = "import sys; print('out'); sys.stderr.write('a\\nb\\r\\n\\n c'); sys.exit(3)"
    ended = await Job(program(text), lines.append).run()
    assert lines == ["a", "b", " c"]
    assert (ended.code, ended.output, ended.lines, ended.stopped) == (3, "out\n", ("a", "b", " c"), False)


async def test_endless_lines_and_endless_output_do_no_harm() -> None:
    lines: list[str] = []
    text = (
        "import sys; sys.stderr.write('y' * 3_000_000); sys.stderr.write('\\n'); "
        "[sys.stderr.write(f'{i}\\n') for i in range(5000)]; sys.stdout.write('z' * 300_000)"
    )
    ended = await Job(program(text), lines.append).run()
    assert len(ended.output) == 300_000
    assert max(map(len, lines)) == LONGEST
    assert lines[-1] == ended.lines[-1] == "4999"
    assert len(ended.lines) == 200


async def test_stop_is_ctrl_c() -> None:
    lines: list[str] = []
    text = (
        "import sys, time\ntry:\n print('ready', file=sys.stderr, flush=True); time.sleep(60)\n"
        "except KeyboardInterrupt:\n sys.exit(130)"
    )
    job = Job(program(text), lines.append)
    task = await started(job, lines)
    job.stop()
    ended = await asyncio.wait_for(task, 10)
    assert (ended.code, ended.stopped, ended.good) == (130, True, False)


async def test_kill_ends_what_does_not_listen() -> None:
    lines: list[str] = []
    job = Job(program("import signal; signal.signal(signal.SIGINT, signal.SIG_IGN);" + SLEEPS), lines.append)
    task = await started(job, lines)
    job.stop()
    await asyncio.sleep(0.1)
    assert not task.done()
    job.kill()
    ended = await asyncio.wait_for(task, 10)
    assert (ended.code, ended.stopped) == (-9, True)


async def test_a_job_that_is_stopped_before_it_starts_does_not_start(tmp_path: Path) -> None:
    job = Job(program(f"open({str(tmp_path / 'ran')!r}, 'w')"))
    job.stop()
    assert (await job.run()).stopped
    assert not (tmp_path / "ran").exists()


async def test_a_job_that_nobody_waits_for_stops(tmp_path: Path) -> None:
    lines: list[str] = []
    mark = tmp_path / "stopped"
    text = f"import pathlib\ntry:\n {SLEEPS}\nexcept KeyboardInterrupt:\n pathlib.Path({str(mark)!r}).touch()"
    job = Job(program(text), lines.append)
    task = await started(job, lines)
    task.cancel()
    await job.end(10)
    assert mark.exists()


async def test_a_job_that_does_not_stop_in_time_is_ended() -> None:
    lines: list[str] = []
    job = Job(program("import signal; signal.signal(signal.SIGINT, signal.SIG_IGN);" + SLEEPS), lines.append)
    task = await started(job, lines)
    await job.end(0.2)
    assert (await asyncio.wait_for(task, 10)).code == -9


async def test_a_command_that_is_not_there() -> None:
    ended = await Job(("/no/such/program",)).run()
    assert not ended.good
    assert "cannot start /no/such/program" in ended.complaint


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


def test_nothing_in_the_environment_makes_a_pipe_colourful() -> None:
    made = environment({"FORCE_COLOR": "1", "HOME": "/h"})
    assert "FORCE_COLOR" not in made
    assert made["HOME"] == "/h"
