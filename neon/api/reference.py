"""The machine-readable descriptions of the APIs, where the HTTP server has them: /openapi.json and /asyncapi.json."""

from __future__ import annotations

import json

from neon.api.asyncapi import asyncapi
from neon.api.http import Page
from neon.api.openapi import openapi

JSON = "application/json"


def pages(http: str, websocket: str | None) -> dict[str, Page]:
    """By path; C{http} and C{websocket} are C{host:port} of the servers, None for one that is switched off."""
    documents = {"/openapi.json": openapi(http)}
    if websocket is not None:
        documents["/asyncapi.json"] = asyncapi(websocket)
    return {path: Page(JSON, json.dumps(document).encode("ascii")) for path, document in documents.items()}
