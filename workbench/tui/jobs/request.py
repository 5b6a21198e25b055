"""What a job is to do."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.tui.context import run_name

if TYPE_CHECKING:
    from workbench.tui.launching.results import Result


@dataclass(frozen=True, kw_only=True, slots=True)
class JobRequest:
    """A command over a run.

    Attributes:
        kind: what it makes: "sample", "score", "pca", "evaluate", "images".
        title: for people, one line of plain text, which checkpoint first, for lists are narrow; without the run.
        arguments: of ``workbench``.
        run_dir: the run; the job's record lies in its folder "jobs".
        result: what it makes, for the screen that shows it; None where its words are all there is to show.
        out: the folder or file that it makes for the user, if any.
        quiet: whether its end is left to what shows what it makes.
    """

    kind: str
    title: str
    arguments: tuple[str, ...]
    run_dir: Path
    result: "Result | None" = None
    out: Path | None = None
    quiet: bool = False

    @property
    def full_title(self) -> str:
        """The title where jobs of other runs may be told too."""
        return f"{run_name(self.run_dir)} · {self.title}"
