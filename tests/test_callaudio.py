"""The audio of calls for programs, over a faked media side and with connections that a test can stall."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from neon.api.audio import FRAMES_PER_SECOND, KEPT_FRAMES, AudioWay
from neon.api.sessions import Sessions
from neon.api.subscription import Subscription
from neon.audioframes import AudioFrame
from neon.callaudio import CallAudio
from neon.commands import Commands
from neon.errors import InvalidArgument, NotAuthorised
from neon.events import AudioLost, SpeechChanged
from neon.gate import OpenGate
from neon.soundports import AudioEnds
from neon.speechwatch import SpeechWatch
from neon.values import AudioSide, Cause, Scope
from tests.fakes import AGREEMENT, FakeCall, FakeWorld
from tests.test_commands import OneApplication, OneClient

FRAME = bytes(320)


class FakeEnds:
    """C{heard} waits to be read; C{said} was written, C{room} how many samples there is room for."""

    def __init__(self) -> None:
        self.heard = b""
        self.said = b""
        self.room = 80_000
        self.heard_lost = 0
        self.forgotten = 0

    @property
    def waiting(self) -> int:
        return len(self.said) // 2

    def read(self, count: int) -> bytes:
        if len(self.heard) < 2 * count:
            return b""
        taken, self.heard = self.heard[: 2 * count], self.heard[2 * count :]
        return taken

    def write(self, samples: bytes) -> int:
        fitting = samples[: 2 * (self.room - self.waiting)]
        self.said += fitting
        return (len(samples) - len(fitting)) // 2

    def forget(self) -> None:
        self.said = b""
        self.forgotten += 1


class FakeLines:
    def __init__(self) -> None:
        self.ends: list[FakeEnds] = []
        self.closed: list[int] = []
        self.mixed = False
        self.deaf = False
        self.detecting: list[tuple[int, bool]] = []

    def open(self, call_id: int, rate: int, *, mix: bool = False) -> AudioEnds | None:
        self.mixed = mix
        if self.deaf:
            return None
        self.ends.append(FakeEnds())
        return self.ends[-1]

    def close(self, call_id: int) -> None:
        self.closed.append(call_id)

    def detect_speech(self, call_id: int, on: bool) -> None:
        self.detecting.append((call_id, on))


class Connection:
    """What an L{AudioWay} needs, and what it did."""

    def __init__(self, world: FakeWorld, key: str) -> None:
        self.sent: list[AudioFrame] = []
        self.stalled = False
        self.scopes = frozenset(Scope)
        self.complaints: list[str] = []
        self.way = AudioWay(
            key,
            world.clock,
            send=lambda data: self.sent.append(AudioFrame.decode(data)),
            stalled=lambda: self.stalled,
            scopes=lambda: self.scopes,
            complain=self.complaints.append,
        )

    def take(self) -> list[AudioFrame]:
        sent, self.sent = self.sent, []
        return sent


class AudioCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.world = FakeWorld()
        self.lines = FakeLines()
        self.audio = CallAudio(self.world.phone, self.lines, self.world.clock)
        self.one, self.two = Connection(self.world, "one"), Connection(self.world, "two")
        self.world.registered()
        self.call_id = self.world.phone.start_call("32")

    @property
    def far_end(self) -> FakeCall:
        return self.world.signalling.calls[0]

    @property
    def ends(self) -> FakeEnds:
        return self.lines.ends[-1]

    def answer(self) -> None:
        self.far_end.listener.answered(AGREEMENT)
        self.world.take_events()

    def open(self, rate: int = 8000) -> None:
        self.answer()
        self.audio.open(self.call_id, self.one.way, rate)

    def say(self, samples: bytes, rate: int = 8000, *, forget: bool = False) -> None:
        self.assertTrue(self.one.way.received(AudioFrame(self.call_id, samples, rate, forget=forget).encode()))

    def lost(self) -> list[tuple[AudioSide, int]]:
        events = [event for event in self.world.take_events() if isinstance(event, AudioLost)]
        self.assertTrue(all(event.opener == "one" for event in events))
        return [(event.side, event.milliseconds) for event in events]


class OpeningTests(AudioCase):
    def test_one_at_a_time(self) -> None:
        """A call that is up has its audio open to one connection; after its end another may have it."""
        for call_id in (self.call_id, 99):
            self.assertRaises(InvalidArgument, self.audio.open, call_id, self.one.way, 8000)
        self.open()
        for way in (self.one.way, self.two.way, None):
            self.assertRaises(InvalidArgument, self.audio.open, self.call_id, way, 8000)
        self.assertRaises(InvalidArgument, self.audio.close, self.call_id, self.two.way)
        self.audio.close(self.call_id, self.one.way)
        self.assertEqual(self.lines.closed, [self.call_id])
        self.assertRaises(InvalidArgument, self.audio.close, self.call_id, self.one.way)
        self.audio.open(self.call_id, self.two.way, 16000, mix=True)
        self.assertTrue(self.lines.mixed)
        self.two.way.lost()
        self.assertEqual(self.world.clock.getDelayedCalls(), [])

    def test_no_audio(self) -> None:
        """A call without audio has none to be opened."""
        self.answer()
        self.lines.deaf = True
        self.assertRaises(InvalidArgument, self.audio.open, self.call_id, self.one.way, 8000)

    def test_ends(self) -> None:
        """The end of the call, of the connection or of its rights is the end of the audio, and of its timer."""
        for end in ("call", "connection", "rights"):
            self.setUp()
            self.open()
            if end == "call":
                self.far_end.listener.ended(Cause())
                self.world.turn()
            elif end == "connection":
                self.one.way.lost()
            else:
                self.one.scopes = frozenset({Scope.CALL})
                self.world.clock.pump([0.02])
            self.ends.heard = FRAME
            self.world.clock.pump([0.02] * 3)
            self.assertEqual((self.lines.closed, self.one.sent), ([self.call_id], []), end)
            self.say(FRAME)
            self.assertEqual(self.ends.said, b"")
            self.assertIn("is not open here", self.one.complaints[-1])


class HearingTests(AudioCase):
    def test_frames(self) -> None:
        """Whole frames are sent in their order, numbered, timed, and with how much waits to be said."""
        self.open(16000)
        self.ends.heard = bytes(640 * 3 + 100)
        self.ends.said = bytes(3200)
        self.world.clock.pump([0.02] * 2)
        sent = self.one.take()
        self.assertEqual([(one.sequence, one.timestamp) for one in sent], [(0, 0), (1, 320), (2, 640)])
        self.assertEqual({(one.call_id, one.rate, one.waiting_ms) for one in sent}, {(self.call_id, 16000, 100)})
        self.assertEqual({len(one.samples) for one in sent}, {640})

    def test_slow_reader(self) -> None:
        """Who does not read loses old audio, is told so once a second, and reads on with the last second."""
        self.open()
        self.one.stalled = True
        for n in range(200):
            self.ends.heard = n.to_bytes(2, "little") * 160
            self.world.clock.advance(0.02)
        self.assertEqual(self.one.take(), [])
        told = self.lost()
        self.assertEqual({side for side, _ in told}, {AudioSide.HEARD})
        self.assertLessEqual(len(told), 4)
        self.one.stalled = False
        self.one.way.caught_up()
        sent = self.one.take()
        self.assertEqual([one.sequence for one in sent], list(range(200 - KEPT_FRAMES, 200)))
        self.world.clock.advance(1.0)
        told += self.lost()
        self.assertEqual(sum(milliseconds for _, milliseconds in told), (200 - KEPT_FRAMES) * 20)

    def test_reactor_that_stood_still(self) -> None:
        """What the media side could not keep is a hole in the timestamps."""
        self.open()
        self.ends.heard_lost = 1600
        self.ends.heard = FRAME
        self.world.clock.advance(0.02)
        self.assertEqual(self.one.take()[0].timestamp, 1600)
        self.assertEqual(self.lost(), [(AudioSide.HEARD, 200)])


class SpeakingTests(AudioCase):
    def test_said(self) -> None:
        """What is sent is said, of any length; what is not wanted any more is not."""
        self.open()
        self.say(FRAME)
        self.say(b"")
        self.say(bytes(1000))
        self.assertEqual(len(self.ends.said), 1320)
        self.say(b"\1\0", forget=True)
        self.assertEqual((self.ends.said, self.ends.forgotten), (b"\1\0", 1))
        self.assertEqual(self.one.complaints, [])

    def test_too_much(self) -> None:
        """More than there is room for is lost, and told."""
        self.open()
        self.ends.room = 400
        self.say(bytes(2 * 1200))
        self.assertEqual(len(self.ends.said), 800)
        self.world.clock.advance(0.02)
        self.assertEqual(self.lost(), [(AudioSide.SPOKEN, 100)])

    def test_mistakes(self) -> None:
        """What is no message of an open call's audio is answered with a sentence, once a second; JSON is not ours."""
        self.open()
        self.say(FRAME, 16000)
        self.assertIn("opened with 8000 Hz", self.one.complaints[-1])
        self.assertTrue(self.one.way.received(b"\x01nonsense"))
        self.assertEqual(len(self.one.complaints), 1)
        self.world.clock.advance(1.0)
        self.assertTrue(self.one.way.received(b"\x01nonsense"))
        self.assertIn("shorter than its header", self.one.complaints[-1])
        self.assertFalse(self.one.way.received(b'{"action":"help"}'))
        self.assertFalse(self.one.way.received(b""))

    def test_flood(self) -> None:
        """So many messages a second are looked at, and no more."""
        self.open()
        for _ in range(FRAMES_PER_SECOND + 100):
            self.say(b"\0\0")
        self.assertEqual(len(self.ends.said), 2 * FRAMES_PER_SECOND)
        self.assertIn("audio messages a second", self.one.complaints[-1])


