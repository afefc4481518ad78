"""The testbed's registrar (RFC 3261, section 10.3): digest, several contacts an account, expiry by the clock.

It holds everything in memory and nothing for ever: a binding lives at most an hour, an account has at most
L{MOST_CONTACTS} of them, and what has run out is dropped when next looked at, so it needs no timer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from neon.ports import Clock
from neon.sip.digest import DigestServer, Verdict
from neon.sip.messages import build_response
from neon.sip.registration_request import BadRegister, RegisterRequest, Request, Response
from neon.values import Destination

MINIMUM_LIFETIME = 30
DEFAULT_LIFETIME = 600
MAXIMUM_LIFETIME = 3600
MOST_CONTACTS = 10


@dataclass(frozen=True, slots=True)
class Binding:
    """Where one phone of an account is: the URI it gave, and the address that its REGISTER came from.

    Calls go to C{source}, never to a host that a Contact merely names: a registrar that sent packets wherever
    a Contact points would be a weapon. C{expires_at} is a time of the clock.
    """

    uri: str
    source: Destination
    expires_at: float
    call_id: str
    cseq: int


class Registrar:
    """Keeps the bindings of C{users}, a table of names and passwords."""

    def __init__(self, users: Mapping[str, str], realm: str, clock: Clock) -> None:
        self._users = users
        self._clock = clock
        self._bindings: dict[str, dict[str, Binding]] = {}
        self.digest = DigestServer(realm, users.get, clock)

    def bindings(self, user: str) -> list[Binding]:
        """The live bindings of an account, the newest last."""
        now = self._clock.seconds()
        live = {uri: one for uri, one in self._bindings.get(user, {}).items() if one.expires_at > now}
        self._bindings[user] = live
        return list(live.values())

    def authenticate(self, request: Request) -> str | Response:
        """The user that signed the request, or the 401 that it deserves."""
        checked = self.digest.verify(request)
        if checked.username is not None:
            return checked.username
        response = build_response(request, 401)
        self.digest.challenge(response, stale=checked.verdict is Verdict.STALE)
        return response

    def register(self, request: Request, source: Destination) -> Response:
        """Carry out a REGISTER and answer it."""
        user = self.authenticate(request)
        if not isinstance(user, str):
            return user
        try:
            wanted = RegisterRequest.read(request)
        except BadRegister as error:
            return build_response(request, 400, reason=f"Bad Request ({error})")
        if wanted.user not in self._users:
            return build_response(request, 404)
        if wanted.user != user:
            return build_response(request, 403)
        self.bindings(user)  # drop what has run out
        return self._update(request, wanted, source)

    def _update(self, request: Request, wanted: RegisterRequest, source: Destination) -> Response:
        """All changes of one request, or none of them (section 10.3, step 7)."""
        after = dict(self._bindings[wanted.user])
        if wanted.star:
            changes: list[tuple[str, int]] = [(uri, 0) for uri in after]
        else:
            changes = [(uri, DEFAULT_LIFETIME if asked is None else asked) for uri, asked in wanted.contacts]
        for uri, lifetime in changes:
            old = after.get(uri)
            if old is not None and old.call_id == wanted.call_id and wanted.cseq <= old.cseq:
                return build_response(request, 500, reason="CSeq Out Of Order")
            if 0 < lifetime < MINIMUM_LIFETIME:
                return build_response(request, 423, headers=[("Min-Expires", str(MINIMUM_LIFETIME))])
            after.pop(uri, None)  # put back at the end: the newest last
            if lifetime:
                expires_at = self._clock.seconds() + min(lifetime, MAXIMUM_LIFETIME)
                after[uri] = Binding(uri, source, expires_at, wanted.call_id, wanted.cseq)
        if len(after) > MOST_CONTACTS:
            return build_response(request, 403, reason="Too Many Contacts")
        self._bindings[wanted.user] = after
        now = self._clock.seconds()
        contacts = [("Contact", f"<{one.uri}>;expires={round(one.expires_at - now)}") for one in after.values()]
        return build_response(request, 200, headers=contacts)
