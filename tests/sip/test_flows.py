"""SIP over connections: reuse, loss, patience, and requests too long for a datagram."""

from __future__ import annotations

from typing import Any

from sippy.MsgBody import MsgBody
from sippy.SipRequest import SipRequest
from sippy.SipResponse import SipResponse
from twisted.internet.protocol import ClientFactory, Protocol
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from neon.sip import reactor as glue
from neon.sip.door import DoorPolicy
from neon.sip.endpoint import Endpoint, ServerTransaction
from neon.sip.ways import Transports
from neon.values import Destination
from tests.sip.messages import build_request
from tests.sip.streams import End, StreamNetwork

US, THEM = Destination("127.0.0.1", 5060, "tcp"), Destination("127.0.0.9", 5080, "tcp")


class Tap(Protocol):
    """A far end that is no SIP program: it keeps what it hears."""

    def __init__(self) -> None:
        self.heard = b""
        self.gone = False

    def dataReceived(self, data: bytes) -> None:
        self.heard += data

    def connectionLost(self, reason: Any = None) -> None:
        self.gone = True


class TapFactory(ClientFactory):
    noisy = False

    def __init__(self) -> None:
        self.taps: list[Tap] = []

    def buildProtocol(self, addr: Any) -> Tap:
        self.taps.append(Tap())
        return self.taps[-1]


class StreamCase(SynchronousTestCase):
    """An endpoint of ours, and one that listens for connections."""

    transports = Transports()

    def setUp(self) -> None:
        self.clock = Clock()
        self.addCleanup(glue.install(self.clock).restore)
        self.network = StreamNetwork(self.clock)
        self.requests: list[tuple[SipRequest, ServerTransaction]] = []
        self.asked_us: list[tuple[SipRequest, ServerTransaction]] = []
        self.responses: list[tuple[float, int, str]] = []
        self.lost: list[tuple[Destination, str]] = []
        self.us = self.endpoint(US, self.transports, lambda request, t: self.asked_us.append((request, t)))
        self.us.on_flow_lost = lambda destination, reason: self.lost.append((destination, reason))
        self.them = self.endpoint(
            THEM, Transports(listen_tcp=True), lambda request, t: self.requests.append((request, t))
        )

    def endpoint(self, at: Destination, transports: Transports, on_request: Any) -> Endpoint:
        endpoint = Endpoint(
            self.network, self.clock, host=at.host, port=at.port, door=DoorPolicy(direct_calls=True),
            on_request=on_request, user_agent="NEON/test", transports=transports,
        )  # fmt: skip
        endpoint.start()
        return endpoint

    def tearDown(self) -> None:
        done = [self.us.stop(), self.them.stop()]
        self.wait(1)
        for one in done:
            self.successResultOf(one)
        self.assertEqual(self.clock.getDelayedCalls(), [], "a timer was left behind")

    def wait(self, seconds: float = 0.125) -> None:
        self.clock.pump([0.125] * round(seconds * 8))

    def send(self, method: str = "OPTIONS", to: Destination = THEM, **more: Any) -> SipRequest:
        request = build_request(method, **more)
        self.us.send_request(request, to, self.on_response)
        return request

    def on_response(self, response: SipResponse) -> None:
        self.responses.append((self.clock.seconds(), *response.getSCode()))

    def answer(self, status: int = 200, reason: str = "OK") -> None:
        request, transaction = self.requests[-1]
        transaction.respond(request.genResponse(status, reason))

    def talk(self) -> End:
        """Open the connection with an OPTIONS; returns our end of it."""
        self.send()
        self.wait()
        self.answer()
        self.wait()
        return self.network.ends[-1][0]


