"""Sweeps over sampling settings: what more diversity costs in quality, and either in steps.

``grid`` says which cells there are and ``pareto`` which of them no other beats, both torch-free; ``plan``,
``yardstick`` and ``run`` do the work; ``results`` keeps it.
"""
