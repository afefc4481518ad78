"""Calls that come in, and far ends that want something, at the phone: what is heard, and what everybody is told."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from neon.details import CallDetails, ForwardKind, IncomingRules, ReferPolicy, Referral, Why
from neon.errors import InvalidArgument
from neon.events import (
    CallAccepted,
    CallEvent,
    CallFinalized,
    CallMissed,
    CallStarted,
    Event,
    RulesChanged,
    TransferRequested,
)
from neon.phone import PhoneSettings
from neon.rulebook import Rulebook
from neon.values import AccountOptions, AccountSettings, Cause, Direction
from tests.fakes import ACCOUNT, AGREEMENT, FakeCall, FakeWorld

BYE = Cause()
HERE = "sip:31@sip.acme.com"


class PhoneCase(SynchronousTestCase):
    def world(self, settings: PhoneSettings | None = None, account: AccountSettings = ACCOUNT) -> FakeWorld:
        self.fakes = FakeWorld(settings)
        self.phone = self.fakes.phone
        self.connection_id = self.fakes.registered(account)
        self.fakes.take_events()
        return self.fakes

    def call_in(self, **how: Any) -> FakeCall:
        call = self.fakes.signalling.call_in(self.connection_id, **how)
        assert isinstance(call, FakeCall), call
        return call

    def turned_away(self, **how: Any) -> list[str]:
        """Somebody calls and is not let in; what the caller hears."""
        status = self.fakes.signalling.call_in(self.connection_id, **how)
        assert isinstance(status, int)
        assert self.fakes.signalling.turned_away is not None
        return self.fakes.signalling.turned_away.requests or [str(status)]

    def told(self) -> list[Event]:
        return self.fakes.take_events()

    def kinds(self) -> list[str]:
        return [
            f"{type(event).__name__} {event.call_id}" for event in self.told() if isinstance(event, CallEvent)
        ]

    def missed(self) -> CallMissed:
        """The one thing that was told."""
        (event,) = (event for event in self.told() if not isinstance(event, RulesChanged))
        assert isinstance(event, CallMissed)
        return event

    def up(self) -> tuple[int, FakeCall]:
        call = self.call_in()
        (call_id,) = [event.call_id for event in self.told() if isinstance(event, CallStarted)]
        self.phone.accept_call(call_id)
        call.listener.answered(AGREEMENT)
        self.told()
        return call_id, call


class RuleTests(PhoneCase):
    def test_no_audio_to_be_had(self) -> None:
        """A call that no port, or no address, is there for is refused with 503, and a missed one, with the reason."""
        self.world()
        self.fakes.media.room = 0
        self.assertEqual(self.turned_away(), ["503"])
        missed = self.missed()
        self.assertEqual((missed.why, missed.cause), (Why.FAILED, Cause(503, "no port is left")))

    def test_dnd(self) -> None:
        """DND refuses with 480 and tells of a missed call, with a number; off, calls ring again."""
        self.world()
        self.phone.set_dnd(self.connection_id, True)
        self.assertEqual(self.turned_away(), ["480"])
        missed = self.missed()
        self.assertEqual((missed.why, missed.cause.status, missed.caller), (Why.DND, 480, "sip:32@sip.acme.com"))
        self.phone.set_dnd(self.connection_id, False)
        self.assertEqual(self.call_in().requests, ["ring"])

    def test_dnd_everywhere(self) -> None:
        """What is said for all holds for accounts that come later, and undoes what was said for one."""
        self.world(PhoneSettings(dnd_status=486))
        self.phone.set_dnd(self.connection_id, False)
        self.phone.set_dnd(None, True)
        self.assertEqual(self.turned_away(), ["486"])
        other = self.fakes.registered(AccountSettings("sip.acme.com", "34", "secret"))
        self.assertEqual(self.fakes.signalling.call_in(other), 486)
        self.phone.set_dnd(other, False)
        self.assertIsInstance(self.fakes.signalling.call_in(other), FakeCall)
        self.assertEqual(self.turned_away(), ["486"])

    def test_told(self) -> None:
        """Whoever shows the rules hears of a change, for each account that it is one for, and of nothing else."""
        self.world()
        other = self.fakes.registered(AccountSettings("sip.acme.com", "34", "secret"))
        self.phone.set_dnd(other, True)
        self.told()
        self.phone.set_dnd(None, True)
        self.assertEqual(self.told(), [RulesChanged(self.connection_id, IncomingRules(dnd=True))])
        self.phone.set_dnd(None, True)
        self.phone.set_forward(other, ForwardKind.BUSY, "33")
        self.assertEqual(self.told(), [RulesChanged(other, IncomingRules(dnd=True, forward_busy="33"))])

    def test_no_such_account(self) -> None:
        """Rules are for accounts that there are."""
        self.world()
        self.assertRaises(InvalidArgument, self.phone.set_dnd, 99, True)
        self.assertRaises(InvalidArgument, self.phone.set_forward, 99, ForwardKind.BUSY, "33")

    def test_always(self) -> None:
        """Forwarded at once, by 302, with the reason for whoever is called next."""
        self.world()
        self.phone.set_forward(self.connection_id, ForwardKind.ALWAYS, "33")
        self.assertEqual(self.turned_away(), ["deflect sip:33@sip.acme.com unconditional"])
        missed = self.missed()
        self.assertEqual((missed.why, missed.forwarded_to), (Why.FORWARDED, "sip:33@sip.acme.com"))
        self.phone.set_forward(self.connection_id, ForwardKind.ALWAYS, None)
        self.assertEqual(self.call_in().requests, ["ring"])

    def test_busy(self) -> None:
        """One call too many goes elsewhere."""
        self.world(PhoneSettings(max_calls=1))
        self.phone.set_forward(None, ForwardKind.BUSY, "sip:33@pbx.example.org")
        self.up()
        self.assertEqual(self.turned_away(), ["deflect sip:33@pbx.example.org user-busy"])
        self.assertEqual(self.missed().why, Why.FORWARDED)

    def test_busy_account(self) -> None:
        """An account's own limit counts its own calls."""
        account = AccountSettings("sip.acme.com", "31", "secret", options=AccountOptions(max_calls=1))
        self.world(account=account)
        other = self.fakes.registered(AccountSettings("sip.acme.com", "34", "secret"))
        self.call_in()
        self.assertEqual(self.turned_away(), ["486"])
        self.assertIsInstance(self.fakes.signalling.call_in(other), FakeCall)

    def test_no_call_waiting(self) -> None:
        """Switched off, a second call is busy."""
        self.world(PhoneSettings(call_waiting=False))
        self.call_in()
        self.told()
        self.assertEqual(self.turned_away(), ["486"])
        self.assertEqual(self.missed().why, Why.BUSY)

    def test_no_answer(self) -> None:
        """It rings for as long as was said, then it goes elsewhere and ends."""
        self.world()
        self.phone.set_forward(self.connection_id, ForwardKind.NO_ANSWER, "33", 7)
        call = self.call_in()
        self.fakes.clock.advance(6.9)
        self.assertEqual(call.requests, ["ring"])
        self.fakes.clock.advance(0.2)
        self.assertEqual(call.requests, ["ring", "deflect sip:33@sip.acme.com no-answer"])
        call.listener.ended(Cause(302, "Moved Temporarily"))
        self.assertEqual(self.kinds(), ["CallStarted 43", "CallMissed 43", "CallFinalized 43"])
        self.assertEqual(self.fakes.clock.getDelayedCalls(), [])

    def test_answered_in_time(self) -> None:
        """No timer is left when somebody answered, and none after the end."""
        self.world()
        self.phone.set_forward(self.connection_id, ForwardKind.NO_ANSWER, "33", 7)
        _, call = self.up()
        self.fakes.clock.advance(8)
        self.assertEqual(call.requests, ["ring", "accept"])
        call.listener.ended(BYE)
        self.told()
        self.assertEqual(self.fakes.clock.getDelayedCalls(), [])

    def test_configured(self) -> None:
        """The configuration's rules hold until a command says otherwise."""
        self.world(account=AccountSettings("sip.acme.com", "31", "secret", rules=IncomingRules(dnd=True)))
        self.assertEqual(self.turned_away(), ["480"])
        self.phone.set_dnd(self.connection_id, False)
        self.call_in()


