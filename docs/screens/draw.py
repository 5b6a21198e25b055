"""Draw the pictures of this folder from two finished runs.

Command:  python docs/screens/draw.py demo/fgsm demo/fgsm-der
Result:   one SVG a picture, a few seconds.
"""

import asyncio
import os
import sys
from pathlib import Path

from workbench.tui.application import WorkbenchApp
from workbench.tui.screens.run import RunScreen

FOLDER = Path(__file__).parent
WIDE, PLAIN = (140, 40), (80, 24)
COLLAPSED = {
    "overview": (WIDE, ["n"]),
    "overview-80x24": (PLAIN, ["n"]),
    "curves": (WIDE, ["2", "n"]),
    "histogram": (WIDE, ["3", "n"]),
    "histogram-80x24": (PLAIN, ["3", "n"]),
    "heatmap": (WIDE, ["4", "n"]),
    "heatmap-80x24": (PLAIN, ["4", "n"]),
    "events": (WIDE, ["5"]),
    "help": (PLAIN, ["question_mark"]),
}
HEALTHY = {"overview-healthy": (WIDE, [])}


async def draw(run: Path, name: str, size: tuple[int, int], keys: list[str]) -> None:
    """Open a run, press keys, save what is seen."""
    app = WorkbenchApp(run)
    async with app.run_test(size=size) as pilot:
        screen = app.screen
        assert isinstance(screen, RunScreen)
        while screen.view is None:
            await pilot.pause(0.05)
        await pilot.press(*keys)
        await pilot.pause(0.3)
        app.save_screenshot(f"{name}.svg", path=str(FOLDER))


def main() -> None:
    """Draw all pictures of the two runs that the command line names."""
    os.environ["TEXTUAL_ANIMATIONS"] = "none"
    for run, pictures in zip(sys.argv[1:3], (COLLAPSED, HEALTHY), strict=True):
        for name, (size, keys) in pictures.items():
            asyncio.run(draw(Path(run), name, size, keys))


if __name__ == "__main__":
    main()
