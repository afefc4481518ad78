"""UPDATE and moved addresses: sessions that change after they began, in both directions (RFC 3311)."""

from __future__ import annotations

from sippy.SipURL import SipURL

from neon.sip.uac import UacCall
from neon.values import Destination, MediaDirection
from tests.sip.calls import CONTACT, HELD_SDP, SDP, VIDEO_SDP, WITH_SDP, CallCase, Ear, WireCase
from tests.sip.messages import OURS, PEER, request_text
from tests.sip.network import Datagram

BOB = ("127.0.0.2", 5060)
UPDATES = "Allow: INVITE, ACK, BYE, CANCEL, UPDATE"
FAR_END = "<sip:bob@example.org>;tag=far"
NEW = SipURL(username="alice", host="127.0.0.77", port=5077)


def moved(contact: SipURL, peer: Destination) -> SipURL:
    return NEW


class ModificationCase(WireCase):
    """Alice calls PEER."""

    def talk(self) -> tuple[UacCall, Ear]:
        call, ear = self.alice.call(PEER)
        self.respond(200, *WITH_SDP, UPDATES, body=SDP)
        ear.heard.clear()
        return call, ear

    def asked(self, method: str, number: int, *extra: str, body: str = "", **headers: str) -> Datagram:
        """PEER's request in the dialog; Alice's answer."""
        ours = self.sent("INVITE")[0]
        text = request_text(
            method, body=body, via=f"SIP/2.0/UDP 127.0.0.9:5080;branch=z9hG4bKup{number}", cseq=f"{number} {method}",
            call_id=ours.header("Call-ID") or "", to=ours.header("From") or "", caller=FAR_END, extra=extra, **headers,
        )  # fmt: skip
        self.network.deliver(text, PEER, OURS)
        return self.network.sent[-1]


class TheirUpdateTests(ModificationCase):
    def test_new_media(self) -> None:
        """An offer in an UPDATE is answered in its 200 and told; there is no ACK."""
        call, ear = self.talk()
        answer = self.asked("UPDATE", 1, body=SDP.replace("7000", "7002"))
        self.assertEqual(answer.first_line, "SIP/2.0 200 OK")
        self.assertIn("m=audio 20000 RTP/AVP", answer.text)
        self.assertIn("Contact: <sip:alice@127.0.0.1", answer.text)
        self.assertIn("UPDATE", answer.header("Allow") or "")
        self.assertEqual((ear.heard, ear.agreements[-1].remote[1]), (["media changed"], 7002))
        call.hang_up()
        self.respond(200)
        self.assert_nothing_left()

    def test_hold(self) -> None:
        """A hold by UPDATE is a hold."""
        _, ear = self.talk()
        self.asked("UPDATE", 1, body=HELD_SDP)
        self.assertEqual(ear.agreements[-1].direction, MediaDirection.RECVONLY)

    def test_new_contact(self) -> None:
        """An UPDATE without a body moves the remote target and changes no media."""
        call, ear = self.talk()
        self.asked("UPDATE", 1, contact="<sip:bob@127.0.0.8:5090>")
        self.assertEqual(ear.heard, [])
        call.hang_up()
        self.assertEqual(self.sent("BYE")[0].target, ("127.0.0.8", 5090))

    def test_unusable(self) -> None:
        """An offer that cannot be taken is 488, another body 415; the session and the target stay."""
        call, ear = self.talk()
        contact = "<sip:bob@127.0.0.8:5090>"
        self.assertIn(" 488 ", self.asked("UPDATE", 1, body=VIDEO_SDP, contact=contact).first_line)
        refused = self.asked("UPDATE", 2, body="<x/>", content_type="application/xml", contact=contact)
        self.assertIn(" 415 ", refused.first_line)
        self.assertEqual(refused.header("Accept"), "application/sdp")
        self.assertEqual(ear.heard, [])
        call.hang_up()
        self.assertEqual(self.sent("BYE")[0].target, PEER)

    def test_glare(self) -> None:
        """While our re-INVITE is on its way, their offer is 491; a mere sign of life is not."""
        call, _ = self.talk()
        call.hold(True)
        self.assertIn(" 491 ", self.asked("UPDATE", 1, body=SDP).first_line)
        self.assertIn(" 200 ", self.asked("UPDATE", 2).first_line)
        self.respond(200, *WITH_SDP, body=SDP, request=self.sent("INVITE")[-1])
        self.assertIn(" 200 ", self.asked("UPDATE", 3, body=SDP).first_line)

    def test_offer_wanted(self) -> None:
        """After a re-INVITE without a body our offer waits for the ACK: an offer before that is 491."""
        self.talk()
        self.assertIn(" 200 ", self.asked("INVITE", 1).first_line)
        self.assertIn(" 491 ", self.asked("UPDATE", 2, body=SDP).first_line)

    def test_after_our_bye(self) -> None:
        """An UPDATE that crosses our BYE changes nothing."""
        call, ear = self.talk()
        call.hang_up()
        self.assertIn(" 500 ", self.asked("UPDATE", 1, body=SDP).first_line)
        self.assertEqual(ear.heard, [])


