"""The panel as a part of the daemon: its sign-in, its page, what it is told, and the commands of its owner."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from neon.access import Applications
from neon.admission import Admission
from neon.api.administration import Explanations, OriginDecisions
from neon.api.operatoradmin import Desk, OperatorDecisions
from neon.api.panel import SOCKET, Panel, PanelAddress, PanelCommands
from neon.api.sessions import Sessions
from neon.api.upgrade import Factory
from neon.bus import Bus
from neon.cases import Cases
from neon.commands import Command
from neon.config import PANEL
from neon.events import QuestionsChanged
from neon.httppart import HttpServer
from neon.panel.browser import Browser
from neon.panel.screen import Screen, Window
from neon.panel.tickets import Tickets


class PanelPart:
    """Made before the state is open; L{offer} while it still works in this thread. C{screen} is for commands."""

    def __init__(
        self, reactor: Any, bus: Bus, sessions: Sessions, http: HttpServer, window: Window | None = None
    ) -> None:
        self._bus = bus
        self._sessions = sessions
        self._http = http
        self._own: set[str] = set()
        self._tickets = Tickets(reactor)
        self.screen = Screen(reactor, bus, self._is_open, self._address, Browser(reactor), window)

    def offer(
        self,
        applications: Applications,
        admission: Admission,
        cases: Cases,
        desk: Desk,
        more: Iterable[Command],
    ) -> tuple[tuple[Command, ...], tuple[Command, ...]]:
        """Let the panel in; returns the commands of its page, and those of the control socket about the same things.

        C{more} are rows that both may have.
        """
        applications.put_tickets(PANEL, self._tickets.redeem)
        self._own = admission.origins.own
        approvals = admission.approvals
        approvals.subscribe(lambda: self._bus.publish(QuestionsChanged(len(approvals.pending))))
        explanations = Explanations(cases)
        control = (
            *OriginDecisions(admission.origins, approvals).rows(),
            *OperatorDecisions(desk).rows(),
            *explanations.rows(),
            *PanelAddress(self._address, self._tickets.seconds).rows(),
            *more,
        )
        return PanelCommands(explanations.find).rows(control), control

    def serve(self, factory: Factory) -> None:
        """Add the page to the HTTP server, which listens by now; C{factory} makes its WebSockets."""
        panel = Panel(self._own, factory)
        self._http.add_pages(panel.pages())
        self._http.add_socket(SOCKET, panel.socket)

    def _is_open(self) -> bool:
        return any(session.origin in self._own and session.holders for session in self._sessions)

    def _address(self) -> str | None:
        served = self._http.address
        if served is None:
            return None
        return f"http://localhost:{served.rpartition(':')[2]}/#ticket={self._tickets.issue()}"
