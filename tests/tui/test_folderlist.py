"""The list of folders of generated images."""

from pathlib import Path

import pytest

from tests.tui.generated_runs import write_samples, write_score
from workbench.tui.generated.folders import Folder, FolderReader, find_folders
from workbench.tui.widgets.folderlist import COLUMNS

FID = next(column for column in COLUMNS if column.title == "FID")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of samples in a run."""
    return write_samples(tmp_path / "generation" / "samples-000", merged=False)


@pytest.mark.parametrize(("num", "shown"), [(12, "2.50↑"), (2047, "2.50↑"), (2048, "2.50"), (None, "2.50")])
def test_fid_of_too_few_images_is_marked(folder: Path, num: int | None, shown: str) -> None:
    write_score(folder, {"samples": {"name": "s", "num": num}})
    assert FID.text(found(folder), 0.0, ()) == shown


def test_a_scoring_without_fid_is_not_marked(folder: Path) -> None:
    assert FID.text(found(folder), 0.0, ()) == ""
    write_score(folder, {"scores": {"kid": {"value": 0.05}}})
    assert FID.text(found(folder), 0.0, ()) == "–"


def found(folder: Path) -> Folder:
    (only,) = FolderReader().read(find_folders(folder.parent.parent))
    return only
