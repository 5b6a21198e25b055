"""The detector on training ΔE and accuracies, and what the detectors say at the edges."""

import numpy as np
import pytest

from trainers.energylog.schema import EPOCH_DTYPE, STEP_DTYPE
from workbench.onset import EnergyDetector, OnsetDetector, detect, run_detector

NAN = float("nan")


def training(robust, clean, spread=0.5, **columns):
    """Columns of a run without a probe."""
    return {
        "train_robust_accuracy": np.asarray(robust, dtype=float),
        "train_clean_accuracy": np.asarray(clean, dtype=float),
        "train_delta_energy_std": np.broadcast_to(spread, len(robust)).astype(float),
        **columns,
    }


HEALTHY = training(np.linspace(0.2, 0.7, 20), np.linspace(0.5, 0.9, 20))


def collapsing(at: int = 12, num_epochs: int = 20):
    """Accuracy on x* leaps over that on x at one epoch, and ΔE spreads."""
    after = np.arange(num_epochs) >= at
    robust, clean = np.where(after, 0.9, 0.45), np.where(after, 0.8, 0.75)
    return training(robust, clean, np.where(after, 4.0, 0.5))


def test_an_attack_that_helps_is_flagged_at_its_epoch(epoch_table) -> None:
    columns = collapsing(last_step := 12)
    table = epoch_table(**columns, last_step=20.0 * np.arange(1, 21))
    (onset,) = detect(table, train_attack="fgsm")
    assert (onset.kind, onset.rule) == ("catastrophic", "inversion")
    assert (onset.epoch, onset.detected_epoch, onset.last_healthy_epoch) == (12, 12, 11)
    assert onset.evidence["gap"] == pytest.approx(0.1)
    assert onset.evidence["onset_step"] == 20 * last_step
    assert onset.evidence["train_delta_energy_std_before"] == 0.5
    assert onset.evidence["train_delta_energy_std_after"] == 4.0
    assert "90.0%" in onset.sentence
    assert "80.0%" in onset.sentence


def test_a_slow_inversion_is_summed_up(epoch_table) -> None:
    # 0.04 above, of which 0.02 is let pass: 0.02, 0.04, 0.06 reaches 0.05 at the third epoch.
    robust = [0.55, 0.55, 0.64, 0.64, 0.64]
    (onset,) = detect(epoch_table(**training(robust, [0.6] * 5)))
    assert (onset.epoch, onset.detected_epoch) == (2, 4)


def test_a_jump_of_the_gap_is_flagged_before_it_turns_positive(epoch_table) -> None:
    robust = [0.3] * 8 + [0.6, 0.8]
    (onset,) = detect(epoch_table(**training(robust, [0.85] * 10)))
    assert (onset.epoch, onset.detected_epoch) == (8, 8)
    assert "jumped" in onset.sentence
    assert "25.0%" in onset.sentence
    assert "55.0%" in onset.sentence


def test_an_attack_that_no_longer_hurts_is_flagged(epoch_table) -> None:
    # To 0.40 (+ 0.02) errors on x the attack adds 0.14 / 0.42 = 1/3, then 0.042 / 0.42 = 0.1: twice 0.05 below 0.15.
    columns = training([0.46] * 4 + [0.558] * 4, [0.6] * 8)
    (onset,) = detect(epoch_table(**columns))
    assert (onset.rule, onset.epoch, onset.detected_epoch, onset.last_healthy_epoch) == ("inversion", 4, 5, 3)
    assert onset.evidence["cost"] == pytest.approx(0.1)
    assert onset.evidence["cost_before"] == pytest.approx(1 / 3)
    assert "no longer hurts" in onset.sentence
    assert "33%" in onset.sentence


@pytest.mark.parametrize(
    ("robust", "clean"),
    [
        pytest.param([0.558] * 8, [0.6] * 8, id="a tiny ε has never hurt"),
        pytest.param([0.46] * 4 + [0.53] * 4, [0.6] * 8, id="it hurts less, but hurts"),
        pytest.param(np.linspace(0.54, 0.79, 24), [0.8] * 24, id="wrong labels: it hurts less and less, slowly"),
        pytest.param([0.46] * 4 + [0.93] * 4, [0.6] * 4 + [0.931] * 4, id="hardly any errors are left"),
        pytest.param([0.2] * 4 + [0.28] * 4, [0.4] * 4 + [0.3] * 4, id="no robustness to mistrust"),
    ],
)
def test_an_attack_that_costs_little_for_another_reason_is_no_onset(epoch_table, robust, clean) -> None:
    assert detect(epoch_table(**training(robust, clean))) == ()


