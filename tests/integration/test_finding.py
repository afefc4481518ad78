"""Servers found by DNS: a name server of ours, and two kamailios that its SRV records name."""

from __future__ import annotations

from twisted.names import dns

from tests.integration.daemon import start_daemon
from tests.integration.kamailio import start_kamailio
from tests.integration.nameserver import Zone, start_nameserver
from tests.integration.processes import IntegrationCase, free_port

AUTO = "neon.test;transport=auto"
USERS = {"2001": "one", "2002": "two"}


class FindingTests(IntegrationCase):
    programs_needed = ("kamailio",)

    async def test_failover_and_back(self) -> None:
        """A silent server is passed over, by registrations and by calls; the preferred one is used when it is there."""
        first, second = free_port(), free_port()
        zone = Zone(
            "neon.test",
            {
                "neon.test": [dns.Record_NAPTR(1, 1, b"s", b"SIP+D2U", b"", b"_sip._udp.neon.test", ttl=60)],
                "_sip._udp.neon.test": [
                    dns.Record_SRV(20, 0, second, "two.neon.test", ttl=60),
                    dns.Record_SRV(10, 0, first, "one.neon.test", ttl=60),
                ],
                "one.neon.test": [dns.Record_A("127.0.0.1", ttl=60)],
                "two.neon.test": [dns.Record_A("127.0.0.1", ttl=60)],
            },
        )
        servers = start_nameserver(self, zone)
        backup = await start_kamailio(self, USERS, port=second, name="backup", known_as=("neon.test",))
        daemon = await start_daemon(self, sip_more=f"name-servers = {servers}")
        client = await daemon.connect()
        await client.command("sipregister", domain=AUTO, number="2001", password="one")
        await client.command("sipregister", domain="neon.test", number="2002", password="two")
        for number in USERS:
            await backup.program.says(f"registered {number}", 20)
        self.assertLessEqual({"neon.test", "_sip._udp.neon.test", "one.neon.test"}, set(zone.asked))

        main = await start_kamailio(self, USERS, port=first, name="main", known_as=("neon.test",))
        await client.command("sipregister", domain=AUTO, number="2001", password="one")
        await client.command("sipregister", domain="neon.test", number="2002", password="two")
        for number in USERS:
            await main.program.says(f"registered {number}")
            await client.event("OnSIPRegister")
        await main.program.stop()

        call = await client.call("2002")
        incoming = await client.incoming(20)
        await client.command("acceptcall", callid=incoming)
        await client.event("OnAcceptCall", callId=call)
        await client.command("finalizecall", callid=call)
        self.assertEqual((await client.event("OnFinalizedCall", callId=call))["SIPError"], 0)
        self.assertEqual(daemon.complaints(), [])

    async def test_outbound_proxy(self) -> None:
        """A domain that no DNS knows: registrations and calls take the way over the account's outbound proxy."""
        proxy = await start_kamailio(self, USERS, known_as=("pbx.invalid",))
        daemon = await start_daemon(self)
        client = await daemon.connect()
        caller = await client.register("pbx.invalid", "2001", "one", proxy=proxy.domain)
        await client.register("pbx.invalid", "2002", "two", proxy=proxy.domain)
        call = await client.call("2002", connectionId=caller)
        incoming = await client.incoming()
        await client.command("acceptcall", callid=incoming)
        await client.event("OnAcceptCall", callId=call)
        await client.command("finalizecall", callid=call)
        for one in (call, incoming):
            self.assertEqual((await client.event("OnFinalizedCall", callId=one))["SIPError"], 0)
        route = rf"Route: <sip:127\.0\.0\.1:{proxy.port};lr>"
        for request in (r"REGISTER sip:pbx\.invalid", r"INVITE sip:2002@pbx\.invalid"):
            self.assertRegex(daemon.program.output, rf"SIP -> {proxy.domain}.*{request} SIP/2\.0.*{route}")
        self.assertIn("called 2002 over udp", proxy.program.output)
        self.assertEqual(daemon.complaints(), [])
