"""Arrays in a file: every layout gives the same images, and what does not fit is refused without being executed."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from refusals import refuses

from trainers.data import Data, load_data, load_test

NOISE = np.random.default_rng(1)
NUM, HEIGHT, WIDTH = 30, 5, 7
LABELS = np.arange(NUM) % 3


def images(channels: int) -> NDArray[np.uint8]:
    """Images (N, C, H, W), uint8."""
    return NOISE.integers(0, 256, (NUM, channels, HEIGHT, WIDTH), dtype=np.uint8)


def save(tmp_path: Path, **arrays: Any) -> Path:
    path = tmp_path / "data.npz"
    np.savez_compressed(path, **arrays)
    return path


def load(path: Path, probe_size: int = 6, train_size: int = 0) -> Data:
    return load_data(f"npz:{path}", train_size=train_size, probe_size=probe_size)


LAYOUTS = {
    "NHW": (1, lambda nchw: nchw[:, 0]),
    "NHWC grey": (1, lambda nchw: nchw.transpose(0, 2, 3, 1)),
    "NHWC colour": (3, lambda nchw: nchw.transpose(0, 2, 3, 1)),
    "NCHW grey": (1, lambda nchw: nchw),
    "NCHW colour": (3, lambda nchw: nchw),
    "NCHW, column-major": (3, np.asfortranarray),
}
DTYPES = {
    "uint8": lambda values: values,
    "float32": lambda values: (values / 255).astype(np.float32),
    "float64": lambda values: values / 255,
    "big-endian float": lambda values: (values / 255).astype(">f4"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("with_probe", [False, True])
def test_every_layout_and_type_gives_the_same_images(tmp_path: Path, layout: str, dtype: str, with_probe: bool) -> None:
    channels, arrange = LAYOUTS[layout]
    train, probe = images(channels), images(channels)[:9]
    arrays = {"x_train": DTYPES[dtype](arrange(train)), "y_train": LABELS.astype(np.uint8)}
    if with_probe:
        arrays |= {"x_probe": DTYPES[dtype](arrange(probe)), "y_probe": LABELS[:9].astype(np.int16)}
    data = load(save(tmp_path, **arrays))
    assert data.in_channels == channels
    assert data.class_names == ("0", "1", "2")
    assert (len(data.train), len(data.probe)) == (NUM if with_probe else NUM - 6, 6)
    for split, source in ((data.train, train), (data.probe, probe if with_probe else train)):
        x, y = split.batch(torch.arange(len(split)))
        assert x.dtype == torch.float32
        index = split.index.numpy()
        np.testing.assert_allclose(x.numpy(), source[index] / 255, rtol=1e-6)
        np.testing.assert_array_equal(y.numpy(), LABELS[index])
        assert len(np.unique(index)) == len(index)
    if not with_probe:
        assert not {*data.train.index.tolist()} & {*data.probe.index.tolist()}
    used = train[data.train.index.numpy()] / 255
    assert data.mean == pytest.approx(tuple(used.mean((0, 2, 3))), rel=1e-5)
    assert data.std == pytest.approx(tuple(used.std((0, 2, 3))), rel=1e-5)


def test_statistics_are_right_across_blocks_and_for_constant_images(tmp_path: Path) -> None:
    x = NOISE.integers(0, 256, (9001, 2, 2), dtype=np.uint8)
    data = load(save(tmp_path, x_train=x, y_train=np.arange(9001) % 4), probe_size=1)
    used = x[data.train.index.numpy()] / 255
    assert data.mean == pytest.approx((used.mean(),))
    assert data.std == pytest.approx((used.std(),))
    constant = load(save(tmp_path, x_train=np.full((9, 2, 2), 200, np.uint8), y_train=np.arange(9) % 2), probe_size=1)
    assert constant.mean == pytest.approx((200 / 255,))
    assert constant.std[0] > 0, "a constant channel must not divide by zero"


def test_probe_images_may_be_fewer_or_more_than_asked_for(tmp_path: Path) -> None:
    arrays = {"x_train": images(1), "y_train": LABELS, "x_probe": images(1)[:9], "y_probe": LABELS[:9]}
    path = save(tmp_path, **arrays)
    assert len(load(path, probe_size=1000).probe) == 9
    assert len(load(path, probe_size=2).probe) == 2
    assert len(load(path, train_size=5).train) == 5
    with_one = save(tmp_path, **arrays | {"x_probe": images(1)[:1], "y_probe": LABELS[:1]})
    assert len(load(with_one).probe) == 1


@pytest.mark.parametrize("split", ["train", "probe"])
def test_the_first_rows_of_sorted_labels_hold_every_class(tmp_path: Path, split: str) -> None:
    labels = np.sort(LABELS)
    data = load(save(tmp_path, x_train=images(1), y_train=labels, x_probe=images(1), y_probe=labels), probe_size=9)
    counts = getattr(data, split).first(9).labels.bincount(minlength=3)
    assert counts.tolist() == [3, 3, 3]


def test_class_names_are_taken_and_may_name_classes_without_samples(tmp_path: Path) -> None:
    names = np.array(["dog", "café", "cat", "nobody"])
    data = load(save(tmp_path, x_train=images(1), y_train=LABELS, class_names=names))
    assert data.class_names == ("dog", "café", "cat", "nobody")
    gap = load(save(tmp_path, x_train=images(1), y_train=LABELS * 2))
    assert gap.class_names == ("0", "1", "2", "3", "4")


def test_a_column_of_labels_is_a_row_of_labels(tmp_path: Path) -> None:
    data = load(save(tmp_path, x_train=images(3), y_train=LABELS[:, None]))
    assert sorted({*data.train.labels.tolist()}) == [0, 1, 2]


GOOD = {"x_train": images(1), "y_train": LABELS}
PROBE = {"x_probe": images(1)[:9], "y_probe": LABELS[:9]}
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no images": ({"y_train": LABELS}, "x_train"),
    "no labels": ({"x_train": images(1)}, "y_train"),
    "fewer labels": (GOOD | {"y_train": LABELS[:-1]}, "29 labels"),
    "fewer probe labels": (GOOD | PROBE | {"y_probe": LABELS[:4]}, "4 labels"),
    "no probe labels": (GOOD | {"x_probe": images(1)[:9]}, "y_probe"),
    "negative labels": (GOOD | {"y_train": LABELS - 1}, "y_train"),
    "fractional labels": (GOOD | {"y_train": LABELS + 0.5}, "y_train"),
    "float labels": (GOOD | {"y_train": LABELS.astype(float)}, "y_train"),
    "labels as text": (GOOD | {"y_train": LABELS.astype(str)}, "y_train"),
    "one-hot labels": (GOOD | {"y_train": np.eye(3, dtype=int)[LABELS]}, "y_train"),
    "one label": (GOOD | {"y_train": np.array(3)}, "y_train"),
    "labels beyond the names": (GOOD | {"class_names": np.array(["a", "b"])}, "0..1"),
    "probe labels beyond the classes": (GOOD | PROBE | {"y_probe": LABELS[:9] + 1}, "0..2"),
    "labels that are no class numbers": (GOOD | {"y_train": LABELS + 1_000_000}, "y_train"),
    "labels beyond int64": (GOOD | {"y_train": np.full(NUM, 2**63, np.uint64)}, ""),
    "floats above 1": (GOOD | {"x_train": images(1) / 254}, "[0, 1]"),
    "floats below 0": (GOOD | {"x_train": images(1) / 255 - 0.01}, "[0, 1]"),
    "floats in 0..255": (GOOD | {"x_train": images(1).astype(np.float32)}, "[0, 1]"),
    "NaN": (GOOD | {"x_train": np.full((NUM, 4, 4), np.nan)}, "[0, 1]"),
    "infinity": (GOOD | {"x_train": np.full((NUM, 4, 4), np.inf)}, "[0, 1]"),
    "whole numbers": (GOOD | {"x_train": images(1).astype(np.int64)}, "uint8"),
    "yes and no": (GOOD | {"x_train": images(1) > 9}, "uint8"),
    "complex numbers": (GOOD | {"x_train": images(1) * 1j}, "uint8"),
    "probe out of range": (GOOD | PROBE | {"x_probe": np.full((9, HEIGHT, WIDTH), 2.0)}, "x_probe"),
    "two channels": (GOOD | {"x_train": NOISE.random((NUM, 2, 4, 4))}, "x_train"),
    "flat images": (GOOD | {"x_train": images(1).reshape(NUM, -1)}, "x_train"),
    "a number": (GOOD | {"x_train": np.array(1)}, "x_train"),
    "five axes": (GOOD | {"x_train": images(1)[None]}, "x_train"),
    "no rows": (GOOD | {"x_train": images(1)[:0], "y_train": LABELS[:0]}, "x_train"),
    "images without pixels": (GOOD | {"x_train": np.zeros((NUM, 0, 4), np.uint8)}, "x_train"),
    "float images without pixels": (GOOD | {"x_train": np.zeros((NUM, 0, 4), np.float32)}, "x_train"),
    "probe images of another shape": (GOOD | PROBE | {"x_probe": images(3)[:9]}, "x_probe"),
    "one name for all": (GOOD | {"class_names": np.array("digits")}, "class_names"),
    "a table of names": (GOOD | {"class_names": np.array([["a", "b"], ["c", "d"], ["e", "f"]])}, "class_names"),
}
"""Arrays that cannot be trained on, and a word that the refusal must hold."""


@pytest.mark.parametrize("what", BAD)
def test_arrays_that_do_not_fit_are_refused_by_name(tmp_path: Path, what: str) -> None:
    arrays, word = BAD[what]
    path = save(tmp_path, **arrays)
    with refuses(str(path), word):
        load(path)


@pytest.mark.parametrize("names", [{}, {"class_names": np.array(["a", "b", "c"])}])
def test_test_labels_that_training_does_not_know_are_refused(tmp_path: Path, names: dict[str, Any]) -> None:
    test = {"x_test": images(1)[:2], "y_test": np.array([2, 1])}
    assert load_test(f"npz:{save(tmp_path, **GOOD, **test, **names)}").labels.tolist() == [2, 1]
    path = save(tmp_path, **GOOD, **test | {"y_test": np.array([7, 1])}, **names)
    with refuses(str(path), "test labels must lie in 0..2"):
        load_test(f"npz:{path}")


def test_too_few_images_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path, **GOOD)
    with refuses("30", "--probe-size"):
        load(path, probe_size=29)
    with refuses("30"):
        load(path, probe_size=6, train_size=25)


class Trap:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("name", ["x_train", "y_train", "x_probe", "class_names"])
def test_pickled_arrays_are_refused_and_not_executed(tmp_path: Path, name: str) -> None:
    trap = Trap(tmp_path / "sprung")
    path = save(tmp_path, **GOOD | PROBE | {name: np.array([trap] * NUM, dtype=object)})
    with refuses(str(path)):
        load(path)
    assert not trap.path.exists()
    with np.load(path, allow_pickle=True) as file:
        assert file[name] is not None
    assert trap.path.exists(), "the trap works"


def test_a_pickle_in_the_place_of_the_file_is_not_executed(tmp_path: Path) -> None:
    trap = Trap(tmp_path / "sprung")
    path = tmp_path / "data.npz"
    path.write_bytes(pickle.dumps(trap))
    with refuses(str(path)):
        load(path)
    assert not trap.path.exists()


def test_missing_empty_and_foreign_files_are_refused(tmp_path: Path) -> None:
    with refuses("nowhere.npz"):
        load(tmp_path / "nowhere.npz")
    with refuses(str(tmp_path)):
        load(tmp_path)
    np.save(tmp_path / "one.npy", images(1))
    with refuses("one.npy"):
        load(tmp_path / "one.npy")
    for number, content in enumerate((b"", b"PK", b"PK\x03\x04", b"<html>", b"\x93NUMPY", bytes(500))):
        path = tmp_path / f"{number}.npz"
        path.write_bytes(content)
        with refuses(str(path)):
            load(path)


@pytest.mark.parametrize("saver", [np.savez, np.savez_compressed])
def test_damaged_files_are_refused(tmp_path: Path, saver: Any) -> None:
    path = tmp_path / "data.npz"
    saver(path, **GOOD)
    content = path.read_bytes()
    for length in range(0, len(content) - 1, len(content) // 12):
        path.write_bytes(content[:length])
        with refuses(str(path)):
            load(path)
    start = 30 + len("x_train.npy") + 20  # behind the local header, its name and its zip64 field
    for position in [*range(start, start + 40), *range(start + 40, len(content) // 2, len(content) // 40)]:
        damage = bytes(byte ^ 0xFF for byte in content[position : position + 12])
        path.write_bytes(content[:position] + damage + content[position + 12 :])
        with refuses(str(path)):
            load(path)
