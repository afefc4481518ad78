"""Hundreds of calls in a row: none fails, and nothing is left of them (bench.faults soaks with 10,000)."""

from __future__ import annotations

import json

from tests.integration.processes import pause
from tests.integration.sippcase import SippCase

CALLS = 300
RATE = 30
OBLIVION = 36.0
"""Seconds after which RFC 3261's timers (32 s) and NEON's own memory of calls (30 s) are over."""

LATE_THREADS = 1
"""The state's own thread starts when the first block of call numbers runs low."""

KEPT = ("neon.events.", "neon.bus.", "neon.values.", "neon.cases.", "neon.ladder.", "neon.quality.")
"""The replay ring and the mailboxes keep events and the recorder the last calls' messages, on purpose and bounded."""

CACHED = {
    "sippy.SipURL.SipURL": 256, "sippy.SipAddress.SipAddress": 128, "sippy.SipFrom.SipFrom": 128,
    "sippy.SipTo.SipTo": 128, "neon.sip.written.Field": 128, "neon.sip.sdp.Description": 1, "neon.sip.sdp.Media": 1,
    "neon.sip.formats.Events": 2, "neon.switchboard.Ended": 8, "neon.switchboard.ExtensionPicture": 1,
    "neon.media.engine.Stream": 1,
}  # fmt: skip
"""How many of a class may be remembered of calls that are over, on purpose: fewer than there were calls."""


class ManyCallsTests(SippCase):
    timeout = 110

    async def _calls(self, count: int) -> None:
        sipp = await self.caller("uac_call", "-d", "100", "-r", str(RATE), "-timeout", "80", calls=count, trace=False)
        accepted = 0
        # A client that accepts whatever rings, without waiting for the answers.
        while sipp.program.running:
            for event in self.client.events:
                if event["name"] == "OnNewCall":
                    accepted += 1
                    command = {"token": self.client.token, "action": "acceptcall", "callid": event["data"]["callId"]}
                    self.client.send_text(json.dumps(command))
            self.client.events.clear()
            await pause(0.005)
        await sipp.finished(90)
        self.assertEqual(accepted, count)
        statistics = sipp.statistics()
        self.assertEqual((int(statistics["SuccessfulCall(C)"]), int(statistics["FailedCall(C)"])), (count, 0))

    async def test_three_hundred(self) -> None:
        """300 calls at 30 a second: no failure; and afterwards no more than after the first fifty."""
        await self.registered(max_calls=200)
        lived = await self.daemon.census()
        # Whatever is made once and kept (caches, pools) is made by these.
        await self._calls(50)
        await pause(1.0)
        before = self.daemon.program.descriptors(), self.daemon.program.threads() + LATE_THREADS
        during = await self.daemon.census()
        await self._calls(CALLS)
        await pause(OBLIVION)
        after = self.daemon.program.descriptors(), self.daemon.program.threads()
        self.assertTrue(after[0] <= before[0] and after[1] <= before[1], f"descriptors, threads: {before}, now {after}")
        grown = {
            kind: (lived.get(kind, 0), number)
            for kind, number in (await self.daemon.census()).items()
            if number > lived.get(kind, 0) + CACHED.get(kind, 0) and not kind.startswith(KEPT)
        }
        self.assertEqual(grown, {}, "what is left of the calls")
        self.assertTrue(any("ransaction" in kind for kind in during), "the census sees transactions while they live")
        self.daemon_is_well()
