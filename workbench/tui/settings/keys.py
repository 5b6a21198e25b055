"""Keys of the user's own, checked against the key tables."""

from collections import Counter
from collections.abc import Iterable
from difflib import get_close_matches

from textual.keys import Keys

from trainers.errors import WorkbenchError
from workbench.tui.keys.table import KeyTable, character, key_name
from workbench.tui.keys.tables import all_tables

MODIFIERS = ("alt", "ctrl", "shift", "super")
_NAMED = {key.value for key in Keys if "+" not in key.value and not key.value.startswith("<")}


def parse_keys(value: object) -> dict[str, str]:
    """The keymap of ``[keys.SCOPE]``.

    Raises:
        WorkbenchError: an unknown scope, name or key, or a key that would have two meanings in one scope.
    """
    if not isinstance(value, dict):
        raise WorkbenchError("keys is a table: [keys.SCOPE]")
    tables = {table.scope: table for table in all_tables()}
    keymap: dict[str, str] = {}
    for scope, rows in value.items():
        if scope not in tables:
            raise WorkbenchError(f"keys.{scope}: no such scope{_close(scope, tables)}; there are {', '.join(tables)}")
        if not isinstance(rows, dict):
            raise WorkbenchError(f"keys.{scope} is a table: NAME = KEY, or NAME = [KEY, KEY]")
        keymap |= _scope(tables[scope], rows)
    return keymap


def _scope(table: KeyTable, rows: dict[str, object]) -> dict[str, str]:
    """One scope's part of the keymap."""
    bound = {key.name: list(key.keys) for key in table.rows}
    for name, keys in rows.items():
        where = f"keys.{table.scope}.{name}"
        if name not in bound:
            raise WorkbenchError(f"{where}: no such name{_close(name, bound)}; workbench settings --print lists all")
        listed = keys if isinstance(keys, list) else [keys]
        if not listed:
            raise WorkbenchError(f"{where}: at least one key")
        bound[name] = [parse_key(where, key) for key in listed]
    for key, count in Counter(key for keys in bound.values() for key in keys).items():
        if count > 1:
            names = " and ".join(name for name, keys in bound.items() if key in keys)
            raise WorkbenchError(f"keys.{table.scope}: {spelled(key)!r} is bound twice, to {names}")
    return {f"{table.scope}.{name}": ",".join(bound[name]) for name in rows}


def parse_key(where: str, value: object) -> str:
    """A key as Textual spells it: "?" is question_mark, "ctrl+shift+left" has its modifiers in order.

    Raises:
        WorkbenchError: there is no such key.
    """
    if not isinstance(value, str):
        raise WorkbenchError(f'{where}: a key is a text such as "x", "ctrl+x" or "pagedown", not {value!r}')
    if value.endswith("+"):
        head, last = value[:-1].removesuffix("+"), "+"
    else:
        head, _, last = value.rpartition("+")
    modifiers = head.split("+") if head else []
    wrong = [modifier for modifier in modifiers if modifier not in MODIFIERS]
    name = key_name(last) if len(last) == 1 and last.isprintable() else last
    known = len(last) == 1 or name in _NAMED or character(name) is not None
    if wrong or not last or not known or len(set(modifiers)) < len(modifiers):
        raise WorkbenchError(f'{where}: {value!r} is no key; write "x", "?", "ctrl+x", "f5" or "pagedown"')
    if "shift" in modifiers and len(last) == 1:
        raise WorkbenchError(f"{where}: terminals send {last.upper()!r} for {value!r}; write that")
    return "+".join([*sorted(modifiers), name])


def spelled(key: str) -> str:
    """A key as it is written in the settings: the inverse of ``parse_key``."""
    *modifiers, last = key.split("+")
    shown = character(last)
    return "+".join([*modifiers, last if shown is None or shown == " " else shown])


def _close(word: str, words: Iterable[str]) -> str:
    close = get_close_matches(word, list(words), 1)
    return f", {close[0]} perhaps" if close else ""
