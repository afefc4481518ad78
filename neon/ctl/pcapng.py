"""Writes pcapng (draft-ietf-opsawg-pcapng) that Wireshark and tshark show as SIP.

The messages come from a program, not from a network card: what TLS carried is there in clear, and a long message over
TCP is one piece. So they are written as "exported PDUs", Wireshark's link type for such, with a few tags in front that
say which protocol it is, from where and to where.
"""

from __future__ import annotations

import socket
import struct
from typing import BinaryIO, Final

LINKTYPE_WIRESHARK_UPPER_PDU: Final = 252

# Tags of exported PDUs (Wireshark's wsutil/exported_pdu_tlvs.h); PORT_* are values of EXP_PDU_TAG_PORT_TYPE.
_DISSECTOR: Final = 12
_IPV4_SOURCE, _IPV4_DESTINATION, _IPV6_SOURCE, _IPV6_DESTINATION = 20, 21, 22, 23
_PORT_TYPE, _SOURCE_PORT, _DESTINATION_PORT = 24, 25, 26
_PORT_TCP, _PORT_UDP = 2, 3

_SECTION, _INTERFACE, _PACKET = 0x0A0D0D0A, 1, 6
_BYTE_ORDER: Final = 0x1A2B3C4D
_OPTION_COMMENT: Final = 1
_OPTION_NAME: Final = 2


class Writer:
    """Writes a file's head at once, then a block for each message."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._block(_SECTION, struct.pack("<IHHq", _BYTE_ORDER, 1, 0, -1))
        head = struct.pack("<HHI", LINKTYPE_WIRESHARK_UPPER_PDU, 0, 0)
        self._block(_INTERFACE, head + _option(_OPTION_NAME, b"NEON") + _option(0))

    def sip(
        self,
        at: float,
        source: tuple[str, int] | None,
        destination: tuple[str, int] | None,
        transport: str,
        text: str,
    ) -> None:
        """One SIP message; C{at} is in seconds since 1970, an address that is not known is None."""
        tags = _option(_DISSECTOR, b"sip", big=True)
        for where, four, six in (
            (source, _IPV4_SOURCE, _IPV6_SOURCE), (destination, _IPV4_DESTINATION, _IPV6_DESTINATION)
        ):  # fmt: skip
            tags += _address(where, four, six)
        tags += _number(_PORT_TYPE, _PORT_UDP if transport == "udp" else _PORT_TCP)
        tags += _number(_SOURCE_PORT, source[1] if source else 0)
        tags += _number(_DESTINATION_PORT, destination[1] if destination else 0)
        data = tags + _option(0, big=True) + text.encode("utf-8", "surrogateescape")
        moment = round(at * 1_000_000)
        head = struct.pack("<IIIII", 0, moment >> 32, moment & 0xFFFFFFFF, len(data), len(data))
        comment = b"" if transport == "udp" else _option(_OPTION_COMMENT, transport.encode()) + _option(0)
        self._block(_PACKET, head + _padded(data) + comment)
        self._file.flush()

    def _block(self, kind: int, body: bytes) -> None:
        length = len(body) + 12
        self._file.write(struct.pack("<II", kind, length) + body + struct.pack("<I", length))


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _option(code: int, value: bytes = b"", *, big: bool = False) -> bytes:
    """An option of a block, or (C{big}) a tag of an exported PDU, whose length counts its padding."""
    filled = _padded(value)
    return struct.pack(">HH" if big else "<HH", code, len(filled) if big else len(value)) + filled


def _number(code: int, value: int) -> bytes:
    return _option(code, struct.pack(">I", value), big=True)


def _address(where: tuple[str, int] | None, four: int, six: int) -> bytes:
    if where is None:
        return b""
    family, code = (socket.AF_INET6, six) if ":" in where[0] else (socket.AF_INET, four)
    try:
        return _option(code, socket.inet_pton(family, where[0].partition("%")[0]), big=True)
    except OSError:
        return b""
