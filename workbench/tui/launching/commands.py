"""The commands of this command line that the app starts in processes of their own."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from trainers.errors import WorkbenchError
from trainers.rundir import LOG_NAME, find_weights
from workbench.sampling.settings import SETTINGS_NAME
from workbench.target import BEST, DERIVED, find_target
from workbench.tui.look.text import plain


@dataclass(frozen=True, kw_only=True, slots=True)
class SampleRequest:
    """What to generate.

    Attributes:
        classes: as ``--class`` takes them.
        labels: the same as class numbers, in order.
        num: number of images.
        steps: most steps of a chain; None for the command's default.
        epoch: whose checkpoint.
        out: where the images go.
        options: all else that is not left to the command's defaults, as ``--seed=1``.
    """

    classes: str
    labels: tuple[int, ...]
    num: int
    steps: int | None
    epoch: int
    out: Path
    options: tuple[str, ...] = ()

    def arguments(self, run_dir: Path) -> tuple[str, ...]:
        """The arguments of ``workbench`` that do it."""
        steps = () if self.steps is None else ("--steps", str(self.steps))
        what = (f"--class={self.classes}", "--num", str(self.num), *steps, *self.options, "--epoch", str(self.epoch))
        return ("sample", *what, f"--out={self.out}", "--", str(run_dir))


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """A checkpoint that a run keeps, and why one would take it."""

    epoch: int
    roles: tuple[str, ...]

    @property
    def title(self) -> str:
        """One line."""
        return f"epoch {self.epoch}" + "".join(f" · {role}" for role in self.roles)


def run_dir_of(path: Path) -> Path:
    """The run directory of what the app looks at.

    Raises:
        WorkbenchError: it is a log outside of a run directory.
    """
    if path.is_dir():
        return path
    if path.name != LOG_NAME:
        raise WorkbenchError(
            f"{plain(path.name)} is a log by itself; open the run directory that holds its checkpoints instead"
        )
    return path.parent


def kept_checkpoints(run_dir: Path, cursor: int) -> tuple[Kept, ...]:
    """The checkpoints that a run keeps: the best first, then the last, the one under the cursor, the others.

    Raises:
        WorkbenchError: there are none, or the log cannot be read.
    """
    epochs = list(find_weights(run_dir))
    if not epochs:
        raise WorkbenchError(f"{plain(str(run_dir))} keeps no checkpoints, and images come from a checkpoint")
    best = find_target(run_dir, BEST).epoch
    named = {"best": best, "last": epochs[-1], "under the cursor": cursor}
    kept = [Kept(epoch=e, roles=tuple(role for role, at in named.items() if at == e)) for e in reversed(epochs)]
    places = [*named.values()]
    return tuple(sorted(kept, key=lambda one: places.index(one.epoch) if one.epoch in places else len(places)))


def free_folder(run_dir: Path, promised: Collection[Path] = ()) -> Path:
    """The next folder of samples that is not there yet, numbered as ``workbench sample`` does.

    Args:
        run_dir: of the run.
        promised: absolute paths of those that jobs are still to make.

    Raises:
        WorkbenchError: the folder cannot be looked into.
    """
    number, derived = 0, run_dir / DERIVED
    try:
        while (out := derived / f"samples-{number:03d}").exists() or out.absolute() in promised:
            number += 1
    except OSError as error:
        raise WorkbenchError(f"cannot look into {plain(str(derived))} ({error.strerror or error})") from None
    return out


def can_go_on(out: Path) -> bool:
    """Whether ``workbench sample --resume`` can go on with a folder."""
    return (out / SETTINGS_NAME).exists()


def pca_arguments(run_dir: Path) -> tuple[str, ...]:
    """The arguments of ``workbench`` that fit the class-wise PCA of a run, or read the one that was fitted before."""
    return ("pca", "--json", "--", str(run_dir))
