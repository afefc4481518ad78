"""Coming back, filters, ownership and spelling: which events a client of the WebSocket API gets, and in which order."""

from __future__ import annotations

import random
from typing import Any

from neon.api import paced, websocket, wire
from neon.bus import RING_SIZE
from neon.events import TransferRequested, Unregistered
from neon.values import Cause, Direction, Scope
from tests.api.websockets import Client, WebSocketCase
from tests.fakes import AGREEMENT, FakeCall

WHO = (3, 1, Direction.INCOMING, "sip:31@acme.com", "sip:32@acme.com", None)


class SubscriptionCase(WebSocketCase):
    def publish(self, count: int = 1) -> None:
        """As a command does: nothing is delivered before the next turn."""
        with self.world.bus.held():
            for _ in range(count):
                self.world.bus.publish(Unregistered(1, Cause()))

    def come_back(self, token: str | None, **wish: object) -> tuple[Client, Any, list[int]]:
        """A new connection that subscribes first of all: it, the answer's data, and the numbers that followed."""
        client = self.connected()
        client.token = token
        client.send({"token": token, "action": "subscribe", **wish})
        answer, *events = client.take()
        return client, answer["data"], [event["seq"] for event in events]


class ReplayTests(SubscriptionCase):
    def test_missed(self) -> None:
        """What was missed follows the answer, in order; the next events follow that."""
        token = self.authenticated().token
        self.publish(5)
        self.world.turn()
        client, data, seqs = self.come_back(token, since=2, boot=self.world.bus.boot)
        self.assertEqual((data["seq"], data["replayed"], data["gap"]), (5, 3, False))
        self.assertEqual(seqs, [3, 4, 5])
        self.publish()
        self.world.turn()
        self.assertEqual([event["seq"] for event in client.take()], [6])

    def test_not_twice(self) -> None:
        """What the bus has yet to deliver is replayed and not delivered once more; what comes after it is."""
        token = self.authenticated().token
        self.publish(3)
        client, _, seqs = self.come_back(token, since=0)
        self.assertEqual(seqs, [1, 2, 3])
        self.publish()
        self.world.turn()
        self.assertEqual([event["seq"] for event in client.take()], [4])

    def test_without_since(self) -> None:
        """Without a number nothing is replayed, and nothing is a gap."""
        token = self.authenticated().token
        self.publish(3)
        self.world.turn()
        _, data, seqs = self.come_back(token)
        self.assertEqual((data["replayed"], data["gap"], seqs), (0, False, []))

    def test_gap(self) -> None:
        """What the ring has lost is a gap; what it still has comes."""
        token = self.authenticated().token
        self.publish(RING_SIZE + 10)
        self.world.turn()
        _, data, seqs = self.come_back(token, since=5)
        self.assertEqual((data["gap"], seqs[0], seqs[-1]), (True, 11, RING_SIZE + 10))
        _, data, seqs = self.come_back(token, since=10)
        self.assertEqual((data["gap"], len(seqs)), (False, RING_SIZE))

    def test_earlier_life(self) -> None:
        """A number of an earlier life of the daemon is a gap, and everything of this life is new."""
        token = self.authenticated().token
        self.publish(3)
        self.world.turn()
        for wish in ({"since": 2, "boot": "0" * 16}, {"since": 400}):
            _, data, seqs = self.come_back(token, **wish)
            self.assertEqual((data["gap"], seqs), (True, [1, 2, 3]))

    def test_snapshot(self) -> None:
        """A list and the events after its number make the present, without anything twice."""
        client = self.authenticated()
        self.world.registered()
        self.world.signalling.call_in()
        client.take()
        snapshot = client.command("listcalls")["data"]
        client.drop()
        self.world.signalling.call_in()
        self.world.turn()
        again, _, _ = self.come_back(client.token, since=snapshot["seq"], boot=snapshot["boot"])
        self.assertEqual([call["callId"] for call in snapshot["calls"]], [43])
        self.assertEqual([call["callId"] for call in again.command("listcalls")["data"]["calls"]], [43, 44])

    def test_stalled(self) -> None:
        """A full ring is replayed at the reader's pace: being far behind is no reason to close a client that reads."""
        token = self.authenticated().token
        for _ in range(RING_SIZE):
            self.world.bus.publish(Unregistered(1, Cause(0, "x" * 400)))
        self.world.turn()
        client = self.connected()
        client.token = token
        client.server.pauseProducing()
        client.send({"token": token, "action": "subscribe", "since": 0})
        self.publish(3)
        self.world.turn()
        self.assertEqual(len(client.take()), 1)
        client.server.resumeProducing()
        seqs = [event["seq"] for event in client.take()]
        self.assertEqual(seqs, list(range(1, RING_SIZE + 4)))

    def test_never_reads(self) -> None:
        """A client that does not read while it is replayed to is closed in the end."""
        token = self.authenticated().token
        self.publish(10)
        client = self.connected()
        client.token = token
        client.server.pauseProducing()
        client.send({"token": token, "action": "subscribe", "since": 0})
        self.publish(websocket.MAX_BACKLOG)
        self.world.turn()
        client.take()
        self.assertEqual(client.protocol.closing[0] if client.protocol.closing else None, paced.TOO_SLOW)

    def test_logged_out(self) -> None:
        """Whoever logs out meanwhile gets no more of it."""
        other = self.authenticated()
        self.publish(10)
        client = self.connected()
        client.token = other.token
        client.server.pauseProducing()
        client.send({"token": other.token, "action": "subscribe", "since": 0})
        other.command("logout")
        client.server.resumeProducing()
        self.assertEqual(len(client.take()), 1)

    def test_same_request_id(self) -> None:
        """A requestId does not keep a second connection from its events."""
        token = self.authenticated().token
        self.publish(2)
        for _ in range(2):
            _, _, seqs = self.come_back(token, since=0, requestId="1")
            self.assertEqual(seqs, [1, 2])

    def test_random_disconnects(self) -> None:
        """Ten thousand events and two hundred disconnects: with the last number seen none is lost, doubled or moved."""
        dice = random.Random(3)
        breaks = set(dice.sample(range(1, 10_000), 200))
        client = self.authenticated()
        token, seen, away = client.token, [0], 0
        for number in range(1, 10_001):
            self.publish()
            if dice.random() < 0.5 or number == 10_000:
                self.world.turn()
            if number in breaks and not away:
                seen += [event["seq"] for event in client.take()]
                client.drop()
                away = dice.randint(1, 40)
            elif away:
                away -= 1
                if not away:
                    client, data, seqs = self.come_back(token, since=seen[-1], boot=self.world.bus.boot)
                    self.assertFalse(data["gap"])
                    seen += seqs
        seen += [event["seq"] for event in client.take()]
        if away:
            seen += self.come_back(token, since=seen[-1])[2]
        self.assertEqual(seen, list(range(10_001)))


