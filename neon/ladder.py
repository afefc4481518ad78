"""Remembers the SIP messages of lately made calls and registrations, cut down to what may be shown to anybody.

L{Ladder.record} is an endpoint's trace hook, so it runs for every message, in the middle of what is urgent: the message
is only put aside, and described a moment later. What stays is a line per message (what it is, when, which way, whose,
and notes such as C{Retry-After}), never a body, a credential or a password. A description (SDP) becomes one note with
codecs, direction and address.

A conversation is all messages of one SIP Call-ID, or of one address of record where they are REGISTERs. Those of the
calls that L{Ladder.keep} names stay as long as there is room; strangers' are forgotten first, so that nobody outside
can push a call of ours out.
"""

from __future__ import annotations

import re
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Final, Protocol, cast

from twisted.logger import Logger

from neon.ports import Clock, Timer
from neon.values import Address, Destination

_log = Logger()

_now: Final = partial(datetime.now, UTC)

MAX_KEPT: Final = 200
MAX_OTHERS: Final = 100
MAX_FIRST: Final = 40
MAX_LAST: Final = 40
MAX_TEXT: Final = 160
MAX_WAITING: Final = 64
WAIT: Final = 0.05
"""Seconds for which a message may wait to be described."""

# The fields we need, in their long and short names (RFC 3261, section 7.3.3).
_FIELDS: Final = {
    name: name.removeprefix("proxy-").replace("www-", "")
    for name in (
        *("call-id", "cseq", "to", "authorization", "proxy-authorization", "www-authenticate", "proxy-authenticate"),
        *("retry-after", "warning", "reason", "expires", "min-expires"),
    )
} | {"i": "call-id", "t": "to"}
_LONG_NAMES: Final = tuple((name, known) for name, known in _FIELDS.items() if len(name) > 1)
_ORDINARY: Final = frozenset(("call-id", "cseq", "to"))
"""What every message has, and nothing is noted of."""
_FIELD_LINE: Final = re.compile(
    rf"^({'|'.join(_FIELDS)})[ \t]*:([^\r\n]*)", re.IGNORECASE | re.MULTILINE
)
_NOTED: Final = (
    ("retry-after", "Retry-After"),
    ("min-expires", "Min-Expires"),
    ("warning", "Warning"),
    ("reason", "Reason"),
)

_URI_PASSWORD: Final = re.compile(r"(sips?:[^\s:@<>]+):[^\s@<>]+@", re.IGNORECASE)
_URI_HEADERS: Final = re.compile(r"\?\S*")
_URI: Final = re.compile(r"sips?:([^\s@<>;?]+@[^\s<>;?,]+)", re.IGNORECASE)
_REALM: Final = re.compile(r'realm="([^"]{0,80})"', re.IGNORECASE)
_ALGORITHM: Final = re.compile(r'algorithm="?([A-Za-z0-9-]{1,20})', re.IGNORECASE)
_WAYS: Final = frozenset(("sendrecv", "sendonly", "recvonly", "inactive"))
_STATIC: Final = {"0": "PCMU", "3": "GSM", "4": "G723", "8": "PCMA", "9": "G722", "18": "G729"}


class Heard(Protocol):
    """A message from the network, taken apart (L{neon.sip.envelope.Envelope}): C{fields} by long name in lower case."""

    method: str
    uri: str
    status: int
    reason: str
    body: bytes
    fields: Mapping[str, Sequence[str]]


@dataclass(slots=True)
class Step:
    """One message: C{what} is a method and its Request-URI, or a status and its reason.

    C{at} is the wall clock; C{repeats} counts the retransmissions that followed.
    """

    at: datetime
    sent: bool
    peer: Address
    what: str
    cseq: str
    notes: tuple[str, ...] = ()
    repeats: int = 0


