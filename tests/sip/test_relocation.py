"""What the far ends of calls hear when the machine's address changes: an agent on a fake endpoint."""

from __future__ import annotations

from sippy.SipURL import SipURL
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from neon.sip.agent import SipAgent
from neon.sip.moving import PATIENCE
from neon.sip.relocation import ATTEMPTS, PAUSE
from neon.values import AccountSettings, Destination, LocalMedia
from tests.sip.calls import SDP, Ear
from tests.sip.fakes import LOCAL, FakeEndpoint, FakeResolver, Sent
from tests.sip.test_registrar import Listener

REGISTRAR = ("198.51.100.1", 5060)
OFFICE = Destination("203.0.113.77", 5060)
ANSWER = [("Contact", "<sip:far@198.51.100.9:5060>"), ("Content-Type", "application/sdp")]


class RelocationTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.endpoint = FakeEndpoint()
        resolver = FakeResolver({"example.com": [REGISTRAR]})
        self.agent = SipAgent(lambda door, on_request: self.endpoint, resolver, self.clock)
        self.agent.register(1, AccountSettings("example.com", "1000", "secret"), Listener())
        self.clock.advance(0)
        self.grant()
        self.ear = Ear()
        self.call = self.agent.invite(1, "1001", LocalMedia(20000), self.ear)
        self.clock.advance(0)
        self.invite = self.endpoint.last
        self.endpoint.take()

    def grant(self) -> None:
        """The registrar says yes to the newest REGISTER."""
        sent = next(sent for sent in reversed(self.endpoint.sent) if sent.method == "REGISTER")
        bound = [value for value in sent.headers("contact") if not value.endswith("expires=0")]
        sent.answer(200, [("Contact", bound[0])])

    def answer(self, sent: Sent) -> None:
        sent.answer(200, ANSWER, body=SDP)

    def move(self) -> None:
        self.endpoint.local = OFFICE
        self.agent.network_changed()
        self.clock.advance(0)

    def sent(self, method: str) -> list[Sent]:
        return [sent for sent in self.endpoint.take() if sent.method == method]

    def assert_tells_the_office(self, sent: Sent) -> None:
        self.assertEqual(SipURL((sent.header("contact") or "").strip("<>")).host, OFFICE.host)
        self.assertIn(f"\r\nc=IN IP4 {OFFICE.host}\r\n", sent.body or "")
        self.assertIn("m=audio 20000 ", sent.body or "")

    def test_registers_and_tells(self) -> None:
        """The REGISTER leaves at once and takes the old binding away; once it is confirmed the far end is told."""
        self.answer(self.invite)
        self.move()
        register = self.endpoint.last
        self.assertEqual(register.method, "REGISTER")
        contacts = register.headers("contact")
        self.assertIn(OFFICE.host, contacts[0])
        self.assertTrue(LOCAL.host in contacts[1] and contacts[1].endswith("expires=0"))
        self.grant()
        self.clock.advance(0)
        (again,) = self.sent("INVITE")
        self.assert_tells_the_office(again)
        self.assertEqual(again.cseq, self.invite.cseq + 1)
        self.answer(again)
        self.clock.advance(60)
        self.assertEqual(self.sent("INVITE"), [])
        self.assertIsNone(self.ear.cause)

    def test_behind_another_nat(self) -> None:
        """What a STUN server saw on the old network is not told on the new one."""
        media = LocalMedia(20000, public=("192.0.2.99", 4242), public_rtcp=("192.0.2.99", 4243))
        ear = Ear()
        self.agent.invite(1, "1002", media, ear)
        self.clock.advance(0)
        invite = self.endpoint.last
        self.assertIn("c=IN IP4 192.0.2.99", invite.body or "")
        self.answer(invite)
        self.endpoint.take()
        ear.media = LocalMedia(20000)
        self.move()
        self.clock.advance(PATIENCE)
        told = [sent for sent in self.sent("INVITE") if sent.header("call-id") == invite.header("call-id")]
        self.assert_tells_the_office(told[0])

    def test_seen_again(self) -> None:
        """Where a STUN server sees audio on the new network is waited for, and told with the new Contact."""
        locating = True
        self.agent.audio_locating = lambda: locating
        self.answer(self.invite)
        self.move()
        self.grant()
        self.clock.advance(PATIENCE / 2)
        self.assertEqual(self.sent("INVITE"), [])
        self.ear.media = LocalMedia(20000, public=("192.0.2.99", 4242), public_rtcp=("192.0.2.99", 4243))
        locating = False
        self.agent.audio_located()
        self.clock.advance(0)
        (again,) = self.sent("INVITE")
        self.assertIn("\r\nc=IN IP4 192.0.2.99\r\n", again.body or "")
        self.assertIn("m=audio 4242 ", again.body or "")
        self.answer(again)
        self.clock.advance(60)
        self.assertEqual(self.sent("INVITE"), [])

    def test_seen_late(self) -> None:
        """A STUN server that is slow is not waited for: the local address is told, and then the right one."""
        locating = True
        self.agent.audio_locating = lambda: locating
        self.answer(self.invite)
        self.move()
        self.grant()
        self.clock.advance(PATIENCE)
        (again,) = self.sent("INVITE")
        self.assert_tells_the_office(again)
        self.answer(again)
        self.ear.media = LocalMedia(20000, public=("192.0.2.99", 4242), public_rtcp=("192.0.2.99", 4243))
        locating = False
        self.agent.audio_located()
        self.clock.advance(0)
        (again,) = self.sent("INVITE")
        self.assertIn("m=audio 4242 ", again.body or "")

    def test_seen_before_the_registrar_answers(self) -> None:
        """Audio that is located first does not make the call move before its Contact is known."""
        self.answer(self.invite)
        self.move()
        self.agent.audio_located()
        self.clock.advance(0)
        self.assertEqual(self.sent("INVITE"), [])
        self.clock.advance(PATIENCE)
        self.assertEqual(len(self.sent("INVITE")), 1)

    def test_silent_registrar(self) -> None:
        """Without an answer of the registrar the far end is told all the same, soon."""
        self.answer(self.invite)
        self.move()
        self.assertEqual(self.sent("INVITE"), [])
        self.clock.advance(PATIENCE)
        (again,) = self.sent("INVITE")
        self.assert_tells_the_office(again)

    def test_same_place(self) -> None:
        """Where nothing has changed for a call, its far end hears nothing."""
        self.answer(self.invite)
        self.agent.network_changed()
        self.clock.advance(0)
        self.grant()
        self.clock.advance(PATIENCE)
        self.assertEqual(self.sent("INVITE"), [])

    def test_same_place_while_it_rings(self) -> None:
        """Nor does that of a call that rang meanwhile, when it is answered."""
        self.invite.answer(180)
        self.agent.network_changed()
        self.clock.advance(0)
        self.grant()
        self.clock.advance(PATIENCE)
        self.answer(self.invite)
        self.clock.advance(PATIENCE)
        self.assertEqual(self.sent("INVITE"), [])

    def test_not_answered_yet(self) -> None:
        """A call that still rings is told as soon as it is answered."""
        self.invite.answer(180)
        self.move()
        self.grant()
        self.clock.advance(PATIENCE)
        self.assertEqual(self.sent("INVITE"), [])
        self.answer(self.invite)
        self.clock.advance(0)
        (again,) = self.sent("INVITE")
        self.assert_tells_the_office(again)

    def test_network_not_up_yet(self) -> None:
        """What could not be sent is tried again, not for ever, and the call stays."""
        self.answer(self.invite)
        self.move()
        self.grant()
        self.clock.advance(0)
        tried = 0
        while again := self.sent("INVITE"):
            tried += 1
            self.assert_tells_the_office(again[0])
            again[0].fail(503)
            self.clock.advance(PAUSE)
        self.assertTrue(2 <= tried <= ATTEMPTS + 1, tried)
        self.clock.advance(60)
        self.assertEqual(self.sent("INVITE"), [])
        self.assertIsNone(self.ear.cause)

    def test_no_network(self) -> None:
        """While there is no way to the far end nothing is sent; it is told when there is one, as before or not."""
        self.answer(self.invite)
        home = self.endpoint.local
        self.endpoint.local = Destination("127.0.0.1", 5060)
        self.agent.network_changed()
        self.clock.advance(PATIENCE)
        self.assertEqual(self.sent("INVITE"), [])
        self.endpoint.local = home
        self.agent.network_changed()
        self.clock.advance(PATIENCE)
        (again,) = self.sent("INVITE")
        self.assertIn(f"c=IN IP4 {home.host}\r\n", again.body or "")

    def test_refused(self) -> None:
        """A far end that does not like it is left alone; the call goes on."""
        self.answer(self.invite)
        self.move()
        self.grant()
        self.clock.advance(0)
        (again,) = self.sent("INVITE")
        again.answer(488)
        self.clock.advance(60)
        self.assertEqual(self.sent("INVITE"), [])
        self.assertIsNone(self.ear.cause)

    def test_held(self) -> None:
        """A call on hold stays on hold where it goes."""
        self.answer(self.invite)
        self.call.hold(True)
        (held,) = self.sent("INVITE")
        held.answer(200, ANSWER, body=SDP.replace("t=0 0", "t=0 0\r\na=recvonly"))
        self.move()
        self.grant()
        self.clock.advance(0)
        (again,) = self.sent("INVITE")
        self.assert_tells_the_office(again)
        self.assertIn("a=sendonly", again.body or "")

    def test_ended_meanwhile(self) -> None:
        """A call that has ended is not spoken of."""
        self.answer(self.invite)
        self.call.hang_up()
        self.move()
        self.grant()
        self.clock.advance(PATIENCE)
        self.assertEqual(self.sent("INVITE"), [])
