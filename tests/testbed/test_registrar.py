"""The testbed's registrar: on its own with requests of text, and with our registrar client over a network in memory."""

from __future__ import annotations

from sippy.SipRequest import SipRequest
from sippy.SipResponse import SipResponse
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from neon.sip import reactor as glue
from neon.sip.digest import DigestClient
from neon.sip.door import DoorPolicy
from neon.sip.endpoint import Endpoint, ServerTransaction
from neon.sip.registrar import Registration
from neon.testbed.registrar import MOST_CONTACTS, Registrar
from neon.values import AccountSettings, Destination
from tests.sip.fakes import FakeResolver
from tests.sip.network import Network
from tests.sip.test_registrar import Listener

SOURCE = Destination("127.0.0.1", 5066)


class RegistrarTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.registrar = Registrar({"1000": "secret", "2000": "other"}, "neon", self.clock)
        self.client = DigestClient("1000", "secret")
        self.cseq = 0

    def request(self, *headers: str, user: str = "1000", call_id: str = "c1", cseq: int | None = None) -> SipRequest:
        self.cseq = self.cseq + 1 if cseq is None else cseq
        lines = (
            "REGISTER sip:127.0.0.1 SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:5066;branch=z9hG4bK{self.cseq}",
            "From: <sip:1000@127.0.0.1>;tag=1",
            f"To: <sip:{user}@127.0.0.1>",
            f"Call-ID: {call_id}",
            f"CSeq: {self.cseq} REGISTER",
            *headers,
        )
        return SipRequest("\r\n".join(lines) + "\r\nContent-Length: 0\r\n\r\n")

    def signed(self, request: SipRequest) -> SipRequest:
        response = self.registrar.authenticate(self.request(cseq=0))
        assert isinstance(response, SipResponse)
        self.client = DigestClient("1000", "secret")
        self.assertTrue(self.client.challenged(SipResponse(str(response))))
        self.client.authorize(request)
        return SipRequest(str(request))

    def register(self, *headers: str, user: str = "1000", call_id: str = "c1", cseq: int | None = None) -> SipResponse:
        request = self.request(*headers, user=user, call_id=call_id, cseq=cseq)
        number = self.cseq
        response = self.registrar.register(self.signed(request), SOURCE)
        self.cseq = number
        return SipResponse(str(response))

    def contacts(self, response: SipResponse) -> list[str]:
        return [str(header.body) for header in response.getHFs("contact")]

    def test_unsigned(self) -> None:
        """Without credentials the answer is a 401 with all three algorithms, the strongest first."""
        response = self.registrar.register(self.request("Contact: <sip:a@127.0.0.1:5066>"), SOURCE)
        self.assertEqual(response.scode, 401)
        offered = [str(header.body) for header in response.getHFs("www-authenticate")]
        self.assertEqual(
            [text.partition("algorithm=")[2].partition(",")[0] for text in offered], ["SHA-512-256", "SHA-256", "MD5"]
        )
        self.assertEqual(self.registrar.bindings("1000"), [])

    def test_several_contacts(self) -> None:
        """Every phone of an account has its binding; the answer lists them all with what is left of their time."""
        self.register("Contact: <sip:a@127.0.0.1:5066>", "Expires: 60")
        self.clock.advance(10)
        response = self.register("Contact: <sip:b@127.0.0.1:5067>;expires=100", call_id="c2")
        self.assertEqual(
            self.contacts(response), ["<sip:a@127.0.0.1:5066>;expires=50", "<sip:b@127.0.0.1:5067>;expires=100"]
        )
        self.assertEqual([one.source for one in self.registrar.bindings("1000")], [SOURCE, SOURCE])

    def test_expiry(self) -> None:
        """A binding is gone when its time is over."""
        self.register("Contact: <sip:a@127.0.0.1:5066>", "Expires: 60")
        self.clock.advance(59.9)
        self.assertEqual(len(self.registrar.bindings("1000")), 1)
        self.clock.advance(0.1)
        self.assertEqual(self.registrar.bindings("1000"), [])

    def test_lifetimes(self) -> None:
        """Ten minutes where nothing is asked, an hour at most, and under 30 s is a 423 that says so."""
        for headers, expected in (
            ((), 600),
            (("Expires: 999999",), 3600),
            (("Expires: soon",), 600),
            (("Expires: 30",), 30),
        ):
            response = self.register("Contact: <sip:a@127.0.0.1:5066>", *headers)
            self.assertEqual(self.contacts(response), [f"<sip:a@127.0.0.1:5066>;expires={expected}"])
        response = self.register("Contact: <sip:b@127.0.0.1:5066>;expires=29")
        self.assertEqual((response.scode, str(response.getHFs("min-expires")[0].body)), (423, "30"))
        self.assertEqual(len(self.registrar.bindings("1000")), 1)

    def test_removal(self) -> None:
        """Expires 0 removes one binding, Contact: * all of them."""
        for name in ("a", "b", "c"):
            self.register(f"Contact: <sip:{name}@127.0.0.1:5066>")
        response = self.register("Contact: <sip:b@127.0.0.1:5066>;expires=0")
        self.assertEqual(len(self.contacts(response)), 2)
        response = self.register("Contact: *", "Expires: 0")
        self.assertEqual(self.contacts(response), [])
        self.assertEqual(self.registrar.bindings("1000"), [])

    def test_query(self) -> None:
        """A REGISTER without Contact asks what is there."""
        self.register("Contact: <sip:a@127.0.0.1:5066>", "Expires: 60")
        self.assertEqual(self.contacts(self.register()), ["<sip:a@127.0.0.1:5066>;expires=60"])

    def test_contradictions(self) -> None:
        """A star beside a Contact or without Expires: 0, or a Contact that is none: 400, and nothing changes."""
        self.register("Contact: <sip:a@127.0.0.1:5066>")
        for headers in (
            ("Contact: *",),
            ("Contact: *", "Expires: 10"),
            ("Contact: *", "Contact: <sip:a@127.0.0.1>", "Expires: 0"),
            ("Contact: <sip:unclosed",),
        ):
            self.assertEqual(self.register(*headers).scode, 400, headers)
        self.assertEqual(len(self.registrar.bindings("1000")), 1)

    def test_order(self) -> None:
        """An older CSeq of the same Call-ID changes nothing (RFC 3261, section 10.3, step 7)."""
        self.register("Contact: <sip:a@127.0.0.1:5066>", cseq=10)
        self.assertEqual(self.register("Contact: <sip:a@127.0.0.1:5066>;expires=0", cseq=9).scode, 500)
        self.assertEqual(len(self.registrar.bindings("1000")), 1)

    def test_all_or_nothing(self) -> None:
        """If one Contact of a request is refused, none of them is taken."""
        response = self.register("Contact: <sip:a@127.0.0.1:5066>", "Contact: <sip:b@127.0.0.1:5066>;expires=1")
        self.assertEqual(response.scode, 423)
        self.assertEqual(self.registrar.bindings("1000"), [])

    def test_somebody_elses_account(self) -> None:
        """Good credentials do not open another account, and an unknown one is not found."""
        self.assertEqual(self.register("Contact: <sip:a@127.0.0.1>", user="2000").scode, 403)
        self.assertEqual(self.register("Contact: <sip:a@127.0.0.1>", user="3000").scode, 404)

    def test_contacts_are_bounded(self) -> None:
        """One contact too many is refused; the others stay."""
        for number in range(MOST_CONTACTS):
            self.assertEqual(self.register(f"Contact: <sip:{number}@127.0.0.1>").scode, 200)
        self.assertEqual(self.register("Contact: <sip:more@127.0.0.1>").scode, 403)
        self.assertEqual(len(self.registrar.bindings("1000")), MOST_CONTACTS)


