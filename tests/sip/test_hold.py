"""Our re-INVITEs: hold and resume, glare, challenges, failures (RFC 3261, section 14; RFC 3264, section 8.4)."""

from __future__ import annotations

from neon.sip.digest import DigestClient
from neon.sip.sdp import parse
from neon.sip.uac import UacCall
from neon.values import MediaDirection
from tests.sip.calls import CONTACT, HELD_SDP, SDP, WITH_SDP, CallCase, Ear, WireCase
from tests.sip.messages import OURS, PEER, ack_text, request_text
from tests.sip.network import Datagram

ALICE = ("127.0.0.1", 5060)
BOB = ("127.0.0.2", 5060)
CHALLENGE = 'Proxy-Authenticate: Digest realm="neon", nonce="one", qop="auth", algorithm=MD5'

FAR_END = "<sip:bob@example.org>;tag=far"
"""PEER in the dialogs of the calls that Alice made."""

SENDRECV, SENDONLY = MediaDirection.SENDRECV, MediaDirection.SENDONLY
RECVONLY, INACTIVE = MediaDirection.RECVONLY, MediaDirection.INACTIVE


def with_direction(direction: MediaDirection) -> str:
    return SDP + f"a={direction.value}\r\n"


def offered(invite: Datagram) -> MediaDirection:
    return parse(invite.text.partition("\r\n\r\n")[2]).media[0].direction


def version(message: Datagram) -> int:
    origin = next(line for line in message.text.split("\r\n") if line.startswith("o="))
    return int(origin.split()[2])


class HeldCase(WireCase):
    """Alice has called PEER, which answered."""

    def setUp(self) -> None:
        super().setUp()
        self.call, self.ear = self.talk()

    def talk(self) -> tuple[UacCall, Ear]:
        call, ear = self.alice.call(PEER)
        self.respond(200, *WITH_SDP, body=SDP)
        ear.heard.clear()
        return call, ear

    def reinvites(self) -> list[Datagram]:
        """Requests, not retransmissions."""
        found: dict[str, Datagram] = {}
        for one in self.sent("INVITE"):
            if ";tag=" in (one.header("To") or ""):
                found.setdefault(one.header("CSeq") or "", one)
        return list(found.values())

    def accept(self, direction: MediaDirection = RECVONLY) -> None:
        self.respond(200, *WITH_SDP, body=with_direction(direction))

    def hang_up(self) -> None:
        self.call.hang_up()
        self.respond(200)
        self.assert_nothing_left()


