"""Incoming calls and requests within a dialog, from a far end that says what the test wants (RFC 3261, 12 to 15)."""

from __future__ import annotations

from base64 import b64encode

from twisted.logger import capturedLogs, formatEvent

from neon.sip.messages import METHODS
from neon.sip.sdp import parse
from neon.srtp import SrtpPolicy
from neon.values import Codec, LocalMedia, MediaDirection
from tests.sip.calls import HELD_SDP, SDP, VIDEO_SDP, WireCase
from tests.sip.messages import OURS, PEER, ack_text, request_text
from tests.sip.network import Datagram

BOB = "<sip:bob@127.0.0.9>;tag=bob"


class IncomingCase(WireCase):
    """Alice takes calls; C{last} is her last response."""

    def last(self, status: int) -> Datagram:
        found = [one for one in self.network.sent if one.source == OURS and f" {status} " in one.first_line]
        return found[-1]

    def invite(self, body: str = SDP, **headers: str) -> None:
        self.say("INVITE", body=body, extra=(), **headers)

    def ack(self, body: str = "") -> None:
        text = ack_text(self.last(200))
        if body:
            text = text.replace("content-length: 0", f"content-type: application/sdp\r\ncontent-length: {len(body)}")
        self.network.deliver(text + body, PEER, OURS)

    def in_dialog(self, method: str, number: int = 2, *, body: str = "", extra: tuple[str, ...] = (),
                  **headers: str) -> str:
        """PEER sends a request within the dialog; what Alice answered."""
        to = next(one for one in self.network.sent if "tag=" in (one.header("To") or "")).header("To") or ""
        headers = {"to": to, "cseq": f"{number} {method}", "via": f"SIP/2.0/UDP 127.0.0.9:5080;branch=z9hG4bK{number}",
                   **headers}  # fmt: skip
        before = len(self.network.sent)
        self.network.deliver(request_text(method, body=body, extra=extra, **headers), PEER, OURS)
        return next(iter(self.answers(before)), "silence")

    def talk(self) -> None:
        """A call that is up."""
        self.alice.on_invitation = lambda call: call.accept()
        self.invite()
        self.ack()

    @property
    def heard(self) -> list[str]:
        return self.alice.ears[0].heard


