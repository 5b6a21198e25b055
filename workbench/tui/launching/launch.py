"""The form and the jobs behind keys, made in a thread: it is here that what they need is loaded. Import it late."""

from collections.abc import Collection
from pathlib import Path

from workbench.pca.spec import PIXELS
from workbench.target import DERIVED
from workbench.tui.acts.files import check_writable
from workbench.tui.facts.source import View
from workbench.tui.forms.form import Answers, Form
from workbench.tui.forms.pca import pca_form, pca_title
from workbench.tui.forms.sampling import sampling_form
from workbench.tui.jobs.request import JobRequest
from workbench.tui.launching.commands import free_folder, kept_checkpoints, pca_arguments, run_dir_of
from workbench.tui.launching.results import Components


def generate_form(
    path: Path,
    view: View,
    cursor: int,
    proposed: Answers | None = None,
    *,
    chosen: int | None = None,
    promised: Collection[Path],
) -> Form:
    """The form over a run; the checkpoint that was chosen, or is under a cursor that was moved, is proposed.

    Images go to a folder that neither is there nor is among the ``promised`` ones.

    Raises:
        WorkbenchError: the run keeps no checkpoints, or its folder cannot be looked into.
    """
    run_dir = run_dir_of(path)
    kept = kept_checkpoints(run_dir, cursor)
    wanted = cursor if chosen is None and cursor < view.num_epochs - 1 else chosen
    first = sorted(kept, key=lambda one: one.epoch != wanted)
    data = view.meta.config.get("data")
    data = data if isinstance(data, str) else None
    return sampling_form(run_dir, first, view.meta.class_names, data, free_folder(run_dir, promised), proposed)


def pca_job(path: Path) -> JobRequest:
    """The job that fits the class-wise PCA, or reads it.

    Raises:
        WorkbenchError: the run keeps no checkpoints, or has no PCA yet and cannot be written to.
    """
    run_dir = run_dir_of(path)
    kept_checkpoints(run_dir, 0)
    if not any((run_dir / DERIVED).glob("pca-*")):
        check_writable(run_dir / DERIVED)
    return JobRequest(
        kind="pca",
        title=pca_title(PIXELS),
        arguments=pca_arguments(run_dir),
        run_dir=run_dir,
        result=Components(run_dir.name or str(run_dir)),
    )


def pca_form_of(path: Path) -> Form:
    """The form that asks how to fit another PCA.

    Raises:
        WorkbenchError: the run keeps no checkpoints.
    """
    run_dir = run_dir_of(path)
    return pca_form(run_dir, kept_checkpoints(run_dir, 0))
