"""Session descriptions for one audio stream: read, and what follows from one (RFC 3264, RFC 8866).

Reading is tolerant (missing rtpmap for static types, bare line feeds, unknown lines) and bounded; it raises
L{SdpError} and nothing else. L{neon.sip.sdpwriting} has what we write, L{neon.sip.negotiation} keeps a dialog's state
over several exchanges.
"""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from neon import opus
from neon.sip import crypto, formats, packettime
from neon.sip.crypto import CryptoLine
from neon.sip.formats import Events
from neon.srtp import SrtpKeys, SrtpPolicy
from neon.values import Address, Codec, MediaAgreement, MediaDirection

LONGEST = 16 * 1024
MOST_LINES = 512
MOST_MEDIA = 16
MOST_FORMATS = 64
PLAIN, SECURE = "RTP/AVP", "RTP/SAVP"
COMFORT_NOISE = "13"
"""The payload type (RFC 3389, section 4)."""

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+\-.^_`{|}~]{1,64}\Z")
_PROTOCOL = re.compile(r"[A-Za-z0-9!#$%&'*+\-.^_`{|}~]{1,32}(?:/[A-Za-z0-9!#$%&'*+\-.^_`{|}~]{1,32}){0,4}\Z")
_PORT = re.compile(r"([0-9]{1,5})(?:/[0-9]{1,3})?\Z")
_PAYLOAD = re.compile(r"[0-9]{1,3}\Z")
_RTPMAP = re.compile(r"([0-9]{1,3})\s+([^\s/]{1,64})/([0-9]{1,6})(?:/([0-9]{1,2}))?\s*\Z")
_FMTP = re.compile(r"([0-9]{1,3})\s+(\S.{0,255})")
_RTCP = re.compile(r"([0-9]{1,5})(?:\s+IN\s+IP[46]\s+(\S{1,64}))?\s*\Z", re.IGNORECASE)
_TIME = re.compile(r"[0-9]{1,12} [0-9]{1,12}\Z")
_LINE_END = re.compile(r"\r\n|\n|\r")
_FAMILIES = {"IP4": 4, "IP6": 6}
_DIRECTIONS = {direction.value: direction for direction in MediaDirection}
_MIRRORED = {MediaDirection.SENDONLY: MediaDirection.RECVONLY, MediaDirection.RECVONLY: MediaDirection.SENDONLY}


class SdpError(Exception):
    """A description that cannot be used; C{str(error)} says why, C{status} is the response it deserves."""

    status: ClassVar[int] = 400


class BadSdp(SdpError):
    """Not a session description at all."""


class NotAcceptable(SdpError):
    """A description of something that we cannot do (RFC 3261, section 21.4.26)."""

    status = 488


@dataclass(frozen=True)
class Media:
    """One m= section. C{host} is the connection address that applies to it, session level included.

    C{crypto} are the a=crypto lines that we can use, C{encrypts} says whether there is any at all.
    """

    kind: str
    port: int
    protocol: str
    formats: tuple[str, ...]
    host: str | None = None
    family: str = "IP4"
    direction: MediaDirection = MediaDirection.SENDRECV
    rtpmap: tuple[tuple[str, str], ...] = ()
    fmtp: tuple[tuple[str, str], ...] = ()
    ptime_ms: int | None = None
    longest_ptime_ms: int | None = None
    rtcp_port: int | None = None
    rtcp_host: str | None = None
    crypto: tuple[CryptoLine, ...] = ()
    encrypts: bool = False

    @property
    def is_audio(self) -> bool:
        return self.kind.lower() == "audio"

    @property
    def is_plain(self) -> bool:
        """Whether it is over RTP/AVP; an answer repeats the words as they were spelt, so those are kept."""
        return self.protocol.upper() == PLAIN

    @property
    def is_secure(self) -> bool:
        """Whether it is over RTP/SAVP (RFC 3711, section 12): encrypted, or not at all."""
        return self.protocol.upper() == SECURE

    def encoding(self, payload: str) -> str | None:
        """The name of a format's encoding in upper case; static types need no rtpmap (RFC 3551, section 6)."""
        for known, name in self.rtpmap:
            if known == payload:
                return name
        return formats.STATIC.get(payload)

    @functools.cached_property
    def codecs(self) -> Mapping[Codec, int]:
        """The codecs that we know, with their payload types, in the description's order."""
        found: dict[Codec, int] = {}
        for payload in self.formats:
            codec = formats.codec_of(self.encoding(payload))
            if codec is not None:
                found.setdefault(codec, int(payload))
        return found

    def events(self, codec: Codec) -> Events | None:
        """The telephone events that go with a codec, None if there are none."""
        return formats.choose_events(self.all_events, codec)

    @functools.cached_property
    def all_events(self) -> Mapping[int, Events]:
        """The telephone events by their clocks."""
        return formats.events_of((payload, self.encoding(payload)) for payload in self.formats)

    @property
    def comfort_noise(self) -> bool:
        """Whether comfort noise (RFC 3389) is among the formats."""
        return COMFORT_NOISE in self.formats and self.encoding(COMFORT_NOISE) == "CN"

    @property
    def opus_wishes(self) -> opus.OpusWishes:
        """What they would like to receive as Opus."""
        payload = str(self.codecs.get(Codec.OPUS))
        return opus.parse(next((text for known, text in self.fmtp if known == payload), ""))


@dataclass(frozen=True, slots=True)
class Description:
    """A session: its t= value, which an answer repeats, and its m= sections in order."""

    media: tuple[Media, ...]
    time: str = "0 0"


@dataclass
class _Section:
    """What is being read: the session level, or one m= section."""

    line: str = ""
    host: str | None = None
    family: str = "IP4"
    direction: MediaDirection | None = None
    rtpmap: dict[str, str] | None = None
    fmtp: dict[str, str] | None = None
    ptime: int | None = None
    longest_ptime: int | None = None
    rtcp: tuple[int, str | None] | None = None
    crypto: list[str] | None = None


@functools.lru_cache(maxsize=1)
def parse(body: str) -> Description:
    """Read a description. An offer is looked at before the call rings, and again when it has its media.

    @raise BadSdp: it is none, or beyond the bounds.
    """
    if len(body) > LONGEST:
        raise BadSdp("the session description is too long")
    lines = _LINE_END.split(body)
    if len(lines) > MOST_LINES:
        raise BadSdp("the session description has too many lines")
    session = current = _Section()
    sections: list[_Section] = []
    time = "0 0"
    for line in lines:
        if not line.strip():
            continue
        if line[1:2] != "=":
            raise BadSdp("a line of the session description is not type=value")
        kind, value = line[0], line[2:].strip()
        if kind == "v" and value != "0":
            raise BadSdp("the session description is of an unknown version")
        if kind == "m":
            if len(sections) == MOST_MEDIA:
                raise BadSdp("the session description has too many media")
            current = _Section(line=value)
            sections.append(current)
        elif kind == "c":
            _read_connection(current, value)
        elif kind == "a":
            _read_attribute(current, value)
        elif kind == "t" and _TIME.match(value):
            time = value
    return Description(tuple(_finish(section, session) for section in sections), time)


def _read_connection(section: _Section, value: str) -> None:
    words = value.split()
    if len(words) != 3 or words[0].upper() != "IN":
        raise BadSdp("a connection line is not well formed")
    section.family = words[1].upper()
    section.host = words[2]


def _read_attribute(section: _Section, value: str) -> None:
    name, _, content = value.partition(":")
    name = name.strip().lower()
    content = content.strip()
    if name in _DIRECTIONS:
        section.direction = _DIRECTIONS[name]
    elif name == "rtpmap":
        match = _RTPMAP.match(content)
        if match is not None:
            known = section.rtpmap = section.rtpmap if section.rtpmap is not None else {}
            if len(known) < MOST_FORMATS:
                known[match[1]] = formats.encoding(match[2], match[3], match[4])
    elif name == "fmtp":
        match = _FMTP.match(content)
        parameters = section.fmtp = section.fmtp if section.fmtp is not None else {}
        if match is not None and len(parameters) < MOST_FORMATS:
            parameters[match[1]] = match[2]
    elif name in ("ptime", "maxptime"):
        number = re.match(r"[0-9]{1,4}", content)
        if number is not None and name == "ptime":
            section.ptime = int(number[0])
        elif number is not None:
            section.longest_ptime = int(number[0])
    elif name == "crypto":
        section.crypto = [*(section.crypto or ()), content][: crypto.MOST_LINES]
    elif name == "rtcp":
        match = _RTCP.match(content)
        if match is not None:
            section.rtcp = int(match[1]), match[2]


def _finish(section: _Section, session: _Section) -> Media:
    words = section.line.split()
    port = _PORT.match(words[1]) if len(words) >= 4 else None
    if port is None or int(port[1]) > 65535 or not _TOKEN.match(words[0]) or not _PROTOCOL.match(words[2]):
        raise BadSdp("a media line is not well formed")
    formats = words[3:]
    if len(formats) > MOST_FORMATS or not all(_TOKEN.match(word) for word in formats):
        raise BadSdp("a media line has unreadable formats, or too many")
    protocol = words[2]
    rtp = protocol.upper().startswith("RTP/")
    if rtp and not all(_PAYLOAD.match(word) and int(word) < 128 for word in formats):
        raise BadSdp("a payload type is not a number below 128")
    own = section.host is not None
    rtcp_port, rtcp_host = section.rtcp or (None, None)
    return Media(
        kind=words[0],
        port=int(port[1]),
        protocol=protocol,
        formats=tuple(formats),
        host=section.host if own else session.host,
        family=section.family if own else session.family,
        direction=section.direction or session.direction or MediaDirection.SENDRECV,
        rtpmap=tuple((section.rtpmap or {}).items()),
        fmtp=tuple((section.fmtp or {}).items()),
        ptime_ms=section.ptime or session.ptime,
        longest_ptime_ms=section.longest_ptime or session.longest_ptime,
        rtcp_port=rtcp_port if rtcp_port else None,
        rtcp_host=rtcp_host,
        crypto=tuple(line for line in map(crypto.parse, section.crypto or ()) if line is not None),
        encrypts=bool(section.crypto),
    )


_BROADCAST: Final = ipaddress.IPv4Address("255.255.255.255")


def remote_address(media: Media) -> tuple[Address, bool]:
    """Where media go, and whether the address is the 0.0.0.0 (or ::) by which old phones hold (RFC 3264, 8.4).

    @raise NotAcceptable: not an address that audio may be sent to.
    """
    if media.host is None:
        raise NotAcceptable("the description has no connection address")
    if media.family not in _FAMILIES:
        raise NotAcceptable("only IPv4 and IPv6 media are supported")
    address = _numeric(media.host)
    if address is None:
        raise NotAcceptable("the connection address is not numeric")
    if address.version != _FAMILIES[media.family]:
        raise NotAcceptable("the connection address is of another family than the line says")
    if address.is_multicast or address == _BROADCAST:
        raise NotAcceptable("the connection address is not one host's")
    if media.port < 1024:
        raise NotAcceptable("the media port is a reserved one")
    return (str(address), media.port), address.is_unspecified


def _rtcp_address(media: Media, remote: Address) -> Address | None:
    """What a=rtcp says (RFC 3605), None where it says nothing that can be used."""
    if media.rtcp_port is None or not 1024 <= media.rtcp_port <= 65535:
        return None
    if media.rtcp_host is None:
        return remote[0], media.rtcp_port
    address = _numeric(media.rtcp_host)
    if address is None or address.is_multicast or address.is_unspecified:
        return None
    return str(address), media.rtcp_port


@functools.lru_cache(maxsize=64)
def _numeric(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """A numeric address; none with a zone, which means nothing beyond the machine that wrote it."""
    try:
        return None if "%" in host else ipaddress.ip_address(host)
    except ValueError:
        return None


def agree(
    media: Media,
    codec: Codec,
    receive_payload_type: int,
    receive_events: Events | None,
    wish: MediaDirection = MediaDirection.SENDRECV,
    srtp: SrtpKeys | None = None,
    ptime_ms: int = packettime.USUAL,
) -> MediaAgreement:
    """What follows from the peer's C{media}, the C{codec} chosen from them, and what we have said ourselves.

    C{receive_events}: ours, of the same clock as theirs. C{srtp}: the keys that were agreed on. C{ptime_ms}: how long
    our packets are if the peer does not mind.

    @raise NotAcceptable: the peer's address cannot be used.
    """
    remote, held = remote_address(media)
    packet_time = packettime.to_send(media.ptime_ms, media.longest_ptime_ms, ptime_ms)
    events = media.events(codec) if receive_events is not None else None
    direction = answering(media.direction, wish)
    if held:
        direction = MediaDirection.RECVONLY if direction.receives else MediaDirection.INACTIVE
    return MediaAgreement(
        remote=remote,
        codec=codec,
        payload_type=media.codecs[codec],
        receive_payload_type=receive_payload_type,
        direction=direction,
        telephone_event=None if events is None else events.payload,
        receive_telephone_event=None if events is None or receive_events is None else receive_events.payload,
        ptime_ms=opus.packet_time(packet_time) if codec is Codec.OPUS else packet_time,
        rtcp=_rtcp_address(media, remote),
        srtp=srtp,
        event_rate=codec.clock_rate if events is None else events.rate,
        opus=media.opus_wishes if codec is Codec.OPUS else None,
    )


def answering(theirs: MediaDirection, wish: MediaDirection) -> MediaDirection:
    """Our direction: what we wish, as far as theirs lets us (RFC 3264, section 6.1)."""
    mirrored = _MIRRORED.get(theirs, theirs)
    sends = wish.sends and mirrored.sends
    receives = wish.receives and mirrored.receives
    if sends:
        return MediaDirection.SENDRECV if receives else MediaDirection.SENDONLY
    return MediaDirection.RECVONLY if receives else MediaDirection.INACTIVE


def find_audio(
    description: Description, codecs: tuple[Codec, ...], srtp: SrtpPolicy = SrtpPolicy.OFF
) -> tuple[int, Codec]:
    """The m= section that can be a call, and the codec for it: the first of ours that it offers.

    Our order decides, not the offer's, so that a preference in the configuration holds in both directions. An
    encrypted section goes before one in clear, the first before the others.

    @raise NotAcceptable: there is none.
    """
    reason = "no audio is offered"
    clear: tuple[int, Codec] | None = None
    for index, media in enumerate(description.media):
        if not media.is_audio or media.port == 0:
            continue
        complaint = _security_complaint(media, srtp)
        offered = [codec for codec in codecs if codec in media.codecs]
        codec = offered[0] if offered else None
        if complaint is not None:
            reason = complaint
        elif codec is None:
            reason = "none of the offered codecs is supported"
        elif encrypted(media, srtp):
            return index, codec
        elif clear is None:
            clear = index, codec
    if clear is not None:
        return clear
    raise NotAcceptable(reason)


def encrypted(media: Media, srtp: SrtpPolicy) -> bool:
    """Whether an offered section would be encrypted by us."""
    return srtp is not SrtpPolicy.OFF and bool(media.crypto)


def _security_complaint(media: Media, srtp: SrtpPolicy) -> str | None:
    """Why the policy does not let us take an offered section; None if it does."""
    if not media.is_plain and (srtp is SrtpPolicy.OFF or not media.is_secure):
        return f"audio over {media.protocol} is not supported"
    if media.crypto or (media.is_plain and srtp is not SrtpPolicy.MANDATORY):
        return None
    if media.encrypts:
        return "none of the offered ways of encryption is supported"
    return NOT_ENCRYPTED


NOT_ENCRYPTED = "audio has to be encrypted here (SRTP), and the other side does not do it"
