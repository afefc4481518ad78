"""The sound devices as commands see them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from neon.errors import InvalidArgument
from neon.media.chosendevices import FILE, ChosenDevices
from neon.media.devices import CaptureDevice, NullDevice, PlaybackDevice, PortAudioDevice
from neon.media.engine import Engine
from neon.media.levelwatch import EVERY, LEASE
from neon.media.manager import MediaManager, MediaSettings
from neon.media.pactl import Pactl
from neon.media.soundserver import SoundServer
from neon.media.soundsystem import SoundSystem
from neon.media.talkdevice import Wanted
from neon.sounddevices import AudioTest, DeviceKind, EchoState, Levels, SoundDevices, Verdict
from tests.media.fakes import FakeMediaReactor, FakeProcess
from tests.media.soundserver import Desktop


class SystemCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = FakeMediaReactor()
        self.desktop = Desktop(self.reactor)
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.told: list[SoundDevices] = []
        self.levels: list[Levels] = []

    def make(
        self,
        capture: CaptureDevice = PortAudioDevice(),  # noqa: B008
        playback: PlaybackDevice = PortAudioDevice(),  # noqa: B008
        ring: str | None = "",
    ) -> SoundSystem:
        server = SoundServer(self.reactor, Pactl(self.reactor, "pactl"))
        settings = MediaSettings("127.0.0.1", capture=capture, playback=playback)
        self.manager = MediaManager(self.reactor, Engine(), settings, sound_server=server)
        self.manager.startService()
        self.addCleanup(self.stop)
        self.system = SoundSystem(
            self.reactor, server, self.manager, ChosenDevices(self.reactor, self.folder), ring=ring, words=_words
        )
        self.system.on_devices = self.told.append
        self.system.on_levels = self.levels.append
        self.system.start()
        self.desktop.answer()
        return self.system

    def stop(self) -> None:
        self.system.stop()
        self.manager.stopService()

    def jobs(self, what: str) -> list[FakeProcess]:
        return [process for process in self.reactor.processes if what in process.arguments]

    def data(self) -> dict[str, Any]:
        d = self.system.devices()
        self.desktop.answer()
        return self.successResultOf(d).data()


def _words(test: AudioTest) -> str:
    return f"it is {test.verdict.value}"


class DeviceTests(SystemCase):
    def test_list(self) -> None:
        """The server's devices, and what is used."""
        self.make()
        self.assertEqual(
            self.data(),
            {
                "microphones": [{"id": "mic", "name": "Microfone", "default": True}],
                "speakers": [
                    {"id": "spk", "name": "Alto-falante", "default": True},
                    {"id": "headset", "name": "Fone é bom", "default": False},
                ],
                "chosen": {"microphone": "default", "speaker": "default", "ring": "default"},
                "available": True,
            },
        )
        self.assertEqual(self.told[-1].data(), self.data())

    def test_without_a_server(self) -> None:
        """ALSA's devices by PortAudio's names, where there is no server."""
        self.desktop.is_there = False
        self.make()
        d = self.system.devices()
        self.desktop.answer()
        self.system.devices()
        self.desktop.answer()
        (job,) = self.jobs("list")
        job.says(b'{"microphones": ["default"], "speakers": ["HDA (hw:0,0)", "default"]}\n')
        job.exit(0)
        data = self.successResultOf(d).data()
        self.assertEqual(data["microphones"], [{"id": "default", "name": "default", "default": True}])
        self.assertEqual([device["id"] for device in data["speakers"]], ["HDA (hw:0,0)", "default"])

    def test_nothing_at_all(self) -> None:
        """A machine without sound has no devices, which is no error."""
        self.desktop.is_there = False
        self.make()
        d = self.system.devices()
        self.desktop.answer()
        self.jobs("list")[0].exit(1)
        self.assertFalse(self.successResultOf(d).data()["available"])

    def choose(self, kind: DeviceKind, id: str) -> Any:
        d = self.system.choose(kind, id)
        self.desktop.answer()
        return d

    def test_choose(self) -> None:
        """A choice is used, told, and kept for the next start."""
        self.make()
        chosen = self.successResultOf(self.choose(DeviceKind.SPEAKER, "headset")).data()["chosen"]
        self.assertEqual(chosen["speaker"], "headset")
        assert self.manager.talk is not None
        self.assertEqual(self.manager.talk.wanted, Wanted("", "headset"))
        self.assertEqual(self.told[-1].data()["chosen"], chosen)
        self.assertEqual(json.loads((self.folder / FILE).read_text()), {"speaker": "headset"})
        self.assertEqual(os.stat(self.folder / FILE).st_mode & 0o777, 0o600)
        self.assertEqual(ChosenDevices(self.reactor, self.folder).get(DeviceKind.SPEAKER), "headset")
        self.successResultOf(self.choose(DeviceKind.SPEAKER, "default"))
        self.assertEqual(self.manager.talk.wanted, Wanted("", ""))

    def test_wrong_choice(self) -> None:
        """What is not there, or is the other kind of thing, cannot be chosen."""
        self.make()
        failure = self.failureResultOf(self.choose(DeviceKind.MICROPHONE, "spk"), InvalidArgument)
        self.assertEqual(str(failure.value), "there is no such microphone; there are: default, mic")
        self.assertFalse((self.folder / FILE).exists())

    def test_no_sound_card(self) -> None:
        """Where calls use no sound card, none can be chosen for them."""
        self.make(NullDevice())
        self.assertNotIn("microphone", self.data()["chosen"])
        failure = self.failureResultOf(self.choose(DeviceKind.MICROPHONE, "mic"), InvalidArgument)
        self.assertIn("[media] capture", str(failure.value))

    def test_not_used(self) -> None:
        """Where nothing uses a sound card the server is left alone."""
        self.make(NullDevice(), NullDevice(), None)
        self.reactor.advance(100)
        self.assertEqual((self.desktop.asked, self.reactor.getDelayedCalls()), ([], []))

    def test_damaged_file(self) -> None:
        """A damaged file counts as no choice."""
        for content in (b"{", b"[]", b'{"speaker": 7}', b"\xff"):
            (self.folder / FILE).write_bytes(content)
            self.assertIsNone(ChosenDevices(self.reactor, self.folder).get(DeviceKind.SPEAKER), content)

    def test_ring(self) -> None:
        """It rings at the chosen device, or the default one while that is not there; never while there is none."""
        self.make()
        self.successResultOf(self.choose(DeviceKind.RING, "headset"))
        self.system.ringer.ring(True)
        self.assertIn("headset", self.jobs("ring")[-1].arguments)
        self.desktop.sinks.pop()
        self.desktop.happens("Event 'remove' on sink #1")
        self.assertEqual(self.jobs("ring")[-1].arguments[7:], ["", ""])
        self.desktop.sinks.clear()
        self.desktop.happens("Event 'remove' on sink #0")
        self.assertEqual(len(self.jobs("ring")), 2)
        self.assertFalse(self.jobs("ring")[-1].stdin_open)

    def test_echo(self) -> None:
        """A call without audio has no echo to cancel."""
        self.make()
        self.assertIs(self.system.echo_of(1), EchoState.OFF)


