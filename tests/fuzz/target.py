"""A phone in a box: what arrives goes through door, parser, transactions, dialogs and registrar client, on a clock.

An input is one datagram, or several with C{#next} lines between them. Its first line may name the situation that
it meets: C{#call} (a call to us is up), C{#calling} (our INVITE is out), C{#registering} (our REGISTER is),
C{#watching} (SUBSCRIBEs for an extension and for waiting messages are; the extension's is meant below). There
C{$TAG}, C{$BRANCH} and C{$CALL} stand for our tag, the branch of our last request and its Call-ID. With C{#stream} the
octets come by a connection, cut where C{#next} stands. L{Box.feed} raises L{Broken} when a promise does not hold.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sippy.SipRequest import SipRequest
from sippy.SipURL import SipURL
from twisted.internet.task import Clock
from twisted.logger import LogEvent, globalLogPublisher

from neon.ports import SignallingCall
from neon.sip import messages
from neon.sip import reactor as glue
from neon.sip.door import DoorPolicy
from neon.sip.endpoint import Endpoint, ServerTransaction
from neon.sip.framing import BadStream, StreamReader
from neon.sip.registrar import Registration
from neon.sip.stack import CallSettings, Stack
from neon.sip.subscriptions import AccountSubscriptions, Subscriptions
from neon.sip.uac import Caller
from neon.sip.useragent import Invitation, Taken, UserAgent
from neon.values import AccountOptions, AccountSettings, Address, Destination, LocalMedia
from tests.sip.fakes import FakeResolver
from tests.sip.messages import ack_text, request_text
from tests.sip.network import Datagram, Network

OURS: Address = ("192.0.2.1", 5060)
PEER: Address = ("192.0.2.9", 5070)
OURS_V6: Address = ("2001:db8::1", 5060)
PEER_V6: Address = ("2001:db8::9", 5070)

MOST_ANSWERS = 4
"""Datagrams that one datagram may cause at once: a 100 and a final answer, an ACK and a BYE."""

SDP = "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 7000 RTP/AVP 8\r\n"
SITUATIONS = ("call", "calling", "registering", "watching")


class Broken(AssertionError):
    """The phone did what it must never do; the text says what."""


class _Deaf:
    """Any listener: a call's or a registration's. It hears everything and does nothing."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *arguments: None


