"""Frozen values: what an attack, a method and a run are made of. No torch here."""

import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, Self, get_args

from trainers.errors import WorkbenchError
from trainers.factories import is_factory

BatchNormMode = Literal["train", "eval"]
Norm = Literal["linf", "l2"]
Schedule = Literal["flat", "stepped", "triangular", "cosine", "one-cycle"]
DerEnergy = Literal["marginal", "joint", "both"]
DerPenalty = Literal["squared", "abs", "hinge"]
DerGradient = Literal["both", "adversarial"]
OnCatastrophic = Literal["ignore", "warn", "stop", "rollback"]
OnRobust = Literal["ignore", "warn", "stop"]
OnNan = Literal["stop", "rollback"]
LogMode = Literal["auto", "swmr", "segments"]
Augment = Literal["none", "crop", "crop-flip", "reflect-crop-flip"]
Precision = Literal["32-true", "bf16-mixed"]
ChannelsLast = Literal["auto", "on", "off"]

MANTISSA_BITS = 23
"""Bits of the mantissa of an energy in the log (float32)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ball:
    """The ball of radius ``eps`` around an image, in [0, 1] pixel units: largest change of a pixel, or l2 length."""

    eps: float
    norm: Norm = "linf"

    def __post_init__(self) -> None:
        if self.norm == "l2":
            _require(math.isfinite(self.eps) and self.eps > 0, "eps", "finite and above 0 (try 128/255)", self.eps)
        elif not (math.isfinite(self.eps) and 0 < self.eps <= 1):
            raise WorkbenchError(f"eps must lie in (0, 1], in units of the pixel range; got {self.eps:g} (try 8/255)")


@dataclass(frozen=True, kw_only=True, slots=True)
class AttackSpec:
    """Signed-gradient ascent on an objective inside a ball; lengths are in units of ε unless said otherwise.

    ``start`` is x itself, x + U(±start_radius·ε), or x + N(0, start_radius²) with ``start_radius`` in pixel units,
    clipped to the image range if ``clip_start``; or "carried": the last batch's perturbation goes on. Each of ``steps``
    moves by ``step_size``·ε along the gradient's sign (under l2: along the gradient), is projected onto the ball if
    ``clip_to_ball``, and onto the image range always. ``objective`` is the cross-entropy to the label, minus the
    cross-entropy to a random wrong class ("targeted"), or KL(p(x)‖p(x*)) ("kl"). ``batch_norm`` is the mode in which
    its gradients are taken.
    """

    name: str
    start: Literal["zero", "uniform", "normal", "carried"]
    start_radius: float = 1.0
    steps: int = 1
    step_size: float = 1.0
    clip_to_ball: bool = True
    clip_start: bool = True
    batch_norm: BatchNormMode = "train"
    objective: Literal["cross-entropy", "targeted", "kl"] = "cross-entropy"


def fgsm(batch_norm: BatchNormMode = "eval") -> AttackSpec:
    """FGSM from zero: one step of ε (Goodfellow et al. 2015)."""
    return AttackSpec(name="fgsm", start="zero", batch_norm=batch_norm)


def pgd(steps: int, batch_norm: BatchNormMode = "eval") -> AttackSpec:
    """PGD-k: ``steps`` steps of 2.5·ε/k from a uniform start (Madry et al. 2018; the step of DESIGN.md)."""
    return AttackSpec(name=f"pgd-{steps}", start="uniform", steps=steps, step_size=2.5 / steps, batch_norm=batch_norm)


def trades_kl(steps: int, *, step_size: float | None = None, clip_start: bool = False) -> AttackSpec:
    """TRADES' inner maximisation (Zhang et al. 2019): KL(p(x)‖p(x*)) from x + 0.001·N(0, 1), in evaluation mode.

    Steps are 2.5·ε/k (2/255 for ten at 8/255, as in WEAT) unless ``step_size`` (in units of ε) says otherwise.
    """
    return AttackSpec(
        name=f"trades-kl-{steps}",
        start="normal",
        start_radius=0.001,
        steps=steps,
        step_size=2.5 / steps if step_size is None else step_size,
        clip_start=clip_start,
        batch_norm="eval",
        objective="kl",
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainConfig:
    """Everything that determines a training run. Immutable, checked, and written whole to ``config.toml``.

    ``model`` is one of the models by name, or ``package.module:factory``, whose ``width`` may be 0, its own. ε is in
    [0, 1] pixel units; in training it grows evenly from 0 over ``eps_warmup`` epochs. ``record`` is ``all``,
    ``probe`` or ``subset:N`` (energies of the first N training samples). ``train_size`` 0 means all; ``keep_last``
    counts checkpoints. ``der_*`` act only on ``-der`` methods; ``der_warmup`` is in epochs. ``lr_peak`` is where a
    triangular schedule turns, ``lr_drops`` where a stepped one falls, in shares of the run between commas. ``kl_beta``
    to ``awp_warmup`` are of the methods that have them in their row of the table, 0 elsewhere. ``augment`` says what
    chance does to the images of a training batch. ``ema`` is the decay of a second, averaged set of weights, 0 for
    none. ``clip_grad`` bounds the l2 length of the gradient of all weights, 0 for no bound. ``precision`` is that of
    training; evaluation is in float32. ``channels_last`` is how images and weights lie in memory ("auto": on where the
    device is the CPU).

    ``on_co`` and ``on_ro`` say what a flag of catastrophic or robust overfitting leads to, ``on_nan`` what a loss does
    that is not finite; ``max_rollbacks`` bounds how often each of ``on_co`` and ``on_nan`` "rollback" goes back.
    ``log_mode`` is how the energy log reaches the disk: one file that readers follow, closed files per epoch, or
    whichever the file system allows. ``keep_bits`` is to how many bits of mantissa recorded energies are rounded; by
    default they are not. ``devices`` on each of ``num_nodes`` nodes share every batch, a process each;
    ``sync_batchnorm`` says whether batch norm is over their parts together.

    Raises:
        WorkbenchError: a value is out of its range; the message names the key and the range.
    """

    method: str
    data: str
    model: str
    width: int
    eps: float
    epochs: int
    lr: float
    schedule: Schedule
    batch_size: int
    norm: Norm = "linf"
    eps_warmup: float = 0.0
    lr_peak: float = 0.5
    lr_drops: str = "1/2,3/4"
    momentum: float = 0.9
    weight_decay: float = 0.0
    seed: int = 0
    der_beta: float = 0.0
    der_energy: DerEnergy = "marginal"
    der_penalty: DerPenalty = "squared"
    der_gradient: DerGradient = "both"
    der_margin: float = 0.5
    der_warmup: float = 0.0
    kl_beta: float = 0.0
    replays: int = 0
    align_lambda: float = 0.0
    elle_lambda: float = 0.0
    elle_decay: float = 0.0
    aaer_lambda1: float = 0.0
    aaer_lambda2: float = 0.0
    aaer_lambda3: float = 0.0
    awp_gamma: float = 0.0
    awp_warmup: int = 0
    augment: Augment = "none"
    ema: float = 0.0
    clip_grad: float = 0.0
    precision: Precision = "32-true"
    channels_last: ChannelsLast = "off"
    train_size: int = 0
    probe_size: int = 1000
    train_probe_size: int = 1000
    record: str = "all"
    keep_last: int = 3
    keep_best: bool = True
    on_co: OnCatastrophic = "warn"
    on_ro: OnRobust = "warn"
    on_nan: OnNan = "stop"
    max_rollbacks: int = 3
    device: str = "auto"
    devices: int = 1
    num_nodes: int = 1
    sync_batchnorm: bool = False
    log_mode: LogMode = "auto"
    keep_bits: int = MANTISSA_BITS

    def __post_init__(self) -> None:
        _check_types(self)
        _require(self.norm in get_args(Norm), "norm", "one of " + ", ".join(get_args(Norm)), self.norm)
        Ball(eps=self.eps, norm=self.norm)
        for name in _COUNTS:
            least = 0 if name == "width" and is_factory(self.model) else 1
            _require(getattr(self, name) >= least, name, f"at least {least}", getattr(self, name))
        for name in ("seed", "train_size", "train_probe_size", "replays", "awp_warmup"):
            _require(getattr(self, name) >= 0, name, "at least 0", getattr(self, name))
        for name in ("weight_decay", "der_beta", "der_margin", "der_warmup", "eps_warmup", "clip_grad", *_WEIGHTS):
            value = getattr(self, name)
            _require(math.isfinite(value) and value >= 0, name, "finite and at least 0", value)
        _require(math.isfinite(self.lr) and self.lr > 0, "lr", "finite and above 0", self.lr)
        for name in ("momentum", "ema"):
            _require(0 <= getattr(self, name) < 1, name, "in [0, 1)", getattr(self, name))
        _require(1 <= self.keep_bits <= MANTISSA_BITS, "keep_bits", f"from 1 to {MANTISSA_BITS}", self.keep_bits)
        _require(self.batch_size >= 2, "batch_size", "at least 2, for batch norm", self.batch_size)
        for name, choices in _CHOICES.items():
            value = getattr(self, name)
            _require(value in choices, name, "one of " + ", ".join(choices), value)
        _require(0 < self.lr_peak < 1, "lr_peak", "inside (0, 1), a share of the run", self.lr_peak)
        _require(_rising(self.drops), "lr_drops", _SHARES, self.lr_drops)
        self.num_recorded(1)

    @property
    def drops(self) -> tuple[float, ...]:
        """Where a stepped schedule falls, in shares of the run."""
        try:
            return tuple(parse_fraction(share) for share in self.lr_drops.split(","))
        except WorkbenchError:
            raise WorkbenchError(f"lr_drops must be {_SHARES}; got {self.lr_drops!r}") from None

    @property
    def ball(self) -> Ball:
        """The ball that training and evaluation attack in."""
        return Ball(eps=self.eps, norm=self.norm)

    def num_recorded(self, num_train: int) -> int:
        """How many training samples have their energies recorded, out of ``num_train``.

        Raises:
            WorkbenchError: ``record`` is not ``all``, ``probe`` or ``subset:N``.
        """
        if self.record == "all":
            return num_train
        if self.record == "probe":
            return 0
        kind, _, number = self.record.partition(":")
        is_subset = kind == "subset" and re.fullmatch("[0-9]{1,18}", number) and int(number) > 0
        _require(bool(is_subset), "record", "all, probe or subset:N", self.record)
        return min(int(number), num_train)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON or TOML."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build from plain values; fractions such as "8/255" are accepted for ε.

        Raises:
            WorkbenchError: an unknown or missing key, or a value out of range.
        """
        check_keys(values)
        missing = [f.name for f in fields(cls) if f.name not in values and f.name in _REQUIRED]
        if missing:
            raise WorkbenchError(f"the configuration lacks {', '.join(missing)}")
        return cls(**normalise(values))


