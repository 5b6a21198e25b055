"""Arithmetic and data of plots, without a widget: which lines, epochs and scales, and the numbers on them."""
