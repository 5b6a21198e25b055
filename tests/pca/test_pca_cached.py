"""When the file beside a checkpoint is used, when it is fitted again, and when the data are refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from trainers.checkpoints import save_weights
from trainers.errors import WorkbenchError
from trainers.models import ModelSpec, build_model
from workbench.pca import ClassPCA, PCASpec, class_pca_for, load_pca, pca_path, save_pca
from workbench.pca.features import penultimate_features
from workbench.target import Target, find_target
from workbench.training_data import load_training_data

SHAPE = (1, 4, 4)
NAMES = ("ant", "bee", "cow")
NUM = 60


def write_data(
    path: Path, *, seed: int = 0, num: int = NUM, shape: tuple[int, ...] = SHAPE, names: Any = NAMES
) -> Path:
    """An npz file of uniform noise around a level of each class."""
    rng = np.random.default_rng(seed)
    labels = np.arange(num) % len(names)
    images = rng.integers(0, 100, (num, shape[1], shape[2], shape[0])) + 50 * labels[:, None, None, None]
    np.savez(path, x_train=images.astype(np.uint8), y_train=labels.astype(np.int64), class_names=np.array(names))
    return path


def write_checkpoint(path: Path, seed: int = 0, **facts: Any) -> Path:
    torch.manual_seed(seed)
    spec = ModelSpec(name="small-cnn", width=2, in_channels=1, num_classes=3, mean=(0.5,), std=(0.25,))
    known = {"class_names": list(NAMES), "image_shape": list(SHAPE), "train_size": 0, "probe_size": 9}
    save_weights(path, build_model(spec), spec, known | facts)
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_data(tmp_path / "data.npz")


@pytest.fixture
def target(tmp_path: Path, data: Path) -> Target:
    return find_target(write_checkpoint(tmp_path / "model.safetensors", data=f"npz:{data}"))


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every loading of data, by name."""
    names: list[str] = []
    from trainers.data import registry

    load_npz = registry.load_npz

    def watched(path: Path, *arguments: Any, **settings: Any) -> Any:
        names.append(path.name)
        return load_npz(path, *arguments, **settings)

    monkeypatch.setattr(registry, "load_npz", watched)
    return names


def same(one: ClassPCA, other: ClassPCA) -> bool:
    return one.facts == other.facts and np.array_equal(one.mean, other.mean)


def test_fitted_once_then_read_without_the_data(target: Target, data: Path, loads: list[str]) -> None:
    pca, is_new = class_pca_for(target, None, PCASpec())
    assert is_new
    assert loads == ["data.npz"]
    assert pca_path(target.derived, PCASpec()).is_file()
    again, is_new = class_pca_for(target, None, PCASpec())
    assert not is_new
    assert same(again, pca)
    again, is_new = class_pca_for(target, f"npz:{data}", PCASpec())
    assert not is_new
    assert loads == ["data.npz"]
    data.unlink()
    again, is_new = class_pca_for(target, None, PCASpec())
    assert not is_new
    assert same(again, pca)


def test_it_is_of_the_training_split_alone_in_unit_pixels(target: Target, data: Path) -> None:
    pca, _ = class_pca_for(target, None, PCASpec())
    with np.load(data) as arrays:
        num_all = len(arrays["y_train"])
    split = load_training_data({"data": f"npz:{data}", "probe_size": 9}).train
    assert pca.count.sum() == len(split) == num_all - 9
    for label in range(3):
        images = split.images[split.labels == label].numpy().reshape(-1, 16) / 255
        np.testing.assert_allclose(pca.mean[label], images.mean(0), atol=1e-6)
    facts = pca.facts
    assert facts.data_digest == split.digest()
    assert (facts.class_names, facts.image_shape) == (NAMES, SHAPE)
    assert (facts.space, facts.variance, facts.num_components, facts.local, facts.seed) == ("pixels", 0.95, None, 1, 0)
    assert facts.checkpoint_digest is None
    assert facts.versions["scikit-learn"]


def test_every_spec_has_a_file_of_its_own(target: Target) -> None:
    for spec in (PCASpec(), PCASpec(components=2), PCASpec(local=2), PCASpec(space="features")):
        pca, is_new = class_pca_for(target, None, spec)
        assert is_new
        assert pca.facts.spec == spec
    assert len(list(target.derived.glob("*.safetensors"))) == 4


def test_refit_fits_again(target: Target, loads: list[str]) -> None:
    class_pca_for(target, None, PCASpec())
    assert class_pca_for(target, None, PCASpec(), refit=True)[1]
    assert len(loads) == 2


