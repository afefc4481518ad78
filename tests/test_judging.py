"""Those who judge NEON, judged: what was heard, and whether the run may be judged at all."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from twisted.trial.reporter import TestResult
from twisted.trial.unittest import SynchronousTestCase

from tests import audio
from tests.integration import processes, sound


def _silence(seconds: float) -> list[int]:
    return [0] * round(seconds * audio.RATE)


class ListeningTests(SynchronousTestCase):
    """What a recording is said to hold."""

    def test_hole(self) -> None:
        """A hole, or a jump of the phase, does not spoil half a second that is right."""
        heard = [*audio.tone(1100, -10, 0.45), *_silence(0.3), *audio.tone(1100, -10, 0.8)]
        self.assertIsNone(sound.pure_complaint(heard, 1100, -10))

    def test_holes_everywhere(self) -> None:
        """Audio that breaks off again and again is no steady tone."""
        heard = [*audio.tone(1100, -10, 0.3), *_silence(0.1)] * 8
        self.assertIn("instead of -10", sound.pure_complaint(heard, 1100, -10) or "")

    def test_too_loud(self) -> None:
        """A level that is wrong all the time is told, as heard first."""
        self.assertEqual(sound.complaint(audio.tone(700, -11, 1.5), 700, -14), "700 Hz at -11.0 dBm0 instead of -14")

    def test_second_tone(self) -> None:
        """A second tone is an impurity, but the first one is there."""
        heard = [a + b for a, b in zip(audio.tone(700, -14, 1.5), audio.tone(1900, -17, 1.5), strict=True)]
        self.assertIsNone(sound.complaint(heard, 700, -14))
        self.assertIn("in all", sound.pure_complaint(heard, 700, -14) or "")

    def test_nothing(self) -> None:
        """Silence is told, and so is a tone that is too short."""
        self.assertIn("no 700 Hz", sound.complaint(_silence(1), 700, -14) or "")
        self.assertIn("only", sound.complaint(audio.tone(700, -14, 0.3), 700, -14) or "")


class _Standstill:
    """A machine that stands still for as long as it is told to, run by run."""

    lost: list[float]

    def stop(self) -> float:
        return self.lost.pop(0)


def _story(outcomes: list[bool]) -> processes.IntegrationCase:
    """A test whose outcomes are known beforehand; True is success."""

    class Story(processes.IntegrationCase):
        def test_story(self) -> None:
            self.assertTrue(outcomes.pop(0))

    return Story("test_story")


class AgainTests(SynchronousTestCase):
    """Which runs of an integration test are done again."""

    def setUp(self) -> None:
        self.patch(processes, "Standstill", _Standstill)
        self.patch(os, "environ", {})
        self.patch(processes, "ARTEFACTS", Path(self.mktemp()))
        self.addCleanup(shutil.rmtree, processes.ARTEFACTS, ignore_errors=True)

    def _told(self, outcomes: list[bool], lost: list[float]) -> Any:
        _Standstill.lost = lost
        result = TestResult()
        _story(outcomes).run(result)
        self.assertEqual(result.testsRun, 1)
        return result

    def test_right(self) -> None:
        """A success is one, whatever the machine did."""
        self.assertEqual(self._told([True], [9.0]).successes, 1)

    def test_wrong(self) -> None:
        """A failure while the machine ran well is one at once."""
        outcomes = [False, True]
        self.assertEqual(len(self._told(outcomes, [0.05]).failures), 1)
        self.assertEqual(outcomes, [True])

    def test_again(self) -> None:
        """A failure while the machine stood still does not count; its files are kept all the same."""
        result = self._told([False, True], [0.5, 0.0])
        self.assertEqual((result.successes, result.failures), (1, []))
        told, folder = sorted(processes.ARTEFACTS.iterdir())
        self.assertTrue(folder.is_dir())
        self.assertRegex(told.read_text(), r"^.*test_story: nothing ran for 0.50 s\n$")

    def test_doubted(self) -> None:
        """Who doubts a first failure has it done again, once, and is told of it."""
        os.environ[processes.DOUBT] = "yes"
        self.assertEqual(self._told([False, True], [0.0, 0.0]).successes, 1)
        self.assertRegex((processes.ARTEFACTS / processes.AGAIN).read_text(), r"test_story: .*False is not true\n$")
        outcomes = [False, False, True]
        self.assertEqual(len(self._told(outcomes, [0.0, 0.0]).failures), 1)
        self.assertEqual(outcomes, [True])

    def test_not_for_ever(self) -> None:
        """The third failure counts in any case."""
        outcomes = [False] * 3
        self.assertEqual(len(self._told(outcomes, [0.5] * 3).failures), 1)
        self.assertEqual(outcomes, [])

    def test_another_file_system(self) -> None:
        """Sockets, which are not copied from one file system to another, are no reason not to go on."""

        def move(folder: Path, kept: Path) -> None:
            raise shutil.Error([(f"{folder}/ctl.sock", f"{kept}/ctl.sock", "No such device or address")])

        self.patch(shutil, "move", move)
        self.assertEqual(self._told([False, True], [0.5, 0.0]).successes, 1)
        complaints = [path.read_text() for path in processes.ARTEFACTS.glob("*/complaints")]
        self.assertEqual(["not everything is here" in text for text in complaints], [True])
