"""What happens when the machine's network changes: whoever looks for changes, and whoever has to know of them."""

from __future__ import annotations

from typing import Any, Protocol

from twisted.application.service import Service

from neon.network.clockjump import ClockJump
from neon.network.logind import Logind
from neon.network.monitor import NetworkMonitor
from neon.network.netlink import Netlink


class Mover(Protocol):
    """Somebody who has to know."""

    def network_changed(self) -> None: ...


class NetworkWatch(Service):
    """Tells C{movers}, in this order, once things have settled."""

    name = "the watch over the network"

    def __init__(self, reactor: Any, *movers: Mover) -> None:
        self._movers = movers
        self.monitor = NetworkMonitor(reactor, self._changed)
        clocks = ClockJump(reactor, self.monitor.resumed)

        def resumed() -> None:
            clocks.known()
            self.monitor.resumed()

        for source in (Netlink(reactor, self.monitor.news, self.monitor.lost), Logind(reactor, resumed), clocks):
            self.monitor.add(source)

    def startService(self) -> None:
        super().startService()  # type: ignore[no-untyped-call]
        self.monitor.start()

    def stopService(self) -> None:
        super().stopService()  # type: ignore[no-untyped-call]
        self.monitor.stop()

    def _changed(self, reason: str) -> None:
        for mover in self._movers:
            mover.network_changed()
