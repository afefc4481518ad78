"""The shell around one account: feeds the machine and carries its actions out, as L{neon.line} does for a call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from twisted.logger import Logger

from neon.bus import Bus
from neon.line import INTERNAL_ERROR
from neon.model.account import Account
from neon.model.actions import AccountAction, Announce, StartRegistration, StopRegistration
from neon.ports import Signalling
from neon.values import AccountSettings, AccountSnapshot, Cause


class AccountLine:
    """One account: implements L{neon.ports.RegistrationListener}, and the verbs of the user."""

    _log = Logger()

    def __init__(
        self, account: Account, signalling: Signalling, bus: Bus, finished: Callable[[AccountLine], None]
    ) -> None:
        self._account = account
        self._signalling = signalling
        self._bus = bus
        self._finished = finished
        self._over = False

    @property
    def connection_id(self) -> int:
        return self._account.connection_id

    @property
    def settings(self) -> AccountSettings:
        return self._account.settings

    @property
    def bound(self) -> bool:
        """Whether calls can be placed."""
        return self._account.bound

    @property
    def leaving(self) -> bool:
        """Whether it was given up."""
        return self._account.leaving

    def snapshot(self) -> AccountSnapshot:
        return self._account.snapshot()

    def register(self, settings: AccountSettings) -> None:
        """Register, in place of what was there; what only the configuration can say of an account stays as it was."""
        if settings.name is None:
            before = self._account.settings
            settings = replace(settings, name=before.name, rules=before.rules)
        self._account.inputs.register(settings)
        self._run()

    def unregister(self) -> None:
        """Give the account up."""
        self._account.inputs.unregister()
        self._run()

    def registered(self, renewed: bool) -> None:
        self._account.inputs.registered(renewed)
        self._run()

    def refused(self, cause: Cause) -> None:
        self._account.inputs.refused(cause)
        self._run()

    def failed(self, cause: Cause) -> None:
        self._account.inputs.failed(cause)
        self._run()

    def timed_out(self, cause: Cause) -> None:
        self._account.inputs.timed_out(cause)
        self._run()

    def lapsed(self, cause: Cause) -> None:
        self._account.inputs.lapsed(cause)
        self._run()

    def unregistered(self, cause: Cause) -> None:
        self._account.inputs.unregistered(cause)
        self._run()

    def _run(self) -> None:
        while actions := self._account.take_actions():
            for action in actions:
                self._attempt(action)
        if self._account.gone and not self._over:
            self._over = True
            self._finished(self)

    def _attempt(self, action: AccountAction) -> None:
        try:
            self._carry_out(action)
        except Exception:
            self._log.failure(
                "account {connection_id}: {action} failed", connection_id=self.connection_id, action=action
            )
            if isinstance(action, StartRegistration):
                self._account.inputs.failed(INTERNAL_ERROR)
            elif isinstance(action, StopRegistration):
                self._account.inputs.unregistered(INTERNAL_ERROR)

    def _carry_out(self, action: AccountAction) -> None:
        match action:
            case Announce(event):
                self._bus.publish(event)
            case StartRegistration(settings):
                self._signalling.register(self.connection_id, settings, self)
            case StopRegistration():
                self._signalling.unregister(self.connection_id)
