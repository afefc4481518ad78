"""The frozen values that travel between the parts of NEON: accounts, media agreements, snapshots.

They carry no behaviour beyond their own consistency, so every floor of the house may use them.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple, TypeAlias

from neon.details import NO_RULES, IncomingRules
from neon.opus import CLOCK_RATE, OpusWishes
from neon.srtp import SrtpKeys, SrtpPolicy

Address: TypeAlias = tuple[str, int]
"""A numeric host and a port, as sockets want them."""


class Destination(NamedTuple):
    """Where SIP goes to or comes from: a numeric host, a port, and C{udp}, C{tcp} or C{tls}.

    C{name} is the domain that the certificate must be for (RFC 5922, section 7.1), with TLS only: what was looked
    up, never what a name server made of it. Two destinations with different names never share a connection.
    """

    host: str
    port: int
    transport: str = "udp"
    name: str | None = None

    @property
    def address(self) -> Address:
        return self.host, self.port

    @property
    def reliable(self) -> bool:
        """Whether the transport repeats what is lost, so that transactions need not (RFC 3261, section 17)."""
        return self.transport != "udp"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.transport}:{host}:{self.port}"


class _Quick(enum.Enum):
    """One whose members are keys of what is looked up in every call: Enum's own hash is made of the name, in Python."""

    __hash__ = object.__hash__


class Direction(_Quick):
    """Who started a call; the value is the APIs' word for it."""

    INCOMING = "incoming"
    OUTGOING = "outgoing"


class Codec(_Quick):
    """An audio codec and its RTP/AVP name (RFC 3551, section 6; RFC 7587)."""

    PCMU = "PCMU"
    PCMA = "PCMA"
    G722 = "G722"
    OPUS = "opus"

    @property
    def payload_type(self) -> int:
        """The static payload type (RFC 3551, table 4); for Opus, which has none, the one that we offer."""
        return _PAYLOAD_TYPES[self]

    @property
    def clock_rate(self) -> int:
        """Of its RTP timestamps, in hertz: 8000, also for G.722, which samples twice as fast."""
        return CLOCK_RATE if self is Codec.OPUS else 8000

    @property
    def rtpmap(self) -> str:
        """As a description names it. Opus always says two channels (RFC 7587, section 7)."""
        return f"{self.value}/{self.clock_rate}{'/2' if self is Codec.OPUS else ''}"


_PAYLOAD_TYPES = {Codec.PCMU: 0, Codec.PCMA: 8, Codec.G722: 9, Codec.OPUS: 111}


class DigitsBy(enum.Enum):
    """How digits are sent; the value is the configuration's word for it.

    C{AUTO}: telephone events where they were agreed, else SIP INFO, else tones.
    """

    AUTO = "auto"
    EVENTS = "rfc4733"
    INFO = "info"
    TONES = "inband"


class ReliablePolicy(enum.Enum):
    """Whether provisional responses are acknowledged (100rel, RFC 3262); the value is the configuration's word for it.

    C{SUPPORTED}: we say that we can, and do where the far end requires it. C{PREFERRED}: incoming calls are also
    answered so where the caller merely can. C{REQUIRED}: no calls without it, in either direction.
    """

    NO = "no"
    SUPPORTED = "supported"
    PREFERRED = "preferred"
    REQUIRED = "required"


class Scope(_Quick):
    """What an application may be allowed; the value is the configuration's word for it."""

    CALL = "call"
    DTMF = "dtmf"
    EVENTS = "events"
    UI = "ui"
    ACCOUNT = "account"
    AUDIO = "audio"


