"""``workbench probe`` as a process: foreign files into a log that every other command takes."""

import json
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F

from tests.conftest import Cli, assert_refused
from trainers.checkpoints import save_weights
from trainers.data import Split, load_data
from trainers.energylog import EnergyLog, decode
from trainers.energylog.attack_tables import AttackTables
from trainers.models import ModelSpec, build_model
from workbench.cli.main import main

SPEC = ModelSpec(name="small-cnn", width=4, in_channels=1, num_classes=10, mean=(0.3,), std=(0.38,))
FACTS = {"data": "digits", "eps": 0.1, "class_names": tuple("0123456789"), "image_shape": (1, 8, 8), "probe_size": 90}


def trained(steps: int) -> nn.Module:
    torch.manual_seed(0)
    data, model = load_data("digits").train, build_model(SPEC)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9)
    for step in range(steps):
        x, y = data.batch(torch.arange(48) + 48 * step)
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
    return model.eval()


@pytest.fixture(scope="module")
def models() -> list[nn.Module]:
    return [trained(steps) for steps in (3, 9, 20)]


@pytest.fixture
def own(models: list[nn.Module], tmp_path: Path) -> list[str]:
    """Three of our own checkpoints."""
    names = [f"epoch-{number:06d}.safetensors" for number in range(3)]
    for model, name in zip(models, names, strict=True):
        save_weights(tmp_path / name, model, SPEC, FACTS)
    return names


def foreign(model: nn.Module, prefix: str = "") -> dict[str, torch.Tensor]:
    return {prefix + k: v for k, v in model.state_dict().items() if not k.startswith("normalize.")}


@pytest.fixture(scope="module")
def probe_images() -> Split:
    return load_data("digits", probe_size=90).probe


Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command in this process, for what needs no process of its own."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        with pytest.raises(SystemExit) as end:
            main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, end.value.code or 0, printed.out, printed.err)

    return run


def accuracy(model: nn.Module, split: Split) -> float:
    x, y = split.batch(torch.arange(len(split)))
    with torch.no_grad():
        return float((model(x).argmax(1) == y).double().mean())


def events(log: EnergyLog) -> list[str]:
    return [decode(event["message"]) for event in log.events()]


def test_our_own_checkpoints_need_nothing_else(
    own: list[str], models: list[nn.Module], probe_images: Split, cli: Cli, here: Run, tmp_path: Path
) -> None:
    result = cli("probe", *own, "--attack", "pgd-3", "--out", "out")
    assert result.returncode == 0, result.stderr
    assert "\x1b" not in result.stdout + result.stderr
    assert "Attacks side by side" not in result.stdout
    assert [line.split("  ")[0] for line in result.stderr.splitlines()[1:]] == [f"probe {n}/3" for n in (1, 2, 3)]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["run.h5"]
    with EnergyLog.open(tmp_path / "out") as log:
        assert log.status == "finished"
        assert (log.meta.method, log.meta.probe_attack, log.meta.train_attack) == ("probe", "pgd-3", None)
        assert log.meta.config["checkpoints"] == own
        assert (log.meta.config["eps"], log.meta.config["model"]) == (0.1, "small-cnn")
        rows = log.epochs()
        assert rows["clean_accuracy"].tolist() == pytest.approx([accuracy(model, probe_images) for model in models])
        assert np.array_equal(log.keys("probe").index, probe_images.index)
        assert len(log.keys("train")) == 0
        assert events(log) == [f"{name}; one of our own checkpoints" for name in own]
        for epoch, row in enumerate(rows):
            adversarial = log.samples("probe", "correct_adv", epoch)
            assert row["pgd_accuracy"] == pytest.approx(adversarial.mean())
            assert np.isfinite(log.samples("probe", "joint_energy_adv", epoch)).all()
    for command in (["inspect", "out", "--json"], ["onset", "out"], ["compare", "out", "out"], ["check", "out"]):
        assert here(*command).returncode == 0, command
    shown = json.loads(here("inspect", "out", "--json").stdout)
    assert shown["attacks"] is None
    assert shown["epochs"][0]["delta_energy"]["set"] == "probe"
    merits = [(row["pgd_accuracy"], row["clean_accuracy"]) for row in shown["epochs"]]
    best = merits.index(max(merits))
    assert shown["run"]["checkpoint"]["path"] == str(tmp_path / own[best])


