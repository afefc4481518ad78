"""What is behind both APIs in their tests."""

from __future__ import annotations

from collections.abc import Iterable

from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from neon.api.approvals import ApprovalRequests
from neon.api.autodisconnect import Autodisconnect
from neon.api.guard import Guard
from neon.api.origins import Origins, Policy
from neon.api.sessions import Sessions
from neon.commands import Commands
from tests.fakes import FakeWorld


class Applications:
    """An application called crm whose password is secret; C{slow} makes its check wait in C{pending}."""

    def __init__(self) -> None:
        self.slow = False
        self.pending: list[tuple[Deferred[bool], bool]] = []

    def verify(self, user: str, password: str) -> Deferred[bool]:
        right = (user, password) == ("crm", "secret")
        if not self.slow:
            return succeed(right)
        waiting: Deferred[bool] = Deferred()
        self.pending.append((waiting, right))
        return waiting

    def finish(self) -> None:
        """Let the oldest check end."""
        waiting, right = self.pending.pop(0)
        waiting.callback(right)


class ApiCase(SynchronousTestCase):
    """A phone with everything around it faked, and the real API in front of it."""

    configured_origins: Iterable[str] = ()

    def setUp(self) -> None:
        self.world = FakeWorld()
        self.clock = self.world.clock
        self.applications = Applications()
        self.sessions = Sessions(self.clock, 3600)
        self.autodisconnect = Autodisconnect(
            self.clock, lambda connection_id: self.world.phone.unregister(connection_id, end_calls=True)
        )
        self.commands = Commands(self.world.phone, self.sessions, self.applications)
        self.origins = Origins(Policy.ASK, configured=self.configured_origins)
        self.approvals = ApprovalRequests(self.clock, self.origins.decide)
        self.addCleanup(self.approvals.stop)
        self.guard = Guard(self.clock, self.origins, self.approvals)
