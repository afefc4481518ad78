"""SIP over TCP and TLS, on IPv4 and IPv6: at kamailio with certificates of our own authority, and against sipp."""

from __future__ import annotations

import contextlib
import socket
from datetime import timedelta

from tests.certificates import Authority
from tests.integration.cutter import Cutter
from tests.integration.daemon import Client, start_daemon
from tests.integration.kamailio import Kamailio, start_kamailio
from tests.integration.processes import IntegrationCase, free_port, until
from tests.integration.sipp import start_sipp
from tests.sip.messages import request_text

USERS = {"2001": "one", "2002": "two"}


class StreamCase(IntegrationCase):
    programs_needed = ("kamailio", "sipp")

    async def start_phone(self, sip_more: str = "", bind: str = "127.0.0.1", name: str = "neon") -> Client:
        self.daemon = await start_daemon(self, bind=bind, sip_more=sip_more, name=name)
        return await self.daemon.connect()

    async def talk(self, client: Client, caller: int, number: str = "2002") -> tuple[int, int]:
        """Call another account of ours; both are up when this returns."""
        outgoing = await client.call(number, connectionId=caller)
        incoming = await client.incoming()
        await client.command("acceptcall", callid=incoming)
        await client.event("OnAcceptCall", callId=incoming)
        await client.event("OnAcceptCall", callId=outgoing)
        return outgoing, incoming

    async def hang_up(self, client: Client, *calls: int) -> None:
        """Hang the first one up; all end well."""
        await client.command("finalizecall", callid=calls[0])
        for call in calls:
            self.assertEqual((await client.event("OnFinalizedCall", callId=call))["SIPError"], 0)
        self.assertEqual(self.daemon.complaints(), [])


