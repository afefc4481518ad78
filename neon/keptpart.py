"""Accounts that were added in the panel, as a part of the daemon: they are there again after a restart."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from neon.bus import Bus, Published
from neon.commands import Command, Context, Data
from neon.commands.shapes import CONNECTION_ID
from neon.errors import InvalidArgument
from neon.events import RegistrationCancelled, RegistrationFinalized, Unregistered
from neon.phone import Phone
from neon.store.accounts import MOST, AccountFile
from neon.store.database import Database
from neon.values import AccountSettings

NAME: Final = "accounts.json"

_ENDS: Final = (Unregistered, RegistrationCancelled, RegistrationFinalized)

_log = Logger()


class KeptAccounts:
    """Kept until somebody gives the account up. Those of the configuration and of operators are kept there."""

    def __init__(self, state_dir: Path, database: Database, bus: Bus, phone: Phone) -> None:
        self._file = AccountFile(state_dir / NAME, database)
        self._phone = phone
        self._kept: dict[str, AccountSettings] = {}
        self._stopping = False
        bus.subscribe(self._happened, *_ENDS)

    def load(self) -> None:
        """Read the file, before the reactor runs."""
        self._kept = {account.uri: account for account in self._file.read()}

    def start(self) -> None:
        """Register every one that the configuration has not."""
        there = {account.uri for account in self._phone.accounts()}
        for uri, account in self._kept.items():
            if uri not in there:
                connection_id = self._phone.register(account)
                _log.info("the kept account {uri} has connectionId {id}", uri=uri, id=connection_id)

    def stop(self) -> None:
        """From now on accounts go because NEON ends."""
        self._stopping = True

    def keep(self, context: Context, connection_id: int | None) -> Deferred[Data]:
        """Register an account again whenever NEON starts, until somebody gives it up."""
        if connection_id is None:
            raise InvalidArgument("connectionId is missing")
        settings = self._phone.settings_of(connection_id)
        if settings.name is not None:
            raise InvalidArgument("the account stands in the configuration, and is kept there")
        if len(self._kept) >= MOST and settings.uri not in self._kept:
            raise InvalidArgument(f"{MOST} accounts are kept; remove one first")
        self._kept[settings.uri] = settings
        return self._write().addCallback(lambda _: {})

    def rows(self) -> tuple[Command, ...]:
        """C{keepaccount}, for the control socket and the panel."""
        return (Command("keepaccount", self.keep, (CONNECTION_ID,), once=False),)

    def _write(self) -> Deferred[None]:
        return self._file.write(tuple(self._kept.values()))

    def _happened(self, published: Published) -> None:
        if self._stopping or not self._kept or not isinstance(published.event, _ENDS):
            return
        there = {account.uri for account in self._phone.accounts()}
        gone = [uri for uri in self._kept if uri not in there]
        if gone:
            for uri in gone:
                del self._kept[uri]
            written = self._write()
            written.addErrback(lambda failure: _log.failure("an account that was given up is still kept", failure))
