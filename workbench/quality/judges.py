"""Who decides what a sample shows: a network, or a support vector machine trained on the reference's data."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from trainers.data import Split
from trainers.errors import WorkbenchError
from workbench.quality.against import Against
from workbench.quality.embedding import embedded
from workbench.quality.extractors import Extractor, check_images, load_extractor
from workbench.quality.working import Working

SVM = "svm"
MAX_SVM_IMAGES = 20_000
"""Training a support vector machine takes time and memory with the square of this."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Judge:
    """A classifier of images into the reference's classes.

    Attributes:
        name: for people.
        digest: of the checkpoint; None for a support vector machine.
        predict: labels (N,) of a split's images; the text says what they are, for progress.
        accuracy: share of held-out images of the reference's data set that it names rightly; None without any.
    """

    name: str
    digest: str | None
    predict: Callable[[Split, str], NDArray[np.int64]]
    accuracy: float | None


def find_judge(
    name: str | None, against: Against, extractor: Extractor, checkpoint_digest: str | None, working: Working
) -> tuple[Judge | None, str | None]:
    """The judge that ``--judge`` means; by default the network of ``--features`` if it can be one, else an SVM.

    Args:
        name: ``classifier:CHECKPOINT``, ``svm``, or None for the default.
        against: the reference; its classes are those to tell apart.
        extractor: the network of ``--features``.
        checkpoint_digest: of the network that guided the sampling: no judge in its own cause. None if not known.
        working: where progress goes.

    Returns:
        the judge, or None and why there is none.

    Raises:
        WorkbenchError: the judge asked for is not to be had, not independent, or knows other classes.
    """
    if name == SVM:
        return _svm(against, working), None
    if name is not None:
        kind, _, where = name.partition(":")
        if kind != "classifier" or not where:
            raise WorkbenchError(f"unknown judge {name!r}; known are svm and classifier:CHECKPOINT")
        network = load_extractor(name, extractor.device)
        if network.digest == checkpoint_digest:
            raise WorkbenchError(
                f"{name} guided the sampling and cannot judge it; give another checkpoint or --judge {SVM}"
            )
        return _network(network, against, working), None
    own = extractor.class_names == against.class_names and extractor.digest != checkpoint_digest
    if own:
        return _network(extractor, against, working), None
    if len(against.train) > MAX_SVM_IMAGES:
        return None, f"no judge: more than {MAX_SVM_IMAGES:,} images for an SVM; give --judge classifier:CHECKPOINT"
    if len(np.unique(against.train.labels.numpy())) < 2:
        return None, "no judge: the reference has one class"
    return _svm(against, working), None


def _network(network: Extractor, against: Against, working: Working) -> Judge:
    check_images(network, against.image_shape, against.name)
    if network.class_names != against.class_names:
        known = "does not say its classes" if network.class_names is None else "knows other classes"
        raise WorkbenchError(f"{network.name} {known} and cannot judge {against.name}; give another --judge")

    def predict(split: Split, what: str) -> NDArray[np.int64]:
        found = [logits.argmax(dim=1) for _, logits in embedded(network, split, what, working)]
        labels: NDArray[np.int64] = torch.cat(found).numpy()
        return labels

    return Judge(
        name=network.name, digest=network.digest, predict=predict, accuracy=_accuracy(predict, against.held_out)
    )


def _svm(against: Against, working: Working) -> Judge:
    """A support vector machine with a radial kernel on pixels, trained on the training images."""
    from sklearn.svm import SVC

    num = len(against.train)
    if num > MAX_SVM_IMAGES:
        raise WorkbenchError(
            f"{against.name} has {num:,} training images, too many for an SVM ({MAX_SVM_IMAGES:,});"
            " give --judge classifier:CHECKPOINT"
        )
    if len(np.unique(against.train.labels.numpy())) < 2:
        raise WorkbenchError(f"{against.name} has one class; there is nothing for an SVM to tell apart")
    machine = SVC(kernel="rbf", C=10.0, gamma="scale")
    with working.stage(f"training an SVM on {num:,} images"):
        machine.fit(_pixels(against.train), against.train.labels.numpy())
    predict = partial(_svm_predict, machine)
    return Judge(name=SVM, digest=None, predict=predict, accuracy=_accuracy(predict, against.held_out))


def _svm_predict(machine: object, split: Split, what: str) -> NDArray[np.int64]:
    del what  # it is done at once
    labels: NDArray[np.int64] = machine.predict(_pixels(split))  # type: ignore[attr-defined]
    return labels


def _pixels(split: Split) -> NDArray[np.float32]:
    images, _ = split.batch(torch.arange(len(split)))
    pixels: NDArray[np.float32] = images.flatten(1).numpy()
    return pixels


def _accuracy(predict: Callable[[Split, str], NDArray[np.int64]], held_out: Split) -> float | None:
    if not len(held_out):
        return None
    return float((predict(held_out, "held-out images") == held_out.labels.numpy()).mean())
