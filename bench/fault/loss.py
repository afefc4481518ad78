"""One packet in ten lost each way: calls complete all the same, and none gets stuck.

Once with both ends ours, on a virtual clock, where the loss is exact and each end is caller and callee; and once the
daemon against sipp, which loses what it sends and receives itself (its option -lost).
"""

from __future__ import annotations

import random
from functools import partial

from twisted.internet.task import Clock

from bench.fault.harness import Acceptor, Bench, Row
from bench.fault.wire import Ear, Phone
from neon.ports import SignallingCall
from neon.sip import reactor as glue
from tests.integration.daemon import start_daemon
from tests.integration.kamailio import start_kamailio
from tests.integration.processes import until
from tests.integration.sipp import start_sipp
from tests.sip.network import Network

LOSS = 0.1
CALLS_A_SECOND = 20
TALK_SECONDS = 2.0


async def measure(bench: Bench, quick: bool) -> list[Row]:
    return [*_virtual(300 if quick else 10_000), *await _sipp(bench, 40 if quick else 10_000)]


def _virtual(count: int) -> list[Row]:
    clock, dice = Clock(), random.Random(10)
    installation = glue.install(clock)
    network = Network(clock, latency=0.02)
    network.lost = lambda datagram: dice.random() < LOSS
    phones = [Phone(clock, network, ("192.0.2.1", 5060)), Phone(clock, network, ("192.0.2.2", 5060))]
    calls: list[Ear] = []

    def place(number: int) -> None:
        call, ear = phones[number % 2].call(phones[1 - number % 2])
        ear.on_answered = partial(_later, clock, call)
        calls.append(ear)

    # Placed as they come: whatever waits in the clock is sorted again for each timer. And long enough for the last
    # INVITE and the last BYE to give up, were it so.
    end = count / CALLS_A_SECOND + 200
    while clock.seconds() < end:
        while len(calls) < min(count, clock.seconds() * CALLS_A_SECOND):
            place(len(calls))
        clock.advance(0.02)
        network.sent.clear()
    complete = sum(ear.complete for ear in calls)
    ended = sum(len(ear.ends) == 1 for phone in phones for ear in phone.ears)
    stuck = sum(not ear.ends for ear in calls) + sum(phone.left for phone in phones)
    for phone in phones:
        phone.endpoint.stop()
        phone.agent.close()
    installation.restore()
    return [
        Row("10 % loss each way", "calls complete (both ends NEON, virtual clock)", f"{complete:,} of {count:,}",
            ">= 99.9 %", complete >= 0.999 * count),
        Row("10 % loss each way", "ended once, as the called ends saw it", f"{ended:,} of {count:,}", "every one",
            ended == count),
        Row("10 % loss each way", "stuck or left behind (virtual clock)", str(stuck), "0", stuck == 0),
    ]  # fmt: skip


def _later(clock: Clock, call: SignallingCall) -> None:
    clock.callLater(TALK_SECONDS, call.hang_up)


async def _sipp(bench: Bench, count: int) -> list[Row]:
    rate = 25
    proxy = await start_kamailio(bench, {"2001": "one"})
    daemon = await start_daemon(bench, max_calls=300)
    client = await daemon.connect()
    await client.register(proxy.domain, "2001", "one")
    patience = 2 * count / rate + 90  # a busy machine places calls more slowly
    sipp = await start_sipp(
        bench, "uac_call", "-s", "2001", "-d", "500", "-r", str(rate), "-l", "280", "-lost", "10",
        "-timeout", f"{patience:.0f}", target=daemon.sip_address, calls=count, trace=False,
    )  # fmt: skip
    acceptor = Acceptor(client)
    await acceptor.serve(lambda: sipp.program.running)
    statistics = sipp.statistics()
    complete = int(statistics["SuccessfulCall(C)"])

    def all_ended() -> bool:
        acceptor.look()
        return acceptor.finalized >= acceptor.rang

    await until(all_ended, "the end of every call that rang", 80)
    stuck = (await client.command("listcalls"))["calls"]
    return [
        Row("10 % loss each way", f"calls complete (sipp calls, {rate}/s)", f"{complete:,} of {count:,}", ">= 99.9 %",
            complete >= 0.999 * count),
        Row("10 % loss each way", "rang and not finalized, at the daemon", str(acceptor.rang - acceptor.finalized), "0",
            acceptor.rang == acceptor.finalized and not stuck),
        Row("10 % loss each way", "tracebacks", str(len(daemon.complaints())), "0", not daemon.complaints()),
    ]  # fmt: skip
