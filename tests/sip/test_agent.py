"""The phone's SIP side: accounts registered with a real registrar, calls through it, and who may call."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sippy.SipRequest import SipRequest
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from neon.errors import InvalidArgument, NotRegistered
from neon.ports import CallListener, IncomingCall, Signalling, SignallingCall
from neon.sip import messages
from neon.sip import reactor as glue
from neon.sip.agent import AgentEndpoint, AgentSettings, SipAgent
from neon.sip.door import DoorPolicy
from neon.sip.endpoint import Endpoint, OnRequest
from neon.sip.stack import CallSettings, ServerTransaction, Stack
from neon.sip.uac import Caller, UacCall
from neon.sip.useragent import Invitation, Taken, UserAgent
from neon.testbed.registrar import Registrar
from neon.values import (
    AccountOptions,
    AccountSettings,
    Address,
    Cause,
    Destination,
    LocalMedia,
    ReliablePolicy,
)
from tests.sip.calls import SDP, Ear
from tests.sip.fakes import FakeResolver
from tests.sip.messages import PEER, ack_text, request_text, response_text
from tests.sip.network import Datagram, Network

PHONE = ("127.0.0.1", 5060)
EXCHANGE = ("127.0.0.5", 5060)
OTHER_EXCHANGE = ("127.0.0.6", 5060)


class Exchange:
    """A registrar that also calls, and takes calls of those whose credentials are good."""

    def __init__(self, clock: Clock, network: Network, address: Address) -> None:
        self.registrar = Registrar({"1000": "secret", "1001": "secret"}, "neon", clock)
        self.ears: list[Ear] = []
        self.invitations: list[Invitation] = []
        self.endpoint = Endpoint(
            network, clock, host=address[0], port=address[1], door=DoorPolicy(direct_calls=True),
            on_request=self._receive, user_agent="exchange",
        )  # fmt: skip
        stack = Stack(self.endpoint, FakeResolver(), clock)
        self.agent = UserAgent(stack, self._take, handle_other=self._other)
        self.endpoint.start()

    def _receive(self, request: SipRequest, transaction: ServerTransaction) -> None:
        if request.getMethod() in ("INVITE", "BYE"):
            user = self.registrar.authenticate(request)
            if not isinstance(user, str):
                transaction.respond(user)
                return
        self.agent.receive(request, transaction)

    def _other(self, request: SipRequest, transaction: ServerTransaction) -> bool:
        if request.getMethod() != "REGISTER":
            return False
        transaction.respond(self.registrar.register(request, transaction.source))
        return True

    def _take(self, invitation: Invitation, call: SignallingCall) -> Taken:
        self.invitations.append(invitation)
        self.ears.append(Ear())
        call.accept()
        return self.ears[-1], LocalMedia(30000)

    def call(self, number: str, user: str | None = None) -> tuple[UacCall, Ear]:
        """Call a registered account: at its Contact, or by C{user} at its address."""
        binding = self.registrar.bindings(number)[-1]
        target = messages.target_url(binding.uri, *self.endpoint.address)
        if user is not None:
            target.username = user
        ear = Ear()
        caller = Caller(
            messages.named_address(messages.target_url("77", *self.endpoint.address), "Seventy-Seven"),
            lambda remote: messages.contact_url("77", Destination(*self.endpoint.address)),
            hops=(binding.source,),
        )
        return self.agent.call(caller, target, LocalMedia(30000), ear), ear


class Desk:
    """The phone: takes calls and notes how registrations go."""

    def __init__(self) -> None:
        self.calls: list[IncomingCall] = []
        self.signalling: list[SignallingCall] = []
        self.ears: list[Ear] = []
        self.facts: list[str] = []
        self.refuse_with: int | None = None

    def incoming(self, call: IncomingCall, signalling: SignallingCall) -> tuple[CallListener, LocalMedia] | int:
        self.calls.append(call)
        if self.refuse_with is not None:
            return self.refuse_with
        self.signalling.append(signalling)
        self.ears.append(Ear())
        signalling.ring()
        return self.ears[-1], LocalMedia(20000)

    def registered(self, renewed: bool) -> None:
        self.facts.append("renewed" if renewed else "registered")

    def refused(self, cause: Cause) -> None:
        self.facts.append(f"refused {cause.status}")

    def failed(self, cause: Cause) -> None:
        self.facts.append(f"failed {cause.status}")

    def timed_out(self, cause: Cause) -> None:
        self.facts.append("timed out")

    def lapsed(self, cause: Cause) -> None:
        self.facts.append("lapsed")

    def unregistered(self, cause: Cause) -> None:
        self.facts.append(f"unregistered {cause.status}")


class AgentCase(SynchronousTestCase):
    direct_calls = False
    calls = CallSettings(max_calls=4)

    def setUp(self) -> None:
        self.clock = Clock()
        self.addCleanup(glue.install(self.clock).restore)
        self.network = Network(self.clock, 0.01)
        self.exchange = Exchange(self.clock, self.network, EXCHANGE)
        self.desk = Desk()
        settings = AgentSettings(self.calls, direct_calls=self.direct_calls)
        resolver = FakeResolver({host: [(host, 5060)] for host in ("127.0.0.5", "127.0.0.6", "127.0.0.7")})
        self.agent = SipAgent(self.endpoint, resolver, self.clock, settings)
        self.agent.incoming_listener = self.desk
        self.agent.start()

    def endpoint(self, door: DoorPolicy, on_request: OnRequest) -> AgentEndpoint:
        self.phone_endpoint = Endpoint(
            self.network, self.clock, host=PHONE[0], port=PHONE[1], door=door, on_request=on_request, user_agent="NEON"
        )
        return self.phone_endpoint

    def account(self, number: str = "1000", password: str = "secret", host: str = "127.0.0.5") -> AccountSettings:
        return AccountSettings(host, number, password, display_name="Alice", expires=600)

    def register(self, connection_id: int = 1, **settings: str) -> None:
        self.agent.register(connection_id, self.account(**settings), self.desk)
        self.wait()

    def wait(self, seconds: float = 0.2) -> None:
        self.clock.pump([0.01 if seconds <= 1 else 0.1] * round(seconds / (0.01 if seconds <= 1 else 0.1)))

    def sent(self, method: str, source: Address = PHONE) -> list[Datagram]:
        return [
            one for one in self.network.sent if one.source == source and one.first_line.startswith(method + " ")
        ]

    def assert_nothing_left(self) -> None:
        """When the phone's side has stopped, nothing of it runs on."""
        self.wait(40)
        self.successResultOf(self.exchange.endpoint.stop())
        self.exchange.agent.close()
        self.wait(40)
        done = self.agent.stop()
        self.wait(8)
        self.successResultOf(done)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class RegistrationTests(AgentCase):
    def test_it_is_the_port(self) -> None:
        """The agent is what the phone takes for its signalling."""
        signalling: Signalling = self.agent
        self.assertIsNotNone(signalling)

    def test_register_and_give_up(self) -> None:
        """The account's facts arrive, and nothing follows C{unregistered}."""
        self.register()
        self.assertEqual(len(self.exchange.registrar.bindings("1000")), 1)
        self.agent.unregister(1)
        self.agent.unregister(1)
        self.wait()
        self.assertEqual(self.desk.facts, ["registered", "unregistered 0"])
        self.assertEqual(self.exchange.registrar.bindings("1000"), [])
        self.assert_nothing_left()

    def test_replaced(self) -> None:
        """The same connection with other settings registers anew, and tells the new listener."""
        self.register()
        other = Desk()
        self.agent.register(1, self.account(number="1001"), other)
        self.wait()
        self.assertEqual((self.desk.facts, other.facts), (["registered"], ["registered"]))
        self.assertEqual(len(self.exchange.registrar.bindings("1000")), 0)
        self.assertEqual(len(self.exchange.registrar.bindings("1001")), 1)

    def test_again_while_leaving(self) -> None:
        """A connection registered again while it is being given up becomes a new registration."""
        self.register()
        self.agent.unregister(1)
        self.agent.register(1, self.account(), self.desk)
        self.wait()
        self.assertEqual(sorted(self.desk.facts), ["registered", "registered", "unregistered 0"])
        self.assertEqual(len(self.exchange.registrar.bindings("1000")), 1)
        self.assertEqual(self.agent.target_uri(1, "5"), "sip:5@127.0.0.5")

    def test_trust_lasts_until_the_farewell(self) -> None:
        """The old registrar of a connection that moved is trusted until it has let us go."""
        self.register()
        self.agent.unregister(1)
        self.agent.register(1, self.account(host="127.0.0.6"), self.desk)
        self.assertTrue(self.agent.trusted("127.0.0.5"))
        self.wait()
        self.assertFalse(self.agent.trusted("127.0.0.5"))

    def test_unknown_connection(self) -> None:
        """Giving up what is not there is nothing; calling with it is NotRegistered."""
        self.agent.unregister(7)
        self.assertRaises(NotRegistered, self.agent.target_uri, 7, "600")
        self.assertRaises(NotRegistered, self.agent.invite, 7, "600", LocalMedia(1), Ear())

    def test_trust(self) -> None:
        """A host is trusted while an account is registered there."""
        self.assertFalse(self.agent.trusted("127.0.0.5"))
        self.register()
        self.assertTrue(self.agent.trusted("127.0.0.5"))
        self.assertFalse(self.agent.trusted("127.0.0.6"))
        self.agent.unregister(1)
        self.wait()
        self.assertFalse(self.agent.trusted("127.0.0.5"))


