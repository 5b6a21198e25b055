"""How work is gone about and talked of."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

Progress = Callable[[str, int, int], None]
"""What is being done, how much of it is done, how much there is (images, or 1)."""
Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Working:
    """Images per pass through a network, and where progress and remarks go (nowhere, by default)."""

    batch_size: int = 256
    progress: Progress = lambda what, done, total: None
    say: Say = lambda sentence: None

    @contextmanager
    def stage(self, what: str) -> Iterator[None]:
        """Name a piece of work whose length is not known."""
        self.progress(what, 0, 1)
        yield
        self.progress(what, 1, 1)
