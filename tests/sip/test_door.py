"""The SIP door: what is let in, what is answered at once, and what meets silence."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.logger import LogLevel, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from neon.sip.door import Admitted, Answer, Door, DoorPolicy
from neon.values import Address, Destination
from tests.sip.messages import PEER, request_text

STRANGER: Address = ("198.51.100.7", 5060)


class DoorCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.door = Door(DoorPolicy(trusted=lambda host, transport: host == PEER[0]), self.clock, "NEON/test")

    def judge(self, message: str | bytes, source: Address = PEER) -> str:
        """The verdict in words: C{admitted}, C{silence}, or the answer's status and reason."""
        data = message if isinstance(message, bytes) else message.encode("utf-8", "surrogateescape")
        verdict = self.door.judge(data, source)
        if verdict is None:
            return "silence"
        if isinstance(verdict, Admitted):
            return "admitted"
        self.answer = verdict.data.decode()
        return self.answer.partition("\r\n")[0].removeprefix("SIP/2.0 ")

    def envelope_text(self, message: str | bytes) -> str:
        verdict = self.door.judge(message if isinstance(message, bytes) else message.encode(), PEER)
        assert isinstance(verdict, Admitted)
        return verdict.envelope.text


class ForgedTests(DoorCase):
    def test_transport(self) -> None:
        """Whom we reach by TLS only opens no dialog by UDP or TCP: its address may be forged."""
        policy = DoorPolicy(trusted=lambda host, transport: host == PEER[0] and transport in (None, "tls"))
        self.door = Door(policy, self.clock, "NEON/test")
        self.assertEqual(self.judge(request_text("INVITE")), "silence")
        for transport, admitted in (("udp", False), ("tcp", False), ("tls", True)):
            verdict = self.door.judge(request_text("INVITE").encode(), Destination(*PEER, transport))
            self.assertEqual(isinstance(verdict, Admitted), admitted, transport)
        self.assertEqual(self.door.counters["stranger"], 3)


class SizeTests(DoorCase):
    def test_ordinary(self) -> None:
        """An ordinary request is let in."""
        self.assertEqual(self.judge(request_text()), "admitted")
        self.assertEqual(self.door.counters["bad"], 0)

    def test_datagram(self) -> None:
        """Under 32 octets and over 16 kB there is silence; at the limits there is not."""
        self.assertEqual(self.judge("OPTIONS sip:x SIP/2.0\r\n\r\n"), "silence")
        room = 16 * 1024 - len(request_text("MESSAGE", body="x", content_length="16000"))
        largest = request_text("MESSAGE", body="x" * (room + 1), content_length="16000")
        self.assertEqual(len(largest), 16 * 1024)
        self.assertEqual(self.judge(largest), "admitted")
        self.assertEqual(self.judge(largest + "x"), "silence")

    def test_headers(self) -> None:
        """64 header lines are let in, 65 are not; a line may have 2 kB."""
        lines = len(request_text().split("\r\n")) - 3
        full = tuple(f"X-{index}: y" for index in range(64 - lines))
        self.assertEqual(self.judge(request_text(extra=full)), "admitted")
        self.assertEqual(self.judge(request_text(extra=(*full, "X: y"))), "silence")
        self.assertEqual(self.judge(request_text(extra=("X: " + "y" * 2045,))), "admitted")
        self.assertEqual(self.judge(request_text(extra=("X: " + "y" * 2046,))), "400 Bad Request")
        self.assertEqual(self.judge(request_text(extra=("X: y", *[" " + "y" * 200] * 11))), "400 Bad Request")

    def test_vias_and_contacts(self) -> None:
        """Eight Vias and ten Contacts, in one line or many."""
        more = "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx"
        self.assertEqual(self.judge(request_text(extra=(more,) * 7)), "admitted")
        self.assertEqual(self.judge(request_text(extra=(more,) * 8)), "silence")
        self.assertEqual(self.judge(request_text(extra=(more + ", SIP/2.0/UDP 192.0.2.1" * 7,))), "silence")
        contacts = ", ".join(["<sip:a@192.0.2.1;x=1,2>"] * 10)
        self.assertEqual(self.judge(request_text(contact=contacts)), "admitted")
        self.assertEqual(self.judge(request_text(contact=contacts + ", <sip:b@192.0.2.1>")), "400 Bad Request")

    def test_lists_of_addresses(self) -> None:
        """Sixteen Routes, as many Record-Routes and the like; commas without anything between them count."""
        for name in ("Route", "Record-Route", "P-Asserted-Identity", "r"):
            routes = ", ".join(["<sip:192.0.2.1;lr>"] * 16)
            self.assertEqual(self.judge(request_text(extra=(f"{name}: {routes}",))), "admitted")
            self.assertEqual(self.judge(request_text(extra=(f"{name}: {routes}, <sip:b@c>",))), "400 Bad Request")
            self.assertEqual(self.judge(request_text(extra=(f"{name}: {',' * 1900}",))), "400 Bad Request")

    def test_first_line(self) -> None:
        """A request line has the length of any other line; what is longer is 414, and a long status line is dropped."""
        room = 2048 - len("OPTIONS sip: SIP/2.0")
        self.assertEqual(self.judge(request_text(uri="sip:" + "a" * room)), "admitted")
        self.assertEqual(self.judge(request_text(uri="sip:" + "a" * (room + 1))), "414 Request-URI Too Long")
        response = request_text().replace("OPTIONS sip:1000@127.0.0.1 SIP/2.0", "SIP/2.0 200 " + "a" * 3000)
        self.assertEqual(self.judge(response), "silence")

    def test_media_lines(self) -> None:
        """Sixteen media lines in SDP, no more."""
        self.assertEqual(self.judge(request_text("INVITE", body="v=0\r\n" + "m=x\r\n" * 16)), "admitted")
        self.assertEqual(self.judge(request_text("INVITE", body="v=0\r\n" + "m=x\r\n" * 17)), "400 Bad Request")


