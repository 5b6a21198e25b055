"""What to generate: a form over the run."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Select, Static

from trainers.errors import WorkbenchError
from workbench.sampling.spec import MAX_STEPS, defaults_for, parse_classes
from workbench.tui.commands import Kept, SampleRequest
from workbench.tui.keys.form import FORM_KEYS
from workbench.tui.keys.table import bindings
from workbench.tui.text import plain
from workbench.tui.widgets.form import Field
from workbench.tui.widgets.tabs import Footer

NUM_IMAGES = 16
MOST_IMAGES = 1_000_000
_NAMES_SHOWN = 4


class GenerateScreen(ModalScreen[SampleRequest | None]):
    """Asks for class, number, steps and checkpoint; gives None where nothing is to be generated."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(FORM_KEYS)
    CSS_PATH: ClassVar = "../generation.tcss"
    AUTO_FOCUS = "#classes Input"

    def __init__(self, kept: Sequence[Kept], class_names: Sequence[str], data: str | None, out: Path) -> None:
        """A form.

        Args:
            kept: the checkpoints to choose from; the first is proposed.
            class_names: of the run, in the order of their numbers; empty where they are not known.
            data: what the run was trained on, for the defaults of its kind.
            out: where the images will go.
        """
        super().__init__()
        self._kept, self._names, self._data, self._out = tuple(kept), tuple(class_names), data, out

    def compose(self) -> ComposeResult:
        """One field below the other."""
        default = f"{defaults_for(self._data)['steps']} if left empty"
        with VerticalScroll(id="form", can_focus=False) as form:
            form.border_title = "Generate images"
            yield Field("classes", "Class", "all", self._check_classes, "a name, a number or all")
            yield Field("num", "Images", str(NUM_IMAGES), _check_num)
            yield Field("steps", "Most steps", "", _check_steps, default)
            with Horizontal(classes="row"):
                yield Static("Checkpoint", markup=False, classes="label")
                choices = [(one.title, one.epoch) for one in self._kept]
                yield Select(choices, value=self._kept[0].epoch, allow_blank=False, compact=True, id="checkpoint")
            yield Static(plain(f"Images go to {self._out}"), markup=False, classes="words", id="out")
        yield Footer(FORM_KEYS)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter in a field."""
        event.stop()
        self.action_accept()

    def action_accept(self) -> None:
        """Generate, if all fields will do; else go to the first that does not."""
        wrong = next((field for field in self.query(Field) if field.problem is not None), None)
        if wrong is not None:
            wrong.input.focus()
            self.app.bell()
            return
        classes, num, steps = (self.query_one(f"#{name}", Field).text for name in ("classes", "num", "steps"))
        epoch = self.query_one("#checkpoint", Select).value
        assert isinstance(epoch, int)
        self.dismiss(
            SampleRequest(
                classes=classes,
                labels=self._labels(classes),
                num=int(num),
                steps=int(steps) if steps else None,
                epoch=epoch,
                out=self._out,
            )
        )

    def action_step(self, fields: int) -> None:
        """Go to the next field, or the previous one."""
        if fields > 0:
            self.focus_next()
        else:
            self.focus_previous()

    def action_close(self) -> None:
        """Back to the run."""
        self.dismiss(None)

    def action_quit(self) -> None:
        """Leave the app."""
        self.app.exit()

    def _labels(self, text: str) -> tuple[int, ...]:
        return parse_classes(text, self._names) if self._names else (0,)

    def _check_classes(self, text: str) -> str:
        text = text.strip()
        if not text:
            raise WorkbenchError("a name, a number, several with commas, or all")
        if not self._names:
            return "the log does not name the classes"
        labels = self._labels(text)
        shown = ", ".join(plain(self._names[label], 24) for label in labels[:_NAMES_SHOWN])
        more = f" and {len(labels) - _NAMES_SHOWN} more" if len(labels) > _NAMES_SHOWN else ""
        return f"class {shown}" if len(labels) == 1 else f"{len(labels)} classes: {shown}{more}"


def _check_num(text: str) -> str:
    num = _whole(text, 1, MOST_IMAGES)
    return "in all, spread over the classes" if num > 1 else "a single one"


def _check_steps(text: str) -> str:
    if text.strip():
        _whole(text, 0, MAX_STEPS - 1)
    return "a chain stops earlier where its energy says so"


def _whole(text: str, low: int, high: int) -> int:
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) < 12 and low <= int(digits) <= high):
        raise WorkbenchError(f"a whole number from {low} to {high:,}")
    return int(digits)
