"""The detectors: causal, as good as the labels, silent on healthy runs, honest about what they cannot tell."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainers.energylog.schema import EPOCH_DTYPE
from workbench.onset import OnsetDetector, catastrophic_label, detect, robust_label
from workbench.onset.flags import DELTA_ENERGY_STATISTICS

NAN = float("nan")
accuracies = st.one_of(st.just(NAN), st.integers(0, 50).map(lambda v: v / 50))
smooth_accuracies = st.integers(30, 60).map(lambda v: v / 100)
energies = st.one_of(st.sampled_from([NAN, np.inf, 0.0]), st.floats(-1e3, 1e3))


@st.composite
def tables(draw: st.DrawFn, values: st.SearchStrategy[float] = accuracies, max_size: int = 25) -> np.ndarray:
    num_epochs = draw(st.integers(0, max_size))
    table = np.zeros(num_epochs, dtype=EPOCH_DTYPE)
    table["epoch"] = np.arange(num_epochs)
    for name in ("fgsm_accuracy", "pgd_accuracy", "train_pgd_accuracy", "train_robust_accuracy"):
        table[name] = draw(st.lists(values, min_size=num_epochs, max_size=num_epochs))
    for name in DELTA_ENERGY_STATISTICS:
        table[name] = draw(energies)
    return table


@settings(max_examples=60, deadline=None)
@given(st.one_of(tables(), tables(smooth_accuracies)), st.data())
def test_detectors_use_only_the_past(table: np.ndarray, data: st.DataObject) -> None:
    whole = detect(table, train_attack="pgd-10")
    length = data.draw(st.integers(0, len(table)))
    assert detect(table[:length], train_attack="pgd-10") == tuple(o for o in whole if o.detected_epoch < length)


@settings(max_examples=60, deadline=None)
@given(st.one_of(tables(), tables(smooth_accuracies)))
def test_flags_are_well_formed(table: np.ndarray) -> None:
    onsets = detect(table, train_attack="pgd-10")
    assert len({onset.kind for onset in onsets}) == len(onsets)
    for onset in onsets:
        assert 0 <= onset.epoch <= onset.detected_epoch < len(table)
        assert 0 <= onset.confidence <= 1
        assert onset.last_healthy_epoch is None or onset.last_healthy_epoch < onset.epoch
        assert all(np.isfinite(list(onset.evidence.values())))
    if [onset.kind for onset in onsets] == ["catastrophic", "robust"]:
        pytest.fail("robust overfitting was flagged after catastrophic overfitting")


@settings(max_examples=100, deadline=None)
@given(tables(st.integers(0, 50).map(lambda v: v / 50)))
def test_catastrophic_flag_follows_the_label_within_two_epochs(table: np.ndarray) -> None:
    label = catastrophic_label(table["fgsm_accuracy"], table["pgd_accuracy"])
    onset = next((onset for onset in detect(table) if onset.kind == "catastrophic"), None)
    assert (onset is None) == (label.epoch is None)
    if onset is not None and label.epoch is not None:
        assert onset.epoch <= label.epoch <= onset.detected_epoch <= label.epoch + 2


@settings(max_examples=100, deadline=None)
@given(
    rise=st.floats(0.0, 0.009),
    fall=st.one_of(st.floats(-0.002, 0.0), st.floats(0.002, 0.009)),
    peak=st.integers(0, 30),
    length=st.integers(40, 60),
    train=st.one_of(st.floats(-0.002, 0.0), st.floats(0.002, 0.02)),
)
def test_without_noise_a_lasting_decay_is_flagged_as_labelled(rise, fall, peak, length, train) -> None:
    epochs = np.arange(peak + length)
    table = np.zeros(len(epochs), dtype=EPOCH_DTYPE)
    table["epoch"] = epochs
    table["pgd_accuracy"] = 0.5 + rise * np.minimum(epochs - peak, 0) - fall * np.maximum(epochs - peak, 0)
    table["fgsm_accuracy"] = table["pgd_accuracy"]
    table["train_pgd_accuracy"] = 0.3 + train * epochs
    label = robust_label(table["pgd_accuracy"], table["train_pgd_accuracy"])
    onsets = detect(table)
    assert [onset.epoch for onset in onsets] == ([] if label.epoch is None else [label.epoch])


@pytest.mark.parametrize(("loss", "found"), [(0.016, True), (0.006, False)])
def test_a_small_decay_that_persists_is_found_within_twelve_epochs(epoch_table, loss: float, found: bool) -> None:
    # 10,000 images, so a noise of half a point; never 0.02 under the best median for long, but under it for good.
    epochs = np.arange(80)
    wobble = np.resize([0.005, -0.004, 0.0, 0.006, -0.006, 0.002, -0.003], 80)
    pgd = 0.525 + wobble - loss * (epochs >= 40)
    table = epoch_table(fgsm_accuracy=pgd + 0.05, pgd_accuracy=pgd, train_pgd_accuracy=0.5 + 0.004 * epochs)
    onsets = detect(table)
    assert bool(onsets) == found
    if found:
        assert abs(onsets[0].epoch - 40) <= 5
        assert onsets[0].detected_epoch <= 52
        assert onsets[0].evidence["cusum"] >= onsets[0].evidence["cusum_threshold"] >= 0.04


def test_a_decay_within_the_noise_is_not_flagged(epoch_table) -> None:
    columns = overfitting(num_epochs=30)
    assert len(detect(epoch_table(**columns))) == 1
    noise = np.resize([0.05, -0.05, 0.0, 0.03, -0.03], 30)
    columns["pgd_accuracy"] = columns["pgd_accuracy"] + noise
    assert detect(epoch_table(**columns)) == ()


def test_collapse_is_flagged_at_its_epoch(epoch_table) -> None:
    fgsm, pgd = [0.3, 0.5, 0.6, 0.62, 0.7, 0.9], [0.2, 0.3, 0.4, 0.38, 0.02, 0.0]
    (onset,) = detect(epoch_table(fgsm_accuracy=fgsm, pgd_accuracy=pgd))
    assert (onset.kind, onset.rule) == ("catastrophic", "collapse")
    assert (onset.epoch, onset.detected_epoch, onset.last_healthy_epoch) == (4, 4, 3)


def test_masked_is_flagged_at_its_third_epoch(epoch_table) -> None:
    fgsm, pgd = [0.5, 0.6, 0.7, 0.7, 0.7, 0.7], [0.4, 0.4, 0.3, 0.3, 0.3, 0.3]
    (onset,) = detect(epoch_table(fgsm_accuracy=fgsm, pgd_accuracy=pgd))
    assert (onset.rule, onset.epoch, onset.detected_epoch, onset.last_healthy_epoch) == ("masked", 2, 4, 1)


def collapse(epoch_table, **columns):
    fgsm, pgd = [0.5, 0.55, 0.6, 0.6, 0.7], [0.4, 0.42, 0.41, 0.4, 0.1]
    (onset,) = detect(epoch_table(fgsm_accuracy=fgsm, pgd_accuracy=pgd, **columns))
    return onset


def test_delta_energy_moves_the_confidence_of_a_collapse(epoch_table) -> None:
    silent = collapse(epoch_table)
    wider = collapse(epoch_table, train_delta_energy_std=[0.5, 0.5, 0.5, 0.5, 5.0])
    narrower = collapse(epoch_table, train_delta_energy_std=[0.5, 0.5, 0.5, 0.5, 0.1])
    assert narrower.confidence < silent.confidence < wider.confidence


def test_evidence_compares_before_and_after(epoch_table) -> None:
    onset = collapse(epoch_table, probe_delta_energy_q95=[1.0, 2.0, 3.0, 4.0, 90.0])
    assert onset.last_healthy_epoch == 3
    assert onset.evidence["probe_delta_energy_q95_before"] == 2.5
    assert onset.evidence["probe_delta_energy_q95_after"] == 90.0
    assert onset.evidence["best_pgd_accuracy"] == 0.42
    assert onset.evidence["best_epoch"] == 1
    assert "42.0%" in onset.sentence
    assert "10.0%" in onset.sentence
    assert not any("nan" in name or name.startswith("clean") for name in onset.evidence)


@pytest.mark.parametrize("seed", range(5))
def test_noisy_healthy_runs_are_not_flagged(epoch_table, seed: int) -> None:
    rng = np.random.default_rng(seed)
    epochs = np.arange(60)
    truth = 0.5 - 0.35 * np.exp(-epochs / 8)
    pgd, fgsm, train = (rng.binomial(500, truth + gap) / 500 for gap in (0.0, 0.08, 0.05))
    pgd[30:] = rng.binomial(500, 0.55, 30) / 500
    table = epoch_table(fgsm_accuracy=fgsm, pgd_accuracy=pgd, train_pgd_accuracy=train)
    assert [onset for onset in detect(table) if onset.kind == "catastrophic"] == []


def test_divergence_is_not_catastrophic_overfitting(epoch_table) -> None:
    table = epoch_table(fgsm_accuracy=[0.5, 0.6, 0.1, 0.1, 0.1], pgd_accuracy=[0.4, 0.5, 0.1, 0.1, 0.1])
    assert detect(table) == ()


def overfitting(num_epochs: int = 50) -> dict[str, np.ndarray]:
    """0.50 up to epoch 20, then half a point less each epoch; training accuracy gains a point each epoch."""
    epochs = np.arange(num_epochs)
    pgd = np.round(0.5 - 0.005 * np.maximum(0, epochs - 20), 3)
    pgd[:10] = 0.3
    return {"pgd_accuracy": pgd, "fgsm_accuracy": pgd + 0.05, "train_pgd_accuracy": 0.3 + 0.01 * epochs}


def test_robust_flag_by_hand(epoch_table) -> None:
    # The median of the last five is the middle one: 0.490 at 22 sets in, 0.480 at 24 is known at 26.
    (onset,) = detect(epoch_table(**overfitting()))
    assert (onset.kind, onset.epoch, onset.detected_epoch, onset.last_healthy_epoch) == ("robust", 22, 26, 21)
    assert onset.evidence["decay"] == pytest.approx(0.02)
    assert "50.0%" in onset.sentence
    assert "48.0%" in onset.sentence


@pytest.mark.parametrize(
    ("train_attack", "found", "words"),
    [("pgd-10", True, "training passes"), ("fgsm", False, ""), (None, False, "")],
)
def test_training_passes_stand_in_only_under_pgd(epoch_table, train_attack, found: bool, words: str) -> None:
    columns = overfitting()
    columns["train_robust_accuracy"] = columns.pop("train_pgd_accuracy")
    detector = OnsetDetector(train_attack=train_attack)
    for row in epoch_table(**columns):
        detector.update(row)
    assert bool(detector.onsets) == found
    assert all(words in onset.sentence for onset in detector.onsets)
    assert ("robust" in detector.doubts) == (not found)


def test_nothing_is_flagged_as_robust_after_catastrophic_overfitting(epoch_table) -> None:
    columns = overfitting(60)
    columns["pgd_accuracy"][22:] = 0.1
    columns["fgsm_accuracy"][22:] = 0.6
    (onset,) = detect(epoch_table(**columns))
    assert (onset.kind, onset.epoch, onset.detected_epoch) == ("catastrophic", 22, 22)


def test_robust_before_catastrophic_gives_both_flags(epoch_table) -> None:
    columns = overfitting(60)
    columns["pgd_accuracy"][50:] = 0.05
    columns["fgsm_accuracy"][50:] = 0.6
    assert [(onset.kind, onset.epoch) for onset in detect(epoch_table(**columns))] == [
        ("robust", 22),
        ("catastrophic", 50),
    ]


def test_missing_accuracies_are_a_doubt_and_no_flag(epoch_table) -> None:
    detector = OnsetDetector(train_attack="fgsm")
    for row in epoch_table(train_loss=np.ones(8)):
        assert detector.update(row) is None
    assert set(detector.doubts) == {"catastrophic", "robust"}


def test_a_run_without_adversary_is_not_judged(epoch_table) -> None:
    table = epoch_table(fgsm_accuracy=[0.6] * 5, pgd_accuracy=[0.0] * 5)
    assert [onset.kind for onset in detect(table)] == ["catastrophic"]
    detector = OnsetDetector(adversarial=False)
    assert [detector.update(row) for row in table] == [None] * 5
    assert "without an adversary" in detector.doubts["catastrophic"]


def test_plain_mappings_will_do_as_rows() -> None:
    detector = OnsetDetector()
    rows = [{"epoch": e, "fgsm_accuracy": f, "pgd_accuracy": p} for e, f, p in [(0, 0.5, 0.4), (1, 0.6, 0.1)]]
    assert [detector.update(row) is not None for row in rows] == [False, True]
