"""One port number on every loopback address."""

from __future__ import annotations

import errno
from typing import Any

from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Factory
from twisted.trial.unittest import SynchronousTestCase

from neon.api.listen import ATTEMPTS, listen

BOTH = ("127.0.0.1", "::1")


class FakePort:
    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port
        self.open = True

    def getHost(self) -> Any:
        return self

    def stopListening(self) -> None:
        self.open = False


class FakeReactor:
    """C{free} are the numbers it gives for port 0; C{refuse} the errno for a host and number."""

    def __init__(self) -> None:
        self.free = iter(range(40000, 41000))
        self.refuse: dict[tuple[str, int], int] = {}
        self.missing: set[str] = set()
        self.ports: list[FakePort] = []

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> FakePort:
        number = port or next(self.free)
        code = errno.EADDRNOTAVAIL if interface in self.missing else self.refuse.get((interface, number))
        if code is not None:
            raise CannotListenError(interface, number, OSError(code, "refused"))
        opened = FakePort(interface, number)
        self.ports.append(opened)
        return opened


class ListenTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = FakeReactor()
        self.factory = Factory()

    def listening(self) -> list[tuple[str, int]]:
        return [(port.host, port.port) for port in self.reactor.ports if port.open]

    def test_fixed(self) -> None:
        """The port that was asked for, on both."""
        listeners = listen(self.reactor, self.factory, BOTH, 15070)
        self.assertEqual(listeners.addresses, [("127.0.0.1", 15070), ("::1", 15070)])

    def test_free(self) -> None:
        """A free port is the same on both; one that is free on one only is given back and another tried."""
        self.reactor.refuse["::1", 40000] = errno.EADDRINUSE
        listeners = listen(self.reactor, self.factory, BOTH, 0)
        self.assertEqual(listeners.addresses, [("127.0.0.1", 40001), ("::1", 40001)])
        self.assertEqual(self.listening(), listeners.addresses)

    def test_busy(self) -> None:
        """A taken port is an error, and nothing stays open."""
        self.reactor.refuse["::1", 15070] = errno.EADDRINUSE
        self.assertRaises(CannotListenError, listen, self.reactor, self.factory, BOTH, 15070)
        self.assertEqual(self.listening(), [])

    def test_never_free(self) -> None:
        """Looking for a free port comes to an end."""
        for number in range(40000, 41000):
            self.reactor.refuse["::1", number] = errno.EADDRINUSE
        self.assertRaises(CannotListenError, listen, self.reactor, self.factory, BOTH, 0)
        self.assertEqual(len(self.reactor.ports), ATTEMPTS)
        self.assertEqual(self.listening(), [])

    def test_no_ipv6(self) -> None:
        """A machine without IPv6 is served on IPv4."""
        self.reactor.missing.add("::1")
        self.assertEqual(listen(self.reactor, self.factory, BOTH, 15070).addresses, [("127.0.0.1", 15070)])

    def test_nothing(self) -> None:
        """With no address left there is no API."""
        self.reactor.missing.update(BOTH)
        self.assertRaises(CannotListenError, listen, self.reactor, self.factory, BOTH, 15070)

    def test_close(self) -> None:
        """Closing closes all of them."""
        listeners = listen(self.reactor, self.factory, BOTH, 15070)
        self.successResultOf(listeners.close())
        self.assertEqual(self.listening(), [])
