"""The top line: which run this is and how it is doing."""

from collections.abc import Callable

from rich.cells import cell_len
from rich.style import Style

from workbench.tui.facts.glance import Facts
from workbench.tui.facts.trouble import Replaced, Trouble
from workbench.tui.look import palette
from workbench.tui.look.palette import style
from workbench.tui.look.text import age, clock_time, epsilon, plain, shorten
from workbench.tui.widgets.cells import Cells, Painted

STATUS_LOOKS = {
    "running": ("●", "live", palette.GOOD),
    "finished": ("✓", "finished", palette.TEXT),
    "stopped": ("■", "stopped", palette.WARNING),
    "failed": ("✗", "failed", palette.CATASTROPHIC),
    "crashed": ("✗", "crashed", palette.CATASTROPHIC),
}
"""Symbol, word and colour of each status."""


LONGEST_NAME = 28
"""Cells of a run's name; what it was trained on and how fast it goes on need room too."""

CLICK_JOBS = Style(meta={"@click": "screen.jobs"})


class Header(Painted):
    """Name, method, data, model, ε and seed on the left; status, progress and age of the data on the right."""

    def __init__(self, facts: Facts, clock: Callable[[], float], name: str = "") -> None:
        """A header of a run, by the ``name`` of its folder; anything may stand in it."""
        super().__init__(id="header")
        self._facts, self._clock, self._run_name = facts, clock, name
        self._trouble: Trouble | None = None
        self._replaced: Replaced | None = None
        self._jobs = ""
        self._told: object = None

    def show(
        self, facts: Facts, trouble: Trouble | None = None, jobs: str = "", replaced: Replaced | None = None
    ) -> None:
        """Show other facts.

        Args:
            facts: of the run.
            trouble: why not all of the log can be read now.
            jobs: what is said of jobs that run.
            replaced: which run's log was here before, if any.
        """
        self._facts, self._trouble, self._jobs, self._replaced = facts, trouble, jobs, replaced
        told = facts, self._state(self._clock()), jobs, replaced
        if told != self._told:  # under a dialogue every repaint sends the whole terminal
            self._told = told
            self.repaint()

    def paint(self, sheet: Cells) -> None:
        """One line."""
        symbol, text, colour = self._state(self._clock())
        right = sheet.width - cell_len(text) - 1
        if right > 12:
            sheet.write(right - 2, 0, symbol, style(colour, bold=True))
            sheet.write(right, 0, text, style(colour))
        if self._replaced is not None:
            words = f"⇄ other run since {clock_time(self._replaced.at)}"
            if right > 20 + len(words):
                right -= len(words) + 5
                sheet.write(right, 0, words, style(palette.WARNING, bold=True))
        if self._jobs and right > 30 + len(self._jobs):
            right -= len(self._jobs) + 5
            sheet.write(right, 0, f"▸ {self._jobs}", style(palette.ACCENT, bold=True) + CLICK_JOBS)
        title = shorten(_title(self._run_name, self._facts), max(right - 5, 8))
        sheet.write(1, 0, title, style(palette.TEXT, bold=True))

    def _state(self, now: float) -> tuple[str, str, str]:
        if self._trouble is not None and self._trouble.whole:
            return "✗", f"unreadable · data {age(now - self._trouble.since)} old", palette.CATASTROPHIC
        facts = self._facts
        symbol, word, colour = STATUS_LOOKS[facts.status]
        progress = f"{facts.num_epochs}/{facts.planned_epochs}" if facts.planned_epochs else f"{facts.num_epochs}"
        text = f"{word} · {progress} epochs"
        if facts.status in ("running", "crashed"):
            text += f" · {age(now - facts.heartbeat)} old"
        return symbol, text, colour


def _title(name: str, facts: Facts) -> str:
    parts = [plain(name, LONGEST_NAME)] if name else []
    parts += [plain(facts.method, 24), plain(facts.dataset, 24)]
    if facts.model is not None:
        parts.append(plain(facts.model, 20))
    if facts.eps is not None:
        parts.append(f"ε {epsilon(facts.eps)}")
    if facts.seed is not None:
        parts.append(f"seed {facts.seed}")
    return " · ".join(parts)
