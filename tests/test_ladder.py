"""What is kept of SIP messages, and what is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from neon import ladder
from neon.ladder import Conversation, Ladder
from neon.sip.envelope import Limits, read

PEER = ("192.0.2.7", 5060)
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)

SDP = (
    "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n"
    "m=audio 16384 RTP/SAVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
    "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:VerySecretKey\r\na=ice-pwd:IceSecret\r\na=sendonly\r\n"
    "m=video 9999 RTP/AVP 99\r\nc=IN IP4 198.51.100.1\r\na=rtpmap:99 H264/90000\r\na=inactive\r\n"
)


def message(
    start: str = "INVITE sip:32@sip.acme.com SIP/2.0",
    call_id: str = "abc",
    cseq: str = "1 INVITE",
    *more: str,
    to: str = "<sip:32@sip.acme.com>",
    body: str = "",
) -> str:
    head = [start, "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1", f"To: {to}", f"Call-ID: {call_id}", f"CSeq: {cseq}"]
    return "\r\n".join([*head, *more, "", body])


class LadderCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.now = NOON
        self.ladder = Ladder(lambda: self.now)

    def conversation(self, call_id: str = "abc") -> Conversation:
        found = self.ladder.call(call_id)
        assert found is not None
        return found

    def whats(self, call_id: str = "abc") -> list[str]:
        return [("-> " if step.sent else "<- ") + step.what for step in self.conversation(call_id).steps]


class RecordTests(LadderCase):
    def test_a_call(self) -> None:
        """Requests by method and URI, responses by status and reason, both ways, in order and with their times."""
        self.ladder.record("->", PEER, message())
        self.now += timedelta(seconds=0.5)
        self.ladder.record("<-", PEER, message("SIP/2.0 180 Ringing"))
        self.ladder.record("<-", PEER, message("SIP/2.0 486 Busy Here"))
        self.assertEqual(self.whats(), ["-> INVITE sip:32@sip.acme.com", "<- 180 Ringing", "<- 486 Busy Here"])
        first, second, _ = self.conversation().steps
        self.assertEqual((first.at, second.at), (NOON, NOON + timedelta(seconds=0.5)))
        self.assertEqual((first.peer, first.cseq), (PEER, "1 INVITE"))

    def test_taken_apart(self) -> None:
        """A message that the door has taken apart is described as its text would be."""
        sender = "From: <sip:9@h>"
        texts = (
            message("INVITE sip:32:pass@h SIP/2.0", "abc", "1 INVITE", sender, body=SDP),
            message("SIP/2.0 401 Unauthorized", "abc", "1 INVITE", sender, 'WWW-Authenticate: Digest realm="r"'),
            message("SIP/2.0 503", "abc", "2 INVITE", sender, "Retry-After: 5", "Retry-After: 6", 'Warning: 399 a "b"'),
            message("BYE sip:32@h SIP/2.0", "abc", "3  BYE", sender, "Authorization: Digest secret", "Reason: Q.850"),
            message("REGISTER sip:h SIP/2.0", "abc", "4 REGISTER", sender, "Expires: 60"),
            message("OPTIONS sip:h SIP/2.0", "abc", "5 OPTIONS", sender),
        )
        apart = Ladder(lambda: self.now)
        for text in texts:
            envelope = read(text.encode(), Limits())
            self.ladder.record("<-", PEER, str(envelope))
            apart.record("<-", PEER, envelope)
        self.assertEqual(apart.call("abc"), self.conversation())
        self.assertEqual(len(self.conversation().steps), 4)
        uri = "sip:32@sip.acme.com"
        self.assertEqual(apart.registration(uri), self.ladder.registration(uri))

    def test_short_names(self) -> None:
        """Compact header names, in any case and with spaces before the colon, are read too."""
        text = "BYE sip:1@h SIP/2.0\r\nT: <sip:2@h>\r\ni : short\r\ncseq:  2   BYE\r\n\r\n"
        self.ladder.record("<-", PEER, text)
        self.assertEqual(self.whats("short"), ["<- BYE sip:1@h"])
        self.assertEqual(self.conversation("short").steps[0].cseq, "2 BYE")

    def test_retransmissions(self) -> None:
        """A message that comes again is counted, not listed."""
        for _ in range(7):
            self.ladder.record("->", PEER, message())
        self.assertEqual(len(self.whats()), 1)
        self.assertEqual(self.conversation().steps[0].repeats, 6)

    def test_same_status_for_another_request(self) -> None:
        """The second 401 answers another request: it is no retransmission."""
        self.ladder.record("<-", PEER, message("SIP/2.0 401 Unauthorized", "abc", "1 INVITE"))
        self.ladder.record("<-", PEER, message("SIP/2.0 401 Unauthorized", "abc", "2 INVITE"))
        self.assertEqual(len(self.whats()), 2)

    def test_registrations(self) -> None:
        """REGISTERs are found by address of record, whatever their Call-ID, the default port or the host's case."""
        for call_id in ("one", "two"):
            self.ladder.record(
                "->", PEER, message("REGISTER sip:sip.acme.com SIP/2.0", call_id, f"{call_id} REGISTER",
                                    to="<sip:31@SIP.acme.com:5060>")
            )
        found = self.ladder.registration("sip:31@sip.acme.com")
        assert found is not None
        self.assertEqual(len(found.steps), 2)
        self.assertIsNone(self.ladder.call("one"))

    def test_options_leave_no_trace(self) -> None:
        """Keep-alives are many and say nothing."""
        self.ladder.record("<-", PEER, message("OPTIONS sip:1@h SIP/2.0", "ping", "1 OPTIONS"))
        self.ladder.record("->", PEER, message("SIP/2.0 200 OK", "ping", "1 OPTIONS"))
        self.assertIsNone(self.ladder.call("ping"))

    def test_notes(self) -> None:
        """What helps to understand is noted: who asks for a password, when to come back, why."""
        self.ladder.record(
            "<-", PEER,
            message("SIP/2.0 401 Unauthorized", "abc", "1 INVITE",
                    'WWW-Authenticate: Digest realm="acme", nonce="n0nce", algorithm=SHA-256', "Retry-After: 30",
                    'Warning: 399 acme "no credit"'),
        )
        self.assertEqual(
            self.conversation().steps[0].notes,
            ("asks for the password of acme (SHA-256)", "Retry-After: 30", 'Warning: 399 acme "no credit"'),
        )


