"""Calls that NEON places, to sipp scenarios: answered, refused, cancelled, redirected, challenged."""

from __future__ import annotations

import itertools
import re
import time

from tests.integration import sound
from tests.integration.processes import pause, until
from tests.integration.rtp import open_peer
from tests.integration.sipp import start_sipp
from tests.integration.sippcase import SippCase

REASONS = {
    404: "Not Found",
    480: "Temporarily Unavailable",
    486: "Busy Here",
    500: "Server Internal Error",
    600: "Busy Everywhere",
    603: "Decline",
}


class AnsweredTests(SippCase):
    async def test_audio_at_once(self) -> None:
        """Audio flows both ways within 200 ms of the 200, until the BYE; then not one packet more."""
        heard = self.folder / "heard.wav"
        await self.started(capture="tone:700:-14", playback=f"file:{heard}")
        peer = open_peer(self, tone_hz=1100, dbm0=-10)
        sipp = await self.callee("uas_answer", rtp_port=peer.port)
        call = await self.call(sipp)
        accepted = await self.client.event("OnAcceptCall", callId=call)
        await until(lambda: len(peer.heard) > 50, "a second of audio")
        answered = sipp.sent_at("SIP/2.0 200")
        self.assertTrue(answered <= peer.heard[0].at < answered + 1.0, "the first packet")
        self.assertLess(accepted["arrived"], answered + 1.0)
        self.assertIsNone(sound.pure_complaint(peer.samples(), 700, -14))
        first = sound.onset(peer.samples(), 700, -14)
        self.assertTrue(first is not None and first <= 8 * sound.FRAME, f"the tone itself, at sample {first}")
        await self.client.command("finalizecall", callid=call)
        await self.over(call, 0)
        await sipp.finished()
        count = len(peer.heard)
        await pause(0.2)
        self.assertEqual(len(peer.heard), count)
        ours = await sound.recording(heard)
        self.assertIsNone(sound.pure_complaint(ours, 1100, -10))
        self.assertEqual(peer.garbage, 0)
        self.daemon_is_well()

    async def test_steady_stream(self) -> None:
        """One SSRC, sequence numbers and timestamps in step, 20 ms apart on the average."""
        await self.started(capture="tone:700:-14")
        peer = open_peer(self)
        sipp = await self.callee("uas_answer", rtp_port=peer.port)
        call = await self.call(sipp)
        await until(lambda: len(peer.heard) > 100, "two seconds of audio")
        packets = [packet for packet in peer.heard if packet.payload_type == 8]
        self.assertEqual(len({packet.ssrc for packet in packets}), 1)
        for before, after in itertools.pairwise(packets):
            self.assertEqual((after.sequence - before.sequence) & 0xFFFF, 1)
            self.assertEqual((after.timestamp - before.timestamp) & 0xFFFFFFFF, 160)
            self.assertEqual(len(after.payload), 160)
        spacing = (packets[-1].at - packets[0].at) / (len(packets) - 1)
        self.assertTrue(0.0195 < spacing < 0.0205, spacing)
        await self.client.command("finalizecall", callid=call)
        await self.over(call, 0)

    async def test_early_media(self) -> None:
        """What the callee says before it answers (183) is heard; OnAcceptCall waits for the 200."""
        heard = self.folder / "heard.wav"
        await self.started(playback=f"file:{heard}")
        peer = open_peer(self, tone_hz=1100, dbm0=-10)
        sipp = await self.callee("uas_early_media", rtp_port=peer.port)
        call = await self.call(sipp)
        offer = await until(lambda: re.search(r"m=audio (\d+) ", sipp.messages()), "the offer")
        peer.speak(("127.0.0.1", int(offer[1])))
        accepted = await self.client.event("OnAcceptCall", callId=call)
        self.assertGreater(accepted["arrived"], sipp.sent_at("SIP/2.0 200") - 0.001)
        await self.client.command("finalizecall", callid=call)
        await self.over(call, 0)
        await sipp.finished()
        # The scenario answers a second after its 183.
        self.assertIsNone(sound.complaint(await sound.recording(heard), 1100, -10, seconds=0.6))
        self.daemon_is_well()

    async def test_redirected(self) -> None:
        """A 302 is followed to where it points, here through a proxy that asks for a password each time."""
        await self.registered()
        elsewhere = await start_sipp(self, "uas_answer")
        sipp = await start_sipp(self, "uas_redirect", keys={"moved_to": str(elsewhere.port)})
        call = await self.client.call(f"sip:bob@{sipp.address}")
        await self.client.event("OnAcceptCall", callId=call)
        await self.client.command("finalizecall", callid=call)
        await self.over(call, 0)
        await sipp.finished()
        await elsewhere.finished()
        self.daemon_is_well()

    async def test_challenged(self) -> None:
        """A 401 is answered with the account's credentials (MD5), which every later request carries as well.

        And a BYE of the callee ends the next call: status 0, with its duration.
        """
        await self.started()
        sipp = await self.callee("uas_challenge")
        call = await self.call(sipp)
        await self.client.event("OnAcceptCall", callId=call)
        await self.client.command("finalizecall", callid=call)
        await self.over(call, 0)
        await sipp.finished()
        sipp = await self.callee("uas_hangs_up")
        over = await self.over(await self.call(sipp), 0)
        self.assertTrue(400 < over["duration"] < 1500, over)
        await sipp.finished()
        self.daemon_is_well()

    async def test_lossy_network(self) -> None:
        """With one message in five lost each way, retransmission carries six calls through."""
        await self.started(max_calls=6)
        sipp = await self.callee("uas_lossy", calls=6)
        account = await self.register_at(sipp)
        calls = [await self.client.call("2002", connectionId=account) for _ in range(6)]
        for call in calls:
            await self.client.event("OnAcceptCall", 20, callId=call)
            await self.client.command("finalizecall", callid=call)
        for call in calls:
            self.assertEqual((await self.client.event("OnFinalizedCall", 20, callId=call))["SIPError"], 0)
        await sipp.finished()
        self.daemon_is_well()


