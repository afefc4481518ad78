"""Hold, both ways: what a peer sees of ours, what our clients see of theirs, and what is heard meanwhile."""

from __future__ import annotations

from typing import Any

from tests import audio
from tests.integration import sound
from tests.integration.baresip import start_baresip
from tests.integration.daemon import start_daemon
from tests.integration.kamailio import start_kamailio
from tests.integration.processes import IntegrationCase, pause, until
from tests.integration.rtp import RtpPeer, open_peer
from tests.integration.sippcase import SippCase

HZ, DBM0 = 700, -14


def level(peer: RtpPeer, packets: int = 20) -> float:
    """How loud the last packets were."""
    heard = peer.samples()[-160 * packets :]
    return audio.level_dbm0(heard)


async def more(peer: RtpPeer, packets: int) -> None:
    """Wait until so many more have come."""
    before = len(peer.heard)
    await until(lambda: len(peer.heard) >= before + packets, f"{packets} packets more")


class HoldTests(SippCase):
    async def talking(self, scenario: str) -> tuple[int, RtpPeer, Any]:
        """Call a scenario, which hears our tone."""
        await self.started(capture=f"tone:{HZ}:{DBM0}")
        await self.client.command("subscribe", events="all")
        peer = open_peer(self, tone_hz=1100)
        sipp = await self.callee(scenario, rtp_port=peer.port)
        call = await self.call(sipp)
        await self.client.event("OnAcceptCall", callId=call)
        await until(lambda: len(peer.heard) > 30, "our audio")
        self.assertIsNone(sound.pure_complaint(peer.samples(), HZ, DBM0, 0.3))
        return call, peer, sipp

    async def listed(self, call: int) -> dict[str, Any]:
        calls = (await self.client.command("listcalls"))["calls"]
        found: dict[str, Any] = next(one for one in calls if one["callId"] == call)
        return found

    async def test_hold_and_resume(self) -> None:
        """The peer gets a=sendonly and silence, then a=sendrecv and our tone again; clients hear of both."""
        call, peer, sipp = await self.talking("uas_hold")
        self.assertFalse((await self.listed(call))["hold"])
        await self.client.command("sethold", callid=call, hold=True)
        held = await self.client.event("OnHold", callId=call)
        self.assertEqual((held["local"], held["remote"], held["SIPError"]), (True, False, 0))
        self.assertTrue((await self.listed(call))["hold"])
        await more(peer, 30)
        self.assertLess(level(peer), -60)
        await self.client.command("sethold", callid=call, hold="no")
        held = await self.client.event("OnHold", callId=call)
        self.assertEqual((held["local"], held["remote"]), (False, False))
        await more(peer, 30)
        self.assertApproximates(level(peer), DBM0, 1)
        await self.client.command("finalizecall", callid=call)
        await self.over(call, 0)
        await sipp.finished()
        self.daemon_is_well()

    async def test_refused(self) -> None:
        """Glare is tried again, a refusal is told; the call goes on and is heard."""
        call, peer, sipp = await self.talking("uas_hold_glare")
        await self.client.command("sethold", callid=call, hold=True)
        refused = await self.client.event("OnHold", callId=call)
        self.assertEqual((refused["local"], refused["SIPError"]), (False, 488))
        self.assertFalse((await self.listed(call))["hold"])
        await more(peer, 30)
        self.assertApproximates(level(peer), DBM0, 1)
        await self.client.command("finalizecall", callid=call)
        await self.over(call, 0)
        await sipp.finished()
        self.daemon_is_well()

    async def test_held_by_them(self) -> None:
        """a=sendonly and c=0.0.0.0 are their hold: we are silent, and clients hear of it."""
        await self.registered(capture=f"tone:{HZ}:{DBM0}")
        await self.client.command("subscribe", events="OnHold")
        peer = open_peer(self)
        sipp = await self.caller("uac_holds", "-d", "1500", rtp_port=peer.port)
        call = await self.client.incoming()
        await self.client.command("acceptcall", callid=call)
        await self.client.event("OnAcceptCall", callId=call)
        for remote in (True, False, True, False):
            held = await self.client.event("OnHold", callId=call)
            self.assertEqual((held["local"], held["remote"]), (False, remote))
            self.assertEqual((await self.listed(call))["remoteHold"], remote)
            await pause(0.1)
            before = len(peer.heard)
            await pause(0.3)
            self.assertEqual(len(peer.heard) > before, not remote)
        await self.over(call, 0)
        await sipp.finished()
        self.daemon_is_well()

    async def test_seeds_meet_no_extension(self) -> None:
        """A client that did not subscribe hears of no hold."""
        call, _, _ = await self.talking("uas_hold")
        other = await self.daemon.connect()
        await self.client.command("sethold", callid=call, hold=True)
        await self.client.event("OnHold", callId=call)
        await pause(0.2)
        self.assertEqual([event["name"] for event in other.events], [])


class PhoneTests(IntegrationCase):
    """Holds between NEON and baresip, through kamailio."""

    programs_needed = ("kamailio", "baresip")

    async def test_both_ways(self) -> None:
        """NEON holds the phone and goes on; the phone holds NEON and goes on; the call survives it all."""
        proxy = await start_kamailio(self, {"2001": "one", "2002": "two"})
        daemon = await start_daemon(self, capture=f"tone:{HZ}:{DBM0}")
        client = await daemon.connect()
        await client.command("subscribe", events="all")
        await client.register(proxy.domain, "2001", "one")
        phone = await start_baresip(self, "2002", proxy.domain, "two", tone_hz=1100, answer="auto")
        call = await client.call("2002")
        await client.event("OnAcceptCall", callId=call)
        await phone.event("CALL_ESTABLISHED")
        for hold in (True, False):
            await client.command("sethold", callid=call, hold=hold)
            held = await client.event("OnHold", callId=call)
            self.assertEqual((held["local"], held["remote"], held["SIPError"]), (hold, False, 0))
            await pause(0.3)
        for command, remote in (("hold", True), ("resume", False)):
            phone.command(command)
            held = await client.event("OnHold", callId=call)
            self.assertEqual((held["local"], held["remote"]), (False, remote))
            await pause(0.3)
        await client.command("finalizecall", callid=call)
        self.assertEqual((await client.event("OnFinalizedCall", callId=call))["SIPError"], 0)
        self.assertEqual(daemon.complaints(), [])
