"""All scores of one set of samples."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainers.data import Split
from trainers.data.split import stratified_order
from trainers.provenance import now
from trainers.revision import git_revision
from workbench.quality.agreement import agreement
from workbench.quality.embedding import embedded
from workbench.quality.extractors import Extractor
from workbench.quality.frechet import frechet_distance, moments_of
from workbench.quality.inception_score import inception_score
from workbench.quality.judges import Judge
from workbench.quality.kernel import SUBSETS, kernel_distance
from workbench.quality.manifold import manifold_scores
from workbench.quality.reference import MAX_FEATURES, Reference
from workbench.quality.working import Working

ENOUGH_FOR_FID = 2048
MEASURES = ("fid", "inception_score", "kid", "precision", "recall", "density", "coverage", "agreement")


@dataclass(frozen=True, kw_only=True, slots=True)
class Measure:
    """One score: its value, the spread where there is one, or why there is no value."""

    value: float | None = None
    std: float | None = None
    reason: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Scores:
    """Scores of samples against a reference.

    Attributes:
        samples: name of the samples.
        num: how many there were.
        against: the data set of the reference.
        split: which of its images.
        num_reference: how many these are.
        features: name of the network.
        features_digest: its identity.
        comparable: whether FID, IS and KID can be set beside those of papers.
        num_features: F.
        seed: of shuffles and subsets.
        fid: Fréchet distance, lower is better.
        inception_score: with its spread over splits, higher is better.
        inception_splits: how many splits.
        kid: with its spread over subsets, lower is better.
        kid_subset_size: images in each of the 100 subsets.
        precision: share of samples on the reference's manifold.
        recall: share of the reference on the samples' manifold.
        density: how densely the samples lie there; may exceed 1.
        coverage: share of the reference with a sample nearby.
        k: neighbours of these four.
        agreement: share of samples that the judge takes for their class.
        agreement_by_class: by name, None for a class without samples; empty without a judge.
        judge: its name.
        judge_digest: of its checkpoint; None for a support vector machine.
        judge_accuracy: its accuracy on held-out images of the data set.
        notes: what a reader must know to read the figures rightly.
        created: when, ISO 8601 in UTC.
        git_revision: of the code; None if it is no checkout.
    """

    samples: str
    num: int
    against: str
    split: str
    num_reference: int
    features: str
    features_digest: str
    comparable: bool
    num_features: int
    seed: int
    fid: Measure
    inception_score: Measure
    inception_splits: int
    kid: Measure
    kid_subset_size: int
    precision: Measure
    recall: Measure
    density: Measure
    coverage: Measure
    k: int
    agreement: Measure
    agreement_by_class: dict[str, float | None]
    judge: str | None
    judge_digest: str | None
    judge_accuracy: float | None
    notes: tuple[str, ...]
    created: str
    git_revision: str | None


def score(
    samples: Split,
    reference: Reference,
    *,
    name: str,
    class_names: tuple[str, ...],
    extractor: Extractor,
    judge: Judge | None,
    no_judge: str | None = None,
    checkpoint_digest: str | None = None,
    k: int = 5,
    seed: int = 0,
    working: Working,
) -> Scores:
    """Score samples.

    Args:
        samples: images and intended labels in the reference's numbering (``fit_samples``), at least 2.
        reference: statistics under the same network.
        name: what to call the samples.
        class_names: the reference's.
        extractor: the network.
        judge: for class agreement; None to do without.
        no_judge: why there is none.
        checkpoint_digest: of the network that guided the sampling, if that is known.
        k: neighbours for precision, recall, density and coverage.
        seed: of shuffles and subsets.
        working: batch size and where progress goes.

    Raises:
        WorkbenchError: features that are not finite.
    """
    chosen = np.zeros(len(samples), dtype=bool)
    chosen[stratified_order(samples.labels.numpy())[:MAX_FEATURES]] = True
    kept: list[Tensor] = []
    logits: list[Tensor] = []

    def blocks() -> Iterator[NDArray[np.float32]]:
        start = 0
        for block, block_logits in embedded(extractor, samples, "samples", working):
            kept.append(block[torch.from_numpy(chosen[start : start + len(block)])])
            logits.append(block_logits)
            start += len(block)
            yield block.numpy()

    moments = moments_of(blocks())
    features = torch.cat(kept)
    with working.stage("FID"):
        fid = frechet_distance(moments, reference.moments)
    with working.stage("IS and KID"):
        inception, inception_std, splits = inception_score(torch.cat(logits), seed=seed)
        kid, kid_std, subset_size = kernel_distance(features, reference.features, seed=seed)
    with working.stage("precision and recall, density and coverage"):
        manifold = _manifold(features, reference.features, k)
    agreed, by_class = _agreement(judge, no_judge, samples, class_names)
    return Scores(
        samples=name,
        num=len(samples),
        against=reference.name,
        split=reference.split,
        num_reference=reference.moments.num,
        features=extractor.name,
        features_digest=extractor.digest,
        comparable=extractor.comparable,
        num_features=features.shape[1],
        seed=seed,
        fid=Measure(value=fid),
        inception_score=Measure(value=inception, std=inception_std),
        inception_splits=splits,
        kid=Measure(value=kid, std=kid_std),
        kid_subset_size=subset_size,
        **manifold,
        k=k,
        agreement=agreed,
        agreement_by_class=by_class,
        judge=judge.name if judge else None,
        judge_digest=judge.digest if judge else None,
        judge_accuracy=judge.accuracy if judge else None,
        notes=tuple(_notes(samples, reference, features.shape[1], extractor, judge, checkpoint_digest)),
        created=now(),
        git_revision=git_revision(),
    )


def to_json(scores: Scores) -> dict[str, Any]:
    """Scores as JSON values: the measures under "scores", each with "value", "std" and "reason"."""
    from importlib.metadata import version

    facts = {field.name: getattr(scores, field.name) for field in fields(scores)}
    measures = {name: facts.pop(name) for name in MEASURES}
    return {
        "format": "workbench-score-1",
        "samples": {"name": scores.samples, "num": scores.num},
        "reference": {"data": scores.against, "split": scores.split, "num": scores.num_reference},
        "features": {
            "name": scores.features,
            "digest": scores.features_digest,
            "comparable_to_papers": scores.comparable,
            "num": scores.num_features,
        },
        "scores": {
            name: {"value": measure.value, "std": measure.std, "reason": measure.reason}
            for name, measure in measures.items()
        },
        "settings": {
            "seed": scores.seed,
            "k": scores.k,
            "inception_splits": scores.inception_splits,
            "kid_subsets": SUBSETS,
            "kid_subset_size": scores.kid_subset_size,
        },
        "judge": {
            "name": scores.judge,
            "digest": scores.judge_digest,
            "held_out_accuracy": scores.judge_accuracy,
            "agreement_by_class": scores.agreement_by_class,
        },
        "notes": list(scores.notes),
        "created": scores.created,
        "git_revision": scores.git_revision,
        "versions": {name: version(name) for name in ("workbench", "torch", "torchmetrics", "scipy")},
    }


def _manifold(features: Tensor, reference: Tensor, k: int) -> dict[str, Measure]:
    names = ("precision", "recall", "density", "coverage")
    fewest = min(len(features), len(reference))
    if k >= fewest:
        reason = f"needs more than k = {k} images on each side; one has {fewest}"
        return {name: Measure(reason=reason) for name in names}
    found = manifold_scores(features, reference, k=k)
    return {name: Measure(value=getattr(found, name)) for name in names}


def _agreement(
    judge: Judge | None, no_judge: str | None, samples: Split, class_names: tuple[str, ...]
) -> tuple[Measure, dict[str, float | None]]:
    if judge is None:
        return Measure(reason=no_judge or "no judge"), {}
    predicted = judge.predict(samples, "samples, by the judge")
    overall, by_class = agreement(predicted, samples.labels.numpy(), len(class_names))
    return Measure(value=overall), dict(zip(class_names, by_class, strict=True))


def _notes(
    samples: Split,
    reference: Reference,
    num_features: int,
    extractor: Extractor,
    judge: Judge | None,
    checkpoint_digest: str | None,
) -> Iterator[str]:
    if not extractor.comparable:
        yield "FID, IS and KID are on features of a classifier of ours: not comparable to papers."
    enough = max(ENOUGH_FOR_FID, num_features + 1)
    if len(samples) < enough:
        yield (
            f"FID from few samples is biased upwards and IS downwards: {len(samples):,} samples, {enough:,} or more"
            " are advised; compare only scores of equal numbers."
        )
    if reference.moments.num < enough:
        yield f"The reference has only {reference.moments.num:,} images, which biases FID upwards too."
    present = len(np.unique(samples.labels.numpy()))
    if present < reference.num_classes:
        yield f"The samples show {present} of the {reference.num_classes} classes; the reference shows all."
    if max(len(samples), reference.moments.num) > MAX_FEATURES:
        yield f"KID, precision, recall, density and coverage use at most {MAX_FEATURES:,} images of each side."
    if checkpoint_digest is None and judge is not None and judge.digest is not None:
        yield "The samples do not name the checkpoint that guided them: whether the judge is independent is not known."
    if extractor.digest == checkpoint_digest:
        yield "The features are those of the network that guided the sampling: FID, IS and KID favour its samples."