@dataclass(slots=True)
class Conversation:
    """The steps of one call or registration: the first ones, the last ones, and how many there were between."""

    first: list[Step] = field(default_factory=list)
    last: deque[Step] = field(default_factory=lambda: deque(maxlen=MAX_LAST))
    omitted: int = 0

    def add(self, step: Step) -> None:
        """One more; the same one again within the last few is a retransmission."""
        for before in (*list(self.last)[-4:], *self.first[-4:]):
            if (before.sent, before.what, before.cseq, before.peer) == (step.sent, step.what, step.cseq, step.peer):
                before.repeats += 1
                return
        if len(self.first) < MAX_FIRST:
            self.first.append(step)
            return
        if len(self.last) == MAX_LAST:
            self.omitted += 1
        self.last.append(step)

    @property
    def steps(self) -> tuple[Step, ...]:
        return (*self.first, *self.last)


class Ladder:
    """The conversations of one endpoint. Without a C{clock}, messages are described at once."""

    def __init__(
        self, wall: Callable[[], datetime] = _now, *, clock: Clock | None = None
    ) -> None:
        self._wall = wall
        self._clock = clock
        self._waiting: list[tuple[datetime, str, Address | Destination, object]] = []
        self._timer: Timer | None = None
        self._kept: OrderedDict[str, Conversation] = OrderedDict()
        self._others: OrderedDict[str, Conversation] = OrderedDict()

    def record(self, direction: str, peer: Address | Destination, message: object) -> None:
        """See one message, text or L{Heard}; C{direction} is C{"->"} or C{"<-"} (L{neon.sip.endpoint.Endpoint.trace}).

        Never raises: a message that we cannot describe must still be carried.
        """
        try:
            self._waiting.append((self._wall(), direction, peer, message))
            if self._clock is None or len(self._waiting) >= MAX_WAITING:
                self._catch_up()
            elif self._timer is None:
                self._timer = self._clock.callLater(WAIT, self._catch_up)
        except Exception:
            _log.failure("a SIP message was not recorded")

    def _catch_up(self) -> None:
        """Describe what waits."""
        if self._timer is not None:
            if self._timer.active():
                self._timer.cancel()
            self._timer = None
        waiting, self._waiting = self._waiting, []
        for message in waiting:
            try:
                self._describe(*message)
            except Exception:
                _log.failure("a SIP message was not recorded")

    def _describe(self, at: datetime, direction: str, peer: Address | Destination, message: object) -> None:
        what, fields, body = _read(message) if isinstance(message, str) else _heard(cast(Heard, message))
        cseq = " ".join(fields.get("cseq", "").split())
        if cseq.endswith(" OPTIONS"):
            return
        registers = cseq.endswith(" REGISTER")
        name = _registration(fields.get("to", "")) if registers else fields.get("call-id", "")
        if not name:
            return
        sent = direction == "->"
        step = Step(at, sent, (peer[0], peer[1]), _shown_again(what), _shown_again(cseq), _notes(fields, body))
        self._conversation(name, own=sent and registers).add(step)

    def keep(self, call_id: str) -> None:
        """This SIP Call-ID is a call of ours: its conversation is to stay."""
        self._conversation(call_id, own=True)

    def call(self, call_id: str) -> Conversation | None:
        """The conversation of a SIP Call-ID, if it is still there."""
        self._catch_up()
        return self._kept.get(call_id) or self._others.get(call_id)

    def registration(self, uri: str) -> Conversation | None:
        """The conversation in which an address of record was registered."""
        self._catch_up()
        return self._kept.get(_registration(uri))

    def _conversation(self, name: str, *, own: bool) -> Conversation:
        if (known := self._kept.get(name)) is not None:
            return known
        if not own:
            known = self._others.setdefault(name, Conversation())
            if len(self._others) > MAX_OTHERS:
                self._others.popitem(last=False)
            return known
        known = self._kept[name] = self._others.pop(name) if name in self._others else Conversation()
        if len(self._kept) > MAX_KEPT:
            self._forget_one()
        return known

    def _forget_one(self) -> None:
        """The oldest call; registrations are few and live on, so they are forgotten only among themselves."""
        for name in self._kept:
            if not name.startswith("REGISTER "):
                del self._kept[name]
                return
        self._kept.popitem(last=False)


