"""The pane of generated images: what is read from folders, what is drawn, and what keys do."""

import fcntl
import json
import os
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from textual.pilot import Pilot

from tests.tui.conftest import Pictured, settled, text_of
from tests.tui.generated_runs import MEANS, STEPS, spec, write_samples, write_score
from tests.tui.looks import Look, every_look
from tests.tui.runs import NOW, meta, write
from tests.tui.test_generate import HOSTILE, faked, keep
from tests.tui.test_live import until
from trainers.errors import WorkbenchError
from workbench.sampling.spec import SamplingSpec
from workbench.tui.forms.scoring import scoring_form
from workbench.tui.generated import folders
from workbench.tui.generated.chains import find_chains, read_chains
from workbench.tui.generated.folders import FolderReader, find_folders
from workbench.tui.generated.scores import read_scores
from workbench.tui.generated.tiles import plan
from workbench.tui.generated.words import command_of
from workbench.tui.screens.form import FormScreen
from workbench.tui.screens.job import JobScreen
from workbench.tui.screens.run import RunScreen
from workbench.tui.widgets.cells import Cells
from workbench.tui.widgets.generated import Generated
from workbench.tui.widgets.trajectories import draw_trajectories, raster


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run of three epochs with three folders of samples: all of them, a part, and one that holds rubbish."""
    run = keep(write(tmp_path / "run", epochs=3, facts=meta(class_names=("cat", "dog", "owl"))), 2)
    write_score(write_samples(run / "generation" / "samples-000", age=7200))
    write_samples(run / "generation" / "samples-001", spec(labels=(1,), num=8), ended=4, merged=False, age=600)
    (run / "generation" / "samples-002").mkdir()
    (run / "generation" / "samples-002" / "sampling.toml").write_text("rubbish = [")
    os.utime(run / "generation" / "samples-002" / "sampling.toml", (NOW - 10**6, NOW - 10**6))
    return run


def pane_of(pilot: Pilot[None]) -> Generated:
    return pilot.app.query_one(Generated)


async def opened_pane(pilot: Pilot[None]) -> Generated:
    await pilot.press("9")
    await until(pilot, lambda: bool(pilot.app.query(Generated)))
    await read(pilot)
    return pane_of(pilot)


async def read(pilot: Pilot[None]) -> None:
    await pilot.pause()
    await until(pilot, lambda: pane_of(pilot).ready)
    await pilot.pause(0.05)
    await until(pilot, lambda: pane_of(pilot).ready)
    await pilot.pause()


async def press(pilot: Pilot[None], *keys: str) -> str:
    await pilot.press(*keys)
    await read(pilot)
    return text_of(pilot)


def folders_of(run: Path) -> list:
    return FolderReader().read(find_folders(run))


def test_folders_are_the_latest_first_with_their_state(run: Path) -> None:
    folders = folders_of(run)
    assert [(one.path.name[-3:], one.state, one.ended, one.asked) for one in folders] == [
        ("001", "part", 4, 8),
        ("000", "complete", 12, 12),
        ("002", "damaged", 0, None),
    ]
    assert folders[0].epoch == 2
    assert folders[1].scores[0].text("fid") == "2.50"
    assert "not valid TOML" in (folders[2].problem or "") or folders[2].problem


def test_a_folder_is_read_again_only_if_it_has_changed(run: Path) -> None:
    reader, found = FolderReader(), find_folders(run)
    before = reader.read(found)
    assert all(one is other for one, other in zip(before, reader.read(found), strict=True))
    write_score(found[0][1])
    after = reader.read(found)
    assert after[0].scores
    assert after[1] is before[1]


def test_a_lock_counts_if_it_is_this_folders_and_no_other_devices(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = run / "generation" / "samples-001"
    (tmp_path / "locks").write_text(f"1: FLOCK  ADVISORY  WRITE 7 fe:63:{folder.stat().st_ino} 0 EOF\n")
    monkeypatch.setattr(folders, "LOCKS", tmp_path / "locks")
    assert not folders_of(run)[0].running
    descriptor = os.open(folder, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    assert folders_of(run)[0].running
    os.close(descriptor)


def test_no_folder(tmp_path: Path) -> None:
    assert find_folders(tmp_path) == []
    (tmp_path / "generation").write_text("a file")
    assert find_folders(tmp_path) == []


@pytest.mark.parametrize("merged", [True, False])
def test_chains_are_those_that_were_written(tmp_path: Path, merged: bool) -> None:
    folder = write_samples(tmp_path / "samples-000", merged=merged, diverged=frozenset({4}))
    places = find_chains(folder)
    chains = read_chains(places, 3, 6)
    assert chains is not None
    assert (chains.total, chains.first, chains.number.tolist()) == (12, 3, [3, 4, 5, 6, 7, 8])
    assert chains.label.tolist() == [0, 1, 2, 0, 1, 2]
    assert chains.stop_step.tolist() == [5 + number % 4 for number in range(3, 9)]
    assert chains.reason.tolist() == [0, 4, 0, 0, 0, 0]
    for place, number in enumerate(range(3, 9)):
        line = chains.joint[place]
        known = np.flatnonzero(np.isfinite(line))
        assert known.tolist() == list(range(5 + number % 4 + 1))
        assert line[known[-1]] == pytest.approx(MEANS[number % 3])
        assert (np.argwhere(chains.image[place, 0, 0])[0] % 8) == number % 8
    assert chains.target.means == dict(enumerate(MEANS))
    assert chains.target.width == pytest.approx(0.2)
    assert read_chains(places, 12, 5) is None


def test_only_some_chains_of_many_are_read(tmp_path: Path) -> None:
    folder = write_samples(tmp_path / "samples-000", spec(num=300))
    chains = read_chains(find_chains(folder), 290, 100)
    assert chains is not None
    assert len(chains) == 10
    chains = read_chains(find_chains(folder), 0, 300)
    assert chains is not None
    assert len(chains.joint) == 100


def test_damaged_samples_are_refused(tmp_path: Path) -> None:
    folder = write_samples(tmp_path / "samples-000")
    with h5py.File(folder / "samples.h5", "a") as file:
        file["label"][3] = -1
    with pytest.raises(WorkbenchError, match="below 0"):
        read_chains(find_chains(folder), 0, 12)
    (folder / "samples.h5").write_bytes(b"rubbish")
    with pytest.raises(WorkbenchError, match="cannot read"):
        find_chains(folder)


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"format": "other"}', "[" * 100_000, '{"format": "workbench-score-1", "scores": 3}', "\xff"],
)
def test_files_that_are_no_scores_are_left_out(tmp_path: Path, content: str) -> None:
    (tmp_path / "score-a.json").write_bytes(content.encode("latin-1"))
    assert read_scores(tmp_path) == ()
    write_score(tmp_path, {"scores": {"fid": {"value": float("nan")}, "kid": {"value": "many"}}})
    assert [dict(card.values) for card in read_scores(tmp_path)] == [{}]


def test_the_command_makes_the_same_settings(run: Path) -> None:
    folder = folders_of(run)[0]
    words = command_of(folder, ("cat", "dog", "owl"), "digits")
    assert words is not None
    assert words[0] == "sample"
    assert {"--class=1", "--num=8", "--steps=20", "--min-steps=5", "--stop-tol=0.04"} == set(words[1:-2])
    unknown = command_of(folder, (), None)
    assert unknown is not None
    named = {word.split("=")[0][2:].replace("-", "_") for word in unknown[1:-2]}
    assert named == {"class", *SamplingSpec.__dataclass_fields__} - {"labels", "local"}


def test_a_straight_line_is_a_straight_row_of_dots() -> None:
    lines = np.array([[0.0, 1.0, 2.0, np.nan]], dtype=np.float32)
    dots = raster(lines, 2, 0.0, 2.0, 21, 21)
    assert np.array_equal(dots, np.eye(21, dtype=bool)[::-1])
    assert raster(np.full((1, 3), 1.0, np.float32), 2, 0.0, 2.0, 9, 9).sum() == 9
    assert not raster(np.full((2, 3), np.nan, np.float32), 2, 0.0, 2.0, 8, 8).any()


@pytest.mark.parametrize("size", [(1, 1), (19, 6), (40, 12), (160, 48)])
def test_trajectories_at_every_size(tmp_path: Path, size: tuple[int, int]) -> None:
    chains = read_chains(find_chains(write_samples(tmp_path / "samples-000")), 0, 12)
    assert chains is not None
    for chosen in (None, 0, 11):
        sheet = Cells(*size)
        draw_trajectories(sheet, chains, chosen, size[1])
        shown = "\n".join(strip.text for strip in sheet.strips())
        assert ("●" in shown) == (chosen is not None and size[0] >= 19)
        if size[0] >= 40:
            assert ("Ē" in shown) == (chosen is not None), "of several classes only the chosen one's mean"


@pytest.mark.parametrize(
    ("count", "shape", "area", "side_zoom_columns"),
    [
        (6, (8, 8), (38, 10), (8, 1, 4)),
        (40, (8, 8), (78, 30), (8, 1, 8)),
        (4, (8, 8), (78, 40), (8, 4, 2)),
        (10, (32, 32), (38, 12), (12, 1, 3)),
        (10, (224, 224), (100, 40), (32, 1, 3)),
        (5, (8, 8), (1, 1), (8, 1, 1)),
    ],
)
def test_images_are_as_large_as_enough_of_them_allow(
    count: int, shape: tuple[int, int], area: tuple[int, int], side_zoom_columns: tuple[int, int, int]
) -> None:
    grid = plan(count, shape, *area)
    assert (grid.side, grid.zoom, grid.columns) == side_zoom_columns


async def test_folders_and_images_by_keys(run: Path) -> None:
    async with faked(run, size=(100, 30)) as pilot:
        pane = await opened_pane(pilot)
        shown = text_of(pilot)
        assert "◐ samples-001" in shown
        assert "2 of 3" not in shown
        assert "samples-001 (1 of 3 folders): in part · class dog · checkpoint of epoch 2" in shown
        assert "not scored yet" in shown
        assert "▸#0" in shown
        shown = await press(pilot, "down")
        assert "samples-000 (2 of 3 folders): complete · all 3 classes" in shown
        assert "FID 2.50 (12 images: biased upwards) · IS 1.25 · KID 0.05 · agreement" in shown
        assert "▸cat" in shown
        shown = await press(pilot, "full_stop", "full_stop", "comma")
        assert "▸dog" in shown
        assert "#1 (2 of 12)" in shown
        shown = await press(pilot, "enter")
        assert "folder " not in shown.splitlines()[2], "the list makes room"
        before = pane.shown.place
        assert pane.shown.grid is not None
        await press(pilot, "down")
        assert pane.shown.place == before + pane.shown.grid.columns
        await press(pilot, "up", "pagedown")
        assert pane.shown.chains is not None
        assert pane.shown.chains.first + pane.shown.place == min(11, before + pane.shown.grid.room)
        await press(pilot, "pageup", "enter", "k")
        assert pane.shown.chosen == 0
        shown = await press(pilot, "pagedown")
        assert pane.shown.chosen == 2
        assert "✗" in shown
        await press(pilot, "j", "pageup")
        assert pane.shown.chosen == 0


async def test_the_mouse_chooses(run: Path) -> None:
    async with faked(run, size=(100, 30)) as pilot:
        pane = await opened_pane(pilot)
        await pilot.click("#generated-list", offset=(5, 2))
        await read(pilot)
        assert pane.shown.chosen == 1
        grid = pane.shown.grid
        assert grid is not None
        await pilot.click("#generated-images", offset=(grid.across + 1, 2))
        await read(pilot)
        assert pane.shown.place == 1
        pane.on_mouse_scroll_down(_Wheel())  # type: ignore[arg-type]
        await read(pilot)
        assert pane.shown.chosen == 2
        pane.on_mouse_scroll_up(_Wheel())  # type: ignore[arg-type]
        await read(pilot)
        assert pane.shown.chosen == 1


class _Wheel:
    def stop(self) -> None:
        """Nothing."""


async def test_the_record_tells_everything(run: Path) -> None:
    async with faked(run, size=(120, 60)) as pilot:
        await opened_pane(pilot)
        shown = await press(pilot, "down", "D")
        for words in (
            "made by",
            "workbench sample --class=all",
            "stop tol      0.04",
            "created       2025-06-15",
            "± ",
        ):
            assert (words in shown) == (words != "± "), words
        assert "biased" in shown
        top = await press(pilot, "D")
        assert "made by" not in top


async def test_copying(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with faked(run) as pilot:
        copied: list[str] = []
        monkeypatch.setattr(pilot.app, "copy_to_clipboard", copied.append)
        await opened_pane(pilot)
        await press(pilot, "y", "Y")
        assert copied[0] == str(run / "generation" / "samples-001")
        assert copied[1].startswith("workbench sample --class=1 --num=8 ")
        await press(pilot, "pagedown", "Y")
        assert len(copied) == 2, "what cannot be read has no command"


async def test_the_folder_that_was_chosen_is_chosen_again(run: Path) -> None:
    async with faked(run, "words", size=(100, 40)) as pilot:
        first = (await opened_pane(pilot)).shown.chosen
        await press(pilot, "down")
        left = pane_of(pilot).shown.folder
        assert left is not None
        assert pane_of(pilot).shown.chosen == first + 1
        await pilot.press("q")
    async with faked(run, "words", size=(100, 40)) as pilot:
        found = (await opened_pane(pilot)).shown.folder
        assert found is not None
        assert found.path == left.path


async def test_scoring_and_going_on_are_asked_and_run(run: Path) -> None:
    async with faked(run, "words", size=(100, 40)) as pilot:
        await opened_pane(pilot)
        await pilot.press("v")
        await until(pilot, lambda: isinstance(pilot.app.screen, FormScreen))
        form = pilot.app.screen
        assert isinstance(form, FormScreen)
        answers = form.answers | {"against": "digits", "judge": "svm"}
        folder = run / "generation" / "samples-001"
        words = form.form.job(answers).arguments
        assert words == (
            "score", "--against=digits", f"--features=classifier:{run}", "--judge=svm", "--", str(folder),
        )  # fmt: skip
        for name, text, problem in (
            ("against", "", "digits, cifar10:DIR"),
            ("against", "folder:/nowhere", "there is no /nowhere"),
            ("features", "vgg", "inception"),
            ("against", "cifar10:/nowhere", "there is no /nowhere"),
            ("judge", "me", "svm or classifier"),
            ("num", "1", "at least 2"),
        ):
            assert problem in (form.form.problem(name, answers | {name: text}) or ""), text
        for data in (f"cifar10:{run}", f"svhn:{run}", f"folder@32:{run}", "hub:cifar10"):
            assert form.form.problem("against", answers | {"against": data}) is None, data
        await pilot.press(*"digits", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, JobScreen))
        screen = pilot.app.screen
        assert isinstance(screen, JobScreen)
        await until(pilot, lambda: screen.ended is not None, 30)
        await until(pilot, lambda: "FID  2.5" in text_of(pilot))
        await pilot.press("escape", "R")
        await until(pilot, lambda: isinstance(pilot.app.screen, FormScreen))
        form = pilot.app.screen
        assert isinstance(form, FormScreen)
        assert form.form.job({"num": "16", "steps": ""}).arguments == ("sample", f"--resume={folder}", "--num=16")
        assert "not shrink" in (form.form.problem("num", {"num": "2", "steps": ""}) or "")
        await pilot.press("escape")
        await press(pilot, "down")
        await pilot.press("R")
        await until(pilot, lambda: isinstance(pilot.app.screen, FormScreen))
        form = pilot.app.screen
        assert isinstance(form, FormScreen)
        assert "all of them are there" in (form.form.problem("num", form.answers) or "")


@pytest.mark.parametrize("name", ["against", "features", "judge"])
def test_a_name_that_is_too_long_is_said_in_the_form(tmp_path: Path, name: str) -> None:
    form = scoring_form(tmp_path, tmp_path / "samples-000", "digits")
    word = "npz:" if name == "against" else "classifier:"
    with pytest.raises(WorkbenchError, match="File name too long"):
        form.check(name, {name: f"{word}{'x' * 300}"})


async def test_nothing_was_generated_yet(tmp_path: Path) -> None:
    run = keep(write(tmp_path / "run", epochs=2), 1)
    async with faked(run, size=(80, 24)) as pilot:
        await opened_pane(pilot)
        assert "No images have been generated from this run yet:  g  generates some." in text_of(pilot)
        shown = await press(pilot, "down", "enter", "full_stop", "D", "pagedown", "v", "R", "y", "Y", "D", "enter")
        assert "No images have been generated" in shown
        assert isinstance(pilot.app.screen, RunScreen)
        write_samples(run / "generation" / "samples-000")
        await until(pilot, lambda: "samples-000" in text_of(pilot), 10)


async def test_a_folder_that_vanishes(run: Path) -> None:
    async with faked(run) as pilot:
        pane = await opened_pane(pilot)
        shutil.rmtree(run / "generation" / "samples-001")
        pane._look_again()
        await read(pilot)
        assert "samples-000 (1 of 2 folders)" in text_of(pilot)
        shutil.rmtree(run / "generation")
        shown = await press(pilot, "down", "full_stop")
        pane._look_again()
        await read(pilot)
        shown = text_of(pilot)
        assert "No images have been generated" in shown


async def test_hostile_names_stay_text(tmp_path: Path) -> None:
    run = keep(write(tmp_path / "run", epochs=2), 1)
    name = "samples-[red]x \x1b[31m\u202etfel " + "N" * 150
    folder = write_samples(run / "generation" / name, names=(HOSTILE, "[@click=app.quit]q[/]", "-rf"))
    write_score(folder, {"notes": [HOSTILE], "features": {"name": HOSTILE, "comparable_to_papers": False}})
    async with faked(run, size=(120, 50)) as pilot:
        await opened_pane(pilot)
        shown = text_of(pilot) + await press(pilot, "full_stop", "D") + await press(pilot, "D")
        svg = pilot.app.export_screenshot()
    assert "samples-[red]x \\x1b[31m\\u202etfel" in shown
    assert "[red]x[/] \\x1b[31m" in shown
    assert all(char.isprintable() or char == "\n" for char in shown)
    assert "\x1b" not in svg


@pytest.mark.parametrize("size", [(20, 5), (40, 12), (60, 30), (200, 60)])
async def test_every_size(run: Path, size: tuple[int, int]) -> None:
    async with faked(run, size=size) as pilot:
        await opened_pane(pilot)
        for key in ("down", "enter", "full_stop", "D", "enter", "pagedown"):
            await press(pilot, key)
        await pilot.resize_terminal(30, 10)
        await read(pilot)
        assert isinstance(pilot.app.screen, RunScreen)


async def list_of_folders(pilot: Pilot[None]) -> None:
    await opened_pane(pilot)
    await press(pilot, "down", "full_stop")


async def browsing(pilot: Pilot[None]) -> None:
    await list_of_folders(pilot)
    await press(pilot, "enter")


async def record(pilot: Pilot[None]) -> None:
    await list_of_folders(pilot)
    await press(pilot, "D")


@every_look
@pytest.mark.parametrize("steps", [list_of_folders, browsing, record], ids=["folders", "browsing", "record"])
def test_pictures(pictured: Pictured, run: Path, steps: object, look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(run.parent)
    monkeypatch.setattr(Path, "absolute", lambda self: self)  # no picture depends on where the run lies

    async def before(pilot: Pilot[None]) -> None:
        await settled(pilot)
        await steps(pilot)  # type: ignore[operator]

    pictured(look, "run", before=before)


def test_the_facts_of_samples_are_not_believed(tmp_path: Path) -> None:
    folder = write_samples(tmp_path / "samples-000")
    with h5py.File(folder / "samples.h5", "a") as file:
        facts = json.loads(file.attrs["facts"]) | {
            "class_names": 3,
            "class_mean_energies": [None, "x", 1e300],
            "sampling": {},
        }
        file.attrs["facts"] = json.dumps(facts)
        file["joint_energy"][0, 0] = np.inf
        file["joint_energy"][1, 0] = 3e38
    chains = read_chains(find_chains(folder), 0, 12)
    assert chains is not None
    assert chains.target.means == {}
    assert chains.name(1) == "1"
    assert np.isnan(chains.joint[:2, 0]).all()
    assert chains.joint.shape[1] == STEPS + 1
