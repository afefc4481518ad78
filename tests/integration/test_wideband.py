"""G.722 with a real phone: who speaks it, and that what a telephone cannot carry is heard."""

from __future__ import annotations

from tests.integration.processes import pause
from tests.integration.widecall import OUR_LEVEL, TALK, WideCase

BOTH = "PCMA,G722/16000/1"


class WidebandTests(WideCase):
    async def test_calling(self) -> None:
        """We call and prefer G.722: both hear each other, the phone what only G.722 carries. It is encrypted, too."""
        await self.world(("G722", "PCMA"), BOTH, "srtp-mand")
        call = await self.calling()
        self.assertIs(self.accepted.get("encrypted"), True)
        self.assertLess(abs(await self.judged(call) - OUR_LEVEL), 1.5)

    async def test_called(self) -> None:
        """The phone calls and has both: our order decides."""
        await self.world(("G722", "PCMA"), BOTH)
        self.assertLess(abs(await self.judged(await self.called()) - OUR_LEVEL), 1.5)

    async def test_narrow(self) -> None:
        """Who prefers G.711 has no sound above 4 kHz: the same measurement says so."""
        await self.world(("PCMA", "G722"), BOTH)
        call = await self.called()
        await pause(TALK)
        await self.end(call)
        self.assertLess(await self.loudest(), -50)
