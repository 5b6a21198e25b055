"""The screen of a class-wise PCA: class by class, another fit, sampling from it; and energies beside images."""

from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests.tui.conftest import text_of
from tests.tui.generated_runs import write_samples
from tests.tui.runs import meta, write
from tests.tui.test_generate import faked, finish, keep
from tests.tui.test_live import until
from tests.tui.test_pictures import answer, some_pca
from workbench.tui.facts.components import class_starts, pca_strips, read_pca, sampling_proposal
from workbench.tui.forms.pca import pca_form
from workbench.tui.generated.live import LiveEnergies
from workbench.tui.launching.commands import Kept, SampleRequest
from workbench.tui.launching.results import Samples
from workbench.tui.screens.form import FormScreen
from workbench.tui.screens.pca import PCAScreen
from workbench.tui.screens.run import RunScreen
from workbench.tui.widgets.picture import Picture

NAMES = ("cat", "dog", "owl")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run with a PCA of two clusters a class."""
    run = keep(write(tmp_path / "run", epochs=2, facts=meta(class_names=NAMES)), 0, 1)
    (run / "answer.json").write_text(answer(run / "generation", some_pca(names=NAMES, local=2)))
    return run


async def open_pca(pilot: Pilot[None]) -> PCAScreen:
    await pilot.press("a")
    await until(pilot, lambda: isinstance(pilot.app.screen, PCAScreen))
    await finish(pilot)
    screen = pilot.app.screen
    assert isinstance(screen, PCAScreen)
    return screen


@pytest.mark.parametrize("width", [20, 80, 160])
def test_every_class_begins_where_it_is_said_to(tmp_path: Path, width: int) -> None:
    pca = read_pca(answer(tmp_path, some_pca(names=NAMES, local=2)))
    strips = pca_strips(pca, width, colour=True)
    starts = class_starts(pca, width, colour=True)
    assert [strips[start].text.split()[1].strip(",…") for start in starts] == list(NAMES)


@pytest.mark.parametrize(
    ("local", "place", "proposed"),
    [
        (1, None, {"classes": "all", "start": "pca", "variance": "0.9"}),
        (1, 1, {"classes": "1", "start": "pca", "variance": "0.9"}),
        (2, 2, {"classes": "2", "start": "local-pca", "local": "2", "variance": "0.9"}),
    ],
)
def test_sampling_is_proposed_as_the_pca_was_fitted(
    tmp_path: Path, local: int, place: int | None, proposed: dict[str, str]
) -> None:
    assert sampling_proposal(read_pca(answer(tmp_path, some_pca(names=NAMES, local=local))), place) == proposed


async def test_class_by_class_and_on_to_sampling(run: Path) -> None:
    async with faked(run, "pca", size=(80, 24)) as pilot:
        screen = await open_pca(pilot)
        picture = screen.query_one(Picture)
        assert picture.scroll_offset.y == 0
        tops = []
        for key in ("n", "n", "N", "n", "n", "p"):
            await pilot.press(key)
            await pilot.pause()
            tops.append(picture.scroll_offset.y)
            if key == "n":
                assert "Class " in text_of(pilot)
        assert tops[1] > tops[0] == tops[2] > 0
        assert tops[5] == tops[3] == tops[1]
        await pilot.press("g")
        await until(pilot, lambda: isinstance(pilot.app.screen, FormScreen))
        form = pilot.app.screen
        assert isinstance(form, FormScreen)
        assert {name: form.answers[name] for name in ("classes", "start", "local", "variance")} == {
            "classes": "1",
            "start": "local-pca",
            "local": "2",
            "variance": "0.9",
        }
        assert form.form.problems(form.answers) == {}
        await pilot.press("escape")
        await pilot.pause()
        assert isinstance(pilot.app.screen, RunScreen)


async def test_another_fit(run: Path) -> None:
    async with faked(run, "pca", size=(80, 24)) as pilot:
        await open_pca(pilot)
        await pilot.press("f")
        await until(pilot, lambda: isinstance(pilot.app.screen, FormScreen))
        await pilot.press("tab", "tab", *"0.8", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, PCAScreen))
        screen = pilot.app.screen
        assert isinstance(screen, PCAScreen)
        assert screen.job.request.arguments == ("pca", "--json", "--variance=0.8", "--", str(run))
        assert "Class means" in await finish(pilot)
        await pilot.press("f")
        await until(pilot, lambda: isinstance(pilot.app.screen, FormScreen))
        await pilot.press("escape")
        await pilot.pause()
        assert isinstance(pilot.app.screen, RunScreen)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"variance": "0"}, "variance must lie in (0, 1]"),
        ({"variance": "a lot"}, "a number"),
        ({"components": "0"}, "components must be at least 1"),
        ({"components": "4", "variance": "0.9"}, "variance or components, not both"),
        ({"local": "0"}, "local must be at least 1"),
        ({"local": "1.5"}, "a whole number"),
        ({"seed": "-1"}, "a whole number"),
        ({"seed": str(2**32)}, "seed must lie in"),
    ],
)
def test_a_fit_that_cannot_be(changes: dict[str, str], problem: str) -> None:
    form = pca_form(Path("run"), (Kept(epoch=2, roles=("best",)), Kept(epoch=1, roles=())))
    answers = {question.name: question.value for question in form.questions}
    assert form.problems(answers) == {}
    problems = form.problems(answers | changes)
    assert len(problems) == 1
    assert problem in next(iter(problems.values()))


def test_what_is_asked_of_a_fit_is_what_is_run() -> None:
    form = pca_form(Path("run"), (Kept(epoch=2, roles=("best",)), Kept(epoch=1, roles=())))
    answers = {question.name: question.value for question in form.questions}
    assert form.job(answers).arguments == ("pca", "--json", "--", "run")
    assert form.check("epoch", answers) == "", "pixels do not depend on the weights"
    answers |= {"space": "features", "epoch": "1", "components": "5", "local": "3", "seed": "7", "refit": "yes"}
    options = ("--space=features", "--components=5", "--local=3", "--seed=7", "--epoch=1", "--refit")
    assert form.job(answers).arguments == ("pca", "--json", *options, "--", "run")


def test_energies_stand_beside_the_images_as_chains_end(tmp_path: Path) -> None:
    out = tmp_path / "samples-000"
    request = SampleRequest(classes="all", labels=(0, 1, 2), num=12, steps=None, epoch=2, out=out)
    samples = Samples(request, NAMES)
    assert samples.look(100, 20, colour=True, done=False, anew=False) is None
    write_samples(out, ended=6, merged=False)
    strips = samples.look(100, 20, colour=True, done=False, anew=False)
    assert strips is not None
    text = "\n".join(strip.text for strip in strips)
    assert "E(x,y) over steps" in text
    assert "cat" in text
    assert all(strip.cell_length <= 100 for strip in strips)
    assert samples.look(100, 20, colour=True, done=False, anew=False) is None
    narrow = samples.look(60, 20, colour=True, done=False, anew=True)
    assert narrow is not None
    assert "E(x,y)" not in "".join(strip.text for strip in narrow)
    (out / "samples.h5.d" / "0001-000000.h5").write_bytes(b"rubbish")
    assert not LiveEnergies(out).look()
