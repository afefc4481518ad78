"""The recorder over a faked media side: which calls, when, what is told, and what files are called."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from neon import parsing
from neon.api.sessions import Sessions
from neon.commands import Commands
from neon.errors import InvalidArgument, RecordingFailed
from neon.events import RecordingChanged
from neon.localboard import LocalSwitchboard
from neon.ports import CannotRecord, Recorded, Recording
from neon.recorder import Recorder, file_name
from neon.switchboard import Change, RecordingSwitched
from neon.values import AccountOptions, CallSnapshot, CallState, Cause, Direction
from tests.fakes import ACCOUNT, AGREEMENT, FakeCall, FakeWorld
from tests.test_commands import OneApplication, OneClient


class FakeRecording:
    def __init__(self, call_id: int, name: str) -> None:
        self.call_id = call_id
        self.name = name
        self.began: Deferred[str] = Deferred()
        self.over: Deferred[Recorded] = Deferred()
        self.asked: list[str] = []

    def pause(self, on: bool) -> None:
        self.asked.append("pause" if on else "resume")

    def stop(self) -> None:
        self.asked.append("stop")


class FakeRecordings:
    def __init__(self) -> None:
        self.made: list[FakeRecording] = []
        self.broken = False

    def record(self, call_id: int, name: str) -> Recording:
        if self.broken:
            raise CannotRecord(f"call {call_id} has no audio to record")
        self.made.append(FakeRecording(call_id, name))
        return self.made[-1]


class RecorderCase(SynchronousTestCase):
    always = False
    record: bool | None = None

    def setUp(self) -> None:
        self.world = FakeWorld()
        self.recordings = FakeRecordings()
        self.notes: list[tuple[int, str]] = []
        self.recorder = Recorder(
            self.world.phone,
            self.recordings,
            "{callid}",
            always=self.always,
            note=lambda call_id, path: self.notes.append((call_id, path)),
        )
        self.world.registered(replace(ACCOUNT, options=AccountOptions(record=self.record)))
        self.call_id = self.world.phone.start_call("32")
        self.world.take_events()

    @property
    def far_end(self) -> FakeCall:
        return self.world.signalling.calls[0]

    def answer(self) -> None:
        self.far_end.listener.answered(AGREEMENT)
        self.world.turn()

    def told(self) -> list[tuple[str, str, str]]:
        """The state, path and reason of each event about a recording since the last time."""
        events = [event for event in self.world.take_events() if isinstance(event, RecordingChanged)]
        for event in events:
            self.assertEqual((event.call_id, event.connection_id), (self.call_id, 1))
        return [(event.state.value, event.path, event.reason) for event in events]


class VerbTests(RecorderCase):
    def test_not_before_the_answer(self) -> None:
        """A call that is not up cannot be recorded, with early media or without; nor can one that is not there."""
        self.far_end.listener.ringing(183, AGREEMENT)
        for call_id in (self.call_id, 99):
            self.failureResultOf(self.recorder.start(call_id), InvalidArgument)
        self.assertEqual(self.recordings.made, [])

    def test_started(self) -> None:
        """The answer is the path, when the file is there; the log knows it, and the event follows."""
        self.answer()
        started = self.recorder.start(self.call_id)
        self.assertNoResult(started)
        self.assertTrue(self.recorder.is_recording(self.call_id))
        self.recordings.made[0].began.callback("/r/43.wav")
        self.assertEqual(self.successResultOf(started), "/r/43.wav")
        self.assertEqual(self.notes, [(self.call_id, "/r/43.wav")])
        self.assertEqual(self.told(), [("started", "/r/43.wav", "")])

    def test_answer_first(self) -> None:
        """The command's answer is there before the event, for those too who hear events at once."""
        self.answer()
        heard: list[object] = []
        self.world.bus.subscribe(heard.append, prompt=True)
        self.recorder.start(self.call_id).addCallback(heard.append)
        self.recordings.made[0].began.callback("/r/43.wav")
        self.assertEqual(heard, ["/r/43.wav"])
        self.world.turn()
        self.assertEqual(len(heard), 2)

    def test_twice(self) -> None:
        """A call has one recording at a time; after its end there may be another."""
        self.answer()
        self.recorder.start(self.call_id)
        self.failureResultOf(self.recorder.start(self.call_id), InvalidArgument)
        self.recordings.made[0].began.callback("/r/43.wav")
        self.recorder.stop(self.call_id)
        self.failureResultOf(self.recorder.start(self.call_id), InvalidArgument)
        self.recordings.made[0].over.callback(Recorded("/r/43.wav", 1.0))
        self.assertEqual(self.told()[-1], ("stopped", "/r/43.wav", ""))
        self.recorder.start(self.call_id)
        self.assertEqual(len(self.recordings.made), 2)

    def test_pause(self) -> None:
        """Pausing and resuming are told when something changes, and nothing happens when nothing does."""
        self.answer()
        self.recorder.start(self.call_id)
        self.recordings.made[0].began.callback("/r/43.wav")
        self.told()
        for on in (False, True, True, False):
            self.recorder.pause(self.call_id, on)
        self.assertEqual(self.recordings.made[0].asked, ["pause", "resume"])
        self.assertEqual([state for state, _, _ in self.told()], ["paused", "resumed"])

    def test_paused_before_it_began(self) -> None:
        """A pause holds although the disk is slow, and is told after the beginning."""
        self.answer()
        self.recorder.start(self.call_id)
        self.recorder.pause(self.call_id, True)
        self.assertEqual(self.recordings.made[0].asked, ["pause"])
        self.assertEqual(self.told(), [])
        self.recordings.made[0].began.callback("/r/43.wav")
        self.assertEqual([state for state, _, _ in self.told()], ["started", "paused"])

    def test_not_recording(self) -> None:
        """What is not being recorded can neither be stopped nor pause."""
        self.answer()
        self.assertRaises(InvalidArgument, self.recorder.stop, self.call_id)
        self.assertRaises(InvalidArgument, self.recorder.pause, self.call_id, True)

    def test_refused(self) -> None:
        """A file that cannot be made is the command's failure with code 500 and an event; the call goes on."""
        self.answer()
        started = self.recorder.start(self.call_id)
        self.recordings.made[0].began.errback(CannotRecord("/r: Permission denied"))
        failure = self.failureResultOf(started, RecordingFailed)
        self.assertEqual(failure.value.code, 500)
        ((state, path, reason),) = self.told()
        self.assertEqual((state, path), ("failed", ""))
        self.assertIn("Permission denied", reason)
        self.assertFalse(self.recorder.is_recording(self.call_id))
        self.assertEqual(self.notes, [])
        (call,) = self.world.phone.calls()
        self.assertIs(call.state, CallState.CONFIRMED)

    def test_no_audio(self) -> None:
        """A call without audio is refused."""
        self.answer()
        self.recordings.broken = True
        self.failureResultOf(self.recorder.start(self.call_id), InvalidArgument)

    def test_disk_full(self) -> None:
        """A disk that takes no more is told with its words and the file that there is; the call goes on."""
        self.answer()
        self.recorder.start(self.call_id)
        self.recordings.made[0].began.callback("/r/43.wav")
        self.recordings.made[0].over.callback(Recorded("/r/43.wav", 12.0, "No space left on device"))
        self.assertEqual(self.told()[-1], ("failed", "/r/43.wav", "No space left on device"))
        self.assertEqual(len(self.world.phone.calls()), 1)

    def test_other_name(self) -> None:
        """Where the name was taken meanwhile the log knows the one that the file has."""
        self.answer()
        self.recorder.start(self.call_id)
        self.recordings.made[0].began.callback("/r/43.wav")
        self.recordings.made[0].over.callback(Recorded("/r/43-2.wav", 1.0))
        self.assertEqual(self.notes[-1], (self.call_id, "/r/43-2.wav"))

    def test_feed(self) -> None:
        """Supervisors see a recording begin and end, and no call rises again when its file is complete late."""
        board = LocalSwitchboard(self.world.bus, self.world.phone.accounts)
        seen: list[Change] = []
        self.answer()
        second = self.world.signalling.call_in()
        assert isinstance(second, FakeCall)
        self.world.turn()
        board.watch(seen.append)
        call_id = self.world.phone.calls()[1].call_id
        self.world.phone.accept_call(call_id)
        second.listener.answered(AGREEMENT)
        self.world.turn()
        seen.clear()
        self.recorder.start(call_id)
        self.recordings.made[0].began.callback("/r/44.wav")
        self.world.turn()
        self.assertEqual(seen, [RecordingSwitched("31", call_id, True)])
        second.listener.ended(Cause())
        self.world.turn()
        seen.clear()
        self.recordings.made[0].over.callback(Recorded("/r/44.wav", 1.0))
        self.world.turn()
        self.assertEqual(seen, [])


