"""Natural and adversarial images of samples with what a checkpoint makes of both. numpy only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

SCHEMA_VERSION = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class PictureFacts:
    """Where pictures come from.

    Attributes:
        checkpoint: file of the weights.
        checkpoint_digest: its SHA-256 in hex.
        epoch: of the run, after which it was saved; None outside of a run.
        data: name of the data set.
        data_digest: SHA-256 of the split's images and labels.
        split: "train" or "probe".
        attack: what made x*, in evaluation mode.
        eps: radius of its ball, in [0, 1] pixel units.
        seed: of its random starts.
        class_names: by label.
        image_shape: (C, H, W).
        versions: of what made them.
        created: when the latest were made, ISO 8601 in UTC.
        schema_version: of the file.
    """

    checkpoint: str
    checkpoint_digest: str
    epoch: int | None
    data: str
    data_digest: str
    split: str
    attack: str
    eps: float
    seed: int
    class_names: tuple[str, ...]
    image_shape: tuple[int, ...]
    versions: Mapping[str, str]
    created: str
    schema_version: int = SCHEMA_VERSION

    def same_as(self, other: "PictureFacts") -> bool:
        """Whether pictures of both belong together: all but when, with what and from which path they were made."""
        one, two = (replace(each, checkpoint="", epoch=None, versions={}, created="") for each in (self, other))
        return one == two


@dataclass(frozen=True, kw_only=True, slots=True)
class Pictures:
    """Samples in the order in which they were made.

    Attributes:
        index: stable index of each sample, shape (n,), each once.
        label: class y.
        predicted: class that x is taken for; -1 where a logit is not finite.
        predicted_adv: class that x* is taken for.
        energy: E(x) in nats, NaN where a logit is not finite.
        energy_adv: E(x*).
        joint_energy: E(x,y).
        joint_energy_adv: E(x*,y).
        natural: x in [0, 1], shape (n, C, H, W).
        adversarial: x*.
        facts: where they come from.
    """

    index: NDArray[np.int64]
    label: NDArray[np.int64]
    predicted: NDArray[np.int64]
    predicted_adv: NDArray[np.int64]
    energy: NDArray[np.float32]
    energy_adv: NDArray[np.float32]
    joint_energy: NDArray[np.float32]
    joint_energy_adv: NDArray[np.float32]
    natural: NDArray[np.float32]
    adversarial: NDArray[np.float32]
    facts: PictureFacts

    def __len__(self) -> int:
        return len(self.index)

    def of(self, samples: Sequence[int]) -> "Pictures":
        """Some of the samples, in the order given; those that are not there are left out."""
        places = {int(index): place for place, index in enumerate(self.index)}
        rows = [places[sample] for sample in samples if sample in places]
        return self.take(np.array(rows, dtype=np.int64))

    def take(self, rows: NDArray[np.int64]) -> "Pictures":
        """Some rows."""
        return Pictures(**{name: values[rows] for name, values in self.arrays().items()}, facts=self.facts)

    def with_more(self, more: "Pictures") -> "Pictures":
        """These and others, which must not be among them; their facts are those of all."""
        joined = {name: np.concatenate([values, more.arrays()[name]]) for name, values in self.arrays().items()}
        return Pictures(**joined, facts=more.facts)

    def latest(self, most_bytes: int, *, least: int) -> "Pictures":
        """As many of the latest as have images of at most ``most_bytes``, but at least some."""
        each = 2 * self.natural[:1].nbytes or 1
        first = max(0, len(self) - max(least, most_bytes // each))
        return self.take(np.arange(first, len(self)))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All arrays by name."""
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name != "facts"}
