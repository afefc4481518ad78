"""The media engine as the rest of NEON sees it: streams, devices, sources, and small frozen events.

The work is done by L{neon.media._engine}, C in a native thread of its own (docs/architecture.rst). Requests
only hand a command over and return; the thread takes it at its next slot, within 10 ms. What happens is
fetched with L{Engine.take_events} when L{Engine.fileno} is readable. All of it belongs to one Python thread.

Audio is 8 kHz, 16 bits, little-endian, mono; a device may have 16 kHz, and a stream has with G.722 and Opus. The engine
converts between them. Levels are dBm0 (G.711: +3.14 dBm0 is the loudest sine).
"""

from __future__ import annotations

from dataclasses import dataclass
from errno import EADDRNOTAVAIL
from typing import Final, Literal, TypeAlias
from weakref import WeakValueDictionary

from neon.media import _engine
from neon.media.enginedevice import Device as Device
from neon.media.sound import Clip, Pipe, Tap
from neon.opus import OpusWishes
from neon.ports import ADDRESS_GONE, MediaUnavailable
from neon.values import Address, Codec, MediaAgreement, MediaStatistics

SocketName: TypeAlias = Literal["rtp", "rtcp"]
SOCKETS: Final[tuple[SocketName, SocketName]] = ("rtp", "rtcp")

