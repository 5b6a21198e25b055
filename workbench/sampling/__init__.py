"""Guided Langevin sampling: a robust classifier as a generator.

``spec`` says what to sample, ``job`` does it, ``samples`` reads the result; ``spec`` and ``samples`` are torch-free.
"""