class TcpTests(StreamCase):
    async def test_call(self) -> None:
        """Two accounts register over TCP, and one calls the other: all of it over the connection that they made."""
        proxy = await start_kamailio(self, USERS, tcp=True)
        client = await self.start_phone()
        first = await client.register(f"{proxy.domain};transport=tcp", "2001", "one")
        await client.register(f"{proxy.domain};transport=tcp", "2002", "two")
        await self.hang_up(client, *await self.talk(client, first))
        self.assertRegex(proxy.program.output, r"registered 2001 with .*;transport=tcp.* over tcp")
        self.assertIn("called 2002 over tcp", proxy.program.output)

    async def test_connection_cut(self) -> None:
        """The connection breaks in a call: the call goes on, the account registers anew, and the BYE arrives."""
        relay = Cutter(self, 0)
        proxy = await start_kamailio(self, USERS, tcp=True, known_as=[f"127.0.0.1:{relay.port}"])
        relay.target = proxy.port
        client = await self.start_phone()
        await client.register(f"{proxy.domain};transport=tcp", "2002", "two")
        first = await client.register(f"127.0.0.1:{relay.port};transport=tcp", "2001", "one")
        outgoing, incoming = await self.talk(client, first)
        before = proxy.program.output.count("registered 2001")
        relay.cut()
        await proxy.has_registered("2001", before + 1)
        # The far end is told by a re-INVITE where the new connection ends, and finds us there.
        await self.daemon.program.says(r"(?s)moves to 127.0.0.1.*-> 127.0.0.1:\d+\\nACK sip:")
        self.assertEqual([name for name in client.happened(outgoing) if name == "OnFinalizedCall"], [])
        await self.hang_up(client, incoming, outgoing)

    async def test_long_request(self) -> None:
        """An INVITE of an account that uses UDP is too long for a datagram: it goes over TCP."""
        proxy = await start_kamailio(self, USERS, tcp=True)
        client = await self.start_phone("largest-datagram = 700")
        first = await client.register(proxy.domain, "2001", "one")
        await client.register(proxy.domain, "2002", "two")
        await self.hang_up(client, *await self.talk(client, first))
        self.assertRegex(proxy.program.output, r"registered 2001 with .* over udp")
        self.assertIn("called 2002 over tcp", proxy.program.output)

    async def test_long_request_refused(self) -> None:
        """Where nobody takes connections it goes as a datagram after all."""
        proxy = await start_kamailio(self, USERS)
        client = await self.start_phone("largest-datagram = 700\ncompact-headers = yes")
        first = await client.register(proxy.domain, "2001", "one")
        await client.register(proxy.domain, "2002", "two")
        await self.hang_up(client, *await self.talk(client, first))
        self.assertIn("called 2002 over udp", proxy.program.output)

    async def test_ipv6(self) -> None:
        """The same on IPv6, one account over UDP and one over TCP."""
        proxy = await start_kamailio(self, USERS, tcp=True, host="[::1]")
        client = await self.start_phone(bind="::1")
        first = await client.register(f"{proxy.domain};transport=tcp", "2001", "one")
        await client.register(proxy.domain, "2002", "two")
        await self.hang_up(client, *await self.talk(client, first))
        self.assertRegex(proxy.program.output, r"registered 2001 with .* over tcp")
        self.assertRegex(proxy.program.output, r"registered 2002 with .* over udp")

    async def test_sipp_answers(self) -> None:
        """A far end that is no proxy: sipp takes our registration and our call over TCP."""
        client = await self.start_phone()
        sipp = await start_sipp(self, "uas_answer", "-t", "t1", calls=2)
        connection = await client.register(f"{sipp.address};transport=tcp", "2001", "one")
        call = await client.call("2002", connectionId=connection)
        await client.event("OnAcceptCall", callId=call)
        await self.hang_up(client, call)
        await sipp.finished()

    async def test_sipp_calls(self) -> None:
        """sipp connects to us and calls; the answer goes back over its connection."""
        proxy = await start_kamailio(self, USERS)
        client = await self.start_phone("listen-tcp = yes\ndirect-calls = yes")
        await client.register(proxy.domain, "2001", "one")
        sipp = await start_sipp(
            self, "uac_call", "-t", "t1", "-s", "2001", "-d", "300", target=self.daemon.sip_address
        )
        call = await client.incoming()
        await client.command("acceptcall", callid=call)
        self.assertEqual((await client.event("OnFinalizedCall", callId=call))["SIPError"], 0)
        await sipp.finished()
        self.assertEqual(self.daemon.complaints(), [])

    async def test_testbed(self) -> None:
        """The testbed takes connections too: its echo answers a call over TCP."""
        self.daemon = await start_daemon(self, testbed=True)
        client = await self.daemon.connect()
        sip = self.daemon.access["sip"]
        await client.register(f"{sip['domain']};transport=tcp", sip["number"], sip["password"])
        call = await client.call("600")
        await client.event("OnAcceptCall", callId=call)
        await self.hang_up(client, call)

    async def test_nobody_listens(self) -> None:
        """A registrar that takes no connections: the event says so."""
        client = await self.start_phone()
        await client.command(
            "sipregister", domain=f"127.0.0.1:{free_port()};transport=tcp", number="2001", password="one"
        )
        failed = await client.event("OnSIPRegisterError")
        self.assertEqual((failed["SIPError"], failed["reason"]), (503, "the connection was refused"))