class OutgoingTests(AgentCase):
    def test_call(self) -> None:
        """Digest on INVITE and BYE, our Contact the registered one, From the account with its display name."""
        self.register()
        ear = Ear()
        call = self.agent.invite(1, "600", LocalMedia(20000), ear)
        self.wait()
        self.assertEqual(ear.heard, ["answered"])
        call.hang_up()
        self.wait()
        self.assertEqual((ear.heard, self.exchange.ears[0].heard), (["answered", "ended 0"], ["answered", "ended 0"]))
        first, second = self.sent("INVITE")
        self.assertEqual(second.first_line, "INVITE sip:600@127.0.0.5 SIP/2.0")
        self.assertTrue((second.header("From") or "").startswith("Alice <sip:1000@127.0.0.5>;tag="))
        contact = self.exchange.registrar.bindings("1000")[0].uri
        self.assertEqual(second.header("Contact"), f"<{contact}>")
        self.assertIsNone(first.header("Authorization"))
        for request in (second, self.sent("BYE")[0]):
            self.assertIn('username="1000"', request.header("Authorization") or "")
        self.assert_nothing_left()

    def test_wrong_password_for_calls(self) -> None:
        """A refusal of the credentials ends the call with 401."""
        self.register()
        self.exchange.registrar = Registrar({"1000": "changed"}, "neon", self.clock)
        ear = Ear()
        self.agent.invite(1, "600", LocalMedia(20000), ear)
        self.wait()
        self.assertEqual(ear.heard, ["ended 401"])

    def test_other_domains_go_by_the_registrar(self) -> None:
        """Whatever URI is called, the INVITE goes to the account's registrar and nowhere else."""
        self.register()
        self.agent.invite(1, "sip:eve@127.0.0.66:5099", LocalMedia(20000), Ear())
        self.wait()
        self.assertEqual({one.target for one in self.sent("INVITE")}, {EXCHANGE})
        self.assertEqual(self.sent("INVITE")[0].first_line, "INVITE sip:eve@127.0.0.66:5099 SIP/2.0")

    def test_outbound_proxy(self) -> None:
        """With an outbound proxy, requests go there with a Route for it."""
        settings = AccountSettings("127.0.0.7", "1000", "secret", proxy="127.0.0.5")
        self.agent.register(1, settings, self.desk)
        self.wait()
        self.agent.invite(1, "600", LocalMedia(20000), Ear())
        invite = self.sent("INVITE")[0]
        self.assertEqual((invite.target, invite.header("Route")), (EXCHANGE, "<sip:127.0.0.5;lr>"))
        self.assertEqual(invite.first_line, "INVITE sip:600@127.0.0.7 SIP/2.0")

    def test_two_accounts(self) -> None:
        """Each account calls by its own registrar and under its own name."""
        other = Exchange(self.clock, self.network, OTHER_EXCHANGE)
        self.register(1)
        self.register(2, number="1001", host="127.0.0.6")
        for connection_id, exchange, user in ((1, self.exchange, "1000"), (2, other, "1001")):
            ear = Ear()
            self.agent.invite(connection_id, "600", LocalMedia(20000), ear)
            self.wait()
            self.assertEqual(ear.heard, ["answered"])
            self.assertIn(f"sip:{user}@", exchange.invitations[0].caller)

    def test_bad_targets(self) -> None:
        """A target that is none is an invalid argument, and nothing is sent."""
        self.register()
        for target in ("", "sip:x\r\ny@z", "not a number"):
            self.assertRaises(InvalidArgument, self.agent.invite, 1, target, LocalMedia(1), Ear())
            self.assertRaises(InvalidArgument, self.agent.target_uri, 1, target)
        self.assertEqual(self.sent("INVITE"), [])

    def test_not_registered_yet(self) -> None:
        """Before the registrar's address is known nothing can be called."""
        self.agent.register(1, self.account(), self.desk)
        self.assertRaises(NotRegistered, self.agent.invite, 1, "600", LocalMedia(1), Ear())


