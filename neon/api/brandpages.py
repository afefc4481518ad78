"""The brand, for the panel and for other pages.

    /brand.json   name, colours, addresses, where the logo is, the port of the WebSocket server
    /brand/logo   the logo, safe to show
"""

from __future__ import annotations

import json
from collections.abc import Callable
from html import escape
from typing import Any, Final

from neon.api.http import Exchange, Page, Served
from neon.brandvalues import Brand

LOGO: Final = "/brand/logo"

_KEPT: Final = {
    "Cache-Control": "max-age=300",
    # Opened by itself, an SVG is a document of our origin: it was made harmless, and this keeps it so.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
}


def pages(brand: Brand, websocket: Callable[[], str | None]) -> dict[str, Served]:
    """By path; C{websocket} is the address of that server, C{host:port}, while there is one."""

    def document(exchange: Exchange) -> Page:
        address = websocket()
        members: dict[str, Any] = {
            "name": brand.name,
            "colour": brand.colour or None,
            "accentColour": brand.accent_colour or None,
            "website": brand.website or None,
            "support": brand.support or None,
            "logo": None if brand.logo is None else LOGO,
            "websocketPort": None if address is None else int(address.rpartition(":")[2]),
        }
        return Page("application/json", json.dumps(members).encode("ascii"))

    found: dict[str, Served] = {"/brand.json": document}
    if brand.logo is not None:
        found[LOGO] = Page(brand.logo.content_type, brand.logo.data, _KEPT)
    return found


def titled(html: bytes, brand: Brand) -> bytes:
    """A page of ours under the brand's name: in its title."""
    title = f"<title>{escape(brand.name)} ".encode()
    return html.replace(b"<title>NEON ", title, 1)
