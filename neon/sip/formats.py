"""What payload types mean: codecs and telephone events, as they are read and written (RFC 3551, 4733, 7587)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from neon import opus
from neon.values import Codec

CLOCK_RATE: Final = 8000
DYNAMIC: Final = range(96, 128)

STATIC: Final[Mapping[str, str]] = {"0": "PCMU", "8": "PCMA", "9": "G722", "13": "CN"}
"""Those need no rtpmap (RFC 3551, section 6)."""

_CODECS: Final[Mapping[str, Codec]] = {
    "PCMU": Codec.PCMU,
    "PCMA": Codec.PCMA,
    "G722": Codec.G722,
    "OPUS/48000/2": Codec.OPUS,
    # RFC 7587 says /2, whatever is sent; those who leave it out mean the same.
    "OPUS/48000": Codec.OPUS,
}
_EVENTS: Final[Mapping[str, int]] = {"TELEPHONE-EVENT": CLOCK_RATE, "TELEPHONE-EVENT/48000": opus.CLOCK_RATE}
_EVENT_NUMBERS: Final[Mapping[int, int]] = {CLOCK_RATE: 101, opus.CLOCK_RATE: 110}


def encoding(name: str, rate: str, channels: str | None) -> str:
    """An rtpmap as one word, in upper case: of a clock of 8 kHz and one channel only the name."""
    words = [name.upper()]
    if int(rate) != CLOCK_RATE or channels not in (None, "1"):
        words.append(str(int(rate)))
    if channels not in (None, "1"):
        words.append(str(channels))
    return "/".join(words)


def codec_of(name: str | None) -> Codec | None:
    """The codec that an encoding is, None if it is none of ours."""
    return None if name is None else _CODECS.get(name)


@dataclass(frozen=True, slots=True)
class Events:
    """Telephone events (RFC 4733): their payload type, and the clock that durations are told by."""

    payload: int
    rate: int = CLOCK_RATE

    @property
    def lines(self) -> list[str]:
        """As attributes of an m= section. 0-15 is what is meant without an a=fmtp (RFC 4733, section 2.4.1).

        Old telephones want to see it; whoever knows events of 48 kHz is not one.
        """
        rtpmap = f"a=rtpmap:{self.payload} telephone-event/{self.rate}"
        return [rtpmap, f"a=fmtp:{self.payload} 0-15"] if self.rate == CLOCK_RATE else [rtpmap]


def events_of(encodings: Iterable[tuple[str, str | None]]) -> dict[int, Events]:
    """The telephone events among a description's payload types and encodings, by their clocks: the first of each."""
    return {
        _EVENTS[name]: Events(int(payload), _EVENTS[name])
        for payload, name in reversed(list(encodings))
        if name is not None and name in _EVENTS
    }


def choose_events(found: Mapping[int, Events], codec: Codec) -> Events | None:
    """Those that go with a codec.

    They should be of its clock (RFC 4733, section 2.1); but many name those of 8 kHz and mean them for every codec.
    """
    return found.get(codec.clock_rate) or found.get(CLOCK_RATE)


def lines_of(codec: Codec, payload: int) -> list[str]:
    """A codec as attributes of an m= section."""
    lines = [f"a=rtpmap:{payload} {codec.rtpmap}"]
    if codec is Codec.OPUS:
        lines.append(f"a=fmtp:{payload} {opus.write(opus.OURS)}")
    return lines


@dataclass(frozen=True)
class Numbers:
    """The dynamic payload types of one session: what a number has once meant, it means to the end (RFC 3264, 8.3.2)."""

    codecs: Mapping[Codec, int] = field(default_factory=dict)
    events: Mapping[int, int] = field(default_factory=dict)
    taken: frozenset[int] = frozenset()

    def learn(self, codecs: Mapping[Codec, int], events: Mapping[int, Events], formats: Iterable[str]) -> Numbers:
        """The same after an offer of theirs; C{formats} are all of its payload types."""
        dynamic = {codec: payload for codec, payload in codecs.items() if codec.payload_type in DYNAMIC}
        return Numbers(
            {**self.codecs, **dynamic},
            {**self.events, **{rate: event.payload for rate, event in events.items()}},
            self.taken | {int(payload) for payload in formats if payload.isdecimal()},
        )

    def of(self, codecs: Iterable[Codec]) -> Numbers:
        """The same with a number for each of these codecs, and for telephone events of each of their clocks."""
        numbers, events = dict(self.codecs), dict(self.events)
        taken = set(self.taken) | set(numbers.values()) | set(events.values())

        def free(wanted: int) -> int:
            number = next((number for number in (wanted, *DYNAMIC) if number not in taken), wanted)
            taken.add(number)
            return number

        for codec in codecs:
            if codec.payload_type in DYNAMIC and codec not in numbers:
                numbers[codec] = free(codec.payload_type)
            if codec.clock_rate not in events:
                events[codec.clock_rate] = free(_EVENT_NUMBERS[codec.clock_rate])
        return Numbers(numbers, events, self.taken)

    def number(self, codec: Codec) -> int:
        """What a codec has."""
        return self.codecs.get(codec, codec.payload_type)


NO_NUMBERS: Final = Numbers()
