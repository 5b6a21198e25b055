"""The way into the terminal application. Loads neither Textual nor numpy until it is asked to run."""

import gc
from pathlib import Path

from workbench.tui.glance import Helper


def run(path: Path) -> None:
    """Show a run in the terminal until the user quits.

    Args:
        path: a run directory or its log file.

    Raises:
        WorkbenchError: there is no readable energy log at ``path``; the terminal is left as it was.
    """
    helper = Helper(path)
    gc.disable()  # loading makes many objects and no garbage: to look for it would cost a tenth of the time
    try:
        from workbench.tui.application import WorkbenchApp

        app = WorkbenchApp(path, glance=helper.result())
    finally:
        gc.freeze()
        gc.enable()
    app.run()
