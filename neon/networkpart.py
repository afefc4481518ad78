"""The machine's network: which families it has, where its servers are, and what happens when it changes."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

from twisted.application.service import Service
from twisted.internet.defer import Deferred

from neon.dbus.messagebus import MessageBus, system_bus
from neon.network.clockjump import ClockJump
from neon.network.logind import Logind
from neon.network.monitor import NetworkMonitor
from neon.network.netlink import Netlink
from neon.parsing import EVERYWHERE
from neon.sections import Config, Media, Sip
from neon.sip.resolver import Resolver, system_names
from neon.stunmessage import PORT
from neon.values import Address


def with_every_family(loaded: Config) -> Config:
    """The configuration with numbers in place of "all addresses" for SIP."""
    if loaded.sip.bind != (EVERYWHERE,):
        return loaded
    return replace(loaded, sip=replace(loaded.sip, bind=("0.0.0.0", "::") if has_ipv6() else ("0.0.0.0",)))


def has_ipv6() -> bool:
    """Whether this machine can bind IPv6 addresses at all."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def resolver(reactor: Any, sip: Sip) -> Resolver:
    """Looks up what the families that SIP is bound to can use."""
    return Resolver(
        reactor,
        system_names(reactor, sip.name_servers),
        ipv4=any(":" not in host for host in sip.bind),
        ipv6=any(":" in host for host in sip.bind),
        reachable=has_route,
    )


def has_route(host: str) -> bool:
    """Whether packets to a numeric host have a way to take. Connecting a UDP socket sends nothing."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((host, 9))
    except OSError:
        return False
    return True


def stun_finder(resolver: Resolver, media: Media) -> Callable[[], Deferred[Address]] | None:
    """What finds the STUN server of the configuration, None if there is none."""
    if media.stun is None:
        return None
    host, port = media.stun

    def find() -> Deferred[Address]:
        return resolver.resolve(host, port or PORT, "udp").addCallback(lambda found: found[0].address)

    return find


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

        path = system_bus(os.environ)
        logind = Logind(None if path is None else MessageBus(reactor, path), resumed)
        for source in (Netlink(reactor, self.monitor.news, self.monitor.lost), logind, clocks):
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
