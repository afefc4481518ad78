"""STUN binding requests and what their answers say (RFC 8489). Bytes in, values out; nothing is sent here."""

from __future__ import annotations

import ipaddress
import secrets
import struct

from neon.values import Address

PORT = 3478
MAGIC = 0x2112A442
REQUEST, SUCCESS, FAILURE = 0x0001, 0x0101, 0x0111
MAPPED_ADDRESS, XOR_MAPPED_ADDRESS, ERROR_CODE = 0x0001, 0x0020, 0x0009
LARGEST = 1500

# Attributes that a client must understand, and that say nothing to us (section 18.3.1).
_KNOWN = {MAPPED_ADDRESS, XOR_MAPPED_ADDRESS, ERROR_CODE, 0x0006, 0x0008, 0x000A, 0x0014, 0x0015, 0x001C, 0x001E}
_HEADER = struct.Struct("!HHI12s")
_ATTRIBUTE = struct.Struct("!HH")


class BadStun(ValueError):
    """Not an answer that can be used; C{str(error)} says why."""


def new_transaction() -> bytes:
    """The 96 bits that an answer must repeat; nobody who has not seen the request can guess them."""
    return secrets.token_bytes(12)


def binding_request(transaction: bytes) -> bytes:
    """The question where we are seen."""
    return _HEADER.pack(REQUEST, 0, MAGIC, transaction)


def is_stun(data: bytes) -> bool:
    """Whether a datagram is STUN rather than SIP or RTP (section 5: two zero bits and the magic cookie)."""
    return len(data) >= _HEADER.size and data[0] < 4 and data[4:8] == MAGIC.to_bytes(4, "big")


def transaction_of(data: bytes) -> bytes:
    """The transaction that a datagram belongs to, if L{is_stun}."""
    return data[8:20]


def read_answer(data: bytes, transaction: bytes) -> Address:
    """Where the server has seen our request come from.

    @raise BadStun: it is no answer to that request, an error, or not well formed.
    """
    if not is_stun(data) or len(data) > LARGEST:
        raise BadStun("no STUN message")
    kind, length, _, theirs = _HEADER.unpack_from(data)
    if theirs != transaction:
        raise BadStun("the answer is to another request")
    if length % 4 or length != len(data) - _HEADER.size:
        raise BadStun("the length is wrong")
    attributes = _attributes(data[_HEADER.size :])
    if kind == FAILURE:
        raise BadStun(f"the server says {_error(attributes.get(ERROR_CODE, b''))}")
    if kind != SUCCESS:
        raise BadStun("the message is no answer")
    unknown = [number for number in attributes if number < 0x8000 and number not in _KNOWN]
    if unknown:
        raise BadStun(f"attribute {unknown[0]:#06x} is unknown")
    if XOR_MAPPED_ADDRESS in attributes:
        return _address(attributes[XOR_MAPPED_ADDRESS], MAGIC.to_bytes(4, "big") + transaction)
    if MAPPED_ADDRESS in attributes:  # servers of RFC 3489
        return _address(attributes[MAPPED_ADDRESS], bytes(16))
    raise BadStun("there is no address in the answer")


def _attributes(data: bytes) -> dict[int, bytes]:
    """The first of each kind (section 14)."""
    found: dict[int, bytes] = {}
    offset = 0
    while offset < len(data):
        if offset + _ATTRIBUTE.size > len(data):
            raise BadStun("an attribute is cut off")
        kind, length = _ATTRIBUTE.unpack_from(data, offset)
        offset += _ATTRIBUTE.size
        if offset + length > len(data):
            raise BadStun("an attribute is cut off")
        found.setdefault(kind, data[offset : offset + length])
        offset += (length + 3) & ~3
    return found


def _address(value: bytes, mask: bytes) -> Address:
    sizes = {1: 4, 2: 16}
    if len(value) < 4 or len(value) - 4 != sizes.get(value[1]):
        raise BadStun("the address is not well formed")
    port = int.from_bytes(value[2:4], "big") ^ int.from_bytes(mask[:2], "big")
    host = ipaddress.ip_address(bytes(one ^ other for one, other in zip(value[4:], mask, strict=False)))
    if port == 0 or host.is_unspecified or host.is_multicast:
        raise BadStun("the address is not one host's")
    return str(host), port


def _error(value: bytes) -> str:
    return str((value[2] & 7) * 100 + value[3]) if len(value) >= 4 else "no"
