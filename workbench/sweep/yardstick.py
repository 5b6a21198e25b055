"""What every cell is measured by: one network, one reference, one judge."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.data import Split
from trainers.data.split import stratified_order
from trainers.errors import WorkbenchError
from trainers.setup import find_device
from workbench.quality import (
    Against,
    Extractor,
    Judge,
    Reference,
    Working,
    find_judge,
    fit_samples,
    load_against,
    load_extractor,
    reference_statistics,
    save_scores,
    score,
)
from workbench.quality.embedding import embedded
from workbench.quality.extractors import check_images, shape_words
from workbench.quality.reference import MAX_FEATURES
from workbench.quality.score import MEASURES
from workbench.sampling.samples import read_samples
from workbench.sweep.spread import class_spreads, relative_spread


@dataclass(frozen=True, kw_only=True, slots=True)
class Yardstick:
    """The same for all cells.

    Attributes:
        extractor: the network whose features are compared.
        against: the data set.
        reference: its statistics under the network.
        spreads: mean pairwise distance of its images in each class.
        judge: for class agreement.
        no_judge: why there is none.
        k: neighbours of precision, recall, density and coverage.
        seed: of shuffles and subsets.
    """

    extractor: Extractor
    against: Against
    reference: Reference
    spreads: dict[int, float]
    judge: Judge | None
    no_judge: str | None
    k: int
    seed: int

    def identity(self) -> dict[str, Any]:
        """What must be equal for scores to be."""
        judge = None if self.judge is None else self.judge.digest or self.judge.name
        return {
            "features": self.extractor.digest,
            "reference": self.against.images.digest(),
            "judge": judge,
            "k": self.k,
        }

    def facts(self) -> dict[str, Any]:
        """The same for readers."""
        return {
            "reference": {
                "data": self.against.name,
                "split": self.against.split,
                "num": self.reference.moments.num,
            },
            "features": {
                "name": self.extractor.name,
                "digest": self.extractor.digest,
                "comparable_to_papers": self.extractor.comparable,
            },
            "judge": {
                "name": self.judge.name if self.judge else None,
                "held_out_accuracy": self.judge.accuracy if self.judge else None,
            },
        }


def load_yardstick(
    *,
    against: str,
    split: str,
    features: str,
    judge: str | None,
    k: int,
    seed: int,
    device: str,
    cache: Path,
    class_names: tuple[str, ...],
    image_shape: tuple[int, ...] | None,
    checkpoint_digest: str,
    working: Working,
) -> Yardstick:
    """Load all that scoring needs, once.

    Args:
        against: data set, as ``digits``.
        split: train or test.
        features: network, as ``inception``.
        judge: as ``svm``; None for the default.
        k: neighbours.
        seed: of shuffles and subsets.
        device: of the network.
        cache: where statistics of reference sets are kept.
        class_names: of the model that is sampled from.
        image_shape: of its images; None where it is not known.
        checkpoint_digest: of its weights.
        working: batch size and where progress goes.

    Raises:
        WorkbenchError: something is not to be had, or does not fit the model.
    """
    extractor = load_extractor(features, find_device(device))
    data = load_against(against, split)
    if image_shape is not None:
        check_images(extractor, image_shape, "the model")
        if image_shape != data.image_shape:
            raise WorkbenchError(
                f"the model makes images of shape {shape_words(image_shape)}, but those of {against} are"
                f" {shape_words(data.image_shape)}"
            )
    if unknown := [name for name in class_names if name not in data.class_names]:
        raise WorkbenchError(f"the model has a class {unknown[0]!r}, which {against} has not; give another --against")
    found, no_judge = find_judge(judge, data, extractor, checkpoint_digest, working)
    reference = reference_statistics(extractor, data, cache=cache, working=working)
    return Yardstick(
        extractor=extractor,
        against=data,
        reference=reference,
        spreads=class_spreads(reference.features.numpy(), data.images.labels.numpy()[_rows(data.images)]),
        judge=found,
        no_judge=no_judge,
        k=k,
        seed=seed,
    )


def measure(folder: Path, yardstick: Yardstick, working: Working) -> tuple[dict[str, float | int | None], list[str]]:
    """Scores and spread of a directory of samples, and what must be known to read them.

    The scores are also written beside the samples, as ``workbench score`` does.

    Raises:
        WorkbenchError: fewer than 2 images, or features that are not finite.
    """
    samples = read_samples(folder)
    images = fit_samples(samples, yardstick.against)
    extractor = yardstick.extractor
    scores = score(
        images,
        yardstick.reference,
        name=samples.name,
        class_names=yardstick.against.class_names,
        extractor=extractor,
        judge=yardstick.judge,
        no_judge=yardstick.no_judge,
        checkpoint_digest=samples.checkpoint_digest,
        k=yardstick.k,
        seed=yardstick.seed,
        working=working,
    )
    save_scores(folder, scores, extractor)
    own = _some(images)
    features = np.concatenate([block.numpy() for block, _ in embedded(extractor, own, "samples", working)])
    found = {name: getattr(scores, name).value for name in MEASURES}
    found["spread"] = relative_spread(class_spreads(features, own.labels.numpy()), yardstick.spreads)
    return {"images": len(images), **found}, list(scores.notes)


def _rows(split: Split) -> NDArray[np.int64]:
    """The images whose features a reference keeps, in their order."""
    rows: NDArray[np.int64] = np.sort(stratified_order(split.labels.numpy())[:MAX_FEATURES])
    return rows


def _some(split: Split) -> Split:
    rows = _rows(split)
    return Split(images=split.images[rows], scale=split.scale, labels=split.labels[rows], index=split.index[rows])
