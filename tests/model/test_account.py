"""The registration machine: as a conversation, and through every order of its inputs."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TypeAlias

from automat import NoTransition
from twisted.trial.unittest import SynchronousTestCase

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
from neon.model.account import Account, AccountInputs
from neon.model.actions import AccountAction, Announce, StartRegistration, StopRegistration
from neon.values import AccountSettings, Cause, RegistrationState

SETTINGS = AccountSettings("sip.acme.com", "31", "very secret")
OTHER_SETTINGS = AccountSettings("sip.acme.com", "31", "another secret", display_name="Ana")

NONE = Cause()
FORBIDDEN = Cause(403, "Forbidden")
TIMEOUT = Cause(408, "Request Timeout")
BROKEN = Cause(500, "Server Internal Error")


def process(kind: Callable[[int, Cause], RegistrationEvent], cause: Cause = NONE) -> list[AccountAction]:
    """How a process ends: the event that says how, and the one that says so."""
    return [Announce(kind(7, cause)), Announce(RegistrationFinalized(7, cause))]


class ConversationTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.account = Account(7, SETTINGS)
        self.inputs = self.account.inputs
        self.inputs.register(SETTINGS)
        self.assert_taken([StartRegistration(SETTINGS)])

    def assert_taken(self, actions: list[AccountAction], state: RegistrationState | None = None) -> None:
        self.assertEqual(self.account.take_actions(), actions)
        if state is not None:
            self.assertIs(self.account.snapshot().state, state)

    def bind(self) -> None:
        self.inputs.registered(False)
        self.assert_taken(process(Registered), RegistrationState.REGISTERED)

    def test_registered(self) -> None:
        """A 2xx is told once; the account can place calls."""
        self.assertFalse(self.account.bound)
        self.bind()
        self.assertTrue(self.account.bound)

    def test_refresh(self) -> None:
        """A silent, successful refresh sends nothing."""
        self.bind()
        self.inputs.registered(True)
        self.assert_taken([], RegistrationState.REGISTERED)

    def test_refused(self) -> None:
        """A refusal is told with its status and not tried again; a new try is a new process."""
        self.inputs.refused(FORBIDDEN)
        self.assert_taken(process(RegistrationRefused, FORBIDDEN), RegistrationState.REFUSED)
        self.inputs.register(OTHER_SETTINGS)
        self.assert_taken([StartRegistration(OTHER_SETTINGS)], RegistrationState.REGISTERING)

    def test_refresh_refused(self) -> None:
        """A refusal of a refresh takes the account away."""
        self.bind()
        self.inputs.refused(FORBIDDEN)
        self.assert_taken(process(RegistrationRefused, FORBIDDEN), RegistrationState.REFUSED)
        self.assertFalse(self.account.bound)

    def test_failed_and_recovered(self) -> None:
        """A failure is told once, however often it is tried again; the recovery sends Registered."""
        self.inputs.failed(BROKEN)
        self.assert_taken(process(RegistrationFailed, BROKEN), RegistrationState.RETRYING)
        self.inputs.failed(BROKEN)
        self.inputs.timed_out(TIMEOUT)
        self.assert_taken([], RegistrationState.RETRYING)
        self.bind()

    def test_timed_out(self) -> None:
        """No answer is told as expired."""
        self.inputs.timed_out(TIMEOUT)
        self.assert_taken(process(RegistrationExpired, TIMEOUT), RegistrationState.RETRYING)

    def test_lapsed_and_recovered(self) -> None:
        """A failed refresh is no news before the binding lapses; then it is, and so is the recovery."""
        self.bind()
        self.inputs.timed_out(TIMEOUT)
        self.inputs.failed(BROKEN)
        self.assert_taken([], RegistrationState.REGISTERED)
        self.assertTrue(self.account.bound)
        self.inputs.lapsed(TIMEOUT)
        self.assert_taken(process(RegistrationExpired, TIMEOUT), RegistrationState.RETRYING)
        self.assertFalse(self.account.bound)
        self.bind()

    def test_registrar_lost_the_binding(self) -> None:
        """A binding that the registrar had forgotten and has again is told."""
        self.bind()
        self.inputs.registered(False)
        self.assert_taken(process(Registered), RegistrationState.REGISTERED)

    def test_unregistered(self) -> None:
        """Un-registering is a process of its own; nothing more happens after it."""
        self.bind()
        self.inputs.unregister()
        self.assert_taken([StopRegistration()], RegistrationState.UNREGISTERED)
        self.assertFalse(self.account.bound)
        self.assertTrue(self.account.leaving)
        self.assertFalse(self.account.gone)
        self.inputs.unregistered(TIMEOUT)
        self.assert_taken(process(Unregistered, TIMEOUT), RegistrationState.UNREGISTERED)
        self.assertTrue(self.account.gone)
        self.assertRaises(NoTransition, self.inputs.unregister)
        self.assertRaises(NoTransition, self.inputs.register, SETTINGS)

    def test_cancelled(self) -> None:
        """Given up before it finished: cancelled, and there is no un-registration to tell."""
        self.inputs.unregister()
        self.assert_taken([*process(RegistrationCancelled), StopRegistration()], RegistrationState.UNREGISTERED)
        self.inputs.registered(False)
        self.assert_taken([], RegistrationState.UNREGISTERED)
        self.assertFalse(self.account.bound)
        self.inputs.unregistered(NONE)
        self.assert_taken([], RegistrationState.UNREGISTERED)
        self.assertTrue(self.account.gone)

    def test_cancelled_while_retrying(self) -> None:
        """The silent attempts after a failure are given up the same way."""
        self.inputs.failed(BROKEN)
        self.account.take_actions()
        self.inputs.unregister()
        self.assert_taken([*process(RegistrationCancelled), StopRegistration()])

    def test_unregister_twice(self) -> None:
        """The second wish changes nothing."""
        self.bind()
        self.inputs.unregister()
        self.account.take_actions()
        self.inputs.unregister()
        self.assert_taken([])

    def test_new_settings(self) -> None:
        """New settings over a live binding: it stays usable until the outcome, which is told."""
        self.bind()
        self.inputs.register(OTHER_SETTINGS)
        self.assert_taken([StartRegistration(OTHER_SETTINGS)], RegistrationState.REGISTERING)
        self.assertTrue(self.account.bound)
        self.assertEqual(self.account.snapshot().display_name, "Ana")
        self.bind()

    def test_new_settings_given_up(self) -> None:
        """Given up meanwhile: the new process is cancelled, and the old binding un-registered."""
        self.bind()
        self.inputs.register(OTHER_SETTINGS)
        self.account.take_actions()
        self.inputs.unregister()
        self.assert_taken([*process(RegistrationCancelled), StopRegistration()])
        self.inputs.unregistered(NONE)
        self.assert_taken(process(Unregistered))

    def test_started_over(self) -> None:
        """Settings that replace others under way end that process."""
        self.inputs.register(OTHER_SETTINGS)
        self.assert_taken([*process(RegistrationCancelled), StartRegistration(OTHER_SETTINGS)])
        self.bind()


Input: TypeAlias = tuple[str, Callable[[AccountInputs], None]]

INPUTS: list[Input] = [
    ("register", lambda account: account.register(SETTINGS)),
    ("unregister", lambda account: account.unregister()),
    ("registered", lambda account: account.registered(False)),
    ("renewed", lambda account: account.registered(True)),
    ("refused", lambda account: account.refused(FORBIDDEN)),
    ("failed", lambda account: account.failed(BROKEN)),
    ("timed_out", lambda account: account.timed_out(TIMEOUT)),
    ("lapsed", lambda account: account.lapsed(TIMEOUT)),
    ("unregistered", lambda account: account.unregistered(NONE)),
]

OUTCOMES = (Registered, RegistrationRefused, RegistrationFailed, RegistrationExpired, Unregistered)
TROUBLE = (RegistrationFailed, RegistrationExpired)

LENGTH = 5


class EveryOrderTests(SynchronousTestCase):
    def test_every_order(self) -> None:
        """No order of inputs breaks what the machine promises whatever happens."""
        for sequence in itertools.product(INPUTS, repeat=LENGTH):
            self.walk(sequence)

    def walk(self, sequence: tuple[Input, ...]) -> None:
        account = Account(7, SETTINGS)
        actions: list[AccountAction] = []
        names = []
        for name, give in sequence:
            names.append(name)
            gone, leaving = account.gone, account.leaving
            try:
                give(account.inputs)
            except NoTransition:
                if name == "register" and leaving:
                    continue
                if name == "unregister" and (gone or not actions):
                    continue
                self.fail(f"{name} was refused: {names}")
            taken = account.take_actions()
            if gone and taken:
                self.fail(f"{taken} after the end: {names}")
            actions += taken
        broken = self.broken_promise(account, actions)
        if broken:
            self.fail(f"{broken}: {names} led to {actions}")

    def broken_promise(self, account: Account, actions: list[AccountAction]) -> str | None:
        events = [action.event for action in actions if isinstance(action, Announce)]
        for how, end in itertools.zip_longest(events[::2], events[1::2]):
            if not isinstance(end, RegistrationFinalized) or isinstance(how, RegistrationFinalized):
                return "each process ends with how and RegistrationFinalized"
            assert isinstance(how, RegistrationEvent)
            if how.cause != end.cause:
                return "both say the same cause"
        outcomes = [type(event) for event in events if isinstance(event, OUTCOMES)]
        if account.bound != (outcomes[-1:] == [Registered] and not account.leaving):
            return "bound after Registered, until told otherwise"
        state = account.snapshot().state
        if account.gone and state is not RegistrationState.UNREGISTERED:
            return "gone means unregistered"
        if actions and not account.leaving and state is RegistrationState.UNREGISTERED:
            return "an account that was not given up is never unregistered"
        if [type(action) for action in actions].count(StopRegistration) > 1:
            return "un-registered twice"
        troubled = False
        for action in actions:
            if isinstance(action, Announce) and isinstance(action.event, TROUBLE):
                if troubled:
                    return "trouble is told once"
                troubled = True
            elif isinstance(action, StartRegistration) or (
                isinstance(action, Announce) and isinstance(action.event, Registered)
            ):
                troubled = False
        return None
