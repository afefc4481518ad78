"""How the registration of one account goes: a typed Automat machine from facts to the events of spec section 2.

The signalling side tells facts (L{neon.ports.RegistrationListener}), legal in every state; the machine decides
which of them are news. A I{process} is a registration, the recovery of one, or an un-registration; each ends with
exactly one RegistrationFinalized, right after the event that says how:

  - registering: Registered, RegistrationRefused, RegistrationFailed or RegistrationExpired;
  - a registration that failed is tried again, silently; that is a process too, which ends with Registered,
    with RegistrationRefused, or when we give up;
  - given up before it ended, or started over with new settings: RegistrationCancelled;
  - a binding that lapsed: RegistrationExpired, and its recovery begins;
  - un-registering: Unregistered, also when the registrar kept silent (the cause then says so).

A refresh that went well is no news; neither is one that failed while the binding is still alive.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from automat import TypeMachineBuilder

from neon.events import (
    Registered,
    RegistrationCancelled,
    RegistrationEvent,
    RegistrationExpired,
    RegistrationFailed,
    RegistrationFinalized,
    RegistrationRefused,
    Unregistered,
)
from neon.model import machine
from neon.model.actions import AccountAction, Announce, StartRegistration, StopRegistration
from neon.values import AccountSettings, AccountSnapshot, Cause, RegistrationState

NO_CAUSE = Cause()


class AccountInputs(Protocol):
    """Everything that can happen to an account."""

    def register(self, settings: AccountSettings) -> None:
        """The user wants the account registered with these settings, now. Refused once it was given up."""

    def unregister(self) -> None:
        """The user gives the account up. Does nothing if that is under way, refused when it is over."""

    def registered(self, renewed: bool) -> None:
        """The registrar has our binding; C{renewed} if it never lost it."""

    def refused(self, cause: Cause) -> None:
        """The registrar does not want us; it is not tried again."""

    def failed(self, cause: Cause) -> None:
        """DNS, network or 5xx; it is tried again."""

    def timed_out(self, cause: Cause) -> None:
        """No answer; it is tried again."""

    def lapsed(self, cause: Cause) -> None:
        """The binding ran out before a refresh succeeded; it is tried again."""

    def unregistered(self, cause: Cause) -> None:
        """The binding is gone as asked; nothing more is tried."""


@dataclass
class AccountFacts:
    """What is known of one account, and what is to be done next.

    C{bound} is whether the registrar has a binding of ours, C{leaving} whether the account was given up, and
    C{gone} whether that is over.
    """

    connection_id: int
    settings: AccountSettings
    state: RegistrationState = RegistrationState.UNREGISTERED
    bound: bool = False
    leaving: bool = False
    gone: bool = False
    actions: list[AccountAction] = field(default_factory=list)

    def end_process(self, how: Callable[[int, Cause], RegistrationEvent], cause: Cause) -> None:
        """Tell how a process went, and that it is over."""
        self.actions.append(Announce(how(self.connection_id, cause)))
        self.actions.append(Announce(RegistrationFinalized(self.connection_id, cause)))


class Account:
    """One account: its inputs, its facts as a snapshot, and the actions they led to."""

    def __init__(self, connection_id: int, settings: AccountSettings) -> None:
        self._facts = AccountFacts(connection_id, settings)
        self.inputs: AccountInputs = _MACHINE(self._facts)

    @property
    def connection_id(self) -> int:
        return self._facts.connection_id

    @property
    def settings(self) -> AccountSettings:
        return self._facts.settings

    @property
    def bound(self) -> bool:
        """Whether calls can be placed: the registrar has our binding."""
        return self._facts.bound

    @property
    def leaving(self) -> bool:
        """Whether it was given up; whoever registers the same address again gets another account."""
        return self._facts.leaving

    @property
    def gone(self) -> bool:
        """Whether nothing more will happen."""
        return self._facts.gone

    def take_actions(self) -> list[AccountAction]:
        """The actions since the last time, in order."""
        actions, self._facts.actions = self._facts.actions, []
        return actions

    def snapshot(self) -> AccountSnapshot:
        """The account as it is now."""
        facts, settings = self._facts, self._facts.settings
        return AccountSnapshot(
            facts.connection_id, settings.uri, settings.display_name, facts.state, settings.name, settings.options
        )


# Effects. Their names are what Automat's diagrams show.


def _start(account: AccountInputs, facts: AccountFacts, settings: AccountSettings) -> None:
    facts.settings = settings
    facts.state = RegistrationState.REGISTERING
    facts.actions.append(StartRegistration(settings))


def _start_over(account: AccountInputs, facts: AccountFacts, settings: AccountSettings) -> None:
    facts.end_process(RegistrationCancelled, NO_CAUSE)
    _start(account, facts, settings)


def _stop(account: AccountInputs, facts: AccountFacts) -> None:
    facts.state = RegistrationState.UNREGISTERED
    facts.bound = False
    facts.leaving = True
    facts.actions.append(StopRegistration())


def _give_up(account: AccountInputs, facts: AccountFacts) -> None:
    facts.end_process(RegistrationCancelled, NO_CAUSE)
    _stop(account, facts)


def _succeed(account: AccountInputs, facts: AccountFacts, renewed: bool) -> None:
    facts.state = RegistrationState.REGISTERED
    facts.bound = True
    facts.end_process(Registered, NO_CAUSE)


def _refresh(account: AccountInputs, facts: AccountFacts, renewed: bool) -> None:
    # Not renewed: the registrar had lost the binding (it restarted, say) and nobody told; now it is back.
    if not renewed:
        facts.end_process(Registered, NO_CAUSE)


def _be_refused(account: AccountInputs, facts: AccountFacts, cause: Cause) -> None:
    facts.state = RegistrationState.REFUSED
    facts.bound = False
    facts.end_process(RegistrationRefused, cause)


def _fail(account: AccountInputs, facts: AccountFacts, cause: Cause) -> None:
    facts.state = RegistrationState.RETRYING
    facts.bound = False
    facts.end_process(RegistrationFailed, cause)


def _expire(account: AccountInputs, facts: AccountFacts, cause: Cause) -> None:
    facts.state = RegistrationState.RETRYING
    facts.bound = False
    facts.end_process(RegistrationExpired, cause)


def _vanish(account: AccountInputs, facts: AccountFacts, cause: Cause) -> None:
    facts.state = RegistrationState.UNREGISTERED
    facts.bound = False
    facts.leaving = facts.gone = True


def _leave(account: AccountInputs, facts: AccountFacts, cause: Cause) -> None:
    _vanish(account, facts, cause)
    facts.end_process(Unregistered, cause)


def _be_dropped(account: AccountInputs, facts: AccountFacts, cause: Cause) -> None:
    _vanish(account, facts, cause)
    facts.end_process(RegistrationCancelled, cause)


def _build() -> Callable[[AccountFacts], AccountInputs]:
    builder = TypeMachineBuilder(AccountInputs, AccountFacts)
    idle = builder.state("idle")
    registering = builder.state("registering")
    replacing = builder.state("replacing")  # registering anew over a binding that is alive
    registered = builder.state("registered")
    retrying = builder.state("retrying")
    refused = builder.state("refused")
    cancelling = builder.state("cancelling")  # given up without a binding: nothing more to tell
    unregistering = builder.state("unregistering")
    gone = builder.state("gone")

    for state in (idle, refused):
        state.upon(AccountInputs.register).to(registering)(_start)
    for state in (registering, retrying):
        state.upon(AccountInputs.register).to(registering)(_start_over)
    registered.upon(AccountInputs.register).to(replacing)(_start)
    replacing.upon(AccountInputs.register).loop()(_start_over)

    for state in (registering, retrying):
        state.upon(AccountInputs.unregister).to(cancelling)(_give_up)
    replacing.upon(AccountInputs.unregister).to(unregistering)(_give_up)
    for state in (registered, refused):
        state.upon(AccountInputs.unregister).to(unregistering)(_stop)
    for state in (cancelling, unregistering):
        state.upon(AccountInputs.unregister).loop().returns(None)

    for state in (registering, replacing, retrying, refused):
        state.upon(AccountInputs.registered).to(registered)(_succeed)
    registered.upon(AccountInputs.registered).loop()(_refresh)

    for state in (registering, replacing, registered, retrying):
        state.upon(AccountInputs.refused).to(refused)(_be_refused)
    for state in (registering, replacing):
        state.upon(AccountInputs.failed).to(retrying)(_fail)
        state.upon(AccountInputs.timed_out).to(retrying)(_expire)
    for state in (registering, replacing, registered):
        state.upon(AccountInputs.lapsed).to(retrying)(_expire)
    for state in (registered, retrying):
        state.upon(AccountInputs.failed).loop().returns(None)
        state.upon(AccountInputs.timed_out).loop().returns(None)
    retrying.upon(AccountInputs.lapsed).loop().returns(None)

    cancelling.upon(AccountInputs.unregistered).to(gone)(_vanish)
    unregistering.upon(AccountInputs.unregistered).to(gone)(_leave)
    # Nobody asked for these, but a binding that is said to be gone is gone.
    for state in (registered, refused):
        state.upon(AccountInputs.unregistered).to(gone)(_leave)
    for state in (registering, replacing, retrying):
        state.upon(AccountInputs.unregistered).to(gone)(_be_dropped)

    for state in (idle, cancelling, unregistering, gone):
        # A 2xx or a failure that crossed our giving up; the signalling side removes the binding it may have made.
        state.upon(AccountInputs.registered).loop().returns(None)
        state.upon(AccountInputs.refused).loop().returns(None)
        state.upon(AccountInputs.failed).loop().returns(None)
        state.upon(AccountInputs.timed_out).loop().returns(None)
        state.upon(AccountInputs.lapsed).loop().returns(None)
    refused.upon(AccountInputs.refused).loop().returns(None)
    refused.upon(AccountInputs.failed).loop().returns(None)
    refused.upon(AccountInputs.timed_out).loop().returns(None)
    refused.upon(AccountInputs.lapsed).loop().returns(None)
    for state in (idle, gone):
        state.upon(AccountInputs.unregistered).loop().returns(None)
    return machine.build(builder)


_MACHINE = _build()
