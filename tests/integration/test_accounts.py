"""A thousand accounts of one daemon: registered one after the other, each for little memory, and a call by name."""

from __future__ import annotations

import re
from pathlib import Path

from tests.integration.daemon import Client, Daemon, start_daemon
from tests.integration.kamailio import start_kamailio
from tests.integration.processes import IntegrationCase, until

ACCOUNTS = 1000
MOST_KIB_EACH = 20
MOST_IN_A_SECOND = 300
"""REGISTER requests; each account sends two, the second one with its password, at a hundred accounts a second."""

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


class ThousandAccountsTests(IntegrationCase):
    programs_needed = ("kamailio",)
    timeout = 110

    async def registered(self, client: Client, count: int) -> None:
        await client.command("subscribe", since=0)

        def all_there() -> bool:
            return len([event for event in client.events if event["name"] == "OnSIPRegister"]) >= count

        await until(all_there, f"{count} registrations", 80)

    async def test_thousand(self) -> None:
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
        await self.registered(client, ACCOUNTS)
        each = (resident_kib(many) - before) / (ACCOUNTS - 1)
        self.assertLessEqual(each, MOST_KIB_EACH, "KiB for one account")
        sent = re.findall(r"(?m)^(\S+T\S+:\d\d)\.\S+ debug +neon\.sip\.trace: SIP -> \S+REGISTER ", many.program.output)
        busiest = max(sent.count(second) for second in set(sent))
        self.assertGreaterEqual(len(sent), 2 * ACCOUNTS)
        self.assertLessEqual(busiest, MOST_IN_A_SECOND, "REGISTERs in one second")
        listed = (await client.command("listaccounts"))["accounts"]
        self.assertEqual(len(listed), ACCOUNTS)
        await client.call(numbers[7], account="ext5500")
        incoming = await client.event("OnNewCall", type="incoming")
        self.assertTrue(incoming["from"].startswith("sip:5500@"), incoming)
        self.assertTrue(incoming["to"].startswith("sip:5007@"), incoming)
        self.assertEqual(many.complaints(), [])
