"""The a=crypto lines of session descriptions: read, offered and answered (SDES, RFC 4568).

A line that asks for what we do not do, or for less protection than we insist on, is as good as none. Keys never show
in a repr or a log.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

from twisted.logger import Logger

from neon.srtp import SrtpKey, SrtpKeys, SrtpPolicy, SrtpSuite
from neon.values import Destination

_log = Logger()

MOST_LINES = 16
LONGEST_MKI = 128

_TAG = re.compile(r"[0-9]{1,9}\Z")
_KEY = re.compile(r"inline:([A-Za-z0-9+/]{1,128}={0,2})((?:\|[^|]{1,64}){0,2})\Z", re.IGNORECASE)
_LIFETIME = re.compile(r"(?:2\^([0-9]{1,2})|([0-9]{1,20}))\Z")
_MKI = re.compile(r"([0-9]{1,40}):([0-9]{1,3})\Z")
# What may be left out of account: how far packets may be out of order is ours to decide (section 6.3.6), and a name
# with a dash is for whoever knows it. Everything else would change what is on the wire.
_HARMLESS = re.compile(r"(?:WSH=[0-9]{1,6}|KDR=0|-[^\s]{1,64})\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class CryptoLine:
    """One a=crypto attribute: its number, its suite, and the key of whoever wrote it."""

    tag: int
    suite: SrtpSuite
    key: SrtpKey

    def __str__(self) -> str:
        """As it stands in a description; it has the key in it."""
        return f"a=crypto:{self.tag} {self.suite.value} inline:{base64.b64encode(self.key.data).decode('ascii')}"


def parse(value: str) -> CryptoLine | None:
    """Read what follows C{a=crypto:}; None if it is nothing that we can do."""
    words = value.split()
    if not 3 <= len(words) <= 16 or not _TAG.match(words[0]):
        return None
    suite = SrtpSuite.__members__.get(words[1].upper())
    if suite is None or not all(_HARMLESS.match(word) for word in words[3:]):
        return None
    key = _read_key(words[2], suite)
    return None if key is None else CryptoLine(int(words[0]), suite, key)


def _read_key(text: str, suite: SrtpSuite) -> SrtpKey | None:
    """One key with its lifetime and MKI (section 6.1). Several at once, a rare thing, are not supported."""
    match = _KEY.match(text)
    if match is None:
        return None
    try:
        data = base64.b64decode(match[1] + "=" * (-len(match[1]) % 4), validate=True)
    except binascii.Error:
        return None
    if len(data) != suite.key_octets:
        return None
    mki = b""
    for index, part in enumerate(match[2].split("|")[1:]):
        named = _MKI.match(part)
        if named is None and (index > 0 or not _lives(part)):
            return None
        if named is not None:
            number, length = int(named[1]), int(named[2])
            if mki or not 1 <= length <= LONGEST_MKI or number >= 1 << 8 * length:
                return None
            mki = number.to_bytes(length, "big")
    return SrtpKey(data, mki)


def _lives(lifetime: str) -> bool:
    """Whether it is a number of packets that a key may be used for; the sender keeps to it, we need not."""
    match = _LIFETIME.match(lifetime)
    if match is None:
        return False
    packets = 1 << int(match[1]) if match[1] is not None else int(match[2])
    return 0 < packets <= 1 << 48


def offer(keys: SrtpKeys | None) -> tuple[CryptoLine, ...]:
    """What we offer: the suites worth having with new keys, or C{keys} that are in use already.

    The same key again lets the rollover counters go on (section 7.1.4).
    """
    if keys is not None:
        return (CryptoLine(1, keys.suite, keys.send),)
    suites = [suite for suite in SrtpSuite if not suite.short]
    return tuple(CryptoLine(tag, suite, new_key(suite)) for tag, suite in enumerate(suites, 1))


def accepted(ours: Sequence[CryptoLine], theirs: Sequence[CryptoLine]) -> SrtpKeys | None:
    """What the answer C{theirs} to our lines agrees on; None if it does not fit them (section 7.1.3)."""
    if len(theirs) != 1:
        return None
    [answer] = theirs
    for line in ours:
        if line.tag == answer.tag and line.suite is answer.suite:
            return None if _alike(line.key, answer.key) else SrtpKeys(line.suite, line.key, answer.key)
    return None


def answer(
    theirs: Sequence[CryptoLine], before: SrtpKeys | None, *, moved: bool
) -> tuple[CryptoLine, SrtpKeys] | None:
    """Answer an offer with the first of its lines (section 7.1.2).

    Our key stays the same as long as all else does. If the far end has a new key, or has C{moved}, it may be another
    one by now, whose rollover counter begins at 0: then ours has to begin anew as well.
    """
    for line in theirs:
        if before is not None and _alike(before.send, line.key):
            continue  # our own key, sent back
        if before is not None and before.suite is line.suite and before.receive == line.key and not moved:
            send = before.send
        else:
            send = new_key(line.suite)
        return CryptoLine(line.tag, line.suite, send), SrtpKeys(line.suite, send, line.key)
    return None


def new_key(suite: SrtpSuite) -> SrtpKey:
    """A master key and salt that nobody has had."""
    return SrtpKey(os.urandom(suite.key_octets))


def warn_if_readable(policy: SrtpPolicy, peer: Destination, call_id: str) -> None:
    """Say so if the keys of a call go to a peer by a way on which others can read them (RFC 4568, section 9)."""
    if policy is not SrtpPolicy.OFF and peer.transport != "tls":
        _log.warn(
            "call {call_id}: the keys for its audio go over {transport}, where others can read them: use transport=tls",
            call_id=call_id,
            transport=peer.transport,
        )


def _alike(one: SrtpKey, other: SrtpKey) -> bool:
    """Both directions under one key would give away what is said, where the SSRCs are the same too."""
    return hmac.compare_digest(one.data, other.data)
