"""Session timers (RFC 4028): asked for, agreed on, kept up by either side, and given up."""

from __future__ import annotations

from neon.sip.stack import CallSettings
from neon.sip.uac import UacCall
from tests.sip.calls import CONTACT, SDP, WITH_SDP, CallCase, Ear, WireCase
from tests.sip.messages import OURS, PEER, ack_text, request_text
from tests.sip.network import Datagram

BOB = ("127.0.0.2", 5060)
UPDATES = "Allow: INVITE, ACK, BYE, CANCEL, UPDATE"
FAR_END = "<sip:bob@example.org>;tag=far"


def lasting(seconds: int, refresher: str = "") -> str:
    return f"Session-Expires: {seconds}" + (f";refresher={refresher}" if refresher else "")


class CallerCase(WireCase):
    """Alice has called PEER."""

    def talk(self, *extra: str) -> tuple[UacCall, Ear]:
        call, ear = self.alice.call(PEER)
        self.respond(200, *extra, *WITH_SDP, body=SDP)
        return call, ear

    def requests(self, method: str) -> list[Datagram]:
        """Without retransmissions."""
        found: dict[str, Datagram] = {}
        for one in self.sent(method):
            found.setdefault(one.header("CSeq") or "", one)
        return list(found.values())

    def end(self, call: UacCall) -> None:
        call.hang_up()
        self.respond(200)
        self.assert_nothing_left()


