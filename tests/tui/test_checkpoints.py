"""The pane of checkpoints: what a run keeps and names, strong evaluations, and what its keys do."""

import hashlib
import json
import shutil
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from textual.events import MouseScrollUp
from textual.pilot import Pilot

from tests.tui.conftest import Pictured, settled, text_of
from tests.tui.evaluations import WEIGHTS, evaluation, inputs
from tests.tui.looks import Look, every_look
from tests.tui.runs import COLLAPSE, NOW, append, meta, start, write
from tests.tui.test_generate import FAKE, HOSTILE, faked, finish, keep
from tests.tui.test_live import until
from trainers.energylog import RunMeta
from workbench.evaluation import Tally, save_evaluation, to_json
from workbench.tui.acts.seen import Copied, HasTargets
from workbench.tui.checkpoints.pane import Checkpoints
from workbench.tui.checkpoints.result import Evaluated
from workbench.tui.checkpoints.shelf import Shelf, Shelves
from workbench.tui.facts.numbers import Exports
from workbench.tui.facts.source import Source
from workbench.tui.forms.evaluation import evaluation_form
from workbench.tui.jobs.found import request_of
from workbench.tui.jobs.record import read_records
from workbench.tui.keys.checkpoints import CHECKPOINT_KEYS
from workbench.tui.look.text import bytes_text
from workbench.tui.screens.form import FormScreen
from workbench.tui.screens.job import JobScreen
from workbench.tui.screens.run import RunScreen

KEPT = (5, COLLAPSE - 1, COLLAPSE + 5)


def ours(**changes: object) -> RunMeta:
    """The facts of a run that keeps checkpoints."""
    return meta(config={"model": "small-cnn", "eps": 0.25, "epochs": 40, "keep_last": 3, "data": "digits"}, **changes)


def make(folder: Path) -> Path:
    """A run that collapses, with three checkpoints, one of them evaluated."""
    keep(write(folder, collapses=True, epochs=COLLAPSE + 6, facts=ours()), *KEPT)
    for epoch in KEPT:
        (folder / "checkpoints" / f"epoch-{epoch:06d}.safetensors").write_bytes(WEIGHTS)
    save_evaluation(folder / "evaluation", evaluation(COLLAPSE - 1))
    return folder


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return make(tmp_path / "run")


def shelf_of(path: Path) -> Shelf:
    source = Source(path, lambda: NOW)
    try:
        return Shelves(path).look(source.read())
    finally:
        source.close()


async def shown(pilot: Pilot[None]) -> Checkpoints:
    """Open the pane and wait until it is read."""
    await pilot.press("8")
    await until(pilot, lambda: bool(pilot.app.screen.query(Checkpoints)) and pane_of(pilot).ready)
    await pilot.pause()
    return pane_of(pilot)


def told(pilot: Pilot[None]) -> list[str]:
    return [note.message for note in pilot.app._notifications]


def pane_of(pilot: Pilot[None]) -> Checkpoints:
    return pilot.app.screen.query_one(Checkpoints)


@asynccontextmanager
async def opened_pane(
    path: Path, scenario: str = "works", size: tuple[int, int] = (100, 30)
) -> AsyncIterator[tuple[Pilot[None], Checkpoints]]:
    async with faked(path, scenario, size) as pilot:
        yield pilot, await shown(pilot)


def test_roles_onsets_and_evaluations(run: Path) -> None:
    shelf = shelf_of(run)
    assert [row.epoch for row in shelf.rows] == list(KEPT)
    first, healthy, last = shelf.rows
    assert healthy.roles == ("best", "last healthy before CO")
    assert (first.roles, last.roles) == ((), ("last",))
    assert (first.overfitted, healthy.overfitted, last.overfitted) == ((), (), ("CO",))
    assert [row.recommended for row in shelf.rows] == [False, True, False]
    assert [len(row.evaluations) for row in shelf.rows] == [0, 1, 0]
    assert {row.size for row in shelf.rows} == {701_752}
    assert shelf.run_dir == run


