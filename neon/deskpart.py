"""One desk of many, or the hub of them, as a part of the daemon (L{neon.desks}).

What speaks MQTT is loaded where there is a broker: most have none, and shall not wait for it when they start.
"""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from OpenSSL import crypto
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.ssl import Certificate, optionsForClientTLS, trustRootFromCertificates

from neon import config, sections
from neon.inifile import ConfigError
from neon.parts import CannotStart
from neon.switchboard import Switchboard

if TYPE_CHECKING:
    from neon.desks.hub import Hub
    from neon.desks.link import Link, Listener, Will
    from neon.desks.publisher import Publisher

CONNECT_SECONDS = 5


class Desks:
    """C{settings.role} decides whether this is a desk, which publishes C{switchboard}, a hub, or neither."""

    def __init__(self, reactor: Any, settings: sections.Broker, switchboard: Switchboard) -> None:
        self._reactor = reactor
        self._settings = settings
        self._name = settings.desk
        self.hub: Hub | None = None
        self._publisher: Publisher | None = None
        if settings.role != "none":
            from neon.desks import topics

            self._name = self._name or topics.word(socket.gethostname())
        if settings.role == "hub":
            from neon.desks.hub import Hub

            self.hub = Hub(reactor, settings.site, self._link)
        elif settings.role == "desk":
            from neon.desks.publisher import Publisher

            self._publisher = Publisher(reactor, switchboard, settings.site, self._name, self._link_with_will)

    def start(self) -> None:
        """Connect to the broker, now or when it is there."""
        part = self.hub or self._publisher
        if part is not None:
            part.start()

    def stop(self) -> Any:
        """Say good-bye to it."""
        part = self.hub or self._publisher
        return None if part is None else part.stop()

    def _link_with_will(self, publisher: Publisher) -> Link:
        from neon.desks import topics
        from neon.desks.link import Will

        return self._link(publisher, Will(topics.state(self._settings.site, self._name), topics.alive(False)))

    def _link(self, listener: Listener, will: Will | None = None) -> Link:
        from neon.desks.link import Credentials, Link

        settings = self._settings
        setting = settings.password_file
        try:
            password = config.password_from(setting.text, setting) if setting.text else None
        except ConfigError as error:
            raise CannotStart(str(error)) from None
        return Link(
            self._reactor,
            self._endpoint(),
            Credentials(f"neon-{settings.role}-{self._name}", settings.user or None, password),
            listener,
            will=will,
            keep_alive=settings.keep_alive,
            retry_seconds=float(settings.retry_seconds),
        )

    def _endpoint(self) -> Any:
        settings = self._settings
        port = settings.port or (8883 if settings.tls else 1883)
        plain = HostnameEndpoint(self._reactor, settings.host, port, CONNECT_SECONDS)
        if not settings.tls:
            return plain
        return wrapClientTLS(optionsForClientTLS(settings.host, self._trust()), cast("Any", plain))

    def _trust(self) -> Any:
        """Whom to trust, None for whom the system trusts."""
        if not self._settings.ca_file:
            return None
        from neon.certificates import in_pem

        path = Path(self._settings.ca_file)
        try:
            made: Any = Certificate
            found = [made(crypto.X509.from_cryptography(one)) for one in in_pem(path.read_bytes())]
        except OSError as error:
            raise CannotStart(f"the broker's ca-file {path} cannot be read: {error.strerror}") from None
        except ValueError:
            found = []
        if not found:
            raise CannotStart(f"the broker's ca-file {path} has no certificate in PEM")
        return trustRootFromCertificates(found)  # type: ignore[no-untyped-call]
