"""What a check or a repair of a log found, as text and JSON."""

from typing import Any

from rich.console import Group
from rich.text import Text

from trainers.energylog.inspection import (
    CheckReport,
    Finding,
    RepairReport,
    joined,
    phrase,
    repair_to_dict,
    report_to_dict,
)
from workbench.report.text import plain, unbroken, visible

_GOES_ON = "train --resume, probe --resume or EnergyRecorder(resume=True) goes on from the last committed epoch."
_SENTENCES = {
    "running": "It is live: everything committed so far was checked.",
    "crashed": f"Its writer was killed; {_GOES_ON}",
    "failed": f"The run failed; {_GOES_ON}",
    "unknown": "Its status cannot be read.",
}

_REPAIR = "--repair writes a new log with all that is intact and keeps this one under another name."
_NO_REPAIR = "It cannot be repaired: its attributes or lengths cannot be read. Restore it from a copy."


def check_report(report: CheckReport) -> Group:
    """The verdict, what is wrong, what is whole all the same, and the way out."""
    verdict = ("damaged", "bold red") if report.damaged else ("intact", "bold green")
    lines = [
        unbroken((visible(report.path), "bold"), ": ", verdict),
        plain(f"  {report.status}, {_contents(report)}, {_megabytes(report.size)}"),
        *(_line(finding) for finding in joined(report.findings)),
    ]
    if report.damaged:
        lines.append(plain(f"  {_whole(report)}"))
    if report.status in _SENTENCES:
        lines.append(plain(f"  {_SENTENCES[report.status]}"))
    if report.damaged and report.status != "running":
        lines.append(plain(f"  {_REPAIR if report.repairable else _NO_REPAIR}"))
    return Group(*lines)


def repair_report(report: RepairReport) -> Group:
    """What a repair kept and what it lost."""
    return Group(
        unbroken((visible(report.path), "bold"), ": ", ("repaired", "bold green")),
        plain(f"  kept: {report.epochs} epochs, {report.steps} steps, {report.events} events"),
        *(plain(f"  {line}", "red") for line in report.lost),
        unbroken(f"  the damaged log is {visible(report.kept_as)}"),
    )


def check_json(report: CheckReport) -> dict[str, Any]:
    """A check as JSON values."""
    return {"damaged": report.damaged, "live": report.status == "running", **report_to_dict(report)}


def repair_json(path: str, report: RepairReport | None) -> dict[str, Any]:
    """A repair as JSON values."""
    return {"path": path, "repaired": report is not None, **repair_to_dict(report)}


def _line(finding: Finding) -> Text:
    text = phrase(finding)
    return plain(f"  {text}", "red") if finding.damage else plain(f"  note: {text}", "yellow")


def _contents(report: CheckReport) -> str:
    return f"{report.epochs} epochs, {report.steps} steps, {report.events} events"


def _whole(report: CheckReport) -> str:
    if not report.whole:
        return "No epoch is whole."
    stretches = ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in report.whole)
    return f"Whole epochs: {stretches}."


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
