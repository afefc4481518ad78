"""How long a command takes to become an INVITE, and an INVITE an event: NEON's WebSocket beside baresip's ctrl_tcp.

Both are looked at from outside, in the same way and in the same run, by one process that is their client and their SIP
proxy: from just before the command is written to when the kernel received the INVITE (SO_TIMESTAMPNS), and from just
before the INVITE is sent to when the event has been read. That includes two trips over loopback and the waking of the
other process, for both. Beside it stands the CPU time that the phone's main thread took meanwhile (schedstat), which
does not depend on what else the machine is doing.
"""

from __future__ import annotations

import atexit
import itertools
import json
import re
import select
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from bench.fanout import HOST, RawWebSocket
from tests.integration import baresip
from tests.integration.processes import free_port

SO_TIMESTAMPNS = 35  # asm-generic/socket.h
PATIENCE = 5.0
GAP = 0.01

SDP = (
    "v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8\r\n"
    "a=rtpmap:8 PCMA/8000\r\n"
)

CONFIGURATION = """\
[sip]
bind = 127.0.0.1
port = 0

[media]
bind = 127.0.0.1
capture = null
playback = null

[websocket]
host = 127.0.0.1
port = 0

[http]
enabled = no

[api]
messages-per-second = 0

[toll]
calls-per-minute = 0
calls-at-once = 0
"""


class Message:
    """A SIP message, as far as a proxy of one account looks at it; C{at} is when the kernel received it."""

    def __init__(self, text: str, source: tuple[str, int], at: float) -> None:
        self.text = text
        self.source = source
        self.at = at
        self.first = text.split("\r\n", 1)[0]

    def headers(self, name: str, short: str = "-") -> list[str]:
        return re.findall(rf"^(?:{name}|{short})\s*:\s*(.*?)\r$", self.text, re.IGNORECASE | re.MULTILINE)

    @property
    def method(self) -> str:
        """The method, of the request that is answered in an answer."""
        return self.headers("CSeq")[0].split()[1]

    @property
    def status(self) -> int | None:
        return int(self.first.split()[1]) if self.first.startswith("SIP/2.0") else None


