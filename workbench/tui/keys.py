"""The one table of keys. Dispatch, footer, help and command palette are made from it."""

from typing import NamedTuple

from textual.binding import Binding, BindingType


class Pane(NamedTuple):
    """One view of the run and the key that opens it."""

    name: str
    key: str
    title: str
    help: str


PANES: tuple[Pane, ...] = (
    Pane(name="overview", key="1", title="Overview", help="Facts, onset, checkpoint to keep, and every plot that fits"),
    Pane(name="curves", key="2", title="Curves", help="Accuracies and loss over epochs"),
    Pane(name="histogram", key="3", title="Histogram", help="ΔE of the epoch under the cursor, with quantiles"),
    Pane(name="heatmap", key="4", title="Heat map", help="ΔE over all epochs"),
    Pane(name="events", key="5", title="Events", help="Onset evidence, restarts, notes"),
)


class Key(NamedTuple):
    """One thing that keys do.

    Attributes:
        keys: names of the keys, as Textual spells them; the first is the one the footer sends.
        action: the action of the run screen.
        caps: the keys as people read them.
        help: one sentence.
        group: heading in the help.
        footer: word in the footer, "" for a cap that shares the next one's word, None to leave the key out.
        priority: whether it comes before what the focused field would do with the key.
    """

    keys: tuple[str, ...]
    action: str
    caps: str
    help: str
    group: str
    footer: str | None = None
    priority: bool = True


KEYS: tuple[Key, ...] = (
    Key(keys=("left", "h"), action="move(-1)", caps="←", help="One epoch back", group="Epoch cursor", footer=""),
    Key(keys=("right", "l"), action="move(1)", caps="→", help="One epoch on", group="Epoch cursor", footer="epoch"),
    Key(
        keys=("left_square_bracket", "shift+left", "ctrl+left"),
        action="move(-10)",
        caps="[ ⇧← ^←",
        help="Ten epochs back",
        group="Epoch cursor",
    ),
    Key(
        keys=("right_square_bracket", "shift+right", "ctrl+right"),
        action="move(10)",
        caps="] ⇧→ ^→",
        help="Ten epochs on",
        group="Epoch cursor",
    ),
    Key(keys=("home",), action="first", caps="Home", help="First epoch", group="Epoch cursor"),
    Key(
        keys=("end",),
        action="last",
        caps="End",
        help="Last epoch; while the run trains, stay with it",
        group="Epoch cursor",
    ),
    Key(keys=("n",), action="flag(1)", caps="n", help="To the next onset", group="Epoch cursor", footer="onset"),
    Key(keys=("N", "p"), action="flag(-1)", caps="N", help="To the previous onset", group="Epoch cursor"),
    *(
        Key(keys=(pane.key,), action=f"pane('{pane.name}')", caps=pane.key, help=pane.help, group="Panes")
        for pane in PANES
    ),
    Key(keys=("tab",), action="turn(1)", caps="Tab", help="Next pane", group="Panes", footer="pane"),
    Key(keys=("shift+tab",), action="turn(-1)", caps="⇧Tab", help="Previous pane", group="Panes"),
    Key(keys=("up", "k"), action="scroll(-1)", caps="↑", help="Scroll text up", group="Panes"),
    Key(keys=("down", "j"), action="scroll(1)", caps="↓", help="Scroll text down", group="Panes"),
    Key(keys=("pageup",), action="scroll(-10)", caps="PgUp", help="Scroll text a page up", group="Panes"),
    Key(keys=("pagedown",), action="scroll(10)", caps="PgDn", help="Scroll text a page down", group="Panes"),
    Key(
        keys=("s",),
        action="split",
        caps="s",
        help="ΔE of the training samples, or of the probe set",
        group="View",
        footer="train/probe",
    ),
    Key(keys=("b",), action="ghost", caps="b", help="Show the epoch before behind the histogram", group="View"),
    Key(
        keys=("g",),
        action="generate",
        caps="g",
        help="Generate images of a class from a checkpoint",
        group="Generation",
        footer="generate",
    ),
    Key(
        keys=("a",),
        action="pca",
        caps="a",
        help="Class-wise PCA: class means, scree, leading components",
        group="Generation",
        footer="PCA",
    ),
    Key(keys=("escape",), action="back", caps="Esc", help="Back to the list of runs, if there is one", group="App"),
    Key(keys=("ctrl+p",), action="palette", caps="^P", help="Find a command by name", group="App"),
    Key(keys=("question_mark", "f1"), action="help", caps="?", help="This help", group="App", footer="help"),
    Key(keys=("q", "ctrl+c", "ctrl+q"), action="quit", caps="q", help="Quit", group="App", footer="quit"),
)

