"""The registrar client: keeps one account's binding alive (RFC 3261 section 10; robustness rules for registering).

A L{Registration} is always in one of three situations: an attempt is under way (names being resolved, a REGISTER
unanswered), a timer runs (refresh or back-off), or it is over (refused, or stopped). Answers that belong to
anything but the newest request are ignored, so it never has two opinions.
"""

from __future__ import annotations

import random as _random
import secrets
from collections.abc import Callable
from functools import partial

from sippy.SipRequest import SipRequest
from sippy.SipResponse import SipResponse
from sippy.SipURL import SipURL
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from neon.ports import Clock, RegistrationListener, Timer
from neon.sip import binding
from neon.sip.backoff import BackOff
from neon.sip.binding import RegistrationOptions
from neon.sip.comeback import Comeback
from neon.sip.contactaddress import ContactAddress
from neon.sip.digest import DigestClient
from neon.sip.keepalive import KeepAlive
from neon.sip.messages import source_of
from neon.sip.pacing import Pacer
from neon.sip.probe import PAUSE, Probe, RequestSender, when_reached
from neon.sip.stack import NameResolver
from neon.sip.targets import Targets
from neon.sip.transport import unbracketed
from neon.values import AccountSettings, Cause, Destination

FORBIDDEN_TRIES = 2
"""So many 403 and 404 without a success between them end it; the first may be a registrar that is still starting."""

UNREGISTER_WITHIN = 4.0
"""Seconds that the farewell to the registrar may take."""

