"""The numbers behind the panes of a run that have none of their own to tell. Import it late: it needs numpy."""

from collections.abc import Iterator, Sequence

import numpy as np

from trainers.energylog import decode
from trainers.energylog.schema import histogram_edges
from workbench.tui.facts.glance import SAMPLES_OF
from workbench.tui.facts.numbers import Drawing, Table
from workbench.tui.facts.source import View

ACCURACIES = ("clean_accuracy", "fgsm_accuracy", "pgd_accuracy", "train_robust_accuracy")
BINS = ("epoch", "lower", "upper", "count", "share")


def numbers_of(view: View, epoch: int, pane: str) -> Table | None:
    """The numbers behind a pane by its name; None where they are not known here."""
    known = {"overview": _epochs, "curves": _epochs, "histogram": _histogram, "heatmap": _heatmap, "record": _events}
    return known[pane](view, epoch) if pane in known else None


def _events(view: View, _: int) -> Table:
    def rows() -> Iterator[Sequence[object]]:
        for event in view.events:
            yield [decode(value) if isinstance(value, bytes) else value for value in event.tolist()]

    return Table(f"{len(view.events)} events", view.events.dtype.names or (), rows)


def _epochs(view: View, _: int) -> Table:
    names = view.table.dtype.names or ()
    drawing = Drawing("lines", "epoch", ACCURACIES, "epoch", "accuracy")

    def rows() -> Iterator[Sequence[object]]:
        yield from (row.tolist() for row in view.table)

    return Table(f"what was measured after each of {view.num_epochs} epochs", names, rows, drawing)


def _histogram(view: View, epoch: int) -> Table:
    title = f"ΔE of {SAMPLES_OF[view.split]} samples in epoch {epoch}"
    drawing = Drawing("histogram", "lower", ("share",), "ΔE (nats)", "share of samples")

    def rows() -> Iterator[Sequence[object]]:
        if epoch < len(view.counts):
            yield from _bins(epoch, view.counts[epoch])

    return Table(title, BINS, rows, drawing)


def _heatmap(view: View, _: int) -> Table:
    title = f"ΔE of {SAMPLES_OF[view.split]} samples in {len(view.counts)} epochs"
    drawing = Drawing("map", "epoch", ("share",), "epoch", "ΔE (nats)")

    def rows() -> Iterator[Sequence[object]]:
        for epoch, counts in enumerate(view.counts):
            yield from _bins(epoch, counts)

    return Table(title, BINS, rows, drawing)


def _bins(epoch: int, counts: "np.ndarray[tuple[int], np.dtype[np.uint32]]") -> Iterator[Sequence[object]]:
    """An epoch's bins that hold any sample: edges in nats, count, share of the epoch's samples."""
    edges, total = histogram_edges(), int(counts.sum())
    for index in np.flatnonzero(counts).tolist():
        count = int(counts[index])
        yield epoch, float(edges[index]), float(edges[index + 1]), count, count / total
