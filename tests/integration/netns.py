"""Networks of the tests' own: kernel network namespaces joined by a virtual cable (veth), with whatever addresses.

A namespace is entered with C{with}: sockets that are made then belong to it, and go on belonging to it, so a test may
hold sockets in several. Between two steps of a coroutine the reactor must find itself at home: no C{await} inside.
"""

from __future__ import annotations

import ctypes
import functools
import itertools
import os
import shutil
import subprocess
import threading
from pathlib import Path
from types import TracebackType

from twisted.trial.unittest import SkipTest

from tests.integration.processes import IntegrationCase

_CLONE_NEWNET = 0x40000000
_numbers = itertools.count(1)


@functools.cache
def obstacle() -> str | None:
    """Why there can be no namespaces here, None if there can."""
    if shutil.which("ip") is None:
        return "ip (iproute2) is not installed"
    if os.geteuid() != 0:
        return "network namespaces need root"
    name = f"neon-probe-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], check=False, capture_output=True, text=True, timeout=10)
    if made.returncode:
        return f"network namespaces are not allowed here: {made.stderr.strip()}"
    try:
        cable = ["ip", "-n", name, "link", "add", "probe0", "type", "veth", "peer", "name", "probe1"]
        joined = subprocess.run(cable, check=False, capture_output=True, text=True, timeout=10)
        return f"veth is not allowed here: {joined.stderr.strip()}" if joined.returncode else None
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True, timeout=10)


class Namespace:
    """One namespace; its loopback interface is up. Use L{make_network}, which also takes it away again."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.path = Path("/run/netns") / name
        self._home = -1
        _ip("netns", "add", name)
        self.ip("link", "set", "lo", "up")

    def ip(self, *words: str) -> str:
        """Do what C{ip} does with these words, in here; return what it prints."""
        return _ip("-n", self.name, *words)

    def add(self, address: str, device: str = "eth0") -> None:
        """Give it an address, as in C{198.18.0.2/24}; an IPv6 one can be used at once."""
        self.ip("address", "add", address, "dev", device, *(("nodad",) if ":" in address else ()))

    def remove(self, address: str, device: str = "eth0") -> None:
        """Take an address away; the kernel forgets what was routed by it."""
        self.ip("address", "delete", address, "dev", device)

    def plug(self, on: bool, device: str = "eth0") -> None:
        """Plug the cable in, or pull it: this end of it goes up or down."""
        self.ip("link", "set", device, "up" if on else "down")

    def argv(self, *argv: str) -> tuple[str, ...]:
        """The command line that runs a program in here."""
        return ("nsenter", f"--net={self.path}", *argv)

    def delete(self) -> None:
        _ip("netns", "delete", self.name)

    def __enter__(self) -> Namespace:
        assert self._home < 0, "a namespace is entered once at a time"
        self._home = os.open(f"/proc/self/task/{threading.get_native_id()}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            _enter(fd)
        finally:
            os.close(fd)
        return self

    def __exit__(self, kind: type[BaseException] | None, value: object, traceback: TracebackType | None) -> None:
        home, self._home = self._home, -1
        try:
            _enter(home)
        finally:
            os.close(home)


class Network:
    """C{near}, where the daemon lives, and C{far}, where its peers do; eth0 to eth0, up, without addresses.

    L{cable} lays further cables between the two.
    """

    def __init__(self) -> None:
        number = f"{os.getpid()}-{next(_numbers)}"
        self.near = Namespace(f"neon-near-{number}")
        try:
            self.far = Namespace(f"neon-far-{number}")
            self.cable("eth0")
        except Exception:
            self.delete()
            raise

    def cable(self, device: str) -> None:
        """Join the two by one more interface of that name on either side, and bring it up."""
        self.near.ip("link", "add", device, "type", "veth", "peer", "name", device, "netns", self.far.name)
        for end in (self.near, self.far):
            # Nobody asks for routers, and an IPv6 address can be used as soon as it is there.
            end.ip("link", "set", device, "addrgenmode", "none")
            end.ip("link", "set", device, "up")

    def delete(self) -> None:
        for end in ("near", "far"):
            if hasattr(self, end):
                getattr(self, end).delete()


def make_network(test: IntegrationCase) -> Network:
    """A network that is gone with the test; the test is skipped where there can be none."""
    reason = obstacle()
    if reason is not None:
        raise SkipTest(reason)
    network = Network()
    test.at_end(network.delete)
    return network


def _ip(*words: str) -> str:
    done = subprocess.run(["ip", *words], check=False, capture_output=True, text=True, timeout=10)
    if done.returncode:
        raise AssertionError(f"ip {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


def _enter(fd: int) -> None:
    # os.setns is there from Python 3.12 on.
    if _libc().setns(fd, _CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
