"""The settings file: what it may say, what is said when it says something else, and that the app obeys."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from tests.conftest import Cli, assert_refused
from tests.tui.conftest import Opened, text_of
from tests.tui.runs import EPOCHS
from trainers.errors import WorkbenchError
from workbench.tui.facts.source import View
from workbench.tui.generated.reading import Shown
from workbench.tui.generated.summary import summary
from workbench.tui.jobs.task import Task
from workbench.tui.keys.run import RUN_KEYS
from workbench.tui.keys.table import cap, caps
from workbench.tui.keys.tables import all_tables
from workbench.tui.look import palette
from workbench.tui.look.themes import DARK, LIGHT, SIXTEEN
from workbench.tui.look.theming import choose_theme, next_theme
from workbench.tui.samples.ranking import Ranker
from workbench.tui.samples.wish import Wish
from workbench.tui.samples.words import nothing_of
from workbench.tui.screens.job import doing
from workbench.tui.screens.jobs import emptiness
from workbench.tui.settings import Settings, read_settings, settings_path
from workbench.tui.settings.example import example
from workbench.tui.settings.keys import parse_key, spelled
from workbench.tui.settings.read import parse_settings


def test_no_file_is_all_defaults(tmp_path: Path) -> None:
    assert read_settings(tmp_path / "none.toml") == Settings()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("theme = ", "not TOML"),
        ("colour = 1", "'colour' is no setting"),
        ('theme = "solarized"', "theme 'solarized' is not known; there are auto, dark, light, sixteen"),
        ("theme = 3", "theme 3 is not known"),
        ("themes = 3", "themes is a table"),
        ("[themes.dark]", "themes.dark: a theme of your own has another name"),
        ('[themes."../x"]', "has another name, of a-z"),
        ("[themes]\nmine = 1", "themes.mine is a table of colours"),
        ('[themes.mine]\nbase = "blue"', "themes.mine.base: 'blue' is not known"),
        ('[themes.mine]\ntext = "red"', "themes.mine.text: 'red' is no colour; write #rrggbb"),
        ("[themes.mine]\ntext = 7", "themes.mine.text: 7 is no colour"),
        ('[themes.mine]\nink = "#000000"', "themes.mine: 'ink' is no colour"),
        ('[themes.mine]\nscale = ["#000000"]', "themes.mine.scale is a list of 2 to 32"),
        ("keys = 1", "keys is a table"),
        ("[keys]\nrun = 1", "keys.run is a table"),
        ('[keys.runn]\nhelp = "x"', "keys.runn: no such scope, run perhaps"),
        ('[keys.run]\nepoch-bac = "x"', "keys.run.epoch-bac: no such name, epoch-back perhaps"),
        ("[keys.run]\nepoch-back = []", "keys.run.epoch-back: at least one key"),
        ("[keys.run]\nepoch-back = 3", "keys.run.epoch-back: a key is a text"),
        ('[keys.run]\nepoch-back = "leftt"', "'leftt' is no key"),
        ('[keys.run]\nepoch-back = ""', "'' is no key"),
        ('[keys.run]\nepoch-back = "hyper+x"', "'hyper+x' is no key"),
        ('[keys.run]\nepoch-back = "shift+x"', "write that"),
        ('[keys.run]\nepoch-back = "s"', "keys.run: 's' is bound twice, to epoch-back and train-or-probe"),
        ('[keys.run]\nepoch-back = ["z", "z"]', "keys.run: 'z' is bound twice"),
        ('[keys.run]\nghost = "?"', "'?' is bound twice"),
    ],
)
def test_what_means_nothing_is_refused_in_a_line(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(text)
    with pytest.raises(WorkbenchError) as refused:
        read_settings(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("content", [b"\xff", b"x" * 1_000_001, b"[" * 50_000])
def test_bytes_that_are_no_settings(content: bytes) -> None:
    with pytest.raises(WorkbenchError):
        parse_settings(content)


def test_keys_may_change_places() -> None:
    found = parse_settings(b'[keys.run]\nepoch-back = ["right", "h"]\nepoch-on = ["left", "l"]')
    assert found.keymap == {"run.epoch-back": "right,h", "run.epoch-on": "left,l"}


@pytest.mark.parametrize(
    "text", ["x", "X", "?", "[", "/", "+", "-", ",", "ctrl++", "ctrl+x", "f5", "pagedown", "space"]
)
def test_keys_are_spelled_as_they_are_written(text: str) -> None:
    assert spelled(parse_key("here", text)) == text


def test_every_default_key_can_be_written() -> None:
    names = {name for table in all_tables() for key in table.rows for name in key.keys}
    assert {name: parse_key("here", spelled(name)) for name in names} == {name: name for name in names}


def test_scopes_and_names_are_unique() -> None:
    scopes = [table.scope for table in all_tables()]
    assert {"run", "runs", "everywhere", "help"} <= set(scopes)
    for table in all_tables():
        names = [key.name for key in table.rows]
        assert len(set(names)) == len(names), table.scope


def test_the_example_is_empty_and_uncommented_it_is_the_defaults() -> None:
    assert parse_settings(example().encode()) == Settings()
    lines = [re.sub(r"^# (?=\[|[a-z0-9-]+ = )", "", line) for line in example().splitlines()]
    found = parse_settings("\n".join(lines).encode())
    assert found.theme == "auto"
    assert found.themes["mine"].colours == DARK.colours
    assert found.keymap == {
        f"{table.scope}.{key.name}": ",".join(key.keys) for table in all_tables() for key in table.rows
    }


def test_caps() -> None:
    shown = {name: cap(name) for name in ("x", "question_mark", "ctrl+x", "shift+left", "pagedown", "f5", "space")}
    assert shown == {
        "x": "x",
        "question_mark": "?",
        "ctrl+x": "^X",
        "shift+left": "⇧←",
        "pagedown": "PgDn",
        "f5": "F5",
        "space": "Space",
    }
    back = RUN_KEYS.rows[0]
    assert caps(RUN_KEYS, back, {}) == back.caps
    assert caps(RUN_KEYS, back, {"run.epoch-back": "x,ctrl+x"}) == "x ^X"
    assert caps(RUN_KEYS, back, {"run.epoch-back": "x,ctrl+x"}, first=True) == "x"


async def test_a_bound_key_acts_and_is_shown_and_the_old_one_does_not(written: Path, opened: Opened) -> None:
    settings_path().write_text('[keys.run]\nepoch-back = ["z", "left"]\nnext-onset = "f9"\nhelp = "H"\n')
    async with opened(written / "collapsed", size=(120, 40)) as pilot:
        await pilot.press("z", "left", "h")
        assert pilot.app.screen.epoch == EPOCHS - 3
        footer = text_of(pilot).splitlines()[-1]
        assert "z→ epoch" in footer
        assert "F9 onset" in footer
        assert "H help" in footer
        commands = {command.title: command.help for command in pilot.app.get_system_commands(pilot.app.screen)}
        assert commands["One epoch back"] == "key z ←"
        await pilot.press("question_mark")
        await pilot.pause()
        assert "One epoch back" not in text_of(pilot)
        await pilot.press("H")
        await pilot.pause()
        assert re.search(r"z ← +One epoch back", text_of(pilot))
        assert re.search(r"F9 +To the next onset", text_of(pilot))


async def test_long_names_of_keys_fit_the_help(written: Path, opened: Opened) -> None:
    settings_path().write_text('[keys.run]\nepoch-back = ["ctrl+shift+pagedown", "alt+z"]\n')
    async with opened(written / "healthy", size=(100, 40)) as pilot:
        await pilot.press("question_mark")
        await pilot.pause()
        assert re.search(r"\^⇧PgDn Alt-z +One epoch back", text_of(pilot))


async def test_keys_that_change_places_do(written: Path, opened: Opened) -> None:
    settings_path().write_text('[keys.run]\nepoch-back = "right"\nepoch-on = "left"\n')
    async with opened(written / "healthy") as pilot:
        await pilot.press("right", "right", "right", "left")
        assert pilot.app.screen.epoch == EPOCHS - 3


async def test_a_wrong_file_is_a_warning_and_defaults(written: Path, opened: Opened) -> None:
    settings_path().write_text('theme = "light"\n[keys.run]\nnope = "x"\n')
    async with opened(written / "healthy", size=(120, 40)) as pilot:
        assert palette.in_use() == DARK
        (note,) = pilot.app._notifications
        assert "keys.run.nope: no such name" in note.message
        assert note.severity == "warning"
        await pilot.press("left")
        assert pilot.app.screen.epoch == EPOCHS - 2


async def test_a_theme_of_ones_own(written: Path, opened: Opened) -> None:
    settings_path().write_text('theme = "mine"\n[themes.mine]\nbase = "light"\ntext = "#123456"\n')
    async with opened(written / "healthy") as pilot:
        assert palette.colour(palette.TEXT) == "#123456"
        assert palette.colour(palette.PGD) == LIGHT.colours["pgd"]
        assert pilot.app.current_theme.foreground == "#123456"


MINE = LIGHT._replace(name="mine")


@pytest.mark.parametrize(
    ("settings", "remembered", "colours", "expected"),
    [
        (Settings(), None, "truecolor", DARK),
        (Settings(), "light", "truecolor", LIGHT),
        (Settings(), "light", "standard", SIXTEEN),
        (Settings(), 7, None, DARK),
        (Settings(theme="auto"), "light", "256", DARK),
        (Settings(theme="light"), "dark", "standard", LIGHT),
        (Settings(theme="mine", themes={"mine": MINE}), None, "truecolor", MINE),
        (Settings(themes={"mine": MINE}), "mine", "truecolor", MINE),
    ],
)
def test_the_first_theme(settings: Settings, remembered: object, colours: str | None, expected: object) -> None:
    assert choose_theme(settings, remembered, colours) is expected


def test_themes_come_round() -> None:
    palette.use(DARK)
    seen = []
    for _ in range(4):
        seen.append(next_theme({"mine": MINE}, "truecolor"))
        palette.use(seen[-1])
    assert seen == [LIGHT, MINE, DARK, LIGHT]


def test_the_command(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    there = {"WORKBENCH_CONFIG": str(path)}
    assert cli("settings", "--path", **there).stdout == f"{path}\n"
    assert "not there" in cli("settings", **there).stdout
    path.write_text(cli("settings", "--print", **there).stdout)
    assert "understood" in cli("settings", "--check", **there).stdout
    path.write_text('[keys.run]\nghost = "s"\n')
    assert_refused(cli("settings", "--check", **there), str(path), "bound twice")
    assert "not understood" in cli("settings", **there).stdout
    assert_refused(cli("settings", "--check", "--path", **there), "at a time")


def test_sentences_name_the_keys_that_the_user_chose(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = {
        "run.generate": "f2",
        "run.pca": "f3",
        "run.train-or-probe": "f4",
        "samples.all-classes": "f5",
        "samples.marks": "f6",
        "job.stop": "f7",
    }
    monkeypatch.setattr("workbench.tui.keys.table._keymap", chosen)
    assert emptiness() == "No jobs yet: F2 generates images, F3 fits the class-wise PCA."
    assert "yet:  F2  generates" in summary(Shown(), (), None)[0][0]
    assert doing(cast(Task, SimpleNamespace(state="running", asked=True))) == "stopping; F7 once more ends it at once"
    view, wish = cast(View, SimpleNamespace(num_epochs=1)), cast(Wish, SimpleNamespace(split="probe"))
    for keys, words in (((), "the log holds no probe samples; F4 shows"), ((1,), "F5 lists all classes, F6 other")):
        listed = SimpleNamespace(wish=wish, keys=keys, order=())
        assert words in nothing_of(view, wish, cast(Ranker, SimpleNamespace(problem=None, ranking=listed)))
