"""``workbench onset --curves``: any table of accuracies per epoch, or one clear line."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import write_small_log
from trainers.energylog import EPOCH_DTYPE, EnergyLog, LogWriter, SampleKeys, SampleTable
from trainers.errors import WorkbenchError
from workbench.analysis.curve_columns import meaning, parse_columns
from workbench.analysis.curves import LONGEST_LINE, MOST_EPOCHS, read_curves
from workbench.analysis.verdict import judge
from workbench.cli.main import main
from workbench.onset import run_detector


@pytest.fixture
def workbench(capsys):
    def run(*arguments: object):
        with pytest.raises(SystemExit) as exit_info:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return exit_info.value.code, captured.out, captured.err

    return run


def write(path: Path, header: str, *rows: str) -> Path:
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def table(path: Path, **columns: list[object]) -> Path:
    return write(path, ",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True)))


PGD = [0.30, 0.40, 0.45, 0.46, 0.05, 0.01]
FGSM = [0.35, 0.45, 0.50, 0.52, 0.80, 0.90]
# Held-out accuracy decays by 0.003 an epoch from epoch 6 on, while training accuracy rises throughout.
DECAYING = [0.54 - 0.003 * max(e - 6, 0) for e in range(30)]
RISING = [0.30 + 0.015 * e for e in range(30)]


@pytest.fixture
def collapsed(tmp_path: Path) -> Path:
    return table(tmp_path / "co.csv", epoch=list(range(6)), fgsm_acc=FGSM, test_pgd_acc=PGD)


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("epoch", "epoch"),
        ("Epochs", "epoch"),
        ("test_robust_accuracy", "pgd_accuracy"),
        ("Test PGD-20 Acc. (%)", "pgd_accuracy"),
        ("adv_test_acc", "pgd_accuracy"),
        ("TestAdvAcc", "pgd_accuracy"),
        ("val/robust_acc", "pgd_accuracy"),
        ("pgd10", "pgd_accuracy"),
        ("train_robust_acc", "train_robust_accuracy"),
        ("train_pgd_accuracy", "train_pgd_accuracy"),
        ("nat test accuracy", "clean_accuracy"),
        ("test_acc", "clean_accuracy"),
        ("train_acc", "train_clean_accuracy"),
        ("test_fgsm_accuracy", "fgsm_accuracy"),
        ("adv_fgsm_acc", "fgsm_accuracy"),
        ("train_delta_energy_std", "train_delta_energy_std"),
        ("train_robust_loss", "loss"),
        ("train_fgsm_acc", None),
        ("train", None),
        ("clean_robust_acc", None),
        ("test_robust_error", None),
        ("accelerator", None),
        ("", None),
        ("train_test_acc", None),
    ],
)
def test_headers_are_understood_or_not(header: str, name: str | None) -> None:
    assert meaning(header)[0] == name


def test_a_collapse_is_found_and_labelled(workbench, collapsed) -> None:
    code, out, err = workbench("onset", "--curves", collapsed, "--fail-on", "co")
    assert (code, err) == (3, "")
    assert "since epoch 4" in out
    assert "test_pgd_acc (fractions)" in out
    assert "catastrophic overfitting (CO): onset at epoch 4 (rule collapse)" in out
    code, out, _ = workbench("onset", "--curves", collapsed, "--json", "--fail-on", "ro")
    result = json.loads(out)
    assert code == 0
    assert [(onset["kind"], onset["epoch"]) for onset in result["onsets"]] == [("catastrophic", 4)]
    assert result["labels"]["catastrophic"] == {"answer": "onset", "epoch": 4, "reason": "collapse"}
    assert result["columns"]["pgd_accuracy"] == {"header": "test_pgd_acc", "unit": "fraction"}


@pytest.mark.parametrize("scale", [1, 100])
@pytest.mark.parametrize("first", [0, 1, 100])
def test_a_decay_is_found_in_the_numbers_of_the_table(workbench, tmp_path, scale, first) -> None:
    """By hand: the centred median of a line is the line, so it is 0.01 under 0.54 from epoch 6 + 4 on."""
    path = table(
        tmp_path / "ro.csv",
        epoch=[first + e for e in range(30)],
        test_robust_acc=[round(scale * value, 6) for value in DECAYING],
        train_robust_acc=[round(scale * value, 6) for value in RISING],
    )
    code, out, _ = workbench("onset", "--curves", path, "--json", "--fail-on", "ro")
    result = json.loads(out)
    assert code == 3
    (onset,) = result["onsets"]
    assert onset["kind"] == "robust"
    assert result["labels"]["robust"]["epoch"] == first + 10
    assert abs(onset["epoch"] - (first + 10)) <= 5
    assert onset["epoch"] <= onset["detected_epoch"] <= first + 10 + 12
    assert result["columns"]["pgd_accuracy"]["unit"] == ("percent" if scale == 100 else "fraction")


def test_missing_columns_mean_cannot_tell(workbench, tmp_path) -> None:
    path = table(tmp_path / "few.csv", epoch=list(range(30)), test_robust_acc=DECAYING, colour=["red"] * 30)
    code, out, _ = workbench("onset", "--curves", path, "--fail-on", "co,ro")
    text = " ".join(out.split())
    assert code == 0
    assert "unknown, not used colour" in text
    assert "Catastrophic overfitting (CO): cannot tell, because no epoch has both" in text
    assert "Robust overfitting (RO): cannot tell, because robust accuracy on training data" in text


def test_training_accuracy_under_a_single_step_is_not_compared(workbench, tmp_path) -> None:
    path = table(tmp_path / "ro.csv", epoch=list(range(30)), robust_acc=DECAYING, train_robust_acc=RISING)
    assert workbench("onset", "--curves", path, "--fail-on", "ro")[0] == 3
    code, out, _ = workbench("onset", "--curves", path, "--fail-on", "ro", "--train-attack", "fgsm", "--json")
    assert code == 0
    assert json.loads(out)["labels"]["robust"]["answer"] == "cannot tell"
    assert "multi-step" in json.loads(out)["run"]["cannot_tell"]["robust"]


def test_units_are_of_each_column(tmp_path) -> None:
    path = table(tmp_path / "c.csv", epoch=[0, 1], clean=[80, 90], fgsm=["40%", "50 %"], pgd=[0.3, 0.4])
    curves = read_curves(path)
    assert {name: list(values) for name, values in curves.values.items()} == {
        "clean_accuracy": [0.8, 0.9],
        "fgsm_accuracy": [0.4, 0.5],
        "pgd_accuracy": [0.3, 0.4],
    }
    curves = read_curves(path, parse_columns(["pgd_accuracy=pgd:percent"]))
    assert list(curves.values["pgd_accuracy"]) == [0.003, 0.004]


def test_of_two_columns_the_better_name_is_taken_and_the_other_said(tmp_path) -> None:
    path = table(tmp_path / "c.csv", val_adv_acc=[0.1], test_adv_acc=[0.2], test_pgd_acc=[0.3])
    curves = read_curves(path)
    assert list(curves.values["pgd_accuracy"]) == [0.3]
    assert curves.not_needed == ("val_adv_acc", "test_adv_acc")
    assert curves.numbered
    curves = read_curves(path, parse_columns(["pgd_accuracy=val_adv_acc"]))
    assert list(curves.values["pgd_accuracy"]) == [0.1]


def test_separators_quotes_marks_and_gaps(tmp_path) -> None:
    path = tmp_path / "odd.csv"
    path.write_bytes('\ufeff"epoch";"PGD, test";"note, x"\r\n1;NaN;"a ""b"""\r\n\r\n5;"0.5";\r\n9;-;c\r\n'.encode())
    curves = read_curves(path, parse_columns(['"pgd_accuracy=PGD, test"']))
    assert list(curves.epochs) == [1, 5, 9]
    assert [str(value) for value in curves.values["pgd_accuracy"]] == ["nan", "0.5", "nan"]
    assert curves.unknown == ("note, x",)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ["is empty"]),
        (b"\n \n", ["is empty"]),
        (b"epoch,pgd\n", ["no rows"]),
        (b"epoch,pgd\n0,0.5\n0,0.4\n", ["epoch 0 twice", "rows 1 and 2"]),
        (b"epoch,pgd\n3,0.5\n1,0.4\n", ["epoch 1 follows epoch 3", "sort"]),
        (b"epoch,pgd\n0,0.5\n,0.4\n", ["row 2", "has no epoch"]),
        (b"epoch,pgd\nnan,0.5\n", ["row 1", "has no epoch"]),
        (b"epoch,pgd\n0.5,0.5\n", ["0.5", "whole number"]),
        (b"epoch,pgd\n1e300,0.5\n", ["whole number"]),
        (b"epoch,pgd\n0,half\n", ["row 1", "'pgd'", "'half' is not a number"]),
        (b"epoch,pgd,pgd\n0,0.5,1\n", ["two columns 'pgd'"]),
        (b"epoch,pgd\n0,0.5,1\n", ["row 1", "3 cells under 2 headers"]),
        (b"epoch,pgd\n0,0.5\n1\n", ["row 2", "1 cells under 2 headers"]),
        (b"epoch,pgd\n0,250\n", ["'pgd' is 250", "100 %"]),
        (b"epoch,pgd\n0,-0.2\n", ["'pgd' is -0.2"]),
        (b"epoch,colour\n0,1\n", ["no column of accuracies", "'colour'", "--columns"]),
        (b'epoch,pgd\n0,"0.5\n', ["no CSV table"]),
        ("epoch,pgd,naïve\n0,0.5,é\n".encode("latin-1"), ["no UTF-8"]),
        ("epoch,pgd\n0,0.5\n".encode("utf-16"), ["no UTF-8"]),
        (b"epoch,pgd\n" + b"7" * (LONGEST_LINE + 5), ["line of over"]),
        (b"\x89HDF\r\n\x1a\n\x00\x00", ["no UTF-8"]),
    ],
    ids=lambda value: repr(value[:24]) if isinstance(value, bytes) else "",
)
def test_what_is_no_table_is_said_in_one_line(workbench, tmp_path, content, words) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    code, out, err = workbench("onset", "--curves", path)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "bad.csv" in err
    for word in words:
        assert word in err


