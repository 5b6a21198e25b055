"""Energies under several attacks as a table."""

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table

from workbench.report.text import MISSING, nats, percent, plain, unbroken, visible
from workbench.summary.attacks import AttackRow, AttackSummary


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
    return Group(plain(heading, "dim"), table)


def _cells(row: AttackRow) -> list[str]:
    quantiles = [nats(row.delta_energy[name]) for name in ("q05", "q50", "q95")]
    mean, std = (row.delta_energy[name] for name in ("mean", "std"))
    delta = MISSING if mean is None else f"{nats(mean)}±{nats(std)}"
    return [percent(row.accuracy), nats(row.energy["mean"]), delta, *quantiles, percent(row.share_lower)]
