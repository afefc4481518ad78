"""How the phone stops: first every call, then every account, each within its time. A part of L{neon.phone}."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from neon.accountline import AccountLine
from neon.line import CallLine
from neon.ports import Clock, Timer
from neon.values import Cause

STOPPING = "NEON is stopping"


class Closing:
    """C{calls} and C{accounts} are the phone's; C{patience} is in seconds, for the calls and again for the accounts.

    L{check} has to be said whenever a call or an account is gone.
    """

    _log = Logger()

    def __init__(
        self, calls: Mapping[int, CallLine], accounts: Mapping[int, AccountLine], clock: Clock, patience: float
    ) -> None:
        self._calls = calls
        self._accounts = accounts
        self._clock = clock
        self._seconds = patience
        self._waiters: list[Deferred[None]] | None = None
        self._timer: Timer | None = None
        self._leaving = False

    @property
    def begun(self) -> bool:
        """Whether nothing new is taken on."""
        return self._waiters is not None

    def stop(self) -> Deferred[None]:
        """Hang everything up, then give every account up; fires when that is done, or has taken too long.

        Every call has been finalized on the bus by then.
        """
        waiter: Deferred[None] = Deferred()
        if self._waiters is not None:
            self._waiters.append(waiter)
            self.check()
            return waiter
        self._waiters = [waiter]
        self._patience(self._abandon_calls)
        for line in list(self._calls.values()):
            line.hang_up(STOPPING)
        self.check()
        return waiter

    def check(self) -> None:
        """Go on if what is waited for is done: first the calls, then the accounts."""
        if self._waiters is None or self._calls:
            return
        if not self._leaving:
            # Not before the calls are over: a BYE may still need the account's credentials and route.
            self._leaving = True
            self._patience(self._abandon_accounts)
            for account in list(self._accounts.values()):
                account.unregister()
        if self._accounts:
            return
        self._patience(None)
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            # A turn later, after the bus has delivered the last CallFinalized.
            self._clock.callLater(0.0, waiter.callback, None)

    def _patience(self, then: Callable[[], None] | None) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None if then is None else self._clock.callLater(self._seconds, then)

    def _abandon_calls(self) -> None:
        for line in list(self._calls.values()):
            self._log.info("call {call_id}: not waited for any longer", call_id=line.call_id)
            line.ended(Cause(408, STOPPING))

    def _abandon_accounts(self) -> None:
        for account in list(self._accounts.values()):
            account.unregistered(Cause(408, STOPPING))
