"""What a table of keys is. Dispatch, footer, help, command palette and rebinding are made from such tables."""

from collections.abc import Mapping
from typing import NamedTuple

from textual.binding import Binding, BindingType
from textual.keys import REPLACED_KEYS, _character_to_key, key_to_character

Keymap = Mapping[str, str]
"""Keys that users chose, separated by commas, by ``SCOPE.NAME``."""

_CAPS = {
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "escape": "Esc",
    "delete": "Del",
    "insert": "Ins",
    "shift+tab": "⇧Tab",
}
_MODIFIERS = {"ctrl": "^", "shift": "⇧", "alt": "Alt-", "super": "Super-"}

_keymap: Keymap = {}


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
        target: whose actions these are: "screen", "focused" for the widget that has the focus, or "app".
    """

    scope: str
    rows: tuple[Key, ...]
    target: str = "screen"


def bindings(table: KeyTable) -> list[BindingType]:
    """The table as Textual bindings; each can be bound anew by its id, ``SCOPE.NAME``."""
    return [
        Binding(
            ",".join(key.keys),
            f"app.{key.action}" if table.target == "app" else key.action,
            key.help,
            show=False,
            priority=key.priority,
            id=f"{table.scope}.{key.name}",
        )
        for key in table.rows
    ]


def use_keys(keymap: Keymap) -> None:
    """Show the user's keys from now on, wherever keys are shown."""
    global _keymap  # noqa: PLW0603 - one terminal has one keyboard
    _keymap = keymap


def keys_in_use() -> Keymap:
    """The keys that the user chose."""
    return _keymap


def caps(table: KeyTable, key: Key, keymap: Keymap, *, first: bool = False) -> str:
    """A key of a table as people read it: as the user bound it, or as the table says.

    Args:
        table: the table.
        key: one of its rows.
        keymap: what the user bound.
        first: of several keys that the user bound to it, only the first.
    """
    chosen = keymap.get(f"{table.scope}.{key.name}")
    if chosen is None:
        return key.caps
    names = chosen.split(",")
    return " ".join(cap(name) for name in (names[:1] if first else names))


def cap_of(table: KeyTable, name: str) -> str:
    """The key of a table's row as it is shown in a sentence: the user's, or the table's."""
    return caps(table, next(key for key in table.rows if key.name == name), _keymap, first=True)


def cap(name: str) -> str:
    """What stands on a key, by its name."""
    if name in _CAPS:
        return _CAPS[name]
    *modifiers, last = name.split("+")
    shown = _CAPS.get(last) or character(last) or last.capitalize()
    shown = {" ": "Space"}.get(shown, shown.upper() if len(shown) == 1 and "ctrl" in modifiers else shown)
    return "".join(_MODIFIERS.get(modifier, modifier) for modifier in modifiers) + shown


def character(name: str) -> str | None:
    """The printable character that a key types, such as "?" for question_mark; None for other keys."""
    shown = key_to_character(REPLACED_KEYS.get(name, name))
    return shown if shown is not None and shown.isprintable() else None


def key_name(typed: str) -> str:
    """The name of the key that types a character."""
    return _character_to_key(typed)
