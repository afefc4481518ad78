"""Who may talk to the local APIs at all (robustness rules, "Local APIs", 1 to 5): one object that every skin asks.

When a connection is made: loopback only, so many connections, and only the user's own. When a request has come: a
local name as Host, so that a page whose DNS name was rebound to us is refused; then the Origin.

====================  =====================  ==========================================================
Origin                Sec-Fetch-Site         what it is
====================  =====================  ==========================================================
approved              any                    a page that may
unknown               any                    a page the user is asked about: a WebSocket waits, HTTP gets 403
blocked, malformed    any                    refused
C{null}               any                    refused, unless a setting allows it
none                  C{same-origin}         one of our own pages
none                  C{none}                an address that a person typed
none                  none                   a program of this machine: allowed
none                  anything else          an image, a link or a form of another site: refused
====================  =====================  ==========================================================
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from neon import parsing
from neon.api import peers
from neon.api.approvals import ApprovalRequests
from neon.api.cors import Connection, Verdict, Visitor
from neon.api.origins import NULL, Origins, Standing
from neon.api.throttle import Bucket, Recent
from neon.ports import Clock
from neon.values import Address

LOCAL_NAMES: Final = ("localhost", "127.0.0.1", "[::1]")

FORBIDDEN: Final = 403
MISDIRECTED: Final = 421
TOO_MANY: Final = 429
UNAVAILABLE: Final = 503

_PHRASES: Final = {FORBIDDEN: "Forbidden", MISDIRECTED: "Misdirected Request", UNAVAILABLE: "Service Unavailable"}


@dataclass(frozen=True, slots=True)
class Limits:
    """How much there may be at once; a rate of 0 is no limit."""

    connections: int = 64
    connections_per_origin: int = 16
    messages_per_second: int = 50


@dataclass(frozen=True, slots=True)
class PeerRule:
    """Which users' programs may connect. C{sure}: refuse also where this machine does not say whose a socket is."""

    users: frozenset[int]
    sure: bool = False

    @classmethod
    def of(cls, check: bool | None, own_uid: int) -> PeerRule | None:
        """The rule for C{check-peer-user}: yes, no, or (None) what fits the user that the daemon runs as.

        A daemon of a person serves that person. One that runs as root or a system user serves whoever sits at the
        machine: nobody there has its user id.
        """
        if check is False or (check is None and not peers.is_session_user(own_uid)):
            return None
        return cls(frozenset({0, own_uid}), sure=check is True)


