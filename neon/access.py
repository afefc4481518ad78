"""Who may use the APIs: application accounts, and access.json, through which local programs find their way in."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from twisted.internet.defer import Deferred, succeed

from neon.config import LOCAL
from neon.passwords import N_FOR_RANDOM, PasswordHash
from neon.privatefile import replace_private
from neon.sections import Application
from neon.values import Scope

MAX_PASSWORD = 1024


class InThread(Protocol):
    """C{deferToThread}, or something that does the work at once."""

    def __call__(self, function: Callable[..., bool], *args: object) -> Deferred[bool]: ...


class Applications:
    """Checks names and passwords, in a thread and in a time that does not depend on what is wrong with them."""

    def __init__(self, in_thread: InThread, hashes: Mapping[str, PasswordHash]) -> None:
        self._in_thread = in_thread
        self._hashes = dict(hashes)
        self._scopes: dict[str, frozenset[Scope]] = {}
        self._redeem: dict[str, Callable[[str], bool]] = {}
        # What an unknown name is checked against, so that it takes as long as a known one.
        self._decoy = PasswordHash.decoy()

    def put(self, name: str, password_hash: PasswordHash, scopes: frozenset[Scope] = frozenset(Scope)) -> None:
        """From now on this is an application, with this password and these scopes."""
        self._hashes[name] = password_hash
        self._scopes[name] = scopes

    def put_tickets(self, name: str, redeem: Callable[[str], bool]) -> None:
        """From now on this is an application that may do everything, and shows what C{redeem} takes as a password."""
        self._redeem[name] = redeem

    def restrict(self, name: str, scopes: frozenset[Scope]) -> None:
        """From now on an application that there is may do this."""
        self._scopes[name] = scopes

    def drop(self, name: str) -> None:
        """From now on this is none."""
        self._hashes.pop(name, None)
        self._scopes.pop(name, None)

    def scopes(self, name: str) -> frozenset[Scope]:
        """What an application may do: everything, unless it was given less."""
        return self._scopes.get(name, frozenset(Scope)) if name in self else frozenset()

    def __contains__(self, name: object) -> bool:
        return name in self._hashes or name in self._redeem

    def verify(self, user: str, password: str) -> Deferred[bool]:
        """Whether this is an application and its password."""
        if (redeem := self._redeem.get(user)) is not None:
            return succeed(redeem(password))
        known = self._hashes.get(user)
        matches = (known or self._decoy).matches
        too_long = len(password) > MAX_PASSWORD
        checked = self._in_thread(matches, password[:MAX_PASSWORD])

        def decide(right: bool) -> bool:
            # Still: it may have been taken away, or been given another password, while this one was checked.
            return right and known is not None and self._hashes.get(user) is known and not too_long

        return checked.addCallback(decide)


def configured_hashes(applications: Mapping[str, Application]) -> dict[str, PasswordHash]:
    """The hashes of the configured applications. Slow for the passwords in clear: for start-up only."""
    hashes = {}
    for name, application in applications.items():
        if application.password_hash is not None:
            hashes[name] = application.password_hash
        elif application.password is not None:
            hashes[name] = PasswordHash.of(application.password)
    return hashes


def local_password(path: Path, known: PasswordHash | None) -> tuple[str, PasswordHash]:
    """The password of the C{local} application: the one that stands in access.json if it is right, else a new one.

    It is random, so its hash is a quick one: checking it is part of every start.
    """
    if known is not None:
        try:
            document = json.loads(path.read_text("utf-8"))
            password = document["password"] if document["user"] == LOCAL else None
        except (OSError, ValueError, TypeError, KeyError):
            password = None
        if isinstance(password, str) and known.matches(password):
            return password, known if known.n <= N_FOR_RANDOM else PasswordHash.of(password, N_FOR_RANDOM)
    password = secrets.token_urlsafe(18)
    return password, PasswordHash.of(password, N_FOR_RANDOM)


def access_document(
    websocket: str | None,
    password: str,
    http: str | None = None,
    control: str | None = None,
    feed: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """What access.json tells a program; C{control} is the path of neonctl's socket, C{feed} the URLs by scheme.

    C{sip} and C{operator} are the testbed's to fill in.
    """
    return {
        "websocket": websocket,
        "http": http,
        "control": control,
        "feed": None if feed is None else dict(feed),
        "user": LOCAL,
        "password": password,
        "sip": None,
        "operator": None,
    }


def write_private(path: Path, document: Mapping[str, Any]) -> None:
    """Replace a JSON file that nobody else may read (L{neon.privatefile})."""
    replace_private(path, f"{json.dumps(document, indent=2)}\n".encode())
