"""Files in calls over a faked media side: who may play what, when it ends, and the music of those who wait."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from neon import parsing
from neon.api.sessions import Sessions
from neon.commands import Commands
from neon.errors import InvalidArgument
from neon.events import AudioPlayed
from neon.playing import Playing
from neon.soundports import CannotPlay, Clip
from neon.values import AccountOptions, Cause, MediaDirection
from tests.fakes import ACCOUNT, AGREEMENT, FakeCall, FakeWorld
from tests.test_commands import OneApplication, OneClient


@dataclass(frozen=True)
class FakeClip:
    name: str
    seconds: float = 2.5


class FakeSounds:
    """C{loading} waits for the test; C{said} is what was asked."""

    def __init__(self) -> None:
        self.loading: dict[str, Deferred[Clip]] = {}
        self.said: list[object] = []
        self.done: Callable[[], None] = lambda: None
        self.deaf = False

    def load(self, name: str) -> Deferred[Clip]:
        self.loading[name] = Deferred()
        return self.loading[name]

    def play(
        self,
        call_id: int,
        clip: Clip,
        *,
        loop: bool = False,
        mix: bool = False,
        done: Callable[[], None] = lambda: None,
    ) -> bool:
        assert isinstance(clip, FakeClip)
        self.said.append(("play", clip.name, loop, mix))
        self.done = done
        return not self.deaf

    def stop(self, call_id: int) -> None:
        self.said.append("stop")

    def hold(self, call_id: int, on: bool, music: Clip | None = None) -> None:
        assert music is None or isinstance(music, FakeClip)
        self.said.append(("hold", on, None if music is None else music.name))

    def loaded(self, name: str) -> None:
        self.loading[name].callback(FakeClip(name))

    def take(self) -> list[object]:
        said, self.said = self.said, []
        return said


class PlayingCase(SynchronousTestCase):
    music: str | None = None

    def setUp(self) -> None:
        self.world = FakeWorld()
        self.sounds = FakeSounds()
        self.playing = Playing(self.world.phone, self.sounds)
        self.world.registered(replace(ACCOUNT, options=AccountOptions(hold_music=self.music)))
        self.call_id = self.world.phone.start_call("32")
        self.world.take_events()

    @property
    def far_end(self) -> FakeCall:
        return self.world.signalling.calls[0]

    def answer(self) -> None:
        self.far_end.listener.answered(AGREEMENT)
        self.world.take_events()

    def play(self, file: str = "a.wav", *, loop: bool = False, mix: bool = False) -> None:
        d = self.playing.start(self.call_id, file, loop=loop, mix=mix)
        self.sounds.loaded(file)
        self.assertEqual(self.successResultOf(d), 2.5)

    def told(self) -> list[tuple[str, str]]:
        events = [event for event in self.world.take_events() if isinstance(event, AudioPlayed)]
        self.assertTrue(all((event.call_id, event.connection_id) == (self.call_id, 1) for event in events))
        return [(event.file, event.how.value) for event in events]


class PlayTests(PlayingCase):
    def test_to_the_end(self) -> None:
        """A file is said, with the microphone or without, and its end is told, once."""
        self.answer()
        self.play(mix=True)
        self.assertEqual(self.sounds.take(), [("play", "a.wav", False, True)])
        self.assertEqual(self.told(), [])
        self.sounds.done()
        self.sounds.done()
        self.assertEqual(self.told(), [("a.wav", "ended")])

    def test_stopped(self) -> None:
        """It can be stopped, once; there has to be something."""
        self.answer()
        self.assertRaises(InvalidArgument, self.playing.stop, self.call_id)
        self.play(loop=True)
        self.playing.stop(self.call_id)
        self.assertEqual(self.told(), [("a.wav", "stopped")])
        self.assertRaises(InvalidArgument, self.playing.stop, self.call_id)

    def test_replaced(self) -> None:
        """Another file takes the place of the one before; a late end of that one is nobody's."""
        self.answer()
        self.play()
        late = self.sounds.done
        self.play("b.wav")
        self.assertEqual(self.told(), [("a.wav", "replaced")])
        late()
        self.assertEqual(self.told(), [])
        self.sounds.done()
        self.assertEqual(self.told(), [("b.wav", "ended")])

    def test_end_of_the_call(self) -> None:
        """The end of a call ends what is said in it."""
        self.answer()
        self.play()
        self.far_end.listener.ended(Cause())
        self.assertEqual(self.told(), [("a.wav", "call-ended")])

    def test_no_call(self) -> None:
        """Only a call that is up can be played into, also when the file took its time."""
        for call_id in (self.call_id, 99):
            self.failureResultOf(self.playing.start(call_id, "a.wav"), InvalidArgument)
        self.answer()
        started = self.playing.start(self.call_id, "a.wav")
        self.far_end.listener.ended(Cause())
        self.sounds.loaded("a.wav")
        self.failureResultOf(started, InvalidArgument)
        self.assertEqual(self.told(), [])

    def test_refused(self) -> None:
        """A file that cannot be played, any that is not in the directory, and a call without audio."""
        self.answer()
        started = self.playing.start(self.call_id, "a.wav")
        self.sounds.loading["a.wav"].errback(CannotPlay("there is no sound a.wav"))
        self.assertEqual(self.failureResultOf(started, InvalidArgument).getErrorMessage(), "there is no sound a.wav")
        self.failureResultOf(self.playing.start(self.call_id, "/etc/passwd"), InvalidArgument)
        self.sounds.deaf = True
        started = self.playing.start(self.call_id, "b.wav")
        self.sounds.loaded("b.wav")
        self.failureResultOf(started, InvalidArgument)
        self.assertEqual(self.told(), [])

    def test_names(self) -> None:
        """A name that is none is refused before anybody looks at the disk."""
        for name in ("", " ", "/etc/x.wav", "../x.wav", "a/../x.wav", "a//b.wav", ".x.wav", "a\nb", "x" * 256):
            self.assertRaises(ValueError, parsing.sound_name, name)
        self.assertEqual(parsing.sound_name(" pt/olá.wav "), "pt/olá.wav")
        self.assertEqual(parsing.sound_file("/srv/music.wav"), "/srv/music.wav")
        self.assertIsNone(parsing.sound_file(""))


