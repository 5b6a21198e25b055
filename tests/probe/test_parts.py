"""The small parts: order, names, normalisers, images."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from trainers.data import Split
from trainers.errors import WorkbenchError
from workbench.probe import in_order, parse_normaliser
from workbench.probe.images import load_images, to_mode
from workbench.probe.order import names_of

CIFAR_STD = (0.2471, 0.2435, 0.2616)


def test_orders(tmp_path: Path) -> None:
    names = ("model_10.pt", "model_9.pt", "last_v2_11.pth")
    paths = [tmp_path / name for name in names]
    for age, path in enumerate(paths):
        path.touch()
        os.utime(path, (1000 - age, 1000 - age))
    ten, nine, eleven = paths
    assert in_order(paths, "given") == [ten, nine, eleven]
    assert in_order(paths, "name") == [eleven, ten, nine]
    assert in_order(paths, "number") == [nine, ten, eleven]
    assert in_order(paths, "time") == [eleven, nine, ten]


def test_orders_that_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError, match="--order must be one of given, name, number, time"):
        in_order([tmp_path], "size")
    with pytest.raises(WorkbenchError, match=r"no number in best\.pt4"):
        in_order([tmp_path / "model_1.pt", tmp_path / "best.pt4"], "number")


def test_names_tell_checkpoints_apart() -> None:
    assert names_of([Path("/a/x.pt"), Path("/a/y.pt")]) == ["x.pt", "y.pt"]
    assert names_of([Path("/a/1/x.pt"), Path("/a/2/x.pt"), Path("/a/2/y.pt")]) == ["1/x.pt", "2/x.pt", "2/y.pt"]
    assert names_of([Path("x.pt"), Path("x.pt")]) == ["x.pt", "x.pt"]


@pytest.mark.parametrize(
    ("mean", "std", "input_range", "expected"),
    [
        (None, None, None, None),
        ("cifar10", None, None, ((0.4914, 0.4822, 0.4465), CIFAR_STD)),
        (None, "engstrom", None, ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010))),
        ("cifar10", "cifar10", None, ((0.4914, 0.4822, 0.4465), CIFAR_STD)),
        ("pm1", None, None, ((0.5,), (0.5,))),
        ("none", None, None, ((0.0,), (1.0,))),
        ("0.5,0.25", "1/4", None, ((0.5, 0.25), (0.25, 0.25))),
        (None, None, "-1,1", ((0.5,), (0.5,))),
        (None, None, "0,255", ((0.0,), (1 / 255,))),
        ("127.5", "127.5", "0,255", ((0.5,), (0.5,))),
        ("103.5,116.3,123.7", "1", "0,255", ((103.5 / 255, 116.3 / 255, 123.7 / 255), (1 / 255,) * 3)),
    ],
)
def test_normalisers(mean: str, std: str, input_range: str, expected: object) -> None:
    found = parse_normaliser(mean, std, input_range)
    if expected is None:
        assert found is None
    else:
        assert found == (pytest.approx(expected[0]), pytest.approx(expected[1]))


@pytest.mark.parametrize(
    ("mean", "std", "input_range", "said"),
    [
        ("0.5", None, None, "go together"),
        ("cifar10", "0.2", None, "go together"),
        ("cifar10", "engstrom", None, "go together"),
        ("cifar", None, None, "go together"),
        ("cifar", "cifar", None, "--mean must be numbers between commas or one of cifar10"),
        ("0.5,0.5", "1,1,1", None, "--mean has 2 numbers, --std 3"),
        ("0.5", "0", None, "above 0"),
        (None, None, "1,0", "LOW,HIGH"),
        (None, None, "1", "LOW,HIGH"),
        (None, None, "a,b", "--input-range must be numbers"),
    ],
)
def test_normalisers_that_are_refused(mean: str, std: str, input_range: str, said: str) -> None:
    with pytest.raises(WorkbenchError, match=said):
        parse_normaliser(mean, std, input_range)


def test_grey_is_that_of_pillow() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 9, 7, 3), dtype=np.uint8)
    expected = np.stack([np.asarray(Image.fromarray(image).convert("L")) for image in pixels])
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2)
    split = Split(images=images, scale=1 / 255, labels=torch.zeros(5), index=torch.arange(5))
    assert np.array_equal(to_mode(split, "grey").images[:, 0].numpy(), expected)
    real = Split(images=images / 255, scale=1.0, labels=torch.zeros(5), index=torch.arange(5))
    assert np.abs(to_mode(real, "grey").images[:, 0].numpy() * 255 - expected).max() < 0.51
    assert to_mode(split, "rgb") is split
    assert to_mode(split, None) is split
    back = to_mode(to_mode(split, "grey"), "rgb").images
    assert back.shape == (5, 3, 9, 7)
    assert torch.equal(back[:, 0], back[:, 2])
    with pytest.raises(WorkbenchError, match="--image-mode must be one of grey, rgb"):
        to_mode(split, "cmyk")


def test_the_probe_images_are_those_of_a_run() -> None:
    """A run that holds out 120 digits has never seen the first 50 of them either."""
    facts = {"probe_size": 120}
    all_of_them, names = load_images("digits", "probe", None, facts)
    few, _ = load_images("digits", "probe", 50, facts)
    train, _ = load_images("digits", "train", None, facts)
    test, _ = load_images("digits", "test", 100, facts)
    assert names == tuple("0123456789")
    assert [len(all_of_them), len(few), len(train), len(test)] == [120, 50, 1377, 100]
    assert set(few.index.tolist()) <= set(all_of_them.index.tolist())
    assert not set(all_of_them.index.tolist()) & set(train.index.tolist())
    assert not set(test.index.tolist()) & (set(train.index.tolist()) | set(all_of_them.index.tolist()))
    counts = torch.bincount(test.labels)
    assert counts.min() >= 8
    assert counts.max() <= 12
    assert (test.index.diff() > 0).all()


@pytest.mark.parametrize(
    ("split", "num", "said"),
    [("validation", None, "--split must be"), ("probe", 0, "--num must be"), ("test", 301, "more than the 300 images")],
)
def test_images_that_are_refused(split: str, num: int | None, said: str) -> None:
    with pytest.raises(WorkbenchError, match=said):
        load_images("digits", split, num, {})