class CommandTests(AudioCase):
    def test_commands(self) -> None:
        """openaudio and closeaudio need a connection that can carry audio."""
        self.answer()
        sessions = Sessions(self.world.clock, 3600)
        self.addCleanup(sessions.stop)
        token, _ = sessions.open("bot")
        commands = Commands(self.world.phone, sessions, OneApplication(), audio=self.audio)
        client = OneClient()
        asked = {"token": token, "callid": self.call_id}
        opening = {"action": "openaudio", "rate": "16000", **asked}.items()
        failure = self.failureResultOf(commands.execute(opening, client), InvalidArgument)
        self.assertIn("WebSocket", failure.getErrorMessage())
        client.audio = self.one.way
        self.assertEqual(
            self.successResultOf(commands.execute(opening, client)), {"rate": 16000, "frameMilliseconds": 20}
        )
        self.failureResultOf(
            commands.execute({"action": "openaudio", **asked, "rate": 44100}.items(), client), InvalidArgument
        )
        listing = {"action": "listcalls", "token": token}.items()
        self.assertIs(self.successResultOf(commands.execute(listing, client))["calls"][0]["audioOpen"], True)
        self.successResultOf(commands.execute({"action": "closeaudio", **asked}.items(), client))
        self.assertIs(self.successResultOf(commands.execute(listing, client))["calls"][0]["audioOpen"], False)
        without = Commands(self.world.phone, sessions, OneApplication())
        self.failureResultOf(without.execute(opening, client), InvalidArgument)

    def test_scope(self) -> None:
        """Whoever may call may not listen by that alone."""
        self.answer()
        sessions = Sessions(self.world.clock, 3600)
        self.addCleanup(sessions.stop)
        token, _ = sessions.open("crm")

        class Gate(OpenGate):
            def allow(self, session: object, command: object) -> None:
                if getattr(command, "scope", None) is Scope.AUDIO:
                    raise NotAuthorised("no")

        commands = Commands(self.world.phone, sessions, OneApplication(), audio=self.audio, gate=Gate())
        opening = {"action": "openaudio", "token": token, "callid": self.call_id}
        self.failureResultOf(commands.execute(opening.items(), OneClient()), NotAuthorised)


