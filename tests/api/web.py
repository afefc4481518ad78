"""An HTTP client in the tests' own process: real requests through the real server, over a transport in memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

import treq.testing
from lxml import etree
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.testing import StringTransportWithDisconnection
from twisted.web.resource import Resource

from neon.api import schema
from neon.api.http import Root
from neon.api.mailbox import Mailboxes
from neon.api.site import HttpSite
from tests.api.world import ApiCase

PORT = 15060
URL = f"http://localhost:{PORT}"
CRM = "https://crm.example.com"

Fields = Mapping[str, str] | Iterable[tuple[str, str]]


class Reply:
    """What came back."""

    def __init__(self, response: Any, body: bytes) -> None:
        self.status: int = response.code
        self.body = body
        self._headers = response.headers

    def header(self, name: str) -> str | None:
        values = self._headers.getRawHeaders(name)
        return None if values is None else ", ".join(values)

    @property
    def xml(self) -> etree._Element:
        return etree.fromstring(self.body)

    def text(self, path: str) -> str | None:
        """The text of an element; None if there is no such element."""
        return self.xml.findtext(path)

    @property
    def code(self) -> int:
        """The error code of a ReturnData."""
        return int(self.xml.findtext("Error/Code") or "")


class HttpCase(ApiCase):
    """Talks HTTP."""

    configured_origins = (CRM,)

    def setUp(self) -> None:
        super().setUp()
        self.mailboxes = Mailboxes(self.clock, self.world.bus)
        self.sessions.on_open.append(self.mailboxes.opened)
        self.sessions.on_close.append(self.mailboxes.closed)
        self.root = Root(self.commands, self.mailboxes, self.autodisconnect, self.guard)
        self.root.manual = schema.manual
        # The client of treq's own test module, but with our server at the other end.
        self.patch(treq.testing, "Site", self.site)
        self.http: Any = treq.testing.StubTreq(self.root)

    def site(self, resource: Resource, reactor: object = None) -> HttpSite:
        return HttpSite(resource, policy=self.guard, reactor=self.clock)

    def begin(self, method: str, path: str, **arguments: Any) -> Deferred[Any]:
        """Send a request; fires with the L{Reply}."""
        answered: Deferred[Any] = self.http.request(method, URL + path, **arguments)

        def read(response: Any) -> Any:
            return response.content().addCallback(lambda body: Reply(response, body))

        answered.addCallback(read)
        self.http.flush()
        return answered

    def request(self, method: str, path: str, **arguments: Any) -> Reply:
        """Send a request that is answered at once."""
        reply: Reply = self.successResultOf(self.begin(method, path, **arguments))
        return reply

    def get(self, path: str, fields: Fields = (), **arguments: Any) -> Reply:
        return self.request("GET", path, params=list(_pairs(fields)), **arguments)

    def post(self, path: str, fields: Fields = (), **arguments: Any) -> Reply:
        # Not treq's own encoding, which takes one value for a name.
        return self.request("POST", path, data=dict(_pairs(fields)), **arguments)

    def authenticate(self, **extra: str) -> str:
        reply = self.get("/Command", {"action": "authenticate", "user": "crm", "password": "secret", **extra})
        token = reply.text("Data/Token")
        assert token is not None, reply.body
        return token

    def poll(self, token: str, **extra: str) -> Deferred[Any]:
        """Ask for an event; fires with the L{Reply}."""
        return self.begin("GET", "/Events", params={"token": token, **extra})

    def raw(self, peer: str = "127.0.0.1") -> tuple[Any, StringTransportWithDisconnection]:
        """A connection to write bytes to."""
        server: Any = self.http._agent._serverFactory.buildProtocol(None)
        transport = StringTransportWithDisconnection(
            IPv4Address("TCP", "127.0.0.1", PORT), IPv4Address("TCP", peer, 40000)
        )
        transport.protocol = cast(Any, server)
        server.makeConnection(transport)
        return server, transport


def _pairs(fields: Fields) -> Iterable[tuple[str, str]]:
    return fields.items() if isinstance(fields, Mapping) else fields
