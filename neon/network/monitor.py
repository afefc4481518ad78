"""Tells, once and when things have settled, that the machine's network is another than before.

What counts is a different set of addresses or default routes, not every message of the kernel: it repeats itself
whenever a router renews the lifetime of an address. A machine that woke up counts as changed in any case.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from twisted.logger import Logger

from neon.network.netlink import HostAddress, Item, News
from neon.ports import Clock, Timer

_log = Logger()

SETTLE = 0.5
"""Seconds of quiet after which a change is told."""

LONGEST_WAIT = 2.0
"""Seconds after which it is told though there is no quiet."""

MOST_ITEMS = 4096
"""Addresses and default routes that are remembered; a machine with more does not have its changes noticed."""


class Source(Protocol):
    """Something that may have news: L{neon.network.netlink.Netlink}, ClockJump, Logind."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


class NetworkMonitor:
    """Calls C{on_change} with the reason in words. Add the sources, then L{start}."""

    def __init__(self, clock: Clock, on_change: Callable[[str], None]) -> None:
        self._clock = clock
        self._on_change = on_change
        self._sources: list[Source] = []
        self._items: set[Item] = set()
        self._told: set[Item] | None = None
        self._reason = ""
        self._timer: Timer | None = None
        self._since = 0.0

    @property
    def addresses(self) -> tuple[str, ...]:
        """The machine's addresses as they are now, sorted."""
        return tuple(sorted(item.address for item in self._items if isinstance(item, HostAddress)))

    def add(self, source: Source) -> None:
        self._sources.append(source)

    def start(self) -> None:
        """Start the sources; one that is not to be had on this machine is done without."""
        self._told = None
        for source in self._sources:
            try:
                source.start()
            except OSError as error:
                _log.info("no {source} here: {error}", source=type(source).__name__, error=str(error))
        # What is there now is no change; netlink's first answers come within the settling time.
        self._later("")

    def stop(self) -> None:
        for source in self._sources:
            source.stop()
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    # The sources call these.

    def news(self, news: News) -> None:
        """An address or default route came or went."""
        if not news.present:
            self._items.discard(news.item)
        elif len(self._items) < MOST_ITEMS:
            self._items.add(news.item)
        if self._told is not None and self._items != self._told:
            self._later(self._reason)

    def lost(self) -> None:
        """News were lost; everything that is comes anew."""
        self._items.clear()
        self._later(self._reason)

    def resumed(self) -> None:
        """The machine woke up."""
        _log.info("the machine was asleep")
        self._later("the machine was asleep")

    def _later(self, reason: str) -> None:
        self._reason = reason
        now = self._clock.seconds()
        if self._timer is None:
            self._since = now
            self._timer = self._clock.callLater(SETTLE, self._settled)
        elif now + SETTLE <= self._since + LONGEST_WAIT:
            self._timer.reset(SETTLE)

    def _settled(self) -> None:
        self._timer = None
        first, before = self._told is None, self._told
        self._told = set(self._items)
        reason, self._reason = self._reason, ""
        if first and not reason:
            return
        if self._told != before:
            reason = reason or "addresses or routes changed"
        if reason:
            _log.info("the network changed: {reason}", reason=reason)
            self._on_change(reason)
