"""pjsua as a phone that answers every call and says a tone: the other side of C{bench.ordinarycall}.

    python -m bench.pjsuaphone PORT     with a Python that has pjsua2 (C{pip install pjsua2-python})

Says C{ready} on its standard output, and ends with its standard input.
"""

from __future__ import annotations

import sys
from typing import Any

import pjsua2 as pj

ONLY: tuple[str, ...] = ("PCMA", "G722")


class Call(pj.Call):  # type: ignore[misc]
    """Says the tone, and has what it hears decoded."""

    tone: Any = None

    def onCallMediaState(self, prm: Any) -> None:
        heard = self.getAudioMedia(-1)
        heard.startTransmit(pj.Endpoint.instance().audDevManager().getPlaybackDevMedia())
        Call.tone.startTransmit(heard)


class Account(pj.Account):  # type: ignore[misc]
    calls: list[Call] = []

    def onIncomingCall(self, prm: Any) -> None:
        call = Call(self, prm.callId)
        self.calls.append(call)
        answer = pj.CallOpParam()
        answer.statusCode = 200
        call.answer(answer)


def main() -> None:
    endpoint = pj.Endpoint()
    endpoint.libCreate()
    settings = pj.EpConfig()
    settings.logConfig.level = settings.logConfig.consoleLevel = 0
    settings.medConfig.noVad = True
    settings.medConfig.ecTailLen = 0
    endpoint.libInit(settings)
    transport = pj.TransportConfig()
    transport.port = int(sys.argv[1])
    transport.boundAddress = "127.0.0.1"
    endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
    endpoint.libStart()
    endpoint.audDevManager().setNullDev()
    for codec in endpoint.codecEnum2():
        if codec.codecId.split("/")[0] not in ONLY:
            endpoint.codecSetPriority(codec.codecId, 0)
    generator = Call.tone = pj.ToneGenerator()
    generator.createToneGenerator(16000)
    tone = pj.ToneDesc()
    tone.freq1, tone.freq2, tone.on_msec, tone.off_msec = 440, 0, 1000, 0
    tones = pj.ToneDescVector()
    tones.append(tone)
    generator.play(tones, True)
    account, config = Account(), pj.AccountConfig()
    config.idUri = "sip:2001@127.0.0.1"
    account.create(config)
    print("ready", flush=True)
    sys.stdin.read()
    sys.stdout.flush()


if __name__ == "__main__":
    main()
