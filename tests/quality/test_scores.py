"""All scores of a set of samples together: against plain formulas, what they say of themselves, and what is refused."""

import dataclasses
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from small_pictures import CLASS_NAMES, make_samples, pictures, pixel_extractor

from trainers.errors import WorkbenchError
from workbench.quality import (
    Against,
    Extractor,
    Scores,
    Working,
    find_judge,
    fit_samples,
    load_against,
    reference,
    reference_statistics,
    score,
    to_json,
)
from workbench.sampling.samples import Samples


@pytest.fixture
def against(data: str) -> Against:
    return load_against(data)


@dataclasses.dataclass
class Bench:
    """Scores samples against one reference."""

    against: Against
    cache: Path

    def score(
        self, samples: Samples, extractor: Extractor, *, k: int = 5, judged: bool = True, working: Working | None = None
    ) -> Scores:
        working = working or Working(batch_size=10)
        found = reference_statistics(extractor, self.against, cache=self.cache, working=working)
        judge, reason = find_judge(None, self.against, extractor, samples.checkpoint_digest, working)
        return score(
            fit_samples(samples, self.against),
            found,
            name=samples.name,
            class_names=self.against.class_names,
            extractor=extractor,
            judge=judge if judged else None,
            no_judge=reason if judged else "nobody asked",
            checkpoint_digest=samples.checkpoint_digest,
            k=k,
            working=working,
        )


@pytest.fixture
def bench(against: Against, tmp_path: Path) -> Bench:
    return Bench(against, tmp_path / "cache")


def test_fid_is_that_of_the_features(bench: Bench, samples: Samples, pixels: Extractor) -> None:
    found = bench.score(samples, pixels)
    x, y = (array.reshape(len(array), -1) / 255 for array in (samples.images, bench.against.images.images.numpy()))
    cov_x, cov_y = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    expected = np.sum((x.mean(0) - y.mean(0)) ** 2) + np.trace(cov_x + cov_y - 2 * sqrtm(cov_x @ cov_y).real)
    assert found.fid.value == pytest.approx(expected, rel=1e-4)
    assert (found.num, found.num_reference, found.num_features) == (24, 90, 36)


def test_the_reference_scored_against_itself(bench: Bench, pixels: Extractor) -> None:
    found = bench.score(make_samples(*pictures(90)), pixels)
    assert found.fid.value == pytest.approx(0.0, abs=1e-6)
    assert [getattr(found, name).value for name in ("precision", "recall", "coverage", "agreement")] == [1.0] * 4
    assert found.agreement_by_class == {"ape": 1.0, "bee": 1.0, "cat": 1.0}
    assert found.inception_score.value == pytest.approx(3.0, rel=0.01)
    assert abs(found.kid.value or 0) < 3 * (found.kid.std or 0)


def test_wrong_labels_disagree(bench: Bench, pixels: Extractor) -> None:
    images, labels = pictures(30)
    found = bench.score(make_samples(images, np.where(labels == 2, 0, labels)), pixels)
    assert found.agreement.value == pytest.approx(20 / 30)
    assert found.agreement_by_class == {"ape": 0.5, "bee": 1.0, "cat": None}


def test_worse_samples_score_worse(bench: Bench, samples: Samples, pixels: Extractor) -> None:
    noise = np.random.default_rng(0).integers(0, 256, samples.images.shape, dtype=np.uint8)
    good, bad = bench.score(samples, pixels), bench.score(dataclasses.replace(samples, images=noise), pixels)
    for name in ("fid", "kid"):
        assert (getattr(good, name).value or 0) < getattr(bad, name).value
    for name in ("density", "coverage", "agreement", "precision"):
        assert getattr(good, name).value > getattr(bad, name).value


def test_scores_do_not_depend_on_the_batch_size(bench: Bench, samples: Samples, pixels: Extractor) -> None:
    one, other = (bench.score(samples, pixels, working=Working(batch_size=size)) for size in (1, 64))
    assert one.fid.value == pytest.approx(other.fid.value)
    assert one.kid == other.kid
    assert one.agreement == other.agreement


def test_what_cannot_be_computed_says_why(bench: Bench, samples: Samples, pixels: Extractor) -> None:
    found = bench.score(samples, pixels, k=24, judged=False)
    for name in ("precision", "recall", "density", "coverage"):
        assert getattr(found, name).value is None
        assert "more than k = 24" in getattr(found, name).reason
    assert found.agreement == dataclasses.replace(found.agreement, value=None, reason="nobody asked")
    assert found.agreement_by_class == {}
    assert found.fid.value is not None