class RefreshingTests(CallerCase):
    def test_asked_for(self) -> None:
        """The INVITE asks for half an hour and leaves open who refreshes."""
        self.alice.call(PEER)
        (invite,) = self.sent("INVITE")
        self.assertEqual((invite.header("Session-Expires"), invite.header("Min-SE")), ("1800", None))
        self.assertIn("timer", invite.header("Supported") or "")

    def test_update(self) -> None:
        """Who refreshes sends an UPDATE without a body at half of the time, where the far end serves it."""
        call, ear = self.talk(lasting(600, "uac"), UPDATES, "Require: timer")
        self.wait(299)
        self.assertEqual(self.requests("UPDATE"), [])
        self.wait(2)
        (update,) = self.requests("UPDATE")
        self.assertEqual(update.header("Session-Expires"), "600;refresher=uac")
        self.assertEqual(update.header("Content-Length"), "0")
        self.assertIn("Contact: <sip:alice@127.0.0.1", update.text)
        self.respond(200, CONTACT, lasting(600, "uac"), request=update)
        self.wait(301)
        self.assertEqual(len(self.requests("UPDATE")), 2)
        self.respond(200, CONTACT, lasting(600, "uac"), request=self.requests("UPDATE")[-1])
        self.assertEqual(ear.heard, ["answered"])
        self.end(call)

    def test_reinvite(self) -> None:
        """Without UPDATE the refresh is a re-INVITE that offers what was offered, in the same version."""
        call, ear = self.talk(lasting(600, "uac"))
        self.wait(301)
        first, refresh = self.requests("INVITE")
        self.assertEqual(refresh.text.partition("\r\n\r\n")[2], first.text.partition("\r\n\r\n")[2])
        self.respond(200, lasting(600, "uac"), *WITH_SDP, body=SDP, request=refresh)
        self.assertEqual(ear.heard, ["answered"])
        self.end(call)

    def test_update_not_served(self) -> None:
        """An UPDATE that is refused as unknown is followed by a re-INVITE at once, and not tried again."""
        call, _ = self.talk(lasting(600, "uac"), UPDATES)
        self.wait(301)
        self.respond(501, request=self.requests("UPDATE")[0])
        self.wait(0.1)
        self.respond(200, lasting(600, "uac"), *WITH_SDP, body=SDP, request=self.requests("INVITE")[-1])
        self.wait(301)
        self.assertEqual((len(self.requests("UPDATE")), len(self.requests("INVITE"))), (1, 3))
        self.respond(200, lasting(600, "uac"), *WITH_SDP, body=SDP, request=self.requests("INVITE")[-1])
        self.end(call)

    def test_news_in_the_answer(self) -> None:
        """A far end that moves its media in the answer to a refresh is heard."""
        call, ear = self.talk(lasting(600, "uac"))
        self.wait(301)
        self.respond(200, lasting(600, "uac"), *WITH_SDP, body=SDP.replace("7000", "7002"),
                     request=self.requests("INVITE")[-1])  # fmt: skip
        self.assertEqual(ear.heard, ["answered", "media changed"])
        self.end(call)

    def test_far_end_is_gone(self) -> None:
        """A refresh that nobody answers ends the call: BYE, and 408 (section 10)."""
        _, ear = self.talk(lasting(600, "uac"), UPDATES)
        self.wait(300 + 33)
        self.assertEqual(len(self.requests("BYE")), 1)
        self.respond(200, request=self.requests("BYE")[0])
        self.assertEqual(ear.heard, ["answered", "ended 408"])
        self.assert_nothing_left()

    def test_refresh_refused(self) -> None:
        """A refused refresh is tried again; if all are, the call ends before the session does."""
        _, ear = self.talk(lasting(600, "uac"), UPDATES)
        self.wait(301)
        self.respond(503, request=self.requests("UPDATE")[0])
        self.wait(11)
        self.assertEqual(len(self.requests("UPDATE")), 2)
        for _ in range(40):
            self.respond(503, request=self.requests("UPDATE")[-1])
            self.wait(10)
        self.assertEqual(len(self.requests("BYE")), 1)
        self.assertLess(self.requests("BYE")[0].at, 600)
        self.respond(200, request=self.requests("BYE")[0])
        self.assertEqual(ear.heard, ["answered", "ended 408"])
        self.assert_nothing_left()

    def test_refresh_too_brief(self) -> None:
        """422 to a refresh: at once again, with the interval that it names."""
        call, _ = self.talk(lasting(600, "uac"), UPDATES)
        self.wait(301)
        self.respond(422, "Min-SE: 900", request=self.requests("UPDATE")[0])
        self.wait(0.1)
        again = self.requests("UPDATE")[1]
        self.assertEqual((again.header("Session-Expires"), again.header("Min-SE")), ("900;refresher=uac", "900"))
        self.respond(200, CONTACT, lasting(900, "uac"), request=again)
        self.end(call)

    def test_hold_refreshes(self) -> None:
        """A hold says who refreshes, and begins the time anew."""
        call, _ = self.talk(lasting(600, "uac"), UPDATES)
        self.wait(250)
        call.hold(True)
        hold = self.requests("INVITE")[-1]
        self.assertEqual(hold.header("Session-Expires"), "600;refresher=uac")
        self.respond(200, lasting(600, "uac"), *WITH_SDP, body=SDP, request=hold)
        self.wait(290)
        self.assertEqual(self.requests("UPDATE"), [])
        self.end(call)

    def test_tiny_interval(self) -> None:
        """A far end cannot make us refresh more often than the least interval allows."""
        call, _ = self.talk(lasting(1, "uac"), UPDATES)
        self.wait(40)
        self.assertEqual(self.requests("UPDATE"), [])
        self.wait(6)
        self.respond(200, CONTACT, lasting(1, "uac"), request=self.requests("UPDATE")[0])
        self.end(call)


