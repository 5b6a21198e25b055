"""``workbench runs`` with a filter and an order."""

import json
from pathlib import Path

from tests.conftest import Cli, assert_refused
from tests.tui.runs import write


def listed(out: str) -> list[str]:
    return [run["run"]["path"].split("/")[-2] for run in json.loads(out)["runs"]]


def test_runs_are_chosen_and_sorted(cli: Cli, tmp_path: Path) -> None:
    write(tmp_path / "healthy")
    write(tmp_path / "collapsed", collapses=True)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "run.h5").write_text("no log")
    assert listed(cli("runs", str(tmp_path), "--json").stdout) == ["collapsed", "healthy"]
    assert listed(cli("runs", str(tmp_path), "--json", "--sort", "-pgd").stdout) == ["healthy", "collapsed"]
    only = cli("runs", str(tmp_path), "--json", "--filter", "onset:co co<30")
    assert listed(only.stdout) == ["collapsed"]
    assert json.loads(only.stdout)["damaged"] == []
    broken = cli("runs", str(tmp_path), "--filter", "status:unreadable")
    assert "Skipped" in broken.stdout
    assert "healthy" not in broken.stdout
    assert "None of the 3 runs" in cli("runs", str(tmp_path), "--filter", "seed:77").stdout


def test_what_it_cannot_understand_is_one_line(cli: Cli, tmp_path: Path) -> None:
    assert_refused(cli("runs", str(tmp_path), "--filter", "metod:x"), "did you mean method?")
    assert_refused(cli("runs", str(tmp_path), "--sort", "pdg"), "did you mean pgd?")