class IncomingTests(AgentCase):
    def test_call(self) -> None:
        """A call to the registered Contact reaches the phone with plain values and can be answered."""
        self.register(5)
        _, ear = self.exchange.call("1000")
        self.wait()
        (call,) = self.desk.calls
        self.assertEqual((call.connection_id, call.caller, call.display_name), (5, "sip:77@127.0.0.5", "Seventy-Seven"))
        self.desk.signalling[0].accept()
        self.wait()
        self.assertEqual((ear.heard, self.desk.ears[0].heard), (["ringing 180", "answered"], ["answered"]))
        self.desk.signalling[0].hang_up()
        self.wait()
        self.assertEqual((ear.heard[-1], self.desk.ears[0].heard[-1]), ("ended 0", "ended 0"))
        self.assert_nothing_left()

    def test_by_number(self) -> None:
        """A registrar that puts the number into the Request-URI is understood too."""
        self.register()
        self.exchange.call("1000", user="1000")
        self.wait()
        self.assertEqual(len(self.desk.calls), 1)

    def test_unknown_user(self) -> None:
        """Somebody else's number is 404."""
        self.register()
        _, ear = self.exchange.call("1000", user="1234")
        self.wait()
        self.assertEqual((ear.heard, self.desk.calls), (["ended 404"], []))

    def test_two_accounts(self) -> None:
        """The Contact tells which account is called, even if both have the same number."""
        other = Exchange(self.clock, self.network, OTHER_EXCHANGE)
        self.register(1)
        self.register(2, host="127.0.0.6")
        other.call("1000")
        self.wait()
        other.call("1000", user="1000")
        self.wait()
        self.exchange.call("1000")
        self.wait()
        self.assertEqual([call.connection_id for call in self.desk.calls], [2, 2, 1])

    def test_refused_by_the_phone(self) -> None:
        """A status from the phone is the answer."""
        self.register()
        self.desk.refuse_with = 480
        _, ear = self.exchange.call("1000")
        self.wait()
        self.assertEqual(ear.heard, ["ended 480"])

    def test_strangers_get_silence(self) -> None:
        """An INVITE from anywhere but a registrar is not answered, nor is the phone asked."""
        self.register()
        user = self.exchange.registrar.bindings("1000")[0].uri.partition("@")[0]
        self.network.taken()
        self.network.deliver(request_text("INVITE", uri=f"{user}@127.0.0.1", body=SDP), PEER, PHONE)
        self.wait()
        self.assertEqual((self.network.sent, self.desk.calls), ([], []))

    def test_options(self) -> None:
        """OPTIONS answers what INVITE would: 200 for us, 404 for others."""
        self.register()
        contact = self.exchange.registrar.bindings("1000")[0].uri
        for uri, status in (
            (contact, 200), ("sip:1000@127.0.0.1", 200), ("sip:127.0.0.1", 200), ("sip:x@127.0.0.1", 404),
        ):  # fmt: skip
            self.network.taken()
            text = request_text("OPTIONS", uri=uri, via=f"SIP/2.0/UDP 127.0.0.5;branch=z9hG4bK{status}{len(uri)}",
                                call_id=f"{status}-{len(uri)}")  # fmt: skip
            self.network.deliver(text, EXCHANGE, PHONE)
            (answer,) = self.network.sent
            self.assertEqual(answer.first_line.split()[1], str(status), uri)

    def test_gone(self) -> None:
        """An account that is being given up takes no more calls."""
        self.register()
        self.agent.unregister(1)
        self.exchange.call("1000")
        self.wait()
        self.assertEqual(self.desk.calls, [])


