"""NEON and a real phone with SRTP: who encrypts with whom, what both hear, and what a wiretap does not."""

from __future__ import annotations

import re

from tests.integration import sound
from tests.integration.baresip import start_baresip
from tests.integration.daemon import start_daemon
from tests.integration.kamailio import start_kamailio
from tests.integration.processes import IntegrationCase, pause
from tests.integration.wiretap import Wiretap, loudest, tap

OURS, OUR_LEVEL = 700, -14.0
THEIRS, THEIR_LEVEL = 1100, -10.0
TALK = 1.2


class EncryptedTests(IntegrationCase):
    """NEON says 700 Hz, baresip 1,100 Hz; baresip's C{srtp} is optional, its C{srtp-mand} is not."""

    programs_needed = ("kamailio", "baresip")

    async def _world(
        self, policy: str, encryption: str | None, answer: str = "auto", codecs: tuple[str, ...] = ("PCMA",)
    ) -> None:
        self.proxy = await start_kamailio(self, {"2001": "one", "2002": "two"})
        self.heard = self.folder / "heard.wav"
        self.daemon = await start_daemon(self, capture=f"tone:{OURS}:{OUR_LEVEL:g}", playback=f"file:{self.heard}")
        self.client = await self.daemon.connect()
        await self.client.register(self.proxy.domain, "2001", "one", srtp=policy, codecs=list(codecs))
        self.phone = await start_baresip(
            self, "2002", self.proxy.domain, "two", tone_hz=THEIRS, tone_dbm0=THEIR_LEVEL, answer=answer,
            encryption=encryption,
        )  # fmt: skip

    async def _call(self, *, encrypted: bool) -> int:
        call = await self.client.call("2002")
        accepted = await self.client.event("OnAcceptCall", callId=call)
        self.assertEqual(accepted.get("encrypted", False), encrypted)
        [listed] = (await self.client.command("listcalls"))["calls"]
        self.assertEqual(listed["encrypted"], encrypted)
        return call

    def _agreed(self, wiretap: Wiretap) -> set[bytes]:
        """The suites of the answers to this proxy's calls; other tests talk here as well."""
        domain = self.proxy.domain.encode()
        answers = [data for *_, data in wiretap.packets if data.startswith(b"SIP/2.0 200") and domain in data]
        return {suite for data in answers for suite in re.findall(rb"a=crypto:[0-9]+ ([A-Z0-9_]+)", data)}

    async def _end(self, call: int) -> None:
        await self.client.command("finalizecall", callid=call)
        await self.client.event("OnFinalizedCall", callId=call)
        self.assertIsNone(sound.pure_complaint(await self.phone.heard(), OURS, OUR_LEVEL), "at the phone")
        self.assertIsNone(sound.pure_complaint(await sound.recording(self.heard), THEIRS, THEIR_LEVEL), "at NEON")
        self.assertEqual(self.daemon.complaints(), [])

    async def test_mandatory(self) -> None:
        """Both insist: each hears the other, and whoever listens to the wire hears neither."""
        wiretap = tap(self)
        await self._world("mandatory", "srtp-mand")
        call = await self._call(encrypted=True)
        await pause(TALK)
        await self._end(call)
        wiretap.stop()
        self.assertEqual(self._agreed(wiretap), {b"AEAD_AES_256_GCM"})
        packets = wiretap.rtp(self.daemon)
        self.assertGreater(len(packets), 80)
        self.assertEqual([data for data in packets if len(data) == 172], [], "packets without a tag")
        self.assertLess(loudest(packets, OURS, THEIRS), -30)

    async def test_wiretap_works(self) -> None:
        """The same wiretap hears a call in clear: an account that would encrypt, and a phone that does not know how."""
        wiretap = tap(self)
        await self._world("optional", None)
        call = await self._call(encrypted=False)
        await pause(TALK)
        await self._end(call)
        wiretap.stop()
        self.assertGreater(loudest(wiretap.rtp(self.daemon), OURS, THEIRS), -20)

    async def test_called_optionally(self) -> None:
        """The phone calls and would encrypt if we can: we can. Hold and resume keep the keys."""
        await self._world("optional", "srtp", answer="manual")
        self.phone.dial(f"sip:2001@{self.proxy.domain}")
        call = await self.client.incoming()
        await self.client.command("acceptcall", callid=call)
        accepted = await self.client.event("OnAcceptCall", callId=call)
        self.assertIs(accepted.get("encrypted"), True)
        await self.client.command("subscribe", events="OnHold")
        await pause(TALK)
        for hold in (True, False):
            await self.client.command("sethold", callid=call, hold=hold)
            await self.client.event("OnHold", callId=call)
        await pause(TALK)
        await self._end(call)
        after = (await sound.recording(self.heard))[-sound.FRAME * 40 :]
        self.assertIsNone(sound.pure_complaint(after, THEIRS, THEIR_LEVEL), "after it was resumed")

    async def test_optional_meets_mandatory(self) -> None:
        """A phone that insists calls an account that would: encrypted, by its favourite, and in the other law."""
        wiretap = tap(self)
        await self._world("optional", "srtp-mand", answer="manual", codecs=("PCMU",))
        self.phone.dial(f"sip:2001@{self.proxy.domain}")
        call = await self.client.incoming()
        await self.client.command("acceptcall", callid=call)
        accepted = await self.client.event("OnAcceptCall", callId=call)
        self.assertIs(accepted.get("encrypted"), True)
        await pause(TALK)
        await self._end(call)
        wiretap.stop()
        self.assertEqual(self._agreed(wiretap), {b"AES_CM_128_HMAC_SHA1_80"})

    async def test_never_in_clear(self) -> None:
        """We insist and the phone does not know how: no call in either direction, and not one packet of audio."""
        wiretap = tap(self)
        await self._world("mandatory", None, answer="auto")
        call = await self.client.call("2002")
        self.assertEqual((await self.client.event("OnFinalizedCall", callId=call))["SIPError"], 488)
        await self.phone.event("CALL_CLOSED")
        self.phone.dial(f"sip:2001@{self.proxy.domain}")
        await self.phone.program.says("session closed: 488")
        await pause(0.3)
        wiretap.stop()
        self.assertEqual(wiretap.rtp(self.daemon), [])