class ClientAndServerTests(SynchronousTestCase):
    """Our client, two endpoints, our server: the whole way of a registration, in memory."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.addCleanup(glue.install(self.clock).restore)
        self.network = Network(self.clock, 0.001)
        self.server = self.endpoint("127.0.0.1", 5060, self.heard)
        self.phone = self.endpoint("127.0.0.2", 5062, lambda request, transaction: None)
        self.registrar = Registrar({"1000": "secret"}, "neon", self.clock)
        self.listener = Listener()

    def endpoint(self, host: str, port: int, heard: object) -> Endpoint:
        made = Endpoint(
            self.network, self.clock, host=host, port=port, door=DoorPolicy(direct_calls=True),
            on_request=heard, user_agent="test",  # type: ignore[arg-type]
        )  # fmt: skip
        made.start()
        self.addCleanup(made.stop)
        return made

    def heard(self, request: SipRequest, transaction: ServerTransaction) -> None:
        transaction.respond(self.registrar.register(request, transaction.source))

    def registration(self, password: str = "secret", expires: int = 600) -> Registration:
        settings = AccountSettings("127.0.0.1", "1000", password, expires=expires)
        resolver = FakeResolver({"127.0.0.1": [("127.0.0.1", 5060)]})
        return Registration(self.phone, resolver, self.clock, settings, self.listener, random=lambda: 0.5)

    def test_from_start_to_stop(self) -> None:
        """Challenge, credentials, binding, refresh, removal."""
        registration = self.registration(expires=100)
        registration.start()
        self.clock.pump([0.01] * 10)
        self.assertEqual(self.listener.take(), [("registered", False)])
        (binding,) = self.registrar.bindings("1000")
        self.assertEqual(binding.uri, f"sip:{registration.contact_user}@127.0.0.2:5062")
        self.assertEqual(binding.source, Destination("127.0.0.2", 5062))
        self.clock.pump([0.5] * 600)  # five minutes: the binding lives on
        self.assertEqual(len(self.registrar.bindings("1000")), 1)
        self.assertEqual(self.listener.take(), [("registered", True)] * 3)
        done = registration.stop()
        self.clock.pump([0.01] * 10)
        self.successResultOf(done)
        self.assertEqual(self.registrar.bindings("1000"), [])
        self.assertEqual(self.listener.take(), [("unregistered", 0)])

    def test_too_brief(self) -> None:
        """The server's 423 teaches the client to ask for 30 s."""
        self.registration(expires=10).start()
        self.clock.pump([0.01] * 20)
        self.assertEqual(self.listener.take(), [("registered", False)])

    def test_wrong_password(self) -> None:
        """A wrong password is refused, once."""
        self.registration("guess").start()
        self.clock.pump([0.01] * 20)
        self.assertEqual(self.listener.take(), [("refused", 401)])
        self.assertEqual(self.registrar.bindings("1000"), [])

    def test_server_away_and_back(self) -> None:
        """A server that loses every packet for a while is found again, and the loss of the binding was reported."""
        registration = self.registration(expires=60)
        registration.start()
        self.clock.pump([0.01] * 10)
        self.network.lost = lambda datagram: True
        self.clock.pump([0.5] * 240)
        self.assertFalse(registration.registered)
        self.assertEqual(self.listener.take()[:2], [("registered", False), ("lapsed", 408)])
        self.network.lost = lambda datagram: False
        self.clock.pump([0.5] * 60)
        self.assertTrue(registration.registered)
        self.assertEqual(self.listener.take()[-1], ("registered", False))

    def test_back_within_half_a_minute(self) -> None:
        """A server that was down for five minutes has its phone back 35 s after its return at the latest."""
        for down in (280, 300, 320, 340, 360):
            registration = self.registration()
            registration.start()
            self.clock.pump([0.01] * 10)
            self.network.lost = lambda datagram: True
            registration.refresh()
            self.clock.pump([0.5] * 2 * down)
            self.listener.take()
            self.network.lost = lambda datagram: False
            self.clock.pump([0.5] * 2 * 35)
            self.assertIn(("registered", True), self.listener.take(), down)
            registration.stop()
            self.clock.pump([0.5] * 80)

    def test_nothing_is_left_behind(self) -> None:
        """Half a minute after the end neither endpoint holds a transaction."""
        registration = self.registration()
        registration.start()
        self.clock.pump([0.01] * 10)
        registration.stop()
        self.clock.pump([0.5] * 80)
        self.assertEqual((self.phone.pending(), self.server.pending()), ((0, 0), (0, 0)))
