"""What happens within dialogs, and what an INVITE meets before there is one: sipp at the other end of everything.

Calls of one test share a daemon; the accounts that they are made with are registered at the scenarios themselves.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any

from tests.integration.daemon import ROOT
from tests.integration.kamailio import start_kamailio
from tests.integration.processes import pause, until
from tests.integration.sipp import Sipp
from tests.integration.sippcase import NUMBER, PASSWORD, SippCase

TIMERS = "min-se = 3"

SECOND_TRIES: dict[str, dict[str, str]] = {
    "session timer": {
        "refusal": "422 Session Interval Too Small", "header": "Min-SE: 2400", "wanted": "Session-Expires: 2400",
    },
    "plain offer": {
        "refusal": "488 Not Acceptable Here", "header": 'Warning: 305 sipp.test "no"',
        "wanted": "RTP/AVP 0 8.{0,2}a=rtpmap",
    },
    "busy for a moment": {
        "refusal": "503 Service Unavailable", "header": "Retry-After: 1", "wanted": "telephone-event",
    },
}  # fmt: skip
"""How a call is refused at first, and what the second INVITE has to have."""


class PlacedTests(SippCase):
    """Calls that NEON places."""

    async def answered(self, sipp: Sipp, **more: Any) -> int:
        """Call a scenario and wait until it has answered."""
        call = await self.call(sipp)
        await self.client.event("OnAcceptCall", callId=call, **more)
        return call

    async def end(self, call: int, sipp: Sipp) -> None:
        await self.client.command("finalizecall", callid=call)
        await self.over(call, 0)
        await sipp.finished()

    async def test_one_after_the_other(self) -> None:
        """Calls whose far ends make the most of a dialog before and after the answer."""
        await self.started(sip_more="dtmf = info")
        await self.client.command("subscribe", events="all")
        await self.reliable()
        await self.insisting()
        await self.forked()
        await self.old()
        await self.challenged()
        self.daemon_is_well()

    async def reliable(self) -> None:
        """Reliable responses are acknowledged, an UPDATE before the answer is answered, the 200 has no description."""
        sipp = await self.callee("uas_reliable")
        await self.end(await self.answered(sipp), sipp)

    async def insisting(self) -> None:
        """An account may insist on reliable responses, and ask for a session timer of its own."""
        sipp = await self.callee("uas_reliable")
        policy = {"reliableResponses": "required", "sessionExpires": 600}
        connection = await self.client.register(sipp.address, NUMBER, PASSWORD, **policy)
        call = await self.client.call("2002", connectionId=connection)
        await self.client.event("OnAcceptCall", callId=call)
        invite = sipp.messages().partition("\nINVITE sip:")[2].partition("\r\n\r\n")[0]
        for field in ("Require: 100rel", "Session-Expires: 600"):
            self.assertIn(field, invite)
        await self.end(call, sipp)

    async def forked(self) -> None:
        """Forks are told apart; of two that answer, the first is kept and the other hung up."""
        sipp = await self.callee("uas_forks")
        call = await self.answered(sipp)
        await until(lambda: "BYE sip:third@" in sipp.messages(), "the end of the third phone's call")
        await self.end(call, sipp)

    async def old(self) -> None:
        """A far end without tags is a far end."""
        sipp = await self.callee("uas_old")
        await self.end(await self.answered(sipp), sipp)

    async def challenged(self) -> None:
        """PRACK, INFO, re-INVITE, REFER and BYE are sent again with credentials when they are asked for."""
        sipp = await self.callee("uas_challenges_all")
        call = await self.answered(sipp)
        await self.client.command("senddtmf", callid=call, dtmf="5")
        await until(lambda: 'nonce="b' in sipp.messages().rpartition("INFO sip:")[2], "the digit")
        await self.client.command("transfercall", callid=call, to="2003")
        await self.client.event("OnTransferFailed", callId=call)
        await until(lambda: sipp.messages().count("\nINVITE sip:") >= 4, "the end of the hold")
        await pause(0.2)
        await self.end(call, sipp)

    async def test_all_at_once(self) -> None:
        """Refusals that say what is wrong are followed by an INVITE that does better; the user hears of none.

        Meanwhile a session is refreshed, first by UPDATE, then by re-INVITE; when it is the far end's turn and it does
        nothing, the call ends with 408.
        """
        await self.started(max_calls=len(SECOND_TRIES) + 1, sip_more=TIMERS)
        fading = await self.callee("uas_is_refreshed")
        faded = await self.call(fading)
        sipps = [await self.callee("uas_second_try", keys=keys) for keys in SECOND_TRIES.values()]
        calls = [await self.call(sipp) for sipp in sipps]
        for call in (faded, *calls):
            await self.client.event("OnAcceptCall", callId=call)
        for call, sipp in zip(calls, sipps, strict=True):
            await self.end(call, sipp)
        await self.over(faded, 408)
        await fading.finished()
        self.daemon_is_well()


class TakenTests(SippCase):
    """Calls that NEON takes."""

    async def test_reliable_and_changed(self) -> None:
        """100rel as the callee, hold by UPDATE, a re-INVITE without an offer; a session timer that is not kept up."""
        await self.registered(sip_more=TIMERS)
        await self.client.command("subscribe", events="OnHold")
        sipp = await self.caller("uac_reliable")
        call = await self.client.incoming()
        await until(lambda: sipp.messages().count("SIP/2.0 180") >= 2, "ringing, repeated")
        await self.accept(call)
        for remote in (True, False):
            held = await self.client.event("OnHold", callId=call)
            self.assertEqual((held["local"], held["remote"]), (False, remote))
        await self.over(call, 0)
        await sipp.finished()
        timed = await self.caller("uac_session_timer")
        call = await self.client.incoming()
        await self.accept(call)
        await self.over(call, 408)
        await timed.finished()
        self.daemon_is_well()

    async def accept(self, call: int) -> None:
        await self.client.command("acceptcall", callid=call)
        await self.client.event("OnAcceptCall", callId=call)


class ThroughAProxyTests(SippCase):
    async def test_reliable_and_refreshed(self) -> None:
        """Two accounts of one daemon talk through kamailio: PRACK and UPDATE take the recorded route, both ways."""
        self.proxy = await start_kamailio(self, {"2001": PASSWORD, "2002": PASSWORD})
        await self.started(sip_more="reliable-responses = preferred\nsession-expires = 4\nmin-se = 3")
        for number in ("2001", "2002"):
            await self.client.register(self.proxy.domain, number, PASSWORD)
        call = await self.client.call("2002")
        other = await self.client.incoming()
        await self.client.command("acceptcall", callid=other)
        for end in (call, other):
            await self.client.event("OnAcceptCall", callId=end)
        await until(lambda: len(re.findall(r"SIP -> \S+UPDATE ", self.daemon.program.output)) >= 2, "two refreshes")
        await self.client.command("finalizecall", callid=call)
        for end in (call, other):
            await self.over(end, 0)
        seen = [step["message"].split()[0] for step in await self.ladder(call) if step["sent"]]
        self.assertEqual(seen.count("PRACK"), 1)
        self.assertGreaterEqual(seen.count("UPDATE"), 2)
        self.daemon_is_well()

    async def ladder(self, call: int) -> list[dict[str, Any]]:
        """The messages of a call as neonctl tells them."""
        program = self.start(
            "neonctl", sys.executable, "-m", "neon.ctl.main", "--state-dir", str(self.daemon.state_dir),
            "explain", str(call), "--json", env={"PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        self.assertEqual(await program.ended(), 0, program.output)
        ladder: list[dict[str, Any]] = json.loads(program.output)["ladder"]
        return ladder
