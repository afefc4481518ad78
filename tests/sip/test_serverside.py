"""Server transactions: retransmission, CANCEL, ACK, expiry, and callbacks that raise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sippy.SipRequest import SipRequest

from neon.sip.endpoint import ServerTransaction
from tests.sip.endpointcase import EndpointCase
from tests.sip.messages import OURS, PEER, ack_text, answer, request_text, response_text
from tests.sip.network import Datagram


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
