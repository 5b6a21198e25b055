"""Facts of made-up data, for tests that do not care where they come from."""

from collections.abc import Callable
from typing import Any

import pytest

from workbench.pca import PCAFacts, PCASpec

MakeFacts = Callable[..., PCAFacts]


@pytest.fixture
def make_facts() -> MakeFacts:
    def make(spec: PCASpec, class_names: tuple[str, ...], image_shape: tuple[int, ...], **changes: Any) -> PCAFacts:
        values: dict[str, Any] = {
            "data": "digits",
            "data_source": "digits",
            "data_digest": "0" * 64,
            "train_size": None,
            "probe_size": 300,
            "class_names": class_names,
            "image_shape": image_shape,
            "space": spec.space,
            "variance": spec.variance,
            "num_components": spec.components,
            "local": spec.local,
            "seed": spec.seed,
            "checkpoint_digest": "1" * 64 if spec.space == "features" else None,
            "versions": {"numpy": "2"},
            "created": "2026-01-01T00:00:00+00:00",
        }
        return PCAFacts(**values | changes)

    return make
