"""From nothing to an empty purse: the test operator of a real daemon, over its web services, SIP and audio."""

from __future__ import annotations

import json
import sqlite3
import sys
import urllib.request
from decimal import Decimal
from typing import Any

import zeep
from lxml import etree
from requests import Session
from twisted.internet.threads import deferToThread
from zeep.transports import Transport

from tests.integration.daemon import ROOT, Client, Daemon, Refused, start_again, start_daemon
from tests.integration.processes import IntegrationCase, pause

LOGIN = {"login": "ana", "password": "hidden-1"}


class SigningUpTests(IntegrationCase):
    timeout = 90

    async def connect(self, daemon: Daemon) -> Client:
        client = await daemon.connect()
        await client.command("subscribe", events=["OnBalance", "OnBalanceLow", "OnLicense"])
        return client

    async def refused(self, client: Client, action: str, **parameters: object) -> int:
        with self.assertRaises(Refused) as raised:
            await client.command(action, **parameters)
        return int(raised.exception.code)

    async def test_story(self) -> None:
        """Sign up, be registered, call 600, see the balance fall; still a customer after a restart; spend the rest."""
        daemon = await start_daemon(self, testbed=True, capture="tone:850:-13")
        client = await self.connect(daemon)
        account = await client.command("signup", **LOGIN, name="Ana <Maria>", email="ana@example.com", phone="+55 71 5")
        self.assertEqual(account["uri"], f"sip:1001@{daemon.access['sip']['domain']}")
        self.assertIn("<h1>Welcome, Ana &lt;Maria&gt;</h1>", account["html"])
        self.assertNotIn("password", json.dumps(account).lower())
        mine = {"connectionId": account["connectionId"]}
        await client.event("OnSIPRegister", **mine)
        balance = await client.event("OnBalance", **mine, balance="20.15", currency="BRL")
        self.assertEqual((balance["low"], balance["minutesLeft"]), (False, 33))
        self.assertEqual(await self.refused(client, "signup", **LOGIN), 102)

        call = await client.call("600")
        await client.event("OnAcceptCall", callId=call)
        await pause(2.2)
        await client.command("finalizecall", callid=call)
        ended = await client.event("OnFinalizedCall", callId=call)
        self.assertEqual(ended["SIPError"], 0)
        left = await self.fallen(client, "20.15")
        seconds = (Decimal("20.15") - left) * 100
        # It is the far end that counts, from its 200 to our BYE, and each second that has begun.
        self.assertTrue(ended["duration"] / 1000 - 1 <= seconds <= ended["duration"] / 1000 + 2, (ended, left))
        await daemon.program.stop(within=8)
        self.assertEqual(daemon.complaints(), [])

        # Another port after each start, and the same account; a second of credit is left, and a licence is wanted now.
        configuration = daemon.state_dir / "test.conf"
        configuration.write_text(configuration.read_text().replace("[testbed]", "[testbed]\nlicence = yes"))
        with sqlite3.connect(daemon.state_dir / "testbed.sqlite") as books:
            ((cents,),) = books.execute("SELECT cents FROM customers WHERE login = 'ana'").fetchall()
            self.assertEqual(Decimal(cents) / 100, left)
            books.execute("UPDATE customers SET cents = 1 WHERE login = 'ana'")
        books.close()
        daemon = await start_again(self, daemon)
        client = await self.connect(daemon)
        low = await self.registered(client)
        self.assertEqual((low["balance"], low["low"]), ("0.01", True))
        call = await client.call("600")
        ended = await client.event("OnFinalizedCall", callId=call)
        self.assertEqual((ended["SIPError"], ended["duration"] < 8000), (0, True))
        self.assertEqual(await self.fallen(client, "0.01"), 0)
        call = await client.call("600")
        self.assertEqual((await client.event("OnFinalizedCall", callId=call))["SIPError"], 402)
        self.assertFalse((await client.command("activatelicense"))["active"])
        self.assertEqual(await self.refused(client, "startcall", number="600"), 602)
        await daemon.program.stop(within=8)
        self.assertEqual(daemon.complaints(), [])
        for secret in ("hidden-1", daemon.access["operator"]["password"]):
            self.assertNotIn(secret, daemon.program.output)

    async def fallen(self, client: Client, before: str) -> Decimal:
        """The next balance that is less."""
        while True:
            found = (await client.event("OnBalance"))["balance"]
            if Decimal(found) < Decimal(before):
                return Decimal(found)

    async def registered(self, client: Client) -> dict[str, Any]:
        """The balance of the account that registers by itself, once it is known."""
        accounts: list[Any] = []
        while not accounts:  # the test's own time limit bounds it
            await pause(0.1)
            listed = (await client.command("listaccounts"))["accounts"]
            accounts = [one for one in listed if one["state"] == "registered" and one["uri"].startswith("sip:1001@")]
        return await client.command("getbalance")

    async def test_neonctl(self) -> None:
        """The lines that the banner offers."""
        daemon = await start_daemon(self, testbed=True)
        secret = self.folder / "secret"
        secret.write_text("hidden-1\n")
        words = (sys.executable, "-m", "neon.ctl.main", "--state-dir", str(daemon.state_dir))
        environment = {"PYTHONPATH": str(ROOT), "LC_ALL": "C"}
        for verb, said in (
            (("signup", "ana", "--password-file", str(secret)), "Account 1, sip:1001@"),
            (("balance",), "20.15 BRL (about 33 minutes)"),
        ):
            program = self.start(verb[0], *words, *verb, env=environment)
            self.assertEqual(await program.ended(), 0, program.output)
            self.assertIn(said, program.output)

    async def test_zeep(self) -> None:
        """A SOAP client that is none of ours reads the WSDL and uses the operator; NEON's own file out of it works."""
        daemon = await start_daemon(self, testbed=True)
        access = daemon.access["operator"]
        await deferToThread(self.use_with_zeep, access)
        program = self.start(
            "wsdl", sys.executable, "-m", "neon.ctl.main", "operator", "wsdl", "--allow-http", f"{access['url']}?wsdl",
            env={"PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        self.assertEqual(await program.ended(), 0, program.output)
        for section in ("[signup]", "[provisioning]", "[balance]", "[licence]", "urn:neon:testbed"):
            self.assertIn(section, program.output)
        # Nobody else may ask.
        for headers in ({}, {"Authorization": "Basic bmVvbjp3cm9uZw=="}):
            request = urllib.request.Request(f"{access['url']}accounts/1000/balance", headers=headers)
            with self.assertRaises(urllib.error.HTTPError) as raised:
                await deferToThread(urllib.request.urlopen, request, timeout=5)
            self.assertEqual(raised.exception.code, 401)
            raised.exception.close()
        self.assertEqual(daemon.complaints(), [])

    def use_with_zeep(self, access: dict[str, str]) -> None:
        session = Session()
        session.auth = (access["user"], access["password"])
        session.trust_env = False
        client = zeep.Client(f"{access['url']}?wsdl", transport=Transport(session=session, operation_timeout=5))
        made = client.service.Signup(Login="zé", Password="p")
        self.assertEqual((made.Success, made.Error.Code, made.Data), (False, 101, None))
        made = client.service.Signup(Login="ze", Password="hidden-2", Name="Zé <&>")
        self.assertEqual((made.Success, made.Error.Code, made.Data.Number), (True, 0, "1001"))
        again = client.service.Provisioning(Login="ze", Password="hidden-2")
        self.assertEqual(again.Data.Password, made.Data.Password)
        self.assertEqual(again.Data.DisplayName, "Zé <&>")
        for code, asked in ((103, ("Signup", "ze", "hidden-2")), (104, ("Provisioning", "ze", "wrong")),
                            (102, ("Provisioning", "nobody", "wrong")), (102, ("GetBalance", "77")),
                            (101, ("GetBalance", "x")), (100, ("GetBalance", ""))):  # fmt: skip
            self.assertEqual(client.service[asked[0]](*asked[1:]).Error.Code, code, asked)
        self.assertEqual(client.service.GetBalance(Number="1001").Data.Balance, "20.15")
        self.assertEqual(client.service.ActivateLicense(Number="1001").Data.Active, "true")
        header = etree.Element("{urn:x}Transaction", {"{http://schemas.xmlsoap.org/soap/envelope/}mustUnderstand": "1"})
        with self.assertRaises(zeep.exceptions.Fault) as raised:
            client.service.GetBalance(Number="1001", _soapheaders=[header])
        self.assertEqual(raised.exception.code, "soap:MustUnderstand")
