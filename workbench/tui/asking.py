"""From a form to its job on the screen. Import it late: it loads the screens of both."""

import asyncio
from collections.abc import Callable
from typing import Any

from textual.screen import Screen

from trainers.errors import WorkbenchError
from workbench.tui.forms.form import Form
from workbench.tui.jobs.queue import JobQueue
from workbench.tui.screens.form import FormScreen
from workbench.tui.screens.job import JobScreen


async def ask(screen: Screen[Any], jobs: JobQueue, make: Callable[[], Form]) -> None:
    """Show a form over a screen, then submit its job and show that. Call it in a worker.

    Args:
        screen: where it is said why there is nothing to ask.
        jobs: where the job goes.
        make: makes the form, in a thread; raises a WorkbenchError where there is nothing to ask.
    """
    try:
        form = await asyncio.to_thread(make)
    except WorkbenchError as error:
        screen.notify(str(error), severity="warning", markup=False)
        return
    request = await screen.app.push_screen_wait(FormScreen(form))
    if request is not None:
        screen.app.push_screen(JobScreen(jobs.submit(request, at_once=form.at_once)))
