"""Draw the pictures of this folder from three finished runs.

Command:  python docs/screens/draw.py demo/fgsm demo/fgsm-der demo/pgd
Result:   one SVG a picture, about a minute. Images are generated into demo/pgd/generation, and its PCA is fitted.
"""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from textual.pilot import Pilot

from workbench.tui.application import WorkbenchApp
from workbench.tui.screens.job import JobScreen
from workbench.tui.screens.run import RunScreen

FOLDER = Path(__file__).parent
WIDE, PLAIN = (140, 40), (80, 24)
COLLAPSED = {
    "overview": (WIDE, ["n"]),
    "overview-80x24": (PLAIN, ["n"]),
    "curves": (WIDE, ["2", "n"]),
    "curves-zoomed": (WIDE, ["2", "n", "plus", "plus", "w", "w", "d"]),
    "histogram": (WIDE, ["3", "n"]),
    "histogram-80x24": (PLAIN, ["3", "n"]),
    "heatmap": (WIDE, ["4", "n"]),
    "heatmap-80x24": (PLAIN, ["4", "n"]),
    "classes": (WIDE, ["5", "n"]),
    "classes-80x24": (PLAIN, ["5", "n", "m"]),
    "energies": (WIDE, ["6", "n", "f"]),
    "energies-80x24": (PLAIN, ["6", "n", "m", "f"]),
    "samples": (WIDE, ["7", "n", "o", "down", "enter"]),
    "samples-80x24": (PLAIN, ["7", "n", "o", "down", "enter"]),
    "record": (WIDE, ["0"]),
    "help": (PLAIN, ["question_mark"]),
}
HEALTHY = {"overview-healthy": (WIDE, [])}
ROBUST = {
    "checkpoints": (WIDE, ["8"]),
    "generated": (WIDE, ["9", "full_stop", "full_stop"]),
    "generated-80x24": (PLAIN, ["9", "enter", "full_stop"]),
    "generate-form": (PLAIN, ["g", "tab", *"20"]),
    "generate": (WIDE, ["g", "tab", *"20", "enter"]),
    "generate-80x24": (PLAIN, ["g", "3", "enter"]),
    "pca": (WIDE, ["a"]),
    "pca-80x24": (PLAIN, ["a", "n", "n", "n"]),
    "jobs": (WIDE, ["J", "down"]),
}


STARTS = {"samples-000": "noise", "samples-001": "pca"}


def generate(run: Path) -> None:
    """Two folders of images, scored by another model, unless there are some."""
    for name, start in STARTS.items():
        folder = run / "generation" / name
        if folder.exists():
            continue
        chosen = ["--class", "3", "--num", "24", "--start", start, "--steps", "200"]
        judged = ["--against", "digits", "--features", f"classifier:{run.parent / 'fgsm-der'}"]
        for command in (["sample", str(run), *chosen, "--out", str(folder)], ["score", str(folder), *judged]):
            subprocess.run([sys.executable, "-m", "workbench", *command], check=True)


async def draw(run: Path, name: str, size: tuple[int, int], keys: list[str]) -> None:
    """Open a run, press keys, save what is seen."""
    app = WorkbenchApp(run)
    async with app.run_test(size=size) as pilot:
        screen = app.screen
        assert isinstance(screen, RunScreen)
        while screen.view is None:
            await pilot.pause(0.05)
        for key in keys:
            await pilot.press(key)
            await ended(pilot)
        await pilot.pause(0.3)
        app.save_screenshot(f"{name}.svg", path=str(FOLDER))


async def ended(pilot: Pilot[None]) -> None:
    """Wait until a screen that a key opens is there, and until the command that it runs has ended."""
    await pilot.pause(0.3)
    while isinstance(pilot.app.screen, JobScreen) and pilot.app.screen.ended is None:
        await pilot.pause(0.1)
    while isinstance(pilot.app, WorkbenchApp) and pilot.app.jobs.unfinished:
        await pilot.pause(0.5)


def main() -> None:
    """Draw all pictures of the runs that the command line names."""
    os.environ.update({"TEXTUAL_ANIMATIONS": "none", "COLORTERM": "truecolor"})
    os.environ.update({"WORKBENCH_CONFIG": f"{__file__}.none", "WORKBENCH_STATE": f"{__file__}/none"})  # nobody's
    generate(Path(sys.argv[3]))
    for run, pictures in zip(sys.argv[1:4], (COLLAPSED, HEALTHY, ROBUST), strict=True):
        for name, (size, keys) in pictures.items():
            asyncio.run(draw(Path(run), name, size, keys))


if __name__ == "__main__":
    main()