class FlowTests(StreamCase):
    def test_one_connection(self) -> None:
        """Requests to one destination share a connection; the Via names the transport."""
        for _ in range(3):
            self.talk()
        self.assertEqual([status for _, status, _ in self.responses], [200] * 3)
        self.assertEqual(len(self.network.ends), 1)
        via = self.requests[0][0].getHFBody("via")
        self.assertEqual((via.transport, via.hostname, via.port), ("TCP", "127.0.0.1", 5060))

    def test_stranded(self) -> None:
        """A connection from an address that is not ours any more is given up; one from ours stays."""
        self.talk()
        self.us.forget_routes()
        self.wait(1)
        self.talk()
        self.assertEqual(len(self.network.ends), 1)
        self.network.ends[0][0].here = ("127.0.0.77", 40000)
        self.us.forget_routes()
        self.wait(1)
        self.wait()
        self.talk()
        self.assertEqual(len(self.network.ends), 2)

    def test_sent_in_order(self) -> None:
        """What is sent while the connection is being made leaves in order when it is there."""
        for number in range(5):
            self.send(call_id=str(number))
        self.wait()
        self.assertEqual([str(request.getHFBody("call-id")) for request, _ in self.requests], list("01234"))
        for request, transaction in self.requests:
            transaction.respond(request.genResponse(200, "OK"))
        self.wait()

    def test_the_same_connection_back(self) -> None:
        """Requests to our end of the connection come over it; its address is what our Contact says."""
        end = self.talk()
        here = self.us.local_address(THEM)
        self.assertEqual(here, Destination(*end.here, "tcp"))
        self.assertEqual(self.requests[0][1].source, here)
        self.them.send_request(build_request("OPTIONS"), here, self.on_response)
        self.wait()
        request, transaction = self.asked_us[0]
        transaction.respond(request.genResponse(200, "OK"))
        self.wait()
        self.assertEqual([status for _, status, _ in self.responses], [200, 200])
        self.assertEqual(len(self.network.ends), 1)

    def test_nothing_is_repeated(self) -> None:
        """A request over a connection is sent once; without an answer it ends after 32 s all the same."""
        self.send("INVITE")
        self.wait(31)
        self.assertEqual(self.network.ends[0][0].written.count(b"INVITE sip:"), 1)
        self.assertEqual(self.responses, [])
        self.wait(2)
        self.assertEqual([status for _, status, _ in self.responses], [408])
        self.wait(200)

    def test_failures_are_not_repeated_but_successes_are(self) -> None:
        """A 486 over a connection is sent once; a 200 to an INVITE until its ACK comes (RFC 3261, section 13.3.1.4)."""
        self.send("INVITE")
        self.wait()
        client, server = self.network.ends[0]
        client.protocol.dataReceived = lambda data: None
        self.answer(486, "Busy Here")
        self.wait(10)
        self.assertEqual(server.written.count(b"SIP/2.0 486"), 1)
        self.send("INVITE", call_id="other")
        self.wait()
        self.answer()
        self.wait(10)
        self.assertGreater(server.written.count(b"SIP/2.0 200"), 3)
        self.wait(250)

    def test_acknowledged(self) -> None:
        """The ACK takes the connection too."""
        self.send("INVITE")
        self.wait()
        acks: list[SipRequest] = []
        self.requests[0][1].on_ack = acks.append
        request, transaction = self.requests[0]
        transaction.respond(request.genResponse(200, "OK"))
        self.wait()
        self.assertEqual(len(acks), 1)
        self.assertEqual(len(self.network.ends), 1)

    def test_lost(self) -> None:
        """When a connection is lost, what waits for an answer has a 503 at once, and whoever registered hears of it."""
        end = self.talk()
        self.wait(12)
        self.send("INVITE")
        self.wait()
        assert end.other is not None
        end.other.abortConnection()
        self.clock.advance(0)
        self.assertEqual(self.responses[1:], [(self.clock.seconds(), 503, "the connection broke")])
        self.assertEqual(self.lost, [(THEM, "the connection broke")])
        self.talk()
        self.assertEqual(len(self.network.ends), 2)
        self.wait(200)

    def test_refused(self) -> None:
        """Where nobody listens a request fails at once, in words; the next attempt rests for a second."""
        nobody = Destination("127.0.0.8", 5060, "tcp")
        self.send(to=nobody)
        self.wait()
        self.send(to=nobody)
        self.wait()
        self.assertEqual([more for _, *more in self.responses], [[503, "the connection was refused"]] * 2)
        self.assertEqual(len(self.network.attempts), 1)
        self.wait(1)
        self.send(to=nobody)
        self.wait()
        self.assertEqual(len(self.network.attempts), 2)
        self.assertEqual(self.lost, [])

    def test_nobody_answers(self) -> None:
        """A connection that does not come is given up after five seconds."""
        self.network.silent.add(THEM.address)
        self.send()
        self.wait(6)
        self.assertEqual(self.responses, [(5.0, 503, "no connection could be made in time")])

    def test_short_lives_rest_longer(self) -> None:
        """A far end that closes every connection at once is not asked without pause."""
        for _ in range(200):
            self.send()
            self.wait(0.25)
            if self.network.ends[-1][0].open:
                self.network.ends[-1][1].abortConnection()
        self.assertLess(len(self.network.ends), 10)

    def test_kept_alive(self) -> None:
        """Half a minute without words is bridged by two empty lines, which are answered by one."""
        end = self.talk()
        before = end.written
        self.wait(31)
        self.assertEqual(end.written[len(before) :], b"\r\n\r\n")
        assert end.other is not None
        self.assertTrue(end.other.written.endswith(b"\r\n\r\n\r\n"))
        self.wait(600)
        self.assertTrue(end.open)

    def test_dead(self) -> None:
        """A far end that has answered keep-alives and does so no more is dead: its connection is closed."""
        self.talk()
        self.wait(31)
        self.network.cut = True
        self.wait(45)
        self.assertEqual(self.lost, [(THEM, "the far end answers no keep-alives any more")])

    def test_without_pongs(self) -> None:
        """One that never answered a keep-alive need not."""
        self.us.door.spoke_to("127.0.0.7")
        factory = TapFactory()
        self.network.listenTCP(5070, factory, interface="127.0.0.7")
        self.send(to=Destination("127.0.0.7", 5070, "tcp"))
        self.wait(300)
        self.assertFalse(factory.taps[0].gone)
        self.assertIn(b"\r\n\r\n\r\n\r\n", factory.taps[0].heard)

    def test_nothing_is_taken(self) -> None:
        """A far end that takes nothing for ten seconds loses its connection."""
        end = self.talk()
        end.stuff()
        self.wait(11)
        self.assertEqual(self.lost, [(THEM, "what was sent was not taken")])


