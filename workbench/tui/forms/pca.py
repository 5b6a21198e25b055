"""How to fit a class-wise PCA."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from trainers.errors import WorkbenchError
from workbench.pca.spec import DEFAULT_VARIANCE, FEATURES, PIXELS, SPACES, PCASpec
from workbench.target import DERIVED
from workbench.tui.forms.form import Answers, Form, Question, meaning_of, options
from workbench.tui.forms.scoring import at_least
from workbench.tui.jobs.request import JobRequest
from workbench.tui.launching.commands import Kept
from workbench.tui.launching.results import Components

_SPACES = {PIXELS: "of the training images", FEATURES: "of the network's penultimate layer"}
_REFIT = {"no": "one that was fitted so before is read", "yes": "fitted anew in any case"}


def pca_form(run_dir: Path, kept: Sequence[Kept]) -> Form:
    """The form over a run; ``kept`` are its checkpoints, the best first."""
    epochs = tuple(str(one.epoch) for one in kept)
    questions = (
        Question(name="space", label="Space", meaning=_SPACES, choices=SPACES, value=PIXELS, default=PIXELS),
        Question(
            name="epoch",
            label="Checkpoint",
            meaning={str(one.epoch): one.title for one in kept},
            choices=epochs,
            value=epochs[0],
            default=epochs[0],
        ),
        Question(name="variance", label="Variance", default=str(DEFAULT_VARIANCE), meaning="share to keep, in (0, 1]"),
        Question(name="components", label="Components", default="by the variance", meaning="so many instead"),
        Question(name="local", label="Clusters", default="1", meaning="in each class, a PCA each"),
        Question(name="seed", label="Seed", default="0", meaning="of k-means and of the randomised solver"),
        Question(name="refit", label="Fit anew", meaning=_REFIT, choices=tuple(_REFIT), value="no", default="no"),
    )
    by_name = {question.name: question for question in questions}

    def check(name: str, answers: Answers) -> str:
        if name in ("variance", "components", "local", "seed"):
            PCASpec(**_values(name, answers))
        if name == "components" and answers["components"] and answers["variance"]:
            raise WorkbenchError("variance or components, not both")
        idle = name == "epoch" and answers["space"] == PIXELS
        return "" if idle else meaning_of(by_name[name], answers[name])

    def job(answers: Answers) -> JobRequest:
        asked = tuple(question for question in questions if question.name not in ("refit", "epoch"))
        epoch = (f"--epoch={answers['epoch']}",) if answers["space"] == FEATURES else ()
        refit = ("--refit",) if answers["refit"] == "yes" else ()
        name = run_dir.name or str(run_dir)
        return JobRequest(
            kind="pca",
            title=pca_title(answers["space"], answers["epoch"]),
            arguments=("pca", "--json", *options(asked, answers), *epoch, *refit, "--", str(run_dir)),
            run_dir=run_dir,
            result=Components(name),
        )

    return Form(title="Class-wise PCA", verb="fit", questions=questions, check=check, job=job, into=run_dir / DERIVED)


def pca_title(space: str, epoch: str = "") -> str:
    """The title of a job; a PCA of pixels is that of the images, whatever the checkpoint."""
    return f"epoch {epoch} · class-wise PCA of features" if space == FEATURES else f"class-wise PCA of {space}"


def _values(name: str, answers: Answers) -> dict[str, Any]:
    """The value of one setting of a ``PCASpec``; nothing where it is left to its default."""
    text = answers[name]
    if not text:
        return {}
    if name != "variance":
        return {name: at_least(text, 0)}
    try:
        return {name: float(text)}
    except ValueError:
        raise WorkbenchError("a number") from None