class HoldTests(HeldCase):
    def test_hold_and_resume(self) -> None:
        """sendonly and sendrecv in the dialog, ACKed, each a new version of one session; the call is kept."""
        self.call.hold(True)
        hold = self.reinvites()[-1]
        self.assertEqual(hold.first_line, "INVITE sip:bob@127.0.0.9:5080 SIP/2.0")
        self.assertEqual((hold.header("CSeq"), offered(hold)), ("2 INVITE", SENDONLY))
        self.assertEqual(version(hold), version(self.sent("INVITE")[0]) + 1)
        self.assertEqual(self.ear.heard, [])
        self.accept()
        self.assertEqual(self.ear.heard, ["hold answered"])
        self.assertEqual(self.ear.agreements[-1].direction, SENDONLY)
        self.assertEqual([one.header("CSeq") for one in self.sent("ACK")], ["1 ACK", "2 ACK"])
        self.call.hold(False)
        self.assertEqual((offered(self.reinvites()[-1]), version(self.reinvites()[-1])), (SENDRECV, version(hold) + 1))
        self.accept(SENDRECV)
        self.assertEqual(self.ear.heard, ["hold answered", "hold answered"])
        self.assertEqual(self.ear.agreements[-1].direction, SENDRECV)
        self.hang_up()

    def test_they_hold_too(self) -> None:
        """Who is on hold itself holds by "inactive"; they may listen again without ending our hold."""
        self.reinvite(2, HELD_SDP)
        self.call.hold(True)
        self.assertEqual(offered(self.reinvites()[-1]), INACTIVE)
        self.accept(INACTIVE)
        self.reinvite(3, SDP)
        self.assertEqual(self.ear.agreements[-1].direction, SENDONLY)
        self.call.hold(False)
        self.accept(SENDRECV)
        self.assertEqual(self.ear.agreements[-1].direction, SENDRECV)

    def test_old_hold_of_theirs(self) -> None:
        """c=0.0.0.0 says that they do not listen (RFC 3264, section 8.4)."""
        self.reinvite(2, SDP.replace("c=IN IP4 127.0.0.9", "c=IN IP4 0.0.0.0"))
        self.assertFalse(self.ear.agreements[-1].direction.sends)
        self.reinvite(3, SDP)
        self.assertEqual(self.ear.agreements[-1].direction, SENDRECV)

    def reinvite(self, number: int, body: str) -> None:
        """PEER's offer in the dialog, with its ACK; it has to be accepted."""
        ours = self.sent("INVITE")[0]
        text = request_text(
            "INVITE", body=body, via=f"SIP/2.0/UDP 127.0.0.9:5080;branch=z9hG4bKre{number}", cseq=f"{number} INVITE",
            call_id=ours.header("Call-ID") or "", to=ours.header("From") or "", caller=FAR_END,
        )  # fmt: skip
        self.network.deliver(text, PEER, OURS)
        answer = [one for one in self.network.sent if one.first_line.startswith("SIP/2.0") and one.source == OURS][-1]
        self.assertEqual(answer.first_line, "SIP/2.0 200 OK")
        ack = ack_text(answer, branch=f"z9hG4bKack{number}").replace("<sip:bob@127.0.0.9>;tag=bob", FAR_END)
        self.network.deliver(ack, PEER, OURS)

    def test_refused(self) -> None:
        """A refused re-INVITE leaves the session as it was: nothing told but the refusal, later offers as before."""
        for status in (488, 403, 415, 500, 603):
            self.ear.heard.clear()
            self.call.hold(True)
            self.respond(status)
            self.assertEqual(self.ear.heard, [f"hold refused {status}"])
        self.reinvite(2, SDP)
        self.assertEqual(self.ear.agreements[-1].direction, SENDRECV)
        self.hang_up()

    def test_no_answer(self) -> None:
        """A far end that does not answer keeps its call; after RFC 3261's 32 s the hold has failed."""
        self.call.hold(True)
        self.wait(33)
        self.assertEqual(self.ear.heard, ["hold refused 408"])
        self.hang_up()

    def test_only_trying(self) -> None:
        """One that only ever says 100 is cancelled."""
        self.call.hold(True)
        self.respond(100)
        self.wait(32.2)
        self.assertEqual(len(self.sent("CANCEL")), 1)
        self.respond(487, request=self.reinvites()[-1])
        self.assertEqual(self.ear.heard, ["hold refused 487"])

    def test_bad_answer(self) -> None:
        """An answer that is none is acknowledged and changes nothing."""
        self.call.hold(True)
        self.respond(200, CONTACT)
        self.assertEqual(self.ear.heard, ["hold refused 488"])
        self.assertEqual(len(self.sent("ACK")), 2)

    def test_no_dialog(self) -> None:
        """481: there is no call any more (RFC 3261, section 12.2.1.2)."""
        self.call.hold(True)
        self.respond(481)
        self.respond(481)
        self.assertEqual(self.ear.heard, ["ended 481"])
        self.assert_nothing_left()

    def test_hung_up_meanwhile(self) -> None:
        """A BYE does not wait for the re-INVITE, and its answer is heard by nobody."""
        self.call.hold(True)
        self.call.hang_up()
        self.respond(200)
        self.respond(487, request=self.reinvites()[-1])
        self.assertEqual(self.ear.heard, ["ended 0"])
        self.assert_nothing_left()

    def test_hung_up_after_trying(self) -> None:
        """Hanging up cancels a re-INVITE that got only provisional responses: it does not stay for minutes."""
        self.call.hold(True)
        self.respond(100)
        self.call.hang_up()
        self.respond(200)
        self.assertEqual([len(self.sent(method)) for method in ("CANCEL", "BYE")], [1, 1])
        self.assert_nothing_left()

    def test_hung_up_while_waiting(self) -> None:
        """After the end nothing is tried again."""
        self.call.hold(True)
        self.respond(491)
        self.hang_up()
        self.assertEqual(len(self.reinvites()), 1)

    def test_target_moves(self) -> None:
        """The Contact in the 200 is where the dialog goes on (section 12.2.1.2)."""
        self.call.hold(True)
        self.respond(200, CONTACT.replace("5080", "5090"), "Content-Type: application/sdp", body=SDP)
        self.call.hang_up()
        self.assertEqual(self.sent("BYE")[0].target, ("127.0.0.9", 5090))

    def test_after_the_end(self) -> None:
        """Holding what is over asks nothing of the network."""
        self.call.hang_up()
        self.call.hold(True)
        self.call.send_digit("1", 100)
        self.call.refer("sip:33@example.org")
        self.assertEqual((self.reinvites(), self.sent("INFO", "REFER")), ([], []))


