"""Calls leave nothing behind that only the garbage collector could find: it seldom looks while calls are up."""

from __future__ import annotations

import gc
from collections import Counter

from tests.sip.calls import CallCase
from tests.sip.messages import PEER


class GarbageTests(CallCase):
    def setUp(self) -> None:
        super().setUp()
        self.bob = self.side(PEER)
        # Whatever is made once and kept is made by these.
        self.a_call()
        self.wait(70)

    def a_call(self) -> None:
        call, _ = self.alice.call(PEER)
        self.wait()
        self.bob.incoming[-1].accept()
        self.wait()
        call.hold(True)
        self.wait()
        call.hold(False)
        self.wait()
        call.hang_up()
        self.wait()
        self.clear()

    def clear(self) -> None:
        """Let the fakes forget."""
        self.network.sent.clear()
        for side in self.sides:
            for seen in (side.invitations, side.incoming, side.ears):
                seen.clear()

    def left_by(self, what: str) -> Counter[str]:
        """What the collector finds of ours and sippy's."""
        gc.collect()
        gc.disable()
        flags = gc.get_debug()
        gc.set_debug(gc.DEBUG_SAVEALL)
        try:
            getattr(self, what)()
            self.wait(140)
            self.clear()
            gc.collect()
            kinds = [type(thing) for thing in gc.garbage]
            return Counter(str(kind) for kind in kinds if kind.__module__.startswith(("neon.", "sippy.")))
        finally:
            gc.set_debug(flags)
            gc.garbage.clear()
            gc.enable()

    def test_call(self) -> None:
        """A call with hold, from both its ends."""
        self.assertEqual(self.left_by("a_call"), {})

    def refused(self) -> None:
        self.bob.refuse_with = 486
        self.alice.call(PEER)
        self.wait()
        self.clear()

    def test_refused(self) -> None:
        """A call that is refused."""
        self.assertEqual(self.left_by("refused"), {})

    def cancelled(self) -> None:
        call, _ = self.alice.call(PEER)
        self.wait()
        call.hang_up()
        self.wait()
        self.clear()

    def test_cancelled(self) -> None:
        """A call that is given up while it rings."""
        self.assertEqual(self.left_by("cancelled"), {})

    def transferred(self) -> None:
        call, _ = self.alice.call(PEER)
        self.wait()
        self.bob.incoming[-1].accept()
        self.wait()
        call.refer("sip:carol@example.org")
        self.wait()
        call.hang_up()
        self.wait()
        self.clear()

    def test_transferred(self) -> None:
        """A call whose transfer is refused."""
        self.assertEqual(self.left_by("transferred"), {})

    def test_senseless(self) -> None:
        """What the user asks of a call that is forgotten does nothing."""
        call, _ = self.alice.call(PEER)
        self.wait()
        answered = self.bob.incoming[-1]
        answered.accept()
        self.wait()
        call.hang_up()
        self.wait(70)
        for forgotten in (call, answered):
            for senseless in (forgotten.hang_up, forgotten.ring, forgotten.accept):
                senseless()
            forgotten.hold(True)
            forgotten.reject(486)
            forgotten.deflect("sip:carol@example.org")
            forgotten.send_digit("1", 100)
            forgotten.refer("sip:carol@example.org", call)
            forgotten.notify_referral(200, "OK")
        self.assert_nothing_left()
