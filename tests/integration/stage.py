"""A person's browser, played by Playwright: the system's Chromium, headless, one for all tests of this process.

Playwright lives in asyncio, which has a thread of its own here; what tests await are Deferreds.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import shutil
import threading
from collections.abc import Coroutine
from contextlib import suppress
from importlib import resources
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from playwright.async_api import Browser, Locator, Page, Playwright, async_playwright, expect
from twisted.internet import reactor as global_reactor
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from tests.integration.processes import ARTEFACTS, IntegrationCase

T = TypeVar("T")

reactor: Any = global_reactor

CHROMIUM: Final = shutil.which("chromium")
FLAGS: Final = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage")
STOP_SECONDS: Final = 10.0
PATIENCE_MS: Final = 30_000
"""Tests run on machines that have much else to do."""

AXE: Final = (resources.files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
RULES: Final = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")

PICTURES: Final = ARTEFACTS / "panel"


class _Stage:
    """Playwright's thread, and the browser in it."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="playwright", daemon=True)
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None

    def run(self, work: Coroutine[Any, Any, T]) -> Deferred[T]:
        """Have it done there."""
        done: Deferred[T] = Deferred()

        async def run() -> None:
            try:
                result = await work
            except BaseException as error:
                reactor.callFromThread(done.errback, Failure(error))
            else:
                reactor.callFromThread(done.callback, result)

        asyncio.run_coroutine_threadsafe(run(), self._loop)
        return done

    async def start(self) -> None:
        """Start the browser."""
        self._thread.start()
        await self.run(self._begin())

    async def _begin(self) -> None:
        self._playwright = await async_playwright().start()
        self._browser = await self._playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)

    async def page(self, console: list[str], options: dict[str, Any]) -> Page:
        """A page in a browser that knows nothing of the others; C{console} gets what is written there.

        To be run in that thread: what Playwright's objects do at once, they do with its connection.
        """
        assert self._browser is not None
        context = await self._browser.new_context(**options)
        context.set_default_timeout(PATIENCE_MS)
        page = await context.new_page()
        page.on("console", lambda message: console.append(message.text))
        page.on("pageerror", lambda error: console.append(str(error)))
        return page

    def stop(self) -> None:
        """Close the browser, and end the thread, and wait for both: this process ends."""
        ended = asyncio.run_coroutine_threadsafe(self._end(), self._loop)
        with suppress(Exception):  # whoever waits for the process waits no longer for a browser that hangs
            ended.result(STOP_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)

    async def _end(self) -> None:
        if self._browser is not None:
            await self._browser.close()
        if self._playwright is not None:
            await self._playwright.stop()


_stages: list[_Stage] = []


async def _the_stage() -> _Stage:
    if not _stages:
        stage = _Stage()
        _stages.append(stage)
        # Not at the reactor's end: trial's workers have that after every test.
        atexit.register(stage.stop)
        await stage.start()
    return _stages[0]