class InviteTests(IncomingCase):
    def test_answer(self) -> None:
        """180 and 200 with one To tag, our Contact, and an answer of one codec under the offer's numbers."""
        self.invite()
        self.alice.incoming[0].accept()
        self.assertEqual(self.statuses(OURS), [180, 200])
        ringing, answer = self.last(180), self.last(200)
        self.assertEqual(ringing.header("To"), answer.header("To"))
        self.assertEqual(answer.header("Contact"), "<sip:1000@127.0.0.1:5060>")
        media = parse(answer.text.partition("\r\n\r\n")[2]).media[0]
        self.assertEqual((media.port, media.formats), (20000, ("8", "96")))
        self.ack()
        self.assertEqual(self.heard, ["answered"])
        self.assertEqual(self.alice.ears[0].agreements[0].telephone_event, 96)

    def test_readable_keys(self) -> None:
        """Keys that others can read are warned of where there are any, and not because there could be."""
        self.alice.media = LocalMedia(20000, srtp=SrtpPolicy.OPTIONAL)
        crypto = f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{b64encode(bytes(range(30))).decode()}\r\n"
        for number, (body, warned) in enumerate(((SDP, False), (SDP + crypto, True))):
            with capturedLogs() as captured:
                self.invite(body, call_id=f"keys-{number}", via=f"SIP/2.0/UDP 127.0.0.9:5080;branch=z9hG4bK-k{number}")
            self.assertEqual(any("the keys for its audio" in (formatEvent(one) or "") for one in captured), warned)

    def test_trying(self) -> None:
        """An INVITE about which nothing better is said at once gets a 100."""
        self.alice.on_invitation = lambda call: None
        self.invite()
        self.assertEqual(self.statuses(OURS), [100])

    def test_delayed_offer(self) -> None:
        """An INVITE without an offer: ours is in the 200, the answer in the ACK."""
        self.alice.on_invitation = lambda call: call.accept()
        self.invite(body="")
        offer = parse(self.last(200).text.partition("\r\n\r\n")[2]).media[0]
        self.assertEqual(offer.formats, ("8", "0", "101"))
        self.assertEqual(self.heard, [])
        self.ack(SDP)
        self.assertEqual(self.heard, ["answered"])
        self.assertEqual(self.alice.ears[0].agreements[0].codec, Codec.PCMU)

    def test_delayed_offer_without_an_answer(self) -> None:
        """An ACK without the answer, or with a bad one: BYE, and the call ended with 488."""
        for number, body in enumerate(("", VIDEO_SDP)):
            self.alice.on_invitation = lambda call: call.accept()
            self.invite(body="", call_id=f"delayed{number}")
            self.ack(body)
            self.assertEqual(len(self.sent("BYE")), number + 1)
            self.respond(200)
            self.assertEqual(self.alice.ears[number].heard, ["ended 488"])
        self.assert_nothing_left()

    def test_bad_offers(self) -> None:
        """400 for what is no description, 488 for what we cannot do; nobody's phone rings."""
        for number, (body, status) in enumerate((
            ("nonsense", 400), ("v=1\r\n", 400), ("m=audio\r\n", 400), (VIDEO_SDP, 488), ("v=0\r\n", 488),
            (SDP.replace("RTP/AVP", "RTP/SAVP"), 488), (SDP.replace("0 8 96", "18"), 488),
        )):  # fmt: skip
            self.invite(body=body, call_id=f"bad{number}")
            self.assertEqual(self.statuses(OURS)[-1], status, body)
        self.assertEqual(self.alice.invitations, [])

    def test_unusable_address(self) -> None:
        """An offer whose address is no host's is refused with 488, and the listener hears so."""
        for number, address in enumerate(("IP6 ff05::1", "IP4 224.0.0.1", "IP4 phone.example", "IP4 255.255.255.255")):
            self.invite(body=SDP.replace("c=IN IP4 127.0.0.9", f"c=IN {address}"), call_id=f"address{number}")
            self.assertEqual(self.statuses(OURS)[-1], 488, address)

    def test_no_contact(self) -> None:
        """An INVITE without a Contact, or with one that cannot be called, is a 400."""
        self.invite(without="contact")
        self.invite(contact="<sips:bob@127.0.0.9>", call_id="other")
        self.assertEqual(self.statuses(OURS), [400, 400])
        self.assertEqual(self.alice.invitations, [])

    def test_cancelled(self) -> None:
        """CANCEL: 200 for it, 487 for the INVITE, the listener hears it once."""
        self.invite()
        self.say("CANCEL", cseq="1 CANCEL")
        self.assertEqual(sorted(self.statuses(OURS)), [180, 200, 487])
        self.alice.incoming[0].accept()
        self.alice.incoming[0].hang_up()
        self.assertEqual(self.heard, ["ended 487"])

    def test_cancelled_too_late(self) -> None:
        """A CANCEL after our 200 changes nothing (section 9.2)."""
        self.alice.on_invitation = lambda call: call.accept()
        self.invite()
        self.say("CANCEL", cseq="1 CANCEL")
        self.ack()
        self.assertEqual(self.heard, ["answered"])

    def test_expired(self) -> None:
        """The caller's Expires ends the ringing (section 13.3.1)."""
        self.invite(expires="10")
        self.wait(11)
        self.assertEqual((self.statuses(OURS)[-1], self.heard), (487, ["ended 487"]))

    def test_bye_while_ringing(self) -> None:
        """A caller may end an early dialog by BYE: the INVITE gets its 487."""
        self.invite()
        self.assertEqual(self.in_dialog("BYE"), "200 OK")
        self.assertEqual(self.statuses(OURS)[-2:], [200, 487])
        self.assertEqual(self.heard, ["ended 487"])

    def test_merged(self) -> None:
        """The same INVITE by another way is refused with 482 (section 8.2.2.2)."""
        self.invite()
        self.invite(via="SIP/2.0/UDP 127.0.0.9:5080;branch=z9hG4bKtwo")
        self.assertEqual(self.statuses(OURS)[-1], 482)
        self.assertEqual(len(self.alice.incoming), 1)

    def test_listener_breaks(self) -> None:
        """If whoever takes calls fails, the caller gets 500 and nothing is left."""

        def broken(call: object) -> None:
            raise RuntimeError("the phone is broken")

        self.alice.on_invitation = broken
        self.invite()
        self.assertEqual(self.statuses(OURS)[-1], 500)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.wait()
        self.assertEqual(self.alice.agent.live_calls, 0)

    def test_answered_and_hung_up_without_ack(self) -> None:
        """Hung up while the ACK is missing: the end is told in four seconds, BYE goes out after 32."""
        self.alice.on_invitation = lambda call: call.accept()
        self.invite()
        self.alice.incoming[0].hang_up()
        self.wait(4.2)
        self.assertEqual((self.heard, self.sent("BYE")), (["ended 0"], []))
        self.wait(29)
        self.assertEqual(len(self.sent("BYE")) > 0, True)
        self.assert_nothing_left()

    def test_names_from_the_network(self) -> None:
        """What callers claim to be called is plain text here, and their URIs are bare."""
        self.invite(caller='"Bob \\"the\\tbuilder\\" " <sip:bob@127.0.0.9:5070;user=phone>;tag=bob')
        (invitation,) = self.alice.invitations
        self.assertEqual(invitation.caller, "sip:bob@127.0.0.9:5070")
        self.assertEqual(invitation.display_name, 'Bob "thetbuilder"')