class StrangerTests(StreamCase):
    """What connects to an endpoint that listens."""

    def connect(self, source: str = "127.0.0.66") -> tuple[End | None, Tap]:
        factory = TapFactory()
        end = self.network.join(source, THEM.address, factory)
        return end, factory.taps[0]

    def test_garbage(self) -> None:
        """What is no SIP closes the connection, and is counted."""
        for junk in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01" + bytes(200), b"x" * 20_000):
            end, tap = self.connect()
            assert end is not None
            end.write(junk)
            self.wait()
            self.assertTrue(tap.gone)
        self.assertEqual(self.them.door.counters["bad"], 3)

    def test_slow(self) -> None:
        """A message must be whole ten seconds after it began."""
        end, tap = self.connect()
        assert end is not None
        for octet in b"OPTIONS sip:a@b SIP/2.0\r\n":
            end.write(bytes([octet]))
            self.wait(0.5)
        self.assertTrue(tap.gone)

    def test_silent(self) -> None:
        """A connection of which nothing is heard for ten minutes is closed; empty lines are answered and keep it."""
        end, tap = self.connect()
        assert end is not None
        for _ in range(3):
            self.wait(300)
            end.write(b"\r\n\r\n")
        self.wait()
        self.assertEqual((tap.gone, tap.heard), (False, b"\r\n" * 3))
        self.wait(610)
        self.assertTrue(tap.gone)

    def test_bounded(self) -> None:
        """One host has eight connections at most."""
        taken = [self.connect()[0] for _ in range(12)]
        self.assertEqual(len([end for end in taken if end is not None]), 8)
        self.assertIsNotNone(self.connect("127.0.0.67")[0])

    def test_unknown(self) -> None:
        """Without direct calls nobody may connect to whom we never spoke."""
        at = Destination("127.0.0.10", 5060)
        shy = Endpoint(
            self.network, self.clock, host=at.host, port=at.port, door=DoorPolicy(), on_request=lambda *_: None,
            user_agent="NEON/test", transports=Transports(listen_tcp=True),
        )  # fmt: skip
        shy.start()
        self.assertIsNone(self.network.join("127.0.0.66", at.address, TapFactory()))
        shy.door.spoke_to("127.0.0.66")
        self.assertIsNotNone(self.network.join("127.0.0.66", at.address, TapFactory()))
        done = shy.stop()
        self.wait(1)
        self.successResultOf(done)