class AlwaysTests(RecorderCase):
    """C{always}, and accounts that say nothing."""

    always = True

    def test_answered(self) -> None:
        """The answer begins the recording, nothing before it does."""
        self.far_end.listener.ringing(180, None)
        self.world.turn()
        self.assertEqual(self.recordings.made, [])
        self.answer()
        self.assertEqual([one.call_id for one in self.recordings.made], [self.call_id])

    def test_fails(self) -> None:
        """A call that cannot be recorded goes on; why is in the log."""
        self.recordings.broken = True
        self.answer()
        self.assertEqual(len(self.world.phone.calls()), 1)
        self.assertEqual(self.flushLoggedErrors(), [])


class AccountTests(RecorderCase):
    """An account that wants it."""

    record = True

    def test_answered(self) -> None:
        """Its calls are recorded although others are not."""
        self.answer()
        self.assertEqual(len(self.recordings.made), 1)


class ExceptionTests(RecorderCase):
    """An account that does not."""

    always = True
    record = False

    def test_answered(self) -> None:
        """Its calls are not recorded although others are."""
        self.answer()
        self.assertEqual(self.recordings.made, [])


class CommandTests(RecorderCase):
    def setUp(self) -> None:
        super().setUp()
        sessions = Sessions(self.world.clock, 3600)
        self.commands = Commands(self.world.phone, sessions, OneApplication(), recorder=self.recorder)
        self.without = Commands(self.world.phone, sessions, OneApplication())
        self.token, _ = sessions.open("crm")

    def ask(self, commands: Commands | None = None, **named: object) -> Deferred[dict[str, Any]]:
        pairs = {"token": self.token, "callid": self.call_id, **named}
        return (commands or self.commands).execute(pairs.items(), OneClient())

    def test_commands(self) -> None:
        """start answers the path, listcalls says that it is so, pause and stop reach the recording."""
        self.answer()
        started = self.ask(action="startrecording")
        self.recordings.made[0].began.callback("/r/43.wav")
        self.assertEqual(self.successResultOf(started), {"path": "/r/43.wav"})
        (call,) = self.successResultOf(self.ask(action="listcalls"))["calls"]
        self.assertIs(call["recording"], True)
        self.assertEqual(self.successResultOf(self.ask(action="pauserecording", pause="yes")), {})
        self.assertEqual(self.successResultOf(self.ask(action="stoprecording")), {})
        self.assertEqual(self.recordings.made[0].asked, ["pause", "stop"])

    def test_without(self) -> None:
        """Where nothing can be recorded the commands are refused, and no call is recorded."""
        self.answer()
        self.failureResultOf(self.ask(self.without, action="startrecording"), InvalidArgument)
        (call,) = self.successResultOf(self.ask(self.without, action="listcalls"))["calls"]
        self.assertIs(call["recording"], False)


