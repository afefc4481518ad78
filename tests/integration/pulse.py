"""A sound server of a test's own: PulseAudio with a loudspeaker and a microphone made of nothing.

What is played to the default sink C{spk} can be recorded with L{SoundServer.listen}; what L{SoundServer.speak} plays is
heard at the default source C{mic}. It runs as any user, root too, and talks to nobody else's server.
"""

from __future__ import annotations

import os
from pathlib import Path

from tests import audio
from tests.integration.processes import IntegrationCase, Program, until

NEEDED = ("pulseaudio", "pactl", "parec", "pacat")

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


class SoundServer:
    """One PulseAudio, which a test may end and start again."""

    def __init__(self, test: IntegrationCase) -> None:
        self._test = test
        self._folder = test.folder / "pulse"
        self._folder.mkdir(mode=0o700)
        self._count = 0
        self._program: Program | None = None
        self.socket = self._folder / "native"
        (self._folder / "null.pa").write_text(SCRIPT.format(socket=self.socket))
        (self._folder / ".asoundrc").write_text(ASOUND)
        self.env = {
            "HOME": str(self._folder),
            "XDG_RUNTIME_DIR": str(self._folder),
            "XDG_CONFIG_HOME": str(self._folder),
            "PULSE_SERVER": f"unix:{self.socket}",
            "PULSE_CONFIG_PATH": str(self._folder),
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
        self._count += 1
        self._program = self._run("pulseaudio", "-n", "-F", "null.pa", "--exit-idle-time=-1", "--daemonize=no")
        program = self._program
        await until(lambda: self.socket.exists() or not program.running, "the sound server's socket")
        # A null sink without a player works in blocks of two seconds.
        for sink in ("spk", "air"):
            self._run("pacat", "--playback", "--latency-msec=10", f"--device={sink}", "--raw", "/dev/zero", name=sink)

    async def kill(self) -> None:
        """End it as a crash does."""
        assert self._program is not None
        self._program.kill()
        await self._program.ended()
        self.socket.unlink(missing_ok=True)

    def speak(self, hz: float, dbm0: float, seconds: float) -> Program:
        """Play a tone where the microphone hears it."""
        file = self._folder / "spoken.raw"
        file.write_bytes(audio.pcm_of(audio.tone(hz, dbm0, seconds)))
        return self._run(
            "pacat", "--playback", "--latency-msec=20", "--device=air", "--rate=8000", "--channels=1",
            "--format=s16le", "--raw", str(file), name="speak",
        )  # fmt: skip

    def listen(self) -> Recording:
        """Begin to record what is played to the loudspeaker."""
        path = self._folder / f"heard{self._count}.raw"
        self._run(
            "parec", "--latency-msec=20", "--device=spk.monitor", "--rate=8000", "--channels=1", "--format=s16le",
            "--raw", str(path), name="listen",
        )  # fmt: skip
        return Recording(path)

    def _run(self, *argv: str, name: str | None = None) -> Program:
        return self._test.start(f"{name or argv[0]}-{self._count}", *argv, folder=self._folder, env=self.env)


class Recording:
    """A file of samples that grows."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def samples(self) -> list[int]:
        """What there is so far."""
        return audio.samples_of(self._path.read_bytes()) if self._path.exists() else []

    async def hears(self, hz: float, dbm0: float, within: float = 10.0) -> list[int]:
        """Wait for half a second of that tone, at that level to 0.8 dB, at the end of the recording; return it."""

        def look() -> list[int] | None:
            latest = self.samples()[-audio.RATE // 2 :]
            enough = len(latest) == audio.RATE // 2 and abs(audio.tone_level_dbm0(latest, hz) - dbm0) < 0.8
            return latest if enough else None

        return await until(look, f"half a second of {hz:g} Hz", within)
