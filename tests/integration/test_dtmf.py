"""Digits on a real network: RFC 4733 packets as a peer sees them, INFO, tones, and those that we hear."""

from __future__ import annotations

import itertools
import struct

from tests import audio
from tests.integration.baresip import start_baresip
from tests.integration.daemon import Refused, start_daemon
from tests.integration.kamailio import start_kamailio
from tests.integration.processes import IntegrationCase, pause, until
from tests.integration.rtp import Heard, RtpPeer, open_peer
from tests.integration.sippcase import SippCase

EVENT = 101
DIGITS = "0123456789*#ABCD"


def events_of(peer: RtpPeer) -> list[list[Heard]]:
    """The telephone events that a peer heard, each with all its packets."""
    found: dict[int, list[Heard]] = {}
    for packet in peer.heard:
        if packet.payload_type == EVENT:
            found.setdefault(packet.timestamp, []).append(packet)
    return list(found.values())


def digits_of(peer: RtpPeer) -> str:
    return "".join(DIGITS[packets[0].payload[0]] for packets in events_of(peer))


class SentTests(SippCase):
    async def test_telephone_events(self) -> None:
        """Every digit is one event: growing, marked as ended three times, as long as promised, with gaps and pauses."""
        await self.started(capture="tone:700:-14")
        peer = open_peer(self, tone_hz=1100)
        sipp = await self.callee("uas_answer", rtp_port=peer.port)
        call = await self.call(sipp)
        await self.client.event("OnAcceptCall", callId=call)
        await self.client.command("senddtmf", callid=call, dtmf="19*,hashD")
        await until(lambda: [len(packets) for packets in events_of(peer)] == [7] * 5, "five digits of seven packets")
        self.assertEqual(digits_of(peer), "19*#D")
        for packets in events_of(peer):
            durations = [struct.unpack("!H", packet.payload[2:])[0] for packet in packets]
            self.assertEqual(durations, [160, 320, 480, 640, 800, 800, 800])
            self.assertEqual([bool(packet.payload[1] & 0x80) for packet in packets], [False] * 4 + [True] * 3)
        begins = [packets[0].timestamp for packets in events_of(peer)]
        apart = [round((after - before) / 8) for before, after in itertools.pairwise(begins)]
        for gap in (apart[0], apart[1], apart[3]):
            self.assertTrue(160 <= gap <= 1000, apart)
        self.assertTrue(2000 <= apart[2] <= 3500, apart)
        await self.client.command("finalizecall", callid=call)
        await self.over(call, 0)
        await sipp.finished()
        self.daemon_is_well()

    async def test_info(self) -> None:
        """Without telephone events digits go by INFO; the one that is refused is heard as two tones."""
        await self.started()
        peer = open_peer(self, tone_hz=1100)
        sipp = await self.callee("uas_info", rtp_port=peer.port)
        call = await self.call(sipp)
        await self.client.event("OnAcceptCall", callId=call)
        await self.client.command("senddtmf", callid=call, tdmf="5#7")
        await until(lambda: "415 Unsupported" in sipp.messages(), "the refusal")
        await pause(0.5)
        loud = [
            frame
            for start in range(0, len(peer.samples()) - 160, 160)
            if audio.level_dbm0(frame := peer.samples()[start : start + 160]) > -20
        ]
        tones = [sample for frame in loud[1:-1] for sample in frame]
        self.assertApproximates(len(loud), 5, 2)
        self.assertApproximates(audio.tone_level_dbm0(tones, 852), -10, 2)
        self.assertApproximates(audio.tone_level_dbm0(tones, 1209), -10, 2)
        await self.client.command("finalizecall", callid=call)
        await self.over(call, 0)
        await sipp.finished()
        self.daemon_is_well()

    async def test_not_up(self) -> None:
        """Digits into a call that rings are refused with 102, and so are those that are none."""
        await self.started()
        sipp = await self.callee("uas_no_answer")
        call = await self.call(sipp)
        for digits in ("1", "E", ""):
            with self.assertRaises(Refused) as refusal:
                await self.client.command("senddtmf", callid=call, dtmf=digits)
            self.assertEqual(refusal.exception.code, 102)
        await self.client.command("finalizecall", callid=call)
        await self.over(call)


class HeardTests(SippCase):
    async def test_info(self) -> None:
        """Digits that come by INFO, in both bodies, are events for those who subscribed."""
        await self.registered()
        await self.client.command("subscribe", events=["OnDTMF"])
        sipp = await self.caller("uac_info")
        call = await self.client.incoming()
        await self.client.command("acceptcall", callid=call)
        digits = [(await self.client.event("OnDTMF", callId=call))["dtmf"] for _ in range(2)]
        self.assertEqual(digits, ["5", "*"])
        await self.over(call, 0)
        await sipp.finished()
        self.daemon_is_well()

    async def test_telephone_events(self) -> None:
        """A digit of seven packets, or of what the network left of them, is one event."""
        await self.started()
        await self.client.command("subscribe", events="OnDTMF")
        peer = open_peer(self, tone_hz=1100)
        sipp = await self.callee("uas_answer", rtp_port=peer.port)
        call = await self.call(sipp)
        await self.client.event("OnAcceptCall", callId=call)
        await until(lambda: len(peer.heard) > 20, "audio")
        await pause(0.3)
        for number, digit in enumerate("42#"):
            peer.press(DIGITS.index(digit), lost=2 * number)
            await pause(0.2)
        digits = [(await self.client.event("OnDTMF", callId=call))["dtmf"] for _ in range(3)]
        self.assertEqual(digits, ["4", "2", "#"])
        await pause(0.2)
        self.assertNotIn("OnDTMF", self.client.happened(call))
        await self.client.command("finalizecall", callid=call)
        await self.over(call, 0)
        await sipp.finished()


class PhoneTests(IntegrationCase):
    programs_needed = ("kamailio", "baresip")

    async def test_between_phones(self) -> None:
        """baresip hears the digits that NEON sends, and NEON those of baresip."""
        proxy = await start_kamailio(self, {"2001": "one", "2002": "two"})
        daemon = await start_daemon(self, capture="tone:700:-14")
        client = await daemon.connect()
        await client.command("subscribe", events="all")
        await client.register(proxy.domain, "2001", "one")
        phone = await start_baresip(self, "2002", proxy.domain, "two", tone_hz=1100, answer="auto")
        call = await client.call("2002")
        await client.event("OnAcceptCall", callId=call)
        await phone.event("CALL_ESTABLISHED")
        await client.command("senddtmf", callid=call, dtmf="42#")
        for digit in "42#":
            self.assertEqual((await phone.event("CALL_DTMF_START"))["param"], digit)
        phone.command("sndcode", "7")
        self.assertEqual((await client.event("OnDTMF", callId=call))["dtmf"], "7")
        await client.command("finalizecall", callid=call)
        self.assertEqual((await client.event("OnFinalizedCall", callId=call))["SIPError"], 0)
        self.assertEqual(daemon.complaints(), [])