def test_a_wider_spread_makes_it_surer(epoch_table) -> None:
    columns = collapsing()
    (wider,) = detect(epoch_table(**columns))
    (same,) = detect(epoch_table(**columns | {"train_delta_energy_std": np.full(20, 0.5)}))
    assert same.confidence < wider.confidence


def test_the_probe_decides_where_it_is(epoch_table) -> None:
    fine = {"fgsm_accuracy": np.full(20, 0.6), "pgd_accuracy": np.full(20, 0.5)}
    detector = run_detector(epoch_table(**collapsing(), **fine))
    assert detector.onsets == ()
    assert detector.suspicion is not None
    assert detector.suspicion.epoch == 12
    late = fine | {"pgd_accuracy": np.where(np.arange(20) >= 14, 0.05, 0.5)}
    (onset,) = detect(epoch_table(**collapsing(), **late))
    assert (onset.rule, onset.detected_epoch) == ("collapse", 14)
    assert onset.evidence["inversion_detected_epoch"] == 12


def test_between_evaluations_training_alone_decides(epoch_table) -> None:
    sometimes = np.where(np.arange(20) % 5 == 0, 0.5, NAN)
    table = epoch_table(**collapsing(), fgsm_accuracy=sometimes + 0.1, pgd_accuracy=sometimes)
    (onset,) = detect(table)
    assert (onset.rule, onset.detected_epoch) == ("inversion", 12)


@pytest.mark.parametrize("length", [0, 1, 2, 3])
def test_runs_of_a_few_epochs_are_no_onset_and_no_all_clear(epoch_table, length: int) -> None:
    table = epoch_table(**HEALTHY, fgsm_accuracy=np.full(20, 0.5), pgd_accuracy=np.full(20, 0.4))[:length]
    detector = run_detector(table, train_attack="fgsm")
    assert detector.onsets == ()
    assert "fewer than 5 epochs" in detector.doubts["robust"]
    assert ("catastrophic" in detector.doubts) == (length == 0)


def test_a_run_that_starts_collapsed_is_flagged_from_its_first_epoch(epoch_table) -> None:
    (seen,) = detect(epoch_table(fgsm_accuracy=[0.8] * 5, pgd_accuracy=[0.02] * 5))
    assert (seen.rule, seen.epoch, seen.detected_epoch, seen.last_healthy_epoch) == ("masked", 0, 2, None)
    (alone,) = detect(epoch_table(**training([0.8] * 5, [0.6] * 5)))
    assert (alone.rule, alone.epoch, alone.detected_epoch, alone.last_healthy_epoch) == ("inversion", 0, 0, None)


def test_without_a_probe_silence_is_no_all_clear(epoch_table) -> None:
    detector = run_detector(epoch_table(**HEALTHY), train_attack="fgsm")
    assert detector.onsets == ()
    assert "no epoch has both FGSM and PGD" in detector.doubts["catastrophic"]
    assert "only a PGD probe can" in detector.doubts["catastrophic"]


@pytest.mark.parametrize("value", [NAN, np.inf, -np.inf])
def test_energies_that_are_no_numbers_are_passed_over(epoch_table, value: float) -> None:
    columns = collapsing()
    columns["train_delta_energy_std"][5:8] = value
    (onset,) = detect(epoch_table(**columns))
    assert onset.epoch == 12
    columns["train_delta_energy_std"][:] = value
    detector = run_detector(epoch_table(**columns))
    assert detector.onsets == ()
    assert "no epoch has ΔE" in detector.doubts["catastrophic"]


def test_a_dead_network_is_cannot_tell(epoch_table) -> None:
    detector = run_detector(epoch_table(**training([0.9] * 6, [0.5] * 6, spread=0.0)))
    assert detector.onsets == ()
    assert "the network is dead" in detector.doubts["catastrophic"]


