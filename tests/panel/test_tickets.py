"""Tickets for the panel."""

from __future__ import annotations

import re

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from neon.panel.tickets import MAX_TICKETS, TICKET_SECONDS, Tickets


class TicketTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.tickets = Tickets(self.clock)

    def test_once(self) -> None:
        """A ticket is good once."""
        ticket = self.tickets.issue()
        self.assertTrue(self.tickets.redeem(ticket))
        self.assertFalse(self.tickets.redeem(ticket))

    def test_a_minute(self) -> None:
        """And for a minute."""
        early, late = self.tickets.issue(), self.tickets.issue()
        self.clock.advance(TICKET_SECONDS - 0.1)
        self.assertTrue(self.tickets.redeem(early))
        self.clock.advance(0.2)
        self.assertFalse(self.tickets.redeem(late))

    def test_wrong(self) -> None:
        """Nothing else is a ticket, whatever it is made of."""
        self.tickets.issue()
        for wrong in ("", "x", "é\ud800", "a" * 10_000):
            self.assertFalse(self.tickets.redeem(wrong))

    def test_form(self) -> None:
        """It needs no escapes in a URL, has at least 128 bits, and each is another."""
        made = {self.tickets.issue() for _ in range(10)}
        self.assertEqual(len(made), 10)
        for ticket in made:
            self.assertRegex(ticket, re.compile(r"^[A-Za-z0-9_-]{32}$"))

    def test_bounded(self) -> None:
        """However many are made, a few are kept: the latest."""
        made = [self.tickets.issue() for _ in range(MAX_TICKETS + 4)]
        self.assertEqual([self.tickets.redeem(ticket) for ticket in made], [False] * 4 + [True] * MAX_TICKETS)
