"""docs/results from the records: a page for each claim, one that leads to them, and figures. Nothing is trained."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType

from reproduce.claims import CLAIMS
from reproduce.generate import FORMAT as SAMPLES
from reproduce.generate import PREFIX
from reproduce.grid import Scale
from reproduce.records import load, read
from reproduce.scales import SCALES
from reproduce.tables import Record, table
from trainers.atomic import write_atomically
from workbench.report.figures import save_figure

FINDINGS = "findings"
"""Folder of what a person wrote about each claim; drawing leaves it alone."""

NOT_WRITTEN = "Nothing has been written about this claim yet."
MADE = "<!-- Made by python examples/reproduce tables; write into {findings} instead. -->"


def draw(results: Path) -> None:
    """Write all pages and figures anew from what is recorded under ``results``."""
    for name, claim in CLAIMS.items():
        _write(results / f"{name}.md", _page(name, claim, results))
    _write(results / "README.md", _front(results))


def _page(name: str, claim: ModuleType, results: Path) -> Iterator[str]:
    findings = results / FINDINGS / f"{name}.md"
    yield MADE.format(findings=f"{FINDINGS}/{name}.md")
    yield f"# {claim.TITLE}"
    yield f"*Expected:* {claim.EXPECTED}"
    yield findings.read_text().strip() if findings.exists() else NOT_WRITTEN
    for scale in SCALES.values():
        yield f"## Scale {scale.name}"
        yield from _scale(name, claim, scale, results)
    yield "[All claims](README.md)"


def _scale(name: str, claim: ModuleType, scale: Scale, results: Path) -> Iterator[str]:
    planned = [run.name for run in scale.runs(name)]
    records = results / "records" / scale.name
    found = list(load(records, planned).values())
    yield f"`{command(name, scale)}`: {_progress(len(found), len(planned))}"
    if not found:
        return
    if name == "generation":
        yield from _samples(claim, scale, results)
        yield _origin(found, scale)
        return
    yield from claim.shown(scale, found)
    for title, drawing in claim.drawn(scale, found).items():
        path = Path("figures") / f"{title}-{scale.name}.png"
        save_figure(results / path, drawing())
        yield f"![{claim.TITLE}: {title}, scale {scale.name}]({path})"
    yield _origin(found, scale)


def _samples(claim: ModuleType, scale: Scale, results: Path) -> Iterator[str]:
    """The sweeps of the scale, and the pictures of their cells that are shown."""
    folder = results / "records" / scale.name
    sweeps = []
    for run in scale.runs("generation"):
        path = folder / f"{PREFIX}{run.name}.json"
        if path.exists():
            sweeps.append((run.name, read(path, SAMPLES)))
    yield from claim.sampled(sweeps, Path("records") / scale.name)


def command(name: str, scale: Scale) -> str:
    """What runs a claim at a scale."""
    data = {run.kind for run in scale.runs(name)} - {"digits"}
    where = "".join(f" --data {kind}:DIR" for kind in sorted(data))
    return f"python examples/reproduce {name} --scale {scale.name}{where}"


def _progress(found: int, planned: int) -> str:
    if not planned:
        return "nothing is planned at this scale."
    return (
        "not run."
        if not found
        else f"{found} of {planned} runs are recorded"
        + ("." if found == planned else "; the others have not been run.")
    )


def _origin(records: Sequence[Record], scale: Scale) -> str:
    days = sorted({record["created"][:10] for record in records})
    devices = ", ".join(sorted({record["device"] for record in records}))
    versions = ", ".join(sorted({f"torch {record['versions']['torch']}" for record in records}))
    when = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    return (
        f"{when}; {devices}; {versions}. Every figure is of the files in [records/{scale.name}](records/{scale.name}): "
        "settings, seed, the `workbench train` line that gives the same run, curves, the SHA-256 of its log."
    )


def _front(results: Path) -> Iterator[str]:
    yield MADE.format(findings=f"{FINDINGS}/README.md")
    yield "# The paper's claims, run again"
    intro = results / FINDINGS / "README.md"
    if intro.exists():
        yield intro.read_text().strip()
    rows = []
    for name, claim in CLAIMS.items():
        counts = [_count(name, scale, results) for scale in SCALES.values()]
        rows.append([f"[{claim.TITLE}]({name}.md)", *counts])
    yield "Runs that are recorded, of those that are planned:"
    yield table(["claim", *SCALES], rows)
    for scale in SCALES.values():
        yield f"- **{scale.name}**: {scale.about}"


def _count(name: str, scale: Scale, results: Path) -> str:
    planned = [run.name for run in scale.runs(name)]
    found = load(results / "records" / scale.name, planned)
    return f"{len(found)}/{len(planned)}" if found else f"not run (0/{len(planned)})" if planned else "none planned"


def _write(path: Path, parts: Iterator[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, ("\n\n".join(parts) + "\n").encode())
