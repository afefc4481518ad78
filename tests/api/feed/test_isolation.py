"""Agents never see or touch what is not theirs, whatever anybody does in whatever order."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from twisted.internet.defer import succeed
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from neon.api.feed.actions import CommandActions
from neon.api.feed.members import Member, Members
from neon.api.feed.server import Feed
from neon.api.sessions import Sessions
from neon.callback import Callbacks
from neon.commands import Commands
from neon.localboard import LocalSwitchboard
from neon.values import AccountSettings, Cause
from tests.api.feed.feeds import SECRET, FeedClient, connect
from tests.fakes import AGREEMENT, FakeCall, FakeIds, FakeWorld
from tests.test_commands import OneApplication

NUMBERS = ("101", "102", "103")


class Office(RuleBasedStateMachine):
    """Three extensions with an agent each, a supervisor who only watches and one who acts, and a busy network."""

    @initialize()
    def open(self) -> None:
        self.world = FakeWorld()
        self.board = LocalSwitchboard(self.world.bus, self.world.phone.accounts)
        reactor = MemoryReactorClock()
        sessions = Sessions(self.world.clock, 3600)
        members = Members(reactor, lambda function, *args: succeed(function(*args)), SECRET)
        ids = FakeIds(call=1000)
        commands = Commands(
            self.world.phone, sessions, OneApplication(), callbacks=Callbacks(self.world.phone, ids, self.world.clock)
        )
        self.feed = Feed(
            reactor, "desk", self.board, members, CommandActions(commands, sessions, self.board), messages_per_second=0
        )
        self.clients: dict[str, FeedClient] = {}
        for number in NUMBERS:
            self.world.registered(AccountSettings("sip.acme.com", number, "x"))
            members.put(Member(number, number, acts=True), SECRET)
        members.put(Member("watcher", None, acts=False), SECRET)
        members.put(Member("boss", None, acts=True), SECRET)
        for name in (*NUMBERS, "watcher", "boss"):
            client = connect(self.feed, "/agent" if name in NUMBERS else "/ws", reactor=reactor)
            client.log_in(name)
            self.clients[name] = client
        self.owners: dict[int, str] = {}

    def turn(self) -> None:
        for _ in range(4):
            self.world.clock.advance(0)
        for call in self.world.phone.calls():
            self.owners[call.call_id] = NUMBERS[call.connection_id - 1]

    def live(self) -> set[int]:
        return {call.call_id for call in self.world.phone.calls()}

    def act(self, who: str, **action: object) -> dict[str, Any]:
        client = self.clients[who]
        client.heard()
        client.say(type="action", **action)
        return next(message for message in client.heard() if message["type"] == "action-resp")

    @rule(who=st.sampled_from(NUMBERS))
    def dials(self, who: str) -> None:
        assert self.act(who, action="call", phone="600")["result"] == "ok"
        self.turn()

    @rule(who=st.sampled_from(NUMBERS), where=st.sampled_from(NUMBERS))
    def dials_for_another(self, who: str, where: str) -> None:
        before = self.live()
        answer = self.act(who, action="call", phone="600", extension=where)
        self.turn()
        assert (answer["result"] == "ok") is (who == where)
        assert who == where or self.live() == before

    @rule(who=st.sampled_from(NUMBERS), data=st.data())
    def hangs_up(self, who: str, data: st.DataObject) -> None:
        known = sorted(self.owners) or [1]
        wanted = data.draw(st.lists(st.sampled_from(known) | st.integers(1, 2000), min_size=1, max_size=4))
        before = self.live()
        self.act(who, action="hangup", call=wanted)
        for _ in range(2):  # the end of one leg is the end of the other, a turn later
            self.turn()
            for call in self.world.signalling.calls:
                if isinstance(call, FakeCall) and "hang_up" in call.requests and call not in self.ended:
                    self.ended.append(call)
                    call.listener.ended(Cause())
        self.turn()
        gone = before - self.live()
        assert all(self.owners[call] == who for call in gone), "somebody else's call was ended"

    @rule(who=st.sampled_from(NUMBERS), data=st.data())
    def transfers(self, who: str, data: st.DataObject) -> None:
        wanted = data.draw(st.sampled_from(sorted(self.owners) or [1]))
        answer = self.act(who, action="blindtransfer", call=wanted, phone="601")
        assert answer["result"] == "error" or self.owners[wanted] == who

    @rule()
    def watcher_acts(self) -> None:
        before = self.live()
        assert self.act("watcher", action="call", phone="600", extension="101")["result"] == "error"
        assert self.act("watcher", action="hangup", call=sorted(before) or [1])["result"] == "error"
        self.turn()
        assert self.live() == before

    @rule(where=st.sampled_from(NUMBERS))
    def boss_dials(self, where: str) -> None:
        answer = self.act("boss", action="call", phone="600", extension=where)
        self.turn()
        assert answer["result"] == "ok"
        assert self.owners[answer["callid"]] == where

    @rule(answered=st.booleans())
    def network_is_busy(self, answered: bool) -> None:
        for call in self.world.signalling.calls:
            if isinstance(call, FakeCall) and call not in self.ended:
                if answered:
                    call.listener.answered(AGREEMENT)
                else:
                    self.ended.append(call)
                    call.listener.ended(Cause(486))
                break
        self.turn()

    def __init__(self) -> None:
        super().__init__()
        self.ended: list[FakeCall] = []

    @invariant()
    def nobody_sees_more(self) -> None:
        if not hasattr(self, "clients"):
            return
        for who in NUMBERS:
            for message in self.clients[who].heard():
                assert message.get("extension", who) == who, message
                call = message.get("callid")
                assert call is None or self.owners.get(call, who) == who, message
                assert all(item["Extension"] == who for item in message.get("data", ())), message
        for who in ("watcher", "boss"):
            json.dumps(self.clients[who].heard())

    def teardown(self) -> None:
        for client in getattr(self, "clients", {}).values():
            assert client.protocol.closing is None


Office.TestCase.settings = settings(
    max_examples=25, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)


class IsolationTests(SynchronousTestCase):
    def test_thousand_actions(self) -> None:
        """25 mornings of 40 actions each: no agent sees or ends anything of another one's."""
        Office.TestCase("runTest").debug()
