"""The harness itself, without NEON: do the programs that are to judge NEON agree with each other?"""

from __future__ import annotations

from tests.integration import sound
from tests.integration.baresip import start_baresip
from tests.integration.kamailio import start_kamailio
from tests.integration.processes import IntegrationCase, pause
from tests.integration.sipp import start_sipp


class BaresipTests(IntegrationCase):
    """baresip calls baresip through kamailio."""

    programs_needed = ("kamailio", "baresip")

    async def test_two_phones_hear_each_other(self) -> None:
        """Each phone's recording holds the other one's tone, at the level it was spoken."""
        proxy = await start_kamailio(self, {"2001": "one", "2002": "two"})
        first = await start_baresip(self, "2001", proxy.domain, "one", tone_hz=500)
        second = await start_baresip(self, "2002", proxy.domain, "two", tone_hz=900, answer="auto")
        first.dial(f"sip:2002@{proxy.domain}")
        await first.event("CALL_ESTABLISHED")
        await pause(1.5)
        first.hang_up()
        await second.event("CALL_CLOSED")
        for phone, hz in ((first, 900), (second, 500)):
            self.assertIsNone(sound.pure_complaint(await phone.heard(), hz, -12))


class SippTests(IntegrationCase):
    """sipp's two sides, played against each other: a scenario that cannot succeed would accuse NEON wrongly."""

    programs_needed = ("sipp",)

    async def _play(self, calling: str, called: str, **keys: str) -> None:
        callee = await start_sipp(self, called, keys=keys)
        caller = await start_sipp(self, calling, "-s", "2001", "-d", "200", target=callee.address)
        await caller.finished()
        await callee.finished()

    async def test_answered(self) -> None:
        """Answered, and hung up by the caller."""
        await self._play("uac_call", "uas_answer")

    async def test_hung_up_by_callee(self) -> None:
        """Answered, and hung up by the callee."""
        await self._play("uac_is_hung_up", "uas_hangs_up")

    async def test_delayed_offer(self) -> None:
        """The offer in the 200, the answer in the ACK."""
        await self._play("uac_delayed_offer", "uas_answer")

    async def test_early_media(self) -> None:
        """183, then 200."""
        await self._play("uac_call", "uas_early_media")

    async def test_cancelled(self) -> None:
        """CANCEL while it rings."""
        await self._play("uac_cancels", "uas_no_answer")

    async def test_refused(self) -> None:
        """486 and 488."""
        await self._play("uac_is_refused", "uas_status", status="486", reason="Busy Here")
        await self._play("uac_bad_codec", "uas_status", status="488", reason="Not Acceptable Here")

    async def test_wrong_outcome_is_noticed(self) -> None:
        """A caller who is refused where it expects an answer says so."""
        with self.assertRaises(AssertionError):
            await self._play("uac_call", "uas_status", status="486", reason="Busy Here")
