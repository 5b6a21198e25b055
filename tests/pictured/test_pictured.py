"""Pictures of samples against plain torch; what is kept of them and when it counts."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import save_file
from torch.nn import functional as F

from trainers.checkpoints import load_weights, save_weights
from trainers.data import load_data
from trainers.errors import WorkbenchError
from trainers.models import ModelSpec, build_model
from workbench.pictured import make
from workbench.pictured.make import pictures_for
from workbench.pictured.spec import PictureSpec, pictures_path
from workbench.pictured.store import load_pictures
from workbench.report.pictured import side_by_side
from workbench.target import Target, find_target

EPS = 0.2


def write_checkpoint(path: Path, **facts: object) -> Target:
    torch.manual_seed(0)
    spec = ModelSpec(name="small-cnn", width=4, in_channels=1, num_classes=10, mean=(0.5,), std=(0.25,))
    known = {
        "method": "fgsm",
        "data": "digits",
        "eps": EPS,
        "class_names": tuple("0123456789"),
        "image_shape": (1, 8, 8),
        "probe_size": 300,
    }
    save_weights(path, build_model(spec), spec, known | facts)
    return find_target(path)


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("pictured") / "model.safetensors").checkpoint


@pytest.fixture
def target(pristine: Path, tmp_path: Path) -> Target:
    shutil.copy(pristine, tmp_path)
    return find_target(tmp_path / pristine.name)


@pytest.fixture(scope="module")
def some() -> tuple[int, ...]:
    return tuple(load_data("digits", train_size=0, probe_size=300).train.index[:6].tolist())


def test_they_are_those_of_plain_torch(target: Target, some: tuple[int, ...]) -> None:
    pictures, path, num_made = pictures_for(target, PictureSpec(samples=some))
    assert (num_made, pictures.index.tolist()) == (6, list(some))
    assert path.parent == target.derived
    model, _ = load_weights(target.checkpoint)
    train = load_data("digits", train_size=0, probe_size=300).train
    x, y = train.batch(torch.arange(6))
    x = x.clone().requires_grad_(True)
    F.cross_entropy(model(x), y, reduction="sum").backward()
    assert x.grad is not None
    x_adv = (x.detach() + EPS * x.grad.sign()).clamp(0, 1)
    assert np.array_equal(pictures.natural, x.detach().numpy())
    assert np.allclose(pictures.adversarial, x_adv.numpy(), atol=1e-6)
    with torch.no_grad():
        for images, energy, joint, predicted in (
            (x, pictures.energy, pictures.joint_energy, pictures.predicted),
            (x_adv, pictures.energy_adv, pictures.joint_energy_adv, pictures.predicted_adv),
        ):
            logits = model(images)
            assert np.allclose(energy, -logits.exp().sum(1).log().numpy(), atol=1e-4)
            assert np.allclose(joint, [-logits[row, label].item() for row, label in enumerate(y)], atol=1e-4)
            assert predicted.tolist() == logits.argmax(1).tolist()
    assert pictures.label.tolist() == y.tolist()


@pytest.mark.parametrize("attack", ["pgd-3", "rs-fgsm", "random-noise", "apgd-3"])
def test_a_picture_does_not_depend_on_the_others(target: Target, some: tuple[int, ...], attack: str) -> None:
    together, _, _ = pictures_for(target, PictureSpec(samples=some, attack=attack))
    alone, path, num_made = pictures_for(target, PictureSpec(samples=some[3:4], attack=attack), remake=True)
    assert num_made == 1
    assert attack in path.name
    assert np.array_equal(alone.adversarial[0], together.adversarial[3])
    assert np.abs(together.adversarial - together.natural).max() <= EPS + 1e-6
    assert 0 <= together.adversarial.min() <= together.adversarial.max() <= 1


def test_what_was_made_is_read_and_added_to(
    target: Target, some: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, path, _ = pictures_for(target, PictureSpec(samples=some[:2]))
    more, same, num_made = pictures_for(target, PictureSpec(samples=(some[4], some[1])))
    assert (same, num_made, more.index.tolist()) == (path, 1, [some[4], some[1]])
    assert np.array_equal(more.natural[1], first.natural[1])
    assert load_pictures(path).index.tolist() == [some[0], some[1], some[4]]
    with monkeypatch.context() as patch:
        patch.delattr(make, "load_training_data")  # what is there needs no data
        again, _, num_made = pictures_for(target, PictureSpec(samples=some[1:2]))
    assert (num_made, again.index.tolist()) == (0, [some[1]])
    monkeypatch.setattr(make, "MOST_BYTES", 2 * 2 * 64 * 4)  # two of them
    pictures, _, _ = pictures_for(target, PictureSpec(samples=(some[5], some[0])))
    assert pictures.index.tolist() == [some[5], some[0]]
    assert load_pictures(path).index.tolist() == [some[4], some[5]]


def test_other_seeds_splits_and_weights_are_other_pictures(target: Target, some: tuple[int, ...]) -> None:
    spec = PictureSpec(samples=some[:1], attack="random-noise")
    one, path, _ = pictures_for(target, spec)
    other, _, num_made = pictures_for(target, replace(spec, seed=1))
    assert num_made == 1
    assert not np.array_equal(one.adversarial, other.adversarial)
    probe = load_data("digits", train_size=0, probe_size=300).probe
    held_out, elsewhere, _ = pictures_for(target, PictureSpec(samples=(int(probe.index[7]),), split="probe"))
    assert held_out.label.tolist() == [int(probe.labels[7])]
    assert held_out.facts.attack == "pgd-10"
    assert elsewhere != path
    write_checkpoint(target.checkpoint, epoch=1)
    assert pictures_for(target, spec)[1] != path


@pytest.mark.parametrize("content", [b"", b"rubbish", b"\x02\0\0\0\0\0\0\0{}"])
def test_a_damaged_file_is_made_anew(target: Target, some: tuple[int, ...], content: bytes) -> None:
    spec, said = PictureSpec(samples=some[:1]), []
    _, path, _ = pictures_for(target, spec)
    path.write_bytes(content)
    assert pictures_for(target, spec, say=said.append)[2] == 1
    assert "not a whole file" in said[0]
    assert len(load_pictures(path)) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schema_version": 2}, "schema"),
        ({"eps": "much"}, "eps"),
        ({"image_shape": [3, 8, 8]}, "natural"),
        ({"more": 1}, "other ones"),
    ],
)
def test_files_that_do_not_fit_are_refused(
    target: Target, some: tuple[int, ...], change: dict[str, object], words: str
) -> None:
    _, path, _ = pictures_for(target, PictureSpec(samples=some[:2]))
    with safe_open(path, framework="np") as file:
        facts = json.loads(file.metadata()["facts"])
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    save_file(arrays, path, {"format": "workbench-pictures", "facts": json.dumps(facts | change)})
    with pytest.raises(WorkbenchError, match=words):
        load_pictures(path)


@pytest.mark.parametrize(
    ("facts", "spec", "words"),
    [
        ({}, {"samples": (10**9,)}, "no sample 1000000000 in the train split"),
        ({}, {"samples": (0,), "attack": "magic"}, "magic"),
        ({"method": "standard"}, {"samples": (0,)}, "without an attack"),
        ({"method": "[red]"}, {"samples": (0,)}, "by which method"),
        ({"eps": None}, {"samples": (0,)}, "eps"),
        ({"data": None}, {"samples": (0,)}, "--data"),
    ],
)
def test_what_cannot_be_made(tmp_path: Path, facts: dict[str, object], spec: dict[str, object], words: str) -> None:
    target = write_checkpoint(tmp_path / "model.safetensors", **facts)
    with pytest.raises(WorkbenchError) as refusal:
        pictures_for(target, PictureSpec(**spec))
    assert words in str(refusal.value)
    assert not target.derived.exists()


@pytest.mark.parametrize(
    "wrong", [{"samples": ()}, {"samples": (1, 1)}, {"samples": (1,), "split": "test"}, {"samples": (1,), "seed": -1}]
)
def test_wishes_that_make_no_sense(wrong: dict[str, object]) -> None:
    with pytest.raises(WorkbenchError):
        PictureSpec(**wrong)


def test_an_attacks_name_cannot_lead_elsewhere(tmp_path: Path) -> None:
    for attack in ("../x", "", "-x", "a/b", "A", "x" * 60, "fgsm\n"):
        assert pictures_path(tmp_path, digest="0" * 64, split="train", attack=attack) is None
    assert pictures_path(tmp_path, digest="0" * 64, split="../x", attack="fgsm") is None


def test_the_difference_of_all_has_one_scale() -> None:
    natural = np.zeros((2, 1, 1, 2), np.float32)
    adversarial = np.array([[[[0.5, 0.0]]], [[[0.25, 0.5]]]], np.float32)
    pictures, limit = side_by_side(natural, adversarial)
    assert (pictures.shape, limit) == ((6, 3, 1, 2), 0.5)
    assert pictures[1, :, 0, 0].tolist() == [128, 128, 128]
    assert np.array_equal(pictures[2, :, 0, 0], pictures[5, :, 0, 1])  # the same change has the same colour
    assert not np.array_equal(pictures[2, :, 0, 0], pictures[5, :, 0, 0])
    same, limit = side_by_side(natural, natural)
    assert limit == 0
    assert np.array_equal(same[2], pictures[2, :, :, 1:].repeat(2, axis=2))
