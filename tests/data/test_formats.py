"""Data sets as they are downloaded, written here byte by byte: CIFAR, SVHN, idx, the hub, folders brought to a size."""

import gzip
import pickle
import pickletools
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import savemat
from sklearn.datasets import load_digits

from trainers.data import digits, load_data, load_test
from trainers.data.pickled import read_pickled
from trainers.dataname import absolute_data, data_kind, parse_data
from trainers.errors import WorkbenchError

RNG = np.random.default_rng(0)
NUM = 40


def some(num: int = NUM, classes: int = 10) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, 3, 32, 32) and labels that have every class."""
    return RNG.integers(0, 256, (num, 3, 32, 32), dtype=np.uint8), np.arange(num) % classes


def python2(value: object) -> bytes:
    """A pickle as Python 2 wrote it: protocol 2, texts as bytes."""
    content = pickle.dumps(value, protocol=2, fix_imports=True)
    assert b"numpy" not in content or b"_reconstruct" in content
    return content


def cifar10_python(folder: Path, dump: Callable[[object], bytes] = python2) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    inside = folder / "cifar-10-batches-py"
    inside.mkdir(parents=True)
    batches = [some() for _ in range(6)]
    names = [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]
    for name, (images, labels) in zip(names, batches, strict=True):
        content = {
            b"batch_label": b"x",
            b"labels": labels.tolist(),
            b"data": images.reshape(NUM, -1),
            b"filenames": [b"a"],
        }
        (inside / name).write_bytes(dump(content))
    (inside / "batches.meta").write_bytes(dump({b"label_names": [b"class %d" % number for number in range(10)]}))
    return _parts(batches)


def cifar10_binary(folder: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    inside = folder / "cifar-10-batches-bin"
    inside.mkdir(parents=True)
    batches = [some() for _ in range(6)]
    names = [f"data_batch_{number}.bin" for number in range(1, 6)] + ["test_batch.bin"]
    for name, (images, labels) in zip(names, batches, strict=True):
        records = b"".join(bytes([label]) + image.tobytes() for image, label in zip(images, labels, strict=True))
        (inside / name).write_bytes(records)
    (inside / "batches.meta.txt").write_text("\n".join(f"class{number}" for number in range(10)) + "\n\n")
    return _parts(batches)


def cifar100_python(folder: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    inside = folder / "cifar-100-python"
    inside.mkdir(parents=True)
    parts = {"train": some(200, 100), "test": some(100, 100)}
    for name, (images, labels) in parts.items():
        coarse = (labels // 5).tolist()
        content = {b"fine_labels": labels.tolist(), b"coarse_labels": coarse, b"data": images.reshape(len(images), -1)}
        (inside / name).write_bytes(python2(content))
    (inside / "meta").write_bytes(python2({b"fine_label_names": [b"%d" % number for number in range(100)]}))
    return parts


def cifar100_binary(folder: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    inside = folder / "cifar-100-binary"
    inside.mkdir(parents=True)
    parts = {"train": some(200, 100), "test": some(100, 100)}
    for name, (images, labels) in parts.items():
        records = [bytes([label // 5, label]) + image.tobytes() for image, label in zip(images, labels, strict=True)]
        (inside / f"{name}.bin").write_bytes(b"".join(records))
    (inside / "fine_label_names.txt").write_text("\n".join(str(number) for number in range(100)))
    return parts


def svhn(folder: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    folder.mkdir(parents=True)
    parts = {"train": some(), "test": some()}
    for name, (images, labels) in parts.items():
        ten_for_zero = np.where(labels == 0, 10, labels).astype(np.uint8)[:, None]
        content = {"X": images.transpose(2, 3, 1, 0), "y": ten_for_zero}
        savemat(folder / f"{name}_32x32.mat", content, do_compression=True)
    return parts


def mnist(folder: Path, zipped: bool = True) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    folder.mkdir(parents=True)
    parts = {"train": some(), "test": some()}
    for name, (images, labels) in parts.items():
        grey = images[:, :1, :28, :28]
        word = {"train": "train", "test": "t10k"}[name]
        for kind, shape, values in (
            ("images-idx3", (NUM, 28, 28), grey),
            ("labels-idx1", (NUM,), labels.astype(np.uint8)),
        ):
            content = struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape) + values.tobytes()
            path = folder / f"{word}-{kind}-ubyte{'.gz' if zipped else ''}"
            path.write_bytes(gzip.compress(content) if zipped else content)
        parts[name] = grey, labels
    return parts


def _parts(batches: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    images, labels = (np.concatenate(each) for each in zip(*batches[:5], strict=True))
    return {"train": (images, labels), "test": batches[5]}


FORMATS = {
    "cifar10 python": ("cifar10", cifar10_python, ("class 0", "class 9")),
    "cifar10 python 3": ("cifar10", lambda folder: cifar10_python(folder, pickle.dumps), ("class 0", "class 9")),
    "cifar10 binary": ("cifar10", cifar10_binary, ("class0", "class9")),
    "cifar100 python": ("cifar100", cifar100_python, ("0", "99")),
    "cifar100 binary": ("cifar100", cifar100_binary, ("0", "99")),
    "svhn": ("svhn", svhn, ("0", "9")),
    "idx, gzipped": ("idx", mnist, ("0", "9")),
    "idx": ("idx", lambda folder: mnist(folder, zipped=False), ("0", "9")),
}


@pytest.mark.parametrize(("kind", "write", "names"), FORMATS.values(), ids=FORMATS)
def test_every_image_keeps_its_pixels_label_and_index(
    kind: str, write: Callable[[Path], dict], names: tuple[str, str], tmp_path: Path
) -> None:
    parts = write(tmp_path / "there")
    images, labels = parts["train"]
    data = load_data(f"{kind}:{tmp_path / 'there'}", probe_size=10)
    assert (data.class_names[0], data.class_names[-1]) == names
    assert len(data.probe) == 10
    together = torch.cat([data.train.index, data.probe.index])
    assert sorted(together.tolist()) == list(range(len(images)))
    for split in (data.train, data.probe):
        rows = split.index.numpy()
        assert np.array_equal(split.images.numpy(), images[rows])
        assert split.labels.tolist() == labels[rows].tolist()
        assert split.scale == 1 / 255
    test = load_test(f"{kind}:{tmp_path / 'there'}")
    assert np.array_equal(test.images.numpy(), parts["test"][0])
    assert test.labels.tolist() == parts["test"][1].tolist()


def test_the_unpacked_folder_itself_will_do(tmp_path: Path) -> None:
    cifar10_python(tmp_path)
    assert len(load_data(f"cifar10:{tmp_path / 'cifar-10-batches-py'}", probe_size=10).train) == 190


@pytest.mark.parametrize("kind", ["cifar10", "cifar100", "svhn", "idx"])
def test_missing_data_say_where_to_put_them(kind: str, tmp_path: Path) -> None:
    for load in (load_data, load_test):
        with pytest.raises(WorkbenchError, match=r"put |unpack ") as caught:
            load(f"{kind}:{tmp_path}")
        assert str(tmp_path) in str(caught.value)


class Evil:
    def __init__(self, call: Callable[..., object], *arguments: object) -> None:
        self.call, self.arguments = call, arguments

    def __reduce__(self) -> tuple[object, ...]:
        return self.call, self.arguments


def test_the_evil_pickle_works_elsewhere(tmp_path: Path) -> None:
    """The control: a plain unpickler would run it."""
    (tmp_path / "evil").write_bytes(pickle.dumps(Evil(subprocess.call, ["touch", str(tmp_path / "hacked")])))
    subprocess.run(
        [sys.executable, "-c", f"import pickle; pickle.load(open({str(tmp_path / 'evil')!r}, 'rb'))"], check=True
    )
    assert (tmp_path / "hacked").exists()


def test_pickles_that_name_anything_else_are_refused_and_not_run(tmp_path: Path) -> None:
    array = np.zeros(3, np.uint8)
    payloads = [
        pickle.dumps(Evil(subprocess.call, ["touch", str(tmp_path / "hacked")])),
        pickle.dumps(Evil(eval, "1")),
        pickle.dumps(Evil(np.zeros, 10**12)),
        pickle.dumps(Evil(getattr, "a", "upper")),
        pickle.dumps({b"data": np.array([{"a": 1}], dtype=object)}),
        pickle.dumps({b"data": np.zeros(2, dtype=[("a", "u1")])}),
        pickle.dumps({b"data": np.zeros(2, dtype=">i4")}),
        b"cnumpy\nndarray\n(I1000000000000\ntR.",
        b"cnumpy\nload\n(S'x'\ntR.",
        pickle.dumps([1]),
        b"",
        pickle.dumps(array)[:-20],
        b"\x80\x02" + b"(" * 100_000,
        pickle.PROTO + b"\x02" + b"P1\n.",
    ]
    for number, payload in enumerate(payloads):
        path = tmp_path / f"{number}"
        path.write_bytes(payload)
        with pytest.raises(WorkbenchError, match=str(path)):
            read_pickled(path)
    assert not (tmp_path / "hacked").exists()


def test_bytes_that_are_not_of_their_shape_are_refused(tmp_path: Path) -> None:
    content = pickle.dumps({b"data": np.zeros((2, 3072), np.uint8), b"labels": [0, 1]}, protocol=2)
    wrong = content.replace(b"M\x00\x0c", b"M\x00\x0d")
    assert wrong != content
    assert list(pickletools.genops(wrong))
    (tmp_path / "batch").write_bytes(wrong)
    with pytest.raises(WorkbenchError, match="not those of its shape"):
        read_pickled(tmp_path / "batch")


def test_damaged_files_are_refused_with_their_names(tmp_path: Path) -> None:
    cifar10_binary(tmp_path / "a")
    batch = tmp_path / "a" / "cifar-10-batches-bin" / "data_batch_3.bin"
    batch.write_bytes(batch.read_bytes()[:-1])
    svhn(tmp_path / "b")
    mat = tmp_path / "b" / "train_32x32.mat"
    mat.write_bytes(mat.read_bytes()[:5000])
    mnist(tmp_path / "c")
    images = tmp_path / "c" / "train-images-idx3-ubyte.gz"
    images.write_bytes(images.read_bytes()[:-200])
    mnist(tmp_path / "d", zipped=False)
    bomb = struct.pack(">HBB3I", 0, 8, 3, 2**32 - 1, 2**32 - 1, 2)
    (tmp_path / "d" / "train-images-idx3-ubyte").write_bytes(bomb)
    mnist(tmp_path / "e", zipped=False)
    labels = tmp_path / "e" / "train-labels-idx1-ubyte"
    labels.write_bytes(struct.pack(">HBBI", 0, 8, 1, 3) + bytes(3))
    for name, said in (
        (f"cifar10:{tmp_path / 'a'}", "data_batch_3.bin"),
        (f"svhn:{tmp_path / 'b'}", "train_32x32.mat"),
        (f"idx:{tmp_path / 'c'}", "train-images"),
        (f"idx:{tmp_path / 'd'}", "says that it holds"),
        (f"idx:{tmp_path / 'e'}", "40 images but 3 labels"),
    ):
        with pytest.raises(WorkbenchError, match=said):
            load_data(name, probe_size=10)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (np.full((NUM, 1), "7"), "no label for each"),
        (np.array([[7] for _ in range(NUM)], dtype=object), "no label for each"),
        (np.where(np.arange(NUM) == 3, np.nan, 1.0)[:, None], "not whole numbers in 1..10"),
        (np.full((NUM, 1), 1.5), "not whole numbers in 1..10"),
        (np.full((NUM, 1), 11), "not whole numbers in 1..10"),
    ],
    ids=["text", "cells", "NaN", "fractions", "eleven"],
)
def test_labels_of_svhn_that_are_no_digits_are_refused(tmp_path: Path, labels: np.ndarray, said: str) -> None:
    images, _ = some()
    savemat(tmp_path / "train_32x32.mat", {"X": images.transpose(2, 3, 1, 0), "y": labels})
    with pytest.raises(WorkbenchError, match=said):
        load_data(f"svhn:{tmp_path}", probe_size=10)


def folder_of_sizes(root: Path) -> None:
    for part in ("train", "test"):
        for label in ("cat", "dog"):
            (root / part / label).mkdir(parents=True)
            for number in range(6):
                pixels = RNG.integers(0, 256, (20 + number, 30, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(root / part / label / f"{number}.png")


def test_a_folder_of_several_sizes_is_brought_to_one(tmp_path: Path) -> None:
    folder_of_sizes(tmp_path)
    with pytest.raises(WorkbenchError, match="folder@32:DIR"):
        load_data(f"folder:{tmp_path}", probe_size=4)
    data = load_data(f"folder@16:{tmp_path}", probe_size=4)
    assert data.name == f"folder@16:{tmp_path}"
    assert data.train.images.shape == (8, 3, 16, 16)
    assert load_test(f"folder@16:{tmp_path}").images.shape == (12, 3, 16, 16)
    row = data.train.index.tolist()[0]
    path = sorted((tmp_path / "train").glob("*/*.png"))[row]
    by_hand = np.asarray(Image.open(path).resize((16, 16), Image.Resampling.BICUBIC)).transpose(2, 0, 1)
    assert np.array_equal(data.train.images[0].numpy(), by_hand)


def test_names_of_data() -> None:
    assert data_kind("folder@32:/a:b") == "folder"
    assert parse_data("folder@32:/a:b@3") == ("folder", "/a:b@3", 32)
    assert absolute_data("hub:uoft-cs/cifar10") == "hub:uoft-cs/cifar10"
    assert absolute_data("cifar10:x") == f"cifar10:{Path.cwd() / 'x'}"
    for name in (
        "",
        "digits:x",
        "cifar10",
        "cifar10:",
        "mnist:x",
        "folder@:x",
        "folder@0:x",
        "folder@5000:x",
        "npz@3:x",
    ):
        with pytest.raises(WorkbenchError, match="unknown data"):
            parse_data(name)


def test_the_hubs_library_reads_a_folder_of_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    root = tmp_path / "pets"
    for part in ("train", "test"):
        for label in ("cat", "dog"):
            (root / part / label).mkdir(parents=True)
            for number in range(6):
                Image.fromarray(np.full((8, 8, 3), 20 * number, np.uint8)).save(root / part / label / f"{number}.png")
    data = load_data(f"hub:{root}", probe_size=4)
    assert data.class_names == ("cat", "dog")
    assert data.train.images.shape == (8, 3, 8, 8)
    test = load_test(f"hub:{root}")
    assert test.labels.tolist() == [0] * 6 + [1] * 6
    assert test.images[:, 0, 0, 0].tolist() == [20 * number for number in range(6)] * 2
    with pytest.raises(WorkbenchError, match=r"cannot load the train part of hub:.*nothing"):
        load_data(f"hub:{tmp_path / 'nothing'}")


def test_the_digits_are_those_of_scikit_learn_whichever_way_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    images, labels = digits._read()
    bunch = load_digits()
    assert np.array_equal(images[:, 0], bunch.images)
    assert np.array_equal(labels, bunch.target)
    assert digits._file() is not None
    monkeypatch.setattr(digits, "_file", lambda: None)
    again = digits._read()
    assert np.array_equal(again[0], images)
    assert np.array_equal(again[1], labels)
    assert (again[0].dtype, again[1].dtype) == (images.dtype, labels.dtype)
