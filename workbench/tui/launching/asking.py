"""From a form to its job on the screen. Import it late: it loads the screens of both."""

import asyncio
from collections.abc import Callable
from typing import Any

from textual.screen import Screen

from trainers.errors import WorkbenchError
from workbench.tui.acts.files import check_writable
from workbench.tui.forms.form import Form
from workbench.tui.jobs.queue import JobQueue
from workbench.tui.jobs.request import JobRequest
from workbench.tui.look.text import plain
from workbench.tui.screens.form import FormScreen
from workbench.tui.screens.job import JobScreen


async def request_for(screen: Screen[Any], make: Callable[[], Form]) -> JobRequest | None:
    """Show a form over a screen; the job that it makes, None where there is none. Call it in a worker.

    Args:
        screen: where it is said why there is nothing to ask.
        make: makes the form, in a thread; raises a WorkbenchError where there is nothing to ask.
    """

    def possible() -> Form:
        form = make()
        check_writable(form.into)
        return form

    try:
        form = await asyncio.to_thread(possible)
    except WorkbenchError as error:
        screen.notify(plain(str(error), 300), severity="warning", markup=False)
        return None
    return await screen.app.push_screen_wait(FormScreen(form))


async def ask(screen: Screen[Any], jobs: JobQueue, make: Callable[[], Form]) -> None:
    """Show a form over a screen, then submit its job and show that; as ``request_for``."""
    request = await request_for(screen, make)
    if request is not None:
        screen.app.push_screen(JobScreen(jobs.submit(request)))
