"""Digest access authentication for SIP, both sides (RFC 3261 section 22, RFC 7616, RFC 8760).

sippy's own header classes cannot read several algorithms, escapes or unknown parameters, count nc or tell a
stale nonce from a wrong password, so the headers are read and written here from their raw text (L{neon.challenge}).
"""

from __future__ import annotations

import enum
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from sippy.SipRequest import SipRequest
from sippy.SipResponse import SipResponse

from neon.challenge import Algorithm, Answer, Credentials, choose_qop, join, parse, quote, unescape
from neon.ports import Clock
from neon.sip.written import Field

MAXIMUM_REALMS = 4
"""A request passes few proxies; whoever names more realms than this wants our credentials, not our call."""

STALE_IN_A_ROW = 2
"""So many fresh nonces may be called stale at once before we stop believing it."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """A challenge that we know how to answer. C{proxy} tells which header the credentials go into."""

    proxy: bool
    realm: str
    nonce: str
    algorithm: Algorithm
    qop: str | None
    opaque: str | None
    stale: bool

    @classmethod
    def read(cls, credentials: Credentials, proxy: bool) -> Challenge | None:
        """The challenge, or None if its scheme, algorithm or quality of protection is not ours."""
        realm, nonce = credentials.get("realm"), credentials.get("nonce")
        algorithm = Algorithm.named(credentials.get("algorithm"))
        usable, qop = choose_qop(credentials.get("qop"))
        if credentials.scheme != "digest" or realm is None or nonce is None or algorithm is None or not usable:
            return None
        if algorithm.session and qop is None:
            return None  # -sess needs a cnonce, which may not be sent without qop
        stale = (credentials.get("stale") or "").lower() == "true"
        return cls(proxy, realm, nonce, algorithm, qop, credentials.get("opaque"), stale)


@dataclass(slots=True)
class _Remembered:
    """A challenge as we use it: how often its nonce was used, and how many fresh nonces before it were called stale."""

    challenge: Challenge
    cnonce: str
    used: int = 0
    stale_in_a_row: int = 0


class DigestClient:
    """The credentials of one account, in one dialog or registration.

    C{refuse_downgrade}: once a realm has offered SHA-256 or SHA-512-256, its MD5 challenges are not answered.
    Whether the peer may be answered at all is the caller's to decide before it calls L{challenged}. C{realms} are
    known to be the account's before anybody has asked for them.
    """

    def __init__(
        self,
        username: str,
        password: str,
        *,
        refuse_downgrade: bool = True,
        realms: Iterable[str] = (),
        make_cnonce: Callable[[], str] = lambda: secrets.token_hex(16),
    ) -> None:
        self._username = username
        self._password = password
        self._refuse_downgrade = refuse_downgrade
        self._make_cnonce = make_cnonce
        self._known: dict[tuple[bool, str], _Remembered] = {}
        self._strong_realms: set[str] = set()
        self._own_realms = set(realms)

    def challenged(
        self, response: SipResponse, request: SipRequest | None = None, *, own_realms_only: bool = False
    ) -> bool:
        """Take note of the challenges of a 401 or 407; whether sending the request again is worth it.

        False: nothing here can be answered, or what we sent has been refused. A nonce that had been accepted
        before and is refused now has grown old, whether the server says C{stale} or not: that is worth one
        more try, and so is one that is called stale, but not for ever. With the C{request} that was challenged it is
        known what has been refused: of several that are under way one may have gone without the credentials, or with
        the nonce, that another one has learnt of meanwhile. C{own_realms_only} answers no realm but those
        that are the account's: given beforehand, or asked for before without this condition.
        """
        offered: dict[tuple[bool, str], Challenge] = {}
        for challenge in self._usable(response):
            if own_realms_only and challenge.realm not in self._own_realms:
                continue
            key = (challenge.proxy, challenge.realm)
            # Equals keep the server's order, which is its preference (RFC 7616, section 3.7).
            if key not in offered or challenge.algorithm.strength < offered[key].algorithm.strength:
                offered[key] = challenge
        # All of them are to be remembered, so no short cut after the first that is worth an answer.
        worth = [self._remember(key, challenge, request) for key, challenge in offered.items()]
        self._own_realms.update(realm for _, realm in self._known)
        return any(worth)

    def authorize(self, request: SipRequest) -> None:
        """Put credentials for every remembered challenge on the request, in place of those it may carry.

        The body must be set already (auth-int). ACK and CANCEL are left alone: an ACK repeats the headers of
        its INVITE, and nobody may challenge a CANCEL (RFC 3261, section 22.1).
        """
        if request.getMethod() in ("ACK", "CANCEL"):
            return
        request.delHFs("authorization")
        request.delHFs("proxy-authorization")
        for remembered in self._known.values():
            remembered.used += 1
            name = "proxy-authorization" if remembered.challenge.proxy else "authorization"
            request.appendHeader(Field(name, self._credentials(request, remembered)))

    def _usable(self, response: SipResponse) -> list[Challenge]:
        found: list[Challenge] = []
        # A proxy that forked collects both kinds in one answer (RFC 3261, section 16.7, step 7).
        for name, proxy in (("www-authenticate", False), ("proxy-authenticate", True)):
            for header in response.getHFs(name):
                found.extend(
                    challenge
                    for credentials in parse(header.body.body)
                    if (challenge := Challenge.read(credentials, proxy)) is not None
                )
        self._strong_realms.update(challenge.realm for challenge in found if not challenge.algorithm.is_md5)
        return [
            challenge
            for challenge in found
            if not (self._refuse_downgrade and challenge.algorithm.is_md5 and challenge.realm in self._strong_realms)
        ]

    def _remember(self, key: tuple[bool, str], challenge: Challenge, request: SipRequest | None) -> bool:
        known = self._known.get(key)
        stale_in_a_row = 0
        if known is not None and request is not None:
            presented = _presented(request, key)
            if presented is None and challenge.nonce != known.challenge.nonce:
                known = None
            elif presented != known.challenge.nonce:
                return True  # what we know now was not tried yet
        if known is None:
            if key not in self._known and len(self._known) >= MAXIMUM_REALMS:
                return False
        elif known.used == 1:  # refused at its first use
            if not challenge.stale or known.stale_in_a_row >= STALE_IN_A_ROW:
                del self._known[key]
                return False
            stale_in_a_row = known.stale_in_a_row + 1
        elif known.challenge.nonce == challenge.nonce and known.used:
            del self._known[key]
            return False
        self._known[key] = _Remembered(challenge, self._make_cnonce(), 0, stale_in_a_row)
        return True

    def _credentials(self, request: SipRequest, remembered: _Remembered) -> str:
        challenge = remembered.challenge
        uri = str(request.getRURI())
        answer = Answer(
            algorithm=challenge.algorithm,
            username=self._username,
            realm=challenge.realm,
            password=self._password,
            method=request.getMethod(),
            uri=uri,
            nonce=challenge.nonce,
            qop=challenge.qop,
            cnonce=remembered.cnonce,
            nc=f"{remembered.used:08x}",
            body=_body_of(request),
        )
        parameters = [
            ("username", quote(self._username)),
            ("realm", f'"{challenge.realm}"'),
            ("nonce", f'"{challenge.nonce}"'),
            ("uri", f'"{uri}"'),
            ("response", f'"{answer.response}"'),
            ("algorithm", challenge.algorithm.value),
        ]
        if challenge.opaque is not None:
            parameters.append(("opaque", f'"{challenge.opaque}"'))
        if challenge.qop is not None:
            parameters += [("qop", challenge.qop), ("nc", answer.nc), ("cnonce", f'"{answer.cnonce}"')]
        return join(parameters)


def _presented(request: SipRequest, key: tuple[bool, str]) -> str | None:
    """The nonce that a request of ours has credentials for, None if it has none for that kind and realm."""
    proxy, realm = key
    for header in request.getHFs("proxy-authorization" if proxy else "authorization"):
        for credentials in parse(str(header.body)):
            if credentials.get("realm") == realm:
                return credentials.get("nonce")
    return None


class Verdict(enum.Enum):
    """What a server thinks of a request's credentials."""

    ACCEPTED = "accepted"
    ABSENT = "absent"
    STALE = "stale"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Checked:
    """A verdict, and whose credentials they were if they were accepted."""

    verdict: Verdict
    username: str | None = None