class TestTests(SystemCase):
    """The test of microphone and loudspeaker."""

    def test_test(self) -> None:
        """The tool gets the devices that calls would use; its figures come back with words."""
        self.make()
        d = self.system.test(2)
        (job,) = self.jobs("test")
        self.assertEqual(job.arguments[7:], ["", "", "2"])
        job.says(b'{"level": -40.0, "peak": -20.0, "heard": -33.0, "background": -80.0}\n')
        job.exit(0)
        test, words = self.successResultOf(d)
        self.assertEqual((test, words), (AudioTest(Verdict.HEARD, -40.0, -20.0, -33.0), "it is heard"))

    def test_one_at_a_time(self) -> None:
        """A second test is refused while one is under way, and so is one in a call."""
        self.make()
        d = self.system.test(1)
        self.failureResultOf(self.system.test(1), InvalidArgument)
        self.jobs("test")[0].exit(0)
        self.successResultOf(d)
        call = self.manager.open(1)
        self.failureResultOf(self.system.test(1), InvalidArgument)
        call.close()

    def test_nothing_there(self) -> None:
        """What the server does not have is said without trying."""
        self.desktop.sources = []
        self.make()
        test, _ = self.successResultOf(self.system.test(1))
        self.assertIs(test.verdict, Verdict.NO_MICROPHONE)
        self.assertEqual(self.jobs("test"), [])


class LevelTests(SystemCase):
    """Levels, for whoever watches."""

    def opened(self) -> bool:
        workers = self.jobs("neon.media.portaudio")
        return bool(workers[-1].stdin) and workers[-1].stdin_open

    def test_only_while_watched(self) -> None:
        """The device is open, and levels are told, as long as somebody watches."""
        self.make()
        self.reactor.advance(1)
        self.assertEqual((self.levels, self.opened()), ([], False))
        self.system.watch_levels("me", True)
        self.system.watch_levels("you", True)
        self.assertTrue(self.opened())
        self.reactor.advance(EVERY)
        self.system.watch_levels("me", False)
        self.reactor.advance(EVERY)
        self.assertEqual(len(self.levels), 2)
        self.system.watch_levels("you", False)
        self.reactor.advance(10)
        self.assertEqual((len(self.levels), self.opened()), (2, False))

    def test_lease(self) -> None:
        """A page that was closed without a word does not keep the microphone open for ever."""
        self.make()
        self.system.watch_levels("me", True)
        self.reactor.pump([EVERY] * round(LEASE / EVERY + 2))
        count = len(self.levels)
        self.reactor.advance(10)
        self.assertEqual((len(self.levels), self.opened()), (count, False))

    def test_bounds(self) -> None:
        """Who watches is bounded."""
        self.make()
        for number in range(1000):
            self.system.watch_levels(str(number), True)
        for number in range(64):
            self.system.watch_levels(str(number), False)
        self.reactor.advance(10)
        self.assertEqual(self.levels, [])