class FailedTests(SippCase):
    async def test_refused(self) -> None:
        """Each final failure is the call's SIPError, with its reason; no OnAcceptCall; exactly one OnFinalizedCall."""
        await self.started()
        for status, reason in REASONS.items():
            sipp = await self.callee("uas_status", keys={"status": str(status), "reason": reason})
            call = await self.call(sipp)
            over = await self.over(call, status)
            self.assertEqual((over["reason"], over["duration"]), (reason, 0))
            await sipp.finished()
            self.assertEqual(self.client.happened(call), ["OnNewCall"])
        self.daemon_is_well()

    async def test_given_up(self) -> None:
        """Calls that somebody gives up, or nobody answers, are cancelled; nobody is told that they were accepted."""
        await self.started(sip_more="no-answer-seconds = 5")
        silent = await self.callee("uas_no_answer")
        began = time.monotonic()
        unanswered = await self.call(silent)
        await self.given_up_while_ringing("uas_no_answer", (0, 487))
        # The 200 crosses our CANCEL: the scenario wants its ACK and then a BYE.
        await self.given_up_while_ringing("uas_cancel_crosses_200")
        await self.given_up_at_once()
        # Whoever rings is given up after the configured time.
        over = await self.over(unanswered)
        self.assertIn(over["SIPError"], (408, 487))
        self.assertGreater(time.monotonic() - began, 4.9)
        await silent.finished()
        self.daemon_is_well()

    async def given_up_while_ringing(self, scenario: str, statuses: tuple[int, ...] | None = None) -> None:
        """finalizecall while it rings sends a CANCEL."""
        sipp = await self.callee(scenario)
        call = await self.call(sipp)
        await until(lambda: "180 Ringing" in sipp.messages(), "ringing")
        await self.client.command("finalizecall", callid=call)
        over = await self.over(call)
        if statuses is not None:
            self.assertIn(over["SIPError"], statuses)
        await sipp.finished()
        self.assertEqual(self.client.happened(call), ["OnNewCall"])

    async def given_up_at_once(self) -> None:
        """finalizecall right after startcall waits for a provisional answer, and then cancels."""
        sipp = await self.callee("uas_no_answer")
        call = await self.call(sipp)
        await self.client.command("finalizecall", callid=call)
        await self.over(call)
        await sipp.finished()
