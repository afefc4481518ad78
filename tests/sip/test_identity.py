"""What an INVITE tells beside its two ends, read from messages as text."""

from __future__ import annotations

from sippy.SipRequest import SipRequest
from twisted.trial.unittest import SynchronousTestCase

from neon.details import CallDetails, Diversion
from neon.sip import identity
from tests.sip.messages import request_text


def read(*headers: str, wanted: tuple[str, ...] = (), trusted: bool = True) -> CallDetails:
    request = SipRequest(request_text("INVITE", extra=headers))
    return identity.read_details(request, wanted, trusted)


class DetailTests(SynchronousTestCase):
    def test_nothing(self) -> None:
        """An ordinary call tells nothing."""
        self.assertEqual(read(), CallDetails())

    def test_asserted(self) -> None:
        """The SIP URI before the number, with its name; from nobody but whom we trust."""
        headers = ('P-Asserted-Identity: tel:+4930123, "Ann \\"B\\", C" <sip:ann@ims.example.org;user=phone>',)
        details = read(*headers)
        self.assertEqual((details.asserted, details.asserted_name), ("sip:ann@ims.example.org", 'Ann "B", C'))
        self.assertEqual(read("P-Asserted-Identity: <tel:+49-30-123>").asserted, "tel:+49-30-123")
        self.assertIsNone(read(*headers, trusted=False).asserted)

    def test_privacy(self) -> None:
        """The words of RFC 3323."""
        self.assertEqual(read("Privacy: ID;critical").privacy, ("id", "critical"))

    def test_diversion(self) -> None:
        """The latest first, with reason and counter; folded into one line or in several."""
        details = read(
            "Diversion: <sip:41@a.example.org>;reason=user-busy;privacy=off;counter=2, <sip:42@a.example.org>",
            'Diversion: "X" <sip:43@a.example.org>;reason="no-answer"',
        )
        self.assertEqual(
            details.diversions,
            (
                Diversion("sip:41@a.example.org", "user-busy", 2),
                Diversion("sip:42@a.example.org"),
                Diversion("sip:43@a.example.org", "no-answer"),
            ),
        )
        self.assertEqual(details.times_diverted, 4)

    def test_history(self) -> None:
        """History-Info is read backwards, without the entry that led here; Diversion counts more."""
        history = (
            "History-Info: <sip:41@a.example.org?Reason=SIP%3Bcause%3D486>;index=1, "
            "<sip:42@a.example.org;cause=302>;index=1.1,<sip:1000@127.0.0.1>;index=1.1.1"
        )
        self.assertEqual(
            read(history).diversions,
            (Diversion("sip:42@a.example.org", "302"), Diversion("sip:41@a.example.org", "486")),
        )
        both = read(history, "Diversion: <sip:44@a.example.org>")
        self.assertEqual(both.diversions, (Diversion("sip:44@a.example.org"),))

    def test_referred_by(self) -> None:
        """Who sent the caller."""
        self.assertEqual(read('Referred-By: "Bob" <sip:bob@example.org>;cid="x"').referred_by, "sip:bob@example.org")

    def test_answer_after(self) -> None:
        """The ways in which callers wish to be answered without anybody's doing."""
        for header, after in (
            ("Answer-Mode: Auto", 0),
            ("Answer-Mode: Manual", None),
            ("Call-Info: <sip:a@b>;answer-after=0", 0),
            ("Call-Info: <sip:a@b>; answer-after=12", 12),
            ("Alert-Info: <http://a.example.org>;info=alert-autoanswer;delay=0", 0),
            ('Alert-Info: info="Auto Answer"', None),
            ("Alert-Info: <http://a.example.org/ring.wav>", None),
            ("Alert-Info: <http://a.example.org>;info=alert-external", None),
            ("Alert-Info: <http://a.example.org>;answer-after=5", 5),
            ("Priv-Answer-Mode: Auto", None),
        ):
            self.assertEqual(read(header).answer_after, after, header)

    def test_headers(self) -> None:
        """Those that are wanted, spelled as the configuration does, and nothing that could end a line."""
        lines = ("x-crm-id: 7, 8", "X-Crm-Name: Ann\tB", "X-Secret: 1", "Subject: hello")
        found = read(*lines, wanted=("X-CRM-Id", "X-CRM-N*"))
        self.assertEqual(found.headers, (("X-CRM-Id", "7, 8"), ("X-CRM-Name", "Ann B")))

    def test_bounds(self) -> None:
        """However many there are, a few are looked at."""
        many = ", ".join(f"<sip:{number}@a.example.org>" for number in range(40))
        self.assertEqual(len(read(f"Diversion: {many}").diversions), identity.MOST)
        more = [f"X-A{number}: 1" for number in range(40)]
        self.assertEqual(len(read(*more, wanted=("X-A*",)).headers), identity.MOST)

    def test_nonsense(self) -> None:
        """What cannot be read is as if it were not there."""
        for header in ("P-Asserted-Identity: <>", "P-Asserted-Identity: bob", "Diversion: <http://a>", "Referred-By: ;",
                       "History-Info: <sip:@>;index=1,", "Privacy: ;;,", "Call-Info: ;answer-after=x"):  # fmt: skip
            self.assertEqual(read(header), CallDetails(), header)

    def test_elsewhere(self) -> None:
        """A CANCEL says that another phone took the call (RFC 3326)."""
        for reason, elsewhere in (
            ('SIP;cause=200;text="Call completed elsewhere"', True),
            ('sip ; text="x" ; cause=200', True),
            ("SIP;cause=2000", False),
            ("Q.850;cause=200", False),
            ("SIP;cause=487", False),
        ):
            cancel = SipRequest(request_text("CANCEL", extra=(f"Reason: {reason}",)))
            self.assertEqual(identity.was_answered_elsewhere(cancel), elsewhere, reason)
