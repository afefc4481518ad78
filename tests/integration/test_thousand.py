"""A thousand calls in a row: none fails, and nothing is left of them."""

from __future__ import annotations

import json

from tests.integration.processes import pause
from tests.integration.sippcase import SippCase

CALLS = 1000
RATE = 50


class ThousandTests(SippCase):
    timeout = 120

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

    def _census(self) -> dict[str, int]:
        program = self.daemon.program
        return {"descriptors": program.descriptors(), "threads": program.threads()}

    async def test_thousand_calls(self) -> None:
        """1,000 calls at 50 a second: no failure; descriptors and threads as before."""
        await self.registered(max_calls=100)
        # Whatever is made once and kept (caches, pools) is made by these.
        await self._calls(50)
        await pause(1.0)
        before = self._census()
        await self._calls(CALLS)
        # Sockets of the last calls are closed a moment after them.
        await pause(2.0)
        after = self._census()
        self.assertTrue(all(after[name] <= before[name] for name in before), f"{before} became {after}")
        self.daemon_is_well()
