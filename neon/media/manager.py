"""The media side as the phone sees it: streams of the engine, joined to the devices of the configuration.

Nothing here waits: files are read and written by threads, the sound card lives in a process, and a device that is
missing or breaks costs a call its sound, never its life.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.failure import Failure

from neon.media import engine as native
from neon.media.callstream import CallStream
from neon.media.devices import (
    CaptureDevice,
    FileCapture,
    FilePlayback,
    NullDevice,
    PlaybackDevice,
    PortAudioDevice,
    ToneDevice,
)
from neon.media.echocancel import Processing
from neon.media.eventreader import EventReader
from neon.media.filesink import FileSink, ThreadReactor
from neon.media.link import Link
from neon.media.mappedports import FindServer, MappedPort, MappedPorts
from neon.media.sound import Tap
from neon.media.soundcard import ProcessReactor
from neon.media.soundserver import SoundServer
from neon.media.sparestream import SpareStream
from neon.media.talkdevice import TalkDevice, Wanted
from neon.media.wavefile import WaveError, read_wave
from neon.ports import MediaUnavailable
from neon.srtp import SrtpPolicy
from neon.values import Codec, LocalMedia, MediaStatistics

_log = Logger()
_NULL = NullDevice()

EVERYWHERE = "*"
WILDCARDS = ("::", "0.0.0.0")
"""All addresses: of both families (the engine's sockets take IPv4 as well), and of IPv4."""

STOP_WITHIN = 5.0
"""Seconds that files and processes have to end in when the daemon does."""


class MediaReactor(ProcessReactor, ThreadReactor, Protocol):
    """What a L{MediaManager} needs of the reactor."""

    def addReader(self, reader: Any) -> object: ...

    def removeReader(self, reader: Any) -> object: ...

    def getThreadPool(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class MediaSettings:
    """C{host} is the address that RTP is bound to, C{*} all of both families; C{ports} the ports that it may use,
    C{codecs} the order of preference, C{srtp} whether calls are encrypted, C{ptime_ms} how long packets should be,
    C{comfort_noise} whether the far end's silence is made here (RFC 3389).
    """

    host: str = EVERYWHERE
    ports: range = range(16384, 16585)
    codecs: tuple[Codec, ...] = (Codec.PCMA, Codec.PCMU)
    srtp: SrtpPolicy = SrtpPolicy.OFF
    capture: CaptureDevice = _NULL
    playback: PlaybackDevice = _NULL
    ptime_ms: int = 20
    comfort_noise: bool = False
    processing: Processing | None = None
    """What the sound server does to the sound of a microphone; None: nothing."""


class MediaManager(Service):
    """Implements L{neon.ports.Media}."""

    on_silent: Callable[[int], None] | None = None
    """Called with the call id when a call that should be heard has not been for a while (the engine's setting)."""

    on_closed: Callable[[int, MediaStatistics], None] | None = None
    """Called with the call id and the last counters when a call gives its stream back."""

    on_digit: Callable[[int, str], None] | None = None
    """Called with the call id and a digit that the far end sent as a telephone event."""

    on_sound: Callable[[int, native.FirstPacket | native.Played | native.Speech], None] | None = None
    """Called with the call id and what happened to its sound."""

    on_located: Callable[[], None] | None = None
    """Called when the public addresses of all calls are known as far as they will be, after the network changed."""

    def __init__(
        self,
        reactor: MediaReactor,
        engine: native.Engine,
        settings: MediaSettings,
        *,
        find_stun: FindServer | None = None,
        sound_server: SoundServer | None = None,
    ) -> None:
        """C{find_stun} says where the STUN server is, if one is to be asked for the address of audio.

        C{sound_server} is whom to ask for devices, where that is wanted.
        """
        self.engine = engine
        self._host = settings.host
        self._mapped = None
        if find_stun is not None:
            self._mapped = MappedPorts(reactor, self._open_stream, find_stun)
        self._spare = SpareStream(reactor, self._open_stream)
        self._reactor = reactor
        self._settings = settings
        self._calls: dict[int, CallStream] = {}
        self.conference = engine.open_conference()
        self._samples: bytes | None = None
        self._loading = False
        self._events: EventReader | None = None
        self._sound_server = sound_server
        self.talk: TalkDevice | None = None
        """The sound card, where the configuration names one."""
        self._mix_link: Link | None = None
        self._sinks: set[FileSink] = set()

    def startService(self) -> None:
        super().startService()  # type: ignore[no-untyped-call]
        self.engine.start()
        if self._mapped is not None:
            self._mapped.start()
        self._events = EventReader(self.engine, self._event)
        self._reactor.addReader(self._events)
        _log.info("the media thread runs with {priority} priority", priority=self.engine.priority)
        capture, playback = self._settings.capture, self._settings.playback
        _log.info("capture from {capture}, playback to {playback}", capture=str(capture), playback=str(playback))
        if isinstance(capture, FileCapture):
            self._load(capture)
        wanted = Wanted(_name(capture), _name(playback))
        if wanted != Wanted(None, None):
            processing = self._settings.processing
            self.talk = TalkDevice(self._reactor, self.engine, wanted, self._sound_server, processing)
            self.talk.start()

    def stopService(self) -> Deferred[None]:
        """Close what is open; fires when files are complete and processes are gone."""
        super().stopService()  # type: ignore[no-untyped-call]
        for call in list(self._calls.values()):
            call.close()
        self._spare.drop()
        if self._mapped is not None:
            self._mapped.stop()
        if self._events is not None:
            self._reactor.removeReader(self._events)
            self._events = None
        waiting: list[Deferred[None]] = [sink.finished for sink in self._sinks]
        if self._mix_link is not None:
            self._mix_link.close()
        if self.talk is not None:
            waiting.append(self.talk.stop())
        self.engine.stop()
        # A disk or a network mount that does not answer may not keep the daemon from ending.
        reactor: Any = self._reactor
        done = DeferredList(waiting, consumeErrors=True).addTimeout(STOP_WITHIN, reactor)
        return done.addCallbacks(self._stopped, self._stopped)

    def open(self, call_id: int) -> CallStream:
        """As L{neon.ports.Media.open}; the devices are woken now, so that they are ready at the answer."""
        port = None if self._mapped is None else self._mapped.take()
        stream = self._spare.take() if port is None else port.stream
        call = self._calls[stream.id] = CallStream(self, call_id, stream, port)
        if self.talk is not None:
            self.talk.acquire()
        return call

    def statistics(self, call_id: int) -> MediaStatistics | None:
        """The counters of a call that has audio, None if it has none."""
        call = self.find(call_id)
        return None if call is None else call.statistics()

    def find(self, call_id: int) -> CallStream | None:
        """A call that has audio, None if it has none."""
        return next((call for call in self._calls.values() if call.call_id == call_id and call.started), None)

    @property
    def device_problem(self) -> str | None:
        """Why the sound card does not work, in words; None if it does, or if none is used."""
        return None if self.talk is None else self.talk.problem

    @property
    def has_microphone(self) -> bool:
        """Whether what calls send comes from a sound card."""
        return isinstance(self._settings.capture, PortAudioDevice)

    def set_tap(self, call_id: int, tap: Tap | None) -> bool:
        """Have a tap hear a call, instead of the one before, or nobody; returns whether there is audio to be heard."""
        call = self.find(call_id)
        if call is not None:
            call.stream.set_tap(tap)
        return call is not None

    def network_changed(self) -> None:
        """The machine's addresses changed: what is sent must leave from one that it has now."""
        for call in self._calls.values():
            call.network_changed(self._located)
        self._spare.drop()
        if self._mapped is not None:
            self._mapped.renew()

    @property
    def locating(self) -> bool:
        """Whether calls' public addresses are asked for, since the network changed; it takes a second."""
        return any(call.locating for call in self._calls.values())

    def _located(self) -> None:
        if not self.locating and self.on_located is not None:
            self.on_located()

    def local(self, stream: native.Stream, port: MappedPort | None) -> LocalMedia:
        """What goes into the session description of a stream."""
        public = None if self._host in WILDCARDS else (self._host, stream.local_port)
        families = (4, 6) if self._host == "::" else (6,) if ":" in self._host else (4,)
        rtcp = None
        if port is not None and port.rtp is not None:
            public, rtcp = port.rtp, port.rtcp
        return LocalMedia(
            stream.local_port, self._settings.codecs, public=public, public_rtcp=rtcp, families=families,
            srtp=self._settings.srtp, ptime_ms=self._settings.ptime_ms, comfort_noise=self._settings.comfort_noise,
        )

    def _open_stream(self) -> native.Stream:
        """One that is parked: the thread gets it when audio begins.

        @raise MediaUnavailable: there is no port, or not the address.
        """
        try:
            if self._host != EVERYWHERE:
                return self.engine.open_stream(self._host, self._settings.ports, parked=True)
            return self._open_anywhere()
        except ValueError as error:
            raise MediaUnavailable(str(error)) from error

    def _open_anywhere(self) -> native.Stream:
        """On a socket of both families, or where the machine has no IPv6 on one of IPv4; the next ones the same way."""
        host, other = WILDCARDS
        try:
            stream = self.engine.open_stream(host, self._settings.ports, parked=True)
        except MediaUnavailable:
            host = other
            stream = self.engine.open_stream(host, self._settings.ports, parked=True)
        self._host = host
        return stream

    def attach(self, call: CallStream) -> None:
        """Give a call that starts its source and its sink; a device that cannot be had is replaced by silence."""
        try:
            self._attach_capture(call)
            self._attach_playback(call)
        except OSError as error:
            _log.error("call {call_id} goes on without its devices: {error}", call_id=call.call_id, error=str(error))

    def closed(self, call: CallStream) -> None:
        """A call has been closed."""
        del self._calls[call.stream.id]
        if self.on_closed is not None:
            self.on_closed(call.call_id, call.statistics())
        if self.talk is not None:
            self.talk.release()

    def _attach_capture(self, call: CallStream) -> None:
        capture = self._settings.capture
        if isinstance(capture, ToneDevice):
            call.set_source(native.Tone(capture.hz, capture.dbm0))
        elif isinstance(capture, FileCapture):
            if self._samples is not None:
                call.set_source(native.Samples(self._samples, capture.loop))
            else:
                self._load(capture)  # it failed before, or is under way: the call hears it from then on
        elif self.talk is not None and isinstance(capture, PortAudioDevice):
            call.set_source(call.use(self.talk.link))

    def _attach_playback(self, call: CallStream) -> None:
        playback = self._settings.playback
        if isinstance(playback, FilePlayback) and playback.per_call:
            call.stream.set_sink(call.use_alone(self._file_link(playback.path_for(call.call_id))))
        elif (link := self.speaker()) is not None:
            call.stream.set_sink(call.use(link))

    def speaker(self) -> Link | None:
        """What all calls are played on, if there is such a thing. @raise OSError: no descriptor or thread is left."""
        playback = self._settings.playback
        if isinstance(playback, FilePlayback) and not playback.per_call:
            if self._mix_link is None:
                self._mix_link = self._file_link(playback.path)
            return self._mix_link
        return self.talk.link if self.talk is not None and isinstance(playback, PortAudioDevice) else None

    def _file_link(self, path: str) -> Link:
        link = Link(self.engine)
        try:
            sink = FileSink(self._reactor, path, link.far)
        except RuntimeError as error:  # no thread is left
            link.close()
            link.far.close()
            raise OSError(str(error)) from error
        self._sinks.add(sink)
        sink.finished.addCallback(lambda _: self._sinks.discard(sink))
        return link

    def _load(self, capture: FileCapture) -> None:
        """Read the captured file in a thread; the calls that are waiting for it begin with it then."""
        if self._loading:
            return
        self._loading = True
        reactor: Any = self._reactor  # Twisted's own annotation is a zope interface
        d = deferToThreadPool(reactor, reactor.getThreadPool(), read_wave, capture.path)
        d.addCallbacks(self._loaded, self._not_loaded, callbackArgs=(capture,), errbackArgs=(capture,))
        d.addErrback(lambda failure: _log.failure("the captured file was not taken over", failure))

    def _loaded(self, samples: bytes, capture: FileCapture) -> None:
        self._loading = False
        self._samples = samples
        for call in self._calls.values():
            if call.started:
                call.set_source(native.Samples(samples, capture.loop))

    def _not_loaded(self, failure: Failure, capture: FileCapture) -> None:
        self._loading = False
        failure.trap(OSError, WaveError)  # type: ignore[no-untyped-call]
        words = str(failure.value)
        _log.error("{path} cannot be played, calls send silence: {words}", path=capture.path, words=words)

    def _event(self, event: native.EngineEvent) -> None:
        if isinstance(event, native.DeviceGone):
            # Ours keep both ends open until they are closed.
            _log.error("a media device ended by itself")
            return
        call = self._calls.get(event.stream.id)
        if call is None:
            return  # closed meanwhile, or a stream of the testbed
        match event:
            case native.NoRtp(seconds=seconds):
                _log.warn("call {call_id}: nothing heard for {seconds} s", call_id=call.call_id, seconds=seconds)
                if self.on_silent is not None:
                    self.on_silent(call.call_id)
            case native.SourceLearnt():
                _log.info("call {call_id}: audio comes from behind a NAT", call_id=call.call_id)
            case native.FirstPacket() | native.Played() | native.Speech():
                _log.debug("call {call_id}: {event}", call_id=call.call_id, event=type(event).__name__)
                if self.on_sound is not None:
                    self.on_sound(call.call_id, event)
            case native.StunAnswer(socket=name):
                call.heard_stun(name)
            case native.DigitReceived(digit=digit):
                _log.debug("call {call_id}: a digit arrived", call_id=call.call_id)  # which may be of a password
                if self.on_digit is not None:
                    self.on_digit(call.call_id, digit)

    def _stopped(self, _: object) -> None:
        if self.talk is not None:
            self.talk.close()


def _name(device: CaptureDevice | PlaybackDevice) -> str | None:
    """What the sound card worker wants: a name, "" for the default device, None if this is another kind of device."""
    return (device.name or "") if isinstance(device, PortAudioDevice) else None
