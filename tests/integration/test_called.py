"""Calls that sipp places to NEON: accepted, refused, cancelled, with and without an offer."""

from __future__ import annotations

from tests.integration import sound
from tests.integration.daemon import Refused
from tests.integration.processes import pause, until
from tests.integration.rtp import open_peer
from tests.integration.sippcase import NUMBER, SippCase


class CalledTests(SippCase):
    async def test_accepted(self) -> None:
        """Rings (180) until acceptcall; then audio both ways within 200 ms; the caller's BYE ends it."""
        heard = self.folder / "heard.wav"
        await self.registered(capture="tone:700:-14", playback=f"file:{heard}")
        peer = open_peer(self, tone_hz=1100, dbm0=-10)
        sipp = await self.caller("uac_call", "-d", "1500", rtp_port=peer.port)
        started = await self.client.event("OnNewCall")
        self.assertEqual(started["type"], "incoming")
        self.assertTrue(started["to"].startswith(f"sip:{NUMBER}@"))
        call = int(started["callId"])
        await until(lambda: "SIP/2.0 180" in sipp.messages(), "ringing")
        self.assertEqual(peer.heard, [], "no media before the answer")
        await self.client.command("acceptcall", callid=call)
        await self.client.event("OnAcceptCall", callId=call)
        over = await self.over(call, 0)
        self.assertTrue(1300 < over["duration"] < 4500, over)
        await sipp.finished()
        acknowledged = sipp.sent_at("ACK ")
        self.assertLess(peer.heard[0].at, acknowledged + 1.0)
        self.assertIsNone(sound.pure_complaint(peer.samples(), 700, -14))
        self.assertIsNone(sound.pure_complaint(await sound.recording(heard), 1100, -10))
        self.daemon_is_well()

    async def test_answered(self) -> None:
        """Calls that were answered, one after the other: hung up by us, cancelled too late, without an offer."""
        await self.registered(capture="tone:700:-14")
        await self.hung_up_by_us()
        await self.cancelled_too_late()
        await self.delayed_offer()
        self.daemon_is_well()

    async def test_not_answered(self) -> None:
        """Calls that were not: refused by us, given up, without a codec in common; and an OPTIONS."""
        await self.registered()
        await self.no_codec_in_common()
        await self.refused_by_us()
        await self.caller_gives_up()
        await self.options()
        self.daemon_is_well()

    async def hung_up_by_us(self) -> None:
        """finalizecall of an accepted call sends the BYE; once more it is still a success."""
        sipp = await self.caller("uac_is_hung_up")
        call = await self.client.incoming()
        await self.client.command("acceptcall", callid=call)
        await self.client.event("OnAcceptCall", callId=call)
        await pause(0.3)
        await self.client.command("finalizecall", callid=call)
        await self.over(call, 0)
        await self.client.command("finalizecall", callid=call)
        await sipp.finished()

    async def refused_by_us(self) -> None:
        """finalizecall of a call that rings refuses it: 486."""
        sipp = await self.caller("uac_is_refused")
        call = await self.client.incoming()
        await self.client.command("finalizecall", callid=call)
        await self.over(call)
        await sipp.finished()

    async def caller_gives_up(self) -> None:
        """A CANCEL ends the ringing; accepting it then is refused."""
        sipp = await self.caller("uac_cancels")
        call = await self.client.incoming()
        await self.over(call)
        await sipp.finished()
        refusal = await self.failed(call)
        self.assertEqual(refusal.code, 102)
        self.assertEqual(self.client.happened(call), [])

    async def failed(self, call: int) -> Refused:
        """Accept a call that cannot be accepted."""
        try:
            await self.client.command("acceptcall", callid=call)
        except Refused as refusal:
            return refusal
        raise AssertionError("accepted a call that is over")

    async def cancelled_too_late(self) -> None:
        """A CANCEL after the 200 changes nothing."""
        sipp = await self.caller("uac_cancels_late")
        call = await self.client.incoming()
        await self.client.command("acceptcall", callid=call)
        await self.client.event("OnAcceptCall", callId=call)
        await self.over(call, 0)
        await sipp.finished()

    async def delayed_offer(self) -> None:
        """An INVITE without an offer gets one in the 200, and media as the ACK answers."""
        peer = open_peer(self)
        sipp = await self.caller("uac_delayed_offer", "-d", "1200", rtp_port=peer.port)
        call = await self.client.incoming()
        await self.client.command("acceptcall", callid=call)
        await self.client.event("OnAcceptCall", callId=call)
        await self.over(call, 0)
        await sipp.finished()
        self.assertIsNone(sound.pure_complaint(peer.samples(), 700, -14))

    async def no_codec_in_common(self) -> None:
        """An offer of G.729 only is refused with 488, and no client hears of it."""
        sipp = await self.caller("uac_bad_codec")
        await sipp.finished()
        self.assertEqual([event["name"] for event in self.client.events if "Call" in event["name"]], [])

    async def options(self) -> None:
        """OPTIONS is answered with what we allow and accept."""
        await (await self.caller("uac_options")).finished()

    async def test_too_many(self) -> None:
        """A call more than max_calls is refused with 486."""
        await self.registered(max_calls=1)
        sipp = await self.caller("uac_is_hung_up")
        call = await self.client.incoming()
        await self.client.command("acceptcall", callid=call)
        await self.client.event("OnAcceptCall", callId=call)
        await (await self.caller("uac_is_refused")).finished()
        await self.client.command("finalizecall", callid=call)
        await self.over(call, 0)
        await sipp.finished()
