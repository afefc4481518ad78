"""Transfers from our side: REFER and its NOTIFYs, Replaces, and 302 (RFC 3515, RFC 3891, RFC 3261 section 8.3)."""

from __future__ import annotations

from urllib.parse import unquote

from sippy.SipURL import SipURL

from neon.sip.digest import DigestClient
from tests.sip.calls import SDP, WITH_SDP, CallCase
from tests.sip.messages import OURS, PEER, request_text
from tests.sip.network import Datagram
from tests.sip.test_hold import CHALLENGE, FAR_END, HeldCase

TARGET = "sip:33@example.org"
BOB = ("127.0.0.2", 5060)
CAROL = ("127.0.0.3", 5060)


class ReferCase(HeldCase):
    def setUp(self) -> None:
        super().setUp()
        self._number = 100

    @property
    def refer(self) -> Datagram:
        return self.sent("REFER")[-1]

    def notify(
        self, body: str = "SIP/2.0 200 OK\r\n", *, state: str = "active;expires=60", event: str = "refer",
        kind: str = "message/sipfrag;version=2.0",
    ) -> int:  # fmt: skip
        """PEER's NOTIFY; what it was answered with."""
        self._number += 1
        ours = self.sent("INVITE")[0]
        text = request_text(
            "NOTIFY", body=body, cseq=f"{self._number} NOTIFY", caller=FAR_END,
            via=f"SIP/2.0/UDP 127.0.0.9:5080;branch=z9hG4bKnotify{self._number}",
            call_id=ours.header("Call-ID") or "", to=ours.header("From") or "", content_type=kind,
            extra=(f"Event: {event}", f"Subscription-State: {state}"),
        )  # fmt: skip
        self.network.deliver(text, PEER, OURS)
        self.clock.advance(0)
        return self.statuses(OURS)[-1]


