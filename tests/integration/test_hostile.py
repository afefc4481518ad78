"""Malformed and hostile input at every door of a running daemon: it gets its defined answer, and life goes on."""

from __future__ import annotations

import json
import random
import socket

from tests.integration import sound
from tests.integration.daemon import Refused
from tests.integration.processes import pause, until
from tests.integration.rtp import open_peer
from tests.integration.sippcase import SippCase

# A Via port of 65536 (three of these silenced a stock sippy for good), headers missing or absurd, no SIP at all.
BAD_SIP = [
    b"",
    b"\r\n\r\n",
    b"\x00" * 200,
    b"\xff\xfe\xfd" * 100,
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"INVITE",
    b"INVITE sip:2001@127.0.0.1 SIP/2.0\r\n\r\n",
    b"INVITE sip:2001@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:65536;branch=z9hG4bK1\r\nCall-ID: a\r\n"
    b"From: <sip:x@127.0.0.1>;tag=1\r\nTo: <sip:2001@127.0.0.1>\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n",
    b"OPTIONS sip:2001@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP [::1;branch=z9hG4bK2\r\nCall-ID: b\r\n"
    b"From: <sip:x@127.0.0.1>;tag=1\r\nTo: <sip:2001@127.0.0.1>\r\nCSeq: 1 OPTIONS\r\n\r\n",
    b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKnone\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n"
    b"From: <sip:x@127.0.0.1>;tag=1\r\nTo: <sip:2001@127.0.0.1>;tag=2\r\n\r\n",
    b"SIP/2.0 999999999999 Far out\r\nVia: x\r\n\r\n",
    b"INVITE sip:2001@127.0.0.1 SIP/2.0\r\n" + b"X-Long: " + b"y" * 20000 + b"\r\n\r\n",
    b"INVITE sip:2001@127.0.0.1 SIP/2.0\r\n" + b"Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK3\r\n" * 300 + b"\r\n",
]

BAD_SDP = [
    "",
    "v=0",
    "m=audio 99999 RTP/AVP 8",
    "m=audio x RTP/AVP 8",
    "\x00\x01",
    "m=audio 5000 RTP/AVP " + "8 " * 500,
]

NO_COMMANDS = ["", "{", "[]", "42", '"x"', "null", "{}", '{"action": 5}', "[" * 5000, '{"action":"' + "a" * 70000]

FROM_STRANGERS: list[tuple[str, dict[str, object], int]] = [
    ("startcall", {"number": "600"}, 602),
    ("startcall", {"number": "600", "token": "0" * 32}, 602),
    ("authenticate", {"user": "local", "password": "wrong"}, 600),
    ("authenticate", {"user": "local"}, 102),
]

FROM_FRIENDS: list[tuple[str, dict[str, object], int]] = [
    ("nonsense", {}, 102),
    ("startcall", {}, 102),
    ("startcall", {"number": "600\r\nVia: x"}, 102),
    ("startcall", {"number": {"a": 1}}, 102),
    ("acceptcall", {"callid": 999999}, 102),
    ("finalizecall", {"callid": -1}, 102),
    ("finalizecall", {"callid": "x"}, 102),
    ("sipregister", {"domain": "a b", "number": "1", "password": "p"}, 102),
]


def invite(number: int, body: str) -> bytes:
    """An INVITE that is well formed, apart from its body."""
    octets = body.encode()
    return (
        f"INVITE sip:2001@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5999;rport;branch=z9hG4bKbad{number}\r\n"
        f"From: <sip:bad@127.0.0.1>;tag=b{number}\r\nTo: <sip:2001@127.0.0.1>\r\nCall-ID: bad{number}\r\n"
        f"CSeq: 1 INVITE\r\nContact: <sip:bad@127.0.0.1:5999>\r\nMax-Forwards: 70\r\n"
        f"Content-Type: application/sdp\r\nContent-Length: {len(octets)}\r\n\r\n"
    ).encode() + octets


