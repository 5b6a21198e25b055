"""What plots over epochs show, as data. numpy is not needed to say it."""

import math
from typing import NamedTuple

from workbench.tui.look import palette
from workbench.tui.look.text import MISSING, percent
from workbench.tui.plots.window import Window

SCALE_NAMES = {"log": "log scale", "logit": "logit scale", "asinh": "asinh scale"}
"""What the frame's title says of a scale."""

MEDIANS = (1, 3, 5, 9)
"""Epochs in the running median, one after the other; 1 smooths nothing."""

READING = 7
"""Characters of a value as it is read off."""


class Line(NamedTuple):
    """A column of the epoch table as a line.

    Attributes:
        name: beside the plot.
        column: of the epoch table.
        marker: stands on the line, so that no colour alone tells lines apart.
        colour: a name of the palette.
        unless_zero: left out where it is all zero.
        edge: an edge of a band: thin, and not smoothed, for it is a quantile already.
        steps: the column of ``/step`` that shows the same from step to step.
    """

    name: str
    column: str
    marker: str
    colour: str
    unless_zero: bool = False
    edge: bool = False
    steps: str | None = None


class Chart(NamedTuple):
    """What one plot over epochs shows.

    Attributes:
        titles: words in the frame's upper edge, longest first; the first that fits is taken.
        lines: the lines, the most important last.
        low: lower end of the upright axis; None for the lowest value.
        high: its upper end; None for the highest value.
        share: whether the values are shares, written as percentages.
        scale: its other scale, a name of ``scales.SCALES``.
    """

    titles: tuple[str, ...]
    lines: tuple[Line, ...]
    low: float | None
    high: float | None
    share: bool
    scale: str

    def label(self, value: float) -> str:
        """A number beside the upright axis."""
        return f"{100 * value:.3g}%" if self.share else f"{value:.3g}"

    def reading(self, value: float) -> str:
        """A value in at most ``READING`` characters."""
        if not math.isfinite(value):
            return MISSING
        exact = percent(value) if self.share else f"{value:.3g}"
        return exact if len(exact) <= READING else f"{value:.0e}"


class Look(NamedTuple):
    """How lines are shown.

    Attributes:
        window: the epochs that are shown; None for all.
        median: epochs in the running median that smooths them; 1 for none.
        scaled: whether the upright axis has the chart's other scale.
        fitted: whether it reaches from the lowest to the highest value that is seen.
    """

    window: Window | None = None
    median: int = 1
    scaled: bool = False
    fitted: bool = False


ACCURACY = Chart(
    titles=(
        "accuracy on the probe set (train: training passes under attack)",
        "accuracy on the probe set",
        "accuracy",
    ),
    lines=(
        Line("train", "train_robust_accuracy", "+", palette.TRAIN),
        Line("clean", "clean_accuracy", "●", palette.CLEAN),
        Line("FGSM", "fgsm_accuracy", "▲", palette.FGSM),
        Line("PGD", "pgd_accuracy", "■", palette.PGD),
    ),
    low=0.0,
    high=1.0,
    share=True,
    scale="logit",
)
ACCURACY_AND_GAP = ACCURACY._replace(
    titles=(
        "accuracy on the probe set (train: training passes under attack; PGD tr: training subset under PGD)",
        "accuracy on the probe set (train, PGD tr: on training samples)",
        "accuracy on the probe set",
        "accuracy",
    ),
    lines=(
        ACCURACY.lines[0],
        Line("PGD tr", "train_pgd_accuracy", "□", palette.ROBUST),
        *ACCURACY.lines[1:],
    ),
)
"""The gap between PGD tr and PGD is robust overfitting."""

LOSS = Chart(
    titles=("training loss, nat", "loss, nat"),
    lines=(
        Line("reg.", "train_regularizer", "◆", palette.ROBUST, unless_zero=True),
        Line("loss", "train_loss", "●", palette.TEXT, steps="loss"),
    ),
    low=0.0,
    high=None,
    share=False,
    scale="log",
)
DELTA = Chart(
    titles=("mean ΔE with 5 and 95 % quantiles, nat", "mean ΔE, 5–95 %, nat", "ΔE, nat"),
    lines=(
        Line("pr 5%", "probe_delta_energy_q05", "╴", palette.PGD, edge=True),
        Line("pr 95%", "probe_delta_energy_q95", "╴", palette.PGD, edge=True),
        Line("tr 5%", "train_delta_energy_q05", "╴", palette.TRAIN, edge=True),
        Line("tr 95%", "train_delta_energy_q95", "╴", palette.TRAIN, edge=True),
        Line("train", "train_delta_energy_mean", "+", palette.TRAIN, steps="delta_energy_mean"),
        Line("probe", "probe_delta_energy_mean", "■", palette.PGD),
    ),
    low=None,
    high=None,
    share=False,
    scale="asinh",
)
RATE = Chart(
    titles=("learning rate at each epoch's end", "learning rate"),
    lines=(Line("rate", "learning_rate", "●", palette.TEXT, steps="learning_rate"),),
    low=0.0,
    high=None,
    share=False,
    scale="log",
)

LOWER = (LOSS, DELTA, RATE)
"""The charts that the lower plot of the curves goes through."""
