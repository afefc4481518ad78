"""The panel in a real browser while its daemon talks to others than its own test service."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SkipTest

from tests.integration.daemon import Client, start_daemon
from tests.integration.kamailio import start_kamailio
from tests.integration.mailbox import publish
from tests.integration.rtp import open_peer
from tests.integration.sipp import start_sipp
from tests.integration.test_panel import PanelCase


class AttendedTransferTests(PanelCase):
    """Three NEONs behind kamailio: the panel's talks to both others."""

    programs_needed = ("chromium", "kamailio")

    async def colleague(self, number: str, password: str) -> Client:
        """Another NEON, which may be sent elsewhere."""
        daemon = await start_daemon(self, sip_more="refer = allow", name=f"neon-{number}")
        client = await daemon.connect()
        await client.command("subscribe", events="all")
        await client.register(self.proxy.domain, number, password)
        return client

    async def test_consultation(self) -> None:
        """A call is put on hold, another one asked, and the two are connected: they talk on without us."""
        self.proxy = await start_kamailio(self, {"2001": "one", "2002": "two", "2003": "three"})
        await self.started(registered=False)
        await self.client.register(self.proxy.domain, "2001", "one")
        caller, asked = await self.colleague("2002", "two"), await self.colleague("2003", "three")
        tab = await self.panel()
        first = await caller.call("2001")
        await tab.click("neon-call.ringing [data-do=answer]")
        await caller.event("OnAcceptCall", callId=first)
        await tab.fill("neon-dial input", "2003")
        await tab.press("Enter")
        second = await asked.incoming()
        await asked.command("acceptcall", callid=second)
        await tab.has("neon-call[data-state=confirmed]", 2)
        await tab.click("neon-call[data-hold] [data-do=transfer]")
        await tab.click("#transfer .others button")
        for client, old in ((caller, first), (asked, second)):
            joined = await client.event("OnNewCall", replaces=old)
            await client.event("OnAcceptCall", callId=joined["callId"])
            self.assertEqual((await client.event("OnFinalizedCall", callId=old))["SIPError"], 0)
        await self.client.event("OnTransferedCall")
        await tab.has("neon-call[data-state=confirmed]", 0)
        self.assertEqual((await self.client.command("listcalls"))["calls"], [])
        self.quiet(tab)


class QualityTests(PanelCase):
    programs_needed = ("chromium", "sipp")

    async def test_reason(self) -> None:
        """Where a tenth of the far end's packets is lost, the light is not green, and the reason stands beside it."""
        await self.started(registered=False)
        peer = open_peer(self, tone_hz=1100)
        peer.loses = 10
        sipp = await start_sipp(self, "uas_answer", calls=2, rtp_port=peer.port)
        await self.client.register(sipp.address, "2001", "one")
        tab = await self.panel()
        call = await self.client.call("2002")
        warned = await self.client.event("OnMediaWarning", 40.0, callId=call, problem="high-loss")
        await tab.shows("neon-call .quality .words", warned["description"])
        self.assertIn(await tab.run("document.querySelector('neon-call .quality').dataset.light"), ("fair", "poor"))
        await self.look(tab, "poor-sound")
        await tab.click("neon-call [data-do=hangup]")
        await self.client.event("OnFinalizedCall", callId=call)
        await sipp.finished()
        self.quiet(tab)


class MessagesTests(PanelCase):
    programs_needed = ("chromium", "kamailio")

    def setUp(self) -> None:
        super().setUp()
        if not list(Path("/usr/lib").glob("*/kamailio/modules/presence_mwi.so")):
            raise SkipTest("kamailio-presence-modules is not installed (./test installs it)")

    async def test_waiting(self) -> None:
        """In Portuguese: a mailbox that fills is seen beside its account, also by whoever opens the panel later."""
        proxy = await start_kamailio(self, {"2001": "one"}, presence=True)
        account = f"[account boss]\ndomain = {proxy.domain}\nnumber = 2001\npassword = one\nmwi = yes\n"
        await self.started(registered=False, more=account)
        tab = await self.panel("pt-BR")
        await tab.shows("neon-status", "2001@")
        await proxy.program.says("subscribed 2001 to message-summary")
        self.assertNotIn("Mensagens", await tab.text("neon-status"))
        etag = publish(proxy, 1, "Messages-Waiting: yes\r\nVoice-Message: 2/8 (0/2)\r\n")
        await tab.shows("neon-status .registered", "Mensagens de voz: 2")
        await self.look(tab, "messages-pt")
        later = await self.panel("es-MX")
        await later.shows("neon-status .registered", "Mensajes de voz: 2")
        etag = publish(proxy, 2, "Messages-Waiting: yes\r\n", etag)
        await tab.until("/Mensagens de voz$/.test(document.querySelector('neon-status .registered').textContent)")
        publish(proxy, 3, "Messages-Waiting: no\r\nVoice-Message: 0/10 (0/2)\r\n", etag)
        await tab.until("!document.querySelector('neon-status').textContent.includes('Mensagens')")
        self.quiet(tab)
