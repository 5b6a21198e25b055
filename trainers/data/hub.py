"""Image data sets of the Hugging Face hub, or in a local folder that its library understands; needs the extra "hub"."""

from pathlib import Path
from typing import Any

import numpy as np

from trainers.data.folder import bring_to_mode, stack
from trainers.data.labelled import Labelled, Part
from trainers.errors import WorkbenchError

PARTS = {"train": ("train",), "test": ("test", "validation")}
"""What a part is called there; many data sets have no test part with labels."""


def read_hub(path: Path, part: Part) -> Labelled:
    """A part of a data set by its name on the hub, such as ``uoft-cs/cifar10``; no code of the data set is run.

    The image column and the column of class labels are found by their types; of several, "image", "img", "label" and
    "fine_label" come first.

    Raises:
        WorkbenchError: the library is not installed, no such data set or part, no images or labels, several sizes.
    """
    name = str(path)
    try:
        import datasets
    except ImportError:
        raise WorkbenchError("hub:NAME needs the library datasets: pip install 'workbench[hub]'") from None
    table = _part(datasets, name, part)
    image = _column(name, table, "Image", ("image", "img"))
    label = _column(name, table, "ClassLabel", ("label", "fine_label"))
    names = tuple(str(word) for word in table.features[label].names)
    labels = np.asarray(table[label], dtype=np.int64)
    if not len(labels) or labels.min() < 0 or labels.max() >= len(names):
        raise WorkbenchError(f"hub:{name} has no label for some of its {part} images")
    first = table[0][image]
    mode = "L" if first.mode in ("L", "1") else "RGB"
    pictures = ((f"{name}, {part} image {row}", bring_to_mode(table[row][image], mode)) for row in range(len(labels)))
    return Labelled(stack(pictures, len(labels)), labels, names)


def _part(datasets: Any, name: str, part: Part) -> Any:
    datasets.disable_progress_bars()
    problem = ""
    for split in PARTS[part]:
        try:
            return datasets.load_dataset(name, split=split)
        except Exception as error:  # noqa: BLE001 - the library, its network and its parsers raise anything
            problem = " ".join(str(error).split())[:200]
    raise WorkbenchError(f"cannot load the {part} part of hub:{name} ({problem})")


def _column(name: str, table: Any, kind: str, preferred: tuple[str, ...]) -> str:
    found = [column for column, feature in table.features.items() if type(feature).__name__ == kind]
    if not found:
        what = {"Image": "images", "ClassLabel": "class labels"}[kind]
        has = ", ".join(str(column) for column in list(table.features)[:20])
        raise WorkbenchError(f"hub:{name} has no column of {what}; it has {has}")
    return next((column for column in preferred if column in found), str(found[0]))
