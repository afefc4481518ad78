"""The control socket, over a transport in memory: who is let in, and what is said."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol
from twisted.test import iosim
from twisted.trial.unittest import SynchronousTestCase

from neon.api import control, frames
from neon.api.control import Control
from neon.api.sessions import Sessions
from neon.commands import TABLE, Command, Commands, Context, Data
from neon.values import Cause
from tests.fakes import AGREEMENT, FakeWorld

USER = 1000


class Nobody:
    """No application at all: nobody on this socket needs one."""

    def verify(self, user: str, password: str) -> Deferred[bool]:
        raise AssertionError("a password was asked for")


class Peer(Protocol):
    """Keeps what arrives."""

    transport: Any

    def __init__(self) -> None:
        self.arrived = b""
        self.gone = False

    def dataReceived(self, data: bytes) -> None:
        self.arrived += data

    def connectionLost(self, reason: object = None) -> None:
        self.gone = True


class Client:
    """One connection, with its pump."""

    def __init__(self, control: Control) -> None:
        self.server: Any = control.buildProtocol(None)
        self.peer = Peer()
        self.pump = iosim.connect(
            self.server, iosim.makeFakeServer(self.server), self.peer, iosim.makeFakeClient(self.peer)
        )
        self.pump.flush()

    def write(self, data: bytes) -> None:
        self.peer.transport.write(data)
        self.pump.flush()

    def take(self) -> list[Any]:
        """The messages that came since the last time."""
        self.pump.flush()
        arrived, self.peer.arrived = self.peer.arrived, b""
        assert arrived == b"" or arrived.endswith(b"\n"), arrived
        return [json.loads(line) for line in arrived.splitlines()]

    def command(self, action: str, **parameters: object) -> Any:
        """The one message that comes back."""
        self.write(json.dumps({"id": 1, "action": action, **parameters}).encode() + b"\n")
        (answer,) = self.take()
        return answer


class ControlCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.world = FakeWorld()
        self.sessions = Sessions(self.world.clock, 3600)
        self.addCleanup(self.sessions.stop)
        self.slow: list[Deferred[Data]] = []
        table = (*TABLE, Command("slowly", self._slowly), Command("broken", self._broken))
        self.user = USER
        self.control = Control(
            Commands(self.world.phone, self.sessions, Nobody(), table),
            self.sessions,
            self.world.bus,
            user=USER,
            uid_of=lambda transport: self.user,
        )

    def _slowly(self, context: Context) -> Deferred[Data]:
        self.slow.append(Deferred())
        return self.slow[-1]

    def _broken(self, context: Context) -> Data:
        raise RuntimeError("a secret detail")

    def connect(self) -> Client:
        return Client(self.control)


class DoorTests(ControlCase):
    def test_own_user_and_root(self) -> None:
        """The daemon's own user and root need no password."""
        for self.user in (USER, 0):
            self.assertTrue(self.connect().command("listcalls")["success"])

    def test_another_user(self) -> None:
        """Anybody else is cut off before a word is said, and no session is begun."""
        self.user = USER + 1
        client = self.connect()
        client.write(b'{"action": "listcalls"}\n')
        self.assertTrue(client.peer.gone)
        self.assertEqual(client.take(), [])
        self.assertEqual(len(self.sessions), 0)

    def test_unknown_user(self) -> None:
        """If the kernel does not tell who it is, it is nobody."""

        def refuse(transport: object) -> int:
            raise OSError("no credentials")

        self.control = Control(self.control.commands, self.sessions, self.world.bus, user=USER, uid_of=refuse)
        self.assertTrue(self.connect().peer.gone)

    def test_full(self) -> None:
        """There is room for so many; when one has gone there is room again."""
        clients = [self.connect() for _ in range(control.MAX_CONNECTIONS)]
        self.assertTrue(self.connect().peer.gone)
        clients[0].peer.transport.loseConnection()
        clients[0].pump.flush()
        self.assertFalse(self.connect().peer.gone)


