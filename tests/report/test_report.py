"""What is printed: the facts, 80 columns, and nothing that a file could use to draw on the terminal."""

import io
import json
import re

import pytest
from rich.console import Console
from rich.text import Text

from workbench.report import json_text, onset_report, run_report, runs_table, visible
from workbench.report.text import epsilon, nats, percent, sparkline
from workbench.summary import summarize_path


def printed(renderable, width: int = 80) -> str:
    stream = io.StringIO()
    Console(file=stream, width=width, markup=False, highlight=False, emoji=False, soft_wrap=True).print(renderable)
    return stream.getvalue()


def one_line(text: str) -> str:
    return " ".join(text.split())


HOSTILE = "a\x1b[31m[red]b[/red]\r\n:smile:\x07\u202e\udc80c"


def test_visible_escapes_what_is_not_printable() -> None:
    assert visible("ε café 猫") == "ε café 猫"
    assert visible("a\x1b[2Jb\n\u202ec\udc80") == r"a\x1b[2Jb\n\u202ec\udc80"


@pytest.mark.parametrize("render", [run_report, onset_report, lambda summary: runs_table([summary])])
def test_text_from_a_file_is_shown_as_it_is(make_run, collapsed, render) -> None:
    hostile = HOSTILE.encode(errors="replace").decode()
    folder = make_run(
        collapsed, method=hostile, dataset=hostile, run_id=hostile, created=hostile, config={"model": hostile}
    )
    text = printed(render(summarize_path(folder)), width=300)
    assert re.fullmatch(r"[^\x00-\x09\x0b-\x1f\x7f\u202e\udc80]*", text)
    if render is not onset_report:
        assert r"a\x1b[31m[red]b[/red]\r\n:smile:\x07\u202e" in text


def test_run_report_says_what_matters(make_run, collapsed) -> None:
    folder = make_run(collapsed, kept=(2,))
    text = one_line(printed(run_report(summarize_path(folder))))
    for words in (
        "fgsm on digits",
        "finished, 6 of 6 epochs",
        "best 2 90.0% 70.0% 50.0%",
        "last 5 90.0% 80.0% 0.0%",
        "Catastrophic overfitting (CO) since epoch 4",
        "PGD accuracy fell from 50.0% (epoch 2) to 10.0%",
        "▲ CO at 4",
        f"Keep {folder}/checkpoints/epoch-000002.safetensors",
    ):
        assert words in text


def test_run_report_of_an_empty_log(make_run) -> None:
    text = one_line(printed(run_report(summarize_path(make_run([])))))
    assert "0 of 6 epochs" in text
    assert "cannot tell, because no epoch" in text


def test_a_healthy_run_says_so(make_run) -> None:
    epochs = [{"fgsm_accuracy": 0.6, "pgd_accuracy": 0.5, "train_pgd_accuracy": 0.5}] * 6
    summary = summarize_path(make_run(epochs))
    assert "No onset of catastrophic overfitting (CO) or robust overfitting (RO)." in one_line(
        printed(onset_report(summary))
    )
    assert " none" in printed(runs_table([summary]))


def test_prose_and_tables_fit_in_80_columns_and_paths_are_whole(make_run, collapsed) -> None:
    summary = summarize_path(make_run(collapsed, name="x" * 120, kept=(2,)))
    lines = [*printed(run_report(summary)).splitlines(), *printed(runs_table([summary] * 2)).splitlines()]
    paths = [line for line in lines if "x" * 120 in line]
    assert len(paths) == 3  # the log, the last healthy checkpoint, the one to keep
    assert max(len(line) for line in lines if line not in paths) <= 80


@pytest.mark.parametrize(("name", "method"), [("run", "m" * 70), ("r" * 70, "fgsm"), ("r" * 70, "m" * 70)])
def test_long_names_do_not_push_the_numbers_out(make_run, collapsed, name, method) -> None:
    summary = summarize_path(make_run(collapsed, name=name, method=method))
    text = printed(runs_table([summary, summary], [name, name]))
    for number in ("90.0%", "80.0%", "0.0%", "CO at 4", nats(summary.last.delta_energy.mean)):
        assert text.count(number) >= 2, text
    assert text.count("m") >= method.count("m")


def test_runs_table_has_a_row_per_run(make_run, collapsed) -> None:
    runs = [
        summarize_path(make_run(collapsed, name="a")),
        summarize_path(make_run([], name="b", method="pgd-der", status="stopped")),
        summarize_path(make_run([{"probe": [1.0] * 5}], name="c", method="elsewhere", train_attack=None)),
    ]
    text = printed(runs_table(runs))
    rows = {line.split()[0]: line for line in text.splitlines() if line.strip()}
    assert re.match(r"a +fgsm +6 +90.0% +80.0% +0.0% +12\.0±8.49 +CO at 4", rows["a"])
    assert re.match(r"b +pgd-der +0/6 +– +– +– +– +cannot tell", rows["b"])
    assert "stopped" in text
    assert "1.00±0.00*" in rows["c"]
    assert "* probe set" in text


def test_names_that_are_the_methods_are_not_repeated(make_run, collapsed) -> None:
    table = runs_table([summarize_path(make_run(collapsed, name="fgsm"))])
    assert table.columns[0].header == "method"


def test_json_text_escapes_and_refuses_nan() -> None:
    text = json_text({"path": HOSTILE})
    assert text.isascii()
    assert "\x1b" not in text
    assert json.loads(text) == {"path": HOSTILE}
    with pytest.raises(ValueError, match="JSON compliant"):
        json_text(float("nan"))


@pytest.mark.parametrize(
    ("values", "width", "scale", "expected"),
    [
        ([0.0, 0.5, 1.0], 10, (0.0, 1.0), "▁▅█"),
        ([0.0, None, 1.0], 10, (), "▁ █"),
        ([0.0, 0.0, 1.0, 1.0], 2, (), "▁█"),
        ([3.0, 3.0], 10, (), "▁▁"),
        ([None], 10, (), " "),
        ([], 10, (), ""),
        ([-5.0, 5.0], 10, (0.0, 1.0), "▁█"),
    ],
)
def test_sparkline(values, width, scale, expected) -> None:
    assert sparkline(values, width, *scale) == expected


def test_numbers() -> None:
    assert [percent(0.1234), percent(None)] == ["12.3%", "–"]
    assert [nats(v) for v in (0.1234, -0.001, -12.34, 432.1, None)] == ["0.12", "0.00", "-12.3", "432", "–"]
    assert [epsilon(eps) for eps in (8 / 255, 0.3, 0.03)] == ["8/255", "0.3", "0.03"]


def test_text_helpers_never_interpret_markup() -> None:
    from workbench.report import plain, unbroken

    assert plain("[bold]x[/bold]") == Text("[bold]x[/bold]")
    assert unbroken("[bold]x", ("[red]", "dim")).plain == "[bold]x[red]"
