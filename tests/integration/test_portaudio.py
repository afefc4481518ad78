"""A call on a real sound server: PulseAudio, PyAudio in its worker, the engine, and RTP on loopback."""

from __future__ import annotations

import os
import signal
import sys

from neon.media.devices import NullDevice, PortAudioDevice
from tests import audio
from tests.integration.processes import until
from tests.integration.pulse import NEEDED, SoundServer
from tests.integration.soundcase import OUR_TONE, THEIR_TONE, SoundCase

ORPHAN = """
import os, subprocess, sys, socket, time
near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
options = [f"--fd={far.fileno()}", f"--parent={os.getpid()}"]
command = [sys.executable, "-m", "neon.media.portaudio", *options]
child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=[far.fileno()])
child.stdin.write(b'{"playback": ""}\\n')
child.stdin.flush()
child.stdout.readline()
print("worker", child.pid, flush=True)
# A second writer of its stdin and of the socket: neither ends with the daemon.
keeper = subprocess.Popen(["sleep", "30"], stdin=subprocess.DEVNULL, pass_fds=[child.stdin.fileno(), near.fileno()])
time.sleep(30)
"""


def is_alive(pid: int) -> bool:
    """Does that process exist, other than as a zombie?"""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class PortAudioTests(SoundCase):
    """The C{portaudio} device."""

    programs_needed = NEEDED
    timeout = 60

    async def test_loudspeaker(self) -> None:
        """What the far end says is heard at the loudspeaker, as loud as it was said."""
        server = self.begin(NullDevice(), PortAudioDevice())
        await server.start()
        self.call()
        heard = await server.listen().hears(*THEIR_TONE)
        self.assertApproximates(audio.dominant_frequency(heard), THEIR_TONE[0], 2)

    async def test_microphone(self) -> None:
        """What is said into the microphone arrives at the far end, as loud as it was said."""
        server = self.begin(PortAudioDevice("mic"), NullDevice())
        await server.start()
        server.speak(*OUR_TONE, seconds=30)
        self.call()
        heard = await self.ear.hears(*OUR_TONE)
        self.assertApproximates(audio.dominant_frequency(heard), OUR_TONE[0], 2)

    async def test_both_and_a_crash(self) -> None:
        """When the sound server dies the call goes on silently; when it is back, so is the sound, both ways."""
        server = self.begin(PortAudioDevice(), PortAudioDevice())
        await server.start()
        server.speak(*OUR_TONE, seconds=30)
        call = self.call()
        await self.ear.hears(*OUR_TONE)
        await server.listen().hears(*THEIR_TONE)
        first = self.worker()

        await server.kill()
        await until(lambda: self.worker() != first, "the end of the worker")
        before = call.statistics()

        def goes_on() -> bool:
            now = call.statistics()
            return min(now.packets_sent - before.packets_sent, now.packets_received - before.packets_received) > 50

        await until(goes_on, "a second of packets each way")
        self.assertLess(audio.level_dbm0(self.ear.samples()[-1600:]), -50)

        await server.start()
        server.speak(*OUR_TONE, seconds=30)
        await server.listen().hears(*THEIR_TONE)
        await self.ear.hears(*OUR_TONE)
        self.assertNotIn(self.worker(), (None, first))

    async def test_server_comes_late(self) -> None:
        """A call placed while there is no sound server is silent, and gets its sound when there is one."""
        server = self.begin(PortAudioDevice(), PortAudioDevice())
        call = self.call()
        await until(lambda: call.statistics().packets_sent > 50, "packets")
        await server.start()
        await server.listen().hears(*THEIR_TONE)

    async def test_end(self) -> None:
        """The end of the service is the end of the worker, also in the middle of a call."""
        server = self.begin(PortAudioDevice(), PortAudioDevice())
        await server.start()
        self.call()
        await server.listen().hears(*THEIR_TONE)
        pid = self.worker()
        assert pid is not None
        self.assertTrue(is_alive(pid))
        await self.manager.stopService()
        self.assertFalse(is_alive(pid))

    async def test_daemon_dies(self) -> None:
        """A daemon that is killed takes its worker with it, whoever else holds the worker's descriptors."""
        server = SoundServer(self)
        await server.start()
        daemon = self.start("daemon", sys.executable, "-c", ORPHAN, env=server.env)
        pid = int((await daemon.says(r"worker (\d+)"))[1])
        self.assertTrue(is_alive(pid))
        os.kill(daemon.pid, signal.SIGKILL)
        await until(lambda: not is_alive(pid), "the end of the worker")
