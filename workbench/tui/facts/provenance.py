"""Where a run comes from and how it was configured, in words. Needs the reports: import it late."""

import json
import reprlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainers.energylog.segments import folder_of
from trainers.rundir import CONFIG_NAME
from trainers.spec import MANTISSA_BITS
from workbench.report.run import run_facts
from workbench.tui.facts.glance import SPLITS
from workbench.tui.facts.source import View
from workbench.tui.look import palette
from workbench.tui.look.text import MISSING, bytes_text, plain
from workbench.tui.widgets.facts import energies_words
from workbench.tui.widgets.page import Entry

GROUPS: Mapping[str, tuple[str, ...]] = {
    "Method": ("method", "eps", "norm", "replays"),
    "DER": ("der_",),
    "Other terms": ("kl_", "align_", "elle_", "aaer_", "awp_"),
    "Data": ("data", "dataset", "train_size", "probe_size", "train_probe_size"),
    "Model": ("model", "width"),
    "Optimisation": ("epochs", "lr", "schedule", "batch_size", "momentum", "weight_decay", "seed"),
    "Record": ("record", "keep_bits", "log_mode"),
    "Checkpoints": ("keep_last", "keep_best", "on_co", "on_ro", "max_rollbacks"),
    "Machine": ("device",),
}
"""The keys of a configuration by what they are about; one that ends in ``_`` stands for all that begin so."""

OTHER = "Other settings"

MOST_KEYS, MOST_NAMES = 400, 40
"""Settings, and names of classes or libraries, that are shown; files may hold any number."""

LABEL = 18
"""Cells of a label."""

_SHORT = reprlib.Repr()
_SHORT.maxdict = _SHORT.maxlist = _SHORT.maxtuple = 12
_SHORT.maxstring = _SHORT.maxother = 400
_SHORT.maxlevel = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class LogFacts:
    """What is known of a log only after looking at its files.

    Attributes:
        size: bytes on disk, those of its segments included.
        segments: how many files its tables are in, 0 where all are in one.
        num_samples: of each split.
    """

    size: int
    segments: int
    num_samples: Mapping[str, int]


def log_facts(view: View) -> LogFacts:
    """Look at the files of a log; to be called in a thread.

    Raises:
        WorkbenchError: the log cannot be read.
        OSError: its files cannot be looked at.
    """
    path = view.summary.path
    folder = folder_of(path)
    sizes = [entry.stat().st_size for entry in folder.glob("*.h5")] if folder.is_dir() else []
    return LogFacts(
        size=path.stat().st_size + sum(sizes),
        segments=len(sizes),
        num_samples={split: len(view.source.keys(split)) for split in SPLITS},
    )


def provenance(view: View, log: LogFacts | None) -> list[Entry]:
    """Everything that the log says of the run itself, then its configuration.

    Args:
        view: the run.
        log: what is known of the log's files; None while they are looked at.
    """
    meta = view.meta
    facts = run_facts(view.summary)
    return [
        Entry(label="Provenance", label_colour=palette.ACCENT, gap=True),
        Entry(label="method", text=f"{plain(meta.method, 60)} on {plain(meta.dataset, 60)}"),
        *(Entry(label=plain(name, LABEL - 1), text=plain(value)) for name, value in facts.items()),
        Entry(label="code", text="git revision " + (plain(meta.git_revision, 80) if meta.git_revision else MISSING)),
        Entry(label="versions", text=_listed(f"{name} {version}" for name, version in meta.versions.items())),
        Entry(label="classes", text=f"{len(meta.class_names)}: {_listed(iter(meta.class_names))}"),
        Entry(label="Energy log", label_colour=palette.ACCENT, gap=True),
        *_log(view, log),
        *_config(meta.config, view.summary.path.parent / CONFIG_NAME),
    ]


def _log(view: View, log: LogFacts | None) -> Iterator[Entry]:
    """Its files, its rows, and how its energies were made."""
    meta = view.meta
    if log is None:
        yield Entry(label="files", text="being looked at …", colour=palette.MUTED)
    else:
        mode = f"an index and {log.segments:,} segments" if log.segments else "one file"
        yield Entry(label="files", text=f"{mode}, {bytes_text(log.size)}")
        samples = ", ".join(f"{log.num_samples[split]:,} {split}" for split in SPLITS)
        yield Entry(label="samples", text=f"{samples}, each with 4 energies and 2 flags in every recorded epoch")
    yield Entry(label="ΔE train", text=energies_words(meta.train_attack, meta.train_batch_norm))
    yield Entry(label="ΔE probe", text=energies_words(meta.probe_attack, meta.probe_batch_norm))
    exact = meta.keep_bits >= MANTISSA_BITS
    rounded = "not rounded" if exact else f"rounded to {meta.keep_bits} of {MANTISSA_BITS} bits of mantissa"
    yield Entry(label="energies", text=f"float32, in nats, {rounded}")


def _config(config: Mapping[str, Any], path: Path) -> Iterator[Entry]:
    """Every setting under the heading of its group."""
    groups: dict[str, list[str]] = {name: [] for name in (*GROUPS, OTHER)}
    for key in list(config)[:MOST_KEYS]:
        groups[group_of(key)].append(key)
    words = f"{len(config):,} settings" + (f", also in {path.name} beside the log" if path.is_file() else "")
    words = words if config else "the log holds none"
    yield Entry(label="Configuration", text=words, colour=palette.MUTED, label_colour=palette.ACCENT, gap=True)
    for name, keys in groups.items():
        if keys:
            yield Entry(label=name, label_colour=palette.TEXT, gap=True)
        for key in keys:
            label = plain(key, LABEL - 1)
            value = plain(_value(config[key]))
            yield Entry(label=label, text=value if plain(key) == label else f"{plain(key, 200)} = {value}")
    left = len(config) - sum(map(len, groups.values()))
    if left:
        yield Entry(text=f"and {left:,} more", colour=palette.MUTED)


def group_of(key: str) -> str:
    """The group of a setting."""
    for name, known in GROUPS.items():
        if any(key == each or (each.endswith("_") and key.startswith(each)) for each in known):
            return name
    return OTHER


def _value(value: object) -> str:
    """A setting as it is written in a file; of what is nested, the beginning."""
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value)
    return value if isinstance(value, str) else _SHORT.repr(value)


def _listed(words: Iterator[str]) -> str:
    """Names with commas, not all of very many."""
    shown = [plain(word, 40) for word, _ in zip(words, range(MOST_NAMES + 1), strict=False)]
    return ", ".join(shown[:MOST_NAMES]) + (" …" if len(shown) > MOST_NAMES else "") or MISSING
