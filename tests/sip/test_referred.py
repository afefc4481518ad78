"""Being transferred and replaced: REFER within a dialog, its NOTIFYs, and INVITE with Replaces (RFC 3515, RFC 3891)."""

from __future__ import annotations

from neon.details import ANSWERED_ELSEWHERE
from neon.sip.stack import CallSettings
from tests.sip.calls import SDP, CallCase
from tests.sip.messages import OURS, PEER
from tests.sip.network import Datagram
from tests.sip.test_uas import IncomingCase

REFER_TO = "Refer-To: <sip:33@example.org>"


class ReferredCase(IncomingCase):
    settings = CallSettings(takes_referrals=True)

    def setUp(self) -> None:
        super().setUp()
        self.talk()
        self.number = 10

    def refer(self, *headers: str) -> str:
        self.number += 1
        answer = self.in_dialog("REFER", self.number, extra=headers or (REFER_TO,))
        self.clock.advance(0)
        return answer

    @property
    def notified(self) -> list[Datagram]:
        return self.sent("NOTIFY")

    def fragments(self) -> list[str]:
        return [one.text.partition("\r\n\r\n")[2].strip() for one in self.notified]

    def answer_notify(self, status: int = 200) -> None:
        self.respond(status, request=self.notified[-1])

    @property
    def call(self) -> object:
        return self.alice.incoming[0]


class ReferTests(ReferredCase):
    def test_followed(self) -> None:
        """202, a NOTIFY at once, one for each step, and the last one ends the subscription."""
        self.assertEqual(self.refer(REFER_TO, "Referred-By: <sip:bob@example.org>"), "202 Accepted")
        self.answer_notify()
        ear = self.alice.ears[0]
        self.assertEqual(self.heard[-1], "referred sip:33@example.org")
        self.assertEqual(ear.wishes[0].headers, (("Referred-By", "<sip:bob@example.org>"),))
        self.assertEqual((ear.wishes[0].by, ear.wishes[0].replaces), ("sip:bob@example.org", False))
        for status, reason in ((180, "Ringing"), (180, "Ringing"), (200, "OK"), (486, "Busy Here")):
            self.alice.incoming[0].notify_referral(status, reason)
            self.answer_notify()
        self.assertEqual(self.fragments(), ["SIP/2.0 100 Trying", "SIP/2.0 180 Ringing", "SIP/2.0 200 OK"])
        states = [one.header("Subscription-State") for one in self.notified]
        self.assertEqual(states, ["active;expires=240", "active;expires=240", "terminated;reason=noresource"])
        self.assertEqual({one.header("Event") for one in self.notified}, {"refer"})
        self.assertEqual({one.header("Content-Type") for one in self.notified}, {"message/sipfrag;version=2.0"})

    def test_declined(self) -> None:
        """A no is told as 603; the next REFER is told apart by its number."""
        self.refer()
        self.alice.incoming[0].notify_referral(603, "")
        self.assertEqual(self.fragments()[-1], "SIP/2.0 603 Decline")
        self.assertEqual(self.notified[-1].header("Subscription-State"), "terminated;reason=rejected")
        self.assertEqual(self.refer(), "202 Accepted")
        self.assertEqual(self.notified[-1].header("Event"), f"refer;id={self.number}")

    def test_one_at_a_time(self) -> None:
        """A REFER while another one is followed is refused."""
        self.refer()
        self.assertEqual(self.refer(), "603 Decline")

    def test_attended(self) -> None:
        """Replaces in the Refer-To goes into our INVITE, and nothing else from there."""
        self.refer("Refer-To: <sip:33@10.0.0.1:5070;ob;method=INVITE?Replaces=a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2&X=1>")
        wish = self.alice.ears[0].wishes[0]
        self.assertEqual((wish.target, wish.replaces), ("sip:33@10.0.0.1:5070;ob", True))
        self.assertEqual(wish.headers, (("Replaces", "a@b;to-tag=1;from-tag=2"), ("Require", "replaces")))

    def test_malformed(self) -> None:
        """What cannot be followed is refused with its reason, and nobody hears of it."""
        for headers, answer in (
            (("X-Nothing: 1",), "400"),
            ((REFER_TO, REFER_TO), "400"),
            (("Refer-To: <http://example.org>",), "416"),
            (("Refer-To: <sip:33@example.org;method=BYE>",), "603"),
            (("Refer-To: <sip:33@exa mple.org>",), "400"),
            (("Refer-To: <sip:example.org>",), "400"),
            (("Refer-To: <sip:33@example.org?Replaces=nothing>",), "400"),
            (("Refer-To: <sip:33%0d%0aX@example.org>",), "400"),
        ):
            self.assertEqual(self.refer(*headers)[:3], answer, headers)
        self.assertEqual((self.alice.ears[0].wishes, self.notified), ([], []))

    def test_expires(self) -> None:
        """A call that neither succeeds nor fails is not followed for ever."""
        self.refer()
        self.answer_notify()
        self.wait(241)
        self.assertEqual(self.notified[-1].header("Subscription-State"), "terminated;reason=timeout")

    def test_not_wanted(self) -> None:
        """Who answers a NOTIFY with 481 hears no more."""
        self.refer()
        self.answer_notify(481)
        self.wait(0.1)
        self.alice.incoming[0].notify_referral(200, "OK")
        self.assertEqual(len(self.notified), 1)

    def test_call_ends(self) -> None:
        """With the call the telling ends, and nothing is left."""
        self.refer()
        self.answer_notify()
        self.in_dialog("BYE", 90)
        self.alice.incoming[0].notify_referral(200, "OK")
        self.assertEqual(len(self.notified), 1)
        self.assert_nothing_left()


