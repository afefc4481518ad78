"""A conference of real phones, with other codecs, encryption and accounts; digits in it; a hold before the answer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests import audio
from tests.integration import sound
from tests.integration.baresip import Baresip, start_baresip
from tests.integration.daemon import Client, Daemon, start_daemon
from tests.integration.feed import feed_client, feed_section, member
from tests.integration.kamailio import Kamailio, start_kamailio
from tests.integration.processes import IntegrationCase, pause, until
from tests.integration.rtp import open_peer
from tests.integration.sippcase import SippCase
from tests.integration.test_playing import write
from tests.integration.test_recording import sides

OURS, FIRST, SECOND, PLAYED = 700, 1100, 1700, 2300
DBM0 = -16.0
WIDE = 2 * audio.RATE


def complaint(samples: Sequence[int], wanted: Sequence[int], strangers: Sequence[int], rate: int = audio.RATE) -> str:
    """Why in no half second all of these tones, and none of the strangers', are heard; empty if they are."""
    seen = []
    for start in range(0, len(samples) - rate // 2, rate // 4):
        part = samples[start : start + rate // 2]
        levels = {hz: round(audio.tone_level_dbm0(part, hz, rate), 1) for hz in (*wanted, *strangers)}
        if all(abs(levels[hz] - DBM0) < 1.5 for hz in wanted) and all(levels[hz] < -45 for hz in strangers):
            return ""
        seen.append(levels)
    return f"wanted {wanted}, not {strangers}: {seen}"


class PhoneTests(IntegrationCase):
    """NEON has two accounts; 2002 encrypts and speaks A-law, 2003 speaks G.722."""

    programs_needed = ("kamailio", "baresip")

    proxy: Kamailio
    daemon: Daemon
    client: Client
    heard: Path

    async def started(self, more: str = "") -> None:
        self.proxy = await start_kamailio(self, {"2001": "one", "2002": "two", "2003": "three", "2004": "four"})
        self.heard = self.folder / "heard.wav"
        capture = f"tone:{OURS}:{DBM0:g}"
        self.daemon = await start_daemon(self, capture=capture, playback=f"file:{self.heard}", more=more)
        self.client = await self.daemon.connect()
        await self.client.command("subscribe", events=["OnConference", "OnHold", "OnRecording"])

    async def phone(self, number: str, password: str, hz: int, **more: Any) -> Baresip:
        return await start_baresip(self, number, self.proxy.domain, password, tone_hz=hz, tone_dbm0=DBM0, **more)

    async def test_hold_before_the_answer(self) -> None:
        """A call that rings there is put on hold; it is as soon as it is answered, and can be resumed."""
        await self.started()
        await self.client.register(self.proxy.domain, "2001", "one")
        phone = await self.phone("2002", "two", FIRST)
        call = await self.client.call("2002")
        await phone.event("CALL_INCOMING")
        await self.client.command("sethold", callid=call, hold=True)
        phone.accept()
        self.assertTrue((await self.client.event("OnHold", callId=call))["local"])
        await self.client.command("sethold", callid=call, hold=False)
        self.assertFalse((await self.client.event("OnHold", callId=call))["local"])
        await self.client.command("finalizecall", callid=call)
        await self.client.event("OnFinalizedCall", callId=call, SIPError=0)
        self.assertEqual(self.daemon.complaints(), [])

    async def test_conference(self) -> None:
        """Two calls are put together, and each party hears the other two; then one leaves."""
        await self.started(feed_section())
        phones = (
            await self.phone("2002", "two", FIRST, answer="auto", encryption="srtp"),
            await self.phone("2003", "three", SECOND, answer="auto", codecs="G722/16000/1", rate=WIDE),
        )
        one = await self.client.register(self.proxy.domain, "2001", "one", srtp="optional")
        other = await self.client.register(self.proxy.domain, "2004", "four", codecs="G722")
        first = await self.client.call("2002", connectionId=one)
        await self.client.event("OnAcceptCall", callId=first)
        second = await self.client.call("2003", connectionId=other)
        await self.client.event("OnAcceptCall", callId=second)
        await self.client.command("startconference", callids=[first, second])
        self.assertEqual((await self.client.event("OnConference"))["callIds"], [first, second])
        listed = (await self.client.command("listcalls"))["calls"]
        self.assertEqual([call["conference"] for call in listed], [True, True])
        self.assertEqual([call["encrypted"] for call in listed], [True, False])
        supervisor = await feed_client(self.daemon, "/ws")
        picture = await supervisor.log_in("luz", member(self.daemon, "supervisoradd", name="luz"))
        bridges = {call["CallID"]: call["Bridge"] for seat in picture["data"] for call in seat["Calls"]}
        self.assertEqual(bridges, {first: second, second: first})
        recording = Path((await self.client.command("startrecording", callid=first))["path"])
        await pause(3.0)
        await self.client.command("leaveconference", callid=second)
        self.assertEqual((await self.client.event("OnConference"))["callIds"], [])
        await pause(1.8)
        for call in (first, second):
            await self.client.command("finalizecall", callid=call)
            await self.client.event("OnFinalizedCall", callId=call)
        await self.client.event("OnRecording", callId=first, state="stopped")
        at_first, at_second = await phones[0].heard(), await phones[1].heard()
        self.assertEqual(complaint(at_first, (OURS, SECOND), (FIRST,)), "", "at 2002")
        self.assertEqual(complaint(at_second, (OURS, FIRST), (SECOND,), WIDE), "", "at 2003")
        ours = await sound.recording(self.heard)
        self.assertEqual(complaint(ours, (FIRST, SECOND), (OURS,)), "", "at NEON")
        said, recorded = sides(recording)
        self.assertEqual(complaint(said, (OURS,), (FIRST, SECOND)), "", "our side of the recording")
        self.assertEqual(complaint(recorded, (FIRST, SECOND), (OURS,)), "", "their side of the recording")
        self.assertEqual(complaint(at_first[-2 * audio.RATE :], (OURS,), (FIRST, SECOND)), "", "2002, alone")
        self.assertEqual(complaint(at_second[-2 * WIDE :], (OURS,), (FIRST, SECOND), WIDE), "", "2003, alone")
        self.assertEqual(self.daemon.complaints(), [])

    async def test_played_and_muted(self) -> None:
        """What is played into one call of a conference both parties hear, also while the user is muted to all of it."""
        await self.started()
        write(self.daemon.state_dir / "sounds" / "played.wav", PLAYED, 16000, 1, dbm0=DBM0)
        phones = (
            await self.phone("2002", "two", FIRST, answer="auto"),
            await self.phone("2003", "three", SECOND, answer="auto", codecs="G722/16000/1", rate=WIDE),
        )
        one = await self.client.register(self.proxy.domain, "2001", "one")
        other = await self.client.register(self.proxy.domain, "2004", "four", codecs="G722")
        calls = [
            await self.client.call("2002", connectionId=one), await self.client.call("2003", connectionId=other)
        ]  # fmt: skip
        for call in calls:
            await self.client.event("OnAcceptCall", callId=call)
        await self.client.command("startconference", callids=calls)
        await self.client.command("playaudio", callid=calls[0], file="played.wav", loop=True, mix=True)
        await pause(1.5)
        await self.client.command("muteconference", mute=True)
        await pause(1.5)
        for call in calls:
            await self.client.command("finalizecall", callid=call)
            await self.client.event("OnFinalizedCall", callId=call)
        at_first, at_second = await phones[0].heard(), await phones[1].heard()
        for with_us, strangers in (((OURS,), ()), ((), (OURS,))):
            self.assertEqual(complaint(at_first, (*with_us, PLAYED, SECOND), (FIRST, *strangers)), "", "at 2002")
            self.assertEqual(complaint(at_second, (*with_us, PLAYED, FIRST), (SECOND, *strangers), WIDE), "", "at 2003")
        self.assertEqual(self.daemon.complaints(), [])


class DigitTests(SippCase):
    async def test_digits_of_a_party(self) -> None:
        """What one party types is told once, and the other one neither gets it as a digit nor hears it."""
        await self.started(capture=f"tone:{OURS}:{DBM0:g}")
        await self.client.command("subscribe", events="OnDTMF")
        peers = [open_peer(self, FIRST, DBM0), open_peer(self, SECOND, DBM0)]
        phones = [await self.callee("uas_answer", rtp_port=peer.port) for peer in peers]
        calls = [await self.call(phone) for phone in phones]
        for call in calls:
            await self.client.event("OnAcceptCall", callId=call)
        await self.client.command("startconference", callids=calls)
        await until(lambda: not complaint(peers[1].samples()[-8000:], (OURS, FIRST), (SECOND,)), "the conference")
        before = len(peers[1].samples())
        peers[0].press(5)
        self.assertEqual((await self.client.event("OnDTMF"))["callId"], calls[0])
        await until(lambda: len(peers[1].samples()) > before + 4000, "half a second")
        self.assertEqual([packet for packet in peers[1].heard if packet.payload_type == 101], [])
        after = peers[1].samples()[before:]
        parts = [after[at : at + 800] for at in range(0, 3200, 400)]
        loudest = max(audio.tone_level_dbm0(part, hz) for part in parts for hz in (770, 1336))
        self.assertLess(loudest, -22)  # the tones of a digit are ten times as loud
        self.assertEqual([event["name"] for event in self.client.events if event["name"] == "OnDTMF"], [])
        for call, phone in zip(calls, phones, strict=True):
            await self.client.command("finalizecall", callid=call)
            await self.over(call, 0)
            await phone.finished()
        self.daemon_is_well()
