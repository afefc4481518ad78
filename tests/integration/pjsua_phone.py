"""pjsua as a phone that is told what to do: the program that L{tests.integration.pjsua} starts.

    python pjsua_phone.py NUMBER DOMAIN PASSWORD PORT HZ CONTROL

It registers over UDP from 127.0.0.1:PORT, has audio at the next ports, answers every call, says a tone, and follows
every transfer. Commands come as JSON datagrams to the UNIX socket CONTROL; what happens is printed as a JSON object.
"""

from __future__ import annotations

import json
import socket
import sys
from contextlib import suppress
from typing import Any

import pjsua2 as pj

PORTS = 22
"""So many in a row are its own, from PORT on."""


class Phone:
    """The only one: its account, its calls by their numbers, and what it says."""

    account: Any = None
    tone: Any = None
    calls: dict[int, Any] = {}


def tell(event: str, **more: object) -> None:
    sys.stdout.write(json.dumps({"event": event, **more}) + "\n")
    sys.stdout.flush()


class Call(pj.Call):  # type: ignore[misc]
    def onCallState(self, prm: Any) -> None:
        info = self.getInfo()
        Phone.calls[info.id] = self
        tell("state", id=info.id, state=info.stateText, status=info.lastStatusCode, remote=info.remoteUri)

    def onCallMediaState(self, prm: Any) -> None:
        info = self.getInfo()  # what it leads to lives no longer than it
        if pj.PJSUA_CALL_MEDIA_ACTIVE in [media.status for media in info.media]:
            Phone.tone.startTransmit(self.getAudioMedia(-1))

    def onCallTransferRequest(self, prm: Any) -> None:
        tell("referred", id=self.getId(), to=prm.dstUri)
        prm.newCall = self.successor = Call(Phone.account)

    def onCallTransferStatus(self, prm: Any) -> None:
        tell("transfer", id=self.getId(), status=prm.statusCode)
        if prm.finalNotify and prm.statusCode // 100 == 2:
            self.hangup(parameter())  # as pjsua's own phone does

    def onCallReplaceRequest(self, prm: Any) -> None:
        prm.newCall = self.successor = Call(Phone.account)

    def onCallReplaced(self, prm: Any) -> None:
        tell("replaced", id=self.getId(), by=prm.newCallId)


class Account(pj.Account):  # type: ignore[misc]
    def onRegState(self, prm: Any) -> None:
        tell("registered", status=prm.code)

    def onIncomingCall(self, prm: Any) -> None:
        call = Phone.calls[prm.callId] = Call(self, prm.callId)
        call.answer(parameter(200))


def parameter(status: int = 0) -> Any:
    made = pj.CallOpParam(True)
    made.statusCode = status
    return made


def obey(command: dict[str, Any]) -> None:
    match command["do"]:
        case "call":
            call = Call(Phone.account)
            call.makeCall(command["to"], parameter())
            Phone.calls[call.getId()] = call
            tell("calling", id=call.getId(), to=command["to"])
        case "refer":
            Phone.calls[command["id"]].xferReplaces(Phone.calls[command["other"]], parameter())


def main() -> None:
    number, domain, password, port, hz, control = sys.argv[1:]
    endpoint = pj.Endpoint()
    endpoint.libCreate()
    settings = pj.EpConfig()
    settings.uaConfig.threadCnt = 0
    settings.uaConfig.mainThreadOnly = True
    settings.logConfig.level = settings.logConfig.consoleLevel = 3
    settings.medConfig.noVad = True
    settings.medConfig.ecTailLen = 0
    endpoint.libInit(settings)
    transport = pj.TransportConfig()
    transport.port = int(port)
    transport.boundAddress = "127.0.0.1"
    endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
    endpoint.libStart()
    endpoint.audDevManager().setNullDev()
    for codec in endpoint.codecEnum2():
        if codec.codecId.split("/")[0] != "PCMA":
            endpoint.codecSetPriority(codec.codecId, 0)
    Phone.tone = pj.ToneGenerator()
    Phone.tone.createToneGenerator(16000)
    what = pj.ToneDesc()
    what.freq1, what.freq2, what.on_msec, what.off_msec = int(hz), 0, 1000, 0
    tones = pj.ToneDescVector()
    tones.append(what)
    Phone.tone.play(tones, True)
    theirs = pj.AccountConfig()
    theirs.idUri = f"sip:{number}@{domain}"
    theirs.regConfig.registrarUri = f"sip:{domain}"
    theirs.sipConfig.authCreds.append(pj.AuthCredInfo("digest", "*", number, 0, password))
    theirs.mediaConfig.transportConfig.boundAddress = "127.0.0.1"
    theirs.mediaConfig.transportConfig.port = int(port) + 2
    theirs.mediaConfig.transportConfig.portRange = PORTS - 3
    theirs.natConfig.iceEnabled = False
    Phone.account = Account()
    Phone.account.create(theirs)
    commands = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    commands.bind(control)
    commands.setblocking(False)
    while True:
        endpoint.libHandleEvents(20)
        with suppress(BlockingIOError):
            obey(json.loads(commands.recv(4096)))


if __name__ == "__main__":
    main()
