"""The proxy is killed in a call and started again: the call goes on, and hanging up is heard at the other side."""

from __future__ import annotations

from bench.fault.harness import Bench, Row
from tests.integration.daemon import start_daemon
from tests.integration.kamailio import start_kamailio
from tests.integration.processes import pause


async def measure(bench: Bench, quick: bool) -> list[Row]:
    """Two accounts of the daemon call each other through kamailio, which stays in the route."""
    proxy = await start_kamailio(bench, {"2001": "one", "2002": "two"})
    daemon = await start_daemon(bench)
    client = await daemon.connect()
    rows = []
    for hangs_up in ("calling",) if quick else ("calling", "called"):
        # A proxy that was started again has forgotten whom it knew; in the call it does not need to.
        first = await client.register(proxy.domain, "2001", "one")
        await client.register(proxy.domain, "2002", "two")
        outgoing = await client.call("2002", connectionId=first)
        incoming = await client.incoming()
        await client.command("acceptcall", callid=incoming)
        for call in (outgoing, incoming):
            await client.event("OnAcceptCall", callId=call)
        await proxy.program.stop()
        await pause(1.0 if quick else 10.0)
        again = bench.start(f"kamailio-{hangs_up}", *proxy.program.argv, folder=proxy.program.folder)
        proxy.program = again
        await again.says(r"udp: 127\.0\.0\.1|Listening on")
        up = len((await client.command("listcalls"))["calls"])
        await client.command("finalizecall", callid=outgoing if hangs_up == "calling" else incoming)
        ended = 0
        for call in (outgoing, incoming):
            over = await client.event("OnFinalizedCall", 40.0, callId=call)
            ended += over["SIPError"] == 0
        figure = f"ends that stay up; and that end when the {hangs_up} one hangs up"
        rows.append(Row("proxy restarts in a call", figure, f"{up}; {ended} of 2", "2; 2", (up, ended) == (2, 2)))
    return rows
