"""SIP messages out of a stream of octets (RFC 3261, section 18.3), within bounds.

What is no SIP cannot be skipped in a stream, since nobody knows where it ends: it is a L{BadStream}, and whoever reads
closes the connection. Between messages there may be empty lines, which keep connections alive (RFC 5626, section
4.4.1).
"""

from __future__ import annotations

import re

_FIRST_LINE = re.compile(rb"(?:SIP/2\.0 [1-6]\d\d|[A-Za-z0-9\-.!%*_+`'~]{1,32} [^\s]{1,2048} SIP/\d\.\d)(?=[ \t\r])")
_LENGTH = re.compile(rb"\r\n(?:content-length|l)[ \t]*:[ \t\r\n]*(\d{1,8})[ \t]*(?=\r\n)", re.IGNORECASE)
_NOT_TEXT = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_LONGEST_FIRST_LINE = 2200


class BadStream(Exception):
    """What came is not SIP, or too much of it; C{str(error)} says which, without a word of it."""


class StreamReader:
    """Cuts what arrives into messages of at most C{largest} octets, header fields and body together."""

    def __init__(self, largest: int) -> None:
        self.empty_lines = 0
        """How many CRLF came between messages so far."""
        self._largest = largest
        self._buffer = bytearray()
        self._searched = 0
        self._wanted = 0  # octets of the message that has begun, 0 while they are not known

    @property
    def waiting(self) -> bool:
        """Whether a message has begun that is not complete."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that are complete now, in order.

        @raise BadStream: this is the end of it; nothing more may be fed.
        """
        self._buffer += data
        messages: list[bytes] = []
        while True:
            if not self._wanted:
                self._skip_empty_lines()
                if not self._read_head():
                    return messages
            if len(self._buffer) < self._wanted:
                return messages
            messages.append(bytes(self._buffer[: self._wanted]))
            del self._buffer[: self._wanted]
            self._wanted = self._searched = 0

    def _skip_empty_lines(self) -> None:
        end = 0
        while self._buffer.startswith(b"\r\n", end):
            end += 2
        if end:
            self.empty_lines += end // 2
            del self._buffer[:end]

    def _read_head(self) -> bool:
        """Look for the end of the header fields; whether it is there."""
        if not self._buffer or self._buffer == b"\r":
            return False
        self._check_first_line()
        # The blank line may straddle two reads.
        end = self._buffer.find(b"\r\n\r\n", max(0, self._searched - 3))
        if end < 0:
            self._searched = len(self._buffer)
            if self._searched > self._largest:
                raise BadStream("a message that is too long")
            return False
        lengths = {int(length) for length in _LENGTH.findall(bytes(self._buffer[: end + 2]))}
        if len(lengths) != 1:
            # RFC 3261, section 20.14: on a stream it is mandatory, and nothing else tells where the next one begins.
            raise BadStream("a message without a Content-Length, or with two")
        self._wanted = end + 4 + lengths.pop()
        if self._wanted > self._largest:
            raise BadStream("a message that is too long")
        return True

    def _check_first_line(self) -> None:
        if self._searched > _LONGEST_FIRST_LINE:
            return  # seen already
        end = self._buffer.find(b"\r\n", 0, _LONGEST_FIRST_LINE + 2)
        # The same however much of it came at once: control characters are in no first line.
        text = _NOT_TEXT.search(self._buffer, 0, end if end >= 0 else len(self._buffer)) is None
        fits = len(self._buffer) <= _LONGEST_FIRST_LINE if end < 0 else _FIRST_LINE.match(self._buffer) is not None
        if not text or not fits:
            raise BadStream("something that is no SIP")
