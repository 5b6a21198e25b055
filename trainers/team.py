"""The processes that train a run together: who leads, who takes which part of a batch, what all agree on."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

import torch
import torch.distributed as dist
from torch import Tensor, nn

from trainers.errors import WorkbenchError
from trainers.fabric import Fabric

TIMEOUT = timedelta(minutes=30)
"""How long a process waits for the others before it gives up: longer than an evaluation or a slow disk takes."""

GRACE_SECONDS = 60.0
"""How long the first process may take to notice by itself that another one has died."""

_LOST = ("gloo", "nccl", "connection", "socket", "timed out", "timeout", "broken pipe")


class LostProcessError(WorkbenchError):
    """Another process of the run is gone."""


@dataclass(frozen=True, slots=True)
class Share:
    """One process's part of a batch: of its places 0 .. ``num`` - 1 every ``size``-th, from ``rank`` on.

    A place belongs to the same process however large the batch is. What is summed over shares is that of the batch.
    """

    rank: int = 0
    size: int = 1
    num: int = 0

    def of(self, values: Tensor) -> Tensor:
        """The part of values of the whole batch, by their first axis."""
        return values if self.size == 1 else values[self.rank :: self.size]

    def mean(self, values: Tensor) -> Tensor:
        """This part's contribution to the mean over the batch: a scalar, to be summed over the processes."""
        return values.mean() if self.size == 1 else values.sum() / self.num

    def total(self, value: Tensor) -> Tensor:
        """The sum over the processes, detached; the same in all of them."""
        if self.size == 1:
            return value.detach()
        total = value.detach().clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total

    def whole(self, values: Tensor) -> Tensor:
        """Values (num, ...) of the whole batch, in the order of its places, from those of the parts; detached."""
        if self.size == 1:
            return values.detach()
        longest = -(-self.num // self.size)
        padded = values.new_zeros((longest, *values.shape[1:]))
        padded[: len(values)] = values.detach()
        parts = [torch.empty_like(padded) for _ in range(self.size)]
        dist.all_gather(parts, padded)
        return torch.stack(parts, dim=1).flatten(0, 1)[: self.num]


WHOLE = Share()
"""All of a batch: there is one process."""


class Team:
    """The processes of a run. The first one leads: it alone writes, and what it decides the others are told.

    A context manager: an error that comes from the loss of another process leaves it as a LostProcessError, and the
    processes that this one has started do not outlive it.

    What is told goes over a group of its own on the host, so that nobody waits for a device.
    """

    def __init__(self, fabric: Fabric | None = None) -> None:
        """A team of all processes of a launched Fabric; of this process alone without one."""
        self.rank = 0 if fabric is None else fabric.global_rank
        self.size = 1 if fabric is None else fabric.world_size
        self._children: tuple[subprocess.Popen[bytes], ...] = ()
        self._told = None if self.size == 1 else dist.new_group(backend="gloo", timeout=TIMEOUT)
        self._over = threading.Event()
        if fabric is not None and self.size > 1:
            self._watch(fabric)

    @property
    def leads(self) -> bool:
        """Whether this is the first process."""
        return self.rank == 0

    def share(self, num: int) -> Share:
        """This process's part of a batch of ``num``."""
        return Share(self.rank, self.size, num)

    def agree(self, value: bool) -> bool:
        """What the first process says."""
        if self.size == 1:
            return value
        said = torch.tensor([value], dtype=torch.uint8)
        dist.broadcast(said, 0, group=self._told)
        return bool(said.item())

    def tell(self, *words: Any) -> tuple[Any, ...]:
        """What the first process tells the others; they call it without words, and wait."""
        if self.size == 1:
            return words
        message = [words]
        dist.broadcast_object_list(message, 0, group=self._told)
        return message[0]

    def joined(self, places: Tensor) -> Tensor:
        """Values by place in a batch, from every process's own."""
        if self.size == 1:
            return places
        num = torch.tensor(len(places), device=places.device)
        dist.all_reduce(num)
        return self.share(int(num)).whole(places)

    @torch.no_grad()
    def align(self, module: nn.Module) -> None:
        """Give every process the running statistics of the first one."""
        buffers = [buffer for buffer in module.buffers() if buffer.is_floating_point()]
        if self.size == 1 or not buffers:
            return
        flat = torch.cat([buffer.flatten() for buffer in buffers])
        dist.broadcast(flat, 0)
        parts = torch.split(flat, [buffer.numel() for buffer in buffers])
        for buffer, values in zip(buffers, parts, strict=True):
            buffer.copy_(values.view_as(buffer))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self.size == 1:
            return
        if kind is None:
            for child in self._children:
                child.wait()
            dist.destroy_process_group()
            return
        lost = isinstance(error, RuntimeError) and _is_loss(error)
        ended = self._ended() if lost else ""
        for child in self._children:
            child.kill()
        if lost:
            raise LostProcessError(
                f"a process of the run was lost{ended}; committed epochs are safe: go on with --resume"
            ) from error

    def _ended(self) -> str:
        """Which of the processes that this one has started has ended, if one has; waits a little for it."""
        end = time.monotonic() + 2.0
        while time.monotonic() < end:
            for number, child in enumerate(self._children, 1):
                if (code := child.poll()) is not None:
                    how = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
                    return f" (number {self.rank + number} of {self.size} ended {how})"
            time.sleep(0.05)
        return ""

    def _watch(self, fabric: Fabric) -> None:
        """Take over the processes that Fabric has started.

        Its own observer kills this process within five seconds of another one's death, before the log is closed and
        anything said. Here this process has time to find out by itself, from a connection that is closed.
        """
        started: list[subprocess.Popen[bytes]] = getattr(fabric.strategy.launcher, "procs", [])
        self._children = tuple(started)
        started.clear()
        if self._children:
            threading.Thread(target=self._look, args=(self._children,), name="team", daemon=True).start()

    def _look(self, children: Sequence[subprocess.Popen[bytes]]) -> None:
        while not self._over.wait(1.0):
            if any(child.poll() for child in children):
                if not self._over.wait(GRACE_SECONDS):
                    for child in children:
                        child.kill()
                    os.kill(os.getpid(), signal.SIGKILL)  # it hangs where nothing else reaches it
                return


def _is_loss(error: RuntimeError) -> bool:
    """Whether an error says that another process does not answer."""
    said = str(error).lower()
    return isinstance(error, dist.DistError) or any(word in said for word in _LOST)


ALONE = Team()
"""A team of one."""
