"""What there is to do, as values: runs, and what is measured of them once they are trained."""

import hashlib
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, replace
from typing import Any

from trainers.recipes import DELTA_ENERGY, complete, get_method
from trainers.spec import TrainConfig, parse_fraction
from workbench.report.text import epsilon

NOT_OF_THE_RUN = ("data", "device", "devices", "num_nodes")
"""Settings that say where the images lie and what computes; two runs that differ in these alone are one."""

_ORDINARY = {item.name: item.default for item in fields(TrainConfig) if item.default is not MISSING}


@dataclass(frozen=True, kw_only=True, slots=True)
class Measure:
    """Strong attacks on a kept checkpoint: ``attacks`` as ``workbench evaluate`` takes them, on ``num`` test images."""

    attacks: str
    num: int
    epoch: str = "last"


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One training run of a scale.

    Attributes:
        kind: the word before the colon of ``--data``: digits, folder or cifar10.
        classes: of a folder, those that the run knows; none for all.
        settings: those that are not the defaults of the data; ε may be a fraction as text.
        measures: what is evaluated when it is trained.
        traced: whether its record keeps the ΔE of every step.
    """

    kind: str
    classes: tuple[str, ...] = ()
    settings: Mapping[str, Any]
    measures: tuple[Measure, ...] = ()
    traced: bool = False

    def config(self, data: str | None = None, device: str = "auto") -> TrainConfig:
        """All settings; ``data`` as ``--data`` takes it, of the run's kind (None: nowhere, for looking only)."""
        given = dict(self.settings)
        return complete({**given, "data": data or _nowhere(self.kind), "device": device})

    @property
    def name(self) -> str:
        """The same for the same settings wherever the data lie; says method, ε and seed."""
        config = self.config()
        known = json.dumps([self.kind, self.classes, telling(config)], sort_keys=True)
        digest = hashlib.sha256(known.encode()).hexdigest()[:8]
        return f"{config.method}-{eps_word(config.eps)}-s{config.seed}-{digest}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """What some blocks share: the data, settings of training, and those that only ``-der`` methods have."""

    kind: str
    classes: tuple[str, ...] = ()
    settings: Mapping[str, Any]
    der: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """Runs that differ in the listed things: the product of ``seeds``, ``eps``, ``methods`` and ``vary``.

    ``vary`` has values by the name of a setting; where it names one that only ``-der`` methods have, all methods must
    be such.
    """

    setting: Setting
    methods: Sequence[str]
    eps: Sequence[str]
    seeds: Sequence[int] = (0,)
    vary: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    measures: tuple[Measure, ...] = ()
    traced: bool = False

    def runs(self) -> Iterator[Run]:
        """In the order in which they are worth having: seed by seed."""
        for seed, eps, method, *varied in itertools.product(self.seeds, self.eps, self.methods, *self.vary.values()):
            der = self.setting.der if DELTA_ENERGY in get_method(method).regularizers else {}
            chosen = dict(zip(self.vary, varied, strict=True))
            settings = {"method": method, "eps": eps, **self.setting.settings, **der, **chosen, "seed": seed}
            yield Run(
                kind=self.setting.kind,
                classes=self.setting.classes,
                settings=settings,
                measures=self.measures,
                traced=self.traced,
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampler:
    """How images are drawn from the runs of claim "generation", and what judges them.

    Attributes:
        lists: values by the names of ``workbench sweep-sampling``; every combination is a cell.
        num: images of each cell.
        features: a block of one run, under whose last weights images are compared; it is not sampled from.
        judge: of whether an image shows its class, as ``--judge`` takes it.
    """

    lists: Mapping[str, Sequence[Any]]
    num: int
    features: Block
    judge: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Scale:
    """Everything that is done at a scale.

    Attributes:
        about: a sentence for people: what it is and what it takes.
        blocks: the runs of each claim by its name, what matters most first.
        sampler: of claim "generation".
    """

    name: str
    about: str
    blocks: Mapping[str, Sequence[Block]]
    sampler: Sampler | None = None

    def runs(self, claim: str) -> list[Run]:
        """The runs of a claim, each once."""
        return _unique(run for block in self.blocks.get(claim, ()) for run in block.runs())

    def every_run(self) -> dict[str, Run]:
        """The runs of all claims by name, each with all that any claim measures of it: what a record holds."""
        return {run.name: run for run in _unique(run for claim in self.blocks for run in self.runs(claim))}


def telling(config: TrainConfig) -> dict[str, Any]:
    """The settings that make a run what it is: those that act and are not what every configuration has by default."""
    has_der = DELTA_ENERGY in get_method(config.method).regularizers
    return {
        name: value
        for name, value in config.to_dict().items()
        if name not in NOT_OF_THE_RUN and value != _ORDINARY.get(name) and (has_der or not name.startswith("der_"))
    }


def _unique(runs: Iterable[Run]) -> list[Run]:
    """The runs in order, each once: where two are one run, what is measured of either is measured of it."""
    found: dict[str, Run] = {}
    for run in runs:
        before = found.setdefault(run.name, run)
        measures = tuple(dict.fromkeys((*before.measures, *run.measures)))
        traced = before.traced or run.traced
        found[run.name] = replace(before, measures=measures, traced=traced)
    return list(found.values())


def eps_word(eps: float | str) -> str:
    """ε as part of a name: the number of grey levels where it is whole, else the decimal."""
    return epsilon(parse_fraction(eps)).removesuffix("/255")


def _nowhere(kind: str) -> str:
    return kind if kind == "digits" else f"{kind}:."