class WaitingTests(CallerCase):
    def test_nobody_refreshes(self) -> None:
        """The far end was to refresh and did not: BYE 32 s before the end, and 408."""
        _, ear = self.talk(lasting(600, "uas"), "Require: timer")
        self.wait(567)
        self.assertEqual(self.requests("BYE"), [])
        self.wait(2)
        self.respond(200, request=self.requests("BYE")[0])
        self.assertEqual(ear.heard, ["answered", "ended 408"])
        self.assert_nothing_left()

    def test_short_session(self) -> None:
        """A short session ends a third before its end."""
        self.talk(lasting(90, "uas"))
        self.wait(59)
        self.assertEqual(self.requests("BYE"), [])
        self.wait(2)
        self.assertEqual(len(self.requests("BYE")), 1)

    def test_refreshed(self) -> None:
        """The far end's UPDATE begins the time anew; our 200 repeats who refreshes."""
        _, ear = self.talk(lasting(600, "uas"), "Require: timer")
        self.wait(300)
        ours = self.sent("INVITE")[0]
        text = request_text(
            "UPDATE", via="SIP/2.0/UDP 127.0.0.9:5080;branch=z9hG4bKup", cseq="1 UPDATE", caller=FAR_END,
            call_id=ours.header("Call-ID") or "", to=ours.header("From") or "",
            extra=(lasting(600, "uac"), "Supported: timer"),
        )  # fmt: skip
        self.network.deliver(text, PEER, OURS)
        answer = self.network.sent[-1]
        self.assertEqual(answer.first_line, "SIP/2.0 200 OK")
        self.assertEqual((answer.header("Session-Expires"), answer.header("Require")), ("600;refresher=uac", "timer"))
        self.wait(500)
        self.assertEqual(self.requests("BYE"), [])
        self.wait(70)
        self.respond(200, request=self.requests("BYE")[0])
        self.assertEqual(ear.heard, ["answered", "ended 408"])
        self.assert_nothing_left()

    def test_no_timer(self) -> None:
        """A far end that says nothing of it has no session timer."""
        call, _ = self.talk()
        self.wait(3600)
        self.assertEqual((self.requests("BYE"), self.requests("UPDATE"), len(self.requests("INVITE"))), ([], [], 1))
        self.end(call)


class TooBriefTests(CallerCase):
    def test_again(self) -> None:
        """422: the INVITE again, with the interval that it names, under the next CSeq; the call goes on."""
        _, ear = self.alice.call(PEER)
        self.respond(422, "Min-SE: 3600")
        again = self.requests("INVITE")[1]
        self.assertEqual((again.header("CSeq"), again.header("Session-Expires"), again.header("Min-SE")),
                         ("2 INVITE", "3600", "3600"))  # fmt: skip
        self.respond(422, "Min-SE: 7200")
        self.respond(200, *WITH_SDP, body=SDP)
        self.assertEqual(ear.heard, ["answered"])

    def test_for_ever(self) -> None:
        """A far end that always wants more, or says nothing new, refuses the call."""
        _, ear = self.alice.call(PEER)
        for seconds in (2000, 3000, 4000, 5000):
            self.respond(422, f"Min-SE: {seconds}")
        self.assertEqual(ear.heard, ["ended 422"])
        _, ear = self.alice.call(PEER)
        self.respond(422, "Min-SE: 1800")
        self.assertEqual(ear.heard, ["ended 422"])
        self.assert_nothing_left()


class SilentCallerTests(CallerCase):
    settings = CallSettings(session_expires=0)

    def test_not_asked_for(self) -> None:
        """A setting of 0 asks for nothing, but keeps what the far end wants."""
        call, _ = self.talk(lasting(600, "uac"), UPDATES)
        self.assertIsNone(self.sent("INVITE")[0].header("Session-Expires"))
        self.wait(301)
        self.respond(200, CONTACT, request=self.requests("UPDATE")[0])
        self.end(call)


