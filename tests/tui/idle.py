"""Waiting until the app has nothing to do: by what there is to do, where Textual's pilot looks at a clock.

Textual's own ``wait_for_idle`` sleeps for 20 ms at least and takes the app to be idle if the process then hardly
computed, as it does not either on a machine that has no core for it. Two such waits follow each key. This one costs
nothing where there is nothing to wait for, and does not end early under load: it waits until the event loop has nothing
to run, no thread works for it, and nothing that was changed is left to be drawn. What comes later, by a timer or from
another process, is waited for by the test that wants it.
"""

import asyncio
import time
from asyncio.base_events import BaseEventLoop
from collections.abc import Callable
from typing import Any

import pytest
import textual.app
import textual.pilot
from textual._context import active_app

IN_THREADS: set[asyncio.Future[Any]] = set()
"""What threads do for event loops now."""

_run_in_executor = BaseEventLoop.run_in_executor


def run_in_executor(
    loop: BaseEventLoop, executor: Any, work: Callable[..., Any], *arguments: object
) -> asyncio.Future[Any]:
    """As asyncio's, and remember it until it is done."""
    future = _run_in_executor(loop, executor, work, *arguments)
    IN_THREADS.add(future)
    future.add_done_callback(IN_THREADS.discard)
    return future


async def wait_for_idle(_min_sleep: float = 0, max_sleep: float = 1) -> None:
    """Wait until the app that is tested has nothing to do, ``max_sleep`` seconds at most."""
    app, loop = active_app.get(), asyncio.get_running_loop()
    end = time.monotonic() + max_sleep
    while time.monotonic() < end:
        await asyncio.sleep(0)
        if loop._ready:  # type: ignore[attr-defined]
            continue
        if working := [future for future in IN_THREADS if future.get_loop() is loop]:
            await asyncio.wait(working, timeout=0.01, return_when=asyncio.FIRST_COMPLETED)
        elif app._resize_event is not None:
            app._check_resize()  # what its timer would do within 1/120 s
        elif app._screen_stack and app.screen._update_timer._active.is_set():
            app.screen._on_timer_update()  # what its timer would do within 1/60 s
        else:
            return


def install(patch: pytest.MonkeyPatch) -> None:
    """Let every pilot wait so."""
    patch.setattr(BaseEventLoop, "run_in_executor", run_in_executor)
    patch.setattr(textual.app, "wait_for_idle", wait_for_idle)
    patch.setattr(textual.pilot, "wait_for_idle", wait_for_idle)