class MediaDirection(enum.Enum):
    """The direction attribute of a media description, seen from our side (RFC 3264, section 5.1)."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"

    @property
    def sends(self) -> bool:
        return self in (MediaDirection.SENDRECV, MediaDirection.SENDONLY)

    @property
    def receives(self) -> bool:
        return self in (MediaDirection.SENDRECV, MediaDirection.RECVONLY)


@dataclass(frozen=True, slots=True)
class LocalMedia:
    """What one call can receive: its RTP port, its codecs by preference, the telephone-event payload type.

    RTCP uses C{port + 1}. The address that goes into the SDP is the SIP layer's to choose, since it knows the route
    to the peer, unless audio has one of its own: C{public} is where the far end sends then, because nothing else is
    bound, or, with C{public_rtcp}, because a STUN server has seen us there. C{families}: the versions of IP that it
    can use. C{srtp}: whether audio is encrypted. C{ptime_ms}: how long we would like packets to be, and make ours where
    the far end does not mind. C{comfort_noise}: whether the far end may say what its silence sounds like (RFC 3389).
    """

    port: int
    codecs: tuple[Codec, ...] = (Codec.PCMA, Codec.PCMU)
    telephone_event: int = 101
    public: Address | None = None
    public_rtcp: Address | None = None
    families: tuple[int, ...] = (4, 6)
    srtp: SrtpPolicy = SrtpPolicy.OFF
    ptime_ms: int = 20
    comfort_noise: bool = False

    def of_account(self, options: AccountOptions) -> LocalMedia:
        """The same as an account wants it."""
        if not (options.codecs or options.srtp or options.ptime):
            return self
        return replace(
            self,
            codecs=options.codecs or self.codecs,
            srtp=options.srtp or self.srtp,
            ptime_ms=options.ptime or self.ptime_ms,
        )

    def seen_as(self, other: LocalMedia) -> LocalMedia:
        """The same, reached where C{other} is: on another network a STUN server sees it elsewhere, or not at all."""
        return replace(self, public=other.public, public_rtcp=other.public_rtcp)

    def reached_at(self, host: str) -> tuple[Address, Address | None]:
        """Where a far end that reaches our SIP at C{host} sends RTP; and RTCP, if not to the next port."""
        if self.public is None or (":" in host) != (":" in self.public[0]):
            return (host, self.port), None
        usual = self.public[0], self.public[1] + 1
        return self.public, None if self.public_rtcp in (None, usual) else self.public_rtcp


@dataclass(frozen=True, slots=True)
class MediaAgreement:
    """What offer and answer agreed on (RFC 3264): where to send, and what.

    C{payload_type} is what we send; C{receive_payload_type} is what the peer sends for the same codec.
    C{telephone_event} (RFC 4733) and C{receive_telephone_event} are None where not negotiated; C{event_rate} is the
    clock of both. C{opus} is what the peer would like to receive, where that is the codec.
    C{rtcp} is where RTCP goes (the RTP port plus one unless a=rtcp says otherwise, RFC 3605). C{srtp} are the keys
    that protect both; None is in clear.
    """

    remote: Address
    codec: Codec
    payload_type: int
    receive_payload_type: int
    direction: MediaDirection = MediaDirection.SENDRECV
    telephone_event: int | None = None
    receive_telephone_event: int | None = None
    ptime_ms: int = 20
    rtcp: Address | None = None
    srtp: SrtpKeys | None = None
    event_rate: int = 8000
    opus: OpusWishes | None = None


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a call or a registration ended: a SIP status (0 where there is none) and its reason in words."""

    status: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AccountOptions:
    """How one account behaves. Where something is None, what the daemon's C{[sip]} and C{[media]} say holds for it.

    Every field is also a key of C{[account NAME]} (L{neon.sections.Account}).
    C{max_calls}: further incoming calls of this account are busy. C{mwi}: ask the registrar for waiting messages
    (RFC 3842). C{blf}: the extensions whose state is watched (RFC 4235), each a number of the domain or a SIP URI.
    C{hold_music}: what those who wait hear, a WAV file's name within the directory for sounds, or an absolute path.
    C{ptime}: milliseconds of audio in a packet.
    C{record}: every call is recorded from its answer on. C{srtp}: whether audio is encrypted. C{session_expires} and
    C{min_se}: the session timer that is asked for, and the shortest that is granted, in seconds (RFC 4028).
    """

    codecs: tuple[Codec, ...] | None = None
    dtmf: DigitsBy | None = None
    reject_status: int | None = None
    max_calls: int | None = None
    mwi: bool = False
    blf: tuple[str, ...] = ()
    record: bool | None = None
    srtp: SrtpPolicy | None = None
    hold_music: str | None = None
    ptime: int | None = None
    reliable_responses: ReliablePolicy | None = None
    session_expires: int | None = None
    min_se: int | None = None