class ViaTests(DoorCase):
    def test_host_and_port(self) -> None:
        """A topmost Via without a well-formed host and a port from 1 to 65535 is dropped."""
        for sent_by in ("127.0.0.9:0", "127.0.0.9:65536", "127.0.0.9:99999999999", "127.0.0.9:", "127.0.0.9:x", ":5060",
                        "", "-", "a b", "[::1", "127.0.0.9:5060:5060", "exa$mple",
                        "[2001:db8:::1]", "[1.2.3.4.5]"):  # fmt: skip
            via = f"SIP/2.0/UDP {sent_by};branch=z9hG4bKx"
            self.assertEqual(self.judge(request_text(via=via)), "silence", sent_by)
        for sent_by in ("127.0.0.9:1", "127.0.0.9:65535", "host.example.test", "[2001:db8::1]:5060", "[::1]", "a : 7"):
            via = f"SIP/2.0/UDP {sent_by};branch=z9hG4bKx"
            self.assertEqual(self.judge(request_text(via=via)), "admitted", sent_by)

    def test_received_is_not_believed(self) -> None:
        """received and rport's value are stripped from the topmost Via and kept in the others."""
        via = "SIP/2.0/UDP a.test;received=192.0.2.1;rport=7;branch=z9hG4bKx, SIP/2.0/UDP b.test;received=192.0.2.2"
        text = self.envelope_text(request_text(via=via))
        self.assertIn("Via: SIP/2.0/UDP a.test;rport;branch=z9hG4bKx\r\n", text)
        self.assertIn("Via: SIP/2.0/UDP b.test;received=192.0.2.2\r\n", text)

    def test_no_via(self) -> None:
        """Without a Via nobody can be answered."""
        self.assertEqual(self.judge(request_text(without="via")), "silence")


