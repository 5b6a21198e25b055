"""The claims at a scale so small that they say nothing: all of it runs, goes on, and ends in records and tables."""

import json
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import typer
from click.testing import Result
from typer.main import get_command
from typer.testing import CliRunner

from trainers.errors import WorkbenchError
from trainers.recipes import complete
from trainers.spec import TrainConfig
from workbench.cli.train import train

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


@pytest.fixture(autouse=True)
def _found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(EXAMPLES)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Three claims on a hundred digits, in the place of the smoke scale."""
    from reproduce import scales
    from reproduce.grid import Block, Measure, Scale, Setting

    digits = {
        **{"model": "small-cnn", "width": 3, "epochs": 3, "lr": 0.1, "schedule": "flat", "batch_size": 32},
        **{"weight_decay": 0.0, "train_size": 100, "probe_size": 40, "train_probe_size": 0, "keep_last": 1},
    }
    setting = Setting(kind="digits", settings=digits, der={"der_beta": 2.0, "der_penalty": "abs"})
    both, strong = ("fgsm", "fgsm-der"), Measure(attacks="pgd-50-10", num=10)
    scale = Scale(
        name="smoke",
        about="for the test",
        blocks={
            "co": (Block(setting=setting, methods=both, eps=("0.1", "0.2"), seeds=(0, 1), measures=(strong,)),),
            "trace": (Block(setting=setting, methods=both, eps=("0.2",), traced=True),),
            "form": (
                Block(setting=setting, methods=("fgsm",), eps=("0.2",)),
                Block(setting=setting, methods=("fgsm-der",), eps=("0.2",), vary={"der_beta": (2.0, 5.0)}),
            ),
        },
    )
    monkeypatch.setitem(scales.SCALES, "smoke", scale)
    return scale


def call(*words: object) -> Result:
    from reproduce.cli import app

    threads = torch.get_num_threads()
    try:
        return CliRunner().invoke(app, [str(word) for word in words])
    finally:
        torch.set_num_threads(threads)


def test_three_claims_end_in_records_and_tables_that_say_the_same(tiny: Any, tmp_path: Path) -> None:
    where = ("--work", tmp_path / "work", "--results", tmp_path / "results")
    for claim in ("co", "trace", "form"):
        result = call(claim, *where)
        assert result.exit_code == 0, result.output
        assert "left" not in result.stdout
    records = {path.stem: json.loads(path.read_text()) for path in (tmp_path / "results/records/smoke").glob("*.json")}
    assert set(records) == set(tiny.every_run())
    assert len(records) == 9, "one run may be of several claims"
    for name, record in records.items():
        run = tiny.every_run()[name]
        assert given(record["command"]) == {**run.config().to_dict(), "out": Path(f"runs/{name}")}
        assert record["settings"].items() <= run.config().to_dict().items()
        assert len(record["curves"]["pgd_accuracy"]) == 3
        assert len(record.get("steps", {}).get("loss", ())) == (12 if run.traced else 0)
        assert len(record["log_sha256"]) == 64
        assert [(one["attacks"], one["num"]) for one in record["evaluations"]] == [
            (measure.attacks, measure.num) for measure in run.measures
        ]
    of_fgsm = [r for r in records.values() if (r["settings"]["method"], r["settings"]["eps"]) == ("fgsm", 0.2)]
    pgd = np.array([record["curves"]["pgd_accuracy"][-1] for record in of_fgsm]) * 100
    page = (tmp_path / "results/co.md").read_text()
    assert f"{pgd.mean():.1f} ± {pgd.std(ddof=1):.1f} |" in row(page, "fgsm", 2)
    strong = 100 * np.array([record["evaluations"][0]["inputs"]["pgd-50-10"]["accuracy"] for record in of_fgsm])
    assert f"/ {strong.mean():.1f} ± {strong.std(ddof=1):.1f} (2) |" in row(page, "fgsm", 1)
    assert "not run" in (tmp_path / "results/README.md").read_text(), "of the other scales"
    form = (tmp_path / "results/form.md").read_text()
    assert "| marginal | abs | both | 5 | 1 |" in form
    for picture in ("co-eps", "co-curves", "trace"):
        assert (tmp_path / f"results/figures/{picture}-smoke.png").read_bytes().startswith(b"\x89PNG")


def row(page: str, first: str, number: int) -> str:
    """The ``number``-th row of a page's tables that begins with a word."""
    return [line for line in page.splitlines() if line.startswith(f"| {first} |")][number - 1]


