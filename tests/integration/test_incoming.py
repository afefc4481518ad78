"""What becomes of calls that sipp places to NEON: rules, reasons, header fields, answers without anybody's doing."""

from __future__ import annotations

from typing import Any

from tests.integration import sound
from tests.integration.daemon import Refused, start_again
from tests.integration.kamailio import start_kamailio
from tests.integration.rtp import open_peer
from tests.integration.sipp import Sipp
from tests.integration.sippcase import NUMBER, PASSWORD, SippCase

ACCOUNT = """\
[account main]
domain = {domain}
number = {number}
password = {password}
{more}
"""


class IncomingTests(SippCase):
    async def subscribed(self, **options: Any) -> None:
        await self.registered(**options)
        await self.client.command("subscribe", events="all")

    async def configured(self, account: str, **options: Any) -> None:
        """A daemon whose account stands in its configuration."""
        self.proxy = await start_kamailio(self, {NUMBER: PASSWORD})
        more = ACCOUNT.format(domain=self.proxy.domain, number=NUMBER, password=PASSWORD, more=account)
        await self.started(more=more, **options)
        await self.client.command("subscribe", since=0, events="all")
        await self.client.event("OnSIPRegister")

    async def gets(self, status: int) -> Sipp:
        """sipp calls and is refused with this status."""
        return await self.caller("uac_gets", keys={"expected": str(status)})

    async def asks(self, header: str, *options: str, **more: int) -> Sipp:
        """sipp calls with a further header field."""
        return await self.caller("uac_asks", *options, keys={"further": header}, **more)

    async def test_rung(self) -> None:
        """Calls that ring, one after the other: refused, while another one talks, and sent on too often."""
        await self.subscribed()
        await self.rejected()
        await self.call_waiting()
        await self.not_for_ever()
        self.daemon_is_well()

    async def rejected(self) -> None:
        """rejectcall refuses with the status that it names; another one than these is 102."""
        for status in (603, 480):
            sipp = await self.gets(status)
            call = await self.client.incoming()
            await self.client.command("rejectcall", callid=call, status=status)
            await self.over(call, status)
            await sipp.finished()
            self.assertEqual(self.client.happened(call), [])
        for status in (603, 200):
            try:
                await self.client.command("rejectcall", callid=call, status=status)
            except Refused as refusal:
                self.assertEqual(refusal.code, 102)
            else:
                self.fail(f"{status} was taken")

    async def test_do_not_disturb(self) -> None:
        """DND refuses with 480 and tells of a missed call; it is still on after a restart, until it is taken back."""
        await self.configured("")
        await self.client.command("setdnd", dnd=True)
        await (await self.gets(480)).finished()
        missed = await self.client.event("OnMissedCall")
        self.assertEqual((missed["why"], missed["SIPError"], missed["type"]), ("dnd", 480, "incoming"))
        self.assertEqual(self.client.happened(missed["callId"]), [])
        await self.daemon.program.stop()
        self.daemon = await start_again(self, self.daemon)
        self.client = await self.daemon.connect()
        await self.client.command("subscribe", since=0, events="all")
        await self.client.event("OnSIPRegister")
        await (await self.gets(480)).finished()
        await self.client.command("setdnd", dnd=False)
        sipp = await self.caller("uac_cancels")
        call = await self.client.incoming()
        await sipp.finished()
        missed = await self.client.event("OnMissedCall", callId=call)
        self.assertEqual((missed["why"], missed["SIPError"]), ("unanswered", 487))
        await self.over(call, 487)
        self.daemon_is_well()

    async def test_forwarded(self) -> None:
        """setforward sends calls elsewhere at once, after a second of ringing, or when there is one call too many."""
        await self.subscribed(max_calls=1)
        await self.client.command("setforward", when="always", to="2003")
        await (await self.caller("uac_is_deflected")).finished()
        missed = await self.client.event("OnMissedCall")
        self.assertEqual((missed["why"], missed["forwardedTo"]), ("forwarded", f"sip:2003@{self.proxy.domain}"))
        await self.client.command("setforward", when="always", to="")
        await self.client.command("setforward", when="noanswer", to="2003", seconds=1)
        sipp = await self.caller("uac_is_deflected")
        call = await self.client.incoming()
        await sipp.finished()
        await self.over(call, 302)
        self.assertIn("Diversion: <sip:2001@", sipp.messages())
        await self.client.command("setforward", when="noanswer")
        await self.client.command("setforward", when="busy", to="2003")
        talking = await self.caller("uac_is_hung_up")
        call = await self.client.incoming()
        await self.client.command("acceptcall", callid=call)
        await self.client.event("OnAcceptCall", callId=call)
        await (await self.caller("uac_is_deflected")).finished()
        await self.client.command("finalizecall", callid=call)
        await self.over(call, 0)
        await talking.finished()
        self.daemon_is_well()

    async def not_for_ever(self) -> None:
        """A call that was sent on five times already is not sent on again: it rings."""
        await self.client.command("setforward", when="always", to="2003")
        sipp = await self.asks("Diversion: <sip:2009@example.org>;reason=unconditional;counter=5")
        started = await self.client.event("OnNewCall")
        diversion = {"uri": "sip:2009@example.org", "reason": "unconditional", "count": 5}
        self.assertEqual(started["diversions"], [diversion])
        await self.client.command("acceptcall", callid=started["callId"])
        await self.over(started["callId"], 0)
        await sipp.finished()

    async def test_answered_by_itself(self) -> None:
        """A listed caller who asks for it is answered at once, and a beep is heard here: nobody else is."""
        await self.configured("auto-answer = sipp", playback=f"file:{self.folder}/heard-{{call_id}}.wav")
        peer = open_peer(self)
        sipp = await self.asks("Call-Info: <sip:127.0.0.1>;answer-after=0", "-d", "1000", rtp_port=peer.port)
        started = await self.client.event("OnNewCall")
        self.assertEqual(started["autoAnswer"], 0)
        await self.client.event("OnAcceptCall", callId=started["callId"])
        await self.over(started["callId"], 0)
        await sipp.finished()
        self.assertNotIn("SIP/2.0 180", sipp.messages())
        samples = await sound.recording(self.folder / f"heard-{started['callId']}.wav")
        self.assertIsNotNone(sound.onset(samples, 880, -12), "no beep here")
        self.assertIsNone(sound.onset(peer.samples(), 880, -12), "a beep there")
        self.daemon_is_well()

    async def test_header_fields(self) -> None:
        """Applications see, and send, what the configuration lets through; the rest is 102."""
        await self.subscribed(sip_more="headers-in = X-CRM-Id\nheaders-out = X-CRM-*")
        sipp = await self.asks('X-CRM-Id: 77\n      P-Asserted-Identity: "Ann" <sip:+49301@ims.example.org>\n'
                               "      Privacy: id\n      X-Other: 1\n      Answer-Mode: Auto\n"
                               "      History-Info: <sip:30@example.com?Reason=SIP%3Bcause%3D486>;index=1, "
                               "<sip:31@example.com>;index=1.1;rc=1")  # fmt: skip
        started = await self.client.event("OnNewCall")
        self.assertNotIn("autoAnswer", started, "nobody is listed")
        self.assertEqual(started["headers"], {"X-CRM-Id": "77"})
        asserted = (started["assertedIdentity"], started["assertedName"], started["privacy"])
        self.assertEqual(asserted, ("sip:+49301@ims.example.org", "Ann", ["id"]))
        self.assertEqual(started["diversions"], [{"uri": "sip:30@example.com", "reason": "486", "count": 1}])
        await self.client.command("acceptcall", callid=started["callId"])
        await self.over(started["callId"], 0)
        await sipp.finished()
        callee = await self.callee("uas_answer")
        connection = await self.register_at(callee)
        for wrong in ({"X-Other": "1"}, {"From": "x"}, {"X-CRM-Id": "1\r\nVia: x"}, {"X-CRM-Id: x\r\nY": "1"}):
            try:
                await self.client.call("2002", connectionId=connection, headers=wrong)
            except Refused as refusal:
                self.assertEqual(refusal.code, 102)
            else:
                self.fail(f"{wrong} was taken")
        call = await self.client.call("2002", connectionId=connection, headers={"X-CRM-Id": "a b"})
        await self.client.event("OnAcceptCall", callId=call)
        await self.client.command("finalizecall", callid=call)
        await self.over(call, 0)
        await callee.finished()
        self.assertIn("X-CRM-Id: a b", callee.messages())
        self.daemon_is_well()

    async def call_waiting(self) -> None:
        """The second of two callers hears that it waits, with the 180."""
        first = await self.caller("uac_is_hung_up")
        call = await self.client.incoming()
        await self.client.command("acceptcall", callid=call)
        await self.client.event("OnAcceptCall", callId=call)
        second = await self.caller("uac_cancels")
        waiting = await self.client.incoming()
        await self.over(waiting)
        await second.finished()
        self.assertIn("Alert-Info: <urn:alert:service:call-waiting>", second.messages())
        await self.client.command("finalizecall", callid=call)
        await self.over(call, 0)
        await first.finished()
        self.assertNotIn("Alert-Info", first.messages())
