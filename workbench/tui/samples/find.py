"""What is meant by a class or a sample that is typed. Needs no numpy."""

from collections.abc import Sequence
from typing import NamedTuple

from trainers.errors import WorkbenchError
from workbench.tui.look.text import plain
from workbench.tui.samples.columns import class_name

LONGEST = 200
INDEX = "index:"
SHOWN = 4
"""Classes that are named where more than one is meant."""


class Sought(NamedTuple):
    """What was found: the class to list, or a sample by its stable index; neither for all classes."""

    label: int | None = None
    sample: int | None = None


def seek(text: str, class_names: Sequence[str]) -> Sought:
    """A class by its name, the beginning or a part of it, or its number; ``index:123`` for a sample; empty for all.

    Raises:
        WorkbenchError: nothing is called so, or more than one class is.
    """
    words = text.strip()
    if not words:
        return Sought()
    if words.lower().startswith(INDEX):
        return Sought(sample=_whole(words[len(INDEX) :].strip()))
    return Sought(label=_label(words, class_names))


def describe(sought: Sought, class_names: Sequence[str]) -> str:
    """What is meant, for people."""
    if sought.sample is not None:
        return f"to sample {sought.sample}"
    return "all classes" if sought.label is None else f"class {class_name(sought.label, class_names, 60)}"


def _whole(words: str) -> int:
    if not (words.isascii() and words.isdigit() and len(words) < 19):
        raise WorkbenchError(f"an index is a whole number, such as {INDEX}123")
    return int(words)


def _label(words: str, class_names: Sequence[str]) -> int:
    folded, names = words.casefold(), [name[:LONGEST].casefold() for name in class_names]
    for matches in (
        lambda name: name == folded,
        lambda name: name.startswith(folded),
        lambda name: folded in name,
    ):
        found = [label for label, name in enumerate(names) if matches(name)]
        if len(found) == 1:
            return found[0]
        if found and not words.isdigit():
            more = f", … ({len(found)})" if len(found) > SHOWN else ""
            listed = ", ".join(class_name(label, class_names, 24) for label in found[:SHOWN])
            raise WorkbenchError(f"more than one class: {listed}{more}")
        if words.isascii() and words.isdigit() and len(words) < 10 and int(words) < len(names):
            return int(words)
    raise WorkbenchError(f"no class is called {plain(words, 40)}; there are {len(names)}")
