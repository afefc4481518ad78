"""The sections of the configuration, as frozen dataclasses: the schema that L{neon.config} fills.

A field's name is its key (with C{-} for C{_}), its metadata the parser of its text. C{etc/neon.conf} explains every
key to people; a test keeps the two together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from neon import brandvalues, headers, parsing
from neon.details import ReferPolicy
from neon.inifile import Place, Setting
from neon.passwords import PasswordHash
from neon.srtp import SrtpPolicy
from neon.values import AccountSettings, Address, Codec, DigitsBy, ReliablePolicy, Scope

T = TypeVar("T")


def key(default: T, parse: Callable[[str], T] | None, *, secret: bool = False) -> T:
    """A setting. Without a parser it stays a L{Setting}: its text is for a part further up, which knows its place then.

    A secret does not show in a repr, and a file with one should be private.
    """
    value: T = field(default=default, repr=not secret, metadata={"parse": parse, "secret": secret})
    return value


BUILT_IN = Place("built-in default", 0)


@dataclass(frozen=True, slots=True)
class Sip:
    """C{[sip]}"""

    bind: tuple[str, ...] = key((parsing.EVERYWHERE,), parsing.address_per_family)
    port: int = key(5060, parsing.whole_number(0, 65535))
    listen_tcp: bool = key(False, parsing.boolean)
    tls_port: int = key(0, parsing.whole_number(0, 65535))
    tls_ca_file: str | None = key(None, parsing.path_or_none)
    tls_certificate: str | None = key(None, parsing.path_or_none)
    tls_key: str | None = key(None, parsing.path_or_none)
    largest_datagram: int = key(1300, parsing.whole_number(0, 65535))
    compact_headers: bool = key(False, parsing.boolean)
    keep_alive: str = key("crlf", parsing.choice("crlf", "stun", "options", "off"))
    keep_alive_seconds: int = key(25, parsing.whole_number(5, 600))
    name_servers: tuple[Address, ...] = key((), parsing.name_servers)
    direct_calls: bool = key(False, parsing.boolean)
    max_calls: int = key(4, parsing.whole_number(1, 1000))
    reject_status: int = key(486, parsing.reject_status)
    call_waiting: bool = key(True, parsing.boolean)
    dnd_status: int = key(480, parsing.dnd_status)
    refer: ReferPolicy = key(ReferPolicy.REFUSE, parsing.refer_policy)  # noqa: RUF009 - it is dataclasses.field()
    headers_in: tuple[str, ...] = key((), headers.names)
    headers_out: tuple[str, ...] = key((), headers.names)
    no_answer_seconds: int = key(180, parsing.whole_number(1, 3600))
    dtmf: DigitsBy = key(DigitsBy.AUTO, parsing.digits_by)  # noqa: RUF009 - it is dataclasses.field()
    reliable_responses: ReliablePolicy = key(ReliablePolicy.SUPPORTED, parsing.reliable_policy)  # noqa: RUF009
    session_expires: int = key(1800, parsing.whole_number(0, 86400))
    min_se: int = key(90, parsing.whole_number(3, 86400))


@dataclass(frozen=True, slots=True)
class Media:
    """C{[media]}; C{capture} and C{playback} are understood by the media side."""

    bind: str = key(parsing.EVERYWHERE, parsing.ip_address_or_all)
    stun: tuple[str, int | None] | None = key(None, parsing.server_or_none)
    ports: range = key(range(16384, 16585), parsing.port_range)
    codecs: tuple[Codec, ...] = key((Codec.OPUS, Codec.PCMA, Codec.PCMU), parsing.codecs)
    srtp: SrtpPolicy = key(SrtpPolicy.OFF, parsing.srtp_policy)  # noqa: RUF009 - it is dataclasses.field()
    capture: Setting = key(Setting("portaudio", BUILT_IN), None)  # noqa: RUF009 - it is dataclasses.field()
    playback: Setting = key(Setting("portaudio", BUILT_IN), None)  # noqa: RUF009
    ptime: int = key(20, parsing.packet_time)
    playout_delay: range = key(range(20, 201), parsing.delay_range)
    comfort_noise: bool = key(True, parsing.boolean)
    ring: Setting = key(Setting("", BUILT_IN), None)  # noqa: RUF009
    ring_sound: str | None = key(None, parsing.path_or_none)
    echo_cancelling: bool = key(True, parsing.boolean)
    noise_suppression: bool = key(True, parsing.boolean)
    gain_control: bool = key(True, parsing.boolean)
    silence_seconds: int = key(30, parsing.whole_number(0, 3600))
    stats_seconds: int = key(5, parsing.whole_number(1, 60))


@dataclass(frozen=True, slots=True)
class Websocket:
    """C{[websocket]}"""

    enabled: bool = key(True, parsing.boolean)
    host: tuple[str, ...] = key(("127.0.0.1", "::1"), parsing.addresses)
    port: int = key(15070, parsing.whole_number(0, 65535))


@dataclass(frozen=True, slots=True)
class Http:
    """C{[http]}"""

    enabled: bool = key(True, parsing.boolean)
    host: tuple[str, ...] = key(("127.0.0.1", "::1"), parsing.addresses)
    port: int = key(15060, parsing.whole_number(0, 65535))
    poll_seconds: int = key(30, parsing.whole_number(1, 300))


@dataclass(frozen=True, slots=True)
class Api:
    """C{[api]}: what the local APIs have in common."""

    token_idle_seconds: int = key(43200, parsing.whole_number(60, 30 * 86400))
    access_file: bool = key(True, parsing.boolean)
    max_connections: int = key(64, parsing.whole_number(1, 10000))
    max_connections_per_origin: int = key(16, parsing.whole_number(1, 10000))
    messages_per_second: int = key(50, parsing.whole_number(0, 100000))
    check_peer_user: bool | None = key(None, parsing.boolean_or_auto)
    audit_log: bool = key(True, parsing.boolean)


@dataclass(frozen=True, slots=True)
class Origins:
    """C{[origins]}: which web pages may use the local APIs."""

    policy: str = key("ask", parsing.choice("ask", "list", "any"))
    allow: tuple[str, ...] = key((), parsing.origins)
    allow_null: bool = key(False, parsing.boolean)
    directory: str = key("/etc/neon/origins.d", parsing.line)
    ask_seconds: int = key(15, parsing.whole_number(0, 15))


@dataclass(frozen=True, slots=True)
class Toll:
    """C{[toll]}: what one application may spend."""

    calls_per_minute: int = key(10, parsing.whole_number(0, 100000))
    calls_at_once: int = key(3, parsing.whole_number(0, 1000))
    deny: tuple[str, ...] = key((), parsing.dial_prefixes)


@dataclass(frozen=True, slots=True)
class Feed:
    """C{[feed]}: the WebSocket of supervisors and agents."""

    enabled: bool = key(False, parsing.boolean)
    name: str = key("", parsing.line)
    host: tuple[str, ...] = key(("127.0.0.1", "::1"), parsing.addresses)
    port: int = key(9000, parsing.whole_number(0, 65535))
    tls: bool = key(True, parsing.boolean)
    tls_host: tuple[str, ...] = key(("127.0.0.1", "::1"), parsing.any_addresses)
    tls_port: int = key(9090, parsing.whole_number(0, 65535))
    certificate: str = key("", parsing.line)
    private_key: str = key("", parsing.line)
    auto_answer: bool = key(True, parsing.boolean)


@dataclass(frozen=True, slots=True)
class Broker:
    """C{[broker]}: the MQTT broker that many desks share."""

    role: str = key("none", parsing.choice("none", "desk", "hub"))
    host: str = key("127.0.0.1", parsing.line)
    port: int = key(0, parsing.whole_number(0, 65535))
    tls: bool = key(True, parsing.boolean)
    ca_file: str = key("", parsing.line)
    user: str = key("", parsing.line)
    password_file: Setting = key(Setting("", BUILT_IN), None)  # noqa: RUF009
    site: str = key("default", parsing.topic_word)
    desk: str = key("", parsing.optional_topic_word)
    keep_alive: int = key(10, parsing.whole_number(3, 3600))
    retry_seconds: int = key(3, parsing.whole_number(1, 3600))


@dataclass(frozen=True, slots=True)
class History:
    """C{[history]}: the call log."""

    enabled: bool = key(True, parsing.boolean)
    keep_days: int = key(365, parsing.whole_number(0, 36500))


@dataclass(frozen=True, slots=True)
class Recording:
    """C{[recording]}: calls in files."""

    always: bool = key(False, parsing.boolean)
    directory: str = key("", parsing.directory)
    name: str = key("%Y-%m-%d_%H-%M-%S_{direction}_{number}_{callid}", parsing.recording_name)
    keep_days: int = key(0, parsing.whole_number(0, 36500))
    keep_megabytes: int = key(0, parsing.whole_number(0, 100_000_000))


@dataclass(frozen=True, slots=True)
class Playing:
    """C{[playing]}: files that are played into calls."""

    directory: str = key("", parsing.directory)


@dataclass(frozen=True, slots=True)
class Tones:
    """C{[tones]}: what the user hears beside calls; C{auto} is the country of the locale, for a sound card only."""

    country: str = key("auto", parsing.choice("auto", "us", "br", "es", "off"))


@dataclass(frozen=True, slots=True)
class Testbed:
    """C{[testbed]}: the embedded SIP service for a first run without a provider."""

    enabled: bool = key(False, parsing.boolean)
    port: int = key(5062, parsing.whole_number(0, 65535))
    operator: bool = key(True, parsing.boolean)
    operator_port: int = key(0, parsing.whole_number(0, 65535))
    licence: bool = key(False, parsing.boolean)


@dataclass(frozen=True, slots=True)
class Operators:
    """C{[operators]}: where the files about VoIP operators are (L{neon.operators.settings})."""

    directory: str = key("", parsing.directory)


@dataclass(frozen=True, slots=True)
class Desktop:
    """C{[desktop]}: what NEON does on the desktop of whoever runs it (L{neon.desktop})."""

    enabled: bool = key(True, parsing.boolean)
    language: str = key("auto", parsing.choice("auto", "pt", "es", "en"))
    notifications: bool = key(True, parsing.boolean)
    show_on_call: bool = key(True, parsing.boolean)
    pause_players: bool = key(True, parsing.boolean)
    media_keys: bool = key(True, parsing.boolean)
    keep_awake: bool = key(True, parsing.boolean)
    dial_links: bool = key(False, parsing.boolean)


@dataclass(frozen=True, slots=True)
class Brand:
    """C{[brand]}: how NEON shows itself (L{neon.brand})."""

    name: str = key("NEON", brandvalues.name)
    logo: Setting = key(Setting("", BUILT_IN), None)  # noqa: RUF009
    colour: str = key("", brandvalues.colour)
    accent_colour: str = key("", brandvalues.colour)
    website: str = key("", brandvalues.website)
    support: str = key("", brandvalues.support)


@dataclass(frozen=True, slots=True)
class Application:
    """C{[application NAME]}: a program that may use the APIs; one of the two passwords is set."""

    password: str | None = key(None, parsing.secret, secret=True)
    password_hash: PasswordHash | None = key(None, PasswordHash.parse, secret=True)  # noqa: RUF009
    scopes: frozenset[Scope] = key(frozenset(Scope), parsing.scopes)


@dataclass(frozen=True, slots=True)
class Account:
    """C{[account NAME]}: a SIP account registered from the start."""

    domain: str | None = key(None, parsing.line)
    number: str | None = key(None, parsing.sip_user)
    password: str | None = key(None, parsing.secret, secret=True)
    password_file: str | None = key(None, parsing.line)
    auth_user: str | None = key(None, parsing.line)
    display_name: str | None = key(None, parsing.line)
    proxy: str | None = key(None, parsing.proxy)
    expires: int = key(600, parsing.whole_number(10, 86400))
    transport: str = key("udp", parsing.transport)
    # What becomes of calls to it: neon.details.IncomingRules.
    dnd: bool = key(False, parsing.boolean)
    forward_always: str | None = key(None, parsing.dial_target)
    forward_busy: str | None = key(None, parsing.dial_target)
    forward_no_answer: str | None = key(None, parsing.dial_target)
    forward_seconds: int = key(20, parsing.whole_number(1, 3600))
    auto_answer: tuple[str, ...] = key((), parsing.callers)
    # From here on: the fields of neon.values.AccountOptions.
    codecs: tuple[Codec, ...] | None = key(None, parsing.codecs)
    dtmf: DigitsBy | None = key(None, parsing.digits_by)  # noqa: RUF009
    reject_status: int | None = key(None, parsing.reject_status)
    max_calls: int | None = key(None, parsing.whole_number(1, 1000))
    mwi: bool = key(False, parsing.boolean)
    blf: tuple[str, ...] = key((), parsing.extensions)
    srtp: SrtpPolicy | None = key(None, parsing.srtp_policy)  # noqa: RUF009
    record: bool | None = key(None, parsing.boolean_or_auto)
    hold_music: str | None = key(None, parsing.sound_file)
    ptime: int | None = key(None, parsing.packet_time)
    reliable_responses: ReliablePolicy | None = key(None, parsing.reliable_policy)  # noqa: RUF009
    session_expires: int | None = key(None, parsing.whole_number(0, 86400))
    min_se: int | None = key(None, parsing.whole_number(3, 86400))


@dataclass(frozen=True, slots=True)
class Config:
    """Everything. C{accounts} are complete; C{warnings} are sentences for the log."""

    sip: Sip = Sip()
    media: Media = Media()
    websocket: Websocket = Websocket()
    http: Http = Http()
    api: Api = Api()
    origins: Origins = Origins()
    toll: Toll = Toll()
    feed: Feed = Feed()
    broker: Broker = Broker()
    history: History = History()
    recording: Recording = Recording()
    playing: Playing = Playing()
    tones: Tones = Tones()
    testbed: Testbed = Testbed()
    operators: Operators = Operators()
    desktop: Desktop = Desktop()
    brand: Brand = Brand()
    applications: Mapping[str, Application] = field(default_factory=dict)
    accounts: Mapping[str, AccountSettings] = field(default_factory=dict)
    files: tuple[Path, ...] = ()
    warnings: tuple[str, ...] = ()


SINGLE: Mapping[str, type[Any]] = {
    "sip": Sip,
    "media": Media,
    "websocket": Websocket,
    "http": Http,
    "api": Api,
    "origins": Origins,
    "toll": Toll,
    "feed": Feed,
    "broker": Broker,
    "history": History,
    "recording": Recording,
    "playing": Playing,
    "tones": Tones,
    "testbed": Testbed,
    "operators": Operators,
    "desktop": Desktop,
    "brand": Brand,
}
NAMED: Mapping[str, type[Any]] = {"application": Application, "account": Account}
SECTIONS: Mapping[str, type[Any]] = {**SINGLE, **NAMED}