class SilenceTests(DoorCase):
    def test_keep_alive(self) -> None:
        """Keep-alives are ignored without being counted."""
        for data in (b"\r\n\r\n", b"\r\n", b"\0" * 4, b""):
            self.assertEqual(self.judge(data), "silence")
        self.assertEqual(self.door.counters.total(), 0)

    def test_stun(self) -> None:
        """A STUN request is dropped."""
        self.assertEqual(self.judge(b"\0\1\0\0\x21\x12\xa4\x42" + bytes(40)), "silence")
        self.assertEqual(self.door.counters["bad"], 0)

    def test_strangers(self) -> None:
        """Whoever is not trusted can open no dialog and learns nothing: not by OPTIONS, nor by anything malformed."""
        for message in (
            request_text(), request_text("INVITE"), request_text("REGISTER"), request_text("INVITE", version="SIP/7.0"),
            request_text(cseq="1 INVITE"), request_text(without="to"), request_text(uri="tel:1"),
            request_text(extra=("Require: x",)), request_text(to="<sip:x@y>;tag=1", extra=("Require: x",)),
        ):  # fmt: skip
            self.assertEqual(self.judge(message, STRANGER), "silence", message)

    def test_strangers_in_dialog(self) -> None:
        """A request with a To tag may come from anywhere: a dialog's peer need not be the registrar."""
        self.assertEqual(self.judge(request_text("BYE", to="<sip:x@127.0.0.1>;tag=1"), STRANGER), "admitted")
        self.assertEqual(self.judge(request_text("BYE", to="<sip:x@127.0.0.1;tag=1>"), STRANGER), "silence")

    def test_direct_calls(self) -> None:
        """With direct calls switched on everybody is welcome, and is told what is wrong."""
        self.door = Door(DoorPolicy(direct_calls=True), self.clock, "x")
        self.assertEqual(self.judge(request_text("INVITE"), STRANGER), "admitted")
        self.assertEqual(self.judge(request_text(cseq="1 INVITE"), STRANGER), "400 Bad Request")

    def test_ack(self) -> None:
        """An ACK gets no answer, whatever is wrong with it."""
        for message in (request_text("ACK", cseq="1 BYE"), request_text("ACK", version="SIP/7.0"),
                        request_text("ACK", without="from"), request_text("ACK", uri="tel:1")):  # fmt: skip
            self.assertEqual(self.judge(message), "silence")


