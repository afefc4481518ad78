"""The registrar client as a conversation: what it sends, how it takes the answers, when it comes back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from neon.challenge import parse
from neon.sip.backoff import BACK_OFF
from neon.sip.binding import RegistrationOptions
from neon.sip.keepalive import INTERVAL, KeepAlive, beat
from neon.sip.registrar import TARGET_WITHIN, Registration
from neon.stunmessage import is_stun
from neon.values import AccountSettings, Address, Cause, Destination
from tests.sip.fakes import LOCAL, FakeEndpoint, FakeResolver, Sent

FIRST: Address = ("198.51.100.1", 5060)
SECOND: Address = ("198.51.100.2", 5060)
SETTINGS = AccountSettings("example.com", "1000", "secret", expires=600)
CHALLENGE = ("WWW-Authenticate", 'Digest realm="example.com", nonce="n1", algorithm=SHA-256, qop="auth"')
WRONG = ("WWW-Authenticate", 'Digest realm="example.com", nonce="n2", algorithm=SHA-256, qop="auth"')


class Listener:
    """Writes down what it hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, object]] = []

    def registered(self, renewed: bool) -> None:
        self.heard.append(("registered", renewed))

    def refused(self, cause: Cause) -> None:
        self.heard.append(("refused", cause.status))

    def failed(self, cause: Cause) -> None:
        self.heard.append(("failed", cause.status))

    def timed_out(self, cause: Cause) -> None:
        self.heard.append(("timed_out", cause.status))

    def lapsed(self, cause: Cause) -> None:
        self.heard.append(("lapsed", cause.status))

    def unregistered(self, cause: Cause) -> None:
        self.heard.append(("unregistered", cause.status))

    def take(self) -> list[tuple[str, object]]:
        heard, self.heard = self.heard, []
        return heard


class RegistrationCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.endpoint = FakeEndpoint()
        self.resolver = FakeResolver({"example.com": [FIRST, SECOND]})
        self.listener = Listener()
        self.randomness = 0.5
        self.registration = self.make()

    def make(self, settings: AccountSettings = SETTINGS, **options: bool) -> Registration:
        return Registration(
            self.endpoint, self.resolver, self.clock, settings, self.listener,
            options=RegistrationOptions(**options), random=lambda: self.randomness,
        )  # fmt: skip

    def begin_anew(self) -> None:
        """Another registration, on a clock that knows nothing of the one before."""
        self.clock = Clock()
        self.registration = self.make()

    def begin(self) -> Sent:
        self.registration.start()
        self.clock.advance(0)
        return self.endpoint.last

    def grant(self, sent: Sent, expires: int = 600, others: Sequence[str] = ()) -> None:
        contact = (sent.header("contact") or "").split(";", 1)[0]
        sent.answer(200, [("Contact", value) for value in (*others, f"{contact};expires={expires}")])

    def established(self, expires: int = 600) -> None:
        self.grant(self.begin(), expires)
        self.endpoint.take()
        self.listener.take()

    def next_delay(self, method: str | None = None) -> float:
        """How long until the next request leaves, of that method if one is given."""
        began = self.clock.seconds()
        before = len(self.endpoint.sent)
        while len(self.endpoint.sent) == before or method not in (None, self.endpoint.last.method):
            calls: Any = self.clock.getDelayedCalls()
            waiting = [call.getTime() for call in calls]
            self.assertTrue(waiting, "nothing is scheduled")
            self.clock.advance(min(waiting) - self.clock.seconds())
        return self.clock.seconds() - began


