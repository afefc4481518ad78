"""The parts of the sound card worker that need no sound card; tests/integration has the rest."""

from __future__ import annotations

import socket
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from neon.media import portaudio
from neon.media.cardfill import EVERY, CardFill


class FakeStream:
    """A PyAudio stream whose card takes everything at once."""

    def __init__(self) -> None:
        self.played: list[bytes] = []

    def write(self, frames: bytes, exception_on_underflow: bool = True) -> None:
        assert not exception_on_underflow
        self.played.append(frames)

    def get_write_available(self) -> int:
        return 960


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
        portaudio.playback(stream, CardFill(stream), far, portaudio.Progress())
        return [frame[0] for frame in stream.played]

    def test_in_order(self) -> None:
        """Frames are played in their order, until the end of file."""
        self.assertEqual(self.play(5), [0, 1, 2, 3, 4])

    def test_old_sound_is_dropped(self) -> None:
        """Of frames that wait too long only the newest are played: a call is never seconds behind."""
        self.assertEqual(self.play(100), [97, 98, 99])


class FakeRing:
    """A card's ring of 60 ms, of which so many samples are free."""

    free = 960

    def get_write_available(self) -> int:
        return self.free


class FillTests(SynchronousTestCase):
    """L{CardFill}"""

    def setUp(self) -> None:
        self.ring = FakeRing()
        self.fill = CardFill(self.ring)
        self.near, self.far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.near.setblocking(False)
        self.addCleanup(self.near.close)
        self.addCleanup(self.far.close)

    def looks(self, *free: int) -> list[int]:
        """What is told when there is so much room."""
        for self.ring.free in free:
            self.fill.look(self.far)
        told = []
        while True:
            try:
                told.append(int.from_bytes(self.near.recv(100), "little"))
            except BlockingIOError:
                return told

    def test_least(self) -> None:
        """The least that was left to play is told five times a second, and each time anew."""
        self.assertEqual(self.looks(*[320] * (EVERY - 1)), [])
        self.assertEqual(self.looks(700), [260])
        self.assertEqual(self.looks(*[320] * EVERY), [640])

    def test_dry(self) -> None:
        """A card that ran dry, and may count on, has nothing left."""
        self.assertEqual(self.looks(5000, *[320] * (EVERY - 1)), [0])

    def test_unknown(self) -> None:
        """A card that does not say tells nothing, neither does one that never said how much it takes."""
        self.assertEqual(self.looks(*[-1] * EVERY), [])
        self.ring.free = -1
        self.fill = CardFill(self.ring)
        self.assertEqual(self.looks(*[320] * EVERY), [])

    def test_nobody_listens(self) -> None:
        """An engine that does not read does not hold up the card."""
        for _ in range(20000):
            self.fill.look(self.far)


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
