"""Looking at runs never loads torch or scikit-learn: said by the interpreter itself, with a control that must fail."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import write_small_log

HEAVY = ("torch", "sklearn", "scipy", "lightning_fabric", "torchmetrics", "matplotlib")

PROGRAM = """
import sys
from workbench.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    assert not end.code, end.code
loaded = [name for name in {heavy} if name in sys.modules]
print("LOADED", *loaded)
"""


def loaded_by(*arguments: object) -> list[str]:
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(heavy=HEAVY), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return result.stdout.splitlines()[-1].split()[1:]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_log(tmp_path_factory.mktemp("run"))


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["inspect"],
        ["inspect", "--json"],
        ["onset"],
        ["report", "--help"],
        ["methods"],
        *([command, "--help"] for command in ("train", "pca", "sample", "score", "sweep-sampling", "probe")),
    ],
    ids=" ".join,
)
def test_looking_loads_nothing_heavy(arguments: list[str], run: Path) -> None:
    target = [run] if arguments[0] in ("inspect", "onset") else []
    assert loaded_by(*arguments, *target) == []


def test_the_app_loads_nothing_heavy() -> None:
    program = f"import sys, workbench.tui.app; print(*[n for n in {HEAVY} if n in sys.modules])"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert result.stdout.split() == []


def test_training_does_load_torch(tmp_path: Path) -> None:
    """The control: the same program sees torch when it is there."""
    arguments = ["--width", 2, "--epochs", 1, "--train-size", 20, "--probe-size", 10, "--out", tmp_path / "run"]
    assert "torch" in loaded_by("train", *arguments)