def test_another_folder(target: Target, tmp_path: Path) -> None:
    class_pca_for(target, None, PCASpec(), folder=tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["pca-pixels-v0.95.safetensors"]
    assert not target.derived.exists()


def test_the_seed_matters_only_where_something_is_drawn(target: Target) -> None:
    for spec, matters in (({}, False), ({"local": 2}, True), ({"components": 2}, True)):
        class_pca_for(target, None, PCASpec(**spec, seed=1))
        assert class_pca_for(target, None, PCASpec(**spec, seed=2))[1] == matters


def test_another_seed_leaves_the_file_of_the_first(target: Target) -> None:
    first, _ = class_pca_for(target, None, PCASpec(local=2, seed=7))
    class_pca_for(target, None, PCASpec(local=2))
    again, is_new = class_pca_for(target, None, PCASpec(local=2, seed=7))
    assert not is_new
    assert same(again, first)


def test_a_folder_that_cannot_be_written_stops_only_those_who_want_the_file(target: Target) -> None:
    target.derived.write_text("no folder")
    with pytest.raises(WorkbenchError, match="cannot write"):
        class_pca_for(target, None, PCASpec())
    notes: list[str] = []
    pca, is_new = class_pca_for(target, None, PCASpec(), must_keep=False, note=notes.append)
    assert is_new
    assert pca.num_groups == 3
    (note,) = notes
    assert "not kept" in note
    assert "cannot write" in note
    assert target.derived.read_text() == "no folder"


def test_other_data_that_fit_are_fitted(target: Target, tmp_path: Path, loads: list[str]) -> None:
    first, _ = class_pca_for(target, None, PCASpec())
    other = write_data(tmp_path / "other.npz", seed=1)
    notes: list[str] = []
    second, is_new = class_pca_for(target, f"npz:{other}", PCASpec(), note=notes.append)
    assert is_new
    assert "other data" in notes[0]
    assert second.facts.data == f"npz:{other}"
    assert not np.allclose(first.mean, second.mean)
    back, is_new = class_pca_for(target, None, PCASpec())
    assert is_new
    assert np.array_equal(back.mean, first.mean)
    assert loads == ["data.npz", "other.npz", "data.npz"]


def test_the_same_data_in_another_place_are_known_by_their_digest(target: Target, data: Path, tmp_path: Path) -> None:
    first, _ = class_pca_for(target, None, PCASpec())
    copy = tmp_path / "copy.npz"
    copy.write_bytes(data.read_bytes())
    second, is_new = class_pca_for(target, f"npz:{copy}", PCASpec())
    assert not is_new
    assert same(first, second)


def test_a_relative_name_means_what_lies_here(target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder, seed in (("a", 5), ("b", 6)):
        (tmp_path / folder).mkdir()
        write_data(tmp_path / folder / "mine.npz", seed=seed)
    monkeypatch.chdir(tmp_path / "a")
    first, _ = class_pca_for(target, "npz:mine.npz", PCASpec())
    assert not class_pca_for(target, "npz:mine.npz", PCASpec())[1]
    monkeypatch.chdir(tmp_path / "b")
    second, is_new = class_pca_for(target, "npz:mine.npz", PCASpec())
    assert is_new
    assert not np.allclose(first.mean, second.mean)
    (tmp_path / "b" / "mine.npz").unlink()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WorkbenchError, match=r"mine\.npz"):
        class_pca_for(target, "npz:mine.npz", PCASpec())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"shape": (1, 5, 4)}, "1×4×4.*1×5×4"),
        ({"names": ("ant", "bee", "dog")}, "cow.*dog"),
        ({"names": ("ant", "bee"), "num": 40}, "ant, bee, cow"),
    ],
)
@pytest.mark.parametrize("cached", [False, True])
def test_data_that_do_not_fit_the_model_are_refused(
    changes: dict[str, Any], words: str, cached: bool, target: Target, tmp_path: Path
) -> None:
    if cached:
        class_pca_for(target, None, PCASpec())
    other = write_data(tmp_path / "other.npz", **changes)
    with pytest.raises(WorkbenchError, match=words):
        class_pca_for(target, f"npz:{other}", PCASpec())
    assert pca_path(target.derived, PCASpec()).exists() == cached


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"image_shape": [1, 5, 4]}, "image shape"),
        ({"class_names": ["ant", "bee", "dog"]}, "classes"),
        ({"probe_size": 12}, "split"),
    ],
)
def test_a_file_of_another_model_in_its_place_is_fitted_again(
    changes: dict[str, Any], word: str, target: Target, data: Path, tmp_path: Path
) -> None:
    """The checkpoint was replaced by one of the same name; its data too."""
    class_pca_for(target, None, PCASpec())
    write_data(data, shape=tuple(changes.get("image_shape", SHAPE)), names=changes.get("class_names", NAMES))
    write_checkpoint(target.checkpoint, data=f"npz:{data}", **changes)
    notes: list[str] = []
    pca, is_new = class_pca_for(target, None, PCASpec(), note=notes.append)
    assert is_new
    assert len(notes) == 1
    assert word in notes[0]
    assert pca.facts.class_names == tuple(changes.get("class_names", NAMES))
    assert not class_pca_for(target, None, PCASpec())[1]