class BookTests(SynchronousTestCase):
    def test_kept(self) -> None:
        """Every change is handed over to be kept, and what was kept is believed as far as it makes sense."""
        kept: dict[str, dict[str, Any]] = {}
        book = Rulebook(lambda account, rules: kept.__setitem__(account, dict(rules)))
        book.set_dnd(HERE, True)
        book.set_forward(None, ForwardKind.NO_ANSWER, "33", 9)
        self.assertEqual(kept, {HERE: {"dnd": True}, "": {"forward_no_answer": "33", "seconds": 9}})
        again = Rulebook()
        again.restore({**kept, "sip:9@x": {"dnd": "yes", "seconds": 0, "auto_answer": ["1"], "unknown": 1}})
        self.assertEqual(
            again.effective(HERE, IncomingRules()), IncomingRules(dnd=True, forward_no_answer="33", seconds=9)
        )
        self.assertEqual(again.effective("sip:9@x", IncomingRules()).dnd, False)
        book.set_dnd(None, False)
        self.assertEqual(kept[HERE], {})


class RingTests(PhoneCase):
    def test_rejected(self) -> None:
        """The status that was wished for; nobody missed anything."""
        self.world()
        call = self.call_in()
        self.phone.control.reject(43, 603)
        self.assertEqual(call.requests, ["ring", "reject 603"])
        call.listener.ended(Cause(603, "Decline"))
        *_, over = self.told()
        assert isinstance(over, CallFinalized)
        self.assertEqual(over.cause.status, 603)
        self.assertRaises(InvalidArgument, self.phone.control.reject, 43, 603)

    def test_reject_what_does_not_ring(self) -> None:
        """An answered call, or one of our own, is not rejected."""
        self.world()
        call_id, _ = self.up()
        self.assertRaises(InvalidArgument, self.phone.control.reject, call_id, 486)
        self.assertRaises(InvalidArgument, self.phone.control.reject, self.phone.start_call("32"), 486)

    def test_auto_answer(self) -> None:
        """A listed caller who asks for it is answered, with a beep at this end."""
        rules = IncomingRules(auto_answer=("32",))
        self.world(account=AccountSettings("sip.acme.com", "31", "secret", rules=rules))
        call = self.call_in(details=CallDetails(answer_after=0))
        self.assertEqual(call.requests, ["accept"])
        call.listener.answered(AGREEMENT)
        self.assertEqual(self.fakes.media.streams[43].beeps, 1)
        started, *_ = self.told()
        assert isinstance(started, CallStarted)
        self.assertEqual(started.details.answer_after, 0)

    def test_auto_answer_later(self) -> None:
        """After so many seconds of ringing."""
        rules = IncomingRules(auto_answer=("32",))
        self.world(account=AccountSettings("sip.acme.com", "31", "secret", rules=rules))
        call = self.call_in(details=CallDetails(answer_after=3))
        self.fakes.clock.advance(3)
        self.assertEqual(call.requests, ["ring", "accept"])

    def test_nobody_asked(self) -> None:
        """Without the account's leave the wish is not even told."""
        self.world()
        self.assertEqual(self.call_in(details=CallDetails(answer_after=0)).requests, ["ring"])
        (started,) = self.told()
        assert isinstance(started, CallStarted)
        self.assertIsNone(started.details.answer_after)

    def test_headers_out(self) -> None:
        """Those that the configuration names go with the call; others are refused before anything happens."""
        self.world(PhoneSettings(headers_out=("X-CRM-*",)))
        self.phone.start_call("32", headers=(("X-Crm-Id", "7"),))
        self.assertEqual(self.fakes.signalling.calls[0].headers, (("X-Crm-Id", "7"),))
        self.assertRaises(InvalidArgument, self.phone.start_call, "32", headers=(("X-Other", "7"),))
        self.assertEqual(len(self.fakes.signalling.calls), 1)


