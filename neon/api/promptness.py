"""Hands bytes to the system in the turn that wrote them: Twisted's transports begin with that in the next one.

For a message of a few hundred bytes that goes to a reader who reads, the turn between costs more than the message:
the reactor asks the kernel to be told that the socket can be written, is told so, writes, and asks for no more of it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from twisted.internet.tcp import Connection


def write_now(transport: Any, data: bytes) -> None:
    """Write to a transport, at once if nothing waits there already and the system takes it.

    What the system does not take goes the usual way, and so does everything where C{transport} is no TCP connection
    of Twisted's. It is also how a connection that broke is noticed.
    """
    if _is_idle(transport):
        with suppress(OSError):  # it is full, or broken: the reactor finds out which
            data = data[transport.socket.send(data) :]
        if not data:
            return
    transport.write(data)


def _is_idle(transport: Any) -> bool:
    """Whether this is Twisted's plain TCP transport, open, and keeps nothing: neither in the buffer that it sends from,
    nor in what follows (as L{neon.api.lag} counts it).
    """
    return (
        isinstance(transport, Connection)
        and not transport.TLS
        and bool(transport.connected)
        and not transport.disconnecting
        and not transport.dataBuffer
        and not transport._tempDataLen
    )