def test_a_huge_file_is_given_up_early(tmp_path) -> None:
    path = tmp_path / "huge.csv"
    with path.open("w") as stream:
        stream.write("epoch,pgd\n")
        stream.writelines(f"{e},0.5\n" for e in range(MOST_EPOCHS + 1))
        stream.write("not, a, row, and never reached\n")
    with pytest.raises(WorkbenchError, match="over 10,000 rows"):
        read_curves(path)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--curves", "nowhere.csv"], ["nowhere.csv"]),
        (["--curves", "."], ["without --curves"]),
        (["co.csv"], ["co.csv", "--curves"]),
        (["--curves", "--watch", "co.csv"], ["--watch", "--curves"]),
        (["run", "--columns", "pgd_accuracy=x"], ["--curves"]),
        (["run", "--train-attack", "fgsm"], ["--curves"]),
        (["--curves", "co.csv", "--columns", "pgd"], ["'pgd'", "NAME=HEADER"]),
        (["--curves", "co.csv", "--columns", "pdg=x"], ["'pdg'", "pgd_accuracy"]),
        (["--curves", "co.csv", "--columns", "pgd_accuracy=x"], ["no column 'x'", "test_pgd_acc"]),
        (["--curves", "co.csv", "--columns", "pgd_accuracy=a,pgd_accuracy=b"], ["'pgd_accuracy' twice"]),
        (["--curves", "co.csv", "--train-attack", "apgd"], ["'apgd'", "fgsm"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_usage_is_said_in_one_line(workbench, collapsed, monkeypatch, arguments, words) -> None:
    monkeypatch.chdir(collapsed.parent)
    code, out, err = workbench("onset", *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    for word in words:
        assert word in err


def test_text_of_the_table_is_plain(workbench, tmp_path) -> None:
    path = write(tmp_path / "h.csv", "epoch,pgd,[red]\x1b[31mevil", "0,0.5,1")
    code, out, _ = workbench("onset", "--curves", path)
    assert code == 0
    assert "\x1b" not in out
    assert "[red]\\x1b[31mevil" in out


accuracies = st.one_of(st.just(float("nan")), st.integers(0, 50).map(lambda v: v / 50))
smooth = st.integers(30, 60).map(lambda v: v / 100)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), values=st.sampled_from([accuracies, smooth]), energy=st.floats(-1e3, 1e3))
def test_a_table_exported_from_a_log_gets_the_same_flags(tmp_path: Path, data, values, energy) -> None:
    num_epochs = data.draw(st.integers(1, 30))
    rows = np.zeros(num_epochs, dtype=EPOCH_DTYPE)
    rows["epoch"], rows["last_step"] = np.arange(num_epochs), 10 * np.arange(1, num_epochs + 1)
    for name in (
        "fgsm_accuracy",
        "pgd_accuracy",
        "train_pgd_accuracy",
        "train_robust_accuracy",
        "train_clean_accuracy",
    ):
        rows[name] = data.draw(st.lists(values, min_size=num_epochs, max_size=num_epochs))
    for name in ("train_delta_energy_std", "probe_delta_energy_std"):
        rows[name] = np.abs(energy) + np.arange(num_epochs)
    path = tmp_path / "export.csv"
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(EPOCH_DTYPE.names)
        writer.writerows([repr(float(value)) for value in row.item()] for row in rows)
    expected = run_detector(rows, train_attack="pgd-10")
    verdict = judge(read_curves(path), "pgd-10")
    assert verdict.onsets == expected.onsets
    assert verdict.cannot_tell == expected.doubts


def test_the_command_says_the_same_of_a_log_and_of_its_export(workbench, tmp_path) -> None:
    """Through the files: written as a log, read back, exported with the log's own column names."""
    (tmp_path / "small").mkdir()
    keys = SampleKeys(index=np.arange(3), label=np.zeros(3, dtype=np.int32))
    with EnergyLog.open(write_small_log(tmp_path / "small")) as small:
        meta = small.meta
    (tmp_path / "run").mkdir()
    with LogWriter.create(tmp_path / "run" / "run.h5", meta, train=keys, probe=keys) as writer:
        for epoch, (fgsm, pgd) in enumerate(zip(FGSM, PGD, strict=True)):
            energies = SampleTable.empty(3)
            energies.energy[:], energies.energy_adv[:] = 0.0, np.arange(3) * (1 + epoch)
            row = {"epoch": epoch, "fgsm_accuracy": fgsm, "pgd_accuracy": pgd, "last_step": 10 * epoch + 10}
            writer.append_epoch(row, energies, energies)
    with EnergyLog.open(tmp_path / "run") as log, (tmp_path / "run.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([EPOCH_DTYPE.names, *(row.item() for row in log.epochs())])
    of_log = json.loads(workbench("onset", tmp_path / "run", "--json")[1])["onsets"]
    of_table = json.loads(workbench("onset", "--curves", tmp_path / "run.csv", "--json")[1])["onsets"]
    assert [onset["epoch"] for onset in of_log] == [4]
    assert of_table == of_log
    assert "since epoch 4, step 40" in workbench("onset", tmp_path / "run")[1]


def test_a_flag_sees_only_the_rows_before_it(tmp_path) -> None:
    path = table(tmp_path / "ro.csv", epoch=list(range(30)), robust_acc=DECAYING, train_robust_acc=RISING)
    (onset,) = judge(read_curves(path)).onsets
    lines = path.read_text().splitlines()
    for length in range(2, len(lines) + 1):
        prefix = write(tmp_path / "prefix.csv", *lines[:length])
        assert judge(read_curves(prefix)).onsets == ((onset,) if length - 2 >= onset.detected_epoch else ())


def test_runs_are_still_read_without_the_option(workbench, tmp_path) -> None:
    assert workbench("onset", write_small_log(tmp_path))[0] == 0
