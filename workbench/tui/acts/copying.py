"""Copying what is seen, and saving a picture of it."""

import asyncio
from pathlib import Path
from typing import Any

from textual.app import App

from trainers.errors import WorkbenchError
from workbench.tui.acts.files import write_beside
from workbench.tui.acts.seen import Copied, seen_on, text_of
from workbench.tui.facts.numbers import Table
from workbench.tui.look.text import plain

MOST_BYTES = 100_000
"""Bytes that are copied at most; terminals refuse or drop more."""


def copy_view(app: App[Any]) -> None:
    """Copy the text of what is open to the clipboard of the user's terminal, by OSC 52; say what was copied.

    Where something tells its text itself, plots beside it are left out: dots make no text.
    """
    seen = seen_on(app.screen)
    widgets = [widget for widget in seen.widgets if isinstance(widget, Copied)] or seen.widgets
    whole = "\n\n".join(text for text in (text_of(app.screen, widget) for widget in widgets) if text.strip())
    text = bounded(whole)
    app.copy_to_clipboard(text)
    lines = text.count("\n") + 1
    words = (
        f"Copied {seen.title}: {lines} lines" if text == whole else f"Copied the first {lines} lines of {seen.title}"
    )
    app.notify(plain(words, 200), timeout=4, markup=False)


def bounded(text: str, most: int = MOST_BYTES) -> str:
    """As many whole lines of a text as fit."""
    content = text.encode(errors="replace")
    if len(content) <= most:
        return content.decode()
    head = content[:most]
    return head[: head.rfind(b"\n") if b"\n" in head else most].decode(errors="ignore")


def tab_separated(table: Table, most: int = MOST_BYTES) -> str:
    """A table as text, columns parted by tabs; no more rows are made than fit into about ``most`` bytes."""
    lines = ["\t".join(table.columns)]
    size = 0
    for row in table.rows():
        lines.append("\t".join(f"{value:.6g}" if isinstance(value, float) else plain(str(value)) for value in row))
        size += len(lines[-1])
        if size > most:
            break
    return "\n".join(lines)


async def save_picture(app: App[Any], folder: Path | None = None) -> None:
    """Save what is seen as SVG, in the current directory under a name that is free; say where, or why not."""
    seen = seen_on(app.screen)
    await _unsaid(app)
    content = app.export_screenshot(title=seen.title).encode()
    try:
        path = await asyncio.to_thread(write_beside, folder or Path.cwd(), seen.stem, ".svg", content)
    except (WorkbenchError, OSError) as error:
        app.notify(plain(f"No picture: {error}", 300), severity="warning", markup=False)
    else:
        app.notify(plain(f"Saved {path}", 300), timeout=6, markup=False)


async def _unsaid(app: App[Any]) -> None:
    """Take what was said in passing off the screen: it is no part of a picture."""
    app.clear_notifications()
    gone = asyncio.Event()
    app.call_later(app.screen.call_after_refresh, gone.set)
    await gone.wait()
