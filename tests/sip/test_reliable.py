"""Provisional responses that are acknowledged (RFC 3262), with a far end that says what the test wants."""

from __future__ import annotations

from neon.sip.digest import DigestClient
from neon.sip.stack import CallSettings
from neon.values import ReliablePolicy
from tests.sip.calls import CONTACT, SDP, WITH_SDP, WireCase
from tests.sip.messages import OURS, PEER, ack_text, request_text
from tests.sip.network import Datagram

RELIABLE = ("Require: 100rel", "Allow: INVITE, ACK, BYE, CANCEL, UPDATE, PRACK")
CHALLENGE = 'Proxy-Authenticate: Digest realm="neon", nonce="one", qop="auth", algorithm=MD5'
FAR_END = "<sip:bob@example.org>;tag=far"


def moved(port: int) -> str:
    return SDP.replace("7000", str(port))


def body_of(message: Datagram) -> str:
    return message.text.partition("\r\n\r\n")[2]


class CallerTests(WireCase):
    """Alice calls PEER."""

    def reliably(self, number: int, *, status: int = 183, body: str = SDP, tag: str = "far") -> None:
        extra = (*RELIABLE, f"RSeq: {number}", *(WITH_SDP if body else (CONTACT,)))
        self.respond(status, *extra, body=body, tag=tag, request=self.sent("INVITE")[-1])

    def update(self, number: int, body: str = "") -> Datagram:
        """PEER's UPDATE in the early dialog; Alice's answer."""
        ours = self.sent("INVITE")[0]
        text = request_text(
            "UPDATE", body=body, via=f"SIP/2.0/UDP 127.0.0.9:5080;branch=z9hG4bKup{number}", cseq=f"{number} UPDATE",
            call_id=ours.header("Call-ID") or "", to=ours.header("From") or "", caller=FAR_END,
        )  # fmt: skip
        self.network.deliver(text, PEER, OURS)
        return self.network.sent[-1]

    def test_prack(self) -> None:
        """A reliable 183 gets a PRACK in its early dialog, with its RSeq and the INVITE's CSeq."""
        self.alice.call(PEER)
        self.assertIn("100rel", self.sent("INVITE")[0].header("Supported") or "")
        self.reliably(7)
        (prack,) = self.sent("PRACK")
        self.assertEqual(prack.first_line, "PRACK sip:bob@127.0.0.9:5080 SIP/2.0")
        self.assertEqual((prack.header("RAck"), prack.header("CSeq")), ("7 1 INVITE", "2 PRACK"))
        self.assertIn(";tag=far", prack.header("To") or "")
        self.assertIsNone(prack.header("Contact"))

    def test_repeated(self) -> None:
        """A retransmission is neither told again nor acknowledged by another PRACK."""
        _, ear = self.alice.call(PEER)
        self.reliably(7)
        self.respond(200, request=self.sent("PRACK")[0])
        self.reliably(7)
        self.assertEqual(len(self.sent("PRACK")), 1)
        self.assertEqual(ear.heard, ["ringing 183 with media"])

    def test_out_of_order(self) -> None:
        """One that comes before its turn does not count until it comes in its turn (section 4)."""
        _, ear = self.alice.call(PEER)
        self.reliably(7, status=180, body="")
        self.reliably(9)
        self.assertEqual(ear.heard, ["ringing 180"])
        self.reliably(8, status=181, body="")
        self.reliably(9)
        self.assertEqual(ear.heard, ["ringing 180", "ringing 181", "ringing 183 with media"])
        self.assertEqual([one.header("RAck") for one in self.sent("PRACK")],
                         ["7 1 INVITE", "8 1 INVITE", "9 1 INVITE"])  # fmt: skip

    def test_forks(self) -> None:
        """Every early dialog counts for itself; media are heard from whoever began them last."""
        _, ear = self.alice.call(PEER)
        self.reliably(7, tag="one")
        self.reliably(1, body=moved(7002), tag="two")
        self.assertEqual([one.header("RAck") for one in self.sent("PRACK")], ["7 1 INVITE", "1 1 INVITE"])
        self.assertEqual([agreement.remote[1] for agreement in ear.agreements], [7000, 7002])

    def test_without_end(self) -> None:
        """A far end that never stops gets sixty-four PRACKs, no more."""
        _, ear = self.alice.call(PEER)
        for number in range(1, 100):
            self.reliably(number, status=180, body="")
        self.assertEqual((len(self.sent("PRACK")), len(ear.heard)), (64, 64))

    def test_unreadable(self) -> None:
        """A response that requires 100rel without an RSeq that is one is an ordinary one."""
        _, ear = self.alice.call(PEER)
        for number in ("RSeq: 0", "RSeq: 4294967296", "RSeq: one", "X-RSeq: 1"):
            self.respond(180, *RELIABLE, number, CONTACT)
        self.assertEqual(self.sent("PRACK"), [])
        self.assertEqual(ear.heard, ["ringing 180"] * 4)

    def test_without_a_tag(self) -> None:
        """A provisional response without a To tag makes no dialog: it rings, and there is nothing to acknowledge."""
        _, ear = self.alice.call(PEER)
        invite = self.sent("INVITE")[0]
        kept = "\r\n".join(line for line in invite.text.split("\r\n")
                           if line.partition(":")[0] in ("Via", "From", "To", "Call-ID", "CSeq"))  # fmt: skip
        for extra in ("", "Require: 100rel\r\nRSeq: 1\r\n"):
            text = f"SIP/2.0 180 Ringing\r\n{kept}\r\n{extra}Content-Length: 0\r\n\r\n"
            self.network.deliver(text, PEER, OURS)
        self.assertEqual(ear.heard, ["ringing 180", "ringing 180"])
        self.assertEqual(self.sent("PRACK"), [])

    def test_answer_in_the_183(self) -> None:
        """A 200 without a description is the end of a call whose answer came reliably; the BYE's CSeq goes on."""
        call, ear = self.alice.call(PEER)
        self.reliably(7)
        self.respond(200, request=self.sent("PRACK")[0])
        self.respond(200, CONTACT, request=self.sent("INVITE")[0])
        self.assertEqual(ear.heard, ["ringing 183 with media", "answered"])
        self.assertEqual(self.sent("ACK")[0].header("CSeq"), "1 ACK")
        call.hang_up()
        self.assertEqual(self.sent("BYE")[0].header("CSeq"), "3 BYE")
        self.respond(200)
        self.assert_nothing_left()

    def test_update_before_the_answer(self) -> None:
        """After a reliable answer an UPDATE moves the early media; the 200's repetition of the old answer does not."""
        call, ear = self.alice.call(PEER)
        self.reliably(7)
        self.respond(200, request=self.sent("PRACK")[0])
        answer = self.update(1, moved(7004))
        self.assertEqual(answer.first_line, "SIP/2.0 200 OK")
        self.assertIn("m=audio 20000", body_of(answer))
        self.assertEqual(ear.heard, ["ringing 183 with media", "media changed"])
        self.respond(200, *WITH_SDP, body=SDP, request=self.sent("INVITE")[0])
        self.assertEqual([agreement.remote[1] for agreement in ear.agreements], [7000, 7004, 7004])
        call.hang_up()
        self.respond(200)
        self.assert_nothing_left()

    def test_update_too_early(self) -> None:
        """While the INVITE's offer has no reliable answer, an offer in an UPDATE is 491; without one it is taken."""
        _, ear = self.alice.call(PEER)
        self.respond(183, *WITH_SDP, body=SDP)
        self.assertEqual(self.update(1, moved(7004)).first_line, "SIP/2.0 491 Request Pending")
        self.assertEqual(self.update(2).first_line, "SIP/2.0 200 OK")
        self.assertEqual(ear.heard, ["ringing 183 with media"])

    def test_challenged_prack(self) -> None:
        """A PRACK that is challenged is sent again with credentials, under the next CSeq."""
        self.alice.digest = DigestClient("1000", "secret")
        self.alice.call(PEER)
        self.reliably(7)
        self.respond(407, CHALLENGE, request=self.sent("PRACK")[0])
        again = self.sent("PRACK")[1]
        self.assertEqual((again.header("CSeq"), again.header("RAck")), ("3 PRACK", "7 1 INVITE"))
        self.assertIn('realm="neon"', again.header("Proxy-Authorization") or "")

    def test_invite_again(self) -> None:
        """An INVITE that is sent again after a PRACK has a higher CSeq than that."""
        self.alice.digest = DigestClient("1000", "secret")
        self.alice.call(PEER)
        self.reliably(7)
        self.respond(200, request=self.sent("PRACK")[0])
        self.respond(407, CHALLENGE, request=self.sent("INVITE")[0])
        self.assertEqual(self.sent("INVITE")[1].header("CSeq"), "3 INVITE")


