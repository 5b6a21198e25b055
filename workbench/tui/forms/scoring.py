"""How to score samples."""

from collections.abc import Mapping
from pathlib import Path

from trainers.dataname import DATA_WORDS, absolute_data, parse_data
from trainers.errors import WorkbenchError
from workbench.tui.acts.files import is_there
from workbench.tui.forms.form import Answers, Form, Question, device_question, meaning_of, options
from workbench.tui.generated.folders import bounded_settings
from workbench.tui.jobs.request import JobRequest
from workbench.tui.launching.results import Words
from workbench.tui.look.text import plain

SPLITS: Mapping[str, str] = {"train": "all training images, as is usual for FID", "test": "the test images"}


def scoring_form(run_dir: Path, folder: Path, data: str | None) -> Form:
    """The form over a folder of samples.

    Args:
        run_dir: the run.
        folder: the samples.
        data: what the run was trained on, which is proposed as the reference.
    """
    questions = (
        Question(
            name="against",
            label="Against",
            group="Reference",
            value=data or "",
            meaning=DATA_WORDS,
        ),
        Question(
            name="split",
            label="Images",
            group="Reference",
            meaning=SPLITS,
            choices=tuple(SPLITS),
            value="train",
            default="train",
        ),
        Question(
            name="features",
            label="Features",
            group="Networks",
            value=f"classifier:{run_dir}",
            default="inception",
            meaning="inception, inception:WEIGHTS_FILE or classifier:CHECKPOINT; of the run itself they favour it",
        ),
        Question(
            name="judge",
            label="Judge",
            group="Networks",
            default="by the size of the data",
            meaning="of class agreement: svm or classifier:CHECKPOINT",
        ),
        Question(
            name="num", label="Images", group="More", default="all", meaning="score so many, classes in proportion"
        ),
        Question(name="seed", label="Seed", group="More", default="0", meaning="of shuffles and subsets"),
        device_question("More"),
    )
    by_name = {question.name: question for question in questions}
    checkpoint = _checkpoint_of(folder)

    def check(name: str, answers: Answers) -> str:
        answer = answers.get(name, "")
        _CHECKS.get(name, _fine)(answer)
        return meaning_of(by_name[name], answer)

    def job(answers: Answers) -> JobRequest:
        return JobRequest(
            kind="score",
            title=f"{checkpoint}score {plain(folder.name)} against {plain(answers['against'], 60)}",
            arguments=("score", *options(questions, answers), "--", str(folder)),
            run_dir=run_dir,
            result=Words(f"Score {plain(folder.name)}", f"against {plain(answers['against'], 60)}"),
            out=folder,
        )

    return Form(
        title=f"Score {plain(folder.name)}", verb="score", questions=questions, check=check, job=job, into=folder
    )


def _checkpoint_of(folder: Path) -> str:
    """The beginning of a title: which checkpoint the samples are from, where that is known."""
    try:
        stem = bounded_settings(folder).checkpoint.stem
    except WorkbenchError:
        return ""
    epoch = stem.removeprefix("epoch-")
    return f"epoch {int(epoch)} · " if epoch.isdecimal() and epoch.isascii() else f"{plain(stem, 24)} · "


def _fine(text: str) -> None:
    """Anything will do."""


def _check_against(text: str) -> None:
    if parse_data(text).kind != "hub":
        _check_there(absolute_data(text).partition(":")[2])


def _check_features(text: str) -> None:
    kind, _, where = text.partition(":")
    if text and (kind not in ("inception", "classifier") or (kind == "classifier" and not where)):
        raise WorkbenchError("inception, inception:WEIGHTS_FILE or classifier:CHECKPOINT")
    _check_there(where)


def _check_judge(text: str) -> None:
    kind, _, where = text.partition(":")
    if text and text != "svm" and (kind != "classifier" or not where):
        raise WorkbenchError("svm or classifier:CHECKPOINT")
    _check_there(where)


def _check_there(where: str) -> None:
    if where and not is_there(Path(where)):
        raise WorkbenchError(f"there is no {where}")


def _check_num(text: str) -> None:
    if text:
        at_least(text, 2)


def _check_seed(text: str) -> None:
    if text:
        at_least(text, 0)


def at_least(text: str, least: int) -> int:
    """A whole number that was typed.

    Raises:
        WorkbenchError: it is none, or too small, or too large to be meant.
    """
    if not (text.isascii() and text.isdigit() and len(text) < 12 and int(text) >= least):
        raise WorkbenchError(f"a whole number, at least {least}")
    return int(text)


_CHECKS = {
    "against": _check_against,
    "features": _check_features,
    "judge": _check_judge,
    "num": _check_num,
    "seed": _check_seed,
}
