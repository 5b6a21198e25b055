"""What a check of a log found: each thing that is wrong, and the epochs that are whole all the same."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that is wrong with a log, or strange about it.

    Attributes:
        where: Path of a data set, "attributes" or "file".
        what: What is wrong, as a clause: "the checksum does not match".
        epochs: The epochs that it concerns, ascending; empty if it concerns no epoch in particular.
        damage: False for what is strange but may well be so, such as infinite energies of a run that diverged.
    """

    where: str
    what: str
    epochs: tuple[int, ...] = ()
    damage: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckReport:
    """What a check found.

    Attributes:
        path: The log's file.
        status: running, crashed, finished, stopped, failed; "unknown" where it cannot be read.
        epochs, steps, events: How many there are, padding not counted.
        size: Bytes on disk, segments included.
        findings: What is wrong or strange, in the order of the file.
        whole: First and last epoch of each stretch of epochs in which everything is intact.
        repairable: Whether the attributes and lengths that a repair rests on can be read.
    """

    path: str
    status: str
    epochs: int
    steps: int
    events: int
    size: int
    findings: tuple[Finding, ...]
    whole: tuple[tuple[int, int], ...]
    repairable: bool

    @property
    def damaged(self) -> bool:
        """Whether something is wrong."""
        return any(finding.damage for finding in self.findings)


@dataclass(slots=True)
class Findings:
    """Findings as they come, those that differ only in the epoch joined into one."""

    _epochs: dict[tuple[str, str, bool], list[int]] = field(default_factory=dict)

    def add(self, where: str, what: str, epoch: int | None = None, *, damage: bool = True) -> None:
        """Note one thing; see :class:`Finding`."""
        epochs = self._epochs.setdefault((where, what, damage), [])
        if epoch is not None and epochs[-1:] != [epoch]:
            epochs.append(epoch)

    @property
    def damaged(self) -> bool:
        """Whether something is wrong."""
        return any(damage for _, _, damage in self._epochs)

    def damaged_epochs(self) -> set[int]:
        """The epochs in which something is wrong."""
        return {epoch for (_, _, damage), epochs in self._epochs.items() if damage for epoch in epochs}

    def all(self) -> tuple[Finding, ...]:
        """All of them, in the order in which they were first met."""
        return tuple(
            Finding(where=where, what=what, epochs=tuple(epochs), damage=damage)
            for (where, what, damage), epochs in self._epochs.items()
        )


def stretches(numbers: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """Ascending numbers as first and last of each stretch without a gap."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return tuple(found)


def report_to_dict(report: CheckReport) -> dict[str, Any]:
    """The report as values of JSON."""
    return asdict(report)


def report_from_dict(values: dict[str, Any]) -> CheckReport:
    """The report from :func:`report_to_dict`, also after JSON has made lists of its tuples."""
    findings = tuple(Finding(**{**finding, "epochs": tuple(finding["epochs"])}) for finding in values["findings"])
    whole = tuple((first, last) for first, last in values["whole"])
    return CheckReport(**{**values, "findings": findings, "whole": whole})


def spans(numbers: Iterable[int]) -> str:
    """Ascending numbers in words: "3, 5-7"."""
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in stretches(numbers))


def phrase(finding: Finding) -> str:
    """A finding as one line: "epochs 3, 5-7, /train/energy: the checksum does not match"."""
    num = len(finding.epochs)
    epochs = f"epoch{'' if num == 1 else 's'} {spans(finding.epochs)}, " if num else ""
    return f"{epochs}{finding.where}: {finding.what}"


def joined(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings that say the same of the same epochs as one, which names all places."""
    places: dict[tuple[str, tuple[int, ...], bool], list[str]] = {}
    for finding in findings:
        places.setdefault((finding.what, finding.epochs, finding.damage), []).append(finding.where)
    return tuple(
        Finding(where=", ".join(where), what=what, epochs=epochs, damage=damage)
        for (what, epochs, damage), where in places.items()
    )
