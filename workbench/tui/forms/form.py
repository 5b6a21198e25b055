"""A form: questions, what answers mean, and the job that they make."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from trainers.errors import WorkbenchError
from workbench.tui.jobs.request import JobRequest

Answers = Mapping[str, str]
"""The text that stands in each question, by name, without spaces around it; "" where the default is meant."""

DEVICES: Mapping[str, str] = {
    "auto": "the best there is",
    "cpu": "processor",
    "cuda": "NVIDIA GPU",
    "mps": "Apple GPU",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """One line of a form.

    Attributes:
        name: of the setting.
        label: what people call it.
        meaning: what it is, in a few words, or of each choice.
        group: heading under which it stands.
        value: what stands there at first.
        default: what holds if nothing stands there; shown in its place.
        choices: the values to choose from, the default first; empty where text is typed.
    """

    name: str
    label: str
    meaning: str | Mapping[str, str] = ""
    group: str = ""
    value: str = ""
    default: str = ""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Form:
    """What is asked, and what is done with the answers.

    Attributes:
        title: of the dialogue.
        verb: what Enter does.
        questions: in order.
        check: says what an answer means, given the name of its question and all answers; raises a WorkbenchError that
            says why it will not do.
        job: what does what was asked, of answers that will do.
        into: the folder that the job writes into.
    """

    title: str
    verb: str
    questions: tuple[Question, ...]
    check: Callable[[str, Answers], str]
    job: Callable[[Answers], JobRequest]
    into: Path

    def problem(self, name: str, answers: Answers) -> str | None:
        """Why an answer will not do; None if it does."""
        try:
            self.check(name, answers)
        except WorkbenchError as error:
            return str(error)
        return None

    def problems(self, answers: Answers) -> dict[str, str]:
        """The answers that will not do, and why."""
        found = {question.name: self.problem(question.name, answers) for question in self.questions}
        return {name: problem for name, problem in found.items() if problem is not None}


def device_question(group: str = "") -> Question:
    """On what it is computed."""
    return Question(
        name="device",
        label="Device",
        group=group,
        choices=tuple(DEVICES),
        value="auto",
        default="auto",
        meaning=DEVICES,
    )


def meaning_of(question: Question, answer: str) -> str:
    """What an answer means, as far as the question itself says."""
    if isinstance(question.meaning, str):
        return question.meaning
    return question.meaning.get(answer or question.default, "")


def options(questions: tuple[Question, ...], answers: Answers) -> tuple[str, ...]:
    """The answers that differ from the defaults as options of a command."""
    given = ((question, answers.get(question.name, "")) for question in questions)
    return tuple(
        f"--{question.name.replace('_', '-')}={answer}"
        for question, answer in given
        if answer and not (question.choices and answer == question.default)
    )
