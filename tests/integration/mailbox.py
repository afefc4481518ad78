"""A mailbox at a presence server, which publishes how many messages wait there (RFC 3842, RFC 3903)."""

from __future__ import annotations

import socket

from tests.integration.kamailio import Kamailio

PUBLISH = """\
PUBLISH sip:2001@{domain} SIP/2.0\r
Via: SIP/2.0/UDP 127.0.0.1:{port};rport;branch=z9hG4bKvm{turn}\r
From: <sip:2001@{domain}>;tag=vm{turn}\r
To: <sip:2001@{domain}>\r
Call-ID: vm{turn}@127.0.0.1\r
CSeq: 1 PUBLISH\r
Max-Forwards: 70\r
Event: message-summary\r
Expires: 600\r
{etag}Content-Type: application/simple-message-summary\r
Content-Length: {length}\r
\r
{body}"""


def publish(kamailio: Kamailio, turn: int, body: str, etag: str = "") -> str:
    """Tell it how the mailbox of 2001 is; returns the entity tag that the next one names."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mailbox:
        mailbox.bind(("127.0.0.1", 0))
        mailbox.settimeout(5.0)
        text = PUBLISH.format(
            domain=kamailio.domain, port=mailbox.getsockname()[1], turn=turn, body=body, length=len(body),
            etag=f"SIP-If-Match: {etag}\r\n" if etag else "",
        )  # fmt: skip
        mailbox.sendto(text.encode(), ("127.0.0.1", kamailio.port))
        answer = mailbox.recv(4096).decode()
    assert "200 OK" in answer, answer
    return answer.lower().partition("sip-etag:")[2].partition("\r\n")[0].strip()
