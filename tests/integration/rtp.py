"""A peer's RTP socket in the test's own hands: it notes when each packet came, and speaks a tone in A-law."""

from __future__ import annotations

import struct
import time
from dataclasses import dataclass
from typing import Any

from twisted.internet import reactor, task
from twisted.internet.defer import Deferred
from twisted.internet.protocol import DatagramProtocol

from tests import audio
from tests.integration.processes import IntegrationCase, free_port

PCMA = 8
SSRC = 0x4E454F4E
PACKET = audio.RATE // 50


def alaw_of(sample: int) -> int:
    """A 16-bit sample as A-law (ITU-T G.711: 13 significant bits, even bits inverted)."""
    magnitude = min((sample if sample >= 0 else ~sample) >> 4, 0x7FF)
    exponent = max(magnitude.bit_length() - 4, 0)
    mantissa = magnitude >> max(exponent - 1, 0) & 0x0F
    return (exponent << 4 | mantissa | (0x80 if sample >= 0 else 0)) ^ 0x55


def sample_of(code: int) -> int:
    """An A-law code as a 16-bit sample: the middle of its interval."""
    code ^= 0x55
    exponent, mantissa = code >> 4 & 7, code & 0x0F
    magnitude = (mantissa << 4) + 8 if exponent == 0 else ((mantissa << 4) + 0x108) << (exponent - 1)
    return magnitude if code & 0x80 else -magnitude


@dataclass(frozen=True)
class Heard:
    """A packet and when it came (C{time.time()})."""

    at: float
    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes


class RtpPeer(DatagramProtocol):
    """A socket that listens, and speaks once L{speak} is called or somebody has spoken to it."""

    def __init__(self, port: int, tone_hz: float | None, dbm0: float) -> None:
        self.port = port
        self.heard: list[Heard] = []
        self.heard_from: tuple[str, int] | None = None
        self.garbage = 0
        self._tone = None if tone_hz is None else bytes(map(alaw_of, audio.tone(tone_hz, dbm0, 1.0)))
        self._remote: tuple[str, int] | None = None
        self._sent = 0
        self._sequence = 0
        self.loses = 0
        """One of so many packets gets lost on the way; 0: none."""
        self._loop = task.LoopingCall.withCount(self._speak)
        # The interfaces of Twisted's transports say nothing to mypy.
        self.transport: Any

    def datagramReceived(self, datagram: bytes, addr: tuple[str, int]) -> None:
        if len(datagram) < 12 or datagram[0] != 0x80:
            self.garbage += 1
            return
        _, second, sequence, timestamp, ssrc = struct.unpack("!BBHII", datagram[:12])
        self.heard_from = addr
        self.heard.append(Heard(time.time(), second & 0x7F, sequence, timestamp, ssrc, datagram[12:]))
        if self._remote is None and self._tone is not None:
            self.speak(addr)

    def speak(self, remote: tuple[str, int]) -> None:
        """Say the tone to that address from now on."""
        self._remote = remote
        if not self._loop.running:  # it has not been spoken to before
            self._loop.start(0.02)

    def send(self, datagram: bytes) -> None:
        """Send something else in between."""
        self.transport.write(datagram, self._remote)

    def samples(self) -> list[int]:
        """What was heard, in the order of the sequence numbers' arrival."""
        return [sample_of(code) for packet in self.heard if packet.payload_type == PCMA for code in packet.payload]

    def _speak(self, count: int) -> None:
        assert self._tone is not None
        for _ in range(min(count, 5)):
            start = self._sent * PACKET % len(self._tone)
            self._packet(PCMA, self._sent * PACKET, self._tone[start : start + PACKET])
            self._sent += 1

    def press(self, event: int, *, payload_type: int = 101, lost: int = 0) -> None:
        """Send a telephone event (RFC 4733) of 100 ms, all its packets at once; the first C{lost} of them do not go."""
        timestamp = self._sent * PACKET
        for number, duration in enumerate((160, 320, 480, 640, 800, 800, 800)):
            payload = struct.pack("!BBH", event, 0x8A if number >= 4 else 0x0A, duration)
            if number >= lost:
                self._packet(payload_type, timestamp, payload)

    def _packet(self, payload_type: int, timestamp: int, payload: bytes) -> None:
        header = struct.pack("!BBHII", 0x80, payload_type, self._sequence & 0xFFFF, timestamp, SSRC)
        if not self.loses or self._sequence % self.loses:
            self.transport.write(header + payload, self._remote)
        self._sequence += 1

    def close(self) -> Deferred[None] | None:
        """Fall silent and give the port back."""
        if self._loop.running:
            self._loop.stop()
        stopping: Deferred[None] | None = self.transport.stopListening() if self.transport is not None else None
        return stopping


def open_peer(test: IntegrationCase, tone_hz: float | None = None, dbm0: float = -12.0) -> RtpPeer:
    """Open a peer on a free port; it is closed with the test."""
    peer = RtpPeer(free_port(2), tone_hz, dbm0)
    reactor.listenUDP(peer.port, peer, interface="127.0.0.1")
    test.at_end(peer.close)
    return peer
