"""What a refusal of the library must look like."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from trainers.errors import WorkbenchError


@contextmanager
def refuses(*words: str) -> Iterator[None]:
    """A context that must end in a WorkbenchError: one line, which holds every one of the given words."""
    with pytest.raises(WorkbenchError) as caught:
        yield
    message = str(caught.value)
    assert message.strip()
    assert len(message.splitlines()) == 1, message
    for word in words:
        assert word in message
