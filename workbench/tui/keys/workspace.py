"""What keys do on the list of runs."""

from workbench.tui.keys.common import help_key, quit_key
from workbench.tui.keys.table import Key, KeyTable

WORKSPACE_KEYS = KeyTable(
    scope="runs",
    rows=(
        Key(
            name="previous-run",
            keys=("up", "k"),
            action="move(-1)",
            caps="↑",
            help="Previous run",
            group="Runs",
            footer="",
        ),
        Key(
            name="next-run", keys=("down", "j"), action="move(1)", caps="↓", help="Next run", group="Runs", footer="run"
        ),
        Key(name="page-up", keys=("pageup",), action="move(-10)", caps="PgUp", help="Ten runs up", group="Runs"),
        Key(name="page-down", keys=("pagedown",), action="move(10)", caps="PgDn", help="Ten runs down", group="Runs"),
        Key(name="first-run", keys=("home",), action="move(-1000000)", caps="Home", help="First run", group="Runs"),
        Key(name="last-run", keys=("end",), action="move(1000000)", caps="End", help="Last run", group="Runs"),
        Key(
            name="open", keys=("enter",), action="open", caps="Enter", help="Open the run", group="Runs", footer="open"
        ),
        Key(
            name="mark",
            keys=("space",),
            action="mark",
            caps="Space",
            help="Mark the run for the plot",
            group="Runs",
            footer="mark",
        ),
        Key(
            name="mark-all",
            keys=("u",),
            action="unmark",
            caps="u",
            help="Mark none, or all that are listed",
            group="Runs",
        ),
        Key(
            name="pin",
            keys=("p",),
            action="pin",
            caps="p",
            help="Pin the run to the top of the list",
            group="Runs",
            footer="pin",
        ),
        Key(
            name="filter",
            keys=("slash", "f"),
            action="filter",
            caps="/",
            help="Filter, such as method:fgsm* eps>=8/255 onset:co -status:crashed",
            group="List",
            footer="filter",
        ),
        Key(
            name="sort",
            keys=("o",),
            action="order(1)",
            caps="o",
            help="Sort by the next column",
            group="List",
            footer="sort",
        ),
        Key(name="reverse", keys=("O",), action="reverse", caps="O", help="Sort the other way round", group="List"),
        Key(
            name="measure",
            keys=("m",),
            action="measure",
            caps="m",
            help="Plot another measure: PGD, FGSM or clean accuracy, mean ΔE",
            group="Plot",
            footer="measure",
        ),
        Key(
            name="axis",
            keys=("x",),
            action="align",
            caps="x",
            help="Lay the curves on epochs, steps, or epochs since the onset",
            group="Plot",
            footer="axis",
        ),
        Key(
            name="smooth",
            keys=("w",),
            action="smooth",
            caps="w",
            help="Smooth the curves by a running median of 3, 5, 9 epochs, or not at all; the mouse reads them off",
            group="Plot",
        ),
        Key(
            name="jobs",
            keys=("J",),
            action="jobs",
            caps="J",
            help="Jobs: those that run, those that wait, those of the past",
            group="App",
            footer="jobs",
        ),
        help_key("App"),
        quit_key("App"),
    ),
)
