"""Attended transfers with phones of others (pjsua) in the other two parts, whichever part of the play is ours.

Kamailio stands between them. 2001 is NEON.
"""

from __future__ import annotations

from pathlib import Path

from tests.integration import sound
from tests.integration.daemon import start_daemon
from tests.integration.kamailio import start_kamailio
from tests.integration.pjsua import Pjsua, start_pjsua
from tests.integration.processes import IntegrationCase, pause

USERS = {"2001": "one", "2002": "two", "2003": "three"}
OURS, TONES = 700, {"2002": 1100, "2003": 1500}
LEVEL = -5.1
"""Of pjsua's tones, in dBm0."""


class ReplacesTests(IntegrationCase):
    programs_needed = ("kamailio",)

    async def _world(self) -> None:
        self.proxy = await start_kamailio(self, USERS)
        self.second, self.third = await self._phone("2002"), await self._phone("2003")
        self.heard = self.folder / "heard.wav"
        self.daemon = await start_daemon(
            self, capture=f"tone:{OURS}:-14", playback=f"file:{self.heard}", sip_more="refer = allow"
        )
        self.client = await self.daemon.connect()
        await self.client.command("subscribe", events="all")
        await self.client.register(self.proxy.domain, "2001", "one")

    async def _phone(self, number: str) -> Pjsua:
        return await start_pjsua(self, number, self.proxy.domain, USERS[number], tone_hz=TONES[number])

    def _uri(self, number: str) -> str:
        return f"sip:{number}@{self.proxy.domain}"

    async def _call(self, number: str) -> int:
        """We call a phone."""
        call = await self.client.call(number)
        await self.client.event("OnAcceptCall", callId=call)
        return call

    async def _called_by(self, phone: Pjsua) -> tuple[int, int]:
        """A phone calls us: the number of the call here and there."""
        phone.command("call", to=self._uri("2001"))
        call = await self.client.incoming()
        await self.client.command("acceptcall", callid=call)
        await self.client.event("OnAcceptCall", callId=call)
        theirs = int((await phone.event("state", state="CONFIRMED"))["id"])
        return call, theirs

    async def _talks_with_the_third(self, call: int, replaced: int) -> None:
        """The new call is up in the place of another one, the third phone is heard in it, and it can end."""
        await self.client.event("OnAcceptCall", callId=call)
        self.assertEqual((await self.client.event("OnFinalizedCall", callId=replaced))["SIPError"], 0)
        (listed,) = (await self.client.command("listcalls"))["calls"]
        self.assertEqual((listed["callId"], listed["state"]), (call, "confirmed"))
        await pause(1.5)
        await self.client.command("finalizecall", callid=call)
        self.assertEqual((await self.client.event("OnFinalizedCall", callId=call))["SIPError"], 0)
        await self.third.event("state", state="DISCONNECTED")
        await self.daemon.program.stop()
        heard = await sound.recording(Path(self.heard))
        self.assertIsNone(sound.complaint(heard, TONES["2003"], LEVEL))
        self.assertEqual(self.daemon.complaints(), [])

    async def test_transferred(self) -> None:
        """2002 sends us to 2003 in its own place: our INVITE with Replaces is taken, and both old calls end."""
        await self._world()
        old, theirs = await self._called_by(self.second)
        other = await self.second.call(self._uri("2003"))
        self.second.command("refer", id=theirs, other=other)
        started = await self.client.event("OnNewCall", type="outgoing", replaces=old)
        await self.third.event("replaced")
        await self.second.event("transfer", status=200)
        await self._talks_with_the_third(int(started["callId"]), old)

    async def test_target(self) -> None:
        """2002 sends 2003 to us in its own place: the INVITE with Replaces of 2003 is answered without ringing."""
        await self._world()
        old, theirs = await self._called_by(self.second)
        other = await self.second.call(self._uri("2003"))
        self.second.command("refer", id=other, other=theirs)
        await self.third.event("referred")
        called = await self.client.event("OnNewCall", type="incoming", replaces=old)
        self.assertEqual(called["from"].partition("@")[0], "sip:2003")
        await self._talks_with_the_third(int(called["callId"]), old)
        await self.second.event("transfer", status=200)

    async def test_transferring(self) -> None:
        """We send 2002 to 2003 in our place: both phones talk to each other, and NEON has no call any more."""
        await self._world()
        first, second = await self._call("2002"), await self._call("2003")
        await self.client.command("transfercall", callid=first, tocallid=second)
        await self.second.event("referred")
        await self.third.event("replaced")
        await self.client.event("OnTransferedCall", callId=first)
        for call in (first, second):
            self.assertEqual((await self.client.event("OnFinalizedCall", callId=call))["SIPError"], 0)
        self.assertEqual((await self.client.command("listcalls"))["calls"], [])
        for phone, far in ((self.second, "2003"), (self.third, "2002")):
            self.assertIn(f"sip:{far}@", (await phone.event("state", state="CONFIRMED"))["remote"])
        self.assertEqual(self.daemon.complaints(), [])