class TlsTests(StreamCase):
    async def start_proxy(self, *certificates: bytes) -> Kamailio:
        return await start_kamailio(self, USERS, certificates=certificates)

    async def test_call(self) -> None:
        """The server's certificate is by our authority and for its domain: accounts register, and call each other."""
        authority = Authority()
        path = authority.write(self.folder, "ca.pem")
        pem = authority.certificate("kamailio", domains=["localhost"], addresses=["127.0.0.1"])
        proxy = await self.start_proxy(pem)
        client = await self.start_phone(f"tls-ca-file = {path}")
        domain = f"127.0.0.1:{proxy.tls_ports[0]};transport=tls"
        first = await client.register(domain, "2001", "one")
        await client.register(domain, "2002", "two")
        await self.hang_up(client, *await self.talk(client, first))
        self.assertRegex(proxy.program.output, r"registered 2001 with .*;transport=tls.* over tls")
        self.assertIn("called 2002 over tls", proxy.program.output)
        await self.forged(client, proxy)

    async def forged(self, client: Client, proxy: Kamailio) -> None:
        """A datagram with the address of a server that we reach by TLS only is met with silence."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.bind(("127.0.0.1", 0))
            stranger.setblocking(False)
            heard: list[bytes] = []

            def ask(call_id: str) -> None:
                via = f"SIP/2.0/UDP 127.0.0.1:{stranger.getsockname()[1]};branch=z9hG4bK{call_id}"
                request = request_text("OPTIONS", via=via, call_id=call_id)
                stranger.sendto(request.encode(), ("127.0.0.1", self.daemon.sip_port))

            def answered() -> bool:
                with contextlib.suppress(BlockingIOError):
                    heard.append(stranger.recv(4096))
                return bool(heard)

            ask("forged")
            # As soon as an account is reached there by UDP too, the same datagram is welcome.
            await client.register(proxy.domain, "2001", "one")
            ask("welcome")
            await until(answered, "an answer")
        self.assertIn(b"Call-ID: welcome", heard[0])

    async def test_refused(self) -> None:
        """Wrong name, expired, by an unknown authority: each is refused in words, and no REGISTER is sent."""
        authority, other = Authority(), Authority("somebody else")
        path = authority.write(self.folder, "ca.pem")
        day = timedelta(days=1)
        proxy = await self.start_proxy(
            authority.certificate("localhost", domains=["example.com"]),
            authority.certificate("localhost", domains=["localhost"], starts=-9 * day, ends=-day),
            other.certificate("localhost", domains=["localhost"]),
        )
        client = await self.start_phone(f"tls-ca-file = {path}")
        reasons = []
        for port in proxy.tls_ports:
            await client.command(
                "sipregister", domain=f"localhost:{port};transport=tls", number="2001", password="one"
            )
            failed = await client.event("OnSIPRegisterError")
            self.assertEqual(failed["SIPError"], 503)
            reasons.append(failed["reason"])
        self.assertEqual(
            reasons,
            [
                "the certificate is for another name",
                "the certificate has expired",
                "the certificate is by nobody who is trusted here",
            ],
        )
        self.assertNotIn("registered 2001", proxy.program.output)
        self.assertEqual(self.daemon.complaints(), [])

    async def test_own_certificate(self) -> None:
        """A server that wants a certificate of ours: with the right one we register and call.

        Without one, or with somebody else's, the event says what is wrong, and the server hears no REGISTER.
        """
        authority, other = Authority(), Authority("somebody else")
        trusted = authority.write(self.folder, "ca.pem")
        ours = authority.write(self.folder, "ours.pem", authority.certificate("2001"))
        wrong = other.write(self.folder, "wrong.pem", other.certificate("2001"))
        proxy = await start_kamailio(
            self, USERS, certificates=[authority.certificate("x", addresses=["127.0.0.1"])], clients=authority.pem
        )
        domain = f"127.0.0.1:{proxy.tls_ports[0]};transport=tls"
        for name, own, reason in (
            ("without", "", "the server wants a certificate of ours"),
            ("wrong", f"tls-certificate = {wrong}", "the server does not accept our certificate"),
        ):
            client = await self.start_phone(f"tls-ca-file = {trusted}\n{own}", name=name)
            await client.command("sipregister", domain=domain, number="2001", password="one")
            failed = await client.event("OnSIPRegisterError")
            self.assertEqual((failed["SIPError"], failed["reason"]), (503, reason))
            self.assertEqual(self.daemon.complaints(), [])
            await self.daemon.program.stop()
        self.assertNotIn("registered 2001", proxy.program.output)
        client = await self.start_phone(f"tls-ca-file = {trusted}\ntls-certificate = {ours}")
        first = await client.register(domain, "2001", "one")
        await client.register(domain, "2002", "two")
        await self.hang_up(client, *await self.talk(client, first))
        self.assertRegex(proxy.program.output, r"registered 2001 with .*;transport=tls.* over tls")
