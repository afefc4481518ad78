"""The embedded SIP service: a registrar and a few numbers to call, on loopback, for a first run without a provider.

    account 1000, a generated password, at L{Testbed.domain}; more by signing up with L{neon.testbed.operator}
    600 echo   601 tone   602 calls you back   603 busy   604 never answers

It shares sippy's glue, the dialogs and the media engine with the phone, and nothing else: SIP between the two goes
through the kernel's loopback like that of any other peer.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import secrets
from collections.abc import Mapping
from typing import Protocol

from twisted.application.service import Service
from twisted.internet.defer import Deferred, fail
from twisted.logger import Logger

from neon.errors import InvalidArgument
from neon.ports import Clock, MediaUnavailable, Timer
from neon.sip import extensions, messages
from neon.sip.door import DoorPolicy
from neon.sip.endpoint import Endpoint, ServerTransaction
from neon.sip.registration_request import Request
from neon.sip.session import Session
from neon.sip.stack import CallSettings, Stack
from neon.sip.transport import UdpReactor, bracketed
from neon.sip.uac import Caller, UacCall
from neon.sip.uas import UasCall
from neon.sip.ways import Transports
from neon.testbed.audio import EngineAudio, StreamOpener
from neon.testbed.calls import TestbedCall
from neon.testbed.numbers import CALL_BACK_AFTER, CALLING_BACK, NUMBERS, RING_BACK_FOR, Number
from neon.testbed.registrar import Registrar
from neon.values import Address, Cause, Destination

_log = Logger()

ACCOUNT = "1000"
MOST_CALLS = 32
RTP_PORTS = range(18384, 18584)
STOP_WITHIN = 2.0


class _NoNames:
    """The testbed's resolver: it calls nobody whose address it has not seen."""

    def resolve(self, host: str, port: int | None, transport: str) -> Deferred[list[Destination]]:
        return fail(LookupError(f"{host}: the testbed looks no name up"))


class Subscribers(Protocol):
    """Whose accounts there are, and what calls cost them (L{neon.testbed.customers.Customers})."""

    @property
    def passwords(self) -> Mapping[str, str]: ...

    def seconds_left(self, number: str) -> float: ...

    def spent(self, number: str, seconds: float) -> None: ...


class OneSubscriber:
    """Nobody but the first account, whose calls cost nothing."""

    def __init__(self, password: str) -> None:
        self.passwords = {ACCOUNT: password}

    def seconds_left(self, number: str) -> float:
        return float("inf")

    def spent(self, number: str, seconds: float) -> None:
        """It is free."""


