"""The examples run to their end."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from trainers.energylog import EnergyLog

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def make_image_folder(root: Path, num_per_class: int, size: int = 16) -> None:
    """Two classes of real files: dark and bright noise, as JPEG and as PNG."""
    generator = np.random.default_rng(0)
    for name, low in (("dark", 0), ("bright", 128)):
        for number in range(num_per_class):
            suffix = "jpg" if number % 2 else "png"
            path = root / "train" / name / f"{number:04d}.{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(generator.integers(low, low + 128, (size, size, 3), dtype=np.uint8)).save(path)


def test_image_folder(tmp_path: Path) -> None:
    make_image_folder(tmp_path / "images", 60)
    result = subprocess.run(
        [
            sys.executable,
            EXAMPLES / "image_folder.py",
            f"--data=folder:{tmp_path / 'images'}",
            f"--out={tmp_path / 'runs'}",
            *("--train-size=80", "--probe-size=30", "--epochs=2", "--width=4"),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={**os.environ, "COLUMNS": "80"},
    )
    assert result.returncode == 0, result.stderr
    assert "fgsm-der" in result.stdout
    for method in ("fgsm", "fgsm-der"):
        with EnergyLog.open(tmp_path / "runs" / method) as log:
            assert log.status == "finished"
            assert log.committed == 2
            assert log.meta.class_names == ("bright", "dark")
            assert np.isfinite(log.samples("train", "energy_adv", 1)).all()


def test_plain_loop(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, EXAMPLES / "plain_loop.py", f"--out={tmp_path / 'run'}", "--epochs=2"],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    assert "workbench inspect" in result.stdout
    with EnergyLog.open(tmp_path / "run") as log:
        assert (log.status, log.committed, log.meta.method, log.meta.train_attack) == ("finished", 2, "fgsm", "fgsm")
        assert np.isfinite(log.samples("train", "energy", 1)).all()
        assert np.isfinite(log.epochs()["pgd_accuracy"]).all()
        assert log.steps()["step"].max() == 2 * 22 - 1
