"""A PCA that is read again is the same; what is no whole PCA is refused by name."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save, save_file

from trainers.errors import WorkbenchError
from workbench.pca import ClassPCA, PCASpec, fit_class_pca, load_pca, pca_path, save_pca

MakeFacts = Callable[..., Any]


@pytest.fixture
def pca(make_facts: MakeFacts) -> ClassPCA:
    """Three classes of 1 × 2 × 3 pixels; the last has a single sample."""
    x = np.random.default_rng(0).random((41, 6)).astype(np.float32)
    labels = np.append(np.repeat([0, 1], 20), 2)
    return fit_class_pca(x, labels, make_facts(PCASpec(variance=0.8), ("a", "ü[/]", "c\x1b[31m"), (1, 2, 3)))


def test_a_read_pca_is_the_written_one(pca: ClassPCA, tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "pca.safetensors"
    save_pca(path, pca)
    again = load_pca(path)
    assert again.facts == pca.facts
    for name in ("label", "count", "weight", "mean", "num_components"):
        one, other = getattr(again, name), getattr(pca, name)
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    for name in ("components", "std", "explained_variance_ratio", "spectrum"):
        ours, theirs = getattr(again, name), getattr(pca, name)
        assert len(ours) == len(theirs) == 3
        for one, other in zip(ours, theirs, strict=True):
            assert one.dtype == np.float32
            np.testing.assert_array_equal(one, other)
    assert [file.name for file in path.parent.iterdir()] == ["pca.safetensors"]


def test_the_file_is_plain_safetensors(pca: ClassPCA, tmp_path: Path) -> None:
    save_pca(tmp_path / "pca", pca)
    arrays = load_file(tmp_path / "pca")
    assert arrays["mean"].shape == (3, 6)
    assert len(arrays["components"]) == arrays["num_components"].sum() == len(arrays["std"])


def test_a_failed_write_leaves_the_former_file(pca: ClassPCA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "pca"
    path.write_bytes(b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(WorkbenchError, match="No space left"):
        save_pca(path, pca)
    assert path.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_folder_that_cannot_be_made_is_named(pca: ClassPCA, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkbenchError, match="file/pca"):
        save_pca(tmp_path / "file" / "pca", pca)


def test_a_file_system_that_is_read_only_is_said(
    pca: ClassPCA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There even removing a file that does not exist fails."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "open", refuse)
    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(WorkbenchError, match=r"cannot write .*Read-only file system"):
        save_pca(tmp_path / "pca", pca)


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        (PCASpec(), "pca-pixels-v0.95.safetensors"),
        (PCASpec(variance=1), "pca-pixels-v1.0.safetensors"),
        (PCASpec(variance=0.9500001), "pca-pixels-v0.9500001.safetensors"),
        (PCASpec(components=50, local=4), "pca-pixels-k50-local4.safetensors"),
        (PCASpec(components=50, local=4, seed=7), "pca-pixels-k50-local4-seed7.safetensors"),
        (PCASpec(components=2, seed=1), "pca-pixels-k2-seed1.safetensors"),
        (PCASpec(space="features", variance=0.5, seed=3), "pca-features-v0.5.safetensors"),
    ],
)
def test_names_tell_what_is_in_a_file(spec: PCASpec, name: str) -> None:
    assert pca_path(Path("x"), spec) == Path("x") / name


def damaged(pca: ClassPCA, path: Path, change: Callable[[dict[str, Any], dict[str, Any]], object]) -> None:
    """Write a PCA, change its arrays and facts, write it back."""
    save_pca(path, pca)
    arrays = load_file(path)
    facts = json.loads(json.dumps({**_facts(path)}))
    change(arrays, facts)
    metadata = {"format": "workbench-class-pca", "facts": facts if isinstance(facts, str) else json.dumps(facts)}
    save_file(arrays, path, metadata)


def _facts(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    facts: dict[str, Any] = json.loads(header["__metadata__"]["facts"])
    return facts


def put(name: str, value: Any) -> Callable[[dict[str, Any], dict[str, Any]], object]:
    return lambda arrays, facts: arrays.update({name: np.asarray(value)})


def fact(name: str, value: Any) -> Callable[[dict[str, Any], dict[str, Any]], object]:
    return lambda arrays, facts: facts.update({name: value})


WHOLE = np.array([3, 3, 0])

DAMAGES: dict[str, Callable[[dict[str, Any], dict[str, Any]], object]] = {
    "an array too few": lambda arrays, facts: arrays.pop("std"),
    "an array too many": put("more", [1.0]),
    "labels of another type": put("label", np.zeros(3, dtype=np.float32)),
    "a negative label": put("label", [-1, 0, 1]),
    "a label beyond the classes": put("label", [0, 1, 3]),
    "a class without a group": put("label", [0, 1, 1]),
    "groups out of order": put("label", [1, 0, 2]),
    "a group too many": put("label", [0, 1, 2, 2]),
    "labels in a table": put("label", [[0, 1, 2]]),
    "means of another width": put("mean", np.zeros((3, 7), dtype=np.float32)),
    "a mean that is no number": put("mean", np.full((3, 6), np.nan, dtype=np.float32)),
    "components of another width": put("components", np.zeros((6, 5), dtype=np.float32)),
    "component counts that wrap around": put("num_components", [2**62, 2**62, 2**63 - 1]),
    "negative component counts": put("num_components", [-1, 4, 5]),
    "too small counts": put("num_components", [1, 1, 0]),
    "counts of the spectrum that do not fit": put("num_spectrum", [5, 5, 5]),
    "a negative spread": lambda arrays, facts: arrays.update(std=-arrays["std"]),
    "infinite spreads": lambda arrays, facts: arrays.update(std=arrays["std"] + np.float32(np.inf)),
    "weights that do not sum to one": put("weight", [1.0, 0.5, 1.0]),
    "a group of no samples": put("count", [20, 0, 1]),
    "no groups": lambda arrays, facts: arrays.update(
        {name: array[:0] for name, array in arrays.items() if array.ndim == 1 and len(array) == 3}
    ),
    "another image shape": fact("image_shape", [1, 2, 4]),
    "an image shape of two": fact("image_shape", [2, 3]),
    "an image shape of text": fact("image_shape", ["1", "2", "3"]),
    "a huge image shape": fact("image_shape", [2**62, 2**62, 16]),
    "no classes": fact("class_names", []),
    "classes that are a text": fact("class_names", "abc"),
    "classes that are numbers": fact("class_names", [1, 2, 3]),
    "a variance of two": fact("variance", 2.0),
    "a variance that is no number": fact("variance", float("nan")),
    "a variance and components": fact("num_components", 3),
    "neither": fact("variance", None),
    "an unknown space": fact("space", "sound"),
    "a later schema": fact("schema_version", 2),
    "an unknown fact": fact("colour", "red"),
    "a missing fact": lambda arrays, facts: facts.pop("seed"),
    "versions that are a list": fact("versions", []),
    "a checkpoint for pixels": fact("checkpoint_digest", "00"),
    "a seed that is true": fact("seed", True),
}


@pytest.mark.parametrize("what", DAMAGES)
def test_what_does_not_fit_together_is_refused(what: str, pca: ClassPCA, tmp_path: Path) -> None:
    path = tmp_path / "pca.safetensors"
    damaged(pca, path, lambda arrays, facts: None)
    load_pca(path)  # the way there does no damage of its own
    damaged(pca, path, DAMAGES[what])
    with pytest.raises(WorkbenchError, match=r"pca\.safetensors") as error:
        load_pca(path)
    assert "\n" not in str(error.value)


def test_foreign_and_cut_files_are_refused(pca: ClassPCA, tmp_path: Path) -> None:
    path = tmp_path / "pca.safetensors"
    save_pca(path, pca)
    whole = path.read_bytes()
    contents = (
        b"",  # empty
        b"not safetensors at all",  # text
        b"<!DOCTYPE html><html></html>" * 10,  # a web page
        b"\xff" * 8 + whole[8:],  # a long header
        whole[:100],  # cut in the header
        whole[:-8],  # cut in the arrays
        whole + b"more",  # something added
        save({"a": np.zeros(2)}, {"format": "workbench-checkpoint"}),  # another format
        save({"a": np.zeros(2)}),  # no header
        save({"a": np.zeros(2)}, {"format": "workbench-class-pca", "facts": "{"}),  # facts that are no JSON
        save({"a": np.zeros(2)}, {"format": "workbench-class-pca", "facts": "[]"}),  # facts that are a list
        save({"a": np.zeros(2)}, {"format": "workbench-class-pca", "facts": "[" * 100_000}),  # facts without end
        save({"a": np.zeros(2)}, {"format": "workbench-class-pca"}),  # no facts
    )
    for content in contents:
        path.write_bytes(content)
        with pytest.raises(WorkbenchError, match=r"pca\.safetensors"):
            load_pca(path)
    with pytest.raises(WorkbenchError, match="no such PCA"):
        load_pca(tmp_path / "nowhere")
    with pytest.raises(WorkbenchError, match=str(tmp_path)):
        load_pca(tmp_path)
