"""Links to numbers: what is believed of them."""

from __future__ import annotations

from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from neon import links
from neon.api.links import Links
from neon.commands import TABLE, Commands, Data
from neon.errors import InvalidArgument
from tests.test_commands import CommandCase, OneApplication


class ParseTests(SynchronousTestCase):
    def test_links(self) -> None:
        """Whoever is meant comes out, and nothing else."""
        for link, number in (
            ("tel:+55-21-5555-0100", "+552155550100"),
            ("TEL:%2B55%20(21)%205555", "+55215555"),
            ("tel://190/", "190"),
            ("tel:0100;phone-context=+5521", "+55210100"),
            ("tel:*31%23", "*31#"),
            ("callto:+5521", "+5521"),
            ("callto://32@sip.acme.com", "sip:32@sip.acme.com"),
            ("sip:32@sip.acme.com:5070", "sip:32@sip.acme.com:5070"),
            ("sip:32@sip.acme.com;transport=tcp;method=REFER;maddr=192.0.2.1", "sip:32@sip.acme.com;transport=tcp"),
            ("sip:32@sip.acme.com?Replaces=1%3Bto-tag%3D2&Subject=x", "sip:32@sip.acme.com"),
            ("sips:ana@acme.com", "sips:ana@acme.com"),
            ("sip:32", "32"),
        ):
            self.assertEqual(links.parse(link), number, link)

    def test_refused(self) -> None:
        """What is no such link, or hides something, is refused with a sentence."""
        nobody = ("", "600", "tel:", "tel:ana", "callto:skypename", "sip:", "sip:@acme.com", "sip:32@", "--help")
        others = ("http://example.com/", "javascript:alert(1)")
        hidden = ("tel:%0d%0aVia", "sip:32%0d%0aX@acme.com", "sip:32@acme.com%0d%0a", "tel:%ff", "tel:" + "1" * 2000)
        for link in (*nobody, *others, *hidden):
            self.assertRaises(InvalidArgument, links.parse, link)

    def test_codes(self) -> None:
        """Codes that exchanges obey are known as such."""
        self.assertEqual(
            [links.is_harmless(number) for number in ("+5521", "sip:32@a", "*21*190#", "sip:%23@a")],
            [True, True, False, False],
        )


class OpenTests(CommandCase):
    def setUp(self) -> None:
        super().setUp()
        self.shown: list[tuple[bool, str | None, str]] = []

    def show(self, visible: bool, number: str | None = None, token: str = "") -> Deferred[bool]:
        self.shown.append((visible, number, token))
        return succeed(True)

    def opened(self, link: str, *, dials: bool) -> Data:
        table = (*TABLE, *Links(self, dials=dials).rows())
        self.commands = Commands(self.world.phone, self.sessions, OneApplication(), table)
        return self.done(action="openlink", link=link, activation="t")

    def test_shown(self) -> None:
        """A link goes to the dial pad, and nobody is called."""
        self.world.registered()
        answer = self.opened("tel:+55-21", dials=False)
        self.assertEqual(answer, {"number": "+5521", "called": False, "ui": True})
        self.assertEqual(self.shown, [(True, "+5521", "t")])
        self.assertEqual(self.world.signalling.calls, [])

    def test_called(self) -> None:
        """Where links call, they do; a code that an exchange obeys is for the person all the same."""
        self.world.registered()
        answer = self.opened("tel:600", dials=True)
        self.assertTrue(answer["called"])
        self.assertEqual(len(self.world.signalling.calls), 1)
        self.assertFalse(self.opened("tel:*21*190%23", dials=True)["called"])
        self.assertEqual(self.shown, [(True, "*21*190#", "t")])

    def test_malformed(self) -> None:
        """What is no link to a number is 102."""
        self.opened("tel:600", dials=False)
        for link in ("http://example.com", 5, None, ["tel:600"]):
            self.assertEqual(self.code(action="openlink", link=link), 102)