class GlareTests(HeldCase):
    def test_glare(self) -> None:
        """491: tried again after 2.1 to 4 s by the owner of the Call-ID (section 14.1)."""
        self.call.hold(True)
        began = self.clock.seconds()
        self.respond(491)
        self.wait(1)
        self.wait(1)
        self.assertEqual(len(self.reinvites()), 1)
        self.wait(1)
        self.wait(1)
        self.wait(0.1)
        self.assertEqual(len(self.reinvites()), 2)
        self.assertTrue(2.1 <= self.reinvites()[1].at - began <= 4.02)
        self.assertEqual(offered(self.reinvites()[1]), SENDONLY)
        self.accept()
        self.assertEqual(self.ear.heard, ["hold answered"])

    def test_for_ever(self) -> None:
        """Glare without end is a refusal at some time."""
        self.call.hold(True)
        for _ in range(20):
            if self.ear.heard:
                break
            self.respond(491)
            self.wait(4.1)
        self.assertEqual(self.ear.heard, ["hold refused 491"])
        self.assertEqual(len(self.reinvites()), 8)

    def test_later(self) -> None:
        """500 with a short Retry-After is tried again then (section 14.2); a long one is a refusal."""
        self.call.hold(True)
        self.respond(500, "Retry-After: 3")
        self.wait(2.9)
        self.assertEqual(len(self.reinvites()), 1)
        self.wait(0.2)
        self.assertEqual(len(self.reinvites()), 2)
        self.respond(500, "Retry-After: 3600")
        self.assertEqual(self.ear.heard, ["hold refused 500"])

    def test_theirs_during_ours(self) -> None:
        """Their re-INVITE while ours is on its way gets 491; ours goes on."""
        self.call.hold(True)
        ours = self.sent("INVITE")[0]
        text = request_text(
            "INVITE", body=SDP, via="SIP/2.0/UDP 127.0.0.9:5080;branch=z9hG4bKglare", cseq="7 INVITE",
            call_id=ours.header("Call-ID") or "", to=ours.header("From") or "", caller=FAR_END,
        )  # fmt: skip
        self.network.deliver(text, PEER, OURS)
        self.assertIn(491, self.statuses(OURS))
        self.accept()
        self.assertEqual(self.ear.heard, ["hold answered"])


class CredentialTests(HeldCase):
    def talk(self) -> tuple[UacCall, Ear]:
        self.alice.digest = DigestClient("1000", "secret")
        return super().talk()

    def test_challenged(self) -> None:
        """407 is answered with credentials, under the next CSeq, with the same offer."""
        self.call.hold(True)
        self.respond(407, CHALLENGE)
        first, second = self.reinvites()
        self.assertIsNone(first.header("Proxy-Authorization"))
        self.assertIn('username="1000"', second.header("Proxy-Authorization") or "")
        self.assertEqual((second.header("CSeq"), offered(second)), ("3 INVITE", SENDONLY))
        self.assertEqual(version(second), version(first))
        self.accept()
        self.assertEqual(self.ear.heard, ["hold answered"])

    def test_wrong_password(self) -> None:
        """Credentials that are refused are a refused hold, not the end of the call."""
        self.call.hold(True)
        self.respond(407, CHALLENGE)
        self.respond(407, CHALLENGE.replace("one", "two"))
        self.assertEqual(self.ear.heard, ["hold refused 407"])


