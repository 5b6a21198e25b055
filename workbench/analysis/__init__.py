"""Numbers behind the pictures of a run. numpy only."""

from workbench.analysis.histograms import display_range, energy_map, rebin

__all__ = ["display_range", "energy_map", "rebin"]
