"""Outgoing calls against a far end that says what the test wants, right or wrong (RFC 3261, section 13.2)."""

from __future__ import annotations

from sippy.SipURL import SipURL

from neon.sip.digest import DigestClient
from neon.sip.silenthop import WITHIN
from neon.values import Codec, Destination, MediaDirection
from tests.sip.calls import CONTACT, SDP, VIDEO_SDP, WITH_SDP, Ear, WireCase
from tests.sip.messages import OURS, PEER, response_text

CHALLENGE = 'Proxy-Authenticate: Digest realm="neon", nonce="one", qop="auth", algorithm=MD5'


class ProgressTests(WireCase):
    def test_every_provisional_is_told(self) -> None:
        """180 to 183 are told as they come; 100 is not."""
        _, ear = self.alice.call(PEER)
        for status in (100, 180, 181, 182, 183):
            self.respond(status)
        self.assertEqual(ear.heard, ["ringing 180", "ringing 181", "ringing 182", "ringing 183"])

    def test_early_media(self) -> None:
        """An answer in a 183 is told once, however often it is repeated."""
        _, ear = self.alice.call(PEER)
        self.respond(183, *WITH_SDP, body=SDP)
        self.respond(183, *WITH_SDP, body=SDP)
        self.assertEqual(ear.heard, ["ringing 183 with media", "ringing 183"])
        self.assertEqual(ear.agreements[0].remote, ("127.0.0.9", 7000))
        self.assertEqual(ear.agreements[0].codec, Codec.PCMU)

    def test_early_media_of_two_forks(self) -> None:
        """Every early dialog has its own answer; the 200's dialog is the one that counts."""
        _, ear = self.alice.call(PEER)
        self.respond(183, *WITH_SDP, body=SDP, tag="one")
        self.respond(183, *WITH_SDP, body=SDP.replace("7000", "7002"), tag="two")
        self.respond(200, *WITH_SDP, body=SDP.replace("7000", "7002"), tag="two")
        self.assertEqual([agreement.remote[1] for agreement in ear.agreements], [7000, 7002, 7002])
        self.assertIn(";tag=two", self.sent("ACK")[0].header("To") or "")

    def test_many_forks(self) -> None:
        """A flood of early dialogs is told as ringing and costs no memory."""
        _, ear = self.alice.call(PEER)
        for number in range(100):
            self.respond(183, *WITH_SDP, body=SDP, tag=f"fork{number}")
        self.assertEqual(ear.heard.count("ringing 183 with media"), 8)
        self.assertEqual(ear.heard.count("ringing 183"), 92)

    def test_bad_early_media(self) -> None:
        """A description in a 183 that makes no sense rings all the same."""
        _, ear = self.alice.call(PEER)
        self.respond(183, *WITH_SDP, body="m=nonsense")
        self.assertEqual(ear.heard, ["ringing 183"])

    def test_answer_only_in_the_183(self) -> None:
        """A 200 without a description is taken if the same early dialog has answered before."""
        _, ear = self.alice.call(PEER)
        self.respond(183, *WITH_SDP, body=SDP)
        self.respond(200, CONTACT)
        self.assertEqual(ear.heard, ["ringing 183 with media", "answered"])
        self.assertEqual(ear.agreements[0], ear.agreements[1])


