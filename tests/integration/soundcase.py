"""Calls on a real sound server: what tests of the sound devices have in common."""

from __future__ import annotations

import contextlib
import socket
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred

from neon.media.callstream import CallStream
from neon.media.devices import CaptureDevice, PlaybackDevice
from neon.media.echocancel import Processing
from neon.media.engine import Engine, Source, Tone
from neon.media.manager import MediaManager, MediaSettings
from neon.media.pactl import Pactl
from neon.media.soundserver import SoundServer as Followed
from neon.values import Codec, MediaAgreement
from tests import audio
from tests.integration.processes import PATIENCE, IntegrationCase, until
from tests.integration.pulse import SoundServer

HOST = "127.0.0.1"
PORTS = range(20000, 30000)

THEIR_TONE = (440.0, -12.0)
OUR_TONE = (1000.0, -15.0)


def agreement(port: int) -> MediaAgreement:
    return MediaAgreement((HOST, port), Codec.PCMA, 8, 8)


class Ear:
    """What a stream of the test hears."""

    def __init__(self, engine: Engine) -> None:
        self._near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.device = engine.open_device(far.fileno())
        self._pcm = b""
        far.close()

    def samples(self) -> list[int]:
        """Everything so far."""
        with contextlib.suppress(BlockingIOError):
            while frame := self._near.recv(320, socket.MSG_DONTWAIT):
                self._pcm += frame
        return audio.samples_of(self._pcm)

    def forget(self) -> None:
        """Begin anew."""
        self.samples()
        self._pcm = b""

    async def hears(self, hz: float, dbm0: float, within: float = PATIENCE, tolerance: float = 0.8) -> list[int]:
        """Wait for half a second of that tone, at that level to C{tolerance} dB, and return it."""

        def look() -> list[int] | None:
            latest = self.samples()[-audio.RATE // 2 :]
            enough = len(latest) == audio.RATE // 2 and abs(audio.tone_level_dbm0(latest, hz) - dbm0) < tolerance
            return latest if enough else None

        return await until(look, f"half a second of {hz:g} Hz", within)

    def close(self) -> None:
        self.device.close()
        self._near.close()


class SoundCase(IntegrationCase):
    """A media manager, a far end, and a sound server."""

    kind: type[SoundServer] = SoundServer
    timeout = 90

    def begin(
        self,
        capture: CaptureDevice,
        playback: PlaybackDevice,
        processing: Processing | None = None,
        *,
        follow: bool = False,
        they_say: Source | None = None,
    ) -> SoundServer:
        """A media manager with these devices, a far end that speaks, and a sound server not yet started.

        C{follow} is whether the manager asks the server which devices it has.
        """
        server = self.kind(self)
        server.use()
        engine = Engine()
        anything: Any = reactor
        self.followed = Followed(anything, Pactl(anything)) if follow else None
        settings = MediaSettings(HOST, PORTS, capture=capture, playback=playback, processing=processing)
        self.manager = MediaManager(anything, engine, settings, sound_server=self.followed)
        self.ear = Ear(engine)
        self.far = engine.open_stream(HOST, PORTS)
        self.far.set_source(they_say or Tone(*THEIR_TONE))
        self.far.set_sink(self.ear.device)
        self.at_end(self.stop_manager)
        self.manager.startService()
        return server

    def stop_manager(self) -> Deferred[None]:
        self.ear.close()
        stopped = self.manager.stopService()
        if self.followed is not None:
            self.followed.stop()
        return stopped

    def call(self) -> CallStream:
        """A call that is answered as soon as it is placed."""
        call = self.manager.open(1)
        self.far.start(agreement(call.local.port))
        call.start(agreement(self.far.local_port))
        return call

    def worker(self) -> int | None:
        """The worker's process id."""
        assert self.manager.talk is not None
        return self.manager.talk.card.process_id

