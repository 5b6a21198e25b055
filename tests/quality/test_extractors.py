"""Networks of ``--features``: our classifiers, and Inception through a stand-in for torch-fidelity."""

import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from urllib.error import URLError

import pytest
import torch
from torch import Tensor, nn

from trainers.checkpoints import load_weights
from trainers.errors import WorkbenchError
from workbench.quality import Extractor, load_extractor
from workbench.quality.extractors import check_images

CPU = torch.device("cpu")
OFFLINE = "--features classifier:CHECKPOINT works offline"
Write = Callable[..., Path]


def refused(name: str, *words: str) -> None:
    with pytest.raises(WorkbenchError) as error:
        load_extractor(name, CPU)
    assert "\n" not in str(error.value)
    for word in words:
        assert word in str(error.value)


class StandIn(nn.Module):
    """What torch-fidelity's Inception shows of itself: levels in, pooled features and logits out."""

    def __init__(self, name: str, features_list: list[str], weights: object) -> None:
        super().__init__()
        assert name == "inception-v3-compat"
        self.features_list = features_list
        self.scale = nn.Parameter(torch.ones(1))
        self.load_state_dict(torch.load(weights, weights_only=False))  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        assert x.dtype == torch.uint8
        assert x.shape[1] == 3
        values = {"2048": x.float().mean((2, 3)) * self.scale, "logits_unbiased": x.float().amax((2, 3))}
        return tuple(values[name] for name in self.features_list)

    def convert_features_tuple_to_dict(self, features: tuple[Tensor, ...]) -> dict[str, Tensor]:
        return dict(zip(self.features_list, features, strict=True))


