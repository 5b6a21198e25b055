"""The data that a checkpoint was trained on, loaded again as training saw it."""

from collections.abc import Mapping
from typing import Any

from trainers.data import Data, load_data
from trainers.dataname import data_kind
from trainers.errors import WorkbenchError
from trainers.recipes import DATA_DEFAULTS


def load_training_data(facts: Mapping[str, Any], data: str | None = None) -> Data:
    """The data set of a checkpoint, with the same split into training and probe images; or another of the same kind.

    Args:
        facts: what the checkpoint says of itself (``load_weights``).
        data: as ``--data`` takes it; None for the data set that the checkpoint names.

    Raises:
        WorkbenchError: the checkpoint names no data and none are given, the data cannot be loaded, or their classes or
            image shape are not the model's.
    """
    name = facts.get("data") if data is None else data
    if not isinstance(name, str):
        raise WorkbenchError("the checkpoint does not say what data it was trained on; give --data")
    sizes = DATA_DEFAULTS.get(data_kind(name), {})
    loaded = load_data(
        name,
        train_size=_size(facts.get("train_size"), 0),
        probe_size=_size(facts.get("probe_size"), sizes.get("probe_size", 0)),
    )
    check_fits(facts, loaded.class_names, tuple(loaded.train.images.shape[1:]), name)
    return loaded


def check_fits(facts: Mapping[str, Any], class_names: tuple[str, ...], image_shape: tuple[int, ...], name: str) -> None:
    """Refuse data that are not of a checkpoint's classes and image shape (those of which it says nothing pass).

    Raises:
        WorkbenchError: naming both sides.
    """
    shape, names = facts.get("image_shape"), facts.get("class_names")
    if shape is not None and tuple(shape) != tuple(image_shape):
        raise WorkbenchError(
            f"the model takes images of shape {_shape(shape)}, but those of {name} are {_shape(image_shape)}"
        )
    if names is not None and tuple(names) != tuple(class_names):
        raise WorkbenchError(f"the model knows the classes {_listed(names)}, but {name} has {_listed(class_names)}")


def _size(value: Any, default: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else default


def _shape(shape: Any) -> str:
    return "×".join(map(str, shape))


def _listed(names: Any) -> str:
    shown = ", ".join(map(str, tuple(names)[:10]))
    return shown + (f", … ({len(names)})" if len(names) > 10 else "")
