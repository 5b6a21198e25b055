"""The widgets of a run by their names, each loaded when a pane first shows it."""

from collections.abc import Mapping
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from textual.widget import Widget

from workbench.tui.context import RunContext

if TYPE_CHECKING:
    from workbench.tui.facts.source import View

WIDGETS: Mapping[str, str] = {
    "accuracy": "workbench.tui.widgets.curves:accuracy",
    "curves": "workbench.tui.widgets.explorer:curves",
    "heatmap": "workbench.tui.widgets.heatmap:HeatMap",
    "classes": "workbench.tui.widgets.classes:Classes",
    "energies": "workbench.tui.widgets.energies:Energies",
    "samples": "workbench.tui.samples.pane:Samples",
    "checkpoints": "workbench.tui.checkpoints.pane:Checkpoints",
    "generated": "workbench.tui.widgets.generated:generated",
    "provenance": "workbench.tui.widgets.record:provenance",
    "record": "workbench.tui.widgets.record:record",
    "events": "workbench.tui.widgets.facts:Events",
}
"""Where the maker of each widget is; it is called with the run's context and gives a ``RunWidget`` of that id.

The two that the first frame shows, "facts" and "histogram", are the run screen's own.
"""


@runtime_checkable
class RunWidget(Protocol):
    """A widget that shows something of a run.

    It may have more, each by itself: ``keep`` and ``restore`` (``memory``), ``recolour`` (``theming``), ``copied`` and
    ``targets`` (``seen``), ``export`` (``numbers``).
    """

    def show(self, view: "View", epoch: int) -> None:
        """Show a view with the cursor at ``epoch``. Called at every move of the cursor, so it must be quick."""
        ...


def make(name: str, context: RunContext) -> Widget:
    """The widget of a name."""
    widget = resolve_name(WIDGETS[name])(context)
    assert isinstance(widget, Widget)
    assert widget.id == name
    return widget