class Proxy:
    """The far end of both phones: says yes to REGISTER and BYE, busy to INVITE, and calls."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((HOST, 0))
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.domain = f"{HOST}:{self.socket.getsockname()[1]}"
        self.contact = ""
        self.address = (HOST, 0)
        self._numbers = itertools.count(1)

    def wait(self, wanted: Callable[[Message], bool]) -> Message:
        """Serve until a message comes that is wanted."""
        end = time.monotonic() + PATIENCE
        while True:
            if not select.select([self.socket], [], [], max(0, end - time.monotonic()))[0]:
                raise TimeoutError("the phone did not do what it was to do")
            data, control, _, source = self.socket.recvmsg(16384, 64)
            seconds, nanoseconds = struct.unpack("qq", control[0][2])
            if not data.strip():
                continue
            message = Message(data.decode(), source, seconds + nanoseconds * 1e-9)
            if message.status is None and message.method in ("REGISTER", "BYE", "OPTIONS"):
                more = []
                if message.method == "REGISTER":
                    contact = message.headers("Contact", "m")[0]
                    self.contact = re.search(r"<([^;>]+)", contact)[1]  # type: ignore[index]
                    self.address = source
                    more = [f"Contact: {contact.split('>')[0]}>;expires=3600"]
                self.answer(message, "200 OK", more)
            if wanted(message):
                return message

    def answer(self, request: Message, status: str, more: list[str] | None = None) -> None:
        copied = [f"Via: {via}" for via in request.headers("Via", "v")]
        to = request.headers("To", "t")[0]
        lines = [
            f"SIP/2.0 {status}",
            *copied,
            f"From: {request.headers('From', 'f')[0]}",
            f"To: {to}" if ";tag=" in to else f"To: {to};tag=bench",
            f"Call-ID: {request.headers('Call-ID', 'i')[0]}",
            f"CSeq: {request.headers('CSeq')[0]}",
            *(more or []),
            "Content-Length: 0",
        ]
        self.socket.sendto(("\r\n".join(lines) + "\r\n\r\n").encode(), request.source)

    def refuse(self, invite: Message) -> None:
        """Say that we are busy."""
        self.answer(invite, "486 Busy Here")
        self.wait(lambda message: message.first.startswith("ACK "))

    def invite(self) -> tuple[float, Callable[[], None]]:
        """Call the phone; when that was, and what ends it."""
        number = next(self._numbers)
        branch = f"z9hG4bKbench{number}x{time.monotonic_ns()}"

        def request(method: str, to: str = "", body: str = "") -> bytes:
            kind = "Content-Type: application/sdp\r\n" if body else ""
            return (
                f"{method} {self.contact} SIP/2.0\r\nVia: SIP/2.0/UDP {self.domain};branch={branch}\r\n"
                f"Max-Forwards: 70\r\nFrom: <sip:2002@{self.domain}>;tag=b{number}\r\n"
                f"To: <sip:2001@{self.domain}>{to}\r\nCall-ID: {branch}@bench\r\nCSeq: 1 {method}\r\n"
                f"Contact: <sip:2002@{self.domain}>\r\n{kind}Content-Length: {len(body)}\r\n\r\n{body}"
            ).encode()

        data = request("INVITE", body=SDP.format(host=HOST))

        def end() -> None:
            # A CANCEL may go once the phone has said anything.
            self.wait(lambda message: message.status is not None and message.status >= 180)
            self.socket.sendto(request("CANCEL"), self.address)
            final = self.wait(lambda message: message.status == 487)
            self.socket.sendto(request("ACK", ";tag=" + final.headers("To", "t")[0].split(";tag=")[1]), self.address)

        began = time.time()
        self.socket.sendto(data, self.address)
        return began, end


class Phone(Protocol):
    """A phone under measurement, registered at its proxy."""

    proxy: Proxy
    process_id: int

    def dial(self) -> None: ...

    def over(self) -> None:
        """Wait for the event that says that the call is over."""

    def rung(self) -> None:
        """Wait for the event of an incoming call."""

    def close(self) -> None: ...


class NeonPhone:
    """The daemon, over its WebSocket."""

    def __init__(self, folder: Path, configured: str = CONFIGURATION) -> None:
        self.proxy = Proxy()
        state = Path(tempfile.mkdtemp(prefix="neon", dir=folder))
        configuration = state / "bench.conf"
        configuration.write_text(configured)
        neon = [sys.executable, "-c", "from neon.program import run; run()"]
        with (state / "output").open("wb") as output:
            self._process = subprocess.Popen(
                [*neon, "--config", str(configuration), "--state-dir", str(state)], stdout=output, stderr=output
            )
        atexit.register(self._process.kill)  # however this ends
        self.process_id = self._process.pid
        access = state / "access.json"
        try:
            _until(access.exists, "access.json")
        except TimeoutError:
            raise TimeoutError((state / "output").read_text()[-2000:]) from None
        told = json.loads(access.read_text())
        self._socket = RawWebSocket(urlsplit(told["websocket"]).port or 0)
        self._token = self._command("authenticate", user=told["user"], password=told["password"])["token"]
        self.register("2001")
        self._event("OnSIPRegister")

    def register(self, number: str) -> None:
        """Have one more account, and serve its REGISTER."""
        self.send("sipregister", domain=self.proxy.domain, number=number, password="x")
        self.proxy.wait(lambda message: message.method == "REGISTER")

    def send(self, action: str, **parameters: object) -> None:
        """Send a command; its answer is for L{receive}."""
        self._socket.send({"id": 1, "token": self._token, "action": action, **parameters})

    def receive(self) -> Any:
        """Wait for an answer or an event."""
        return self._socket.receive()

    def _command(self, action: str, **parameters: object) -> Any:
        self._socket.send({"action": action, **parameters})
        return self._socket.receive()["data"]

    def _event(self, name: str) -> None:
        while self._socket.receive().get("name") != name:
            pass

    def dial(self) -> None:
        self.send("startcall", number="2002")

    def over(self) -> None:
        self._event("OnFinalizedCall")

    def rung(self) -> None:
        self._event("OnNewCall")

    def close(self) -> None:
        self._socket.close()
        self._process.kill()  # there is nobody to whom it could say good-bye
        self._process.wait(10)


class BaresipPhone:
    """baresip, over ctrl_tcp: netstrings of JSON."""

    def __init__(
        self,
        folder: Path,
        configured: str = baresip.CONFIGURATION,
        rtp_ports: int = 20,
        codecs: str = "PCMA",
        rate: int = 8000,
    ) -> None:
        self.proxy = Proxy()
        home = self.home = Path(tempfile.mkdtemp(prefix="baresip", dir=folder))
        control, rtp = free_port(), free_port(rtp_ports + 2)
        speech = home / "speech.wav"
        (home / "config").write_text(
            configured.format(
                host=HOST,
                interface=HOST,
                sip=free_port(),
                control=control,
                rtp=rtp,
                rtp_end=rtp + rtp_ports,
                rate=rate,
                speech=speech,
                folder=home,
            )
        )
        (home / "accounts").write_text(
            f"<sip:2001@{self.proxy.domain}>;auth_pass=x;regint=3600;audio_codecs={codecs}\n"
        )
        (home / "contacts").write_text("")
        with (home / "output").open("wb") as output:
            self._process = subprocess.Popen(["baresip", "-f", str(home)], stdout=output, stderr=output)
        atexit.register(self._process.kill)  # however this ends
        self.process_id = self._process.pid
        self.proxy.wait(lambda message: message.method == "REGISTER")
        sockets: list[socket.socket] = []

        def connected() -> bool:
            try:
                sockets.append(socket.create_connection((HOST, control)))
            except OSError:
                return False
            return True

        _until(connected, "baresip's control port")
        self._socket = sockets[0]
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._rest = b""

    def _event(self, kind: str) -> None:
        while self.receive().get("type") != kind:
            pass

    def receive(self) -> Any:
        """Wait for an answer or an event."""
        while True:
            digits, colon, rest = self._rest.partition(b":")
            if colon and len(rest) > int(digits):
                message, self._rest = rest[: int(digits)], rest[int(digits) + 1 :]
                return json.loads(message)
            data = self._socket.recv(65536)
            if not data:
                raise ConnectionError("closed by baresip")
            self._rest += data

    def send(self, command: str, parameters: str) -> None:
        """Send a command; its answer is for L{receive}."""
        message = json.dumps({"command": command, "params": parameters}).encode()
        self._socket.sendall(b"%d:%s," % (len(message), message))

    def dial(self) -> None:
        self.send("dial", f"sip:2002@{self.proxy.domain}")

    def over(self) -> None:
        self._event("CALL_CLOSED")

    def rung(self) -> None:
        self._event("CALL_INCOMING")

    def close(self) -> None:
        self._socket.close()
        self._process.kill()  # there is nobody to whom it could say good-bye
        self._process.wait(10)


@dataclass
class Row:
    """Milliseconds."""

    who: str
    what: str
    calls: int
    p50_ms: float
    p99_ms: float
    cpu_ms: float


def cpu_seconds(process_id: int) -> float:
    """What a process's main thread has used."""
    return int(Path(f"/proc/{process_id}/task/{process_id}/schedstat").read_text().split()[0]) * 1e-9


