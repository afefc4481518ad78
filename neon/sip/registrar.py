"""The registrar client: keeps one account's binding alive (RFC 3261 section 10; robustness rules for registering).

A L{Registration} is always in one of three situations: an attempt is under way (names being resolved, a REGISTER
unanswered), a timer runs (refresh or back-off), or it is over (refused, or stopped). Answers that belong to
anything but the newest request are ignored, so it never has two opinions.
"""

from __future__ import annotations

import random as _random
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from sippy.SipRequest import SipRequest
from sippy.SipResponse import SipResponse
from sippy.SipURL import SipURL
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from neon.ports import Clock, RegistrationListener, Timer
from neon.sip import binding
from neon.sip.digest import DigestClient
from neon.sip.messages import source_of
from neon.sip.probe import PAUSE, Probe, RequestSender
from neon.sip.stack import NameResolver
from neon.sip.transport import unbracketed
from neon.values import AccountSettings, Cause, Destination

BACK_OFF = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 60.0, 120.0)
JITTER = 0.25

FORBIDDEN_TRIES = 2
"""So many 403 and 404 without a success between them end it; the first may be a registrar that is still starting."""

UNREGISTER_WITHIN = 4.0
"""Seconds that the farewell to the registrar may take."""

MARGIN = 32.0
"""A refresh starts at least one transaction time-out (64*T1) before the end, where the lifetime allows it."""


@dataclass(frozen=True, slots=True)
class RegistrationOptions:
    """C{refuse_downgrade}: MD5 is not answered once a realm has offered more (RFC 8760).

    C{learn_public_address}: where the registrar sees another address than our own, that one is registered.
    """

    refuse_downgrade: bool = True
    learn_public_address: bool = True


