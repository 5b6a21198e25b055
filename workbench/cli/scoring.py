"""One scoring from its options to its table: what ``workbench score`` does."""

from collections.abc import Iterator
from pathlib import Path

import typer
from rich import box
from rich.console import Console, Group, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

from trainers.setup import find_device
from workbench.cli.progress import StderrConsole
from workbench.quality import (
    Measure,
    Scores,
    Working,
    default_cache,
    find_judge,
    fit_samples,
    load_against,
    load_extractor,
    reference_statistics,
    save_scores,
    score,
    to_json,
)
from workbench.report import console, json_text, plain, unbroken, visible
from workbench.report.text import MISSING, percent
from workbench.sampling.samples import read_samples


def run_scoring(
    path: Path,
    *,
    against: str,
    split: str,
    features: str,
    judge: str | None,
    num: int | None,
    k: int,
    seed: int,
    device: str,
    batch_size: int,
    cache: Path | None,
    as_json: bool,
) -> None:
    """Score samples, print the scores, and write them beside the samples.

    Raises:
        WorkbenchError: anything that is missing or does not fit; nothing is written then.
    """
    samples = read_samples(path)
    extractor = load_extractor(features, find_device(device))
    reference_images = load_against(against, split)
    images = fit_samples(samples, reference_images, num)
    progress = ScoreProgress()
    working = Working(batch_size=batch_size, progress=progress.show, say=progress.say)
    with progress.shown():
        found, no_judge = find_judge(judge, reference_images, extractor, samples.checkpoint_digest, working)
        reference = reference_statistics(
            extractor, reference_images, cache=default_cache() if cache is None else cache, working=working
        )
        scores = score(
            images,
            reference,
            name=samples.name,
            class_names=reference_images.class_names,
            extractor=extractor,
            judge=found,
            no_judge=no_judge,
            checkpoint_digest=samples.checkpoint_digest,
            k=k,
            seed=seed,
            working=working,
        )
    if as_json:
        typer.echo(json_text(to_json(scores)))
    else:
        console().print(score_report(scores))
    if path.is_dir():
        progress.say(f"Written to {save_scores(path, scores, extractor)}")


class ScoreProgress:
    """What is being done, on stderr: a bar on a terminal, a line for each stage in a pipe."""

    def __init__(self, console: Console | None = None) -> None:
        """Show on a console, standard error by default."""
        self._console = console or StderrConsole(stderr=True, highlight=False, markup=False, emoji=False)
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            console=self._console,
            refresh_per_second=4,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}

    def shown(self) -> Progress:
        """Show the bar inside a ``with``."""
        return self._bar

    def show(self, what: str, done: int, total: int) -> None:
        """So much of a stage is done; the first call names it."""
        what = visible(what)
        if what not in self._tasks:
            self._tasks[what] = self._bar.add_task(what, total=total)
            if self._bar.disable:
                self._console.print(f"{what}: {total:,}" if total > 1 else what, soft_wrap=True)
        self._bar.update(self._tasks[what], completed=done)

    def say(self, sentence: str) -> None:
        """Print a sentence on stderr."""
        self._console.print(visible(sentence), soft_wrap=True)


def score_report(scores: Scores) -> RenderableType:
    """The scores as a table, readable in 80 columns and in a pipe, then what must be known to read them."""
    heading = unbroken((visible(f"{scores.samples} against {scores.against} ({scores.split})"), "bold"))
    comparable = "comparable to papers" if scores.comparable else "not comparable to papers"
    facts = (
        ("samples", f"{scores.num:,}"),
        ("reference", f"{scores.num_reference:,} images"),
        ("features", f"{scores.features}, {scores.num_features:,} numbers an image, {comparable}"),
        ("judge", _judge(scores)),
    )
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1))
    table.add_column("score", no_wrap=True)
    for column in ("value", "±"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("", overflow="fold")
    for row in _rows(scores):
        table.add_row(*row)
    return Group(
        heading,
        *(unbroken(f"{name:<10} {visible(value)}") for name, value in facts if value),
        Text(),
        table,
        *([Text(), *_by_class(scores)] if scores.agreement_by_class else []),
        *([Text(), *map(plain, scores.notes)] if scores.notes else []),
    )


def _judge(scores: Scores) -> str | None:
    if scores.judge is None:
        return None
    known = "" if scores.judge_accuracy is None else f", right on {percent(scores.judge_accuracy)} of held-out images"
    return scores.judge + known


def _rows(scores: Scores) -> Iterator[tuple[str | Text, ...]]:
    splits = f"{scores.inception_splits} splits" if scores.inception_splits > 1 else "1 split"
    yield _row("FID", scores.fid, "lower is better", "{:.4g}")
    yield _row("IS", scores.inception_score, f"higher is better; {splits}", "{:.3f}")
    yield _row("KID", scores.kid, f"lower is better; subsets of {scores.kid_subset_size}", "{:.2g}")
    yield _row("precision", scores.precision, f"samples among the reference; k = {scores.k}", "{:.3f}")
    yield _row("recall", scores.recall, "reference among the samples", "{:.3f}")
    yield _row("density", scores.density, "how densely; may exceed 1", "{:.3f}")
    yield _row("coverage", scores.coverage, "reference images with a sample nearby", "{:.3f}")
    yield _row("agreement", scores.agreement, "samples taken for their class", "{:.1%}")


def _row(name: str, measure: Measure, meaning: str, form: str) -> tuple[str | Text, ...]:
    if measure.value is None:
        return name, MISSING, "", plain(f"not computed: {measure.reason}")
    return name, form.format(measure.value), "" if measure.std is None else form.format(measure.std), Text(meaning)


def _by_class(scores: Scores) -> Iterator[Text]:
    shares = [f"{name}={percent(share)}" for name, share in scores.agreement_by_class.items() if share is not None]
    yield plain("agreement by class: " + ", ".join(shares))
