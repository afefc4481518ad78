"""What an account subscribes to, from its registration to its end, and what becomes of the NOTIFYs."""

from __future__ import annotations

import dataclasses
from typing import Any, cast

from sippy.Network_server import Remote_address
from sippy.SipURL import SipURL
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from neon.errors import InvalidArgument
from neon.parsing import MOST_EXTENSIONS
from neon.sip import messages
from neon.sip.stack import Stack
from neon.sip.subscription import LINGER
from neon.sip.subscriptions import SPREAD, AccountSubscriptions, Subscriptions
from neon.sip.uac import Caller
from neon.values import AccountOptions, AccountSettings, Destination
from neon.watched import ExtensionState, ExtensionStatus, MessageSummary
from tests.sip.fakes import FakeEndpoint, FakeResolver, Sent
from tests.sip.messages import received
from tests.sip.test_dialoginfo import document
from tests.sip.test_subscription import Asked

SERVER = Destination("192.0.2.1", 5060)
CONTACT = SipURL("sip:192.0.2.10:5060")
SETTINGS = AccountSettings("acme.test", "31", "pw", options=AccountOptions(mwi=True, blf=("201", "202@other.test")))


class Ear:
    """Writes down what is told."""

    def __init__(self) -> None:
        self.heard: list[object] = []

    def messages_waiting(self, connection_id: int, summary: MessageSummary) -> None:
        self.heard.append(summary)

    def extension_changed(self, connection_id: int, extension: str, status: ExtensionStatus) -> None:
        self.heard.append((extension, status.state.value))


class SubscriptionsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.endpoint = FakeEndpoint()
        self.ear = Ear()
        self.registered_here = True
        self.cseq = 1
        stack = Stack(self.endpoint, FakeResolver(), self.clock)
        self.all = Subscriptions(stack, lambda user, host: self.account if user in ("31", "random") else None)
        self.all.listener = self.ear
        self.account: AccountSubscriptions = self.all.of(7, SETTINGS, self.way)

    def way(self) -> Caller | None:
        address = messages.named_address(SipURL("sip:31@acme.test"))
        return Caller(address=address, contact=lambda remote: SipURL("sip:random@192.0.2.10"), hops=(SERVER,))

    def begin(self, renewed: bool = False, contact: SipURL = CONTACT) -> list[Sent]:
        """The account was registered; returns the SUBSCRIBEs."""
        self.account.registered(renewed, contact)
        self.clock.pump([SPREAD / 2] * 8)
        return self.endpoint.take()

    def notify(self, subscribe: Sent | None, event: str, kind: str, body: bytes, state: str = "active") -> list[int]:
        """A NOTIFY for a subscription, or of nobody's asking; the statuses that it got, [] if it was not served."""
        self.cseq += 1
        to = "<sip:31@acme.test>" if subscribe is None else subscribe.header("from")
        call_id = f"unasked{self.cseq}" if subscribe is None else subscribe.header("call-id")
        lines = [
            "NOTIFY sip:random@192.0.2.10 SIP/2.0", f"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{self.cseq}",
            "From: <sip:vm@acme.test>;tag=far", f"To: {to}", f"Call-ID: {call_id}", f"CSeq: {self.cseq} NOTIFY",
            "Max-Forwards: 70", "Contact: <sip:192.0.2.1>", f"Event: {event}", f"Subscription-State: {state}",
            f"Content-Type: {kind}", f"Content-Length: {len(body)}", "", body.decode(),
        ]  # fmt: skip
        request = received("\r\n".join(lines))
        request.setSource(Remote_address(SERVER.address, "udp"))
        asked = Asked()
        served = self.all.receive(request, cast(Any, asked))
        self.assertEqual(served, bool(asked.statuses))
        return asked.statuses

    def dialog(self, subscribe: Sent, body: bytes, state: str = "active;expires=600") -> None:
        self.assertEqual(self.notify(subscribe, "dialog", "application/dialog-info+xml", body, state), [200])

    def test_after_registering(self) -> None:
        """Nothing before the registration; then everything, one after the other."""
        self.clock.advance(10)
        self.assertEqual(self.endpoint.sent, [])
        self.account.registered(False, CONTACT)
        self.clock.advance(0)
        self.assertEqual(len(self.endpoint.sent), 1)
        self.clock.pump([SPREAD] * 3)
        targets = [str(sent.request.getRURI()) for sent in self.endpoint.sent]
        self.assertEqual(targets, ["sip:31@acme.test", "sip:201@acme.test", "sip:202@other.test"])
        packages = [sent.header("event") for sent in self.endpoint.sent]
        self.assertEqual(packages, ["message-summary", "dialog", "dialog"])

    def test_renewed(self) -> None:
        """A refreshed binding changes nothing; another Contact, or a registrar that had forgotten us, does."""
        for subscribe in self.begin():
            self.notify(subscribe, str(subscribe.header("event")), "text/plain", b"", "active;expires=600")
        self.assertEqual(self.begin(renewed=True), [])
        self.assertEqual(len(self.begin(renewed=True, contact=SipURL("sip:192.0.2.11:5060"))), 3)
        self.assertEqual(len(self.begin(renewed=False, contact=SipURL("sip:192.0.2.11:5060"))), 3)

    def test_messages(self) -> None:
        """Waiting messages are told; junk is not, and is answered all the same."""
        mwi = self.begin()[0]
        kind = "application/simple-message-summary"
        self.assertEqual(self.notify(mwi, "message-summary", kind, b"Messages-Waiting: yes"), [200])
        self.assertEqual(self.notify(mwi, "message-summary", kind, b"???"), [200])
        self.assertEqual(self.notify(mwi, "message-summary", "text/html", b"Messages-Waiting: no"), [200])
        self.assertEqual(self.ear.heard, [MessageSummary(True)])

    def test_unasked(self) -> None:
        """Messages that nobody asked about are believed for an account that is called; other events are not served."""
        kind = "application/simple-message-summary"
        self.assertEqual(self.notify(None, "message-summary", kind, b"Voice-Message: 1/0"), [200])
        self.assertEqual(self.ear.heard, [MessageSummary(True, 1, 0)])
        self.assertEqual(self.notify(None, "check-sync", "text/plain", b"reboot"), [])
        self.account = cast(Any, None)
        self.assertEqual(self.notify(None, "message-summary", kind, b"Voice-Message: 1/0"), [])

    def test_extension(self) -> None:
        """An extension's states are told; a gap makes us ask for the whole state; a late document is ignored."""
        watch = self.begin()[1]
        self.dialog(watch, document(1))
        self.dialog(watch, document(2, ("a", "recipient", "early"), state="partial"))
        self.dialog(watch, document(2, ("a", "recipient", "confirmed"), state="partial"))
        self.assertEqual(self.endpoint.sent, [])
        self.dialog(watch, document(9, ("a", "recipient", "confirmed"), state="partial"))
        [refresh] = self.endpoint.take()
        self.assertEqual((refresh.method, refresh.header("call-id")), ("SUBSCRIBE", watch.header("call-id")))
        self.dialog(watch, document(10, ("a", "recipient", "confirmed")))
        self.dialog(watch, b"<junk")
        self.assertEqual(self.ear.heard, [("201", "idle"), ("201", "ringing"), ("201", "busy")])

    def test_lost(self) -> None:
        """A notifier that will not have it: the extension is unknown, and why is told."""
        self.begin()[1].answer(489)
        self.assertEqual(self.ear.heard, [("201", ExtensionState.UNKNOWN.value)])

    def test_silent_extension(self) -> None:
        """A notifier without anything to tell means an idle extension."""
        self.dialog(self.begin()[1], b"")
        self.assertEqual(self.ear.heard, [("201", "idle")])

    def test_by_command(self) -> None:
        """An extension is watched at once when the account is registered, and no longer when it is taken back."""
        self.begin()
        self.account.watch("203")
        self.account.watch("203")
        self.clock.advance(SPREAD)
        [subscribe] = self.endpoint.take()
        self.dialog(subscribe, document(1))
        self.assertTrue(self.account.unwatch("203"))
        self.assertFalse(self.account.unwatch("203"))
        [farewell] = self.endpoint.take()
        self.assertEqual(farewell.header("expires"), "0")

    def test_most(self) -> None:
        """There is a limit."""
        for number in range(MOST_EXTENSIONS - 2):
            self.account.watch(f"9{number}")
        self.assertRaises(InvalidArgument, self.account.watch, "one-more")

    def test_names(self) -> None:
        """Accounts and extensions may have names instead of numbers."""
        options = AccountOptions(mwi=True, blf=("bob",))
        self.account.adopt(dataclasses.replace(SETTINGS, number="alice", options=options))
        targets = [str(sent.request.getRURI()) for sent in self.begin()]
        self.assertEqual(targets, ["sip:alice@acme.test", "sip:bob@acme.test"])

    def test_other_settings(self) -> None:
        """New settings end what they no longer name and begin what is new; another address begins anew."""
        for subscribe in self.begin():
            self.notify(subscribe, str(subscribe.header("event")), "text/plain", b"", "active;expires=600")
        options = AccountOptions(blf=("201", "205"))
        self.account.adopt(dataclasses.replace(SETTINGS, options=options))
        self.clock.pump([SPREAD] * 3)
        told = sorted((str(sent.header("event")), str(sent.header("expires"))) for sent in self.endpoint.take())
        expected = [("dialog", "0"), ("dialog", "3600"), ("message-summary", "0")]
        self.assertEqual(told, expected)
        self.account.adopt(dataclasses.replace(SETTINGS, number="32", options=options))
        self.assertEqual([sent.header("expires") for sent in self.endpoint.take()], ["0"])
        self.assertEqual(len(self.begin()), 2)

    def test_stop(self) -> None:
        """At the end every subscription is given up, and nothing is left."""
        for subscribe in self.begin():
            self.notify(subscribe, str(subscribe.header("event")), "text/plain", b"", "active;expires=600")
            self.assertTrue(self.all.knows(str(subscribe.header("call-id"))))
        self.account.stop()
        self.assertEqual([sent.header("expires") for sent in self.endpoint.take()], ["0", "0", "0"])
        self.clock.advance(LINGER)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertFalse(self.all.knows(""))

    def test_stop_before_the_start(self) -> None:
        """An account that goes as it comes subscribes to nothing more."""
        self.account.registered(False, CONTACT)
        self.account.stop()
        self.clock.advance(LINGER)
        self.assertEqual((self.endpoint.sent, self.clock.getDelayedCalls()), ([], []))
