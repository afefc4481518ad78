"""The HTTP server on real sockets, in the tests' own process: what the reactor cannot know yet."""

from __future__ import annotations

import socket
import struct
from typing import Any

from twisted.internet import reactor as _reactor

from neon.api.approvals import ApprovalRequests
from neon.api.autodisconnect import Autodisconnect
from neon.api.guard import Guard
from neon.api.http import Root
from neon.api.mailbox import Mailboxes
from neon.api.origins import Origins
from neon.api.sessions import Sessions
from neon.api.site import HttpSite
from neon.bus import Bus, Published
from neon.commands import Commands
from neon.events import Unregistered
from neon.values import Cause
from tests.api.world import Applications
from tests.fakes import EPOCH, FakeWorld
from tests.integration.processes import IntegrationCase, until

reactor: Any = _reactor


class VanishedTests(IntegrationCase):
    def setUp(self) -> None:
        super().setUp()
        self.sessions = Sessions(reactor, 3600)
        bus = Bus(reactor)
        mailboxes = Mailboxes(reactor, bus)
        self.sessions.on_open.append(mailboxes.opened)
        self.sessions.on_close.append(mailboxes.closed)
        commands = Commands(FakeWorld().phone, self.sessions, Applications())
        origins = Origins()
        guard = Guard(reactor, origins, ApprovalRequests(reactor, origins.decide))
        root = Root(commands, mailboxes, Autodisconnect(reactor, lambda connection_id: None), guard)
        site = HttpSite(root, policy=guard, reactor=reactor)
        listening = reactor.listenTCP(0, site, interface="127.0.0.1")
        self.port = listening.getHost().port
        self.addCleanup(listening.stopListening)
        self.addCleanup(site.close)
        self.addCleanup(mailboxes.close)
        self.token, session = self.sessions.open("crm")
        self.addCleanup(self.sessions.stop)
        self.mailbox = mailboxes.of(session)

    def poll(self) -> socket.socket:
        """A client that waits for an event."""
        client = socket.create_connection(("127.0.0.1", self.port))
        self.addCleanup(client.close)
        request = f"GET /Events?token={self.token} HTTP/1.1\r\nHost: localhost:{self.port}\r\n\r\n"
        client.sendall(request.encode())
        client.setblocking(False)
        return client

    async def answer(self, client: socket.socket) -> bytes:
        """What it gets."""

        def look() -> bytes | None:
            try:
                return client.recv(65536)
            except BlockingIOError:
                return None

        return await until(look, "an answer")

    def happen(self, *seqs: int) -> None:
        for seq in seqs:
            self.mailbox.put(Published(seq, EPOCH, Unregistered(1, Cause())))

    async def held(self) -> None:
        await until(lambda: self.mailbox.held, "the poll")

    async def test_closed_in_the_same_turn(self) -> None:
        """A client that closed just before an event, which the reactor has not read yet, swallows nothing."""
        client = self.poll()
        await self.held()
        client.close()
        self.happen(1, 2)
        for seq in (1, 2):
            self.assertIn(b"<Seq>%d</Seq>" % seq, await self.answer(self.poll()))

    async def test_reset_in_the_same_turn(self) -> None:
        """The same for one that was reset."""
        client = self.poll()
        await self.held()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        self.happen(1)
        self.assertIn(b"<Seq>1</Seq>", await self.answer(self.poll()))

    async def test_written_at_once(self) -> None:
        """An event that counts as written has been handed to the system: the client has it, though it closes now."""
        client = self.poll()
        await self.held()
        self.happen(1)
        self.assertIn(b"<Seq>1</Seq>", client.recv(65536))
        client.close()
        self.happen(2)
        self.assertIn(b"<Seq>2</Seq>", await self.answer(self.poll()))

    async def test_half_closed(self) -> None:
        """A client that closes its half of the connection after a command gets the answer."""
        client = socket.create_connection(("127.0.0.1", self.port))
        self.addCleanup(client.close)
        request = f"GET /Command?action=listcalls&token={self.token} HTTP/1.1\r\nHost: localhost:{self.port}\r\n\r\n"
        client.sendall(request.encode())
        client.shutdown(socket.SHUT_WR)
        client.setblocking(False)
        self.assertIn(b"<Success>true</Success>", await self.answer(client))

    async def test_next_poll_sent_ahead(self) -> None:
        """A client that has more to say is there."""
        client = self.poll()
        await self.held()
        client.sendall(f"GET /Events?token={self.token} HTTP/1.1\r\nHost: localhost:{self.port}\r\n\r\n".encode())
        self.happen(1, 2)
        await until(lambda: not self.mailbox.held, "the second answer")
        received = await self.answer(client)
        while received.count(b"</EventData>") < 2:
            received += await self.answer(client)
        self.assertIn(b"<Seq>2</Seq>", received)
