"""The command callhistory."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jsonschema
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from neon.api import schema
from neon.api.sessions import Sessions
from neon.commands import TABLE, Commands, Data
from neon.errors import NeonError
from neon.history import History, Note, Wanted
from tests.fakes import FakeWorld
from tests.store.test_history import CALL
from tests.test_commands import OneApplication, OneClient
from tests.test_history import FakeStore


class CallHistoryTests(SynchronousTestCase):
    def setUp(self) -> None:
        world = FakeWorld()
        self.store = FakeStore()
        self.history = History(world.bus, world.clock, self.store, lambda number: "")
        self.sessions = Sessions(world.clock, 3600)
        self.commands = Commands(world.phone, self.sessions, OneApplication(), history=self.history)
        self.without = Commands(world.phone, self.sessions, OneApplication())
        self.token, _ = self.sessions.open("crm")
        self.asked: list[Wanted] = []
        page = self.store.page

        def asked(wanted: Wanted) -> Deferred[Any]:
            self.asked.append(wanted)
            return page(wanted)

        self.store.page = asked  # type: ignore[method-assign]

    def ask(self, **values: object) -> Deferred[Data]:
        pairs = [("action", "callhistory"), ("token", self.token), *values.items()]
        return self.commands.execute(pairs, OneClient())

    def test_answer(self) -> None:
        """What is known of a call, and the number to go on with; it fits the schema."""
        self.store.entries = [replace(CALL, number=9), replace(CALL, number=8, note=Note(), answered=None)]
        answer = self.successResultOf(self.ask(limit=2))
        self.assertEqual(answer["next"], 8)
        first = answer["calls"][0]
        self.assertEqual((first["customField1"], first["answered"]), ("order 17", "2024-05-01T12:00:02.250Z"))
        self.assertNotIn("customField1", answer["calls"][1])
        row = next(row for row in TABLE if row.name == "callhistory")
        jsonschema.validate(answer, schema.data_schema(row.answer))

    def test_last_page(self) -> None:
        """The last page has nothing to go on with."""
        self.store.entries = [CALL]
        self.assertNotIn("next", self.successResultOf(self.ask(limit=2)))

    def test_filters(self) -> None:
        """Filters arrive as values; what has no zone is UTC."""
        until = "2024-05-02T10:00:00+02:00"
        self.successResultOf(self.ask(since="2024-05-01", until=until, type="Incoming", before="7"))
        (wanted,) = self.asked
        self.assertEqual(str(wanted.since), "2024-05-01 00:00:00+00:00")
        self.assertEqual((wanted.until or CALL.started).timestamp(), 1714636800.0)
        self.assertEqual((wanted.direction, wanted.before, wanted.limit), (CALL.direction.INCOMING, 7, 100))

    def test_bad_filters(self) -> None:
        """What makes no sense is refused with 102."""
        wrong: tuple[dict[str, object], ...] = (
            {"since": "yesterday"}, {"type": "sideways"}, {"result": "fine"}, {"limit": 0}, {"limit": 501},
        )  # fmt: skip
        for values in wrong:
            failure = self.failureResultOf(self.ask(**values), NeonError)
            self.assertEqual(failure.value.code, 102, values)

    def test_switched_off(self) -> None:
        """Without a log there is a sentence."""
        self.commands = self.without
        failure = self.failureResultOf(self.ask(), NeonError)
        self.assertIn("switched off", str(failure.value))
