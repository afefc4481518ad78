"""SIP as the phone sees it: accounts and their calls on one endpoint. Implements L{neon.ports.Signalling}."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol

from sippy.SipRequest import SipRequest
from sippy.SipResponse import SipResponse
from sippy.SipURL import SipURL
from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import Logger

from neon.details import Headers
from neon.errors import InvalidArgument, NotRegistered
from neon.ports import (
    CallListener,
    Clock,
    IncomingCall,
    IncomingCallListener,
    RegistrationListener,
    SignallingCall,
)
from neon.records import DialogRecord
from neon.sip import extensions, identity, keepalive, messages
from neon.sip.accounttable import AccountTable
from neon.sip.agentaccount import AccountRegistration, AgentAccount
from neon.sip.digest import DigestClient
from neon.sip.door import DoorPolicy
from neon.sip.endpoint import OnRequest
from neon.sip.farewell import Farewells
from neon.sip.keepalive import KeepAlive
from neon.sip.moving import Moving
from neon.sip.pacing import Pacer
from neon.sip.registrar import Registration
from neon.sip.stack import CallSettings, NameResolver, ServerTransaction, SipEndpoint, Stack
from neon.sip.subscriptions import AccountSubscriptions, Subscriptions
from neon.sip.uac import Caller
from neon.sip.useragent import Callee, Invitation, Taken, UserAgent
from neon.values import AccountSettings, Address, Cause, Destination, LocalMedia

_log = Logger()


SPARE_CALLS = 16
"""So many calls beyond those that may live are heard out before they are refused."""


class AgentEndpoint(SipEndpoint, Protocol):
    """What the agent needs of L{neon.sip.endpoint.Endpoint}."""

    on_stray_response: Callable[[SipResponse, Destination], None] | None
    knows_dialog: Callable[[str], bool] | None
    on_flow_lost: Callable[[Destination, str], None] | None

    @property
    def address(self) -> Address: ...

    @property
    def points(self) -> tuple[Destination, ...]: ...

    def start(self) -> None: ...

    def stop(self) -> Deferred[None]: ...

    def forget_routes(self) -> None: ...

    def path(self, destination: Destination) -> Any: ...


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """C{calls}: how calls behave. C{direct_calls}: calls from anybody are taken, not only from the registrars.

    C{shutdown_seconds} bounds L{SipAgent.stop}, half of it for the calls and half for the registrations. C{headers_in}
    are the names of the header fields of an INVITE that applications get to see (L{neon.sip.identity.as_wanted}).
    C{keep_alive} is how the way back through a NAT is kept open (L{neon.sip.keepalive.beat}), or C{off}.
    """

    calls: CallSettings = field(default_factory=CallSettings)
    direct_calls: bool = False
    shutdown_seconds: float = 8.0
    headers_in: tuple[str, ...] = ()
    keep_alive: str = "crlf"
    keep_alive_seconds: float = keepalive.INTERVAL


MakeEndpoint = Callable[[DoorPolicy, OnRequest], AgentEndpoint]
MakeRegistration = Callable[[AgentEndpoint, AccountSettings, RegistrationListener], AccountRegistration]


class SipAgent:
    """The SIP side of the phone.

    C{make_endpoint} gets the door's policy and the handler of requests; C{make_registration} is the registrar
    client's constructor. C{incoming_listener} is set to the phone before L{start},
    C{audio_locating} to what says whether the public addresses of audio are being asked for, if anything asks.
    """

    def __init__(
        self,
        make_endpoint: MakeEndpoint,
        resolver: NameResolver,
        clock: Clock,
        settings: AgentSettings = AgentSettings(),
        *,
        make_registration: MakeRegistration | None = None,
    ) -> None:
        self.incoming_listener: IncomingCallListener | None = None
        self._clock = clock
        self._settings = settings
        self._accounts = AccountTable()
        self._leaving: list[AgentAccount] = []
        pacer = Pacer(clock)
        self._make_registration = make_registration or (
            lambda endpoint, account, listener: Registration(
                endpoint, resolver, clock, account, listener, keep_alive=self._keep_alive, pacer=pacer
            )
        )
        calls = settings.calls.max_calls
        door = DoorPolicy(
            trusted=self.trusted,
            direct_calls=settings.direct_calls,
            # One proxy brings all the calls that may ring at once.
            pending_invites_per_source=max(4, calls),
            pending_invites=max(16, calls),
            supported=extensions.KNOWN,
        )
        self._endpoint = make_endpoint(door, self._on_request)
        self._keep_alive = None
        if settings.keep_alive != "off":
            beat = partial(keepalive.beat, self._endpoint, settings.keep_alive)
            self._keep_alive = KeepAlive(clock, beat, settings.keep_alive_seconds)
        # Who is one too many is the phone's to say: it may forward the call, or another one may be taking its place.
        room = replace(settings.calls, max_calls=calls + SPARE_CALLS)
        stack = Stack(self._endpoint, resolver, clock, room)
        self._calls = UserAgent(
            stack,
            self._take_call,
            callee_for=self._callee_for,
            handle_other=self._handle_other,
        )
        self.audio_locating: Callable[[], bool] = lambda: False
        self._moving = Moving(clock, lambda: self._calls.relocate(self._contact_now), self._locating)
        self._farewells = Farewells(stack, self._digest_of)
        self.subscriptions = Subscriptions(stack, self._subscriber)
        self._endpoint.on_stray_response = self._stray
        self._endpoint.knows_dialog = self._knows
        self._endpoint.on_flow_lost = self._flow_lost

    @property
    def address(self) -> Address:
        """Where SIP is listened for."""
        return self._endpoint.address

    @property
    def points(self) -> tuple[Destination, ...]:
        """Everywhere that SIP is listened for."""
        return self._endpoint.points

    @property
    def live_calls(self) -> int:
        """How many calls have not ended on the network."""
        return self._calls.live_calls

    def start(self) -> None:
        """Bind.

        @raise twisted.internet.error.CannotListenError: the address is taken or not ours.
        """
        self._endpoint.start()

    def stop(self) -> Deferred[None]:
        """End every call, give up every registration, close the socket; within C{shutdown_seconds}."""
        within = self._settings.shutdown_seconds / 2
        self._farewells.stop()
        done = self._calls.shutdown(within)
        # Not before the calls are over: a proxy may want to know us when our BYE comes.
        done.addCallback(lambda _: self._unregister_all(within))
        done.addCallback(lambda _: self._close())
        return done

    def _close(self) -> Deferred[None]:
        self._moving.stop()
        closed = self._endpoint.stop()
        self._calls.close()
        return closed

    def _unregister_all(self, within: float) -> Deferred[None]:
        stopped: Deferred[None] = Deferred()
        limit = self._clock.callLater(within, lambda: None if stopped.called else stopped.callback(None))

        def all_gone(_: object) -> None:
            if limit.active():
                limit.cancel()
                stopped.callback(None)

        for account in self._accounts:
            account.subscriptions.stop()
        farewells = [account.registration.stop() for account in (*self._accounts, *self._leaving)]
        gatherResults(farewells, consumeErrors=True).addCallbacks(all_gone, all_gone)
        return stopped

    def trusted(self, host: str, transport: str | None = None) -> bool:
        """Whether a numeric host is one of the registrars' or outbound proxies', and may send by that transport."""
        leaving = (account.registration for account in self._leaving)
        return self._accounts.trust(host, transport) or any(gone.is_trusted(host, transport) for gone in leaving)

    def network_changed(self) -> None:
        """The machine's addresses changed: register anew, at once, and tell the calls' far ends."""
        self._endpoint.forget_routes()
        for account in self._accounts:
            account.registration.refresh()
        self._moving.begin()

    def audio_located(self) -> None:
        """What C{audio_locating} told of is over: it is known where audio is reached now, or nobody will say it."""
        self._moving.located()

    def _locating(self) -> bool:
        return self.audio_locating()

    def _flow_lost(self, destination: Destination, reason: str) -> None:
        """By that connection the registrar reached us: make another, and tell the calls' far ends where it ends."""
        touched = [account for account in self._accounts if account.registration.target == destination]
        if touched:
            _log.info("{way} is lost ({reason}): registering again", way=str(destination), reason=reason)
            self._moving.begin()
        for account in touched:
            account.registration.refresh()

    def _contact_now(self, contact: SipURL, peer: Destination) -> SipURL:
        """What a dialog's Contact should be; its user part says whose it is."""
        for account in self._accounts:
            if account.registration.contact_user == contact.username:
                return account.contact(self._endpoint, peer)
        return messages.contact_url(contact.username, self._endpoint.local_address(peer))

    # Signalling

    def register(self, connection_id: int, account: AccountSettings, listener: RegistrationListener) -> None:
        known = self._accounts.get(connection_id)
        if known is not None and not known.leaving:
            known.settings, known.listener = account, listener
            known.registration.replace(account)
            known.subscriptions.adopt(account)
            return
        if known is not None:
            self._leaving.append(known)
        made = AgentAccount(connection_id, account, listener, self._gone, self._moving.registered)
        made.registration = self._make_registration(self._endpoint, account, made)
        made.subscriptions = self.subscriptions.of(connection_id, account, partial(made.way, self._endpoint))
        self._accounts.add(made)
        made.registration.start()

    def unregister(self, connection_id: int) -> None:
        account = self._accounts.get(connection_id)
        if account is None or account.leaving:
            return
        account.leaving = True
        account.subscriptions.stop()
        account.registration.stop().addErrback(
            lambda failure: _log.failure("account {connection_id} not given up", failure, connection_id=connection_id)
        )

    def _gone(self, account: AgentAccount) -> None:
        if account in self._leaving:
            self._leaving.remove(account)
        else:
            self._accounts.remove(account)

    def invite(
        self, connection_id: int, target: str, media: LocalMedia, listener: CallListener, headers: Headers = ()
    ) -> SignallingCall:
        account = self._account(connection_id)
        url = messages.target_url(target, account.settings.domain, account.settings.port)
        caller = replace(account.caller(self._endpoint), headers=identity.written(headers))
        if url.scheme == "sips":
            caller = _secure(caller)
        return self._calls.call(caller, url, media, listener)

    def target_uri(self, connection_id: int, target: str) -> str:
        settings = self._account(connection_id).settings
        return messages.bare(messages.target_url(target, settings.domain, settings.port))

    def watch(self, connection_id: int, extension: str) -> None:
        self._account(connection_id).subscriptions.watch(extension)

    def unwatch(self, connection_id: int, extension: str) -> bool:
        account = self._accounts.get(connection_id)
        return account is not None and account.subscriptions.unwatch(extension)

    def _account(self, connection_id: int) -> AgentAccount:
        try:
            return self._accounts[connection_id]
        except KeyError:
            raise NotRegistered(f"the account with connectionId {connection_id} is not registered") from None

    # What an earlier life left behind

    def end_left_over(self, account: str, dialog: DialogRecord, done: Callable[[Cause], None]) -> None:
        """Send the BYE or CANCEL of a dialog of before (L{neon.leftovers.Ender})."""
        self._farewells.end(account, dialog, done)

    def _knows(self, call_id: str) -> bool:
        return any(table.knows(call_id) for table in (self._calls, self.subscriptions, self._farewells))

    def _digest_of(self, uri: str) -> DigestClient | None:
        return next((account.digest() for account in self._accounts if account.settings.uri == uri), None)

    def _stray(self, response: SipResponse, source: Destination) -> None:
        if not self._farewells.stray(response):
            self._calls.stray(response, source)

    # Incoming

    def _on_request(self, request: SipRequest, transaction: ServerTransaction) -> None:
        if not self.subscriptions.receive(request, transaction):
            self._calls.receive(request, transaction)

    def _subscriber(self, user: str, source: Destination) -> AccountSubscriptions | None:
        """The subscriptions of the account whose Contact or number a request from C{source} names."""
        named = self._accounts.with_number(user)
        registrars = (known for known in named if known.registration.is_trusted(source.host, source.transport))
        account = self._accounts.with_contact(user) or next(registrars, None)
        return None if account is None else account.subscriptions

    def _account_for(self, invitation: Invitation) -> AgentAccount | None:
        """The account that is called.

        Its Contact is random, so whoever uses it has it from the registrar. Else the number decides, first among
        the accounts whose registrar the call comes from; a stranger's call (C{direct_calls}) may name any.
        """
        account = self._accounts.with_contact(invitation.user)
        if account is not None:
            return account
        named = self._accounts.with_number(invitation.user, invitation.called_user)
        for account in named:
            if account.registration.is_trusted(invitation.source.host, invitation.source.transport):
                return account
        return named[0] if named and self._settings.direct_calls else None

    def _take_call(self, invitation: Invitation, call: SignallingCall) -> Taken:
        account = self._account_for(invitation)
        if account is None:
            return 404
        if self.incoming_listener is None or account.leaving:
            return 480
        trusted = account.registration.is_trusted(invitation.source.host, invitation.source.transport)
        incoming = IncomingCall(
            account.connection_id,
            invitation.caller,
            invitation.called,
            invitation.display_name,
            identity.read_details(invitation.request, self._settings.headers_in, trusted),
            invitation.replaced,
            trusted,
        )
        return self.incoming_listener.incoming(incoming, call)

    def _callee_for(self, invitation: Invitation) -> Callee:
        account = self._account_for(invitation)
        if account is None:  # it is going to be refused
            local = self._endpoint.local_address(invitation.source)
            return Callee(messages.contact_url(invitation.user or None, local))
        known = account.registration.is_trusted(invitation.source.host, invitation.source.transport)
        contact = account.contact(self._endpoint, invitation.source)
        return Callee(contact, account.digest() if known else None, account.settings.options)

    def _handle_other(self, request: SipRequest, transaction: ServerTransaction) -> bool:
        """OPTIONS is answered as an INVITE would be (RFC 3261, section 11.2): 404 for a user whom nobody knows."""
        user = request.getRURI().username
        if request.getMethod() != "OPTIONS" or user is None:
            return False
        known = self._accounts.with_contact(user) or self._accounts.with_number(user)
        if not known:
            transaction.respond(messages.build_response(request, 404, headers=messages.ALLOW))
        return not known


def _secure(caller: Caller) -> Caller:
    """For a sips URI: our own Contact must be one as well, and every hop TLS (RFC 3261, sections 8.1.1.8 and 26.2.2).

    @raise InvalidArgument: the account does not use TLS.
    """
    if not all(hop.transport == "tls" for hop in caller.hops):
        raise InvalidArgument("a sips: URI can only be called with an account that uses TLS")
    return replace(caller, contact=lambda remote: messages.secured(caller.contact(remote)))
