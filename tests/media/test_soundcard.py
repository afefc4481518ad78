"""The sound card worker, seen from the daemon: when one is started, told and ended."""

from __future__ import annotations

import os
from typing import Any

from twisted.logger import LogLevel, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from neon.media.soundcard import LINGER, SoundCard
from tests.media.fakes import FakeProcess, FakeProcessReactor

LINK = 42
OPEN = b'{"capture": "", "playback": "spk"}\n'


class SoundCardTests(SynchronousTestCase):
    """L{SoundCard}"""

    def setUp(self) -> None:
        self.reactor = FakeProcessReactor()
        self.card = SoundCard(self.reactor, LINK, "", "spk")
        self.logged: list[tuple[LogLevel, str]] = []
        observer: Any = self._note
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)

    def _note(self, event: dict[str, Any]) -> None:
        if str(event.get("log_namespace", "")).startswith("neon."):
            self.logged.append((event["log_level"], str(event.get("words") or event.get("line") or "")))

    def warnings(self) -> list[str]:
        return [words for level, words in self.logged if level is LogLevel.warn]

    def newest(self) -> FakeProcess:
        return self.reactor.processes[-1]

    def test_waits_for_a_call(self) -> None:
        """A worker is at hand from the start, but its device is not opened before there is a call."""
        self.card.start()
        self.assertEqual(len(self.reactor.processes), 1)
        self.assertEqual(self.newest().stdin, [])
        self.card.acquire()
        self.assertEqual(self.newest().stdin, [OPEN])
        self.card.acquire()
        self.assertEqual(self.newest().stdin, [OPEN])

    def test_command_line(self) -> None:
        """The worker gets the socket, its parent's number and the devices, and nothing that is the daemon's alone."""
        self.patch(os, "environ", {"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "1", "HOME": "/home/x"})
        self.card.start()
        worker = self.newest()
        self.assertEqual(worker.arguments[1:4], ["-P", "-m", "neon.media.portaudio"])
        self.assertEqual(worker.arguments[4:], ["--fd=3", f"--parent={os.getpid()}"])
        self.assertEqual(worker.child_fds, {0: "w", 1: "r", 2: "r", 3: LINK})
        self.assertEqual(set(worker.env), {"HOME", "PYTHONPATH"})

    def test_one_side(self) -> None:
        """A side that is not wanted is not mentioned."""
        card = SoundCard(self.reactor, LINK, None, "")
        card.start()
        card.acquire()
        self.assertEqual(self.newest().stdin, [b'{"playback": ""}\n'])

    def test_others_in_a_call(self) -> None:
        """Other devices have a worker of their own, which opens as soon as the one before has let go of its own."""
        self.card.start()
        self.card.acquire()
        first = self.newest()
        first.says(b"open\n")
        self.card.use("mic", "spk")
        self.assertFalse(first.stdin_open)
        first.exit(0)
        self.assertIsNot(self.newest(), first)
        self.assertEqual(self.newest().stdin, [b'{"capture": "mic", "playback": "spk"}\n'])

    def test_others_before_a_call(self) -> None:
        """A worker that waits for its first call is told of other devices when the call comes, not before."""
        self.card.start()
        self.card.use("mic", "spk")
        self.assertEqual((len(self.reactor.processes), self.newest().stdin), (1, []))
        self.card.acquire()
        self.assertEqual(self.newest().stdin, [b'{"capture": "mic", "playback": "spk"}\n'])

    def test_the_same_again(self) -> None:
        """The devices that it has already are left alone, as long as they work."""
        self.card.start()
        self.card.acquire()
        self.newest().says(b"open\n")
        self.card.use("", "spk")
        self.assertTrue(self.newest().stdin_open)

    def test_others_after_a_failure(self) -> None:
        """Other devices do not have to wait until the broken ones would have been tried again."""
        self.card.start()
        self.card.acquire()
        for _ in range(6):
            self.newest().exit(3)
            self.reactor.advance(30)
        self.newest().exit(3)
        count = len(self.reactor.processes)
        self.card.use("mic", "spk")
        self.assertEqual(len(self.reactor.processes), count + 1)

    def test_one_of_two(self) -> None:
        """A microphone that cannot be had is told, while the loudspeaker works; a later look tries it again."""
        self.card.start()
        self.card.acquire()
        first = self.newest()
        first.says(b"open\nhalf: the microphone cannot be opened: -9996\n")
        self.assertEqual(self.card.problem, "the microphone cannot be opened: -9996")
        self.assertTrue(self.card.has_worked)
        self.card.use("", "spk")
        first.exit(0)
        self.newest().says(b"open\n")
        self.assertIsNone(self.card.problem)

    def test_lingers(self) -> None:
        """The device stays open for a while after a call, and a call in that time uses it."""
        self.card.start()
        self.card.acquire()
        self.card.release()
        self.reactor.advance(LINGER - 0.1)
        self.card.acquire()
        self.reactor.advance(10)
        self.assertTrue(self.newest().stdin_open)
        self.assertEqual(self.newest().stdin, [OPEN])

    def test_replaced_after_the_calls(self) -> None:
        """After the last call the worker is let go, and a fresh one waits for the next."""
        self.card.start()
        self.card.acquire()
        first = self.newest()
        first.says(b"open\n")
        self.card.release()
        self.reactor.advance(LINGER)
        self.assertFalse(first.stdin_open)
        self.assertEqual(len(self.reactor.processes), 1)
        first.exit(0)
        self.assertEqual(len(self.reactor.processes), 2)
        self.assertEqual(self.newest().stdin, [])
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_call_while_replaced(self) -> None:
        """A call that comes while the old worker is on its way out gets the next one, at once."""
        self.card.start()
        self.card.acquire()
        self.card.release()
        self.reactor.advance(LINGER)
        self.card.acquire()
        first = self.newest()
        first.exit(0)
        self.assertIsNot(self.newest(), first)
        self.assertEqual(self.newest().stdin, [OPEN])

    def test_back_off(self) -> None:
        """A worker that ends by itself is replaced after 0.5 s, then twice as long, up to 30 s; and is told to open."""
        self.card.start()
        self.card.acquire()
        for delay in (0.5, 1, 2, 4, 8, 16, 30, 30):
            count = len(self.reactor.processes)
            self.newest().says(b"no device\n")
            self.newest().exit(3)
            self.reactor.advance(delay - 0.01)
            self.assertEqual(len(self.reactor.processes), count)
            self.reactor.advance(0.02)
            self.assertEqual(len(self.reactor.processes), count + 1)
            self.assertEqual(self.newest().stdin, [OPEN])

    def test_unasked_end_is_no_success(self) -> None:
        """Exit code 0 without having been asked for is backed off like any other."""
        self.card.start()
        self.newest().exit(0)
        self.assertEqual(len(self.reactor.processes), 1)
        self.reactor.advance(0.5)
        self.assertEqual(len(self.reactor.processes), 2)

    def test_said_once(self) -> None:
        """What is wrong is said once, and once more when it works again."""
        self.card.start()
        self.card.acquire()
        for _ in range(5):
            self.newest().says(b"the sound device can")
            self.newest().says(b"not be opened: -9996\n")
            self.newest().exit(3)
            self.reactor.advance(30)
        self.assertEqual(self.warnings(), ["the sound device cannot be opened: -9996"])
        self.newest().says(b"open\n")
        self.newest().says(b"the sound device failed: -9999\n")
        self.newest().exit(4)
        self.assertEqual(self.warnings()[1:], ["the sound device failed: -9999"])

    def test_short_success_does_not_reset(self) -> None:
        """A device that opens and fails at once is still backed off; one that worked for long is not."""
        self.card.start()
        self.card.acquire()
        for delay in (0.5, 1, 2):
            self.newest().says(b"open\n")
            self.newest().exit(4)
            count = len(self.reactor.processes)
            self.reactor.advance(delay - 0.01)
            self.assertEqual(len(self.reactor.processes), count)
            self.reactor.advance(0.01)
        self.newest().says(b"open\n")
        self.reactor.advance(60)
        self.newest().exit(4)
        count = len(self.reactor.processes)
        self.reactor.advance(0.5)
        self.assertEqual(len(self.reactor.processes), count + 1)

    def test_calls_do_not_hurry_it(self) -> None:
        """Calls that come and go while the device is broken start no worker before its time."""
        self.card.start()
        self.newest().exit(3)
        for _ in range(10):
            self.card.acquire()
            self.card.release()
        self.assertEqual(len(self.reactor.processes), 1)
        self.reactor.advance(0.5)
        self.assertEqual(len(self.reactor.processes), 2)
        self.assertEqual(self.newest().stdin, [])

    def test_no_process(self) -> None:
        """A machine that is out of processes is said so, and tried again later."""
        self.reactor.spawn_error = OSError(11, "Resource temporarily unavailable")
        self.card.start()
        self.assertEqual(len(self.warnings()), 1)
        self.card.acquire()
        self.reactor.spawn_error = None
        self.reactor.advance(0.5)
        self.assertEqual(self.newest().stdin, [OPEN])

    def test_stop(self) -> None:
        """The end is announced when the worker is gone, and leaves nothing behind."""
        self.card.start()
        self.card.acquire()
        d = self.card.stop()
        self.assertFalse(self.newest().stdin_open)
        self.assertNoResult(d)
        self.newest().exit(0)
        self.successResultOf(d)
        self.assertEqual(len(self.reactor.processes), 1)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_stop_is_enforced(self) -> None:
        """A worker that does not end within a second is killed."""
        self.card.start()
        d = self.card.stop()
        self.reactor.advance(1)
        self.assertEqual(self.newest().signals, ["KILL"])
        self.newest().exit(1)
        self.successResultOf(d)

    def test_stop_while_backing_off(self) -> None:
        """The end during a back-off is immediate, and final."""
        self.card.start()
        self.newest().exit(3)
        self.successResultOf(self.card.stop())
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_stop_while_lingering(self) -> None:
        """The end while a worker lingers cancels the rest of its time."""
        self.card.start()
        self.card.acquire()
        self.card.release()
        d = self.card.stop()
        self.newest().exit(0)
        self.successResultOf(d)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_flood(self) -> None:
        """A worker that floods stderr fills no log, and one that never ends a line fills no memory."""
        self.card.start()
        worker = self.newest()
        worker.says(err=b"Traceback\n" * 1000)
        self.assertEqual(len(self.logged), 20)
        worker.says(b"x" * 100_000)
        worker.says(b"y" * 100_000 + b"\n")
        worker.exit(1)
        self.assertLess(len(self.warnings()[0]), 1000)
