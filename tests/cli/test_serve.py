"""``workbench serve``: the app in a real browser, and the door before it."""

import asyncio
import base64
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.conftest import Cli, assert_refused, write_small_log
from workbench.cli.serving import Door, tunnel

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address that the command prints, while it serves a run with a hostile name."""
    folder = tmp_path_factory.mktemp("served") / "a'; touch hacked; '$(touch hacked)"
    folder.mkdir()
    write_small_log(folder)
    process = subprocess.Popen(
        [sys.executable, "-m", "workbench", "serve", folder, "--port", "0"],
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
    )
    assert process.stderr is not None
    lines = [process.stderr.readline() for _ in range(3)]
    found = re.search(r"http://127\.0\.0\.1:(\d+)/\?key=\S{43}", lines[0])
    assert found, lines
    assert f"ssh -N -L {found[1]}:127.0.0.1:{found[1]} " in lines[1]
    yield found[0]
    assert not (folder / "hacked").exists()
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
    assert process.stderr.read() == ""


async def status(address: str, **options: object) -> int:
    """What a request is answered with, once the server listens."""
    async with aiohttp.ClientSession() as session:
        for _ in range(100):
            try:
                async with session.get(address, allow_redirects=False, **options) as answer:
                    return answer.status
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.1)
    raise AssertionError("it does not listen")


def cookie_of(base: str) -> str:
    """The name of the cookie of a server; its port is in it, because browsers share cookies among ports."""
    return f"workbench-key-{base.rstrip('/').rpartition(':')[2]}"


async def test_nobody_comes_in_without_the_key(address: str) -> None:
    base, key = address.split("?key=")
    cookie = {cookie_of(base): key}
    assert await status(address) == 302
    assert await status(base, cookies=cookie) == 200
    assert await status(base) == 403
    assert await status(f"{base}?key={key[:-1]}") == 403
    assert await status(base, cookies={cookie_of(base): "no"}) == 403
    assert await status(f"{base}ws") == 403
    assert await status(f"{base}static/js/textual.js") == 403
    assert await status(base, cookies=cookie, headers={"Origin": "http://evil.example"}) == 403
    assert await status(base, cookies=cookie, headers={"Host": "evil.example"}) == 403
    assert await status(f"{base}ws", cookies=cookie, headers={"Origin": "http://evil.example"}) == 403


async def test_the_key_stays_in_a_cookie_that_scripts_and_other_sites_do_not_get(address: str) -> None:
    async with aiohttp.ClientSession() as session, session.get(address, allow_redirects=False) as answer:
        assert answer.headers["Location"] == "/"
        cookie = answer.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie


async def test_a_session_ends_with_its_tab(address: str) -> None:
    base, key = address.split("?key=")
    async with aiohttp.ClientSession(cookies={cookie_of(base): key}) as session:
        async with session.ws_connect(f"{base}ws?width=80&height=24") as socket:
            seen = b""
            while b"Over" not in seen:
                message = await socket.receive(timeout=20)
                assert message.type == aiohttp.WSMsgType.BINARY, message
                seen += message.data
        for _ in range(100):
            if not _apps():
                return
            await asyncio.sleep(0.1)
    raise AssertionError("the app of a closed tab goes on")


def _apps() -> list[str]:
    """Processes that a tab runs."""
    commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if _readable(path)]
    ours = (command for command in commands if b"workbench.tui\0" in command and b"hacked" in command)
    return [command.decode(errors="replace") for command in ours]


def _readable(path: Path) -> bool:
    try:
        path.read_bytes()
    except OSError:
        return False
    return True


@pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")
async def test_in_a_real_browser(address: str, tmp_path: Path) -> None:
    """The page runs without errors, loads nothing from elsewhere, shows the app and passes keys on."""
    assert BROWSER is not None
    await status(address)
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", "--window-size=1000,700")
    process = subprocess.Popen(
        [BROWSER, *options, f"--user-data-dir={tmp_path}", "about:blank"], stderr=subprocess.DEVNULL
    )
    try:
        async with aiohttp.ClientSession() as session:
            port = await _debugging_port(tmp_path)
            async with session.get(f"http://127.0.0.1:{port}/json") as answer:
                page = next(one for one in await answer.json() if one["type"] == "page")
            async with session.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                await _look(socket, address)
    finally:
        process.kill()
        process.wait()


async def _look(socket: aiohttp.ClientWebSocketResponse, address: str) -> None:
    browser = Browser(socket)
    for domain in ("Network", "Page", "Runtime"):
        await browser.tell(f"{domain}.enable")
    await browser.tell("Page.navigate", url=address)
    await browser.shows(b"Over")
    for _ in range(10):
        await browser.tell("Runtime.evaluate", expression="document.querySelector('textarea').focus()")
        await browser.tell("Input.insertText", text="2")
        if await browser.shows(b"training loss", seconds=3):
            break
    else:
        raise AssertionError("a key does not reach the app")
    origin = address.split("/?", maxsplit=1)[0]
    elsewhere = [url for url in browser.asked.values() if not url.startswith((origin, "data:", "about:"))]
    assert not elsewhere, "the page loads something from another place"


class Browser:
    """A page of a browser, over its debugging protocol: what the app sent it, what it asked for and was given."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket, self._number = socket, 0
        self._seen = b""
        self.asked: dict[str, str] = {}

    async def tell(self, method: str, **parameters: object) -> None:
        self._number += 1
        await self._socket.send_json({"id": self._number, "method": method, "params": parameters})

    async def shows(self, words: bytes, seconds: float = 30) -> bool:
        """Whether the app has sent these words before the time is over."""
        end = time.monotonic() + seconds
        while words not in self._seen:
            try:
                message = await self._socket.receive(timeout=max(0.01, end - time.monotonic()))
            except TimeoutError:
                return False
            self._take(json.loads(message.data))
        return True

    def _take(self, event: dict[str, Any]) -> None:
        match event.get("method"), event.get("params", {}):
            case "Network.webSocketFrameReceived", {"response": {"payloadData": data, "opcode": 2}}:
                self._seen += base64.b64decode(data)
            case "Network.requestWillBeSent", {"requestId": number, "request": {"url": url}}:
                self.asked[number] = url
            case "Network.loadingFailed", {"requestId": number, "blockedReason": "csp"}:
                del self.asked[number]
            case "Runtime.exceptionThrown", parameters:
                raise AssertionError(parameters)


async def _debugging_port(profile: Path) -> int:
    for _ in range(200):
        try:
            return int((profile / "DevToolsActivePort").read_text().split()[0])
        except (OSError, IndexError):
            await asyncio.sleep(0.1)
    raise AssertionError("the browser does not start")


def test_bad_input(cli: Cli, tmp_path: Path) -> None:
    assert_refused(cli("serve", "nothing"), "no such run", "nothing")
    write_small_log(tmp_path)
    assert cli("serve", tmp_path, "--port", 70000).returncode == 2
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert_refused(cli("serve", tmp_path, "--port", taken.getsockname()[1]), "cannot listen", "--port")


def test_the_tunnel_leads_to_the_machine_that_ssh_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.9 50000 10.0.0.5 22")
    monkeypatch.setattr("getpass.getuser", lambda: "ada")
    assert tunnel(8765) == "ssh -N -L 8765:127.0.0.1:8765 ada@10.0.0.5"


def test_a_key_is_never_shown_in_passing() -> None:
    door = Door(port=1)
    assert door.key not in repr(door)
    assert door.key != Door(port=1).key
