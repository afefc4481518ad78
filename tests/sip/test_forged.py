"""Requests and answers that somebody made up, or that come again and again: in a call, the call goes on as it was."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from neon.values import Address
from tests.fuzz.target import PEER, SDP, Box
from tests.sip.messages import ack_text, request_text
from tests.sip.network import Datagram

STRANGER: Address = ("198.51.100.7", 5060)


class ForgedCase(SynchronousTestCase):
    """A call to us is up; C{say} is a request within it, or nearly."""

    def setUp(self) -> None:
        self.box = Box()
        self.words = self.box.arrange("call")
        self.addCleanup(self.box.close)
        self.addCleanup(self.box.settle)

    def say(
        self, method: str, cseq: int = 2, *, to_tag: str | None = None, from_tag: str = "bob", call: str | None = None,
        source: Address = PEER, extra: tuple[str, ...] = (), body: str = "",
    ) -> list[Datagram]:  # fmt: skip
        tag = self.words[b"$TAG"].decode() if to_tag is None else to_tag
        text = request_text(
            method, cseq=f"{cseq} {method}", to=f"<sip:1000@127.0.0.1>;tag={tag}", body=body, extra=extra,
            caller=f"<sip:bob@127.0.0.9>;tag={from_tag}", call_id=call or self.words[b"$CALL"].decode(),
            via=f"SIP/2.0/UDP 192.0.2.9:5070;branch=z9hG4bKf{cseq}{method}{to_tag}{from_tag}{source[0]}",
        )  # fmt: skip
        return self.box.receive(text.encode(), source)

    def statuses(self, sent: list[Datagram]) -> list[str]:
        return [one.first_line.split()[1] for one in sent]

    def is_up(self) -> bool:
        return self.box.agent.live_calls == 1


class TagTests(ForgedCase):
    def test_tags(self) -> None:
        """A BYE with either tag wrong is 481, and the call goes on; with both right it ends it."""
        self.assertEqual(self.statuses(self.say("BYE", to_tag="guessed")), ["481"])
        self.assertEqual(self.statuses(self.say("BYE", from_tag="mallory")), ["481"])
        self.assertTrue(self.is_up())
        self.assertEqual(self.statuses(self.say("BYE")), ["200"])
        self.assertFalse(self.is_up())

    def test_strangers(self) -> None:
        """From an address that nobody knows: silence for a dialog of somebody else's, 481 for guessed tags of ours."""
        self.assertEqual(self.say("BYE", call="not-ours", source=STRANGER), [])
        self.assertEqual(self.statuses(self.say("BYE", to_tag="guessed", source=STRANGER)), ["481"])
        self.assertTrue(self.is_up())

    def test_guessing(self) -> None:
        """Guessing tags goes at a stranger's rate: 20 a second, and answers as many."""
        answers = sum(len(self.say("BYE", number, to_tag="x", source=STRANGER)) for number in range(2, 1000))
        self.assertEqual(answers, 20)


class SequenceTests(ForgedCase):
    def test_old(self) -> None:
        """A request with a number that is not higher than the last is 500, and has no effect."""
        self.assertEqual(self.statuses(self.say("OPTIONS", 7)), ["200"])
        self.assertEqual(self.statuses(self.say("BYE", 7)), ["500"])
        self.assertEqual(self.statuses(self.say("BYE", 1)), ["500"])
        self.assertTrue(self.is_up())

    def test_no_wrap(self) -> None:
        """Numbers do not begin again after the highest (RFC 3261, section 8.1.1.5); beyond it they are 400."""
        self.assertEqual(self.statuses(self.say("OPTIONS", 2**31 - 1)), ["200"])
        self.assertEqual(self.statuses(self.say("BYE", 0)), ["500"])
        self.assertEqual(self.statuses(self.say("BYE", 2**31)), ["400"])
        self.assertTrue(self.is_up())

    def test_storm(self) -> None:
        """A request that comes a thousand times is one request: it has one effect and the same answer each time."""
        answers = {one.text for _ in range(1000) for one in self.say("OPTIONS")}
        self.assertEqual(len(answers), 1)
        self.assertEqual(self.box.endpoint.pending(), (0, 0))


