"""Images through an extractor, batch after batch, to the CPU; a batch that does not fit is halved."""

from collections.abc import Iterator

import torch
from torch import Tensor

from trainers.data import Split
from trainers.errors import WorkbenchError
from trainers.memory import is_out_of_memory
from workbench.quality.extractors import Extractor
from workbench.quality.working import Working


def embedded(extractor: Extractor, split: Split, what: str, working: Working) -> Iterator[tuple[Tensor, Tensor]]:
    """Features (B, F) and logits (B, K) of a split's images in order, float32, on the CPU.

    Raises:
        WorkbenchError: features that are not finite, or no memory for a single image.
    """
    size, start = working.batch_size, 0
    working.progress(what, 0, len(split))
    while start < len(split):
        rows = torch.arange(start, min(start + size, len(split)))
        try:
            with torch.inference_mode():
                images, _ = split.batch(rows)
                features, logits = (part.float().cpu() for part in extractor.embed(images.to(extractor.device)))
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            if size == 1:
                raise WorkbenchError("out of memory for a single image; choose another --device") from None
            size = max(1, size // 2)
            working.say(f"Out of memory: {extractor.name} goes on with batches of {size}.")
            continue
        if not (torch.isfinite(features).all() and torch.isfinite(logits).all()):
            raise WorkbenchError(
                f"{extractor.name} gives features that are not finite for image {start} or one of the"
                f" {len(rows) - 1} after it in {what}; check its weights"
            )
        yield features, logits
        start += len(rows)
        working.progress(what, start, len(split))
