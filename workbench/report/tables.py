"""Several runs as one table, readable in 80 columns and in a pipe."""

from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from trainers.rundir import LOG_NAME
from workbench.report.text import MISSING, mean_and_std, percent, plain
from workbench.report.words import KIND_SHORT, KIND_STYLES, where
from workbench.summary import RunSummary


def runs_table(summaries: Sequence[RunSummary], names: Sequence[str] | None = None) -> Table:
    """Several runs side by side: accuracies and ΔE of the last epoch, onsets.

    Args:
        summaries: the runs, in the order of the rows.
        names: what to call them, the names of their directories by default, or the paths if those are not all
            different; left out where they are the methods.
    """
    names = run_names(summaries) if names is None else names
    named = list(names) != [summary.method for summary in summaries]
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True, padding=(0, 1))
    table.caption = Text(_caption(summaries), style="dim", justify="left")
    if named:
        table.add_column("run", overflow="fold")
    table.add_column("method", overflow="fold")  # a long one, from elsewhere, gives way to the numbers
    for column in ("epochs", "clean", "FGSM", "PGD", "ΔE"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("onset")
    for name, summary in zip(names, summaries, strict=True):
        cells = [plain(summary.method), Text(_progress(summary)), *_last_epoch(summary), _onsets(summary)]
        table.add_row(*([plain(name), *cells] if named else cells))
    return table


def run_names(summaries: Sequence[RunSummary]) -> list[str]:
    """Names of the runs' directories (of the files, if they are not run.h5); paths where those are not unique."""
    paths = [summary.path.parent if summary.path.name == LOG_NAME else summary.path for summary in summaries]
    names = [path.name for path in paths]
    return names if len({*names, ""}) > len(names) else [str(path) for path in paths]


def _last_epoch(summary: RunSummary) -> list[Text]:
    last = summary.last
    if last is None:
        return [Text(MISSING)] * 4
    mark = "*" if last.delta_energy.split == "probe" else ""
    accuracies = (last.clean_accuracy, last.fgsm_accuracy, last.pgd_accuracy)
    return [*(Text(percent(value)) for value in accuracies), Text(mean_and_std(last.delta_energy) + mark)]


def _onsets(summary: RunSummary) -> Text:
    if summary.onsets:
        flags = [Text(where(onset).replace(", ", "\n"), style=KIND_STYLES[onset.kind]) for onset in summary.onsets]
        return Text("\n").join(flags)
    told = [short for kind, short in KIND_SHORT.items() if kind not in summary.cannot_tell]
    return Text("none" if len(told) == len(KIND_SHORT) else f"no {told[0]}" if told else "cannot tell")


def _progress(summary: RunSummary) -> str:
    if summary.status == "finished":
        return str(summary.committed)
    planned = "?" if summary.planned_epochs is None else summary.planned_epochs
    return f"{summary.committed}/{planned}\n{summary.status}"


def _caption(summaries: Sequence[RunSummary]) -> str:
    words = "Last epoch, probe set; ΔE: mean±std in nats, training set"
    marked = any(summary.last and summary.last.delta_energy.split == "probe" for summary in summaries)
    return words + (" (* probe set)" if marked else "")
