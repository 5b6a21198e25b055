"""``python examples/reproduce``: the paper's claims, run again at a chosen scale."""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from reproduce.cli import app

    app()