class RefusalTests(DoorCase):
    def test_malformed(self) -> None:
        """What a request must have, once and well formed: else 400."""
        wrong = {
            "no From": request_text(without="from"),
            "no To": request_text(without="to"),
            "no Call-ID": request_text(without="call-id"),
            "no CSeq": request_text(without="cseq"),
            "two From": request_text(extra=("From: <sip:a@b>",)),
            "two To": request_text(to="<sip:a@b>, <sip:c@d>"),
            "two Call-ID": request_text(extra=("i: x",)),
            "two CSeq": request_text(extra=("CSeq: 2 OPTIONS",)),
            "two Max-Forwards": request_text(extra=("Max-Forwards: 1",)),
            "two lengths": request_text(extra=("l: 5",)),
            "other method": request_text(cseq="1 INVITE"),
            "negative CSeq": request_text(cseq="-1 OPTIONS"),
            "large CSeq": request_text(cseq=f"{2**31} OPTIONS"),
            "Max-Forwards 256": request_text(max_forwards="256"),
            "Max-Forwards -1": request_text(max_forwards="-1"),
            "large Expires": request_text(expires=str(2**32)),
            "negative Expires": request_text(expires="-1"),
            "negative length": request_text(content_length="-1"),
            "short body": request_text("INVITE", body="v=0\r\n", content_length="6"),
            "empty Call-ID": request_text(call_id=""),
            "two words": request_text(call_id="a b"),
            "open quote": request_text(to='"Bob <sip:a@b>'),
            "no colon": request_text(extra=("Nonsense",)),
            "space in URI": request_text(uri="sip:a@b; lr"),
            "two spaces": request_text(uri=" sip:a@b"),
            "headers in URI": request_text(uri="sip:a@b?Route=%3Csip:c%3E"),
            "angle brackets": request_text(uri="<sip:a@b>"),
            "no scheme": request_text(uri="1000"),
            "three colons": request_text(uri="sip:a@[2001:db8:::1]"),
            "three colons without a user": request_text(uri="sip:[2001:db8:::1]:5060;lr"),
            "an open bracket": request_text(uri="sip:a@[2001:db8::1"),
        }
        for what, message in wrong.items():
            self.assertEqual(self.judge(message), "400 Bad Request", what)
        self.assertEqual(self.door.counters["bad"], len(wrong))

    def test_largest(self) -> None:
        """The largest numbers that are allowed are."""
        message = request_text(cseq=f"{2**31 - 1} OPTIONS", max_forwards="255", expires=str(2**32 - 1))
        self.assertEqual(self.judge(message), "admitted")

    def test_answer(self) -> None:
        """A stateless answer copies what RFC 3261, 8.2.6.2 says, adds a To tag, and is the same every time."""
        message = request_text(cseq="1 INVITE", via="SIP/2.0/UDP h.test;rport;branch=z9hG4bKx, SIP/2.0/TCP i.test")
        self.judge(message)
        first = self.answer
        lines = first.split("\r\n")
        self.assertEqual(lines[1], "Via: SIP/2.0/UDP h.test;branch=z9hG4bKx;received=127.0.0.9;rport=5080")
        self.assertEqual(lines[2], "Via: SIP/2.0/TCP i.test")
        self.assertEqual(lines[3], "From: <sip:bob@127.0.0.9>;tag=bob")
        self.assertTrue(lines[4].startswith("To: <sip:1000@127.0.0.1>;tag="))
        self.assertEqual(lines[5:7], ["Call-ID: call@127.0.0.9", "CSeq: 1 INVITE"])
        self.assertTrue(first.endswith("Content-Length: 0\r\n\r\n"))
        self.judge(message)
        self.assertEqual(self.answer, first)

    def test_version(self) -> None:
        """Another version of SIP is 505, in a message of version 2.0."""
        via = "SIP/7.0/UDP 127.0.0.9:5080;branch=z9hG4bKx"
        self.assertEqual(self.judge(request_text(version="SIP/7.0", via=via)), "505 Version Not Supported")

    def test_scheme(self) -> None:
        """A Request-URI that is not a SIP URI is 416."""
        for uri in ("tel:+551", "sips:a@b", "soap.beep://192.0.2.1:3002", "mailto:a@b", "unknown:x"):
            self.assertEqual(self.judge(request_text(uri=uri)), "416 Unsupported URI Scheme", uri)
        self.assertEqual(self.judge(request_text(uri="SIP:a@b")), "admitted")

    def test_require(self) -> None:
        """Extensions that we lack are 420 and named; CANCEL and ACK are exempt."""
        message = request_text("INVITE", extra=("Require: 100rel, replaces", "Require: x"))
        self.assertEqual(self.judge(message), "420 Bad Extension")
        self.assertIn("Unsupported: 100rel, replaces, x\r\n", self.answer)
        self.assertEqual(self.judge(request_text("CANCEL", extra=("Require: x",))), "admitted")
        self.assertEqual(self.judge(request_text("OPTIONS", extra=("Proxy-Require: x",))), "admitted")
        self.door = Door(DoorPolicy(direct_calls=True, supported=frozenset({"100rel"})), self.clock, "x")
        self.assertEqual(self.judge(request_text(extra=("Require: 100rel",))), "admitted")

    def test_body(self) -> None:
        """An INVITE's body must be SDP and plain (415 with Accept), and the caller must accept SDP (406)."""
        def invite(*extra: str, content_type: str = "application/sdp") -> str:
            return self.judge(request_text("INVITE", body="v=0\r\n", content_type=content_type, extra=extra))

        self.assertEqual(invite(content_type="text/plain"), "415 Unsupported Media Type")
        self.assertIn("Accept: application/sdp\r\n", self.answer)
        self.assertEqual(invite("e: gzip"), "415 Unsupported Media Type")
        self.assertEqual(invite("Accept: text/plain"), "406 Not Acceptable")
        self.assertEqual(invite("Accept: text/plain, application / SDP;level=1"), "admitted")
        self.assertEqual(invite(content_type="Application/SDP ; x=y"), "admitted")
        self.assertEqual(self.judge(request_text("MESSAGE", body="hi", content_type="text/plain")), "admitted")

    def test_max_forwards(self) -> None:
        """Max-Forwards 0 is 483, but OPTIONS is for us all the same (RFC 3261, section 11)."""
        self.assertEqual(self.judge(request_text("INVITE", max_forwards="0")), "483 Too Many Hops")
        self.assertEqual(self.judge(request_text("OPTIONS", max_forwards="0")), "admitted")