class Tab:
    """A page and whoever sits in front of it. What it looks for it waits for, as a person does."""

    def __init__(self, stage: _Stage, page: Page, console: list[str]) -> None:
        self._stage = stage
        self.page = page
        self.console = console

    def find(self, selector: str) -> Locator:
        """What of this can be seen."""
        return self.page.locator(selector).locator("visible=true")

    async def open(self, url: str) -> None:
        """Load a page."""
        await self._stage.run(self.page.goto(url))

    async def again(self) -> None:
        """Load it once more."""
        await self._stage.run(self.page.reload())

    async def click(self, selector: str) -> None:
        """Click on it, once it can be seen, holds still, and nothing is in front of it."""
        await self._stage.run(self.find(selector).first.click())

    async def place(self, selector: str) -> tuple[float, float]:
        """Where it is: its middle."""
        box = await self._stage.run(self.find(selector).first.bounding_box())
        assert box is not None, selector
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    async def tap(self, place: tuple[float, float], count: int = 1) -> None:
        """Click at a place, whatever is there: C{count} is 2 for the second click of a double click."""
        mouse = self.page.mouse
        await self._stage.run(mouse.move(*place))
        await self._stage.run(mouse.down(click_count=count))
        await self._stage.run(mouse.up(click_count=count))

    async def fill(self, selector: str, text: str) -> None:
        """Write into a field, in place of what is there."""
        await self._stage.run(self.find(selector).first.fill(text))

    async def choose(self, selector: str, value: str) -> None:
        """Choose of a list."""
        await self._stage.run(self.find(selector).first.select_option(value))

    async def press(self, *keys: str) -> None:
        """Press keys, wherever the focus is."""
        for key in keys:
            await self._stage.run(self.page.keyboard.press(key))

    async def shows(self, selector: str, text: str) -> None:
        """Wait until one of these says so."""
        seen = expect(self.find(selector).filter(has_text=text).first)
        await self._stage.run(seen.to_be_visible(timeout=PATIENCE_MS))

    async def has(self, selector: str, count: int = 1) -> None:
        """Wait until so many of these can be seen."""
        await self._stage.run(expect(self.find(selector)).to_have_count(count, timeout=PATIENCE_MS))

    async def text(self, selector: str) -> str:
        """What it says."""
        return await self._stage.run(self.find(selector).first.inner_text())

    async def run(self, script: str, argument: object = None) -> Any:
        """The value of a function, or an expression, in the page."""
        return await self._stage.run(self.page.evaluate(script, argument))

    async def until(self, script: str) -> None:
        """Wait until an expression is true in the page; its policy forbids what Playwright has for that."""
        wait = f"""async () => {{
            const end = performance.now() + {PATIENCE_MS};
            while (!({script})) {{
                if (performance.now() > end) throw new Error("not in time: " + {json.dumps(script)});
                await new Promise((resolve) => setTimeout(resolve, 20));
            }}
        }}"""
        await self.run(wait)

    async def scheme(self, scheme: Literal["light", "dark"]) -> None:
        """Prefer light or dark."""
        await self._stage.run(self.page.emulate_media(color_scheme=scheme))

    async def size(self, width: int, height: int) -> None:
        """A window of that size."""
        await self._stage.run(self.page.set_viewport_size({"width": width, "height": height}))

    async def picture(self, name: str) -> None:
        """Keep what is to be seen now, for people to look at."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        path = PICTURES / f"{name}.png"
        await self._stage.run(self.page.screenshot(path=path, full_page=True, animations="disabled"))

    async def complaints(self) -> list[str]:
        """What axe has against the page (WCAG 2.2 A and AA, and good practice): a line for each element."""
        if not await self.run("globalThis.axe !== undefined"):
            await self.run(f"() => {{ {AXE} }}")
        found = await self.run(
            """(rules) => axe.run(document, { runOnly: rules, iframes: false, resultTypes: ["violations"] })
                .then(({ violations, passes }) => ({
                    looked: passes.length,
                    wrong: violations.flatMap(({ id, nodes }) => nodes.map(
                        ({ html, failureSummary }) => `${id}: ${html.slice(0, 160)} ${failureSummary}`)),
                }))""",
            list(RULES),
        )
        assert found["looked"] > 10, "axe has looked at nothing"
        return list(found["wrong"])

    async def close(self) -> None:
        """Close it, and forget everything."""
        await self._stage.run(self.page.context.close())


async def open_tab(test: IntegrationCase, url: str = "about:blank", **options: Any) -> Tab:
    """A tab in a browser of its own, which closes with the test. What it shows then is kept if the test goes wrong."""
    stage = await _the_stage()
    console: list[str] = []
    page = await stage.run(stage.page(console, {"locale": "en-GB", "reduced_motion": "reduce", **options}))
    tab = Tab(stage, page, console)
    number = len(list(test.folder.glob("*.png")))
    last = Path(test.folder) / f"tab-{number}.png"
    last.touch()

    async def end() -> None:
        try:
            await stage.run(tab.page.screenshot(path=last))
        finally:
            await tab.close()

    test.at_end(end)
    if url != "about:blank":
        await tab.open(url)
    return tab