class SubscriptionTests(AudioCase):
    def test_losses_are_the_openers(self) -> None:
        """A loss is told to whoever opened the audio, unasked, and to nobody else."""
        self.open()
        published = self.world.bus.publish(AudioLost(self.call_id, 1, AudioSide.HEARD, 20, "one"), keep=False)
        self.assertTrue(Subscription(self.world.bus, "one").wants(published))
        other = Subscription(self.world.bus, "two")
        other.change(None, None, ("all",))
        self.assertFalse(other.wants(published))


class SpeechTests(AudioCase):
    def setUp(self) -> None:
        super().setUp()
        self.watch = SpeechWatch(self.world.phone, self.lines)
        self.client = Subscription(self.world.bus, "three")

    def test_only_while_wanted(self) -> None:
        """Speech is looked for in all calls while somebody has subscribed to it, and in none otherwise."""
        self.answer()
        self.assertEqual(self.lines.detecting, [])
        self.client.change(None, None, ("OnSpeech",))
        other = Subscription(self.world.bus, "four")
        other.change(None, None, ("all",))
        second = self.world.phone.start_call("33")
        self.world.signalling.calls[1].listener.answered(AGREEMENT)
        self.world.turn()
        self.assertEqual(self.lines.detecting, [(self.call_id, True), (second, True)])
        self.client.change(None, None, ("OnDTMF",))
        self.assertEqual(len(self.lines.detecting), 2)
        other.close()
        self.assertEqual(self.lines.detecting[2:], [(self.call_id, False), (second, False)])

    def test_told(self) -> None:
        """What the media side hears is told; nothing of it after the last subscription."""
        self.answer()
        self.client.change(None, None, ("onspeech",))
        self.watch.changed(self.call_id, True)
        self.watch.changed(99, True)
        self.assertEqual(self.world.take_events(), [SpeechChanged(self.call_id, 1, True)])
        self.client.close()
        self.watch.changed(self.call_id, False)
        self.assertEqual(self.world.take_events(), [])