class RequiringCallerTests(WireCase):
    settings = CallSettings(reliable=ReliablePolicy.REQUIRED)

    def test_require(self) -> None:
        """Who insists on 100rel says so."""
        self.alice.call(PEER)
        self.assertEqual(self.sent("INVITE")[0].header("Require"), "100rel")


class DecliningCallerTests(WireCase):
    settings = CallSettings(reliable=ReliablePolicy.NO)

    def test_not_supported(self) -> None:
        """Who wants no 100rel does not say that it is supported."""
        self.alice.call(PEER)
        self.assertNotIn("100rel", self.sent("INVITE")[0].header("Supported") or "")

    def test_required_of_us(self) -> None:
        """A caller that requires it hears 420."""
        self.say("INVITE", body=SDP, extra=("Require: 100rel",))
        self.assertEqual(self.statuses(OURS), [420])


class CalleeCase(WireCase):
    """PEER calls Alice."""

    def invite(self, *extra: str, body: str = SDP) -> None:
        self.say("INVITE", body=body, extra=extra)

    def last(self, status: int) -> Datagram:
        return [one for one in self.network.sent if one.first_line.startswith(f"SIP/2.0 {status} ")][-1]

    def prack(self, number: int, *, rack: str | None = None, body: str = "") -> str:
        """PEER acknowledges the last 180, or what C{rack} says; Alice's answer."""
        ringing = self.last(180)
        rack = rack or f"{ringing.header('RSeq')} 1 INVITE"
        before = len(self.network.sent)
        self.say(
            "PRACK", body=body, extra=(f"RAck: {rack}",), cseq=f"{number} PRACK", to=ringing.header("To") or "",
            via=f"SIP/2.0/UDP 127.0.0.9:5080;branch=z9hG4bKprack{number}",
        )  # fmt: skip
        return self.answers(before)[0]

    def update(self, number: int, body: str = "") -> Datagram:
        self.say(
            "UPDATE", body=body, cseq=f"{number} UPDATE", to=self.last(180).header("To") or "",
            via=f"SIP/2.0/UDP 127.0.0.9:5080;branch=z9hG4bKupdate{number}",
        )  # fmt: skip
        return self.network.sent[-1]

    def ack(self) -> None:
        self.network.deliver(ack_text(self.last(200)), PEER, OURS)

    @property
    def heard(self) -> list[str]:
        return self.alice.ears[0].heard


