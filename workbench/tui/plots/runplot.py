"""What the plot over many runs shows: which measure, on which axis, how smooth."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from workbench.compare import ALIGNMENTS, Align, first_onset, lay
from workbench.tui.facts.catalog import Listed
from workbench.tui.look.text import plain
from workbench.tui.plots.charts import MEDIANS
from workbench.tui.widgets.overlay import Mark, Track

MEASURES = {
    # name in Track.curve: what it is called, whether it is a share
    "pgd_accuracy": ("PGD accuracy on the probe set", True),
    "fgsm_accuracy": ("FGSM accuracy on the probe set", True),
    "clean_accuracy": ("clean accuracy on the probe set", True),
    "delta_energy_mean": ("mean ΔE, nats", False),
}
LACKS: Mapping[Align, str] = {"epoch": "without epochs", "step": "without steps", "onset": "without an onset"}
"""What runs are that have no place on an axis."""

_T = TypeVar("_T")


class RunPlot(NamedTuple):
    """What is chosen.

    Attributes:
        measure: a name of MEASURES.
        axis: what the curves are laid on.
        median: epochs in the running median; 1 smooths nothing.
    """

    measure: str = next(iter(MEASURES))
    axis: Align = next(iter(ALIGNMENTS))
    median: int = MEDIANS[0]

    @property
    def share(self) -> bool:
        """Whether the measure is a share."""
        return MEASURES[self.measure][1]

    def next_measure(self) -> "RunPlot":
        """The next measure."""
        return self._replace(measure=_after(list(MEASURES), self.measure))

    def next_axis(self) -> "RunPlot":
        """The next axis."""
        return self._replace(axis=_after(list(ALIGNMENTS), self.axis))

    def smoother(self) -> "RunPlot":
        """The next running median."""
        return self._replace(median=_after(MEDIANS, self.median))

    def restored(self, kept: Mapping[str, object]) -> "RunPlot":
        """The plot whose ``_asdict`` was kept; what makes no sense is left as it is."""
        measure, median = kept.get("measure"), kept.get("median")
        return RunPlot(
            measure=measure if isinstance(measure, str) and measure in MEASURES else self.measure,
            axis=next((axis for axis in ALIGNMENTS if axis == kept.get("axis")), self.axis),
            median=median if type(median) is int and median in MEDIANS else self.median,
        )

    def lack(self, left_out: int) -> str:
        """That so many runs have no place on the axis; "" if all have one."""
        return f"{left_out} {LACKS[self.axis]} {'is' if left_out == 1 else 'are'} not shown" if left_out else ""

    def titles(self, left_out: int) -> tuple[str, ...]:
        """What is shown, in ever fewer words, and how many runs are not."""
        words, lack = MEASURES[self.measure][0], self.lack(left_out)
        how = f" · median of {self.median}" if self.median > 1 else ""
        less = f" · {lack}" if lack else ""
        return f"{words} by {ALIGNMENTS[self.axis]}{how}{less}", f"{words}{how}{less}", lack or words

    def tracks(self, chosen: Iterable[tuple[Listed, Mark]]) -> list[Track]:
        """The curves of some runs, of those that have a place on the axis."""
        tracks = []
        for listed, mark in chosen:
            summary = listed.entry.summary
            track = None if summary is None else lay(summary, listed.last_step, self.axis)
            if track is None or summary is None or track.positions is None or not len(track.positions):
                continue
            onset = first_onset(summary)
            place = None if onset is None or onset.epoch >= len(track.positions) else track.positions[onset.epoch]
            values = track.curve(self.measure).astype(np.float64)
            name = plain(listed.entry.name, 60)
            tracks.append(
                Track(name, mark, track.positions.astype(np.float64), values, None if place is None else float(place))
            )
        return tracks


def _after(choices: Sequence[_T], now: _T) -> _T:
    return choices[(choices.index(now) + 1) % len(choices)]
