"""The app by itself, whatever its output is: what a web server runs for each of its tabs."""

import sys
from pathlib import Path

from workbench.tui.app import run

if __name__ == "__main__":
    run(*map(Path, sys.argv[1:]), detach=True)  # a tab that is closed is no wish to stop a job