class AnswerTests(WireCase):
    def test_ack_goes_to_the_contact_by_the_route(self) -> None:
        """The ACK and the BYE go to the remote target through the recorded route, in reverse order."""
        call, _ = self.alice.call(PEER)
        routes = ("Record-Route: <sip:127.0.0.8:5070;lr>", "Record-Route: <sip:127.0.0.7;lr>")
        self.respond(200, *routes, *WITH_SDP, body=SDP)
        call.hang_up()
        for request in self.sent("ACK", "BYE"):
            self.assertEqual(request.target, ("127.0.0.7", 5060))
            self.assertTrue(request.first_line.split()[1].startswith("sip:bob@127.0.0.9:5080"))
            self.assertIn("Route: <sip:127.0.0.7;lr>\r\nRoute: <sip:127.0.0.8:5070;lr>", request.text)

    def test_strict_route(self) -> None:
        """A strict router finds itself in the Request-URI and the target behind all routes (section 12.2.1.1)."""
        call, _ = self.alice.call(PEER)
        self.respond(200, "Record-Route: <sip:127.0.0.7>", *WITH_SDP, body=SDP)
        call.hang_up()
        (bye,) = self.sent("BYE")
        self.assertEqual(bye.first_line, "BYE sip:127.0.0.7 SIP/2.0")
        self.assertEqual((bye.header("Route"), bye.target), ("<sip:bob@127.0.0.9:5080>", ("127.0.0.7", 5060)))

    def test_contact_is_a_name(self) -> None:
        """A remote target that has to be resolved is: the BYE waits for it."""
        call, _ = self.alice.call(PEER)
        self.respond(200, "Contact: <sip:bob@phone.example>", "Content-Type: application/sdp", body=SDP)
        self.alice.resolver.table["phone.example"] = [("127.0.0.6", 5099)]
        call.hang_up()
        (bye,) = self.sent("BYE")
        self.assertEqual(bye.target, ("127.0.0.6", 5099))

    def test_contact_is_unknown(self) -> None:
        """A remote target that does not resolve, or none at all: the BYE goes where the INVITE went."""
        for contact in ("Contact: <sip:bob@nowhere.example>", "Contact: <sip:bob@127.0.0.9:0>", "X-No: contact"):
            call, ear = self.alice.call(PEER)
            self.respond(200, contact, "Content-Type: application/sdp", body=SDP)
            self.network.taken()
            call.hang_up()
            (bye,) = self.sent("BYE")
            self.assertEqual(bye.target, PEER)
            self.respond(200, request=bye)
            self.assertEqual(ear.heard, ["answered", "ended 0"])

    def test_unusable_answer(self) -> None:
        """A 200 whose description is missing, broken or of something else: ACK, BYE, and the call ended with 488."""
        for body in ("", "this is no description", VIDEO_SDP, SDP.replace("7000", "0"), SDP.replace("0 8 96", "18")):
            self.network.taken()
            _, ear = self.alice.call(PEER)
            self.respond(200, *WITH_SDP, body=body)
            self.assertEqual((len(self.sent("ACK")), len(self.sent("BYE"))), (1, 1))
            self.respond(200)
            self.assertEqual(ear.heard, ["ended 488"])
        self.assert_nothing_left()

    def test_unusable_answer_crosses_cancel(self) -> None:
        """A 200 that crosses the CANCEL is hung up once, whatever it describes."""
        call, ear = self.alice.call(PEER)
        self.respond(180)
        call.hang_up()
        self.respond(200, *WITH_SDP, body=VIDEO_SDP, request=self.sent("INVITE")[0])
        self.assertEqual((len(self.sent("ACK")), len(self.sent("BYE"))), (1, 1))
        self.respond(200)
        self.assertEqual(ear.heard, ["ringing 180", "ended 487"])

    def test_forked_answer(self) -> None:
        """A second phone that answered as well is acknowledged and hung up; the first call goes on."""
        _, ear = self.alice.call(PEER)
        (invite,) = self.sent("INVITE")
        self.respond(200, *WITH_SDP, body=SDP, tag="first")
        self.network.taken()
        self.respond(
            200, "Contact: <sip:bob@127.0.0.9:5082>", "Content-Type: application/sdp", body=SDP, tag="second",
            request=invite,
        )  # fmt: skip
        (ack,), (bye,) = self.sent("ACK"), self.sent("BYE")
        for request in (ack, bye):
            self.assertEqual(request.target, ("127.0.0.9", 5082))
            self.assertIn(";tag=second", request.header("To") or "")
        self.assertEqual((ack.header("CSeq"), bye.header("CSeq")), ("1 ACK", "2 BYE"))
        self.assertEqual(ear.heard, ["answered"])

    def test_answer_after_the_end(self) -> None:
        """A 200 that comes when the caller has long been told 408 is acknowledged and hung up."""
        _, ear = self.alice.call(PEER)
        (invite,) = self.sent("INVITE")
        self.wait(33)
        self.assertEqual(ear.heard, ["ended 408"])
        self.network.taken()
        self.respond(200, *WITH_SDP, body=SDP, request=invite)
        self.assertEqual((len(self.sent("ACK")), len(self.sent("BYE"))), (1, 1))
        self.respond(200)
        self.assert_nothing_left()

    def test_other_direction(self) -> None:
        """An answer that only sends makes us only receive, and the hold of old phones nothing at all to send to."""
        for change, expected in (
            (SDP + "a=sendonly\r\n", MediaDirection.RECVONLY),
            (SDP + "a=inactive\r\n", MediaDirection.INACTIVE),
            (SDP.replace("c=IN IP4 127.0.0.9", "c=IN IP4 0.0.0.0"), MediaDirection.RECVONLY),
        ):
            _, ear = self.alice.call(PEER)
            self.respond(200, *WITH_SDP, body=change)
            self.assertEqual(ear.agreements[0].direction, expected)