class Registration:
    """The registration of one account, from L{start} to L{stop} or to a refusal."""

    _log = Logger()

    def __init__(
        self,
        endpoint: RequestSender,
        resolver: NameResolver,
        clock: Clock,
        settings: AccountSettings,
        listener: RegistrationListener,
        *,
        options: RegistrationOptions = RegistrationOptions(),
        random: Callable[[], float] = _random.random,
    ) -> None:
        self._endpoint = endpoint
        self._resolver = resolver
        self._clock = clock
        self._listener = listener
        self._options = options
        self._random = random
        self._probe = Probe(endpoint, clock, self._jittered)
        self._token: object = object()  # identifies the newest request or resolution
        self._timer: Timer | None = None
        self._lapse: Timer | None = None
        self._stopping: Deferred[None] | None = None
        self._over = False
        self._cseq = 0
        self._settings = settings
        self._adopt(settings, secrets.token_hex(8))

    def _adopt(self, settings: AccountSettings, contact_user: str) -> None:
        self._settings = settings
        self._identity = binding.Identity(secrets.token_hex(16), secrets.token_hex(8), contact_user)
        self._digest = DigestClient(
            settings.auth_user or settings.number, settings.password, refuse_downgrade=self._options.refuse_downgrade
        )
        self._asked = settings.expires
        self._targets: tuple[Destination, ...] = ()
        self._untried: list[Destination] = []
        self._target: Destination | None = None
        self._redirected: SipURL | None = None
        self._public: Destination | None = None
        self._contact: Destination | None = None
        self._obsolete: Destination | None = None
        self._moved = False
        self._raised = 0
        self._failures = 0
        self._forbidden = 0
        self._last_cause = Cause()
        self._service_route: tuple[str, ...] = ()
        self._path: tuple[str, ...] = ()

    # What the agent reads

    @property
    def registered(self) -> bool:
        """Whether the registrar holds a binding of ours that has not run out."""
        return self._lapse is not None

    @property
    def settings(self) -> AccountSettings:
        return self._settings

    @property
    def targets(self) -> tuple[Destination, ...]:
        """The registrar's (or outbound proxy's) resolved addresses, in the order of RFC 3263."""
        return self._targets

    @property
    def target(self) -> Destination | None:
        """The address that the last REGISTER went to: where this account's INVITEs go too."""
        return self._target

    @property
    def contact_user(self) -> str:
        """The user part of our Contact: random, so that a stray INVITE cannot guess it."""
        return self._identity.contact_user

    @property
    def contact(self) -> Destination | None:
        """The address in our Contact: the local one, or the public one learnt from the registrar."""
        return self._contact

    @property
    def service_route(self) -> tuple[str, ...]:
        """The URIs that requests out of dialog must be routed through (RFC 3608), outermost first."""
        return self._service_route

    @property
    def path(self) -> tuple[str, ...]:
        """The Path that the registrar recorded for us (RFC 3327)."""
        return self._path

    def is_trusted(self, host: str) -> bool:
        """Whether C{host}, a numeric address, is one of the registrar's or outbound proxy's."""
        return any(unbracketed(host) == unbracketed(known.host) for known in self._targets)

    # What the agent asks for

    def start(self) -> None:
        """Begin to register. The outcome comes through the listener, never from inside this call."""
        self._failures = self._forbidden = 0
        self._schedule(0.0)

    def refresh(self) -> None:
        """Register now, forgetting any back-off: the network changed, or the machine woke up."""
        if not self._over and self._stopping is None:
            self._failures = self._forbidden = 0
            self._public = None
            self._schedule(0.0)

    def replace(self, settings: AccountSettings) -> None:
        """Register with other settings from now on; a binding of another address of record is taken away."""
        if self._stopping is not None:
            return
        if self.registered and self._target is not None and settings.uri != self._settings.uri:
            request = self._request(self._target, 0)
            self._digest.authorize(request)
            self._endpoint.send_request(request, self._target, lambda response: None)
        self._unbind()
        self._adopt(settings, self._identity.contact_user)
        self._schedule(0.0)

    def stop(self) -> Deferred[None]:
        """Give up: remove the binding if there may be one. Fires, within a few seconds, after C{unregistered}."""
        if self._stopping is not None:
            waiter: Deferred[None] = Deferred()
            self._stopping.addCallback(lambda _: waiter.callback(None))
            return waiter
        self._stopping = Deferred()
        under_way = self._timer is None and not self._over
        self._cancel_timer()
        if self._target is not None and (self.registered or under_way):
            self._timer = self._clock.callLater(
                UNREGISTER_WITHIN, self._farewell, Cause(408, "no answer to the un-REGISTER")
            )
            self._send(0)
        else:
            self._token = object()
            self._timer = self._clock.callLater(0.0, self._farewell, Cause())
        waiter = Deferred()
        self._stopping.addCallback(lambda _: waiter.callback(None))
        return waiter

    # Attempts

    def _schedule(self, delay: float) -> None:
        self._cancel_timer()
        self._token = object()
        self._over = False
        self._timer = self._clock.callLater(delay, self._begin)

    def _begin(self) -> None:
        self._timer = None
        self._raised = 0
        self._redirected = None
        self._moved = False
        try:
            host, port = binding.next_hop(self._settings)
        except ValueError as error:
            self._refuse(Cause(0, str(error)))
            return
        self._resolve(host, port)

    def _resolve(self, host: str, port: int | None) -> None:
        token = self._token = object()
        resolving = self._resolver.resolve(host, port, self._settings.transport)
        resolving.addCallbacks(
            self._resolved, self._not_resolved, callbackArgs=(token,), errbackArgs=(host, token)
        ).addErrback(lambda failure: self._log.failure("registering {uri}", failure, uri=self._settings.uri))

    def _resolved(self, addresses: list[Destination], token: object) -> None:
        if token is not self._token:
            return
        if not addresses:
            self._failed(Cause(0, "the registrar's name has no address"))
            return
        self._targets = tuple(addresses)
        # RFC 3263, section 4.3: stay with the server that knows us while its name still leads to it.
        self._untried = sorted(addresses, key=lambda address: address != self._target)
        self._try_next(Cause())

    def _not_resolved(self, failure: Failure, host: str, token: object) -> None:
        if token is not self._token:
            return
        self._log.info("{host} was not resolved: {reason}", host=host, reason=failure.getErrorMessage())
        if self._targets and self._redirected is None:
            self._untried = list(self._targets)
            self._try_next(Cause())
        else:
            self._failed(Cause(0, f"the name {host} could not be resolved"))

    def _try_next(self, cause: Cause, wait: float = 0.0) -> None:
        if not self._untried:
            self._failed(cause, wait)
            return
        self._target = self._untried.pop(0)
        self._send(self._asked)

    def _send(self, expires: int) -> None:
        assert self._target is not None
        token = self._token = object()
        request = self._request(self._target, expires)
        self._digest.authorize(request)
        heard = self._on_farewell if self._stopping is not None else self._on_response
        self._endpoint.send_request(request, self._target, partial(heard, token))

    def _request(self, target: Destination, expires: int) -> SipRequest:
        self._cseq += 1
        local = self._public or self._endpoint.local_address(target)
        if self._contact is not None and self._contact != local and self.registered:
            self._obsolete = self._contact
        self._contact = local
        return binding.build_register(
            self._settings,
            self._identity,
            self._cseq,
            target,
            local,
            expires,
            obsolete=self._obsolete,
            request_uri=self._redirected,
        )

    # Answers

    def _on_response(self, token: object, response: SipResponse) -> None:
        code, reason = response.getSCode()
        if code < 200 or token is not self._token:
            return
        cause = Cause(code, reason)
        if code < 300:
            self._accepted(response)
        elif code < 400:
            self._follow(response, cause)
        elif code in (401, 407):
            if self._may_answer(response) and self._digest.challenged(response):
                self._learn_address(response)
                self._send(self._asked)
            else:
                self._refuse(cause)
        elif code == 423:
            self._raise_lifetime(response, cause)
        elif code in (403, 404):
            self._forbidden += 1
            if self._forbidden >= FORBIDDEN_TRIES:
                self._refuse(cause)
            else:
                self._schedule(self._jittered(BACK_OFF[0]))
        elif code >= 600:
            self._refuse(cause)
        elif code in (408, 503):
            # Made by the transaction layer on time-out or transport error, or by the server itself.
            self._try_next(cause, binding.retry_after(response))
        else:
            self._failed(cause, binding.retry_after(response))

    def _accepted(self, response: SipResponse) -> None:
        assert self._contact is not None
        own = binding.contact_url(self._identity, self._contact)
        try:
            lifetime = binding.granted_lifetime(response, own, self._asked)
        except binding.NoBinding as error:
            self._unbind()
            self._failed(Cause(response.getSCode()[0], str(error)))
            return
        renewed = self.registered
        self._failures = self._forbidden = 0
        self._obsolete = None
        self._service_route = binding.uris(response, "service-route")
        self._path = binding.uris(response, "path")
        self._unbind()
        self._lapse = self._clock.callLater(lifetime, self._lapsed)
        if self._learn_address(response) and not self._moved:
            self._moved = True  # once an attempt: a NAT that gives every packet another port must not make a loop
            self._send(self._asked)
        else:
            self._schedule(self._refresh_delay(lifetime))
        self._listener.registered(renewed)

    def _refresh_delay(self, lifetime: int) -> float:
        delay = (0.85 + 0.05 * self._random()) * lifetime
        return min(delay, lifetime - MARGIN) if lifetime >= 120 else delay

    def _learn_address(self, response: SipResponse) -> bool:
        """Take over the address that the registrar sees us at; whether it is another than our Contact's."""
        seen = binding.seen_address(response)
        if not self._options.learn_public_address or seen is None or self._contact is None:
            return False
        if seen == self._contact.address:
            return False
        self._public = self._contact._replace(host=seen[0], port=seen[1])
        return True

    def _may_answer(self, response: SipResponse) -> bool:
        """Credentials are only computed for the account's registrar or proxy."""
        source = source_of(response)
        return source is not None and self.is_trusted(source[0])

    def _raise_lifetime(self, response: SipResponse, cause: Cause) -> None:
        minimum = binding.minimum_lifetime(response)
        self._raised += 1
        if minimum is None or minimum <= self._asked or self._raised > 2:
            self._failed(cause)
            return
        self._asked = minimum
        self._send(self._asked)

    def _follow(self, response: SipResponse, cause: Cause) -> None:
        url = binding.redirection(response)
        if url is None or self._redirected is not None:
            self._failed(cause)
            return
        self._redirected = url
        self._resolve(unbracketed(str(url.host)), url.port)

    # Outcomes

    def _failed(self, cause: Cause, wait: float = 0.0) -> None:
        """This attempt failed: try again later, and say so unless the binding still lives."""
        self._last_cause = cause
        delay = max(self._jittered(BACK_OFF[min(self._failures, len(BACK_OFF) - 1)]), wait)
        self._failures += 1
        self._schedule(delay)
        if delay > PAUSE and not wait:
            self._probe.start(self._settings, self._targets, lambda: self._schedule(0.0))
        self._log.info(
            "{uri} not registered ({status} {reason}), next try in {delay:.1f} s",
            uri=self._settings.uri, status=cause.status, reason=cause.reason, delay=delay,
        )  # fmt: skip
        if self.registered:
            return
        if cause.status == 408:
            self._listener.timed_out(cause)
        else:
            self._listener.failed(cause)

    def _refuse(self, cause: Cause) -> None:
        self._cancel_timer()
        self._token = object()
        self._unbind()
        self._over = True
        self._listener.refused(cause)

    def _lapsed(self) -> None:
        self._lapse = None
        if self._stopping is not None:
            return
        self._listener.lapsed(self._last_cause if self._failures else Cause(408, "the binding ran out"))

    def _on_farewell(self, token: object, response: SipResponse) -> None:
        code, reason = response.getSCode()
        if code < 200 or token is not self._token:
            return
        if code in (401, 407) and self._may_answer(response) and self._digest.challenged(response):
            self._send(0)
        else:
            self._farewell(Cause() if code < 300 else Cause(code, reason))

    def _farewell(self, cause: Cause) -> None:
        self._cancel_timer()
        self._unbind()
        self._token = object()
        self._over = True
        self._listener.unregistered(cause)
        if self._stopping is not None and not self._stopping.called:
            self._stopping.callback(None)

    def _jittered(self, delay: float) -> float:
        return delay * (1.0 + JITTER * (2.0 * self._random() - 1.0))

    def _unbind(self) -> None:
        if self._lapse is not None and self._lapse.active():
            self._lapse.cancel()
        self._lapse = None

    def _cancel_timer(self) -> None:
        self._probe.stop()
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