def shown(text: str) -> str:
    """Text from the network as it may be shown: one line, printable, no password and no headers inside a URI."""
    if "@" in text:
        text = _URI_HEADERS.sub("", _URI_PASSWORD.sub(r"\1:(withheld)@", text))
    if not text.isprintable():
        text = "".join(character if character.isprintable() else "?" for character in text[:MAX_TEXT])
    return text[:MAX_TEXT]


_shown_again = lru_cache(maxsize=256)(shown)
"""For what is the same in many calls."""


def _heard(message: Heard) -> tuple[str, dict[str, str], bytes]:
    """A message from the network, as L{_read} returns it: it has been taken apart already."""
    fields = {known: message.fields[name][0] for name, known in _LONG_NAMES if name in message.fields}
    what = f"{message.method} {message.uri}" if message.status == 0 else f"{message.status} {message.reason}"
    return what, fields, message.body


def _read(message: str) -> tuple[str, dict[str, str], str]:
    """Method and Request-URI or status and reason, the first value of each field that we need, and the body."""
    head, _, body = message.partition("\r\n\r\n")
    start, _, lines = head.partition("\r\n")
    fields: dict[str, str] = {}
    for name, value in _FIELD_LINE.findall(lines):
        fields.setdefault(_FIELDS[name.lower()], value.strip())
    return start[8:] if start.startswith("SIP/2.0 ") else start.removesuffix(" SIP/2.0"), fields, body


def _registration(to: str) -> str:
    """What the REGISTERs of one address of record have in common."""
    match = _URI.search(to)
    if match is None:
        return ""
    user, _, host = match[1].rpartition("@")
    return f"REGISTER {user}@{host.lower().removesuffix(':5060')}"


def _notes(fields: dict[str, str], body: str | bytes) -> tuple[str, ...]:
    if not body and fields.keys() <= _ORDINARY:
        return ()
    notes = []
    if "authorization" in fields:
        notes.append("with credentials")
    if (challenge := fields.get("authenticate")) is not None:
        realm, algorithm = _REALM.search(challenge), _ALGORITHM.search(challenge)
        how = algorithm[1] if algorithm else "MD5"
        notes.append(shown(f"asks for the password of {realm[1] if realm else '?'} ({how})"))
    notes += [shown(f"{title}: {fields[name]}") for name, title in _NOTED if name in fields]
    if "expires" in fields and fields.get("cseq", "").endswith("REGISTER"):
        notes.append(shown(f"Expires: {fields['expires']}"))
    if isinstance(body, bytes):
        body = body.decode("utf-8", "surrogateescape")
    if body and (audio := description(body)):
        notes.append(audio)
    return tuple(notes)


def description(body: str) -> str:
    """An SDP body in one line, without what must not be kept: keys stand in attributes that are not read."""
    port = where = ""
    way = "sendrecv"
    numbers: list[str] = []
    names = dict(_STATIC)
    for line in body.splitlines():
        match line[:2]:
            case "m=":
                if port:
                    break  # the media after the audio
                words = line[2:].split()
                if words[:1] == ["audio"]:
                    port, numbers = "".join(words[1:2]), words[3:]
            case "c=":
                where = line[2:].split()[-1] if line[2:].split() else ""
            case "a=":
                name, _, value = line[2:].partition(":")
                if name == "rtpmap":
                    number, _, encoding = value.partition(" ")
                    names[number] = encoding.partition("/")[0]
                elif name in _WAYS:
                    way = name
    if not port:
        return ""
    codecs = " ".join(dict.fromkeys(names.get(number, number) for number in numbers))
    return shown(f"audio {way} {where}:{port}: {codecs}")