class FailureTests(WireCase):
    def test_every_failure_is_told(self) -> None:
        """400 to 699 end the call with their status and words, at once."""
        for status in (400, 403, 404, 408, 415, 420, 422, 423, 480, 484, 486, 491, 500, 503, 504, 600, 603):
            _, ear = self.alice.call(PEER)
            self.respond(status)
            self.assertEqual(ear.heard, [f"ended {status}"])
            assert ear.cause is not None
            self.assertEqual(ear.cause.reason, "Because")
        self.assert_nothing_left()

    def test_next_server_on_503(self) -> None:
        """503 sends the INVITE to the account's next address (RFC 3263, section 4.3), anew."""
        other = ("127.0.0.8", 5060)
        _, ear = self.alice.call(PEER, other)
        self.respond(503)
        (second,) = self.sent("INVITE", to=other)
        self.assertEqual((second.header("CSeq"), ear.heard), ("2 INVITE", []))
        self.respond(503, request=second)
        self.assertEqual(ear.heard, ["ended 503"])

    def test_silent_server(self) -> None:
        """A server that says nothing at all is given up for the next one, and hears CANCEL should it wake up."""
        other = ("127.0.0.8", 5060)
        _, ear = self.alice.call(PEER, other)
        self.wait(WITHIN + 0.1)
        (second,) = self.sent("INVITE", to=other)
        self.assertEqual((second.header("CSeq"), ear.heard), ("2 INVITE", []))
        first = self.sent("INVITE", to=PEER)[0]
        self.respond(180, request=first)
        self.wait()
        (cancel,) = self.sent("CANCEL")
        self.assertEqual((cancel.target, cancel.header("CSeq")), (PEER, "1 CANCEL"))
        self.respond(487, request=first)
        self.respond(200, *WITH_SDP, body=SDP, request=second, tag="second")
        self.assertEqual(ear.heard, ["answered"])

    def test_silent_server_speaks_when_all_is_forgotten(self) -> None:
        """What a server that was given up says long after the call's end is for nobody."""
        other = ("127.0.0.8", 5060)
        _, ear = self.alice.call(PEER, other)
        self.wait(WITHIN + 0.1)
        first, second = self.sent("INVITE", to=PEER)[0], self.sent("INVITE", to=other)[0]
        self.network.deliver(response_text(second, 486), other, OURS)
        self.wait(20)
        self.respond(100, request=first)
        self.wait(40)
        self.assertEqual(ear.heard, ["ended 486"])
        self.assert_nothing_left()
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_silent_server_answers_after_all(self) -> None:
        """Should the one that was given up take the call as well, it hears BYE."""
        other = ("127.0.0.8", 5060)
        _, ear = self.alice.call(PEER, other)
        self.wait(WITHIN + 0.1)
        first = self.sent("INVITE", to=PEER)[0]
        (second,) = self.sent("INVITE", to=other)
        self.respond(200, *WITH_SDP, body=SDP, request=second, tag="second")
        self.respond(200, *WITH_SDP, body=SDP, request=first, tag="first")
        self.wait()
        self.assertEqual(ear.heard, ["answered"])
        (bye,) = self.sent("BYE")
        self.assertIn("tag=first", bye.header("To") or "")

    def test_slow_server(self) -> None:
        """A server that has said 100 is waited for."""
        _, _ = self.alice.call(PEER, ("127.0.0.8", 5060))
        self.respond(100)
        self.wait(20)
        self.assertEqual(self.sent("INVITE", to=("127.0.0.8", 5060)), [])

    def test_last_server(self) -> None:
        """Without another one a silent server has all its time; then the call has failed with 408."""
        _, ear = self.alice.call(PEER)
        self.wait(31)
        self.assertEqual(ear.heard, [])
        self.wait(2)
        self.assertEqual(ear.heard, ["ended 408"])

    def test_name_not_found(self) -> None:
        """A target that does not resolve ends the call with 404, later than the request itself."""
        _, ear = self.alice.call(target=SipURL(username="bob", host="nowhere.example"))
        self.assertEqual(ear.heard, [])
        self.wait()
        self.assertEqual(ear.heard, ["ended 404"])
        self.assert_nothing_left()

    def test_hang_up_while_resolving(self) -> None:
        """A call given up while its name is looked up never sends an INVITE."""
        self.alice.resolver.held = []
        call, ear = self.alice.call(target=SipURL(username="bob", host="slow.example"))
        call.hang_up()
        self.assertEqual(ear.heard, [])
        self.wait()
        self.assertEqual(ear.heard, ["ended 487"])
        self.alice.resolver.held[0][1].callback([Destination(*PEER)])
        self.wait()
        self.assertEqual(self.sent("INVITE"), [])

    def test_hang_up_while_challenged(self) -> None:
        """A challenge that crosses the CANCEL is not answered."""
        self.alice.digest = DigestClient("1000", "secret")
        call, ear = self.alice.call(PEER)
        self.respond(100)
        call.hang_up()
        self.respond(407, CHALLENGE, request=self.sent("INVITE")[0])
        self.assertEqual((len(self.sent("INVITE")), ear.heard), (1, ["ended 487"]))

    def test_bye_before_the_answer(self) -> None:
        """A callee that hangs up an early dialog is answered; the INVITE is cancelled."""
        _, ear = self.alice.call(PEER)
        self.respond(180, CONTACT)
        (invite,) = self.sent("INVITE")
        self.say(
            "BYE", to=invite.header("From") or "", caller="<sip:bob@127.0.0.9>;tag=far",
            call_id=invite.header("Call-ID") or "",
        )  # fmt: skip
        self.assertEqual(len(self.sent("CANCEL")), 1)
        self.respond(487, request=invite)
        self.assertEqual(ear.heard, ["ringing 180", "ended 0"])