class ReplaceTests(PhoneCase):
    def test_replaced(self) -> None:
        """The new call is answered at once; the old one ends when the new one is up; whoever was muted stays so."""
        self.world()
        old, call = self.up()
        self.phone.control.set_mute(old, True)
        self.told()
        new = self.call_in(caller="sip:33@sip.acme.com", replaced=call)
        self.assertEqual((new.requests, call.requests), (["accept"], ["ring", "accept"]))
        new.listener.answered(AGREEMENT)
        self.assertEqual(call.requests[-1], "hang_up")
        self.assertTrue(self.fakes.media.streams[44].silent)
        call.listener.ended(BYE)
        self.assertEqual(
            self.kinds(), ["CallStarted 44", "CallAccepted 44", "MuteChanged 44", "CallFinalized 43"]
        )

    def test_details(self) -> None:
        """Everybody is told which call it replaces."""
        self.world()
        _, call = self.up()
        self.call_in(replaced=call)
        (started,) = self.told()
        assert isinstance(started, CallStarted)
        self.assertEqual(started.details.replaces, 43)

    def test_full(self) -> None:
        """It takes a place that there is, also where no further call would be taken."""
        self.world(PhoneSettings(max_calls=1))
        self.phone.set_dnd(None, True)
        self.phone.set_dnd(None, False)
        _, call = self.up()
        self.phone.set_dnd(None, True)
        self.assertEqual(self.call_in(replaced=call).requests, ["accept"])

    def test_other_account(self) -> None:
        """A call of another account is nobody's to replace."""
        self.world()
        _, call = self.up()
        other = self.fakes.registered(AccountSettings("sip.acme.com", "34", "secret"))
        self.assertEqual(self.fakes.signalling.call_in(other, replaced=call), 481)

    def test_not_ours(self) -> None:
        """Nor is one that the phone does not know."""
        self.world()
        self.assertEqual(self.fakes.signalling.call_in(self.connection_id, replaced=FakeCall()), 481)

    def test_fails(self) -> None:
        """If the new call comes to nothing the old one goes on."""
        self.world()
        _, call = self.up()
        new = self.call_in(replaced=call)
        new.listener.ended(Cause(488, "no codec"))
        self.assertNotIn("hang_up", call.requests)


