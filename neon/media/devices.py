"""Audio devices as the configuration names them: where a call's sound comes from, and where it goes.

Capture::

    null                    silence
    tone[:HZ[:DBM0]]        a sine, 440 Hz at -16 dBm0 unless said otherwise
    file:PATH[?loop=no]     a WAV file, over and over, or once from the answer and then silence
    portaudio[:NAME]        the microphone, or the one of that name

Playback::

    null                    nowhere
    file:PATH               a WAV file, begun anew by the first call: all calls mixed while there are any;
                            or a file per call if PATH has {call_id} in it
    portaudio[:NAME]        the loudspeaker, or the one of that name

Ringing: C{null} or C{portaudio[:NAME]}.

A PATH may begin with C{~}. A NAME is one of the sound server's (C{pactl list short sinks}) or of PortAudio's.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import TypeAlias

CALL_ID = "{call_id}"


class DeviceError(ValueError):
    """The text names no device; C{str(error)} is a sentence that says why."""


@dataclass(frozen=True, slots=True)
class NullDevice:
    """Silence in, nothing out."""

    def __str__(self) -> str:
        return "null"


@dataclass(frozen=True, slots=True)
class ToneDevice:
    """A sine of C{hz} at C{dbm0}."""

    hz: float = 440.0
    dbm0: float = -16.0

    def __str__(self) -> str:
        return f"tone:{self.hz:g}:{self.dbm0:g}"


@dataclass(frozen=True, slots=True)
class FileCapture:
    """The WAV file at C{path}, played into the call."""

    path: str
    loop: bool = True

    def __str__(self) -> str:
        return f"file:{self.path}" + ("" if self.loop else "?loop=no")


@dataclass(frozen=True, slots=True)
class FilePlayback:
    """What the far ends say, into a WAV file at C{path}."""

    path: str

    @property
    def per_call(self) -> bool:
        """Whether every call has a file of its own."""
        return CALL_ID in self.path

    def path_for(self, call_id: int) -> str:
        """The file of one call, or the one of them all."""
        return self.path.replace(CALL_ID, str(call_id))

    def __str__(self) -> str:
        return f"file:{self.path}"


@dataclass(frozen=True, slots=True)
class PortAudioDevice:
    """A sound card or sound server, by way of PortAudio; C{name} None is the default one."""

    name: str | None = None

    def __str__(self) -> str:
        return "portaudio" if self.name is None else f"portaudio:{self.name}"


CaptureDevice: TypeAlias = NullDevice | ToneDevice | FileCapture | PortAudioDevice
PlaybackDevice: TypeAlias = NullDevice | FilePlayback | PortAudioDevice


def parse_capture(text: str) -> CaptureDevice:
    """The capture device that C{text} names.

    @raise DeviceError: it names none.
    """
    kind, rest = _split(text)
    if kind == "null":
        return _null(rest)
    if kind == "tone":
        return _tone(rest)
    if kind == "file":
        return _file_capture(_given(rest, "file"))
    if kind == "portaudio":
        return PortAudioDevice(_name(rest))
    raise DeviceError(f"{kind!r} is no capture device; there are null, tone, file:PATH and portaudio")


def parse_playback(text: str) -> PlaybackDevice:
    """The playback device that C{text} names.

    @raise DeviceError: it names none.
    """
    kind, rest = _split(text)
    if kind == "null":
        return _null(rest)
    if kind == "file":
        return FilePlayback(_file_playback(_given(rest, "file")))
    if kind == "portaudio":
        return PortAudioDevice(_name(rest))
    if kind == "tone":
        raise DeviceError("a tone can be captured, not played to; playback has null, file:PATH and portaudio")
    raise DeviceError(f"{kind!r} is no playback device; there are null, file:PATH and portaudio")


def parse_ring(text: str) -> PlaybackDevice:
    """The device for ringing that C{text} names.

    @raise DeviceError: it names none.
    """
    device = parse_playback(text)
    if isinstance(device, FilePlayback):
        raise DeviceError("nobody would hear it ring in a file; there are null and portaudio")
    return device


def ring_like(playback: PlaybackDevice) -> PlaybackDevice:
    """The device for ringing where nothing is said of it: the one that calls are heard at, if that is one."""
    return playback if isinstance(playback, PortAudioDevice) else NullDevice()


def _split(text: str) -> tuple[str, str | None]:
    text = text.strip()
    if not text.isprintable():
        raise DeviceError("a device has a control character in its name")
    kind, colon, rest = text.partition(":")
    return kind.strip().lower(), rest.strip() if colon else None


def _null(rest: str | None) -> NullDevice:
    if rest is not None:
        raise DeviceError(f"null takes nothing after it, but there is {rest!r}")
    return NullDevice()


def _tone(rest: str | None) -> ToneDevice:
    if rest is None:
        return ToneDevice()
    parts = rest.split(":")
    if len(parts) > 2:
        raise DeviceError("a tone is tone, tone:HZ or tone:HZ:DBM0")
    # G.711 carries what is below 4,000 Hz, G.722 what is below 8,000; +3.14 dBm0 is the loudest A-law sine.
    hz = _number(parts[0], "frequency of a tone", "Hz", 20, 7800)
    dbm0 = _number(parts[1], "level of a tone", "dBm0", -70, 3.14) if len(parts) == 2 else ToneDevice().dbm0
    return ToneDevice(hz, dbm0)


def _number(text: str, what: str, unit: str, lowest: float, highest: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not lowest <= value <= highest:
        raise DeviceError(f"the {what} is a number of {unit} from {lowest:g} to {highest:g}, not {text!r}")
    return value


def _given(rest: str | None, kind: str) -> str:
    if not rest:
        raise DeviceError(f"{kind} needs a path after it: {kind}:/some/where.wav")
    return rest


def _file_capture(rest: str) -> FileCapture:
    path, question, options = rest.rpartition("?")
    if not question:
        path, options = rest, ""
    loop = True
    for option in options.split("&") if options else []:
        name, _, value = option.partition("=")
        if name != "loop" or value not in ("yes", "no"):
            raise DeviceError(f"a captured file takes ?loop=yes or ?loop=no, not {option!r}")
        loop = value == "yes"
    return FileCapture(_path(path), loop)


def _file_playback(rest: str) -> str:
    path = _path(rest)
    braces = path.replace(CALL_ID, "")
    if "{" in braces or "}" in braces:
        raise DeviceError(f"the only thing in braces that a playback path may have is {CALL_ID}")
    return path


def _path(text: str) -> str:
    path = os.path.expanduser(text)
    if not os.path.basename(path):
        raise DeviceError(f"{text!r} is a directory, not a file")
    return path


def _name(rest: str | None) -> str | None:
    if rest == "":
        raise DeviceError("portaudio: needs a name after the colon, or no colon for the default device")
    return rest
