"""Brings an account back to its preferred server, after another one had to serve it (RFC 3263 leaves that open).

Each refresh begins with the preferred server anyway. In between an OPTIONS is sent to it now and then, so that the
load of a cluster is back where it belongs half a minute after a restart, and not at the end of a long lifetime.
"""

from __future__ import annotations

from collections.abc import Callable

from neon.sip.probe import Probe
from neon.sip.targets import Targets
from neon.values import AccountSettings

SHORTEST, LONGEST = 20.0, 640.0
"""Seconds between two looks; doubled each time that the server is alive, but does not let us in."""


class Comeback:
    """C{attempt} is called when the preferred server answers."""

    def __init__(self, probe: Probe, attempt: Callable[[], None]) -> None:
        self._probe = probe
        self._attempt = attempt
        self._pause = SHORTEST

    def look(self, settings: AccountSettings, targets: Targets) -> None:
        """We have just been registered: begin to look, if it was not at the preferred server."""
        if targets.preferred is None:
            self._pause = SHORTEST
        else:
            self._probe.start(settings, (targets.preferred,), self._alive, self._pause)

    def _alive(self) -> None:
        self._pause = min(2 * self._pause, LONGEST)
        self._attempt()
