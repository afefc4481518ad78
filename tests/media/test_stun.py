"""Questions to a STUN server over real sockets, on a clock of our own; and the ports that are kept ready by them."""

from __future__ import annotations

import select
import socket
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from neon.media.engine import Engine
from neon.media.mappedports import READY, REFRESH, MappedPorts
from neon.media.stun import GIVE_UP, NoMapping, StunQuery
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
        """Let everybody read who can."""
        ready, _, _ = select.select(self.readers, [], [], 0)
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
