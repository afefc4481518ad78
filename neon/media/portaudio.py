"""The sound card worker: a process of its own between PortAudio and the engine's native thread.

Started by L{neon.media.soundcard} as C{python -m neon.media.portaudio}. It is the only importer of pyaudio,
because PortAudio may print, hang or die with the sound server, and none of that may happen to the daemon.

Wire contract:

    stdin       one line, a JSON object: open the device now. "capture" and "playback" name the sides that are
                wanted, "" is the default device. End of file: the daemon is done with this worker; exit 0.
    --fd N      a SOCK_SEQPACKET socket to the engine; a message is a frame of 320 little-endian 16-bit samples
                at 16 kHz, captured ones going out, those to be played coming in. Frames that find the socket
                full are lost; of those that wait too long here the oldest are. Messages of two octets go out
                as well: how much the card has left to play (L{neon.media.cardfill}).
    stdout      one line "open" when the device works, or one line that says why it does not; behind "open" a line
                "half: " with the reason, if one of two sides cannot be had.
    exit code   the constants below.

A worker opens its device once. It never closes it: closing is what hangs in PortAudio when a sound server
has died, while the end of a process always works.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import fcntl
import json
import os
import select
import signal
import socket
import sys
import termios
import threading
import time
from collections.abc import Callable
from typing import Any, Final, NoReturn

import pyaudio

from neon.media.cardfill import CardFill
from neon.media.cardrate import CARD_RATE, TIMES, Converted, Frames, is_refused_rate

RATE: Final = 16000
SAMPLES: Final = 320
FRAME: Final = SAMPLES * 2

EXIT_DONE: Final = 0
EXIT_NO_DEVICE: Final = 3
"""The device could not be opened."""
EXIT_DEVICE_LOST: Final = 4
"""The device worked, and then failed."""
EXIT_DEVICE_STUCK: Final = 5
"""The device worked, and then neither took nor gave a frame for L{STUCK_AFTER} seconds."""

STUCK_AFTER: Final = 5.0
_CUSHION: Final = 2
"""Frames of silence played first: what the playback may then lag behind the engine without a gap."""
_MOST_WAITING: Final = 6
"""Frames waiting to be played; with more the sound card's clock is slower than ours, and some are dropped."""

_LONGEST_WORD: Final = 8192
_PR_SET_PDEATHSIG: Final = 1


class Progress:
    """When one side of the device last began to wait for it, and None while it does not. One writer each."""

    def __init__(self) -> None:
        self.waiting_since: float | None = None

    def stuck(self, now: float) -> bool:
        since = self.waiting_since
        return since is not None and now - since > STUCK_AFTER


IDENTITY: Final = {
    "PULSE_PROP_OVERRIDE": "application.name=NEON",
    "PULSE_PROP_media.role": "phone",
    "PIPEWIRE_PROPS": '{ application.name = "NEON", media.role = "Communication" }',
}
"""What the sound servers' client libraries read of who we are."""


def environment(side: str, name: str) -> dict[str, str]:
    """What the libraries read when the C{Input} or C{Output} is opened: the device that is meant, "" the default one.

    PipeWire's has one variable for both directions, so each side is told just before it is opened.
    """
    return {{"Input": "PULSE_SOURCE", "Output": "PULSE_SINK"}[side]: name, "PIPEWIRE_NODE": name}


class Device:
    """The wanted sides of the sound card as PortAudio knows it."""

    def __init__(self) -> None:
        self._audio: pyaudio.PyAudio | None = None
        self.input: Frames | None = None
        self.output: Frames | None = None
        self.fill: CardFill | None = None
        """Of the output."""

    def prepare(self) -> None:
        """Do beforehand what takes long: start PortAudio, which looks at every device (40-300 ms).

        A list without any, because the sound server is not up yet, is thrown away: PortAudio makes it only once.
        """
        with contextlib.suppress(OSError):
            self._audio = pyaudio.PyAudio()
            if not self._audio.get_device_count():
                self._forget()

    def open(self, capture: str | None, playback: str | None) -> str | None:
        """Open the sides, blocking and half-duplex; returns why one of two cannot be had, if so.

        C{capture} and C{playback}: a device's name, "" for the default device, None for not wanted.

        @raise OSError: there is no such device, or it refuses; of two, neither can be had.
        """
        problems = []
        if playback is not None:
            try:
                self.output = self._open("Output", playback)
                self.fill = CardFill(self.output)
                self.output.write(bytes(FRAME * _CUSHION), exception_on_underflow=False)
            except OSError as error:
                self.output = None
                problems.append(f"the loudspeaker cannot be opened: {error}")
        if capture is not None:
            try:
                self.input = self._open("Input", capture)
            except OSError as error:
                problems.append(f"the microphone cannot be opened: {error}")
        if problems and self.input is None and self.output is None:
            raise OSError("; ".join(problems))
        return problems[0] if problems else None

    def names(self, side: str) -> list[str]:
        """The devices with an C{Input} or C{Output}, by PortAudio's names.

        @raise OSError: PortAudio does not start.
        """
        audio = self._started()
        every = (audio.get_device_info_by_index(index) for index in range(audio.get_device_count()))
        return [str(info["name"]) for info in every if info[f"max{side}Channels"]]

    def _open(self, side: str, name: str) -> Frames:
        for variable, value in environment(side, name).items():
            if value:
                os.environ[variable] = value
            else:
                os.environ.pop(variable, None)
        try:
            return self._open_now(side, name)
        except OSError:
            if self.input is not None or self.output is not None:
                raise
            self._forget()  # the list may be from a time before the sound server
            return self._open_now(side, name)

    def _open_now(self, side: str, name: str) -> Frames:
        audio = self._started()
        direction = side.lower()
        wanted: dict[str, Any] = {direction: True, f"{direction}_device_index": self._index(side, name)}
        try:
            return audio.open(RATE, 1, pyaudio.paInt16, frames_per_buffer=SAMPLES, **wanted)
        except OSError as error:
            if not is_refused_rate(error):
                raise
        return Converted(audio.open(CARD_RATE, 1, pyaudio.paInt16, frames_per_buffer=TIMES * SAMPLES, **wanted))

    def _started(self) -> pyaudio.PyAudio:
        if self._audio is None:
            self._audio = pyaudio.PyAudio()
        return self._audio

    def _forget(self) -> None:
        if self._audio is not None:
            self._audio.terminate()
            self._audio = None

    def _index(self, side: str, name: str) -> int:
        """The PortAudio device of that name, else the default one: the name then is the sound server's."""
        assert self._audio is not None
        if name:
            for index in range(self._audio.get_device_count()):
                info = self._audio.get_device_info_by_index(index)
                if name in str(info["name"]) and info[f"max{side}Channels"]:
                    return index
        host = self._audio.get_default_host_api_info()
        index = int(host[f"default{side}Device"])
        if index < 0:
            raise OSError(f"there is no default {side.lower()} device")
        return index


