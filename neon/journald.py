"""Entries with fields for systemd's journal, by its native protocol (https://systemd.io/JOURNAL_NATIVE_PROTOCOL)."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Final

ADDRESS: Final = "/run/systemd/journal/socket"

# A datagram may have 200 kB by the kernel's defaults; nothing that we log needs as much.
_LONGEST: Final = 32768


def entry(fields: Mapping[str, str]) -> bytes:
    """The datagram for an entry: its names in capitals, its values cut off after 32 KiB. A value with line feeds goes
    after its length, so that nothing in it can become a field of its own."""
    parts = []
    for name, value in fields.items():
        data = value.encode("utf-8", "backslashreplace")[:_LONGEST]
        if b"\n" in data:
            parts.append(b"%s\n%s%s\n" % (name.encode("ascii"), len(data).to_bytes(8, "little"), data))
        else:
            parts.append(b"%s=%s\n" % (name.encode("ascii"), data))
    return b"".join(parts)


class Journal:
    """The journal's socket."""

    def __init__(self, address: str = ADDRESS) -> None:
        self._address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)

    def send(self, fields: Mapping[str, str]) -> bool:
        """Hand over an entry; whether it was taken. It is not where no journal is, or where it does not keep up."""
        try:
            self._socket.sendto(entry(fields), self._address)
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Nothing can be sent any more."""
        self._socket.close()
