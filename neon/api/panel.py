"""The panel's page and files, and the commands that only it has (spec section 7).

    /  and /panel           the page
    /panel/NAME.js, .css    what it consists of: plain ES modules, made by nobody
    /panel/socket           the WebSocket API, for this page alone: there also while that server is switched off

Its page runs in the person's browser, at NEON's own origin. It uses the WebSocket API like every other client; what it
may do beyond (L{PanelCommands}) needs a session of the daemon's owner at that origin (L{neon.api.keeper}).
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from importlib import resources
from typing import Any, Final

from neon import arguments
from neon.api import upgrade
from neon.api.http import Exchange, Page, Served
from neon.api.pages import CSS, HTML, JAVASCRIPT
from neon.arguments import Parameter
from neon.commands import Command, Context, Data
from neon.errors import InvalidArgument
from neon.explain import LANGUAGES, explain

SOCKET: Final = "/panel/socket"

OWN: Final = (
    "originpending",
    "originlist",
    "originallow",
    "origindeny",
    "originblock",
    "originforget",
    "operatorlist",
    "websocketserver",
    "switchboard",
    "keepaccount",
)
"""The commands of the control socket that the panel has as well."""

_KINDS: Final = {".js": JAVASCRIPT, ".css": CSS}


class Panel:
    """Serves the page, and its WebSocket by C{factory}. C{own} are NEON's own origins."""

    def __init__(self, own: Collection[str], factory: upgrade.Factory) -> None:
        self._own = own
        self._factory = factory
        folder = resources.files("neon.api") / "static" / "panel"
        self._html = (folder / "index.html").read_bytes()
        self._small = gzip.compress(self._html, mtime=0)
        self._files: dict[str, Served] = {
            f"/panel/{file.name}": _compressed(Page(kind, file.read_bytes()))
            for file in folder.iterdir()
            if (kind := _KINDS.get(file.name[file.name.rfind(".") :])) is not None
        }

    def pages(self) -> dict[str, Served]:
        """Everything, by path."""
        return {"": self._page, "/panel": self._page, **self._files}

    def socket(self, exchange: Exchange, request: Any) -> bool:
        """Take a connection of the page; programs, and other pages, have a server of their own, or none."""
        if exchange.origin not in self._own:
            return False
        upgrade.hand_over(request, self._factory)
        return True

    def _page(self, exchange: Exchange) -> Page:
        # The Host has been checked: a name of this machine and our port.
        security = _security(exchange.header("Host") or "")
        return _chosen(exchange, Page(HTML, self._html, security), self._small)


def _compressed(page: Page) -> Callable[[Exchange], Page]:
    """A file as whoever asks wants it: what is in them most are comments, which weigh nothing then."""
    small = gzip.compress(page.body, mtime=0)
    return lambda exchange: _chosen(exchange, page, small)


def _chosen(exchange: Exchange, page: Page, small: bytes) -> Page:
    headers = {**page.headers, "Vary": "Accept-Encoding"}
    wanted = (exchange.header("Accept-Encoding") or "").lower().replace(" ", "").split(",")
    if "gzip" in wanted:
        return Page(page.content_type, small, {**headers, "Content-Encoding": "gzip"})
    return Page(page.content_type, page.body, headers)


def _security(host: str) -> Mapping[str, str]:
    policy = (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        # Older browsers do not take 'self' for a WebSocket. Content security policies have no word for IPv6 addresses.
        "connect-src 'self'" if host.startswith("[") else f"connect-src 'self' ws://{host}",
        # What an operator says is shown in a sandboxed frame that has no address: it inherits this policy.
        "frame-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types neon-operator",
    )
    return {
        "Content-Security-Policy": "; ".join(policy),
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=(), usb=()",
    }


class PanelCommands:
    """What the panel's session may do beyond the table. C{find} looks a call or an account up (L{neon.cases})."""

    def __init__(self, find: Callable[[str], Data | None]) -> None:
        self._find = find

    def explain(self, context: Context, case: str, language: str) -> Data:
        """Why a call (by its callId) or an account (by its connectionId or URI) is as it is, in two sentences."""
        found = self._find(case)
        if found is None:
            return {"what": "", "todo": ""}
        what, todo = explain(found, language)
        return {"what": what, "todo": todo}

    def rows(self, control: Iterable[Command]) -> tuple[Command, ...]:
        """All of them: some of those of the C{control} socket, and its own."""
        taken = (replace(row, own_page=True, once=False) for row in control if row.name in OWN)
        language = Parameter("language", arguments.choice(*LANGUAGES), default="en")
        own = Command("explain", self.explain, (Parameter("case", arguments.text), language), own_page=True, once=False)
        return (*taken, own)


class PanelAddress:
    """C{panelticket}, of the control socket: an address that opens the panel without a password, once."""

    def __init__(self, address: Callable[[], str | None], seconds: float) -> None:
        self._address = address
        self._seconds = seconds

    def ticket(self, context: Context) -> Data:
        """An address of the panel that signs in whoever opens it first, within so many seconds."""
        address = self._address()
        if address is None:
            raise InvalidArgument("the panel needs the HTTP API, which is switched off")
        return {"url": address, "seconds": self._seconds}

    def rows(self) -> tuple[Command, ...]:
        return (Command("panelticket", self.ticket, once=False),)
