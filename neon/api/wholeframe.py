"""The common case of a WebSocket frame from a client: whole messages in one masked frame each (RFC 6455, 5.2).

autobahn takes frames apart octet by octet, so that they may arrive in any pieces. Whatever is not exactly one such
frame is left to it: fragments, control frames, long messages, and everything that breaks a rule.
"""

from __future__ import annotations

from typing import Final

TEXT: Final = 0x81
"""The first octet: FIN, no RSV bit, opcode 1."""

BINARY: Final = 0x82
_MASKED: Final = 0x80
_TWO_OCTETS: Final = 126


def unpack(data: bytes, start: int = 0) -> tuple[bytes, int] | None:
    """The payload of the text or binary frame that begins at C{start}, unmasked, and where the frame ends.

    None if there is something else, a part of a frame, or text that is no UTF-8.
    """
    if len(data) < start + 6 or data[start] not in (TEXT, BINARY):
        return None
    length, place = data[start + 1] - _MASKED, start + 2
    if length == _TWO_OCTETS:
        length, place = int.from_bytes(data[place : place + 2], "big"), place + 2
        if length < _TWO_OCTETS:
            return None  # it would have fitted into seven bits
    elif not 0 <= length < _TWO_OCTETS:
        return None  # not masked, or longer than 64 kB
    end = place + 4 + length
    if len(data) < end:
        return None
    mask = data[place : place + 4] * (length // 4 + 1)
    masked = int.from_bytes(data[place + 4 : end], "little")
    payload = (masked ^ int.from_bytes(mask[:length], "little")).to_bytes(length, "little")
    if data[start] == TEXT:
        try:
            payload.decode("utf-8")
        except UnicodeDecodeError:
            return None
    return payload, end
