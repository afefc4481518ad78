"""C{neonctl trace}: what is fetched, and what a file for Wireshark holds."""

from __future__ import annotations

import io
import os
import stat
import struct
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from neon.ctl import trace
from neon.ctl.exits import Usage
from neon.ctl.pcapng import Writer
from tests.ctl.daemon import FakeConnection, drive


def message(number: int, text: str, *, sent: bool = True, local: list[object] | None = None) -> dict[str, Any]:
    return {
        "number": number, "at": "2026-01-02T03:04:05.678Z", "sent": sent, "transport": "udp",
        "local": local, "peer": ["192.0.2.1", 5060], "text": text,
    }  # fmt: skip


class Daemon(FakeConnection):
    """Answers C{siptrace} with the next of C{batches}, and nothing when they are used up."""

    def __init__(self, *batches: list[dict[str, Any]], lost: int = 0) -> None:
        super().__init__()
        self._batches = list(batches)
        self._lost = lost

    def command(self, action: str, **parameters: object) -> dict[str, Any]:
        super().command(action, **parameters)
        if "after" not in parameters:
            return {"messages": [], "lost": 0, "last": 4}
        lost, self._lost = self._lost, 0
        return {"messages": self._batches.pop(0) if self._batches else [], "lost": lost}


class TraceTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.patch(trace, "PAUSE", 0.0)

    def test_terminal(self) -> None:
        """Messages in order, made harmless for a terminal; each look goes on from the last one."""
        ping = message(5, "OPTIONS sip:h SIP/2.0\r\nX: \x1b[2J\r\n\r\n")
        neon = Daemon([ping], [message(7, "SIP/2.0 200 OK", sent=False)])
        printed = drive(neon, "trace", "--seconds", "0.001")
        self.assertIn("03:04:05.678 -> udp 192.0.2.1:5060\n    OPTIONS sip:h SIP/2.0\n    X: ?[2J\n", printed)
        self.assertIn("<- udp 192.0.2.1:5060\n    SIP/2.0 200 OK\n", printed)
        asked = [parameters.get("after") for _, parameters in neon.asked]
        self.assertEqual(asked[:4], [None, 4, 5, 7])

    def test_file(self) -> None:
        """A file is its owner's alone, and whole when the time is over."""
        path = Path(self.mktemp())
        drive(Daemon([message(5, "OPTIONS sip:h SIP/2.0\r\n\r\n")]), "trace", str(path), "--seconds", "0.001")
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        self.assertIn(b"OPTIONS sip:h SIP/2.0\r\n\r\n", path.read_bytes())

    def test_no_file(self) -> None:
        """A place that cannot be written to is told before anything is traced."""
        neon = Daemon()
        with self.assertRaises(Usage):
            drive(neon, "trace", "/proc/no/such", "--seconds", "0.001")
        self.assertEqual(neon.asked, [])


class PcapngTests(SynchronousTestCase):
    def _blocks(self, data: bytes) -> list[tuple[int, bytes]]:
        found = []
        while data:
            kind, length = struct.unpack_from("<II", data)
            self.assertEqual(struct.unpack_from("<I", data, length - 4), (length,))
            self.assertEqual(length % 4, 0)
            found.append((kind, data[8 : length - 4]))
            data = data[length:]
        return found

    def test_blocks(self) -> None:
        """A section, an interface, and a block a message, whose tags come before the text."""
        file = io.BytesIO()
        writer = Writer(file)
        writer.sip(1.5, ("192.0.2.9", 5070), ("192.0.2.1", 5060), "udp", "ACK sip:h SIP/2.0\r\n\r\n")
        writer.sip(1.5, None, ("2001:db8::1", 5061), "tls", "é")
        (section, _), (interface, link), (first, packet), (second, other) = self._blocks(file.getvalue())
        self.assertEqual((section, interface, first, second), (0x0A0D0D0A, 1, 6, 6))
        self.assertEqual(struct.unpack_from("<H", link), (252,))
        _, high, low, captured, original = struct.unpack_from("<IIIII", packet)
        self.assertEqual(((high << 32) + low, captured), (1_500_000, original))
        data = packet[20 : 20 + captured]
        self.assertTrue(data.startswith(b"\x00\x0c\x00\x04sip\0\x00\x14\x00\x04\xc0\x00\x02\x09\x00\x15\x00\x04\xc0\x00\x02\x01"))
        self.assertTrue(data.endswith(b"\0\0\0\0ACK sip:h SIP/2.0\r\n\r\n"))
        self.assertIn(b"tls", other)
        self.assertIn("é".encode(), other)
