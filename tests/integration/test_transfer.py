"""Transfers: blind ones that succeed and fail, deflection, attended ones, with sipp and with real phones."""

from __future__ import annotations

import re

from tests.integration.baresip import start_baresip
from tests.integration.daemon import start_daemon
from tests.integration.kamailio import start_kamailio
from tests.integration.processes import IntegrationCase, pause
from tests.integration.sippcase import SippCase


class BlindTests(SippCase):
    async def test_success(self) -> None:
        """Hold, REFER, the peer's report of success; then OnTransferedCall, BYE and OnFinalizedCall, in this order."""
        await self.started()
        sipp = await self.callee("uas_transfer")
        call = await self.call(sipp)
        await self.client.event("OnAcceptCall", callId=call)
        await pause(0.2)
        await self.client.command("transfercall", callid=call, to="2003")
        transferred = await self.client.event("OnTransferedCall", callId=call)
        self.assertEqual((transferred["type"], transferred["SIPError"]), ("outgoing", 0))
        self.assertGreaterEqual(transferred["duration"], 500)
        over = await self.over(call, 0)
        self.assertGreaterEqual(over["arrived"], transferred["arrived"])
        await sipp.finished()
        self.assertEqual(self.client.happened(call), ["OnNewCall"])
        self.daemon_is_well()

    async def failing(self, scenario: str, status: int) -> None:
        await self.started()
        await self.client.command("subscribe", events="all")
        sipp = await self.callee(scenario)
        call = await self.call(sipp)
        await self.client.event("OnAcceptCall", callId=call)
        await self.client.command("transfercall", callid=call, to="2003")
        self.assertTrue((await self.client.event("OnHold", callId=call))["local"])
        self.assertEqual((await self.client.event("OnTransferFailed", callId=call))["SIPError"], status)
        self.assertFalse((await self.client.event("OnHold", callId=call))["local"])
        (listed,) = (await self.client.command("listcalls"))["calls"]
        self.assertEqual((listed["state"], listed["hold"]), ("confirmed", False))
        await self.client.command("finalizecall", callid=call)
        await self.over(call, 0)
        await sipp.finished()
        self.assertEqual(self.client.happened(call), ["OnNewCall", "OnRinging"])
        self.daemon_is_well()

    async def test_target_busy(self) -> None:
        """If the new party is busy the call is taken off hold and goes on."""
        await self.failing("uas_transfer_fails", 486)

    async def test_refused(self) -> None:
        """The same if the peer knows no REFER."""
        await self.failing("uas_transfer_refused", 405)

    async def test_spelling(self) -> None:
        """Whoever says transferecall hears OnTransferredCall, and only that."""
        await self.started()
        sipp = await self.callee("uas_transfer")
        call = await self.call(sipp)
        await self.client.event("OnAcceptCall", callId=call)
        await self.client.command("transferecall", callid=call, to="2003")
        await self.client.event("OnTransferredCall", callId=call)
        await self.over(call, 0)
        self.assertEqual(self.client.happened(call), ["OnNewCall"])
        await sipp.finished()

    async def test_attended(self) -> None:
        """The REFER names the call with the other far end, by the tags that this one knows; both calls can end."""
        await self.started()
        first, second = await self.callee("uas_attended"), await self.callee("uas_answer")
        call, other = await self.call(first), await self.call(second)
        for one in (call, other):
            await self.client.event("OnAcceptCall", callId=one)
        await self.client.command("transfercall", callid=call, tocallid=other)
        await self.client.event("OnTransferedCall", callId=call)
        await self.over(call, 0)
        await first.finished()
        answer = next(text for text in second.messages().split("\n\n") if "CSeq: 1 INVITE" in text and "To:" in text)
        self.assertIn("Replaces=", first.messages())
        call_id = re.search(r"Call-ID: ([0-9a-f]+)", answer)
        assert call_id is not None
        self.assertIn(f"Replaces={call_id[1]}%3Bto-tag%3D", first.messages())
        await self.client.command("finalizecall", callid=other)
        await self.over(other, 0)
        await second.finished()
        self.daemon_is_well()

    async def test_ringing(self) -> None:
        """A call that rings here is answered with 302 and the new number."""
        await self.registered()
        sipp = await self.caller("uac_is_deflected")
        call = await self.client.incoming()
        await self.client.command("transfercall", callid=call, to="2003")
        await self.over(call, 302)
        await sipp.finished()
        self.assertEqual(self.client.happened(call), [])
        self.daemon_is_well()


class PhoneTests(IntegrationCase):
    """baresip 2002 is sent to baresip 2003, through kamailio."""

    programs_needed = ("kamailio", "baresip")

    async def _world(self, third: str) -> int:
        users = {"2001": "one", "2002": "two", "2003": "three"}
        proxy = await start_kamailio(self, users)
        self.daemon = await start_daemon(self, capture="tone:700:-14")
        self.client = await self.daemon.connect()
        await self.client.command("subscribe", events="all")
        await self.client.register(proxy.domain, "2001", "one")
        self.second = await start_baresip(self, "2002", proxy.domain, "two", tone_hz=1100, answer="auto")
        self.third = await start_baresip(self, "2003", proxy.domain, "three", tone_hz=1500, answer=third)
        call = await self.client.call("2002")
        await self.client.event("OnAcceptCall", callId=call)
        await self.second.event("CALL_ESTABLISHED")
        return call

    async def test_blind(self) -> None:
        """The two phones get each other, and NEON is out of it."""
        call = await self._world("auto")
        await self.client.command("transfercall", callid=call, to="2003")
        await self.third.event("CALL_ESTABLISHED")
        await self.client.event("OnTransferedCall", callId=call)
        self.assertEqual((await self.client.event("OnFinalizedCall", callId=call))["SIPError"], 0)
        self.assertEqual((await self.client.command("listcalls"))["calls"], [])
        self.assertEqual(self.daemon.complaints(), [])

    async def test_nobody_of_that_number(self) -> None:
        """A number that nobody has: the call with the phone goes on."""
        call = await self._world("auto")
        await self.client.command("transfercall", callid=call, to="2999")
        self.assertEqual((await self.client.event("OnTransferFailed", callId=call))["SIPError"], 404)
        self.assertTrue((await self.client.event("OnHold", callId=call))["local"])
        self.assertFalse((await self.client.event("OnHold", callId=call))["local"])
        await self.client.command("finalizecall", callid=call)
        self.assertEqual((await self.client.event("OnFinalizedCall", callId=call))["SIPError"], 0)
        self.assertEqual(self.daemon.complaints(), [])