class Testbed(Service):
    """The service. C{domain} is known once it runs."""

    __test__ = False  # not a test case, whatever the name suggests to a collector
    name = "testbed"
    number = ACCOUNT

    def __init__(
        self,
        reactor: UdpReactor,
        clock: Clock,
        engine: StreamOpener,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        password: str | None = None,
        subscribers: Subscribers | None = None,
        rtp_ports: range = RTP_PORTS,
        user_agent: str = "NEON testbed",
        tcp: bool = False,
    ) -> None:
        """C{port} 0 takes a free one. C{engine} is started by its owner. C{tcp}: connections are taken on the same
        port. Without C{subscribers} there is one account, with C{password} or a generated one.

        @raise ValueError: C{host} is not a loopback address.
        """
        if not ipaddress.ip_address(host).is_loopback:
            raise ValueError("the testbed is for loopback only")
        self._subscribers = subscribers or OneSubscriber(secrets.token_urlsafe(12) if password is None else password)
        self.password = self._subscribers.passwords[ACCOUNT]
        self._clock = clock
        self._audio = EngineAudio(engine, host, rtp_ports)
        settings = CallSettings(max_calls=MOST_CALLS, no_answer_seconds=RING_BACK_FOR)
        self._endpoint = Endpoint(
            reactor,
            clock,
            host=host,
            port=port,
            door=DoorPolicy(
                trusted=lambda host, transport: True,
                direct_calls=True,
                pending_invites_per_source=MOST_CALLS,
                supported=extensions.understood(settings),
            ),
            on_request=self._on_request,
            user_agent=user_agent,
            transports=Transports(listen_tcp=tcp),
        )
        self._stack = Stack(self._endpoint, _NoNames(), clock, settings)
        self._registrar = Registrar(self._subscribers.passwords, "neon", clock)
        self._sessions: dict[tuple[str, str], Session] = {}
        self._calls: set[TestbedCall] = set()
        self._calling_back: set[Timer] = set()
        self._stopped: Deferred[None] | None = None

    @property
    def domain(self) -> str:
        """C{host:port}, as an account's settings want it."""
        host, port = self._endpoint.address
        return f"{bracketed(host)}:{port}"

    @property
    def address(self) -> Address:
        return self._endpoint.address

    @property
    def calls(self) -> int:
        """How many calls it has at the moment."""
        return len(self._calls)

    def startService(self) -> None:
        """Bind.

        @raise twisted.internet.error.CannotListenError: the address is taken.
        """
        self._endpoint.start()
        super().startService()  # type: ignore[no-untyped-call]
        _log.info("testbed at {domain}, account {number}", domain=self.domain, number=ACCOUNT)

    def stopService(self) -> Deferred[None]:
        """Hang up, wait a moment for the other sides to notice, and close."""
        super().stopService()  # type: ignore[no-untyped-call]
        for timer in list(self._calling_back):
            timer.cancel()
        self._calling_back.clear()
        stopped: Deferred[None] = Deferred()
        self._stopped = stopped
        if not self._sessions:
            self._close()
        else:
            self._deadline: Timer = self._clock.callLater(STOP_WITHIN, self._close)
            for call in list(self._calls):
                call.hang_up()
        return stopped

    def _close(self) -> None:
        stopped = self._stopped
        assert stopped is not None
        for call in list(self._calls):
            call.ended(Cause())  # gives its ports back; whoever did not answer our BYE will notice
        self._endpoint.stop().chainDeferred(stopped)

    # Requests

    def _on_request(self, request: Request, transaction: ServerTransaction) -> None:
        method = request.getMethod()
        tag = messages.tag_of(request, "to")
        if tag is not None:
            session = self._sessions.get((messages.call_id_of(request), tag))
            if session is None:
                transaction.respond(messages.build_response(request, 481))
            else:
                session.receive(request, transaction)
        elif method == "REGISTER":
            transaction.respond(self._registrar.register(request, transaction.source))
        elif method == "INVITE":
            self._invited(request, transaction)
        elif method == "OPTIONS":
            capabilities = extensions.capabilities(self._stack.settings)
            transaction.respond(messages.build_response(request, 200, headers=capabilities))
        else:
            status = 405 if method in messages.KNOWN_METHODS else 501
            transaction.respond(messages.build_response(request, status, headers=messages.ALLOW))

    def _invited(self, request: Request, transaction: ServerTransaction) -> None:
        user = self._registrar.authenticate(request)
        if not isinstance(user, str):
            transaction.respond(user)
            return
        dialled = str(request.getRURI().username or "")
        number = NUMBERS.get(dialled)
        refusal = self._refusal(user, number, transaction.source)
        if number is None or refusal is not None:
            transaction.respond(messages.build_response(request, refusal or 404))
            return
        try:
            stream = self._audio.open(number.sound)
        except MediaUnavailable as error:
            _log.error("a call to {number} has no sound: {reason}", number=dialled, reason=str(error))
            transaction.respond(messages.build_response(request, 503))
            return
        contact = messages.contact_url(dialled, self._endpoint.local_address(transaction.source))
        try:
            session = UasCall(self._stack, request, transaction, contact, self._session_over)
        except ValueError as error:
            stream.close()
            transaction.respond(messages.build_response(request, 400, reason=str(error)))
            return
        # Nobody talks longer than they can pay for.
        affordable = dataclasses.replace(number, seconds=min(number.seconds, self._subscribers.seconds_left(user)))
        call = TestbedCall(self._clock, affordable, stream, lambda call, cause: self._call_over(call, user))
        call.signalling = session
        self._hold(call, session)
        session.take(call, stream.local)
        session.ring()
        if number.answers:
            session.accept()

    def _refusal(self, user: str, number: Number | None, source: Destination) -> int | None:
        """The status to refuse an INVITE of C{user} with, if it is to be refused."""
        if source[0] not in {binding.source[0] for binding in self._registrar.bindings(user)}:
            return 403  # credentials alone are not enough: the phone has to be registered from there
        if number is None:
            return 404
        if self._stopped is not None or len(self._calls) >= MOST_CALLS:
            return 503
        if number.refuse is None and self._subscribers.seconds_left(user) <= 0:
            return 402
        return number.refuse

    # Calls

    def _hold(self, call: TestbedCall, session: Session) -> None:
        self._calls.add(call)
        self._sessions[session.call_id, session.local_tag] = session

    def _session_over(self, session: Session) -> None:
        self._sessions.pop((session.call_id, session.local_tag), None)
        if self._stopped is not None and not self._sessions and self._deadline.active():
            self._deadline.cancel()
            self._close()

    def _call_over(self, call: TestbedCall, user: str) -> None:
        self._calls.discard(call)
        if call.seconds and call.number is not CALLING_BACK:
            self._subscribers.spent(user, call.seconds)
        if call.number.call_back and call.answered_once and self._stopped is None:
            timer: Timer = self._clock.callLater(CALL_BACK_AFTER, lambda: self._call_back(user, timer))
            self._calling_back.add(timer)

    def _call_back(self, user: str, timer: Timer) -> None:
        self._calling_back.discard(timer)
        bindings = self._registrar.bindings(user)
        if not bindings or len(self._calls) >= MOST_CALLS:
            return
        binding = bindings[-1]
        host, port = self._endpoint.address
        try:
            target = messages.target_url(binding.uri, host, port)
            stream = self._audio.open(CALLING_BACK.sound)
        except (InvalidArgument, MediaUnavailable) as error:
            _log.error("{user} is not called back: {reason}", user=user, reason=str(error))
            return
        caller = Caller(
            address=messages.named_address(messages.target_url("602", host, port), "NEON testbed"),
            contact=lambda remote: messages.contact_url("602", self._endpoint.local_address(remote)),
            hops=(binding.source,),
            # Followed by the same way, a phone that passes the call on would only be rung again.
            redirects=False,
        )
        call = TestbedCall(self._clock, CALLING_BACK, stream, lambda call, cause: self._call_over(call, user))
        # As a registrar's proxy does: the request goes to the Contact, to whom it is stays the address of record.
        called = messages.target_url(user, host, port)
        session = UacCall(self._stack, caller, target, stream.local, call, self._session_over, called)
        call.signalling = session
        self._hold(call, session)
        session.start()
