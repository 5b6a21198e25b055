"""How to go on with samples that were begun."""

from collections.abc import Sequence
from pathlib import Path

from trainers.errors import WorkbenchError
from workbench.sampling.settings import extended
from workbench.tui.forms.form import Answers, Form, Question, options
from workbench.tui.forms.sampling import read_setting, request_job
from workbench.tui.generated.folders import Folder
from workbench.tui.jobs.request import JobRequest
from workbench.tui.launching.commands import SampleRequest
from workbench.tui.look.text import plain


def resuming_form(run_dir: Path, folder: Folder, class_names: Sequence[str]) -> Form:
    """The form over a folder of samples.

    Raises:
        WorkbenchError: its settings cannot be read.
    """
    settings = folder.settings
    if settings is None:
        raise WorkbenchError(folder.problem or f"{folder.path} does not say what was asked for")
    spec = settings.spec
    questions = (
        Question(name="num", label="Images", default=str(spec.num), meaning=f"{folder.ended} of {spec.num} are there"),
        Question(name="steps", label="Most steps", default=str(spec.steps), meaning="of chains that made all steps"),
    )

    def check(name: str, answers: Answers) -> str:
        values = {each: int(read_setting(each, answers[each])) if answers[each] else None for each in (name,)}
        extended(settings, num=values.get("num"), steps=values.get("steps"))
        nothing = not any(answers.values()) and folder.state == "complete"
        if nothing and name == "num":
            raise WorkbenchError("all of them are there: more images, or more steps")
        return next(
            question.meaning for question in questions if question.name == name and isinstance(question.meaning, str)
        )

    def job(answers: Answers) -> JobRequest:
        request = SampleRequest(
            classes=",".join(map(str, spec.labels)),
            labels=spec.labels,
            num=int(answers["num"] or spec.num),
            steps=int(answers["steps"] or spec.steps),
            epoch=folder.epoch or 0,
            out=folder.path,
        )
        known = class_names if max(spec.labels) < len(class_names) else ()
        arguments = ("sample", f"--resume={folder.path}", *options(questions, answers))
        return request_job(run_dir, known, request, arguments)

    title = f"Go on with {plain(folder.path.name)}"
    return Form(title=title, verb="go on", questions=questions, check=check, job=job, into=folder.path)