NO_OPTIONS: Final = AccountOptions()


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """Everything needed to register one SIP account.

    C{port} None means that the port comes from DNS (RFC 3263) or is 5060. C{expires} is the lifetime, in
    seconds, that we ask the registrar for. C{proxy} is the outbound proxy, C{host} or C{host:port}. C{name} is what
    the configuration calls the account, None for one that an application registered. C{rules}: what becomes of calls
    to it, unless a command has said otherwise.
    """

    domain: str
    number: str
    password: str = field(repr=False)
    port: int | None = None
    transport: str = "udp"
    auth_user: str | None = None
    display_name: str | None = None
    proxy: str | None = None
    expires: int = 600
    name: str | None = None
    options: AccountOptions = AccountOptions()
    rules: IncomingRules = NO_RULES

    @property
    def uri(self) -> str:
        """The address of record, a bare SIP URI."""
        port = f":{self.port}" if self.port not in (None, 5060) else ""
        return f"sip:{self.number}@{self.domain}{port}"


class CallState(enum.Enum):
    """The states of a call, in RFC 3261 and RFC 4235 words."""

    TRYING = "trying"
    EARLY = "early"
    CONFIRMED = "confirmed"
    RELEASING = "releasing"
    TERMINATED = "terminated"


class RecordingState(enum.Enum):
    """How the recording of a call stands; the value is the APIs' word for it."""

    STARTED = "started"
    PAUSED = "paused"
    RESUMED = "resumed"
    STOPPED = "stopped"
    FAILED = "failed"


class PlayEnd(enum.Enum):
    """How the playing of a file into a call ended; the value is the APIs' word for it."""

    ENDED = "ended"
    STOPPED = "stopped"
    REPLACED = "replaced"
    CALL_ENDED = "call-ended"


class AudioSide(enum.Enum):
    """A side of a call, as whoever opened its audio has it; the value is the APIs' word for it."""

    HEARD = "heard"
    SPOKEN = "spoken"


class MediaProblem(enum.Enum):
    """What can be wrong with the sound of a call that is up; the value is the APIs' word for it.

    C{NO_AUDIO}: nothing arrives. C{ONE_WAY}: nothing arrives, and the far end reports that it hears us.
    """

    NO_AUDIO = "no-audio"
    ONE_WAY = "one-way"
    HIGH_LOSS = "high-loss"
    SILENT_MICROPHONE = "silent-microphone"
    DEVICE_GONE = "device-gone"


class RegistrationState(enum.Enum):
    """Where the registration of an account stands."""

    UNREGISTERED = "unregistered"
    REGISTERING = "registering"
    REGISTERED = "registered"
    RETRYING = "retrying"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class CallSnapshot:
    """A call as it is at one moment. Times are seconds of the monotonic clock, None where not reached.

    C{held}: the far end waits for us; C{held_remotely}: we wait for it. C{muted}: it hears nothing of us. C{encrypted}:
    nobody on the way hears it. C{volume}: the percent of its amplitude at which it is heard here. C{conference}: its
    far end is of the conference.
    """

    call_id: int
    connection_id: int
    direction: Direction
    state: CallState
    caller: str
    callee: str
    display_name: str | None
    answered_at: float | None
    held: bool = False
    held_remotely: bool = False
    muted: bool = False
    encrypted: bool = False
    volume: int = 100
    conference: bool = False


@dataclass(frozen=True, slots=True)
class AccountSnapshot:
    """An account as it is at one moment."""

    connection_id: int
    uri: str
    display_name: str | None
    state: RegistrationState
    name: str | None = None
    options: AccountOptions = AccountOptions()


@dataclass(frozen=True, slots=True)
class MediaStatistics:
    """What a stream counted (RFC 3550, section 6.4): packets, octets, loss, jitter in ms, round trip in ms.

    The energies are sums of squared 16-bit samples, of what was given to the codec and of what the buffer played.
    C{srtp_failures}: packets that were not authentic, repeated, or in clear where they must not be. C{packets_late}
    came too late to be played, C{gaps} are runs of what was missing when it was to be played. C{packets_recovered} are
    those of the lost that were heard all the same, by in-band FEC (Opus). C{playout_delay_ms}: how long the jitter
    buffer has packets wait for those that are late, just now.
    """

    packets_sent: int = 0
    octets_sent: int = 0
    packets_received: int = 0
    octets_received: int = 0
    packets_lost: int = 0
    packets_discarded: int = 0
    frames_concealed: int = 0
    jitter_ms: float = 0.0
    round_trip_ms: float | None = None
    remote_packets_lost: int | None = None
    remote_jitter_ms: float | None = None
    sent_energy: int = 0
    sent_samples: int = 0
    heard_energy: int = 0
    heard_samples: int = 0
    srtp_failures: int = 0
    packets_late: int = 0
    gaps: int = 0
    packets_recovered: int = 0
    playout_delay_ms: float = 0.0