class OwnershipTests(SubscriptionCase):
    def ringing(self) -> FakeCall:
        self.world.registered()
        call = self.world.signalling.call_in()
        assert isinstance(call, FakeCall)
        self.world.turn()
        return call

    def test_claimed(self) -> None:
        """The first client that answers has the call; the others that asked for it are told, it itself is not."""
        first, second, old = self.authenticated(), self.authenticated(), self.authenticated()
        for client in (first, second):
            client.command("subscribe", events=["OnCallClaimed"])
        call = self.ringing()
        for client in (first, second, old):
            client.take()
        self.assertEqual(first.command("acceptcall", callid=43)["data"], {})
        self.assertEqual(second.command("acceptcall", callid=43)["data"], {"alreadyAnswered": True})
        call.listener.answered(AGREEMENT)
        self.world.turn()
        names = [[event["name"] for event in client.take()] for client in (first, second, old)]
        self.assertEqual(names, [["OnAcceptCall"], ["OnCallClaimed", "OnAcceptCall"], ["OnAcceptCall"]])

    def test_same_token(self) -> None:
        """Two tabs with one token are two clients."""
        first, second = self.authenticated(), self.connected()
        second.token = first.token
        for client in (first, second):
            client.command("subscribe", events="all")
        self.ringing()
        for client in (first, second):
            client.take()
        second.command("acceptcall", callid=43)
        self.world.turn()
        self.assertEqual(second.take(), [])
        event = first.take()[0]
        self.assertEqual(
            event["data"],
            {
                "callId": 43,
                "type": "incoming",
                "from": "sip:32@sip.acme.com",
                "to": "sip:31@sip.acme.com",
                "application": "crm",
            },
        )

    def test_refused(self) -> None:
        """A call that cannot be answered is claimed by nobody."""
        client, other = self.authenticated(), self.authenticated()
        other.command("subscribe", events=["OnCallClaimed"])
        self.world.registered()
        client.take()
        client.command("startcall", number="32")
        self.world.turn()
        for one in (client, other):
            one.take()
        self.assertEqual(client.command("acceptcall", callid=43)["error"]["code"], 102)
        self.world.turn()
        self.assertEqual(other.take(), [])