class RequestTests(RegistrationCase):
    def test_the_first_request(self) -> None:
        """A REGISTER names the domain, the account and a Contact that cannot be guessed."""
        sent = self.begin()
        self.assertEqual((sent.method, sent.remote), ("REGISTER", FIRST))
        self.assertEqual(str(sent.request.getRURI()), "sip:example.com")
        self.assertEqual(sent.header("to"), "<sip:1000@example.com>")
        self.assertEqual(sent.header("expires"), "600")
        user = self.registration.contact_user
        self.assertEqual(sent.header("contact"), f"<sip:{user}@{LOCAL[0]}:{LOCAL[1]}>;expires=600")
        self.assertGreaterEqual(len(user), 16)
        self.assertNotEqual(user, self.make().contact_user)
        self.assertEqual(self.resolver.asked, [("example.com", None, "udp")])

    def test_nothing_happens_inside_start(self) -> None:
        """Requests and reports come from the reactor, not from inside start()."""
        self.registration.start()
        self.assertEqual((self.endpoint.sent, self.listener.take()), ([], []))

    def test_call_id_stays_and_cseq_grows(self) -> None:
        """All REGISTERs of one registration share the Call-ID, with a growing CSeq (RFC 3261, section 10.2.4)."""
        sent = self.begin()
        sent.answer(401, [CHALLENGE])
        self.grant(self.endpoint.last)
        self.next_delay()
        self.assertEqual(len({one.header("call-id") for one in self.endpoint.sent}), 1)
        self.assertEqual([one.cseq for one in self.endpoint.sent], [1, 2, 3])

    def test_outbound_proxy(self) -> None:
        """With an outbound proxy the request goes there, through a Route, and still names the domain."""
        self.resolver.table["proxy.example.net"] = [SECOND]
        self.registration = self.make(replace(SETTINGS, proxy="proxy.example.net:5070"))
        sent = self.begin()
        self.assertEqual(self.resolver.asked, [("proxy.example.net", 5070, "udp")])
        self.assertEqual(sent.remote, SECOND)
        self.assertEqual(sent.header("route"), "<sip:proxy.example.net:5070;lr>")
        self.assertEqual(str(sent.request.getRURI()), "sip:example.com")

    def test_junk_proxy_is_refused(self) -> None:
        """A proxy or domain that is no host ends the registration with a sentence, not a traceback."""
        for junk in ({"proxy": "[[:99999"}, {"proxy": "a<b"}, {"domain": "a\r\nX: y"}, {"domain": ""}):
            self.registration = self.make(replace(SETTINGS, **junk))  # type: ignore[arg-type]
            self.registration.start()
            self.clock.advance(0)
            self.assertEqual(self.listener.take(), [("refused", 0)], junk)
        self.assertEqual(self.endpoint.sent, [])

    def test_names_cannot_break_out(self) -> None:
        """Quotes and line ends in a display name stay in it."""
        self.registration = self.make(replace(SETTINGS, display_name='A "B"\r\nX: y'))
        sent = self.begin()
        self.assertIsNone(sent.header("x"))
        self.assertTrue((sent.header("from") or "").startswith('"A \\"B\\"X: y" <sip:1000@example.com>;tag='))


class AuthenticationTests(RegistrationCase):
    def test_challenge_is_answered(self) -> None:
        """A 401 of the registrar gets the same request again, with credentials, to the same address."""
        self.begin().answer(401, [CHALLENGE])
        sent = self.endpoint.last
        (one,) = parse(sent.header("authorization") or "")
        self.assertEqual((one.get("username"), one.get("uri"), one.get("nc")), ("1000", "sip:example.com", "00000001"))
        self.assertEqual(sent.remote, FIRST)

    def test_proxy_challenge_goes_into_its_own_header(self) -> None:
        """A 407 is answered with Proxy-Authorization, by the authentication user where one is set."""
        self.registration = self.make(replace(SETTINGS, auth_user="auth1000"))
        self.begin().answer(407, [("Proxy-Authenticate", CHALLENGE[1])])
        self.assertIsNone(self.endpoint.last.header("authorization"))
        (one,) = parse(self.endpoint.last.header("proxy-authorization") or "")
        self.assertEqual(one.get("username"), "auth1000")

    def test_refresh_carries_credentials_at_once(self) -> None:
        """A refresh uses the remembered nonce with the next nc, so that it costs one round trip."""
        self.begin().answer(401, [CHALLENGE])
        self.grant(self.endpoint.last)
        self.next_delay()
        (one,) = parse(self.endpoint.last.header("authorization") or "")
        self.assertEqual((one.get("nonce"), one.get("nc")), ("n1", "00000002"))

    def test_wrong_password(self) -> None:
        """Credentials that are challenged again are refused: reported once, nothing more is sent."""
        self.begin().answer(401, [CHALLENGE])
        self.endpoint.last.answer(401, [WRONG])
        self.assertEqual(self.listener.take(), [("refused", 401)])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_challenge_from_elsewhere(self) -> None:
        """Nobody but the account's registrar gets credentials."""
        self.begin().answer(401, [CHALLENGE], source=("203.0.113.66", 5060))
        self.assertEqual(len(self.endpoint.sent), 1)
        self.assertEqual(self.listener.take(), [("refused", 401)])


