"""The jobs of an app: their order, what is written of them, and what is believed of what was written."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.tui.generated_runs import spec
from trainers.errors import WorkbenchError
from trainers.rundir import weights_name
from workbench.sampling.settings import Settings, write_settings
from workbench.tui.forms.evaluation import evaluation_form
from workbench.tui.forms.pca import pca_form
from workbench.tui.forms.sampling import sampling_form
from workbench.tui.forms.scoring import scoring_form
from workbench.tui.jobs.folder import EXIT, RECORD
from workbench.tui.jobs.process import LOST
from workbench.tui.jobs.queue import JobQueue
from workbench.tui.jobs.record import Record, read_record, read_records, write_record
from workbench.tui.jobs.request import JobRequest
from workbench.tui.launching.commands import Kept

PYTHON = (sys.executable, "-c")
READY = "import sys, time; print('ready', file=sys.stderr, flush=True); time.sleep(60)"
HOSTILE = "[red]x[/] \x1b[31mred\x1b]0;title\x07 \u202etfel " + "N" * 10_000


def clock() -> float:
    """Now, to the millisecond, as records have it."""
    return round(time.time(), 3)


async def until(condition: Callable[[], object], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        await asyncio.sleep(0.01)


def job(run: Path, text: str = READY, kind: str = "sample", **more: object) -> JobRequest:
    return JobRequest(kind=kind, title=f"a {kind}", arguments=(text,), run_dir=run, **more)


@pytest.fixture
async def queue() -> AsyncIterator[JobQueue]:
    made = JobQueue(PYTHON, clock)
    yield made
    await made.close(5)


async def test_long_jobs_take_turns_and_short_ones_do_not_wait(queue: JobQueue, tmp_path: Path) -> None:
    first, second, third = (queue.submit(job(tmp_path)) for _ in range(3))
    short = queue.submit(job(tmp_path, "print('x')", "pca"), at_once=True)
    assert (await short.wait()).output == "x\n"
    await until(lambda: first.note == "ready")
    assert [task.state for task in queue.tasks] == ["running", "queued", "queued", "finished"]
    second.stop()
    assert (second.state, second.record) == ("stopped", None), "one that waits never starts"
    first.stop()
    await until(lambda: third.note == "ready")
    assert [task.state for task in queue.tasks] == ["stopped", "stopped", "running", "finished"]
    assert queue.unfinished == (third,)


async def test_watchers_hear_of_every_change_until_they_do_not_want_to(queue: JobQueue, tmp_path: Path) -> None:
    heard: list[tuple[int, str]] = []
    undo = queue.watch(lambda task: heard.append((task.number, task.state)))
    text = "import sys; print('sample  3/8  active 2', file=sys.stderr); print('bye', file=sys.stderr)"
    task = queue.submit(job(tmp_path, text))
    await task.wait()
    assert list(dict.fromkeys(heard)) == [(1, "queued"), (1, "running"), (1, "finished")]
    assert task.progress is not None
    assert (task.progress.ended, task.progress.total, task.progress.figures, task.note) == (3, 8, "active 2", "bye")
    undo()
    before = len(heard)
    await queue.submit(job(tmp_path, "")).wait()
    assert len(heard) == before


async def test_many_lines_are_one_change(queue: JobQueue, tmp_path: Path) -> None:
    heard: list[object] = []
    queue.watch(heard.append)
    text = "import os; os.write(2, b'sample  3/8  active 2\\n' + b'y\\n' * 100_000)"
    task = queue.submit(job(tmp_path, text))
    await task.wait()
    assert task.note == "y"
    assert len(heard) < 20


async def test_what_is_written_of_a_job(queue: JobQueue, tmp_path: Path) -> None:
    running = queue.submit(job(tmp_path, READY, out=tmp_path / "out"))
    await until(lambda: running.note == "ready")
    folder = tmp_path / "jobs" / "000001"
    written = json.loads((folder / RECORD).read_text())
    assert (written["state"], written["ended"], written["exit_code"]) == ("running", None, None)
    os.kill(written["pid"], 0)
    running.stop()
    await running.wait()
    written = json.loads((folder / RECORD).read_text())
    assert written["command"] == ["workbench", READY]
    assert (written["kind"], written["title"], written["state"]) == ("sample", "a sample", "stopped")
    assert written["exit_code"] in (1, 130)
    assert written["out"] == str(tmp_path / "out")
    assert written["version"]
    assert written["started"] <= written["ended"]
    assert "ready" in (folder / "stderr.txt").read_text()
    record = read_record(folder)
    assert record == running.record


@pytest.mark.parametrize(
    ("text", "state", "words"),
    [
        ("import os; os.kill(os.getpid(), 9)", "failed", "SIGKILL"),
        ("raise SystemExit('workbench: no room')", "failed", "no room"),
        ("import sys; [print('w' * 99, file=sys.stderr) for _ in range(30_000)]; sys.exit(4)", "failed", "wwww"),
        ("pass", "finished", ""),
    ],
)
async def test_how_jobs_end(queue: JobQueue, tmp_path: Path, text: str, state: str, words: str) -> None:
    task = queue.submit(job(tmp_path, text))
    ended = await asyncio.wait_for(task.wait(), 20)
    assert task.state == state
    if state == "failed":
        assert words in ended.complaint
    assert read_records(tmp_path)[0].state == state


async def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    queue = JobQueue(("/no/such/program",), clock)
    task = queue.submit(job(tmp_path))
    assert "cannot start /no/such/program" in (await task.wait()).complaint
    assert task.state == read_records(tmp_path)[0].state == "failed"


async def test_a_run_that_vanishes_while_its_job_runs(queue: JobQueue, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    task = queue.submit(job(run))
    await until(lambda: task.note == "ready")
    shutil.rmtree(run)
    task.stop()
    assert (await asyncio.wait_for(task.wait(), 10)).stopped
    assert "cannot write" in task.warning


async def test_a_run_that_cannot_be_written_to(queue: JobQueue, tmp_path: Path) -> None:
    (tmp_path / "jobs").touch()
    task = queue.submit(job(tmp_path, "print('x')"))
    assert (await task.wait()).output == "x\n"
    assert "cannot be written to" in task.warning
    assert task.record is not None
    assert read_record(task.record.folder) == task.record
    shutil.rmtree(task.record.folder)


async def test_a_job_made_in_passing_leaves_nothing_at_a_good_end(queue: JobQueue, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "jobs").touch()
    for run in ("a", "b"):
        (tmp_path / run).mkdir(exist_ok=True)
        task = queue.submit(job(tmp_path / run, "print('x')", "images", quiet=True), at_once=True)
        assert (await task.wait()).output == "x\n"
        await until(lambda: not queue.tasks)
        assert task.record is not None
        assert not task.record.folder.exists()
        assert task.warning == ""
    failed = queue.submit(job(tmp_path / "a", "raise SystemExit(3)", "images", quiet=True), at_once=True)
    await failed.wait()
    assert [record.code for record in read_records(tmp_path / "a")] == [3]
    assert queue.tasks == (failed,)


async def test_a_queue_takes_up_what_another_left_running(queue: JobQueue, tmp_path: Path) -> None:
    other = JobQueue(PYTHON, clock, detach=True)
    left = other.submit(job(tmp_path))
    await until(lambda: left.note == "ready")
    await other.close(0)
    await queue.find(tmp_path)
    await queue.find(tmp_path)
    (found,) = queue.tasks
    assert (found.state, found.ours, found.request.title) == ("running", False, "a sample")
    await until(lambda: found.note == "ready")
    waiting = queue.submit(job(tmp_path, "pass"))
    assert waiting.state == "queued", "it holds up the queue"
    await queue.close(0)
    assert read_records(tmp_path)[0].state == "running", "and is not stopped by an app that did not start it"
    again = JobQueue(PYTHON, clock)
    await again.find(tmp_path)
    again.tasks[0].stop()
    assert (await asyncio.wait_for(again.tasks[0].wait(), 10)).stopped
    assert read_records(tmp_path)[0].state == "stopped"


async def test_a_record_that_says_running_of_a_job_that_is_dead(queue: JobQueue, tmp_path: Path) -> None:
    task = queue.submit(job(tmp_path, "import sys; sys.exit(3)"))
    await task.wait()
    assert task.record is not None
    write_record(replace(task.record, state="running", ended=None, code=None))
    record = read_record(task.record.folder)
    assert record is not None
    assert (record.state, record.code, record.ended is not None) == ("failed", 3, True)
    (task.record.folder / EXIT).unlink()
    record = read_record(task.record.folder)
    assert record is not None
    assert (record.state, record.code) == ("failed", LOST)
    assert "it left no exit code" in record.problem
    await queue.find(tmp_path)
    assert len(queue.tasks) == 1


GOOD = {
    "kind": "sample",
    "title": "t",
    "command": ["workbench", "x"],
    "state": "finished",
    "started": "2026-01-01T00:00:00+00:00",
}


@pytest.mark.parametrize(
    "content",
    [
        b"rubbish",
        b"[]",
        b"null",
        b"{}",
        b"[" * 100_000,
        b" " * 300_000,
        *(
            json.dumps(GOOD | change).encode()
            for change in (
                {"state": "queued"},
                {"state": ["running"]},
                {"command": "rm"},
                {"command": [1]},
                {"command": ["x"] * 5000},
                {"title": 3},
                {"started": "soon"},
                {"started": 1e999},
                {"pid": 10**30},
                {"exit_code": True},
                {"out": {}},
            )
        ),
    ],
    ids=lambda content: content[-40:].decode(),
)
def test_a_record_that_makes_no_sense_is_said_to(tmp_path: Path, content: bytes) -> None:
    (tmp_path / RECORD).write_bytes(content)
    record = read_record(tmp_path)
    assert record is not None
    assert "makes no sense" in record.problem
    assert record.state == "failed"


def test_hostile_texts_in_a_record_are_plain(tmp_path: Path) -> None:
    texts = dict.fromkeys(("kind", "title", "version", "git_revision"), HOSTILE)
    (tmp_path / RECORD).write_text(json.dumps(GOOD | texts))
    record = read_record(tmp_path)
    assert record is not None
    for text in (record.kind, record.title, record.version, str(record.revision)):
        assert text.isprintable()
        assert len(text) <= 300


def test_a_folder_without_a_record_is_no_job(tmp_path: Path) -> None:
    (tmp_path / "jobs" / "000001").mkdir(parents=True)
    assert read_records(tmp_path) == []
    assert read_records(tmp_path / "none") == []


def test_a_record_as_written(tmp_path: Path) -> None:
    record = Record(
        folder=tmp_path,
        kind="score",
        title="äöü ✓",
        arguments=("score", "a b", "\udc80"),
        state="failed",
        started=1.5,
        ended=2.25,
        code=-9,
        pid=7,
        out=tmp_path,
        version="1",
        revision="abc-dirty",
    )
    write_record(record)
    assert read_record(tmp_path) == record
    assert record.command_line.startswith("workbench score 'a b'")
    with pytest.raises(WorkbenchError):
        write_record(replace(record, folder=tmp_path / "none"))


def test_the_first_frame_loads_the_queue_alone() -> None:
    program = "import sys, workbench.tui.application; print(*[n for n in sys.modules if 'tui.jobs.' in n])"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert result.stdout.split() == ["workbench.tui.jobs.queue"]


def test_titles_name_the_checkpoint_first_and_the_run_where_several_are_told(tmp_path: Path) -> None:
    run = tmp_path / "runs" / "pgd-[b]x\x1b"
    kept = [Kept(epoch=7, roles=())]
    folder = run / "generation" / "samples-000"
    settings = Settings(checkpoint=run / weights_name(7), checkpoint_digest="0" * 64, data=None, spec=spec())
    folder.mkdir(parents=True)
    write_settings(folder, settings)
    for form, title in (
        (sampling_form(run, kept, "ab", None, folder), "epoch 7 · generate 16 images · 2 classes"),
        (evaluation_form(run, kept), "epoch 7 · pgd-50-10 · test images · strong evaluation"),
        (scoring_form(run, folder, "digits"), "epoch 7 · score samples-000 against digits"),
        (pca_form(run, kept), "class-wise PCA of pixels"),
    ):
        made = form.job({question.name: question.value for question in form.questions})
        assert made.full_title == f"pgd-[b]x\\x1b · {title}"
    answers = {question.name: question.value for question in pca_form(run, kept).questions}
    assert pca_form(run, kept).job(answers | {"space": "features"}).title == "epoch 7 · class-wise PCA of features"
