"""SIP statuses as causes of Q.850."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from neon import causes


class CauseTests(SynchronousTestCase):
    def test_table(self) -> None:
        """The rows of RFC 3398, section 8.2.6.1, that a telephone meets."""
        rows = {404: 1, 486: 17, 480: 18, 603: 21, 410: 22, 408: 102, 484: 28, 502: 38, 503: 41, 501: 79, 600: 17}
        self.assertEqual({status: causes.from_status(status) for status in rows}, rows)

    def test_ordinary_ends(self) -> None:
        """A BYE, and a call that its caller gave up, are normal clearing."""
        self.assertEqual([causes.from_status(status) for status in (0, 487)], [16, 16])

    def test_classes(self) -> None:
        """A status that the table does not have goes by its class."""
        self.assertEqual([causes.from_status(status) for status in (499, 599, 699, 42)], [31, 41, 21, 127])

    def test_every_cause_has_words(self) -> None:
        """Whatever a call may end with can be said."""
        unsaid = [status for status in range(700) if not causes.words(causes.from_status(status))]
        self.assertEqual(unsaid, [])
