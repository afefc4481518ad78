"""What dialogs stand on: the transaction layer, names, time and settings, as typed seams."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from sippy.SipRequest import SipRequest
from sippy.SipResponse import SipResponse
from twisted.internet.defer import Deferred

from neon.ports import Clock
from neon.srtp import SrtpPolicy
from neon.values import AccountOptions, Destination, ReliablePolicy


class ClientTransaction(Protocol):
    """A request of ours on its way (see L{neon.sip.endpoint.ClientTransaction})."""

    def cancel(self) -> None: ...


class ServerTransaction(Protocol):
    """A request that wants responses (see L{neon.sip.endpoint.ServerTransaction})."""

    source: Destination
    on_cancel: Callable[[], None] | None
    on_ack: Callable[[SipRequest], None] | None
    on_no_ack: Callable[[], None] | None
    cancelled_by: SipRequest | None

    @property
    def silent(self) -> bool: ...

    def respond(self, response: SipResponse) -> None: ...


class SipEndpoint(Protocol):
    """What dialogs need of L{neon.sip.endpoint.Endpoint}."""

    def local_address(self, remote: Destination) -> Destination: ...

    def reach(self, destination: Destination) -> Deferred[None]: ...

    def send_request(
        self, request: SipRequest, remote: Destination, on_response: Callable[[SipResponse], None]
    ) -> ClientTransaction: ...

    def send_stateless(self, request: SipRequest, remote: Destination) -> None: ...


class NameResolver(Protocol):
    """What dialogs need of L{neon.sip.resolver.Resolver}."""

    def resolve(self, host: str, port: int | None, transport: str) -> Deferred[list[Destination]]: ...


@dataclass(frozen=True, slots=True)
class CallSettings:
    """How calls behave.

    C{max_calls}: an incoming call beyond so many live ones gets 486. C{no_answer_seconds}: an outgoing call that
    nobody answers is cancelled then. C{patience_seconds}: the end of a call is reported so long after our CANCEL
    or BYE even if no answer came; retransmission goes on. C{unwanted_status} refuses an incoming call that is
    hung up without a status. C{reliable}: whether provisional responses are acknowledged. C{session_expires}: the
    session timer that we ask for, in seconds, 0 for none; C{min_se}: the shortest that others may ask us for.
    C{takes_referrals}: a REFER within a call is passed on to the listener; else, and
    wherever it cannot be followed, it gets C{refer_status}. C{srtp}: whether the calls to an account that does not say
    so itself are encrypted.
    """

    max_calls: int = 4
    no_answer_seconds: float = 180.0
    patience_seconds: float = 4.0
    unwanted_status: int = 486
    refer_status: int = 603
    reliable: ReliablePolicy = ReliablePolicy.SUPPORTED
    session_expires: int = 1800
    min_se: int = 90
    takes_referrals: bool = False
    srtp: SrtpPolicy = SrtpPolicy.OFF

    def of_account(self, options: AccountOptions) -> CallSettings:
        """The same as an account wants it."""
        own = {
            "reliable": options.reliable_responses,
            "session_expires": options.session_expires,
            "min_se": options.min_se,
            "srtp": options.srtp,
        }
        told: dict[str, Any] = {name: value for name, value in own.items() if value is not None}
        return replace(self, **told) if told else self


@dataclass(frozen=True, slots=True)
class Stack:
    """Everything below a dialog."""

    endpoint: SipEndpoint
    resolver: NameResolver
    clock: Clock
    settings: CallSettings = CallSettings()

    def of_account(self, options: AccountOptions) -> Stack:
        """What stands below a dialog of an account."""
        settings = self.settings.of_account(options)
        return self if settings is self.settings else replace(self, settings=settings)

    def address_towards(self, host: str) -> str:
        """Our address as a numeric host sees it."""
        return self.endpoint.local_address(Destination(host, 5060)).host
