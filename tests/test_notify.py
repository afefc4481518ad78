"""What systemd is told, and the sockets that it hands over."""

from __future__ import annotations

import contextlib
import os
import socket
import tempfile
from pathlib import Path
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from neon.notify import Activation, ServiceManager, sender

FIRST = 200


class Loop(Clock):
    """A clock that also runs what waits for the reactor, when told to."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[Any] = []

    def callWhenRunning(self, function: Any) -> None:
        self.waiting.append(function)

    def run(self) -> None:
        for function in self.waiting:
            function()


class ServiceManagerTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.loop = Loop()
        self.sent: list[str] = []

    def manager(self, **environ: str) -> ServiceManager:
        self.environ = environ
        return ServiceManager(self.loop, self.environ, lambda address: self.sent.append)

    def test_life(self) -> None:
        """Ready when the loop turns, alive twice per watchdog period, stopping at once; then silent."""
        manager = self.manager(NOTIFY_SOCKET="/run/x", WATCHDOG_USEC="30000000", WATCHDOG_PID=str(os.getpid()))
        manager.startService()
        self.assertEqual(self.sent, [])
        self.loop.run()
        self.assertEqual(self.sent, ["READY=1", "WATCHDOG=1"])
        self.loop.advance(15)
        self.assertEqual(self.sent[2:], ["WATCHDOG=1"])
        manager.stopService()
        self.loop.pump([15, 15])
        self.assertEqual(self.sent[3:], ["STOPPING=1"])

    def test_stopped_before_the_loop(self) -> None:
        """A start that is taken back is never called ready."""
        manager = self.manager(NOTIFY_SOCKET="/run/x", WATCHDOG_USEC="30000000")
        manager.startService()
        manager.stopService()
        self.loop.run()
        self.assertEqual(self.sent, ["STOPPING=1"])

    def test_children_do_not_inherit(self) -> None:
        """What is meant for us is taken out of the environment."""
        self.manager(NOTIFY_SOCKET="/run/x", WATCHDOG_USEC="1", WATCHDOG_PID="1", HOME="/")
        self.assertEqual(self.environ, {"HOME": "/"})

    def test_no_watchdog(self) -> None:
        """No watchdog, somebody else's, or nonsense: ready, and nothing more."""
        for extra in ({}, {"WATCHDOG_USEC": "2000000", "WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "-1"}):
            self.loop, self.sent = Loop(), []
            self.manager(NOTIFY_SOCKET="@x", **extra).startService()
            self.loop.run()
            self.loop.advance(60)
            self.assertEqual(self.sent, ["READY=1"])

    def test_nobody_asks(self) -> None:
        """Without a service manager nothing is sent, or scheduled."""
        manager = self.manager(WATCHDOG_USEC="2000000")
        manager.startService()
        self.loop.run()
        manager.stopService()
        self.assertEqual((self.sent, self.loop.calls), ([], []))

    def test_a_real_socket(self) -> None:
        """A datagram reaches the manager, by path and by abstract name; one that is gone does no harm."""
        path = str(Path(tempfile.mkdtemp()) / "notify")
        for address, bound in ((path, path), (f"@neon-test-{os.getpid()}", f"\0neon-test-{os.getpid()}")):
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
                manager.bind(bound)
                send = sender(address)
                send("READY=1")
                manager.setblocking(False)
                self.assertEqual(manager.recv(100), b"READY=1")
            send("STOPPING=1")


class Adopter:
    """The reactor's part that listens."""

    def __init__(self) -> None:
        self.adopted: list[tuple[tuple[str, int], int, object]] = []
        self.listened: list[tuple[int, object, int, str]] = []

    def adoptStreamPort(self, descriptor: int, family: int, factory: object) -> None:
        with socket.socket(fileno=os.dup(descriptor)) as found:
            self.adopted.append((found.getsockname()[:2], family, factory))

    def listenTCP(self, *arguments: Any) -> None:
        self.listened.append(arguments)


class ActivationTests(SynchronousTestCase):
    """With real sockets, at descriptors that this process has free: trial uses the ones that systemd would."""

    def setUp(self) -> None:
        self.reactor = Adopter()

    def activation(self, *sockets: socket.socket, process: int | None = None) -> Activation:
        for number, handed in enumerate(sockets, FIRST):
            os.dup2(handed.fileno(), number)
            handed.close()
            self.addCleanup(self._close, number)
        self.environ = {
            "LISTEN_PID": str(process or os.getpid()),
            "LISTEN_FDS": str(len(sockets)),
            "LISTEN_FDNAMES": "neon.socket",
        }
        return Activation(self.reactor, self.environ, FIRST)

    def _close(self, number: int) -> None:
        with contextlib.suppress(OSError):
            os.close(number)

    def listening(self) -> tuple[socket.socket, int]:
        made = socket.create_server(("127.0.0.1", 0))
        return made, made.getsockname()[1]

    def test_adopted_once(self) -> None:
        """The socket with our address and port is adopted, the first time; the variables are gone."""
        handed, port = self.listening()
        activation = self.activation(handed)
        self.assertEqual(self.environ, {})
        activation.listenTCP(port, "api", interface="127.0.0.1")
        self.assertEqual(self.reactor.adopted, [(("127.0.0.1", port), socket.AF_INET, "api")])
        activation.listenTCP(port, "other", interface="127.0.0.1")
        self.assertEqual(self.reactor.listened, [(port, "other", 50, "127.0.0.1")])

    def test_another_address(self) -> None:
        """Another address is listened on as ever; the socket that nobody wants is closed."""
        handed, port = self.listening()
        activation = self.activation(handed)
        activation.listenTCP(port, "api", interface="127.0.0.2")
        self.assertEqual((self.reactor.adopted, len(self.reactor.listened)), ([], 1))
        activation.close_rest()
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=5)

    def test_somebody_elses(self) -> None:
        """Sockets for another process are left alone."""
        handed, port = self.listening()
        activation = self.activation(handed, process=1)
        activation.listenTCP(port, "api", interface="127.0.0.1")
        self.assertEqual((self.reactor.adopted, self.environ), ([], {}))

    def test_no_listening_socket(self) -> None:
        """A datagram socket, and a descriptor that is no socket, are refused; the rest works."""
        handed, port = self.listening()
        datagram = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        activation = self.activation(datagram, handed)
        activation.listenTCP(port, "api", interface="127.0.0.1")
        self.assertEqual(len(self.reactor.adopted), 1)
