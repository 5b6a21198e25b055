"""Who may judge, who judges by default, and what agreement is."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.svm import SVC
from small_pictures import CLASS_NAMES

from trainers.errors import WorkbenchError
from workbench.quality import Against, Extractor, Judge, Working, find_judge, judges, load_against, load_extractor
from workbench.quality.agreement import agreement

Write = Callable[..., Path]


@pytest.fixture
def against(data: str) -> Against:
    return load_against(data)


def find(name: str | None, against: Against, extractor: Extractor, digest: str | None = None) -> Judge:
    judge, reason = find_judge(name, against, extractor, digest, Working())
    assert judge is not None, reason
    return judge


def test_agreement_is_the_share_of_each_class() -> None:
    predicted, intended = np.array([0, 0, 1, 2, 2, 0]), np.array([0, 0, 0, 2, 2, 2])
    assert agreement(predicted, intended, 4) == (4 / 6, (2 / 3, None, 2 / 3, None))


def test_an_svm_is_trained_on_the_training_images_and_held_to_the_others(against: Against, pixels: Extractor) -> None:
    judge = find("svm", against, pixels)
    x, y = (part.numpy() for part in against.train.batch(torch.arange(len(against.train))))
    reference = SVC(C=10.0).fit(x.reshape(len(x), -1), y)
    x_held, y_held = (part.numpy() for part in against.held_out.batch(torch.arange(21)))
    expected = reference.predict(x_held.reshape(21, -1))
    np.testing.assert_array_equal(judge.predict(against.held_out, ""), expected)
    assert judge.accuracy == np.mean(expected == y_held)
    assert judge.accuracy > 0.9


def test_the_network_of_the_features_judges_by_default(against: Against, pixels: Extractor) -> None:
    judge = find(None, against, pixels)
    assert judge.digest == pixels.digest
    np.testing.assert_array_equal(judge.predict(against.held_out, ""), against.held_out.labels.numpy())
    assert judge.accuracy == 1.0


NO_JUDGES = {
    "it guided the sampling": {"digest": "guide"},
    "it knows other classes": {"class_names": ("0", "1", "2")},
    "it does not say its classes": {"class_names": None},
}


@pytest.mark.parametrize("change", NO_JUDGES.values(), ids=NO_JUDGES)
def test_an_svm_judges_where_that_network_cannot(
    against: Against, pixels: Extractor, change: dict[str, object]
) -> None:
    judge = find(None, against, dataclasses.replace(pixels, **change), "guide")  # type: ignore[arg-type]
    assert judge.name == "svm"


def test_a_network_that_guided_the_sampling_is_refused_as_judge(
    against: Against, pixels: Extractor, checkpoint: Write
) -> None:
    name = f"classifier:{checkpoint()}"
    guide = load_extractor(name, torch.device("cpu")).digest
    assert find(name, against, pixels, "another").digest == guide
    with pytest.raises(WorkbenchError, match="guided the sampling and cannot judge it"):
        find(name, against, pixels, guide)


def test_a_network_of_other_classes_is_refused_as_judge(against: Against, pixels: Extractor, checkpoint: Write) -> None:
    with pytest.raises(WorkbenchError, match="knows other classes and cannot judge"):
        find(f"classifier:{checkpoint(class_names=('a', 'b', 'c'))}", against, pixels)
    with pytest.raises(WorkbenchError, match="takes images of shape 3×9×9"):
        find(f"classifier:{checkpoint(image_shape=(3, 9, 9))}", against, pixels)


@pytest.mark.parametrize("name", ["forest", "inception", "classifier", "classifier:", "svm:"])
def test_unknown_judges_are_refused(against: Against, pixels: Extractor, name: str) -> None:
    with pytest.raises(WorkbenchError, match=r"unknown judge.*known are svm and classifier:CHECKPOINT"):
        find(name, against, pixels)


def test_too_many_images_for_an_svm(against: Against, pixels: Extractor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judges, "MAX_SVM_IMAGES", 89)
    with pytest.raises(WorkbenchError, match="90 training images, too many for an SVM"):
        find("svm", against, pixels)
    found, reason = find_judge(None, against, dataclasses.replace(pixels, class_names=None), None, Working())
    assert found is None
    assert "give --judge classifier:CHECKPOINT" in str(reason)


def test_one_class_leaves_nothing_to_judge(against: Against, pixels: Extractor) -> None:
    one = dataclasses.replace(
        against, train=dataclasses.replace(against.train, labels=torch.zeros_like(against.train.labels))
    )
    with pytest.raises(WorkbenchError, match="one class"):
        find("svm", one, pixels)
    assert find_judge(None, one, dataclasses.replace(pixels, class_names=CLASS_NAMES[:1]), None, Working()) == (
        None,
        "no judge: the reference has one class",
    )
