"""Commands that wait for an operator, as the WebSocket API answers them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import jsonschema
from twisted.internet.defer import Deferred

from neon.api import schema
from neon.commands import Commands
from neon.commands.operators import NoOperators
from neon.errors import InvalidArgument, OperatorFailed
from neon.operatorvalues import Balance
from tests.api.websockets import WebSocketCase

BALANCE = Balance("acme", 1, Decimal("20.10"), "BRL", False, None, datetime(2024, 5, 1, tzinfo=UTC))


class Slow(NoOperators):
    """An operator that answers when the test says so."""

    def __init__(self) -> None:
        self.pending: list[Deferred[Balance]] = []

    def balance(self, operator: str | None, connection_id: int | None, language: str | None) -> Deferred[Balance]:
        self.pending.append(Deferred())
        return self.pending[-1]


class WaitingTests(WebSocketCase):
    def setUp(self) -> None:
        super().setUp()
        self.operators = Slow()
        self.api.commands = Commands(
            self.world.phone, self.sessions, self.applications, operators=self.operators
        )
        self.client = self.authenticated()

    def send(self, action: str, **more: object) -> None:
        self.client.send({"action": action, "token": self.client.token, **more})

    def ids(self) -> list[object]:
        return [answer.get("id") for answer in self.client.take()]

    def test_others_go_on(self) -> None:
        """Who asks for the balance can still hang up: later commands do not wait, each answer has its id."""
        self.send("getbalance", id=1)
        self.send("listcalls", id=2)
        self.assertEqual(self.ids(), [2])
        self.operators.pending[0].callback(BALANCE)
        (answer,) = self.client.take()
        self.assertEqual((answer["id"], answer["data"]["balance"]), (1, "20.10"))
        described = schema.manual()["commands"]["getbalance"]["answer"]
        jsonschema.Draft202012Validator({**described, "$defs": schema.manual()["$defs"]}).validate(answer)

    def test_without_id(self) -> None:
        """Without an id nobody could tell which answer is whose: they come in order."""
        self.send("getbalance")
        self.send("listcalls")
        self.assertEqual(self.client.take(), [])
        self.operators.pending[0].callback(BALANCE)
        self.assertEqual([next(iter(answer["data"])) for answer in self.client.take()], ["operator", "seq"])

    def test_bounded(self) -> None:
        """Four wait aside; the fifth makes the others wait."""
        for number in range(6):
            self.send("getbalance", id=number)
        self.assertEqual(len(self.operators.pending), 5)
        self.send("listcalls", id=9)
        self.assertEqual(self.ids(), [])
        self.operators.pending[4].callback(BALANCE)
        self.assertEqual(self.ids(), [4])
        self.operators.pending[0].callback(BALANCE)
        self.operators.pending[5].callback(BALANCE)
        self.assertEqual(self.ids(), [0, 5, 9])

    def test_refusals(self) -> None:
        """The operator's code beside ours; a failure of its service is told as it is, and is no bug."""
        self.send("getbalance", id=1)
        self.operators.pending[0].errback(InvalidArgument("unknown", system_code=102))
        self.send("getbalance", id=2)
        self.operators.pending[1].errback(OperatorFailed("down"))
        first, second = self.client.take()
        self.assertEqual(first["error"], {"code": 102, "description": "unknown", "systemCode": 102})
        self.assertEqual(second["error"], {"code": 500, "description": "down"})
        for answer in (first, second):
            jsonschema.Draft202012Validator(schema.manual()["$defs"]["refusal"]).validate(answer)

    def test_gone(self) -> None:
        """A connection that closes meanwhile takes nothing with it."""
        self.send("getbalance", id=1)
        self.client.drop()
        self.operators.pending[0].callback(BALANCE)
        self.assertTrue(self.authenticated().command("listcalls")["success"])
