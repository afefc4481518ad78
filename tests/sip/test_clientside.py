"""Client transactions: retransmission, time-outs, CANCEL, ACK, and what goes wrong with them."""

from __future__ import annotations

from sippy.SipResponse import SipResponse

from neon.values import Destination
from tests.sip.endpointcase import EndpointCase
from tests.sip.messages import OURS, PEER, THERE, build_request, response_text


class ClientTests(EndpointCase):
    def test_invite_schedule(self) -> None:
        """An INVITE goes out at 0 and then after 0.5, 1, 2, 4, 4... s; 408 at 32 s, told once."""
        self.endpoint.send_request(build_request(), THERE, self.on_response)
        self.wait(40)
        self.assertEqual(self.times("INVITE"), [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5])
        self.assertEqual(self.responses, [(32.0, 408)])
        self.wait(30)

    def test_other_schedule(self) -> None:
        """A request other than INVITE follows the same schedule and is gone after 32 s."""
        self.endpoint.send_request(build_request("OPTIONS"), THERE, self.on_response)
        self.wait(33)
        self.assertEqual(self.times("OPTIONS")[:6], [0, 0.5, 1.5, 3.5, 7.5, 11.5])
        self.assertEqual(self.responses, [(32.0, 408)])

    def test_provisional_stops_invite(self) -> None:
        """After a provisional response an INVITE is not sent again, and may ring for its Expires, 180 s at most."""
        _, sent = self.send()
        self.receive(response_text(sent, 180))
        self.wait(200)
        self.assertEqual(self.times("INVITE"), [])
        self.assertEqual(self.responses, [(0.0, 180), (180.0, 408)])
        self.assertEqual(sent.header("Expires"), "180")
        self.wait(60)

    def test_ringing_is_cancelled_on_timeout(self) -> None:
        """An INVITE that is given up while it rings is cancelled, and its 487 still acknowledged."""
        _, sent = self.send()
        self.receive(response_text(sent, 180))
        self.wait(180.5)
        [cancel, *_] = self.network.taken()
        self.assertTrue(cancel.first_line.startswith("CANCEL "))
        self.receive(response_text(cancel, 200))
        [ack] = self.receive(response_text(sent, 487))
        self.assertTrue(ack.first_line.startswith("ACK "))
        self.assertEqual([status for _, status in self.responses], [180, 408])
        self.wait(40)

    def test_provisional_slows_others(self) -> None:
        """After a provisional response another request goes on every 4 s (RFC 3261, 17.1.2.2) until 32 s."""
        _, sent = self.send("REGISTER")
        self.receive(response_text(sent, 100))
        self.wait(40)
        self.assertEqual(self.times("REGISTER")[:4], [0.5, 4.5, 8.5, 12.5])
        self.assertEqual(self.responses, [(0.0, 100), (32.0, 408)])

    def test_success_is_acknowledged(self) -> None:
        """The ACK of a 200 goes to its Contact by its route, with a branch of its own, before the user hears of it."""
        _, sent = self.send()
        extra = ("Record-Route: <sip:127.0.0.8:5090;lr>", "Contact: <sip:bob@192.0.2.4:5099;transport=UDP>")
        [ack] = self.receive(response_text(sent, 200, extra=extra))
        self.assertEqual(ack.first_line, "ACK sip:bob@192.0.2.4:5099;transport=UDP SIP/2.0")
        self.assertEqual(ack.target, ("127.0.0.8", 5090))
        self.assertEqual(ack.header("Route"), "<sip:127.0.0.8:5090;lr>")
        self.assertEqual(ack.header("CSeq"), "1 ACK")
        self.assertIn("tag=far", ack.header("To") or "")
        self.assertNotEqual(ack.header("Via"), sent.header("Via"))
        self.assertEqual(self.responses, [(0.0, 200)])

    def test_success_again(self) -> None:
        """A retransmitted 200 gets the same ACK again, and the user is not bothered."""
        _, sent = self.send()
        success = response_text(sent, 200, extra=("Contact: <sip:bob@127.0.0.9:5080>",))
        [ack] = self.receive(success)
        self.wait(20)
        [again] = self.receive(success)
        self.assertEqual(again.data, ack.data)
        self.assertEqual(len(self.responses), 1)

    def test_contact_with_a_name(self) -> None:
        """Nothing is resolved to send an ACK: with a name in Contact it takes the way of the INVITE."""
        _, sent = self.send()
        [ack] = self.receive(response_text(sent, 200, extra=("Contact: <sip:bob@pc.example.test>",)))
        self.assertEqual(ack.first_line, "ACK sip:bob@pc.example.test SIP/2.0")
        self.assertEqual(ack.target, PEER)

    def test_failure_is_acknowledged(self) -> None:
        """The ACK of a failure has the INVITE's branch, URI and destination, even of a 302 with a Contact."""
        _, sent = self.send()
        for _ in range(2):
            [ack] = self.receive(response_text(sent, 302, extra=("Contact: <sip:other@192.0.2.4>",)))
            self.assertEqual(ack.first_line, sent.first_line.replace("INVITE", "ACK"))
            self.assertEqual(ack.header("Via"), sent.header("Via"))
            self.assertEqual(ack.target, PEER)
        self.assertEqual(self.responses, [(0.0, 302)])

    def test_credentials_in_ack(self) -> None:
        """An ACK carries the credentials of its INVITE (RFC 3261, section 22.1)."""
        request = build_request()
        credentials = 'Digest username="u", realm="r", nonce="n", uri="sip:x", response="0"'
        request.add("Proxy-Authorization", credentials)
        self.endpoint.send_request(request, THERE, self.on_response)
        [sent] = self.network.taken()
        [ack] = self.receive(response_text(sent, 200))
        self.assertIn('username="u"', ack.header("Proxy-Authorization") or "")

    def test_manual_ack(self) -> None:
        """With manual_ack the ACK of a 200 waits for its body; a repeated 200 then gets it again."""
        transaction, sent = self.send(manual_ack=True)
        success = response_text(sent, 200, extra=("Contact: <sip:bob@127.0.0.9:5080>",))
        self.assertEqual(self.receive(success) + self.receive(success), [])
        self.assertEqual(self.responses, [(0.0, 200)])
        self.assertFalse(transaction.finished)
        transaction.send_ack("v=0\r\n")
        [ack] = self.network.taken()
        self.assertTrue(ack.text.endswith("Content-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n"))
        self.assertEqual([again.data for again in self.receive(success)], [ack.data])
        self.assertTrue(transaction.finished)
        transaction.send_ack("v=0\r\n")
        self.assertEqual(self.network.taken(), [])

    def test_manual_ack_of_a_failure(self) -> None:
        """A failure is acknowledged at once, manual_ack or not."""
        _, sent = self.send(manual_ack=True)
        [ack] = self.receive(response_text(sent, 486))
        self.assertTrue(ack.first_line.startswith("ACK"))

    def test_manual_ack_forgotten(self) -> None:
        """An ACK that the user never sends leaves no transaction behind."""
        _, sent = self.send(manual_ack=True)
        self.receive(response_text(sent, 200))
        self.wait(65)
        self.assertEqual(self.endpoint.pending(), (0, 0))

    def test_cancel_waits(self) -> None:
        """CANCEL waits for a provisional response, has the INVITE's branch, and goes out once."""
        transaction, sent = self.send()
        transaction.cancel()
        transaction.cancel()
        self.assertEqual(self.network.taken(), [])
        [cancel] = self.receive(response_text(sent, 100))
        self.assertTrue(cancel.first_line.startswith("CANCEL "))
        self.assertEqual((cancel.header("Via"), cancel.header("CSeq")), (sent.header("Via"), "1 CANCEL"))
        transaction.cancel()
        self.assertEqual(self.receive(response_text(sent, 180)), [])
        self.receive(response_text(cancel, 200))
        self.receive(response_text(sent, 487))
        self.assertEqual([status for _, status in self.responses], [100, 180, 487])

    def test_cancel_while_ringing(self) -> None:
        """CANCEL goes out at once when it rings; a 200 that crossed it is acknowledged and told."""
        transaction, sent = self.send()
        self.receive(response_text(sent, 180))
        transaction.cancel()
        [cancel] = self.network.taken()
        self.assertTrue(cancel.first_line.startswith("CANCEL "))
        [ack] = self.receive(response_text(sent, 200, extra=("Contact: <sip:bob@127.0.0.9:5080>",)))
        self.assertTrue(ack.first_line.startswith("ACK "))
        self.receive(response_text(cancel, 481))
        self.assertEqual([status for _, status in self.responses], [180, 200])
        transaction.cancel()

    def test_cancel_unanswered(self) -> None:
        """A cancelled INVITE without a final response ends with a 408 of ours 32 s later, whatever rings on."""
        transaction, sent = self.send()
        self.receive(response_text(sent, 180))
        transaction.cancel()
        self.wait(20)
        self.receive(response_text(sent, 180))
        self.wait(13)
        self.assertEqual(self.responses[-1], (32.0, 408))
        self.wait(32)

    def test_stray_success(self) -> None:
        """A second 200 from another fork, or one after the time-out, goes to on_stray_response."""
        strays: list[tuple[int, Destination]] = []
        self.endpoint.on_stray_response = lambda response, source: strays.append((response.getSCode()[0], source))
        _, sent = self.send()
        self.receive(response_text(sent, 200, tag="one"))
        self.assertEqual(self.receive(response_text(sent, 200, tag="two")), [])
        self.assertEqual(strays, [(200, THERE)])
        _, late = self.send()
        self.wait(33)
        self.receive(response_text(late, 200))
        self.assertEqual(len(strays), 2)
        self.wait(32)

    def test_foreign_response(self) -> None:
        """A response whose Via is not ours is dropped (RFC 3261, 18.1.2)."""
        strays: list[object] = []
        self.endpoint.on_stray_response = lambda response, source: strays.append(response)
        _, sent = self.send()
        self.receive(response_text(sent, 200).replace("UDP 127.0.0.1", "UDP 255.255.255.255"))
        self.assertEqual((strays, self.responses), ([], []))
        self.receive(response_text(sent, 486))

    def test_transport_error(self) -> None:
        """A request that cannot leave gets a 503 of ours, not from inside send_request."""
        self.network.ports[OURS].broken = OSError("no route")
        transaction = self.endpoint.send_request(build_request("REGISTER"), THERE, self.on_response)
        self.assertEqual(self.responses, [])
        self.clock.advance(0)
        self.assertEqual(self.responses, [(0.0, 503)])
        self.assertTrue(transaction.finished)
        self.wait(33)
        self.assertEqual(len(self.responses), 1)

    def test_transport_error_later(self) -> None:
        """So does one whose retransmission cannot leave."""
        self.send()
        self.network.ports[OURS].broken = OSError("no route")
        self.wait(1)
        self.assertEqual(self.responses, [(0.5, 503)])

    def test_seen_address(self) -> None:
        """What a response says about how its sender saw us reaches whoever asked (RFC 3581, section 4)."""
        seen: list[object] = []
        self.endpoint.send_request(
            build_request("OPTIONS"), THERE, lambda response: seen.append(response.getHFBody("via").params)
        )
        text = response_text(self.network.taken()[-1], 200).replace(";rport", ";received=192.0.2.7;rport=40000", 1)
        self.receive(text)
        [params] = seen
        self.assertEqual((params["received"], params["rport"]), ("192.0.2.7", "40000"))  # type: ignore[index]

    def test_names_are_not_resolved(self) -> None:
        """Nothing goes to a name, a broadcast or a multicast address."""
        for host in ("example.test", "255.255.255.255", "224.0.0.1", "0.0.0.0"):
            self.endpoint.send_request(build_request("OPTIONS"), Destination(host, 5060), self.on_response)
        self.wait(1)
        self.assertEqual([status for _, status in self.responses], [503] * 4)
        self.assertEqual(self.network.taken(), [])

    def test_failing_callback(self) -> None:
        """What a response callback raises is logged; the transaction ends as it should."""

        def fail(response: SipResponse) -> None:
            raise ZeroDivisionError

        self.endpoint.send_request(build_request(), THERE, fail)
        [sent] = self.network.taken()
        self.receive(response_text(sent, 180))
        [ack] = self.receive(response_text(sent, 486))
        self.assertTrue(ack.first_line.startswith("ACK"))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)

    def test_via_asks_for_rport(self) -> None:
        """Our requests ask for symmetric responses (RFC 3581) and name our address and program."""
        _, sent = self.send()
        self.assertIn(";rport", sent.header("Via") or "")
        self.assertTrue((sent.header("Via") or "").startswith("SIP/2.0/UDP 127.0.0.1;"))
        self.assertEqual(sent.header("User-Agent"), "NEON/test")
        [ack] = self.receive(response_text(sent, 486))
        self.assertEqual(ack.header("User-Agent"), "NEON/test")

    def test_upper_case_transport(self) -> None:
        """transport=UDP in the URI that is called raises nothing."""
        request = build_request()
        request.getRURI().transport = "UDP"
        self.endpoint.send_request(request, THERE, self.on_response)
        [sent] = self.network.taken()
        self.receive(response_text(sent, 486))
