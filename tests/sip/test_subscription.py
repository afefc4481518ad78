"""A subscription keeps itself alive: refreshes, errors, NOTIFYs in any order, and its end (RFC 6665)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from sippy.Network_server import Remote_address
from sippy.SipResponse import SipResponse
from sippy.SipURL import SipURL
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from neon.sip import messages
from neon.sip.digest import DigestClient
from neon.sip.stack import Stack
from neon.sip.subscription import BACK_OFF, EXPIRES, LINGER, NOTIFY_WITHIN, Subscription, Table, Wish
from neon.sip.uac import Caller
from neon.values import Cause, Destination
from tests.sip.fakes import FakeEndpoint, FakeResolver, Sent
from tests.sip.messages import received

SERVER = Destination("192.0.2.1", 5060)
OTHER = Destination("192.0.2.2", 5060)
WISH = Wish("message-summary", "application/simple-message-summary", SipURL("sip:31@acme.test"))
CHALLENGE = [("WWW-Authenticate", 'Digest realm="acme", nonce="n1", algorithm=MD5, qop="auth"')]


class Asked:
    """A request to us, and what was answered."""

    def __init__(self, source: Destination = SERVER) -> None:
        self.source = source
        self.statuses: list[int] = []

    def respond(self, response: SipResponse) -> None:
        self.statuses.append(int(response.getSCode()[0]))


class SubscriptionTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.endpoint = FakeEndpoint()
        self.table: Table = {}
        self.bodies: list[tuple[str, bytes]] = []
        self.lost: list[Cause] = []
        self.hops: tuple[Destination, ...] = (SERVER,)
        self.known = True
        self.cseq = 100
        stack = Stack(self.endpoint, FakeResolver(), self.clock)
        self.subscription = Subscription(
            stack, self.table, WISH, self.way, lambda kind, body: self.bodies.append((kind, body)), self.lost.append,
            random=lambda: 0.5,
        )  # fmt: skip

    def way(self) -> Caller | None:
        if not self.known:
            return None
        return Caller(
            address=messages.named_address(SipURL("sip:31@acme.test")),
            contact=lambda remote: SipURL("sip:secret@192.0.2.10:5060"),
            digest=DigestClient("31", "pw"),
            hops=self.hops,
            routes=(SipURL("sip:proxy.acme.test;lr"),),
        )

    def start(self) -> Sent:
        self.subscription.start()
        return self.endpoint.last

    def notify(
        self,
        subscribe: Sent,
        state: str = "active;expires=600",
        body: str = "Messages-Waiting: no",
        *,
        tag: str = "far",
        event: str = "message-summary",
        cseq: int | None = None,
    ) -> list[int]:
        """The notifier sends a NOTIFY; returns the statuses that it got."""
        self.cseq += 1
        text = "\r\n".join([
            "NOTIFY sip:secret@192.0.2.10:5060 SIP/2.0",
            "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK" + str(self.cseq),
            f"From: <sip:31@acme.test>;tag={tag}",
            f"To: {subscribe.header('from')}",
            f"Call-ID: {subscribe.header('call-id')}",
            f"CSeq: {cseq or self.cseq} NOTIFY",
            "Max-Forwards: 70",
            "Contact: <sip:notifier@192.0.2.1:5062>",
            f"Event: {event}",
            f"Subscription-State: {state}",
            "Content-Type: application/simple-message-summary",
            f"Content-Length: {len(body)}",
            "",
            body,
        ])  # fmt: skip
        request = received(text)
        request.setSource(Remote_address(SERVER.address, "udp"))
        asked = Asked()
        key = (messages.call_id_of(request), messages.tag_of(request, "to") or "")
        if key in self.table:
            self.table[key].notified(request, cast(Any, asked))
        return asked.statuses

    def up(self, state: str = "active;expires=600") -> Sent:
        """Subscribed; returns the SUBSCRIBE."""
        subscribe = self.start()
        subscribe.answer(200, [("Expires", "600")])
        self.assertEqual(self.notify(subscribe, state), [200])
        self.endpoint.take()
        return subscribe

    def quiet(self) -> None:
        self.assertEqual((self.clock.getDelayedCalls(), self.table), ([], {}))

    def headers(self, sent: Sent, names: Iterable[str]) -> list[str | None]:
        return [sent.header(name) for name in names]

    # The beginning

    def test_subscribe(self) -> None:
        """SUBSCRIBE goes where calls go, and says what is wanted for how long."""
        sent = self.start()
        self.assertEqual((sent.method, sent.destination), ("SUBSCRIBE", SERVER))
        self.assertEqual(
            self.headers(sent, ("event", "accept", "expires")), ["message-summary", WISH.accept, str(EXPIRES)]
        )
        self.assertEqual(str(sent.request.getRURI()), "sip:31@acme.test")
        self.assertEqual(sent.headers("route"), ["<sip:proxy.acme.test;lr>"])
        self.assertIn("secret@192.0.2.10", sent.header("contact") or "")

    def test_password(self) -> None:
        """A challenge is answered once; a wrong password is given up."""
        self.start().answer(401, CHALLENGE)
        again = self.endpoint.last
        self.assertIn('username="31"', again.header("authorization") or "")
        again.answer(401, CHALLENGE)
        self.assertTrue(self.subscription.given_up)
        self.assertEqual([cause.status for cause in self.lost], [401])
        self.quiet()

    def test_no_credentials_for_strangers(self) -> None:
        """A challenge from elsewhere is not answered."""
        self.start().answer(401, CHALLENGE, source=("203.0.113.5", 5060))
        self.assertEqual(len(self.endpoint.sent), 1)

    def test_notify_before_the_answer(self) -> None:
        """The NOTIFY makes the dialog, even if it overtakes the 2xx."""
        sent = self.start()
        self.assertEqual(self.notify(sent, body="Messages-Waiting: yes"), [200])
        self.assertEqual(self.bodies, [(WISH.accept, b"Messages-Waiting: yes")])
        sent.answer(202, [("Expires", "600")])
        self.assertTrue(self.subscription.active)
        self.clock.advance(NOTIFY_WITHIN + 1)
        self.assertEqual(len(self.endpoint.sent), 1)

    def test_other_fork(self) -> None:
        """A NOTIFY of a second notifier is refused (481)."""
        sent = self.up()
        self.assertEqual(self.notify(sent, tag="fork"), [481])

    def test_fork_after_the_answer(self) -> None:
        """Whoever notifies first is the notifier, also if the 2xx came from another."""
        sent = self.start()
        sent.answer(200, [("Expires", "600")], tag="other")
        self.assertEqual(self.notify(sent), [200])
        self.assertTrue(self.subscription.active)

    def test_no_notify(self) -> None:
        """Accepted, but no NOTIFY ever comes: no subscription; it is tried again, and the loss told once."""
        for _ in range(3):
            self.start().answer(200, [("Expires", "600")])
            self.clock.advance(NOTIFY_WITHIN + 1)
        self.assertEqual([cause.status for cause in self.lost], [408])

    def test_way_unknown(self) -> None:
        """Nobody knows the way yet: later."""
        self.known = False
        self.subscription.start()
        self.assertEqual(self.endpoint.sent, [])
        self.known = True
        self.clock.advance(BACK_OFF[0])
        self.assertEqual(len(self.endpoint.sent), 1)

    def test_next_server(self) -> None:
        """503 or silence of one server leads to the next."""
        self.hops = (SERVER, OTHER)
        self.start().fail(408)
        self.assertEqual(self.endpoint.last.destination, OTHER)

    # What a notifier may say

    def test_hopeless(self) -> None:
        """489, 403 and their like are given up; a new registration tries once more."""
        for status in (403, 404, 405, 489, 501, 603):
            self.start().answer(status)
            self.assertTrue(self.subscription.given_up, status)
            self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual([cause.status for cause in self.lost], [403], "lost only once")
        self.subscription.check()
        self.assertEqual(self.endpoint.last.method, "SUBSCRIBE")

    def test_retry_after(self) -> None:
        """A busy notifier says when: not before."""
        self.start().answer(503, [("Retry-After", "90")])
        self.clock.advance(89)
        self.assertEqual(len(self.endpoint.sent), 1)
        self.clock.advance(1)
        self.assertEqual(len(self.endpoint.sent), 2)

    def test_back_off(self) -> None:
        """Silence is answered with patience."""
        self.subscription.start()
        for delay in (*BACK_OFF, BACK_OFF[-1]):
            sent = len(self.endpoint.sent)
            self.endpoint.last.fail(408)
            self.clock.advance(delay - 0.1)
            self.assertEqual(len(self.endpoint.sent), sent)
            self.clock.advance(0.2)
            self.assertEqual(len(self.endpoint.sent), sent + 1)
        self.assertEqual(len(self.lost), 1)

    def test_too_brief(self) -> None:
        """423 raises the lifetime."""
        self.start().answer(423, [("Min-Expires", "7200")])
        self.assertEqual(self.endpoint.last.header("expires"), "7200")
        self.endpoint.last.answer(423, [("Min-Expires", "junk")])
        self.assertEqual(len(self.endpoint.sent), 2)

    # Alive

    def test_refresh(self) -> None:
        """It is refreshed in the dialog before it runs out, again and again."""
        first = self.up()
        for turn in range(3):
            self.clock.advance(600 * 0.9)
            [refresh] = self.endpoint.take()
            self.assertEqual(refresh.method, "SUBSCRIBE")
            self.assertEqual(refresh.header("call-id"), first.header("call-id"))
            self.assertIn("tag=far", refresh.header("to") or "")
            self.assertEqual(str(refresh.request.getRURI()), "sip:notifier@192.0.2.1:5062")
            self.assertGreater(refresh.cseq, first.cseq + turn)
            refresh.answer(200, [("Expires", "600")])
        self.assertEqual(self.lost, [])

    def test_shorter_than_granted(self) -> None:
        """The NOTIFY's lifetime counts."""
        self.up("active;expires=100")
        self.clock.advance(90)
        self.assertEqual(len(self.endpoint.sent), 1)

    def test_forgotten_there(self) -> None:
        """481 to a refresh: a new subscription, at once."""
        first = self.up()
        self.clock.advance(600 * 0.9)
        self.endpoint.take()[0].answer(481)
        [sent] = self.endpoint.take()
        self.assertNotEqual(sent.header("call-id"), first.header("call-id"))
        self.assertEqual(self.notify(first), [], "the old one is nobody's")

    def test_refresh_challenged(self) -> None:
        """A refresh is signed when it is challenged."""
        self.up()
        self.clock.advance(600 * 0.9)
        self.endpoint.last.answer(401, CHALLENGE)
        self.assertIn("username", self.endpoint.last.header("authorization") or "")

    def test_check(self) -> None:
        """After a new registration a live one is refreshed with the new Contact."""
        self.up()
        self.subscription.check()
        [refresh] = self.endpoint.take()
        self.assertIn("tag=far", refresh.header("to") or "")

    def test_old_notify(self) -> None:
        """A NOTIFY that comes late is not believed."""
        sent = self.up()
        self.bodies.clear()
        self.assertEqual(self.notify(sent, cseq=5), [500])
        self.assertEqual(self.bodies, [])

    def test_nothing_to_tell(self) -> None:
        """A NOTIFY without a body is told as such: the notifier knows of nothing."""
        self.up()
        self.bodies.clear()
        self.notify(self.start(), body="")
        self.assertEqual(self.bodies, [("", b"")])

    def test_other_package(self) -> None:
        """A NOTIFY about something else gets 489."""
        self.assertEqual(self.notify(self.up(), event="presence"), [489])

    # The end

    def test_ended_for_good(self) -> None:
        """rejected, noresource, invariant: no more."""
        for reason in ("rejected", "noresource", "invariant"):
            sent = self.start()
            sent.answer(200)
            self.lost.clear()
            self.assertEqual(self.notify(sent, f"terminated;reason={reason}"), [200])
            self.assertEqual(len(self.lost), 1)
            self.assertTrue(self.subscription.given_up)
        self.quiet()

    def test_ended_for_now(self) -> None:
        """deactivated and timeout: again at once, but not over and over; probation as it says."""
        sent = self.up()
        self.notify(sent, "terminated;reason=deactivated")
        self.clock.advance(1.3)
        [again] = self.endpoint.take()
        again.answer(200)
        self.notify(again)
        self.notify(again, "terminated;reason=timeout")
        self.clock.advance(1.3)
        self.assertEqual(self.endpoint.take(), [])
        self.clock.advance(BACK_OFF[1])
        [third] = self.endpoint.take()
        third.answer(200)
        self.notify(third, "terminated;reason=probation;retry-after=300")
        self.clock.advance(299)
        self.assertEqual(self.endpoint.take(), [])
        self.clock.advance(1)
        self.assertEqual(len(self.endpoint.take()), 1)

    def test_unsubscribe(self) -> None:
        """The end from our side: Expires 0, and the last NOTIFY is still answered."""
        sent = self.up()
        self.subscription.stop()
        [farewell] = self.endpoint.take()
        self.assertEqual(farewell.header("expires"), "0")
        self.bodies.clear()
        self.assertEqual(self.notify(sent, "terminated;reason=timeout"), [200])
        farewell.answer(200, [("Expires", "0")])
        self.assertEqual((self.bodies, self.lost), ([], []))
        self.clock.advance(LINGER)
        self.quiet()

    def test_stopped_before_the_answer(self) -> None:
        """A 2xx that comes after we lost interest is unsubscribed from."""
        sent = self.start()
        self.subscription.stop()
        self.endpoint.take()
        sent.answer(200)
        [farewell] = self.endpoint.take()
        self.assertEqual(farewell.header("expires"), "0")
        self.assertEqual(self.notify(sent), [481])
        self.clock.advance(LINGER)
        self.quiet()
