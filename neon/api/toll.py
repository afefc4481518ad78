"""The toll guard: what one application may spend (robustness rules, "Local APIs", 10).

So many calls a minute, so many at once, and no number that begins with one of some prefixes; whoever talked an
application into dialling shall not get rich by it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

from neon.api.throttle import MINUTE
from neon.bus import Published
from neon.errors import NotAuthorised
from neon.events import CallFinalized
from neon.ports import Clock

UNLIMITED: Final = 0


@dataclass(frozen=True, slots=True)
class Tariff:
    """The limits of every application; 0 is none."""

    calls_per_minute: int = 10
    calls_at_once: int = 3
    deny_prefixes: tuple[str, ...] = ()


@dataclass(slots=True)
class _Account:
    dialled: deque[float] = field(default_factory=deque)
    live: set[int] = field(default_factory=set)


class TollGuard:
    """Counts the calls of each application; L{happened} wants every event of the bus."""

    def __init__(self, clock: Clock, tariff: Tariff) -> None:
        self._clock = clock
        self._tariff = tariff
        # Only applications whose password was right get an entry: there are as many as there are accounts.
        self._accounts: dict[str, _Account] = {}
        self._last_call = 0

    def charge(self, application: str, target: str, new_call: bool) -> None:
        """Somebody is about to be called; C{new_call} is False where a call that exists is sent elsewhere.

        @raise NotAuthorised: not by this application, not now.
        """
        dialled = number(target)
        if dialled.startswith(self._tariff.deny_prefixes):
            raise NotAuthorised("this number may not be dialled from here")
        if not new_call:
            return
        account = self._accounts.setdefault(application, _Account())
        now = self._clock.seconds()
        while account.dialled and account.dialled[0] <= now - MINUTE:
            account.dialled.popleft()
        tariff = self._tariff
        if tariff.calls_at_once != UNLIMITED and len(account.live) >= tariff.calls_at_once:
            raise NotAuthorised(f"an application may have {tariff.calls_at_once} calls at once")
        if tariff.calls_per_minute != UNLIMITED:
            if len(account.dialled) >= tariff.calls_per_minute:
                raise NotAuthorised(f"an application may start {tariff.calls_per_minute} calls a minute")
            account.dialled.append(now)

    def started(self, application: str, call_id: int) -> None:
        """The call that was charged for exists now, until its event says that it is over."""
        # Numbers only grow: a smaller one is an answer that was given again, of a call that may be over.
        if call_id <= self._last_call:
            return
        self._last_call = call_id
        self._accounts.setdefault(application, _Account()).live.add(call_id)

    def happened(self, published: Published) -> None:
        """An event of the bus."""
        if isinstance(published.event, CallFinalized):
            for account in self._accounts.values():
                account.live.discard(published.event.call_id)


def number(target: str) -> str:
    """What a parsed dial string calls, to compare its beginning: C{sip:%2B1900@host;user=phone} is C{+1900}."""
    scheme, colon, rest = target.partition(":")
    text = rest if colon and scheme.lower() == "sip" else target
    user = unquote(text.partition("@")[0]).partition(";")[0]
    # RFC 3966, section 5.1.1: visual separators mean nothing.
    return "".join(letter for letter in user if letter not in "-.() ")
