"""Two phones and a wire: real endpoints with their calls on a network in memory, and a far end made of text."""

from __future__ import annotations

from collections.abc import Callable

from sippy.SipRequest import SipRequest
from sippy.SipURL import SipURL
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from neon.details import Referral
from neon.ports import SignallingCall
from neon.sip import extensions, messages
from neon.sip import reactor as glue
from neon.sip.digest import DigestClient
from neon.sip.door import DoorPolicy
from neon.sip.endpoint import Endpoint, ServerTransaction
from neon.sip.stack import CallSettings, Stack
from neon.sip.uac import Caller, UacCall
from neon.sip.useragent import Invitation, Taken, UserAgent
from neon.values import Address, Cause, Destination, LocalMedia, MediaAgreement
from tests.sip.fakes import FakeResolver
from tests.sip.messages import OURS, PEER, request_text, response_text
from tests.sip.network import Datagram, Network

LATENCY = 0.01

SDP = "\r\n".join(
    ["v=0", "o=- 1 1 IN IP4 127.0.0.9", "s=-", "c=IN IP4 127.0.0.9", "t=0 0", "m=audio 7000 RTP/AVP 0 8 96",
     "a=rtpmap:96 telephone-event/8000", ""]
)  # fmt: skip
HELD_SDP = SDP.replace("t=0 0", "t=0 0\r\na=sendonly")
VIDEO_SDP = SDP.replace("m=audio", "m=video")
CONTACT = "Contact: <sip:bob@127.0.0.9:5080>"
WITH_SDP = (CONTACT, "Content-Type: application/sdp")


