"""Being transferred, and taking the place of a call: every part of the play once.

Kamailio stands between them. 2002 is who transfers, 2003 whom we are sent to.
"""

from __future__ import annotations

from tests.integration.baresip import Baresip, start_baresip
from tests.integration.daemon import Client, Daemon, start_daemon
from tests.integration.kamailio import start_kamailio
from tests.integration.processes import IntegrationCase
from tests.integration.sippcase import SippCase

USERS = {"2001": "one", "2002": "two", "2003": "three"}


class TransferredTests(IntegrationCase):
    programs_needed = ("kamailio", "baresip")

    async def _world(self, refer: str) -> None:
        self.proxy = await start_kamailio(self, USERS)
        self.daemon = await start_daemon(self, capture="tone:700:-14", sip_more=f"refer = {refer}")
        self.client = await self.daemon.connect()
        await self.client.command("subscribe", events="all")
        await self.client.register(self.proxy.domain, "2001", "one")
        self.second = await self._phone("2002", 1100)
        self.third = await self._phone("2003", 1500)

    async def _phone(self, number: str, hz: int) -> Baresip:
        return await start_baresip(self, number, self.proxy.domain, USERS[number], tone_hz=hz, answer="auto")

    async def _call_second(self) -> int:
        call = await self.client.call("2002")
        await self.client.event("OnAcceptCall", callId=call)
        await self.second.event("CALL_ESTABLISHED")
        return call

    async def _moved(self, old: int) -> int:
        """We call 2003 in the place of 2002, who hangs up: the events of both calls, in their order."""
        started = await self.client.event("OnNewCall", type="outgoing", replaces=old)
        new = int(started["callId"])
        await self.client.event("OnAcceptCall", callId=new)
        over = await self.client.event("OnFinalizedCall", callId=old)
        self.assertEqual(over["SIPError"], 0)
        (listed,) = (await self.client.command("listcalls"))["calls"]
        self.assertEqual((listed["callId"], listed["state"]), (new, "confirmed"))
        await self.client.command("finalizecall", callid=new)
        self.assertEqual((await self.client.event("OnFinalizedCall", callId=new))["SIPError"], 0)
        self.assertEqual(self.daemon.complaints(), [])
        return new

    async def test_asked(self) -> None:
        """Somebody is asked: after a no we call nobody, a yes is carried out."""
        await self._world("ask")
        call = await self._call_second()
        self.second.command("transfer", f"sip:2003@{self.proxy.domain}")
        asked = await self.client.event("OnTransferRequest", callId=call)
        self.assertEqual((asked["target"], asked["attended"]), (f"sip:2003@{self.proxy.domain}", False))
        await self.client.command("answertransfer", callid=call, allow=False)
        await self.second.event("TRANSFER_FAILED")
        # This phone hangs up when it could not transfer somebody.
        self.assertEqual((await self.client.event("OnFinalizedCall", callId=call))["SIPError"], 0)
        call = await self._call_second()
        self.second.command("transfer", f"sip:2003@{self.proxy.domain}")
        await self.client.event("OnTransferRequest", callId=call)
        await self.client.command("answertransfer", callid=call, allow=True)
        await self._moved(call)

    async def test_refused(self) -> None:
        """By default nobody sends us anywhere, and nobody is asked."""
        await self._world("refuse")
        call = await self._call_second()
        self.second.command("transfer", f"sip:2003@{self.proxy.domain}")
        await self.second.event("TRANSFER_FAILED")
        await self.client.command("finalizecall", callid=call)
        self.assertEqual((await self.client.event("OnFinalizedCall", callId=call))["SIPError"], 0)
        self.assertNotIn("OnTransferRequest", self.client.happened(call))
        self.assertEqual(self.daemon.complaints(), [])

