"""What a sampling run is: every setting, checked; and the few formulas that settings are written in. No torch here."""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cache
from typing import Any, Literal, Self, get_args

from trainers.dataname import data_kind
from trainers.errors import WorkbenchError

StartKind = Literal["pca", "local-pca", "gaussian", "noise", "data"]
StopRule = Literal["adaptive", "plateau", "fixed"]
GuidanceName = Literal["joint", "marginal", "conditional", "ce", "class-mean"]

STARTS: tuple[StartKind, ...] = get_args(StartKind)
STOPS: tuple[StopRule, ...] = get_args(StopRule)
GUIDANCE_NAMES: tuple[GuidanceName, ...] = get_args(GuidanceName)

LOCAL_CLUSTERS = 4
"""Clusters per class of ``local-pca`` unless the PCA of another number is asked for."""

DATA_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "digits": {"step_size": 0.1, "momentum": 0.8, "steps": 60, "min_steps": 10, "stop_tol": 0.01},
    "folder": {"step_size": 0.5, "momentum": 0.8, "steps": 60, "min_steps": 10, "stop_tol": 0.01},
    "npz": {"step_size": 0.5, "momentum": 0.8, "steps": 60, "min_steps": 10, "stop_tol": 0.01},
}
"""Default settings by kind of data, for want of one step size that suits 8×8 and 32×32 images."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SamplingSpec:
    """Everything that determines the images, but for the model and its data.

    Attributes:
        labels: classes to sample; chain i has label ``labels[i % len(labels)]``.
        num: number of chains.
        start: where chains begin.
        start_scale: factor on the deviations from the class mean, in units of the data's own (``pca``, ``local-pca``,
            ``gaussian``).
        start_noise: standard deviation of pixel noise added to any start, in [0, 1] units.
        variance: share of the variance that the PCA of the start keeps, in (0, 1].
        local: clusters per class of ``local-pca``.
        steps: most updates of a chain.
        min_steps: the stopping rule is not looked at before so many updates.
        step_size: η of the update.
        momentum: ζ of the update, in [0, 1).
        noise: s, the standard deviation of the noise before its factor √(2η).
        guidance: names and weights of the energies that are descended, as ``joint`` or ``joint+0.3*marginal``.
        stop: rule by which a chain is frozen.
        stop_tol: τ: of ``adaptive`` in nats², of ``plateau`` a share of the descent so far.
        seed: seed of starts and noise.

    Raises:
        WorkbenchError: a value is out of its range; the message names the option and the range.
    """

    labels: tuple[int, ...]
    num: int
    start: StartKind = "pca"
    start_scale: float = 1.0
    start_noise: float = 0.0
    variance: float = 0.95
    local: int = LOCAL_CLUSTERS
    steps: int = 60
    min_steps: int = 0
    step_size: float = 0.3
    momentum: float = 0.8
    noise: float = 0.001
    guidance: str = "joint"
    stop: StopRule = "adaptive"
    stop_tol: float = 0.01
    seed: int = 0

    def __post_init__(self) -> None:
        _check_types(self)
        _require(bool(self.labels) and min(self.labels) >= 0, "class", "a class", self.labels)
        for name in ("num", "local"):
            _require(getattr(self, name) >= 1, name, "at least 1", getattr(self, name))
        for name in ("steps", "min_steps", "seed"):
            _require(getattr(self, name) >= 0, name, "at least 0", getattr(self, name))
        _require(self.steps < MAX_STEPS, "steps", f"below {MAX_STEPS}", self.steps)
        _require(self.num <= MAX_CHAINS, "num", f"at most {MAX_CHAINS}", self.num)
        for name in ("start_scale", "start_noise", "noise"):
            value = getattr(self, name)
            _require(0 <= value <= LARGEST, name, f"in [0, {LARGEST:g}]", value)
        _require(0 < self.step_size <= LARGEST, "step_size", f"in (0, {LARGEST:g}]", self.step_size)
        _require(0 <= self.momentum < 1, "momentum", "in [0, 1)", self.momentum)
        _require(0 < self.variance <= 1, "variance", "in (0, 1]", self.variance)
        _require(math.isfinite(self.stop_tol) and self.stop_tol > 0, "stop_tol", "finite and above 0", self.stop_tol)
        for name, choices in _CHOICES.items():
            value = getattr(self, name)
            _require(value in choices, name, "one of " + ", ".join(choices), value)
        parse_guidance(self.guidance)

    def label(self, chain: int) -> int:
        """The class of a chain."""
        return self.labels[chain % len(self.labels)]

    @property
    def terms(self) -> tuple[tuple[float, GuidanceName], ...]:
        """Weights and names of the energies that guide."""
        return parse_guidance(self.guidance)

    @property
    def needs_class_means(self) -> bool:
        """Whether the mean energies of the training images matter."""
        return self.stop == "adaptive" or any(name == "class-mean" for _, name in self.terms)

    @property
    def needs_data(self) -> bool:
        """Whether chains begin at, or are drawn from, the training images themselves."""
        return self.start in ("gaussian", "data")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {**asdict(self), "labels": list(self.labels)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build from plain values.

        Raises:
            WorkbenchError: an unknown or missing setting, or a value out of range.
        """
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(values) - known):
            raise WorkbenchError(f"unknown setting {', '.join(unknown)}; known are {', '.join(sorted(known))}")
        if missing := sorted({"labels", "num"} - set(values)):
            raise WorkbenchError(f"the sampling settings lack {', '.join(missing)}")
        labels = values["labels"]
        if not (isinstance(labels, Sequence) and all(type(label) is int for label in labels)):
            raise WorkbenchError(f"labels must be a list of class numbers; got {labels!r}")
        plain: dict[str, Any] = {
            name: float(v) if _TYPES[name] is float and type(v) is int and abs(v) < 2**62 else v
            for name, v in values.items()
        }
        plain["labels"] = tuple(labels)
        return cls(**plain)