@dataclass(frozen=True, kw_only=True, slots=True)
class RolledBack:
    """What happened once in a run: after ``epoch`` it returned to older weights and went on with other settings.

    Attributes:
        epoch: the last epoch before the return; the next one trained is ``epoch`` + 1.
        checkpoint: the epoch whose weights were taken, None for the weights that the run began with.
        changes: settings of TrainConfig that hold from then on.
    """

    epoch: int
    checkpoint: int | None
    changes: Mapping[str, Any]

    @property
    def is_of_divergence(self) -> bool:
        """Whether the loss was not finite: the epoch after begins anew, and the learning rate alone changes."""
        return set(self.changes) == {"lr"}

    @property
    def sentence(self) -> str:
        """The same in plain words."""
        where = "the start" if self.checkpoint is None else f"epoch {self.checkpoint}"
        values = ", ".join(
            f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"
            for name, value in self.changes.items()
        )
        return f"after epoch {self.epoch} back to the weights of {where}, on with {values or 'the same settings'}"

    @staticmethod
    def checkpoint_in(sentence: str) -> int | None:
        """The checkpoint that a sentence of this form names; None for the start of the run.

        Raises:
            WorkbenchError: it has another form.
        """
        found = re.match(r"after epoch \d+ back to the weights of (?:the start|epoch (\d{1,18})), on with ", sentence)
        if found is None:
            raise WorkbenchError(f"no sentence about a rollback: {sentence!r}")
        return None if found[1] is None else int(found[1])


