"""URIs and names, from the user to the wire and from the wire to people."""

from __future__ import annotations

from sippy.SipAddress import SipAddress
from sippy.SipRequest import SipRequest
from sippy.SipURL import SipURL
from twisted.trial.unittest import SynchronousTestCase

from neon.errors import InvalidArgument
from neon.sip import messages
from neon.values import Destination
from tests.sip.messages import request_text


class TargetTests(SynchronousTestCase):
    def target(self, text: str, domain: str = "acme.com", port: int | None = None) -> str:
        return str(messages.target_url(text, domain, port))

    def test_numbers(self) -> None:
        """Numbers belong to the account's domain; # is escaped, other dial signs are not (RFC 3261, 25.1)."""
        self.assertEqual(self.target("32"), "sip:32@acme.com")
        self.assertEqual(self.target("+55 (21) 5555-1234"), "sip:+552155551234@acme.com")
        self.assertEqual(self.target("*31#"), "sip:*31%23@acme.com")
        self.assertEqual(self.target("32", "acme.com", 5070), "sip:32@acme.com:5070")
        self.assertEqual(self.target("32", "acme.com", 5060), "sip:32@acme.com")
        self.assertEqual(self.target("32", "2001:db8::1"), "sip:32@[2001:db8::1]")

    def test_uris(self) -> None:
        """SIP and tel URIs, and user@host."""
        self.assertEqual(self.target("sip:32@other.org:5070"), "sip:32@other.org:5070")
        self.assertEqual(self.target("bob@other.org"), "sip:bob@other.org")
        self.assertEqual(self.target("tel:+55-21-5555"), "sip:+55215555@acme.com")
        self.assertEqual(self.target("sip:32@other.org;transport=tcp;user=phone"), "sip:32@other.org;user=phone")

    def test_injection(self) -> None:
        """What could end a header line, or add a header, is an invalid argument."""
        for text in (
            "32\r\nX: y", "32\nX: y", "sip:32@acme.com\r\nVia: x", "sip:32@acme.com?Replaces=x", "sip:a b\x00@acme.com",
            "sip:32@acme.com>;x=<sip:y", "sip:%0d%0aX:y@acme.com", "", " ", "sip:", "sip:@acme.com",
            "http://acme.com", "32@acme.com:99999", "bob", "32@-", "\u0661\u0662", "sip:32@acme.com;x=\u2028",
        ):  # fmt: skip
            self.assertRaises(InvalidArgument, self.target, text)


class ReadingTests(SynchronousTestCase):
    def test_bare(self) -> None:
        """Bare URIs have scheme, user, host and port, and nothing that is not printable ASCII."""
        for text, expected in (
            ("sip:bob@acme.com;user=phone", "sip:bob@acme.com"), ("sip:bob@acme.com:5060", "sip:bob@acme.com"),
            ("sip:bob@acme.com:5070?x=y", "sip:bob@acme.com:5070"), ("sip:acme.com", "sip:acme.com"),
            ("sip:bob:secret@acme.com", "sip:bob@acme.com"), ("sip:*31%23@acme.com", "sip:*31%23@acme.com"),
            ("sip:%e2%82%ac%0d%0a@acme.com", "sip:%E2%82%AC%0D%0A@acme.com"),
            ("sip:bob@[2001:db8::1]:5070", "sip:bob@[2001:db8::1]:5070"),
            ("sip:bob@acme com", "sip:bob@anonymous.invalid"), ("sip:b\udc80b@acme.com", "sip:b%80b@acme.com"),
        ):  # fmt: skip
            self.assertEqual(messages.bare(SipURL(text)), expected)

    def test_display_names(self) -> None:
        """Quotes and escapes go, control characters go, long names are cut."""
        for name, expected in (
            (None, None), ("", None), ("Bob", "Bob"), (" Bob ", "Bob"),
            ('Bob \\"B\\"', 'Bob "B"'), ('Bob \\"B\\" \\\\', 'Bob "B" \\'),
            ("B\x00o\x1bb", "Bob"), ("\x01", None), ("x" * 500, "x" * 128), ("b\udc80b", "bb"),
        ):  # fmt: skip
            self.assertEqual(messages.display_name(SipAddress(name=name, url=SipURL("sip:a@b"))), expected)

    def test_names_survive_the_wire(self) -> None:
        """A display name with quotes comes out as it went in."""
        request = messages.build_request(
            "OPTIONS", SipURL("sip:b@c"), sender=messages.named_address(SipURL("sip:a@b"), 'A \\c\r\nX: "b"'),
            sender_tag="t", to=messages.named_address(SipURL("sip:b@c")), to_tag=None, call_id="x", cseq=1,
            remote=Destination("127.0.0.1", 5060),
        )  # fmt: skip
        read = SipRequest(str(request))
        self.assertEqual(messages.display_name(read.getHFBody("from").getUri()), 'A \\cX: "b"')
        self.assertEqual(read.countHFs("x"), 0)

    def test_callable(self) -> None:
        """Only a sip URI with a transport that we have, a host and a possible port is something to send requests to."""
        for text, expected in (
            ("sip:a@b.c", True), ("sip:a@b.c;transport=UDP", True), ("sip:a@b.c;transport=tcp", True),
            ("sip:a@b.c;transport=sctp", False),
            ("sips:a@b.c", False), ("sip:a@b.c:0", False), ("sip:a@b.c:99999", False), ("sip:a@b c", False),
        ):  # fmt: skip
            self.assertEqual(messages.is_callable(SipURL(text)), expected, text)

    def test_description(self) -> None:
        """Only application/sdp is a description."""
        for content, expected in (("application/sdp", "v=0\r\n"), ("text/plain", None)):
            request = SipRequest(request_text("INVITE", body="v=0\r\n", content_type=content))
            self.assertEqual(messages.description_of(request), expected)
        self.assertIsNone(messages.description_of(SipRequest(request_text("INVITE"))))

    def test_verbatim_headers(self) -> None:
        """Headers that we add are written as given, whatever they hold."""
        response = messages.build_response(
            SipRequest(request_text()), 488, headers=(("Warning", '399 neon "a, b"'), ("Supported", ""))
        )
        self.assertIn('Warning: 399 neon "a, b"\r\nSupported: \r\n', str(response))