NARROW, WIDE = 8000, 16000
"""The rates that a device may have, in hertz."""


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing, sent as packets all the same."""


@dataclass(frozen=True, slots=True)
class Tone:
    """A sine of C{hz} (above 0, below 8000; from 4000 on silence for narrowband codecs) at C{dbm0} (at most 3.14)."""

    hz: float
    dbm0: float = -10.0


@dataclass(frozen=True, slots=True)
class Samples:
    """Stored audio, an even number of bytes, played once and then silence, or again and again."""

    data: bytes
    loop: bool = False


@dataclass(frozen=True, slots=True)
class Echo:
    """What the stream receives, as it leaves the jitter buffer."""


class Conference:
    """Streams that hear each other, each all the others (L{Stream.join}). Made by L{Engine.open_conference}.

    What they hear of each other is 20 ms old at most. It goes at 16 kHz as far as they can. One whose far end does not
    listen to us (a hold with music) is heard neither by the others nor by its sink.
    """

    def __init__(self, native: _engine.Conference) -> None:
        self._native = native


Source: TypeAlias = Silence | Tone | Samples | Echo | Device


class Stream:
    """The RTP and RTCP of one call. It drops whatever arrives, and sends nothing, before L{start}.

    Made by L{Engine.open_stream}; its source is Silence and its sink None at first.
    """

    def __init__(self, native: _engine.Stream) -> None:
        self._native = native

    @property
    def id(self) -> int:
        """Unique among the streams and devices of its engine."""
        return self._native.id

    @property
    def local_port(self) -> int:
        """The RTP port, even; RTCP is on the next."""
        return self._native.local_port

    def start(self, agreement: MediaAgreement) -> None:
        """Send and receive as agreed; called again when the agreement changes.

        RTP is taken from C{agreement.remote} only, unless in the first two seconds four consecutive packets come from
        one other source and none from there (NAT): then from that one for good. A new remote address opens this
        choice again. Nothing is ever sent to an unspecified, multicast or broadcast address or to a port below
        1024; the stream then still receives.

        With keys everything is SRTP and SRTCP, in both directions; keys that stay the same go on where they were.

        @raise ValueError: an address that is not numeric, a packet time other than 10, 20, ... 60 ms, a payload
            type above 127, keys of another length than the suite's, or a stream that is closed.
        @raise RuntimeError: libsrtp cannot do the suite.
        @raise ImportError: libopus, or the module that is linked with it, is not there.
        """
        host, port = agreement.remote
        keys = agreement.srtp
        rtcp_host, rtcp_port = agreement.rtcp or (host, port + 1 if port < 65535 else 0)
        self._native.start(
            host,
            port,
            rtcp_host,
            rtcp_port,
            agreement.codec.value,
            agreement.payload_type,
            agreement.receive_payload_type,
            agreement.direction.sends,
            agreement.direction.receives,
            -1 if agreement.telephone_event is None else agreement.telephone_event,
            -1 if agreement.receive_telephone_event is None else agreement.receive_telephone_event,
            agreement.ptime_ms,
            None
            if keys is None
            else (keys.suite.value, keys.send.data, keys.receive.data, keys.send.mki, keys.receive.mki),
            agreement.event_rate,
            _wishes(agreement) if agreement.codec is Codec.OPUS else None,
        )

    def set_source(self, source: Source) -> None:
        """Send this from now on. A device must be of the same engine."""
        match source:
            case Silence():
                self._native.source_silence()
            case Tone(hz, dbm0):
                self._native.source_tone(hz, dbm0)
            case Samples(data, loop):
                self._native.source_samples(data, loop)
            case Echo():
                self._native.source_echo()
            case Device():
                self._native.source_device(source.native)

    def set_sink(self, sink: Device | None) -> None:
        """Play what is received on a device of the same engine, or nowhere."""
        self._native.sink(None if sink is None else sink.native)

    def set_tap(self, tap: Tap | None) -> None:
        """Have a tap hear both sides from now on, instead of the one before, or nobody.

        @raise ValueError: the stream is closed.
        """
        self._native.tap(None if tap is None else tap.native)

    def join(self, conference: Conference | None) -> None:
        """Hear and be heard by the others of a conference of the same engine, beside the source and the sink.

        @raise ValueError: the stream is closed, or the conference another engine's.
        """
        self._native.join(None if conference is None else conference._native)

    def set_volume(self, volume: float) -> None:
        """Let the sink play what is received at so much of its amplitude, 0 to 2; 1 at first. Nobody else notices.

        @raise ValueError: another number, or the stream is closed.
        """
        self._native.volume(volume)

    def play(self, clip: Clip | None, *, loop: bool = False, mix: bool = False, number: int = 0) -> None:
        """Say a clip from its beginning, in place of the source or with it (C{mix}); None says no more of it.

        L{Played} has the C{number} at its end. While nothing is sent, or the stream is held, it waits.
        """
        self._native.play(None if clip is None else clip.native, loop, mix, number)

    def hold(self, on: bool, music: Clip | None = None) -> None:
        """Say nothing but C{music}, over and over, or silence, until told otherwise."""
        self._native.hold(on, None if music is None else music.native)

    def speak(self, pipe: Pipe | None, *, mix: bool = False) -> None:
        """Say what is written into a pipe, in place of the source or with it (C{mix}); silence while nothing waits."""
        self._native.speak(None if pipe is None else pipe.native, mix)

    def quiet(self, on: bool) -> None:
        """Take what comes by the pipe of L{speak}, and do not say it."""
        self._native.quiet(on)

    def listen(self, pipe: Pipe | None) -> None:
        """Write what is heard into a pipe, silence too."""
        self._native.listen(None if pipe is None else pipe.native)

    def detect_speech(self, on: bool) -> None:
        """Tell (L{Speech}) when the far end begins and ceases to speak; it is silent at first."""
        self._native.detect_speech(on)

    def send_digit(self, digit: str, duration_ms: int = 100) -> None:
        """Queue one of C{0-9 * # A-D}, 40 to 6000 ms long, with a gap of 60 ms to the one before.

        Goes out as a telephone event (RFC 4733) where that was agreed, else as the two tones of ITU-T Q.23. A queue
        holds 64 digits; what is beyond that is lost.
        """
        self._native.send_digit(digit, duration_ms)

    def reroute(self) -> None:
        """The machine's addresses have changed: let the kernel choose again which one packets leave from."""
        self._native.reroute()

    def ask(self, socket: SocketName, server: Address, question: bytes) -> None:
        """Ask a server where one of the sockets is seen, with 20 bytes; ask again if no L{StunAnswer} comes.

        @raise ValueError: the stream is parked or closed, or C{server} no numeric address of one.
        """
        self._native.ask(socket, *server, question)

    def ask_no_more(self, socket: SocketName) -> None:
        """Wait for no answer; others than the far end reach the socket until then, or until there is one."""
        self._native.ask_no_more(socket)

    def take_answer(self, socket: SocketName) -> bytes | None:
        """What the server said, once; it has the question's transaction and came from there."""
        return self._native.take_answer(socket)

    def filenos(self) -> tuple[int, int]:
        """The RTP and the RTCP socket of a stream that is parked; they stay the stream's.

        @raise ValueError: it is not parked any more, or closed.
        """
        return self._native.filenos()

    def unpark(self) -> None:
        """Have the thread serve the sockets from now on; what they have received so far is forgotten."""
        self._native.unpark()

    def beep(self, duration_ms: int = 300) -> None:
        """Mix a tone into what the sink plays of this stream; the far end hears nothing of it."""
        self._native.beep(duration_ms)

    def statistics(self) -> MediaStatistics:
        """The counters so far; after L{close}, the last ones."""
        return MediaStatistics(*self._native.statistics())

    def close(self) -> None:
        """Say BYE (RTCP) and give the ports back, within 10 ms. May be called twice."""
        self._native.close()


def _wishes(agreement: MediaAgreement) -> tuple[bool, bool, bool, int, int]:
    """What our encoder of Opus shall do; a far end that says nothing can use everything, and repeats nothing."""
    wishes = agreement.opus or OpusWishes()
    return wishes.fec, wishes.dtx, wishes.constant, wishes.speech_bitrate, wishes.playback


@dataclass(frozen=True, slots=True)
class FirstPacket:
    """The first believed RTP packet of a stream arrived: audio flows. Once a stream."""

    stream: Stream


@dataclass(frozen=True, slots=True)
class NoRtp:
    """A started, receiving stream got nothing for C{seconds}. Once, until packets come again."""

    stream: Stream
    seconds: int


@dataclass(frozen=True, slots=True)
class DigitReceived:
    """The far end began to send a digit (RFC 4733): one of C{0-9 * # A-D}."""

    stream: Stream
    digit: str


@dataclass(frozen=True, slots=True)
class DeviceGone:
    """The other end of a device's socketpair was closed. The streams attached go on with silence."""

    device: Device


@dataclass(frozen=True, slots=True)
class SourceLearnt:
    """RTP comes from, and now goes to, another address than the agreed one (NAT)."""

    stream: Stream


@dataclass(frozen=True, slots=True)
class Played:
    """A clip (L{Stream.play}) was said to its end."""

    stream: Stream
    number: int


@dataclass(frozen=True, slots=True)
class Speech:
    """The far end began or ceased to speak (L{Stream.detect_speech})."""

    stream: Stream
    speaking: bool


@dataclass(frozen=True, slots=True)
class StunAnswer:
    """What was asked by L{Stream.ask} was answered; L{Stream.take_answer} has it."""

    stream: Stream
    socket: SocketName


EngineEvent: TypeAlias = (
    FirstPacket | NoRtp | DigitReceived | DeviceGone | SourceLearnt | Played | Speech | StunAnswer
)

# The order of C{enum event_kind} in engine.h.
_FIRST_PACKET, _NO_RTP, _DIGIT, _DEVICE_GONE, _SOURCE_LEARNT, _PLAYED, _SPEECH, _STUN = range(8)


class Engine:
    """Owner of the native thread. Streams and devices may be opened before L{start}; they wait for it.

    @ivar priority: how the thread is scheduled: C{fifo}, C{nice} or C{plain}, the best that was allowed.
    """

    def __init__(self, *, no_rtp_seconds: float = 30.0, playout_delay: range = range(20, 201)) -> None:
        """C{no_rtp_seconds}: when L{NoRtp} is told; 0 is never. C{playout_delay}: how many milliseconds a jitter buffer

        may wait for packets, within 20 to 200: the first and the last of the range.
        """
        self._native = _engine.Engine(no_rtp_seconds, playout_delay[0], playout_delay[-1])
        self._streams: WeakValueDictionary[int, Stream] = WeakValueDictionary()
        self._devices: WeakValueDictionary[int, Device] = WeakValueDictionary()

    @property
    def priority(self) -> str:
        return self._native.counters()[0]

    @property
    def rounds_skipped(self) -> int:
        """Rounds of 20 ms that were left out because the machine stood still for more than 200 ms."""
        return self._native.counters()[1]

    @property
    def events_lost(self) -> int:
        """Events that nobody fetched in time: the ring holds 1024."""
        return self._native.counters()[2]

    def start(self) -> None:
        """Start the thread, and return when it runs: after a daemon has forked, since threads do not survive that.

        @raise OSError: no descriptor or thread to be had.
        """
        self._native.start()

    def stop(self) -> None:
        """Close every stream and device, with their BYEs, and join the thread (within about 10 ms). May be repeated."""
        self._native.stop()

    def fileno(self) -> int:
        """A descriptor that is readable while events wait.

        @raise ValueError: the engine is not running.
        """
        return self._native.fileno()

    def take_events(self) -> list[EngineEvent]:
        """What happened since the last time, in order, save for streams and devices that nobody holds any more."""
        events: list[EngineEvent] = []
        for kind, number, value in self._native.take_events():
            if kind == _DEVICE_GONE:
                device = self._devices.get(number)
                if device is not None:
                    events.append(DeviceGone(device))
                continue
            stream = self._streams.get(number)
            if stream is None:
                continue
            if kind == _FIRST_PACKET:
                events.append(FirstPacket(stream))
            elif kind == _NO_RTP:
                events.append(NoRtp(stream, value))
            elif kind == _DIGIT:
                events.append(DigitReceived(stream, chr(value)))
            elif kind == _SOURCE_LEARNT:
                events.append(SourceLearnt(stream))
            elif kind == _PLAYED:
                events.append(Played(stream, value))
            elif kind == _SPEECH:
                events.append(Speech(stream, bool(value)))
            elif kind == _STUN:
                events.append(StunAnswer(stream, SOCKETS[value]))
        return events

    def open_stream(self, host: str, ports: range, *, parked: bool = False) -> Stream:
        """Bind an even port of C{ports} and the next one on C{host}, a numeric address of ours; C{::} is both families.

        The sockets of a C{parked} one are the caller's to use until L{Stream.unpark}, which L{Stream.start} needs.

        @raise MediaUnavailable: no free pair, no descriptor, or not an address of this machine.
        """
        try:
            native = self._native.open_stream(host, ports.start, ports.stop, parked)
        except OSError as error:
            if error.errno == EADDRNOTAVAIL:
                raise MediaUnavailable(f"{ADDRESS_GONE}: {host}") from error
            raise MediaUnavailable(
                f"no RTP port on {host} from {ports.start} to {ports.stop - 1}: {error.strerror}"
            ) from error
        stream = Stream(native)
        self._streams[native.id] = stream
        return stream

    def open_device(self, fd: int, rate: int = NARROW) -> Device:
        """Use one end of a SOCK_SEQPACKET socketpair as a device. The engine duplicates C{fd}: close yours.

        C{rate} is L{NARROW} or L{WIDE}.

        @raise ValueError: C{fd} is another kind of socket, or C{rate} another rate.
        @raise OSError: C{fd} is no socket, or no descriptor is left.
        """
        native = self._native.open_device(fd, rate)
        device = Device(native)
        self._devices[native.id] = device
        return device

    def open_conference(self) -> Conference:
        """One without members; it ends when nobody holds it and everybody has left."""
        return Conference(self._native.open_conference())

    def thread_cpu_seconds(self) -> float:
        """CPU time of the native thread alone (CLOCK_THREAD_CPUTIME_ID)."""
        return self._native.thread_cpu_seconds()

    def send_lateness(self) -> list[int]:
        """RTP packets sent so far by how long after their deadline: index 7 counts those 70 to 80 µs late.

        The last of the 2048 counts holds everything later.
        """
        return self._native.timing()
