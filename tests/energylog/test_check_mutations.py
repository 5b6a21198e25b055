"""A broken log of each kind through every command that reads logs; `benchmarks/mutations.py` makes thousands."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.energylog.runs import ROOT

BAD = ("WRONG", "traceback", "hang", "memory", "crash", "escape")


def test_nothing_crashes_hangs_or_believes_a_wrong_number(tmp_path: Path) -> None:
    result = subprocess.run(
        [
            sys.executable,
            "benchmarks/mutations.py",
            "--count",
            "44",
            "--seed",
            "7",
            "--show",
            "--json",
            tmp_path / "counts",
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert result.returncode == 0, result.stdout + result.stderr
    counts = json.loads((tmp_path / "counts").read_text())
    assert all(row.get(word, 0) == 0 for row in counts.values() for word in BAD)
    assert counts["check"]["damaged"] >= 20  # the mutations do break logs, and it is seen
    assert counts["inspect"]["refused"] >= 8
    assert counts["inspect"]["intact"] >= 5
