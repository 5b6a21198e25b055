"""docs/energy-log.md says what the schema says, and its examples run."""

import contextlib
import io
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.energylog import runs
from trainers.energylog.document import with_tables
from trainers.energylog.schema import DATASETS

DOCUMENT = (runs.ROOT / "docs" / "energy-log.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)


def test_every_column_is_listed_with_its_unit() -> None:
    lines = DOCUMENT.splitlines()
    for dataset in DATASETS:
        for column in dataset.columns:
            name = column.name if dataset.compound else dataset.path
            cells = [[cell.strip() for cell in line.split("|")] for line in lines if line.startswith(f"| `{name}` |")]
            assert any(column.unit in row and column.meaning in row for row in cells), name


def test_the_tables_are_those_of_the_schema() -> None:
    assert with_tables(DOCUMENT) == DOCUMENT, "run: python -m trainers.energylog.document docs/energy-log.md"


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, example: str) -> None:
    with runs.create(tmp_path / "run.h5") as writer:
        runs.append(writer, 3)
    monkeypatch.chdir(tmp_path)
    with contextlib.redirect_stdout(io.StringIO()) as output:
        exec(compile(example, "docs/energy-log.md", "exec"), {})
    assert str(np.array([runs.measures(epoch)["pgd_accuracy"] for epoch in range(3)])) in output.getvalue()


def test_the_plain_example_is_short_and_finds_the_right_sample(tmp_path: Path) -> None:
    plain = EXAMPLES[0]
    assert len([line for line in plain.splitlines() if line]) <= 10
    assert "trainers" not in plain
    with runs.create(tmp_path / "run.h5") as writer:
        runs.append(writer, 2)
    result = subprocess.run([sys.executable, "-c", plain], cwd=tmp_path, capture_output=True, text=True, check=True)
    table = runs.table(1, "train")
    worst = int((table.energy - table.energy_adv).argmax())
    assert result.stdout.splitlines()[0] == "fgsm on digits - 2 epochs"
    assert result.stdout.splitlines()[-1].endswith(f"sample {worst * 3 + 1}")


def test_importing_the_package_needs_numpy_and_h5py_only() -> None:
    script = (
        "import sys, numpy, h5py; before = set(sys.modules)\n"
        "import trainers.energylog\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(*sorted(new - set(sys.stdlib_module_names)))"
    )
    result = subprocess.run([sys.executable, "-c", script], cwd=runs.ROOT, capture_output=True, text=True, check=True)
    assert set(result.stdout.split()) <= {"numpy", "h5py", "trainers"}
