"""Rows that several tables have."""

from workbench.tui.keys.table import Key


def quit_key(group: str, help: str = "Quit") -> Key:
    """Leaves the app."""
    return Key(
        name="quit", keys=("q", "ctrl+c", "ctrl+q"), action="quit", caps="q", help=help, group=group, footer="quit"
    )


def quit_key_beside_text(group: str) -> Key:
    """Leaves the app where letters are typed."""
    return Key(
        name="quit",
        keys=("ctrl+c", "ctrl+q"),
        action="quit",
        caps="^C",
        help="Quit",
        group=group,
        footer="quit",
        priority=True,
    )


def help_key(group: str) -> Key:
    """Shows the keys."""
    return Key(
        name="help", keys=("question_mark", "f1"), action="help", caps="?", help="This help", group=group, footer="help"
    )


def scroll_keys(group: str) -> tuple[Key, ...]:
    """Scroll a text."""
    return (
        Key(
            name="scroll-up", keys=("up", "k"), action="scroll(-1)", caps="↑", help="Scroll up", group=group, footer=""
        ),
        Key(
            name="scroll-down",
            keys=("down", "j"),
            action="scroll(1)",
            caps="↓",
            help="Scroll down",
            group=group,
            footer="scroll",
        ),
        Key(name="page-up", keys=("pageup",), action="scroll(-10)", caps="PgUp", help="Scroll a page up", group=group),
        Key(
            name="page-down",
            keys=("pagedown", "space"),
            action="scroll(10)",
            caps="PgDn",
            help="Scroll a page down",
            group=group,
        ),
    )