class CanonTests(DoorCase):
    def test_spelling(self) -> None:
        """Compact names, folding and white space are gone before the parser sees them."""
        message = (
            "OPTIONS sip:1000@127.0.0.1 SIP/2.0\r\n"
            "v : SIP / 2.0 /\r\n UDP\r\n\t127.0.0.9 : 5080 ;\r\n branch = z9hG4bKx\r\n"
            "t:<sip:a@b>\r\nf\t: <sip:c@d>;tag=1\r\ni:x\r\nCSEQ: 1\r\n  OPTIONS\r\n\r\n"
        )
        first, *lines = self.envelope_text(message).removesuffix("\r\n\r\n").split("\r\n")
        wanted = ["Via: SIP/2.0/UDP 127.0.0.9:5080;branch=z9hG4bKx", "to: <sip:a@b>", "from: <sip:c@d>;tag=1"]
        self.assertEqual(lines, [*wanted, "call-id: x", "cseq: 1 OPTIONS"])
        self.assertEqual(first, "OPTIONS sip:1000@127.0.0.1 SIP/2.0")

    def test_line_ends(self) -> None:
        """What Python takes for a line end, but SIP does not, starts no header of its own."""
        for trick in ("\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\r"):
            text = self.envelope_text(request_text(extra=(f"Subject: a{trick}Route: <sip:evil>",)))
            self.assertNotIn("route", [line.partition(":")[0].lower() for line in text.splitlines()], repr(trick))

    def test_not_utf8(self) -> None:
        """Octets that are no UTF-8 come through as they are."""
        message = request_text(extra=("Subject: \udcff\udc80",)).encode("utf-8", "surrogateescape")
        self.assertEqual(self.judge(message), "admitted")
        self.assertIn("\udcff\udc80", self.envelope_text(message))

    def test_trailing_octets(self) -> None:
        """What follows Content-Length octets is not read."""
        text = self.envelope_text(request_text() + request_text("INVITE"))
        self.assertNotIn("INVITE", text)

    def test_leading_lines(self) -> None:
        """Empty lines before the first line are skipped (RFC 3261, 7.5)."""
        self.assertEqual(self.judge("\r\n\r\n" + request_text()), "admitted")


class RateTests(DoorCase):
    def let_in(self, count: int, source: Address) -> int:
        in_dialog = request_text("BYE", to="<sip:x@127.0.0.1>;tag=1")
        return sum(self.judge(in_dialog, source) == "admitted" for _ in range(count))

    def test_one_source(self) -> None:
        """20 a second from one stranger, whatever its port; the bucket fills again."""
        self.assertEqual(self.let_in(15, STRANGER) + self.let_in(15, (STRANGER[0], 9999)), 20)
        self.clock.advance(0.5)
        self.assertEqual(self.let_in(30, STRANGER), 10)

    def test_all_sources(self) -> None:
        """100 a second from all strangers together."""
        self.assertEqual(sum(self.let_in(20, (f"198.51.100.{index}", 5060)) for index in range(1, 11)), 100)

    def test_known(self) -> None:
        """The trusted are not limited, nor is whom we have called; the latter may open no dialog for that."""
        self.assertEqual(self.let_in(200, PEER), 200)
        self.door.spoke_to(STRANGER[0])
        self.assertEqual(self.let_in(200, STRANGER), 200)
        self.assertEqual(self.judge(request_text("INVITE"), STRANGER), "silence")
        self.clock.advance(301)
        self.assertEqual(self.let_in(200, STRANGER), 20)

    def test_bounded(self) -> None:
        """Sources are forgotten rather than collected without end."""
        for index in range(3000):
            self.judge(b"x" * 40, (f"10.0.{index // 250}.{index % 250}", 5060))
        self.assertLessEqual(len(self.door._buckets), 1024)

    def test_one_line_a_second(self) -> None:
        """Bad input is counted, and logged once a second without what it said."""
        lines: list[str] = []

        def observe(event: dict[str, object]) -> None:
            if event["log_level"] is LogLevel.warn:
                lines.append(str(event))

        globalLogPublisher.addObserver(observe)  # type: ignore[arg-type]
        self.addCleanup(globalLogPublisher.removeObserver, observe)  # type: ignore[arg-type]
        for _ in range(50):
            self.judge(b"secret secret secret secret secret secret")
        self.assertEqual((len(lines), self.door.counters["bad"]), (1, 50))
        self.clock.advance(1)
        self.judge(b"secret secret secret secret secret secret")
        self.assertEqual(len(lines), 2)
        self.assertIn("'count': 50", lines[1])
        self.assertNotIn("secret", "".join(lines))


class AnswerTests(SynchronousTestCase):
    def test_answers_are_bytes(self) -> None:
        """An answer is ready for the wire, octets that were no UTF-8 included."""
        door = Door(DoorPolicy(direct_calls=True), Clock(), "x")
        message = request_text(cseq="1 BYE", call_id="\udcff@h").encode("utf-8", "surrogateescape")
        verdict = door.judge(message, PEER)
        assert isinstance(verdict, Answer)
        self.assertIn(b"Call-ID: \xff@h\r\n", verdict.data)