MAX_STEPS = 100_000
MAX_CHAINS = 10_000_000
LARGEST = 1e6
"""Of any length in pixels: images are 1 wide, and float32 ends at 3e38."""
_CHOICES: Mapping[str, tuple[str, ...]] = {"start": STARTS, "stop": STOPS}
_TYPES = {field.name: field.type for field in fields(SamplingSpec)}
_TERM = re.compile(r"(?:([0-9.eE+-]+)\*)?([a-z-]+)")


@cache  # it is asked for at every step of a batch
def parse_guidance(text: str) -> tuple[tuple[float, GuidanceName], ...]:
    """Weights and names out of a sum such as ``joint+0.3*marginal``.

    Raises:
        WorkbenchError: not such a sum, an unknown or repeated energy, or a weight that is not finite.
    """
    terms: dict[GuidanceName, float] = {}
    for part in text.replace(" ", "").split("+"):
        match = _TERM.fullmatch(part)
        name = next((known for known in GUIDANCE_NAMES if match and match[2] == known), None)
        if match is None or name is None or name in terms:
            raise WorkbenchError(
                f"cannot read the guidance {text!r}; write a sum of {', '.join(GUIDANCE_NAMES)}, each at most once, "
                "as joint+0.3*marginal (a minus belongs to the weight: joint+-1*marginal)"
            )
        try:
            terms[name] = float(match[1] or 1)
        except ValueError:
            terms[name] = math.nan
        if not (math.isfinite(terms[name]) and terms[name] != 0):
            raise WorkbenchError(f"the weight of {name} in the guidance {text!r} must be a finite number other than 0")
    return tuple((weight, name) for name, weight in terms.items())


def parse_classes(text: str, class_names: Sequence[str]) -> tuple[int, ...]:
    """Labels of ``all``, or of classes by name or number, with commas between.

    Raises:
        WorkbenchError: no such class; the message lists those that there are.
    """
    if text == "all":
        return tuple(range(len(class_names)))
    labels = []
    for part in (word.strip() for word in text.split(",")):
        if part in class_names:
            labels.append(list(class_names).index(part))
        elif part.isascii() and part.isdigit() and len(part) < 10 and int(part) < len(class_names):
            labels.append(int(part))
        else:
            shown = ", ".join(class_names[:12]) + (", …" if len(class_names) > 12 else "")
            raise WorkbenchError(
                f"the model has no class {part!r}; it has {shown} (0 to {len(class_names) - 1}), or all"
            )
    return tuple(dict.fromkeys(labels))


MATTERS: Mapping[str, Callable[[SamplingSpec], bool]] = {
    "variance": lambda spec: spec.start in ("pca", "local-pca"),
    "local": lambda spec: spec.start == "local-pca",
    "start_scale": lambda spec: spec.start in ("pca", "local-pca", "gaussian"),
    "stop_tol": lambda spec: spec.stop != "fixed",
    "min_steps": lambda spec: spec.stop != "fixed",
}
"""Settings that make no difference beside some others, and when they do."""


def refuse_idle(spec: SamplingSpec, given: Iterable[str]) -> None:
    """Refuse settings that were chosen and would make no difference.

    Args:
        spec: all settings.
        given: names of those that were chosen.

    Raises:
        WorkbenchError: naming the first such setting and what it goes with.
    """
    for name in given:
        if name in MATTERS and not MATTERS[name](spec):
            option = "--" + name.replace("_", "-")
            raise WorkbenchError(f"{option} makes no difference with --start {spec.start} --stop {spec.stop}; drop it")
    if "min_steps" in given and spec.min_steps >= spec.steps:
        raise WorkbenchError(
            f"--min-steps {spec.min_steps} leaves --stop {spec.stop} no step of {spec.steps}; lower it"
        )


def defaults_for(data: str | None) -> Mapping[str, Any]:
    """Default settings for a data set such as ``digits`` or ``folder:DIR``."""
    return DATA_DEFAULTS.get(data_kind(data or "folder"), DATA_DEFAULTS["folder"])


def _require(holds: bool, name: str, expected: str, value: object) -> None:
    if not holds:
        raise WorkbenchError(f"--{name.replace('_', '-')} must be {expected}; got {value}")


def _check_types(spec: SamplingSpec) -> None:
    for name, declared in _TYPES.items():
        value = getattr(spec, name)
        if declared in (int, float):
            right = isinstance(value, declared) and not isinstance(value, bool)
            _require(right, name, f"of type {declared.__name__}", repr(value))
            _require(declared is not int or value < 2**62, name, "below 2^62", "more")
        elif name != "labels":
            _require(isinstance(value, str), name, "text", repr(value))
