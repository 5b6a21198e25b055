"""Whole screens: one run, and the help."""