def given(command: str) -> dict[str, Any]:
    """All settings that ``workbench train`` would make of a command."""
    environment, program, verb, *words = shlex.split(command)
    assert (environment, program, verb) == ("OMP_NUM_THREADS=1", "workbench", "train")
    app = typer.Typer()
    app.command()(train)
    context = get_command(app).make_context("train", words)
    values = {name: value for name, value in context.params.items() if value is not None}
    out = values.pop("out")
    return {**complete(values).to_dict(), "out": out}


def test_what_was_stopped_goes_on_and_what_is_recorded_is_not_done_again(
    tiny: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from reproduce import records, runs

    run = tiny.runs("trace")[0]
    place = {"data": "digits", "device": "cpu"}
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert runs.train(run, whole, deadline=runs.Deadline.after(None), **place)
    asked: list[int] = []

    class Soon(runs.Deadline):
        @property
        def passed(self) -> bool:
            asked.append(1)
            return len(asked) % 3 == 0

    stops = 0
    while not runs.train(run, parts, deadline=Soon(0.0), **place):
        stops += 1
    assert stops > 2
    assert records.make(run, parts)["curves"] == records.make(run, whole)["curves"]
    assert records.make(run, parts)["steps"] == records.make(run, whole)["steps"]

    where = ("--work", tmp_path / "work", "--results", tmp_path / "results")
    assert "2 of 2 pieces" not in call("trace", *where, "--budget", 0).stdout
    assert call("trace", *where).exit_code == 0
    monkeypatch.setattr(runs, "train", None)
    again = call("trace", "--work", tmp_path / "gone", "--results", tmp_path / "results")
    assert "2 of 2 pieces are done" in again.stdout, again.output


def test_every_scale_names_runs_that_can_be_trained_and_each_but_once() -> None:
    from reproduce.claims import CLAIMS
    from reproduce.scales import SCALES

    for scale in SCALES.values():
        assert tuple(scale.blocks) == tuple(CLAIMS)
        names = [run.name for claim in CLAIMS for run in scale.runs(claim)]
        configs: dict[str, TrainConfig] = {}
        for claim in CLAIMS:
            runs = scale.runs(claim)
            assert len({run.name for run in runs}) == len(runs)
            configs |= {run.name: run.config() for run in runs}
        told = [json.dumps([config.to_dict()], sort_keys=True) for config in configs.values()]
        assert len(set(told)) == len(set(names)), "two names for the same settings, or one for two"
        assert any(run.traced for run in scale.every_run().values())


def test_what_is_missing_is_said_in_a_line(tmp_path: Path) -> None:
    from reproduce.subset import some_classes

    result = call("co", "--scale", "small", "--work", tmp_path, "--results", tmp_path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "Error: say where the images are: --data folder:DIR\n"
    with pytest.raises(WorkbenchError, match="train/frog"):
        some_classes(f"folder:{tmp_path}", ("frog",), tmp_path / "out")


def test_some_classes_of_a_folder_are_links_that_follow_the_images(tmp_path: Path) -> None:
    from reproduce.subset import some_classes

    for place in ("one", "two"):
        for split in ("train", "test"):
            for name in ("cat", "dog", "frog"):
                (tmp_path / place / split / name).mkdir(parents=True)
                (tmp_path / place / split / name / f"{place}.png").touch()
    chosen = some_classes(f"folder:{tmp_path / 'one'}", ("dog", "frog"), tmp_path / "out")
    assert chosen == f"folder:{tmp_path / 'out' / 'dog-frog'}"
    assert sorted(path.name for path in (tmp_path / "out/dog-frog/train").iterdir()) == ["dog", "frog"]
    (tmp_path / "one").rename(tmp_path / "gone")
    some_classes(f"folder:{tmp_path / 'two'}", ("dog", "frog"), tmp_path / "out")
    assert (tmp_path / "out/dog-frog/test/dog/two.png").exists()


def test_cells_of_tables() -> None:
    from reproduce.tables import onset, percent, spread, table, where

    assert percent([0.5, None, 0.25]) == "37.5 ± 17.7"
    assert (percent([0.123]), percent([]), spread([float("nan")], 2)) == ("12.3", "–", "–")
    assert table(["a", "b"], [["x", "1"]]).splitlines() == ["| a | b |", "|---|--:|", "| x | 1 |"]
    labels = [{"labels": {"robust": {"answer": answer, "epoch": epoch}}} for answer, epoch in LABELS]
    assert onset(labels, "robust") == "2/4 at 3, 7"
    assert onset(labels[:1], "robust") == "0/1"
    settings = [{"settings": {"eps": 0.1 + 0.2, "method": "pgd"}}, {"settings": {"eps": 0.3, "method": "fgsm"}}]
    assert where(settings, eps=0.3, method="pgd") == settings[:1]


LABELS = (("none", None), ("onset", 7), ("onset", 3), ("cannot tell", None))
