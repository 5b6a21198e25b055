"""What to generate: every setting of ``workbench sample``, with the ranges and defaults of its own specification."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path

from trainers.errors import WorkbenchError
from trainers.spec import parse_fraction
from workbench.sampling.spec import (
    GUIDANCE_NAMES,
    MATTERS,
    STARTS,
    STOPS,
    GuidanceName,
    SamplingSpec,
    defaults_for,
    parse_classes,
    parse_guidance,
    refuse_idle,
)
from workbench.tui.forms.form import Answers, Form, Question, device_question, meaning_of, options
from workbench.tui.jobs.request import JobRequest
from workbench.tui.launching.commands import Kept, SampleRequest
from workbench.tui.launching.results import Samples
from workbench.tui.look.text import plain

NUM_IMAGES = 16
_NAMES_SHOWN = 4
_FIELDS = {field.name: field for field in fields(SamplingSpec)}

WHAT, HOW, START, DESCENT, STOP, WHERE = "What", "How", "Start", "Descent", "Stop", "Chance and device"

_START_WORDS = {
    "pca": "drawn from the class's PCA",
    "local-pca": "from the PCA of a cluster in the class",
    "gaussian": "normal, with the class's covariance",
    "noise": "uniform in every pixel",
    "data": "a training image of the class",
}
_STOP_WORDS = {
    "adaptive": "as E(x,y) nears its class's mean",
    "plateau": "as E(x,y) no longer falls",
    "fixed": "never: every chain makes all steps",
}
_ENERGIES: Mapping[GuidanceName, str] = {
    "joint": "E(x,y)",
    "marginal": "E(x)",
    "conditional": "(E(x,y) − E(x))",
    "ce": "(E(x,y) − E(x))",
    "class-mean": "(E(x,y) − Ē_y)²",
}

_SETTINGS: tuple[tuple[str, str, str, str | Mapping[str, str], tuple[str, ...]], ...] = (
    ("start", "Start", HOW, _START_WORDS, STARTS),
    ("guidance", "Guidance", HOW, f"{', '.join(GUIDANCE_NAMES)}, or a sum as joint+0.3*marginal", ()),
    ("stop", "Stop rule", HOW, _STOP_WORDS, STOPS),
    ("steps", "Most steps", HOW, "a chain stops earlier by its rule", ()),
    ("start_scale", "Scale", START, "spread around the mean, 1 as the data", ()),
    ("start_noise", "Pixel noise", START, "its standard deviation, images in [0, 1]", ()),
    ("variance", "Variance", START, "share that the PCA keeps", ()),
    ("local", "Clusters", START, "in each class, a PCA each", ()),
    ("step_size", "Step size η", DESCENT, "as 0.1 or 8/255", ()),
    ("momentum", "Momentum ζ", DESCENT, "share of the last step that is kept", ()),
    ("noise", "Noise s", DESCENT, "of each step, times √(2η)", ()),
    ("min_steps", "Least steps", STOP, "the rule is not asked before", ()),
    ("stop_tol", "Tolerance τ", STOP, "nats²; of plateau a share of the descent", ()),
    ("seed", "Seed", WHERE, "seed and number determine an image", ()),
)
"""Name, label, group, meaning and choices of each setting of ``SamplingSpec`` that is asked for."""


def sampling_form(
    run_dir: Path,
    kept: Sequence[Kept],
    class_names: Sequence[str],
    data: str | None,
    out: Path,
    proposed: Answers | None = None,
) -> Form:
    """The form over a run.

    Args:
        run_dir: the run.
        kept: the checkpoints to choose from; the first is proposed.
        class_names: of the run, in the order of their numbers; empty where they are not known.
        data: what the run was trained on, for the defaults of its kind.
        out: where the images will go.
        proposed: what stands in some of the questions at first.
    """
    questions = _questions(kept, data, proposed or {})
    by_name = {question.name: question for question in questions}

    def check(name: str, answers: Answers) -> str:
        answer = answers.get(name, "")
        if name == "classes":
            return _check_classes(answer, class_names)
        if name in _FIELDS and answer and not by_name[name].choices:
            value = read_setting(name, answer)
            if name != "num":
                _refuse_idle(name, answers)
            if name == "guidance":
                return _guidance_words(str(value))
        elif name == "num":
            raise WorkbenchError("how many images")
        return "" if _idles(name, answers) else meaning_of(by_name[name], answer)

    return Form(
        title="Generate images",
        verb="generate",
        questions=questions,
        check=check,
        job=lambda answers: request_job(run_dir, class_names, sample_request(answers, questions, class_names, out)),
        into=out,
    )


def request_job(
    run_dir: Path, class_names: Sequence[str], request: SampleRequest, arguments: Sequence[str] | None = None
) -> JobRequest:
    """The job that generates, or by other arguments goes on."""
    names = [class_names[label] for label in request.labels] if class_names else ["?"]
    result = Samples(request, names)
    return JobRequest(
        kind="sample",
        title=result.job_title,
        arguments=tuple(arguments or request.arguments(run_dir)),
        run_dir=run_dir,
        result=result,
        out=request.out,
    )


def sample_request(
    answers: Answers, questions: tuple[Question, ...], class_names: Sequence[str], out: Path
) -> SampleRequest:
    """What was asked for."""
    asked = tuple(question for question in questions if question.name not in ("classes", "num", "steps", "epoch"))
    classes = answers["classes"]
    return SampleRequest(
        classes=classes,
        labels=parse_classes(classes, class_names) if class_names else (0,),
        num=int(answers["num"]),
        steps=int(answers["steps"]) if answers["steps"] else None,
        epoch=int(answers["epoch"]),
        options=options(asked, answers),
        out=out,
    )


def read_setting(name: str, text: str) -> int | float | str:
    """The value of a setting of ``SamplingSpec`` that was typed.

    Raises:
        WorkbenchError: no number, or out of range.
    """
    kind = _FIELDS[name].type
    value: int | float | str = text
    if name == "step_size":
        value = parse_fraction(text)
    elif kind in (int, float):
        try:
            value = int(text) if kind is int else float(text)
        except ValueError:
            raise WorkbenchError("a whole number" if kind is int else "a number") from None
    SamplingSpec.from_dict({"labels": [0], "num": 1, name: value})
    return value


def _questions(kept: Sequence[Kept], data: str | None, proposed: Answers) -> tuple[Question, ...]:
    defaults = defaults_for(data)
    first = (
        Question(name="classes", label="Class", group=WHAT, value=proposed.get("classes", "all")),
        Question(
            name="num", label="Images", group=WHAT, value=str(NUM_IMAGES), meaning="in all, spread over the classes"
        ),
        Question(
            name="epoch",
            label="Checkpoint",
            group=WHAT,
            choices=tuple(str(one.epoch) for one in kept),
            meaning={str(one.epoch): one.title for one in kept},
            value=str(kept[0].epoch),
        ),
    )
    settings = tuple(
        Question(
            name=name,
            label=label,
            group=group,
            meaning=meaning,
            choices=choices,
            value=proposed.get(name, choices[0] if choices else ""),
            default=str(defaults.get(name, _FIELDS[name].default)),
        )
        for name, label, group, meaning, choices in _SETTINGS
    )
    return (*first, *settings, device_question(WHERE))


def _check_classes(text: str, names: Sequence[str]) -> str:
    if not text:
        raise WorkbenchError("a name, a number, several with commas, or all")
    if not names:
        return "the log does not name the classes"
    labels = parse_classes(text, names)
    shown = ", ".join(plain(names[label], 24) for label in labels[:_NAMES_SHOWN])
    more = f" and {len(labels) - _NAMES_SHOWN} more" if len(labels) > _NAMES_SHOWN else ""
    return f"class {shown}" if len(labels) == 1 else f"{len(labels)} classes: {shown}{more}"


def _guidance_words(text: str) -> str:
    """What is descended, as a formula."""
    terms = parse_guidance(text)
    return "descends " + " + ".join(
        _ENERGIES[name] if weight == 1 else f"{weight:g}·{_ENERGIES[name]}" for weight, name in terms
    )


def _chosen(answers: Answers) -> SamplingSpec:
    """The start and the stop rule that were chosen, and the steps if they can be read."""
    steps = {}
    for name in ("steps", "min_steps"):
        try:
            steps[name] = read_setting(name, answers.get(name, ""))
        except WorkbenchError:
            continue
    return SamplingSpec.from_dict(
        {"labels": [0], "num": 1, "start": answers["start"], "stop": answers["stop"], **steps}
    )


def _idles(name: str, answers: Answers) -> bool:
    """Whether a setting makes no difference beside the others."""
    return name in MATTERS and not MATTERS[name](_chosen(answers))


def _refuse_idle(name: str, answers: Answers) -> None:
    """Refuse a setting that was chosen and makes no difference.

    Raises:
        WorkbenchError: it does not.
    """
    if _idles(name, answers):
        raise WorkbenchError(
            f"no difference with start {answers['start']} and stop rule {answers['stop']}; leave it empty"
        )
    refuse_idle(_chosen(answers), [name])
