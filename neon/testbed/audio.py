"""The testbed's sounds, from the media engine."""

from __future__ import annotations

from typing import Protocol

from neon.media import engine as native
from neon.srtp import SrtpPolicy
from neon.testbed.numbers import TONE_DBM0, TONE_HZ, Sound
from neon.values import LocalMedia, MediaAgreement, MediaStatistics


class RtpStream(Protocol):
    """What is needed of L{native.Stream}."""

    @property
    def local_port(self) -> int: ...

    def start(self, agreement: MediaAgreement) -> None: ...

    def set_source(self, source: native.Source) -> None: ...

    def statistics(self) -> MediaStatistics: ...

    def close(self) -> None: ...


class StreamOpener(Protocol):
    """What is needed of L{native.Engine}."""

    def open_stream(self, host: str, ports: range) -> RtpStream: ...


class EngineAudio:
    """Opens streams that play a L{Sound} on the loopback ports given."""

    def __init__(self, engine: StreamOpener, host: str, ports: range) -> None:
        self._engine = engine
        self._host = host
        self._ports = ports

    def open(self, sound: Sound) -> SoundStream:
        """A stream that plays C{sound} once it is started.

        @raise neon.ports.MediaUnavailable: no port or descriptor is left.
        """
        stream = self._engine.open_stream(self._host, self._ports)
        if sound is Sound.ECHO:
            stream.set_source(native.Echo())
        elif sound is Sound.TONE:
            stream.set_source(native.Tone(TONE_HZ, TONE_DBM0))
        return SoundStream(stream)


class SoundStream:
    """Implements L{neon.testbed.calls.Sounding} on one stream of the engine."""

    def __init__(self, stream: RtpStream) -> None:
        self._stream = stream
        self._local = LocalMedia(stream.local_port, srtp=SrtpPolicy.OPTIONAL)

    @property
    def local(self) -> LocalMedia:
        return self._local

    def start(self, agreement: MediaAgreement) -> None:
        self._stream.start(agreement)

    def statistics(self) -> MediaStatistics:
        return self._stream.statistics()

    def close(self) -> None:
        self._stream.close()