class DialogTests(IncomingCase):
    def test_bye(self) -> None:
        """BYE ends the call with 0."""
        self.talk()
        self.assertEqual(self.in_dialog("BYE"), "200 OK")
        self.assertEqual(self.heard, ["answered", "ended 0"])
        self.assertEqual(self.in_dialog("BYE", 3), "481 Call/Transaction Does Not Exist")

    def test_requests(self) -> None:
        """Every method has its answer in a dialog, and none of them ends the call."""
        self.talk()
        for number, (method, answer) in enumerate((
            ("OPTIONS", "200 OK"), ("INFO", "200 OK"), ("REFER", "603 Decline"),
            ("NOTIFY", "481 Call/Transaction Does Not Exist"), ("UPDATE", "200 OK"),
            ("PRACK", "481 Call/Transaction Does Not Exist"), ("MESSAGE", "405 Method Not Allowed"),
            ("SUBSCRIBE", "405 Method Not Allowed"), ("PUBLISH", "405 Method Not Allowed"),
            ("JUMP", "501 Not Implemented"),
        )):  # fmt: skip
            self.assertEqual(self.in_dialog(method, number + 2), answer, method)
        self.assertEqual(self.heard, ["answered"])

    def test_allow(self) -> None:
        """A refused method learns what is allowed."""
        self.talk()
        self.in_dialog("MESSAGE")
        self.assertEqual(self.last(405).header("Allow"), ", ".join(METHODS))

    def test_info(self) -> None:
        """INFO of a package that nobody agreed on is 469, with a body that nobody reads 415 (RFC 6086).

        Digits are read, in both types, and what is none is nothing.
        """
        self.talk()
        self.assertEqual(self.in_dialog("INFO", 2, extra=("Info-Package: x",)), "469 Bad Info Package")
        self.assertEqual(
            self.in_dialog("INFO", 3, body="<x/>", content_type="application/media_control+xml"),
            "415 Unsupported Media Type",
        )
        self.assertEqual(self.last(415).header("Accept"), "application/dtmf-relay, application/dtmf")
        for number, (kind, body) in enumerate((
            ("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n"),
            ("application/dtmf-relay", "Signal= 11\r\n"),
            ("application/dtmf", "*"),
            ("Application/DTMF-Relay; charset=x", "duration=5\nsignal=d"),
            ("application/dtmf-relay", "Signal=16\r\n"),
            ("application/dtmf", "55555"),
        )):  # fmt: skip
            self.assertEqual(self.in_dialog("INFO", 4 + number, body=body, content_type=kind), "200 OK", body)
        self.assertEqual(self.heard, ["answered", "digit 5", "digit #", "digit *", "digit D"])

    def test_old_cseq(self) -> None:
        """A CSeq that is not higher than the last is 500 (section 12.2.2)."""
        self.talk()
        self.assertEqual(self.in_dialog("INFO", 5), "200 OK")
        self.assertEqual(self.in_dialog("BYE", 4), "500 CSeq Out Of Order")
        self.assertEqual(self.heard, ["answered"])

    def test_foreign_tags(self) -> None:
        """A request with the right Call-ID and wrong tags ends nothing."""
        self.talk()
        self.assertEqual(self.in_dialog("BYE", 2, caller="<sip:bob@127.0.0.9>;tag=eve"), NO_DIALOG)
        self.assertEqual(self.in_dialog("BYE", 3, to="<sip:1000@127.0.0.1>;tag=guess"), NO_DIALOG)
        self.assertEqual(self.in_dialog("INVITE", 4, to="<sip:1000@127.0.0.1>;tag=guess", body=SDP), NO_DIALOG)
        self.assertEqual(self.heard, ["answered"])

    def test_out_of_dialog(self) -> None:
        """Requests that belong to no dialog have their answers too."""
        for number, (method, status) in enumerate((
            ("BYE", 481), ("INFO", 481), ("UPDATE", 481), ("PRACK", 481), ("NOTIFY", 481), ("REFER", 603),
            ("OPTIONS", 200), ("REGISTER", 405), ("MESSAGE", 405), ("SUBSCRIBE", 405), ("JUMP", 501),
        )):  # fmt: skip
            self.say(method, call_id=f"none{number}")
            self.assertEqual(self.statuses(OURS)[-1], status, method)

    def test_capabilities(self) -> None:
        """OPTIONS tells what we can do (section 11.2)."""
        self.say("OPTIONS")
        answer = self.last(200)
        self.assertEqual(answer.header("Allow"), ", ".join(METHODS))
        self.assertEqual(answer.header("Accept"), "application/sdp")
        self.assertEqual(answer.header("Supported"), "100rel, replaces, timer")


