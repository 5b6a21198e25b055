"""Models that are code of the user's: ``package.module:factory``, imported only where the user has named it.

A run directory may come from anyone, and its files name the factory that they need. So a name in a file is never
enough: a process imports what was trusted in it by ``trust``, which the commands call with what ``--model`` says.
"""

import importlib
import inspect
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any

from trainers.errors import WorkbenchError

FORM = "package.module:factory"
_NAME = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*", re.ASCII)
_trusted: set[str] = set()


class UntrustedFactoryError(WorkbenchError):
    """A file needs a factory that the user has not named."""


def is_factory(model: str) -> bool:
    """Whether the name of a model is that of a factory; it need not exist."""
    return _NAME.fullmatch(model) is not None


def trust(model: str) -> None:
    """The user has named this model: if it is a factory, this process may import it."""
    if is_factory(model):
        _trusted.add(model)


def find_factory(model: str, offered: Mapping[str, Any], asked: Mapping[str, Any] | None = None) -> Callable[[], Any]:
    """A factory as a function without arguments. Its module is imported, also from the current folder.

    Args:
        model: ``package.module:factory``.
        offered: arguments by keyword, of which those are passed that it has parameters for; ``num_classes`` also to
            one that takes any keyword, as most constructors of classifiers do.
        asked: arguments that it must have parameters for.

    Raises:
        UntrustedFactoryError: the user has not named it.
        WorkbenchError: it cannot be imported, there is no such factory, or it does not take what is asked for. What it
            raises when it is called is raised as a WorkbenchError then.
    """
    if model not in _trusted:
        raise UntrustedFactoryError(
            f"the model is made by {model}, which is code, not data: if you trust it, give --model {model}"
        )
    module_name, _, attribute = model.partition(":")
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        found: Any = importlib.import_module(module_name)
    except Exception as error:
        raise WorkbenchError(f"cannot import {module_name} for --model: {in_words(error)}") from error
    for part in attribute.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        raise WorkbenchError(f"{module_name} has no {attribute} to call; --model is {FORM}")
    named, any_keyword = _parameters(found)
    refused = [name for name in asked or {} if name not in named and not any_keyword]
    if refused:
        raise WorkbenchError(f"{model} takes no {refused[0]}; drop --{refused[0]}")
    passed = {name: value for name, value in offered.items() if name in named or (any_keyword and name == _OF_ALL)}
    passed |= asked or {}

    def make() -> Any:
        try:
            return found(**passed)
        except Exception as error:
            raise WorkbenchError(f"{model} failed: {in_words(error)}") from error

    return make


_OF_ALL = "num_classes"


def _parameters(function: Callable[..., Any]) -> tuple[frozenset[str], bool]:
    """Names of the parameters, and whether any keyword is taken."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return frozenset(), False
    return frozenset(parameters), any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())


def in_words(error: BaseException) -> str:
    """What went wrong in someone else's code, in one line."""
    first = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return f"{type(error).__name__}: {first[:200]}"
