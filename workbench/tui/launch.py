"""The screens that start commands, made in a thread: it is here that what they need is loaded. Import it late."""

from collections.abc import Sequence
from pathlib import Path

from workbench.tui.commands import SampleRequest, free_folder, kept_checkpoints, pca_arguments, run_dir_of
from workbench.tui.results import Components, Samples
from workbench.tui.screens.generate import GenerateScreen
from workbench.tui.screens.job import JobScreen
from workbench.tui.source import View


def generate_form(path: Path, view: View, cursor: int) -> GenerateScreen:
    """The form over a run; the checkpoint under a cursor that was moved is proposed.

    Raises:
        WorkbenchError: the run keeps no checkpoints, or its folder cannot be looked into.
    """
    run_dir = run_dir_of(path)
    kept = kept_checkpoints(run_dir, cursor)
    moved = [one for one in kept if one.epoch == cursor < view.num_epochs - 1]
    first = (*moved, *(one for one in kept if one not in moved))
    data = view.meta.config.get("data")
    return GenerateScreen(first, view.meta.class_names, data if isinstance(data, str) else None, free_folder(run_dir))


def sampling_screen(path: Path, view: View, command: Sequence[str], request: SampleRequest) -> JobScreen:
    """The screen that generates."""
    names = [view.meta.class_names[label] for label in request.labels] if view.meta.class_names else ["?"]
    return JobScreen(command, request.arguments(run_dir_of(path)), Samples(request, names))


def pca_screen(path: Path, command: Sequence[str]) -> JobScreen:
    """The screen that shows the class-wise PCA.

    Raises:
        WorkbenchError: the run keeps no checkpoints.
    """
    run_dir = run_dir_of(path)
    kept_checkpoints(run_dir, 0)
    return JobScreen(command, pca_arguments(run_dir), Components(run_dir.name or str(run_dir)))