NO_DIALOG = "481 Call/Transaction Does Not Exist"


class ReinviteTests(IncomingCase):
    def ack_second(self, body: str = "") -> None:
        text = ack_text(self.last(200), branch="z9hG4bKack2")
        if body:
            text = text.replace("content-length: 0", f"content-type: application/sdp\r\ncontent-length: {len(body)}")
        self.network.deliver(text + body, PEER, OURS)

    def test_moved(self) -> None:
        """Other media: answered, told, and the BYE goes to the new Contact."""
        self.talk()
        answer = self.in_dialog("INVITE", body=SDP.replace("7000", "7100"), contact="<sip:bob@127.0.0.9:5090>")
        self.assertEqual(answer, "200 OK")
        self.ack_second()
        self.assertEqual(self.heard, ["answered", "media changed"])
        self.assertEqual(self.alice.ears[0].agreements[1].remote[1], 7100)
        self.alice.incoming[0].hang_up()
        self.assertEqual(self.sent("BYE")[0].target, ("127.0.0.9", 5090))

    def test_hold(self) -> None:
        """Hold and back: we only receive, and then send again; our version grows only when our words change."""
        self.talk()
        self.in_dialog("INVITE", 2, body=HELD_SDP)
        self.ack_second()
        held = self.last(200).text
        self.in_dialog("INVITE", 3, body=HELD_SDP)
        self.ack_second()
        again = self.last(200).text
        self.in_dialog("INVITE", 4, body=SDP)
        self.ack_second()
        back = self.last(200).text
        directions = [agreement.direction for agreement in self.alice.ears[0].agreements]
        self.assertEqual(
            directions,
            [MediaDirection.SENDRECV, MediaDirection.RECVONLY, MediaDirection.RECVONLY, MediaDirection.SENDRECV],
        )
        self.assertIn("a=recvonly", held)
        versions = [text.partition("o=- ")[2].split()[1] for text in (held, again, back)]
        self.assertEqual(versions, ["2", "2", "3"])

    def test_refused_offer(self) -> None:
        """A re-INVITE that cannot be answered is 488, and the call goes on as it was."""
        self.talk()
        self.assertEqual(self.in_dialog("INVITE", body=VIDEO_SDP), "488 Not Acceptable Here")
        self.assertEqual(self.heard, ["answered"])
        self.assertEqual(self.in_dialog("INVITE", 3, body=SDP), "200 OK")

    def test_without_offer(self) -> None:
        """A re-INVITE without a body asks for our offer; it is no hold."""
        self.talk()
        self.assertEqual(self.in_dialog("INVITE"), "200 OK")
        self.assertIn("a=sendrecv", self.last(200).text)
        self.assertEqual(self.heard, ["answered"])
        self.ack_second(SDP.replace("7000", "7200"))
        self.assertEqual(self.heard, ["answered", "media changed"])
        self.assertEqual(self.alice.ears[0].agreements[1].remote[1], 7200)

    def test_glare(self) -> None:
        """A re-INVITE while our offer waits for its answer is 491."""
        self.talk()
        self.in_dialog("INVITE", 2)
        self.assertEqual(self.in_dialog("INVITE", 3, body=SDP), "491 Request Pending")

    def test_too_early(self) -> None:
        """A second INVITE before the first one's final response is 500 with Retry-After (section 14.2)."""
        self.invite()
        self.assertEqual(self.in_dialog("INVITE", 2, body=SDP), "500 Server Internal Error")
        self.assertEqual(self.last(500).header("Retry-After"), "1")

    def test_instead_of_the_ack(self) -> None:
        """Whoever sends a re-INVITE has our 200, even if its ACK was lost."""
        self.alice.on_invitation = lambda call: call.accept()
        self.invite()
        self.assertEqual(self.in_dialog("INVITE", body=SDP), "200 OK")
        self.assertEqual(self.heard, ["answered", "media changed"])

    def test_never_acknowledged(self) -> None:
        """A re-INVITE's 200 without an ACK for 32 s ends the call with 408 (section 14.2)."""
        self.talk()
        self.in_dialog("INVITE", body=SDP)
        self.wait(33)
        self.assertEqual(len(self.sent("BYE")) > 0, True)
        self.wait(4)
        self.assertEqual(self.heard[-1], "ended 408")

    def test_while_leaving(self) -> None:
        """A re-INVITE that crosses our BYE is refused; a BYE that crosses it is answered."""
        self.talk()
        self.alice.incoming[0].hang_up()
        self.assertEqual(self.in_dialog("INVITE", 2, body=SDP), "500 Server Internal Error")
        self.assertEqual(self.in_dialog("BYE", 3), "200 OK")
        self.assertEqual(self.heard, ["answered", "ended 0"])

    def test_refused_sections_stay(self) -> None:
        """Our own offer keeps the sections that were refused before (RFC 3264, section 8)."""
        self.alice.on_invitation = lambda call: call.accept()
        self.invite(body=SDP + "m=video 7002 RTP/AVP 31\r\n")
        self.ack()
        self.in_dialog("INVITE")
        media = parse(self.last(200).text.partition("\r\n\r\n")[2]).media
        self.assertEqual([(one.kind, one.port) for one in media], [("audio", 20000), ("video", 0)])
