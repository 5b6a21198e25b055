"""Some classes of an image folder, as a folder of links."""

from collections.abc import Sequence
from pathlib import Path

from trainers.dataname import parse_data
from trainers.errors import WorkbenchError

SPLITS = ("train", "test")


def some_classes(data: str, classes: Sequence[str], out: Path) -> str:
    """The name of the data with these classes alone, made below ``out`` of links to the images of ``data``.

    Args:
        data: ``folder:DIR`` with DIR/train/CLASS and DIR/test/CLASS.
        classes: names of folders.
        out: where the folder of links goes.

    Raises:
        WorkbenchError: a class is not there.
    """
    whole, chosen = Path(parse_data(data).where).expanduser().absolute(), out / "-".join(classes)
    for split in SPLITS:
        (chosen / split).mkdir(parents=True, exist_ok=True)
        for name in classes:
            source, link = whole / split / name, chosen / split / name
            if not source.is_dir():
                raise WorkbenchError(f"{source} is no folder; --data folder:DIR must hold {split}/{name}")
            if link.is_symlink() and not link.exists():
                link.unlink()  # the images have moved
            if not link.exists():
                link.symlink_to(source, target_is_directory=True)
    return f"folder:{chosen.absolute()}"
