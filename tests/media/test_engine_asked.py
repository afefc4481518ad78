"""A STUN server is asked over the sockets of a stream that is in the midst of a call."""

from __future__ import annotations

import socket

from neon.media.engine import SOCKETS, Echo, SocketName, StunAnswer, Tone
from neon.stunmessage import binding_request, is_stun, new_transaction, read_answer, transaction_of
from tests.media.peers import LIMIT, PORTS, next_event
from tests.media.signals import FRAME, level
from tests.media.starvation import again_if_starved
from tests.media.test_engine import EngineCase
from tests.test_stunmessage import answer, mapped

PUBLIC = bytes([203, 0, 113, 7])


@again_if_starved
class AskedTests(EngineCase):
    def setUp(self) -> None:
        super().setUp()
        self.server, self.stranger = self.new_socket(), self.new_socket()
        self.peer = self.new_peer()
        self.stream = self.new_stream()
        self.stream.set_source(Tone(500, -10))
        self.transaction = new_transaction()

    def new_socket(self) -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind(("127.0.0.1", 0))
        made.settimeout(LIMIT)
        self.addCleanup(made.close)
        return made

    def begin(self) -> None:
        """The call is up, and its source fixed."""
        self.stream.start(self.peer.agreement())
        self.peer.converse(self.stream, 10, 600)

    def ask(self, name: SocketName = "rtp") -> tuple[bytes, tuple[str, int]]:
        """Ask; returns the transaction that the server was asked in, and by whom."""
        self.stream.ask(name, self.server.getsockname(), binding_request(self.transaction))
        data, source = self.server.recvfrom(1500)
        self.assertTrue(is_stun(data))
        return transaction_of(data), source

    def answer(self, sender: socket.socket, to: tuple[str, int], *, transaction: bytes | None = None) -> None:
        transaction = self.transaction if transaction is None else transaction
        sender.sendto(answer(0x0101, (1, mapped(PUBLIC, to[1] + 1000)), transaction=transaction), to)

    def test_in_a_call(self) -> None:
        """Each socket asks from its own port and has its own answer, while audio goes both ways as before."""
        self.stream.set_source(Echo())
        self.begin()
        for offset, name in enumerate(SOCKETS):
            transaction, source = self.ask(name)
            self.assertEqual((transaction, source[1]), (self.transaction, self.stream.local_port + offset))
            self.answer(self.server, source)
            heard = self.peer.converse(self.stream, 10, 600)
            self.assertEqual(next_event(self.engine, StunAnswer), StunAnswer(self.stream, name))
            taken = self.stream.take_answer(name)
            assert taken is not None
            self.assertEqual(read_answer(taken, self.transaction), ("203.0.113.7", source[1] + 1000))
            self.assertIsNone(self.stream.take_answer(name))
            self.assertLess(abs(level(heard[-5 * FRAME :], 600) + 10), 1.0)

    def test_others(self) -> None:
        """What others say, or the server to another question, is no answer, and no audio either."""
        self.begin()
        _, source = self.ask()
        self.answer(self.stranger, source)
        self.answer(self.server, source, transaction=bytes(12))
        self.peer.drain()
        self.peer.listen(5)
        before = self.stream.statistics().packets_received
        for _ in range(20):
            self.stranger.sendto(b"\x80\x08" + bytes(170), source)
        self.peer.drain()
        self.peer.listen(10)
        self.assertEqual([event for event in self.engine.take_events() if isinstance(event, StunAnswer)], [])
        self.assertIsNone(self.stream.take_answer("rtp"))
        self.assertEqual(self.stream.statistics().packets_received, before)
        self.answer(self.server, source)
        next_event(self.engine, StunAnswer)

    def test_no_more(self) -> None:
        """Who asks no more hears no more, and others reach the socket no longer."""
        self.begin()
        _, source = self.ask()
        self.stream.ask_no_more("rtp")
        self.peer.drain()
        self.peer.listen(5)
        self.answer(self.server, source)
        self.peer.drain()
        discarded = self.stream.statistics().packets_discarded
        self.peer.listen(10)
        self.assertIsNone(self.stream.take_answer("rtp"))
        self.assertEqual(self.stream.statistics().packets_discarded, discarded)

    def test_on_hold(self) -> None:
        """So it goes in a call that neither sends nor receives, and over a reroute."""
        self.stream.unpark()
        _, source = self.ask()
        self.stream.reroute()
        self.answer(self.server, source)
        next_event(self.engine, StunAnswer)

    def test_refused(self) -> None:
        """A stream that is parked or closed cannot be asked about, nor can a server that is none."""
        server, question = self.server.getsockname(), binding_request(self.transaction)
        for bad in (("224.0.0.1", 3478), ("example.com", 3478), ("127.0.0.1", 70000), ("127.0.0.1", 0)):
            self.assertRaises(ValueError, self.stream.ask, "rtp", bad, question)
        self.assertRaises(ValueError, self.stream.ask, "rtp", server, question[:-1])
        self.assertRaises(ValueError, self.stream.ask, "video", server, question)
        parked = self.engine.open_stream("127.0.0.1", PORTS, parked=True)
        self.assertRaises(ValueError, parked.ask, "rtp", server, question)
        parked.close()
        self.stream.close()
        self.assertRaises(ValueError, self.stream.ask, "rtp", server, question)
        self.stream.ask_no_more("rtp")