def command_to_invite(phone: Phone) -> tuple[float, float]:
    """Seconds from the command to its INVITE, and of CPU."""
    cpu = cpu_seconds(phone.process_id)
    began = time.time()
    phone.dial()
    invite = phone.proxy.wait(lambda message: message.first.startswith("INVITE "))
    cpu = cpu_seconds(phone.process_id) - cpu
    phone.proxy.refuse(invite)
    phone.over()
    return invite.at - began, cpu


def invite_to_event(phone: Phone) -> tuple[float, float]:
    """Seconds from an INVITE to its event, and of CPU."""
    cpu = cpu_seconds(phone.process_id)
    began, end = phone.proxy.invite()
    phone.rung()
    took = time.time() - began
    cpu = cpu_seconds(phone.process_id) - cpu
    end()
    phone.over()
    return took, cpu


def measure(folder: Path, calls: int) -> list[Row]:
    """So many calls each way and phone, the phones taking turns of ten calls."""
    phones: dict[str, Phone] = {"NEON": NeonPhone(folder), "baresip": BaresipPhone(folder)}
    rows = []
    try:
        for what, look in (("command to INVITE", command_to_invite), ("INVITE to event", invite_to_event)):
            found: dict[str, list[tuple[float, float]]] = {who: [] for who in phones}
            for turn in range(-1, calls // 10):
                for who, phone in phones.items():
                    for _ in range(10):
                        pair = look(phone)
                        if turn >= 0:  # the first turn warms up
                            found[who].append(pair)
                        time.sleep(GAP)
            for who, times in found.items():
                seconds, cpu = (sorted(column) for column in zip(*times, strict=True))
                p50, p99 = (seconds[int(len(seconds) * part)] for part in (0.5, 0.99))
                middle = cpu[len(cpu) // 2]
                rows.append(Row(who, what, len(seconds), *(round(t * 1000, 3) for t in (p50, p99, middle))))
    finally:
        for phone in phones.values():
            phone.close()
    return rows


def _until(look: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + 30
    while not look():
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.02)
