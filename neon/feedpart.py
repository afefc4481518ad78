"""The feed of supervisors and agents as a part of the daemon: who may log in, its two servers.

The servers are loaded where the feed is switched on.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from twisted.internet.defer import DeferredList, maybeDeferred
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOFactory

from neon import sections
from neon.api.feed.administration import InThread, MemberAccounts
from neon.api.feed.members import Member, Members
from neon.api.listen import Listeners, listen
from neon.api.sessions import Sessions
from neon.bus import Bus
from neon.commands import Command, Commands
from neon.deskpart import Desks
from neon.localboard import LocalSwitchboard
from neon.parsing import format_address
from neon.parts import CannotStart
from neon.passwords import PasswordHash
from neon.store.database import Database
from neon.store.members import MemberTable
from neon.switchboard import Switchboard
from neon.values import AccountSnapshot

if TYPE_CHECKING:
    from neon.api.feed.server import Feed

OFF = "the feed is switched off: enabled = yes in the section [feed] switches it on"

_log = Logger()


class FeedServer:
    """Made before the state is open, so that what is to be stopped is known; L{offer} while it still works in this
    thread. The broker of many desks belongs to it: a desk tells it, a hub shows what it tells.
    """

    def __init__(
        self,
        reactor: Any,
        loaded: sections.Config,
        state_dir: Path,
        bus: Bus,
        accounts: Callable[[], Iterable[AccountSnapshot]],
    ) -> None:
        self._reactor = reactor
        self._settings = loaded.feed
        self._state_dir = state_dir
        self._switchboard = LocalSwitchboard(bus, accounts)
        self._desks = Desks(reactor, loaded.broker, self._switchboard)
        self._feed: Feed | None = None
        self._listeners: list[Listeners] = []

    @property
    def switchboard(self) -> Switchboard:
        """What its supervisors see."""
        return self._desks.hub or self._switchboard

    @property
    def acts(self) -> bool:
        """Whether that is this daemon's own, and not other desks'."""
        return self._desks.hub is None

    def offer(
        self, commands: Commands, sessions: Sessions, database: Database, in_thread: InThread
    ) -> tuple[Command, ...]:
        """What it serves; returns the commands about who may log in."""
        table = MemberTable(database)
        members = Members(self._reactor, in_thread, PasswordHash.decoy())
        failures: list[Any] = []

        def remember(rows: Any) -> None:
            for row in rows:
                members.put(Member(row.name, row.extension, row.acts), row.password_hash)

        table.all().addCallback(remember).addErrback(failures.append)
        if failures:
            failures[0].raiseException()
        if self._settings.enabled:
            from neon.api.feed.actions import CommandActions, NoActions
            from neon.api.feed.server import Feed

            actions = CommandActions(commands, sessions, self._switchboard) if self.acts else NoActions()
            name = self._settings.name or socket.gethostname()
            self._feed = Feed(self._reactor, name, self.switchboard, members, actions)
        notice = None if self._settings.enabled else OFF
        return MemberAccounts(table, members, in_thread, lambda: notice).rows()

    def start(self) -> None:
        """Accept connections, after L{offer}, and look for the broker, where these are wanted.

        @raise CannotListenError: a port is taken.
        @raise CannotStart: there is no certificate for TLS.
        """
        self._desks.start()
        settings = self._settings
        if self._feed is None:
            return
        self._listeners.append(listen(self._reactor, self._feed, settings.host, settings.port))
        if settings.tls:
            secure = TLSMemoryBIOFactory(self._context(), False, cast("Any", self._feed))
            self._listeners.append(listen(self._reactor, secure, settings.tls_host, settings.tls_port))
        for url in (self.urls or {}).values():
            _log.info("the feed is at {url}", url=url)

    @property
    def urls(self) -> dict[str, str] | None:
        """Where it is, C{ws} and C{wss}, while it listens."""
        found = zip(("ws", "wss"), self._listeners, strict=False)
        return {
            scheme: f"{scheme}://{format_address(listeners.addresses[0])}/" for scheme, listeners in found
        } or None

    def _context(self) -> Any:
        from neon import certificates

        settings = self._settings
        try:
            if settings.certificate or settings.private_key:
                certificate = Path(settings.certificate)
                return certificates.context(certificate, Path(settings.private_key or settings.certificate))
            names = (socket.gethostname(), "localhost", "127.0.0.1", "::1", *settings.tls_host)
            return certificates.context(*certificates.own(self._state_dir, names))
        except certificates.CertificateError as error:
            raise CannotStart(f"the feed has no certificate: {error}") from None

    def stop(self) -> Any:
        """Accept no more connections, and leave the broker."""
        closed = [listeners.close() for listeners in self._listeners]
        return DeferredList([maybeDeferred(self._desks.stop), *closed], consumeErrors=True)

    def close_connections(self) -> Any:
        """Say good-bye to everybody, after the last event."""
        return None if self._feed is None else self._feed.close()
