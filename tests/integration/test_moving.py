"""The daemon on a network whose addresses change: a namespace, a cable, and kamailio and baresip at its other end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests import audio
from tests.integration import sound
from tests.integration.baresip import Baresip, start_baresip
from tests.integration.daemon import Client, start_daemon
from tests.integration.kamailio import start_kamailio
from tests.integration.netns import Namespace, make_network
from tests.integration.processes import IntegrationCase, TimedOut, pause, until
from tests.integration.stunserver import start_stun_server

OURS, THEIRS = 700, 1100
HOME, OFFICE, FAR = "198.18.0.1", "198.18.0.11", "198.18.0.2"
AUDIO = "198.19.0.1"


def last(samples: list[int], seconds: float) -> list[int]:
    return samples[-round(seconds * audio.RATE) :]


class MovingTests(IntegrationCase):
    programs_needed = ("kamailio", "baresip")

    async def talking(self, client: Client, domain: str, namespace: Namespace) -> tuple[Baresip, int]:
        """A phone at the other end of the cable, and our call with it, which is up."""
        phone = await start_baresip(
            self, "2002", domain, "two", tone_hz=THEIRS, answer="auto", host=FAR, interface="eth0",
            namespace=namespace,
        )  # fmt: skip
        call = await client.call("2002")
        await client.event("OnAcceptCall", callId=call)
        await phone.event("CALL_ESTABLISHED")
        return phone, call

    async def test_in_a_call(self) -> None:
        """When the address changes in a call, the registrar and the far end learn the new one, and both are heard on.

        So it is when the cable was out for a moment: nothing is waited for longer than the network needs.
        """
        network = make_network(self)
        network.near.add(f"{HOME}/24")
        network.far.add(f"{FAR}/24")
        proxy = await start_kamailio(
            self, {"2001": "one", "2002": "two"}, host=FAR, port=5060, namespace=network.far
        )  # fmt: skip
        heard = self.folder / "heard.wav"
        daemon = await start_daemon(
            self, capture=f"tone:{OURS}:-14", playback=f"file:{heard}", bind="*", namespace=network.near
        )
        client = await daemon.connect()
        await client.register(proxy.domain, "2001", "one")
        phone, call = await self.talking(client, proxy.domain, network.far)
        await pause(0.5)

        network.near.remove(f"{HOME}/24")
        network.near.add(f"{OFFICE}/24")
        await proxy.program.says(rf"registered 2001 with <sip:[^>]*@{OFFICE}:")
        await daemon.program.says(rf"SIP -> .*INVITE .*c=IN IP4 {OFFICE}\b")
        await pause(1.5)
        self.assertEqual([event["name"] for event in client.events if event["name"] == "OnFinalizedCall"], [])

        network.far.plug(False)
        await pause(0.5)
        network.far.plug(True)
        await pause(4.0)  # the kernel at the far end takes up to two seconds until it knows the way again
        await client.command("finalizecall", callid=call)
        self.assertEqual((await client.event("OnFinalizedCall", callId=call))["SIPError"], 0)
        await phone.event("CALL_CLOSED")
        told = last(await phone.heard(), 2.0)
        self.assertIsNone(sound.complaint(told, OURS, -14, 0.5))
        await until(lambda: heard.stat().st_size > 16000, "our recording")
        await daemon.program.stop()
        ours = await sound.recording(Path(heard))
        self.assertIsNone(sound.complaint(last(ours, 2.0), THEIRS, -12, 0.5))
        self.assertEqual(daemon.complaints(), [])

    async def test_seen_elsewhere(self) -> None:
        """The STUN server is asked anew from the call's own port, and the far end told where it sees us then.

        If it says nothing there, the far end is told our own address.
        """
        network = make_network(self)
        network.near.add(f"{HOME}/24")
        network.far.add(f"{FAR}/24")
        proxy = await start_kamailio(
            self, {"2001": "one", "2002": "two"}, host=FAR, port=5060, namespace=network.far
        )  # fmt: skip
        stun, address = start_stun_server(self, FAR, network.far)
        stun.seen_at = "203.0.113.1"
        daemon = await start_daemon(
            self, capture=f"tone:{OURS}:-14", bind="*", media_more=f"stun = {address}", namespace=network.near
        )
        client = await daemon.connect()
        await client.register(proxy.domain, "2001", "one")
        await until(lambda: len(stun.asked) >= 4, "the questions about the ports that are kept ready")
        await pause(1.5)  # the kernel may still tell of the new cable, and then they are asked about anew
        phone, call = await self.talking(client, proxy.domain, network.far)
        told = await daemon.program.says(r"SIP -> .*INVITE .*c=IN IP4 203\.0\.113\.1\b.*m=audio (\d+) ")
        ours = int(told.group(1))

        stun.seen_at = "203.0.113.2"
        network.near.remove(f"{HOME}/24")
        network.near.add(f"{OFFICE}/24")
        await daemon.program.says(rf"SIP -> .*INVITE .*c=IN IP4 203\.0\.113\.2\b.*m=audio {ours} ")
        self.assertIn((OFFICE, ours), stun.askers)
        self.assertIn((OFFICE, ours + 1), stun.askers)

        stun.mute = True
        network.near.remove(f"{OFFICE}/24")
        network.near.add(f"{HOME}/24")
        await daemon.program.says(rf"SIP -> .*INVITE .*c=IN IP4 {HOME}\b.*m=audio {ours} ")
        self.assertIn((HOME, ours), stun.askers)
        await pause(1.0)
        await client.command("finalizecall", callid=call)
        self.assertEqual((await client.event("OnFinalizedCall", callId=call))["SIPError"], 0)
        await phone.event("CALL_CLOSED")
        self.assertIsNone(sound.complaint(await phone.heard(), OURS, -14))
        self.assertEqual(daemon.complaints(), [])

    async def test_an_address_for_audio(self) -> None:
        """Audio is bound to an address that goes: calls out and in are refused in words; when it is back all goes on.

        The call that is up is one that goes on: it is heard again, from the same port.
        """
        network = make_network(self)
        network.cable("eth1")
        network.near.add(f"{HOME}/24")
        network.near.add(f"{AUDIO}/32", "eth1")
        network.far.add(f"{FAR}/24")
        network.far.ip("route", "add", AUDIO, "dev", "eth1")
        users = {"2001": "one", "2002": "two", "2003": "three"}
        proxy = await start_kamailio(self, users, host=FAR, port=5060, namespace=network.far)
        daemon = await start_daemon(
            self, capture=f"tone:{OURS}:-14", bind="*", media_bind=AUDIO, namespace=network.near
        )
        client = await daemon.connect()
        await client.command("subscribe", events="all")
        await client.register(proxy.domain, "2001", "one")
        phones = [
            await start_baresip(
                self, number, proxy.domain, users[number], tone_hz=THEIRS, answer=answer, host=FAR,
                interface="eth0", namespace=network.far,
            )
            for number, answer in (("2002", "auto"), ("2003", "manual"))
        ]  # fmt: skip
        call = await client.call("2002")
        await client.event("OnAcceptCall", callId=call)
        await phones[0].event("CALL_ESTABLISHED")

        network.near.remove(f"{AUDIO}/32", "eth1")
        over = await self.refused(client, "2002")
        gone = f"the address that audio is bound to is gone: {AUDIO}"
        self.assertEqual((over["SIPError"], over["reason"]), (503, gone))
        phones[1].dial(f"sip:2001@{proxy.domain}")
        missed = await client.event("OnMissedCall")
        self.assertEqual((missed["SIPError"], missed["why"]), (503, "failed"))
        await phones[1].event("CALL_CLOSED")

        network.near.add(f"{AUDIO}/32", "eth1")
        await pause(3.0)
        await client.command("finalizecall", callid=call)
        self.assertEqual((await client.event("OnFinalizedCall", callId=call))["SIPError"], 0)
        await phones[0].event("CALL_CLOSED")
        self.assertIsNone(sound.complaint(last(await phones[0].heard(), 2.0), OURS, -14, 0.5))
        call = await client.call("2002")
        await client.event("OnAcceptCall", callId=call)
        await client.command("finalizecall", callid=call)
        self.assertEqual((await client.event("OnFinalizedCall", callId=call))["SIPError"], 0)
        self.assertEqual(daemon.complaints(), [])

    async def refused(self, client: Client, number: str) -> dict[str, Any]:
        """Call until a call is refused at once, which is when the change has been noticed; how that one ended."""
        for _ in range(10):
            call = await client.call(number)
            try:
                return await client.event("OnFinalizedCall", within=1.0, callId=call)
            except TimedOut:
                await client.command("finalizecall", callid=call)
                await client.event("OnFinalizedCall", callId=call)
        raise AssertionError("every call was made")

    async def test_without_a_network(self) -> None:
        """An account whose network is not there yet registers as soon as it is, not when a back-off ends."""
        network = make_network(self)
        network.far.add(f"{FAR}/24")
        proxy = await start_kamailio(self, {"2001": "one"}, host=FAR, port=5060, namespace=network.far)
        daemon = await start_daemon(self, bind="*", namespace=network.near)
        client = await daemon.connect()
        await client.command("sipregister", domain=proxy.domain, number="2001", password="one")
        await client.event("OnSIPRegisterError")
        await daemon.program.says(r"(?s)(not registered.*){3}", 20)
        network.near.add(f"{HOME}/24")
        await proxy.has_registered("2001")
        await client.event("OnSIPRegister")
