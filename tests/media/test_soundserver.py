"""What a sound server has, and how that is followed."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from neon.media.pactl import PATIENCE, Pactl, PactlFailed, modules
from neon.media.soundserver import LONGEST_RETRY, SoundServer
from neon.sounddevices import SoundDevice
from tests.media.fakes import FakeProcessReactor
from tests.media.soundserver import Desktop


class PactlTests(SynchronousTestCase):
    """L{Pactl}"""

    def setUp(self) -> None:
        self.reactor = FakeProcessReactor()
        self.pactl = Pactl(self.reactor, "pactl")

    def test_language(self) -> None:
        """It is asked in English, with names as they are, and has none of the daemon's own variables."""
        self.patch(__import__("os"), "environ", {"NOTIFY_SOCKET": "/x", "LC_ALL": "pt_BR.UTF-8"})
        self.pactl.ask("info")
        (process,) = self.reactor.processes
        self.assertEqual(process.env["LC_ALL"], "C.UTF-8")
        self.assertNotIn("NOTIFY_SOCKET", process.env)

    def test_no(self) -> None:
        """What the server says no with is the failure's words."""
        d = self.pactl.ask("unload-module", "7")
        self.reactor.processes[0].says(err=b"Failure: No such\nentity\n")
        self.reactor.processes[0].exit(1)
        self.assertEqual(str(self.failureResultOf(d, PactlFailed).value), "Failure: No such entity")

    def test_hangs(self) -> None:
        """A server that does not answer is given up, and the process ended."""
        d = self.pactl.ask("info")
        self.reactor.advance(PATIENCE + 0.1)
        self.assertEqual(self.reactor.processes[0].signals, ["KILL"])
        self.reactor.processes[0].exit(1)
        self.failureResultOf(d, PactlFailed)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_flood(self) -> None:
        """An answer without end is ended."""
        self.pactl.ask("info")
        self.reactor.processes[0].says(b"x" * (2 << 20))
        self.assertEqual(self.reactor.processes[0].signals, ["KILL"])

    def test_no_process(self) -> None:
        """A machine without pactl, or out of processes, is a failure like the others."""
        self.reactor.spawn_error = OSError(2, "No such file or directory")
        self.failureResultOf(self.pactl.ask("info"), PactlFailed)

    def test_modules(self) -> None:
        """Modules with their arguments; PipeWire prints those of its own over many lines."""
        text = "3\tlibpipewire-x\t{\n   # comment\n}\n536870915\tmodule-null-sink\tsink_name=spk\n"
        self.assertEqual(
            list(modules(text)), [(3, "libpipewire-x", "{"), (536870915, "module-null-sink", "sink_name=spk")]
        )


