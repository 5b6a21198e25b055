"""The labels against curves worked out by hand and against a literal reading of their definition."""

from statistics import median

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.onset import catastrophic_label, robust_label

NAN = float("nan")
percents = st.integers(0, 20).map(lambda twentieth: twentieth / 20)


def literal_catastrophic(fgsm: list[float], pgd: list[float]) -> int | None:
    """The definition, in exact arithmetic: accuracies are whole twentieths."""
    f, p = [round(20 * value) for value in fgsm], [round(20 * value) for value in pgd]
    found = []
    for e in range(1, len(f)):
        best = max(p[:e])
        if 2 * p[e] <= best and p[e] <= best - 2 and f[e] - p[e] >= 3:
            found.append(e)
            break
    for e in range(len(f) - 2):
        if all(f[i] >= 6 and 2 * p[i] <= f[i] and f[i] - p[i] >= 5 for i in range(e, e + 3)):
            found.append(e)
            break
    return min(found, default=None)


def literal_robust(robust: list[float], train: list[float]) -> int | None:
    """The definition, in exact arithmetic: accuracies are whole percents."""
    r, t = [round(100 * value) for value in robust], [round(100 * value) for value in train]
    centres = range(2, len(r) - 2)
    smooth = {e: median(r[e - 2 : e + 3]) for e in centres}
    best = max(smooth.values())
    b = min(e for e in centres if smooth[e] == best)
    if median(r[-5:]) > best - 2 or median(t[-5:]) - median(t[b - 2 : b + 3]) < 2:
        return None
    return min(e for e in centres if e > b and all(smooth[i] <= best - 1 for i in centres if i >= e))


@given(st.lists(st.tuples(percents, percents), min_size=1, max_size=12))
def test_catastrophic_label_is_its_definition(curve: list[tuple[float, float]]) -> None:
    fgsm, pgd = ([point[i] for point in curve] for i in (0, 1))
    label = catastrophic_label(fgsm, pgd)
    expected = literal_catastrophic(fgsm, pgd)
    assert (label.answer, label.epoch) == ("none" if expected is None else "onset", expected)


@given(
    st.lists(
        st.tuples(st.integers(45, 52).map(lambda v: v / 100), st.integers(50, 60).map(lambda v: v / 100)),
        min_size=5,
        max_size=30,
    )
)
def test_robust_label_is_its_definition(curve: list[tuple[float, float]]) -> None:
    robust, train = ([point[i] for point in curve] for i in (0, 1))
    label = robust_label(robust, train)
    expected = literal_robust(robust, train)
    assert (label.answer, label.epoch) == ("none" if expected is None else "onset", expected)


@pytest.mark.parametrize(
    ("fgsm", "pgd", "epoch", "rule"),
    [
        pytest.param([0.5, 0.5, 0.6], [0.4, 0.4, 0.0], 2, "collapse", id="sudden"),
        pytest.param([0.5, 0.5, 0.35], [0.4, 0.4, 0.2], 2, "collapse", id="exactly at all three thresholds"),
        pytest.param([0.5, 0.5, 0.5], [0.4, 0.4, 0.21], None, "", id="more than half is left"),
        pytest.param([0.5, 0.5, 0.34], [0.4, 0.4, 0.2], None, "", id="FGSM accuracy falls too"),
        pytest.param([0.3, 0.25, 0.25], [0.15, 0.06, 0.06], None, "", id="nine points are no collapse"),
        pytest.param([0.3, 0.3, 0.3], [0.05, 0.05, 0.05], 0, "masked", id="masked from the start, at its thresholds"),
        pytest.param([0.3, 0.3, 0.29, 0.3, 0.3], [0.0] * 5, None, "", id="interrupted after two epochs"),
        pytest.param([0.6, 0.6, 0.6, 0.6], [0.05, 0.2, 0.2, 0.3], 0, "masked", id="masked, three epochs"),
        pytest.param([0.9, 0.9, 0.9, 0.9], [0.5, 0.4, 0.4, 0.4], 1, "masked", id="masked without collapse"),
        pytest.param([0.9, 0.9, 0.9, 0.9], [0.8, 0.4, 0.4, 0.4], 1, "collapse", id="both at once"),
        pytest.param([0.8, NAN, 0.8, 0.8], [0.3, 0.3, 0.3, NAN], None, "", id="two evaluated epochs are no three"),
        pytest.param([0.8, NAN, 0.8, 0.8], [0.3, 0.3, 0.3, 0.3], 0, "masked", id="missing epochs are passed over"),
        pytest.param([0.5, NAN, 0.5], [0.4, 0.9, 0.3], 2, "collapse", id="the best may lack FGSM accuracy"),
    ],
)
def test_catastrophic_label_by_hand(fgsm: list[float], pgd: list[float], epoch: int | None, rule: str) -> None:
    label = catastrophic_label(fgsm, pgd)
    assert (label.answer, label.epoch, label.reason) == ("none" if epoch is None else "onset", epoch, rule)


@pytest.mark.parametrize(("fgsm", "pgd"), [([], []), ([NAN, NAN], [0.5, 0.5]), ([0.5, NAN], [NAN, 0.5])])
def test_catastrophic_label_without_both_accuracies_cannot_tell(fgsm: list[float], pgd: list[float]) -> None:
    assert catastrophic_label(fgsm, pgd).answer == "cannot tell"


def overfitting(peak: int = 20, num_epochs: int = 50) -> tuple[np.ndarray, np.ndarray]:
    """0.50 up to ``peak``, then half a point less each epoch; training accuracy gains a point each epoch."""
    epochs = np.arange(num_epochs)
    robust = np.round(0.5 - 0.005 * np.maximum(0, epochs - peak), 3)
    robust[:10] = 0.3
    return robust, 0.3 + 0.01 * epochs


def test_robust_label_by_hand() -> None:
    # After the plateau a median of five falling values is the middle one: 0.495 at 21, 0.490 at 22.
    assert robust_label(*overfitting(peak=20)).epoch == 22


def test_robust_label_needs_training_accuracy_to_rise() -> None:
    robust, train = overfitting()
    assert robust_label(robust, np.full_like(train, 0.6)).answer == "none"
    assert robust_label(robust, np.full_like(train, NAN)).answer == "cannot tell"


def test_robust_label_is_none_for_a_run_that_recovers() -> None:
    robust, train = overfitting()
    robust[-5:] = 0.495
    assert robust_label(robust, train).answer == "none"


def test_robust_label_looks_only_before_catastrophic_overfitting() -> None:
    robust, train = overfitting(peak=20)
    assert robust_label(robust, train, catastrophic_epoch=24).answer == "none"
    assert robust_label(robust, train, catastrophic_epoch=40).epoch == 22
    assert robust_label(robust, train, catastrophic_epoch=3).answer == "cannot tell"


def test_robust_label_survives_an_outlier_and_missing_epochs() -> None:
    robust, train = overfitting(peak=20)
    robust[15] = 0.9
    assert robust_label(robust, train).epoch == 22
    sparse = np.full((2, 100), NAN)
    sparse[:, ::2] = overfitting(peak=20)
    assert robust_label(*sparse).epoch == 44


def test_curves_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="same epochs"):
        catastrophic_label([0.5, 0.5], [0.5])