def capture(stream: Frames, link: socket.socket, progress: Progress) -> None:
    """From the microphone to the engine, until one of them fails."""
    while True:
        progress.waiting_since = time.monotonic()
        frame = stream.read(SAMPLES, exception_on_overflow=False)
        progress.waiting_since = None
        with contextlib.suppress(BlockingIOError):  # nobody listens just now: old sound is worth nothing
            link.send(frame, socket.MSG_DONTWAIT)


def playback(stream: Frames, fill: CardFill, link: socket.socket, progress: Progress) -> None:
    """From the engine to the loudspeaker, until one of them fails."""
    waiting = bytearray(4)
    while frame := link.recv(FRAME):
        fcntl.ioctl(link, termios.FIONREAD, waiting)
        frames = int.from_bytes(waiting, sys.byteorder) // FRAME
        if frames > _MOST_WAITING:
            for _ in range(frames - _CUSHION):
                frame = link.recv(FRAME)
        progress.waiting_since = time.monotonic()
        fill.look(link)
        stream.write(frame, exception_on_underflow=False)
        progress.waiting_since = None


def guarded(loop: Callable[[], None]) -> None:
    """Run one side; however it ends, so does the process."""
    try:
        loop()
    except ConnectionError:
        leave(EXIT_DONE)
    except OSError as error:
        leave(EXIT_DEVICE_LOST, f"the sound device failed: {error}")
    leave(EXIT_DONE)


def leave(code: int, words: str | None = None) -> NoReturn:
    """End the process at once, without PortAudio's farewell, which may never return."""
    if words is not None:
        say(words)
    os._exit(code)


def say(words: str) -> None:
    """One line for the daemon, which may be gone."""
    with contextlib.suppress(OSError):
        os.write(1, (" ".join(words.split()) + "\n").encode())


def die_with(parent: int) -> None:
    """Have the kernel end this process when the daemon dies, however it dies."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(EXIT_DONE)  # it was faster than we


def settle(parent: int) -> None:
    """Be a child of the daemon: end with it, leave Ctrl-C to it, and print nothing that is not ours."""
    die_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it reaches the whole group; the daemon decides
    quieten()
    os.environ.update(IDENTITY)


def quieten() -> None:
    """Send what ALSA prints to descriptor 2 (150 lines a start) nowhere, but keep Python's own words."""
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    sys.stderr = os.fdopen(kept, "w", buffering=1)


def word() -> dict[str, str] | None:
    """The line that says what to open, None if the daemon is done with us."""
    line = b""
    while not line.endswith(b"\n"):
        data = os.read(0, _LONGEST_WORD)
        if not data or len(line) > _LONGEST_WORD:
            return None
        line += data
    sides: dict[str, str] = json.loads(line)
    return sides


def run(link: socket.socket, device: Device) -> NoReturn:
    """Wait for the word, open, and then watch until there is a reason to end."""
    device.prepare()
    wanted = word()
    if wanted is None:
        leave(EXIT_DONE)
    try:
        half = device.open(wanted.get("capture"), wanted.get("playback"))
    except OSError as error:
        leave(EXIT_NO_DEVICE, f"the sound device cannot be opened: {error}")
    sides: list[Progress] = []
    if device.input is not None:
        stream, progress = device.input, Progress()
        sides.append(progress)
        threading.Thread(target=guarded, args=(lambda: capture(stream, link, progress),), daemon=True).start()
    if device.output is not None and device.fill is not None:
        out, fill, out_progress = device.output, device.fill, Progress()
        sides.append(out_progress)
        threading.Thread(target=guarded, args=(lambda: playback(out, fill, link, out_progress),), daemon=True).start()
    say("open")
    if half is not None:
        say(f"half: {half}")
    while not select.select([0], [], [], 1.0)[0] or os.read(0, 64):
        now = time.monotonic()
        if any(side.stuck(now) for side in sides):
            leave(EXIT_DEVICE_STUCK, f"the sound device stands still for {STUCK_AFTER:g} s")
    leave(EXIT_DONE)


def main(arguments: list[str]) -> NoReturn:
    """The worker process."""
    parser = argparse.ArgumentParser(prog="python -m neon.media.portaudio", description="NEON's sound card worker")
    parser.add_argument("--fd", type=int, required=True)
    parser.add_argument("--parent", type=int, required=True)
    options = parser.parse_args(arguments)
    settle(options.parent)
    link = socket.socket(fileno=options.fd)
    link.setblocking(True)
    run(link, Device())


if __name__ == "__main__":
    main(sys.argv[1:])
