"""The registrar is away for five minutes and comes back: how soon are its phones registered again?

Once on a virtual clock, with the registrar client itself and a thousand phones, whose outages begin anywhere in the
life of their bindings; and, where there is time, once for real: a kamailio that is killed and started again, with
one daemon of 40 accounts.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

from twisted.internet.task import Clock

from bench.fault.harness import Bench, Row, percentile
from bench.fault.pinger import granted
from neon.sip import reactor as glue
from neon.sip.door import DoorPolicy
from neon.sip.endpoint import Endpoint
from neon.sip.registrar import Registration
from neon.values import AccountSettings
from tests.integration.daemon import start_daemon
from tests.integration.kamailio import start_kamailio
from tests.integration.processes import pause, until
from tests.sip.fakes import FakeResolver
from tests.sip.network import Datagram, Network

AWAY = 300.0
AIM = 35.0
REGISTRAR = ("192.0.2.9", 5060)


async def measure(bench: Bench, quick: bool) -> list[Row]:
    rows = []
    for lifetime in (60, 120, 300):
        times = [_virtual(seed, lifetime) for seed in range(60 if quick else 350)]
        rows.append(_row(f"registered again p95, lifetime {lifetime} s (virtual clock)", times))
    if not quick:
        rows.append(_row("registered again p95, lifetime 60 s (kamailio)", await _real(bench)))
    return rows


def _row(figure: str, times: list[float]) -> Row:
    p95 = percentile(times, 0.95)
    shown = f"{p95:.1f} s of {len(times)} (max {max(times):.1f})"
    return Row("registrar back after 5 min", figure, shown, "<= 35 s", p95 <= AIM)


class _Deaf:
    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *arguments: None


class _Answers:
    """What is bound at the registrar's address: it answers while C{up}."""

    def __init__(self, network: Network, clock: Clock) -> None:
        self.up = True
        self.granted_at: list[float] = []
        self._network, self._clock = network, clock

    def makeConnection(self, transport: object) -> None:
        """Twisted's word for the start."""

    def datagramReceived(self, data: bytes, source: tuple[str, int]) -> None:
        if not self.up:
            return
        text = Datagram(0.0, data, source, REGISTRAR).text
        if text.startswith("REGISTER"):
            self.granted_at.append(self._clock.seconds())
        self._network.carry(granted_any(text), REGISTRAR, source)


def granted_any(request: str) -> bytes:
    """The 200 of a REGISTER, or of the OPTIONS that looks whether anybody is there."""
    return granted(request if "\r\nContact:" in request else request.replace("\r\n\r\n", "\r\nContact: *\r\n\r\n", 1))


def _virtual(seed: int, lifetime: int) -> float:
    """Seconds from the registrar's return to the REGISTER that it answers."""
    dice = random.Random(seed)
    clock = Clock()
    installation = glue.install(clock)
    network = Network(clock, latency=0.02)
    answers = _Answers(network, clock)
    network.listenUDP(REGISTRAR[1], answers, REGISTRAR[0])
    door = DoorPolicy(trusted=lambda host, transport: True)
    endpoint = Endpoint(network, clock, host="192.0.2.1", port=5060, door=door,
                        on_request=lambda request, transaction: None, user_agent="bench")  # fmt: skip
    endpoint.start()
    account = AccountSettings("example.org", "1000", "secret", expires=lifetime)
    deaf: Any = _Deaf()
    registration = Registration(endpoint, FakeResolver({"example.org": [REGISTRAR]}), clock, account, deaf,
                                random=dice.random)  # fmt: skip
    registration.start()
    _pass(clock, 5 * lifetime + dice.random() * lifetime)
    answers.up = False
    _pass(clock, AWAY)
    answers.up = True
    back = clock.seconds()
    before = len(answers.granted_at)
    while len(answers.granted_at) == before:
        _pass(clock, 0.1)
    took = answers.granted_at[-1] - back
    registration.stop()
    _pass(clock, 10)
    endpoint.stop()
    installation.restore()
    return took


def _pass(clock: Clock, seconds: float) -> None:
    end = clock.seconds() + seconds
    while clock.seconds() < end:
        calls: Any = clock.getDelayedCalls()
        due = min((call.getTime() for call in calls), default=end)
        clock.advance(max(0.0, min(due, end) - clock.seconds()))


async def _real(bench: Bench) -> list[float]:
    users = {str(number): "one" for number in range(2001, 2041)}
    proxy = await start_kamailio(bench, users)
    daemon = await start_daemon(bench)
    client = await daemon.connect()
    for number in users:
        await client.register(proxy.domain, number, "one", expires=60)
    await pause(30.0)
    command = proxy.program.argv
    await proxy.program.stop()
    await pause(AWAY)
    client.events.clear()
    again = bench.start("kamailio-again", *command, folder=proxy.program.folder)
    await again.says(r"udp: 127\.0\.0\.1|Listening on")
    back = time.time()
    seen: dict[int, float] = {}

    def all_back() -> bool:
        for event in client.events:
            if event["name"] == "OnSIPRegister":
                seen.setdefault(event["data"]["connectionId"], event["arrived"] - back)
        client.events.clear()
        return len(seen) == len(users)

    await until(all_back, "every account registered again", 200)
    return list(seen.values())
