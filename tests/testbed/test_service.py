"""The testbed as a phone meets it: every number, over two endpoints and a network in memory."""

from __future__ import annotations

from sippy.SipRequest import SipRequest
from sippy.SipURL import SipURL
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from neon.details import Referral
from neon.media.engine import Echo, Silence, Source, Tone
from neon.ports import MediaUnavailable
from neon.sip import messages
from neon.sip import reactor as glue
from neon.sip.digest import DigestClient
from neon.sip.door import DoorPolicy
from neon.sip.endpoint import Endpoint, ServerTransaction
from neon.sip.registrar import Registration
from neon.sip.session import Session
from neon.sip.stack import CallSettings, Stack
from neon.sip.uac import Caller, UacCall
from neon.sip.uas import UasCall
from neon.testbed import service
from neon.testbed.service import Testbed
from neon.values import AccountSettings, Address, Cause, Destination, LocalMedia, MediaAgreement, MediaStatistics
from tests.sip.fakes import FakeResolver
from tests.sip.network import Network
from tests.sip.test_registrar import Listener

PHONE: Address = ("127.0.0.2", 5066)
SERVER: Address = ("127.0.0.1", 5062)


class FakeRtp:
    """A stream of the fake engine; it receives all the time."""

    def __init__(self, port: int) -> None:
        self.local_port = port
        self.source: Source = Silence()
        self.started: list[MediaAgreement] = []
        self.closed = False
        self._received = 0

    def start(self, agreement: MediaAgreement) -> None:
        self.started.append(agreement)

    def set_source(self, source: Source) -> None:
        self.source = source

    def statistics(self) -> MediaStatistics:
        self._received += 1
        return MediaStatistics(packets_received=self._received)

    def close(self) -> None:
        self.closed = True


class FakeEngine:
    """Opens streams until it is C{full}."""

    def __init__(self) -> None:
        self.streams: list[FakeRtp] = []
        self.full = False

    def open_stream(self, host: str, ports: range) -> FakeRtp:
        if self.full:
            raise MediaUnavailable("full")
        stream = FakeRtp(ports.start + 2 * len(self.streams))
        self.streams.append(stream)
        return stream


class Ear:
    """Writes down what a call on the phone's side hears."""

    def __init__(self) -> None:
        self.heard: list[str | tuple[str, int]] = []
        self.agreement: MediaAgreement | None = None

    def ringing(self, status: int, early: MediaAgreement | None) -> None:
        self.heard.append(("ringing", status))

    def answered(self, agreement: MediaAgreement) -> None:
        self.agreement = agreement
        self.heard.append("answered")

    def media_changed(self, agreement: MediaAgreement) -> None:
        self.heard.append("media_changed")

    def located(self) -> None:
        """Where it was."""

    def hold_answered(self, agreement: MediaAgreement) -> None:
        self.heard.append("hold_answered")

    def hold_refused(self, cause: Cause) -> None:
        self.heard.append(("hold_refused", cause.status))

    def digit_received(self, digit: str) -> None:
        self.heard.append(f"digit {digit}")

    def digits_refused(self, digits: str) -> None:
        self.heard.append(f"digits refused {digits}")

    def transferred(self) -> None:
        self.heard.append("transferred")

    def transfer_failed(self, cause: Cause) -> None:
        self.heard.append(("transfer_failed", cause.status))

    def referred(self, wish: Referral) -> None:
        """Nobody is sent anywhere."""

    def ended(self, cause: Cause) -> None:
        self.heard.append(("ended", cause.status))


class Purse:
    """Subscribers with one account, whose calls cost what they last."""

    def __init__(self, seconds: float) -> None:
        self.passwords = {"1000": "secret"}
        self.seconds = seconds
        self.bills: list[float] = []

    def seconds_left(self, number: str) -> float:
        return self.seconds

    def spent(self, number: str, seconds: float) -> None:
        self.seconds -= seconds
        self.bills.append(round(seconds, 1))


class TestbedTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.addCleanup(glue.install(self.clock).restore)
        self.network = Network(self.clock, 0.001)
        self.engine = FakeEngine()
        self.testbed = Testbed(self.network, self.clock, self.engine, port=SERVER[1], password="secret")
        self.testbed.startService()
        self.phone = Endpoint(
            self.network, self.clock, host=PHONE[0], port=PHONE[1], door=DoorPolicy(direct_calls=True),
            on_request=self.phone_heard, user_agent="phone",
        )  # fmt: skip
        self.phone.start()
        self.stack = Stack(self.phone, FakeResolver(), self.clock, CallSettings())
        self.sessions: list[Session] = []
        self.rung: list[tuple[UasCall, Ear, str]] = []
        self.registration = Registration(
            self.phone, FakeResolver({SERVER[0]: [SERVER]}), self.clock,
            AccountSettings(SERVER[0], "1000", "secret", port=SERVER[1]), Listener(),
        )  # fmt: skip

    def phone_heard(self, request: SipRequest, transaction: ServerTransaction) -> None:
        tag = messages.tag_of(request, "to")
        for session in self.sessions:
            if session.call_id == messages.call_id_of(request) and session.local_tag == tag:
                session.receive(request, transaction)
                return
        self.assertEqual(request.getRURI().username, self.registration.contact_user)
        ear = Ear()
        call = UasCall(self.stack, request, transaction, self.contact(), lambda session: None)
        self.sessions.append(call)
        call.take(ear, LocalMedia(20000))
        call.ring()
        self.called = str(request.getHFBody("to").getUrl().username)
        self.rung.append((call, ear, str(request.getHFBody("from").getUrl().username)))

    def contact(self, remote: Destination | None = None) -> SipURL:
        return messages.contact_url(self.registration.contact_user, Destination(*PHONE))

    def pass_time(self, seconds: float = 0.1) -> None:
        self.clock.pump([0.01] * round(seconds * 100))

    def register(self) -> None:
        self.registration.start()
        self.pass_time()
        self.assertTrue(self.registration.registered)

    def call(self, number: str, password: str = "secret") -> tuple[UacCall, Ear]:
        ear = Ear()
        me = messages.named_address(messages.target_url("1000", *SERVER))
        caller = Caller(me, self.contact, DigestClient("1000", password), hops=(Destination(*SERVER),))
        target = messages.target_url(number, *SERVER)
        call = UacCall(self.stack, caller, target, LocalMedia(20000), ear, lambda session: None)
        self.sessions.append(call)
        call.start()
        self.pass_time()
        return call, ear

    def test_echo(self) -> None:
        """600 answers and echoes; when the phone hangs up its ports are given back."""
        self.register()
        call, ear = self.call("600")
        self.assertEqual(ear.heard, [("ringing", 180), "answered"])
        (stream,) = self.engine.streams
        self.assertEqual(stream.source, Echo())
        self.assertEqual([one.remote for one in stream.started], [(PHONE[0], 20000)])
        assert ear.agreement is not None
        self.assertEqual(ear.agreement.remote, (SERVER[0], stream.local_port))
        call.hang_up()
        self.pass_time()
        self.assertEqual(ear.heard[2:], [("ended", 0)])
        self.assertTrue(stream.closed)
        self.assertEqual(self.testbed.calls, 0)

    def test_tone(self) -> None:
        """601 plays 1,004 Hz at -10 dBm0."""
        self.register()
        self.call("601")
        self.assertEqual(self.engine.streams[0].source, Tone(1004, -10.0))

    def test_call_back(self) -> None:
        """602 beeps for a second and hangs up; a second later the phone rings, and once answered hears 30 s of tone."""
        self.register()
        _, ear = self.call("602")
        self.pass_time(1.0)
        self.assertEqual(ear.heard[1:], ["answered", ("ended", 0)])
        self.assertEqual(self.rung, [])
        self.pass_time(1.0)
        ((call, second, caller),) = self.rung
        self.assertEqual((caller, self.called), ("602", "1000"))
        call.accept()
        self.pass_time()
        self.assertEqual(second.heard, ["answered"])
        self.assertEqual(self.engine.streams[1].source, Tone(1004, -10.0))
        self.pass_time(30.0)
        self.assertEqual(second.heard, ["answered", ("ended", 0)])
        self.assertEqual((self.testbed.calls, [one.closed for one in self.engine.streams]), (0, [True, True]))

    def test_call_back_unanswered(self) -> None:
        """A phone that does not answer rings for half a minute."""
        self.register()
        self.call("602")
        self.pass_time(2.5)
        ((_, ear, _),) = self.rung
        self.pass_time(31)
        self.assertEqual(ear.heard, [("ended", 487)])
        self.assertEqual(self.testbed.calls, 0)

    def test_call_back_redirected(self) -> None:
        """A phone that passes the call on to somebody else is not rung again."""
        self.register()
        self.call("602")
        self.pass_time(2.0)
        ((call, ear, _),) = self.rung
        call.deflect(f"sip:601@{SERVER[0]}:{SERVER[1]}")
        self.pass_time(1.0)
        self.assertEqual(len(self.rung), 1)
        self.assertEqual(ear.heard, [("ended", 302)])
        self.assertEqual((self.testbed.calls, [one.closed for one in self.engine.streams]), (0, [True, True]))

    def test_busy(self) -> None:
        """603 is busy."""
        self.register()
        self.assertEqual(self.call("603")[1].heard, [("ended", 486)])
        self.assertEqual(self.engine.streams, [])

    def test_never_answers(self) -> None:
        """604 rings until the phone gives up."""
        self.register()
        call, ear = self.call("604")
        self.pass_time(50)
        self.assertEqual(ear.heard, [("ringing", 180)])
        call.hang_up()
        self.pass_time()
        self.assertEqual(ear.heard, [("ringing", 180), ("ended", 487)])
        self.assertTrue(self.engine.streams[0].closed)
        self.assertEqual(self.testbed.calls, 0)

    def paid_from(self, purse: Purse) -> None:
        self.testbed.stopService()
        self.testbed = Testbed(self.network, self.clock, self.engine, port=SERVER[1], subscribers=purse)
        self.testbed.startService()

    def test_calls_cost(self) -> None:
        """A call costs what it lasted after it was answered; one that was not, or that calls us back, costs nothing."""
        purse = Purse(1000.0)
        self.paid_from(purse)
        self.register()
        session, _ = self.call("600")
        self.pass_time(5.0)
        session.hang_up()
        self.call("603")
        ringing, _ = self.call("604")
        ringing.hang_up()
        self.pass_time()
        self.assertEqual(len(purse.bills), 1)
        self.assertTrue(5.0 <= purse.bills[0] <= 5.2, purse.bills)
        self.call("602")
        self.pass_time(3.0)
        call, _, _ = self.rung[0]
        call.accept()
        self.pass_time(5.0)
        call.hang_up()
        self.pass_time()
        self.assertEqual((len(purse.bills), purse.bills[1]), (2, 1.0))

    def test_no_credit(self) -> None:
        """A call ends when the credit does; the next one is refused with 402."""
        purse = Purse(3.0)
        self.paid_from(purse)
        self.register()
        _, ear = self.call("600")
        self.pass_time(2.5)
        self.assertNotIn(("ended", 0), ear.heard)
        self.pass_time(1.0)
        self.assertEqual((ear.heard[-1], purse.bills), (("ended", 0), [3.0]))
        _, ear = self.call("600")
        self.assertEqual(ear.heard, [("ended", 402)])

    def test_unknown_number(self) -> None:
        """Any other number does not exist."""
        self.register()
        self.assertEqual(self.call("12345")[1].heard, [("ended", 404)])

    def test_without_registration(self) -> None:
        """Good credentials from a phone that is not registered do not make a call."""
        self.assertEqual(self.call("600")[1].heard, [("ended", 403)])
        self.register()
        done = self.registration.stop()
        self.pass_time()
        self.successResultOf(done)
        self.assertEqual(self.call("600")[1].heard, [("ended", 403)])

    def test_wrong_password(self) -> None:
        """A registered phone with wrong credentials does not make a call either."""
        self.register()
        self.assertEqual(self.call("600", "guess")[1].heard, [("ended", 401)])
        self.assertEqual(self.engine.streams, [])

    def test_no_ports_left(self) -> None:
        """Without media the call is refused, and the next one is welcome again."""
        self.register()
        self.engine.full = True
        self.assertEqual(self.call("600")[1].heard, [("ended", 503)])
        self.engine.full = False
        self.assertIn("answered", self.call("600")[1].heard)

    def test_calls_are_bounded(self) -> None:
        """One call more than it can hold is refused."""
        self.patch(service, "MOST_CALLS", 2)
        self.register()
        heard = [self.call("600")[1].heard[-1] for _ in range(3)]
        self.assertEqual(heard, ["answered", "answered", ("ended", 503)])

    def test_stop_hangs_up(self) -> None:
        """The end of the service ends its calls with BYE, and then the socket is free."""
        self.register()
        ears = [self.call(number)[1] for number in ("600", "604")]
        done = self.testbed.stopService()
        self.pass_time()
        self.successResultOf(done)
        self.assertEqual([ear.heard[-1] for ear in ears], [("ended", 0), ("ended", 486)])
        self.assertNotIn(SERVER, self.network.ports)

    def test_stop_is_bounded(self) -> None:
        """A phone that has gone does not keep the service from ending."""
        self.register()
        self.call("600")
        self.network.lost = lambda datagram: True
        done = self.testbed.stopService()
        self.assertNoResult(done)
        self.pass_time(2.1)
        self.successResultOf(done)
        self.assertTrue(self.engine.streams[0].closed)

    def test_stop_without_calls(self) -> None:
        """With nothing to hang up it ends at once, a call back that was promised included."""
        self.register()
        self.call("602")
        self.pass_time(1.5)
        self.successResultOf(self.testbed.stopService())
        self.pass_time(5)
        self.assertEqual(self.rung, [])

    def test_other_requests(self) -> None:
        """OPTIONS is answered, others get 405 or 501, and requests of dialogs that are not there 481."""
        me = messages.named_address(messages.target_url("1000", *SERVER))
        statuses = []
        for method, tag in (("OPTIONS", None), ("SUBSCRIBE", None), ("FOO", None), ("BYE", "nobody"), ("INVITE", "x")):
            request = messages.build_request(
                method, messages.target_url("600", *SERVER), sender=me, sender_tag="1", to=me, to_tag=tag,
                call_id=messages.new_call_id(), cseq=1, remote=Destination(*SERVER), contact=self.contact(),
            )  # fmt: skip
            self.phone.send_request(request, Destination(*SERVER), lambda response: statuses.append(response.scode))
            self.pass_time()
        self.assertEqual(statuses, [200, 405, 501, 481, 481])

    def test_loopback_only(self) -> None:
        """It does not listen where others could reach it."""
        self.assertRaises(ValueError, Testbed, self.network, self.clock, self.engine, host="0.0.0.0")

    def test_what_it_tells(self) -> None:
        """Its domain is ready for an account's settings; without a password one is made up."""
        self.assertEqual((self.testbed.domain, self.testbed.number), ("127.0.0.1:5062", "1000"))
        other = Testbed(self.network, self.clock, self.engine)
        self.assertGreaterEqual(len(other.password), 16)
        other.startService()
        self.assertNotEqual(other.address[1], 0)
