"""Which devices the user has chosen, kept by their stable names in the state directory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger

from neon.privatefile import replace_private
from neon.sounddevices import DeviceKind

_log = Logger()

FILE: Final = "devices.json"
LONGEST_NAME: Final = 500


class ChosenDevices:
    """What was chosen by kind: an id, or L{neon.sounddevices.DEFAULT}; nothing where the configuration decides."""

    def __init__(self, reactor: Any, directory: Path) -> None:
        """Reads the file, in this thread, before the daemon runs. One that is damaged counts as none."""
        self._reactor = reactor
        self._path = directory / FILE
        self._chosen: dict[DeviceKind, str] = {}
        self._written: dict[DeviceKind, str] | None = None
        """What a thread is writing just now."""
        try:
            kept = json.loads(self._path.read_bytes())
            self._chosen = {kind: kept[kind.value] for kind in DeviceKind if isinstance(kept.get(kind.value), str)}
        except FileNotFoundError:
            pass
        except (OSError, ValueError, AttributeError) as error:
            _log.warn("{path} is not used: {error}", path=str(self._path), error=str(error))

    def get(self, kind: DeviceKind) -> str | None:
        """What was chosen, None if nothing was."""
        return self._chosen.get(kind)

    def put(self, kind: DeviceKind, id: str) -> None:
        """Choose; a thread writes it down."""
        self._chosen[kind] = id
        if self._written is None:
            self._write()

    def _write(self) -> None:
        """One thread at a time; what was chosen meanwhile is written after it."""
        self._written = dict(self._chosen)
        data = json.dumps({kind.value: chosen for kind, chosen in self._written.items()}).encode()
        d = deferToThreadPool(
            self._reactor, self._reactor.getThreadPool(), replace_private, self._path, data + b"\n"
        )
        d.addErrback(lambda failure: _log.failure("the chosen devices are forgotten at the next start", failure))
        d.addCallback(self._done)

    def _done(self, _: object) -> None:
        written, self._written = self._written, None
        if written != self._chosen:
            self._write()