class DirectTests(AgentCase):
    direct_calls = True

    def test_anybody_may_call(self) -> None:
        """With direct calls a stranger reaches an account by its number."""
        self.register()
        self.network.deliver(request_text("INVITE", uri="sip:1000@127.0.0.1", body=SDP), PEER, PHONE)
        self.assertEqual([call.caller for call in self.desk.calls], ["sip:bob@127.0.0.9"])


    def test_a_stranger_gets_no_credentials(self) -> None:
        """A stranger that challenges our BYE learns nothing about the account's password."""
        self.register()
        self.network.deliver(request_text("INVITE", uri="sip:1000@127.0.0.1", body=SDP), PEER, PHONE)
        self.desk.signalling[0].accept()
        answer = next(one for one in self.network.sent if one.first_line.endswith("200 OK") and one.target == PEER)
        self.network.deliver(ack_text(answer), PEER, PHONE)
        self.desk.signalling[0].hang_up()
        challenge = 'WWW-Authenticate: Digest realm="neon", nonce="x", qop="auth"'
        self.network.deliver(response_text(self.sent("BYE")[0], 401, extra=(challenge,)), PEER, PHONE)
        self.assertEqual((len(self.sent("BYE")), self.desk.ears[0].heard), (1, ["answered", "ended 0"]))


