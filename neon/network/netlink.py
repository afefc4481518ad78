"""The kernel's view of addresses and default routes, over rtnetlink (rtnetlink(7)), and news about it.

Parsing trusts no length. What cannot be understood is skipped; what was lost (ENOBUFS) is asked for again.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from twisted.logger import Logger
from twisted.python.failure import Failure

_log = Logger()

LARGEST_READ = 65536
READS_AT_ONCE = 64

# linux/netlink.h, linux/rtnetlink.h, linux/if_addr.h
NLMSG_ERROR, NLMSG_DONE = 2, 3
RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR = 20, 21, 22
RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE = 24, 25, 26
NLM_F_REQUEST, NLM_F_DUMP = 1, 0x300
GROUPS = 0x10 | 0x40 | 0x100 | 0x400  # RTMGRP_IPV4_IFADDR, IPV4_ROUTE, IPV6_IFADDR, IPV6_ROUTE
IFA_ADDRESS, IFA_LOCAL, IFA_FLAGS = 1, 2, 8
IFA_F_DADFAILED, IFA_F_TENTATIVE = 0x08, 0x40
RTA_OIF, RTA_GATEWAY, RTA_TABLE = 4, 5, 15
RT_SCOPE_LINK, RT_TABLE_MAIN, RTN_UNICAST = 253, 254, 1

_HEADER = struct.Struct("=IHHII")
_ADDRESS = struct.Struct("=BBBBI")
_ROUTE = struct.Struct("=BBBBBBBBI")
_ATTRIBUTE = struct.Struct("=HH")


@dataclass(frozen=True, slots=True)
class HostAddress:
    """An address of this machine that others can reach, and the number of its interface."""

    address: str
    interface: int


@dataclass(frozen=True, slots=True)
class DefaultRoute:
    """A way to everywhere: the family, the router (None on a point-to-point link) and the interface."""

    family: int
    gateway: str | None
    interface: int


Item = HostAddress | DefaultRoute


@dataclass(frozen=True, slots=True)
class News:
    """Something is there (again), or gone."""

    item: Item
    present: bool


def dump_request(kind: int, sequence: int) -> bytes:
    """The question for everything of a kind: C{RTM_GETADDR} or C{RTM_GETROUTE}, all families."""
    body = _ADDRESS.pack(0, 0, 0, 0, 0) if kind == RTM_GETADDR else _ROUTE.pack(*[0] * 9)
    return _HEADER.pack(_HEADER.size + len(body), kind, NLM_F_REQUEST | NLM_F_DUMP, sequence, 0) + body


def messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The messages of one datagram: type and body. Ends at the first whose length makes no sense."""
    offset = 0
    while offset + _HEADER.size <= len(data):
        length, kind, *_ = _HEADER.unpack_from(data, offset)
        if length < _HEADER.size or offset + length > len(data):
            return
        yield kind, data[offset + _HEADER.size : offset + length]
        offset += (length + 3) & ~3


def parse(kind: int, body: bytes) -> News | None:
    """What a message says, None if it is nothing that matters here."""
    if kind in (RTM_NEWADDR, RTM_DELADDR):
        item: Item | None = _address(body, kind == RTM_NEWADDR)
        return None if item is None else News(item, kind == RTM_NEWADDR)
    if kind in (RTM_NEWROUTE, RTM_DELROUTE):
        item = _route(body)
        return None if item is None else News(item, kind == RTM_NEWROUTE)
    return None


def _address(body: bytes, new: bool) -> HostAddress | None:
    if len(body) < _ADDRESS.size:
        return None
    family, _, flags, scope, interface = _ADDRESS.unpack_from(body)
    found = _attributes(body[_ADDRESS.size :])
    if len(found.get(IFA_FLAGS, b"")) == 4:
        flags = int.from_bytes(found[IFA_FLAGS], _byteorder)
    if scope >= RT_SCOPE_LINK or (new and flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)):
        return None  # nobody beyond the link knows it, or it is not ours yet
    address = _numeric(family, found.get(IFA_LOCAL) or found.get(IFA_ADDRESS))
    return None if address is None else HostAddress(address, interface)


