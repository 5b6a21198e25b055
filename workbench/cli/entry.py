"""The way in: ``workbench inspect RUN`` on a terminal goes straight to the app, all else through the command line.

The command line's libraries take as long to load as Textual; looking at a run need not wait for them.
"""

import sys
from pathlib import Path
from typing import NoReturn

from trainers.errors import WorkbenchError


def main() -> NoReturn:
    """Run the command line and exit."""
    match sys.argv[1:]:
        case ["inspect", run] if _is_run(run) and _shown(Path(run), detach=False):
            sys.exit(0)
        case ["inspect", "--detach", run] | ["inspect", run, "--detach"] if _is_run(run) and _shown(
            Path(run), detach=True
        ):
            sys.exit(0)
        case _:
            from workbench.cli.main import main as command_line

            command_line()


def _is_run(word: str) -> bool:
    """Whether a word of the command line can be a run that is to be shown."""
    return not word.startswith("-") and sys.stdout.isatty()


def _shown(path: Path, *, detach: bool) -> bool:
    """Show a run in the app; False if it cannot be read, which the command line then meets again and says."""
    from workbench.tui.app import run

    try:
        run(path, detach=detach)
    except (WorkbenchError, OSError):
        return False
    return True
