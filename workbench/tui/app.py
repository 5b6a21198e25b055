"""The way into the terminal application. Loads neither Textual nor numpy until it is asked to run."""

import gc
from pathlib import Path

from workbench.tui.facts.glance import Helper, is_list


def run(*paths: Path, detach: bool = False) -> None:
    """Show a run, or a list of runs, in the terminal until the user quits.

    Args:
        paths: one run directory or log file for the run; several, or a directory with runs below it, for a list.
        detach: leave jobs running, without asking, when the app is left or its terminal is lost.

    Raises:
        WorkbenchError: there is no readable energy log at the only path; the terminal is left as it was.
    """
    if is_list(paths):
        from workbench.tui.application import WorkbenchApp

        WorkbenchApp(*paths, detach=detach).run()
        return
    helper = Helper(paths[0])
    gc.disable()  # loading makes many objects and no garbage: to look for it would cost a tenth of the time
    try:
        from workbench.tui.application import WorkbenchApp

        app = WorkbenchApp(paths[0], glance=helper.result(), detach=detach)
    finally:
        gc.freeze()
        gc.enable()
    app.run()