class LifetimeTests(RegistrationCase):
    def test_registered(self) -> None:
        """A 200 with our Contact is a registration; a refresh of it is a renewal."""
        sent = self.begin()
        self.assertFalse(self.registration.registered)
        self.grant(sent)
        self.assertTrue(self.registration.registered)
        self.assertEqual(self.listener.take(), [("registered", False)])
        self.next_delay()
        self.grant(self.endpoint.last)
        self.assertEqual(self.listener.take(), [("registered", True)])

    def test_refresh_at_85_to_90_percent(self) -> None:
        """The refresh comes at 85 to 90 % of the granted lifetime, spread by chance."""
        for granted in (20, 100, 600, 3600):
            for self.randomness in (0.0, 0.999):
                self.begin_anew()
                self.established(granted)
                share = self.next_delay() / granted
                self.assertTrue(0.85 <= share <= 0.90, (granted, share))

    def test_refresh_leaves_a_transaction_time_out(self) -> None:
        """From 120 s on, at least 32 s are left for the refresh to succeed."""
        for granted in (120, 200, 300):
            self.begin_anew()
            self.established(granted)
            self.assertLessEqual(self.next_delay(), granted - 32)

    def test_own_contact_among_several(self) -> None:
        """The lifetime of our own Contact counts, not the first one's."""
        sent = self.begin()
        self.grant(sent, 100, ["<sip:other@192.0.2.77>;expires=3000", f"<sip:1000@{LOCAL[0]}>;expires=20"])
        self.endpoint.take()
        self.assertAlmostEqual(self.next_delay(), 87.5)

    def test_expires_header_where_the_contact_has_none(self) -> None:
        """Without an expires parameter the Expires header counts; without both, what we asked for."""
        for headers, expected in (([("Expires", "100")], 87.5), ([], 525.0)):
            self.begin_anew()
            sent = self.begin()
            sent.answer(200, [("Contact", (sent.header("contact") or "").split(";")[0]), *headers])
            self.assertAlmostEqual(self.next_delay(), expected)

    def test_worthless_200(self) -> None:
        """Zero, junk, a star, or a list without our Contact is a failure with back-off, not a registration."""
        user = self.registration.contact_user
        for contacts in (
            [f"<sip:{user}@{LOCAL[0]}>;expires=0"],
            [f"<sip:{user}@{LOCAL[0]}>;expires=soon"],
            [f"<sip:{user}@{LOCAL[0]}>;expires=-5"],
            ["*"],
            ["<sip:a@192.0.2.7>;expires=60", "<sip:b@192.0.2.8>;expires=60"],
        ):
            self.registration.start()
            self.clock.advance(0)
            sent = self.endpoint.last
            self.endpoint.take()
            sent.answer(200, [("Contact", contact) for contact in contacts])
            self.assertEqual(self.listener.take(), [("failed", 200)], contacts)
            self.assertFalse(self.registration.registered)
            self.assertEqual(self.endpoint.take(), [])
            self.assertEqual(len(self.clock.getDelayedCalls()), 1)

    def test_service_route_and_path(self) -> None:
        """The Service-Route (RFC 3608) of the 200 is there for the agent; a Path (RFC 3327) may be recorded."""
        sent = self.begin()
        contact = sent.header("contact") or ""
        route = "<sip:edge.example.com;lr>, <sip:core.example.com;lr>, <tel:1>, <sip:a:b:c>, junk"
        sent.answer(200, [("Contact", contact), ("Service-Route", route), ("Path", "<sip:p1.example.com;lr>")])
        self.assertEqual(self.registration.service_route, ("sip:edge.example.com;lr", "sip:core.example.com;lr"))
        self.assertEqual(sent.header("supported"), "path")

    def test_423(self) -> None:
        """A 423 is answered at once with the lifetime it wants, and that lifetime is kept."""
        self.begin().answer(423, [("Min-Expires", "1800")])
        self.assertEqual(self.endpoint.last.header("expires"), "1800")
        self.grant(self.endpoint.last, 1800)
        self.next_delay()
        self.assertEqual(self.endpoint.last.header("expires"), "1800")

    def test_senseless_423(self) -> None:
        """A 423 without Min-Expires, or with one that is no more than we asked, is a failure and not a loop."""
        for headers in ([], [("Min-Expires", "600")], [("Min-Expires", "soon")], [("Min-Expires", "99999999")]):
            self.registration = self.make()
            sent = self.begin()
            self.endpoint.take()
            sent.answer(423, headers)
            self.assertEqual(self.endpoint.take(), [])
            self.assertEqual(self.listener.take(), [("failed", 423)])

    def test_423_for_ever(self) -> None:
        """A registrar that always wants a little more is given up after two raises."""
        sent = self.begin()
        for minimum in (700, 800, 900):
            sent.answer(423, [("Min-Expires", str(minimum))])
            sent = self.endpoint.last
        self.assertEqual(len(self.endpoint.sent), 3)
        self.assertEqual(self.listener.take(), [("failed", 423)])


