"""Which epochs a plot shows: arithmetic of zooming and panning, without a screen."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Window:
    """``count`` epochs from ``first`` on."""

    first: int
    count: int

    @property
    def stop(self) -> int:
        """The epoch after the last."""
        return self.first + self.count

    def __contains__(self, epoch: object) -> bool:
        return isinstance(epoch, int) and self.first <= epoch < self.stop


def whole(total: int) -> Window:
    """All epochs of a run."""
    return Window(0, total)


def fitted(first: int, count: int, total: int) -> Window:
    """A window of about ``count`` epochs that lies in the run, at least one epoch wide where there is any."""
    count = min(max(count, 1), total)
    return Window(min(max(first, 0), total - count), count)


def zoomed(window: Window, total: int, factor: float, at: int) -> Window:
    """Show ``factor`` times as many epochs, one more or fewer at least; ``at`` keeps its place in the window.

    An epoch outside of the window is not kept: then it is zoomed around the middle.
    """
    change = round(window.count * factor)
    count = max(window.count + 1, change) if factor > 1 else min(window.count - 1, change)
    count = min(max(count, 1), max(total, 1))
    if at not in window:
        at = window.first + window.count // 2
    share = (at - window.first + 0.5) / max(window.count, 1)
    return fitted(round(at + 0.5 - share * count), count, total)


def panned(window: Window, total: int, epochs: int) -> Window:
    """The window moved by some epochs, as far as the run goes."""
    return fitted(window.first + epochs, window.count, total)


def scrolled(window: Window, total: int, epoch: int) -> Window:
    """The window moved as little as needed to hold an epoch."""
    if epoch < window.first:
        return fitted(epoch, window.count, total)
    return fitted(max(window.first, epoch - window.count + 1), window.count, total)


def grown(window: Window, before: int, total: int) -> Window:
    """The window once a run of ``before`` epochs has ``total``: one at the end stays there, any other where it is."""
    at_end = window.stop >= before
    return fitted(total - window.count if at_end else window.first, window.count, total)
