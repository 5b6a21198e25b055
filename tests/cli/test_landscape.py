"""``workbench landscape`` as a user meets it."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.conftest import Cli, assert_refused, write_small_log
from tests.landscape.landscapes import landscape_of
from tests.test_import_hygiene import loaded_by
from trainers.checkpoints import save_weights
from trainers.models import ModelSpec, build_model
from workbench.landscape import FIGURES, Landscape, read_landscape, write_landscape
from workbench.report.landscape_map import heat_map

FIGURE_NAMES = [figure.name for figure in FIGURES]
QUICK = ("--num", 3, "--grid", 7, "--attack", "pgd-2")


def wave(**facts: object) -> Landscape:
    return landscape_of(lambda a, b: np.sin(2 * a) + 0.5 * b, num=4, gradient=(2.0, 0.5), **facts)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network for digits in a run, with fresh weights."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("made") / "run"
    path = folder / "checkpoints" / "epoch-000002.safetensors"
    path.parent.mkdir(parents=True)
    write_small_log(folder)
    spec = ModelSpec(name="small-cnn", width=2, in_channels=1, num_classes=10, mean=(0.3,), std=(0.4,))
    facts = {"data": "digits", "eps": 0.2, "method": "fgsm", "class_names": [str(k) for k in range(10)]}
    save_weights(path, build_model(spec), spec, facts)
    return path


def test_measure_keep_and_show_again(cli: Cli, checkpoint: Path, tmp_path: Path) -> None:
    run = checkpoint.parent.parent
    result = cli("landscape", run, "--epoch", "last", *QUICK, "--planes", "p.csv", "--csv", "f.csv")
    assert result.returncode == 0, result.stderr
    assert "\x1b" not in result.stdout
    file = run / "landscape-epoch-000002.h5"
    landscape = read_landscape(file)
    assert landscape.facts.title == "run, epoch 2"
    assert (landscape.facts.method, landscape.facts.eps, landscape.facts.attack) == ("fgsm", 0.2, "pgd-2")
    assert landscape.energy.shape == (3, 7, 7)
    np.testing.assert_allclose(landscape.energy[:, 3, 3], landscape.natural, atol=1e-5)

    again = cli("landscape", file)
    assert again.stdout == result.stdout
    assert "run, epoch 2" in again.stdout
    assert str(file) in again.stdout
    assert max(map(len, again.stdout.splitlines()[8:])) <= 80

    rows = list(csv.DictReader(io.StringIO((tmp_path / "p.csv").read_text())))
    assert len(rows) == 3 * 7 * 7
    corner = next(row for row in rows if (row["a"], row["b"]) == ("1.5", "-1.5"))
    assert float(corner["energy"]) == landscape.energy[0, 0, -1]
    rows = list(csv.DictReader(io.StringIO((tmp_path / "f.csv").read_text())))
    assert [int(row["index"]) for row in rows] == landscape.index.tolist()
    assert float(rows[1]["delta_energy"]) == landscape.natural[1] - landscape.adversarial[1]


def test_samples_are_measured_alike_alone_and_among_others(cli: Cli, checkpoint: Path, tmp_path: Path) -> None:
    first = cli("landscape", checkpoint, *QUICK, "--out", "some.h5", "--json")
    assert first.returncode == 0, first.stderr
    some = read_landscape(tmp_path / "some.h5")
    wanted = [str(some.index[2]), str(some.index[0])]
    second = cli("landscape", checkpoint, "--samples", ",".join(wanted), *QUICK[2:], "--out", "two.h5", "--json")
    assert second.returncode == 0, second.stderr
    two = read_landscape(tmp_path / "two.h5")
    assert two.index.tolist() == [some.index[2], some.index[0]]
    np.testing.assert_allclose(two.energy, some.energy[[2, 0]], atol=1e-5)
    np.testing.assert_array_equal(two.outline, some.outline[[2, 0]])
    assert [sample["index"] for sample in json.loads(second.stdout)["samples"]] == two.index.tolist()


def test_a_checkpoint_made_elsewhere(cli: Cli, checkpoint: Path, tmp_path: Path) -> None:
    from trainers.checkpoints import load_weights

    model, _ = load_weights(checkpoint)
    state = {f"module.{name}": tensor for name, tensor in model.state_dict().items() if "normalize" not in name}
    torch.save({"state_dict": state, "epoch": 3}, tmp_path / "theirs.pth")
    given = ("--model", "small-cnn", "--mean", "0.3", "--std", "0.4", "--data", "digits", "--eps", "1/5")
    result = cli("landscape", "theirs.pth", *given, "--shortcut", "activated", *QUICK)
    assert result.returncode == 0, result.stderr
    assert "theirs.pth: " in result.stderr
    theirs = read_landscape(tmp_path / "theirs.landscape.h5")
    assert theirs.facts.epoch is None
    assert cli("landscape", checkpoint, *QUICK, "--out", "ours.h5").returncode == 0
    np.testing.assert_allclose(theirs.energy, read_landscape(tmp_path / "ours.h5").energy, atol=1e-5)


def test_json(cli: Cli, tmp_path: Path) -> None:
    landscape = wave()
    energy = landscape.energy.copy()
    energy[1, 0, 0] = np.nan
    write_landscape(tmp_path / "l.h5", replace(landscape, energy=energy))
    value = json.loads(cli("landscape", "l.h5", "--json").stdout)
    assert list(value) == ["path", "facts", "figures", "samples"]
    assert list(value["figures"]) == FIGURE_NAMES
    assert value["figures"]["linearity_error"]["mean"] == pytest.approx(3 - np.sin(3), rel=1e-5)
    assert value["samples"][1]["figures"]["range"] is None
    assert value["samples"][0]["class"] == "zero"
    both = json.loads(cli("landscape", "l.h5", "l.h5", "--json").stdout)
    assert [entry["path"] for entry in both["landscapes"]] == ["l.h5", "l.h5"]
    told = cli("landscape", "l.h5").stdout
    assert "1 of 4 samples have energies that are not finite" in told


def test_several_are_laid_side_by_side(cli: Cli, tmp_path: Path) -> None:
    write_landscape(tmp_path / "a.h5", wave(name="fgsm"))
    write_landscape(tmp_path / "b.h5", landscape_of(lambda a, b: 0 * a * b, num=4, name="dead", epoch=None))
    result = cli("landscape", "a.h5", "b.h5", "--figure", "f.png")
    assert result.returncode == 0, result.stderr
    assert max(map(len, result.stdout.splitlines())) <= 80
    header = next(line for line in result.stdout.splitlines() if line.startswith("median"))
    assert header.split() == ["median", "fgsm,", "epoch", "3", "dead"]
    line = next(line for line in result.stdout.splitlines() if line.startswith("R²"))
    assert line.split()[2] == "–"
    assert "Not comparable" not in result.stdout
    with Image.open(tmp_path / "f.png") as picture:
        assert picture.width > 400
        assert len(picture.convert("RGB").getcolors(2**20)) > 50


def test_what_cannot_be_compared_is_said(cli: Cli, tmp_path: Path) -> None:
    write_landscape(tmp_path / "a.h5", wave())
    write_landscape(tmp_path / "b.h5", wave(eps=0.2, clip=True))
    write_landscape(tmp_path / "c.h5", wave(data_digest="2" * 64))
    assert "Not comparable: measured with different eps, clip." in cli("landscape", "a.h5", "b.h5").stdout
    assert "Not comparable: measured with different samples." in cli("landscape", "a.h5", "c.h5").stdout


def test_names_from_files_are_shown_as_they_are(cli: Cli, tmp_path: Path) -> None:
    names = ("[bold]$x^2$", "b\x1b[31m")
    write_landscape(tmp_path / "l.h5", wave(name="[red]n\x1b[2J:smile:", class_names=names, device="\x07d"))
    result = cli("landscape", "l.h5", "--figure", "f.png", "--csv", "f.csv")
    assert result.returncode == 0, result.stderr
    assert "\x1b" not in result.stdout + (tmp_path / "f.csv").read_text()
    for text in ("[red]n\\x1b[2J:smile:", "5 ([bold]$x^2$)", "6 (b\\x1b[31m)", "\\x07d"):
        assert text in result.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["gone"], ["no such run or checkpoint", "gone"]),
        (["text"], ["text"]),
        (["text", "--grid", 4], ["--grid", "odd"]),
        (["text", "--reach", 0], ["--reach"]),
        (["text", "--energy", "free"], ["--energy", "marginal, joint"]),
        (["text", "--eps", "x"], ["not a number"]),
        (["text", "--samples", "1,x"], ["--samples", "'x'"]),
        (["text", "--samples", "1,1"], ["--samples", "once"]),
        (["text", "--samples", "1", "--num", 2], ["--num", "--samples"]),
        (["text", "--num", 10**6], ["--num or --grid"]),
        (["text", "l.h5", "--figure", "f.pdf"], ["f.pdf", ".png"]),
        (["text", "--out", "text"], ["text", "no whole landscape"]),
        (["text", "--out", "run.h5"], ["run.h5", "name of a run"]),
        (["text", "text", "--out", "x.h5"], ["--out", "2 landscapes"]),
        (["l.h5", "--eps", "0.1", "--batch-size", 4], ["--eps, --batch-size", "measured already"]),
        (["broken.h5"], ["broken.h5", "damaged"]),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, list) else "",
)
def test_bad_input_is_refused(arguments: list[object], words: list[str], cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    write_landscape(tmp_path / "l.h5", wave())
    (tmp_path / "broken.h5").write_bytes((tmp_path / "l.h5").read_bytes()[:3000])
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert_refused(cli("landscape", *arguments), *words)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_showing_loads_nothing_heavy(tmp_path: Path) -> None:
    write_landscape(tmp_path / "l.h5", wave())
    assert loaded_by("landscape", tmp_path / "l.h5") == []
    assert loaded_by("landscape", "--help") == []


def test_the_map_marks_both_points_in_the_right_places() -> None:
    landscape = wave(reach=2.0, grid=21)
    lines = heat_map(landscape, 80, colour=False).plain.splitlines()
    assert lines[0].split() == ["5", "(zero)", "6", "(one)", "7", "(zero)"]
    tile = 21
    assert lines[1 + tile // 4][tile // 2] == "O"
    assert lines[1 + tile // 4][tile // 2 + 5] == "X"  # a = 1 of 2 is half way from the middle to the edge
    # b grows upwards and E with it: the ramp is brighter in the first line than in the last of the tile
    assert " .:-=+*#%@".index(lines[1][0]) > " .:-=+*#%@".index(lines[tile // 2 + 1][0])
    coloured = heat_map(landscape, 80, colour=True)
    assert coloured.plain.count("▀") > 500
