"""Which user is at the other end of a loopback TCP connection (Linux).

The kernel is asked through C{SOCK_DIAG} (sock_diag(7)): one datagram for one exact connection, answered at once. Where
netlink sockets are forbidden, C{/proc/net/tcp} is read instead.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import struct
from pathlib import Path
from typing import Final

from neon.values import Address

FIRST_SESSION_UID: Final = 1000
"""Below it are root and system users (login.defs, UID_MIN)."""

NOBODY: Final = 65534

_NETLINK_SOCK_DIAG: Final = 4
_SOCK_DIAG_BY_FAMILY: Final = 20
_NLM_F_REQUEST: Final = 1
_NLMSG_ERROR: Final = 2
_ENOENT: Final = 2
_ANY_STATE: Final = 0xFFFFFFFF
_NO_COOKIE: Final = b"\xff" * 8

_HEADER: Final = struct.Struct("=IHHII")  # struct nlmsghdr
_REQUEST: Final = struct.Struct("=BBBxI")  # struct inet_diag_req_v2 up to its id
_ANSWER: Final = struct.Struct("=BBBB")  # struct inet_diag_msg up to its id
_TAIL: Final = struct.Struct("=IIIII")  # ... and after it: expires, rqueue, wqueue, uid, inode
_ID_LENGTH: Final = 48

_FAMILIES: Final = {4: (socket.AF_INET, Path("/proc/net/tcp")), 6: (socket.AF_INET6, Path("/proc/net/tcp6"))}


class CannotTell(Exception):
    """This machine does not say whose a socket is."""


def peer_uid(peer: Address, local: Address) -> int | None:
    """The user id that owns the far end C{peer} of a connection to our C{local}; None if it is gone.

    @raise CannotTell: neither netlink nor /proc can be asked.
    """
    try:
        return _by_netlink(peer, local)
    except OSError:
        return by_proc(peer, local)


def is_session_user(uid: int) -> bool:
    """Whether a user id is a person's: not root's, and not that of a system user."""
    return uid >= FIRST_SESSION_UID and uid != NOBODY


def _by_netlink(peer: Address, local: Address) -> int | None:
    version = ipaddress.ip_address(peer[0]).version
    family, _ = _FAMILIES[version]
    source, destination = (ipaddress.ip_address(host).packed.ljust(16, b"\0") for host in (peer[0], local[0]))
    connection = struct.pack(">HH", peer[1], local[1]) + source + destination + struct.pack("=I", 0) + _NO_COOKIE
    request = _REQUEST.pack(family, socket.IPPROTO_TCP, 0, _ANY_STATE) + connection
    header = _HEADER.pack(_HEADER.size + len(request), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_SOCK_DIAG) as netlink:
        # The kernel answers a request for one socket before send() returns; a time-out is for kernels we do not know.
        netlink.settimeout(0.05)
        netlink.send(header + request)
        answer = netlink.recv(4096)
    _, kind, _, _, _ = _HEADER.unpack_from(answer)
    if kind == _NLMSG_ERROR:
        (error,) = struct.unpack_from("=i", answer, _HEADER.size)
        if -error == _ENOENT:
            return None
        raise OSError(-error, os.strerror(-error))
    *_, uid, inode = _TAIL.unpack_from(answer, _HEADER.size + _ANSWER.size + _ID_LENGTH)
    # A socket that its program has closed belongs to nobody, which the kernel writes as user 0: do not take
    # whoever sends a command and closes at once for root.
    return int(uid) if inode else None


def by_proc(peer: Address, local: Address, table: Path | None = None) -> int | None:
    """The same from C{/proc/net/tcp}, whose every line is a socket; C{table} is for tests.

    @raise CannotTell: it cannot be read.
    """
    version = ipaddress.ip_address(peer[0]).version
    tables = [_FAMILIES[version][1], _FAMILIES[6][1]] if table is None else [table]
    readable = False
    for path in dict.fromkeys(tables):
        # A program may have reached our IPv4 address through an IPv6 socket.
        mapped = version == 4 and path == _FAMILIES[6][1]
        wanted = [_proc_address(peer, mapped), _proc_address(local, mapped)]
        try:
            with path.open("r", encoding="ascii") as lines:
                next(lines, None)
                readable = True
                for line in lines:
                    words = line.split()
                    if words[1:3] == wanted:
                        uid, inode = int(words[7]), int(words[9])
                        return uid if inode else None
        except (OSError, ValueError, IndexError):
            continue
    if not readable:
        raise CannotTell("neither netlink nor /proc/net/tcp says whose a connection is")
    return None


def _proc_address(address: Address, mapped: bool) -> str:
    """C{0100007F:3A98}: words of four bytes in the machine's order, then the port."""
    packed = ipaddress.ip_address(address[0]).packed
    if mapped:
        packed = bytes(10) + b"\xff\xff" + packed
    words = struct.unpack(f"={len(packed) // 4}I", packed)
    return "".join(f"{word:08X}" for word in words) + f":{address[1]:04X}"
