"""Every threshold of the onset labels and detectors, once, with its reason, and the two conditions on one epoch.

Accuracies are fractions in [0, 1] on the probe set: FGSM from zero, PGD from a random start.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

ROUNDING = 1e-9
"""Slack on every comparison: accuracies are quotients of counts, and 0.42 - 0.02 is not 0.40 in floating point."""

MEDIAN_EPOCHS = 5
"""Window of the running medians: one lucky or unlucky evaluation (or two) cannot move them."""

COLLAPSE_SHARE = 0.5
"""Collapse: at most this share of the best PGD accuracy is left. Learning-rate noise costs a few points, not half."""

COLLAPSE_DROP = 0.10
"""Collapse: PGD accuracy lost against the best, at least. Keeps runs out whose PGD accuracy was never worth halving."""

COLLAPSE_GAP = 0.15
"""Collapse: FGSM minus PGD accuracy, at least. A run that forgets everything (divergence) loses both and is no CO."""

MASKED_FGSM = 0.30
"""Masked: FGSM accuracy, at least. Below it there is no apparent robustness to mistrust."""

MASKED_SHARE = 0.5
"""Masked: PGD accuracy as a share of FGSM accuracy, at most. Honest robustness keeps well over half."""

MASKED_GAP = 0.25
"""Masked: FGSM minus PGD accuracy, at least. Asks for a gap far beyond the sampling error of a small probe set."""

MASKED_EPOCHS = 3
"""Masked: consecutive evaluated epochs. Unsettled first epochs and single evaluations pass the bounds by chance."""

DECAY = 0.02
"""Robust overfitting: held-out robust accuracy lost against its best. As in the label."""

RISE = 0.02
"""Robust overfitting: robust training accuracy gained since that best. Both falling is instability or decay, not RO."""

MARGIN = 0.01
"""Robust overfitting has set in where the smoothed curve leaves its best by this much for good: half of DECAY."""

NOISE_FACTOR = 2.5
"""Robust overfitting, detector only: the least decay looked for is this many times the run's own noise from one
evaluation to the next, where that exceeds DECAY. The best of many medians is lucky, so on a probe set of some hundred
images chance alone costs over DECAY. The CUSUM's reference value is half of it (Page 1954)."""

CUSUM_FLOOR = 0.04
"""Robust overfitting, detector only: accuracy lost beyond the reference value, summed over epochs; twice DECAY."""

CUSUM_DEVIATIONS = 8.0
"""Robust overfitting, detector only: that sum must also be this many standard deviations of one evaluation. Textbooks
take 4 to 5 for a known level; here the level is the best median so far, a lucky one."""

NOISE_EPOCHS = 20
"""Evaluations whose differences give that noise: enough for a median, few enough to follow a learning-rate drop."""

REFERENCE_EPOCHS = 5
"""Healthy epochs whose median is the "before" in the evidence: recent enough to compare, enough for a median."""

GAP_ALLOWED, GAP_SUM = 0.02, 0.05
"""Inversion, per epoch: training accuracy on x* above that on x that is let pass (they are measured in different passes
and meet at 1 when training ends), and the sum beyond it that makes a flag. In health the gap is below 0."""

JUMP_ALLOWED = 0.20
"""Inversion, per epoch: rise of that gap over the median of the last healthy epochs that is let pass. Learning-rate
drops move both accuracies; the largest rise in healthy development runs was 0.17."""

COST_LEAST, COST_USUAL, COST_EPOCHS, COST_SUM = 0.15, 0.25, 3, 0.10
"""Inversion, per epoch: what the attack costs in accuracy, as a share of the errors on x. Below COST_LEAST it no longer
hurts, if one of the COST_EPOCHS epochs before had COST_USUAL: a tiny ε never costs much, and with wrong labels the cost
falls slowly. COST_SUM is the sum below COST_LEAST that makes a flag; in healthy development runs and the 14 published
ones it stays below 0.03."""

COST_CLEAN = 0.90
"""Inversion: from this training accuracy on x on there are too few errors to measure a cost against."""

GAP_ALLOWED_STEP, GAP_SUM_STEP = 0.05, 0.5
"""Inversion, per step: one batch of 64 errs by up to 0.06, and accuracy on x is that of the epoch before. Ten batches
0.05 beyond that, or one and a half that are quite inverted."""

CATASTROPHIC_BASE, CATASTROPHIC_BY_LOSS, CATASTROPHIC_BY_SPREAD = 0.6, 0.2, 0.2
"""Confidence at the thresholds; added when nothing of the PGD accuracy is left; added (taken) when ΔE's spread doubled
(halved). Accuracies decide, so they carry more weight than ΔE."""

ENERGY_BASE, ENERGY_BY_GAP, ENERGY_BY_SPREAD, ENERGY_FULL_GAP = 0.5, 0.2, 0.2, 0.25
"""Confidence of an inversion at a gap of 0; added (taken) at a gap of plus (minus) ENERGY_FULL_GAP; added (taken) when
ΔE's spread doubled (halved). Below a collapse that a probe has seen."""

ROBUST_BASE, ROBUST_BY_DECAY, ROBUST_BY_RISE, ROBUST_BY_SPREAD = 0.5, 0.2, 0.2, 0.1
"""Confidence at the thresholds; added at twice DECAY, at five times RISE, and when the probe's ΔE spread doubled.
Lower than for CO: a decay of two points can still heal, a collapse does not."""


def is_collapsed(fgsm: ArrayLike, pgd: ArrayLike, best_before: ArrayLike) -> NDArray[np.bool_]:
    """Whether PGD accuracy has collapsed while FGSM accuracy has not, elementwise.

    Args:
        fgsm: FGSM accuracy of the epoch.
        pgd: PGD accuracy of the epoch.
        best_before: highest PGD accuracy of the epochs before it (-inf or NaN where there is none).
    """
    fgsm, pgd, best = np.asarray(fgsm), np.asarray(pgd), np.asarray(best_before)
    lost_share = pgd <= COLLAPSE_SHARE * best + ROUNDING
    lost_points = pgd <= best - COLLAPSE_DROP + ROUNDING
    return np.asarray(lost_share & lost_points & (fgsm - pgd >= COLLAPSE_GAP - ROUNDING))


def is_masked(fgsm: ArrayLike, pgd: ArrayLike) -> NDArray[np.bool_]:
    """Whether FGSM accuracy hides that there is little PGD accuracy, elementwise; MASKED_EPOCHS make a case."""
    fgsm, pgd = np.asarray(fgsm), np.asarray(pgd)
    apparent = (fgsm >= MASKED_FGSM - ROUNDING) & (fgsm - pgd >= MASKED_GAP - ROUNDING)
    return np.asarray(apparent & (pgd <= MASKED_SHARE * fgsm + ROUNDING))
