"""The daemon is killed with calls up and started again: far ends hear BYE, applications how their calls ended."""

from __future__ import annotations

import re
import sys

from neon.records import CallRecord
from neon.store.database import Database
from neon.store.journal import JournalTable
from tests.certificates import Authority
from tests.integration.baresip import start_baresip
from tests.integration.daemon import ROOT, start_again, start_daemon
from tests.integration.kamailio import Kamailio, start_kamailio
from tests.integration.processes import IntegrationCase, pause, until
from tests.integration.sipp import Sipp
from tests.integration.sippcase import NUMBER, PASSWORD, SippCase

ACCOUNT = """\
[account main]
domain = {domain}
number = {number}
password = {password}
"""

WRITER = """\
import dataclasses, sys
from pathlib import Path
from neon.records import CallRecord
from neon.records import CallRecord
from neon.store.database import Database
from neon.store.journal import JournalTable
from neon.values import Direction

database = Database(Path(sys.argv[1]))
database.open()
table = JournalTable(database)
for turn in range(1, 100_000):
    numbers = range(turn * 10, turn * 10 + 10)
    out = Direction.OUTGOING
    table.write({n: CallRecord(n, turn, "sip:a@b", out, "sip:a@b", "sip:c@d", "x" * 500) for n in numbers})
    table.write({n - 30: None for n in numbers})
    print(turn, flush=True)
"""


class CrashTests(SippCase):
    async def up(self) -> None:
        """A daemon with an account in its configuration, registered at a kamailio."""
        self.proxy = await start_kamailio(self, {NUMBER: PASSWORD})
        account = ACCOUNT.format(domain=self.proxy.domain, number=NUMBER, password=PASSWORD)
        await self.started(more=account, max_calls=64)
        await self.client.command("subscribe", since=0)
        await self.client.event("OnSIPRegister")

    async def call_out(self, sipp: Sipp) -> int:
        call = await self.client.call(f"sip:them@{sipp.address}")
        await self.client.event("OnAcceptCall", callId=call)
        return call

    async def crash(self) -> None:
        """Kill it, a moment after the last thing happened."""
        await pause(0.3)
        await self.daemon.crash()

    async def again(self) -> None:
        """Start it again."""
        self.daemon = await start_again(self, self.daemon)

    def no_secrets(self) -> None:
        """Neither the password nor what was computed from it is in the state."""
        written = b"".join(path.read_bytes() for path in self.daemon.state_dir.glob("neon.sqlite*"))
        self.assertIn(b"sip:them@", written)
        for word in re.findall(r'(?:nonce|opaque)="([0-9A-Za-z/+=]{8,})', self.daemon.program.output):
            self.assertNotIn(word.encode(), written)
        self.assertNotIn(b"Digest", written)
        self.assertNotIn(f'"{PASSWORD}"'.encode(), written)

    async def test_calls_up(self) -> None:
        """One call of ours, one to us, one that rings there and one that rings here: all end, and are told as ended."""
        await self.up()
        there = await self.callee("uas_answer", calls=0)
        ringing = await self.callee("uas_no_answer", calls=0)
        out = await self.call_out(there)
        asking = await self.client.call(f"sip:them@{ringing.address}")
        await until(lambda: "180 Ringing" in ringing.messages(), "ringing there")
        here = await self.caller("uac_is_hung_up")
        into = await self.client.incoming()
        await self.client.command("acceptcall", callid=into)
        await self.client.event("OnAcceptCall", callId=into)
        calling = await self.caller("uac_is_refused")
        rung = await self.client.incoming()
        await self.crash()
        await calling.program.stop()
        self.no_secrets()
        await self.again()
        await until(lambda: "BYE sip:" in there.messages() and "BYE sip:" in here.messages(), "BYE at both", 15)
        await until(lambda: "CANCEL sip:" in ringing.messages(), "CANCEL", 15)
        await self.proxy.has_registered(NUMBER, 2)
        # A client that knows nothing but the documents comes back after a while.
        await pause(2.0)
        client = await self.daemon.connect()
        for call, status in ((out, 0), (into, 0), (asking, 487), (rung, 480)):
            over = await client.event("OnFinalizedCall", 15.0, callId=call)
            self.assertEqual(over["SIPError"], status)
            self.assertIn("NEON was interrupted", over["reason"])
            self.assertEqual(over["duration"] > 0, status == 0, over)
        await client.command("finalizecall", callid=out)
        await there.finished()
        await here.finished()
        await ringing.finished()
        self.daemon_is_well()

    async def test_twice(self) -> None:
        """A crash while the calls of the first are being ended: BYE again, with a number never used before."""
        await self.up()
        there = await self.callee("uas_deaf_to_bye", calls=0)
        call = await self.call_out(there)
        await self.crash()
        await self.again()
        await until(lambda: "BYE sip:" in there.messages(), "the first BYE")
        await self.daemon.crash()
        await self.again()
        await there.finished()
        # And once more: the call has ended there, but nobody has been told yet.
        await self.crash()
        await self.again()
        client = await self.daemon.connect()
        over = await client.event("OnFinalizedCall", 15.0, callId=call)
        self.assertEqual(over["SIPError"], 0)
        await pause(0.2)
        await self.daemon.crash()
        database = Database(self.daemon.state_dir / "neon.sqlite")
        database.open()
        left: list[CallRecord] = []
        JournalTable(database).take_over().addCallback(left.extend)
        database.close()
        self.assertEqual(left, [], "it would be told once more")

    async def test_many(self) -> None:
        """A crash in the middle of a burst of calls: what was told as answered a moment ago gets its end."""
        await self.up()
        there = await self.callee("uas_answer", calls=39)
        calls = [await self.client.call(f"sip:them@{there.address}") for _ in range(40)]
        for call in calls[:20]:
            await self.client.event("OnAcceptCall", 20.0, callId=call)
        await pause(0.2)
        await self.daemon.crash()
        await self.again()
        client = await self.daemon.connect()
        for call in calls[:20]:
            await client.event("OnFinalizedCall", 15.0, callId=call)
        self.daemon_is_well()


