"""Phones without a daemon around them, on a virtual clock and a network in memory: hours pass in seconds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sippy.SipRequest import SipRequest
from sippy.SipURL import SipURL
from twisted.internet.task import Clock

from neon.ports import SignallingCall
from neon.sip import messages
from neon.sip.door import DoorPolicy
from neon.sip.endpoint import Endpoint, ServerTransaction
from neon.sip.stack import CallSettings, Stack
from neon.sip.uac import Caller
from neon.sip.useragent import Invitation, Taken, UserAgent
from neon.values import Address, Cause, Destination, LocalMedia
from tests.sip.fakes import FakeResolver
from tests.sip.network import Network

MEDIA = LocalMedia(20000)


class Ear:
    """What a call says to its phone, as far as it matters here; C{on_answered} may act."""

    def __init__(self) -> None:
        self.answers = 0
        self.ends: list[Cause] = []
        self.on_answered: Callable[[], None] = lambda: None

    def answered(self, *agreement: object) -> None:
        self.answers += 1
        self.on_answered()

    def ended(self, cause: Cause) -> None:
        self.ends.append(cause)

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *arguments: None

    @property
    def complete(self) -> bool:
        """Whether the call was answered, and ended as calls do."""
        return self.answers == 1 and [cause.status for cause in self.ends] == [0]


class Phone:
    """An endpoint and its calls; whatever calls in is accepted."""

    def __init__(self, clock: Clock, network: Network, address: Address) -> None:
        self.address = address
        self.ears: list[Ear] = []
        self.endpoint = Endpoint(
            network, clock, host=address[0], port=address[1], door=DoorPolicy(trusted=lambda host, transport: True,
            pending_invites=10_000, pending_invites_per_source=10_000, pending_messages=10_000),
            on_request=self._request, user_agent="bench",
        )  # fmt: skip
        self.agent = UserAgent(Stack(self.endpoint, FakeResolver(), clock, CallSettings(max_calls=100_000)), self._take)
        self.endpoint.on_stray_response = self.agent.stray
        self.endpoint.knows_dialog = self.agent.knows
        self.endpoint.start()

    def _request(self, request: SipRequest, transaction: ServerTransaction) -> None:
        self.agent.receive(request, transaction)

    def _take(self, invitation: Invitation, call: SignallingCall) -> Taken:
        ear: Any = Ear()
        self.ears.append(ear)
        call.ring()
        call.accept()
        return ear, MEDIA

    def call(self, other: Phone) -> tuple[SignallingCall, Ear]:
        """Call another phone."""
        ear: Any = Ear()
        caller = Caller(
            messages.named_address(SipURL(username="1000", host="example.org")),
            lambda remote: messages.contact_url("me", Destination(*self.address)), None, (Destination(*other.address),),
        )  # fmt: skip
        return self.agent.call(caller, SipURL("sip:bob@example.org"), MEDIA, ear), ear

    @property
    def left(self) -> int:
        """Transactions and calls that there still are."""
        return sum(self.endpoint.pending()) + self.agent.remembered_calls
