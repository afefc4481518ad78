"""A real browser: headless Chromium, driven by the DevTools protocol over one WebSocket."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autobahn.twisted.websocket import WebSocketClientProtocol
from twisted.internet import reactor as global_reactor
from twisted.protocols.policies import WrappingFactory
from twisted.web.resource import Resource
from twisted.web.server import Site

from tests.integration import websockets
from tests.integration.processes import IntegrationCase, Program, until

reactor: Any = global_reactor

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--remote-debugging-port=0",
)


_CODES = {"Enter": 13, "Tab": 9, "Escape": 27, " ": 32}
"""Windows' virtual key codes, which the protocol wants for keys that are no letters."""


class ScriptError(AssertionError):
    """A script in a page threw."""


class _Channel(WebSocketClientProtocol):
    """The DevTools connection: commands with ids, and what pages write on their consoles."""

    def __init__(self) -> None:
        super().__init__()
        self.opened = False
        self.consoles: dict[str, list[str]] = {}
        self.loaded: set[str] = set()
        self._answers: dict[int, dict[str, Any]] = {}
        self._ids = itertools.count(1)

    def onOpen(self) -> None:
        self.opened = True

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        message = json.loads(payload)
        if "id" in message:
            self._answers[message["id"]] = message
            return
        session = message.get("sessionId", "")
        if message["method"] == "Runtime.consoleAPICalled":
            words = " ".join(str(argument.get("value", "")) for argument in message["params"]["args"])
            self.consoles.setdefault(session, []).append(words)
        elif message["method"] == "Runtime.exceptionThrown":
            self.consoles.setdefault(session, []).append(str(message["params"]["exceptionDetails"]))
        elif message["method"] == "Log.entryAdded":
            self.consoles.setdefault(session, []).append(message["params"]["entry"]["text"])
        elif message["method"] == "Page.loadEventFired":
            self.loaded.add(session)

    async def command(self, method: str, session: str | None = None, within: float = 20.0, **params: Any) -> Any:
        """Give a command; return its result."""
        number = next(self._ids)
        message: dict[str, Any] = {"id": number, "method": method, "params": params}
        if session is not None:
            message["sessionId"] = session
        self.sendMessage(json.dumps(message).encode())
        answer = await until(lambda: self._answers.pop(number, None), f"the browser's answer to {method}", within)
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']['message']}")
        return answer["result"]


