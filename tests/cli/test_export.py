"""``workbench export`` as a user meets it: defaults, one file, a stream, live and crashed runs, refusals."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from pyarrow import parquet

from tests.conftest import Cli, assert_refused
from tests.export import runs
from tests.test_import_hygiene import loaded_by
from workbench.cli.main import main


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return runs.write(tmp_path / "run")


def listing(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_by_default_csv_in_the_folder_export(cli: Cli, run: Path, tmp_path: Path) -> None:
    before = listing(run)
    result = cli("export", "run")
    assert (result.returncode, result.stderr) == (0, "")
    files = [f"export/{name}" for name in ("epochs.csv", "steps.csv", "events.csv", "onsets.csv", "run.json")]
    assert result.stdout.splitlines() == files
    assert sorted(listing(tmp_path / "export")) == sorted(Path(file).name for file in files)
    assert listing(run) == before


def test_one_table_into_a_file_by_its_ending(cli: Cli, run: Path, tmp_path: Path) -> None:
    result = cli("export", run, "--tables", "samples", "--epochs", "4:", "--split", "probe", "--out", "new/s.parquet")
    assert (result.returncode, result.stdout) == (0, "new/s.parquet\n")
    table = parquet.read_table(tmp_path / "new" / "s.parquet")
    assert table.num_rows == 2 * runs.SIZES["probe"]
    assert set(table["epoch"].to_pylist()) == {4, 5}
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["s.parquet"]


def test_a_table_and_a_document_on_stdout(cli: Cli, run: Path, tmp_path: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(cli("export", run, "--tables", "epochs", "--out", "-").stdout)))
    assert [float(row["pgd_accuracy"]) for row in rows] == [pgd for _, pgd in runs.CURVES]
    document = json.loads(cli("export", run, "--format", "json", "--out", "-").stdout)
    assert set(document) == {"run", "columns", "epochs", "steps", "events", "onsets", "histograms"}
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_several_runs_have_a_folder_each(cli: Cli, tmp_path: Path) -> None:
    for name in ("a/run", "b/run", "\x1b[31mred"):
        runs.write(tmp_path / name, num_epochs=1)
    result = cli("export", "a/run", "b/run", "\x1b[31mred", "--format", "tensorboard", "--out", "logs")
    assert result.returncode == 0, result.stderr
    assert sorted(path.name for path in (tmp_path / "logs").iterdir()) == ["31mred", "run", "run-2"]
    assert "\x1b" not in result.stdout


def test_a_live_run_and_one_that_was_killed(cli: Cli, tmp_path: Path) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path; from tests.export import runs\n"
        "writer = runs.start(Path(sys.argv[1])); runs.append(writer, 3); print('ready', flush=True); sys.stdin.read(1)"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"ready\n"
    for state in ("live", "killed"):
        if state == "killed":
            os.kill(child.pid, signal.SIGKILL)
            child.communicate()
        for form in ("csv", "json"):
            result = cli("export", "run.h5", "--format", form, "--out", f"{state}-{form}")
            assert result.returncode == 0, result.stderr
        document = json.loads((tmp_path / f"{state}-json" / "run.json").read_text())
        assert (document["run"]["status"], document["run"]["committed"]) == ("running", 3)
        assert len((tmp_path / f"{state}-csv" / "epochs.csv").read_text().splitlines()) == 4


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "--format", "xml"], ["'xml'", "csv, parquet, json, tensorboard"]),
        (["run", "--tables", "epoch"], ["'epoch'", "epochs, steps"]),
        (["run", "--tables", ""], ["''", "epochs, steps"]),
        (["run", "--split", "test"], ["'test'", "train, probe"]),
        (["run", "--epochs", "3"], ["'3'", "10:20"]),
        (["run", "--epochs", "5:3"], ["--epochs 5:3 holds no epoch"]),
        (["run", "--epochs", "3:3"], ["--epochs 3:3 holds no epoch"]),
        (["run", "--epochs", ":0"], ["--epochs :0 holds no epoch"]),
        (["run", "--split", "train", "--tables", "epochs"], ["--split", "histograms and samples", "only epochs"]),
        (["run", "--epochs", "-3:"], ["'-3:'"]),
        (["run", "--epochs", "1" * 5000 + ":"], ["--epochs takes A:B"]),
        (["run", "--format", "csv", "--out", "x.parquet"], ["x.parquet", "--format csv"]),
        (["run", "--out", "x.csv"], ["epochs.csv, steps.csv", "--tables"]),
        (["run", "--out", "-"], ["one file", "--tables"]),
        (["run", "--format", "parquet", "--out", "-"], ["parquet cannot be printed"]),
        (["run", "--format", "tensorboard", "--tables", "samples"], ["does not hold samples"]),
        (["run", "run", "--tables", "epochs", "--out", "x.csv"], ["2 runs", "folder"]),
        (["run", "--out", "run/run.h5"], ["run/run.h5 is a file"]),
        (["run", "--out", "run/run.h5/x"], ["cannot write to run/run.h5/x"]),
        (["run", "--out", "/proc/sys/x"], ["cannot write to /proc/sys/x"]),
        (["nowhere"], ["nowhere does not exist"]),
    ],
    ids=str,
)
def test_bad_usage_is_said_in_one_line(
    arguments: list[str],
    words: list[str],
    run: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(run.parent)
    before = listing(run.parent)
    with pytest.raises(SystemExit) as end:
        main(["export", *arguments])
    captured = capsys.readouterr()
    assert isinstance(end.value.code, int)
    assert_refused(subprocess.CompletedProcess([], end.value.code, captured.out, captured.err), *words)
    assert listing(run.parent) == before
    assert [path.name for path in run.parent.iterdir()] == ["run"]


WITHOUT = """
import sys
for name in ("pyarrow", "tensorboard"):
    sys.modules[name] = None  # as if it were not installed
from workbench.cli.main import main
main(sys.argv[1:])
"""


@pytest.mark.parametrize(("form", "package"), [("parquet", "pyarrow"), ("tensorboard", "tensorboard"), ("csv", "")])
def test_a_missing_extra_is_named(form: str, package: str, run: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", WITHOUT, "export", str(run), "--format", form, "--out", "out"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False, timeout=60)
    if not package:
        assert result.returncode == 0, result.stderr
        return
    assert_refused(result, package, "pip install 'workbench[export]'")
    assert not (tmp_path / "out").exists()


def test_a_reader_that_goes_away_is_no_error(run: Path, tmp_path: Path) -> None:
    command = f"{sys.executable} -m workbench export {run} --tables samples --out - | head -n 1"
    result = subprocess.run(command, shell=True, capture_output=True, text=True, check=False, timeout=60, cwd=tmp_path)
    assert result.stderr == ""
    assert result.stdout.startswith("split,epoch,index,label,energy,")


@pytest.mark.parametrize("form", ["csv", "json"])
def test_it_loads_nothing_heavy(form: str, run: Path, tmp_path: Path) -> None:
    assert loaded_by("export", run, "--format", form, "--out", tmp_path / "out") == []
    assert loaded_by("export", "--help") == []