class PolicyTests(AgentCase):
    """What one account wants otherwise than the daemon: 100rel supported, a session timer of 1800 s, 90 s at least."""

    def with_options(self, **options: Any) -> None:
        self.agent.register(1, replace(self.account(), options=AccountOptions(**options)), self.desk)
        self.wait()

    def invite(self) -> Datagram:
        """Our INVITE."""
        self.agent.invite(1, "600", LocalMedia(20000), Ear())
        self.wait()
        return self.sent("INVITE")[-1]

    def invited(self, *extra: str) -> str:
        """The answer to an INVITE of the exchange, with these header fields."""
        self.network.taken()
        number = f"{len(self.desk.calls)}x{''.join(filter(str.isalnum, ''.join(extra)))}"
        via = f"SIP/2.0/UDP 127.0.0.5;branch=z9hG4bK{number}"
        fields = ("Contact: <sip:b@127.0.0.5>", *extra)
        text = request_text("INVITE", uri="sip:1000@127.0.0.1", body=SDP, via=via, call_id=number, extra=fields)
        self.network.deliver(text, EXCHANGE, PHONE)
        self.wait()
        return next(one for one in self.network.sent if one.target == EXCHANGE).text

    def test_as_the_daemon(self) -> None:
        """Without wishes of its own an account is as the settings say."""
        self.register()
        invite = self.invite()
        self.assertEqual(invite.header("Session-Expires"), "1800")
        self.assertIn("100rel", invite.header("Supported") or "")
        self.assertIsNone(invite.header("Require"))
        self.assertIn("SIP/2.0 180", self.invited("Supported: timer", "Session-Expires: 120"))

    def test_timer(self) -> None:
        """An account asks for a session timer of its own, or for none, and grants none that is too short for it."""
        self.with_options(session_expires=600, min_se=300)
        self.assertEqual(self.invite().header("Session-Expires"), "600")
        refusal = self.invited("Supported: timer", "Session-Expires: 120")
        self.assertIn("SIP/2.0 422", refusal)
        self.assertIn("Min-SE: 300", refusal)
        self.with_options(session_expires=0)
        self.assertIsNone(self.invite().header("Session-Expires"))

    def test_reliable(self) -> None:
        """An account insists on reliable ringing, both ways; or does without, and refuses who insists."""
        self.with_options(reliable_responses=ReliablePolicy.REQUIRED)
        self.assertEqual(self.invite().header("Require"), "100rel")
        self.assertIn("SIP/2.0 421", self.invited("Supported: timer"))
        self.assertIn("RSeq", self.invited("Supported: timer, 100rel"))
        self.with_options(reliable_responses=ReliablePolicy.NO)
        self.assertNotIn("100rel", self.invite().header("Supported") or "")
        refusal = self.invited("Require: 100rel")
        self.assertIn("SIP/2.0 420", refusal)
        self.assertIn("Unsupported: 100rel", refusal)