def test_a_damaged_file_is_fitted_again(target: Target) -> None:
    first, _ = class_pca_for(target, None, PCASpec())
    path = pca_path(target.derived, PCASpec())
    path.write_bytes(path.read_bytes()[:-9])
    notes: list[str] = []
    second, is_new = class_pca_for(target, None, PCASpec(), note=notes.append)
    assert is_new
    assert path.name in notes[0]
    assert np.array_equal(first.mean, second.mean)
    assert same(load_pca(path), second)


def test_a_file_under_a_wrong_name_is_not_used(target: Target) -> None:
    few, _ = class_pca_for(target, None, PCASpec(components=2))
    save_pca(pca_path(target.derived, PCASpec(components=3)), few)
    pca, is_new = class_pca_for(target, None, PCASpec(components=3))
    assert is_new
    assert pca.num_components.tolist() == [3, 3, 3]


def test_a_checkpoint_that_names_no_data_needs_them(tmp_path: Path, data: Path) -> None:
    target = find_target(write_checkpoint(tmp_path / "foreign.safetensors"))
    with pytest.raises(WorkbenchError, match="--data"):
        class_pca_for(target, None, PCASpec())
    assert class_pca_for(target, f"npz:{data}", PCASpec())[1]
    with pytest.raises(WorkbenchError, match="--data"):
        class_pca_for(target, None, PCASpec())
    assert not class_pca_for(target, f"npz:{data}", PCASpec())[1]


def test_features_are_what_the_last_layer_sees(target: Target) -> None:
    from trainers.checkpoints import load_weights

    model, facts = load_weights(target.checkpoint)
    split = load_training_data(facts).train
    x = split.images.float() * split.scale
    features = penultimate_features(model, split)
    assert features.dtype == np.float32
    with torch.no_grad():
        np.testing.assert_allclose(
            torch.from_numpy(features) @ model.linear.weight.T + model.linear.bias, model(x), atol=1e-5
        )
    pca, _ = class_pca_for(target, None, PCASpec(space="features"))
    for label in range(3):
        np.testing.assert_allclose(pca.mean[label], features[split.labels.numpy() == label].mean(0), atol=1e-6)
    assert pca.facts.checkpoint_digest == target.digest()


def test_features_of_other_weights_are_fitted_again_but_pixels_are_not(target: Target, loads: list[str]) -> None:
    features, pixels = PCASpec(space="features"), PCASpec()
    for spec in (features, pixels):
        class_pca_for(target, None, spec)
        assert not class_pca_for(target, None, spec)[1]
    del loads[:]
    write_checkpoint(target.checkpoint, seed=1, data=load_pca(pca_path(target.derived, pixels)).facts.data)
    assert class_pca_for(target, None, features)[1]
    assert not class_pca_for(target, None, pixels)[1]
    assert len(loads) == 1


def test_a_model_without_features_is_refused(data: Path) -> None:
    split = load_training_data({"data": f"npz:{data}", "probe_size": 9}).train
    with pytest.raises(WorkbenchError, match=r"Linear does not give .* --space pixels"):
        penultimate_features(nn.Linear(1, 1), split)


def test_an_empty_class_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    path = tmp_path / "two.npz"
    write_data(path)
    with np.load(path) as arrays:
        kept = arrays["y_train"] < 2
        np.savez(
            tmp_path / "empty.npz",
            x_train=arrays["x_train"][kept],
            y_train=arrays["y_train"][kept],
            class_names=arrays["class_names"],
        )
    target = find_target(write_checkpoint(tmp_path / "model.safetensors", data=f"npz:{tmp_path / 'empty.npz'}"))
    with pytest.raises(WorkbenchError, match="class cow has no sample"):
        class_pca_for(target, None, PCASpec())
    assert not target.derived.exists()
