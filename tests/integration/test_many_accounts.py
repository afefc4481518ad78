"""Hundreds of accounts of one daemon: registered one after the other, each for little memory, and a call by name.

bench.calls has a thousand.
"""

from __future__ import annotations

import re
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from neon.sip.pacing import BURST, PER_SECOND
from tests.integration.daemon import Client, Daemon, start_daemon
from tests.integration.kamailio import start_kamailio
from tests.integration.processes import IntegrationCase, pause

ACCOUNTS = 300
MOST_KIB_EACH = 20
SHORTEST_SECONDS = 0.9 * (ACCOUNTS - BURST) / PER_SECOND
"""Between the first REGISTER and the last one: a slow machine takes longer, a storm would not."""

ACCOUNT = """\
[account {name}]
domain = {domain}
number = {number}
password = secret
"""


def resident_kib(daemon: Daemon) -> int:
    status = Path(f"/proc/{daemon.program.pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1])


class ManyAccountsTests(IntegrationCase):
    programs_needed = ("kamailio",)
    timeout = 110

    async def registered(self, client: Client, count: int) -> list[dict[str, Any]]:
        """Wait until all are; the ring of events is too small to tell. Returns the accounts as they are listed."""
        end = time.monotonic() + 80
        while True:
            listed: list[dict[str, Any]] = (await client.command("listaccounts"))["accounts"]
            there = [account for account in listed if account["state"] == "registered"]
            if len(there) == count:
                return there
            self.assertLess(time.monotonic(), end, f"only {len(there)} of {count} are registered")
            await pause(0.5)

    async def test_three_hundred(self) -> None:
        """They come at a steady pace, every one is registered, and one of them can be called by its name."""
        numbers = [str(5000 + number) for number in range(ACCOUNTS)]
        kamailio = await start_kamailio(self, dict.fromkeys(numbers, "secret"))

        def sections(chosen: list[str]) -> str:
            return "\n".join(ACCOUNT.format(name=f"ext{n}", number=n, domain=kamailio.domain) for n in chosen)

        one = await start_daemon(self, more=sections(numbers[:1]), name="one")
        await self.registered(await one.connect(), 1)
        before = resident_kib(one)
        await one.program.stop()

        many = await start_daemon(self, more=sections(numbers), name="many")
        client = await many.connect()
        self.assertEqual(len(await self.registered(client, ACCOUNTS)), ACCOUNTS)
        each = (resident_kib(many) - before) / (ACCOUNTS - 1)
        self.assertLessEqual(each, MOST_KIB_EACH, "KiB for one account")
        sent = re.findall(r"(?m)^(\S+T\S+)Z debug +neon\.siptrace: SIP -> \S+REGISTER ", many.program.output)
        self.assertGreaterEqual(len(sent), 2 * ACCOUNTS)
        began, ended = (datetime.fromisoformat(sent[number]) for number in (0, -1))
        self.assertGreaterEqual((ended - began).total_seconds(), SHORTEST_SECONDS)
        await client.call(numbers[7], account="ext5250")
        incoming = await client.event("OnNewCall", type="incoming")
        self.assertTrue(incoming["from"].startswith("sip:5250@"), incoming)
        self.assertTrue(incoming["to"].startswith("sip:5007@"), incoming)
        self.assertEqual(many.complaints(), [])
