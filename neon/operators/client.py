"""Asks an operator's service over HTTP, within bounds: one deadline for everything, a body of 1 MiB at most, TLS
verified, no redirect that could carry a secret elsewhere, one more try for what only reads.

Nothing that is sent or comes back is logged: only which service it was, the host, and how it ended.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from OpenSSL import SSL
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectError, ConnectionLost, DNSLookupError
from twisted.internet.error import TimeoutError as ConnectTimeout
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.web.client import Agent, HTTPConnectionPool, ResponseFailed
from twisted.web.error import SchemeNotSupported

from neon.operators.authorization import Authorization
from neon.operators.limits import BadEncoding, BoundedAgent, Collector, Endpoints, TooLong
from neon.operators.messages import Outgoing
from neon.operators.settings import Settings
from neon.operators.words import Kind, Trouble

MAX_REDIRECTS: Final = 3
RETRY_AFTER: Final = 0.5
TRY_AGAIN: Final = frozenset({502, 503, 504})
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class Received:
    """A response: HTTP's status, what its Content-Type says, and the body."""

    status: int
    charset: str | None
    body: bytes = field(repr=False)


def make_treq(reactor: Any, policy: Any, timeout: float) -> Any:
    """The client that real requests go through; connections are not kept."""
    from treq.client import HTTPClient

    pool = HTTPConnectionPool(reactor, persistent=False)  # type: ignore[no-untyped-call]
    agent: Any = Agent.usingEndpointFactory(reactor, Endpoints(reactor, policy, timeout), pool)  # type: ignore[no-untyped-call]
    bounded: Any = BoundedAgent(agent)
    return HTTPClient(bounded)


class WebClient:
    """Asks the services of one operator. C{treq} is L{make_treq}'s, or treq's C{StubTreq}.

    C{certificate}: the client proves who it is by one, which no redirect may get out of it.
    """

    _log = Logger()

    def __init__(self, settings: Settings, treq: Any, clock: Any, *, certificate: bool = False) -> None:
        general = settings.general
        self._name = settings.name
        self._treq = treq
        self._clock = clock
        self._timeout = float(general.timeout_seconds)
        self._allow_http = general.allow_http
        self._certificate = certificate
        kind = general.auth if general.auth in ("basic", "digest", "bearer") else "none"
        self._authorization = Authorization(kind, general.user, settings.password)

    def ask(self, request: Outgoing, *, again: bool) -> Deferred[Received]:
        """Send a request; C{again}: it only reads, and may be sent a second time.

        Fails with L{Trouble}.
        """
        asked = Deferred.fromCoroutine(self._ask(request, again))
        asked.addTimeout(self._timeout, self._clock, onTimeoutCancel=_timed_out)
        return asked

    async def _ask(self, request: Outgoing, again: bool) -> Received:
        try:
            received = await self._authorized(request)
        except Trouble as trouble:
            if not again or trouble.kind is not Kind.UNREACHABLE:
                raise
            self._log.info("operator {name}: {trouble}; once more", name=self._name, trouble=trouble)
        else:
            if not again or received.status not in TRY_AGAIN:
                return received
        await deferLater(self._clock, RETRY_AFTER * (1 + random.random()), lambda: None)
        return await self._authorized(request)

    async def _authorized(self, request: Outgoing) -> Received:
        received, challenges = await self._followed(request)
        if received.status == 401 and self._authorization.challenged(challenges):
            received, _ = await self._followed(request)
        return received

    async def _followed(self, request: Outgoing) -> tuple[Received, list[str]]:
        """Send, and follow redirects where nobody who is not asked now could learn anything by it."""
        url = request.url
        for _ in range(MAX_REDIRECTS + 1):
            received, headers = await self._send(request, url)
            location = headers.getRawHeaders("location", [None])[0]
            if received.status not in REDIRECTS or location is None:
                return received, headers.getRawHeaders("www-authenticate", [])
            url = self._next(request, url, location)
        raise Trouble(Kind.REDIRECT, f"more than {MAX_REDIRECTS} redirects")

    def _next(self, request: Outgoing, url: str, location: str) -> str:
        try:
            target = urljoin(url, location)
            here, there = urlsplit(url), urlsplit(target)
            host = there.hostname or ""
        except ValueError:
            raise Trouble(Kind.REDIRECT, "to something that is no URL") from None
        if request.secret or self._certificate or self._authorization.is_secret or request.method != "GET":
            raise Trouble(Kind.REDIRECT, "and the request has a secret in it or changes something")
        if there.scheme not in ("http", "https") or not host or not target.isascii() or "@" in there.netloc:
            raise Trouble(Kind.REDIRECT, "to something that is no URL")
        if there.scheme == "http" and (here.scheme == "https" or not self._allow_http):
            raise Trouble(Kind.REDIRECT, "to http")
        if self._authorization.header(request.method, target, b"") is not None and here.netloc != there.netloc:
            raise Trouble(Kind.REDIRECT, "to another host, and the request has credentials")
        return target

    async def _send(self, request: Outgoing, url: str) -> tuple[Received, Any]:
        headers: dict[str, Any] = {name: [value] for name, value in request.headers}
        if (authorization := self._authorization.header(request.method, url, request.body)) is not None:
            headers["Authorization"] = [authorization]
        try:
            response = await self._treq.request(
                request.method,
                url,
                headers=headers,
                data=request.body or None,
                allow_redirects=False,
                unbuffered=True,
                reactor=self._clock,
            )
            collector = Collector()
            response.deliverBody(collector)
            body = await collector.body
        except Trouble:
            raise
        except Exception as error:
            raise _trouble(error) from None
        return Received(response.code, _charset(response.headers), body), response.headers


