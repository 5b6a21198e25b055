"""The commands inspect, onset and runs, from the command line's arguments to exit code and output."""

import json

import pytest

from workbench.cli.main import main


@pytest.fixture
def workbench(capsys):
    """Run a command; its exit code, output and error output."""

    def run(*arguments: object):
        with pytest.raises(SystemExit) as exit_info:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return exit_info.value.code, captured.out, captured.err

    return run


@pytest.fixture
def robust(make_run):
    epochs = [{"fgsm_accuracy": 0.6, "pgd_accuracy": 0.5, "train_pgd_accuracy": 0.5}] * 6
    return make_run(epochs, name="healthy", method="pgd", train_attack="pgd-10")


def test_inspect_prints_a_summary_in_a_pipe(workbench, make_run, collapsed) -> None:
    code, out, err = workbench("inspect", make_run(collapsed))
    assert (code, err) == (0, "")
    assert "fgsm on digits" in out
    assert "\x1b" not in out


def test_inspect_json(workbench, make_run, collapsed, robust) -> None:
    folder = make_run(collapsed)
    code, out, _ = workbench("inspect", folder / "run.h5", "--json")
    one = json.loads(out)
    assert (code, one["run"]["id"], len(one["epochs"])) == (0, "r1", 6)
    code, out, _ = workbench("inspect", folder, robust, "--json")
    assert [run["run"]["method"] for run in json.loads(out)["runs"]] == ["fgsm", "pgd"]


def test_inspect_several_runs_is_a_table(workbench, make_run, collapsed, robust) -> None:
    _, out, _ = workbench("inspect", make_run(collapsed), robust)
    assert "CO at 4" in out
    assert "healthy" in out


def test_inspect_of_a_directory_survives_damage_below_it(workbench, make_run, collapsed, tmp_path) -> None:
    make_run(collapsed)
    broken = tmp_path / "broken" / "run.h5"
    broken.parent.mkdir()
    broken.write_bytes(b"nothing")
    code, out, err = workbench("inspect", tmp_path)
    assert (code, err) == (0, "")
    assert "fgsm on digits" in out
    assert f"Skipped: {broken}" in out
    code, out, _ = workbench("inspect", tmp_path, "--json")
    result = json.loads(out)
    assert (code, [run["run"]["id"] for run in result["runs"]]) == (0, ["r1"])
    assert [entry["path"] for entry in result["damaged"]] == [str(broken)]
    assert workbench("inspect", tmp_path / "run", broken)[0] == 2


def test_inspect_of_a_log_without_epochs(workbench, make_run) -> None:
    folder = make_run([])
    assert workbench("inspect", folder)[0] == 0
    code, out, _ = workbench("inspect", folder, "--json")
    assert (code, json.loads(out)["epochs"]) == (0, [])


@pytest.mark.parametrize("command", ["inspect", "onset"])
def test_bad_input_is_one_line_and_exit_2(workbench, tmp_path, command) -> None:
    damaged = tmp_path / "run.h5"
    damaged.write_bytes(b"no HDF5 at all")
    for path in (damaged, tmp_path / "nowhere"):
        code, out, err = workbench(command, path)
        assert (code, out) == (2, "")
        assert err.count("\n") == 1
        assert str(path) in err


@pytest.mark.parametrize(
    ("fail_on", "code"), [("co", 3), ("CO", 3), ("ro", 0), ("ro, co", 3), ("xo", 2), ("", 2), ("co,", 2), (None, 0)]
)
def test_fail_on_decides_the_exit_code(workbench, make_run, collapsed, robust, fail_on, code) -> None:
    options = [] if fail_on is None else ["--fail-on", fail_on]
    found, out, err = workbench("onset", robust, make_run(collapsed), *options)
    assert found == code
    assert ("known are co, ro" in err) == (code == 2)
    assert ("since epoch 4" in out) == (code != 2)


def test_onset_json(workbench, make_run, collapsed, robust) -> None:
    code, out, _ = workbench("onset", make_run(collapsed), "--json", "--fail-on", "co")
    result = json.loads(out)
    assert (code, set(result)) == (3, {"run", "onsets"})
    assert [onset["epoch"] for onset in result["onsets"]] == [4]
    _, out, _ = workbench("onset", robust, robust, "--json")
    assert [run["onsets"] for run in json.loads(out)["runs"]] == [[], []]


def test_runs_lists_what_is_below_and_survives_damage(workbench, make_run, collapsed, tmp_path) -> None:
    make_run(collapsed, name="deep/down")
    make_run([], name="fresh", method="pgd")
    make_run([], name=".hidden/away")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "run.h5").write_bytes(b"nothing")
    code, out, err = workbench("runs", tmp_path)
    assert (code, err) == (0, "")
    assert "deep/down" in out
    assert "fresh" in out
    assert "hidden" not in out
    assert f"Skipped: {tmp_path}/broken/run.h5" in out
    _, out, _ = workbench("runs", tmp_path, "--json")
    result = json.loads(out)
    assert [run["run"]["method"] for run in result["runs"]] == ["fgsm", "pgd"]
    assert [entry["path"] for entry in result["damaged"]] == [f"{tmp_path}/broken/run.h5"]


def test_runs_here_and_nowhere(workbench, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, _ = workbench("runs")
    assert code == 0
    assert "No runs below" in out
    code, _, err = workbench("runs", tmp_path / "nowhere")
    assert code == 2
    assert "nowhere" in err


@pytest.mark.parametrize("command", ["inspect", "onset", "runs"])
def test_help_has_an_example(workbench, command) -> None:
    code, out, _ = workbench(command, "--help")
    assert code == 0
    assert f"Example:  workbench {command}" in out