class ReferTests(ReferCase):
    def test_success(self) -> None:
        """REFER with Refer-To and Referred-By in the dialog, 202, progress, and the outcome, told once."""
        self.call.refer(TARGET)
        refer = self.refer
        self.assertEqual(refer.first_line, "REFER sip:bob@127.0.0.9:5080 SIP/2.0")
        self.assertEqual(refer.header("Refer-To"), f"<{TARGET}>")
        self.assertEqual(refer.header("Referred-By"), "<sip:1000@example.org>")
        self.assertIn("tag=far", refer.header("To") or "")
        self.respond(202, request=refer)
        self.assertEqual(self.notify("SIP/2.0 100 Trying\r\n"), 200)
        self.assertEqual(self.notify("SIP/2.0 180 Ringing\r\n"), 200)
        self.assertEqual(self.ear.heard, [])
        self.assertEqual(self.notify(state="terminated;reason=noresource"), 200)
        self.assertEqual(self.ear.heard, ["transferred"])
        self.assertEqual(self.notify(state="terminated;reason=noresource"), 481)
        self.assertEqual(self.ear.heard, ["transferred"])
        self.hang_up()

    def test_overtaken(self) -> None:
        """A NOTIFY may come before the 202 (RFC 3515, section 2.4.4)."""
        self.call.refer(TARGET)
        self.assertEqual(self.notify(), 200)
        self.respond(202, request=self.refer)
        self.wait(40)
        self.assertEqual(self.ear.heard, ["transferred"])

    def test_failure(self) -> None:
        """The new party's refusal comes with its status; the call is still there, and may be referred again."""
        self.call.refer(TARGET)
        self.respond(202, request=self.refer)
        self.notify("SIP/2.0 486 Busy Here\r\n", state="terminated;reason=noresource")
        self.assertEqual(self.ear.heard, ["transfer failed 486"])
        self.call.refer(TARGET)
        self.respond(202, request=self.refer)
        self.notify()
        self.assertEqual(self.ear.heard, ["transfer failed 486", "transferred"])
        self.hang_up()

    def test_refused(self) -> None:
        """A REFER that is refused is a failed transfer."""
        for status in (405, 603, 481):
            self.ear.heard.clear()
            self.call.refer(TARGET)
            self.respond(status, request=self.refer)
            self.clock.advance(0)
            self.assertEqual(self.ear.heard, [f"transfer failed {status}"])

    def test_silence(self) -> None:
        """A far end that accepts and says nothing for 32 s has done it."""
        self.call.refer(TARGET)
        self.respond(202, request=self.refer)
        self.wait(31.9)
        self.assertEqual(self.ear.heard, [])
        self.wait(0.2)
        self.assertEqual(self.ear.heard, ["transferred"])

    def test_no_answer(self) -> None:
        """A REFER that nobody answers is a failure."""
        self.call.refer(TARGET)
        self.wait(33)
        self.assertEqual(self.ear.heard, ["transfer failed 408"])

    def test_progress_without_end(self) -> None:
        """A subscription that lapses without an outcome is a failure, and so is one that ends without."""
        self.call.refer(TARGET)
        self.respond(202, request=self.refer)
        self.notify("SIP/2.0 100 Trying\r\n", state="active;expires=20")
        self.wait(19.9)
        self.assertEqual(self.ear.heard, [])
        self.wait(0.2)
        self.assertEqual(self.ear.heard, ["transfer failed 408"])
        self.call.refer(TARGET)
        self.respond(202, request=self.refer)
        self.notify("SIP/2.0 100 Trying\r\n", state="terminated;reason=giveup")
        self.assertEqual(self.ear.heard, ["transfer failed 408", "transfer failed 0"])

    def test_other_news(self) -> None:
        """Other packages are 489, other subscriptions 481, and what is no status line tells nothing."""
        self.assertEqual(self.notify(), 481)
        self.call.refer(TARGET)
        number = (self.refer.header("CSeq") or "").split()[0]
        self.assertEqual(self.notify(event="presence"), 489)
        self.assertEqual(self.notify(event="refer;id=4711"), 481)
        for body, kind in (
            ("SIP/2.0 2xx OK", "message/sipfrag"), ("SIP/2.0 200 OK", "text/plain"), ("", "message/sipfrag"),
            ("SIP/3.0 200 OK", "message/sipfrag"), ("SIP/2.0 999 What", "message/sipfrag"),
        ):  # fmt: skip
            self.assertEqual(self.notify(body, kind=kind), 200, body)
        self.assertEqual(self.ear.heard, [])
        self.assertEqual(self.notify(event=f"Refer; id={number}", kind="Message/SIPfrag"), 200)
        self.assertEqual(self.ear.heard, ["transferred"])

    def test_hung_up_meanwhile(self) -> None:
        """After the end nothing is told."""
        self.call.refer(TARGET)
        self.respond(202, request=self.refer)
        self.call.hang_up()
        self.assertEqual(self.notify(), 481)
        self.respond(200, request=self.sent("BYE")[0])
        self.assertEqual(self.ear.heard, ["ended 0"])
        self.assert_nothing_left()

    def test_far_end_leaves(self) -> None:
        """A BYE before the outcome is the end of the call, and no success."""
        self.call.refer(TARGET)
        self.respond(202, request=self.refer)
        ours = self.sent("INVITE")[0]
        text = request_text(
            "BYE", cseq="500 BYE", caller=FAR_END, via="SIP/2.0/UDP 127.0.0.9:5080;branch=z9hG4bKbye",
            call_id=ours.header("Call-ID") or "", to=ours.header("From") or "",
        )  # fmt: skip
        self.network.deliver(text, PEER, OURS)
        self.assertEqual(self.ear.heard, ["ended 0"])
        self.assert_nothing_left()

    def test_challenged(self) -> None:
        """407 is answered with credentials; the NOTIFYs belong to either REFER."""
        self.alice.digest = DigestClient("1000", "secret")
        self.call, self.ear = self.talk()
        self.call.refer(TARGET)
        self.respond(407, CHALLENGE, request=self.refer)
        self.assertIn('username="1000"', self.refer.header("Proxy-Authorization") or "")
        self.assertEqual(self.refer.header("Refer-To"), f"<{TARGET}>")
        self.respond(202, request=self.refer)
        self.assertEqual(self.ear.heard, [])

    def test_attended(self) -> None:
        """The Refer-To names the other far end's Contact and, escaped, our dialog with it, its tag first."""
        other, _ = self.alice.call(PEER)
        self.respond(200, "Contact: <sip:carol@127.0.0.9:5088;ob>", WITH_SDP[1], tag="carol", body=SDP)
        self.call.refer(TARGET, other)
        refer_to = self.refer.header("Refer-To") or ""
        self.assertTrue(refer_to.startswith("<sip:carol@127.0.0.9:5088;ob?Replaces="), refer_to)
        replaces = refer_to.removesuffix(">").partition("?Replaces=")[2]
        self.assertNotIn(";", replaces)
        self.assertEqual(unquote(replaces), f"{other.call_id};to-tag=carol;from-tag={other.local_tag}")


class DeflectTests(CallCase):
    def test_ringing_call(self) -> None:
        """302 with the target as Contact: the caller calls there, and we hear the end."""
        bob, carol = self.side(BOB), self.side(CAROL)
        carol.on_invitation = lambda call: call.accept()
        self.alice.resolver.table.update({"127.0.0.2": [BOB], "127.0.0.3": [CAROL]})
        _, ear = self.alice.call(target=SipURL(username="bob", host="127.0.0.2"))
        self.wait()
        bob.incoming[0].deflect("sip:carol@127.0.0.3:5060")
        bob.incoming[0].deflect("sip:carol@127.0.0.3:5060")
        self.wait()
        moved = next(one for one in self.network.sent if one.first_line.startswith("SIP/2.0 302"))
        self.assertEqual(moved.header("Contact"), "<sip:carol@127.0.0.3:5060>")
        self.assertEqual((bob.ears[0].heard, ear.heard[-1]), (["ended 302"], "answered"))
        bob.incoming[0].accept()
        self.wait()
        self.assertEqual(len([one for one in self.network.sent if one.first_line.startswith("SIP/2.0 302")]), 1)

    def test_answered_call(self) -> None:
        """After our 200 there is nothing to deflect."""
        bob = self.side(BOB)
        bob.on_invitation = lambda call: call.accept()
        call, ear = self.alice.call(BOB)
        self.wait()
        bob.incoming[0].deflect(TARGET)
        self.wait()
        self.assertEqual(ear.heard, ["answered"])
        call.hang_up()
        self.assert_nothing_left()
