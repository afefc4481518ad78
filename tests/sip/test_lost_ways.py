"""What an agent does when the connection to its registrar is lost, and which calls only TLS may carry."""

from __future__ import annotations

from sippy.SipURL import SipURL
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from neon.errors import InvalidArgument
from neon.sip import reactor as glue
from neon.sip.agent import SipAgent
from neon.sip.transport import CannotSend
from neon.values import AccountSettings, Address, Cause, Destination, LocalMedia
from tests.sip.calls import Ear
from tests.sip.fakes import FakeEndpoint, FakeResolver, Sent
from tests.sip.test_registrar import Listener

REGISTRAR: Address = ("198.51.100.1", 5061)


class StreamEndpoint(FakeEndpoint):
    """Its connections have another address each time; C{trouble} says why there is none."""

    def __init__(self) -> None:
        super().__init__(Destination("192.0.2.10", 40000, "tls"))
        self.trouble = ""

    def reach(self, destination: Destination) -> Deferred[None]:
        return fail(CannotSend(self.trouble)) if self.trouble else succeed(None)

    def lose(self, destination: Destination) -> None:
        self.local = self.local._replace(port=self.local.port + 1)
        assert self.on_flow_lost is not None
        self.on_flow_lost(destination, "the connection broke")


class Reasons(Listener):
    """Writes down in words why it failed."""

    def failed(self, cause: Cause) -> None:
        self.heard.append(("failed", f"{cause.status} {cause.reason}"))


class LostWayTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.addCleanup(glue.install(self.clock).restore)
        self.endpoint = StreamEndpoint()
        self.resolver = FakeResolver({"example.com": [REGISTRAR]})
        self.agent = SipAgent(lambda door, on_request: self.endpoint, self.resolver, self.clock)
        self.listener = Reasons()

    def register(self, transport: str = "tls") -> Destination:
        self.agent.register(1, AccountSettings("example.com", "1000", "x", transport=transport), self.listener)
        self.clock.advance(0)
        return Destination(*REGISTRAR, transport)

    def grant(self, sent: Sent) -> None:
        sent.answer(200, [("Contact", sent.headers("contact")[0])])

    def test_contact(self) -> None:
        """The Contact is the connection's own address, with the transport that leads there."""
        self.register()
        contact = SipURL((self.endpoint.last.header("contact") or "").partition(">")[0].lstrip("<"))
        self.assertEqual((contact.host, contact.port, contact.transport), ("192.0.2.10", 40000, "tls"))
        self.assertEqual(self.endpoint.last.destination.transport, "tls")

    def test_registers_anew(self) -> None:
        """The registrar cannot reach us any more: a REGISTER leaves at once, with the new connection's address."""
        destination = self.register()
        self.grant(self.endpoint.last)
        self.endpoint.take()
        self.endpoint.lose(destination)
        self.clock.advance(0)
        contacts = self.endpoint.last.headers("contact")
        self.assertIn(":40001;transport=tls", contacts[0])
        self.assertTrue(":40000;" in contacts[1] and contacts[1].endswith("expires=0"))

    def test_somebody_elses(self) -> None:
        """Another connection is no reason to register."""
        self.register()
        self.grant(self.endpoint.last)
        self.endpoint.take()
        self.endpoint.lose(Destination("198.51.100.7", 5061, "tls"))
        self.clock.advance(1)
        self.assertEqual(self.endpoint.take(), [])

    def test_not_reached(self) -> None:
        """Without a connection nothing is sent; the listener hears why, and the next try comes with the back-off."""
        self.endpoint.trouble = "the certificate has expired"
        self.register()
        self.clock.advance(0)
        self.assertEqual(self.endpoint.sent, [])
        self.assertEqual(self.listener.take(), [("failed", "503 the certificate has expired")])
        self.endpoint.trouble = ""
        self.clock.advance(2)
        self.assertEqual(self.endpoint.last.method, "REGISTER")

    def test_secure_call(self) -> None:
        """A sips: URI keeps its scheme, and our Contact has it too (RFC 3261, section 8.1.1.8)."""
        self.register()
        self.grant(self.endpoint.last)
        self.agent.invite(1, "sips:bob@example.org", LocalMedia(20000), Ear())
        self.clock.advance(0)
        sent = self.endpoint.last
        self.assertEqual(str(sent.request.getRURI()), "sips:bob@example.org")
        self.assertTrue((sent.header("contact") or "").startswith("<sips:"))
        self.assertNotIn("transport", sent.header("contact") or "")

    def test_never_in_clear_text(self) -> None:
        """An account without TLS cannot call a sips: URI."""
        self.register("tcp")
        self.grant(self.endpoint.last)
        with self.assertRaises(InvalidArgument):
            self.agent.invite(1, "sips:bob@example.org", LocalMedia(20000), Ear())
