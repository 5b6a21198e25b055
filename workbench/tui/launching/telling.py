"""What the app says of jobs, and what becomes of them when the app is ended from outside."""

import asyncio
import os
import signal
import threading
from typing import Any

from textual.app import App

from workbench.tui.jobs.queue import JobQueue
from workbench.tui.jobs.rows import JOB_LOOKS
from workbench.tui.jobs.task import Task
from workbench.tui.keys.run import RUN_KEYS
from workbench.tui.keys.table import cap_of
from workbench.tui.keys.workspace import WORKSPACE_KEYS
from workbench.tui.look.text import plain
from workbench.tui.screens.job import JobScreen

SEVERITY = {"failed": "error", "stopped": "warning", "finished": "information"}


def tell(app: App[Any], task: Task) -> None:
    """Say that a job has ended, unless its screen is open and says so; and what is wrong with its record."""
    if not app.is_running:
        return
    if task.warning:
        app.notify(plain_lines(task.warning), severity="warning", markup=False)
    if task.ended is None or task.request.quiet or (isinstance(app.screen, JobScreen) and app.screen.job is task):
        return
    symbol, word, _ = JOB_LOOKS[task.state]
    why = f"\n{task.ended.complaint}" if task.ended is not None and task.state == "failed" else ""
    app.notify(
        plain(task.request.full_title, 200) + plain_lines(why) + f"\n{_jobs_key(app)} shows it",
        title=f"{symbol} {word}",
        severity=SEVERITY[task.state],  # type: ignore[arg-type]
        markup=False,
    )


def _jobs_key(app: App[Any]) -> str:
    """What opens the list of jobs: in a run, or in the list of runs."""
    from workbench.tui.screens.run import RunScreen

    in_run = any(isinstance(screen, RunScreen) for screen in app.screen_stack)
    return cap_of(RUN_KEYS if in_run else WORKSPACE_KEYS, "jobs")


def plain_lines(text: str) -> str:
    """Some lines, each made plain and not too long."""
    return "\n".join(plain(line, 300) for line in text.split("\n"))


def guard(jobs: JobQueue) -> None:
    """See to it that the jobs are asked to stop if the app is ended by SIGTERM or by the loss of its terminal."""
    if threading.current_thread() is not threading.main_thread():
        return
    loop = asyncio.get_running_loop()

    def end(number: signal.Signals) -> None:
        jobs.abandon()
        loop.remove_signal_handler(number)
        os.kill(os.getpid(), number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, end, number)
