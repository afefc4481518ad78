"""Questions to a STUN server over real sockets, on a clock of our own; and the ports that are kept ready by them."""

from __future__ import annotations

import select
import socket
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from neon.media.engine import Engine, SocketName
from neon.media.mappedports import PAUSES, READY, REFRESH, MappedPort, MappedPorts
from neon.media.stun import GIVE_UP, RETRANSMIT, NoMapping, StunQuery
from neon.stunmessage import BadStun, is_stun, transaction_of
from neon.values import Address
from tests.media.peers import LIMIT, PORTS
from tests.test_stunmessage import answer, mapped

PUBLIC = bytes([203, 0, 113, 7])


class Reactor(Clock):
    """Time of the test's, and readers that read when it says so."""

    def __init__(self) -> None:
        super().__init__()
        self.readers: list[Any] = []

    def addReader(self, reader: Any) -> None:
        self.readers.append(reader)

    def removeReader(self, reader: Any) -> None:
        self.readers.remove(reader)

    def read(self) -> None:
        """Let everybody read who can. On a busy machine also loopback's datagrams may be on their way for a moment."""
        ready, _, _ = select.select(self.readers, [], [], 0.3 if self.readers else 0)
        for reader in ready:
            reader.doRead()


class Server:
    """Sees everybody at another address: 203.0.113.7, a thousand ports higher."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(LIMIT)
        self.address: Address = self.socket.getsockname()
        self.asked = 0

    def answer(self) -> None:
        """Take one question and answer it."""
        question, source = self.take()
        self.socket.sendto(answer(0x0101, (1, mapped(PUBLIC, source[1] + 1000)), transaction=question), source)

    def take(self) -> tuple[bytes, Address]:
        data, source = self.socket.recvfrom(1500)
        assert is_stun(data)
        self.asked += 1
        return transaction_of(data), source


class QueryTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = Reactor()
        self.server = Server()
        self.addCleanup(self.server.socket.close)

    def ask(self, host: str = "127.0.0.1", server: Address | None = None) -> tuple[StunQuery, int]:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        ours = socket.socket(family, socket.SOCK_DGRAM)
        self.addCleanup(ours.close)
        if family == socket.AF_INET6:
            ours.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        ours.bind((host, 0))
        query = StunQuery(self.reactor, ours.fileno(), server or self.server.address)
        self.reactor.advance(0)
        return query, ours.getsockname()[1]

    def assert_nothing_left(self) -> None:
        self.assertEqual((self.reactor.getDelayedCalls(), self.reactor.readers), ([], []))

    def test_answer(self) -> None:
        """The address that the server saw is ours, and nothing is left running; also on a socket of both families."""
        for host in ("127.0.0.1", "::"):
            query, port = self.ask(host)
            self.server.answer()
            self.reactor.read()
            self.assertEqual(self.successResultOf(query.answer), ("203.0.113.7", port + 1000))
            self.assert_nothing_left()

    def test_lost(self) -> None:
        """A question that was lost is asked again, soon."""
        query, port = self.ask()
        self.server.take()
        self.reactor.advance(0.2)
        self.server.answer()
        self.reactor.read()
        self.assertEqual(self.successResultOf(query.answer)[1], port + 1000)

    def test_silence(self) -> None:
        """After a second it is over."""
        query, _ = self.ask()
        self.reactor.advance(GIVE_UP - 0.01)
        self.assertNoResult(query.answer)
        self.reactor.advance(0.01)
        self.failureResultOf(query.answer, NoMapping)
        self.assert_nothing_left()

    def test_nobody_there(self) -> None:
        """A server that is not there is no worse than a silent one."""
        self.server.socket.close()
        query, _ = self.ask()
        for _ in range(3):
            self.reactor.advance(0.4)
            self.reactor.read()
        self.assertEqual(str(self.failureResultOf(query.answer, NoMapping).value), "no answer")
        self.assert_nothing_left()

    def test_forged(self) -> None:
        """Answers of others, to others, or of nonsense do not count; the right one after them does."""
        query, port = self.ask()
        transaction, source = self.server.take()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.sendto(answer(0x0101, (1, mapped(PUBLIC, 666)), transaction=transaction), source)
        self.server.socket.sendto(answer(0x0101, (1, mapped(PUBLIC, 667)), transaction=bytes(12)), source)
        self.server.socket.sendto(b"nonsense", source)
        self.reactor.read()
        self.assertNoResult(query.answer)
        self.reactor.advance(0.2)
        self.server.answer()
        self.reactor.read()
        self.assertEqual(self.successResultOf(query.answer)[1], port + 1000)

    def test_given_up(self) -> None:
        """Whoever asks may lose interest."""
        query, _ = self.ask()
        query.answer.cancel()
        self.failureResultOf(query.answer)
        self.assert_nothing_left()


class FakeStream:
    """Implements what L{ServedQuery} asks of an engine's stream: the engine's half is played by the test."""

    local_port = 4000

    def __init__(self) -> None:
        self.asked: list[tuple[str, Address, bytes]] = []
        self.answers: dict[str, bytes] = {}
        self.waits: set[str] = set()

    def filenos(self) -> tuple[int, int]:
        raise AssertionError("the thread has the sockets")

    def ask(self, socket: str, server: Address, question: bytes) -> None:
        if server[1] == 1:
            raise ValueError("no address of a server")
        self.asked.append((socket, server, transaction_of(question)))
        self.waits.add(socket)

    def ask_no_more(self, socket: str) -> None:
        self.waits.discard(socket)

    def take_answer(self, socket: str) -> bytes | None:
        return self.answers.pop(socket, None)


class ServedTests(SynchronousTestCase):
    """A port whose stream the engine's thread serves, on another network."""

    server = ("192.0.2.1", 3478)

    def setUp(self) -> None:
        self.clock = Reactor()
        self.stream = FakeStream()
        never: Deferred[Address] = Deferred()
        servers = iter([never])
        stream: Any = self.stream
        self.port = MappedPort(self.clock, stream, lambda: next(servers, None) or succeed(self.server))
        self.port.serve()
        self.known = 0

    def renew(self) -> None:
        self.port.renew(self.told)
        self.clock.advance(0)

    def told(self) -> None:
        self.known += 1

    def answer(self, name: SocketName, port: int) -> None:
        """The engine has what the server says to the newest question of a socket."""
        transaction = next(asked for socket, _, asked in reversed(self.stream.asked) if socket == name)
        self.stream.answers[name] = answer(0x0101, (1, mapped(PUBLIC, port)), transaction=transaction)
        self.port.heard(name)

    def test_asked_anew(self) -> None:
        """Both sockets are asked about through the engine, and what is known then is told once."""
        self.assertEqual((self.stream.asked, self.port.locating), ([], False))
        self.renew()
        self.assertTrue(self.port.locating)
        self.assertEqual([asked[:2] for asked in self.stream.asked], [("rtp", self.server), ("rtcp", self.server)])
        self.answer("rtp", 5000)
        self.assertEqual((self.known, self.port.rtp), (0, None))
        self.answer("rtcp", 5001)
        self.assertEqual((self.port.rtp, self.port.rtcp), (("203.0.113.7", 5000), ("203.0.113.7", 5001)))
        self.assertEqual((self.known, self.port.locating, self.stream.waits), (1, False, set()))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_no_answer(self) -> None:
        """Silence is told after a second; it is asked a few times more, and then no longer."""
        self.renew()
        self.clock.advance(GIVE_UP)
        self.assertEqual((self.known, self.port.locating, self.port.rtp), (1, False, None))
        for pause in PAUSES:
            self.clock.advance(pause)
            self.clock.advance(GIVE_UP)
        self.assertEqual((self.clock.getDelayedCalls(), self.stream.waits), ([], set()))
        self.assertEqual(len(self.stream.asked), 2 * len(RETRANSMIT) * (1 + len(PAUSES)))

    def test_a_network_that_comes_later(self) -> None:
        """An answer to one of the later questions is told."""
        self.renew()
        self.clock.advance(GIVE_UP)
        self.clock.advance(PAUSES[0])
        self.clock.advance(0)
        self.answer("rtp", 5000)
        self.answer("rtcp", 5001)
        self.assertEqual((self.known, self.port.rtp), (2, ("203.0.113.7", 5000)))

    def test_changed_again(self) -> None:
        """What was asked on the network before counts no more; an answer to it is thrown away."""
        self.renew()
        late = self.stream.asked[0][2]
        self.renew()
        self.stream.answers["rtp"] = answer(0x0101, (1, mapped(PUBLIC, 666)), transaction=late)
        self.port.heard("rtp")
        self.answer("rtp", 5000)
        self.answer("rtcp", 5001)
        self.assertEqual((self.port.rtp, self.known), (("203.0.113.7", 5000), 1))

    def test_answer_that_nobody_waits_for(self) -> None:
        """It is taken all the same, so that the next one has room."""
        self.stream.answers["rtp"] = b"late"
        self.port.heard("rtp")
        self.assertEqual(self.stream.answers, {})

    def test_server_that_cannot_be_asked(self) -> None:
        """It is as good as a silent one."""
        self.server = ("192.0.2.1", 1)
        self.renew()
        self.clock.advance(GIVE_UP)
        self.assertEqual((self.known, self.port.rtp), (1, None))

    def test_end(self) -> None:
        """With the call the asking ends."""
        self.renew()
        self.port.release()
        self.assertEqual((self.clock.getDelayedCalls(), self.stream.waits, self.known), ([], set(), 0))

    def test_answered_while_asked(self) -> None:
        """A call that is answered just then is asked about through the engine from there on."""
        engine = Engine()
        self.addCleanup(engine.stop)
        parked = engine.open_stream("127.0.0.1", PORTS, parked=True)
        self.addCleanup(parked.close)
        port = MappedPort(self.clock, parked, Deferred)
        port.renew(self.told)
        port.serve()
        self.assertTrue(port.locating)
        port.release()
        self.assertEqual(self.clock.getDelayedCalls(), [])


class MappedPortsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = Reactor()
        self.server = Server()
        self.addCleanup(self.server.socket.close)
        self.engine = Engine()
        self.found: Deferred[Address] | None = None
        self.ports = MappedPorts(
            self.reactor,
            lambda: self.engine.open_stream("127.0.0.1", PORTS, parked=True),
            lambda: self.found if self.found is not None else succeed(self.server.address),
        )

    def tearDown(self) -> None:
        self.ports.stop()
        self.assertEqual(self.reactor.readers, [])
        self.engine.stop()

    def answer(self, count: int) -> None:
        self.reactor.advance(0)
        for _ in range(count):
            self.server.answer()
        self.reactor.read()

    def test_ready(self) -> None:
        """Ports are ready, RTP and RTCP of each, before a call wants one; a taken one is replaced."""
        self.ports.start()
        self.answer(2 * READY)
        port = self.ports.take()
        local = port.stream.local_port
        self.assertEqual((port.rtp, port.rtcp), (("203.0.113.7", local + 1000), ("203.0.113.7", local + 1001)))
        self.answer(2)
        self.assertEqual(self.server.asked, 2 * READY + 2)
        port.release()
        port.stream.close()

    def test_kept(self) -> None:
        """The NAT is reminded now and then, of a taken port too until its stream begins."""
        self.ports.start()
        self.answer(2 * READY)
        port = self.ports.take()
        self.answer(2)
        asked = self.server.asked
        self.reactor.advance(REFRESH)
        self.answer(2 * READY + 2)
        self.assertEqual(self.server.asked - asked, 2 * READY + 2)
        port.release()
        self.reactor.advance(REFRESH)
        self.answer(2 * READY)
        port.stream.close()

    def test_no_server(self) -> None:
        """Without an answer a port is given out as it is, at once; so it is without an address of the server."""
        self.ports.start()
        port = self.ports.take()
        self.assertIsNone(port.rtp)
        self.reactor.advance(GIVE_UP)
        self.assertIsNone(port.rtp)
        port.release()
        port.stream.close()
        self.found = fail(BadStun("no such name"))
        self.ports.renew()
        self.found.addErrback(lambda _: None)
        port = self.ports.take()
        self.assertIsNone(port.rtp)
        port.release()
        port.stream.close()

    def test_more_than_are_ready(self) -> None:
        """Calls beyond those that are ready have their ports all the same."""
        self.ports.start()
        taken = [self.ports.take() for _ in range(READY + 3)]
        self.assertEqual(len({port.stream.local_port for port in taken}), READY + 3)
        for port in taken:
            port.release()
            port.stream.close()

    def test_elsewhere(self) -> None:
        """On another network all that is ready is asked about anew, on new ports."""
        self.ports.start()
        self.answer(2 * READY)
        self.ports.renew()
        self.answer(2 * READY)
        port = self.ports.take()
        self.assertIsNotNone(port.rtp)
        self.assertEqual(self.server.asked, 4 * READY)
        port.release()
        port.stream.close()