class NameTests(SynchronousTestCase):
    CALL = CallSnapshot(
        55, 1, Direction.INCOMING, CallState.CONFIRMED, "sip:+5511@acme.com", "sip:31@acme.com", None, None
    )
    NOW = datetime(2026, 11, 21, 12, 30, 5, tzinfo=UTC)

    def test_default(self) -> None:
        """Time, direction, the number of the far end, and the call."""
        name = file_name("%Y-%m-%d_%S_{direction}_{number}_{callid}_{account}", self.CALL, "main", self.NOW)
        self.assertRegex(name, r"^2026-11-2[0-2]_05_incoming_\+5511_55_main$")

    def test_hostile(self) -> None:
        """What a caller is called cannot lead anywhere, hide a file, or be as long as it likes."""
        for caller, part in (
            ("sip:../../etc/passwd@acme.com", "_.._etc_passwd"),
            ("sip:.hidden@acme.com", "hidden"),
            ("sip:a%25{callid}\0\n@acme.com", "a_25_callid_"),
            ("sip:" + "9" * 500 + "@acme.com", "9" * 64),
            ("sip:...@acme.com", "unknown"),
            ("sip:acme.com", "acme.com"),
        ):
            call = replace(self.CALL, caller=caller)
            self.assertEqual(file_name("{number}", call, "", self.NOW), part)

    def test_template(self) -> None:
        """A template that could not work, or leads elsewhere, is refused where it is written."""
        for good in ("%Y/%m/%d/{callid}", "{account}-{number}-{direction}", " a "):
            self.assertEqual(parsing.recording_name(good), good.strip())
        for bad in ("", "/a", "../a", "a/../b", ".a", "a//b", "{name}", "{callid", "callid}", "{0}", "{callid!r}", "%c",
                    "%", "%%", "100%", "a\nb", "{}"):
            self.assertRaises(ValueError, parsing.recording_name, bad)