class RouteTests(WireCase):
    def test_acknowledged_by_the_proxy(self) -> None:
        """The ACK of a re-INVITE takes the dialog's route, though nobody recorded one again."""
        call, _ = self.alice.call(PEER)
        self.respond(200, *WITH_SDP, "Record-Route: <sip:127.0.0.9:5081;lr>", body=SDP)
        call.hold(True)
        hold = self.sent("INVITE")[-1]
        self.assertEqual((hold.target, hold.header("Route")), (("127.0.0.9", 5081), "<sip:127.0.0.9:5081;lr>"))
        self.respond(200, CONTACT.replace("5080", "5090"), "Content-Type: application/sdp", body=SDP)
        ack = self.sent("ACK")[-1]
        self.assertEqual(ack.target, ("127.0.0.9", 5081))
        self.assertEqual(ack.header("Route"), "<sip:127.0.0.9:5081;lr>")
        self.assertEqual(ack.first_line, "ACK sip:bob@127.0.0.9:5090 SIP/2.0")

    def test_strict_router(self) -> None:
        """A strict router finds itself in the ACK's Request-URI, as in the re-INVITE's."""
        call, _ = self.alice.call(PEER)
        self.respond(200, *WITH_SDP, "Record-Route: <sip:127.0.0.9:5081>", body=SDP)
        call.hold(True)
        hold = self.sent("INVITE")[-1]
        self.respond(200, *WITH_SDP, body=SDP)
        ack = self.sent("ACK")[-1]
        self.assertEqual(ack.first_line, "ACK sip:127.0.0.9:5081 SIP/2.0")
        self.assertEqual((ack.target, ack.header("Route")), (hold.target, hold.header("Route")))


class TwoPhonesTests(CallCase):
    def setUp(self) -> None:
        super().setUp()
        self.bob = self.side(BOB)
        self.bob.on_invitation = lambda call: call.accept()
        self.call, self.ear = self.alice.call(BOB)
        self.wait()

    def test_callee_holds(self) -> None:
        """The callee holds and resumes as well, and the caller hears of both."""
        self.bob.incoming[0].hold(True)
        self.wait()
        self.bob.incoming[0].hold(False)
        self.wait()
        self.assertEqual(self.bob.ears[0].heard, ["answered", "hold answered", "hold answered"])
        self.assertEqual(self.ear.heard[-2:], ["media changed", "media changed"])
        self.assertEqual([one.direction for one in self.ear.agreements], [SENDRECV, RECVONLY, SENDRECV])
        self.call.hang_up()
        self.assert_nothing_left()

    def test_both_at_once(self) -> None:
        """Two re-INVITEs that cross are both refused with 491, tried again at different times, and both succeed."""
        self.call.hold(True)
        self.bob.incoming[0].hold(True)
        self.wait()
        responses = [one.first_line for one in self.network.sent if one.first_line.startswith("SIP/2.0 491")]
        self.assertEqual(len(responses), 2)
        for _ in range(10):
            self.wait(1)
        self.assertEqual(self.ear.heard.count("hold answered"), 1)
        self.assertEqual(self.bob.ears[0].heard.count("hold answered"), 1)
        self.assertEqual(self.ear.agreements[-1].direction, INACTIVE)
        self.assertEqual(self.bob.ears[0].agreements[-1].direction, INACTIVE)
        self.call.hang_up()
        self.assert_nothing_left()

    def test_lost_messages(self) -> None:
        """Every message of a hold may be lost once."""
        lost: set[str] = set()

        def lose(datagram: Datagram) -> bool:
            kind = datagram.first_line.split()[0] + (datagram.header("CSeq") or "")
            new = kind not in lost
            lost.add(kind)
            return new

        self.network.lost = lose
        self.call.hold(True)
        for _ in range(5):
            self.wait(1)
        self.assertEqual(self.ear.heard[-1], "hold answered")
        self.assertEqual(self.bob.ears[0].heard[-1], "media changed")
        self.network.lost = lambda datagram: False
        self.call.hang_up()
        self.assert_nothing_left()
