"""The example of a run that heals itself runs to its end and shows a table."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from trainers.energylog import EnergyLog

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "self_healing.py"


def test_self_healing(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, EXAMPLE, "--quick", "--seeds", "3", "--out", tmp_path / "runs"],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={**os.environ, "COLUMNS": "160"},
    )
    assert result.returncode == 0, result.stderr
    rows = [line.split() for line in result.stdout.splitlines() if "%" in line and "CO" in line]
    assert len(rows) == 2, result.stdout
    for action in ("warn", "rollback"):
        with EnergyLog.open(tmp_path / "runs" / f"{action}-s3") as log:
            assert log.status == "finished"
            assert log.meta.config["on_co"] == action
            clean = np.median(log.epochs()["clean_accuracy"][-5:])
        (row,) = [row for row in rows if action in row]
        assert f"{clean:.1%}" in row
