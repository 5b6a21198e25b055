"""A class-wise PCA: class by class, and on to sampling from it."""

from collections.abc import Callable
from typing import ClassVar

from textual.binding import BindingType

from workbench.tui.forms.form import Answers
from workbench.tui.jobs.task import Task
from workbench.tui.keys.job import JOB_KEYS
from workbench.tui.keys.pca import PCA_KEYS
from workbench.tui.keys.table import KeyTable, bindings
from workbench.tui.launching.results import Components
from workbench.tui.screens.job import JobScreen
from workbench.tui.widgets.picture import Picture


class PCAScreen(JobScreen):
    """Shows a PCA once its job has ended."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(PCA_KEYS)
    TABLES: ClassVar[tuple[KeyTable, ...]] = (PCA_KEYS, JOB_KEYS)

    def __init__(
        self, task: Task, result: Components, generate: Callable[[Answers], None], refit: Callable[[], None]
    ) -> None:
        """A screen over a job.

        Args:
            task: the job.
            result: what it makes.
            generate: asks what to generate, with proposals.
            refit: asks how to fit another.
        """
        super().__init__(task)
        self._components, self._generate, self._refit = result, generate, refit
        self._class: int | None = None

    def action_go_to_class(self, places: int) -> None:
        """To another class; before the first and after the last come the means."""
        starts = self._components.starts
        if self.ended is None or not starts:
            return
        at = (-1 if self._class is None else self._class) + places + 1
        at = at % (len(starts) + 1) - 1
        self._class = None if at < 0 else at
        self.query_one(Picture).scroll_to(y=0 if self._class is None else starts[self._class], animate=False)

    def action_generate(self) -> None:
        """Generate images of the class, from this PCA."""
        if self.ended is None:
            self.notify("The PCA is not there yet.", markup=False)
            return
        proposed = self._components.proposal(self._class)
        self.dismiss()
        self._generate(proposed)

    def action_refit(self) -> None:
        """Fit another."""
        self.dismiss()
        self._refit()