class FailureTests(RegistrationCase):
    def back_off_to(self, patience: float) -> None:
        """Let REGISTERs fail until the pause is so long, and the first probe of that pause is out."""
        self.registration = self.make()
        self.begin().fail(408)
        for _ in range(BACK_OFF.index(patience)):
            self.next_delay("REGISTER")
            self.endpoint.last.fail(408)
        self.endpoint.take()
        self.assertAlmostEqual(self.next_delay(), 20.0)

    def test_back_off(self) -> None:
        """Silence is answered with 1, 2, 4, 8, 16, 30, 60 and then always 120 s of patience."""
        self.resolver.table["example.com"] = [FIRST]
        self.begin()
        delays = []
        for _ in range(10):
            self.endpoint.last.fail(408)
            delays.append(self.next_delay("REGISTER"))
        self.assertEqual([round(delay, 6) for delay in delays], [*BACK_OFF, 120.0, 120.0])
        self.assertEqual(self.listener.take(), [("timed_out", 408)] * 10)

    def test_probing(self) -> None:
        """A probe that is not answered is repeated; an answer of any kind brings a REGISTER at once."""
        self.resolver.table["example.com"] = [FIRST]
        self.back_off_to(120.0)
        probe = self.endpoint.last
        self.assertEqual((probe.method, probe.remote), ("OPTIONS", FIRST))
        self.clock.advance(32)
        probe.fail(408)
        self.clock.advance(20)
        probe = self.endpoint.last
        self.assertEqual(len(self.endpoint.take()), 2)
        probe.answer(503)  # there, but in no state to register us
        self.assertEqual(self.endpoint.take(), [])
        self.clock.advance(20)
        self.endpoint.last.answer(405)
        self.clock.advance(0)
        self.assertEqual(self.endpoint.last.method, "REGISTER")
        self.grant(self.endpoint.last)
        self.assertTrue(self.registration.registered)

    def test_no_probe_where_the_server_said_when(self) -> None:
        """Retry-After is respected, and whoever stops does not probe on."""
        self.resolver.table["example.com"] = [FIRST]
        self.begin().answer(503, [("Retry-After", "300")])
        self.clock.advance(299)
        self.assertEqual(len(self.endpoint.sent), 1)
        self.back_off_to(120.0)
        self.endpoint.take()
        self.registration.stop()
        self.clock.advance(100)
        self.assertEqual(self.endpoint.sent, [])

    def test_back_off_is_spread(self) -> None:
        """The patience varies by a quarter either way."""
        self.resolver.table["example.com"] = [FIRST]
        for self.randomness, expected in ((0.0, 0.75), (1.0, 1.25)):
            self.registration = self.make()
            self.begin().fail(408)
            self.assertAlmostEqual(self.next_delay(), expected)

    def test_success_resets_the_back_off(self) -> None:
        """After a success the patience starts again at one second."""
        self.resolver.table["example.com"] = [FIRST]
        self.begin().fail(408)
        self.next_delay()
        self.endpoint.last.fail(408)
        self.next_delay()
        self.grant(self.endpoint.last)
        self.next_delay()
        self.endpoint.last.fail(408)
        self.assertAlmostEqual(self.next_delay(), 1.0)

    def test_next_address(self) -> None:
        """Time-out, transport error and 503 move on to the next address at once; after the last one comes back-off."""
        for code in (408, 503):
            self.registration = self.make()
            self.begin().fail(code)
            self.assertEqual(self.endpoint.last.remote, SECOND)
            self.endpoint.last.answer(503)
            self.assertEqual(self.listener.take(), [("failed", 503)])
            self.next_delay()
            self.assertIn(self.endpoint.last.remote, (FIRST, SECOND))

    def test_silent_server(self) -> None:
        """A server that says nothing is not waited for long while there is another; the last one is."""
        self.begin()
        self.assertEqual(self.next_delay(), TARGET_WITHIN)
        self.assertEqual(self.endpoint.last.remote, SECOND)
        self.clock.advance(31)
        self.assertEqual(len(self.endpoint.sent), 2)
        self.grant(self.endpoint.last)
        self.assertEqual(self.listener.take(), [("registered", False)])
        self.assertEqual(self.registration.target, Destination(*SECOND))

    def test_slow_server(self) -> None:
        """A server that has answered anything at all, if only with a challenge, is not silent."""
        sent = self.begin()
        sent.answer(401, [CHALLENGE])
        self.clock.advance(20)
        self.assertEqual([one.remote for one in self.endpoint.take()], [FIRST, FIRST])

    def test_late_answer_of_the_silent_one(self) -> None:
        """An answer of a server that was given up changes nothing any more."""
        first = self.begin()
        self.next_delay()
        self.grant(first)
        self.assertEqual(self.listener.take(), [])
        self.grant(self.endpoint.last)
        self.assertEqual(self.registration.target, Destination(*SECOND))

    def test_comes_back_when_it_is_well(self) -> None:
        """Served by another one, we ask the preferred server now and then; when it answers we register there again."""
        self.begin().fail(503)
        self.grant(self.endpoint.last)
        self.assertEqual(self.next_delay(), 20)
        asked = self.endpoint.last
        self.assertEqual((asked.method, asked.remote), ("OPTIONS", FIRST))
        asked.fail(408)
        self.assertEqual(self.next_delay("OPTIONS"), 20)
        self.endpoint.last.answer(200)
        self.clock.advance(0)
        self.assertEqual((self.endpoint.last.method, self.endpoint.last.remote), ("REGISTER", FIRST))
        self.assertEqual(self.registration.target, Destination(*SECOND), "calls wait for the answer")
        self.grant(self.endpoint.last)
        self.assertEqual(self.registration.target, Destination(*FIRST))
        self.assertGreater(self.next_delay(), 500)

    def test_disappointing_comeback(self) -> None:
        """One that is alive but does not let us in is asked more and more seldom, and the other goes on serving us."""
        self.begin().fail(503)
        self.grant(self.endpoint.last)
        for pause in (20, 40, 80):
            self.assertEqual(self.next_delay("OPTIONS"), pause)
            self.endpoint.last.answer(200)
            self.clock.advance(0)
            self.endpoint.last.answer(503)
            self.assertEqual(self.endpoint.last.remote, SECOND)
            self.grant(self.endpoint.last)
            self.assertEqual(self.registration.target, Destination(*SECOND))

    def test_refresh_begins_with_the_preferred(self) -> None:
        """Without an answer to OPTIONS a refresh still tries the preferred server first, and then who served us."""
        self.begin().fail(503)
        self.grant(self.endpoint.last, 100)
        self.endpoint.take()
        self.next_delay("REGISTER")
        self.assertEqual(self.endpoint.last.remote, FIRST)
        self.endpoint.last.fail(503)
        self.assertEqual(self.endpoint.last.remote, SECOND)

    def test_retry_after(self) -> None:
        """503 and 500 say when to come back; more than half an hour is not believed."""
        self.resolver.table["example.com"] = [FIRST]
        for code, value, expected in ((503, "90", 90), (500, "120 (busy)", 120), (503, "99999", 1800), (500, "x", 1)):
            self.registration = self.make()
            self.begin().answer(code, [("Retry-After", value)])
            self.assertAlmostEqual(self.next_delay(), expected)

    def test_forbidden_twice(self) -> None:
        """403 and 404 are tried once more, then it is over with one report."""
        for code in (403, 404):
            self.registration = self.make()
            self.begin().answer(code)
            self.assertEqual(self.listener.take(), [])
            self.next_delay()
            self.endpoint.last.answer(code)
            self.assertEqual(self.listener.take(), [("refused", code)])
            self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_global_failure(self) -> None:
        """A 6xx ends it at once."""
        self.begin().answer(603)
        self.assertEqual(self.listener.take(), [("refused", 603)])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_redirection_once(self) -> None:
        """A 3xx is followed to its Contact; a second one is a failure."""
        self.resolver.table["other.example.net"] = [("198.51.100.9", 5080)]
        moved = [("Contact", "<sip:other.example.net:5080>")]
        self.begin().answer(302, moved)
        sent = self.endpoint.last
        self.assertEqual((str(sent.request.getRURI()), sent.remote[0]), ("sip:other.example.net:5080", "198.51.100.9"))
        sent.answer(302, moved)
        self.assertEqual(self.listener.take(), [("failed", 302)])

    def test_name_not_found(self) -> None:
        """A name that does not resolve is a failure that is tried again."""
        self.resolver.table.clear()
        self.registration.start()
        self.clock.advance(0)
        self.assertEqual(self.listener.take(), [("failed", 0)])
        self.resolver.table["example.com"] = [FIRST]
        self.assertAlmostEqual(self.next_delay(), 1.0)

    def test_name_server_down_at_a_refresh(self) -> None:
        """While DNS is away the addresses known before do."""
        self.established()
        self.resolver.table.clear()
        self.next_delay()
        self.assertEqual(self.endpoint.last.remote, FIRST)

    def test_failing_refresh_is_silent_until_it_lapses(self) -> None:
        """Failed refreshes are nobody's business while the binding lives; when it runs out that is said once."""
        self.resolver.table["example.com"] = [FIRST]
        self.established(100)
        self.next_delay()
        self.endpoint.last.answer(500)
        self.assertEqual(self.listener.take(), [])
        self.assertTrue(self.registration.registered)
        self.clock.advance(0.5)
        self.clock.pump([1.0] * 13)
        self.assertEqual(self.listener.take(), [("lapsed", 500)])
        self.assertFalse(self.registration.registered)
        self.grant(self.endpoint.last)
        self.assertEqual(self.listener.take(), [("registered", False)])

    def test_late_answers_are_ignored(self) -> None:
        """An answer to anything but the newest request changes nothing."""
        old = self.begin()
        self.registration.refresh()
        self.clock.advance(0)
        self.grant(old)
        old.answer(403)
        self.assertEqual(self.listener.take(), [])
        self.grant(self.endpoint.last)
        self.assertEqual(self.listener.take(), [("registered", False)])


