"""What a table of keys is. Dispatch, footer, help, command palette and rebinding are made from such tables."""

from typing import NamedTuple

from textual.binding import Binding, BindingType


class Key(NamedTuple):
    """One thing that keys do.

    Attributes:
        name: what users call it when they bind it to other keys; unique in its table.
        keys: names of the keys, as Textual spells them; the first is the one the footer sends.
        action: the action of the table's target.
        caps: the keys as people read them.
        help: one sentence.
        group: heading in the help.
        footer: word in the footer, "" for a cap that shares the next one's word, None to leave the key out.
        priority: whether it comes before what the focused widget would do with the key.
    """

    name: str
    keys: tuple[str, ...]
    action: str
    caps: str
    help: str
    group: str
    footer: str | None = None
    priority: bool = False


class KeyTable(NamedTuple):
    """The keys of a screen, or of a widget that has the focus.

    Attributes:
        scope: what users call it when they bind its keys; unique.
        rows: its keys.
        target: whose actions these are: "screen", or "focused" for the widget that has the focus.
    """

    scope: str
    rows: tuple[Key, ...]
    target: str = "screen"


def bindings(table: KeyTable) -> list[BindingType]:
    """The table as Textual bindings; each can be bound anew by its id, ``SCOPE.NAME``."""
    return [
        Binding(
            ",".join(key.keys), key.action, key.help, show=False, priority=key.priority, id=f"{table.scope}.{key.name}"
        )
        for key in table.rows
    ]