class ReferTests(PhoneCase):
    WISH = Referral("sip:33@sip.acme.com", "sip:32@sip.acme.com", (("Referred-By", "<sip:32@sip.acme.com>"),))

    def refer(self, policy: ReferPolicy) -> tuple[int, FakeCall]:
        self.world(PhoneSettings(refer=policy))
        call_id, call = self.up()
        call.listener.referred(self.WISH)
        return call_id, call

    def test_allowed(self) -> None:
        """We call, tell how it goes, fall silent there, and hang up when the far end does not."""
        old, call = self.refer(ReferPolicy.ALLOW)
        (new,) = self.fakes.signalling.calls
        self.assertEqual((new.target, new.headers), (self.WISH.target, self.WISH.headers))
        (started,) = self.told()
        assert isinstance(started, CallStarted)
        self.assertEqual((started.direction, started.caller), (Direction.OUTGOING, HERE))
        self.assertEqual(started.callee, self.WISH.target)
        self.assertEqual((started.details.replaces, started.details.referred_by), (old, "sip:32@sip.acme.com"))
        new.listener.ringing(180, None)
        new.listener.answered(AGREEMENT)
        self.assertEqual(call.requests[2:], ["notify 180", "notify 200"])
        self.assertTrue(self.fakes.media.streams[old].silent)
        self.fakes.clock.advance(5)
        self.assertEqual(call.requests[-1], "hang_up")
        call.listener.ended(BYE)
        self.assertEqual([type(event) for event in self.told()][-2:], [CallAccepted, CallFinalized])
        new.listener.ended(BYE)
        self.assertEqual(call.requests[-1], "hang_up")

    def test_fails(self) -> None:
        """The new party is busy: the far end hears so, and the old call goes on."""
        old, call = self.refer(ReferPolicy.ALLOW)
        self.fakes.signalling.calls[0].listener.ended(Cause(486, "Busy Here"))
        self.assertEqual(call.requests[-1], "notify 486")
        self.assertFalse(self.fakes.media.streams[old].silent)
        self.assertEqual([line.call_id for line in self.phone.calls()], [old])

    def test_given_up(self) -> None:
        """So it is when the user gives the new call up."""
        _, call = self.refer(ReferPolicy.ALLOW)
        self.phone.finalize_call(44)
        self.fakes.signalling.calls[0].listener.ended(Cause(487, "Request Terminated"))
        self.assertEqual(call.requests[-1], "notify 487")

    def test_asked(self) -> None:
        """Somebody is asked, and says yes."""
        old, call = self.refer(ReferPolicy.ASK)
        (asked,) = self.told()
        assert isinstance(asked, TransferRequested)
        self.assertEqual((asked.target, asked.referred_by), (self.WISH.target, "sip:32@sip.acme.com"))
        self.phone.control.answer_transfer(old, True)
        self.assertEqual(len(self.fakes.signalling.calls), 1)
        self.assertRaises(InvalidArgument, self.phone.control.answer_transfer, old, True)
        self.assertEqual(call.requests[2:], [])

    def test_nobody_says_yes(self) -> None:
        """Half a minute later it is a no."""
        old, call = self.refer(ReferPolicy.ASK)
        self.fakes.clock.advance(30)
        self.assertEqual(call.requests[-1], "notify 603")
        self.assertRaises(InvalidArgument, self.phone.control.answer_transfer, old, True)

    def test_refused(self) -> None:
        """By default it is a no at once."""
        _, call = self.refer(ReferPolicy.REFUSE)
        self.assertEqual(call.requests[-1], "notify 603")
        self.assertEqual(self.told(), [])

    def test_barred(self) -> None:
        """What no application may dial is not dialled for a far end either."""
        self.world(PhoneSettings(refer=ReferPolicy.ALLOW))
        self.phone.barred = lambda target: target.startswith("sip:33")
        _, call = self.up()
        call.listener.referred(self.WISH)
        self.assertEqual((call.requests[-1], self.fakes.signalling.calls), ("notify 403", []))

    def test_no_media(self) -> None:
        """Without a port for a second call the far end hears 503, and the first call goes on."""
        self.world(PhoneSettings(refer=ReferPolicy.ALLOW))
        old, call = self.up()
        self.fakes.media.room = 1
        call.listener.referred(self.WISH)
        self.assertEqual(call.requests[-1], "notify 503")
        self.assertEqual([line.call_id for line in self.phone.calls()], [old])

    def test_broken_signalling(self) -> None:
        """If our INVITE cannot be sent the far end hears 500."""
        self.world(PhoneSettings(refer=ReferPolicy.ALLOW))
        _, call = self.up()
        self.fakes.signalling.broken = True
        call.listener.referred(self.WISH)
        self.assertEqual(call.requests[-1], "notify 500")
        self.flushLoggedErrors()