def test_foreign_files_and_several_attacks(
    models: list[nn.Module], probe_images: Split, here: Run, tmp_path: Path
) -> None:
    torch.save({"state_dict": foreign(models[2], "module."), "lr": np.float64(0.1)}, tmp_path / "ep_10.pth")
    torch.save({"best": foreign(models[0]), "last": {}}, tmp_path / "ep_9.pth", _use_new_zipfile_serialization=False)
    torch.save(
        {"model": foreign(models[1], "1.") | {"0.mu": torch.tensor([0.3]), "0.sigma": torch.tensor([0.38])}},
        tmp_path / "ep_2.pth",
    )
    result = here(
        *("probe", "ep_10.pth", "ep_9.pth", "ep_2.pth", "--order", "number", "--model", "small-cnn"),
        *("--mean", "0.3", "--std", "0.38", "--data", "digits", "--num", "90", "--eps", "0.1", "--json"),
        *("--attack", "pgd-3,fgsm,random-noise", "--out", "a/b/x.h5", "--figure", "a/figure.png", "--method", "trades"),
    )
    assert result.returncode == 0, result.stderr
    shown = json.loads(result.stdout)
    assert shown["run"]["method"] == "trades"
    expected = [accuracy(models[number], probe_images) for number in (1, 0, 2)]
    assert [row["clean_accuracy"] for row in shown["epochs"]] == pytest.approx(expected)
    assert "these checkpoints may have seen; see --split test" in result.stderr
    assert "shortcut: activated, by clean accuracy of ep_10.pth" in result.stderr
    assert "set aside NumPy values; stripped 'module.'" in result.stderr
    assert len(shown["attacks"]["epochs"]) == 3 * 4
    with EnergyLog.open(tmp_path / "a/b/x.h5") as log, AttackTables.open(tmp_path / "a/b/x.attacks.h5") as tables:
        assert tables.inputs == ("natural", "pgd-3", "fgsm", "random-noise")
        assert np.array_equal(tables.values("energy", 2)[0], log.samples("probe", "energy", 2))
        assert np.array_equal(tables.values("energy", 2)[1], log.samples("probe", "energy_adv", 2))
        assert tables.keys().same_as(log.keys("probe"))
        assert tables.statistics()["accuracy"][:, 2] == pytest.approx(log.epochs()["fgsm_accuracy"])
    text = here("inspect", "a/b/x.h5").stdout
    assert "Attacks side by side, epoch 2" in text
    assert max(len(line) for line in text.splitlines() if str(tmp_path) not in line) <= 80  # paths are whole
    with Image.open(tmp_path / "a/figure.png") as image:
        assert np.asarray(image.convert("L")).std() > 10


@pytest.fixture
def interrupted(own: list[str], tmp_path: Path) -> list[str]:
    """The arguments of a probe of three checkpoints that was stopped by Ctrl-C after the first."""
    arguments = ["probe", *own, "--attack", "pgd-12,random-noise", "--out", "stopped.h5"]
    with subprocess.Popen(
        [sys.executable, "-m", "workbench", *arguments], stderr=subprocess.PIPE, text=True, cwd=tmp_path
    ) as process:
        assert process.stderr is not None
        lines = []
        for line in process.stderr:
            lines.append(line)
            if line.startswith("probe 1/3"):
                process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130, lines
    assert lines[-1] == f"stopped; go on with: workbench {' '.join(arguments)} --resume\n"
    return arguments


def test_an_interrupted_probe_goes_on(interrupted: list[str], here: Run, tmp_path: Path) -> None:
    with EnergyLog.open(tmp_path / "stopped.h5") as log:
        assert log.status == "stopped"
        assert 1 <= log.committed < 3
    assert_refused(here(*interrupted), "stopped.h5 exists; go on with --resume, or choose another --out")
    others = [*interrupted[:-3], "pgd-11,random-noise", *interrupted[-2:]]
    assert_refused(here(*others, "--resume"), "was begun with other settings (attacks)")
    result = here(*interrupted, "--resume")
    assert result.returncode == 0, result.stderr
    assert "probe 1/3" not in result.stderr
    assert here(*interrupted[:-1], "whole.h5").returncode == 0
    with EnergyLog.open(tmp_path / "stopped.h5") as log, EnergyLog.open(tmp_path / "whole.h5") as whole:
        assert (log.status, log.committed) == ("finished", 3)
        for name in ("clean_accuracy", "pgd_accuracy", "probe_delta_energy_mean"):
            assert np.array_equal(log.epochs()[name], whole.epochs()[name])
        for epoch in range(3):
            assert np.array_equal(
                log.samples("probe", "energy_adv", epoch), whole.samples("probe", "energy_adv", epoch)
            )
    with (
        AttackTables.open(tmp_path / "stopped.attacks.h5") as tables,
        AttackTables.open(tmp_path / "whole.attacks.h5") as whole_tables,
    ):
        assert tables.statistics().tobytes() == whole_tables.statistics().tobytes()
    again = here(*interrupted, "--resume")
    assert again.returncode == 0, again.stderr
    assert "already finished" in again.stderr
    assert_refused(here(*interrupted, "--resume", "--eps", "0.2"), "was begun with other settings (eps)")
    assert_refused(here(*interrupted, "--resume", "--method", "pgd"), "was begun with other settings (method)")