class ReportTests(SippCase):
    async def test_nobody_there(self) -> None:
        """Whoever sends us to a number that nobody has is told 404, and the call with it goes on as it was."""
        await self.registered(sip_more="refer = allow")
        sipp = await self.caller("uac_refers", "-d", "1000", keys={"target": f"2999@{self.proxy.domain}"})
        old = await self.client.incoming()
        await self.client.command("acceptcall", callid=old)
        await self.client.event("OnAcceptCall", callId=old)
        started = await self.client.event("OnNewCall", type="outgoing", replaces=old)
        self.assertEqual(started["referredBy"], f"sip:sipp@{sipp.address}")
        await self.over(started["callId"], 404)
        (listed,) = (await self.client.command("listcalls"))["calls"]
        self.assertEqual((listed["callId"], listed["state"], listed["hold"]), (old, "confirmed", False))
        await self.over(old, 0)
        await sipp.finished()
        self.daemon_is_well()


class AttendedTests(IntegrationCase):
    """Three NEONs behind kamailio; 2002 talks to both others. L{tests.integration.test_replaces} has others' phones."""

    programs_needed = ("kamailio",)

    async def _world(self, refer: str) -> None:
        self.proxy = await start_kamailio(self, USERS)
        self.daemons: dict[str, Daemon] = {}
        self.clients: dict[str, Client] = {}
        for number in USERS:
            daemon = await start_daemon(self, sip_more=f"refer = {refer}", name=f"neon-{number}")
            client = await daemon.connect()
            await client.command("subscribe", events="all")
            await client.register(self.proxy.domain, number, USERS[number])
            self.daemons[number], self.clients[number] = daemon, client

    async def _talk(self, caller: str, callee: str) -> tuple[int, int]:
        """One calls another, who answers: the number of the call at either end."""
        ours = await self.clients[caller].call(callee)
        theirs = await self.clients[callee].incoming()
        await self.clients[callee].command("acceptcall", callid=theirs)
        for number, call in ((caller, ours), (callee, theirs)):
            await self.clients[number].event("OnAcceptCall", callId=call)
        return ours, theirs

    async def test_joined(self) -> None:
        """One NEON joins two: REFER with Replaces, an INVITE with it, and each end of the old calls ends once."""
        await self._world("allow")
        first, old = await self._talk("2002", "2001")
        second, replaced = await self._talk("2002", "2003")
        await self.clients["2003"].command("setmute", callid=replaced, mute=True)
        await self.clients["2002"].command("transfercall", callid=first, tocallid=second)

        calling = await self.clients["2001"].event("OnNewCall", type="outgoing", replaces=old)
        called = await self.clients["2003"].event("OnNewCall", type="incoming", replaces=replaced)
        self.assertEqual(called["from"], f"sip:2001@{self.proxy.domain}")
        for side in (calling, called):
            self.assertEqual(side["referredBy"], f"sip:2002@{self.proxy.domain}")
        await self.clients["2001"].event("OnAcceptCall", callId=calling["callId"])
        accepted = await self.clients["2003"].event("OnAcceptCall", callId=called["callId"])

        await self.clients["2002"].event("OnTransferedCall", callId=first)
        over = await self.clients["2003"].event("OnFinalizedCall", callId=replaced)
        self.assertGreaterEqual(over["arrived"], accepted["arrived"])
        for number, call in (("2002", first), ("2002", second), ("2001", old)):
            self.assertEqual((await self.clients[number].event("OnFinalizedCall", callId=call))["SIPError"], 0)
        self.assertEqual((await self.clients["2002"].command("listcalls"))["calls"], [])
        for number, side, muted in (("2001", calling, False), ("2003", called, True)):
            (listed,) = (await self.clients[number].command("listcalls"))["calls"]
            self.assertEqual((listed["callId"], listed["state"]), (side["callId"], "confirmed"))
            self.assertEqual(listed["muted"], muted, "whoever was muted stays so")
        await self.clients["2001"].command("finalizecall", callid=calling["callId"])
        for number, side in (("2001", calling), ("2003", called)):
            await self.clients[number].event("OnFinalizedCall", callId=side["callId"])
        for daemon in self.daemons.values():
            self.assertEqual(daemon.complaints(), [])
