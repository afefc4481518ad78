"""Which web pages may use the APIs, by their origin (robustness rules, "Local APIs", 5).

An origin is approved by an administrator (a directory of files, read again whenever a file in it changes), by the
configuration, by the user for good (kept in the store), or by the user until the daemon ends. NEON's own pages
always are. Everything else is unknown, which the policy makes an approval, a refusal, or a question.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final, Protocol

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from neon import parsing
from neon.api.approvals import Answer

NULL: Final = "null"
"""What a browser says for pages that have no origin: files, sandboxed frames, data: URLs."""

MAX_FILE_BYTES: Final = 1 << 20


class Policy(enum.Enum):
    """What becomes of an origin that nobody approved."""

    ASK = "ask"
    LIST = "list"
    ANY = "any"


class Standing(enum.Enum):
    """How an origin stands."""

    APPROVED = enum.auto()
    BLOCKED = enum.auto()
    UNKNOWN = enum.auto()
    """The user has to be asked."""


class Memory(Protocol):
    """Where decisions are kept for good."""

    def save(self, origin: str, allowed: bool) -> Deferred[None]: ...

    def remove(self, origin: str) -> Deferred[None]: ...


class Directory:
    """The administrators' files: C{*.conf}, an origin a line; C{#} begins a comment."""

    _log = Logger()

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._seen: tuple[tuple[str, int, int], ...] | None = None
        self._origins: dict[str, str] = {}

    def origins(self) -> Mapping[str, str]:
        """Each origin with the file it stands in."""
        found = self._look()
        if found != self._seen:
            self._seen = found
            self._origins = {origin: name for name, _, _ in reversed(found) for origin in self._read(Path(name))}
        return self._origins

    def _look(self) -> tuple[tuple[str, int, int], ...]:
        if self._path is None:
            return ()
        found = []
        for path in sorted(self._path.glob("*.conf")):
            try:
                status = path.stat()
            except OSError:
                continue
            found.append((str(path), status.st_mtime_ns, status.st_size))
        return tuple(found)

    def _read(self, path: Path) -> Iterable[str]:
        try:
            with path.open("rb") as file:
                lines = file.read(MAX_FILE_BYTES).decode("utf-8", "replace").splitlines()
        except OSError as error:
            self._log.warn("{path} cannot be read: {reason}", path=str(path), reason=error.strerror)
            return
        for number, line in enumerate(lines, 1):
            try:
                yield from parsing.origins(line.partition("#")[0])
            except ValueError as error:
                # One bad line approves nobody, and takes nothing from the others.
                self._log.warn("{path}:{line}: {error}", path=str(path), line=number, error=str(error))


class Origins:
    """Every decision about origins. Origins are given as L{parsing.origin} returns them, or as L{NULL}."""

    def __init__(
        self,
        policy: Policy = Policy.ASK,
        *,
        configured: Iterable[str] = (),
        allow_null: bool = False,
        directory: Path | None = None,
        memory: Memory | None = None,
        remembered: Mapping[str, bool] | None = None,
    ) -> None:
        self.policy = policy
        self.own: set[str] = set()
        """The origins of the pages that NEON itself serves; L{neon.tap} adds them once it listens."""
        self._configured = frozenset(configured)
        self._allow_null = allow_null
        self._directory = Directory(directory)
        self._memory = memory
        self._remembered: dict[str, bool] = dict(remembered or {})
        self._once: set[str] = set()
        self.on_withdrawn: list[Callable[[str], object]] = []
        """Called with an origin that was approved and is not any more."""

    def standing(self, origin: str) -> Standing:
        """How an origin stands now."""
        if origin == NULL:
            return Standing.APPROVED if self._allow_null else Standing.BLOCKED
        if origin in self.own:
            return Standing.APPROVED
        decided = self._remembered.get(origin)
        if decided is False:
            # The user's no counts for more than an administrator's yes: it is the user's telephone.
            return Standing.BLOCKED
        if decided or origin in self._once or origin in self._configured or self.policy is Policy.ANY:
            return Standing.APPROVED
        if origin in self._directory.origins():
            return Standing.APPROVED
        return Standing.UNKNOWN if self.policy is Policy.ASK else Standing.BLOCKED

    def decide(self, origin: str, answer: Answer) -> Deferred[None]:
        """Keep what the user said about an origin; it counts at once, and fires when it is written.

        Works under every policy: C{list} means that nobody is asked, not that nobody may decide. C{DENY} answers a
        question, and changes nothing about a page that was approved before.
        """
        match answer:
            case Answer.DENY:
                return succeed(None)
            case Answer.ALLOW_ONCE if self._remembered.get(origin) is False:
                kept = self.forget(origin)
                self._once.add(origin)
                return kept
            case Answer.ALLOW_ONCE:
                self._once.add(origin)
                return succeed(None)
        before = self.standing(origin)
        self._once.discard(origin)
        allowed = self._remembered[origin] = answer is Answer.ALLOW
        self._withdrawn(origin, before)
        return succeed(None) if self._memory is None else self._memory.save(origin, allowed)

    def forget(self, origin: str) -> Deferred[None]:
        """Take the user's decision back, whichever it was."""
        before = self.standing(origin)
        self._once.discard(origin)
        known = self._remembered.pop(origin, None)
        self._withdrawn(origin, before)
        return succeed(None) if known is None or self._memory is None else self._memory.remove(origin)

    def _withdrawn(self, origin: str, before: Standing) -> None:
        if before is Standing.APPROVED and self.standing(origin) is not Standing.APPROVED:
            for withdrawn in self.on_withdrawn:
                withdrawn(origin)

    def listing(self) -> list[tuple[str, str]]:
        """Every origin with a word on where its standing comes from, for people."""
        listed = dict.fromkeys(self._directory.origins(), "administrator")
        listed |= dict.fromkeys(self._configured, "configuration")
        listed |= dict.fromkeys(self._once, "allowed once")
        listed |= {origin: "allowed" if allowed else "blocked" for origin, allowed in self._remembered.items()}
        return sorted(listed.items())