def _route(body: bytes) -> DefaultRoute | None:
    if len(body) < _ROUTE.size:
        return None
    family, length, _, _, table, _, _, kind, _ = _ROUTE.unpack_from(body)
    found = _attributes(body[_ROUTE.size :])
    if len(found.get(RTA_TABLE, b"")) == 4:
        table = int.from_bytes(found[RTA_TABLE], _byteorder)
    if length != 0 or table != RT_TABLE_MAIN or kind != RTN_UNICAST or family not in (socket.AF_INET, socket.AF_INET6):
        return None
    interface = int.from_bytes(found.get(RTA_OIF, b"")[:4], _byteorder)
    return DefaultRoute(family, _numeric(family, found.get(RTA_GATEWAY)), interface)


def _attributes(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    offset = 0
    while offset + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, offset)
        if length < _ATTRIBUTE.size or offset + length > len(data):
            break
        found.setdefault(kind & 0x3FFF, data[offset + _ATTRIBUTE.size : offset + length])
        offset += (length + 3) & ~3
    return found


def _numeric(family: int, packed: bytes | None) -> str | None:
    if packed is None or (family, len(packed)) not in ((socket.AF_INET, 4), (socket.AF_INET6, 16)):
        return None
    return str(ipaddress.ip_address(packed))


_byteorder: Any = "little" if struct.pack("=H", 1) == b"\1\0" else "big"


class ReaderReactor(Protocol):
    """Twisted's IReactorFDSet, as far as it is used."""

    def addReader(self, reader: Any) -> object: ...

    def removeReader(self, reader: Any) -> object: ...


class Netlink:
    """The socket on the reactor (IReadDescriptor): C{on_news} hears everything that is, and then what changes.

    C{on_lost} is told when news were lost; everything that is follows then once more.
    """

    def __init__(
        self, reactor: ReaderReactor, on_news: Callable[[News], None], on_lost: Callable[[], None]
    ) -> None:
        self._reactor = reactor
        self._on_news = on_news
        self._on_lost = on_lost
        self._socket: socket.socket | None = None
        self._questions: list[int] = []
        self._sequence = 0

    def start(self) -> None:
        """Listen. @raise OSError: the kernel has no rtnetlink for us (seccomp, or another system)."""
        made = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, 0)
        try:
            made.bind((0, GROUPS))
        except OSError:
            made.close()
            raise
        self._socket = made
        self._reactor.addReader(self)
        self._ask_all()

    def stop(self) -> None:
        """Listen no more. May be called twice."""
        if self._socket is not None:
            self._reactor.removeReader(self)
            self._socket.close()
            self._socket = None

    def _ask_all(self) -> None:
        """The kernel answers one such question at a time; the next goes when the answer is complete."""
        self._questions = [RTM_GETADDR, RTM_GETROUTE]
        self._ask_next()

    def _ask_next(self) -> None:
        if self._questions and self._socket is not None:
            self._sequence += 1
            try:
                self._socket.sendto(dump_request(self._questions.pop(0), self._sequence), (0, 0))
            except OSError as error:
                _log.warn("netlink was not asked: {error}", error=os.strerror(error.errno or 0))

    # IReadDescriptor

    def fileno(self) -> int:
        return -1 if self._socket is None else self._socket.fileno()

    def logPrefix(self) -> str:
        return "netlink"

    def connectionLost(self, reason: Failure) -> None:
        """The reactor lets go of us at its end, or after an error."""
        self.stop()

    def doRead(self) -> None:
        for _ in range(READS_AT_ONCE):
            if self._socket is None:
                return
            try:
                data, sender = self._socket.recvfrom(LARGEST_READ)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    _log.error("netlink failed: {error}", error=str(error))
                    self.stop()
                    return
                self._on_lost()
                self._ask_all()
                continue
            if sender[0] == 0:  # the kernel; other processes could write here too
                self._read(data)

    def _read(self, data: bytes) -> None:
        for kind, body in messages(data):
            if kind in (NLMSG_DONE, NLMSG_ERROR):
                self._ask_next()
                continue
            news = parse(kind, body)
            if news is not None:
                try:
                    self._on_news(news)
                except Exception:
                    # An exception here would make the reactor drop the descriptor, and every later change with it.
                    _log.failure("news of the network were not handled")
