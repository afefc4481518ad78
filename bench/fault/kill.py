"""kill -9 in the middle of calls: how soon the daemon that is started again is there, and what becomes of the calls."""

from __future__ import annotations

import time

from bench.fault.harness import Bench, Row, cpu_seconds
from tests.integration.daemon import start_again, start_daemon
from tests.integration.kamailio import start_kamailio
from tests.integration.processes import pause, until
from tests.integration.sipp import Sipp, start_sipp

ACCOUNT = """\
[account main]
domain = {domain}
number = 2001
password = one
"""
CALLS = 8


async def measure(bench: Bench, quick: bool) -> list[Row]:
    """Seconds are counted from the start of the new process; the slowest of all turns stands for them."""
    proxy = await start_kamailio(bench, {"2001": "one"})
    daemon = await start_daemon(bench, more=ACCOUNT.format(domain=proxy.domain), max_calls=64)
    client = await daemon.connect()
    await client.command("subscribe", since=0)
    await client.event("OnSIPRegister")
    worst = {"API open": 0.0, "registered": 0.0, "BYE at every far end": 0.0}
    told = turns = 0
    spent = 0.0
    for turn in range(1, 2 if quick else 6):
        turns = turn
        there = await start_sipp(bench, "uas_answer", calls=CALLS)
        calls = [await client.call(f"sip:them@{there.address}") for _ in range(CALLS)]
        for call in calls:
            await client.event("OnAcceptCall", callId=call)
        await pause(0.3)
        await daemon.crash()
        began = time.monotonic()
        daemon = await start_again(bench, daemon)
        client = await daemon.connect()
        worst["API open"] = max(worst["API open"], time.monotonic() - began)
        spent = max(spent, cpu_seconds(daemon.program.pid))
        await proxy.has_registered("2001", turn + 1)
        worst["registered"] = max(worst["registered"], time.monotonic() - began)
        await _all_heard_bye(there)
        worst["BYE at every far end"] = max(worst["BYE at every far end"], time.monotonic() - began)
        for call in calls:
            await client.event("OnFinalizedCall", 15.0, callId=call)
            told += 1
        await there.finished()
    aims = {"API open": 2.0, "registered": 3.0, "BYE at every far end": 5.0}
    rows = []
    for figure, aim in aims.items():
        took = worst[figure]
        shown = f"{took:.2f} s"
        rows.append(Row("kill -9", f"{figure}, the slowest of {turns}", shown, f"<= {aim:.0f} s", took <= aim))
    rows.append(Row("kill -9", "processor time of the new process by then", f"{spent:.2f} s"))
    whole = turns * CALLS
    rows.append(Row("kill -9", "OnFinalizedCall delivered", f"{told} of {whole}", "every one", told == whole))
    return rows


async def _all_heard_bye(there: Sipp) -> None:
    await until(lambda: there.messages().count("\nBYE sip:") >= CALLS, "BYE at every far end", 20)
