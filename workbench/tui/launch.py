"""The form and the jobs behind keys, made in a thread: it is here that what they need is loaded. Import it late."""

from pathlib import Path

from workbench.tui.commands import SampleRequest, free_folder, kept_checkpoints, pca_arguments, run_dir_of
from workbench.tui.jobs.request import JobRequest
from workbench.tui.results import Components, Samples
from workbench.tui.screens.generate import GenerateScreen
from workbench.tui.source import View
from workbench.tui.text import plain


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


def sampling_job(path: Path, view: View, request: SampleRequest) -> JobRequest:
    """The job that generates."""
    names = [view.meta.class_names[label] for label in request.labels] if view.meta.class_names else ["?"]
    result, run_dir = Samples(request, names), run_dir_of(path)
    return JobRequest(
        kind="sample",
        title=f"{result.title} · {result.what}",
        arguments=request.arguments(run_dir),
        run_dir=run_dir,
        result=result,
        out=request.out,
    )


def pca_job(path: Path) -> JobRequest:
    """The job that fits the class-wise PCA, or reads it.

    Raises:
        WorkbenchError: the run keeps no checkpoints.
    """
    run_dir = run_dir_of(path)
    kept_checkpoints(run_dir, 0)
    return JobRequest(
        kind="pca",
        title=f"Class-wise PCA of {plain(run_dir.name or str(run_dir))}",
        arguments=pca_arguments(run_dir),
        run_dir=run_dir,
        result=Components(run_dir.name or str(run_dir)),
    )
