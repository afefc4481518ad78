"""The endpoint on a clock and a network in memory: both sides of every transaction, and what goes wrong with them."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from sippy.SipHeader import SipHeader
from sippy.SipRequest import SipRequest
from sippy.SipResponse import SipResponse
from twisted.internet.error import CannotListenError
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from neon.sip import reactor as glue
from neon.sip.door import DoorPolicy
from neon.sip.endpoint import ClientTransaction, Endpoint, ServerTransaction
from neon.values import Address
from tests.sip.messages import OURS, PEER, ack_text, answer, build_request, request_text, response_text
from tests.sip.network import Datagram, Network


class EndpointCase(SynchronousTestCase):
    """One endpoint that trusts everybody; the test is the far end."""

    policy = DoorPolicy(trusted=lambda host: True)

    def setUp(self) -> None:
        self.clock = Clock()
        self.addCleanup(glue.install(self.clock).restore)
        self.network = Network(self.clock)
        self.requests: list[tuple[SipRequest, ServerTransaction]] = []
        self.responses: list[tuple[float, int]] = []
        self.endpoint = self.make(self.policy)

    def tearDown(self) -> None:
        self.assertEqual(self.endpoint.pending(), (0, 0), "a transaction was left behind")
        self.successResultOf(self.endpoint.stop())
        self.assertEqual(self.clock.getDelayedCalls(), [], "a timer was left behind")

    def make(self, policy: DoorPolicy) -> Endpoint:
        endpoint = Endpoint(
            self.network, self.clock, host=OURS[0], port=OURS[1], door=policy,
            on_request=self.on_request, user_agent="NEON/test",
        )  # fmt: skip
        endpoint.start()
        return endpoint

    def on_request(self, request: SipRequest, transaction: ServerTransaction) -> None:
        self.requests.append((request, transaction))

    def on_response(self, response: SipResponse) -> None:
        self.responses.append((self.clock.seconds(), response.getSCode()[0]))

    def wait(self, seconds: float) -> None:
        self.clock.pump([0.125] * round(seconds * 8))

    def receive(self, data: str | bytes, source: Address = PEER) -> list[Datagram]:
        """Let a datagram arrive; returns what was sent because of it."""
        self.network.taken()
        self.network.deliver(data, source, OURS)
        return self.network.taken()

    def times(self, start: str = "") -> list[float]:
        return [datagram.at for datagram in self.network.taken() if datagram.first_line.startswith(start)]

    def send(self, method: str = "INVITE", *, manual_ack: bool = False) -> tuple[ClientTransaction, Datagram]:
        request = build_request(method)
        transaction = self.endpoint.send_request(request, PEER, self.on_response, manual_ack=manual_ack)
        return transaction, self.network.taken()[-1]


class ClientTests(EndpointCase):
    def test_invite_schedule(self) -> None:
        """An INVITE goes out at 0 and then after 0.5, 1, 2, 4, 4... s; 408 at 32 s, told once."""
        self.endpoint.send_request(build_request(), PEER, self.on_response)
        self.wait(40)
        self.assertEqual(self.times("INVITE"), [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5])
        self.assertEqual(self.responses, [(32.0, 408)])
        self.wait(30)

    def test_other_schedule(self) -> None:
        """A request other than INVITE follows the same schedule and is gone after 32 s."""
        self.endpoint.send_request(build_request("OPTIONS"), PEER, self.on_response)
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
        request.appendHeader(SipHeader(name="proxy-authorization", bodys='Digest username="u", realm="r", nonce="n", '
                                                                         'uri="sip:x", response="0"'))  # fmt: skip
        self.endpoint.send_request(request, PEER, self.on_response)
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
        strays: list[tuple[int, Address]] = []
        self.endpoint.on_stray_response = lambda response, source: strays.append((response.getSCode()[0], source))
        _, sent = self.send()
        self.receive(response_text(sent, 200, tag="one"))
        self.assertEqual(self.receive(response_text(sent, 200, tag="two")), [])
        self.assertEqual(strays, [(200, PEER)])
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
        transaction = self.endpoint.send_request(build_request("REGISTER"), PEER, self.on_response)
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

    def test_names_are_not_resolved(self) -> None:
        """Nothing goes to a name, a broadcast or a multicast address."""
        for host in ("example.test", "255.255.255.255", "224.0.0.1", "0.0.0.0"):
            self.endpoint.send_request(build_request("OPTIONS"), (host, 5060), self.on_response)
        self.wait(1)
        self.assertEqual([status for _, status in self.responses], [503] * 4)
        self.assertEqual(self.network.taken(), [])

    def test_failing_callback(self) -> None:
        """What a response callback raises is logged; the transaction ends as it should."""

        def fail(response: SipResponse) -> None:
            raise ZeroDivisionError

        self.endpoint.send_request(build_request(), PEER, fail)
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
        self.assertIn("sip:127.0.0.1", sent.header("Contact") or "")
        [ack] = self.receive(response_text(sent, 486))
        self.assertEqual(ack.header("User-Agent"), "NEON/test")

    def test_upper_case_transport(self) -> None:
        """transport=UDP in the URI that is called raises nothing."""
        request = build_request()
        request.getRURI().transport = "UDP"
        self.endpoint.send_request(request, PEER, self.on_response)
        [sent] = self.network.taken()
        self.receive(response_text(sent, 486))


class ServerTests(EndpointCase):
    def invite(self, **changed: Any) -> ServerTransaction:
        self.receive(request_text("INVITE", **changed))
        return self.requests[-1][1]

    def respond(self, status: int) -> Datagram:
        request, transaction = self.requests[-1]
        self.network.taken()
        transaction.respond(answer(request, status))
        return self.network.taken()[-1]

    def test_success_schedule(self) -> None:
        """A 200 is sent at 0, then after 0.5, 1, 2, 4, 4... s; without an ACK on_no_ack comes at 32 s, once."""
        silence: list[float] = []
        self.invite().on_no_ack = lambda: silence.append(self.clock.seconds())
        self.requests[-1][1].respond(answer(self.requests[-1][0], 200))
        self.wait(40)
        self.assertEqual(self.times("SIP/2.0 200"), [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5])
        self.assertEqual(silence, [32.0])

    def test_ack_ends_it(self) -> None:
        """The ACK, whatever its branch, ends the retransmissions and is handed over once."""
        acks: list[SipRequest] = []
        self.invite().on_ack = acks.append
        success = self.respond(200)
        self.wait(0.6)
        for _ in range(2):
            self.assertEqual(self.receive(ack_text(success, branch="z9hG4bKother")), [])
        self.wait(10)
        self.assertEqual(self.network.taken(), [])
        self.assertEqual([ack.getMethod() for ack in acks], ["ACK"])
        self.assertEqual(self.endpoint.pending(), (0, 0))

    def test_ack_of_a_failure(self) -> None:
        """The ACK of a failure ends it without a word to the user."""
        acks: list[SipRequest] = []
        self.invite().on_ack = acks.append
        self.receive(ack_text(self.respond(486)))
        self.assertEqual((acks, self.endpoint.pending()), ([], (0, 0)))

    def test_failure_without_ack(self) -> None:
        """A failure without an ACK is given up after 32 s without a word."""
        silence: list[object] = []
        self.invite().on_no_ack = lambda: silence.append(1)
        self.respond(486)
        self.wait(33)
        self.assertEqual(silence, [])

    def test_invite_again(self) -> None:
        """A retransmitted INVITE gets the last response again, is no second call, and is absorbed after the ACK."""
        self.invite()
        self.assertEqual(self.receive(request_text("INVITE")), [])
        ringing = self.respond(180)
        self.assertEqual([again.data for again in self.receive(request_text("INVITE"))], [ringing.data])
        success = self.respond(200)
        self.assertEqual([again.data for again in self.receive(request_text("INVITE"))], [success.data])
        self.receive(ack_text(success))
        self.assertEqual(self.receive(request_text("INVITE")), [])
        self.assertEqual(len(self.requests), 1)

    def test_other_again(self) -> None:
        """A retransmitted request of another kind gets its final response again, for 32 s at least."""
        self.receive(request_text())
        final = self.respond(200)
        self.wait(31)
        self.assertEqual([again.data for again in self.receive(request_text())], [final.data])
        self.assertEqual(len(self.requests), 1)

    def test_answers_go_to_the_source(self) -> None:
        """Whatever Via says: the answer goes to the packet's source, and says so (RFC 3581)."""
        via = "SIP/2.0/UDP 192.0.2.66:7777;received=192.0.2.67;rport=1;maddr=192.0.2.68;branch=z9hG4bKx"
        self.invite(via=via)
        final = self.respond(486)
        self.assertEqual(final.target, PEER)
        self.assertEqual(
            final.header("Via"),
            "SIP/2.0/UDP 192.0.2.66:7777;maddr=192.0.2.68;branch=z9hG4bKx;received=127.0.0.9;rport=5080",
        )
        self.wait(33)

    def test_tag(self) -> None:
        """Every response above 100 has the same To tag, CANCEL's 200 and the 487 too (RFC 3261, 9.2)."""
        self.invite()
        self.assertNotIn("tag=", self.respond(100).header("To") or "")
        tagged = self.respond(180).header("To")
        self.assertIn("tag=", tagged or "")
        ok, gone = self.receive(request_text("CANCEL", cseq="1 CANCEL"))
        self.assertEqual((ok.header("To"), gone.header("To")), (tagged, tagged))
        self.assertTrue(gone.first_line.startswith("SIP/2.0 487"))
        self.receive(ack_text(gone))

    def test_cancel(self) -> None:
        """CANCEL is answered 200, the INVITE 487, and on_cancel is called once; a later answer goes nowhere."""
        cancelled: list[int] = []
        transaction = self.invite()
        transaction.on_cancel = lambda: cancelled.append(1)
        sent = self.receive(request_text("CANCEL", cseq="1 CANCEL"))
        self.assertEqual([one.first_line[:11] for one in sent], ["SIP/2.0 200", "SIP/2.0 487"])
        self.assertTrue(transaction.finished)
        transaction.respond(answer(self.requests[0][0], 200))
        again = self.receive(request_text("CANCEL", cseq="1 CANCEL"))
        self.assertEqual([one.first_line[:11] for one in again], ["SIP/2.0 200"])
        self.assertEqual(cancelled, [1])
        self.receive(ack_text(sent[1]))

    def test_cancel_too_late(self) -> None:
        """CANCEL after the 200 is answered 200 and changes nothing; for nothing it is 481."""
        transaction = self.invite()
        transaction.on_cancel = lambda: self.fail("cancelled")
        success = self.respond(200)
        [ok] = self.receive(request_text("CANCEL", cseq="1 CANCEL"))
        self.assertTrue(ok.first_line.startswith("SIP/2.0 200"))
        [unknown] = self.receive(request_text("CANCEL", cseq="1 CANCEL", call_id="other@127.0.0.9"))
        self.assertTrue(unknown.first_line.startswith("SIP/2.0 481"))
        [stolen] = self.receive(request_text("CANCEL", cseq="1 CANCEL"), ("127.0.0.7", 5080))
        self.assertTrue(stolen.first_line.startswith("SIP/2.0 481"))
        self.receive(ack_text(success))

    def test_expiry(self) -> None:
        """An INVITE that nobody answers ends as if cancelled when it expires, after 180 s at most."""
        for index, (expires, seconds) in enumerate((("20", 20.0), ("4000", 180.0), ("0", 180.0))):
            ends: list[float] = []
            start = self.clock.seconds()
            transaction = self.invite(expires=expires, call_id=f"{index}@127.0.0.9")
            transaction.on_cancel = lambda start=start, ends=ends: ends.append(self.clock.seconds() - start)
            self.network.taken()
            self.wait(181)
            self.assertEqual(ends, [seconds])
            self.assertTrue(self.network.taken()[0].first_line.startswith("SIP/2.0 487"))
            self.wait(33)

    def test_never_answered(self) -> None:
        """A request other than INVITE that nobody answers is forgotten after 32 s."""
        self.receive(request_text())
        self.assertEqual(self.endpoint.pending(), (0, 1))
        self.wait(33)
        self.assertEqual(self.endpoint.pending(), (0, 0))

    def test_answered_later(self) -> None:
        """A request other than INVITE may be answered after the handler has returned."""
        self.receive(request_text())
        self.wait(2)
        self.assertTrue(self.respond(200).first_line.startswith("SIP/2.0 200"))

    def test_stray_ack(self) -> None:
        """An ACK for nothing gets no answer."""
        self.assertEqual(self.receive(request_text("ACK", to="<sip:1000@127.0.0.1>;tag=x")), [])

    def test_transport_error(self) -> None:
        """A response that cannot leave is tried again by its retransmission."""
        self.invite()
        self.network.ports[OURS].broken = OSError("no buffer")
        self.requests[0][1].respond(answer(self.requests[0][0], 486))
        self.network.ports[OURS].broken = None
        self.wait(0.5)
        [again] = self.network.taken()
        self.receive(ack_text(again))

    def test_call_to_ourselves(self) -> None:
        """A call that comes back through a proxy with our own Via below is a call, not a loop."""
        _, sent = self.send()
        back = sent.text.replace("Via: ", "Via: SIP/2.0/UDP 127.0.0.9:5080;branch=z9hG4bKproxy, ", 1)
        self.receive(back)
        self.assertEqual(len(self.requests), 1)
        final = self.respond(486)
        self.receive(ack_text(final).replace("<sip:bob@127.0.0.9>;tag=bob", sent.header("From") or ""))
        [ack] = self.receive(response_text(sent, 486))
        self.assertTrue(ack.first_line.startswith("ACK"))

    def test_octets(self) -> None:
        """Content-Length counts octets, coming and going."""
        body = "v=0\r\ns=ção\r\n"
        self.receive(request_text("INVITE", body=body) + "trailing")
        request, transaction = self.requests[0]
        self.assertEqual(str(request.getBody()), body)
        response = request.genResponse(200, "OK", body=request.getBody())
        transaction.respond(response)
        [sent] = self.network.taken()
        self.assertEqual(sent.header("Content-Length"), str(len(body.encode())))
        self.receive(ack_text(sent))


