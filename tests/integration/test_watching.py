"""Waiting messages and the state of extensions, from a kamailio that is a presence server."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SkipTest

from tests.integration.daemon import Client, Daemon, start_daemon
from tests.integration.kamailio import Kamailio, start_kamailio
from tests.integration.mailbox import publish
from tests.integration.processes import IntegrationCase
from tests.integration.sippcase import SippCase

ACCOUNTS = """\
[account boss]
domain = {domain}
number = 2001
password = one
mwi = yes
blf = 2002

[account desk]
domain = {domain}
number = 2002
password = two
"""


class WatchingTests(IntegrationCase):
    programs_needed = ("kamailio",)

    kamailio: Kamailio
    daemon: Daemon
    client: Client

    def setUp(self) -> None:
        super().setUp()
        if not list(Path("/usr/lib").glob("*/kamailio/modules/presence_mwi.so")):
            raise SkipTest("kamailio-presence-modules is not installed (./test installs it)")

    async def up(self) -> None:
        """Both accounts registered, and everything subscribed to."""
        self.kamailio = await start_kamailio(self, {"2001": "one", "2002": "two"}, presence=True)
        self.daemon = await start_daemon(self, more=ACCOUNTS.format(domain=self.kamailio.domain))
        self.client = await self.daemon.connect()
        await self.client.command("subscribe", events="OnExtensionState,OnMessageWaiting", since=0)

    async def state(self, state: str) -> dict[str, object]:
        return await self.client.event("OnExtensionState", extension="2002", state=state)

    async def test_extension(self) -> None:
        """An extension is idle, rings, is busy and idle again, and who calls it is told; so does listextensions."""
        await self.up()
        await self.state("idle")
        call = await self.client.call("2002", account="boss")
        ringing = await self.state("ringing")
        self.assertTrue(str(ringing["party"]).startswith("sip:2001@"), ringing)
        self.assertEqual(ringing["type"], "incoming")
        incoming = await self.client.incoming()
        await self.client.command("acceptcall", callid=incoming)
        await self.state("busy")
        listed = (await self.client.command("listextensions"))["extensions"]
        self.assertEqual([(one["extension"], one["state"]) for one in listed], [("2002", "busy")])
        await self.client.command("finalizecall", callid=call)
        await self.state("idle")
        self.assertEqual(self.daemon.complaints(), [])

    async def test_by_command(self) -> None:
        """watchextension subscribes, unwatchextension ends it; so does giving the account up."""
        await self.up()
        await self.client.command("watchextension", extension="2001", account="desk")
        await self.kamailio.program.says("subscribed 2002 to dialog of 2001 for 3600")
        await self.client.event("OnExtensionState", extension="2001", state="idle")
        await self.client.command("unwatchextension", extension="2001", account="desk")
        await self.kamailio.program.says("subscribed 2002 to dialog of .* for 0")
        boss = next(a for a in (await self.client.command("listaccounts"))["accounts"] if a.get("name") == "boss")
        self.assertEqual(boss["options"], {"mwi": True, "blf": ["2002"]})
        await self.client.command("sipunregister", connectionid=boss["connectionId"])
        await self.kamailio.program.says("subscribed 2001 to message-summary of .* for 0")
        await self.kamailio.program.says("subscribed 2001 to dialog of .* for 0")
        self.assertEqual(self.daemon.complaints(), [])

    async def test_messages(self) -> None:
        """A mailbox that fills and is emptied arrives as OnMessageWaiting."""
        await self.up()
        await self.kamailio.program.says("subscribed 2001 to message-summary")
        etag = publish(self.kamailio, 1, "Messages-Waiting: yes\r\nVoice-Message: 2/8 (0/2)\r\n")
        told = await self.client.event("OnMessageWaiting", waiting=True)
        self.assertEqual((told["new"], told["old"], told["urgentNew"], told["urgentOld"]), (2, 8, 0, 2))
        accounts = (await self.client.command("listaccounts"))["accounts"]
        self.assertEqual(accounts[0]["messages"]["new"], 2)
        publish(self.kamailio, 2, "Messages-Waiting: no\r\nVoice-Message: 0/10 (0/2)\r\n", etag)
        await self.client.event("OnMessageWaiting", waiting=False)
        self.assertEqual(self.daemon.complaints(), [])


class UnsolicitedTests(SippCase):
    async def test_unsolicited(self) -> None:
        """A registrar that tells of messages without being asked is heard, and gets its 200."""
        await self.registered()
        await self.client.command("subscribe", events="OnMessageWaiting")
        sipp = await self.caller("uac_notifies_messages")
        told = await self.client.event("OnMessageWaiting")
        self.assertEqual((told["waiting"], told["new"], told["old"]), (True, 3, 0))
        await sipp.finished()
        self.daemon_is_well()
