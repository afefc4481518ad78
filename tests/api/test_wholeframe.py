"""Whole frames are unpacked here, everything else is left to autobahn."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from neon.api.wholeframe import BINARY, TEXT, unpack
from tests.api.websockets import WebSocketCase

MASK = b"\x37\xfa\x21\x3d"


def frame(payload: bytes, first: int = TEXT, mask: bytes = MASK) -> bytes:
    """As RFC 6455, section 5.2 says, in its plainest words."""
    length = len(payload)
    if length < 126:
        head = bytes([first, 0x80 | length])
    elif length < 65536:
        head = bytes([first, 0x80 | 126]) + struct.pack("!H", length)
    else:
        head = bytes([first, 0x80 | 127]) + struct.pack("!Q", length)
    return head + mask + bytes(octet ^ mask[index % 4] for index, octet in enumerate(payload))


class UnpackTests(SynchronousTestCase):
    def test_example(self) -> None:
        """The masked "Hello" of RFC 6455, section 5.7."""
        self.assertEqual(unpack(bytes.fromhex("818537fa213d7f9f4d5158")), (b"Hello", 11))

    @given(st.text(max_size=400), st.binary(min_size=4, max_size=4))
    def test_text(self, text: str, mask: bytes) -> None:
        """Text comes out as it went in, whatever the mask."""
        data = frame(text.encode(), mask=mask)
        self.assertEqual(unpack(data), (text.encode(), len(data)))

    @given(st.binary(max_size=400))
    def test_binary(self, payload: bytes) -> None:
        """Binary data need not be UTF-8; text must, and its refusal is autobahn's."""
        data = frame(payload, BINARY)
        self.assertEqual(unpack(data), (payload, len(data)))
        try:
            payload.decode()
        except UnicodeDecodeError:
            self.assertIsNone(unpack(frame(payload)))

    def test_lengths(self) -> None:
        """Up to 65,535 octets, in the shortest form of the length only."""
        for length in (0, 125, 126, 65535):
            data = frame(b"x" * length)
            self.assertEqual(unpack(data), (b"x" * length, len(data)))
        self.assertIsNone(unpack(frame(b"x" * 65536)))
        self.assertIsNone(unpack(bytes([TEXT, 0x80 | 126]) + struct.pack("!H", 5) + frame(b"Hello")[2:]))

    def test_several(self) -> None:
        """Frames that arrive together are taken one after the other, as far as they are whole."""
        data = frame(b"first") + frame(b"second", BINARY) + frame(b"third")[:-1]
        self.assertEqual(unpack(data), (b"first", 11))
        self.assertEqual(unpack(data, 11), (b"second", 23))
        self.assertIsNone(unpack(data, 23))

    def test_left_alone(self) -> None:
        """Anything but one whole, masked, unfragmented data frame is for somebody else."""
        whole = frame(b"Hello")
        for data in (whole[:-1], whole[:1], b"", bytes([TEXT, 5]) + b"Hello" + b"****"):
            self.assertIsNone(unpack(data), data)
        for first in range(256):
            if first not in (TEXT, BINARY):
                self.assertIsNone(unpack(frame(b"Hello", first)), first)


class ChunksTests(WebSocketCase):
    def test_any_pieces(self) -> None:
        """Messages are answered in order however their frames are cut, joined, fragmented and mixed with pings."""
        commands = [frame(b'{"id": %d, "action": "getversion"}' % number) for number in range(6)]
        fragmented = frame(b'{"id": 6, "action', 0x01) + frame(b"ping", 0x89) + frame(b'": "getversion"}', 0x80)
        data = b"".join(commands) + fragmented + commands[0]
        for size in (1, 7, 50, len(commands[0]), len(commands[0]) + 1, len(data)):
            client = self.connected()
            for begin in range(0, len(data), size):
                client.server.dataReceived(data[begin : begin + size])
            self.assertEqual([answer["id"] for answer in client.take()], [0, 1, 2, 3, 4, 5, 6, 0], size)

    def test_not_utf8(self) -> None:
        """Text that is no UTF-8 closes the connection with 1007 (RFC 6455, section 8.1)."""
        client = self.connected()
        client.server.dataReceived(frame(b"\xff"))
        client.pump.flush()
        self.assertEqual(client.protocol.closing[0] if client.protocol.closing else None, 1007)
