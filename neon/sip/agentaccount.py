"""One account as the agent has it: its registration, its subscriptions, and the way its calls go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from sippy.SipURL import SipURL
from twisted.internet.defer import Deferred

from neon.errors import NotRegistered
from neon.ports import RegistrationListener
from neon.sip import messages
from neon.sip.binding import default_port, split_host_port
from neon.sip.digest import DigestClient
from neon.sip.stack import SipEndpoint
from neon.sip.subscriptions import AccountSubscriptions
from neon.sip.uac import Caller
from neon.values import AccountSettings, Cause, Destination


class AccountRegistration(Protocol):
    """What the agent needs of L{neon.sip.registrar.Registration}."""

    @property
    def targets(self) -> tuple[Destination, ...]: ...

    @property
    def target(self) -> Destination | None: ...

    @property
    def contact_user(self) -> str: ...

    @property
    def contact(self) -> Destination | None: ...

    @property
    def service_route(self) -> tuple[str, ...]: ...

    def is_trusted(self, host: str, transport: str | None = None) -> bool: ...

    def start(self) -> None: ...

    def refresh(self) -> None: ...

    def replace(self, settings: AccountSettings) -> None: ...

    def stop(self) -> Deferred[None]: ...


class AgentAccount:
    """One account: its registration, and the way its calls go. Passes on what its registration reports."""

    def __init__(
        self,
        connection_id: int,
        settings: AccountSettings,
        listener: RegistrationListener,
        on_gone: Callable[[AgentAccount], None],
        on_registered: Callable[[], None],
    ) -> None:
        self.connection_id = connection_id
        self.settings = settings
        self.listener = listener
        self.leaving = False
        self._on_gone = on_gone
        self._on_registered = on_registered
        self._registration: AccountRegistration | None = None
        self._subscriptions: AccountSubscriptions | None = None

    @property
    def registration(self) -> AccountRegistration:
        assert self._registration is not None
        return self._registration

    @registration.setter
    def registration(self, registration: AccountRegistration) -> None:
        self._registration = registration

    @property
    def subscriptions(self) -> AccountSubscriptions:
        assert self._subscriptions is not None
        return self._subscriptions

    @subscriptions.setter
    def subscriptions(self, subscriptions: AccountSubscriptions) -> None:
        self._subscriptions = subscriptions

    # RegistrationListener

    def registered(self, renewed: bool) -> None:
        self._on_registered()
        self.listener.registered(renewed)
        if not self.leaving:
            place = self.registration.contact
            self.subscriptions.registered(renewed, None if place is None else messages.contact_url(None, place))

    def refused(self, cause: Cause) -> None:
        self.listener.refused(cause)

    def failed(self, cause: Cause) -> None:
        self.listener.failed(cause)

    def timed_out(self, cause: Cause) -> None:
        self.listener.timed_out(cause)

    def lapsed(self, cause: Cause) -> None:
        self.listener.lapsed(cause)

    def unregistered(self, cause: Cause) -> None:
        self._on_gone(self)
        self.listener.unregistered(cause)

    # The way of its calls

    def contact(self, endpoint: SipEndpoint, remote: Destination) -> SipURL:
        """Where this account is reached: the address that the registrar knows, or ours as the peer sees it."""
        address = self.registration.contact or endpoint.local_address(remote)
        return messages.contact_url(self.registration.contact_user, address)

    def digest(self) -> DigestClient:
        """The account's credentials, for one dialog."""
        return DigestClient(
            self.settings.auth_user or self.settings.number, self.settings.password, realms=(self.settings.domain,)
        )

    def way(self, endpoint: SipEndpoint) -> Caller | None:
        """As L{caller}; None where nobody knows the way."""
        return None if self.registration.target is None else self.caller(endpoint)

    def caller(self, endpoint: SipEndpoint) -> Caller:
        """Calls go where the registrations go: through the outbound proxy, or to the registrar's own address.

        @raise NotRegistered: nobody knows where that is yet.
        """
        settings = self.settings
        target = self.registration.target
        if target is None:
            raise NotRegistered(f"the account with connectionId {self.connection_id} is not registered")
        others = tuple(address for address in self.registration.targets if address != target)
        return Caller(
            address=messages.named_address(
                SipURL(
                    username=settings.number,
                    host=messages.uri_host(settings.domain),
                    port=None if settings.port == default_port(settings.transport) else settings.port,
                ),
                settings.display_name,
            ),
            contact=lambda remote: self.contact(endpoint, remote),
            digest=self.digest(),
            hops=(target, *others),
            routes=self._routes(),
            options=settings.options,
        )

    def _routes(self) -> tuple[SipURL, ...]:
        proxy: tuple[SipURL, ...] = ()
        if self.settings.proxy is not None:
            host, port = split_host_port(self.settings.proxy)
            transport = None if self.settings.transport in ("udp", "auto") else self.settings.transport
            proxy = (SipURL(host=messages.uri_host(host), port=port, transport=transport, lr=True),)
        # RFC 3608, section 6.1: behind the outbound proxy, where both are known.
        return (*proxy, *(SipURL(uri) for uri in self.registration.service_route))