@dataclass(slots=True)
class _Use:
    issued: float
    last_nc: int = field(default=0)


class DigestServer:
    """Challenges requests of one realm and checks what comes back.

    Nonces are signed, not stored, so a flood of requests costs no memory; only those that good credentials have
    used are kept, for their nc, at most C{maximum_nonces} of them. A nonce that had to be forgotten, that is
    too old or whose nc was seen before is stale: the honest client tries again, the replayed request is lost.
    """

    def __init__(
        self,
        realm: str,
        password_of: Callable[[str], str | None],
        clock: Clock,
        *,
        algorithms: Sequence[Algorithm] = (Algorithm.SHA_512_256, Algorithm.SHA_256, Algorithm.MD5),
        nonce_lifetime: float = 300.0,
        maximum_nonces: int = 1024,
        qop: str = "auth",
    ) -> None:
        self._realm = realm
        self._password_of = password_of
        self._clock = clock
        self._algorithms = tuple(algorithms)
        self._lifetime = nonce_lifetime
        self._maximum = maximum_nonces
        self._qop = qop
        self._secret = secrets.token_bytes(32)
        self._opaque = secrets.token_hex(8)
        self._uses: OrderedDict[str, _Use] = OrderedDict()
        self._forgotten_until = float("-inf")

    def challenge(self, response: SipResponse, *, stale: bool = False) -> None:
        """Add our challenges to a 401 (WWW-Authenticate) or a 407 (Proxy-Authenticate), the strongest first."""
        name = "proxy-authenticate" if response.getSCode()[0] == 407 else "www-authenticate"
        nonce = self._make_nonce()
        for algorithm in self._algorithms:
            parameters = [
                ("realm", quote(self._realm)),
                ("nonce", f'"{nonce}"'),
                ("opaque", f'"{self._opaque}"'),
                ("algorithm", algorithm.value),
                ("qop", f'"{self._qop}"'),
            ]
            if stale:
                parameters.append(("stale", "true"))
            response.appendHeader(Field(name, join(parameters)))

    def verify(self, request: SipRequest, *, proxy: bool = False) -> Checked:
        """Judge the credentials that a request carries for our realm."""
        name = "proxy-authorization" if proxy else "authorization"
        for header in request.getHFs(name):
            for credentials in parse(header.body.body):
                if credentials.scheme == "digest" and unescape(credentials.get("realm") or "") == self._realm:
                    return self._judge(request, credentials)
        return Checked(Verdict.ABSENT)

    def _judge(self, request: SipRequest, credentials: Credentials) -> Checked:
        nonce = credentials.get("nonce") or ""
        issued = self._issue_time(nonce)
        if issued is None:
            return Checked(Verdict.STALE)  # from before our last start, or made up: a new one settles it
        username = unescape(credentials.get("username") or "")
        if not self._response_is_right(request, credentials, username, nonce):
            return Checked(Verdict.REFUSED)
        if self._clock.seconds() - issued > self._lifetime or not self._count(nonce, issued, credentials):
            return Checked(Verdict.STALE)
        return Checked(Verdict.ACCEPTED, username)

    def _response_is_right(self, request: SipRequest, credentials: Credentials, username: str, nonce: str) -> bool:
        algorithm = Algorithm.named(credentials.get("algorithm"))
        qop = credentials.get("qop")
        uri = credentials.get("uri") or ""
        request_uri = request.getRURI()
        if algorithm not in self._algorithms or qop not in (None, *self._qop.split(",")):
            return False
        if uri not in (request_uri.original_uri, str(request_uri)):
            return False  # credentials made for another target (RFC 7616, section 3.4.6)
        password = self._password_of(username)
        answer = Answer(
            algorithm=algorithm,
            username=username,
            realm=self._realm,
            # An unknown user takes as long as a wrong password.
            password=secrets.token_hex(16) if password is None else password,
            method=request.getMethod(),
            uri=uri,
            nonce=nonce,
            qop=qop,
            cnonce=credentials.get("cnonce") or "",
            nc=credentials.get("nc") or "",
            body=_body_of(request),
        )
        given = (credentials.get("response") or "").lower()
        return hmac.compare_digest(answer.response.encode(), given.encode("utf-8", "surrogateescape"))

    def _count(self, nonce: str, issued: float, credentials: Credentials) -> bool:
        """Whether this nc is newer than those seen. Without qop there is no nc, and a nonce serves once."""
        try:
            nc = int(credentials.get("nc") or "1", 16) if credentials.get("qop") else 1
        except ValueError:
            return False
        use = self._uses.get(nonce)
        if use is None:
            if issued <= self._forgotten_until:
                return False
            use = self._uses[nonce] = _Use(issued)
        if nc <= use.last_nc:
            return False
        use.last_nc = nc
        self._uses.move_to_end(nonce)
        while len(self._uses) > self._maximum:
            _, oldest = self._uses.popitem(last=False)
            self._forgotten_until = max(self._forgotten_until, oldest.issued)
        return True

    def _make_nonce(self) -> str:
        head = f"{round(self._clock.seconds() * 1000):016x}{secrets.token_hex(8)}"
        return head + self._sign(head)

    def _sign(self, head: str) -> str:
        return hmac.new(self._secret, head.encode("utf-8", "surrogateescape"), "sha256").hexdigest()[:32]

    def _issue_time(self, nonce: str) -> float | None:
        head, signature = nonce[:32], nonce[32:]
        if not hmac.compare_digest(self._sign(head).encode(), signature.encode("utf-8", "surrogateescape")):
            return None
        return int(head[:16], 16) / 1000


def _body_of(request: SipRequest) -> str:
    body = request.getBody()
    return "" if body is None else str(body.localStr())
