"""Pictures of extensions, and the changes between them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from neon.bus import Bus
from neon.events import (
    CallAccepted,
    CallBridged,
    CallFinalized,
    CallRinging,
    CallStarted,
    ConferenceChanged,
    Event,
    HoldChanged,
    Registered,
    RegistrationFinalized,
)
from neon.localboard import LocalSwitchboard
from neon.switchboard import (
    Board,
    CallAppeared,
    CallGone,
    CallPicture,
    Change,
    Ended,
    ExtensionPicture,
    HoldSwitched,
    Phase,
    PhaseChanged,
    RecordingSwitched,
    Status,
    StatusChanged,
    changes,
)
from neon.values import AccountSnapshot, Cause, Direction, RegistrationState

OK = Cause()


def account(connection_id: int, uri: str, state: RegistrationState = RegistrationState.REGISTERED) -> AccountSnapshot:
    return AccountSnapshot(connection_id, uri, None, state)


class LocalTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.bus = Bus(self.clock)
        self.accounts = [account(1, "sip:101@acme.com")]
        self.board = LocalSwitchboard(self.bus, lambda: self.accounts)
        self.told: list[Change] = []
        self.board.watch(self.told.append)

    def happens(self, *events: Event) -> list[Change]:
        for event in events:
            self.bus.publish(event)
        self.clock.advance(0)
        told, self.told[:] = list(self.told), []
        return told

    def who(self, call_id: int, direction: Direction) -> tuple[int, int, Direction, str, str, str | None]:
        ours, theirs = "sip:101@acme.com", "sip:600@acme.com"
        ends = (ours, theirs) if direction is Direction.OUTGOING else (theirs, ours)
        return (call_id, 1, direction, *ends, None)

    def test_account_appears(self) -> None:
        """An account that registers is an idle extension, named by its number."""
        self.assertEqual(self.happens(Registered(1, OK)), [StatusChanged("101", Status.IDLE)])
        self.assertEqual(self.board.pictures(), (ExtensionPicture("101", "sip:101@acme.com", registered=True),))

    def test_conference(self) -> None:
        """Calls of a conference are bridged, in a ring; who waits waits alone, and what is over is bridged no more."""
        self.happens(Registered(1, OK))
        for number in (55, 56, 57):
            who = self.who(number, Direction.OUTGOING)
            self.happens(CallStarted(*who), CallAccepted(*who))
        self.happens(ConferenceChanged((55, 56, 57)))

        def bridges() -> list[object]:
            return [call.bridge for call in self.board.pictures()[0].calls]

        self.assertEqual(bridges(), [56, 57, 55])
        held = HoldChanged(*self.who(55, Direction.OUTGOING), local=True, remote=False, cause=OK)
        self.assertEqual(self.happens(held), [HoldSwitched("101", 55, on=True)])
        self.assertIs(self.board.pictures()[0].status, Status.IN_USE)
        self.happens(ConferenceChanged((56, 57)))
        self.assertEqual(bridges(), [None, 57, 56])
        self.happens(CallFinalized(*self.who(57, Direction.OUTGOING), 0, OK), ConferenceChanged(()))
        self.assertEqual(bridges(), [None, None])

    def test_account_lost(self) -> None:
        """One that is not registered is unavailable, and is still there."""
        self.happens(Registered(1, OK))
        self.accounts = [account(1, "sip:101@acme.com", RegistrationState.RETRYING)]
        self.assertEqual(self.happens(RegistrationFinalized(1, OK)), [StatusChanged("101", Status.UNAVAILABLE)])
        self.assertEqual(len(self.board.pictures()), 1)

    def test_account_given_up(self) -> None:
        """One that was given up is gone."""
        self.happens(Registered(1, OK))
        self.accounts = []
        self.assertEqual(self.happens(RegistrationFinalized(1, OK)), [StatusChanged("101", Status.UNAVAILABLE)])
        self.assertEqual(self.board.pictures(), ())

    def test_same_number_twice(self) -> None:
        """Where two accounts have one number, the newcomer goes by its whole address."""
        self.happens(Registered(1, OK))
        self.accounts.append(account(2, "sip:101@other.com"))
        self.happens(Registered(2, OK))
        self.assertEqual([picture.name for picture in self.board.pictures()], ["101", "101@other.com"])

    def test_outgoing_call(self) -> None:
        """Dialling, ringing there, answered, on hold and back, ended."""
        self.happens(Registered(1, OK))
        who = self.who(7, Direction.OUTGOING)
        call = CallPicture(7, Direction.OUTGOING, "101", "600")
        self.assertEqual(
            self.happens(CallStarted(*who)),
            [CallAppeared("101", call), PhaseChanged("101", 7, Phase.DIALING), StatusChanged("101", Status.IN_USE)],
        )
        self.assertEqual(self.happens(CallRinging(*who, status=180)), [PhaseChanged("101", 7, Phase.RING)])
        self.assertEqual(self.happens(CallAccepted(*who)), [PhaseChanged("101", 7, Phase.UP)])
        self.assertEqual(
            self.happens(HoldChanged(*who, local=True, remote=False, cause=OK)),
            [HoldSwitched("101", 7, True), StatusChanged("101", Status.ON_HOLD)],
        )
        self.assertEqual(
            self.happens(HoldChanged(*who, local=False, remote=False, cause=OK)),
            [HoldSwitched("101", 7, False), StatusChanged("101", Status.IN_USE)],
        )
        self.assertEqual(
            self.happens(CallFinalized(*who, duration_ms=5, cause=Cause(486))),
            [CallGone("101", 7, 17), StatusChanged("101", Status.IDLE)],
        )

    def test_incoming_call(self) -> None:
        """It rings here, and is ours as long as it lasts."""
        self.happens(Registered(1, OK))
        who = self.who(8, Direction.INCOMING)
        call = CallPicture(8, Direction.INCOMING, "600", "101", phase=Phase.RINGING)
        self.assertEqual(
            self.happens(CallStarted(*who)),
            [CallAppeared("101", call), PhaseChanged("101", 8, Phase.RINGING), StatusChanged("101", Status.RINGING)],
        )
        self.assertEqual(self.board.extension_of(8), "101")
        self.happens(CallFinalized(*who, duration_ms=0, cause=OK))
        self.assertIsNone(self.board.extension_of(8))

    def test_call_before_any_registration_was_heard(self) -> None:
        """A call of an account that nobody told of yet has its extension all the same."""
        self.happens(CallStarted(*self.who(7, Direction.OUTGOING)))
        self.assertEqual(self.board.extension_of(7), "101")

    def test_two_legs(self) -> None:
        """Legs that belong together name each other, and one that is left names nobody."""
        self.happens(Registered(1, OK))
        one, two = self.who(7, Direction.INCOMING), self.who(8, Direction.OUTGOING)
        self.happens(CallStarted(*one), CallStarted(*two), CallBridged(*one, other=8), CallBridged(*two, other=7))
        self.assertEqual([call.bridge for call in self.board.pictures()[0].calls], [8, 7])
        self.happens(CallFinalized(*two, duration_ms=0, cause=OK))
        self.assertEqual([call.bridge for call in self.board.pictures()[0].calls], [None])

    def test_legs_wait_together(self) -> None:
        """A conversation of two legs is on hold when one of them is."""
        self.happens(Registered(1, OK))
        one, two = self.who(7, Direction.INCOMING), self.who(8, Direction.OUTGOING)
        self.happens(CallStarted(*one), CallStarted(*two), CallBridged(*one, other=8), CallBridged(*two, other=7))
        self.happens(CallAccepted(*one), CallAccepted(*two))
        told = self.happens(HoldChanged(*two, local=True, remote=False, cause=OK))
        self.assertEqual(told[-1], StatusChanged("101", Status.ON_HOLD))

    def test_ends_are_bounded(self) -> None:
        """However many calls end, only the last few are remembered."""
        self.happens(Registered(1, OK))
        for call_id in range(100):
            who = self.who(call_id + 1, Direction.OUTGOING)
            self.happens(CallStarted(*who), CallFinalized(*who, duration_ms=0, cause=OK))
        self.assertEqual([end.call_id for end in self.board.pictures()[0].ended], list(range(93, 101)))


CALLS = st.builds(
    CallPicture,
    st.integers(1, 5),
    st.sampled_from(Direction),
    st.just("1"),
    st.just("2"),
    phase=st.sampled_from(Phase),
    hold=st.booleans(),
    recorded=st.booleans(),
)
PICTURES = st.none() | st.builds(
    ExtensionPicture,
    st.just("101"),
    st.just("sip:101@acme.com"),
    st.booleans(),
    st.lists(CALLS, unique_by=lambda call: call.call_id).map(tuple),
    st.just((Ended(3, 17),)),
)


class Spectator:
    """Somebody who saw one picture, and since then only heard of changes."""

    def __init__(self, picture: ExtensionPicture | None) -> None:
        self.status = Status.UNAVAILABLE if picture is None else picture.status
        calls = () if picture is None else picture.calls
        self.calls = {call.call_id: (call.phase, call.hold, call.recorded) for call in calls}

    def hear(self, change: Change) -> None:
        match change:
            case StatusChanged(status=status):
                assert status is not self.status, "told twice"
                self.status = status
            case CallAppeared(call=call):
                assert call.call_id not in self.calls, "told twice"
                self.calls[call.call_id] = (call.phase, call.hold, call.recorded)
            case CallGone(call_id=call_id):
                del self.calls[call_id]
            case PhaseChanged(call_id=call_id, phase=phase):
                self.calls[call_id] = (phase, *self.calls[call_id][1:])
            case HoldSwitched(call_id=call_id, on=on):
                self.calls[call_id] = (self.calls[call_id][0], on, self.calls[call_id][2])
            case RecordingSwitched(call_id=call_id, on=on):
                self.calls[call_id] = (*self.calls[call_id][:2], on)


class ChangesTests(SynchronousTestCase):
    @given(PICTURES, PICTURES)
    def test_picture_and_changes_are_the_next_picture(
        self, before: ExtensionPicture | None, after: ExtensionPicture | None
    ) -> None:
        """Whoever has a picture and hears the changes knows what the next picture would show."""
        board = Board()
        spectator = Spectator(before)
        if before is not None:
            board.put(before)
        board.watch(spectator.hear)
        if after is not None:
            board.put(after)
        elif before is not None:
            board.remove(before.name)
        expected = Spectator(after)
        self.assertEqual((spectator.status, spectator.calls), (expected.status, expected.calls))

    def test_nothing_happened(self) -> None:
        """Two pictures that are the same have nothing between them."""
        picture = ExtensionPicture("101", "sip:101@acme.com", True)
        self.assertEqual(list(changes(picture, picture)), [])

    def test_unwatch(self) -> None:
        """Whoever has gone hears no more."""
        board, told = Board(), list[Change]()
        leave = board.watch(told.append)
        leave()
        leave()
        board.put(ExtensionPicture("101", "sip:101@acme.com", True))
        self.assertEqual(told, [])