class RouteTests(ForgedCase):
    def bye(self) -> Datagram:
        """Our BYE."""
        self.box.network.taken()
        self.box._calls[0].hang_up()
        [bye] = self.box.network.taken()
        self.box.receive(self.granted(bye))
        return bye

    def granted(self, request: Datagram) -> bytes:
        names = ("Via", "From", "To", "Call-ID", "CSeq")
        kept = [line for line in request.text.split("\r\n") if line.partition(":")[0] in names]
        return "\r\n".join(["SIP/2.0 200 OK", *kept, "Content-Length: 0", "", ""]).encode()

    def test_route_set_stays(self) -> None:
        """A re-INVITE's Record-Route does not change the way of our requests (RFC 3261, section 12.2)."""
        [answer] = self.say("INVITE", extra=("Record-Route: <sip:198.51.100.7;lr>",), body=SDP)
        self.assertIn(" 200 ", answer.first_line)
        self.box.receive(ack_text(answer).encode())
        bye = self.bye()
        self.assertIsNone(bye.header("Route"))
        self.assertEqual(bye.target[0], "127.0.0.9")  # the Contact's

    def test_route_of_a_request(self) -> None:
        """A Route in a request that came to us leads nowhere: we are no proxy."""
        [answer] = self.say("OPTIONS", extra=("Route: <sip:198.51.100.7;lr>",))
        self.assertEqual((answer.target, answer.first_line), (PEER, "SIP/2.0 200 OK"))

    def test_ignored(self) -> None:
        """Also, and a NOTIFY that wants the phone to restart, have no effect beyond a correct answer."""
        self.assertEqual(self.statuses(self.say("OPTIONS", extra=("Also: <sip:mallory@example.test>",))), ["200"])
        notify = request_text("NOTIFY", extra=("Event: check-sync;reboot=true", "Subscription-State: active"))
        self.assertEqual(self.statuses(self.box.receive(notify.encode())), ["481"])
        message = request_text("MESSAGE", body="hi", content_type="text/plain")
        self.assertEqual(self.statuses(self.box.receive(message.encode())), ["405"])
        self.assertTrue(self.is_up())


class ForkTests(SynchronousTestCase):
    """Our INVITE is out, and 200s come that nobody ever wanted."""

    def setUp(self) -> None:
        self.box = Box()
        self.words = self.box.arrange("calling")
        self.addCleanup(self.box.close)
        self.addCleanup(self.box.settle)

    def answer(self, tag: str) -> list[str]:
        """A 200 from the fork with this tag; what was sent because of it."""
        lines = [
            "SIP/2.0 200 OK", "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=$BRANCH",
            "From: <sip:1000@example.org>;tag=$TAG", f"To: <sip:bob@example.org>;tag={tag}", "Call-ID: $CALL",
            "CSeq: 1 INVITE", "Contact: <sip:bob@192.0.2.9:5070>", "Content-Type: application/sdp",
            f"Content-Length: {len(SDP)}", "", SDP,
        ]  # fmt: skip
        data = "\r\n".join(lines).encode()
        for word, meaning in self.words.items():
            data = data.replace(word, meaning)
        return [one.first_line.split()[0] for one in self.box.receive(data)]

    def test_again(self) -> None:
        """A second fork gets ACK and BYE; when its 200 comes again another ACK, and no second BYE."""
        self.assertEqual(self.answer("first"), ["ACK"])
        self.assertEqual(self.answer("second"), ["ACK", "BYE"])
        self.assertEqual([self.answer("second") for _ in range(3)], [["ACK"]] * 3)
        self.assertEqual(self.answer("first"), ["ACK"])

    def test_without_end(self) -> None:
        """Sixteen forks get their BYE; those of a proxy gone mad leave nothing behind."""
        self.answer("first")
        byes = [self.answer(f"fork{number}").count("BYE") for number in range(100)]
        self.assertEqual(sum(byes), 16)
        self.assertEqual(self.box.endpoint.pending(), (16, 0))
