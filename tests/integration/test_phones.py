"""NEON and real phones: baresip behind kamailio with digest authentication, audio judged at both ends."""

from __future__ import annotations

from tests.integration import sound
from tests.integration.baresip import start_baresip
from tests.integration.daemon import start_daemon
from tests.integration.kamailio import start_kamailio
from tests.integration.processes import IntegrationCase, pause

OURS, OUR_LEVEL = 700, -14.0
THEIRS, THEIR_LEVEL = 1100, -10.0
TALK = 1.2


class PhoneTests(IntegrationCase):
    """One call at a time: NEON says 700 Hz, baresip 1,100 Hz."""

    programs_needed = ("kamailio", "baresip")

    async def _world(self, answer: str) -> None:
        self.proxy = await start_kamailio(self, {"2001": "one", "2002": "two"})
        self.heard = self.folder / "heard.wav"
        self.daemon = await start_daemon(self, capture=f"tone:{OURS}:{OUR_LEVEL:g}", playback=f"file:{self.heard}")
        self.client = await self.daemon.connect()
        await self.client.register(self.proxy.domain, "2001", "one")
        self.phone = await start_baresip(
            self, "2002", self.proxy.domain, "two", tone_hz=THEIRS, tone_dbm0=THEIR_LEVEL, answer=answer
        )

    async def _both_heard_each_other(self) -> None:
        self.assertIsNone(sound.pure_complaint(await self.phone.heard(), OURS, OUR_LEVEL), "at the phone")
        self.assertIsNone(sound.pure_complaint(await sound.recording(self.heard), THEIRS, THEIR_LEVEL), "at NEON")
        self.assertEqual(self.daemon.complaints(), [])

    async def test_calling(self) -> None:
        """NEON calls, the phone answers, both hear each other, NEON hangs up."""
        await self._world(answer="auto")
        call = await self.client.call("2002")
        started = await self.client.event("OnNewCall", callId=call)
        self.assertEqual(started["type"], "outgoing")
        self.assertEqual(started["to"], f"sip:2002@{self.proxy.domain}")
        accepted = await self.client.event("OnAcceptCall", callId=call)
        self.assertEqual(accepted["SIPError"], 0)
        await pause(TALK)
        await self.client.command("finalizecall", callid=call)
        over = await self.client.event("OnFinalizedCall", callId=call)
        self.assertEqual(over["SIPError"], 0)
        self.assertTrue(1000 * TALK - 200 < over["duration"] < 1000 * TALK + 2000, over)
        await self.phone.event("CALL_CLOSED")
        await self._both_heard_each_other()

    async def test_called(self) -> None:
        """The phone calls, NEON rings and answers, both hear each other, the phone hangs up."""
        await self._world(answer="manual")
        self.phone.dial(f"sip:2001@{self.proxy.domain}")
        started = await self.client.event("OnNewCall")
        self.assertEqual((started["type"], started["from"]), ("incoming", f"sip:2002@{self.proxy.domain}"))
        call = int(started["callId"])
        await self.phone.event("CALL_RINGING")
        await self.client.command("acceptcall", callid=call)
        await self.client.event("OnAcceptCall", callId=call)
        await self.phone.event("CALL_ESTABLISHED")
        await pause(TALK)
        self.phone.hang_up()
        over = await self.client.event("OnFinalizedCall", callId=call)
        self.assertEqual(over["SIPError"], 0)
        await self._both_heard_each_other()

    async def test_phone_refuses(self) -> None:
        """A phone that refuses makes a call that ends with its status."""
        await self._world(answer="manual")
        call = await self.client.call("2002")
        await self.phone.event("CALL_INCOMING")
        self.phone.hang_up()
        over = await self.client.event("OnFinalizedCall", callId=call)
        self.assertIn(over["SIPError"], (486, 603))
        self.assertEqual(over["duration"], 0)
        self.assertNotIn("OnAcceptCall", self.client.happened(call))

    async def test_nobody_of_that_number(self) -> None:
        """kamailio's 404 for an unknown number arrives as the call's SIPError."""
        await self._world(answer="manual")
        call = await self.client.call("2999")
        self.assertEqual((await self.client.event("OnFinalizedCall", callId=call))["SIPError"], 404)


class SeveralTests(IntegrationCase):
    """More than one account, more than one call."""

    programs_needed = ("kamailio", "baresip")

    async def test_two_accounts_three_calls(self) -> None:
        """Two accounts hold three calls at once, called and calling; every party is heard and hears."""
        users = {"2001": "one", "2002": "two", "2003": "three", "2004": "four", "2005": "five"}
        proxy = await start_kamailio(self, users)
        daemon = await start_daemon(
            self,
            capture=f"tone:{OURS}:{OUR_LEVEL:g}",
            playback=f"file:{self.folder}/heard-{{call_id}}.wav",
        )
        client = await daemon.connect()
        first = await client.register(proxy.domain, "2001", "one")
        second = await client.register(proxy.domain, "2002", "two")
        tones = {"2003": 900, "2004": 1300, "2005": 1700}
        phones = {
            number: await start_baresip(
                self, number, proxy.domain, users[number], tone_hz=hz, answer="manual" if number == "2005" else "auto"
            )
            for number, hz in tones.items()
        }
        calls = {
            "2003": await client.call("2003", connectionId=first),
            "2004": await client.call("2004", connectionId=second),
        }
        for call in calls.values():
            await client.event("OnAcceptCall", callId=call)
        phones["2005"].dial(f"sip:2002@{proxy.domain}")
        calls["2005"] = await client.incoming()
        await client.command("acceptcall", callid=calls["2005"])
        await client.event("OnAcceptCall", callId=calls["2005"])
        await pause(TALK)
        for call in calls.values():
            await client.command("finalizecall", callid=call)
        for number, call in calls.items():
            self.assertEqual((await client.event("OnFinalizedCall", callId=call))["SIPError"], 0, number)
        for number, call in calls.items():
            self.assertIsNone(sound.pure_complaint(await phones[number].heard(), OURS, OUR_LEVEL), f"at {number}")
            ours = await sound.recording(self.folder / f"heard-{call}.wav")
            self.assertIsNone(sound.pure_complaint(ours, tones[number], -12), f"at NEON, from {number}")
        self.assertEqual(daemon.complaints(), [])