class AddressTests(RegistrationCase):
    def seen(self, sent: Sent, host: str, port: int) -> None:
        via = sent.request.getHFBody("via")
        via.params["received"], via.params["rport"] = host, str(port)

    def test_public_address_is_registered_once(self) -> None:
        """Behind NAT the binding moves to the address the registrar sees, and the private one is taken away."""
        sent = self.begin()
        self.seen(sent, "203.0.113.5", 40000)
        self.grant(sent)
        again = self.endpoint.last
        user = self.registration.contact_user
        self.assertEqual(
            again.headers("contact"),
            [f"<sip:{user}@203.0.113.5:40000>;expires=600", f"<sip:{user}@{LOCAL[0]}:{LOCAL[1]}>;expires=0"],
        )
        self.seen(again, "203.0.113.5", 40001)  # a NAT that never gives the same port twice
        self.grant(again)
        self.assertEqual(len(self.endpoint.sent), 2)
        self.assertEqual(self.registration.contact, Destination("203.0.113.5", 40000))

    def test_moved_by_way_of_nowhere(self) -> None:
        """The binding of before is taken away though an attempt without a network came in between."""
        self.established()
        for host, code in (("127.0.0.1", 503), ("192.0.2.77", 200)):
            self.endpoint.local = Destination(host, 5060)
            self.registration.refresh()
            self.clock.advance(0)
            sent = self.endpoint.last
            self.assertTrue(sent.headers("contact")[1].endswith(f"@{LOCAL[0]}:{LOCAL[1]}>;expires=0"))
            if code == 503:
                sent.fail(503)
                self.endpoint.last.fail(503)
        self.grant(sent)
        self.registration.refresh()
        self.clock.advance(0)
        self.assertEqual(len(self.endpoint.last.headers("contact")), 1)

    def test_learnt_from_the_challenge(self) -> None:
        """When the challenge tells the public address, the authorized request carries it already."""
        sent = self.begin()
        self.seen(sent, "203.0.113.5", 40000)
        sent.answer(401, [CHALLENGE])
        contact = self.endpoint.last.headers("contact")
        self.assertEqual(len(contact), 1)
        self.assertIn("@203.0.113.5:40000", contact[0])

    def test_switched_off(self) -> None:
        """The setting keeps the local address in the Contact."""
        self.registration = self.make(learn_public_address=False)
        sent = self.begin()
        self.seen(sent, "203.0.113.5", 40000)
        self.grant(sent)
        self.assertEqual(len(self.endpoint.sent), 1)

    def test_junk_addresses(self) -> None:
        """Names, multicast and ports out of range are not an address of ours."""
        for host, port in (("evil.example.net", 5060), ("224.0.0.1", 5060), ("0.0.0.0", 5060), ("203.0.113.5", 0)):
            self.registration = self.make()
            sent = self.begin()
            self.seen(sent, host, port)
            self.endpoint.take()
            self.grant(sent)
            self.assertEqual(self.endpoint.take(), [])

    def test_trusted_hosts(self) -> None:
        """The door may trust every resolved address of the registrar, and nobody else."""
        self.assertFalse(self.registration.is_trusted(FIRST[0]))
        self.begin()
        self.assertTrue(self.registration.is_trusted(FIRST[0]))
        self.assertTrue(self.registration.is_trusted(SECOND[0]))
        self.assertFalse(self.registration.is_trusted("203.0.113.66"))


