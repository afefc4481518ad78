"""The phone: what an application can ask of NEON, and where calls and accounts live.

It decides nothing about a call; the machines of L{neon.model} do, and L{neon.line} carries their actions out.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from automat import NoTransition
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from neon.accountline import AccountLine
from neon.bus import Bus
from neon.callcontrol import CallControl
from neon.closing import Closing
from neon.conference import Conference
from neon.details import NO_DETAILS, NO_RULES, CallDetails, ForwardKind, Headers, IncomingRules, Referral
from neon.errors import InvalidArgument, NotRegistered
from neon.events import CallClaimed, RulesChanged
from neon.headers import is_allowed
from neon.line import CallLine, Invite
from neon.model.account import Account
from neon.model.call import Call
from neon.model.facts import CallFacts
from neon.ports import (
    CallListener,
    Clock,
    Ids,
    IncomingCall,
    Media,
    MediaStream,
    MediaUnavailable,
    Signalling,
    SignallingCall,
)
from neon.reception import Reception, ReceptionSettings
from neon.rulebook import Rulebook
from neon.values import (
    AccountOptions,
    AccountSettings,
    AccountSnapshot,
    CallSnapshot,
    Cause,
    Direction,
    LocalMedia,
)
from neon.watching import Watching

UNAVAILABLE = 503


@dataclass(frozen=True, slots=True)
class PhoneSettings(ReceptionSettings):
    """C{remember_ended}: seconds in which ending an ended call again is a success. C{stop_patience}: seconds that
    L{Phone.stop} waits for calls, and then again for registrars.
    """

    remember_ended: float = 30.0
    stop_patience: float = 3.0


class Phone:
    """Implements L{neon.ports.IncomingCallListener}; its other methods are the verbs of L{neon.commands}."""

    _log = Logger()

    def __init__(
        self,
        signalling: Signalling,
        media: Media,
        bus: Bus,
        ids: Ids,
        clock: Clock,
        settings: PhoneSettings = PhoneSettings(),
    ) -> None:
        self._signalling = signalling
        self._media = media
        self._bus = bus
        self._ids = ids
        self._clock = clock
        self._settings = settings
        self._calls: dict[int, CallLine] = {}
        self._ended: dict[int, float] = {}
        self.control = CallControl(self._calls, signalling, self._follow)
        self.conference = Conference(self._calls, bus)
        self.rules = Rulebook()
        self.watching = Watching(bus, signalling, self.accounts)
        self._accounts: dict[int, AccountLine] = {}
        self._reception = Reception(
            self._calls,
            signalling,
            media,
            bus,
            ids,
            settings,
            add=self.let_in,
            rules_of=self.incoming_rules,
            options_of=self._options,
        )
        self._closing = Closing(self._calls, self._accounts, clock, settings.stop_patience)
        self.on_dialog: Callable[[int, SignallingCall], None] = lambda call_id, signalling: None
        """Hears which signalling side each call has, as soon as it has one."""
        self.barred: Callable[[str], bool] = lambda target: False
        """Whether nobody else may have us call this."""

    @property
    def bus(self) -> Bus:
        """Where what happens is published."""
        return self._bus

    # Accounts

    @property
    def is_registered(self) -> bool:
        """Whether at least one account can place calls."""
        return any(account.bound for account in self._accounts.values())

    def accounts(self) -> tuple[AccountSnapshot, ...]:
        """The accounts as they are now, oldest first."""
        return tuple(account.snapshot() for account in self._accounts.values())

    def account(self, connection_id: int) -> AccountSnapshot | None:
        """One account as it is now, None if it is gone."""
        account = self._accounts.get(connection_id)
        return None if account is None else account.snapshot()

    def account_uri(self, connection_id: int) -> str:
        """The address of record of an account, empty for one that is gone."""
        account = self._accounts.get(connection_id)
        return "" if account is None else account.settings.uri

    def register(self, settings: AccountSettings) -> int:
        """Register an account and keep it registered; returns its connectionId.

        The address of record of an account we have keeps its connectionId and gets the new settings.
        """
        if self._closing.begun:
            raise NotRegistered("NEON is stopping")
        for account in self._accounts.values():
            if _address_of_record(account.settings) == _address_of_record(settings) and not account.leaving:
                account.register(settings)
                return account.connection_id
        connection_id = self._ids.next_connection_id()
        account = AccountLine(Account(connection_id, settings), self._signalling, self._bus, self._account_gone)
        self._accounts[connection_id] = account
        account.register(settings)
        return connection_id

    def unregister(self, connection_id: int, *, end_calls: bool = False) -> None:
        """Give an account up; its calls go on unless C{end_calls}.

        @raise InvalidArgument: there is no such account.
        """
        account = self._account(connection_id)
        if end_calls:
            for line in list(self._calls.values()):
                if line.snapshot().connection_id == connection_id:
                    line.hang_up("the account was given up")
        account.unregister()

    def settings_of(self, connection_id: int) -> AccountSettings:
        """What an account was registered with, its password too.

        @raise InvalidArgument: there is no such account.
        """
        return self._account(connection_id).settings

    def _account(self, connection_id: int) -> AccountLine:
        try:
            return self._accounts[connection_id]
        except KeyError:
            raise InvalidArgument(f"there is no account with connectionId {connection_id}") from None

    def _account_gone(self, account: AccountLine) -> None:
        self._accounts.pop(account.connection_id, None)
        self._closing.check()

    # Calls

    @property
    def now(self) -> float:
        """This moment, in seconds of the clock that the times in snapshots are of."""
        return self._clock.seconds()

    def calls(self) -> tuple[CallSnapshot, ...]:
        """The calls that have not ended, oldest first."""
        return tuple(line.snapshot() for line in self._calls.values())

    def call(self, call_id: int) -> CallSnapshot | None:
        """One of them; None is over, or was never there."""
        line = self._calls.get(call_id)
        return None if line is None else line.snapshot()

    def start_call(
        self,
        number: str,
        connection_id: int | None = None,
        *,
        preferred: Collection[int] = (),
        headers: Headers = (),
    ) -> int:
        """Call C{number} (as L{neon.dialling.parse} returns it); returns the callId at once.

        The account is C{connection_id}, else the first registered one of C{preferred}, else the first registered.
        C{headers}, well formed, go with the INVITE.

        @raise InvalidArgument: there is no such account, or a header that may not be sent.
        @raise NotRegistered: it is not registered, or none is.
        """
        for name, _ in headers:
            if not is_allowed(name, self._settings.headers_out):
                raise InvalidArgument(f"the header {name} is not among those that may be sent (headers-out)")
        account = self.account_to_call_with(connection_id, preferred)
        callee = self.target_uri(account.connection_id, number)
        return self._place(account.connection_id, account.settings.uri, callee, number, headers)

    def target_uri(self, connection_id: int, number: str) -> str:
        """The bare SIP URI that L{start_call} would call for C{number} by that account."""
        return self._signalling.target_uri(connection_id, number)

    def _follow(self, line: CallLine, wish: Referral) -> None:
        """Call whom the far end of a call wishes us to call, by the same account."""
        old = line.snapshot()
        if self.barred(wish.target):
            line.referral_went(403, "not from here")
            return
        caller = self.account_uri(old.connection_id)
        callee = self.target_uri(old.connection_id, wish.target)
        details = CallDetails(replaces=old.call_id, referred_by=wish.by)
        self._place(
            old.connection_id, caller, callee, wish.target, wish.headers, details=details, watch=line.referral_went
        )

    def _place(
        self,
        account_id: int,
        caller: str,
        callee: str,
        number: str,
        headers: Headers,
        *,
        details: CallDetails = NO_DETAILS,
        watch: Callable[[int, str], None] = lambda status, reason: None,
    ) -> int:
        own = self._options(account_id)
        facts = CallFacts(
            self._ids.next_call_id(),
            account_id,
            Direction.OUTGOING,
            caller,
            callee,
            display_name=None,
            digits_by=own.dtmf or self._settings.digits_by,
            details=details,
            refer_policy=self._settings.refer,
        )

        def invite(listener: CallListener, media: LocalMedia) -> SignallingCall:
            signalling = self._signalling.invite(account_id, number, media.of_account(own), listener, headers)
            self.on_dialog(facts.call_id, signalling)
            return signalling

        try:
            stream = self._media.open(facts.call_id)
        except MediaUnavailable as error:
            self._log.warn("call {call_id}: no media: {error}", call_id=facts.call_id, error=error)
            line = self._add(facts, None, watch=watch)
            line.fail(Cause(UNAVAILABLE, str(error) or "no media port is left"))
        else:
            line = self._add(facts, stream, invite=invite, watch=watch)
            line.begin()
        return facts.call_id

    def account_to_call_with(self, connection_id: int | None, preferred: Collection[int]) -> AccountLine:
        """The account that L{start_call} would use; raises as it does."""
        if self._closing.begun:
            raise NotRegistered("NEON is stopping")
        if connection_id is not None:
            account = self._account(connection_id)
            if not account.bound:
                raise NotRegistered(f"the account with connectionId {connection_id} is not registered")
            return account
        own = (self._accounts[one] for one in sorted(preferred) if one in self._accounts)
        chosen = next((account for account in (*own, *self._accounts.values()) if account.bound), None)
        if chosen is None:
            raise NotRegistered("no SIP account is registered")
        return chosen

    def accept_call(self, call_id: int, application: str = "", claimant: str = "") -> bool:
        """Answer an incoming call; returns whether it had been answered before.

        The first C{claimant}, which is a client of C{application}, has claimed the call.

        @raise InvalidArgument: there is no such call, or it is none that can be answered.
        """
        line = self._line(call_id)
        already = line.accepted
        try:
            line.accept()
        except NoTransition:
            raise InvalidArgument(f"call {call_id} cannot be answered in its state") from None
        if claimant and not already and call_id in self._calls:
            self._claimed(line.snapshot(), application, claimant)
        return already

    def _claimed(self, call: CallSnapshot, application: str, claimant: str) -> None:
        who = (call.call_id, call.connection_id, call.direction, call.caller, call.callee, call.display_name)
        self._bus.publish(CallClaimed(*who, application, claimant))

    def finalize_call(self, call_id: int) -> None:
        """Cancel, refuse or hang up, whichever fits; succeeds again for a call that ended a short while ago.

        @raise InvalidArgument: there is no such call.
        """
        self._forget_ended()
        if call_id in self._ended:
            return
        self._line(call_id).hang_up("ended by the user")

    def silent(self, call_id: int) -> None:
        """The media side heard nothing of this call for a long while: end it, unless it is on hold or gone."""
        line = self._calls.get(call_id)
        if line is not None and line.expects_audio:
            line.hang_up("no audio from the far end")

    def incoming(self, call: IncomingCall, signalling: SignallingCall) -> tuple[CallListener, LocalMedia] | int | None:
        """Ring, or say why not (L{neon.ports.IncomingCallListener})."""
        self._reception.closed = self._closing.begun
        return self._reception.incoming(call, signalling)

    def let_in(self, facts: CallFacts, stream: MediaStream, signalling: SignallingCall) -> CallLine:
        """Keep an incoming call, whose line is about to begin."""
        self.on_dialog(facts.call_id, signalling)
        return self._add(facts, stream, signalling=signalling)

    # What becomes of calls to come

    def incoming_rules(self, connection_id: int) -> IncomingRules:
        """What holds for an account now."""
        account = self._accounts.get(connection_id)
        return NO_RULES if account is None else self.rules.effective(account.settings.uri, account.settings.rules)

    def set_dnd(self, connection_id: int | None, on: bool) -> None:
        """Refuse the calls to an account, or to all, or no longer.

        @raise InvalidArgument: there is no such account.
        """
        address = self._address(connection_id)
        with self._telling_rules():
            self.rules.set_dnd(address, on)

    def set_forward(
        self, connection_id: int | None, kind: ForwardKind, target: str | None, seconds: int | None = None
    ) -> None:
        """Send the calls to an account, or to all, to a number (as L{neon.dialling.parse} returns it), or no longer.

        @raise InvalidArgument: there is no such account.
        """
        address = self._address(connection_id)
        with self._telling_rules():
            self.rules.set_forward(address, kind, target, seconds)

    @contextmanager
    def _telling_rules(self) -> Iterator[None]:
        before = {number: self.incoming_rules(number) for number in self._accounts}
        yield
        for number, rules in before.items():
            if (now := self.incoming_rules(number)) != rules:
                self.bus.publish(RulesChanged(number, now))

    def _address(self, connection_id: int | None) -> str | None:
        return None if connection_id is None else self._account(connection_id).settings.uri

    def _options(self, connection_id: int) -> AccountOptions:
        account = self._accounts.get(connection_id)
        return AccountOptions() if account is None else account.settings.options

    def _add(
        self,
        facts: CallFacts,
        stream: MediaStream | None,
        *,
        signalling: SignallingCall | None = None,
        invite: Invite | None = None,
        watch: Callable[[int, str], None] = lambda status, reason: None,
    ) -> CallLine:
        line = self._calls[facts.call_id] = CallLine(
            Call(facts),
            stream,
            self._bus,
            self._clock,
            self._call_over,
            signalling=signalling,
            invite=invite,
            neighbours=self.control,
            watch=watch,
        )
        return line

    def account_called(self, call_id: int) -> AccountSnapshot | None:
        """The account that a call is with, None if there is no such call or account any more."""
        line = self._calls.get(call_id)
        return None if line is None else self.account(line.connection_id)

    def _line(self, call_id: int) -> CallLine:
        try:
            return self._calls[call_id]
        except KeyError:
            raise InvalidArgument(f"there is no call {call_id}, or it has ended") from None

    def _call_over(self, line: CallLine) -> None:
        del self._calls[line.call_id]
        self.remember_ended(line.call_id)
        self._closing.check()

    def remember_ended(self, call_id: int) -> None:
        """For a while, ending this call is a success: it has ended."""
        self._forget_ended()
        self._ended[call_id] = self._clock.seconds()

    def _forget_ended(self) -> None:
        """Drop what is too old; the dictionary is in the order of ending."""
        horizon = self._clock.seconds() - self._settings.remember_ended
        while self._ended and self._ended[next(iter(self._ended))] <= horizon:
            del self._ended[next(iter(self._ended))]

    # The end

    def stop(self) -> Deferred[None]:
        """Hang everything up, then give every account up; fires when that is done, or has taken too long.

        Every call has been finalized on the bus by then.
        """
        return self._closing.stop()


def _address_of_record(settings: AccountSettings) -> tuple[str, str, int]:
    """What makes two settings the same account (RFC 3261, section 19.1.4: hosts in any case, users not)."""
    return settings.number, settings.domain.lower(), settings.port or 5060
