"""The daemon with an operator, over real sockets: an account is provisioned, kept, and asked about again."""

from __future__ import annotations

from typing import Any

from tests.integration.daemon import Daemon, start_again, start_daemon
from tests.integration.processes import IntegrationCase, pause, until
from tests.integration.webservice import Page, listen, site
from tests.operators.operatorcase import xml

FILE = """\
[operator]
url = http://127.0.0.1:{port}/
allow-http = yes
[provisioning]
mode = always
[balance]
low = 5
currency = BRL
"""


class OperatorDaemonTests(IntegrationCase):
    timeout = 90

    async def start_all(self) -> Daemon:
        """A daemon with its test service, and an operator that gives out the account of that."""
        self.page = Page(self.answer)
        port = listen(site(self.page))
        self.at_end(port.stopListening)
        operators = self.folder / "operators.d"
        operators.mkdir()
        (operators / "acme.conf").write_text(FILE.format(port=port.getHost().port))
        self.access: dict[str, str] = {}
        daemon = await start_daemon(self, testbed=True, more=f"[operators]\ndirectory = {operators}\n")
        self.access = daemon.access["sip"]
        return daemon

    def answer(self, request: Any) -> bytes:
        if request.path == b"/GetBalance":
            return xml("<Balance>R$ 4,20</Balance>").body
        account = "".join(f"<{name.title()}>{value}</{name.title()}>" for name, value in self.access.items())
        return xml(account).body

    def asked(self, path: str) -> int:
        return [uri for _, uri, _, _ in self.page.asked].count(path)

    async def test_story(self) -> None:
        """Provisioned, registered by itself, a balance, a warning before a call; and again after a restart."""
        daemon = await self.start_all()
        client = await daemon.connect()
        await client.command("subscribe", events=["all"])
        given = await client.command("provision", login="ana", password="hidden-1", operator="acme")
        self.assertNotIn(self.access["password"], str(given))
        await client.event("OnSIPRegister", connectionId=given["connectionId"])
        balance = await client.event("OnBalance", connectionId=given["connectionId"])
        self.assertEqual((balance["balance"], balance["currency"], balance["low"]), ("4.20", "BRL", True))
        await client.event("OnBalanceLow")
        call = await client.call("600")
        await client.event("OnBalanceLow")
        await client.event("OnAcceptCall", callId=call)
        await client.command("finalizecall", callid=call)
        await client.event("OnFinalizedCall", callId=call)
        before = self.asked("/GetBalance")
        await until(lambda: self.asked("/GetBalance") > before, "the balance after the call")
        self.assertEqual(self.asked("/Provisioning"), 1)
        for word in ("hidden-1", self.access["password"]):
            self.assertNotIn(word, daemon.program.output)
        self.assertEqual(daemon.complaints(), [])
        await daemon.program.stop()
        again = await start_again(self, daemon)
        await until(lambda: self.asked("/Provisioning") == 2, "the question of the second life")
        client = await again.connect()
        accounts: list[dict[str, Any]] = []
        while not accounts:  # the test's own time limit bounds it
            await pause(0.1)
            accounts = (await client.command("listaccounts"))["accounts"]
        self.assertEqual(accounts[0]["uri"].split("@")[0], f"sip:{self.access['number']}")
        self.assertEqual(again.complaints(), [])