WORKSPACE_KEYS: tuple[Key, ...] = (
    Key(keys=("up", "k"), action="move(-1)", caps="↑", help="Previous run", group="Runs", footer=""),
    Key(keys=("down", "j"), action="move(1)", caps="↓", help="Next run", group="Runs", footer="run"),
    Key(keys=("pageup",), action="move(-10)", caps="PgUp", help="Ten runs up", group="Runs"),
    Key(keys=("pagedown",), action="move(10)", caps="PgDn", help="Ten runs down", group="Runs"),
    Key(keys=("home",), action="move(-1000000)", caps="Home", help="First run", group="Runs"),
    Key(keys=("end",), action="move(1000000)", caps="End", help="Last run", group="Runs"),
    Key(keys=("enter",), action="open", caps="Enter", help="Open the run", group="Runs", footer="open"),
    Key(keys=("space",), action="mark", caps="Space", help="Mark the run for the plot", group="Runs", footer="mark"),
    Key(keys=("u",), action="unmark", caps="u", help="Mark none, or all that are listed", group="Runs"),
    Key(keys=("p",), action="pin", caps="p", help="Pin the run to the top of the list", group="Runs", footer="pin"),
    Key(
        keys=("slash", "f"),
        action="filter",
        caps="/",
        help="Filter, such as method:fgsm* eps>=8/255 onset:co -status:crashed",
        group="List",
        footer="filter",
    ),
    Key(keys=("o",), action="order(1)", caps="o", help="Sort by the next column", group="List", footer="sort"),
    Key(keys=("O",), action="reverse", caps="O", help="Sort the other way round", group="List"),
    Key(
        keys=("m",),
        action="measure",
        caps="m",
        help="Plot another measure: PGD, FGSM or clean accuracy, mean ΔE",
        group="Plot",
        footer="measure",
    ),
    Key(
        keys=("x",),
        action="align",
        caps="x",
        help="Lay the curves on epochs, steps, or epochs since the onset",
        group="Plot",
        footer="axis",
    ),
    Key(keys=("question_mark", "f1"), action="help", caps="?", help="This help", group="App", footer="help"),
    Key(keys=("q", "ctrl+c", "ctrl+q"), action="quit", caps="q", help="Quit", group="App", footer="quit"),
)
"""What keys do on the list of runs."""

FILTER_KEYS: tuple[Key, ...] = (
    Key(
        keys=("escape",), action="leave_filter(True)", caps="Esc", help="Drop the filter", group="Filter", footer="drop"
    ),
    Key(
        keys=("enter",),
        action="leave_filter",
        caps="Enter",
        help="Back to the list",
        group="Filter",
        footer="to the list",
    ),
    Key(keys=("ctrl+c", "ctrl+q"), action="quit", caps="^C", help="Quit", group="Filter", footer="quit"),
)
"""What keys do while a filter is typed; letters are typed."""

HELP_KEYS: tuple[Key, ...] = (
    Key(keys=("escape", "question_mark", "f1", "q", "enter"), action="close", caps="Esc", help="Close", group="Help"),
    Key(keys=("up", "k"), action="scroll(-1)", caps="↑", help="Scroll up", group="Help"),
    Key(keys=("down", "j"), action="scroll(1)", caps="↓", help="Scroll down", group="Help"),
    Key(keys=("pageup",), action="scroll(-10)", caps="PgUp", help="Scroll a page up", group="Help"),
    Key(keys=("pagedown", "space"), action="scroll(10)", caps="PgDn", help="Scroll a page down", group="Help"),
    Key(keys=("ctrl+c", "ctrl+q"), action="quit", caps="^C", help="Quit", group="Help"),
)
"""What keys do while the help is open."""


FORM_KEYS: tuple[Key, ...] = (
    Key(
        keys=("enter",),
        action="accept",
        caps="Enter",
        help="Generate; on the checkpoint, open the list",
        group="Form",
        footer="generate",
        priority=False,
    ),
    Key(keys=("tab",), action="step(1)", caps="Tab", help="Next field", group="Form", footer="next field"),
    Key(keys=("shift+tab",), action="step(-1)", caps="⇧Tab", help="Previous field", group="Form"),
    Key(keys=("down",), action="step(1)", caps="↓", help="Next field", group="Form", priority=False),
    Key(keys=("up",), action="step(-1)", caps="↑", help="Previous field", group="Form", priority=False),
    Key(keys=("escape",), action="close", caps="Esc", help="Back", group="Form", footer="back", priority=False),
    Key(keys=("ctrl+c", "ctrl+q"), action="quit", caps="^C", help="Quit", group="Form", footer="quit"),
)
"""What keys do while the form is open; letters are typed."""

JOB_KEYS: tuple[Key, ...] = (
    Key(
        keys=("up", "k"),
        action="scroll(-1)",
        caps="↑",
        help="Scroll up",
        group="While a command runs, and after",
        footer="",
    ),
    Key(
        keys=("down", "j"),
        action="scroll(1)",
        caps="↓",
        help="Scroll down",
        group="While a command runs, and after",
        footer="scroll",
    ),
    Key(
        keys=("pageup",),
        action="scroll(-10)",
        caps="PgUp",
        help="Scroll a page up",
        group="While a command runs, and after",
    ),
    Key(
        keys=("pagedown", "space"),
        action="scroll(10)",
        caps="PgDn",
        help="Scroll a page down",
        group="While a command runs, and after",
    ),
    Key(
        keys=("escape", "c"),
        action="leave",
        caps="Esc",
        help="Stop the command, which keeps what it has made; once more ends it at once; then back",
        group="While a command runs, and after",
        footer="stop, back",
    ),
    Key(
        keys=("q", "ctrl+c", "ctrl+q"),
        action="quit",
        caps="q",
        help="Quit; a command that runs is stopped first and keeps what it has made",
        group="While a command runs, and after",
        footer="quit",
    ),
)
"""What keys do while a command runs, and on what it has made."""


def bindings(keys: tuple[Key, ...]) -> list[BindingType]:
    """The table as Textual bindings."""
    return [Binding(",".join(key.keys), key.action, key.help, show=False, priority=key.priority) for key in keys]