class Guard:
    """Implements L{neon.api.cors.OriginPolicy}, and more for skins that keep connections."""

    _log = Logger()

    def __init__(
        self,
        clock: Clock,
        origins: Origins,
        approvals: ApprovalRequests,
        limits: Limits | None = None,
        peer_rule: PeerRule | None = None,
        uid_of: Callable[[Address, Address], int | None] = peers.peer_uid,
    ) -> None:
        self.origins = origins
        self.approvals = approvals
        self.limits = Limits() if limits is None else limits
        self.clock = clock
        self._peer_rule = peer_rule
        self._uid_of = uid_of
        self._connections: dict[Connection, str | None] = {}
        self._rates: Recent[str, Bucket] = Recent()
        self._lines = Bucket(clock, 1)
        self._unlogged = 0

    # Connections

    def entered(self, connection: Connection, peer: Address, local: Address) -> Verdict:
        """A connection was made. Whatever the verdict is, L{left} has to be called when it is gone."""
        if not ipaddress.ip_address(peer[0]).is_loopback:
            return self._refused(FORBIDDEN, "only from this machine", peer[0])
        if len(self._connections) >= self.limits.connections:
            return self._refused(UNAVAILABLE, "too many connections", peer[0])
        if self._peer_rule is not None and not self._own_user(peer, local, self._peer_rule):
            return self._refused(FORBIDDEN, "only for the user of this machine", peer[0])
        self._connections[connection] = None
        return Verdict()

    def left(self, connection: Connection) -> None:
        """A connection is gone."""
        self._connections.pop(connection, None)

    def cut(self, origin: str) -> None:
        """An origin may not any more: end its connections."""
        for connection, whose in tuple(self._connections.items()):
            if whose == origin:
                connection.transport.abortConnection()

    def bucket(self) -> Bucket:
        """The messages of one connection."""
        return Bucket(self.clock, self.limits.messages_per_second)

    # Requests

    def decide(self, visitor: Visitor) -> Verdict:
        """Whether a request is let through, at once; an unknown origin is refused and the user is asked."""
        verdict, unknown = self._judge(visitor)
        if verdict.origin is None or visitor.preflight:
            return verdict
        if unknown:
            self.approvals.ask(verdict.origin)
        elif verdict.admitted and self._rate(verdict.origin).take():
            return replace(verdict, status=TOO_MANY, reason="too many requests a second")
        return verdict

    def _rate(self, origin: str) -> Bucket:
        """The requests of a page, by however many connections."""
        return self._rates.get(origin) or self._rates.put(origin, self.bucket())

    def hold(self, visitor: Visitor) -> Verdict | Deferred[Verdict]:
        """The same for a visitor who can wait while the user is asked. The Deferred may be cancelled: a refusal."""
        verdict, unknown = self._judge(visitor)
        if not unknown or verdict.origin is None:
            return verdict

        def answered(allowed: bool) -> Verdict:
            return replace(verdict, status=200, reason="") if allowed else verdict

        return self.approvals.wait(verdict.origin).addCallback(answered)

    def _judge(self, visitor: Visitor) -> tuple[Verdict, bool]:
        """The verdict for now, and whether the user might see it differently."""
        name, _, port = (visitor.host or "").lower().rpartition(":")
        if name not in LOCAL_NAMES or port != str(visitor.local[1]):
            return self._refused(MISDIRECTED, "unknown Host", visitor.host), False
        if visitor.origin is None:
            return self._judge_without(visitor, f"http://{name}:{port}"), False
        if visitor.origin in (NULL, "file://"):
            # Chromium writes the second for a file that opens a WebSocket.
            origin = NULL
        else:
            try:
                origin = parsing.origin(visitor.origin)
            except ValueError:
                return self._refused(FORBIDDEN, "this Origin is none", visitor.origin), False
        standing = self.origins.standing(origin)
        if standing is Standing.BLOCKED:
            return self._refused(FORBIDDEN, f"pages of {origin} may not use NEON", origin), False
        if not self._room(visitor.connection, origin):
            full = self._refused(UNAVAILABLE, "too many connections of this page", origin)
            return replace(full, origin=origin), False
        if standing is Standing.APPROVED:
            return Verdict(allow_origin=origin, origin=origin), False
        # The page may read this one refusal, so that it can tell its user what to do.
        refusal = self._refused(FORBIDDEN, f"{origin} was not approved yet by the user of this machine", origin)
        return replace(refusal, allow_origin=origin, origin=origin), True

    def _judge_without(self, visitor: Visitor, own: str) -> Verdict:
        match visitor.fetch_site:
            case None:
                return Verdict()
            case "none":
                return Verdict()
            case "same-origin":
                # Browsers leave the Origin out when a page fetches from where it came from.
                return Verdict(origin=own)
        return self._refused(FORBIDDEN, "not from another site", f"Sec-Fetch-Site: {visitor.fetch_site}")

    def _room(self, connection: Connection | None, origin: str) -> bool:
        """Count a connection for an origin, the latest that used it."""
        if connection is None or connection not in self._connections or self._connections[connection] == origin:
            return True
        if origin in self.origins.own:
            # Nobody else's page is among these, and a panel in three browsers has thirty; the limit of all holds.
            self._connections[connection] = origin
            return True
        if list(self._connections.values()).count(origin) >= self.limits.connections_per_origin:
            return False
        self._connections[connection] = origin
        return True

    def _own_user(self, peer: Address, local: Address, rule: PeerRule) -> bool:
        try:
            uid = self._uid_of(peer, local)
        except peers.CannotTell:
            return not rule.sure
        return uid in rule.users

    def _refused(self, status: int, reason: str, who: str | None) -> Verdict:
        """A refusal, in the log as well, though not oftener than once a second."""
        if self._lines.take() == 0.0:
            more, self._unlogged = self._unlogged, 0
            shown = parsing.quoted(who or "")
            self._log.info("refused {who}: {reason} ({more} more)", who=shown, reason=reason, more=more)
        else:
            self._unlogged += 1
        return Verdict(status, reason)


def response(verdict: Verdict) -> bytes:
    """The whole HTTP answer to a connection that was refused before it could ask anything."""
    phrase = _PHRASES.get(verdict.status, "Refused")
    return (
        f"HTTP/1.1 {verdict.status} {phrase}\r\nConnection: close\r\nContent-Type: text/plain\r\n"
        f"Content-Length: {len(verdict.reason)}\r\n\r\n{verdict.reason}"
    ).encode("ascii")
