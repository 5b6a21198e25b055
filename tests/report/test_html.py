"""The page: all facts of the summary, nothing loaded from elsewhere, text from files never markup."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.conftest import Cli, assert_refused
from workbench.report.html import html_report
from workbench.summary import summarize_path

VOID = {"meta", "br", "image", "link", "img"}
HOSTILE = '<script>alert(1)</script>"\x1b[31m{{ 7*7 }}$x^2$'


class Page(HTMLParser):
    """The page's text and attributes; every tag must be closed where it was opened."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def test_the_page_says_what_the_summary_says(make_run, collapsed) -> None:
    run = make_run(collapsed, kept=(2,))
    summary, page = summarize_path(run), Page(html_report([run]))
    (onset,) = summary.onsets
    assert onset.sentence in page.text
    assert f"seen at epoch {onset.detected_epoch}, confidence {onset.confidence:.0%}" in page.text
    assert f"kept: {run}/checkpoints/epoch-000002.safetensors" in page.text
    assert summary.checkpoint.why in page.text
    assert f"All {summary.committed} epochs" in page.text
    assert summary.best is not None
    assert summary.best.pgd_accuracy is not None
    assert f"best {summary.best.epoch}" in page.text
    assert f"{summary.best.pgd_accuracy:.1%}" in page.text
    assert page.tags.count("svg") >= 2


def test_several_runs_are_compared_first_and_linked(make_run, collapsed) -> None:
    runs = [make_run(collapsed, name="one"), make_run(collapsed, name="two")]
    page = Page(html_report(runs, "onset"))
    targets = {value for name, value in page.attributes if name == "id"}
    links = [value for name, value in page.attributes if name == "href" and value.startswith("#run")]
    assert len(links) == 2
    assert {link[1:] for link in links} <= targets
    assert page.text.index("2 runs") < page.text.index("Evidence")


def test_nothing_is_loaded_from_elsewhere(make_run, collapsed) -> None:
    page = Page(html_report([make_run(collapsed)]))
    assert not {"script", "link", "iframe", "object"} & set(page.tags)
    for name, value in page.attributes:
        if name in ("src", "href", "xlink:href"):
            assert value.startswith(("#", "data:image/png;base64,")), value
    assert "url(http" not in html_report([make_run(collapsed, name="again")])


def test_text_from_a_log_is_never_markup(make_run, collapsed) -> None:
    page = Page(html_report([make_run(collapsed, name="a", method=HOSTILE), make_run(collapsed, name="b$x_1$")]))
    assert "script" not in page.tags
    assert "<script>alert(1)</script>" in page.text
    assert "{{ 7*7 }}" in page.text
    assert "\x1b" not in "".join(page.words)
    assert r"\x1b[31m" in page.text


def test_a_log_without_epochs_has_a_page(make_run) -> None:
    page = Page(html_report([make_run([])]))
    assert "No epoch is finished yet." in page.text
    assert "cannot tell, because no epoch" in page.text


def test_missing_numbers_are_dashes(make_run) -> None:
    page = html_report([make_run([{"probe": [1.0] * 5}], method="elsewhere", train_attack=None)])
    assert not re.search(r"\bnan\b", Page(page).text)


def test_the_command_writes_the_page_and_refuses_what_it_cannot(cli: Cli, make_run, collapsed, tmp_path: Path) -> None:
    run, out = make_run(collapsed), tmp_path / "new" / "page.html"
    result = cli("report", str(run), "-o", str(out))
    assert (result.returncode, result.stdout) == (0, "")
    assert Page(out.read_text()).text
    assert_refused(cli("report", str(run), "-o", str(tmp_path / "page.pdf")), ".html")
    assert_refused(cli("report", str(tmp_path / "none"), "-o", str(out)), "none")


@pytest.mark.parametrize("align", ["epoch", "step", "onset"])
def test_runs_without_a_place_on_the_axis_are_no_error(make_run, align) -> None:
    runs = [make_run([], name="empty"), make_run([{"pgd_accuracy": 0.5}], name="short")]
    assert Page(html_report(runs, align)).text