class LongRequestTests(StreamCase):
    """Requests that a datagram might not carry (RFC 3261, section 18.1.1)."""

    transports = Transports(largest_datagram=1300)

    def send_long(self, call_id: str = "long") -> None:
        request = build_request("INVITE", call_id=call_id)
        request.setBody(MsgBody("x" * 1300))
        self.us.send_request(request, THEM._replace(transport="udp"), self.on_response)

    def test_over_tcp(self) -> None:
        """A long one goes over TCP, a short one does not."""
        self.send_long()
        self.wait()
        self.answer(486, "Busy Here")
        self.wait()
        self.assertEqual([status for _, status, _ in self.responses], [486])
        self.assertEqual(self.requests[0][0].getHFBody("via").transport, "TCP")
        self.assertEqual(self.network.sent, [])
        self.send("INVITE", to=THEM._replace(transport="udp"))
        self.assertEqual(self.network.sent[0].first_line.split()[0], "INVITE")
        self.wait(250)

    def test_refused(self) -> None:
        """Where TCP is refused it goes as a datagram at once, and so do the next ones, until the network changes."""
        self.network.listeners.clear()
        self.send_long("one")
        self.wait()
        [sent] = self.network.taken()
        self.assertIn("Via: SIP/2.0/UDP 127.0.0.1", sent.text)
        self.answer(486, "Busy Here")
        self.wait()
        self.send_long("two")
        self.wait()
        self.answer(486, "Busy Here")
        self.wait()
        self.assertEqual(len(self.network.attempts), 1)
        self.us.forget_routes()
        self.wait(1)
        self.send_long("three")
        self.wait()
        self.answer(486, "Busy Here")
        self.wait()
        self.assertEqual(len(self.network.attempts), 2)
        self.assertEqual([status for _, status, _ in self.responses], [486] * 3)

    def test_cancelled_where_it_went(self) -> None:
        """The CANCEL follows its INVITE over the connection."""
        request = build_request("INVITE")
        request.setBody(MsgBody("x" * 1300))
        call = self.us.send_request(request, THEM._replace(transport="udp"), self.on_response)
        self.wait()
        self.answer(180, "Ringing")
        self.wait()
        call.cancel()
        self.wait()
        self.assertEqual([status for _, status, _ in self.responses], [180, 487])
        self.assertEqual(self.network.sent, [])


class CompactTests(StreamCase):
    transports = Transports(compact=True)

    def test_compact(self) -> None:
        """By setting, header names leave in their short forms, and are understood."""
        end = self.talk()
        self.assertIn(b"\r\nv: SIP/2.0/TCP ", end.written)
        self.assertNotIn(b"\r\nVia:", end.written)
        self.assertEqual([status for _, status, _ in self.responses], [200])


class FamilyTests(StreamCase):
    transports = Transports(more_hosts=("::1",))

    def test_both_families(self) -> None:
        """One endpoint speaks IPv4 and IPv6, over datagrams and connections."""
        six = self.endpoint(
            Destination("::1", 5082), Transports(listen_tcp=True), lambda request, t: self.requests.append((request, t))
        )
        for transport in ("udp", "tcp"):
            self.send(to=Destination("::1", 5082, transport))
            self.wait()
            self.answer()
            self.wait()
            self.assertEqual(self.requests[-1][0].getHFBody("via").hostname, "[::1]")
        self.assertEqual([status for _, status, _ in self.responses], [200, 200])
        self.assertEqual(self.us.local_address(Destination("::1", 5082, "tcp")).host, "::1")
        self.assertEqual([str(point) for point in self.us.points], ["udp:127.0.0.1:5060", "udp:[::1]:5060"])
        done = six.stop()
        self.wait(1)
        self.successResultOf(done)
