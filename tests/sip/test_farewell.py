"""Calls of before a crash are ended with what was written down of them: tags, numbers, route, target, credentials."""

from __future__ import annotations

from dataclasses import replace

from sippy.SipRequest import SipRequest
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from neon.sip.dialogrecord import dialog_of, record_of, record_of_invite, request_of
from neon.sip.digest import DigestClient
from neon.sip.farewell import AGAIN, UNANSWERED, WITHIN, Farewells
from neon.sip.stack import Stack
from neon.values import Cause, Destination
from tests.sip.fakes import FakeEndpoint, FakeResolver, Sent
from tests.store.test_journal import DIALOG

CHALLENGE = [("WWW-Authenticate", 'Digest realm="acme", nonce="n1", algorithm=MD5, qop="auth"')]
HERE = replace(DIALOG, home=Destination("192.0.2.1", 5060), remote_target="sip:32@192.0.2.9:5070")
RINGING = replace(HERE, remote_tag="", branch="z9hG4bKring", remote_target="sip:32@acme.test")


class Endpoint(FakeEndpoint):
    """Also keeps the ACKs."""

    def __init__(self) -> None:
        super().__init__()
        self.acks: list[Sent] = []

    def send_stateless(self, request: SipRequest, remote: Destination) -> None:
        self.acks.append(Sent(request, remote, lambda response: None, self.local))


class FarewellTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.endpoint = Endpoint()
        self.stack = Stack(self.endpoint, FakeResolver(), self.clock)
        self.passwords: dict[str, str] = {}
        self.farewells = Farewells(self.stack, self.digest)
        self.told: list[Cause] = []

    def digest(self, uri: str) -> DigestClient | None:
        return DigestClient("31", self.passwords[uri]) if uri in self.passwords else None

    def end(self, record: object = HERE) -> Sent:
        assert isinstance(record, type(HERE))
        self.farewells.end("sip:31@acme.test", record, self.told.append)
        self.assertEqual(self.endpoint.sent, [], "nothing is sent from inside")
        self.clock.advance(0)
        return self.endpoint.last

    def quiet(self) -> None:
        """Nothing is left to happen."""
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertFalse(self.farewells.knows(HERE.sip_call_id))

    def test_bye(self) -> None:
        """The BYE is of the dialog as it was, with the next number."""
        bye = self.end()
        self.assertEqual((bye.method, bye.cseq), ("BYE", HERE.local_cseq + 1))
        self.assertEqual(str(bye.request.getRURI()), HERE.remote_target)
        self.assertEqual(bye.headers("route"), [f"<{uri}>" for uri in HERE.route_set])
        self.assertIn("tag=ours", bye.header("from") or "")
        self.assertIn("tag=theirs", bye.header("to") or "")
        self.assertEqual(bye.destination, HERE.home)
        self.assertTrue(self.farewells.knows(HERE.sip_call_id))
        bye.answer(200)
        self.assertEqual(self.told, [Cause()])
        self.quiet()

    def test_gone_there_too(self) -> None:
        """481 is as good as 200."""
        self.end().answer(481)
        self.assertEqual(self.told, [Cause()])

    def test_challenged(self) -> None:
        """A challenged BYE is repeated with the account's credentials, under another number."""
        self.passwords["sip:31@acme.test"] = "secret"
        self.end().answer(401, CHALLENGE)
        again = self.endpoint.last
        self.assertEqual(again.cseq, HERE.local_cseq + 2)
        self.assertIn('username="31"', again.header("authorization") or "")
        again.answer(200)
        self.assertEqual(self.told, [Cause()])

    def test_no_password_yet(self) -> None:
        """The account comes back later (a program registers it): then the BYE is signed; its numbers only grow."""
        self.end().answer(401, CHALLENGE)
        self.clock.advance(AGAIN)
        self.endpoint.last.answer(401, CHALLENGE)
        self.passwords["sip:31@acme.test"] = "secret"
        self.clock.advance(AGAIN)
        self.endpoint.last.answer(401, CHALLENGE)
        self.endpoint.last.answer(200)
        numbers = [sent.cseq for sent in self.endpoint.sent]
        self.assertEqual(numbers, sorted(set(numbers)))
        self.assertEqual(self.told, [Cause()])
        self.quiet()

    def test_never_allowed(self) -> None:
        """After 32 seconds it is given up, and said so."""
        self.end().answer(403)
        for _ in range(40):
            sent = len(self.endpoint.sent)
            self.clock.advance(1)
            if len(self.endpoint.sent) > sent:
                self.endpoint.last.answer(403)
        self.assertEqual(self.told, [UNANSWERED])
        self.quiet()

    def test_silence(self) -> None:
        """The transaction's own time-out is the end of it."""
        bye = self.end()
        self.clock.advance(WITHIN - 0.1)
        bye.fail(408)
        self.assertEqual(self.told, [UNANSWERED])
        self.quiet()

    def test_no_network_yet(self) -> None:
        """What could not be sent is sent again."""
        self.end().fail(503)
        self.clock.advance(AGAIN)
        self.endpoint.last.answer(200)
        self.assertEqual(self.told, [Cause()])

    def test_cancel(self) -> None:
        """A call that rang: CANCEL with the INVITE's branch, number, tag and Request-URI."""
        cancel = self.end(RINGING)
        self.assertEqual((cancel.method, cancel.cseq), ("CANCEL", RINGING.local_cseq))
        self.assertIn("branch=z9hG4bKring", cancel.header("via") or "")
        self.assertEqual(str(cancel.request.getRURI()), RINGING.remote_target)
        self.assertNotIn("tag=", cancel.header("to") or "")
        cancel.answer(200)
        self.assertEqual(self.told, [])
        self.clock.advance(AGAIN)
        self.assertEqual(self.told, [Cause()])
        self.quiet()

    def test_answer_crosses_the_cancel(self) -> None:
        """A 200 of the INVITE that nobody remembers: ACK and BYE, and ACK again for its repetitions."""
        cancel = self.end(RINGING)
        invite = Sent(
            request_of(RINGING, "INVITE"), RINGING.home, lambda response: None, self.endpoint.local
        )
        response = invite.response(200, [("Contact", "<sip:32@192.0.2.9>"), ("Record-Route", "<sip:192.0.2.1;lr>")])
        self.assertTrue(self.farewells.stray(response))
        bye = self.endpoint.last
        self.assertEqual(bye.method, "BYE")
        self.assertIn("tag=far", bye.header("to") or "")
        self.assertGreater(bye.cseq, RINGING.local_cseq)
        self.farewells.stray(response)
        self.assertEqual([ack.cseq for ack in self.endpoint.acks], [RINGING.local_cseq] * 2)
        cancel.answer(200)
        bye.answer(200)
        self.assertEqual(self.told, [Cause()])
        self.quiet()

    def test_not_ours(self) -> None:
        """A stray 200 of somebody else's INVITE is left to others."""
        self.end()
        other = replace(RINGING, sip_call_id="other@192.0.2.1")
        invite = Sent(request_of(other, "INVITE"), other.home, lambda response: None, self.endpoint.local)
        self.assertFalse(self.farewells.stray(invite.response(200)))

    def test_many(self) -> None:
        """A thousand calls are ended within five seconds, and not in one burst."""
        for number in range(1000):
            self.farewells.end("", replace(HERE, sip_call_id=f"{number}@here"), self.told.append)
        self.clock.advance(0)
        self.assertLess(len(self.endpoint.sent), 10)
        self.clock.pump([0.01] * 500)
        self.assertEqual(len(self.endpoint.sent), 1000)

    def test_stop(self) -> None:
        """Nothing more is sent or told."""
        bye = self.end()
        self.farewells.stop()
        bye.answer(200)
        self.assertEqual(self.told, [])
        self.quiet()

    def test_damaged_record(self) -> None:
        """A record that makes no message is given up, logged, and harms no other call."""
        self.farewells.end("", replace(HERE, remote_target="\r\n"), self.told.append)
        self.clock.advance(0)
        self.assertEqual(self.told, [UNANSWERED])
        self.quiet()
        self.flushLoggedErrors()

    def test_records(self) -> None:
        """A dialog becomes a record and a dialog again; an INVITE keeps what its CANCEL needs."""
        self.assertEqual(record_of(dialog_of(HERE, self.stack, None)), HERE)
        invite = request_of(RINGING, "INVITE")
        contact = dialog_of(RINGING, self.stack, None).contact
        self.assertEqual(record_of_invite(invite, RINGING.home, contact), RINGING)
