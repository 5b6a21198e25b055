"""What the columns of a table of training curves are called: synonyms, and which column is taken for what.

A header is read without case, spaces and punctuation, and must be made up of the words below and nothing else:
``Test PGD-20 Acc. (%)`` is test + pgd20 + acc + %. What they mean together decides; the table in ``docs/onset.md``
has the words too.
"""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from trainers.errors import WorkbenchError

Unit = Literal["fraction", "percent", "nat", "step"]

WORDS: Mapping[str, tuple[str, ...]] = {
    "train": ("training", "train"),
    "test": ("test", "testing"),
    "held out": ("validation", "heldout", "valid", "eval", "val", "probe", "dev"),
    "pgd": (r"pgd\d*",),
    "robust": ("adversarial", "robust", "adv", "rob"),
    "fgsm": ("fgsm",),
    "clean": ("standard", "natural", "benign", "clean", "nat", "std"),
    "accuracy": ("accuracy", "acc", "top1", "prec1"),
    "percent": ("percent", "pct", "%"),
    "loss": ("loss",),
}
"""What each word of a header means; each is a regular expression on lower-case letters, digits and %."""

EPOCH = "epoch"
EPOCH_NAMES = ("epoch", "epochs", "ep")
ACCURACIES = {
    "clean_accuracy": "held-out natural accuracy",
    "fgsm_accuracy": "held-out FGSM accuracy",
    "pgd_accuracy": "held-out robust accuracy",
    "train_clean_accuracy": "natural accuracy on training data",
    "train_pgd_accuracy": "robust accuracy on training data, by PGD",
    "train_robust_accuracy": "robust accuracy on training data",
}
"""The accuracies that a table may have, and what each is."""

NOT_NEEDED = (
    "lr",
    "learningrate",
    "time",
    "seconds",
    "traintime",
    "testtime",
    "step",
    "steps",
    "iteration",
    "laststep",
)
"""Headers that are understood and not used, besides losses."""

UNITS: Mapping[str, Unit] = {"fraction": "fraction", "percent": "percent"}
"""Units that the user may name."""

_OF_THE_LOG = re.compile(r"last_step|(train|probe)_delta_energy_(mean|std|q05|q25|q50|q75|q95)")
"""Other columns of the energy log, by which a flag gets its step and its confidence; by exactly these names."""
_WORD = re.compile("|".join(sorted((word for words in WORDS.values() for word in words), key=len, reverse=True)))


@dataclass(frozen=True, kw_only=True, slots=True)
class CurveColumn:
    """One column that is used.

    Attributes:
        name: what it is taken for: ``epoch``, a name of ACCURACIES, or another column of the energy log.
        header: what the table calls it.
        unit: "fraction", "percent", "nat" or "step"; None where it has to be seen from the values.
    """

    name: str
    header: str
    unit: Unit | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Assignment:
    """What becomes of the headers of one table.

    Attributes:
        columns: what is used.
        not_needed: headers that are understood and not used: losses, learning rates, a second robust accuracy.
        unknown: headers that are not understood.
    """

    columns: tuple[CurveColumn, ...]
    not_needed: tuple[str, ...]
    unknown: tuple[str, ...]


def meaning(header: str) -> tuple[str | None, frozenset[str]]:
    """What a header names (a name of ACCURACIES, ``epoch``, ``loss``, a column of the log; None), and its words."""
    if _OF_THE_LOG.fullmatch(header.strip().lower()):
        return header.strip().lower(), frozenset()
    joined = "".join(char for char in header.lower() if char.isalnum() or char == "%")
    if joined.removesuffix("s") in EPOCH_NAMES or joined in EPOCH_NAMES:
        return EPOCH, frozenset()
    words = _WORD.findall(joined)
    if not words or "".join(words) != joined:
        return None, frozenset()
    found = frozenset(
        name for word in words for name, forms in WORDS.items() if any(re.fullmatch(f, word) for f in forms)
    )
    return _named(found), found


