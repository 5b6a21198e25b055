"""docs/export.md: its tables name what there is, its example runs."""

import re
from pathlib import Path

import pytest

from tests.export import runs
from tests.export.conftest import Export
from workbench.export import FORMATS, TABLES

DOCUMENT = (Path(__file__).parents[2] / "docs" / "export.md").read_text(encoding="utf-8")


def test_every_format_and_table_is_described() -> None:
    for name, table in TABLES.items():
        [row] = [line for line in DOCUMENT.splitlines() if line.startswith(f"| `{name}` |")]
        if "those of" not in row and name != "samples":
            assert row.endswith(" | " + ", ".join(column.name for column in table.columns) + " |")
    for form in FORMATS.values():
        [row] = [line for line in DOCUMENT.splitlines() if line.startswith(f"| `{form.name}` |")]
        default = "all but samples" if set(form.usual) == set(TABLES) - {"samples"} else ", ".join(form.usual)
        assert default in row


def test_the_example_runs(export: Export, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    folder = export("parquet", "epochs")
    monkeypatch.chdir(folder.parent)
    folder.rename("fgsm-tables")
    [example] = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
    exec(compile(example, "docs/export.md", "exec"), {})
    assert capsys.readouterr().out == f'b"probe accuracy under the probe\'s PGD attack" {runs.CURVES[-1][1]}\n'