class CalleeTests(CalleeCase):
    def test_ringing(self) -> None:
        """Who requires it hears 180 again and again, at 0.5, 1, 2... s, until the PRACK, and then no more."""
        self.invite("Require: 100rel")
        ringing = self.last(180)
        self.assertEqual(ringing.header("Require"), "100rel")
        self.assertTrue(0 < int(ringing.header("RSeq") or "0") < 1 << 31)
        self.wait(4)
        times = [one.at for one in self.network.sent if " 180 " in one.first_line]
        self.assertEqual([round(at, 1) for at in times], [0, 0.5, 1.5, 3.5])
        self.assertEqual(self.prack(2), "200 OK")
        self.wait(10)
        self.assertEqual(len([one for one in self.network.sent if " 180 " in one.first_line]), 4)
        self.alice.incoming[0].accept()
        self.ack()
        self.assertEqual(self.heard, ["answered"])

    def test_wrong_prack(self) -> None:
        """A PRACK for another response, INVITE or method is 481, and so is a second one."""
        self.invite("Require: 100rel")
        number = int(self.last(180).header("RSeq") or "0")
        for count, rack in enumerate((f"{number + 1} 1 INVITE", f"{number} 2 INVITE", f"{number} 1 UPDATE", "x")):
            self.assertEqual(self.prack(2 + count, rack=rack), "481 Call/Transaction Does Not Exist")
        self.assertEqual(self.prack(8), "200 OK")
        self.assertEqual(self.prack(9), "481 Call/Transaction Does Not Exist")

    def test_never_acknowledged(self) -> None:
        """No PRACK for 32 s: the INVITE is refused with 504, and the user hears why."""
        self.invite("Require: 100rel")
        self.wait(33)
        self.assertEqual(self.last(504).header("CSeq"), "1 INVITE")
        self.assertEqual(self.heard, ["ended 504"])
        self.assert_nothing_left()

    def test_answered_at_once(self) -> None:
        """A 200 does not wait for the PRACK of a 180 without a description; the PRACK is answered all the same."""
        self.invite("Require: 100rel")
        self.alice.incoming[0].accept()
        self.assertIn("m=audio", body_of(self.last(200)))
        self.assertEqual(self.prack(2), "200 OK")
        self.wait(0.6)
        self.assertEqual(len([one for one in self.network.sent if " 180 " in one.first_line]), 1)

    def test_offer_in_the_180(self) -> None:
        """An INVITE without an offer has ours in the reliable 180, its answer comes in the PRACK, the 200 has none."""
        self.invite("Require: 100rel", body="")
        self.assertIn("m=audio 20000", body_of(self.last(180)))
        self.alice.incoming[0].accept()
        self.assertEqual(self.answers(), ["180 Ringing"])  # the answer is missing
        self.assertEqual(self.prack(2, body=SDP), "200 OK")
        (accepted,) = [one for one in self.network.sent if one.first_line == "SIP/2.0 200 OK"
                       and one.header("CSeq") == "1 INVITE"]  # fmt: skip
        self.assertEqual(body_of(accepted), "")
        self.network.deliver(ack_text(accepted), PEER, OURS)
        self.assertEqual(self.heard, ["answered"])
        self.assertEqual(self.alice.ears[0].agreements[0].remote, ("127.0.0.9", 7000))

    def test_no_answer_in_the_prack(self) -> None:
        """A PRACK that owes an answer and has none ends the call with 488."""
        self.invite("Require: 100rel", body="")
        self.assertEqual(self.prack(2), "200 OK")
        self.assertEqual(self.last(488).header("CSeq"), "1 INVITE")
        self.network.deliver(ack_text(self.last(488)), PEER, OURS)
        self.wait()
        self.assertEqual(self.heard, ["ended 488"])
        self.assert_nothing_left()

    def test_offer_in_the_prack(self) -> None:
        """When the first exchange is done, the PRACK of a later 180 may have an offer, which its 200 answers."""
        self.invite("Require: 100rel", body="")
        self.alice.incoming[0].ring()
        first = self.last(180).header("RSeq")
        self.assertEqual(self.prack(2, body=SDP), "200 OK")
        self.assertEqual(int(self.last(180).header("RSeq") or "0"), int(first or "0") + 1)
        self.assertEqual(self.prack(3, body=moved(7004)), "200 OK")
        self.assertIn("m=audio 20000", body_of(self.network.sent[-1]))
        self.alice.incoming[0].accept()
        self.network.deliver(ack_text(self.network.sent[-1]), PEER, OURS)
        self.assertEqual(self.alice.ears[0].agreements[-1].remote, ("127.0.0.9", 7004))

    def test_offers_before_the_answer(self) -> None:
        """UPDATE in the early dialog: an offer is 500 with a time, as our answer is missing; else it is taken."""
        self.invite("Require: 100rel")
        self.prack(2)
        refused = self.update(3, SDP)
        self.assertEqual(refused.first_line, "SIP/2.0 500 Server Internal Error")
        self.assertEqual(refused.header("Retry-After"), "1")
        self.assertEqual(self.update(4).first_line, "SIP/2.0 200 OK")

    def test_offer_while_ours_waits(self) -> None:
        """UPDATE with an offer while ours waits for the PRACK is 491 (RFC 3311, section 5.2)."""
        self.invite("Require: 100rel", body="")
        self.assertEqual(self.update(2, SDP).first_line, "SIP/2.0 491 Request Pending")

    def test_cancelled(self) -> None:
        """A CANCEL ends the repetition."""
        self.invite("Require: 100rel")
        self.say("CANCEL", cseq="1 CANCEL")
        self.assertEqual(self.heard, ["ended 487"])
        self.network.deliver(ack_text(self.last(487)), PEER, OURS)
        self.assert_nothing_left()

    def test_merely_supported(self) -> None:
        """Who only can gets ordinary responses, unless the setting prefers the others."""
        self.invite("Supported: 100rel")
        self.assertIsNone(self.last(180).header("RSeq"))


class PreferringCalleeTests(CalleeCase):
    settings = CallSettings(reliable=ReliablePolicy.PREFERRED)

    def test_supported(self) -> None:
        """Where it is preferred, a caller that can gets reliable responses, and one that cannot the ordinary ones."""
        self.invite("Supported: timer, 100rel")
        self.assertIsNotNone(self.last(180).header("RSeq"))
        self.say("INVITE", body=SDP, call_id="other", via="SIP/2.0/UDP 127.0.0.9:5080;branch=z9hG4bKother")
        self.assertIsNone(self.last(180).header("RSeq"))


class RequiringCalleeTests(CalleeCase):
    settings = CallSettings(reliable=ReliablePolicy.REQUIRED)

    def test_not_supported(self) -> None:
        """Where it is required, a caller that cannot hears 421, and nobody's phone rings."""
        self.invite()
        self.assertEqual(self.last(421).header("Require"), "100rel")
        self.assertEqual(self.alice.incoming, [])
