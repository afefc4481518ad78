"""Which devices calls use, from one moment to the next."""

from __future__ import annotations

import json
import os

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from neon.media import echocancel
from neon.media.echocancel import Processing
from neon.media.engine import Engine
from neon.media.pactl import Pactl
from neon.media.pipewireecho import EVERY
from neon.media.soundserver import SoundServer, state_of
from neon.media.talkdevice import (
    NO_DEVICE,
    NO_MICROPHONE,
    NO_SPEAKER,
    STALE_AFTER,
    UNLOAD_AFTER,
    Found,
    TalkDevice,
    Wanted,
    find,
    masters,
)
from neon.sounddevices import EchoState
from tests.media.fakes import FakeProcess, FakeProcessReactor
from tests.media.soundserver import INFO, Desktop, listed


class FindTests(SynchronousTestCase):
    """L{find}"""

    def state(self, sinks: list[str], sources: list[str], sink: str = "", source: str = "") -> Found:
        """What is found of ("mic", "spk")."""
        info = INFO.format(server="pulseaudio", sink=sink, source=source)
        heard, played = ([(name, name) for name in names] for names in (sources, sinks))
        self.found = state_of(info, listed("Source", heard), listed("Sink", played))
        return find(self.found, Wanted("mic", "spk"))

    def test_there(self) -> None:
        """What was chosen, where it is."""
        self.assertEqual(self.state(["x", "spk"], ["mic"], "x"), Found("mic", "spk"))

    def test_default(self) -> None:
        """The default one in its place, where it is not."""
        self.assertEqual(self.state(["x"], ["y"], "x", "y"), Found("", ""))

    def test_no_default(self) -> None:
        """Any one, where the default is none: a monitor as microphone would be an echo."""
        self.assertEqual(self.state(["x"], ["y", "x.monitor"], "x", "x.monitor"), Found("y", ""))

    def test_none(self) -> None:
        """Silence, and words, where there is none."""
        self.assertEqual(self.state([], []), Found(None, None, NO_DEVICE))
        self.assertEqual(self.state(["spk"], ["spk.monitor"], "spk"), Found(None, "spk", NO_MICROPHONE))

    def test_one_side_only(self) -> None:
        """A side that uses no sound card is not missed."""
        self.state(["spk"], [], "spk")
        self.assertEqual(find(self.found, Wanted(None, "")), Found(None, ""))

    def test_alsa(self) -> None:
        """A name of ALSA's or PortAudio's is the user's way around the server."""
        self.state(["spk"], ["mic"], "spk", "mic")
        self.assertEqual(find(self.found, Wanted("hw:1,0", "spk")).capture, "hw:1,0")
        self.assertIsNone(masters(self.found, Found("hw:1,0", "spk")))


