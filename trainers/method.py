"""A row of the method table, and what its parts cost in passes. No torch here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from trainers.spec import AttackSpec, Norm

StepKind = Literal["standard", "replay", "perturb-weights"]
Default = float | int | Callable[[float], float]
"""Of a method's setting: a number, or a function of ε."""


class Cost(NamedTuple):
    """Passes over a batch: forward, backward to the input only, backward to the weights."""

    forward: int = 0
    to_input: int = 0
    to_weights: int = 0

    def plus(self, *others: "Cost") -> "Cost":
        """Both together."""
        return Cost(*(sum(counts) for counts in zip(self, *others, strict=True)))

    @property
    def equivalents(self) -> int:
        """In forward passes: a backward pass to the input counts 1, one to the weights 2."""
        return self.forward + self.to_input + 2 * self.to_weights


TRAINED = Cost(forward=1, to_weights=1)
"""A pass whose logits are trained on."""

NEED_CLEAN = frozenset({"clean", "trades", "trades-adversarial", "mart", "energy", "delta-energy"})
"""Losses, weights and regularizers that are made of natural logits."""

NEED_ADVERSARIAL = frozenset({"adversarial", "trades", "trades-adversarial", "mart"})
"""Losses that are made of adversarial logits."""

REGULARIZER_COSTS: Mapping[str, Cost] = {
    "delta-energy": Cost(),
    "grad-align": Cost(forward=1, to_input=1, to_weights=2),
    "elle": Cost(forward=3, to_weights=3),
    "elle-adaptive": Cost(forward=3, to_weights=3),
    "aaer": Cost(),
}
"""What a regularizer costs beyond the logits of x and x* and what the attack leaves behind.

The gradient of a gradient goes back through both: it counts as two passes to the weights.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class MethodSpec:
    """A row of the method table: named parts, all of them data.

    ``loss``, ``weight``, ``regularizers`` and ``step`` name entries of ``trainers.losses.LOSSES``,
    ``trainers.weights.WEIGHTS``, ``trainers.regularizers.REGULARIZERS`` and ``trainers.steps.STEPS``.

    Attributes:
        name: as ``--method`` takes it.
        summary: one line.
        source: the paper and the code it was read from.
        formula: one step in words and symbols, a line each.
        attack: what makes x*; None without an adversary.
        loss: of a sample.
        weight: factor of a sample's loss; None for 1.
        regularizers: added to the mean loss.
        step: how a batch becomes an update.
        options: the settings of TrainConfig that this method has and others have not, with its defaults.
        norms: the balls that the method is meaningful in.
        schedule: what the original trains for, in words.
        deviations: where this differs from the original's code, and why.
    """

    name: str
    summary: str
    source: str
    formula: tuple[str, ...]
    attack: AttackSpec | None
    loss: str
    weight: str | None = None
    regularizers: tuple[str, ...] = ()
    step: StepKind = "standard"
    options: Mapping[str, Default] = field(default_factory=dict)
    norms: tuple[Norm, ...] = ("linf", "l2")
    schedule: str = "none published"
    deviations: tuple[str, ...] = ()

    @property
    def attack_forwards_clean(self) -> bool:
        """Whether the attack's first forward pass is that of x itself in training mode: its logits can be reused."""
        return self.attack is not None and self.attack.start == "zero" and self.attack.batch_norm == "train"

    @property
    def needs_clean(self) -> bool:
        """Whether natural logits are trained on."""
        return not NEED_CLEAN.isdisjoint((self.loss, self.weight, *self.regularizers))

    @property
    def cost(self) -> Cost:
        """Passes of one step, the recording pass aside; of ``replay`` with the default number of replays."""
        clean = TRAINED if self.needs_clean else Cost()
        adversarial = TRAINED if self.attack is not None else Cost()
        if self.step == "replay":
            replays = self.options["replays"]
            assert isinstance(replays, int)
            return Cost(*(replays * count for count in adversarial.plus(clean)))
        attack = _attack_cost(self.attack)
        if self.needs_clean and self.attack_forwards_clean:
            clean = Cost(to_weights=1)
        proxy = Cost()
        if self.step == "perturb-weights":
            proxy = TRAINED.plus(TRAINED) if self.loss in NEED_CLEAN else TRAINED
        return attack.plus(clean, adversarial, proxy, *(REGULARIZER_COSTS[name] for name in self.regularizers))

    @property
    def passes(self) -> int:
        """The same in forward-equivalents."""
        return self.cost.equivalents

    @property
    def recording_passes(self) -> int:
        """Extra forward passes that recording E(x) costs: 1 where x is never forwarded by itself."""
        return int(self.attack is not None and not self.attack_forwards_clean and not self.needs_clean)


def _attack_cost(attack: AttackSpec | None) -> Cost:
    """A forward pass and a backward pass to the input per step, and one of x where the objective is made of it."""
    if attack is None:
        return Cost()
    of_clean = attack.objective != "cross-entropy"
    return Cost(forward=attack.steps + of_clean, to_input=attack.steps)
