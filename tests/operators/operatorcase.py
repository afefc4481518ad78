"""Operators for tests: their files in a folder of its own, and their services as resources of twisted.web behind
treq's stub, so that real requests are made and no socket is opened.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from treq.testing import StubTreq
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource

from neon.operators import settings
from neon.operators.client import WebClient
from neon.operators.service import Services
from neon.operators.settings import Settings

DATA = Path(__file__).parent.parent / "data" / "operators"

GENERAL = "[operator]\nurl = https://ws.example.com/\n"


@dataclass
class Asked:
    """A request as the operator got it."""

    method: str
    path: str
    query: dict[bytes, list[bytes]]
    headers: dict[str, str]
    body: bytes = field(repr=False)


@dataclass
class Reply:
    """What the operator says."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class Operator(Resource):
    """A web service that answers what the test put into C{replies}, the last one for ever."""

    isLeaf = True

    def __init__(self, *replies: Reply) -> None:
        super().__init__()
        self.replies = list(replies)
        self.asked: list[Asked] = []

    def render(self, request: Any) -> bytes:
        self.asked.append(
            Asked(
                request.method.decode(),
                request.path.decode(),
                dict(request.args),
                {
                    name.decode().lower(): b", ".join(values).decode()
                    for name, values in request.requestHeaders.getAllRawHeaders()
                },
                request.content.read(),
            )
        )
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        request.setResponseCode(reply.status)
        for name, value in reply.headers.items():
            request.setHeader(name, value)
        return reply.body


def xml(data: str, operation: str = "X", success: str = "true", code: str = "0") -> Reply:
    """A good answer in the document's shape."""
    body = (
        '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>'
        f"<{operation}Response><{operation}Result><Success>{success}</Success><Error><Code>{code}</Code>"
        f"<Description/></Error><Data>{data}</Data></{operation}Result></{operation}Response>"
        "</soap:Body></soap:Envelope>"
    )
    return Reply(body.encode(), headers={"Content-Type": "application/soap+xml; charset=utf-8"})


ACCOUNT = "<Number>31</Number><Password>sip-secret</Password><Domain>sip.example.com</Domain>"


class OperatorCase(SynchronousTestCase):
    """C{self.clock} is time; L{services} makes an operator's services that ask a resource."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.directory = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.directory)

    def write(self, text: str, name: str = "acme.conf") -> Path:
        path = self.directory / name
        path.write_text(text, "utf-8")
        path.chmod(0o600)
        return path

    def settings(self, text: str, name: str = "acme.conf") -> Settings:
        return settings.read(self.write(text, name))

    def services(
        self, text: str, resource: Resource, wrap: Callable[[Any], Any] = lambda stub: stub, name: str = "acme.conf"
    ) -> Services:
        read = self.settings(text, name)
        client = WebClient(read, wrap(StubTreq(resource)), self.clock)
        return Services(read, client, self.clock)
