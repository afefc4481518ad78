"""A sound server of a test's own, PulseAudio or PipeWire, with a loudspeaker and a microphone made of nothing.

What is played to the default sink C{spk} can be recorded with L{SoundServer.listen}; what L{SoundServer.speak} plays is
heard at the default source C{mic}. It runs as any user, root too, and talks to nobody else's server.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests import audio
from tests.integration.processes import IntegrationCase, Program, until

NEEDED = ("pulseaudio", "pactl", "parec", "pacat")
NEEDED_PIPEWIRE = ("pipewire", "pipewire-pulse", "wireplumber", "dbus-run-session", "pactl", "parec", "pacat")

SCRIPT = """\
load-module module-native-protocol-unix auth-anonymous=1 socket={socket}
load-module module-null-sink sink_name=spk rate=48000
load-module module-null-sink sink_name=air rate=48000
load-module module-remap-source master=air.monitor source_name=mic
set-default-sink spk
set-default-source mic
"""

# Whatever this machine's ALSA makes of "default": here it is the sound server.
ASOUND = "pcm.!default { type pulse }\nctl.!default { type pulse }\n"


# The machine's own devices are none of a test's business; nor is its session manager, which may not be there. The words
# of version 0.4, then those of 0.5.
WIREPLUMBER = {
    "main.lua.d/80-neon.lua": """\
alsa_monitor.enabled = false
v4l2_monitor.enabled = false
libcamera_monitor.enabled = false
""",
    "bluetooth.lua.d/80-neon.lua": """\
bluez_monitor.enabled = false
bluez_monitor.properties["with-logind"] = false
""",
    "wireplumber.conf.d/80-neon.conf": """\
wireplumber.profiles = {
    main = {
        monitor.alsa = disabled, monitor.alsa-midi = disabled, monitor.v4l2 = disabled, monitor.libcamera = disabled
        monitor.bluez = disabled, monitor.bluez-midi = disabled, monitor.bluez.seat-monitoring = disabled
        support.logind = disabled
    }
}
""",
}


class SoundServer:
    """One PulseAudio, which a test may end and start again."""

    where = "native"

    def __init__(self, test: IntegrationCase) -> None:
        self._test = test
        self.folder = test.folder / "pulse"
        self.folder.mkdir(mode=0o700)
        self._count = 0
        self._recordings = 0
        self._program: Program | None = None
        self.socket = self.folder / self.where
        (self.folder / "null.pa").write_text(SCRIPT.format(socket=self.socket))
        (self.folder / ".asoundrc").write_text(ASOUND)
        self.env = {
            "HOME": str(self.folder),
            "XDG_RUNTIME_DIR": str(self.folder),
            "XDG_CONFIG_HOME": str(self.folder),
            "PULSE_SERVER": f"unix:{self.socket}",
            "PULSE_CONFIG_PATH": str(self.folder),
            "XDG_STATE_HOME": str(self.folder),
            "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent",
        }

    def use(self) -> None:
        """Have this process and its children find this server, until the test ends."""
        before = {name: os.environ.get(name) for name in self.env}

        def restore() -> None:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value

        os.environ.update(self.env)
        self._test.at_end(restore)

    async def start(self) -> None:
        """Returns when the server answers, and its clocks run as a real sound card's do."""
        await self.start_bare()
        # A null sink without a player works in blocks of two seconds.
        for sink in ("spk", "air"):
            self.keep_going(sink)

    async def start_bare(self) -> None:
        """The server alone: returns when it answers."""
        self._count += 1
        await self._begin()

    async def _begin(self) -> None:
        self._program = self._run("pulseaudio", "-n", "-F", "null.pa", "--exit-idle-time=-1", "--daemonize=no")
        program = self._program
        await until(lambda: self.socket.exists() or not program.running, "the sound server's socket")

    def keep_going(self, sink: str) -> Program:
        """Play silence to a sink, so that its clock runs as a real one's."""
        return self._run(
            "pacat", "--playback", "--latency-msec=10", f"--device={sink}", "--raw", "/dev/zero", name=sink
        )

    def pactl(self, *arguments: str) -> str:
        """What C{pactl} prints."""
        done = subprocess.run(
            ["pactl", *arguments], env={**os.environ, **self.env, "LC_ALL": "C.UTF-8"}, capture_output=True, text=True,
            timeout=20, check=True,
        )  # fmt: skip
        return done.stdout.strip()

    def add_speaker(self, name: str, description: str = "Speaker") -> str:
        """Plug in a loudspeaker; returns the number that L{unplug} takes."""
        number = self.pactl(
            "load-module", "module-null-sink", f"sink_name={name}", "rate=48000",
            f"sink_properties=\"device.description='{description}'\"",
        )  # fmt: skip
        self.keep_going(name)
        return number

    def add_room(self) -> None:
        """A loudspeaker C{ear} and a microphone C{hark} in one room: C{room}, whose left side has what is played to
        C{mouth}, and is heard by that microphone, and whose right side has what is played to the ear. What is recorded
        of the room has both by one clock.
        """
        one = "channels=1 channel_map=mono remix=no master_channel_map=front"
        for words in (
            "module-null-sink sink_name=room rate=16000 channels=2 channel_map=front-left,front-right",
            f"module-remap-sink sink_name=mouth master=room {one}-left",
            f"module-remap-sink sink_name=ear master=room {one}-right",
            f"module-remap-source source_name=hark master=room.monitor {one}-left",
        ):
            self.pactl("load-module", *words.split(" "))
        self.keep_going("room")

    def unplug(self, number: str) -> None:
        """Take out what L{add_speaker} made."""
        self.pactl("unload-module", number)

    def echo_modules(self) -> list[str]:
        """The arguments of the modules for echo cancelling that are loaded."""
        lines = [line.split("\t") for line in self.pactl("list", "short", "modules").splitlines()]
        return [line[2] for line in lines if line[1:2] == ["module-echo-cancel"]]

    async def kill(self) -> None:
        """End it as a crash does."""
        assert self._program is not None
        self._program.kill()
        await self._program.ended()
        self.socket.unlink(missing_ok=True)

    def speak(self, hz: float, dbm0: float, seconds: float) -> Program:
        """Play a tone where the microphone hears it."""
        return self.say(audio.tone(hz, dbm0, seconds))

    def say(self, samples: Sequence[int], sink: str = "air") -> Program:
        """Play these samples to a loudspeaker, which may be one that a microphone hears."""
        file = self.folder / "spoken.raw"
        file.write_bytes(audio.pcm_of(samples))
        return self._run(
            "pacat", "--playback", "--latency-msec=20", f"--device={sink}", "--rate=8000", "--channels=1",
            "--format=s16le", "--raw", str(file), name="speak",
        )  # fmt: skip

    def listen(self, sink: str = "spk", channels: int = 1) -> Recording:
        """Begin to record what is played to a loudspeaker; of several channels, the samples take turns."""
        self._recordings += 1
        path = self.folder / f"heard{self._recordings}.raw"
        self._run(
            "parec", "--latency-msec=20", f"--device={sink}.monitor", "--rate=8000", f"--channels={channels}",
            "--format=s16le", "--raw", str(path), name=f"listen{self._recordings}",
        )  # fmt: skip
        return Recording(path)

    def _run(self, *argv: str, name: str | None = None) -> Program:
        return self._test.start(f"{name or argv[0]}-{self._count}", *argv, folder=self.folder, env=self.env)


