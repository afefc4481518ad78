"""What is agreed about Opus: the parameters of its C{a=fmtp} (RFC 7587, section 6.1).

All of them are declarations of the one who writes them, not proposals: each side says what it would like to receive,
and the other may do so. So there is nothing to negotiate, and nothing that could be wrong enough to refuse a call: what
cannot be understood is as if it were not there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

CLOCK_RATE: Final = 48000
"""Of its RTP timestamps, whatever it carries (RFC 7587, section 4.1)."""

FRAMES_MS: Final = (60, 40, 20, 10)
"""Packets that are one frame, of those that are tens of milliseconds."""

_LEAST_BITRATE, _MOST_BITRATE = 6_000, 510_000
_RATES = (8_000, 12_000, 16_000, 24_000, 48_000)
_SPEECH = {8_000: 20_000, 12_000: 24_000}
_WIDE_SPEECH = 28_000
"""Bits a second for speech, with room for a second copy: libopus has none below some 25,000 for wideband."""
_NUMBER = re.compile(r"[0-9]{1,9}\Z")


@dataclass(frozen=True, slots=True)
class OpusWishes:
    """What one side would like to receive.

    C{fec}: each packet may have the one before once more. C{dtx}: nothing need be sent while nobody speaks.
    C{constant}: all packets of one size. C{bitrate}: the most, on average, None if all is the same. C{playback}: the
    highest sampling rate that it can use, in hertz.
    """

    fec: bool = False
    dtx: bool = False
    constant: bool = False
    bitrate: int | None = None
    playback: int = 48_000

    @property
    def speech_bitrate(self) -> int:
        """Bits a second that speech for this receiver is sent with."""
        wanted = _SPEECH.get(self.playback, _WIDE_SPEECH)
        return wanted if self.bitrate is None else min(wanted, self.bitrate)


OURS: Final = OpusWishes(fec=True, playback=16_000)
"""The engine's sound has 16 kHz; what is lost is to be had from the next packet."""


def parse(parameters: str) -> OpusWishes:
    """Read the parameters behind C{a=fmtp:111}, in any order and case; the last of each counts."""
    given: dict[str, int] = {}
    for part in parameters.split(";"):
        name, _, value = part.partition("=")
        if _NUMBER.match(value.strip()):
            given[name.strip().lower()] = int(value)
    bitrate = given.get("maxaveragebitrate")
    playback = given.get("maxplaybackrate", _RATES[-1])
    return OpusWishes(
        fec=given.get("useinbandfec") == 1,
        dtx=given.get("usedtx") == 1,
        constant=given.get("cbr") == 1,
        bitrate=None if bitrate is None else min(max(bitrate, _LEAST_BITRATE), _MOST_BITRATE),
        # What lies between two rates can use no more than the lower one.
        playback=max((rate for rate in _RATES if rate <= playback), default=_RATES[0]),
    )


def write(wishes: OpusWishes) -> str:
    """The parameters that say so.

    C{stereo=0}, C{sprop-stereo=0} and the like go without saying: an INVITE has to fit into a datagram.
    """
    parts = [f"maxplaybackrate={wishes.playback}"]
    if wishes.bitrate is not None:
        parts.append(f"maxaveragebitrate={wishes.bitrate}")
    parts += [
        f"{name}=1"
        for name, on in (("useinbandfec", wishes.fec), ("usedtx", wishes.dtx), ("cbr", wishes.constant))
        if on
    ]
    return ";".join(parts)


def packet_time(wanted_ms: int) -> int:
    """The longest packet that is one frame and not longer than wanted."""
    return next((frame for frame in FRAMES_MS if frame <= wanted_ms), FRAMES_MS[-1])
