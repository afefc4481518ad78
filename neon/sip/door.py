"""The door in front of the SIP parser: who may speak, how much and how often, and what is answered at once.

Robustness rules, "SIP door". A L{Door} judges each datagram: L{Admitted}, L{Answer} (a response that needs no
transaction, to be sent to the packet's source), or None, which is silence. Strangers always get silence.
"""

from __future__ import annotations

import re
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from twisted.logger import Logger

from neon.ports import Clock
from neon.sip.envelope import BadMessage, Envelope, Limits, quotes_balance, read, reply, split_list
from neon.sip.transport import is_numeric
from neon.values import Address, Destination

_log = Logger()

_FIRST_LINE = re.compile(rb"[\r\n]*(?:SIP/2\.0 \d|[A-Za-z0-9\-.!%*_+`'~]+[ \t])")
_STUN_COOKIE = b"\x21\x12\xa4\x42"
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):")
_LITERAL = re.compile(r"[^:]*:(?:[^@]*@)?(\[[^;?]*)")
_CSEQ = re.compile(r"(\d{1,10})\s+(\S+)\Z")
_NUMBER = re.compile(r"\d{1,10}\Z")
_CALL_ID = re.compile(r"[^\s,;@]+(?:@[^\s,;@]+)?\Z")
_LAST_CSEQ = 2**31 - 1
_LAST_EXPIRES = 2**32 - 1
_PEERS = 256
_PEER_LIFETIME = 300.0
_SOURCES = 1024
_NEVER = float("-inf")

Extra: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class DoorPolicy:
    """The limits of one endpoint's door.

    C{trusted} says whether a numeric host is one of the registrars' or outbound proxies' resolved addresses: they are
    not rate-limited, and may open dialogs by the transports for which it says so too. C{direct_calls} lets everybody
    open dialogs. C{supported} are the option tags that may stand in Require.
    """

    trusted: Callable[[str, str | None], bool] = field(default=lambda host, transport: False)
    direct_calls: bool = False
    limits: Limits = field(default_factory=Limits)
    source_rate: float = 20.0
    stranger_rate: float = 100.0
    pending_messages: int = 256
    pending_invites_per_source: int = 4
    pending_invites: int = 16
    supported: frozenset[str] = frozenset()
    body_types: tuple[str, ...] = ("application/sdp",)


@dataclass(frozen=True, slots=True)
class Admitted:
    """A message that may be parsed. C{welcome}: its sender may be told when it is wrong."""

    envelope: Envelope
    welcome: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """A response to be sent to the packet's source, without a transaction."""

    data: bytes


Verdict: TypeAlias = Admitted | Answer | None


