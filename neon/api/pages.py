"""The files that NEON serves beside its APIs: neon-client.js, and the doctor page with what it cannot know by itself.

    /neon-client.js                     an ES module for web pages, readable by every approved origin
    /doctor                             whether a page in this browser can use NEON, and what to do when not
    /doctor.json?origin=https://...     facts for it; no secrets, nobody's numbers
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib import resources
from typing import Any, Final

from neon import __version__, parsing
from neon.api.brandpages import titled
from neon.api.http import Exchange, Page, Served
from neon.brandvalues import Brand

HTML: Final = "text/html; charset=utf-8"
CSS: Final = "text/css; charset=utf-8"
# RFC 9239; browsers refuse modules of another type.
JAVASCRIPT: Final = "text/javascript; charset=utf-8"
JSON: Final = "application/json"

CLIENT_SECONDS: Final = 300
"""A page may keep neon-client.js so long; an update of NEON reaches it soon after."""


NEON: Final = Brand()


@dataclass(frozen=True, slots=True)
class Sound:
    """The kinds of the configured devices, and how they are: C{works}, C{untried}, C{fails} or C{none}."""

    capture: str
    playback: str
    state: str
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What the doctor page asks the daemon."""

    websocket_port: int | None
    sound: Sound
    accounts: int
    registered: int


class Doctor:
    """Answers the doctor page. C{standing} says how an origin stands: C{approved}, C{blocked} or C{unknown}."""

    def __init__(self, facts: Callable[[], Facts], standing: Callable[[str], str], brand: Brand = NEON) -> None:
        self._facts = facts
        self._standing = standing
        self._html = titled(_file("doctor.html"), brand)

    def pages(self) -> dict[str, Served]:
        """Everything, by path."""
        kept = {"Cache-Control": f"max-age={CLIENT_SECONDS}"}
        return {
            "/neon-client.js": Page(JAVASCRIPT, _file("neon-client.js"), kept),
            "/doctor": self._page,
            "/doctor.json": self._json,
            "/doctor.css": Page(CSS, _file("doctor.css")),
            "/doctor.js": Page(JAVASCRIPT, _file("doctor.js")),
            "/doctor-words.js": Page(JAVASCRIPT, _file("doctor-words.js")),
        }

    def _page(self, exchange: Exchange) -> Page:
        # The Host has been checked: a name of this machine and our port.
        port = (exchange.header("Host") or "").rpartition(":")[2]
        return Page(HTML, self._html, _security(self._facts().websocket_port, port))

    def _json(self, exchange: Exchange) -> Page:
        facts = self._facts()
        document: dict[str, Any] = {
            "version": __version__,
            "websocketPort": facts.websocket_port,
            "sound": asdict(facts.sound),
            "sip": {"accounts": facts.accounts, "registered": facts.registered},
        }
        asked = [value for name, value in exchange.pairs() if name == "origin"]
        # How other pages stand is for our own page and local programs; an approved page learns of none but itself.
        if asked and exchange.header("Origin") is None:
            document["asked"] = self._ask(asked[0])
        return Page(JSON, json.dumps(document).encode("ascii"))

    def _ask(self, text: str) -> Mapping[str, str]:
        try:
            origin = parsing.origin(text.strip().removesuffix("/"))
        except ValueError:
            return {"origin": text[:200], "standing": "invalid"}
        return {"origin": origin, "standing": self._standing(origin)}


def _security(websocket_port: int | None, http_port: str) -> Mapping[str, str]:
    names = ("localhost", "127.0.0.1")
    sources = [f"http://{name}:{http_port}" for name in names]
    if websocket_port is not None:
        sources += [f"ws://{name}:{websocket_port}" for name in names]
    policy = (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src data:",
        f"connect-src 'self' {' '.join(sources)}",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    )
    return {
        "Content-Security-Policy": "; ".join(policy),
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
    }


def _file(name: str) -> bytes:
    return (resources.files("neon.api") / "static" / name).read_bytes()
