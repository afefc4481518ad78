"""Session descriptions as we write them: short, and in the order that phones expect (RFC 8866, RFC 3264)."""

from __future__ import annotations

from collections.abc import Iterable

from neon.sip import formats, packettime, sdp
from neon.sip.crypto import CryptoLine
from neon.sip.formats import Events
from neon.values import Address, Codec, MediaDirection


def audio(
    port: int,
    direction: MediaDirection,
    codecs: tuple[tuple[Codec, int], ...],
    events: Iterable[Events],
    *,
    plain: bool = False,
    rtcp: Address | None = None,
    protocol: str = sdp.PLAIN,
    crypto: tuple[CryptoLine, ...] = (),
    ptime_ms: int = packettime.USUAL,
    comfort_noise: bool = False,
) -> list[str]:
    """The m= section for our stream; a C{plain} one says nothing that goes without saying.

    C{rtcp}: where RTCP is to go, if not to the next port (RFC 3605).
    """
    payloads = [str(payload) for _, payload in codecs]
    lines = [line for codec, payload in codecs for line in formats.lines_of(codec, payload)]
    if comfort_noise and not plain:
        payloads.append(sdp.COMFORT_NOISE)
        lines.append(f"a=rtpmap:{sdp.COMFORT_NOISE} CN/{formats.CLOCK_RATE}")
    for event in events:
        payloads.append(str(event.payload))
        lines += event.lines
    lines += map(str, crypto)
    if rtcp is not None:
        lines.append(f"a=rtcp:{rtcp[1]} IN {_version(rtcp[0])} {rtcp[0]}")
    if not plain:
        lines += packettime.lines(ptime_ms)
    if not plain or direction is not MediaDirection.SENDRECV:
        lines.append(f"a={direction.value}")
    return [f"m=audio {port} {protocol} {' '.join(payloads)}", *lines]


def refused(media: sdp.Media) -> list[str]:
    """The m= section that declines one of theirs (RFC 3264, section 6)."""
    return [f"m={media.kind} 0 {media.protocol} {' '.join(media.formats)}"]


def _version(host: str) -> str:
    return "IP6" if ":" in host else "IP4"


def description(host: str, session: int, version: int, time: str, sections: list[str]) -> str:
    """A whole description around the m= sections; C{host} is our numeric address."""
    address = f"IN {_version(host)} {host}"
    head = ["v=0", f"o=- {session} {version} {address}", "s=-", f"c={address}", f"t={time}"]
    return "\r\n".join([*head, *sections, ""])
