"""The parts of the sound card worker that need no sound card; tests/integration has the rest."""

from __future__ import annotations

import socket
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from neon.media import portaudio


class FakeStream:
    """A PyAudio stream whose card takes everything at once."""

    def __init__(self) -> None:
        self.played: list[bytes] = []

    def write(self, frames: bytes, exception_on_underflow: bool = True) -> None:
        assert not exception_on_underflow
        self.played.append(frames)


class PlaybackTests(SynchronousTestCase):
    """L{portaudio.playback}"""

    def play(self, frames: int) -> list[int]:
        """Send numbered frames before the worker looks; return the numbers of those played."""
        near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.addCleanup(far.close)
        for number in range(frames):
            near.send(bytes([number]) * portaudio.FRAME)
        near.close()
        stream: Any = FakeStream()
        portaudio.playback(stream, far, portaudio.Progress())
        return [frame[0] for frame in stream.played]

    def test_in_order(self) -> None:
        """Frames are played in their order, until the end of file."""
        self.assertEqual(self.play(5), [0, 1, 2, 3, 4])

    def test_old_sound_is_dropped(self) -> None:
        """Of frames that wait too long only the newest are played: a call is never seconds behind."""
        self.assertEqual(self.play(100), [97, 98, 99])


class EnvironmentTests(SynchronousTestCase):
    """L{portaudio.environment}"""

    def test_names(self) -> None:
        """Each side's name reaches the sound server, whichever it is."""
        self.assertEqual(portaudio.environment("Input", "mic"), {"PULSE_SOURCE": "mic", "PIPEWIRE_NODE": "mic"})
        self.assertEqual(portaudio.environment("Output", "spk"), {"PULSE_SINK": "spk", "PIPEWIRE_NODE": "spk"})

    def test_role(self) -> None:
        """The server hears that this is a phone, and whose: it pauses music by itself."""
        self.assertEqual(portaudio.IDENTITY["PULSE_PROP_media.role"], "phone")


class ProgressTests(SynchronousTestCase):
    """L{portaudio.Progress}"""

    def test_stuck(self) -> None:
        """Waiting for the device is normal for a while; not waiting is normal for ever."""
        progress = portaudio.Progress()
        self.assertFalse(progress.stuck(1e9))
        progress.waiting_since = 100.0
        self.assertFalse(progress.stuck(100 + portaudio.STUCK_AFTER))
        self.assertTrue(progress.stuck(100.1 + portaudio.STUCK_AFTER))
