"""The numbers behind the curves as they are shown: the epochs that are seen, raw and smoothed."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from workbench.tui.facts.numbers import Drawing, Table
from workbench.tui.plots.scene import Scene

if TYPE_CHECKING:
    from workbench.tui.plots.series import Series


def numbers_of(upper: Scene, lower: Scene) -> Table:
    """A row for each epoch that is seen, a column for each line of two plots, one more for each that is smoothed."""
    from workbench.tui.plots.series import series_of

    upper_lines, lower_lines = (series_of(scene.view.table, scene.chart, scene.look.median) for scene in (upper, lower))
    columns = {"epoch": upper.view.table["epoch"], **_columns(upper_lines, upper), **_columns(lower_lines, lower)}
    window = upper.window

    def rows() -> Iterable[Sequence[object]]:
        for epoch in range(window.first, window.stop):
            yield [values[epoch].item() for values in columns.values()]

    return Table(
        title=f"curves, epochs {window.first} to {window.stop - 1}",
        columns=tuple(columns),
        rows=rows,
        drawing=Drawing("lines", "epoch", tuple(_columns(upper_lines, upper)), "epoch", "accuracy"),
    )


def _columns(lines: "Sequence[Series]", scene: Scene) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    for each in lines:
        columns[each.line.column] = each.raw
        if each.smooth is not None:
            columns[f"{each.line.column}_median_{scene.look.median}"] = each.smooth
    return columns
