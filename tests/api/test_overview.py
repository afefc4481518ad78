"""The supervisor's view: what is found, in which order, and that a large floor stops nobody else."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from neon.api.overview import SLICE, Overview
from neon.switchboard import CallPicture, ExtensionPicture, Phase, Watcher
from neon.values import Direction


class Floor:
    """A switchboard of so many."""

    def __init__(self, *pictures: ExtensionPicture) -> None:
        self._pictures = pictures

    def pictures(self) -> tuple[ExtensionPicture, ...]:
        return self._pictures

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        raise AssertionError("nobody watches")


def extension(name: str, *calls: CallPicture, registered: bool = True) -> ExtensionPicture:
    return ExtensionPicture(name, f"sip:{name}@acme.example", registered, calls)


def call(number: int, phase: Phase = Phase.UP, party: str = "600", *, hold: bool = False) -> CallPicture:
    return CallPicture(number, Direction.OUTGOING, "101", party, phase=phase, hold=hold)


TALKING = extension("101", call(7))
RINGING = extension("9", call(8, Phase.RINGING, "maria"))
WAITING = extension("10", call(9, hold=True))
IDLE, GONE = extension("200"), extension("100", registered=False)


class OverviewTests(SynchronousTestCase):
    def look(self, *pictures: ExtensionPicture, acts: bool = True, **wanted: Any) -> Any:
        return self.successResultOf(self.begin(Clock(), *pictures, acts=acts, **wanted))

    def begin(
        self,
        clock: Clock,
        *pictures: ExtensionPicture,
        acts: bool = True,
        search: str = "",
        status: str | None = None,
        limit: int = 100,
    ) -> Deferred[Any]:
        answered = SimpleNamespace(call_id=7, answered_at=70.0)
        rings = SimpleNamespace(call_id=8, answered_at=None)
        phone = SimpleNamespace(now=72.5, calls=lambda: (answered, rings))
        context: Any = SimpleNamespace(phone=phone)
        return Overview(clock, Floor(*pictures), acts=acts).look(context, search, status, limit)

    def names(self, *pictures: ExtensionPicture, **wanted: Any) -> list[str]:
        return [row["extension"] for row in self.look(*pictures, **wanted)["extensions"]]

    def test_order(self) -> None:
        """Who rings comes first, then who talks, who waits, who is there, who is not; and 9 before 10."""
        self.assertEqual(self.names(GONE, IDLE, WAITING, TALKING, RINGING), ["9", "101", "10", "200", "100"])
        self.assertEqual(self.names(*(extension(name) for name in ("10", "b", "9", "a2", "a10"))),
                         ["9", "10", "a2", "a10", "b"])  # fmt: skip

    def test_search(self) -> None:
        """By number, address, or who is at the other end, in any case."""
        floor = (TALKING, RINGING, IDLE)
        for search, found in (("20", ["200"]), ("MARIA", ["9"]), ("acme", ["9", "101", "200"]), ("nobody", [])):
            self.assertEqual(self.names(*floor, search=search), found, search)

    def test_counts(self) -> None:
        """Everybody is counted, whatever is searched for and however few are shown."""
        answer = self.look(GONE, IDLE, WAITING, TALKING, RINGING, status="idle", limit=1)
        self.assertEqual(answer["counts"], {"ringing": 1, "inuse": 1, "onhold": 1, "idle": 1, "unavailable": 1})
        self.assertEqual((answer["total"], answer["found"], len(answer["extensions"])), (5, 1, 1))
        answer = self.look(*(extension(str(number)) for number in range(30)), limit=10)
        self.assertEqual((answer["total"], answer["found"], len(answer["extensions"])), (30, 30, 10))

    def test_calls(self) -> None:
        """A call with its ends, its phase, and how long it has been up, where it is ours."""
        (row,) = self.look(TALKING)["extensions"]
        self.assertEqual(
            row["calls"],
            [
                {
                    "callId": 7,
                    "type": "outgoing",
                    "from": "101",
                    "to": "600",
                    "phase": "Up",
                    "hold": False,
                    "recording": False,
                    "duration": 2500,
                }
            ],
        )
        (row,) = self.look(TALKING, acts=False)["extensions"]
        self.assertNotIn("duration", row["calls"][0])

    def test_slices(self) -> None:
        """A floor of thousands is looked through in turns, and the answer is the same."""
        clock = Clock()
        looking = self.begin(clock, *(extension(str(number)) for number in range(2 * SLICE + 1)), search="2000")
        self.assertNoResult(looking)
        clock.advance(0)
        self.assertEqual([row["extension"] for row in self.successResultOf(looking)["extensions"]], ["2000"])
        self.assertEqual(clock.getDelayedCalls(), [])