class CredentialTests(WireCase):
    def setUp(self) -> None:
        super().setUp()
        self.alice.digest = DigestClient("1000", "secret", make_cnonce=lambda: "c0ffee")

    def test_challenge_is_answered(self) -> None:
        """407: the same INVITE with credentials, the next CSeq, and no To tag."""
        _, ear = self.alice.call(PEER)
        self.respond(407, CHALLENGE)
        first, second = self.sent("INVITE")
        self.assertEqual((second.header("CSeq"), second.header("Call-ID")), ("2 INVITE", first.header("Call-ID")))
        self.assertEqual((second.header("From"), second.header("To")), (first.header("From"), first.header("To")))
        self.assertIn('nonce="one"', second.header("Proxy-Authorization") or "")
        self.assertEqual(ear.heard, [])

    def test_description_does_not_change_its_version(self) -> None:
        """The repeated INVITE offers the same, so o= is the same."""
        self.alice.call(PEER)
        self.respond(407, CHALLENGE)
        first, second = (one.text.partition("\r\n\r\n")[2] for one in self.sent("INVITE"))
        self.assertEqual(first, second)

    def test_wrong_password(self) -> None:
        """Credentials that are refused end the call with 407, after one try."""
        _, ear = self.alice.call(PEER)
        self.respond(407, CHALLENGE)
        self.respond(407, CHALLENGE.replace("one", "two"))
        self.assertEqual((len(self.sent("INVITE")), ear.heard), (2, ["ended 407"]))

    def test_in_dialog_requests_are_signed(self) -> None:
        """BYE carries credentials at once, and is repeated if its nonce is stale."""
        call, ear = self.alice.call(PEER)
        self.respond(407, CHALLENGE)
        self.respond(200, *WITH_SDP, body=SDP)
        call.hang_up()
        self.assertIn("nc=00000002", self.sent("BYE")[0].header("Proxy-Authorization") or "")
        self.respond(407, CHALLENGE.replace("one", "two") + ", stale=true")
        second = self.sent("BYE")[1]
        self.assertIn('nonce="two"', second.header("Proxy-Authorization") or "")
        self.assertEqual(second.header("CSeq"), "4 BYE")
        self.respond(200)
        self.assertEqual(ear.heard, ["answered", "ended 0"])

    def test_the_ack_is_signed(self) -> None:
        """The ACK of a 2xx repeats the INVITE's credentials (RFC 3261, section 22.1)."""
        self.alice.call(PEER)
        self.respond(407, CHALLENGE)
        self.respond(200, *WITH_SDP, body=SDP)
        self.assertIn('nonce="one"', self.sent("ACK")[-1].header("Proxy-Authorization") or "")

    def test_foreign_challenge(self) -> None:
        """Nobody but whom the INVITE went to gets credentials."""
        _, ear = self.alice.call(("127.0.0.8", 5060))
        self.respond(407, CHALLENGE)  # from PEER
        self.assertEqual((len(self.sent("INVITE")), ear.heard), (1, ["ended 407"]))


    def test_stranger_in_the_dialog(self) -> None:
        """A callee that is reached directly is sent no credentials, and gets none by a challenge."""
        call, ear = self.alice.call(("127.0.0.8", 5060))
        (invite,) = self.sent("INVITE")
        source = ("127.0.0.8", 5060)
        self.network.deliver(response_text(invite, 407, extra=(CHALLENGE,)), source, OURS)
        second = self.sent("INVITE")[1]
        self.network.deliver(response_text(second, 200, extra=WITH_SDP, body=SDP), source, OURS)
        call.hang_up()
        (bye,) = self.sent("BYE")
        self.assertEqual((bye.target, bye.header("Proxy-Authorization")), (PEER, None))
        self.respond(407, CHALLENGE.replace("one", "two"))
        self.assertEqual((len(self.sent("BYE")), ear.heard), (1, ["answered", "ended 0"]))