class Page:
    """One tab."""

    def __init__(self, channel: _Channel, session: str, target: str) -> None:
        self._channel = channel
        self._session = session
        self._target = target

    @property
    def console(self) -> list[str]:
        """What it wrote there so far, the browser's own complaints included."""
        return self._channel.consoles.setdefault(self._session, [])

    async def open(self, url: str) -> None:
        """Load a page and wait until that is done."""
        self._channel.loaded.discard(self._session)
        result = await self._channel.command("Page.navigate", self._session, url=url)
        if result.get("errorText"):
            raise AssertionError(f"{url}: {result['errorText']}")
        await until(lambda: self._session in self._channel.loaded, f"the load of {url}", 20)

    async def close(self) -> None:
        """Close the tab."""
        await self._channel.command("Target.closeTarget", targetId=self._target)

    async def run(self, script: str, within: float = 20.0) -> Any:
        """Evaluate an expression in the page, and wait if it is a promise; return its value.

        @raise ScriptError: it threw.
        """
        result = await self._channel.command(
            "Runtime.evaluate",
            self._session,
            within,
            expression=script,
            awaitPromise=True,
            returnByValue=True,
            userGesture=True,
        )
        if "exceptionDetails" in result:
            details = result["exceptionDetails"]
            raise ScriptError(details.get("exception", {}).get("description") or details.get("text"))
        return result["result"].get("value")

    async def press(self, *keys: str) -> None:
        """Press keys one after the other, as a person does: a character, or a name such as Enter, Tab, ArrowDown."""
        for key in keys:
            code = _CODES.get(key, ord(key) if len(key) == 1 else 0)
            text = {"Enter": "\r", "Tab": "", "Escape": ""}.get(key, key if len(key) == 1 else "")
            for kind in ("keyDown", "keyUp"):
                more: dict[str, Any] = {"text": text} if text and kind == "keyDown" else {}
                await self._channel.command(
                    "Input.dispatchKeyEvent",
                    self._session,
                    type=kind if more or kind == "keyUp" else "rawKeyDown",
                    key=key,
                    windowsVirtualKeyCode=code,
                    **more,
                )

    async def picture(self, path: Path) -> None:
        """Write what is to be seen now into a PNG file."""
        taken = await self._channel.command("Page.captureScreenshot", self._session)
        _write(path, base64.b64decode(taken["data"]))

    async def colours(self, scheme: str) -> None:
        """Prefer C{dark} or C{light}."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        await self._channel.command("Emulation.setEmulatedMedia", self._session, features=features)

    async def until(self, script: str, what: str, within: float = 20.0) -> Any:
        """Wait until an expression is true in the page; return its value."""
        return await self.run(
            f"""new Promise((resolve, reject) => {{
                const end = performance.now() + {within * 1000};
                const look = () => {{
                    let seen;
                    try {{ seen = {script}; }} catch (error) {{ reject(error); return; }}
                    if (seen) resolve(seen);
                    else if (performance.now() > end) reject(new Error({json.dumps(what)} + ": not in time"));
                    else setTimeout(look, 10);
                }};
                look();
            }})""",
            within + 5,
        )


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


class Browser:
    """A running Chromium with a profile of its own."""

    def __init__(self, program: Program, channel: _Channel) -> None:
        self.program = program
        self._channel = channel

    async def page(self, url: str = "about:blank") -> Page:
        """A new tab, in a context that shares no storage with the others."""
        context = (await self._channel.command("Target.createBrowserContext"))["browserContextId"]
        target = await self._channel.command("Target.createTarget", url="about:blank", browserContextId=context)
        attached = await self._channel.command("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        page = Page(self._channel, attached["sessionId"], target["targetId"])
        for domain in ("Page", "Runtime", "Log"):
            await self._channel.command(f"{domain}.enable", attached["sessionId"])
        if url != "about:blank":
            await page.open(url)
        return page


async def start_browser(test: IntegrationCase, hosts: Mapping[str, str] | None = None, language: str = "en") -> Browser:
    """Start a browser that finds C{hosts} at the addresses given, and no other name outside this machine."""
    profile = test.folder / "chromium"
    rules = [f"MAP {name} {address}" for name, address in (hosts or {}).items()]
    rules += ["MAP * ~NOTFOUND", "EXCLUDE localhost", "EXCLUDE 127.0.0.1"]
    program = test.start(
        "chromium",
        "chromium",
        *FLAGS,
        f"--user-data-dir={profile}",
        f"--lang={language}",
        f"--accept-lang={language}",
        f"--host-resolver-rules={', '.join(rules)}",
        "about:blank",
        env={"HOME": str(test.folder), "LANGUAGE": language},
    )
    told = profile / "DevToolsActivePort"

    def listening() -> list[str] | None:
        if not program.running:
            raise AssertionError(f"chromium did not start:\n{program.output[-2000:]}")
        lines = told.read_text().split() if told.exists() else []
        return lines if len(lines) == 2 else None

    port, path = await until(listening, "the browser", 30)
    channel = _Channel()
    websockets.connect(channel, f"ws://127.0.0.1:{port}{path}")
    await until(lambda: channel.opened, "the DevTools connection")
    test.at_end(channel.dropConnection)
    return Browser(program, channel)


class _Documents(Resource):
    isLeaf = True

    def __init__(self, documents: Mapping[str, str]) -> None:
        super().__init__()
        self._documents = documents

    def render_GET(self, request: Any) -> bytes:
        text = self._documents.get(request.path.decode())
        if text is None:
            request.setResponseCode(404)
            return b""
        kind = "text/javascript" if request.path.endswith(b".js") else "text/html"
        request.setHeader("Content-Type", f"{kind}; charset=utf-8")
        return text.encode()


class WebServer:
    """Somebody's web server on this machine: its pages have origins of their own, one for each name it is called by."""

    def __init__(self, test: IntegrationCase, documents: Mapping[str, str], interface: str = "127.0.0.1") -> None:
        self._connections = WrappingFactory(Site(_Documents(documents)))
        self._connections.noisy = False
        self._port = reactor.listenTCP(0, self._connections, interface=interface)
        test.at_end(self._close)

    async def _close(self) -> None:
        await self._port.stopListening()
        # Browsers keep connections for later, and some that they never used.
        for connection in tuple(self._connections.protocols):
            connection.transport.abortConnection()
        await until(lambda: not self._connections.protocols, "the end of the web server")

    @property
    def port(self) -> int:
        number: int = self._port.getHost().port
        return number

    def origin(self, name: str = "localhost") -> str:
        """The origin of its pages by that name."""
        return f"http://{name}:{self.port}"


def here(name: str) -> str:
    """The text of one of the pages in C{pages/}."""
    return (Path(__file__).parent / "pages" / name).read_text("utf-8")