class _Bucket:
    """A token bucket that holds one second's worth."""

    def __init__(self, rate: float, now: float) -> None:
        self._rate, self._tokens, self._at = rate, rate, now

    def take(self, now: float) -> bool:
        self._tokens = min(self._rate, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True


class Door:
    """Judges datagrams. Knows no transaction; the endpoint tells it which INVITEs are pending."""

    def __init__(self, policy: DoorPolicy, clock: Clock, server: str) -> None:
        self.policy = policy
        self.counters: Counter[str] = Counter()
        self._clock = clock
        self._server = server
        now = clock.seconds()
        self._strangers = _Bucket(policy.stranger_rate, now)
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self._peers: OrderedDict[str, float] = OrderedDict()
        self._inviting: Counter[str] = Counter()
        self._complained_at = float("-inf")
        self._unsaid = 0

    # -- who is known

    def spoke_to(self, host: str) -> None:
        """We have sent a request there: its responses and in-dialog requests are welcome for a while."""
        self._peers[host] = self._clock.seconds() + _PEER_LIFETIME
        self._peers.move_to_end(host)
        if len(self._peers) > _PEERS:
            self._peers.popitem(last=False)

    def _known(self, host: str) -> bool:
        return self._peers.get(host, _NEVER) >= self._clock.seconds() or self.policy.trusted(host, None)

    def welcomes(self, host: str) -> bool:
        """Whether a connection from C{host} may be taken."""
        return self.policy.direct_calls or self._known(host)

    def _within_rate(self, host: str) -> bool:
        now = self._clock.seconds()
        bucket = self._buckets.get(host)
        if bucket is None:
            bucket = self._buckets[host] = _Bucket(self.policy.source_rate, now)
            if len(self._buckets) > _SOURCES:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(host)
        # The source first: one loud stranger must not use up what all the others share.
        return bucket.take(now) and self._strangers.take(now)

    # -- judging

    def judge(self, data: bytes, sender: Destination | Address) -> Verdict:
        """Look at one datagram, or one message of a connection. Never raises, whatever it holds."""
        source: Address = sender[0], sender[1]
        transport = sender.transport if isinstance(sender, Destination) else "udp"
        limits = self.policy.limits
        host = source[0]
        if not data.strip(b"\r\n\0 "):
            return None  # a keep-alive (RFC 5626, section 4.4.1)
        known = self._known(host)
        if not known and not self._within_rate(host):
            self.counters["rate"] += 1
            return None
        if data[0] < 4 and data[4:8] == _STUN_COOKIE:
            self.counters["stun"] += 1
            return None
        if not limits.smallest <= len(data) <= limits.largest:
            self.complain("too short or too long", source)
            return None
        if _FIRST_LINE.match(data) is None:
            self.complain("the first line is not of SIP", source)
            return None
        welcome = self.policy.direct_calls or known
        try:
            envelope = read(data, limits)
        except BadMessage as bad:
            self.complain(bad.reason, source)
            refused = bad.envelope
            if refused is None or not refused.is_request or not welcome or refused.method == "ACK":
                return None
            return self.refuse(refused, source, bad.status, _REASONS[bad.status])
        if not envelope.is_request:
            return self._judge_response(envelope, source)
        if not envelope.has_to_tag and not (self.policy.direct_calls or self.policy.trusted(host, transport)):
            self.counters["stranger"] += 1
            return None
        return self._judge_request(envelope, source, welcome, transport == "tls")

    def _judge_response(self, envelope: Envelope, source: Address) -> Verdict:
        # RFC 3261, section 8.1.3.3: with more than one Via it was not meant for us.
        if len(envelope.vias) != 1 or _cseq(envelope) is None:
            self.complain("a response that is not for us", source)
            return None
        return Admitted(envelope)

    def _judge_request(self, envelope: Envelope, source: Address, welcome: bool, secure: bool) -> Verdict:
        trouble = _malformed(envelope)
        if trouble is not None:
            self.complain(trouble, source)
            refusal: tuple[int, Extra] | None = (400, ())
        else:
            refusal = _unacceptable(envelope, self.policy, secure)
        if refusal is None:
            return Admitted(envelope, welcome)
        self.counters["refused"] += 1
        # An ACK is never answered; nor is a stranger, even with a To tag.
        if envelope.method == "ACK" or not welcome:
            return None
        return self.refuse(envelope, source, refusal[0], _REASONS[refusal[0]], refusal[1])

    def refuse(self, envelope: Envelope, source: Address, status: int, reason: str, extra: Extra = ()) -> Answer:
        """The stateless answer to a request."""
        return Answer(reply(envelope, source, status, reason, self._server, extra))

    # -- load

    def overload(self, envelope: Envelope, source: Address, pending: int) -> Answer | None:
        """What to answer to a request that would start a transaction, when there are too many already.

        C{pending} counts the server transactions that wait for their final response.
        """
        if pending >= self.policy.pending_messages:
            return self._overloaded(envelope, source, 503, (("Retry-After", "5"),))
        if envelope.method == "INVITE" and not envelope.has_to_tag:
            if self._inviting[source[0]] >= self.policy.pending_invites_per_source:
                return self._overloaded(envelope, source, 486, ())
            if self._inviting.total() >= self.policy.pending_invites:
                return self._overloaded(envelope, source, 503, (("Retry-After", "5"),))
        return None

    def _overloaded(self, envelope: Envelope, source: Address, status: int, extra: Extra) -> Answer:
        self.counters["overload"] += 1
        return self.refuse(envelope, source, status, _REASONS[status], extra)

    def invite_opened(self, host: str) -> None:
        """An INVITE from C{host} waits for its final response."""
        self._inviting[host] += 1

    def invite_closed(self, host: str) -> None:
        """It waits no more."""
        self._inviting[host] -= 1
        if self._inviting[host] <= 0:
            del self._inviting[host]

    # -- counting

    def complain(self, reason: str, source: Address) -> None:
        """Count bad input, and say so in one line a second at most; C{reason} holds nothing that the peer wrote."""
        self.counters["bad"] += 1
        now = self._clock.seconds()
        self._unsaid += 1
        if now - self._complained_at < 1.0:
            return
        _log.warn(
            "{count} bad SIP messages, the last from {host}:{port}: {reason}",
            count=self._unsaid, host=source[0], port=source[1], reason=reason,
        )  # fmt: skip
        self._complained_at, self._unsaid = now, 0


_REASONS = {
    400: "Bad Request",
    406: "Not Acceptable",
    414: "Request-URI Too Long",
    415: "Unsupported Media Type",
    416: "Unsupported URI Scheme",
    420: "Bad Extension",
    483: "Too Many Hops",
    486: "Busy Here",
    503: "Service Unavailable",
    505: "Version Not Supported",
}


def _cseq(envelope: Envelope) -> tuple[int, str] | None:
    match = _CSEQ.match(envelope.fields["cseq"][0])
    if match is None or int(match[1]) > _LAST_CSEQ:
        return None
    return int(match[1]), match[2]


def _malformed(envelope: Envelope) -> str | None:
    """Why the request deserves a 400, or None."""
    cseq = _cseq(envelope)
    if cseq is None or cseq[1] != envelope.method:
        return "a bad CSeq"
    fields = envelope.fields
    if not _CALL_ID.match(fields["call-id"][0]):
        return "a bad Call-ID"
    for name, largest in (("max-forwards", 255), ("expires", _LAST_EXPIRES)):
        if name in fields and (_NUMBER.match(fields[name][0]) is None or int(fields[name][0]) > largest):
            return f"a bad {name}"
    host_part = envelope.uri.rpartition("@")[2]
    # Header fields in a Request-URI are not allowed (RFC 3261, section 19.1.5) and must never become real ones.
    if _SCHEME.match(envelope.uri) is None or "?" in host_part or ">" in envelope.uri:
        return "a bad Request-URI"
    literal = _LITERAL.match(envelope.uri)
    # Three colons, as the grammar of RFC 3261 had it by mistake (RFC 5118, section 4.10), are no address.
    if literal is not None and not is_numeric(literal[1].rpartition("]")[0] + "]"):
        return "a bad host in the Request-URI"
    if "content-type" in fields and not quotes_balance(fields["content-type"][0]):
        return "a bad Content-Type"
    return None


def _unacceptable(envelope: Envelope, policy: DoorPolicy, secure: bool) -> tuple[int, Extra] | None:
    """The status for a well-formed request that a user agent cannot serve (RFC 3261, section 8.2), or None."""
    scheme = _SCHEME.match(envelope.uri)
    if scheme is None or scheme[1].lower() not in (("sip", "sips") if secure else ("sip",)):
        return 416, ()
    fields = envelope.fields
    if envelope.method not in ("OPTIONS", "ACK", "CANCEL") and envelope.value("max-forwards") == "0":
        return 483, ()
    if "require" in fields and envelope.method not in ("ACK", "CANCEL"):
        required = [tag.strip() for value in fields["require"] for tag in split_list(value)]
        unsupported = [tag for tag in required if tag and tag.lower() not in policy.supported]
        if unsupported:
            return 420, (("Unsupported", ", ".join(unsupported)),)
    if envelope.method == "INVITE":
        return _unacceptable_body(envelope, policy)
    return None


def _unacceptable_body(envelope: Envelope, policy: DoorPolicy) -> tuple[int, Extra] | None:
    wanted = ", ".join(policy.body_types)
    if envelope.body:
        kind = envelope.value("content-type") or ""
        if kind not in policy.body_types and _media_type(kind) not in policy.body_types:
            return 415, (("Accept", wanted),)
        if (envelope.value("content-encoding") or "identity").lower() != "identity":
            return 415, (("Accept", wanted), ("Accept-Encoding", "identity"))
    if "accept" not in envelope.fields:
        return None
    accepted = [_media_type(part) for value in envelope.values("accept") for part in split_list(value)]
    # An Accept without SDP leaves us nothing to answer with (RFC 3261, section 21.4.7).
    if accepted and not {"*/*", "application/*", *policy.body_types}.intersection(accepted):
        return 406, (("Accept", wanted),)
    return None


def _media_type(value: str) -> str:
    return "".join(value.partition(";")[0].split()).lower()