class RedirectionTests(WireCase):
    def targets(self) -> list[str]:
        return [one.first_line.split()[1] for one in self.sent("INVITE")]

    def test_followed(self) -> None:
        """302: the Contact is called, under the same Call-ID, by the account's way."""
        _, ear = self.alice.call(PEER)
        self.respond(302, "Contact: <sip:carol@127.0.0.7:5070>")
        first, second = self.sent("INVITE")
        self.assertEqual(second.first_line, "INVITE sip:carol@127.0.0.7:5070 SIP/2.0")
        self.assertEqual((second.target, second.header("Call-ID")), (PEER, first.header("Call-ID")))
        self.respond(200, *WITH_SDP, body=SDP)
        self.assertEqual(ear.heard, ["answered"])

    def test_by_preference(self) -> None:
        """The highest q is called first; the next when that one refuses; the last refusal is told."""
        _, ear = self.alice.call(PEER)
        self.respond(300, "Contact: <sip:low@127.0.0.7>;q=0.2, <sip:high@127.0.0.7>;q=0.9, <sip:first@127.0.0.7>")
        self.respond(486)
        self.respond(480)
        self.respond(404)
        self.assertEqual(
            self.targets(),
            ["sip:bob@example.org", "sip:first@127.0.0.7", "sip:high@127.0.0.7", "sip:low@127.0.0.7"],
        )
        self.assertEqual(ear.heard, ["ended 404"])

    def test_a_decline_is_final(self) -> None:
        """600 and more are said for all places (RFC 3261, section 21.6): no other is tried."""
        _, ear = self.alice.call(PEER)
        self.respond(302, "Contact: <sip:a@127.0.0.7>, <sip:b@127.0.0.7>")
        self.respond(603)
        self.assertEqual((len(self.targets()), ear.heard), (2, ["ended 603"]))

    def test_loop(self) -> None:
        """A target is called once; a redirection to where we come from ends the call."""
        _, ear = self.alice.call(PEER)
        self.respond(302, "Contact: <sip:a@127.0.0.7>")
        self.respond(302, "Contact: <sip:bob@example.org>, <sip:a@127.0.0.7>")
        self.assertEqual((len(self.targets()), ear.heard), (2, ["ended 302"]))

    def test_at_most_five(self) -> None:
        """Sent around for ever: the sixth redirection ends the call."""
        _, ear = self.alice.call(PEER)
        for number in range(7):
            if not ear.heard:
                self.respond(302, f"Contact: <sip:a{number}@127.0.0.7>")
        self.assertEqual((len(self.targets()), ear.heard), (6, ["ended 302"]))

    def test_not_followed(self) -> None:
        """Other schemes and transports, nothing at all, and 305 and 380 end the call."""
        for status, contact in (
            (302, "Contact: <sips:a@127.0.0.7>"), (302, "Contact: <sip:a@127.0.0.7;transport=sctp>"),
            (302, "X-No: contact"), (302, "Contact: *"),
            (305, "Contact: <sip:127.0.0.7>"), (380, "Contact: <sip:a@127.0.0.7>"),
        ):  # fmt: skip
            _, ear = self.alice.call(PEER)
            self.respond(status, contact)
            self.assertEqual(ear.heard, [f"ended {status}"], contact)

    def test_no_foreign_headers(self) -> None:
        """Header fields in the Contact's URI do not get into our INVITE."""
        self.alice.call(PEER)
        self.respond(302, "Contact: <sip:a@127.0.0.7?Replaces=x&Subject=y>")
        self.assertEqual(self.targets()[-1], "sip:a@127.0.0.7")
        self.assertNotIn("Replaces", self.sent("INVITE")[-1].text)

    def test_hang_up_after_a_redirection(self) -> None:
        """CANCEL goes after the newest INVITE."""
        call, ear = self.alice.call(PEER)
        self.respond(302, "Contact: <sip:a@127.0.0.7>")
        self.respond(180)
        call.hang_up()
        (cancel,) = self.sent("CANCEL")
        self.assertEqual((cancel.header("CSeq"), cancel.first_line.split()[1]), ("2 CANCEL", "sip:a@127.0.0.7"))
        self.respond(487, request=self.sent("INVITE")[-1])
        self.assertEqual(ear.heard, ["ringing 180", "ended 487"])


