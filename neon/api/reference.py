"""The machine-readable descriptions of the APIs, where the HTTP server has them: /openapi.json and /asyncapi.json.

They are written when somebody asks for them, and kept from then on: a tenth of the time to start, and half a megabyte.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

from neon.api.http import Page, Served

JSON = "application/json"


def pages(http: str, websocket: str | None) -> dict[str, Served]:
    """By path; C{http} and C{websocket} are C{host:port} of the servers, None for one that is switched off."""
    found = {"/openapi.json": _written(lambda: _openapi(http))}
    if websocket is not None:
        found["/asyncapi.json"] = _written(lambda: _asyncapi(websocket))
    return found


def _written(describe: Callable[[], Any]) -> Served:
    page = cache(lambda: Page(JSON, json.dumps(describe()).encode("ascii")))
    return lambda exchange: page()


def _openapi(http: str) -> Any:
    from neon.api.openapi import openapi

    return openapi(http)


def _asyncapi(websocket: str) -> Any:
    from neon.api.asyncapi import asyncapi

    return asyncapi(websocket)