class SecretTests(LadderCase):
    def everything(self) -> str:
        conversations = (*self.ladder._kept.values(), *self.ladder._others.values())
        return repr([conversation.steps for conversation in conversations])

    def test_credentials(self) -> None:
        """Of credentials only that there were some is kept."""
        for name in ("Authorization", "Proxy-Authorization", "AUTHORIZATION "):
            line = f'{name}: Digest username="31", realm="acme", nonce="n0nce", response="deadbeef"'
            self.ladder.record("->", PEER, message("INVITE sip:32@h SIP/2.0", "abc", f"{len(name)} INVITE", line))
        self.assertEqual(len(self.whats()), 3)
        for step in self.conversation().steps:
            self.assertEqual(step.notes, ("with credentials",))
        for secret in ("deadbeef", "n0nce", "Digest"):
            self.assertNotIn(secret, self.everything())

    def test_description(self) -> None:
        """Of a body the audio description is kept, without keys."""
        self.ladder.record("->", PEER, message(body=SDP))
        (step,) = self.conversation().steps
        self.assertEqual(step.notes, ("audio sendonly 192.0.2.9:16384: PCMA PCMU telephone-event",))
        for secret in ("VerySecretKey", "IceSecret", "crypto"):
            self.assertNotIn(secret, self.everything())

    def test_other_bodies(self) -> None:
        """Of any other body nothing is kept."""
        self.ladder.record("<-", PEER, message("MESSAGE sip:31@h SIP/2.0", "abc", "1 MESSAGE", body="a private word"))
        self.assertEqual(self.conversation().steps[0].notes, ())
        self.assertNotIn("private", self.everything())

    def test_uri(self) -> None:
        """A password or headers inside a URI are not kept."""
        self.ladder.record("->", PEER, message("INVITE sip:31:pass@h?Authorization=deadbeef SIP/2.0"))
        self.assertEqual(self.whats(), ["-> INVITE sip:31:(withheld)@h SIP/2.0".removesuffix(" SIP/2.0")])
        self.assertNotIn("deadbeef", self.everything())

    def test_terminals(self) -> None:
        """What the network says cannot move a terminal's cursor."""
        self.ladder.record("<-", PEER, message("SIP/2.0 486 Busy\x1b[2J\x07\u202e"))
        self.assertEqual(self.whats(), ["<- 486 Busy?[2J??"])

    @given(st.text(max_size=300), st.sampled_from(["->", "<-"]))
    def test_anything(self, text: str, direction: str) -> None:
        """No text makes it fail, with or without the fields it looks for."""
        one = Ladder()
        one.record(direction, PEER, text)
        one.record(direction, PEER, message(text, text, text, text, to=text, body=text))
        body = f"m=audio{text}\r\nc={text}\r\na=rtpmap:{text}"
        one.record(direction, PEER, message(call_id="x", body=body))
        self.assertEqual(self.flushLoggedErrors(), [])
        found = one.call("x")
        assert found is not None
        for step in found.steps:
            self.assertTrue(all(note.isprintable() for note in step.notes))