def test_a_torchscript_program_without_a_normaliser(models: list[nn.Module], here: Run, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(torch.jit.trace(models[2], torch.rand(2, 1, 8, 8)), tmp_path / "net.pt")
    program = ("net.pt", "--model", "torchscript", "--data", "digits", "--num", 20, "--eps", "0.1")
    result = here("probe", *program, "--attack", "fgsm", "--out", "o.h5")
    assert result.returncode == 0, result.stderr
    with EnergyLog.open(tmp_path / "o.h5") as log:
        expected = accuracy(models[2], load_data("digits", train_size=1, probe_size=20).probe)
        assert log.epochs()["clean_accuracy"] == pytest.approx(expected)
    plane = here("landscape", *program, "--attack", "fgsm", "--grid", 3, "--out", "l.h5")
    assert plane.returncode == 0, plane.stderr


class Marker:
    """Its pickle runs a shell command."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, (f"touch {self.path}",)


def test_a_malicious_checkpoint_is_one_line(models: list[nn.Module], here: Run, tmp_path: Path) -> None:
    torch.save({"state_dict": foreign(models[0]), "x": Marker(tmp_path / "it-ran")}, tmp_path / "evil.pt")
    result = here("probe", "evil.pt", "--model", "small-cnn", "--shortcut", "raw", "--data", "digits", "--out", "o.h5")
    assert_refused(result, "evil.pt is refused: reading it would run posix.system")
    assert not (tmp_path / "it-ran").exists()


def test_a_grey_model_on_colour_images_says_so(models: list[nn.Module], here: Run, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3), dtype=np.uint8)
    for number, image in enumerate(pixels):
        folder = tmp_path / "rgb" / "train" / str(number % 10)
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / f"{number}.png")
    torch.save(foreign(models[0]), tmp_path / "a.pt")
    command = ["probe", "a.pt", "--model", "small-cnn", "--data", "folder:rgb", "--num", 20, "--attack", "fgsm"]
    assert_refused(
        here(*command, "--out", "o.h5"),
        "a.pt takes images of 1 channels, but the data have 3; --image-mode grey converts them",
    )
    assert here(*command, "--out", "o.h5", "--image-mode", "grey", "--shortcut", "raw").returncode == 0
    with EnergyLog.open(tmp_path / "o.h5") as log:
        assert log.meta.config["image_mode"] == "grey"
        assert log.meta.config["data"] == f"folder:{tmp_path}/rgb"


def test_a_model_that_does_not_fit_leaves_no_log(models: list[nn.Module], here: Run, tmp_path: Path) -> None:
    torch.save(foreign(models[0]), tmp_path / "a.pt")
    command = ["probe", "a.pt", "--data", "digits", "--num", 20, "--attack", "fgsm", "--out", "out/o.h5"]
    assert_refused(here(*command, "--model", "torch.nn:Identity"), "a.pt")
    assert not (tmp_path / "out").exists()
    assert here(*command, "--model", "small-cnn", "--shortcut", "raw").returncode == 0


def test_a_damaged_file_in_the_middle_keeps_what_was_measured(own: list[str], here: Run, tmp_path: Path) -> None:
    content = (tmp_path / own[1]).read_bytes()
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(content[:-4000])
    result = here("probe", own[0], "broken.safetensors", own[2], "--attack", "fgsm", "--out", "o.h5")
    assert result.returncode == 2
    assert "broken.safetensors" in result.stderr.splitlines()[-1]
    broken.write_bytes(content)
    again = here("probe", own[0], "broken.safetensors", own[2], "--attack", "fgsm", "--out", "o.h5", "--resume")
    assert again.returncode == 0, again.stderr
    with EnergyLog.open(tmp_path / "o.h5") as log:
        assert log.committed == 3


def test_bad_usage(own: list[str], here: Run, tmp_path: Path) -> None:
    (tmp_path / "page.pt").write_text("<html></html>")
    plain = ["--out", "o.h5"]
    for arguments, said in (
        ([own[0], "--attack", "pgd-0", *plain], "attack 'pgd-0' must have 1 to 10000 steps"),
        ([own[0], "--attack", "autopgd", *plain], "unknown attack 'autopgd'"),
        ([own[0], "--eps", "0", *plain], "eps must lie in (0, 1]"),
        ([own[0], "--eps", "eight", *plain], "not a number: 'eight'"),
        ([own[0], "--figure", "a.png", *plain], "name more than one in --attack"),
        ([own[0], "--figure", "a.txt", "--attack", "fgsm,pgd-2", *plain], "a.txt: its name must end in .png"),
        ([own[0], "--num", "5000", *plain], "too few for 5000 probe"),
        ([own[0], "absent.pt", *plain], "no such checkpoint: absent.pt"),
        (["page.pt", *plain], "page.pt is a web page"),
        ([own[0], "--resume", *plain], "o.h5 does not exist"),
    ):
        assert_refused(here("probe", *arguments), said)
    assert not (tmp_path / "o.h5").exists()