def _charset(headers: Any) -> str | None:
    for part in str(headers.getRawHeaders("content-type", [""])[0]).split(";")[1:]:
        name, _, value = part.partition("=")
        if name.strip().lower() == "charset":
            return value.strip(" \"'")[:40] or None
    return None


def _timed_out(result: Any, timeout: float) -> Any:
    """Turn the cancellation of L{Deferred.addTimeout} into words."""
    if not isinstance(getattr(result, "value", None), (CancelledError, Trouble)):
        return result
    raise Trouble(Kind.TIMEOUT, f"nothing in {timeout:g} s")


_LOST: Final = (ConnectError, ConnectionLost, DNSLookupError, ConnectTimeout, OSError)


def _trouble(error: BaseException) -> Trouble:
    """What went wrong with the transport, in our words."""
    for one in _reasons(error):
        if isinstance(one, CancelledError):
            return Trouble(Kind.TIMEOUT, "cancelled")
        if isinstance(one, TooLong):
            return Trouble(Kind.TOO_LONG, str(one))
        if isinstance(one, BadEncoding):
            return Trouble(Kind.NONSENSE, str(one))
        name = type(one).__name__
        # service_identity and Twisted have a class of their own each for a name that does not fit.
        if isinstance(one, SSL.Error) or "Verification" in name:
            return Trouble(Kind.TLS, name)
        if isinstance(one, SchemeNotSupported) or name == "ParseError":
            return Trouble(Kind.NONSENSE, name)
    for one in _reasons(error):
        if isinstance(one, _LOST):
            return Trouble(Kind.UNREACHABLE, type(one).__name__)
    if isinstance(error, ResponseFailed):
        return Trouble(Kind.UNREACHABLE, type(error).__name__)
    # No bug of ours may take the daemon with it, but it shall be seen.
    WebClient._log.failure("asking an operator failed")
    return Trouble(Kind.UNREACHABLE, type(error).__name__)


def _reasons(error: BaseException) -> list[BaseException]:
    """An error and those inside of it, as twisted.web nests them."""
    found: list[BaseException] = []
    waiting: list[Any] = [error]
    while waiting and len(found) < 20:
        one = waiting.pop(0)
        found.append(one)
        waiting += [reason.value for reason in getattr(one, "reasons", None) or () if hasattr(reason, "value")]
    return found