class FaultTests(LadderCase):
    def test_contained(self) -> None:
        """A fault of ours is logged, and the endpoint goes on."""

        def broken() -> datetime:
            raise RuntimeError("no time")

        Ladder(broken).record("->", PEER, message())
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)


class WaitingTests(SynchronousTestCase):
    """With a clock, so that a call's first messages do not wait for their description."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.now = NOON
        self.ladder = Ladder(lambda: self.now, clock=self.clock)

    def test_later(self) -> None:
        """A message is described a moment after it passed, with the time at which it did; then nothing runs."""
        self.ladder.record("->", PEER, message())
        self.assertEqual(len(self.ladder._others), 0)
        self.now += timedelta(seconds=1)
        self.clock.advance(ladder.WAIT)
        self.assertEqual([step.at for step in self.ladder._others["abc"].steps], [NOON])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_asked_before(self) -> None:
        """Whoever asks sees every message that has passed."""
        self.ladder.record("->", PEER, message())
        self.ladder.record("<-", PEER, message("SIP/2.0 180 Ringing"))
        found = self.ladder.call("abc")
        assert found is not None
        self.assertEqual(len(found.steps), 2)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_flood(self) -> None:
        """Few messages are kept whole, however many come at once."""
        for number in range(ladder.MAX_WAITING):
            self.assertLess(len(self.ladder._waiting), ladder.MAX_WAITING)
            self.ladder.record("<-", PEER, message(cseq=f"{number} INVITE"))
        self.assertEqual(len(self.ladder._waiting), 0)


class BoundTests(LadderCase):
    def test_a_long_call(self) -> None:
        """The first and the last messages of a call stay; those between are counted."""
        for number in range(200):
            self.ladder.record("->", PEER, message("INFO sip:32@h SIP/2.0", "abc", f"{number} INFO"))
        steps = self.conversation().steps
        self.assertEqual(len(steps), ladder.MAX_FIRST + ladder.MAX_LAST)
        self.assertEqual((steps[0].cseq, steps[-1].cseq), ("0 INFO", "199 INFO"))
        self.assertEqual(self.conversation().omitted, 200 - len(steps))

    def test_strangers_push_nothing_out(self) -> None:
        """However many strangers knock, a call of ours stays."""
        self.ladder.record("->", PEER, message())
        self.ladder.keep("abc")
        for number in range(5 * ladder.MAX_OTHERS):
            self.ladder.record("<-", PEER, message("INVITE sip:1@h SIP/2.0", f"stranger{number}"))
        self.assertEqual(len(self.whats()), 1)
        self.assertIsNone(self.ladder.call("stranger0"))
        self.assertLessEqual(len(self.ladder._others), ladder.MAX_OTHERS)

    def test_old_calls_go(self) -> None:
        """The oldest calls go first, and registrations stay."""
        self.ladder.record("->", PEER, message("REGISTER sip:h SIP/2.0", "r", "1 REGISTER", to="<sip:31@h>"))
        for number in range(2 * ladder.MAX_KEPT):
            self.ladder.keep(f"call{number}")
        self.assertIsNone(self.ladder.call("call0"))
        self.assertIsNotNone(self.ladder.call(f"call{2 * ladder.MAX_KEPT - 1}"))
        self.assertIsNotNone(self.ladder.registration("sip:31@h"))
        self.assertLessEqual(len(self.ladder._kept), ladder.MAX_KEPT)

    def test_kept_before_and_after(self) -> None:
        """What came before a call was known to be ours belongs to it, and so does what comes after."""
        self.ladder.record("<-", PEER, message())
        self.ladder.keep("abc")
        self.ladder.record("->", PEER, message("SIP/2.0 180 Ringing"))
        self.assertEqual(len(self.whats()), 2)
