"""What the tests against sipp have in common: a registered account, and calls to and from a scenario."""

from __future__ import annotations

from typing import Any

from tests.integration.daemon import Client, Daemon, start_daemon
from tests.integration.kamailio import Kamailio, start_kamailio
from tests.integration.processes import IntegrationCase
from tests.integration.sipp import Sipp, start_sipp

NUMBER, PASSWORD = "2001", "one"


class SippCase(IntegrationCase):
    """sipp calls our account 2001, which is registered at a kamailio; the scenarios that we call are registrars."""

    programs_needed = ("kamailio", "sipp")

    proxy: Kamailio
    daemon: Daemon
    client: Client

    async def started(self, **options: Any) -> None:
        """Start a daemon with L{start_daemon}'s options, and a client."""
        self.daemon = await start_daemon(self, **options)
        self.client = await self.daemon.connect()

    async def registered(self, **options: Any) -> None:
        """Start a daemon, and register account 2001."""
        self.proxy = await start_kamailio(self, {NUMBER: PASSWORD})
        await self.started(**options)
        await self.client.register(self.proxy.domain, NUMBER, PASSWORD)

    async def callee(self, scenario: str, *options: str, calls: int = 1, **more: Any) -> Sipp:
        """Start a scenario that waits to be called C{calls} times; before, it accepts one registration."""
        return await start_sipp(self, scenario, *options, calls=calls + 1, **more)

    async def caller(self, scenario: str, *options: str, **more: Any) -> Sipp:
        """Start a scenario that calls our account; it talks for 300 ms unless C{-d} says otherwise."""
        return await start_sipp(
            self, scenario, "-s", NUMBER, "-d", "300", *options, target=self.daemon.sip_address, **more
        )

    async def register_at(self, sipp: Sipp) -> int:
        """Register at a L{callee}, so that our calls go straight there."""
        return await self.client.register(sipp.address, NUMBER, PASSWORD)

    async def call(self, sipp: Sipp) -> int:
        """Register at a L{callee} and call it."""
        return await self.client.call("2002", connectionId=await self.register_at(sipp))

    async def over(self, call: int, status: int | None = None) -> dict[str, Any]:
        """Wait for the call's end, check its status and that nothing follows; return the event's data."""
        data = await self.client.event("OnFinalizedCall", callId=call)
        if status is not None:
            self.assertEqual(data["SIPError"], status, data)
        return data

    def daemon_is_well(self) -> None:
        """No traceback in the log."""
        self.assertEqual(self.daemon.complaints(), [])
