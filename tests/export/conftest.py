"""One finished run for all tests of the export, and a short way to export it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.export import runs
from trainers.energylog import EnergyLog
from workbench.export import FORMATS, Selection, export_to_folder

Export = Callable[..., Path]


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return runs.write(tmp_path_factory.mktemp("export") / "run")


@pytest.fixture
def export(run: Path, tmp_path: Path) -> Export:
    """Export tables of a run (the one above, if none is given) into a new folder."""

    def write(form: str, *tables: str, path: Path = run, **selection: object) -> Path:
        chosen = Selection(**selection)  # type: ignore[arg-type]
        with EnergyLog.open(path) as log:
            export_to_folder(
                log, FORMATS[form], tables, chosen, tmp_path / "out", force=False, say=lambda sentence: None
            )
        return tmp_path / "out"

    return write