TARGET_WITHIN = 6.0
"""Seconds that a server has for its answer while there is another one to try; the last one has a whole time-out."""


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
        options: RegistrationOptions = binding.USUAL,
        keep_alive: KeepAlive | None = None,
        pacer: Pacer | None = None,
        random: Callable[[], float] = _random.random,
    ) -> None:
        self._endpoint = endpoint
        self._resolver = resolver
        self._clock = clock
        self._listener = listener
        self._options = options
        self._keep_alive = keep_alive
        self._pacer = pacer or Pacer(clock)
        self._random = random
        self._back_off = BackOff(random)
        self._probe = Probe(endpoint, clock, self._back_off.spread)
        self._token: object = object()  # identifies the newest request or resolution
        self._timer: Timer | None = None
        self._impatience: Timer | None = None
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
        self._targets = Targets()
        self._comeback = Comeback(self._probe, lambda: self._schedule(0.0))
        self._redirected: SipURL | None = None
        self._contact = ContactAddress(self._endpoint, learns=self._options.learn_public_address)
        self._raised = 0
        self._back_off.reset()
        self._forbidden = 0
        self._last_cause = Cause()
        self._service_route: tuple[str, ...] = ()

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
        return self._targets.known

    @property
    def target(self) -> Destination | None:
        """The server that accepted our last REGISTER, else the one that is being tried: where INVITEs go too."""
        return self._targets.best

    @property
    def contact_user(self) -> str:
        """The user part of our Contact: random, so that a stray INVITE cannot guess it."""
        return self._identity.contact_user

    @property
    def contact(self) -> Destination | None:
        """The address in our Contact: the local one, or the public one learnt from the registrar."""
        return self._contact.current

    @property
    def service_route(self) -> tuple[str, ...]:
        """The URIs that requests out of dialog must be routed through (RFC 3608), outermost first."""
        return self._service_route

    def is_trusted(self, host: str, transport: str | None = None) -> bool:
        """Whether C{host} is one of the registrar's or outbound proxy's, and may send by that transport."""
        return self._targets.has(host, transport)

    # What the agent asks for

    def start(self) -> None:
        """Begin to register. The outcome comes through the listener, never from inside this call."""
        self._back_off.reset()
        self._forbidden = 0
        self._schedule(0.0)

    def refresh(self) -> None:
        """Register now, forgetting any back-off: the network changed, or the machine woke up."""
        if not self._over and self._stopping is None:
            self._back_off.reset()
            self._forbidden = 0
            self._contact.forget()
            self._schedule(0.0)

    def replace(self, settings: AccountSettings) -> None:
        """Register with other settings from now on; a binding of another address of record is taken away."""
        if self._stopping is not None:
            return
        target = self._targets.best
        if self.registered and target is not None and settings.uri != self._settings.uri:
            request = self._request(target, 0)
            self._digest.authorize(request)
            self._endpoint.send_request(request, target, lambda response: None)
        self._unbind()
        self._adopt(settings, self._identity.contact_user)
        self._schedule(0.0)

    def stop(self) -> Deferred[None]:
        """Give up: remove the binding if there may be one. Fires, within a few seconds, after C{unregistered}."""
        waiter: Deferred[None] = Deferred()
        first = self._stopping is None
        self._stopping = self._stopping or Deferred()
        self._stopping.addCallback(lambda _: waiter.callback(None))
        if first:
            self._say_farewell()
        return waiter

    def _say_farewell(self) -> None:
        under_way = self._timer is None and not self._over
        self._cancel_timer()
        if self._targets.best is not None and (self.registered or under_way):
            cause = Cause(408, "no answer to the un-REGISTER")
            self._timer = self._clock.callLater(UNREGISTER_WITHIN, self._farewell, cause)
            self._send(0, self._targets.best)
        else:
            self._token = object()
            self._timer = self._clock.callLater(0.0, self._farewell, Cause())

    # Attempts

    def _schedule(self, delay: float) -> None:
        self._cancel_timer()
        self._token = object()
        self._over = False
        self._timer = self._pacer.later(self._settings.domain, delay, self._begin)

    def _begin(self) -> None:
        self._timer = None
        self._raised = 0
        self._redirected = None
        self._contact.begin()
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
        self._targets.found(addresses)
        self._try_next(Cause())

    def _not_resolved(self, failure: Failure, host: str, token: object) -> None:
        if token is not self._token:
            return
        self._log.info("{host} was not resolved: {reason}", host=host, reason=failure.getErrorMessage())
        if self._targets.known and self._redirected is None:
            self._targets.again()
            self._try_next(Cause())
        else:
            self._failed(Cause(0, f"the name {host} could not be resolved"))

    def _try_next(self, cause: Cause, wait: float = 0.0) -> None:
        target = self._targets.next()
        if target is None:
            self._failed(cause, wait)
            return
        self._send(self._asked, target)
        if self._targets.others_left:
            # RFC 3263, section 4.3 waits for the transaction's end, which is 32 s of silence.
            self._impatience = self._clock.callLater(TARGET_WITHIN, self._unanswered)

    def _unanswered(self) -> None:
        self._token = object()
        self._give_up_target(Cause(408, "no answer"))

    def _give_up_target(self, cause: Cause, wait: float = 0.0) -> None:
        self._log.info("{target}: {cause}", target=str(self._targets.tried), cause=cause)
        self._calm()
        self._targets.failed()
        self._try_next(cause, wait)

    def _send_again(self) -> None:
        """The same once more, after an answer that said what was wrong with it."""
        assert self._targets.tried is not None
        self._send(self._asked, self._targets.tried)

    def _send(self, expires: int, target: Destination) -> None:
        token = self._token = object()
        # Only a connection that is there has an address for our Contact.
        sending, failing = partial(self._reached, token, expires, target), partial(self._unreachable, token)
        when_reached(self._endpoint, self._clock, target, sending, failing)

    def _reached(self, token: object, expires: int, target: Destination) -> None:
        if token is self._token:
            request = self._request(target, expires)
            self._digest.authorize(request)
            heard = self._on_farewell if self._stopping is not None else self._on_response
            self._endpoint.send_request(request, target, partial(heard, token))

    def _unreachable(self, token: object, reason: str) -> None:
        if token is self._token:
            (self._give_up_target if self._stopping is None else self._farewell)(Cause(503, reason))

    def _request(self, target: Destination, expires: int) -> SipRequest:
        self._cseq += 1
        contact = self._contact.choose(target, self.registered)
        return binding.build_register(
            self._settings, self._identity, self._cseq, target, contact, expires,
            obsolete=self._contact.obsolete, request_uri=self._redirected,
        )  # fmt: skip

    # Answers

    def _on_response(self, token: object, response: SipResponse) -> None:
        code, reason = response.getSCode()
        if token is not self._token:
            return
        self._calm()  # it is there, whatever it says
        if code < 200:
            return
        cause = Cause(code, reason)
        if code < 300:
            self._accepted(response)
        elif code < 400:
            self._follow(response, cause)
        elif code in (401, 407):
            if self._may_answer(response) and self._digest.challenged(response):
                self._contact.learn(response)
                self._send_again()
            else:
                self._refuse(cause)
        elif code == 423:
            self._raise_lifetime(response, cause)
        elif code in (403, 404):
            self._forbidden += 1
            if self._forbidden >= FORBIDDEN_TRIES:
                self._refuse(cause)
            else:
                self._schedule(self._back_off.first())
        elif code >= 600:
            self._refuse(cause)
        elif code in (408, 503):
            # Made by the transaction layer on time-out or transport error, or by the server itself.
            self._give_up_target(cause, binding.retry_after(response))
        else:
            self._failed(cause, binding.retry_after(response))

    def _accepted(self, response: SipResponse) -> None:
        assert self._contact.current is not None
        own = binding.contact_url(self._identity, self._contact.current)
        try:
            lifetime = binding.granted_lifetime(response, own, self._asked)
        except binding.NoBinding as error:
            self._unbind()
            self._failed(Cause(response.getSCode()[0], str(error)))
            return
        renewed = self.registered
        self._targets.accepted()
        self._back_off.reset()
        self._forbidden = 0
        self._contact.bound()
        self._service_route = binding.uris(response, "service-route")
        self._unbind()
        self._lapse = self._clock.callLater(lifetime, self._lapsed)
        if self._contact.move(response):
            self._send_again()
        else:
            self._schedule(binding.refresh_delay(lifetime, self._random()))
            self._comeback.look(self._settings, self._targets)
            self._keep_way_open()
        self._listener.registered(renewed)

    def _keep_way_open(self) -> None:
        """Behind a NAT the registrar reaches us only while packets go out; a connection looks after itself."""
        serving = self._targets.serving
        if self._keep_alive is not None and serving is not None:
            if serving.transport == "udp" and self._contact.is_public(serving):
                self._keep_alive.hold(self, serving)
            else:
                self._keep_alive.release(self)

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
        self._send_again()

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
        delay = max(self._back_off.next(), wait)
        self._schedule(delay)
        if delay > PAUSE and not wait:
            self._probe.start(self._settings, self.targets, lambda: self._schedule(0.0))
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
        self._listener.lapsed(self._last_cause if self._back_off.failures else Cause(408, "the binding ran out"))

    def _on_farewell(self, token: object, response: SipResponse) -> None:
        code, reason = response.getSCode()
        if code < 200 or token is not self._token:
            return
        if code in (401, 407) and self._may_answer(response) and self._digest.challenged(response):
            assert self._targets.best is not None
            self._send(0, self._targets.best)
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

    def _unbind(self) -> None:
        if self._keep_alive is not None:
            self._keep_alive.release(self)
        if self._lapse is not None and self._lapse.active():
            self._lapse.cancel()
        self._lapse = None

    def _calm(self) -> None:
        if self._impatience is not None and self._impatience.active():
            self._impatience.cancel()
        self._impatience = None

    def _cancel_timer(self) -> None:
        self._probe.stop()
        self._calm()
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