class CommandTests(ControlCase):
    def test_answers(self) -> None:
        """The same answers as on the WebSocket, a line each."""
        client = self.connect()
        self.assertEqual(client.command("listcalls")["data"]["calls"], [])
        refusal = client.command("startcall", number="32")
        self.assertEqual((refusal["success"], refusal["error"]["code"], refusal["id"]), (False, 601, 1))
        self.assertEqual(client.command("nonsense")["error"]["code"], 102)

    def test_not_json(self) -> None:
        """A line that is no JSON is answered, and the next one is served."""
        client = self.connect()
        client.write(b"what?\n\n  \n")
        self.assertEqual([answer["error"]["code"] for answer in client.take()], [100])
        self.assertTrue(client.command("getversion")["success"])

    def test_too_long(self) -> None:
        """A line without end is refused, and the connection closed."""
        client = self.connect()
        client.write(b"x" * (frames.MAX_BYTES + 10))
        self.assertEqual([answer["error"]["code"] for answer in client.take()], [100])
        self.assertTrue(client.peer.gone)

    def test_in_pieces(self) -> None:
        """Lines may come in pieces, and several at once."""
        client = self.connect()
        client.write(b'{"id": 1, "action": "listcalls"}\n{"id": 2, "act')
        client.write(b'ion": "listaccounts"}\r\n')
        self.assertEqual([answer["id"] for answer in client.take()], [1, 2])

    def test_order(self) -> None:
        """Answers come in the order of the commands, also behind one that takes a while."""
        client = self.connect()
        client.write(b'{"id": 1, "action": "slowly"}\n{"id": 2, "action": "listcalls"}\n')
        self.assertEqual(client.take(), [])
        self.slow[0].callback({})
        self.assertEqual([answer["id"] for answer in client.take()], [1, 2])

    def test_our_fault(self) -> None:
        """A bug is told by a reference only."""
        answer = self.connect().command("broken")
        self.assertEqual(answer["error"]["code"], 500)
        self.assertNotIn("secret", json.dumps(answer))
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_tokens_mean_nothing(self) -> None:
        """Whatever token is shown, the kernel's word counts."""
        self.assertTrue(self.connect().command("listcalls", token="0" * 32)["success"])

    def test_after_logout(self) -> None:
        """logout ends a session, not the right to speak."""
        client = self.connect()
        self.assertTrue(client.command("logout")["success"])
        self.assertTrue(client.command("listcalls")["success"])

    def test_end(self) -> None:
        """A session lives as long as its connection."""
        client = self.connect()
        client.command("listcalls")
        self.assertEqual(len(self.sessions), 1)
        client.peer.transport.loseConnection()
        client.pump.flush()
        self.assertEqual(len(self.sessions), 0)

    def test_account_stays(self) -> None:
        """An account that was registered here outlives the connection, whatever it was asked."""
        client = self.connect()
        client.command("sipregister", domain="sip.acme.com", number="31", password="secret", autodisconnect=True)
        client.peer.transport.loseConnection()
        client.pump.flush()
        self.world.clock.advance(60)
        self.assertEqual(len(self.world.phone.accounts()), 1)

    def test_answer_after_the_end(self) -> None:
        """An answer that nobody waits for any more harms nobody."""
        client = self.connect()
        client.write(b'{"id": 1, "action": "slowly"}\n{"id": 2, "action": "listcalls"}\n')
        client.peer.transport.abortConnection()
        client.pump.flush()
        self.slow[0].callback({})
        self.assertEqual(client.take(), [])


class EventTests(ControlCase):
    def test_events(self) -> None:
        """What happens is told to everybody, after the answer to the command that caused it."""
        one, other = self.connect(), self.connect()
        self.world.registered()
        self.assertEqual([event["name"] for event in other.take()], ["OnSIPRegister", "OnSIPRegisterFinalized"])
        one.take()
        one.write(b'{"id": 1, "action": "startcall", "number": "32"}\n')
        self.world.turn()
        answer, event = one.take()
        self.assertEqual(answer["data"]["callId"], event["data"]["callId"])
        self.assertEqual([event["name"] for event in other.take()], ["OnNewCall"])

    def test_since(self) -> None:
        """What was missed follows the answer, once."""
        self.world.registered()
        self.world.phone.start_call("32")
        client = self.connect()
        client.write(b'{"id": 1, "action": "subscribe", "since": 1}\n')
        self.world.turn()
        answer, *events = client.take()
        self.assertEqual(answer["data"]["replayed"], 2)
        self.assertEqual([event["seq"] for event in events], [2, 3])
        self.world.signalling.calls[0].listener.answered(AGREEMENT)
        self.world.signalling.calls[0].listener.ended(Cause())
        self.world.turn()
        self.assertEqual([event["seq"] for event in client.take()], [4, 5])

    def test_who_does_not_read(self) -> None:
        """A client that does not read is cut off before much has piled up for it."""
        client = self.connect()
        client.server.pauseProducing()
        for _ in range(control.MAX_BEHIND_BYTES // 50):
            client.server.happened(b"x" * 100)
        client.pump.flush()
        self.assertTrue(client.peer.gone)

    def test_close(self) -> None:
        """When the daemon ends everybody is told by the end of the connection."""
        client = self.connect()
        self.control.close()
        client.pump.flush()
        self.assertTrue(client.peer.gone)
        self.world.registered()