class MessageTests(WireCase):
    def test_escapes(self) -> None:
        """A number with # is escaped in the Request-URI (RFC 3261, section 19.1.2)."""
        self.alice.call(PEER, target=SipURL(username="*31#", host="example.org"))
        self.assertEqual(self.sent("INVITE")[0].first_line, "INVITE sip:*31%23@example.org SIP/2.0")

    def test_lifetime(self) -> None:
        """The INVITE says how long it is worth answering."""
        self.alice.call(PEER)
        self.assertEqual(self.sent("INVITE")[0].header("Expires"), "180")

    def test_contact(self) -> None:
        """The Contact is the caller's, at the address that the peer sees."""
        self.alice.call(PEER)
        self.assertEqual(self.sent("INVITE")[0].header("Contact"), f"<sip:alice@{OURS[0]}:{OURS[1]}>")

    def test_nothing_is_heard_from_inside(self) -> None:
        """Neither the call nor hanging up calls the listener before it returns."""
        ear = Ear()
        call, _ = self.alice.call(target=SipURL(username="x", host="nowhere.example"), ear=ear)
        self.assertEqual(ear.heard, [])
        call.hang_up()
        self.assertEqual(ear.heard, [])
        self.wait()
        self.assertEqual(len(ear.heard), 1)


class SecondTryTests(WireCase):
    def offer(self) -> str:
        return self.sent("INVITE")[-1].text.partition("\r\n\r\n")[2]

    def test_plainer(self) -> None:
        """488 and 606: once more with G.711 in both laws and nothing else; what is agreed on then holds."""
        for status in (488, 606):
            _, ear = self.alice.call(PEER)
            self.assertIn("telephone-event", self.offer())
            self.respond(status)
            self.assertIn("RTP/AVP 0 8\r\n", self.offer())
            for word in ("telephone-event", "a=ptime", "a=sendrecv"):
                self.assertNotIn(word, self.offer())
            self.respond(200, *WITH_SDP, body=SDP)
            self.assertEqual(ear.heard, ["answered"])
            self.assertIsNone(ear.agreements[0].telephone_event)

    def test_plain_is_refused(self) -> None:
        """There is no third offer."""
        _, ear = self.alice.call(PEER)
        self.respond(488)
        self.respond(488)
        self.assertEqual((len(self.sent("INVITE")), ear.heard), (2, ["ended 488"]))
        self.assert_nothing_left()

    def test_hold_stays_plain(self) -> None:
        """A hold in such a call offers no more than the call did."""
        call, _ = self.alice.call(PEER)
        self.respond(488)
        self.respond(200, *WITH_SDP, body=SDP)
        call.hold(True)
        self.assertNotIn("telephone-event", self.offer())
        self.assertIn("a=sendonly", self.offer())

    def test_busy_server(self) -> None:
        """500 and 503 with a short Retry-After: once more after that time."""
        for status in (500, 503):
            _, ear = self.alice.call(PEER)
            count = len(self.sent("INVITE"))
            self.respond(status, "Retry-After: 2 (overloaded)")
            self.wait(1.9)
            self.assertEqual(len(self.sent("INVITE")), count)
            self.wait(0.2)
            self.assertEqual(len(self.sent("INVITE")), count + 1)
            self.respond(status, "Retry-After: 2")
            self.assertEqual(ear.heard, [f"ended {status}"])
        self.assert_nothing_left()

    def test_long_wait(self) -> None:
        """A long Retry-After, or one with another status, is for the person to decide."""
        for status, seconds in ((503, 5), (480, 1), (486, 1), (600, 1)):
            _, ear = self.alice.call(PEER)
            self.respond(status, f"Retry-After: {seconds}")
            self.assertEqual(ear.heard, [f"ended {status}"])
        self.assert_nothing_left()

    def test_given_up_while_waiting(self) -> None:
        """Hanging up during the wait ends the call at once, and nothing is sent any more."""
        call, ear = self.alice.call(PEER)
        self.respond(503, "Retry-After: 3")
        call.hang_up()
        self.wait(5)
        self.assertEqual((len(self.sent("INVITE")), ear.heard), (1, ["ended 487"]))
        self.assert_nothing_left()