@pytest.fixture
def fidelity(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch-fidelity, as far as it is used."""
    package, module = ModuleType("torch_fidelity"), ModuleType("torch_fidelity.feature_extractor_inceptionv3")
    module.FeatureExtractorInceptionV3 = StandIn  # type: ignore[attr-defined]
    module.URL_INCEPTION_V3 = "https://example.org/weights.pth"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch_fidelity", package)
    monkeypatch.setitem(sys.modules, "torch_fidelity.feature_extractor_inceptionv3", module)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "weights.pth"
    torch.save({"scale": torch.full((1,), 2.0)}, path)
    return path


def test_a_classifier_gives_its_penultimate_features_and_logits(checkpoint: Write) -> None:
    path = checkpoint()
    extractor = load_extractor(f"classifier:{path}", CPU)
    model, _ = load_weights(path)
    x = torch.rand(5, 1, 6, 6)
    features, logits = extractor.embed(x)
    torch.testing.assert_close(features, model.features(x))
    torch.testing.assert_close(logits, model(x))
    assert not extractor.comparable
    assert extractor.class_names == ("ape", "bee", "cat")


def test_classifiers_are_told_apart_by_their_weights(checkpoint: Write) -> None:
    first, second = (load_extractor(f"classifier:{checkpoint(seed)}", CPU) for seed in (0, 1))
    assert first.digest != second.digest
    assert first.slug != second.slug


@pytest.mark.parametrize("shape", [(3, 6, 6), (1, 8, 6)], ids=str)
def test_a_classifier_takes_images_of_its_own_shape(checkpoint: Write, shape: tuple[int, ...]) -> None:
    extractor = load_extractor(f"classifier:{checkpoint()}", CPU)
    check_images(extractor, (1, 6, 6), "good")
    with pytest.raises(WorkbenchError, match=r"1×6×6, but those of bad are"):
        check_images(extractor, shape, "bad")


def test_a_classifier_that_does_not_say_its_shape_takes_its_number_of_channels(checkpoint: Write) -> None:
    extractor = load_extractor(f"classifier:{checkpoint(image_shape=None)}", CPU)
    check_images(extractor, (1, 9, 9), "good")
    with pytest.raises(WorkbenchError, match=r"1×any×any, but those of bad are 3×9×9"):
        check_images(extractor, (3, 9, 9), "bad")


@pytest.mark.parametrize("name", ["vgg", "inception:", "classifier", "classifier:", ""])
def test_unknown_names_are_refused(name: str) -> None:
    refused(name, "known are inception, inception:WEIGHTS_FILE and classifier:CHECKPOINT")


def test_a_missing_checkpoint_is_refused(tmp_path: Path) -> None:
    refused(f"classifier:{tmp_path / 'none'}", "no such run or checkpoint")


def test_without_torch_fidelity_there_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch_fidelity", None)
    refused("inception", "Inception scores were not run", "pip install 'workbench[fid]'", OFFLINE)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.usefixtures("fidelity")
def test_inception_sees_levels_in_three_channels(weights: Path, channels: int) -> None:
    levels = torch.arange(2 * channels * 4, dtype=torch.float32).view(2, channels, 2, 2)
    extractor = load_extractor(f"inception:{weights}", CPU)
    with torch.inference_mode():
        features, logits = extractor.embed(levels / 255)
    three = levels.expand(-1, 3, -1, -1)
    torch.testing.assert_close(features, 2 * three.mean((2, 3)))
    torch.testing.assert_close(logits, three.amax((2, 3)))
    assert extractor.comparable


@pytest.mark.usefixtures("fidelity")
def test_inception_is_known_by_its_weights_not_by_its_file(weights: Path, tmp_path: Path) -> None:
    def digest(value: float, **how: bool) -> str:
        torch.save({"scale": torch.full((1,), value)}, tmp_path / "other.pth", **how)
        return load_extractor(f"inception:{tmp_path / 'other.pth'}", CPU).digest

    own = load_extractor(f"inception:{weights}", CPU).digest
    assert digest(2.0, _use_new_zipfile_serialization=False) == own
    assert digest(3.0) != own


@pytest.mark.usefixtures("fidelity")
def test_inception_downloads_its_weights_and_does_not_unpickle_them(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, object] = {}

    def download(url: str, **options: object) -> dict[str, Tensor]:
        asked.update(options, url=url)
        return {"scale": torch.ones(1)}

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", download)
    assert load_extractor("inception", CPU).comparable
    assert asked["url"] == "https://example.org/weights.pth"
    assert asked["weights_only"] is True


@pytest.mark.parametrize(
    "error", [URLError("no network"), ConnectionResetError("reset"), RuntimeError("bad zip")], ids=str
)
@pytest.mark.usefixtures("fidelity")
def test_without_a_network_there_is_one_clear_line(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", fail)
    refused("inception", "Inception scores were not run", "--features inception:FILE", OFFLINE)


class Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (Path("exploded"),)  # type: ignore[return-value]


BAD_WEIGHTS = {
    "a web page": lambda path: path.write_bytes(b"<!DOCTYPE html><html></html>"),
    "empty": lambda path: path.write_bytes(b""),
    "a pickle that runs code": lambda path: path.write_bytes(pickle.dumps(Bomb(), protocol=2)),
    "a checkpoint that runs code": lambda path: torch.save({"scale": Bomb()}, path),
    "a list": lambda path: torch.save([1, 2], path),
    "other weights": lambda path: torch.save({"other": torch.ones(2)}, path),
    "no dictionary of tensors": lambda path: torch.save({"scale": "big"}, path),
    "a folder": lambda path: path.mkdir(),
    "missing": lambda path: None,
}


@pytest.mark.parametrize("write", BAD_WEIGHTS.values(), ids=BAD_WEIGHTS)
@pytest.mark.usefixtures("fidelity")
def test_bad_weights_are_refused_and_run_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Path], None]
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "bad.pth")
    refused(f"inception:{tmp_path / 'bad.pth'}", "Inception scores were not run", "bad.pth", OFFLINE)
    assert not (tmp_path / "exploded").exists()


def test_extractors_are_frozen(pixels: Extractor) -> None:
    with pytest.raises(AttributeError):
        pixels.digest = "other"  # type: ignore[misc]
