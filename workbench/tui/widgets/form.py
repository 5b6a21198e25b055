"""The lines of a form: a label, what stands there, and what it means or why it will not do."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.events import Click
from textual.message import Message
from textual.widgets import Input, Static

from workbench.tui.forms.form import Question
from workbench.tui.keys.form import CHOICE_KEYS
from workbench.tui.keys.table import bindings
from workbench.tui.look import palette
from workbench.tui.look.palette import style
from workbench.tui.look.text import plain
from workbench.tui.widgets.cells import Cells, Painted

LONGEST_ANSWER = 200


class Choice(Painted, can_focus=True):
    """One of several values, turned over with ← and →.

    Attributes:
        value: the one that is chosen.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings(CHOICE_KEYS)

    class Changed(Message):
        """Another value was chosen."""

    def __init__(self, choices: tuple[str, ...], value: str) -> None:
        super().__init__()
        self._choices, self.value = choices, value

    def action_choose(self, places: int) -> None:
        """Choose another value; after the last comes the first."""
        at = self._choices.index(self.value) + places
        self.value = self._choices[at % len(self._choices)]
        self.repaint()
        self.post_message(self.Changed())

    def on_click(self, event: Click) -> None:
        """Left of the middle the previous one, right of it the next."""
        self.action_choose(1 if event.x >= self.content_size.width // 2 else -1)

    def on_focus(self) -> None:
        """Show that keys come here."""
        self.repaint()

    def on_blur(self) -> None:
        """Show that they do not any more."""
        self.repaint()

    def paint(self, sheet: Cells) -> None:
        """The value between what turns it over."""
        arrows = style(palette.ACCENT if self.has_focus else palette.FAINT, bold=self.has_focus)
        sheet.write(0, 0, "‹", arrows)
        end = sheet.write(2, 0, plain(self.value, sheet.width - 4), style(palette.TEXT, bold=self.has_focus))
        sheet.write(end + 1, 0, "›", arrows)


class Line(Horizontal):
    """A question."""

    def __init__(self, question: Question) -> None:
        super().__init__(id=question.name, classes="line")
        self.question = question
        self.answerer: Input | Choice
        if question.choices:
            self.answerer = Choice(question.choices, question.value)
        else:
            self.answerer = Input(question.value, placeholder=question.default, compact=True, max_length=LONGEST_ANSWER)
            self.answerer.cursor_blink = False
        self.answerer.add_class("answer")
        self._words = Static(markup=False, classes="words")

    def compose(self) -> ComposeResult:
        """One line."""
        yield Static(self.question.label, markup=False, classes="label")
        yield self.answerer
        yield self._words

    @property
    def answer(self) -> str:
        """What stands there."""
        return self.answerer.value.strip()

    def answer_with(self, text: str) -> None:
        """Put another answer there."""
        self.answerer.value = text

    def tell(self, words: str, *, wrong: bool, idle: bool) -> None:
        """Say what the answer means, or why it will not do; as much as fits."""
        self._words.set_class(wrong, "-wrong")
        self.set_class(idle, "-idle")
        self._words.update(plain(f"✗ {words}" if wrong else words, LONGEST_ANSWER))
