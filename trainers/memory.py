"""Whether an error means that memory ran out: every device says it in other words."""

import torch

_WORDS = ("out of memory", "not enough memory", "can't allocate memory", "cannot allocate memory")


def is_out_of_memory(error: Exception) -> bool:
    """Whether CUDA, MPS or the CPU's allocator ran out of memory."""
    said = str(error).lower()
    return isinstance(error, torch.OutOfMemoryError) or any(words in said for words in _WORDS)
