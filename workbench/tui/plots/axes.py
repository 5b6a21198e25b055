"""Where an epoch and a ΔE stand on the screen. One epoch axis serves curves, heat map and timeline, so they line up."""

import math
from dataclasses import dataclass

from rich.cells import cell_len


@dataclass(frozen=True, slots=True)
class EpochAxis:
    """``count`` epochs from ``first`` on over ``width`` columns: as many columns for each.

    Attributes:
        count: epochs on the axis.
        width: its columns.
        first: the first epoch on it; 0 unless it shows a part of the run.
    """

    count: int
    width: int
    first: int = 0

    def column(self, epoch: int) -> int:
        """The column in the middle of an epoch; an end of the axis where it does not hold it."""
        return min(self.width - 1, max(0, int((epoch - self.first + 0.5) * self.width / max(self.count, 1))))

    def epoch(self, column: int) -> int:
        """The epoch that is shown in a column, clamped to the axis."""
        within = int((column + 0.5) * self.count / max(self.width, 1))
        return self.first + min(max(0, within), max(0, self.count - 1))

    def holds(self, epoch: int) -> bool:
        """Whether an epoch is on the axis."""
        return self.first <= epoch < self.first + self.count

    def ticks(self) -> list[tuple[int, str]]:
        """Columns and labels of round epochs, far enough apart to be read."""
        if self.count <= 0 or self.width <= 0:
            return []
        stop = self.first + self.count
        room = max(1, self.width // (len(str(stop)) + 4))
        step = next(
            size * 10**power
            for power in range(12)
            for size in (1, 2, 5)
            if (self.count - 1) // (size * 10**power) < room
        )
        return [(self.column(epoch), str(epoch)) for epoch in range(-(-self.first // step) * step, stop, step)]


@dataclass(frozen=True, slots=True)
class DeltaAxis:
    """ΔE from ``low`` to ``high`` nats, evenly spaced in asinh(ΔE): linear within about ±1 nat, logarithmic beyond.

    One scale for every run: a healthy epoch (a few nats) and a collapsed one (hundreds) share it and can be compared.
    """

    low: float
    high: float

    def edges(self, size: int) -> list[float]:
        """Edges in nats of ``size`` equal steps along the axis, ``size + 1`` of them."""
        start, end = math.asinh(self.low), math.asinh(self.high)
        return [math.sinh(start + (end - start) * step / size) for step in range(size + 1)]

    def position(self, value: float) -> float:
        """Where a ΔE lies, 0 at ``low``, 1 at ``high``; outside that beyond them."""
        start, end = math.asinh(self.low), math.asinh(self.high)
        return (math.asinh(value) - start) / (end - start)

    def cell(self, value: float, size: int) -> int:
        """The cell of ``size`` that holds a ΔE, clamped to the axis."""
        return min(max(0, int(self.position(value) * size)), size - 1)

    def ticks(self, size: int, spacing: int | None = None) -> list[tuple[int, str]]:
        """Cells and labels of round values, the roundest first, none closer to another than can be read.

        Args:
            size: cells along the axis.
            spacing: cells between two labels; None for labels side by side, as wide as they are.
        """
        chosen: list[tuple[int, str]] = []
        for value in _round_values(self.low, self.high):
            cell, label = self.cell(value, size), f"{value:.3g}"
            if all(
                abs(cell - other) >= (spacing or (cell_len(label) + cell_len(word)) // 2 + 2) for other, word in chosen
            ):
                chosen.append((cell, label))
        return sorted(chosen)


def _round_values(low: float, high: float) -> list[float]:
    """0, then powers of ten from the largest, then 2s and 5s: the order in which labels are placed; else even steps."""
    reach = max(abs(low), abs(high))
    powers = range(math.floor(math.log10(reach)) if reach > 0 else 0, -3, -1)
    values = [0.0]
    for size in (1, 2, 5):
        values += [sign * size * 10.0**power for power in powers for sign in (1, -1)]
    inside = [value for value in values if low <= value <= high]
    return inside if len(inside) >= 3 else [*inside, *(low + (high - low) * step / 4 for step in range(5))]
