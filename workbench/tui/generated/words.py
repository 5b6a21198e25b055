"""Samples in words: their state, what they were asked for, why a chain ended, and the command that made them."""

import shlex
from collections.abc import Sequence
from dataclasses import fields

from workbench.sampling.settings import Settings
from workbench.sampling.spec import LOCAL_CLUSTERS, SamplingSpec, defaults_for
from workbench.tui.generated.folders import Folder, State
from workbench.tui.generated.scores import ENOUGH_FOR_FID, MEASURES, ScoreCard
from workbench.tui.look import palette
from workbench.tui.look.text import plain

STATE_LOOKS: dict[State, tuple[str, str, str]] = {
    "complete": ("✓", "complete", palette.TEXT),
    "part": ("◐", "in part", palette.WARNING),
    "running": ("●", "running", palette.GOOD),
    "empty": ("○", "empty", palette.MUTED),
    "damaged": ("✗", "damaged", palette.CATASTROPHIC),
}
"""Symbol, word and colour of each state."""

ENDINGS = (
    "within reach of its class's mean",
    "below its class's mean",
    "no longer falling",
    "all steps made",
    "diverged, without an image",
)
"""What became of a chain, by the number of its reason."""

_FIRST = ("fid", "inception_score", "kid", "agreement")


def classes(settings: Settings, names: Sequence[str], width: int = 24) -> str:
    """The classes of samples in a few words."""
    labels = settings.spec.labels
    if len(labels) > 1:
        return f"all {len(names)}" if labels == tuple(range(len(names))) else f"{len(labels)}"
    return plain(names[labels[0]] if labels[0] < len(names) else str(labels[0]), width)


def of_classes(settings: Settings, names: Sequence[str]) -> str:
    """The same as a part of a sentence."""
    text = classes(settings, names)
    return f"{text} classes" if len(settings.spec.labels) > 1 else f"class {text}"


def asked_for(settings: Settings) -> str:
    """How samples were made, in a line."""
    spec = settings.spec
    tolerance = "" if spec.stop == "fixed" else f" τ {spec.stop_tol:g}"
    steps = f"{spec.steps} steps" if spec.stop == "fixed" else f"{spec.min_steps} to {spec.steps} steps"
    start = f"{spec.start} × {spec.start_scale:g}" if spec.start_scale != 1 else spec.start
    return f"from {start}, guided by {spec.guidance}, {spec.stop}{tolerance}, {steps}, η {spec.step_size:g}"


def scored(card: ScoreCard) -> str:
    """A scoring in a line."""
    few = card.num is not None and card.num < ENOUGH_FOR_FID
    doubt = {"fid": f" ({card.num:,} images: biased upwards)"} if few else {}
    values = [f"{MEASURES[name][0]} {card.text(name)}{doubt.get(name, '')}" for name in _FIRST if name in card.values]
    num = [] if card.num is None or doubt else [f"{card.num:,} images"]
    comparable = "" if card.comparable else ", not comparable to papers"
    return " · ".join(
        [*(values or ["no score"]), f"features {card.features}{comparable}", *num, f"against {card.against}"]
    )


def command_of(folder: Folder, names: Sequence[str], data: str | None) -> tuple[str, ...] | None:
    """The arguments of ``workbench`` that make the same samples; None if it is not known what they are.

    Args:
        folder: the samples.
        names: of the classes.
        data: what the model was trained on; None if unknown, and then no setting is left to its default.
    """
    settings = folder.settings
    if settings is None:
        return None
    spec = settings.spec
    every = len(names) > 0 and spec.labels == tuple(range(len(names)))
    chosen = [f"--class={'all' if every else ','.join(map(str, spec.labels))}", f"--num={spec.num}"]
    source = settings.data or data
    defaults = {} if source is None else {**_fixed(), **defaults_for(source)}
    if source is not None:
        defaults["min_steps"] = min(int(defaults["min_steps"]), spec.steps // 2)
    for field in fields(SamplingSpec):
        value = getattr(spec, field.name)
        idle = field.name == "local" and value == LOCAL_CLUSTERS
        if field.name not in ("labels", "num") and not idle and defaults.get(field.name) != value:
            chosen.append(f"--{field.name.replace('_', '-')}={value}")
    if settings.data is not None:
        chosen.append(f"--data={settings.data}")
    return ("sample", *chosen, "--", str(settings.checkpoint))


def shell(arguments: Sequence[str]) -> str:
    """A command as it is typed."""
    return f"workbench {shlex.join(arguments)}"


def _fixed() -> dict[str, object]:
    return {field.name: field.default for field in fields(SamplingSpec)}
