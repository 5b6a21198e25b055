"""A form over the run: it says at once what an answer means, and which command does the same."""

import shlex
from typing import ClassVar

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.events import DescendantFocus
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from workbench.tui.forms.form import Answers, Form
from workbench.tui.jobs.request import JobRequest
from workbench.tui.keys.form import FORM_KEYS
from workbench.tui.keys.table import KeyTable, bindings
from workbench.tui.look.text import plain
from workbench.tui.widgets.form import Choice, Line
from workbench.tui.widgets.page import wrap
from workbench.tui.widgets.tabs import Footer

LONGEST_COMMAND = 3
"""Lines that the command may take."""

IDLE = "makes no difference beside the others"

AROUND = 9
"""Lines of the screen that are no questions: frame, explanation, command, keys."""


class FormScreen(ModalScreen[JobRequest | None]):
    """Asks; gives the job that does it, None where nothing is to be done."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(FORM_KEYS)
    CSS_PATH: ClassVar = "../generation.tcss"
    AUTO_FOCUS = ".answer"

    def __init__(self, form: Form) -> None:
        super().__init__()
        self.form = form

    def compose(self) -> ComposeResult:
        """The questions under their headings; below them what the one with the focus means, and the command."""
        with Vertical(id="form") as frame:
            frame.border_title = self.form.title
            with VerticalScroll(id="questions", can_focus=False):
                group = ""
                for question in self.form.questions:
                    if question.group != group:
                        group = question.group
                        yield Static(group, markup=False, classes="group")
                    yield Line(question)
            with Vertical(id="foot"):
                yield Static(markup=False, id="form-hint")
                yield Static(markup=False, id="form-command")
        yield Footer(_named(FORM_KEYS, self.form.verb))

    def on_mount(self) -> None:
        """Say what stands there at first."""
        self.call_after_refresh(self._tell)

    def on_resize(self) -> None:
        """Leave what explains its place; the questions scroll."""
        self.query_one("#questions").styles.max_height = max(1, self.size.height - AROUND)
        self.call_after_refresh(self._tell)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Check what was typed."""
        event.stop()
        self._tell()

    def on_choice_changed(self, event: Choice.Changed) -> None:
        """Check what goes with another choice."""
        event.stop()
        self._tell()

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """Explain another question."""
        self._tell()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter in a line."""
        event.stop()
        self.action_accept()

    @property
    def answers(self) -> dict[str, str]:
        """What stands in each question."""
        return {line.question.name: line.answer for line in self.query(Line)}

    def action_accept(self) -> None:
        """Do it, if all answers will do; else go to the first that does not."""
        answers = self.answers
        problems = self.form.problems(answers)
        if problems:
            next(line for line in self.query(Line) if line.question.name in problems).answerer.focus()
            self.app.bell()
        else:
            self.dismiss(self.form.job(answers))

    def action_step(self, places: int) -> None:
        """Go to the next question, or the previous one."""
        if places > 0:
            self.focus_next(".answer")
        else:
            self.focus_previous(".answer")

    def action_copy(self) -> None:
        """Copy the command, if all answers will do."""
        command = self._command(self.answers)
        if command is None:
            self.notify("Not before every answer will do.", severity="warning", markup=False)
        else:
            self.app.copy_to_clipboard(command)
            self.notify("Copied.", markup=False)

    def action_close(self) -> None:
        """Back."""
        self.dismiss(None)

    def action_quit(self) -> None:
        """Leave the app."""
        self.app.exit()

    def _command(self, answers: Answers) -> str | None:
        if self.form.problems(answers):
            return None
        return f"workbench {shlex.join(self.form.job(answers).arguments)}"

    def _tell(self) -> None:
        """Say what every answer means; of the one with the focus, all of it."""
        answers, problems = self.answers, []
        hint, wrong = "", False
        for line in self.query(Line):
            name = line.question.name
            problem = self.form.problem(name, answers)
            if problem is not None:
                problems.append(line.question.label)
            words = self.form.check(name, answers) if problem is None else problem
            line.tell(words or IDLE, wrong=problem is not None, idle=not words)
            if line.answerer is self.focused:
                hint, wrong = (f"✗ {words}" if problem is not None else words or IDLE), problem is not None
        foot = self.query_one("#form-hint", Static)
        foot.set_class(wrong, "-wrong")
        foot.update("\n".join(wrap(plain(hint), max(8, foot.size.width))[:2]))
        command = self.query_one("#form-command", Static)
        what = self._command(answers)
        lines = wrap(plain(what or f"✗ will not do: {', '.join(problems)}"), max(8, command.size.width))
        cut = lines[:LONGEST_COMMAND]
        if len(lines) > LONGEST_COMMAND:
            cut[-1] = plain(cut[-1] + "…", max(8, command.size.width)) if cell_len(cut[-1]) else "…"
        command.update("\n".join(cut))


def _named(table: KeyTable, verb: str) -> KeyTable:
    """The keys with what Enter does here."""
    return table._replace(rows=tuple(key._replace(footer=verb) if key.name == "accept" else key for key in table.rows))