class TalkDeviceTests(SynchronousTestCase):
    """L{TalkDevice}"""

    def setUp(self) -> None:
        self.reactor = FakeProcessReactor()
        self.desktop = Desktop(self.reactor)
        self.server = SoundServer(self.reactor, Pactl(self.reactor, "pactl"))
        self.make(Processing())

    def make(self, processing: Processing | None, wanted: Wanted = Wanted("", "")) -> None:  # noqa: B008
        self.talk = TalkDevice(self.reactor, Engine(), wanted, self.server, processing)
        self.addCleanup(self.talk.close)
        self.server.on_changed = self.talk.settle

    def start(self) -> None:
        self.talk.start()
        self.server.start()
        self.desktop.answer()

    def workers(self) -> list[FakeProcess]:
        return [process for process in self.reactor.processes if process.arguments[0] != "pactl"]

    def opened(self) -> tuple[str | None, str | None]:
        """What the newest worker was told to open."""
        sides = json.loads(self.workers()[-1].stdin[-1])
        return sides.get("capture"), sides.get("playback")

    def loaded(self) -> list[str]:
        """Between which devices an echo was cancelled."""
        words = [question for question in self.desktop.asked if question[0] == "load-module"]
        return [" ".join(word for word in question if "master" in word) for question in words]

    def unloaded(self) -> list[str]:
        return [question[1] for question in self.desktop.asked if question[0] == "unload-module"]

    def call(self) -> None:
        self.talk.acquire()
        self.desktop.answer()
        self.made()

    def made(self) -> None:
        """The server tells of the module's devices."""
        names = [word for word in self.desktop.asked[-1] if word.startswith(("source_name", "sink_name"))]
        source, sink = (name.partition("=")[2] for name in names)
        self.desktop.sources.append((source, "Echo-Cancel"))
        self.desktop.sinks.append((sink, "Echo-Cancel"))
        self.desktop.happens("Event 'new' on sink #9")

    def test_echo(self) -> None:
        """Before the first call nothing is loaded; then the call uses what the module made."""
        self.start()
        self.assertEqual((self.loaded(), self.talk.echo), ([], EchoState.UNAVAILABLE))
        self.call()
        self.assertEqual(self.loaded(), ["source_master=mic sink_master=spk"])
        ours = f"neon_echo_{os.getpid()}_1"
        self.assertEqual(self.opened(), (f"{ours}_microphone", f"{ours}_speaker"))
        self.assertIs(self.talk.echo, EchoState.ON)
        self.assertEqual(len(self.loaded()), 1)

    def test_words(self) -> None:
        """The two servers are told in their own words what else to do."""
        self.start()
        self.call()
        (load,) = (question for question in self.desktop.asked if question[0] == "load-module")
        self.assertIn('aec_args="noise_suppression=1 analog_gain_control=0 digital_gain_control=1"', load)
        self.assertEqual(
            Processing(noise=False).arguments(pipewire=True),
            "webrtc.noise_suppression=false webrtc.gain_control=true",
        )

    def test_after_the_call(self) -> None:
        """It is unloaded when the last call has been over for a while."""
        self.start()
        self.call()
        self.talk.release()
        self.reactor.advance(UNLOAD_AFTER - 0.1)
        self.desktop.answer()
        self.assertEqual(self.unloaded(), [])
        self.reactor.advance(0.2)
        self.desktop.answer()
        self.assertEqual(self.unloaded(), ["11"])

    def test_refused(self) -> None:
        """A server that cannot do it is no reason not to talk."""
        self.desktop.refuses_modules = True
        self.start()
        self.talk.acquire()
        self.desktop.answer()
        self.assertEqual(self.opened(), ("", ""))
        self.assertIs(self.talk.echo, EchoState.UNAVAILABLE)
        self.assertEqual(self.talk.echo_problem, "Failure: Module initialization failed")

    def test_switched_off(self) -> None:
        """Who wants none of it gets the server's devices as they are."""
        self.make(None)
        self.start()
        self.talk.acquire()
        self.desktop.answer()
        self.assertEqual((self.loaded(), self.opened(), self.talk.echo), ([], ("", ""), EchoState.OFF))

    def test_microphone_alone(self) -> None:
        """Where calls are not heard at a loudspeaker there is no echo, and none is opened for it."""
        for wanted in (Wanted("", None), Wanted(None, "")):
            self.make(Processing(), wanted)
            self.start()
            self.talk.acquire()
            self.desktop.answer()
            self.assertEqual((self.loaded(), self.opened()), ([], (wanted.capture, wanted.playback)))
            self.assertIs(self.talk.echo, EchoState.OFF)

    def test_no_loudspeaker(self) -> None:
        """A machine whose only loudspeaker was unplugged keeps its microphone, without a module."""
        self.desktop.sinks = []
        self.start()
        self.talk.acquire()
        self.desktop.answer()
        self.assertEqual((self.loaded(), self.opened()), ([], ("", None)))
        self.assertEqual(self.talk.problem, NO_SPEAKER)

    def test_another_in_a_call(self) -> None:
        """Another loudspeaker has another module; the one before goes a little later."""
        self.start()
        self.call()
        first = self.workers()[-1]
        self.talk.choose(Wanted("", "headset"))
        self.desktop.answer()
        self.assertEqual(self.loaded()[1:], ["source_master=mic sink_master=headset"])
        self.assertFalse(first.stdin_open)
        first.exit(0)
        self.assertIn("_2_speaker", str(self.opened()[1]))
        self.assertEqual(self.unloaded(), [])
        self.reactor.advance(STALE_AFTER)
        self.desktop.answer()
        self.assertEqual(self.unloaded(), ["11"])

    def test_unplugged(self) -> None:
        """A chosen device that is unplugged in a call is replaced by the default one until it is back."""
        self.make(None, Wanted("", "headset"))
        self.start()
        self.talk.acquire()
        self.desktop.answer()
        self.assertEqual(self.opened()[1], "headset")
        headset = self.desktop.sinks.pop()
        self.desktop.happens("Event 'remove' on sink #1")
        self.workers()[-1].exit(0)
        self.assertEqual(self.opened()[1], "")
        self.desktop.sinks.append(headset)
        self.desktop.happens("Event 'new' on sink #2")
        self.workers()[-1].exit(0)
        self.assertEqual(self.opened()[1], "headset")

    def test_module_vanishes(self) -> None:
        """A module that the server has dropped, because its loudspeaker was gone for a moment, is loaded again."""
        self.start()
        self.call()
        self.desktop.sinks = self.desktop.sinks[:2]
        self.desktop.sources = self.desktop.sources[:2]
        self.desktop.happens("Event 'remove' on sink #9")
        self.assertEqual(len(self.loaded()), 2)

    def test_restart(self) -> None:
        """After a restart of the server in a call there is a module again."""
        self.start()
        self.call()
        self.desktop.dies()
        self.assertIs(self.talk.echo, EchoState.UNAVAILABLE)
        self.desktop.is_there = True
        self.reactor.advance(1)
        self.desktop.answer()
        self.assertEqual(len(self.loaded()), 2)
        self.assertIs(self.talk.echo, EchoState.ON)

    def test_restart_after_the_call(self) -> None:
        """Numbers of a server that has died are not used with the next one: a module of somebody else may have them."""
        self.start()
        self.call()
        self.talk.choose(Wanted("", "headset"))
        self.desktop.answer()
        self.talk.release()
        self.desktop.dies()
        self.desktop.is_there = True
        for _ in range(20):
            self.reactor.advance(1)
            self.desktop.answer()
        self.assertEqual(self.unloaded(), [])

    def test_left_behind(self) -> None:
        """What a killed daemon has left at the server is unloaded; what belongs to others is not."""
        dead = "source_master=a source_name=neon_echo_999999999_1_microphone"
        alive = f"source_name=neon_echo_{os.getppid()}_1_microphone"
        self.desktop.modules = (
            f"4\tmodule-echo-cancel\t{dead}\n5\tmodule-echo-cancel\tsource_name=users_own\n"
            f"6\tmodule-echo-cancel\t{alive}\n"
        )
        self.start()
        self.assertEqual(self.unloaded(), ["4"])

    def test_stop(self) -> None:
        """The end in a call ends the worker and unloads the module."""
        self.start()
        self.call()
        done: Deferred[object] = self.talk.stop()
        self.assertNoResult(done)
        self.workers()[-1].exit(0)
        self.desktop.answer()
        self.assertEqual(self.unloaded(), ["11"])
        self.successResultOf(done)

    def test_pipewire(self) -> None:
        """On PipeWire the module is a process, which the call waits for, and which ends as a module would."""
        self.patch(echocancel, "program", lambda: ["pipewire"])
        self.desktop.server = "PulseAudio (on PipeWire 0.3.65)"
        self.start()
        self.talk.acquire()
        self.desktop.answer()
        (process,) = (process for process in self.workers() if process.arguments[0] == "pipewire")
        self.assertEqual(self.loaded(), [])
        ours = f"neon_echo_{os.getpid()}_1"
        self.desktop.sources.append((f"{ours}_microphone", "x"))
        self.desktop.sinks.append((f"{ours}_speaker", "x"))
        self.reactor.advance(EVERY)
        self.desktop.answer()
        self.assertIs(self.talk.echo, EchoState.ON)
        worker = next(worker for worker in self.workers() if "neon.media.portaudio" in worker.arguments)
        self.assertIn(f"{ours}_speaker", worker.stdin[0].decode())
        self.talk.release()
        self.reactor.advance(UNLOAD_AFTER)
        self.assertEqual(process.signals, ["TERM"])

    def test_pipewire_refuses(self) -> None:
        """A PipeWire that cannot do it is no reason not to talk."""
        self.patch(echocancel, "program", lambda: ["pipewire"])
        self.desktop.server = "PulseAudio (on PipeWire 0.3.65)"
        self.start()
        self.talk.acquire()
        self.desktop.answer()
        next(process for process in self.workers() if process.arguments[0] == "pipewire").exit(1)
        self.reactor.advance(EVERY)
        self.desktop.answer()
        self.assertIs(self.talk.echo, EchoState.UNAVAILABLE)
        worker = next(worker for worker in self.workers() if "neon.media.portaudio" in worker.arguments)
        self.assertEqual(worker.stdin, [b'{"capture": "", "playback": ""}\n'])

    def test_two_changes(self) -> None:
        """Each module that was replaced has its own moment of quiet."""
        self.start()
        self.call()
        self.talk.choose(Wanted("", "headset"))
        self.desktop.answer()
        self.reactor.advance(STALE_AFTER / 2)
        self.talk.choose(Wanted("", ""))
        self.desktop.answer()
        self.reactor.advance(STALE_AFTER / 2)
        self.desktop.answer()
        self.assertEqual(self.unloaded(), ["11"])
        self.reactor.advance(STALE_AFTER / 2)
        self.desktop.answer()
        self.assertEqual(self.unloaded(), ["11", "12"])

    def test_short_call(self) -> None:
        """A call that is over before its module is loaded leaves none behind."""
        self.start()
        self.talk.acquire()
        self.talk.release()
        self.desktop.answer()
        self.reactor.advance(UNLOAD_AFTER)
        self.desktop.answer()
        self.assertEqual(self.unloaded(), ["11"])
        self.assertEqual(self.workers()[-1].stdin, [])