START = 30.0
"""Seconds that PipeWire and what belongs to it may take to be there."""


class PipeWire(SoundServer):
    """One PipeWire, with all that a desktop runs of it, in a session of its own."""

    where = "pulse/native"

    async def _begin(self) -> None:
        for place, text in WIREPLUMBER.items():
            path = self.folder / "wireplumber" / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        # As a session's manager starts them; the end of the last is the end of the bus, and so of all.
        script = (
            "pipewire & while [ ! -e pipewire-0 ]; do sleep 0.02; done; wireplumber & exec pipewire-pulse"
        )
        self._program = self._run("dbus-run-session", "--", "sh", "-c", script, name="pipewire")
        program = self._program
        await until(lambda: self.socket.exists() or not program.running, "the sound server's socket", START)
        # Its socket is there before all that it needs to answer.
        await self._obeyed("info")
        await self._obeyed("load-module", "module-null-sink", "sink_name=spk", "rate=48000")
        await self._obeyed("load-module", "module-null-sink", "sink_name=air", "rate=48000")
        await self._obeyed("load-module", "module-remap-source", "master=air.monitor", "source_name=mic")
        await until(lambda: self._names() >= {"spk", "air", "mic"}, "the devices", START)
        await self._obeyed("set-default-sink", "spk")
        await self._obeyed("set-default-source", "mic")
        defaults = {"Default Sink: spk", "Default Source: mic"}
        await until(lambda: defaults <= set(self.pactl("info").splitlines()), "the defaults", START)

    async def _obeyed(self, *arguments: str) -> None:
        """Ask for something until the server does it."""

        def look() -> bool:
            try:
                self.pactl(*arguments)
            except subprocess.CalledProcessError:
                return False
            return True

        await until(look, f"pactl {arguments[0]}", START)

    def _names(self) -> set[str]:
        lists = self.pactl("list", "short", "sinks") + "\n" + self.pactl("list", "short", "sources")
        return {line.split("\t")[1] for line in lists.splitlines() if "\t" in line}

    def echo_modules(self) -> list[str]:
        """The loudspeakers that are there for echo cancelling."""
        return sorted(name for name in self._names() if name.startswith("neon_echo_") and name.endswith("_speaker"))

    async def kill(self) -> None:
        """As a crash of all of it does."""
        await super().kill()
        for left in ("pipewire-0", "pipewire-0.lock"):
            (self.folder / left).unlink(missing_ok=True)


class Recording:
    """A file of samples that grows."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def samples(self) -> list[int]:
        """What there is so far."""
        return audio.samples_of(self._path.read_bytes()) if self._path.exists() else []

    async def hears(self, hz: float, dbm0: float, within: float = 10.0, tolerance: float = 0.8) -> list[int]:
        """Wait for half a second of that tone, at that level to C{tolerance} dB, at the recording's end; return it."""

        def look() -> list[int] | None:
            latest = self.samples()[-audio.RATE // 2 :]
            enough = len(latest) == audio.RATE // 2 and abs(audio.tone_level_dbm0(latest, hz) - dbm0) < tolerance
            return latest if enough else None

        return await until(look, f"half a second of {hz:g} Hz", within)
