"""All key tables. Import it late: every one of them is loaded."""

from importlib import import_module
from pkgutil import iter_modules

from workbench.tui import keys
from workbench.tui.keys.table import KeyTable


def all_tables() -> tuple[KeyTable, ...]:
    """Every table of this package, by scope."""
    modules = [import_module(f"{keys.__name__}.{module.name}") for module in iter_modules(keys.__path__)]
    tables = {
        value.scope: value for module in modules for value in vars(module).values() if isinstance(value, KeyTable)
    }
    return tuple(tables[scope] for scope in sorted(tables))