class UnreliableDaemonTests(PolicyTests):
    """The daemon does without reliable ringing."""

    calls = CallSettings(max_calls=4, reliable=ReliablePolicy.NO)

    def test_as_the_daemon(self) -> None:
        """So does an account, unless it wants it."""
        self.register()
        self.assertNotIn("100rel", self.invite().header("Supported") or "")
        self.assertIn("SIP/2.0 420", self.invited("Require: 100rel"))
        self.with_options(reliable_responses=ReliablePolicy.SUPPORTED)
        self.assertIn("RSeq", self.invited("Supported: timer", "Require: 100rel"))


class StoppingTests(AgentCase):
    def test_everything_ends(self) -> None:
        """Calls are hung up first, then the binding is taken away; the socket is closed last."""
        self.register()
        ear = Ear()
        self.agent.invite(1, "600", LocalMedia(20000), ear)
        self.wait()
        done = self.agent.stop()
        self.wait()
        self.successResultOf(done)
        self.assertEqual(ear.heard, ["answered", "ended 0"])
        self.assertEqual(self.exchange.registrar.bindings("1000"), [])
        self.assertEqual(self.desk.facts[-1], "unregistered 0")
        self.assertNotIn(PHONE, self.network.ports)

    def test_into_silence(self) -> None:
        """If nobody answers any more, stopping takes no longer than it may."""
        self.register()
        self.agent.invite(1, "600", LocalMedia(20000), Ear())
        self.wait()
        self.network.lost = lambda datagram: True
        done = self.agent.stop()
        self.wait(7.5)
        self.assertNoResult(done)
        self.wait(0.8)
        self.successResultOf(done)
        self.assertNotIn(PHONE, self.network.ports)

    def test_no_call_is_forgotten(self) -> None:
        """Every listener has heard its end when stopping is done, and no timer of ours runs on."""
        self.register()
        ears = [Ear() for _ in range(3)]
        for ear in ears:
            self.agent.invite(1, "600", LocalMedia(20000), ear)
        self.exchange.call("1000")
        self.wait()
        self.network.lost = lambda datagram: True
        done = self.agent.stop()
        self.wait(9)
        self.successResultOf(done)
        for ear in (*ears, *self.desk.ears):
            self.assertTrue(ear.heard[-1].startswith("ended"))
        self.exchange.agent.close()
        self.successResultOf(self.exchange.endpoint.stop())
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_without_accounts(self) -> None:
        """Nothing to do is done at once."""
        done = self.agent.stop()
        self.wait()
        self.successResultOf(done)
