"""How long packets are, and whether comfort noise may come: what offers and answers say, and what follows from them."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from neon.sip import packettime, sdp
from neon.sip.negotiation import Negotiation
from neon.values import AccountOptions, Codec, LocalMedia, MediaAgreement

HOST = "192.0.2.10"


def description(*lines: str, formats: str = "8 0") -> str:
    """Somebody's audio, with these attributes."""
    head = ("v=0", "o=- 1 1 IN IP4 192.0.2.9", "s=-", "c=IN IP4 192.0.2.9", "t=0 0", f"m=audio 4000 RTP/AVP {formats}")
    return "\r\n".join((*head, *lines, ""))


class PacketTimeTests(SynchronousTestCase):
    def offered(self, *lines: str, ours: int = 20) -> tuple[str, MediaAgreement]:
        """Our answer to an offer, and what is agreed on."""
        return Negotiation(LocalMedia(20000, ptime_ms=ours)).answer(description(*lines), HOST)

    def answered(self, *lines: str, ours: int = 20) -> tuple[str, MediaAgreement]:
        """Our offer, and what is agreed on when it is answered."""
        negotiation = Negotiation(LocalMedia(20000, ptime_ms=ours))
        return negotiation.offer(HOST), negotiation.read_answer(description(*lines, formats="8"))

    def test_theirs(self) -> None:
        """We send what they want, from 10 to 60 ms; everything else is 20; maxptime is a limit."""
        for lines, expected in (
            (("a=ptime:10",), 10), (("a=ptime:60",), 60), (("a=ptime:5",), 20), (("a=ptime:90",), 20),
            (("a=ptime:25",), 20), (("a=ptime:x",), 20), (("a=ptime:",), 20), ((), 20),
            (("a=ptime:30", "a=maxptime:20"), 20), (("a=maxptime:10",), 10), (("a=maxptime:200",), 20),
            (("a=maxptime:0",), 20), (("a=ptime:20.0",), 20), (("a=ptime:0",), 20), (("a=maxptime:15",), 10),
        ):  # fmt: skip
            self.assertEqual(self.offered(*lines)[1].ptime_ms, expected, lines)
            self.assertEqual(self.answered(*lines)[1].ptime_ms, expected, lines)

    def test_ours(self) -> None:
        """Ours is what we ask for, and what we send to those who ask for nothing."""
        for ours in range(10, 61, 10):
            for body, agreement in (self.offered(ours=ours), self.answered(ours=ours)):
                self.assertIn(f"\r\na=ptime:{ours}\r\na=maxptime:60\r\n", body)
                self.assertEqual(agreement.ptime_ms, ours)
        self.assertEqual(self.offered("a=ptime:30", ours=50)[1].ptime_ms, 30)
        self.assertEqual(self.offered("a=maxptime:40", ours=50)[1].ptime_ms, 40)

    def test_changed(self) -> None:
        """A later offer may change it."""
        negotiation = Negotiation(LocalMedia(20000))
        sent = [negotiation.answer(description(f"a=ptime:{ptime}"), HOST)[1].ptime_ms for ptime in (20, 60, 10)]
        self.assertEqual(sent, [20, 60, 10])

    def test_account(self) -> None:
        """An account has one of its own."""
        local = LocalMedia(20000, ptime_ms=30)
        self.assertEqual(local.of_account(AccountOptions()).ptime_ms, 30)
        self.assertEqual(local.of_account(AccountOptions(ptime=40)).ptime_ms, 40)

    def test_simplest(self) -> None:
        """The plainest of offers says nothing of it."""
        negotiation = Negotiation(LocalMedia(20000, ptime_ms=40, comfort_noise=True))
        negotiation.simplify()
        self.assertNotIn("ptime", negotiation.offer(HOST))

    def test_always_sensible(self) -> None:
        """Whatever is written, packets are whole tens of milliseconds from 10 to 60."""
        for wanted in (None, *range(0, 300, 7)):
            for longest in (None, *range(0, 300, 9)):
                self.assertIn(packettime.to_send(wanted, longest, 60), range(10, 61, 10))


class ComfortNoiseTests(SynchronousTestCase):
    def test_offered(self) -> None:
        """It is offered beside the codecs if it is to be, and is no codec."""
        negotiation = Negotiation(LocalMedia(20000, comfort_noise=True))
        offer = negotiation.offer(HOST)
        self.assertIn("m=audio 20000 RTP/AVP 8 0 13 101\r\n", offer)
        self.assertIn("a=rtpmap:13 CN/8000\r\n", offer)
        self.assertIs(negotiation.read_answer(description(formats="13 0")).codec, Codec.PCMU)
        self.assertNotIn("13", Negotiation(LocalMedia(20000)).offer(HOST).split("m=")[1])

    def test_answered(self) -> None:
        """It is in the answer if it was in the offer, and never otherwise."""
        for comfort, formats, lines, expected in (
            (True, "8 0 13", (), True),
            (True, "8 0 13", ("a=rtpmap:13 CN/8000",), True),
            (True, "8 0", (), False),
            (False, "8 0 13", (), False),
            (True, "8 0 13", ("a=rtpmap:13 VSC/8000",), False),
        ):
            negotiation = Negotiation(LocalMedia(20000, comfort_noise=comfort))
            answer, agreement = negotiation.answer(description(*lines, formats=formats), HOST)
            self.assertEqual("RTP/AVP 8 13\r\n" in answer, expected, (comfort, formats, lines))
            self.assertIs(agreement.codec, Codec.PCMA)

    def test_nothing_else(self) -> None:
        """An offer of comfort noise alone is none of audio."""
        negotiation = Negotiation(LocalMedia(20000, comfort_noise=True))
        self.assertRaises(sdp.NotAcceptable, negotiation.answer, description(formats="13"), HOST)