def _named(words: frozenset[str]) -> str | None:
    if "loss" in words:
        return "loss"
    kinds = {"robust" if word == "pgd" else word for word in words & {"pgd", "robust", "fgsm", "clean"}}
    kinds -= {"robust"} if "fgsm" in words and "pgd" not in words else set()
    train = "train" in words
    if len(kinds) > 1 or (train and words & {"test", "held out"}) or not (kinds or "accuracy" in words):
        return None
    kind = kinds.pop() if kinds else "clean"
    names = {
        ("clean", False): "clean_accuracy",
        ("clean", True): "train_clean_accuracy",
        ("fgsm", False): "fgsm_accuracy",
        ("robust", False): "pgd_accuracy",
        ("robust", True): "train_pgd_accuracy" if "pgd" in words else "train_robust_accuracy",
    }
    return names.get((kind, train))


def parse_columns(texts: Sequence[str]) -> tuple[CurveColumn, ...]:
    """Columns as ``--columns`` gives them: ``pgd_accuracy=adv_acc,clean_accuracy=acc:percent``; quoted as in CSV.

    Raises:
        WorkbenchError: a part is not NAME=HEADER, its name is unknown, or a name or a header comes twice.
    """
    columns: list[CurveColumn] = []
    for part in (part.strip() for cells in csv.reader(texts) for part in cells):
        name, equals, header = (piece.strip() for piece in part.partition("="))
        if not (name and equals and header):
            raise WorkbenchError(f"--columns {part!r} is not NAME=HEADER (as in --columns pgd_accuracy=adv_test_acc)")
        if name not in (EPOCH, *ACCURACIES):
            raise WorkbenchError(f"unknown name {name!r} in --columns; known are {', '.join((EPOCH, *ACCURACIES))}")
        before, colon, last = header.rpartition(":")
        unit = UNITS.get(last) if colon and name != EPOCH else None
        columns.append(CurveColumn(name=name, header=before if unit else header, unit=unit))
    for what in ("name", "header"):
        given = [getattr(column, what) for column in columns]
        twice = next((value for value in given if given.count(value) > 1), None)
        if twice is not None:
            raise WorkbenchError(f"--columns gives the {what} {twice!r} twice; give it once")
    return tuple(columns)


def assign(headers: Sequence[str], chosen: Sequence[CurveColumn] = ()) -> Assignment:
    """Find out which header is what.

    Of several headers with one meaning the first is taken in the order: the name itself, PGD before other robust
    accuracy, test before validation, left before right; the others are not needed.

    Args:
        headers: the table's first row.
        chosen: columns given by the user; they come before all guesses.

    Raises:
        WorkbenchError: the table lacks a chosen header, or has a header that is used twice.
    """
    for column in chosen:
        if headers.count(column.header) != 1:
            what = "two columns" if column.header in headers else "no column"
            names = ", ".join(repr(header) for header in headers[:20])
            raise WorkbenchError(f"there are {what} {column.header!r} for {column.name}; its columns are {names}")
    taken = {column.header for column in chosen}
    meanings = {header: meaning(header) for header in headers}
    columns = list(chosen)
    guessed = dict.fromkeys(name for name, _ in meanings.values() if name is not None and name != "loss")
    for name in guessed:
        rivals = [header for header in headers if meanings[header][0] == name and header not in taken]
        if rivals and name not in {column.name for column in columns}:
            best = min(rivals, key=lambda header: _rank(header, name, meanings[header][1]))
            columns.append(CurveColumn(name=name, header=best, unit=_unit(name, meanings[best][1])))
    used = {column.header for column in columns}
    twice = next((header for header in headers if header in used and headers.count(header) > 1), None)
    if twice is not None:
        raise WorkbenchError(f"there are two columns {twice!r}; rename one of them")
    rest = [header for header in dict.fromkeys(headers) if header not in used]
    unknown = [header for header in rest if meanings[header][0] is None and not _is_not_needed(header)]
    return Assignment(
        columns=tuple(columns),
        not_needed=tuple(header for header in rest if header not in unknown),
        unknown=tuple(unknown),
    )


def _rank(header: str, name: str, words: frozenset[str]) -> tuple[bool, bool, bool]:
    return header.strip() != name, "pgd" not in words, "test" not in words


def _unit(name: str, words: frozenset[str]) -> Unit | None:
    if _OF_THE_LOG.fullmatch(name):
        return "step" if name == "last_step" else "nat"
    return "percent" if "percent" in words else None


def _is_not_needed(header: str) -> bool:
    return "".join(char for char in header.lower() if char.isalnum()) in NOT_NEEDED
