"""The audio of calls for programs: what the far end says is sent to whoever opened it, and what that sends is said.

Nobody waits for anybody: a program that does not read loses old audio, one that sends too much loses what it sent
last, and is told of either.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from twisted.logger import Logger

from neon.audioframes import AudioFrame, BadFrame
from neon.bus import Published
from neon.errors import InvalidArgument
from neon.events import AudioLost, CallFinalized
from neon.phone import Phone
from neon.ports import Clock, Timer
from neon.soundports import AudioEnds, AudioReader, CallLines
from neon.values import AudioSide, CallState

FRAME_SECONDS: Final = 0.02
TELL_SECONDS: Final = 1.0
"""How often what was lost is told at most."""


@dataclass(eq=False, slots=True)
class _Open:
    """The audio of one call, open; implements L{neon.soundports.AudioSpeaker}. Losses are in samples, not yet told."""

    owner: CallAudio
    call_id: int
    connection_id: int
    reader: AudioReader
    ends: AudioEnds
    rate: int
    sequence: int = 0
    timestamp: int = 0
    known_lost: int = 0
    lost: dict[AudioSide, int] = field(default_factory=dict)
    told_at: float = -TELL_SECONDS

    def say(self, frame: AudioFrame) -> None:
        if frame.rate != self.rate:
            raise BadFrame(f"the audio of call {self.call_id} was opened with {self.rate} Hz, not {frame.rate}")
        if frame.forget:
            self.ends.forget()
        self._lose(AudioSide.SPOKEN, self.ends.write(frame.samples))

    def leave(self) -> None:
        self.owner.end(self)

    def hear(self) -> None:
        """Hand on what was heard."""
        count = round(self.rate * FRAME_SECONDS)
        while samples := self.ends.read(count):
            missed = self.ends.heard_lost - self.known_lost
            self.known_lost += missed
            self.timestamp += missed
            waiting_ms = self.ends.waiting * 1000 // self.rate
            frame = AudioFrame(self.call_id, samples, self.rate, self.sequence, self.timestamp, waiting_ms)
            self.sequence += 1
            self.timestamp += count
            self._lose(AudioSide.HEARD, missed + self.reader.hears(frame))

    def _lose(self, side: AudioSide, samples: int) -> None:
        if samples:
            self.lost[side] = self.lost.get(side, 0) + samples


class CallAudio:
    """The audio of the phone's calls; each has one reader at most."""

    _log = Logger()

    def __init__(self, phone: Phone, lines: CallLines, clock: Clock) -> None:
        self._phone = phone
        self._lines = lines
        self._clock = clock
        self._open: dict[int, _Open] = {}
        self._timer: Timer | None = None
        phone.bus.subscribe(self._happened, CallFinalized)

    def is_open(self, call_id: int) -> bool:
        """Whether a program hears this call."""
        return call_id in self._open

    def open(self, call_id: int, reader: AudioReader | None, rate: int, *, mix: bool = False) -> None:
        """Have C{reader} hear a call that is up, and speak in it in place of the microphone, or beside it (C{mix}).

        @raise InvalidArgument: there is no such call, somebody has its audio already, or C{reader} is None.
        """
        if reader is None:
            raise InvalidArgument("audio goes over the WebSocket API only")
        call = next((call for call in self._phone.calls() if call.call_id == call_id), None)
        if call is None:
            raise InvalidArgument(f"there is no call {call_id}, or it has ended")
        if call.state is not CallState.CONFIRMED:
            raise InvalidArgument(f"call {call_id} is not up: only the audio of a call that was answered can be opened")
        if call_id in self._open:
            raise InvalidArgument(f"the audio of call {call_id} is open already")
        ends = self._lines.open(call_id, rate, mix=mix)
        if ends is None:
            raise InvalidArgument(f"call {call_id} has no audio")
        opened = self._open[call_id] = _Open(self, call_id, call.connection_id, reader, ends, rate)
        reader.opened(call_id, opened)
        self._log.info("the audio of call {call_id} is open to {reader}", call_id=call_id, reader=reader.key)
        self._schedule()

    def close(self, call_id: int, reader: AudioReader | None) -> None:
        """Let the microphone be heard again.

        @raise InvalidArgument: the audio of no such call is open to C{reader}.
        """
        opened = self._open.get(call_id)
        if opened is None or opened.reader is not reader:
            raise InvalidArgument(f"the audio of call {call_id} is not open here")
        self.end(opened)

    def end(self, opened: _Open) -> None:
        """The end of what was opened, however it came about."""
        if self._open.get(opened.call_id) is not opened:
            return
        del self._open[opened.call_id]
        self._lines.close(opened.call_id)
        opened.reader.closed(opened.call_id)
        if not self._open and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _schedule(self) -> None:
        if self._timer is None and self._open:
            self._timer = self._clock.callLater(FRAME_SECONDS, self._tick)

    def _tick(self) -> None:
        self._timer = None
        for opened in tuple(self._open.values()):
            if not opened.reader.allowed:  # its token is dead
                self.end(opened)
                continue
            try:
                opened.hear()
                self._tell(opened)
            except Exception:
                self._log.failure("the audio of call {call_id} broke", call_id=opened.call_id)
                self.end(opened)
        self._schedule()

    def _tell(self, opened: _Open) -> None:
        if not opened.lost or self._clock.seconds() - opened.told_at < TELL_SECONDS:
            return
        opened.told_at = self._clock.seconds()
        for side, samples in opened.lost.items():
            milliseconds = max(1, samples * 1000 // opened.rate)
            event = AudioLost(opened.call_id, opened.connection_id, side, milliseconds, opened.reader.key)
            self._phone.bus.publish(event, keep=False)
            self._log.warn(
                "call {call_id}: {ms} ms of {side} audio are lost", call_id=opened.call_id, ms=milliseconds,
                side=side.value,
            )
        opened.lost.clear()

    def _happened(self, published: Published) -> None:
        event = published.event
        if isinstance(event, CallFinalized) and (opened := self._open.get(event.call_id)) is not None:
            self.end(opened)
