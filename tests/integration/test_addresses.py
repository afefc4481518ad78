"""Where audio goes: over IPv6, and to where a STUN server has seen us. Heard by a real phone."""

from __future__ import annotations

from pathlib import Path

from tests.integration import sound
from tests.integration.baresip import start_baresip
from tests.integration.daemon import start_daemon
from tests.integration.kamailio import start_kamailio
from tests.integration.processes import IntegrationCase, free_port, pause, until
from tests.integration.stunserver import SEEN_AT, start_stun_server

OURS, THEIRS = 700, 1100


class AddressTests(IntegrationCase):
    programs_needed = ("kamailio", "baresip")

    async def talk(self, host: str, *, media_more: str = "") -> tuple[str, list[int]]:
        """Have NEON, bound to everything, and a phone at that host talk, and the phone hear us.

        Returns NEON's log and what it heard.
        """
        proxy = await start_kamailio(self, {"2001": "one", "2002": "two"}, host=host)
        heard = self.folder / "heard.wav"
        daemon = await start_daemon(
            self, capture=f"tone:{OURS}:-14", playback=f"file:{heard}", bind="*", media_more=media_more
        )
        client = await daemon.connect()
        await client.register(proxy.domain, "2001", "one")
        phone = await start_baresip(
            self, "2002", proxy.domain, "two", tone_hz=THEIRS, answer="auto", host=host, interface=host.strip("[]")
        )
        call = await client.call("2002")
        await client.event("OnAcceptCall", callId=call)
        await phone.event("CALL_ESTABLISHED")
        await pause(2)
        await client.command("finalizecall", callid=call)
        await client.event("OnFinalizedCall", callId=call)
        await phone.event("CALL_CLOSED")
        self.assertIsNone(sound.complaint(await phone.heard(), OURS, -14))
        await daemon.program.stop()
        self.assertEqual(daemon.complaints(), [])
        return daemon.program.output, await sound.recording(Path(heard))

    async def test_version_six(self) -> None:
        """A call by IPv6: the offer says so, and both sides hear each other."""
        log, heard = await self.talk("[::1]")
        self.assertIsNone(sound.complaint(heard, THEIRS, -12))
        self.assertRegex(log, r"SIP -> .*INVITE .*c=IN IP6 ::1\b")

    async def test_stun(self) -> None:
        """The offer has the address that the STUN server saw, and audio sent there arrives.

        No NAT turns that address into the one that we send from, so it arrives until that is settled and not after.
        """
        server, address = start_stun_server(self)
        log, heard = await self.talk("127.0.0.1", media_more=f"stun = {address}")
        self.assertIsNotNone(sound.onset(heard, THEIRS, -12))
        self.assertRegex(log, rf"SIP -> .*INVITE .*c=IN IP4 {SEEN_AT}\b")
        self.assertGreaterEqual(len(server.asked), 4)

    async def test_no_stun_server(self) -> None:
        """A STUN server that is not there delays nothing: the offer has our own address."""
        daemon = await start_daemon(
            self, testbed=True, bind="*", media_more=f"stun = 127.0.0.1:{free_port()}"
        )  # fmt: skip
        client = await daemon.connect()
        sip = daemon.access["sip"]
        await client.register(sip["domain"], sip["number"], sip["password"])
        call = await client.call("600")
        await client.event("OnAcceptCall", callId=call)
        await until(lambda: "c=IN IP4 127.0.0.1" in daemon.program.output, "our own address in the offer")
        await daemon.program.says("the STUN server was no help: no answer")
        await client.command("finalizecall", callid=call)
        await client.event("OnFinalizedCall", callId=call)
        self.assertEqual(daemon.complaints(), [])