class FilterTests(SubscriptionCase):
    def chosen(self, client: Client, events: object) -> list[str]:
        answer = client.command("subscribe", events=events)
        self.warnings = answer.get("warnings", [])
        names: list[str] = answer["data"]["events"]
        return names

    def test_names(self) -> None:
        """Names in any case, all, none; a choice is kept until the next."""
        client = self.authenticated()
        everything = sorted(wire.EXTENSIONS.values())
        for events, names in (
            (None, []),
            (["oncallclaimed"], ["OnCallClaimed"]),
            (None, ["OnCallClaimed"]),
            ([], []),
            ("all", everything),
            ("*", everything),
            ("none", []),
        ):
            self.assertEqual(self.chosen(client, events), names)
            self.assertEqual(self.warnings, [])

    def test_unknown(self) -> None:
        """A name of another version is a warning; a documented one needs no choosing, in no spelling."""
        client = self.authenticated()
        self.assertEqual(self.chosen(client, ["OnFuture", "OnNewCall", "OnSIPUnregister"]), [])
        self.assertEqual(self.warnings, ["there is no extension event OnFuture in this version"])

    def test_questions(self) -> None:
        """Whether we call whom the far end names is asked of those only who may answer: also what was missed."""
        client = self.authenticated()
        self.chosen(client, "all")
        self.world.bus.publish(TransferRequested(*WHO, "sip:33@acme.com", None, attended=False))
        self.world.turn()
        self.assertEqual([event["name"] for event in client.take()], ["OnTransferRequest"])
        session = self.sessions.find(client.token)
        assert session is not None
        session.scopes = frozenset({Scope.EVENTS})
        self.world.bus.publish(TransferRequested(*WHO, "sip:33@acme.com", None, attended=False))
        self.publish()
        self.world.turn()
        self.assertEqual([event["name"] for event in client.take()], ["OnSIPUnRegister"])
        _, answer, seqs = self.come_back(client.token, since=0, events="all")
        self.assertEqual((answer["replayed"], seqs), (1, [3]))

    def test_per_connection(self) -> None:
        """One connection's choice is not another's, and ends with it."""
        first, second = self.authenticated(), self.connected()
        second.token = first.token
        self.chosen(first, "all")
        self.assertEqual(self.chosen(second, None), [])
        first.drop()
        third = self.connected()
        third.token = second.token
        self.assertEqual(self.chosen(third, None), [])


class SpellingTests(SubscriptionCase):
    def test_aliases_are_remembered(self) -> None:
        """A client that sent transferecall spells the event as the document with that action does, refused or not."""
        client, other = self.authenticated(), self.authenticated()
        self.assertFalse(client.command("TransfereCall", callid=9, to="32")["success"])
        for who, doubled in ((client, True), (other, False)):
            session = who.server.session
            assert session is not None
            self.assertEqual(wire.Spelling.of(session), wire.Spelling(transferred=doubled))

    def test_both(self) -> None:
        """The two choices are independent."""
        client = self.connected()
        client.authenticate(spelling="prose")
        client.command("transferecall", callid=9, to="32")
        session = client.server.session
        assert session is not None
        self.assertEqual(wire.Spelling.of(session), wire.Spelling(prose=True, transferred=True))


class WarningTests(SubscriptionCase):
    def test_pasted(self) -> None:
        """A pasted example is carried out, and its answer has a warning; the next command has none."""
        client = self.authenticated()
        answer = client.ask(f"{{ id: 7, action: 'listcalls', token: '{client.token}', }}".encode())
        self.assertTrue(answer["success"])
        self.assertEqual((answer["id"], len(answer["warnings"])), (7, 1))
        self.assertNotIn("warnings", client.command("listcalls"))

    def test_refusal(self) -> None:
        """A refusal carries warnings as well."""
        answer = self.connected().ask(b"{action: 'listcalls'}")
        self.assertEqual((answer["error"]["code"], len(answer["warnings"])), (602, 1))

    def test_misprint(self) -> None:
        """A misprint is accepted and named."""
        client = self.authenticated()
        answer = client.command("transferecall", callid=9, to="32")
        self.assertEqual(answer["warnings"], ["the action transferecall was read as transfercall"])
