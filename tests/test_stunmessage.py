"""STUN messages, among them those of RFC 5769."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from neon import stunmessage
from neon.stunmessage import BadStun, binding_request, is_stun, new_transaction, read_answer
from neon.values import Address

ID = bytes.fromhex("b7e7a701bc34d686fa87dfae")
# RFC 5769, sections 2.2 and 2.3.
V4 = bytes.fromhex(
    "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a643"
    "000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96"
)
V6 = bytes.fromhex(
    "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000140002a147"
    "0113a9faa5d3f179bc25f4b5bed2b9d900080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c"
)


def answer(kind: int, *attributes: tuple[int, bytes], transaction: bytes = ID) -> bytes:
    body = b""
    for number, value in attributes:
        body += struct.pack("!HH", number, len(value)) + value + bytes(-len(value) % 4)
    return struct.pack("!HHI", kind, len(body), stunmessage.MAGIC) + transaction + body


def mapped(address: bytes, port: int) -> bytes:
    return bytes([0, 1 if len(address) == 4 else 2]) + port.to_bytes(2, "big") + address


class StunMessageTests(SynchronousTestCase):
    def refused(self, data: bytes) -> str:
        return str(self.assertRaises(BadStun, read_answer, data, ID))

    def test_request(self) -> None:
        """A request is a header with an unguessable transaction and nothing else."""
        request = binding_request(ID)
        self.assertEqual(request, bytes.fromhex("000100002112a442") + ID)
        self.assertTrue(is_stun(request))
        self.assertEqual(stunmessage.transaction_of(request), ID)
        self.assertNotEqual(new_transaction(), new_transaction())

    def test_answers_of_the_rfc(self) -> None:
        """The sample answers of RFC 5769 are read."""
        self.assertEqual(read_answer(V4, ID), ("192.0.2.1", 32853))
        self.assertEqual(read_answer(V6, ID), ("2001:db8:1234:5678:11:2233:4455:6677", 32853))

    def test_old_server(self) -> None:
        """MAPPED-ADDRESS serves where there is nothing better."""
        data = answer(stunmessage.SUCCESS, (stunmessage.MAPPED_ADDRESS, mapped(bytes([192, 0, 2, 9]), 4242)))
        expected: Address = ("192.0.2.9", 4242)
        self.assertEqual(read_answer(data, ID), expected)

    def test_what_is_none(self) -> None:
        """Everything else is refused in words."""
        good = (stunmessage.MAPPED_ADDRESS, mapped(bytes([192, 0, 2, 9]), 4242))
        self.assertIn("another request", str(self.assertRaises(BadStun, read_answer, V4, bytes(12))))
        self.assertIn("no STUN", self.refused(b"INVITE sip:bob@example.com SIP/2.0\r\n"))
        self.assertIn("no STUN", self.refused(answer(stunmessage.SUCCESS, (0x8022, bytes(1600)))))
        self.assertIn("length", self.refused(V4[:-4]))
        self.assertIn("says 420", self.refused(answer(stunmessage.FAILURE, (stunmessage.ERROR_CODE, b"\0\0\4\x14x"))))
        self.assertIn("no answer", self.refused(answer(0x0011, good)))
        self.assertIn("0x0003", self.refused(answer(stunmessage.SUCCESS, (0x0003, b"abcd"), good)))
        self.assertIn("no address", self.refused(answer(stunmessage.SUCCESS)))
        cut = answer(stunmessage.SUCCESS)[:2] + b"\0\4" + answer(1)[4:] + b"\0\1\0\x63"
        self.assertIn("cut off", self.refused(cut))
        for host, port in ((bytes(4), 4242), (bytes([224, 0, 0, 1]), 4242), (bytes([192, 0, 2, 9]), 0), (b"abc", 5)):
            bad = (stunmessage.MAPPED_ADDRESS, mapped(host, port))
            self.assertIn("address", self.refused(answer(stunmessage.SUCCESS, bad)))

    def test_not_rtp_or_sip(self) -> None:
        """RTP, SIP and keep-alives are no STUN."""
        for data in (b"", b"\r\n\r\n", b"\x80" + bytes(40), V4[:19], b"OPTIONS sip:a@b SIP/2.0\r\n"):
            self.assertFalse(is_stun(data))

    @given(st.binary(max_size=120), st.integers(0, 60))
    def test_junk(self, junk: bytes, at: int) -> None:
        """Nothing but BadStun comes of junk in an answer."""
        data = answer(stunmessage.SUCCESS)[:4] + V4[4:at] + junk
        data = data[:2] + max(0, len(data) - 20).to_bytes(2, "big") + data[4:]
        try:
            read_answer(data, ID)
        except BadStun:
            return