def test_notes_say_what_limits_the_figures(bench: Bench, pixels: Extractor, monkeypatch: pytest.MonkeyPatch) -> None:
    images, _ = pictures(20)
    monkeypatch.setattr(sys.modules["workbench.quality.score"], "MAX_FEATURES", 50)
    monkeypatch.setattr(reference, "MAX_FEATURES", 50)
    notes = " ".join(bench.score(make_samples(images, np.zeros(20, np.int64), digest="pixels"), pixels).notes)
    for words in (
        "not comparable to papers",
        "biased upwards and IS downwards: 20 samples, 2,048 or more",
        "only 90 images",
        "1 of the 3 classes",
        "at most 50 images",
        "the network that guided the sampling",
    ):
        assert words in notes


def test_comparable_features_are_not_called_incomparable(bench: Bench, samples: Samples, pixels: Extractor) -> None:
    notes = " ".join(bench.score(samples, dataclasses.replace(pixels, comparable=True)).notes)
    assert "not comparable" not in notes
    assert "whether the judge is independent is not known" in notes


def test_features_that_are_not_finite_are_refused(bench: Bench, samples: Samples, pixels: Extractor) -> None:
    def embed(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        features, logits = pixels.embed(images)
        return features.where(features < 0.8, torch.nan), logits

    with pytest.raises(WorkbenchError, match="pixels gives features that are not finite"):
        bench.score(samples, dataclasses.replace(pixels, embed=embed))


def test_out_of_memory_halves_the_batch_and_says_so(bench: Bench, samples: Samples, pixels: Extractor) -> None:
    calls: list[int] = []
    said: list[str] = []
    small = pixel_extractor(calls, digest="small", limit=7)
    found = bench.score(samples, small, working=Working(batch_size=24, say=said.append))
    assert found.fid.value == pytest.approx(bench.score(samples, pixels).fid.value)
    assert calls[:3] == [24, 12, 6]
    assert "goes on with batches of 6" in said[1]
    with pytest.raises(WorkbenchError, match="out of memory for a single image"):
        bench.score(samples, pixel_extractor([], digest="none", limit=0))


@pytest.mark.parametrize(
    "words",
    [
        "[enforce fail at alloc_cpu.cpp:119] err == 0. DefaultCPUAllocator: can't allocate memory: you tried",
        "MPS backend out of memory (MPS allocated: 9.0 GB, other allocations: 1.0 MB, max allowed: 9.07 GB).",
    ],
)
def test_a_processor_and_an_apple_gpu_run_out_of_memory_in_other_words(
    words: str, bench: Bench, samples: Samples, pixels: Extractor
) -> None:
    calls: list[int] = []
    small = pixel_extractor(calls, digest=words[:1], limit=7, error=RuntimeError(words))
    found = bench.score(samples, small, working=Working(batch_size=24))
    assert found.fid.value == pytest.approx(bench.score(samples, pixels).fid.value)
    assert calls[:3] == [24, 12, 6]


def test_another_error_of_the_network_is_not_taken_for_want_of_memory(bench: Bench, samples: Samples) -> None:
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        bench.score(samples, pixel_extractor([], limit=7, error=RuntimeError("mat1 and mat2 shapes")))


def test_json_holds_every_score_and_nothing_but_json(bench: Bench, samples: Samples, pixels: Extractor) -> None:
    found = bench.score(samples, pixels, k=24)
    value = json.loads(json.dumps(to_json(found), allow_nan=False))
    assert value["scores"]["fid"] == {"value": found.fid.value, "std": None, "reason": None}
    assert value["scores"]["recall"]["value"] is None
    assert value["scores"]["kid"]["std"] == found.kid.std
    assert set(value["scores"]) == {
        "fid",
        "inception_score",
        "kid",
        "precision",
        "recall",
        "density",
        "coverage",
        "agreement",
    }
    assert value["features"]["comparable_to_papers"] is False
    assert value["judge"]["agreement_by_class"] == dict.fromkeys(CLASS_NAMES, 1.0)


def test_progress_tells_images_and_stages(bench: Bench, samples: Samples, pixels: Extractor) -> None:
    seen: list[tuple[str, int, int]] = []
    working = Working(batch_size=16, progress=lambda what, done, total: seen.append((what, done, total)))
    bench.score(samples, pixels, working=working)
    assert [entry for entry in seen if entry[0] == "samples"] == [("samples", n, 24) for n in (0, 16, 24)]
    assert ("FID", 1, 1) in seen
