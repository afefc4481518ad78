"""Which tone is heard when, over a phone whose far ends a test drives."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from neon.toneplayer import FAILURE_SECONDS, TonePlayer
from neon.tones import TONES, Cadence, of_key
from neon.values import Cause
from tests.fakes import AGREEMENT, FakeCall, FakeWorld


class FakeSpeaker:
    def __init__(self) -> None:
        self.heard: list[str] = []

    def play(self, cadence: Cadence | None) -> None:
        names = [tone.value for tone, one in TONES["br"].items() if one is cadence]
        self.heard.append(names[0] if names else "nothing")

    def once(self, cadence: Cadence) -> None:
        digits = [digit for digit in "0123456789*#ABCD" if of_key(digit, 100) == cadence]
        self.heard.append(f"key {digits[0]}")


class ToneCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.world = FakeWorld()
        self.speaker = FakeSpeaker()
        self.audio: set[int] = set()
        self.player = TonePlayer(
            self.world.bus,
            self.world.clock,
            TONES["br"],
            self.speaker,
            self.world.phone.calls,
            lambda call_id: call_id in self.audio,
        )
        self.world.phone.control.on_pressed = self.player.pressed
        self.world.registered()

    def call(self) -> tuple[int, FakeCall]:
        call_id = self.world.phone.start_call("32")
        self.world.turn()
        return call_id, self.world.signalling.calls[-1]

    def heard(self) -> list[str]:
        self.world.turn()
        heard, self.speaker.heard = self.speaker.heard, []
        return heard


class OutgoingTests(ToneCase):
    def test_answered(self) -> None:
        """It rings there until somebody answers."""
        _, far_end = self.call()
        self.assertEqual(self.heard(), [])
        far_end.listener.ringing(180, None)
        self.assertEqual(self.heard(), ["ring-back"])
        far_end.listener.ringing(180, None)
        self.assertEqual(self.heard(), [])
        far_end.listener.answered(AGREEMENT)
        self.assertEqual(self.heard(), ["nothing"])
        far_end.listener.ended(Cause())
        self.assertEqual(self.heard(), [])

    def test_early_media(self) -> None:
        """What the network sends is heard instead: from its first packet on, and with 183 from when it is agreed on."""
        call_id, far_end = self.call()
        far_end.listener.ringing(180, AGREEMENT)
        self.assertEqual(self.heard(), ["ring-back"])
        self.player.heard(call_id)
        self.assertEqual(self.heard(), ["nothing"])
        far_end.listener.ended(Cause(486, "Busy Here"))
        self.assertEqual(self.heard(), [], "the network has said so")
        call_id, far_end = self.call()
        self.audio.add(call_id)
        far_end.listener.ringing(183, AGREEMENT)
        self.assertEqual(self.heard(), [])

    def test_progress_without_audio(self) -> None:
        """183 that brings no audio would be silence."""
        _, far_end = self.call()
        far_end.listener.ringing(183, None)
        self.assertEqual(self.heard(), ["ring-back"])

    def test_refused(self) -> None:
        """Busy or congestion, for a while; a new call ends it."""
        for status, tone in ((486, "busy"), (600, "busy"), (404, "congestion"), (503, "congestion")):
            _, far_end = self.call()
            far_end.listener.ringing(180, None)
            self.heard()
            far_end.listener.ended(Cause(status, ""))
            self.assertEqual(self.heard(), [tone])
            self.world.clock.advance(FAILURE_SECONDS)
            self.assertEqual(self.heard(), ["nothing"])
        _, far_end = self.call()
        far_end.listener.ended(Cause(486, ""))
        self.assertEqual(self.heard(), ["busy"])
        self.call()
        self.assertEqual(self.heard(), ["nothing"])
        self.assertEqual(self.world.clock.getDelayedCalls(), [])

    def test_given_up(self) -> None:
        """Whoever gives up knows why it is silent."""
        call_id, far_end = self.call()
        far_end.listener.ringing(180, None)
        self.heard()
        self.world.phone.finalize_call(call_id)
        far_end.listener.ended(Cause(487, ""))
        self.assertEqual(self.heard(), ["nothing"])

    def test_beside_another(self) -> None:
        """No busy tone while somebody is being talked to."""
        _, first = self.call()
        first.listener.answered(AGREEMENT)
        _, second = self.call()
        second.listener.ended(Cause(486, ""))
        self.assertEqual(self.heard(), [])

    def test_keys(self) -> None:
        """Each digit is heard when it is sent, however it goes."""
        call_id, far_end = self.call()
        far_end.listener.answered(AGREEMENT)
        self.world.phone.control.send_digits(call_id, "1#")
        self.world.clock.pump([0.1] * 5)
        self.assertEqual(self.heard(), ["key 1", "key #"])


class WaitingTests(ToneCase):
    def ring(self) -> FakeCall:
        call = self.world.signalling.call_in()
        assert isinstance(call, FakeCall)
        return call

    def test_first_caller(self) -> None:
        """A caller who finds nobody talking does not wait: that is for the bell."""
        self.ring()
        self.assertEqual(self.heard(), [])

    def test_second_caller(self) -> None:
        """A second caller is heard until the call is answered, refused, given up, or the first one ends."""
        _, far_end = self.call()
        far_end.listener.answered(AGREEMENT)
        for end in ("answered", "given up", "first"):
            second = self.ring()
            self.assertEqual(self.heard(), ["call-waiting"], end)
            call_id = self.world.phone.calls()[-1].call_id
            if end == "answered":
                self.world.phone.accept_call(call_id)
                second.listener.answered(AGREEMENT)
            elif end == "given up":
                second.listener.ended(Cause(487, ""))
            else:
                far_end.listener.ended(Cause())
            self.assertEqual(self.heard(), ["nothing"], end)
            if end == "answered":
                second.listener.ended(Cause())
                self.heard()

    def test_stopped(self) -> None:
        """At the end of the daemon it is silent."""
        _, far_end = self.call()
        far_end.listener.ringing(180, None)
        self.heard()
        self.player.stop()
        self.assertEqual(self.heard(), ["nothing"])
