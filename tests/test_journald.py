"""Entries in systemd's journal: what they say, and what they can be found by."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from pathlib import Path
from typing import Any, cast

from twisted.logger import Logger, LogPublisher
from twisted.trial.unittest import SynchronousTestCase

from neon import log
from neon.journald import Journal, entry


def parsed(datagram: bytes) -> dict[str, str]:
    """The fields of an entry, as the journal reads them."""
    fields = {}
    while datagram:
        line, datagram = datagram.split(b"\n", 1)
        name, equals, value = line.partition(b"=")
        if not equals:
            length = int.from_bytes(datagram[:8], "little")
            value, datagram = datagram[8 : 8 + length], datagram[9 + length :]
        fields[name.decode()] = value.decode()
    return fields


class EntryTests(SynchronousTestCase):
    def test_line(self) -> None:
        """A name, an equals sign, a value."""
        self.assertEqual(entry({"MESSAGE": "grüß=dich", "PRIORITY": "6"}), "MESSAGE=grüß=dich\nPRIORITY=6\n".encode())

    def test_lines(self) -> None:
        """A value with line feeds comes after its length in 64 bits, and adds no field."""
        self.assertEqual(entry({"A": "x\nUID=0"}), b"A\n\7\0\0\0\0\0\0\0x\nUID=0\n")
        self.assertEqual(parsed(entry({"A": "x\nUID=0", "B": "y"})), {"A": "x\nUID=0", "B": "y"})

    def test_long(self) -> None:
        """No value makes an entry too long to be sent."""
        self.assertEqual(len(entry({"A": "x" * 1_000_000})), len("A=\n") + 32768)

    def test_surrogates(self) -> None:
        """Text that is no text is sent all the same."""
        self.assertEqual(entry({"A": "\ud800"}), b"A=\\ud800\n")


class ObserverTests(SynchronousTestCase):
    def setUp(self) -> None:
        # A socket's path is short, and trial's are not.
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        self.address = str(Path(folder) / "socket")
        self.journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.addCleanup(self.journal.close)
        self.journal.bind(self.address)
        self.stream = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed by the clean-up
        self.addCleanup(self.stream.close)
        status = os.fstat(self.stream.fileno())
        environ = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
        publisher: Any = LogPublisher(cast(Any, log.observer("info", cast(Any, self.stream), environ, self.address)))
        self.logger = Logger(namespace="neon.sip", observer=publisher)

    def entry(self) -> dict[str, str]:
        return parsed(self.journal.recv(100_000))

    def test_fields(self) -> None:
        """Text, priority, source, and the call that it is about; nothing goes to the output besides."""
        self.logger.warn("call {call_id} to {number} failed", call_id=7, number="600", password="secret")
        self.assertEqual(
            self.entry(),
            {
                "MESSAGE": "neon.sip: call 7 to 600 failed",
                "PRIORITY": "4",
                "SYSLOG_IDENTIFIER": "neon",
                "NEON_SOURCE": "neon.sip",
                "NEON_CALL_ID": "7",
            },
        )
        self.stream.seek(0)
        self.assertEqual(self.stream.read(), "")

    def test_sip_call_id(self) -> None:
        """SIP's name of a call is no number of ours."""
        self.logger.info("{call_id}: moves", call_id="abc@example.com")
        fields = self.entry()
        self.assertEqual(fields["NEON_SIP_CALL_ID"], "abc@example.com")
        self.assertNotIn("NEON_CALL_ID", fields)

    def test_traceback(self) -> None:
        """A failure is one entry, with its traceback and its kind."""
        try:
            raise ZeroDivisionError("by nought")
        except ZeroDivisionError:
            self.logger.failure("oops")
        fields = self.entry()
        self.assertEqual(fields["NEON_FAILURE"], "ZeroDivisionError")
        self.assertEqual(fields["PRIORITY"], "2")
        self.assertIn("\nTraceback", fields["MESSAGE"])
        self.assertRaises(BlockingIOError, self.journal.recv, 100)

    def test_forged(self) -> None:
        """A peer's line feeds and controls are spelled out, in the text and in fields."""
        self.logger.info("hello {account}", account="a\nNEON_CALL_ID=1\x1b")
        fields = self.entry()
        self.assertEqual(fields["NEON_ACCOUNT"], "a\\nNEON_CALL_ID=1\\x1b")
        self.assertEqual(fields["MESSAGE"], "neon.sip: hello a\\nNEON_CALL_ID=1\\x1b")
        self.assertNotIn("NEON_CALL_ID", fields)

    def test_level(self) -> None:
        """What is not worth a line is not worth an entry."""
        self.logger.debug("details")
        self.assertRaises(BlockingIOError, self.journal.recv, 100)

    def test_full(self) -> None:
        """A journal that does not keep up stops nothing: the lines go to its stream."""
        journal = Journal(self.address)
        self.addCleanup(journal.close)
        while journal.send({"MESSAGE": "x"}):
            pass
        self.logger.info("still here")
        self.stream.seek(0)
        self.assertEqual(self.stream.read(), "<6>neon.sip: still here\n")