class KeepAliveTests(RegistrationCase):
    def setUp(self) -> None:
        super().setUp()
        self.kept: list[Destination] = []
        self.registration = Registration(
            self.endpoint, self.resolver, self.clock, SETTINGS, self.listener,
            keep_alive=KeepAlive(self.clock, self.kept.append), random=lambda: self.randomness,
        )  # fmt: skip

    def registered_as_seen_at(self, host: str) -> None:
        sent = self.begin()
        sent.request.getHFBody("via").params.update(received=host, rport=str(LOCAL[1]))
        self.grant(sent)
        if len(self.endpoint.sent) > 1:
            self.grant(self.endpoint.last)

    def test_behind_a_nat(self) -> None:
        """Where the registrar sees another address than ours, a packet keeps the way open; the end ends it."""
        self.registered_as_seen_at("203.0.113.7")
        self.clock.pump([INTERVAL] * 3)
        self.assertEqual(self.kept, [Destination(*FIRST)] * 3)
        self.registration.stop()
        self.endpoint.last.answer(200)
        self.clock.advance(INTERVAL)
        self.assertEqual(len(self.kept), 3)

    def test_without_a_nat(self) -> None:
        """Where it sees our own, nothing needs to be kept open."""
        self.registered_as_seen_at(LOCAL[0])
        self.clock.advance(3 * INTERVAL)
        self.assertEqual(self.kept, [])

    def test_ways(self) -> None:
        """Two line ends, a STUN binding request, or an OPTIONS that names nobody."""
        there = Destination(*FIRST)
        beat(self.endpoint, "crlf", there)
        beat(self.endpoint, "stun", there)
        (line_ends, one), (stun, other) = self.endpoint.raw
        self.assertEqual((line_ends, one, other), (b"\r\n\r\n", there, there))
        self.assertTrue(is_stun(stun))
        beat(self.endpoint, "options", there)
        self.assertEqual((self.endpoint.last.method, self.endpoint.last.remote), ("OPTIONS", FIRST))
        self.assertNotIn("1000", str(self.endpoint.last.request))

    def test_shared(self) -> None:
        """Accounts of one server share the packets; a way that cannot be used at the moment is tried again."""
        clock, sent = Clock(), []

        def send(destination: Destination) -> None:
            sent.append(destination)
            raise OSError("no route")

        keep_alive = KeepAlive(clock, send)
        keep_alive.hold("one", Destination(*FIRST))
        keep_alive.hold("two", Destination(*FIRST))
        clock.advance(INTERVAL)
        clock.advance(INTERVAL)
        self.assertEqual(len(sent), 2)
        for owner in ("one", "two", "nobody"):
            keep_alive.release(owner)
        self.assertEqual(clock.getDelayedCalls(), [])


