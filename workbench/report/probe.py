"""Energies under several attacks as a table."""

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from workbench.report.text import MISSING, nats, percent, plain, sparkline, unbroken, visible
from workbench.summary.attacks import AttackRow, AttackSummary, Distributions

_VAST = 1e5


def attacks_report(attacks: AttackSummary) -> RenderableType:
    """Every attack of the last epoch in a row: accuracy, E(x*), ΔE, and how often the attack lowers the energy."""
    if attacks.trouble is not None:
        return unbroken(("Attacks: ", "bold"), visible(attacks.trouble))
    last = max((row.epoch for row in attacks.rows), default=None)
    if last is None:
        return plain("Attacks: no epoch is finished yet.")
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True, padding=(0, 1))
    table.add_column("attack", overflow="fold", min_width=15)
    for name in ("accuracy", "E(x*)", "ΔE", "5 %", "50 %", "95 %", "E(x*)<E(x)"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in attacks.rows:
        if row.epoch == last:
            table.add_row(plain(row.attack), *_cells(row))
    heading = f"Attacks side by side, epoch {last}; E(x*) mean, ΔE mean±std and quantiles, nats"
    lines = [] if attacks.energies is None else [Text(), *_lines(attacks.energies)]
    return Group(plain(heading, "dim"), table, *lines)


def _lines(energies: Distributions) -> list[Text]:
    """A distribution of E a line, over one axis and one height."""
    low, high = energies.edges[0], energies.edges[-1]
    shares = {name: [count / max(1, sum(counts)) for count in counts] for name, counts in energies.counts.items()}
    top = max(map(max, shares.values())) or 1.0
    width = max(map(len, shares))
    axis = plain(
        f"{'E in nats':<{width}}  {_nats(low)}{_nats(high):>{len(energies.edges) - 1 - len(_nats(low))}}", "dim"
    )
    return [
        axis,
        *(unbroken(f"{visible(name):<{width}}  ", sparkline([*v], len(v), 0.0, top)) for name, v in shares.items()),
    ]


def _cells(row: AttackRow) -> list[str]:
    quantiles = [_nats(row.delta_energy[name]) for name in ("q05", "q50", "q95")]
    mean, std = (row.delta_energy[name] for name in ("mean", "std"))
    delta = MISSING if mean is None else f"{_nats(mean)}±{_nats(std)}"
    return [percent(row.accuracy), _nats(row.energy["mean"]), delta, *quantiles, percent(row.share_lower)]


def _nats(value: float | None) -> str:
    """An energy in nats; that of a network that has diverged in powers of ten, so that the table keeps its width."""
    return nats(value) if value is None or abs(value) < _VAST else f"{value:.0e}"
