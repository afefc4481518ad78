"""How calls sound, told while they are up: a good one, one whose packets get lost, and one that falls silent."""

from __future__ import annotations

from tests.integration.rtp import open_peer
from tests.integration.sippcase import SippCase

EVENTS = "OnMediaStats,OnMediaWarning"
OFTEN = "stats-seconds = 2"


class QualityTests(SippCase):
    async def test_good(self) -> None:
        """A call on one machine: nothing lost, hardly a round trip, and the best opinion that G.711 gets."""
        await self.started(testbed=True, media_more=OFTEN)
        await self.client.command("subscribe", events=EVENTS)
        sip = self.daemon.access["sip"]
        await self.client.register(sip["domain"], sip["number"], sip["password"])
        call = await self.client.call("601")
        told = await self.client.event("OnMediaStats", 20.0, callId=call)
        while "roundTrip" not in told:
            told = await self.client.event("OnMediaStats", 20.0, callId=call)
        self.assertEqual(told["loss"], 0)
        self.assertGreater(told["mos"], 4.2)
        self.assertLess(told["roundTrip"], 500)
        self.assertGreater(told["packetsReceived"], 50)
        await self.client.command("finalizecall", callid=call)
        await self.over(call, 0)
        (logged,) = (await self.client.command("callhistory"))["calls"]
        self.assertEqual(logged["quality"]["loss"], 0)
        self.assertGreater(logged["quality"]["mos"], 4.2)
        self.daemon_is_well()

    async def test_bad(self) -> None:
        """A tenth is lost: figures, an opinion and a warning say so; then nothing arrives, which is another."""
        await self.started(media_more=OFTEN)
        await self.client.command("subscribe", events=EVENTS)
        peer = open_peer(self, tone_hz=1100)
        peer.loses = 10
        sipp = await self.callee("uas_answer", rtp_port=peer.port)
        call = await self.call(sipp)
        told = await self.client.event("OnMediaStats", 20.0, callId=call)
        self.assertTrue(6 < told["loss"] < 14, told)
        self.assertTrue(2.2 < told["mos"] < 4.0, told)
        warned = await self.client.event("OnMediaWarning", 20.0, callId=call)
        self.assertEqual((warned["problem"], warned["active"]), ("high-loss", True))
        self.assertTrue(warned["description"] and warned["advice"])
        peer._loop.stop()
        silent = await self.client.event("OnMediaWarning", 20.0, problem="no-audio", callId=call)
        self.assertIs(silent["active"], True)
        await self.client.command("finalizecall", callid=call)
        await self.over(call, 0)
        self.daemon_is_well()