class RefusedTests(IncomingCase):
    def test_by_default(self) -> None:
        """Without anybody's leave a REFER is refused, and the call goes on."""
        self.talk()
        self.assertEqual(self.in_dialog("REFER", extra=(REFER_TO,)), "603 Decline")
        self.assertEqual(self.alice.ears[0].wishes, [])
        self.assertEqual(self.heard, ["answered"])


class ReplacesTests(IncomingCase):
    """PEER calls again, in the place of a dialog of Alice's."""

    def replacing(self, *headers: str, number: int = 2) -> str:
        before = len(self.network.sent)
        self.say(
            "INVITE", body=SDP, extra=headers, call_id=f"other{number}@127.0.0.9",
            via=f"SIP/2.0/UDP 127.0.0.9:5080;rport;branch=z9hG4bKother{number}",
        )  # fmt: skip
        return next(iter(self.answers(before)), "silence")

    @property
    def tag(self) -> str:
        """Alice's tag in the call that is up."""
        return (self.last(200).header("To") or "").partition("tag=")[2]

    def replaces(self, to_tag: str, *, from_tag: str = "bob", call_id: str = "call@127.0.0.9", more: str = "") -> str:
        return f"Replaces: {call_id};from-tag={from_tag};to-tag={to_tag}{more}"

    def test_confirmed(self) -> None:
        """Whoever names a call that is up is taken, and its owner told which one it is."""
        self.talk()
        self.assertEqual(self.replacing(self.replaces(self.tag)), "200 OK")
        self.assertIs(self.alice.invitations[1].replaced, self.alice.incoming[0])

    def test_strangers(self) -> None:
        """Other tags, another Call-ID: no such call of ours (481). The tags are compared, both."""
        self.talk()
        tag = self.tag
        for number, header in enumerate((
            self.replaces("other"),
            self.replaces(tag, from_tag="other"),
            self.replaces(tag, call_id="x@127.0.0.9"),
            self.replaces(tag.upper() + "x"),
        ), 2):  # fmt: skip
            self.assertEqual(self.replacing(header, number=number), "481 Call/Transaction Does Not Exist", header)
        self.assertEqual(len(self.alice.invitations), 1)

    def test_early_only(self) -> None:
        """Whoever wants only a call that was not answered yet hears that it was (486)."""
        self.talk()
        self.assertEqual(self.replacing(self.replaces(self.tag, more=";early-only")), "486 Busy Here")

    def test_ended(self) -> None:
        """A call that has just ended cannot be replaced any more (603)."""
        self.talk()
        tag = self.tag
        self.in_dialog("BYE")
        self.assertEqual(self.replacing(self.replaces(tag)), "603 Decline")

    def test_ringing_here(self) -> None:
        """A call that rings here is not its caller's to replace (481)."""
        self.invite()
        tag = (self.last(180).header("To") or "").partition("tag=")[2]
        self.assertEqual(self.replacing(self.replaces(tag)), "481 Call/Transaction Does Not Exist")

    def test_malformed(self) -> None:
        """Twice, together with Join, or without tags: 400."""
        self.talk()
        good = self.replaces(self.tag)
        for number, headers in enumerate(((good, good), (good, "Join: a;to-tag=1;from-tag=2"), ("Replaces: a",)), 2):
            self.assertEqual(self.replacing(*headers, number=number)[:3], "400", headers)

    def test_ringing_there(self) -> None:
        """A call of ours that rings there can be picked up by whoever knows it."""
        _, ear = self.alice.call(PEER)
        ours = self.sent("INVITE")[-1]
        self.respond(180, "Contact: <sip:bob@127.0.0.9:5080>", tag="far", request=ours)
        tag = (ours.header("From") or "").partition("tag=")[2]
        header = self.replaces(tag, from_tag="far", call_id=ours.header("Call-ID") or "")
        self.assertEqual(self.replacing(header), "180 Ringing")
        self.assertIsNotNone(self.alice.invitations[0].replaced)
        self.assertEqual(ear.heard, ["ringing 180"])


class WaitingTests(CallCase):
    def test_call_waiting(self) -> None:
        """The caller of a waiting call hears so (RFC 7462)."""
        bob = self.side(PEER)
        self.alice.on_invitation = lambda call: call.ring(waiting=True)
        bob.call(OURS)
        self.wait()
        (ringing,) = [one for one in self.network.sent if " 180 " in one.first_line]
        self.assertEqual(ringing.header("Alert-Info"), "<urn:alert:service:call-waiting>")

    def test_diverted(self) -> None:
        """A 302 says from where the call was sent on, and why (RFC 5806)."""
        bob = self.side(PEER)
        self.alice.on_invitation = lambda call: call.deflect("sip:33@127.0.0.9", "user-busy")
        bob.call(OURS)
        self.wait()
        moved = next(one for one in self.network.sent if " 302 " in one.first_line)
        self.assertEqual(moved.header("Diversion"), "<sip:bob@example.org>;reason=user-busy;counter=1")


class ElsewhereTests(IncomingCase):
    def cancelled(self, *headers: str) -> str:
        """PEER calls and gives up; what its listener hears as the reason."""
        self.invite()
        self.say("CANCEL", extra=headers, cseq="1 CANCEL")
        cause = self.alice.ears[0].cause
        assert cause is not None
        self.assertEqual(cause.status, 487)
        return cause.reason

    def test_elsewhere(self) -> None:
        """A CANCEL that says so is no missed call (RFC 3326)."""
        self.assertEqual(self.cancelled('Reason: SIP;cause=200;text="Call completed elsewhere"'), ANSWERED_ELSEWHERE)

    def test_given_up(self) -> None:
        """Any other is."""
        self.assertEqual(self.cancelled("Reason: SIP;cause=487"), "Request Terminated")
