"""NEON registers: at kamailio with every digest it knows, and at sipp's difficult registrars."""

from __future__ import annotations

from tests.integration.daemon import Client, start_daemon
from tests.integration.kamailio import start_kamailio
from tests.integration.processes import IntegrationCase, free_port
from tests.integration.sipp import start_sipp


class RegisteringTests(IntegrationCase):
    programs_needed = ("kamailio", "sipp")

    async def _client(self) -> Client:
        self.daemon = await start_daemon(self)
        return await self.daemon.connect()

    async def test_sha256(self) -> None:
        """A registrar and proxy that speaks SHA-256: an account of ours calls another one through it."""
        proxy = await start_kamailio(self, {"2001": "one", "2002": "two"}, algorithm="SHA-256")
        client = await self._client()
        first = await client.register(proxy.domain, "2001", "one")
        await client.register(proxy.domain, "2002", "two")
        outgoing = await client.call("2002", connectionId=first)
        incoming = await client.incoming()
        await client.command("acceptcall", callid=incoming)
        await client.event("OnAcceptCall", callId=incoming)
        await client.event("OnAcceptCall", callId=outgoing)
        await client.command("finalizecall", callid=outgoing)
        self.assertEqual((await client.event("OnFinalizedCall", callId=outgoing))["SIPError"], 0)
        self.assertEqual((await client.event("OnFinalizedCall", callId=incoming))["SIPError"], 0)
        self.assertEqual(self.daemon.complaints(), [])

    async def test_wrong_password(self) -> None:
        """A wrong password: OnSIPRegisterRefused, then OnSIPRegisterFinalized; calls are refused with 601."""
        proxy = await start_kamailio(self, {"2001": "one"})
        client = await self._client()
        data = await client.command("sipregister", domain=proxy.domain, number="2001", password="wrong")
        refused = await client.event("OnSIPRegisterRefused", connectionId=data["connectionId"])
        self.assertIn(refused["SIPError"], (401, 403))
        await client.event("OnSIPRegisterFinalized", connectionId=data["connectionId"])
        self.assertEqual(self.daemon.complaints(), [])

    async def test_unregister(self) -> None:
        """sipunregister removes the binding: the registrar no longer finds the number."""
        proxy = await start_kamailio(self, {"2001": "one", "2002": "two"})
        client = await self._client()
        first = await client.register(proxy.domain, "2001", "one")
        second = await client.register(proxy.domain, "2002", "two")
        await client.command("sipunregister", connectionId=second)
        await client.event("OnSIPUnRegister", connectionId=second)
        await client.event("OnSIPRegisterFinalized", connectionId=second)
        call = await client.call("2002", connectionId=first)
        self.assertEqual((await client.event("OnFinalizedCall", callId=call))["SIPError"], 404)

    async def test_stale_nonces(self) -> None:
        """A nonce that has expired in between (stale=true) costs a round trip and nothing more."""
        proxy = await start_kamailio(self, {"2001": "one", "2002": "two"}, nonce_expire=1)
        client = await self._client()
        connection = await client.register(proxy.domain, "2001", "one")
        await client.register(proxy.domain, "2002", "two")
        for _ in range(2):
            call = await client.call("2002", connectionId=connection)
            incoming = await client.incoming()
            await client.command("finalizecall", callid=incoming)
            self.assertIn((await client.event("OnFinalizedCall", callId=call))["SIPError"], (486, 603))

    async def test_interval_too_brief(self) -> None:
        """A 423 is followed at once by a REGISTER with the expiry that the registrar wants."""
        client = await self._client()
        sipp = await start_sipp(self, "registrar_423")
        connection = await client.register(sipp.address, "2001", "one")
        await client.command("sipunregister", connectionId=connection)
        await client.event("OnSIPUnRegister", connectionId=connection)
        await sipp.finished()

    async def test_registrar_in_trouble(self) -> None:
        """A 503 is OnSIPRegisterError with its status."""
        client = await self._client()
        sipp = await start_sipp(self, "registrar_status", keys={"status": "503", "reason": "Service Unavailable"})
        await client.command("sipregister", domain=sipp.address, number="2001", password="one")
        self.assertEqual((await client.event("OnSIPRegisterError"))["SIPError"], 503)

    async def test_no_registrar(self) -> None:
        """Nobody there: an event says so, and the daemon goes on."""
        client = await self._client()
        await client.command("sipregister", domain=f"127.0.0.1:{free_port()}", number="2001", password="one")
        await client.command("sipregister", domain="registrar.invalid", number="2001", password="one")
        failed = await client.event("OnSIPRegisterError", 40)
        self.assertIn("connectionId", failed)
