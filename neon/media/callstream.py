"""One call's stream: what the phone says to it, and what it holds of the devices while the call is up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from twisted.logger import Logger

from neon.media import engine as native
from neon.media.link import Link
from neon.media.mappedports import MappedPort
from neon.values import LocalMedia, MediaAgreement, MediaStatistics

_log = Logger()


class Owner(Protocol):
    """What a L{CallStream} needs of the L{neon.media.manager.MediaManager}."""

    conference: native.Conference

    def local(self, stream: native.Stream, port: MappedPort | None) -> LocalMedia: ...

    def attach(self, call: CallStream) -> None: ...

    def closed(self, call: CallStream) -> None: ...


class CallStream:
    """Implements L{neon.ports.MediaStream}: one stream of the engine, and what it holds of the devices."""

    def __init__(self, owner: Owner, call_id: int, stream: native.Stream, port: MappedPort | None = None) -> None:
        self.call_id = call_id
        self.has_audio = True
        self.stream = stream
        self.started = False
        self._owner = owner
        self._port = port
        self._release: list[Callable[[], None]] = []
        self._source: native.Source = native.Silence()
        self._silent = False
        self._closed = False

    @property
    def local(self) -> LocalMedia:
        return self._owner.local(self.stream, self._port)

    def start(self, agreement: MediaAgreement) -> None:
        if self._closed:
            return
        if not self.started:
            self.started = True
            if self._port is not None:
                self._port.serve()
            self.stream.unpark()
            self._owner.attach(self)
        try:
            self.stream.start(agreement)
        except (ValueError, RuntimeError, ImportError) as error:
            # What the far end offered can be sent to nobody; it hears so from the silence.
            _log.error("call {call_id} has no audio: {error}", call_id=self.call_id, error=str(error))

    @property
    def locating(self) -> bool:
        """Whether its public address is being asked for, since the network changed."""
        return self._port is not None and self._port.locating

    def network_changed(self, located: Callable[[], None]) -> None:
        """The machine's addresses changed; C{located} is called when this call's public one is known, if it has one."""
        self.stream.reroute()
        if self._port is not None:
            self._port.renew(located)

    def heard_stun(self, name: native.SocketName) -> None:
        """A STUN server answered to one of its sockets."""
        if self._port is not None:
            self._port.heard(name)

    def set_source(self, source: native.Source) -> None:
        """Send this, as soon as nothing asks for silence."""
        self._source = source
        if not self._silent:
            self.stream.set_source(source)

    def silence(self, on: bool) -> None:
        if self._closed or on == self._silent:
            return
        self._silent = on
        self.stream.set_source(native.Silence() if on else self._source)
        self.stream.quiet(on)

    def mix(self, on: bool) -> None:
        if not self._closed:
            self.stream.join(self._owner.conference if on else None)

    def set_volume(self, percent: int) -> None:
        if not self._closed:
            self.stream.set_volume(percent / 100)

    def send_digit(self, digit: str, duration_ms: int) -> None:
        if not self._closed:
            self.stream.send_digit(digit, duration_ms)

    def beep(self) -> None:
        if not self._closed:
            self.stream.beep()

    def statistics(self) -> MediaStatistics:
        return self.stream.statistics()

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        if self._port is not None:
            self._port.release()
        self.stream.close()
        for release in self._release:
            release()
        self._owner.closed(self)

    def use(self, link: Link) -> native.Device:
        """The device of a link that calls share, until this one is closed."""
        device = link.acquire()
        self._release.append(link.release)
        return device

    def use_alone(self, link: Link) -> native.Device:
        """The device of a link that ends with this call."""
        self._release.append(link.close)
        return link.acquire()