class RelocationTests(ModificationCase):
    def test_call_that_is_up(self) -> None:
        """A new address of ours goes out in a re-INVITE: the Contact, and where our audio is."""
        call, ear = self.talk()
        call.relocate(moved)
        again = self.sent("INVITE")[-1]
        self.assertEqual(again.header("CSeq"), "2 INVITE")
        self.assertIn("Contact: <sip:alice@127.0.0.77:5077>", again.text)
        self.assertIn("m=audio 20000", again.text)
        self.respond(200, *WITH_SDP, body=SDP, request=again)
        self.assertEqual(ear.heard, [])
        call.hang_up()
        self.respond(200)
        self.assert_nothing_left()

    def test_refused(self) -> None:
        """A far end that refuses it keeps its call."""
        call, ear = self.talk()
        call.relocate(moved)
        self.respond(500, request=self.sent("INVITE")[-1])
        call.hold(True)
        self.assertEqual(self.sent("INVITE")[-1].header("CSeq"), "3 INVITE")
        self.assertEqual(ear.heard, [])

    def test_while_holding(self) -> None:
        """Changes leave one after the other: the move waits for the hold, and keeps it."""
        call, ear = self.talk()
        call.hold(True)
        call.relocate(moved)
        self.assertEqual(self.sent("INVITE")[-1].header("CSeq"), "2 INVITE")
        self.respond(200, *WITH_SDP, body=SDP + "a=recvonly\r\n", request=self.sent("INVITE")[-1])
        again = self.sent("INVITE")[-1]
        self.assertEqual(again.header("CSeq"), "3 INVITE")
        self.assertIn("a=sendonly", again.text)
        self.respond(200, *WITH_SDP, body=SDP + "a=recvonly\r\n", request=again)
        self.assertEqual(ear.heard, ["hold answered"])

    def test_before_the_answer(self) -> None:
        """In an early dialog only UPDATE can say it; media are spoken of if their first exchange was reliable."""
        call, ear = self.alice.call(PEER)
        invite = self.sent("INVITE")[0]
        self.respond(183, UPDATES, *WITH_SDP, body=SDP, tag="one")
        self.respond(183, UPDATES, "Require: 100rel", "RSeq: 1", *WITH_SDP, body=SDP, tag="two")
        self.respond(180, CONTACT, tag="three")
        call.relocate(moved)
        self.assertEqual(len(self.sent("UPDATE")), 1)
        self.respond(200, CONTACT, request=self.sent("UPDATE")[0])
        first, second = self.sent("UPDATE")
        self.assertEqual((first.header("Content-Length"), "m=audio 20000" in second.text), ("0", True))
        for update in (first, second):
            self.assertIn("Contact: <sip:alice@127.0.0.77:5077>", update.text)
        self.respond(200, *WITH_SDP, body=SDP.replace("7000", "7002"), request=second)
        self.respond(200, *WITH_SDP, body=SDP, tag="two", request=invite)
        self.assertEqual([agreement.remote[1] for agreement in ear.agreements], [7000, 7000, 7002, 7002])
        self.assertEqual(ear.heard[-1], "answered")

    def test_early_update_refused(self) -> None:
        """An UPDATE that is refused before the answer leaves the call as it is; no re-INVITE can follow it."""
        call, ear = self.alice.call(PEER)
        self.respond(180, UPDATES, CONTACT)
        call.relocate(moved)
        self.respond(501, request=self.sent("UPDATE")[0])
        self.wait(1)
        self.assertEqual((len(self.sent("INVITE")), ear.heard), (1, ["ringing 180"]))

    def test_lost_fork(self) -> None:
        """An early dialog that is gone (481) takes nothing with it: the others ring on."""
        call, ear = self.alice.call(PEER)
        self.respond(180, UPDATES, CONTACT, tag="one")
        self.respond(180, UPDATES, CONTACT, tag="two")
        call.relocate(moved)
        self.respond(481, request=self.sent("UPDATE")[0])
        self.respond(200, CONTACT, request=self.sent("UPDATE")[1])
        self.assertEqual((self.sent("CANCEL"), ear.heard), ([], ["ringing 180", "ringing 180"]))

    def test_while_it_rings_here(self) -> None:
        """An incoming call that rings says it by UPDATE where the caller serves that."""
        self.say("INVITE", body=SDP, extra=(UPDATES,))
        session = self.alice.incoming[0]
        session.relocate(moved)  # type: ignore[attr-defined]
        (update,) = self.sent("UPDATE")
        self.assertEqual((update.header("Content-Length"), update.target), ("0", PEER))
        self.respond(200, "Contact: <sip:bob@127.0.0.9:5080>", request=update)
        session.accept()
        self.assertIn("Contact: <sip:alice@127.0.0.77:5077>", self.network.sent[-1].text)

    def test_nothing_new(self) -> None:
        """A caller who knows already where we are is told nothing, neither while it rings nor afterwards."""
        self.say("INVITE", body=SDP, extra=(UPDATES,))
        session = self.alice.incoming[0]
        session.relocate(lambda contact, peer: contact)  # type: ignore[attr-defined]
        session.accept()
        session.relocate(lambda contact, peer: contact)  # type: ignore[attr-defined]
        self.wait()
        self.assertEqual((self.sent("UPDATE"), self.sent("INVITE")), ([], []))


class TwoPhonesTests(CallCase):
    def test_both_move(self) -> None:
        """Both ends move at the same time; both re-INVITEs succeed after the glare."""
        bob = self.side(BOB)
        bob.on_invitation = lambda call: call.accept()
        call, ear = self.alice.call(BOB)
        self.wait()
        call.relocate(lambda contact, peer: SipURL(username="al", host=OURS[0], port=OURS[1]))
        bob.incoming[0].relocate(  # type: ignore[attr-defined]
            lambda contact, peer: SipURL(username="bo", host=BOB[0], port=BOB[1])
        )
        self.wait(10)
        self.assertIn(491, self.statuses(OURS) + self.statuses(BOB))
        self.assertGreaterEqual(len({one.header("CSeq") for one in self.sent("ACK", to=BOB)}), 2)
        call.hang_up()
        self.wait()
        self.assertEqual(ear.heard, ["answered", "media changed", "ended 0"])
        self.assert_nothing_left()