class FailingHandlerTests(EndpointCase):
    def on_request(self, request: SipRequest, transaction: ServerTransaction) -> None:
        raise ZeroDivisionError

    def test_500(self) -> None:
        """What a request handler raises is logged and answered with 500; nothing stays."""
        [error] = self.receive(request_text())
        self.assertTrue(error.first_line.startswith("SIP/2.0 500"))
        [error] = self.receive(request_text("INVITE"))
        self.assertTrue(error.first_line.startswith("SIP/2.0 500"))
        self.receive(ack_text(error))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)


class FailingCallbacksTests(ServerTests):
    """Everything that the server side promises holds when the user's callbacks raise."""

    def wrap(self, callback: Callable[..., object] | None) -> Callable[..., None]:
        def raising(*arguments: object) -> None:
            if callback is not None:
                callback(*arguments)
            raise ZeroDivisionError

        return raising

    def invite(self, **changed: Any) -> ServerTransaction:
        transaction = super().invite(**changed)
        case = self

        class Raising:
            def __setattr__(self, name: str, value: Callable[..., object]) -> None:
                setattr(transaction, name, case.wrap(value))

            def __getattr__(self, name: str) -> object:
                return getattr(transaction, name)

        transaction.on_ack = transaction.on_cancel = transaction.on_no_ack = self.wrap(None)
        raising: Any = Raising()
        return raising  # type: ignore[no-any-return]

    def tearDown(self) -> None:
        self.flushLoggedErrors(ZeroDivisionError)
        super().tearDown()


