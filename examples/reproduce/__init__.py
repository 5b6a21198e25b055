"""The paper's claims, run again at a chosen scale: see ``python examples/reproduce --help`` and docs/results."""
