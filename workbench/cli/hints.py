"""Defaults as help texts, from the one table that holds them."""

from dataclasses import MISSING, fields

from trainers.recipes import DATA_DEFAULTS, MODEL_WIDTHS
from trainers.rows import OPTION_MEANINGS, ROWS
from trainers.spec import TrainConfig
from workbench.report.text import epsilon

_FIXED = {field.name: field.default for field in fields(TrainConfig) if field.default is not MISSING}


def default_of(name: str) -> str:
    """The default of a setting, by kind of data where they differ: "[default: 3]", "[default: digits 40, ...]"."""
    if name == "width":
        values: dict[str, object] = dict(MODEL_WIDTHS)
    else:
        values = {kind: table.get(name, _FIXED.get(name)) for kind, table in DATA_DEFAULTS.items()}
    distinct = {shown(name, value) for value in values.values()}
    if len(distinct) == 1:
        return f"[default: {distinct.pop()}]"
    return "[default: " + ", ".join(f"{kind} {shown(name, value)}" for kind, value in values.items()) + "]"


def shown(name: str, value: object) -> str:
    """A setting's value as people write it."""
    if name == "eps" and isinstance(value, float):
        return epsilon(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def option_help(name: str) -> str:
    """What a setting is that only some methods have, with the default of each of them."""
    defaults = []
    for row in ROWS:
        if name in row.options:
            default = row.options[name]
            defaults.append(f"{row.name} {'by ε' if callable(default) else f'{default:g}'}")
    return f"{OPTION_MEANINGS[name]}. [default: {', '.join(defaults)}]"
