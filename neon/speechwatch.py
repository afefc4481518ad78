"""Whether the far ends of calls speak: looked for only while somebody wants to know."""

from __future__ import annotations

from neon.bus import Published
from neon.events import CallAccepted, SpeechChanged
from neon.phone import Phone
from neon.soundports import CallLines
from neon.values import CallState


class SpeechWatch:
    """Has the media side detect speech in the phone's calls while clients have subscribed to it."""

    def __init__(self, phone: Phone, lines: CallLines) -> None:
        self._phone = phone
        self._lines = lines
        self._bus = phone.bus
        self._on = False
        self._bus.subscribe(self._happened, CallAccepted)
        self._bus.on_wishes.append(self._look)

    def changed(self, call_id: int, speaking: bool) -> None:
        """The media side heard it."""
        call = next((call for call in self._phone.calls() if call.call_id == call_id), None)
        if call is not None and self._on:
            self._bus.publish(SpeechChanged(call_id, call.connection_id, speaking), keep=False)

    def _look(self) -> None:
        on = self._bus.is_wanted(SpeechChanged)
        if on != self._on:
            self._on = on
            for call in self._phone.calls():
                if call.state is CallState.CONFIRMED:
                    self._lines.detect_speech(call.call_id, on)

    def _happened(self, published: Published) -> None:
        event = published.event
        if self._on and isinstance(event, CallAccepted):
            self._lines.detect_speech(event.call_id, True)
