"""What to evaluate a checkpoint under: the settings of ``workbench evaluate`` that matter most."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from trainers.errors import WorkbenchError
from workbench.evaluation.store import FOLDER
from workbench.tui.checkpoints.result import Evaluated
from workbench.tui.forms.form import Answers, Form, Question, device_question, meaning_of, options
from workbench.tui.jobs.request import JobRequest
from workbench.tui.launching.commands import Kept
from workbench.tui.look.text import plain

ATTACKS = {
    "pgd-50-10": "50 steps, the worst of 10 starts",
    "apgd": "Auto-PGD, 100 steps",
    "pgd-50-10,apgd": "both, and the worst of both",
    "autoattack": "four attacks in turn; takes long",
    "pgd-50-10,apgd,autoattack": "all three; takes long",
}
"""The attacks to choose from, the default first, and what they are."""

SPLITS = {
    "test": "never seen by training",
    "probe": "held out; they chose the checkpoint",
    "train": "what it was trained on",
}
MOST_IMAGES, MOST_SEED = 10_000_000, 2**31 - 1


def evaluation_form(run_dir: Path, kept: Sequence[Kept]) -> Form:
    """The form over a run; of the checkpoints ``kept`` the first is proposed."""
    questions = (
        Question(name="attack", label="Attack", choices=tuple(ATTACKS), value="pgd-50-10", meaning=ATTACKS),
        Question(
            name="epoch",
            label="Checkpoint",
            choices=tuple(str(one.epoch) for one in kept),
            value=str(kept[0].epoch),
            meaning={str(one.epoch): one.title for one in kept},
        ),
        Question(name="split", label="Images of", choices=tuple(SPLITS), value="test", default="test", meaning=SPLITS),
        Question(name="num", label="Images", default="all", meaning="fewer: classes in proportion"),
        Question(name="seed", label="Seed", default="0", meaning="of the random starts"),
        device_question(),
    )
    by_name = {question.name: question for question in questions}

    def check(name: str, answers: Answers) -> str:
        answer = answers.get(name, "")
        if name == "attack" and "autoattack" in answer and find_spec("pyautoattack") is None:
            raise WorkbenchError("needs pip install 'workbench[autoattack]'")
        if name == "num" and answer:
            _whole(answer, 1, MOST_IMAGES)
        if name == "seed" and answer:
            _whole(answer, 0, MOST_SEED)
        return meaning_of(by_name[name], answer)

    def job(answers: Answers) -> JobRequest:
        what = f"epoch {answers['epoch']} · {answers['attack']} · {answers['split']} images"
        return JobRequest(
            kind="evaluate",
            # What tells jobs apart comes first, for lists are narrow.
            title=plain(f"{what}{Evaluated.ending}"),
            arguments=("evaluate", *options(questions, answers), "--json", "--", str(run_dir)),
            run_dir=run_dir,
            result=Evaluated(what),
        )

    into = run_dir / FOLDER
    return Form(title="Strong evaluation", verb="evaluate", questions=questions, check=check, job=job, into=into)


def _whole(text: str, low: int, high: int) -> None:
    if not (text.isascii() and text.isdigit() and len(text) < 12 and low <= int(text) <= high):
        raise WorkbenchError(f"a whole number from {low} to {high:,}")
