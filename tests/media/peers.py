"""The far end of a stream for the engine's tests: a plain socket on loopback, paced by what it receives.

Nothing here sleeps: the engine under test is the clock. Every wait is a read with a time limit.
"""

from __future__ import annotations

import select
import socket
import time
from array import array
from collections.abc import Iterable
from dataclasses import replace
from typing import TypeVar

from neon.media import _engine
from neon.media.engine import Engine, EngineEvent, Stream
from neon.values import Codec, MediaAgreement
from tests.media.signals import FRAME, rtp, tone

LIMIT = 5.0
"""Seconds after which a test fails for want of a packet."""

PORTS = range(21000, 24000)
E = TypeVar("E", bound=EngineEvent)


class Peer:
    """One RTP party with its RTCP socket on another port."""

    def __init__(self, host: str = "127.0.0.1", family: socket.AddressFamily = socket.AF_INET) -> None:
        self.rtp = socket.socket(family, socket.SOCK_DGRAM)
        self.rtcp = socket.socket(family, socket.SOCK_DGRAM)
        for sock in (self.rtp, self.rtcp):
            sock.bind((host, 0))
            sock.settimeout(LIMIT)
        self.sequence = 1000
        self.time = 50_000
        self.ssrc = 0xFEED

    def close(self) -> None:
        self.rtp.close()
        self.rtcp.close()

    def agreement(self, codec: Codec = Codec.PCMA) -> MediaAgreement:
        """What sends to this peer and receives from it."""
        return replace(
            MediaAgreement(self.rtp.getsockname()[:2], codec, codec.payload_type, codec.payload_type),
            telephone_event=101,
            receive_telephone_event=96,
            rtcp=self.rtcp.getsockname()[:2],
        )

    def receive(self) -> tuple[int, bool, int, int, int, bytes]:
        """The next packet: type, marker, sequence number, timestamp, SSRC, payload."""
        return _engine.rtp_parse(self.rtp.recv(2000))

    def drain(self) -> None:
        """Throw away what came while nobody listened, so that the next packet is a new one."""
        self.rtp.setblocking(False)
        try:
            while True:
                self.rtp.recv(2000)
                self.time += FRAME  # the engine's clock went on; so does ours
                self.sequence += 1
        except BlockingIOError:
            self.rtp.settimeout(LIMIT)

    def listen(self, frames: int) -> array[int]:
        """The audio of the next packets (A-law)."""
        return array("h", b"".join(_engine.alaw_decode(self.receive()[5]) for _ in range(frames)))

    def send(self, stream: Stream, payload: bytes, *, payload_type: int = 8, samples: int = FRAME) -> None:
        """Send the next packet in sequence."""
        packet = rtp(self.sequence, self.time, payload, payload_type=payload_type, ssrc=self.ssrc)
        self.rtp.sendto(packet, (self.rtp.getsockname()[0], stream.local_port))
        self.sequence += 1
        self.time += samples

    def send_tone(self, stream: Stream, hz: float, dbm0: float = -10.0) -> None:
        self.send(stream, _engine.alaw_encode(tone(hz, FRAME, dbm0, start=self.time)))

    def converse(self, stream: Stream, frames: int, hz: float, dbm0: float = -10.0) -> array[int]:
        """Send a tone, a packet for every packet that comes; what comes."""
        heard = array("h")
        for _ in range(frames):
            heard.extend(self.listen(1))
            self.send_tone(stream, hz, dbm0)
        return heard


def next_event(engine: Engine, kind: type[E]) -> E:
    """The next event of this kind; others are dropped on the way."""
    deadline = time.monotonic() + LIMIT
    while (left := deadline - time.monotonic()) > 0:
        select.select([engine.fileno()], [], [], left)
        for event in engine.take_events():
            if isinstance(event, kind):
                return event
    raise AssertionError(f"no {kind.__name__} in {LIMIT} s")


def frames(samples: array[int], size: int = FRAME) -> Iterable[array[int]]:
    """The samples in whole frames."""
    return (samples[at : at + size] for at in range(0, len(samples) - size + 1, size))
