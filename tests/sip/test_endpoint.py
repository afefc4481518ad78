"""The endpoint as a whole: binding, strangers, bounds, loss, IPv6 and the trace."""

from __future__ import annotations

import random
from typing import Any

from sippy.SipRequest import SipRequest
from twisted.internet.error import CannotListenError
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from neon.sip import reactor as glue
from neon.sip.door import DoorPolicy
from neon.sip.endpoint import Endpoint, ServerTransaction
from neon.values import Address, Destination
from tests.sip.endpointcase import EndpointCase
from tests.sip.messages import OURS, PEER, THERE, answer, build_request, request_text, response_text
from tests.sip.network import Network


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
            self.endpoint.send_request(build_request(method), THERE, self.on_response)
        self.assertEqual([one.first_line.split()[0] for one in self.network.sent], ["OPTIONS", "REGISTER", "MESSAGE"])
        self.wait(33)


class BreakingTests(EndpointCase):
    """A message that our own code, or sippy's, breaks on."""

    def setUp(self) -> None:
        super().setUp()

        def breaks(*arguments: object) -> None:
            raise IndexError("what the peer wrote")

        transactions: Any = self.endpoint._transactions
        self.patch(transactions, "receive_request", breaks)
        self.lines: list[str] = []
        observer: Any = lambda event: self.lines.append(str(event))  # noqa: E731 (a plain function has no such type)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)

    def test_answer(self) -> None:
        """It gets a 400; an ACK gets silence."""
        self.assertEqual([one.first_line for one in self.receive(request_text())], ["SIP/2.0 400 Bad Request"])
        self.assertEqual(self.receive(request_text("ACK")), [])
        self.assertEqual(self.endpoint.door.counters["bad"], 2)

    def test_log(self) -> None:
        """One line says where, without a traceback and without what the message said; a second one waits."""
        for _ in range(10):
            self.receive(request_text())
        self.assertEqual((len(self.lines), self.flushLoggedErrors()), (1, []))
        self.assertIn("IndexError in breaks", self.lines[0])
        self.assertNotIn("what the peer wrote", self.lines[0])


class StrangerTests(EndpointCase):
    policy = DoorPolicy()

    def test_unknown_dialog(self) -> None:
        """With knows_dialog set, a stranger's request for no dialog of ours meets silence, for one of ours not."""
        self.endpoint.knows_dialog = lambda call_id: call_id == "ours"
        bye = request_text("BYE", to="<sip:1000@127.0.0.1>;tag=x", call_id="ours")
        self.assertEqual(self.receive(bye.replace("call-id: ours", "call-id: other")), [])
        self.assertEqual(self.requests, [])
        self.receive(bye)
        [(request, transaction)] = self.requests
        transaction.respond(answer(request, 200))

    def test_stateless(self) -> None:
        """send_stateless sends one datagram with our address in it, and keeps nothing."""
        self.endpoint.send_stateless(build_request("ACK"), THERE)
        [sent] = self.network.taken()
        self.assertTrue(sent.first_line.startswith("ACK "))
        self.assertTrue((sent.header("Via") or "").startswith("SIP/2.0/UDP 127.0.0.1;"))

    def test_callee_becomes_known(self) -> None:
        """Whom we have sent a request answers without being trusted, hundreds of times a second."""
        sent = [self.send("OPTIONS")[1] for _ in range(200)]
        for one in sent:
            self.receive(response_text(one, 200))
        self.assertEqual(len(self.responses), 200)


class BoundedTests(EndpointCase):
    def on_request(self, request: SipRequest, transaction: ServerTransaction) -> None:
        transaction.respond(answer(request, 200))

    def test_memory(self) -> None:
        """However many requests come, only so many answers are remembered, and those for 64 s at most."""
        memory = self.endpoint._transactions._memory
        for index in range(5000):
            self.network.deliver(request_text("MESSAGE", call_id=str(index)), PEER, OURS)
        self.assertEqual(len(memory), 2048)
        [again] = self.receive(request_text("MESSAGE", call_id="4999"))
        self.assertTrue(again.first_line.startswith("SIP/2.0 200"))
        self.wait(64)
        self.assertEqual(len(memory), 0)


class VersionSixTests(SynchronousTestCase):
    def test_call(self) -> None:
        """Two endpoints call each other over IPv6: brackets in messages, none in addresses."""
        clock = Clock()
        self.addCleanup(glue.install(clock).restore)
        network = Network(clock)
        calls: list[ServerTransaction] = []
        acks: list[SipRequest] = []
        statuses: list[int] = []

        def ring(request: SipRequest, transaction: ServerTransaction) -> None:
            calls.append(transaction)
            transaction.on_ack = acks.append
            transaction.respond(answer(request, 200))

        policy = DoorPolicy(trusted=lambda host, transport: host == "::1")
        caller, callee = (
            Endpoint(network, clock, host="::1", port=port, door=policy, on_request=ring, user_agent="x")
            for port in (5060, 5070)
        )
        caller.start()
        callee.start()
        caller.send_request(build_request(remote=("[::1]", 5070)), Destination("::1", 5070),
                            lambda response: statuses.append(response.getSCode()[0]))  # fmt: skip
        clock.pump([0.1] * 5)
        self.assertEqual(statuses, [200])
        self.assertEqual(len(acks), 1)
        self.assertEqual(calls[0].source, Destination("::1", 5060))
        self.assertTrue((network.sent[0].header("Via") or "").startswith("SIP/2.0/UDP [::1];"))
        self.assertEqual((caller.pending(), callee.pending()), ((0, 0), (0, 0)))
        for endpoint in (caller, callee):
            self.successResultOf(endpoint.stop())


class LossTests(EndpointCase):
    def test_two_endpoints_over_a_bad_network(self) -> None:
        """Four in ten datagrams lost: fifty calls complete all the same, and nothing is left."""
        answered: list[SipRequest] = []

        def callee(request: SipRequest, transaction: ServerTransaction) -> None:
            transaction.on_ack = answered.append
            transaction.respond(answer(request, 200))

        generous = DoorPolicy(trusted=lambda host, transport: True, pending_invites=100, pending_invites_per_source=100)
        other = Endpoint(self.network, self.clock, host=PEER[0], port=PEER[1], door=generous, on_request=callee,
                         user_agent="other")  # fmt: skip
        other.start()
        dice = random.Random(3261)
        self.network.latency = 0.03
        self.network.lost = lambda datagram: dice.random() < 0.4
        for _ in range(50):
            self.endpoint.send_request(build_request(), THERE, self.on_response)
        self.wait(70)
        self.assertEqual([status for _, status in self.responses], [200] * 50)
        self.assertEqual(len(answered), 50)
        self.assertEqual(other.pending(), (0, 0))
        self.successResultOf(other.stop())


class TraceTests(EndpointCase):
    def test_trace(self) -> None:
        """A trace sees what comes in and what leaves; without one nothing is looked at."""
        seen: list[tuple[str, Address, str]] = []
        self.endpoint.trace = lambda way, peer, message: seen.append((way, peer.address, str(message).split()[0]))
        _, sent = self.send("OPTIONS")
        self.receive(response_text(sent, 200))
        self.assertEqual(seen, [("->", PEER, "OPTIONS"), ("<-", PEER, "SIP/2.0")])