class StreamTests(IntegrationCase):
    """The connection died with the daemon: its next life makes another to say good-bye over."""

    programs_needed = ("kamailio", "baresip")

    async def _crash(self, transport: str, sip_more: str, proxy: Kamailio, domain: str) -> None:
        account = ACCOUNT.format(domain=domain, number="2001", password="one")
        daemon = await start_daemon(self, sip_more=sip_more, more=f"{account}transport = {transport}\n")
        client = await daemon.connect()
        await client.command("subscribe", since=0)
        await client.event("OnSIPRegister")
        phone = await start_baresip(self, "2002", proxy.domain, "two", tone_hz=900, answer="auto")
        call = await client.call("2002")
        await client.event("OnAcceptCall", callId=call)
        await phone.event("CALL_ESTABLISHED")
        await pause(0.3)
        await daemon.crash()
        daemon = await start_again(self, daemon)
        await phone.event("CALL_CLOSED", 20.0)
        over = await (await daemon.connect()).event("OnFinalizedCall", 15.0, callId=call)
        self.assertEqual(over["SIPError"], 0)
        self.assertIn("NEON was interrupted", over["reason"])
        self.assertRegex(proxy.program.output, rf"registered 2001 with .* over {transport}")
        self.assertNotRegex(proxy.program.output, r"registered 2001 with .* over udp")
        self.assertEqual(daemon.complaints(), [])

    async def test_tcp(self) -> None:
        """Over TCP."""
        proxy = await start_kamailio(self, {"2001": "one", "2002": "two"}, tcp=True)
        await self._crash("tcp", "", proxy, proxy.domain)

    async def test_tls(self) -> None:
        """Over TLS."""
        authority = Authority()
        trusted = authority.write(self.folder, "ca.pem")
        certificates = [authority.certificate("kamailio", domains=["localhost"], addresses=["127.0.0.1"])]
        proxy = await start_kamailio(self, {"2001": "one", "2002": "two"}, certificates=certificates)
        await self._crash("tls", f"tls-ca-file = {trusted}", proxy, f"127.0.0.1:{proxy.tls_ports[0]}")


class JournalFileTests(IntegrationCase):
    async def test_killed_while_writing(self) -> None:
        """A process that is killed in the middle of writing leaves a journal in which every batch is whole."""
        path = self.folder / "state" / "neon.sqlite"
        for turn in range(2):
            writer = self.start(f"writer{turn}", sys.executable, "-c", WRITER, str(path), env={"PYTHONPATH": str(ROOT)})
            await writer.says(r"\n2\d\n", 20.0)
            writer.kill()
            await writer.ended()
            last = int(writer.output.split()[-1])
            database = Database(path)
            database.open()
            found: list[CallRecord] = []
            JournalTable(database).take_over().addCallback(found.extend)
            database.close()
            batches = {record.call_id // 10 for record in found}
            self.assertTrue({last, last - 1} <= batches, (last, batches))
            self.assertEqual(len(found), 10 * len(batches), "half a batch")
            path.unlink()