class Box:
    """One phone at C{ours}, and C{peer} whom it trusts."""

    def __init__(self, ours: Address = OURS, peer: Address = PEER) -> None:
        self.ours, self.peer = ours, peer
        self.clock = Clock()
        self.network = Network(self.clock)
        self.invitations: list[Invitation] = []
        self.failures: list[str] = []
        self._calls: list[SignallingCall] = []
        self._registration: Registration | None = None
        self._accepting = False
        self._call_ids: list[str] = []
        self._deaf: Any = _Deaf()
        self._glue = glue.install(self.clock)
        self.endpoint = Endpoint(
            self.network, self.clock, host=ours[0], port=ours[1],
            door=DoorPolicy(trusted=lambda host, transport: host == peer[0]), user_agent="NEON/test",
            on_request=self._request,
        )  # fmt: skip
        settings = CallSettings(takes_referrals=True)
        self.stack = Stack(self.endpoint, FakeResolver(), self.clock, settings)
        self.subscriptions = Subscriptions(self.stack, lambda user, host: self._watching)
        self.subscriptions.listener = self._deaf
        self._watching: AccountSubscriptions | None = None
        self.agent = UserAgent(self.stack, self._take)
        self.endpoint.on_stray_response = self.agent.stray
        self.endpoint.knows_dialog = lambda call_id: self.agent.knows(call_id) or self.subscriptions.knows(call_id)
        self.endpoint.start()
        observer: Any = self._observe
        self._observer = observer
        globalLogPublisher.addObserver(observer)

    def close(self) -> None:
        """Take everything down; whatever is still scheduled then was left behind."""
        globalLogPublisher.removeObserver(self._observer)
        self.endpoint.stop()
        self.agent.close()
        left = [str(call) for call in self.clock.getDelayedCalls()]
        self._glue.restore()
        if left:
            raise Broken(f"timers left behind: {left}")

    def _observe(self, event: LogEvent) -> None:
        if "log_failure" in event:
            self.failures.append(str(event["log_failure"].getTraceback()))

    def _request(self, request: SipRequest, transaction: ServerTransaction) -> None:
        if not self.subscriptions.receive(request, transaction):
            self.agent.receive(request, transaction)

    def _take(self, invitation: Invitation, call: SignallingCall) -> Taken:
        self.invitations.append(invitation)
        self._calls.append(call)
        if self._accepting:
            call.accept()
        else:
            # A phone whose user declines at once; but after the offer was looked at.
            self.clock.callLater(0, call.reject, 603)
        return self._deaf, LocalMedia(20000)

    # What happens

    def receive(self, data: bytes, source: Address | None = None) -> list[Datagram]:
        """Let one datagram arrive; returns what was sent because of it, at once."""
        self.network.taken()
        self.network.deliver(data, source or self.peer, self.ours)
        self.clock.advance(0)
        return self.network.taken()

    def wait(self, seconds: float) -> None:
        """Let time pass, from timer to timer."""
        end = self.clock.seconds() + seconds
        while True:
            delayed: list[Any] = list(self.clock.getDelayedCalls())
            due = [call.getTime() for call in delayed]
            if not due or min(due) > end:
                break
            self.clock.advance(max(0.0, min(due) - self.clock.seconds()))
        self.clock.advance(end - self.clock.seconds())

    def arrange(self, situation: str) -> dict[bytes, bytes]:
        """Bring the phone into a situation; returns what the placeholders stand for."""
        self.network.taken()
        if situation == "call":
            self._accepting = True
            [*_, answer] = self.receive(request_text("INVITE", body=SDP, call_id="c1@192.0.2.9").encode())
            self._accepting = False
            self.receive(ack_text(answer).encode())
            tag = (answer.header("To") or "").rpartition("tag=")[2]
            return {b"$TAG": tag.encode(), b"$CALL": b"c1@192.0.2.9", b"$BRANCH": b"z9hG4bKnone"}
        caller = Caller(
            messages.named_address(SipURL(username="1000", host="example.org")),
            lambda remote: messages.contact_url("me", Destination(*self.ours)), None, (Destination(*self.peer),),
        )  # fmt: skip
        if situation == "calling":
            self._calls.append(self.agent.call(caller, SipURL("sip:bob@example.org"), LocalMedia(20000), self._deaf))
        elif situation == "watching":
            watched = AccountSettings("example.org", "1000", "x", options=AccountOptions(mwi=True, blf=("31",)))
            self._watching = self.subscriptions.of(1, watched, lambda: caller)
            self._watching.registered(False, SipURL("sip:me@192.0.2.1"))
            self.wait(0.1)
        else:
            account = AccountSettings("example.org", "1000", "secret")
            resolver = FakeResolver({"example.org": [self.peer]})
            self._registration = Registration(self.endpoint, resolver, self.clock, account, self._deaf)
            self._registration.start()
        self.clock.advance(0)
        sent = self.network.taken()[-1]
        self._call_ids.append(sent.header("Call-ID") or "")
        tag = (sent.header("From") or "").rpartition("tag=")[2]
        branch = (sent.header("Via") or "").rpartition("branch=")[2].partition(";")[0]
        return {b"$TAG": tag.encode(), b"$CALL": (sent.header("Call-ID") or "").encode(), b"$BRANCH": branch.encode()}

    def feed(self, data: bytes) -> list[Datagram]:
        """Run one input in its situation, and see that the phone is well afterwards; returns what was sent at once."""
        words: dict[bytes, bytes] = {}
        first, _, rest = data.partition(b"\n")
        situation = first.strip().removeprefix(b"#").decode("latin-1")
        if situation in SITUATIONS:
            words, data = self.arrange(situation), rest
        sent: list[Datagram] = []
        pieces = data.split(b"#next\n")[:8] if situation != "stream" else framed(rest.split(b"#next\n"))
        for piece in pieces:
            for word, meaning in words.items():
                piece = piece.replace(word, meaning)
            before = len(sent)
            sent += self.receive(piece)
            if len(sent) - before > MOST_ANSWERS:
                raise Broken(f"{len(sent) - before} datagrams for one")
        self._check_targets(sent)
        self.settle()
        return sent

    def _check_targets(self, sent: list[Datagram]) -> None:
        for datagram in sent:
            if datagram.first_line.startswith("SIP/2.0") and datagram.target != self.peer:
                raise Broken(f"an answer went to {datagram.target}")

    def settle(self) -> None:
        """End what is up; after 35 s of quiet nothing may be left, and the phone must answer."""
        for call in self._calls:
            call.hang_up()
        if self._registration is not None:
            self._registration.stop()
        if self._watching is not None:
            self._watching.stop()
        # Whatever a call of ours still has to say takes a transaction's time; then 35 s as for a stranger's.
        self.wait(35.0 if not (self._calls or self._registration or self._watching) else 110.0)
        if self._watching is not None and any(map(self.subscriptions.knows, self._call_ids)):
            raise Broken("a subscription was left behind")
        if self.endpoint.pending() != (0, 0) or self.agent.remembered_calls or self.agent.live_calls:
            raise Broken(f"left behind: {self.endpoint.pending()}, {self.agent.remembered_calls} calls")
        answers = self.receive(request_text(call_id="alive").encode())
        if [answer.first_line for answer in answers] != ["SIP/2.0 200 OK"]:
            raise Broken("it does not answer any more")
        if self.endpoint.door.counters["broke"]:
            raise Broken("a message raised")
        if self.failures:
            raise Broken("a traceback:\n" + self.failures[0])


def framed(pieces: list[bytes]) -> list[bytes]:
    """The messages of a stream that arrives in these pieces; octet by octet they are the same ones."""
    found: list[list[bytes]] = []
    for arriving in (pieces, [bytes([octet]) for octet in b"".join(pieces)]):
        reader, messages = StreamReader(16 * 1024), []
        try:
            for piece in arriving:
                messages += reader.feed(piece)
        except BadStream:
            # What a piece brought before the bad part is lost with it, if it came at once; so are the later ones.
            messages.append(b"")
        found.append(messages)
    at_once, one_by_one = found
    if at_once != one_by_one and b"" not in at_once:
        raise Broken("a stream has other messages when it comes in other pieces")
    if any(len(message) > 16 * 1024 for message in one_by_one):
        raise Broken("a message that is too long")
    return [message for message in one_by_one if message][:8]


def run(data: bytes, ours: Address = OURS, peer: Address = PEER) -> list[Datagram]:
    """Feed one input to a phone of its own."""
    box = Box(ours, peer)
    try:
        sent = box.feed(data)
    finally:
        box.close()
    return sent
