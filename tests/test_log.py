"""Log lines: levels, priorities for journald, and nothing that a peer could forge."""

from __future__ import annotations

import io
import os
import tempfile
from typing import IO, Any, TextIO, cast

from twisted.logger import Logger, LogLevel, LogPublisher
from twisted.trial.unittest import SynchronousTestCase

from neon import log


class LogCase(SynchronousTestCase):
    def lines(self, level: str = "info", journal: bool = False) -> tuple[Logger, Any]:
        file: IO[str]
        environ: dict[str, str] = {}
        if journal:
            file = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed by the clean-up
            self.addCleanup(file.close)
            status = os.fstat(file.fileno())
            environ = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
        else:
            file = io.StringIO()
        publisher: Any = LogPublisher(cast(Any, log.observer(level, cast(TextIO, file), environ, self.mktemp())))

        def written() -> list[str]:
            file.seek(0)
            return file.read().splitlines()

        return Logger(namespace="neon.sip", observer=publisher), written


class LevelTests(LogCase):
    def test_line(self) -> None:
        """Time in UTC, level, source, text."""
        stream = io.StringIO()
        observer = log.observer("info", stream, {})
        event = {"log_format": "call {call_id} started", "call_id": 55, "log_time": 1523966400.25}
        observer(event | {"log_namespace": "neon.sip", "log_level": LogLevel.info})
        self.assertEqual(stream.getvalue(), "2018-04-17T12:00:00.250Z info     neon.sip: call 55 started\n")

    def test_levels(self) -> None:
        """Nothing below the level that was asked for."""
        for asked, count in (("debug", 5), ("info", 4), ("warn", 3), ("error", 2), ("critical", 1)):
            logger, written = self.lines(asked)
            for level in log.LEVELS:
                logger.emit(LogLevel.levelWithName(level), "x")
            self.assertEqual(len(written()), count, asked)

    def test_forged_lines(self) -> None:
        """What a peer sent cannot end a line or steer a terminal."""
        logger, written = self.lines()
        logger.info("from {who}", who="a\r\n2018 critical: forged\x1b[2J\u2028\x85")
        (line,) = written()
        self.assertTrue(line.endswith(r"from a\x0d\n2018 critical: forged\x1b[2J\x2028\x85"), line)

    def test_bad_format(self) -> None:
        """A message that cannot be formatted is still a line."""
        logger, written = self.lines()
        logger.info("{missing.attribute}")
        self.assertEqual(len(written()), 1)

    def test_traceback(self) -> None:
        """A failure brings its traceback."""
        logger, written = self.lines()
        try:
            raise ZeroDivisionError("ours")
        except ZeroDivisionError:
            logger.failure("oops")
        self.assertIn("oops", written()[0])
        self.assertIn("ZeroDivisionError: ours", written()[-1])

    def test_reader_gone(self) -> None:
        """When nobody reads our output any more, we go on."""
        stream = io.StringIO()
        observer: Any = log.observer("info", stream, {})
        stream.close()
        Logger(namespace="x", observer=observer).info("into the void")


class JournalTests(LogCase):
    def test_priorities(self) -> None:
        """What the journal's socket does not take goes to its stream: each line begins with its priority, of a
        traceback every one."""
        logger, written = self.lines(journal=True)
        logger.warn("careful")
        try:
            raise ZeroDivisionError
        except ZeroDivisionError:
            logger.failure("oops")
        lines = written()
        self.assertEqual(lines[0], "<4>neon.sip: careful")
        self.assertGreater(len(lines), 3)
        self.assertEqual({line[:3] for line in lines[1:]}, {"<2>"})

    def test_not_the_journal(self) -> None:
        """Output that was redirected away from the journal has plain lines."""
        for value in ("", "1:2", "x:y", "1", "1:2:3"):
            self.assertFalse(log.journald_listens({"JOURNAL_STREAM": value}, 1), value)