class CalleeTests(WireCase):
    """PEER calls Alice, who answers at once."""

    def setUp(self) -> None:
        super().setUp()
        self.alice.on_invitation = lambda call: call.accept()

    def accepted(self, *extra: str) -> Datagram:
        """PEER's INVITE; Alice's answer, acknowledged."""
        self.say("INVITE", body=SDP, extra=extra)
        answer = self.network.sent[-1]
        self.network.deliver(ack_text(answer), PEER, OURS)
        return answer

    def terms(self, *extra: str) -> tuple[str | None, str | None]:
        answer = self.accepted(*extra)
        return answer.header("Session-Expires"), answer.header("Require")

    def test_their_choice(self) -> None:
        """Who refreshes is as the caller says."""
        self.assertEqual(self.terms("Supported: timer", lasting(300, "uac")), ("300;refresher=uac", "timer"))
        self.wait(270)
        self.assertEqual(len(self.sent("BYE")) > 0, True)

    def test_our_choice(self) -> None:
        """Where the caller does not care, we refresh; here by a re-INVITE, as it serves no UPDATE."""
        self.assertEqual(self.terms("Supported: timer", lasting(300)), ("300;refresher=uas", "timer"))
        self.wait(151)
        refresh = self.sent("INVITE")[0]
        self.assertEqual(refresh.header("Session-Expires"), "300;refresher=uac")

    def test_compact(self) -> None:
        """The compact names mean the same."""
        self.assertEqual(self.terms("k: timer", "x: 300;refresher=uac"), ("300;refresher=uac", "timer"))

    def test_shorter(self) -> None:
        """What the caller asks for is made shorter, as far as it allows."""
        self.assertEqual(self.terms("Supported: timer", lasting(86400)), ("1800;refresher=uas", "timer"))

    def test_not_too_short(self) -> None:
        """Min-SE in the request is the least."""
        extra = ("Supported: timer", lasting(86400), "Min-SE: 7200")
        self.assertEqual(self.terms(*extra), ("7200;refresher=uas", "timer"))

    def test_by_a_proxy(self) -> None:
        """A header that a proxy added for a caller without session timers: we refresh, and require nothing."""
        self.assertEqual(self.terms(lasting(300)), ("300;refresher=uas", None))

    def test_for_whoever_can(self) -> None:
        """A caller that knows session timers and asks for none gets ours; one that does not gets none."""
        self.assertEqual(self.terms("Supported: timer"), ("1800;refresher=uas", "timer"))

    def test_for_others_not(self) -> None:
        """A caller that does not know session timers gets none."""
        self.assertEqual(self.terms(), (None, None))

    def test_too_brief(self) -> None:
        """Less than our least is 422 with Min-SE, before anybody's phone rings."""
        self.say("INVITE", body=SDP, extra=("Supported: timer", lasting(60)))
        answer = self.network.sent[-1]
        self.assertEqual(answer.first_line, "SIP/2.0 422 Session Interval Too Small")
        self.assertEqual(answer.header("Min-SE"), "90")
        self.assertEqual(self.alice.incoming, [])

    def test_too_brief_for_a_proxy(self) -> None:
        """A caller that does not know session timers could not ask for more: it gets the least."""
        self.assertEqual(self.terms(lasting(60)), ("90;refresher=uas", None))

    def test_nonsense(self) -> None:
        """What is no number is not there."""
        self.assertEqual(self.terms("Session-Expires: soon", "Session-Expires:"), (None, None))


class TwoPhonesTests(CallCase):
    settings = CallSettings(session_expires=90)

    def test_a_long_call(self) -> None:
        """Two phones talk for an hour, refreshed by UPDATE, and neither hears of it."""
        bob = self.side(BOB)
        bob.on_invitation = lambda call: call.accept()
        call, ear = self.alice.call(BOB)
        self.wait(3600)
        self.assertEqual((ear.heard, bob.ears[0].heard), (["answered"], ["answered"]))
        self.assertGreater(len(self.sent("UPDATE")), 70)
        call.hang_up()
        self.wait(1)
        self.assertEqual((ear.heard[-1], bob.ears[0].heard[-1]), ("ended 0", "ended 0"))
        self.assert_nothing_left()

    def test_cut_off(self) -> None:
        """When the network dies, both ends hang up by themselves."""
        bob = self.side(BOB)
        bob.on_invitation = lambda call: call.accept()
        _, ear = self.alice.call(BOB)
        self.wait(10)
        self.network.lost = lambda datagram: True
        self.wait(120)
        self.assertEqual((ear.heard[-1], bob.ears[0].heard[-1]), ("ended 408", "ended 408"))
        self.assert_nothing_left()
