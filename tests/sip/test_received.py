"""Messages from the network as sippy's objects."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from neon.sip import messages, reactor, received
from neon.sip.binding import redirection
from neon.sip.envelope import Limits
from neon.sip.envelope import read as read_envelope
from neon.sip.received import ReceivedRequest, ReceivedResponse

INVITE = (
    b"INVITE sip:32@192.0.2.7 SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1, SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK2\r\n"
    b"Record-Route: <sip:192.0.2.1;lr> ,<sip:192.0.2.2;lr;x=%61>\r\n"
    b'From:   "A. \\"G.\\" Bell"   <sip:agb@h;X=y>;tag=a48s;other\r\n'
    b"T: <tel:+55-11-5555>;x\r\n"
    b"i: 1@h\r\n"
    b"CSeq:  1   INVITE\r\n"
    b"Contact: <sip:agb@192.0.2.2>\r\n"
    b"Content-Type: application/sdp\r\n"
    b"Content-Length: 5\r\n\r\nv=0\r\nrest"
)


def read(kind: type, data: bytes) -> object:
    return received.read(kind, read_envelope(data, Limits()))


class ReceivedTests(SynchronousTestCase):
    def setUp(self) -> None:
        reactor.tame()

    def test_response_repeats(self) -> None:
        """A response repeats Via, Record-Route, From, Call-ID and CSeq as they were, and To but for its tag."""
        request = read(ReceivedRequest, INVITE)
        assert isinstance(request, ReceivedRequest)
        response = request.genResponse(200, "OK")
        response.tag("ours")
        self.assertEqual(
            response.localStr().split("\r\n"),
            [
                "SIP/2.0 200 OK",
                "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1",
                "Via: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK2",
                "Record-Route: <sip:192.0.2.1;lr>",
                "Record-Route: <sip:192.0.2.2;lr;x=%61>",
                'From: "A. \\"G.\\" Bell"   <sip:agb@h;X=y>;tag=a48s;other',
                "To: <tel:+55-11-5555>;x;tag=ours",
                "Call-ID: 1@h",
                "CSeq: 1   INVITE",
                "Content-Length: 0",
                "",
                "",
            ],
        )
        self.assertIsNone(request.getHFBody("to").getTag())

    def test_body(self) -> None:
        """The body is as long as Content-Length says, and of the type that Content-Type says."""
        request = read(ReceivedRequest, INVITE)
        assert isinstance(request, ReceivedRequest)
        self.assertEqual((str(request.getBody()), request.getBody().getType()), ("v=0\r\n", "application/sdp"))
        other = read(ReceivedRequest, INVITE.replace(b"application/sdp", b"Text/Plain;charset=x"))
        assert isinstance(other, ReceivedRequest)
        self.assertEqual(other.getBody().getType(), "text/plain")

    def test_response(self) -> None:
        """A response has its status, and a reason if it gives one."""
        lines = INVITE.partition(b"\r\n")[2]
        for first, expected in ((b"486 Busy Here", (486, "Busy Here")), (b"180 ", (180, "Unspecified"))):
            response = read(ReceivedResponse, b"SIP/2.0 " + first + b"\r\n" + lines)
            assert isinstance(response, ReceivedResponse)
            self.assertEqual(response.getSCode(), expected)

    def test_bad_fields(self) -> None:
        """A message with a field that cannot be read is none."""
        for good, bad in ((b"<sip:agb@192.0.2.2>", b"<mailto:x>"), (b"1   INVITE", b"one INVITE")):
            self.assertIsNone(read(ReceivedRequest, INVITE.replace(good, bad)), bad)

    def test_redirection_is_no_change(self) -> None:
        """Whoever takes a Contact for a target gets one of its own: what was parsed is shared between messages."""
        lines = INVITE.partition(b"\r\n")[2].replace(b"<sip:agb@192.0.2.2>", b"<sip:agb@192.0.2.2?Subject=x>")
        for take in (redirection, messages.contact_of):
            response = read(ReceivedResponse, b"SIP/2.0 302 Moved Temporarily\r\n" + lines)
            assert isinstance(response, ReceivedResponse)
            response.source = (("192.0.2.1", 5060), "udp")
            target = take(response)
            assert target is not None
            target.host = "elsewhere"
            again = read(ReceivedResponse, b"SIP/2.0 200 OK\r\n" + lines)
            assert isinstance(again, ReceivedResponse)
            url = again.getHFBody("contact").getUrl()
            self.assertEqual((url.host, url.headers), ("192.0.2.2", {"Subject": "x"}))