class MusicTests(PlayingCase):
    music = "/srv/music.wav"

    def hold(self, on: bool) -> None:
        self.world.phone.control.set_hold(self.call_id, on)
        direction = MediaDirection.SENDONLY if on else MediaDirection.SENDRECV
        self.far_end.listener.hold_answered(replace(AGREEMENT, direction=direction))
        self.world.turn()

    def test_music(self) -> None:
        """Who waits hears the account's music, from when it has agreed to wait until it need not any more."""
        self.answer()
        self.hold(True)
        self.assertEqual(self.sounds.take(), [("hold", True, None)])
        self.sounds.loaded("/srv/music.wav")
        self.assertEqual(self.sounds.take(), [("hold", True, "/srv/music.wav")])
        self.hold(False)
        self.assertEqual(self.sounds.take(), [("hold", False, None)])

    def test_too_late(self) -> None:
        """Music that is there when nobody waits any more is not played."""
        self.answer()
        self.hold(True)
        self.hold(False)
        self.sounds.take()
        self.sounds.loaded("/srv/music.wav")
        self.assertEqual(self.sounds.take(), [])

    def test_held_by_them(self) -> None:
        """Whoever holds us gets no music."""
        self.answer()
        self.far_end.listener.media_changed(replace(AGREEMENT, direction=MediaDirection.RECVONLY))
        self.world.turn()
        self.assertEqual(self.sounds.take(), [])

    def test_no_music(self) -> None:
        """A file that cannot be played is silence and a line in the log."""
        self.answer()
        self.hold(True)
        self.sounds.loading["/srv/music.wav"].errback(CannotPlay("there is no sound"))
        self.assertEqual(self.sounds.take(), [("hold", True, None)])
        self.assertEqual(self.flushLoggedErrors(), [])


class CommandTests(PlayingCase):
    def test_commands(self) -> None:
        """playaudio answers how long it is, and the event follows; other names than those in the directory are 102."""
        self.answer()
        sessions = Sessions(self.world.clock, 3600)
        token, _ = sessions.open("crm")
        commands = Commands(self.world.phone, sessions, OneApplication(), playing=self.playing)
        client = OneClient()
        asked = {"token": token, "callid": self.call_id}
        play = {"action": "playaudio", **asked, "file": "a.wav", "loop": "sim"}
        d = commands.execute(play.items(), client)
        self.sounds.loaded("a.wav")
        self.assertEqual(self.successResultOf(d), {"seconds": 2.5})
        self.assertEqual(self.sounds.take(), [("play", "a.wav", True, False)])
        self.failureResultOf(commands.execute({**play, "file": "../a.wav"}.items(), client), InvalidArgument)
        self.successResultOf(commands.execute({"action": "stopaudio", **asked}.items(), client))
        self.assertEqual(self.told(), [("a.wav", "stopped")])
        without = Commands(self.world.phone, sessions, OneApplication())
        self.failureResultOf(without.execute(play.items(), client), InvalidArgument)