def test_a_learning_rate_drop_moves_both_accuracies_and_is_no_onset(epoch_table) -> None:
    after = np.arange(30) >= 15
    robust, clean = np.where(after, 0.62, 0.48), np.where(after, 0.88, 0.78)
    assert detect(epoch_table(**training(robust, clean, np.where(after, 0.9, 0.5)))) == ()


def test_a_run_that_has_learnt_its_training_set_is_no_onset(epoch_table) -> None:
    robust = 1.0 - 0.5 * np.exp(-np.arange(40) / 5)
    assert detect(epoch_table(**training(robust, np.minimum(1.0, robust + 0.02)))) == ()


def test_low_accuracy_on_adversarial_images_is_no_robustness_to_mistrust(epoch_table) -> None:
    assert detect(epoch_table(**training([0.2] * 8, [0.1] * 8))) == ()


def test_standard_training_is_not_judged(epoch_table) -> None:
    detector = OnsetDetector(adversarial=False)
    for row in epoch_table(**collapsing()):
        assert detector.update(row) is None
    assert "without an adversary" in detector.doubts["catastrophic"]


def test_a_change_of_eps_is_judged_by_its_numbers_and_a_new_detector_begins_afresh(epoch_table) -> None:
    columns = {"fgsm_accuracy": [0.6] * 6 + [0.45] * 6, "pgd_accuracy": [0.5] * 6 + [0.24] * 6}
    (onset,) = detect(epoch_table(**columns))
    assert (onset.rule, onset.epoch) == ("collapse", 6)
    assert detect(epoch_table(**columns)[6:]) == ()


def step_rows(accuracies, *, epoch: int, first: int) -> np.ndarray:
    rows = np.zeros(len(accuracies), dtype=STEP_DTYPE)
    rows["step"], rows["epoch"] = first + np.arange(len(accuracies)), epoch
    rows["adversarial_accuracy"], rows["delta_energy_std"] = accuracies, 1.0
    return rows


def two_epochs(detector: EnergyDetector, epoch_table) -> None:
    for row in epoch_table(**training([0.40, 0.42], [0.70, 0.72])):
        detector.update(row)


def test_steps_suspect_within_the_epoch_and_the_epoch_confirms(epoch_table) -> None:
    # Accuracy on x was 0.70, 0.72, so 0.74 at most is expected: 0.99 exceeds it by 0.25, of which 0.05 is let pass.
    detector = EnergyDetector()
    two_epochs(detector, epoch_table)
    raised = [detector.step(row) for row in step_rows([0.4] * 10 + [0.99] * 10, epoch=2, first=40)]
    assert raised == [False] * 12 + [True] + [False] * 7
    assert detector.suspected_step == 50
    (row,) = epoch_table(**training([0.80], [0.75]))
    row["epoch"] = 2
    onset = detector.update(row)
    assert onset is not None
    assert (onset.epoch, onset.evidence["onset_step"]) == (2, 50)


def test_a_suspicion_that_the_epoch_refutes_is_dropped(epoch_table) -> None:
    detector = EnergyDetector()
    two_epochs(detector, epoch_table)
    assert any(detector.step(row) for row in step_rows([0.4] * 10 + [0.99] * 3, epoch=2, first=40))
    (row,) = epoch_table(**training([0.55], [0.75]))
    row["epoch"] = 2
    assert detector.update(row) is None
    assert not detector.suspects


def test_batch_noise_is_no_suspicion(epoch_table) -> None:
    rng = np.random.default_rng(0)
    detector = EnergyDetector()
    for row in epoch_table(**training([0.97, 0.97], [0.98, 0.98])):
        detector.update(row)
    noise = rng.binomial(48, 0.97, 5000) / 48
    assert not any(detector.step(row) for row in step_rows(noise, epoch=2, first=40))


def test_flags_use_only_the_past_and_memory_is_constant() -> None:
    table = np.zeros(300, dtype=EPOCH_DTYPE)
    rng = np.random.default_rng(1)
    table["epoch"] = np.arange(300)
    for name in EPOCH_DTYPE.names[3:]:
        table[name] = rng.random(300)
    table["pgd_accuracy"] = NAN
    whole = detect(table)
    assert whole
    end = whole[0].detected_epoch
    assert detect(table[:end]) == ()
    assert detect(table[: end + 1]) == whole