_WEIGHTS = (
    "kl_beta",
    "align_lambda",
    "elle_lambda",
    "elle_decay",
    "aaer_lambda1",
    "aaer_lambda2",
    "aaer_lambda3",
    "awp_gamma",
)
_COUNTS = ("width", "epochs", "batch_size", "probe_size", "keep_last", "max_rollbacks", "devices", "num_nodes")
_REQUIRED = ("method", "data", "model", "width", "eps", "epochs", "lr", "schedule", "batch_size")
_CHOICES: dict[str, tuple[str, ...]] = {
    "norm": get_args(Norm),
    "schedule": get_args(Schedule),
    "der_energy": get_args(DerEnergy),
    "der_penalty": get_args(DerPenalty),
    "der_gradient": get_args(DerGradient),
    "on_co": get_args(OnCatastrophic),
    "on_ro": get_args(OnRobust),
    "on_nan": get_args(OnNan),
    "log_mode": get_args(LogMode),
    "augment": get_args(Augment),
    "precision": get_args(Precision),
    "channels_last": get_args(ChannelsLast),
}
_TYPES = {f.name: f.type for f in fields(TrainConfig)}


def _require(holds: bool, name: str, expected: str, value: object) -> None:
    if not holds:
        raise WorkbenchError(f"{name} must be {expected}; got {value}")


