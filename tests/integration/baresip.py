"""A real phone: baresip behind a registrar, saying a known tone and recording what it hears, driven over ctrl_tcp."""

from __future__ import annotations

import json
import math
import socket
import wave
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from tests import audio
from tests.integration import sound
from tests.integration.netns import Namespace
from tests.integration.processes import PATIENCE, IntegrationCase, Program, free_port, until

CONFIGURATION = """\
poll_method epoll
sip_listen {host}:{sip}
call_local_timeout 60
call_max_calls 8
audio_buffer 100
audio_player aubridge,nobody
audio_source aufile,{speech}
audio_alert aubridge,nobody
ausrc_srate {rate}
auplay_srate {rate}
ausrc_channels 1
auplay_channels 1
ausrc_format s16
auplay_format s16
auenc_format s16
audec_format s16
audio_level no
rtp_ports {rtp}-{rtp_end}
rtcp_mux no
jitter_buffer_delay 2-5
rtp_stats yes
opus_bitrate 32000
opus_inbandfec yes
opus_packet_loss 20
opus_application voip
net_interface {interface}
module_path /usr/lib/baresip/modules
module stdio.so
module g711.so
module g722.so
module opus.so
module srtp.so
module sndfile.so
module aufile.so
module aubridge.so
module_tmp uuid.so
module_tmp account.so
module_app ctrl_tcp.so
module_app menu.so
ctrl_tcp_listen 127.0.0.1:{control}
snd_path {folder}
"""

SPEECH_SECONDS = 30


class Baresip:
    """A running phone. Its events are dictionaries as ctrl_tcp sends them, newest last."""

    def __init__(
        self, program: Program, folder: Path, control: int, namespace: Namespace | None = None
    ) -> None:
        self.program = program
        self.events: list[dict[str, Any]] = []
        self._folder = folder
        self._control = control
        self._namespace = namespace
        self._socket: socket.socket | None = None
        self._received = b""

    async def connect(self) -> None:
        """Open the control connection."""

        def attempt() -> socket.socket | None:
            try:
                with self._namespace or nullcontext():
                    return socket.create_connection(("127.0.0.1", self._control), timeout=1)
            except OSError:
                return None

        control = self._socket = await until(attempt, "baresip's control port")
        control.setblocking(False)

    def command(self, command: str, parameters: str = "") -> None:
        """Give a command of its menu, for example C{dial}."""
        assert self._socket is not None
        message = json.dumps({"command": command, "params": parameters}).encode()
        self._socket.sendall(b"%d:%s," % (len(message), message))

    async def event(self, kind: str, within: float = PATIENCE) -> dict[str, Any]:
        """Wait for an event of that type (C{CALL_ESTABLISHED}, ...); the events up to it are forgotten."""

        def look() -> dict[str, Any] | None:
            self._read()
            for index, event in enumerate(self.events):
                if event.get("type") == kind:
                    del self.events[: index + 1]
                    return event
            return None

        return await until(look, f"{self.program.name}: event {kind}", within)

    def dial(self, uri: str) -> None:
        self.command("dial", uri)

    def accept(self) -> None:
        self.command("accept")

    def hang_up(self) -> None:
        self.command("hangup")

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()

    async def heard(self) -> list[int]:
        """Everything it heard in its last call, once that is over."""
        return (await self.heard_as())[0]

    async def heard_as(self) -> tuple[list[int], int]:
        """The same as it was decoded: one channel, and its rate in hertz."""

        def look() -> Path | None:
            return max(self._folder.glob("dump-*-dec.wav"), key=lambda path: path.stat().st_mtime, default=None)

        path = await until(look, f"{self.program.name}'s recording")
        samples = await sound.recording(path)
        with wave.open(str(path)) as file:
            return samples[:: file.getnchannels()], file.getframerate()

    def say(self, samples: Sequence[int], rate: int) -> None:
        """Say this instead of the tone, from the next call on: one channel at C{rate}, over and over."""
        write_speech(self._folder / "speech.wav", audio.pcm_of(samples), rate)

    def _read(self) -> None:
        assert self._socket is not None
        try:
            while chunk := self._socket.recv(65536):
                self._received += chunk
        except BlockingIOError:
            pass
        # Netstrings: length, colon, JSON, comma.
        while b":" in self._received:
            digits, rest = self._received.split(b":", 1)
            length = int(digits)
            if len(rest) <= length:
                return
            self._received = rest[length + 1 :]
            message = json.loads(rest[:length])
            if message.get("event"):
                self.events.append(message)


def write_speech(path: Path, pcm: bytes, rate: int) -> None:
    """A WAV file of at least half a minute, of the same again and again."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(pcm * math.ceil(SPEECH_SECONDS * rate * 2 / len(pcm)))


async def start_baresip(
    test: IntegrationCase,
    number: str,
    domain: str,
    password: str,
    *,
    tone_hz: float,
    tone_dbm0: float = -12.0,
    answer: str = "manual",
    host: str = "127.0.0.1",
    interface: str = "127.0.0.1",
    namespace: Namespace | None = None,
    encryption: str | None = None,
    codecs: str = "PCMA,PCMU",
    rate: int = audio.RATE,
    ptime: int = 20,
) -> Baresip:
    """Start a phone registered as C{number}; it speaks a tone. C{answer} may be C{auto}.

    C{encryption} is C{srtp} (with whoever can) or C{srtp-mand} (or there is no call). C{rate} is that of
    its sound, in hertz; C{codecs} as baresip writes them; C{ptime} the length of its packets, in milliseconds.
    It listens at C{host} (an IPv6 one in brackets) of C{interface}, in a namespace if one is given.
    """
    folder = test.folder / f"baresip-{number}"
    folder.mkdir()
    speech = folder / "speech.wav"
    write_speech(speech, audio.pcm_of(audio.tone(tone_hz, tone_dbm0, 1.0, rate)), rate)
    control, rtp = free_port(), free_port(22)
    (folder / "config").write_text(
        CONFIGURATION.format(
            sip=free_port(),
            control=control,
            rtp=rtp,
            rtp_end=rtp + 20,
            speech=speech,
            folder=folder,
            host=host,
            interface=interface,
            rate=rate,
        )
    )
    (folder / "accounts").write_text(
        f"<sip:{number}@{domain}>;auth_user={number};auth_pass={password};answermode={answer};"
        f"regint=300;ptime={ptime};audio_codecs={codecs}{'' if encryption is None else f';mediaenc={encryption}'}\n"
    )
    (folder / "contacts").write_text("")
    argv: tuple[str, ...] = ("baresip", "-f", str(folder), "-v")
    argv = argv if namespace is None else namespace.argv(*argv)
    program = test.start(f"baresip-{number}", *argv, folder=folder)
    phone = Baresip(program, folder, control, namespace)
    test.at_end(phone.close)
    await phone.connect()
    await program.says(r"200 OK")
    return phone
