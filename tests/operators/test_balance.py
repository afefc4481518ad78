"""Balances: asked for when something changes them, never twice at a time, and told exactly."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from neon.errors import InvalidArgument, OperatorFailed
from neon.events import BalanceKnown, BalanceLow
from neon.operators.answers import Answer
from neon.operatorvalues import Service
from neon.values import AccountSettings, Cause
from tests.operators.deskcase import DeskCase
from tests.operators.operatorcase import GENERAL, xml


class BalanceTests(DeskCase):
    def start(self, more: str = "", amount: str = "20.15") -> int:
        self.operator.replies = [xml(f"<Balance>{amount}</Balance>")]
        self.open(f"[balance]\n{more}")
        self.world.phone.register(AccountSettings("sip.example.com", "31", "x"))
        connection_id = self.registered()
        self.assertEqual(len(self.operator.asked), 1)
        return connection_id

    def say(self, amount: str) -> None:
        self.operator.replies = [xml(f"<Balance>{amount}</Balance>")]

    def test_on_register(self) -> None:
        """An account that registers is asked about, by its number; the answer is an event, exact."""
        self.start("currency = BRL\nrate = 0.12\n")
        (event,) = self.happened(BalanceKnown)
        balance = event.balance
        self.assertEqual((f"{balance.amount:f}", balance.currency, balance.minutes_left), ("20.15", "BRL", 167))
        self.assertIn(b"<Number>31</Number>", self.operator.asked[0].body)

    def test_command(self) -> None:
        """On demand, by the account or without it; what is no amount is refused."""
        self.start()
        self.assertEqual(self.command("getbalance")["balance"], "20.15")
        self.say("R$ 1.234,56")
        answer = self.command("getbalance", connectionid=1)
        self.assertEqual((answer["balance"], answer["currency"]), ("1234.56", "BRL"))
        self.refused(InvalidArgument, "getbalance", connectionid=9)
        self.clock.advance(3)
        self.say("1,234")
        self.assertIn("no balance", str(self.refused(OperatorFailed, "getbalance")))

    def test_calls(self) -> None:
        """When a call begins, and a little after it ended."""
        self.start()
        self.command("startcall", number="32")
        self.world.turn()
        self.world.turn()
        self.assertEqual(len(self.operator.asked), 2)
        self.world.signalling.calls[0].listener.ended(Cause(486, "Busy"))
        self.world.turn()
        self.assertEqual(len(self.operator.asked), 2)
        self.clock.advance(2)
        self.assertEqual(len(self.operator.asked), 3)

    def test_every_few_minutes(self) -> None:
        """Every N minutes while it is registered, and no more when it is not."""
        connection_id = self.start("every-minutes = 5\n")
        for _ in range(3):
            self.clock.advance(300)
        self.assertEqual(len(self.operator.asked), 4)
        self.world.phone.unregister(connection_id)
        self.world.signalling.end_registration(connection_id)
        self.world.turn()
        self.clock.advance(3600)
        self.assertEqual(len(self.operator.asked), 4)

    def test_on_demand(self) -> None:
        """Whoever asks is told what is left now, however short ago an answer came."""
        self.start()
        for amount in ("7", "6"):
            self.say(amount)
            self.assertEqual(self.command("getbalance")["balance"], amount)

    def test_coalesced(self) -> None:
        """Whoever asks while an answer is awaited gets that answer; what happens meanwhile makes one more question."""
        self.start()
        self.clock.advance(10)
        waiting: list[Deferred[Any]] = []

        def ask(service: Service, values: Any, language: str = "en") -> Deferred[Any]:
            waiting.append(Deferred())
            return waiting[-1]

        house = self.desk._houses["acme"]
        house.services.ask = ask  # type: ignore[method-assign]
        asked = [self.commands.execute([("action", "getbalance"), ("token", "t")], self.client) for _ in range(5)]
        self.assertEqual(len(waiting), 1)
        waiting[0].callback(Answer({"balance": "7"}))
        self.assertEqual([self.successResultOf(one)["balance"] for one in asked], ["7"] * 5)
        self.assertEqual(len(waiting), 1)
        self.command("startcall", number="32")
        self.world.turn()
        self.assertEqual(len(waiting), 2)
        self.world.signalling.calls[0].listener.ringing(180, None)
        self.world.signalling.calls[0].listener.ended(Cause(486, "Busy"))
        self.clock.advance(0)
        self.clock.advance(2)
        self.assertEqual(len(waiting), 2)
        waiting[1].callback(Answer({"balance": "6"}))
        self.assertEqual(len(waiting), 3)
        waiting[2].callback(Answer({"balance": "5"}))
        self.assertEqual(len(waiting), 3)

    def test_low(self) -> None:
        """Below the threshold: an event once, and with every call a warning and an event before it is made."""
        self.start("low = 5\nrate = 0.5\ncurrency = BRL\n")
        self.assertEqual(self.happened(BalanceLow), [])
        self.clock.advance(10)
        self.say("4.99")
        self.assertTrue(self.command("getbalance")["low"])
        self.assertEqual(len(self.happened(BalanceLow)), 1)
        self.clock.advance(10)
        self.command("getbalance")
        self.assertEqual(self.happened(BalanceLow), [])
        self.command("startcall", number="32")
        self.assertEqual(self.client.warnings, ["the balance is low: 4.99 BRL, about 9 minutes"])
        self.assertEqual(len(self.happened(BalanceLow)), 1)

    def test_other_operators_accounts(self) -> None:
        """An account of somebody else's domain is nobody's business here."""
        self.open("[balance]\n", general=GENERAL + "domains = sip.other.com\n")
        self.world.phone.register(AccountSettings("sip.example.com", "31", "x"))
        self.registered()
        self.assertEqual(self.operator.asked, [])
        self.refused(InvalidArgument, "getbalance", connectionid=1)

    def test_stop(self) -> None:
        """Nothing is left to do when the desk is closed."""
        self.start()
        self.desk.stop()
        self.world.turn()
        self.assertEqual(self.clock.getDelayedCalls(), [])