class EndTests(RegistrationCase):
    def test_stop_removes_the_binding(self) -> None:
        """stop() sends Expires 0 with credentials, and is done when the registrar says so."""
        self.begin().answer(401, [CHALLENGE])
        self.grant(self.endpoint.last)
        self.listener.take()
        done = self.registration.stop()
        sent = self.endpoint.last
        self.assertEqual(sent.header("expires"), "0")
        self.assertIn(";expires=0", sent.header("contact") or "")
        self.assertIsNotNone(sent.header("authorization"))
        self.assertNoResult(done)
        sent.answer(200)
        self.successResultOf(done)
        self.assertEqual(self.listener.take(), [("unregistered", 0)])
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertFalse(self.registration.registered)

    def test_stale_nonce_at_the_end(self) -> None:
        """A challenge of the un-REGISTER is answered too."""
        self.established()
        self.registration.stop()
        self.endpoint.last.answer(401, [CHALLENGE])
        self.assertEqual(self.endpoint.last.header("expires"), "0")
        self.assertIsNotNone(self.endpoint.last.header("authorization"))

    def test_stop_is_bounded(self) -> None:
        """A registrar that does not answer delays the end by a few seconds only, and that is said."""
        self.established()
        done = self.registration.stop()
        self.clock.advance(4.0)
        self.successResultOf(done)
        self.assertEqual(self.listener.take(), [("unregistered", 408)])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stop_during_back_off(self) -> None:
        """Without a binding there is nothing to remove, and no traffic."""
        self.resolver.table["example.com"] = [FIRST]
        self.begin().fail(408)
        self.listener.take()
        self.endpoint.take()
        done = self.registration.stop()
        self.assertEqual(self.listener.take(), [])
        self.clock.advance(0)
        self.successResultOf(done)
        self.assertEqual(self.listener.take(), [("unregistered", 0)])
        self.assertEqual(self.endpoint.take(), [])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stop_while_resolving(self) -> None:
        """A name that resolves after the end starts nothing."""
        self.resolver.held = []
        self.registration.start()
        self.clock.advance(0)
        self.successResultOf(self.advanced(self.registration.stop()))
        self.resolver.held[0][1].callback([Destination(*FIRST)])
        self.assertEqual(self.endpoint.sent, [])

    def advanced(self, done: Deferred[None]) -> Deferred[None]:
        self.clock.advance(0)
        return done

    def test_stop_while_a_register_is_unanswered(self) -> None:
        """The unanswered REGISTER may have arrived, so the binding is removed all the same; its 200 is ignored."""
        first = self.begin()
        self.registration.stop()
        self.assertEqual(self.endpoint.last.header("expires"), "0")
        self.grant(first)
        self.assertFalse(self.registration.registered)
        self.endpoint.last.answer(200)
        self.assertEqual(self.listener.take(), [("unregistered", 0)])

    def test_stop_twice(self) -> None:
        """A second stop waits for the first."""
        self.established()
        one, two = self.registration.stop(), self.registration.stop()
        self.endpoint.last.answer(200)
        self.successResultOf(one)
        self.successResultOf(two)
        self.assertEqual(self.listener.take(), [("unregistered", 0)])

    def test_replace(self) -> None:
        """Other settings register anew; the binding of another address of record is taken away first."""
        self.established()
        self.registration.replace(replace(SETTINGS, number="2000", password="other"))
        (farewell,) = self.endpoint.take()
        self.assertEqual((farewell.header("to"), farewell.header("expires")), ("<sip:1000@example.com>", "0"))
        self.assertFalse(self.registration.registered)
        self.clock.advance(0)
        self.assertEqual(self.endpoint.last.header("to"), "<sip:2000@example.com>")
        self.grant(self.endpoint.last)
        self.assertEqual(self.listener.take(), [("registered", False)])

    def test_start_again_after_a_refusal(self) -> None:
        """After a refusal, new settings begin from the beginning."""
        self.begin().answer(603)
        self.registration.replace(replace(SETTINGS, password="right"))
        self.clock.advance(0)
        self.grant(self.endpoint.last)
        self.assertEqual(self.listener.take(), [("refused", 603), ("registered", False)])