class Ear:
    """A CallListener that writes down what it hears, and protests if anything follows the end."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.agreements: list[MediaAgreement] = []
        self.cause: Cause | None = None
        self.wishes: list[Referral] = []
        self.on_answered: Callable[[], None] | None = None
        self.media: LocalMedia | None = None
        """Where its audio is reached now that the network has changed."""

    def _note(self, what: str) -> None:
        assert self.cause is None, f"{what} after the end"
        self.heard.append(what)

    def ringing(self, status: int, early: MediaAgreement | None) -> None:
        self._note(f"ringing {status}" + ("" if early is None else " with media"))
        if early is not None:
            self.agreements.append(early)

    def answered(self, agreement: MediaAgreement) -> None:
        self._note("answered")
        self.agreements.append(agreement)
        if self.on_answered is not None:
            self.on_answered()

    def media_changed(self, agreement: MediaAgreement) -> None:
        self._note("media changed")
        self.agreements.append(agreement)

    def located(self) -> LocalMedia | None:
        return self.media

    def hold_answered(self, agreement: MediaAgreement) -> None:
        self._note("hold answered")
        self.agreements.append(agreement)

    def hold_refused(self, cause: Cause) -> None:
        self._note(f"hold refused {cause.status}")

    def digit_received(self, digit: str) -> None:
        self._note(f"digit {digit}")

    def digits_refused(self, digits: str) -> None:
        self._note(f"digits refused {digits}")

    def transferred(self) -> None:
        self._note("transferred")

    def transfer_failed(self, cause: Cause) -> None:
        self._note(f"transfer failed {cause.status}")

    def referred(self, wish: Referral) -> None:
        self._note(f"referred {wish.target}")
        self.wishes.append(wish)

    def ended(self, cause: Cause) -> None:
        self._note(f"ended {cause.status}")
        self.cause = cause


class Side:
    """One endpoint with its user agent. What calls in rings, unless C{refuse_with} or C{on_invitation} says else."""

    def __init__(
        self,
        clock: Clock,
        network: Network,
        address: Address,
        settings: CallSettings,
        digest: DigestClient | None = None,
    ) -> None:
        self.media = LocalMedia(20000)
        self.resolver = FakeResolver()
        self.invitations: list[Invitation] = []
        self.incoming: list[SignallingCall] = []
        self.ears: list[Ear] = []
        self.refuse_with: int | None = None
        self.on_invitation: Callable[[SignallingCall], None] = lambda call: call.ring()
        self.digest = digest
        self.endpoint = Endpoint(
            network, clock, host=address[0], port=address[1],
            door=DoorPolicy(direct_calls=True, supported=extensions.understood(settings)),
            on_request=self._receive, user_agent="test",
        )  # fmt: skip
        self.agent = UserAgent(Stack(self.endpoint, self.resolver, clock, settings), self.take)
        self.endpoint.on_stray_response = self.agent.stray
        self.endpoint.knows_dialog = self.agent.knows
        self.endpoint.start()

    def _receive(self, request: SipRequest, transaction: ServerTransaction) -> None:
        self.agent.receive(request, transaction)

    def take(self, invitation: Invitation, call: SignallingCall) -> Taken:
        self.invitations.append(invitation)
        if self.refuse_with is not None:
            return self.refuse_with
        self.incoming.append(call)
        self.ears.append(Ear())
        self.on_invitation(call)
        return self.ears[-1], self.media

    def call(self, *hops: Address, target: SipURL | None = None, ear: Ear | None = None) -> tuple[UacCall, Ear]:
        ear = ear or Ear()
        caller = Caller(
            messages.named_address(SipURL(username="1000", host="example.org"), "Alice"),
            lambda remote: messages.contact_url("alice", self.endpoint.local_address(remote)),
            self.digest,
            tuple(Destination(*hop) for hop in hops),
        )
        url = target or SipURL(username="bob", host="example.org")
        return self.agent.call(caller, url, self.media, ear), ear


class CallCase(SynchronousTestCase):
    """C{self.alice} is at OURS. Every test ends with a look at what is left behind: nothing."""

    settings = CallSettings()

    def setUp(self) -> None:
        self.clock = Clock()
        self.addCleanup(glue.install(self.clock).restore)
        self.network = Network(self.clock, LATENCY)
        self.sides: list[Side] = []
        self.alice = self.side(OURS)

    def side(self, address: Address, digest: DigestClient | None = None) -> Side:
        made = Side(self.clock, self.network, address, self.settings, digest)
        self.sides.append(made)
        return made

    def wait(self, seconds: float = 0.1) -> None:
        """Let time pass, in steps fine enough for every timer and packet to come in order."""
        step = LATENCY if seconds <= 1 else 0.1
        self.clock.pump([step] * round(seconds / step))

    def assert_nothing_left(self) -> None:
        """Two minutes later: no transaction, no call, no timer."""
        self.wait(120)
        for side in self.sides:
            self.assertEqual(side.endpoint.pending(), (0, 0))
            self.assertEqual((side.agent.live_calls, side.agent.remembered_calls), (0, 0))
            self.successResultOf(side.endpoint.stop())
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def sent(self, *methods: str, to: Address | None = None) -> list[Datagram]:
        """The requests that went over the wire so far, of these methods."""
        return [
            datagram
            for datagram in self.network.sent
            if datagram.first_line.split()[0] in methods and to in (None, datagram.target)
        ]

    def statuses(self, source: Address) -> list[int]:
        """The status codes of the responses that C{source} sent so far."""
        lines = [datagram.first_line for datagram in self.network.sent if datagram.source == source]
        return [int(line.split()[1]) for line in lines if line.startswith("SIP/2.0")]


class WireCase(CallCase):
    """Alice against PEER, which is what the test makes it say."""

    def respond(
        self, status: int, *extra: str, tag: str = "far", body: str = "", request: Datagram | None = None
    ) -> None:
        """PEER responds to Alice's last request (not ACK)."""
        if request is None:
            request = [one for one in self.sent("INVITE", "BYE", "CANCEL") if one.source == OURS][-1]
        self.network.deliver(response_text(request, status, tag=tag, extra=extra, body=body), PEER, OURS)

    def say(self, method: str, *, body: str = "", extra: tuple[str, ...] = (), **headers: str) -> None:
        """PEER sends a request."""
        self.network.deliver(request_text(method, body=body, extra=extra, **headers), PEER, OURS)

    def answers(self, since: int = 0) -> list[str]:
        """The first lines of Alice's responses after the first C{since} datagrams, 100 left out."""
        lines = [one.first_line for one in self.network.sent[since:] if one.source == OURS]
        return [line[8:] for line in lines if line.startswith("SIP/2.0") and " 100 " not in line]