class SoundServerTests(SynchronousTestCase):
    """L{SoundServer}"""

    def setUp(self) -> None:
        self.reactor = FakeProcessReactor()
        self.desktop = Desktop(self.reactor)
        self.server = SoundServer(self.reactor, Pactl(self.reactor, "pactl"))
        self.changes = 0
        self.server.on_changed = self._changed

    def _changed(self) -> None:
        self.changes += 1

    def start(self) -> None:
        self.server.start()
        self.desktop.answer()

    def speakers(self) -> list[str]:
        assert self.server.state is not None
        return [device.id for device in self.server.state.speakers]

    def test_devices(self) -> None:
        """Real devices by their stable names, with names for people; monitors are no microphones."""
        self.start()
        assert self.server.state is not None
        self.assertEqual(self.server.state.microphones, (SoundDevice("mic", "Microfone", True),))
        self.assertEqual(
            self.server.state.speakers, (SoundDevice("spk", "Alto-falante", True), SoundDevice("headset", "Fone é bom"))
        )
        self.assertEqual((self.server.state.default_source, self.server.state.default_sink), ("mic", "spk"))
        self.assertIn("spk.monitor", self.server.state.sources)

    def test_not_devices(self) -> None:
        """The server's dummy, and what we made there, are no devices; nor is a monitor a default microphone."""
        self.desktop.sinks = [("auto_null", "Dummy Output"), ("neon_echo_7_1_speaker", "Echo-Cancel")]
        self.desktop.sources = [("auto_null.monitor", "Monitor")]
        self.desktop.sink, self.desktop.source = "auto_null", "auto_null.monitor"
        self.start()
        assert self.server.state is not None
        state = self.server.state
        self.assertEqual((state.microphones, state.speakers), ((), ()))
        self.assertEqual((state.default_source, state.default_sink), (None, None))

    def test_strange_name(self) -> None:
        """A Bluetooth headset may be called anything: control characters and endless names are not passed on."""
        self.desktop.sinks = [("bluez", "Evil\x1b[2J" + "x" * 1000)]
        self.start()
        assert self.server.state is not None
        name = self.server.state.speakers[0].name
        self.assertTrue(name.isprintable())
        self.assertEqual(len(name), 200)

    def test_plugged_in(self) -> None:
        """What is plugged in is known when it has been quiet for a moment, and told once."""
        self.start()
        self.desktop.sinks.append(("usb", "USB"))
        for _ in range(5):
            self.desktop.followers[-1].says(b"Event 'new' on sink #5\n")
        asked = len(self.desktop.asked)
        self.desktop.happens("Event 'new' on source #6")
        self.assertEqual(self.speakers(), ["spk", "headset", "usb"])
        self.assertEqual((len(self.desktop.asked) - asked, self.changes), (3, 2))

    def test_volumes(self) -> None:
        """A volume that changes, and streams that come and go, cost nothing."""
        self.start()
        asked = len(self.desktop.asked)
        self.desktop.happens("Event 'change' on sink #1")
        self.desktop.happens("Event 'new' on sink-input #1")
        self.assertEqual(len(self.desktop.asked), asked)

    def test_restart(self) -> None:
        """A server that dies is told, looked for with patience, and followed again when it is back."""
        self.start()
        self.desktop.dies()
        self.assertIsNone(self.server.state)
        for _ in range(10):
            self.reactor.advance(LONGEST_RETRY)
            self.desktop.answer()
        asked = len(self.desktop.asked)
        self.reactor.advance(LONGEST_RETRY * 0.9)
        self.desktop.answer()
        self.assertEqual(len(self.desktop.asked), asked)
        self.desktop.is_there = True
        self.reactor.advance(LONGEST_RETRY)
        self.desktop.answer()
        self.assertEqual(self.speakers(), ["spk", "headset"])
        self.desktop.sinks.pop()
        self.desktop.happens("Event 'remove' on sink #1")
        self.assertEqual(self.speakers(), ["spk"])

    def test_looked(self) -> None:
        """Whoever wants to know gets a look at once, where none was there before."""
        self.desktop.is_there = False
        self.start()
        self.desktop.is_there = True
        d = self.server.looked()
        self.assertNoResult(d)
        self.desktop.answer()
        self.successResultOf(d)
        self.assertEqual(self.speakers(), ["spk", "headset"])
        self.successResultOf(self.server.looked())

    def test_without_pactl(self) -> None:
        """A machine without pactl has no server, as far as we know, and nothing is ever started."""
        self.patch(__import__("shutil"), "which", lambda name: None)
        server = SoundServer(self.reactor, Pactl(self.reactor))
        server.start()
        self.successResultOf(server.looked())
        self.assertEqual((server.state, self.reactor.processes, self.reactor.getDelayedCalls()), (None, [], []))

    def test_stop(self) -> None:
        """At the end the follower is ended, and nothing is left."""
        self.start()
        self.server.stop()
        self.assertEqual(self.desktop.followers[-1].signals, ["TERM"])
        self.desktop.followers[-1].exit(1)
        self.assertEqual(self.reactor.getDelayedCalls(), [])