class BindingTests(EndpointCase):
    def test_exclusive(self) -> None:
        """Two endpoints cannot share a port."""
        self.assertRaises(CannotListenError, self.make, self.policy)

    def test_stop_with_work_under_way(self) -> None:
        """Stopping forgets every transaction, timer and callback."""
        self.send()
        self.receive(request_text("INVITE"))
        self.successResultOf(self.endpoint.stop())
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.wait(40)
        self.assertEqual(self.responses, [])

    def test_order(self) -> None:
        """Datagrams leave in the order in which they were handed over."""
        for method in ("OPTIONS", "REGISTER", "MESSAGE"):
            self.endpoint.send_request(build_request(method), PEER, self.on_response)
        self.assertEqual([one.first_line.split()[0] for one in self.network.sent], ["OPTIONS", "REGISTER", "MESSAGE"])
        self.wait(33)


class LossTests(EndpointCase):
    def test_two_endpoints_over_a_bad_network(self) -> None:
        """Four in ten datagrams lost: fifty calls complete all the same, and nothing is left."""
        answered: list[SipRequest] = []

        def callee(request: SipRequest, transaction: ServerTransaction) -> None:
            transaction.on_ack = answered.append
            transaction.respond(answer(request, 200))

        generous = DoorPolicy(trusted=lambda host: True, pending_invites=100, pending_invites_per_source=100)
        other = Endpoint(self.network, self.clock, host=PEER[0], port=PEER[1], door=generous, on_request=callee,
                         user_agent="other")  # fmt: skip
        other.start()
        dice = random.Random(3261)
        self.network.latency = 0.03
        self.network.lost = lambda datagram: dice.random() < 0.4
        for _ in range(50):
            self.endpoint.send_request(build_request(), PEER, self.on_response)
        self.wait(70)
        self.assertEqual([status for _, status in self.responses], [200] * 50)
        self.assertEqual(len(answered), 50)
        self.assertEqual(other.pending(), (0, 0))
        self.successResultOf(other.stop())


class TraceTests(EndpointCase):
    def test_trace(self) -> None:
        """A trace sees what comes in and what leaves; without one nothing is looked at."""
        seen: list[tuple[str, Address, str]] = []
        self.endpoint.trace = lambda direction, peer, message: seen.append((direction, peer, message.split()[0]))
        _, sent = self.send("OPTIONS")
        self.receive(response_text(sent, 200))
        self.assertEqual(seen, [("->", PEER, "OPTIONS"), ("<-", PEER, "SIP/2.0")])