def test_what_the_log_names_and_the_folder_lacks(tmp_path: Path) -> None:
    with start(tmp_path / "run", ours()) as writer:
        for _ in range(COLLAPSE + 4):
            append(writer, collapses=True)
        writer.append_event(
            kind="rollback",
            epoch=COLLAPSE + 3,
            step=1,
            message="after epoch 25 back to the weights of epoch 7, on with der_beta 1",
        )
        writer.append_event(kind="rollback", epoch=3, step=1, message=HOSTILE[:100])
    shelf = shelf_of(keep(tmp_path / "run", 2))
    rows = {row.epoch: row for row in shelf.rows}
    assert rows[7].roles == ("gone back to",)
    assert rows[7].path is rows[7].size is None
    assert rows[COLLAPSE - 1].roles == ("best",)
    assert rows[2].roles == ("last", "last healthy before CO")
    assert [row.epoch for row in shelf.kept] == [2]
    assert rows[2].recommended


def test_evaluations_are_read_again_only_when_something_was_written(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, shelves = Source(run, lambda: NOW), Shelves(run)
    view = source.read()
    shelves.look(view)
    monkeypatch.setattr("workbench.tui.checkpoints.shelf.find_evaluations", lambda *_: pytest.fail("it read them"))
    assert len(shelves.look(view).rows[1].evaluations) == 1
    monkeypatch.undo()
    save_evaluation(run / "evaluation", evaluation(KEPT[0], seed=4))
    assert len(shelves.look(view).rows[0].evaluations) == 1
    source.close()


async def test_evaluations_of_weights_that_were_overwritten_are_not_shown_as_theirs(run: Path) -> None:
    (run / "checkpoints" / f"epoch-{COLLAPSE - 1:06d}.safetensors").write_bytes(b"1" * 701_752)
    async with opened_pane(run) as (pilot, pane):
        assert pane.shelf is not None
        assert pane.shelf.rows[1].evaluations == ()
        said = text_of(pilot)
        assert f"1 evaluation of epoch {COLLAPSE - 1} not shown: of other weights than the file holds now" in said
        save_evaluation(run / "evaluation", evaluation(COLLAPSE - 1, digest=hashlib.sha256(b"1" * 701_752).hexdigest()))
        await until(pilot, lambda: pane.shelf is not None and len(pane.shelf.rows[1].evaluations) == 1)


@pytest.mark.parametrize(
    ("facts", "epochs", "words"),
    [
        (ours(), 0, "No epoch is finished yet"),
        (meta(), 2, "recorded from a loop of its own"),
    ],
)
async def test_runs_without_checkpoints(tmp_path: Path, facts: RunMeta, epochs: int, words: str) -> None:
    write(tmp_path / "run", epochs=epochs, facts=facts)
    async with opened_pane(tmp_path / "run") as (pilot, pane):
        assert words in " ".join(text_of(pilot).split())
        for key in ("down", "enter", "y", "v", "g", "pageup"):
            await pilot.press(key)
        await pilot.pause()
        assert isinstance(pilot.app.screen, RunScreen)
        assert pane.chosen is None


async def test_the_checkpoint_that_was_chosen_is_chosen_again(run: Path) -> None:
    async with opened_pane(run) as (pilot, pane):
        assert pane.keep() == {"chosen": None}
        await pilot.press("up", "up")
        assert pane.chosen == KEPT[0]
        await pilot.press("q")
    async with opened_pane(run) as (_, pane):
        assert pane.chosen == KEPT[0]
    (run / "checkpoints" / f"epoch-{KEPT[0]:06d}.safetensors").unlink()
    for wrong in (10**9, True, "5"):
        async with opened_pane(run) as (_, pane):
            pane.restore({"chosen": wrong})
            assert pane.chosen is not None


def test_a_run_that_lost_all_and_a_log_by_itself(tmp_path: Path) -> None:
    write(tmp_path / "run", epochs=2, facts=ours())
    shelf = shelf_of(tmp_path / "run")
    assert [(row.epoch, row.roles, row.size) for row in shelf.rows] == [(1, ("best",), None)]
    keep(tmp_path / "run", 1)
    (tmp_path / "run" / "run.h5").rename(tmp_path / "run" / "other.h5")
    alone = shelf_of(tmp_path / "run" / "other.h5")
    assert alone.run_dir is None
    assert not alone.kept


def test_the_checkpoints_of_a_probe(tmp_path: Path) -> None:
    there, gone = tmp_path / "a.pt", tmp_path / "gone.pt"
    there.write_bytes(b"1" * 10)
    config = {"checkpoints": ["a.pt", "gone.pt"], "checkpoint_paths": [str(there), str(gone)], "eps": 0.1}
    write(tmp_path / "probe", epochs=2, facts=meta(config=config, method="probe"))
    shelf = shelf_of(tmp_path / "probe")
    assert [(row.path, row.size) for row in shelf.rows] == [(there, 10), (gone, None)]
    assert shelf.run_dir is None


async def test_every_key_runs_its_action(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    def record(name: str) -> Callable[..., None]:
        return lambda self, *arguments: done.append(f"{name}({arguments[0]})" if arguments else name)

    for row in CHECKPOINT_KEYS.rows:
        name = row.action.split("(")[0]
        monkeypatch.setattr(Checkpoints, f"action_{name}", record(name))
    async with opened_pane(run) as (pilot, _):
        for row in CHECKPOINT_KEYS.rows:
            for key in row.keys:
                done.clear()
                await pilot.press(key)
                assert done == [row.action], key


async def test_choosing_going_and_copying(run: Path) -> None:
    async with opened_pane(run) as (pilot, pane):
        screen = pilot.app.screen
        assert isinstance(screen, RunScreen)
        assert pane.chosen == COLLAPSE - 1, "the one to keep is chosen at first"
        await pilot.press("up")
        assert pane.chosen == KEPT[0]
        await pilot.press("up", "pagedown", "down")
        assert pane.chosen == KEPT[-1]
        await pilot.press("up", "enter")
        await pilot.pause()
        assert screen.epoch == COLLAPSE - 1
        await pilot.press("left")
        assert screen.epoch == COLLAPSE - 2, "the epoch cursor keeps its keys"
        assert pane.chosen == COLLAPSE - 1
        await pilot.press("y")
        assert told(pilot) == [f"Copied the path of epoch {COLLAPSE - 1}."]
        assert pilot.app.clipboard == str(run / "checkpoints" / f"epoch-{COLLAPSE - 1:06d}.safetensors")


async def test_the_mouse(run: Path) -> None:
    async with opened_pane(run) as (pilot, pane):
        screen = pilot.app.screen
        assert isinstance(screen, RunScreen)
        await pilot.click(Checkpoints, offset=(12, 1))
        assert pane.chosen == KEPT[0]
        await pilot.click(Checkpoints, offset=(12, 3), times=2)
        await pilot.pause()
        assert (pane.chosen, screen.epoch) == (KEPT[2], KEPT[2])
        await pilot._post_mouse_events([MouseScrollUp], Checkpoints, offset=(12, 1))
        assert pane.chosen == KEPT[1]
        await pilot.click(Checkpoints, offset=(12, 12))
        assert pane.chosen == KEPT[1], "a click beside the table chooses nothing"


async def test_the_evaluation_of_the_most_images_stands_in_the_table(run: Path) -> None:
    few = evaluation(COLLAPSE - 1, created="2025-06-15T16:00:00+00:00", seed=1)
    part = [inputs(each.name, [1] * 10, num=1) for each in few.inputs]
    worst = tuple(Tally(num=num, correct=num) for num in (10, *[1] * 10))
    save_evaluation(run / "evaluation", replace(few, inputs=tuple(part), worst=worst))
    async with opened_pane(run) as (pilot, pane):
        assert [one.num for one in pane.shelf.rows[1].evaluations] == [10, 300], "the latest is the smaller one"
        assert f"{evaluation(0).worst[0].accuracy:.1%} n300" in text_of(pilot)


async def test_jumping_exporting_and_copying_all(run: Path) -> None:
    async with opened_pane(run) as (pilot, pane):
        assert isinstance(pane, HasTargets | Exports | Copied)
        targets = pane.targets()
        assert [target.place.y for target in targets] == [pane.region.y + 1 + row for row in range(3)]
        targets[2].act()
        assert pane.chosen == KEPT[2]
        assert f"{evaluation(0).worst[0].accuracy:.1%} n300" in text_of(pilot)
        table = pane.export()
        assert table is not None
        rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows()]
        assert [row["epoch"] for row in rows] == [KEPT[0], *[KEPT[1]] * 3, KEPT[2]]
        assert [row["attack"] for row in rows[1:4]] == ["natural", "pgd-50-10", "apgd-100"]
        assert rows[2]["strong_accuracy"] == pytest.approx(161 / 300)
        assert (rows[1]["recommended"], rows[4]["overfitted"], rows[0]["bytes"]) == (1, "CO", 701_752)
        assert pane.copied().count("\n") == 5
        assert pilot.app.screen.seen().table.title == table.title


async def test_what_is_not_kept_cannot_be_used(tmp_path: Path) -> None:
    keep(write(tmp_path / "run", collapses=True, epochs=COLLAPSE + 4, facts=ours()), 2)
    async with opened_pane(tmp_path / "run") as (pilot, pane):
        await pilot.press("end", "down")
        assert pane.chosen == COLLAPSE - 1
        assert "not kept" in text_of(pilot)
        assert "the run keeps no such file" in text_of(pilot)
        for key in ("v", "g", "y"):
            await pilot.press(key)
            await until(pilot, lambda: bool(told(pilot)))
            assert told(pilot) == [f"The checkpoint of epoch {COLLAPSE - 1} is not kept."]
            pilot.app.clear_notifications()
        assert isinstance(pilot.app.screen, RunScreen)


async def form_of(pilot: Pilot[None], key: str) -> FormScreen:
    await pilot.press(key)
    await until(pilot, lambda: isinstance(pilot.app.screen, FormScreen))
    screen = pilot.app.screen
    assert isinstance(screen, FormScreen)
    return screen


async def test_the_form_proposes_the_checkpoint_that_is_chosen(run: Path) -> None:
    async with opened_pane(run) as (pilot, _):
        await pilot.press("up")
        for key in ("v", "g"):
            form = await form_of(pilot, key)
            assert form.answers["epoch"] == str(KEPT[0])
            await pilot.press("escape")
            await pilot.pause()


def test_what_is_asked_is_what_is_run(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from workbench.tui.launching.commands import Kept

    form = evaluation_form(run, [Kept(epoch=21, roles=("best",)), Kept(epoch=5, roles=())])
    answers = {"attack": "apgd", "epoch": "5", "split": "probe", "num": "40", "seed": "", "device": "auto"}
    request = form.job(answers)
    assert request.arguments == (
        *("evaluate", "--attack=apgd", "--epoch=5", "--split=probe", "--num=40", "--json", "--", str(run)),
    )
    assert (request.kind, request.run_dir) == ("evaluate", run)
    assert form.problems(answers) == {}
    assert form.check("epoch", answers) == "epoch 5"
    for name, value in (("num", "0"), ("num", "²"), ("seed", "-1"), ("seed", "9" * 30)):
        assert form.problem(name, answers | {name: value}) is not None
    monkeypatch.setattr("workbench.tui.forms.evaluation.find_spec", lambda name: None)
    assert "workbench[autoattack]" in str(form.problem("attack", answers | {"attack": "autoattack"}))
    assert form.problem("attack", answers) is None


async def test_a_folder_that_cannot_be_written_to_is_told_before_anything_is_asked(run: Path) -> None:
    shutil.rmtree(run / "evaluation")
    for folder in ("evaluation", "generation"):
        (run / folder).write_text("a file where the folder should be")
    async with opened_pane(run) as (pilot, _):
        for count, (key, folder) in enumerate({"v": "evaluation", "g": "generation", "a": "generation"}.items()):
            await pilot.press(key)
            await until(pilot, lambda count=count: len(told(pilot)) > count)
            assert f"{folder} cannot be written to (Not a directory); nothing can be made there" in told(pilot)[count]
            assert isinstance(pilot.app.screen, RunScreen)


async def evaluate(pilot: Pilot[None]) -> JobScreen:
    await form_of(pilot, "v")
    await pilot.pause(0.05)
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(pilot.app.screen, JobScreen))
    screen = pilot.app.screen
    assert isinstance(screen, JobScreen)
    return screen


async def test_an_evaluation_is_shown_and_then_stands_in_the_pane(run: Path) -> None:
    fresh = evaluation(COLLAPSE - 1, seed=7, created="2025-06-15T16:00:00+00:00")
    (run / "answer.json").write_text(json.dumps({"path": "x", **to_json(fresh)}))
    async with opened_pane(run, "pca") as (pilot, pane):
        screen = await evaluate(pilot)
        said = await finish(pilot)
        assert screen.job.request.arguments[:3] == ("evaluate", "--attack=pgd-50-10", f"--epoch={COLLAPSE - 1}")
        assert "✓ finished" in said
        for words in ("natural", "apgd-100", "worst of all", "pgd-50-10 by class", "300 test images"):
            assert words in said
        save_evaluation(run / "evaluation", fresh)
        await pilot.press("escape")
        await until(pilot, lambda: pane.shelf is not None and len(pane.shelf.rows[1].evaluations) == 2)
        await pilot.pause(0.05)
        assert "seed 7" in text_of(pilot)
        assert "seed 0" in text_of(pilot), "the earlier one stands below it"


async def test_an_evaluation_that_an_earlier_app_started_is_known(run: Path) -> None:
    (run / "answer.json").write_text(json.dumps(to_json(evaluation(COLLAPSE - 1))))
    async with opened_pane(run, "pca") as (pilot, _):
        await evaluate(pilot)
        await finish(pilot)
    (record,) = read_records(run)
    result = request_of(record, run).result
    assert isinstance(result, Evaluated)
    assert result.what == f"epoch {COLLAPSE - 1} · pgd-50-10 · test images"
    assert record.title == f"{result.what} · strong evaluation", "what differs comes first"


@pytest.mark.parametrize("damage", ["{", "{}", '{"format": "workbench-evaluation", "schema_version": 1}', "[" * 9_999])
async def test_an_answer_that_makes_no_sense(run: Path, damage: str) -> None:
    (run / "answer.json").write_text(damage)
    async with opened_pane(run, "pca") as (pilot, _):
        await evaluate(pilot)
        said = await finish(pilot)
    assert "✗ failed" in said
    assert "cannot make sense of what workbench evaluate answered" in " ".join(said.split())


async def test_hostile_texts_stay_text(tmp_path: Path) -> None:
    names = (HOSTILE[:200], *"123456789")
    run = make(tmp_path / "run")
    save_evaluation(
        run / "evaluation",
        replace(evaluation(COLLAPSE - 1, names), created=HOSTILE[:90], split=HOSTILE[:60]),
    )
    (run / "evaluation" / "\x1b[31m[red].json").write_text("{")
    for size in ((80, 24), (160, 48)):
        async with opened_pane(run, size=size) as (pilot, _):
            said = text_of(pilot)
            svg = pilot.app.export_screenshot()
        assert "[red]x[/]" in said
        assert "✗ evaluation/\\x1b[31m[red].json cannot be shown: it is no JSON" in said
        assert all(char.isprintable() or char == "\n" for char in said)
        assert "\x1b" not in svg


async def test_checkpoints_that_come_and_go_while_the_app_is_open(run: Path) -> None:
    async with opened_pane(run) as (pilot, pane):
        new = run / "checkpoints" / "epoch-000026.safetensors"
        new.touch()
        (run / "checkpoints" / f"epoch-{COLLAPSE - 1:06d}.safetensors").unlink()
        await until(pilot, lambda: pane.shelf is not None and 26 in {row.epoch for row in pane.shelf.kept})
        await pilot.pause(0.05)
        assert "0 B" in text_of(pilot)
        assert "The log speaks of it, but the run keeps no such file." in text_of(pilot)


@pytest.mark.parametrize("size", [(40, 12), (20, 5), (1, 1), (60, 60), (200, 60)])
async def test_every_size(tmp_path: Path, size: tuple[int, int]) -> None:
    run = make(tmp_path / "run")
    names = [f"class {number}" for number in range(150)]
    later = "2025-06-15T16:00:00+00:00"
    save_evaluation(run / "evaluation", evaluation(COLLAPSE - 1, names, seed=2, created=later))
    async with opened_pane(run, size=size) as (pilot, pane):
        await pilot.press("up", "down", "down", "pageup", "pagedown")
        assert pane.chosen == KEPT[-1]
        if size[0] >= 40:
            assert str(KEPT[-1]) in text_of(pilot)
        await pilot.press("up")
        if size == (200, 60):
            assert "class 149" in text_of(pilot)
        if size == (60, 60):
            assert "least robust of 150 classes" in text_of(pilot)


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (None, "–"),
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1 kB"),
        (701_752, "702 kB"),
        (999_900, "1,000 kB"),
        (2e9, "2 GB"),
    ],
)
def test_sizes(size: int | None, words: str) -> None:
    assert bytes_text(size) == words


async def pane_pictured(pilot: Pilot[None]) -> None:
    await shown(pilot)


async def result_pictured(pilot: Pilot[None]) -> None:
    Path("run/answer.json").write_text(json.dumps(to_json(evaluation(COLLAPSE - 1))))
    await shown(pilot)
    await evaluate(pilot)
    await finish(pilot)


PICTURES = {"pane": pane_pictured, "result": result_pictured}


@every_look
@pytest.mark.parametrize("steps", PICTURES.values(), ids=PICTURES)
def test_pictures(
    pictured: Pictured,
    look: Look,
    steps: Callable[[Pilot[None]], Awaitable[None]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    make(Path("run"))

    async def before(pilot: Pilot[None]) -> None:
        await settled(pilot)
        await steps(pilot)

    pictured(look, "run", before=before, command=(sys.executable, str(FAKE), "pca"))
