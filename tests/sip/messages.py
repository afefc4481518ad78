"""SIP messages as text, for tests that speak to an endpoint from outside; and requests built with sippy."""

from __future__ import annotations

from typing import TypeVar

from sippy.SipAddress import SipAddress
from sippy.SipURL import SipURL

from neon.sip import envelope, messages, reactor
from neon.sip.received import ReceivedRequest, ReceivedResponse, read
from neon.sip.written import WrittenRequest, WrittenResponse
from neon.values import Address, Destination
from tests.sip.network import Datagram

_Received = TypeVar("_Received", ReceivedRequest, ReceivedResponse)

OURS: Address = ("127.0.0.1", 5060)
PEER: Address = ("127.0.0.9", 5080)
THERE = Destination(*PEER)
"""The same, as a hop."""

_LABELS = {
    "via": "SIP/2.0/UDP 127.0.0.9:5080;rport;branch=z9hG4bKone",
    "from": "<sip:bob@127.0.0.9>;tag=bob",
    "to": "<sip:1000@127.0.0.1>",
    "call-id": "call@127.0.0.9",
    "max-forwards": "70",
    "contact": "<sip:bob@127.0.0.9:5080>",
}


def request_text(
    method: str = "OPTIONS",
    *,
    uri: str = "sip:1000@127.0.0.1",
    version: str = "SIP/2.0",
    body: str = "",
    cseq: str | None = None,
    without: str = "",
    extra: tuple[str, ...] = (),
    caller: str | None = None,
    **changed: str,
) -> str:
    """A request from PEER; header fields by keyword, C{call_id} for Call-ID."""
    headers = {**_LABELS, "cseq": cseq or f"1 {method}", **{k.replace("_", "-"): v for k, v in changed.items()}}
    headers.pop(without, None)
    if caller is not None:
        headers["from"] = caller
    if body and "content-type" not in headers:
        headers["content-type"] = "application/sdp"
    headers.setdefault("content-length", str(len(body.encode())))
    lines = [f"{method} {uri} {version}", *(f"{name}: {value}" for name, value in headers.items()), *extra]
    return "\r\n".join(lines) + "\r\n\r\n" + body


def response_text(
    sent: Datagram,
    status: int,
    reason: str = "Because",
    *,
    tag: str = "far",
    extra: tuple[str, ...] = (),
    body: str = "",
) -> str:
    """The response of the far end to a request that was sent."""
    kept = [line for line in sent.text.split("\r\n") if line.partition(":")[0] in ("Via", "From", "Call-ID", "CSeq")]
    to = sent.header("To") or ""
    if status > 100 and "tag=" not in to:
        to += f";tag={tag}"
    lines = [f"SIP/2.0 {status} {reason}", *kept, f"To: {to}", *extra, f"Content-Length: {len(body)}"]
    return "\r\n".join(lines) + "\r\n\r\n" + body


def ack_text(response: Datagram, branch: str = "z9hG4bKone") -> str:
    """The far end's ACK for a final response that was sent to it."""
    return request_text(
        "ACK",
        via=f"SIP/2.0/UDP 127.0.0.9:5080;rport;branch={branch}",
        to=response.header("To") or "",
        call_id=response.header("Call-ID") or "",
        cseq=(response.header("CSeq") or "").split()[0] + " ACK",
    )


def build_request(method: str = "INVITE", remote: Address = PEER, call_id: str | None = None) -> WrittenRequest:
    """A request of ours, as a dialog layer builds it."""
    callee = SipURL(username="bob", host=remote[0], port=remote[1])
    return messages.build_request(
        method,
        callee,
        sender=SipAddress(url=SipURL(username="1000", host="example.test")),
        sender_tag=messages.new_tag(),
        to=SipAddress(url=callee),
        to_tag=None,
        call_id=call_id or messages.new_call_id(),
        cseq=1,
        remote=Destination(*remote),
        contact=SipURL(username="1000", host=OURS[0], port=OURS[1]),
        expires=180 if method == "INVITE" else None,
    )


def answer(request: WrittenRequest, status: int, reason: str = "Because") -> WrittenResponse:
    """A response of whoever is called, with a Contact."""
    return messages.build_response(request, status, reason=reason, contact=request.getRURI())


def received(text: str, kind: type[_Received] = ReceivedRequest) -> _Received:
    """A request, or a response, as the endpoint hands it on."""
    reactor.tame()
    message = read(kind, envelope.read(text.encode("utf-8", "surrogateescape"), envelope.Limits()))
    assert isinstance(message, kind)
    return message
