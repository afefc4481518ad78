"""access.json as a part of the daemon: written when everything listens, and again when a server was switched."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from twisted.logger import Logger

from neon import banner
from neon.access import local_password, write_private
from neon.parts import CannotStart
from neon.passwords import PasswordHash
from neon.store.database import Database

NAME: Final = "access.json"

_log = Logger()


class AccessFile:
    """C{document} makes what stands in it, from the local password. C{wanted} is whether there is to be one."""

    def __init__(
        self,
        state_dir: Path,
        database: Database,
        document: Callable[[str], Mapping[str, Any]],
        *,
        wanted: bool,
        show_banner: bool,
    ) -> None:
        self._state_dir = state_dir
        self._path = state_dir / NAME
        self._database = database
        self._document = document
        self._wanted = wanted
        self._show_banner = show_banner
        self._password = ""

    def password(self, known: PasswordHash | None) -> PasswordHash:
        """The hash of the local password: the one that is C{known}, if the file has its password, or of a new one."""
        self._password, made = local_password(self._path, known)
        return made

    def write(self) -> None:
        """Write it, with the ports as they are, now that everything listens.

        @raise CannotStart: it cannot be written.
        """
        if not self._wanted:
            self._path.unlink(missing_ok=True)
            return
        document = self._document(self._password)
        try:
            write_private(self._path, document)
        except OSError as error:
            raise CannotStart(f"{self._path} cannot be written: {error.strerror}") from None
        if self._show_banner:
            # twistd has turned sys.stdout into a log by now, where a password must not go.
            banner.show(document, self._state_dir, sys.__stdout__)

    def write_again(self) -> None:
        """Programs look here for the server that was switched on, or is gone."""
        if self._wanted:
            document = self._document(self._password)
            # In this thread one is written after the other.
            written = self._database.run(lambda _: write_private(self._path, document))
            written.addErrback(lambda failure: _log.failure("access.json was not written", failure))