_SHARES = "rising shares of the run inside (0, 1), such as 1/2,3/4"


def _rising(shares: tuple[float, ...]) -> bool:
    return all(below < above for below, above in pairwise((0.0, *shares, 1.0)))


def _check_types(config: TrainConfig) -> None:
    for name, declared in _TYPES.items():
        value = getattr(config, name)
        if declared in (int, float, bool):
            right = isinstance(value, bool) == (declared is bool) and isinstance(value, declared)
            _require(right, name, f"of type {declared.__name__}", repr(value))
            _require(declared is not int or value < 2**63, name, "below 2^63", "more")
        else:
            _require(isinstance(value, str), name, "text", repr(value))


def check_keys(values: Mapping[str, Any]) -> None:
    """Reject keys that are no setting of a run.

    Raises:
        WorkbenchError: naming the unknown keys and all known ones.
    """
    unknown = sorted(set(values) - set(_TYPES))
    if unknown:
        raise WorkbenchError(f"unknown setting {', '.join(unknown)}; known are {', '.join(sorted(_TYPES))}")


def normalise(values: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers as their declared types: fractions for ε, whole numbers where a float is declared."""
    out = dict(values)
    if "eps" in out and not isinstance(out["eps"], bool):
        out["eps"] = parse_fraction(out["eps"])
    for name, value in out.items():
        if _TYPES.get(name) is float and isinstance(value, int) and not isinstance(value, bool):
            out[name] = parse_fraction(value)
    return out


def parse_fraction(value: str | float) -> float:
    """A number such as 0.03, "0.03" or "8/255".

    Raises:
        WorkbenchError: not a finite number.
    """
    try:
        above, slash, below = value.partition("/") if isinstance(value, str) else (value, "", "")
        number = float(above) / (float(below) if slash else 1.0)
    except (ValueError, ZeroDivisionError, OverflowError, TypeError):
        number = math.nan
    if not math.isfinite(number):
        raise WorkbenchError(f"not a number: {value!r} (write 0.03 or 8/255)")
    return number


def read_toml(path: Path) -> dict[str, Any]:
    """The settings in a TOML file, unchecked but for being TOML.

    Raises:
        WorkbenchError: the file is missing, unreadable or not TOML.
    """
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except FileNotFoundError:
        raise WorkbenchError(f"no such configuration file: {path}") from None
    except (OSError, ValueError) as error:  # not TOML, not UTF-8, or a number of thousands of digits
        raise WorkbenchError(f"cannot read the configuration {path}: {error}") from None
