"""A WebSocket that notices how far its reader is behind, and ends when that is too much (L{neon.api.lag})."""

from __future__ import annotations

from typing import Any, Final

from autobahn.twisted.websocket import WebSocketServerProtocol

from neon.api.lag import Lag
from neon.api.promptness import write_now

TOO_SLOW: Final = 4013
"""The close code for a client that does not read; like 1013, which autobahn does not let an application send."""


class Paced(WebSocketServerProtocol):
    """Call L{keep_pace} once the connection was let in."""

    transport: Any
    factory: Any

    def connectionMade(self) -> None:
        self._lag = Lag(self.transport)
        super().connectionMade()

    def keep_pace(self) -> None:
        """From now on count what is not read."""
        self.transport.registerProducer(self, True)

    @property
    def stalled(self) -> bool:
        """Whether the reader has to read before there is room."""
        return self._lag.stalled

    def caught_up(self) -> None:
        """The reader has read everything."""

    def falls_behind(self) -> None:
        """The reader is too far behind, and the connection is about to be closed."""

    def send_event(self, prepared: Any) -> None:
        """Send what the factory has prepared for many."""
        self.sendPreparedMessage(prepared)
        if self._lag.sent_event():
            self.close_as_too_slow()

    def send_large(self, payload: bytes) -> None:
        """Send a text message of any length, one that a client has asked for by what it is."""
        self._lag.allow(len(payload))
        # Not sendMessage, which takes the limit for messages that arrive as one for those that leave.
        self.sendPreparedMessage(self.factory.prepareMessage(payload))

    def close_as_too_slow(self) -> None:
        """Say good-bye; what the reader has not read by the end of autobahn's patience is thrown away."""
        self._lag.resume()
        self.falls_behind()
        if self.state == self.STATE_OPEN:
            self.sendClose(TOO_SLOW, "too slow")

    # The transport's IPushProducer is told when it is full, and we count what we give it meanwhile.

    def pauseProducing(self) -> None:
        self._lag.pause()

    def resumeProducing(self) -> None:
        self._lag.resume()
        self.caught_up()

    def stopProducing(self) -> None:
        self._lag.resume()

    def sendData(self, data: bytes, sync: bool = False, chopsize: int | None = None) -> None:
        """Everything autobahn writes comes through here."""
        if sync or chopsize or self.send_queue:
            super().sendData(data, sync, chopsize)
        else:
            # What it does then, beside formatting a log line, whether that is wanted or not.
            write_now(self.transport, data)
        if self._lag.wrote(len(data)) and self.state == self.STATE_OPEN:
            self.close_as_too_slow()


def configure(factory: Any, max_bytes: int) -> None:
    """What the factories of these connections have in common; C{max_bytes} bounds a frame and a message.

    Who may connect is decided elsewhere for every Origin, C{null} included.
    """
    factory.setProtocolOptions(
        webStatus=False,
        allowNullOrigin=True,
        maxFramePayloadSize=max_bytes,
        maxMessagePayloadSize=max_bytes,
        failByDrop=False,
        openHandshakeTimeout=10,
        closeHandshakeTimeout=2,
        # A program that reads only when it expects something may be silent for longer than any wait of the APIs.
        autoPingInterval=15,
        autoPingTimeout=40,
    )
