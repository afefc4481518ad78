"""A fake Endpoint and Resolver: the test reads what was sent and plays the far end.

They have the methods of L{neon.sip.endpoint.Endpoint} and L{neon.sip.resolver.Resolver} and run real sippy
messages through their wire form in both directions, so what the code under test sees is what a network brings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sippy.MsgBody import MsgBody
from sippy.Network_server import Remote_address
from sippy.SipHeader import SipHeader
from sippy.SipRequest import SipRequest
from sippy.SipResponse import SipResponse
from twisted.internet.defer import Deferred, fail, succeed

from neon.sip.received import ReceivedResponse
from neon.values import Address, Destination
from tests.sip.messages import received

REASONS = {
    100: "Trying",
    180: "Ringing",
    183: "Session Progress",
    200: "OK",
    302: "Moved Temporarily",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    407: "Proxy Authentication Required",
    408: "Request Timeout",
    423: "Interval Too Brief",
    486: "Busy Here",
    487: "Request Terminated",
    500: "Server Internal Error",
    503: "Service Unavailable",
    603: "Decline",
}

LOCAL = Destination("192.0.2.10", 5060)


class Sent:
    """One request that went out (also its ClientTransaction), as the far end would read it."""

    def __init__(
        self,
        request: SipRequest,
        remote: Destination,
        on_response: Callable[[SipResponse], None],
        local: Destination,
        manual_ack: bool = False,
    ) -> None:
        self.original = request
        self.request = SipRequest(request.localStr((local.address, local.transport)))
        self.request.setSource(Remote_address(local.address, local.transport))
        self.destination = remote
        self.remote = remote.address
        self.on_response = on_response
        self.manual_ack = manual_ack
        self.cancelled = False
        self.acks: list[str | None] = []

    @property
    def method(self) -> str:
        return str(self.request.getMethod())

    @property
    def cseq(self) -> int:
        return int(self.request.getHFBody("cseq").getCSeqNum())

    def header(self, name: str) -> str | None:
        """The text of a header, None if there is none."""
        found = self.request.getHFs(name)
        return str(found[0].body) if found else None

    def headers(self, name: str) -> list[str]:
        return [str(header.body) for header in self.request.getHFs(name)]

    @property
    def body(self) -> str | None:
        body = self.request.getBody()
        return None if body is None else str(body)

    def cancel(self) -> None:
        self.cancelled = True

    def send_ack(self, body: str | None = None) -> None:
        self.acks.append(body)

    def response(
        self,
        code: int,
        headers: Iterable[tuple[str, str]] = (),
        *,
        body: str | None = None,
        tag: str = "far",
        source: Address | None = None,
    ) -> SipResponse:
        """A response to this request as it would arrive from C{source} (where the request went)."""
        built = self.request.genResponse(code, REASONS.get(code, "Because"))
        if code > 100 and built.getHFBody("to").getTag() is None:
            built.getHFBody("to").setTag(tag)
        for name, value in headers:
            if body is not None and (name, value) == ("Content-Type", "application/sdp"):
                continue  # the body says so
            built.appendHeader(SipHeader(name=name, bodys=value))
        if body is not None:
            built.setBody(MsgBody(body))
        response = received(str(built), ReceivedResponse)
        response.setSource(Remote_address(source or self.remote, self.destination.transport))
        return response

    def answer(
        self,
        code: int,
        headers: Iterable[tuple[str, str]] = (),
        *,
        body: str | None = None,
        tag: str = "far",
        source: Address | None = None,
    ) -> None:
        """Let the far end answer."""
        self.on_response(self.response(code, headers, body=body, tag=tag, source=source))

    def fail(self, code: int) -> None:
        """A final response made on our side: 408 (no answer) or 503 (transport error); it has no source."""
        self.on_response(self.original.genResponse(code, REASONS[code]))


class FakePath:
    """A way to a destination, for what is no message."""

    def __init__(self, sent: list[tuple[bytes, Destination]]) -> None:
        self._sent = sent

    def send_to(self, data: bytes, destination: Destination) -> None:
        self._sent.append((data, destination))


class FakeEndpoint:
    """Records the requests sent through it."""

    def __init__(self, local: Destination = LOCAL) -> None:
        self.local = local
        self.sent: list[Sent] = []
        self.raw: list[tuple[bytes, Destination]] = []
        self.on_stray_response: Callable[[SipResponse, Destination], None] | None = None
        self.on_flow_lost: Callable[[Destination, str], None] | None = None
        self.knows_dialog: Callable[[str], bool] | None = None

    def start(self) -> None:
        """Nothing is bound."""

    def stop(self) -> Deferred[None]:
        return succeed(None)

    @property
    def address(self) -> Address:
        return self.local.address

    @property
    def points(self) -> tuple[Destination, ...]:
        return (self.local,)

    def reach(self, destination: Destination) -> Deferred[None]:
        return succeed(None)

    def local_address(self, remote: Destination) -> Destination:
        return self.local

    def send_request(
        self,
        request: SipRequest,
        remote: Destination,
        on_response: Callable[[SipResponse], None],
        *,
        manual_ack: bool = False,
    ) -> Sent:
        sent = Sent(request, remote, on_response, self.local, manual_ack)
        self.sent.append(sent)
        return sent

    def send_stateless(self, request: SipRequest, remote: Destination) -> None:
        """An ACK that no transaction sends: nobody looks at it here."""

    def path(self, destination: Destination) -> FakePath:
        return FakePath(self.raw)

    def forget_routes(self) -> None:
        """What L{local_address} says is always the newest."""

    @property
    def last(self) -> Sent:
        return self.sent[-1]

    def take(self) -> list[Sent]:
        """What was sent since the last look."""
        taken, self.sent = self.sent, []
        return taken


class FakeResolver:
    """Answers from a table, at once; a name that is missing fails, a held one waits for the test."""

    def __init__(self, table: dict[str, list[Address]] | None = None) -> None:
        self.table = table or {}
        self.asked: list[tuple[str, int | None, str]] = []
        self.held: list[tuple[str, Deferred[list[Destination]]]] | None = None

    def resolve(self, host: str, port: int | None, transport: str) -> Deferred[list[Destination]]:
        self.asked.append((host, port, transport))
        if self.held is not None:
            waiting: Deferred[list[Destination]] = Deferred()
            self.held.append((host, waiting))
            return waiting
        if host not in self.table:
            return fail(OSError(f"no such name: {host}"))
        return succeed([Destination(*address, transport or "udp") for address in self.table[host]])