class HostileTests(SippCase):
    async def _still_works(self) -> None:
        """A call goes through as if nothing had been."""
        sipp = await self.caller("uac_call")
        call = await self.client.incoming()
        await self.client.command("acceptcall", callid=call)
        await self.client.event("OnAcceptCall", callId=call)
        await self.over(call, 0)
        await sipp.finished()
        self.daemon_is_well()

    async def test_sip(self) -> None:
        """Malformed SIP from the registrar's own address: no traceback, no answer but a refusal, calls go on."""
        await self.registered()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.bind(("127.0.0.1", 0))
            stranger.setblocking(False)
            for datagram in BAD_SIP:
                stranger.sendto(datagram, ("127.0.0.1", self.daemon.sip_port))
            dice = random.Random(2)
            good = invite(0, "v=0\r\n")
            for _ in range(200):
                damaged = bytearray(good)
                for _ in range(dice.randrange(1, 8)):
                    damaged[dice.randrange(len(damaged))] = dice.randrange(256)
                stranger.sendto(bytes(damaged[: dice.randrange(1, len(damaged))]), ("127.0.0.1", self.daemon.sip_port))
            await pause(1.0)
            for answer in _received(stranger):
                self.assertRegex(answer.split(b"\r\n")[0].decode(), r"^SIP/2\.0 (1|4|5)\d\d ")
        self.client.events.clear()
        await self._still_works()

    async def test_sdp(self) -> None:
        """An INVITE whose body is no session description is refused: 400 or 488 (an empty one is no offer)."""
        await self.registered()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.bind(("127.0.0.1", 0))
            stranger.setblocking(False)
            for number, body in enumerate(BAD_SDP[1:], 1):
                stranger.sendto(invite(number, body), ("127.0.0.1", self.daemon.sip_port))
                answers: list[bytes] = []

                def final(number: int = number, answers: list[bytes] = answers) -> bytes | None:
                    answers.extend(_received(stranger))
                    mine = [answer for answer in answers if b"Call-ID: bad%d\r\n" % number in answer]
                    return next((answer for answer in mine if not answer.startswith(b"SIP/2.0 1")), None)

                answer = await until(final, f"a final answer to {body[:30]!r}")
                self.assertRegex(answer[:12].decode(), r"^SIP/2\.0 4(00|88|15)")
        await self._still_works()

    async def test_rtp(self) -> None:
        """Garbage, forged and foreign RTP in a call: the caller's tone is still all that is heard."""
        heard = self.folder / "heard.wav"
        await self.registered(capture="tone:700:-14", playback=f"file:{heard}")
        peer = open_peer(self, tone_hz=1100, dbm0=-10)
        sipp = await self.caller("uac_call", "-d", "3500", rtp_port=peer.port)
        call = await self.client.incoming()
        await self.client.command("acceptcall", callid=call)
        await self.client.event("OnAcceptCall", callId=call)
        await until(lambda: len(peer.heard) > 10, "audio")
        target = peer.heard_from
        assert target is not None
        dice = random.Random(3)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            for _ in range(40):
                for _ in range(10):
                    stranger.sendto(dice.randbytes(dice.randrange(1, 400)), target)
                    # A proper packet, from the wrong source.
                    stranger.sendto(b"\x80\x08" + dice.randbytes(170), target)
                peer.send(dice.randbytes(dice.randrange(1, 60)))
                await pause(0.02)
        await self.over(call, 0)
        await sipp.finished()
        self.assertIsNone(sound.pure_complaint(await sound.recording(heard), 1100, -10, seconds=1.5))
        self.daemon_is_well()

    async def test_websocket(self) -> None:
        """What is no command is answered with its code, and the socket stays open."""
        await self.registered()
        stranger = await self.daemon.connect(authenticate=False)
        for text in NO_COMMANDS:
            count = len(stranger.unnamed) + 1
            stranger.send_text(text)
            await stranger.answered(count)
            self.assertEqual(stranger.unnamed[-1]["error"]["code"], 100, text[:20])
        for action, parameters, code in FROM_STRANGERS:
            self.assertEqual(await _code(stranger.command(action, **parameters)), code, action)
        for action, parameters, code in FROM_FRIENDS:
            self.assertEqual(await _code(self.client.command(action, **parameters)), code, f"{action} {parameters}")
        count = len(stranger.unnamed) + 1
        stranger.sendMessage(b"\xff\xfe\x00", isBinary=True)
        await stranger.answered(count)
        self.assertEqual(stranger.unnamed[-1]["error"]["code"], 100, "binary garbage")
        self.assertFalse(stranger.closed)
        self.assertEqual([event["name"] for event in stranger.events], [], "events without a token")
        await self._still_works()

    async def test_half_a_handshake(self) -> None:
        """Connections that never become WebSockets disturb nobody."""
        await self.registered()
        port = int(self.daemon.access["websocket"].rstrip("/").rpartition(":")[2])
        sockets = [socket.create_connection(("127.0.0.1", port), timeout=2) for _ in range(10)]
        for number, connection in enumerate(sockets):
            connection.sendall((b"GET / HTTP/1.1\r\n", b"\x16\x03\x01\x02", b"\r\n" * 50)[number % 3])
        await self._still_works()
        for connection in sockets:
            connection.close()


def _received(receiver: socket.socket) -> list[bytes]:
    datagrams = []
    while True:
        try:
            datagrams.append(receiver.recv(65536))
        except (BlockingIOError, ConnectionRefusedError):
            return datagrams


async def _code(answer: object) -> int:
    try:
        data = await answer  # type: ignore[misc]
    except Refused as refused:
        return refused.code
    raise AssertionError(f"accepted: {json.dumps(data)}")
