"""The terminal app behind a web server that only its owner can use. Import it late: it needs textual-serve.

textual-serve itself lets in whoever reaches the port: other users of the machine, and any web page that the owner's
browser shows. So here a request needs a key that is printed once, the browser keeps it in a cookie that other sites
cannot send, and host and origin must be this server's.
"""

import getpass
import os
import secrets
import shlex
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from textual_serve.server import Server

from trainers.errors import WorkbenchError

LOOPBACK = "127.0.0.1"
CONTENT_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; frame-ancestors 'none'"
)
"""The page loads nothing from other places (textual-serve's asks for a font), and no other page may frame it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Door:
    """Where the app is served, and the key to it.

    Attributes:
        port: on the loopback.
        key: a secret of 256 bits.
    """

    port: int
    key: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)

    @property
    def origin(self) -> str:
        """What the browser says where a request comes from."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def address(self) -> str:
        """What the owner opens."""
        return f"{self.origin}/?key={self.key}"

    @property
    def cookie(self) -> str:
        """What the browser keeps the key under; browsers do not tell ports apart, so the name does."""
        return f"workbench-key-{self.port}"

    def lets_in(self, key: str | None) -> bool:
        """Whether that is the key."""
        return key is not None and secrets.compare_digest(key.encode(), self.key.encode())


def free_port(port: int) -> int:
    """A port of the loopback that can be listened on: the one that is asked for, or any for 0.

    Raises:
        WorkbenchError: it is taken, or not to be had.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            raise WorkbenchError(
                f"cannot listen on port {port} of {LOOPBACK} ({error.strerror}); --port takes another, 0 any"
            ) from None
        number: int = probe.getsockname()[1]
        return number


def tunnel(port: int) -> str:
    """The command that makes the port this machine's on the machine the user sits at."""
    connection = os.environ.get("SSH_CONNECTION", "").split()
    host = connection[2] if len(connection) == 4 else socket.gethostname()
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "USER"
    return f"ssh -N -L {port}:{LOOPBACK}:{port} {shlex.quote(f'{user}@{host}')}"


def guard(door: Door) -> Middleware:
    """What stands before every page: the right host, the right origin, the key."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.host != f"{LOOPBACK}:{door.port}":
            raise web.HTTPForbidden(text=f"This is {door.origin} and nothing else.")
        if request.headers.get("Origin", door.origin) != door.origin:
            raise web.HTTPForbidden(text="Other pages have no business here.")
        if request.path == "/" and door.lets_in(request.query.get("key")):
            entered = web.HTTPFound("/")  # the key leaves the address bar and the history
            entered.set_cookie(door.cookie, door.key, httponly=True, samesite="Strict", path="/")
            raise entered
        if not door.lets_in(request.cookies.get(door.cookie)):
            raise web.HTTPForbidden(text="Open the address that workbench serve printed; it holds the key.")
        response = await handler(request)
        if not response.prepared:
            response.headers["Content-Security-Policy"] = CONTENT_POLICY
            response.headers["Referrer-Policy"] = "no-referrer"
            response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    return check


class GuardedServer(Server):
    """textual-serve behind a door."""

    def __init__(self, command: str, door: Door) -> None:
        """Say what to run for every browser tab, and who is let in."""
        super().__init__(command, host=LOOPBACK, port=door.port, title="workbench")
        self._door = door

    async def _make_app(self) -> web.Application:
        app = await super()._make_app()
        app.middlewares.append(guard(self._door))
        return app

    async def on_startup(self, app: web.Application) -> None:
        """Say nothing; the command has said it."""

    def initialize_logging(self) -> None:
        """Leave the log as it is: requests are nobody's business."""


def app_command(runs: Sequence[Path]) -> str:
    """The command, for a shell, that runs the app over some runs wherever its output goes."""
    return shlex.join([sys.executable, "-m", "workbench.tui", *(str(run.absolute()) for run in runs)])


def serve_app(runs: Sequence[Path], door: Door) -> None:
    """Serve the app over some runs until it is interrupted."""
    GuardedServer(app_command(runs), door).serve()
