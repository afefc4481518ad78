"""Sound devices as everybody but the media side sees them: which there are, which are used, and how to change that."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any, Final, Protocol

from twisted.internet.defer import Deferred

DEFAULT: Final = "default"
"""Instead of a device's id: whichever one the sound server, or else ALSA, calls the default."""


class DeviceKind(enum.Enum):
    """What a device is used for."""

    MICROPHONE = "microphone"
    SPEAKER = "speaker"
    RING = "ring"


class EchoState(enum.Enum):
    """How a call's echo is cancelled: it is, that is switched off or there is none, or it cannot be had."""

    ON = "on"
    OFF = "off"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class SoundDevice:
    """A microphone or a loudspeaker. C{id} is its stable name at the sound server, C{name} is for people."""

    id: str
    name: str
    default: bool = False

    def data(self) -> dict[str, Any]:
        """As the APIs spell it."""
        return {"id": self.id, "name": self.name, "default": self.default}


@dataclass(frozen=True, slots=True)
class SoundDevices:
    """The devices there are now, and what was chosen by kind: an id, which need not be there now, or L{DEFAULT}.

    A kind that does not use a sound card, by the configuration, is not in C{chosen}.
    """

    microphones: tuple[SoundDevice, ...] = ()
    speakers: tuple[SoundDevice, ...] = ()
    chosen: tuple[tuple[DeviceKind, str], ...] = ()

    def of(self, kind: DeviceKind) -> tuple[SoundDevice, ...]:
        """Those that can be chosen for something."""
        return self.microphones if kind is DeviceKind.MICROPHONE else self.speakers

    def data(self) -> dict[str, Any]:
        """As the APIs spell it."""
        return {
            "microphones": [device.data() for device in self.microphones],
            "speakers": [device.data() for device in self.speakers],
            "chosen": {kind.value: id for kind, id in self.chosen},
            "available": bool(self.microphones or self.speakers),
        }


@dataclass(frozen=True, slots=True)
class Levels:
    """How loud it is right now, in dB below full scale (RMS; -100 is digital silence); None: that side is not open."""

    microphone: float | None
    speaker: float | None

    def data(self) -> dict[str, Any]:
        """As the APIs spell it, with the open sides only."""
        sides = {"microphone": self.microphone, "speaker": self.speaker}
        return {side: round(level, 1) for side, level in sides.items() if level is not None}


class Verdict(enum.Enum):
    """What a test of microphone and loudspeaker came to."""

    HEARD = "heard"
    """The microphone heard the tone from the loudspeaker."""
    NOT_HEARD = "not-heard"
    """It hears something, but not the tone: a headset, or a loudspeaker that is turned down."""
    SILENT_MICROPHONE = "silent-microphone"
    NO_MICROPHONE = "no-microphone"
    NO_SPEAKER = "no-speaker"
    NO_DEVICE = "no-device"


@dataclass(frozen=True, slots=True)
class AudioTest:
    """A verdict, with levels in dB below full scale where something was measured.

    C{level} and C{peak} are the microphone's while somebody could speak, C{heard} is the tone's level there.
    C{problem} is what the sound system said.
    """

    verdict: Verdict
    level: float | None = None
    peak: float | None = None
    heard: float | None = None
    problem: str = ""


class Sound(Protocol):
    """The sound devices, as commands see them."""

    def devices(self) -> Deferred[SoundDevices]:
        """Which there are now."""

    def choose(self, kind: DeviceKind, id: str) -> Deferred[SoundDevices]:
        """Use another from now on, also in calls that are up.

        Fails with L{neon.errors.InvalidArgument} where there is no such device or this kind uses none.
        """

    def watch_levels(self, who: str, on: bool) -> None:
        """Somebody wants to see how loud it is, for some minutes or until told otherwise."""

    def test(self, seconds: int) -> Deferred[tuple[AudioTest, str]]:
        """Try microphone and loudspeaker for that long; fires with what came of it, and a sentence for the user.

        Fails with L{neon.errors.InvalidArgument} while there are calls or another test.
        """

    def echo_of(self, call_id: int) -> EchoState:
        """How the echo of a call is cancelled."""
