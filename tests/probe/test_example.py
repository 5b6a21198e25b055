"""The example: what the foreign script measured itself is what the probe finds."""

import re
import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "probe_foreign.py"


def test_the_probe_agrees_with_the_script(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, EXAMPLE, "--out", tmp_path, "--epochs", "2"],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    first, *_ = result.stdout.splitlines()
    own = re.findall(r"[\d.]+%", first)
    assert len(own) == 2
    assert re.findall(r"clean ([\d.]+%)", result.stderr) == own
    assert "shortcut: raw" in result.stderr
    assert {path.name for path in tmp_path.iterdir()} >= {"run.h5", "run.attacks.h5", "attacks.png"}
