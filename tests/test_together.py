"""Several calls at once: the conference, going from one call to another, and how loud each is."""

from __future__ import annotations

import dataclasses

from neon.callback import Callbacks
from neon.commands import Commands
from neon.conference import MOST
from neon.details import CallDetails, ReferPolicy, Referral
from neon.events import CallFinalized, ConferenceChanged, HoldChanged, MuteChanged, VolumeChanged
from neon.phone import PhoneSettings
from neon.values import Cause, MediaDirection
from tests.fakes import ACCOUNT, AGREEMENT, FakeCall, FakeIds, FakeStream, FakeWorld
from tests.test_commands import CommandCase, OneApplication

HOLDING = dataclasses.replace(AGREEMENT, direction=MediaDirection.SENDONLY)
REFUSED = Cause(488, "Not Acceptable Here")


class TogetherCase(CommandCase):
    def setUp(self) -> None:
        super().setUp()
        self.world = FakeWorld(PhoneSettings(refer=ReferPolicy.ALLOW))
        self.commands = Commands(self.world.phone, self.sessions, OneApplication())
        self.world.registered()
        self.a, self.far_a = self.connected()
        self.b, self.far_b = self.connected()
        self.c, self.far_c = self.connected()
        self.world.take_events()

    def connected(self) -> tuple[int, FakeCall]:
        call_id = self.done(action="startcall", number="32")["callId"]
        far = self.world.signalling.calls[-1]
        far.listener.answered(AGREEMENT)
        return call_id, far

    def together(self, *call_ids: int) -> None:
        self.assertEqual(self.done(action="startconference", callIds=list(call_ids)), {})

    def stream(self, call_id: int) -> FakeStream:
        return self.world.media.streams[call_id]

    def mixed(self) -> list[int]:
        """The calls whose far ends hear each other."""
        return [call_id for call_id, stream in self.world.media.streams.items() if stream.mixed and not stream.closed]

    def told(self) -> list[tuple[int, ...]]:
        """Who was said to be together, each time."""
        return [event.call_ids for event in self.world.take_events() if isinstance(event, ConferenceChanged)]

    def listed(self) -> list[int]:
        return [call["callId"] for call in self.done(action="listcalls")["calls"] if call["conference"]]


class ConferenceTests(TogetherCase):
    def test_two(self) -> None:
        """Two calls are put together: they are mixed, listed, and told once."""
        self.together(self.a, self.b)
        self.assertEqual((self.mixed(), self.listed(), self.told()), ([self.a, self.b],) * 2 + ([(self.a, self.b)],))
        self.together(self.a, self.b)
        self.assertEqual(self.told(), [])

    def test_one_more(self) -> None:
        """Another one joins those that are together."""
        self.together(self.a, self.b)
        self.together(self.c)
        self.assertEqual(self.mixed(), [self.a, self.b, self.c])
        self.assertEqual(self.told(), [(self.a, self.b), (self.a, self.b, self.c)])

    def test_spelled(self) -> None:
        """A form has text with commas; one number may stand alone."""
        self.done(action="startconference", callids=f"{self.a}, {self.b}")
        self.done(action="startconference", callids=self.c)
        self.assertEqual(self.listed(), [self.a, self.b, self.c])

    def test_malformed(self) -> None:
        """What is no list of calls is 102."""
        malformed: tuple[object, ...] = (None, [], "", "x", {}, True, 1.5, [[]], [0], list(range(1, 10)), [self.a, "b"])
        for given in malformed:
            self.assertEqual(self.code(action="startconference", callids=given), 102, given)

    def test_refused(self) -> None:
        """Fewer than two, a call that rings, one that is over or is being transferred: 102, and nothing is changed."""
        self.incoming()
        self.done(action="transfercall", callid=self.c, to="33")
        for given in ([self.a], [self.a, self.a], [self.a, self.c + 1], [self.a, 9999], [self.a, self.c]):
            self.assertEqual(self.code(action="startconference", callids=given), 102, given)
        self.assertEqual((self.mixed(), self.told()), ([], []))

    def test_own_leg(self) -> None:
        """The own end of a callback has no audio to mix."""
        ids = FakeIds(200)
        leg = Callbacks(self.world.phone, ids, self.world.clock).start("600", 1)
        for _ in range(4):
            self.world.turn()
        self.assertEqual(self.code(action="startconference", callids=[self.a, leg]), 102)
        self.assertIn("callback", str(self.refusal))

    def test_many(self) -> None:
        """Eight calls are together, not nine."""
        calls = [self.a, self.b, self.c, *(self.connected()[0] for _ in range(MOST - 3))]
        self.together(*calls)
        self.assertEqual(self.mixed(), calls)
        self.assertEqual(self.code(action="startconference", callids=[self.connected()[0]]), 102)

    def test_leaving(self) -> None:
        """One leaves and goes on alone; then the last two are ordinary calls, and it is over."""
        self.together(self.a, self.b, self.c)
        self.done(action="leaveconference", callid=self.b)
        self.assertEqual(self.mixed(), [self.a, self.c])
        self.assertEqual(self.code(action="leaveconference", callid=self.b), 102)
        self.done(action="leaveconference", callid=self.a)
        self.assertEqual((self.mixed(), self.listed()), ([], []))
        self.assertEqual(self.told(), [(self.a, self.b, self.c), (self.a, self.c), ()])
        self.assertEqual(self.far_a.requests + self.far_b.requests + self.far_c.requests, [])

    def test_hanging_up(self) -> None:
        """Whoever hangs up is out of it, and so is whom we hang up on; the last one talks to us alone."""
        self.together(self.a, self.b, self.c)
        self.far_a.listener.ended(Cause())
        self.assertEqual(self.told(), [(self.a, self.b, self.c), (self.b, self.c)])
        self.done(action="finalizecall", callid=self.b)
        self.assertEqual(self.listed(), [self.c])
        self.far_b.listener.ended(Cause())
        self.assertEqual(self.told(), [()])
        self.assertEqual((self.mixed(), self.listed()), ([], []))

    def test_held_before(self) -> None:
        """A call on hold is taken off hold, and is heard when its far end has agreed."""
        self.done(action="sethold", callid=self.a, hold=True)
        self.far_a.listener.hold_answered(HOLDING)
        self.together(self.a, self.b)
        self.assertEqual(self.far_a.requests, ["hold", "resume"])
        self.assertEqual(self.mixed(), [self.b])
        self.far_a.listener.hold_answered(AGREEMENT)
        self.assertEqual(self.mixed(), [self.a, self.b])
        self.assertFalse(self.stream(self.a).silent)

    def test_holding_one(self) -> None:
        """One that waits is apart at once, stays in the conference, and comes back; also when it refuses to wait."""
        self.together(self.a, self.b, self.c)
        self.done(action="sethold", callid=self.a, hold=True)
        self.assertEqual((self.mixed(), self.listed()), ([self.b, self.c], [self.a, self.b, self.c]))
        self.far_a.listener.hold_answered(HOLDING)
        self.done(action="sethold", callid=self.a, hold=False)
        self.far_a.listener.hold_answered(AGREEMENT)
        self.assertEqual(self.mixed(), [self.a, self.b, self.c])
        self.done(action="sethold", callid=self.b, hold=True)
        self.far_b.listener.hold_refused(REFUSED)
        self.assertEqual(self.mixed(), [self.a, self.b, self.c])

    def test_holding_all(self) -> None:
        """The whole conference waits and goes on; calls beside it are not concerned."""
        self.assertEqual(self.code(action="holdconference", hold=True), 102)
        self.together(self.a, self.b)
        self.done(action="holdconference", hold=True)
        self.assertEqual((self.far_a.requests, self.far_b.requests, self.far_c.requests), (["hold"], ["hold"], []))
        self.assertEqual(self.mixed(), [])
        for far in (self.far_a, self.far_b):
            far.listener.hold_answered(HOLDING)
        self.done(action="holdconference", hold="no")
        for far in (self.far_a, self.far_b):
            far.listener.hold_answered(AGREEMENT)
        self.assertEqual(self.mixed(), [self.a, self.b])

    def test_muted(self) -> None:
        """Whom we are muted for still hears the others."""
        self.together(self.a, self.b)
        self.done(action="setmute", callid=self.a, mute=True)
        self.assertEqual(self.mixed(), [self.a, self.b])
        self.assertTrue(self.stream(self.a).silent)

    def test_muting_all(self) -> None:
        """Nobody in the conference hears us, and all again; calls beside it are not concerned."""
        self.assertEqual(self.code(action="muteconference", mute=True), 102)
        self.together(self.a, self.b)
        self.world.take_events()
        self.done(action="muteconference", mute=True)
        self.assertEqual([self.stream(call).silent for call in (self.a, self.b, self.c)], [True, True, False])
        self.assertEqual(self.mixed(), [self.a, self.b])
        told = [(event.call_id, event.muted) for event in self.world.take_events() if isinstance(event, MuteChanged)]
        self.assertEqual(told, [(self.a, True), (self.b, True)])
        self.done(action="muteconference", mute="no")
        self.assertEqual([self.stream(call).silent for call in (self.a, self.b)], [False, False])

    def test_coming_to_muted(self) -> None:
        """Whoever comes to a conference to all of which we are muted does not hear us either; else they do."""
        self.together(self.a, self.b)
        self.done(action="setmute", callid=self.a, mute=True)
        self.together(self.c)
        self.assertFalse(self.stream(self.c).silent)
        self.done(action="leaveconference", callid=self.c)
        self.done(action="setmute", callid=self.b, mute=True)
        self.together(self.c)
        self.assertTrue(self.stream(self.c).silent)

    def test_transferred_away(self) -> None:
        """One that we transfer is apart at once; it is back if that fails, and gone if it does not."""
        self.together(self.a, self.b, self.c)
        self.told()
        for outcome in ("failed", "done"):
            self.done(action="transfercall", callid=self.a, to="40")
            self.far_a.listener.hold_answered(HOLDING)
            self.assertEqual(self.mixed(), [self.b, self.c])
            if outcome == "failed":
                self.far_a.listener.transfer_failed(REFUSED)
                self.far_a.listener.hold_answered(AGREEMENT)
                self.assertEqual(self.mixed(), [self.a, self.b, self.c])
        self.far_a.listener.transferred()
        self.far_a.listener.ended(Cause())
        self.assertEqual(self.told(), [(self.b, self.c)])

    def test_taken_over(self) -> None:
        """Whoever takes the place of a member (Replaces) takes its place here."""
        self.together(self.a, self.b)
        new = self.world.signalling.call_in(replaced=self.far_a)
        assert isinstance(new, FakeCall)
        new.listener.answered(AGREEMENT)
        self.far_a.listener.ended(Cause())
        self.assertEqual([len(calls) for calls in self.told() + self.told()], [2, 2])
        self.assertEqual(self.mixed(), [self.b, self.c + 1])

    def test_referred(self) -> None:
        """A member that has us call somebody else is followed by that call, even if it hangs up before the answer."""
        for early in (False, True):
            self.together(self.a, self.b)
            self.told()
            self.far_a.listener.referred(Referral("sip:40@sip.acme.com"))
            self.world.turn()
            new = self.world.signalling.calls[-1]
            if early:
                self.far_a.listener.ended(Cause())
                self.assertEqual(self.told(), [])
                self.assertEqual(self.listed(), [self.b])
            new.listener.answered(AGREEMENT)
            self.world.turn()
            if not early:
                self.assertEqual(self.mixed()[:1], [self.b])
                self.far_a.listener.ended(Cause())
            self.world.turn()
            self.assertEqual(len(self.mixed()), 2)
            self.assertEqual(len(self.told()[-1]), 2)
            self.assertNotIn(self.a, self.listed())
            new.listener.ended(Cause())
            self.assertEqual(self.told()[-1], ())
            self.a, self.far_a = self.connected()

    def test_referred_in_vain(self) -> None:
        """If that call comes to nothing, and the member has gone, one is left: it is over."""
        self.together(self.a, self.b)
        self.far_a.listener.referred(Referral("sip:40@sip.acme.com"))
        self.world.turn()
        self.far_a.listener.ended(Cause())
        self.told()
        self.world.signalling.calls[-1].listener.ended(Cause(486, "Busy Here"))
        self.assertEqual(self.told(), [()])
        self.assertEqual((self.mixed(), self.listed()), ([], []))

    def test_broken_media(self) -> None:
        """A call that cannot be mixed ends; the others go on."""
        self.stream(self.a).broken = True
        self.together(self.a, self.b, self.c)
        self.far_a.listener.ended(Cause())
        self.assertTrue(any(isinstance(event, CallFinalized) for event in self.world.take_events()))
        self.assertEqual(self.mixed(), [self.b, self.c])
        self.flushLoggedErrors(OSError)

    def test_other_accounts(self) -> None:
        """Calls of different accounts are put together like any others."""
        other = self.world.registered(dataclasses.replace(ACCOUNT, number="77"))
        call_id = self.done(action="startcall", number="50", connectionid=other)["callId"]
        self.world.signalling.calls[-1].listener.answered(AGREEMENT)
        self.together(self.a, call_id)
        self.assertEqual(self.mixed(), [self.a, call_id])


class SwapTests(TogetherCase):
    def test_consultation(self) -> None:
        """Hold, ask somebody else, go back and forth, and complete: with one command for each step."""
        self.done(action="finalizecall", callid=self.c)
        self.done(action="swapcalls", callid=self.b)
        self.far_a.listener.hold_answered(HOLDING)
        self.assertEqual((self.far_a.requests, self.far_b.requests), (["hold"], []))
        self.done(action="swapcalls", callid=self.a)
        self.far_b.listener.hold_answered(HOLDING)
        self.far_a.listener.hold_answered(AGREEMENT)
        self.assertEqual((self.far_a.requests, self.far_b.requests), (["hold", "resume"], ["hold"]))
        held = {call["callId"]: call["hold"] for call in self.done(action="listcalls")["calls"]}
        self.assertEqual((held[self.a], held[self.b]), (False, True))
        self.done(action="transfercall", callid=self.a, tocallid=self.b)
        self.far_a.listener.hold_answered(HOLDING)
        self.assertEqual(self.far_a.requests[-1].split()[0], "refer")

    def test_conference(self) -> None:
        """A call of the conference stands for all of it."""
        self.together(self.a, self.b)
        self.done(action="swapcalls", callid=self.c)
        self.assertEqual((self.far_a.requests, self.far_b.requests, self.far_c.requests), (["hold"], ["hold"], []))
        for far in (self.far_a, self.far_b):
            far.listener.hold_answered(HOLDING)
        self.done(action="swapcalls", callid=self.b)
        self.assertEqual(self.far_c.requests, ["hold"])
        for far in (self.far_a, self.far_b):
            self.assertEqual(far.requests, ["hold", "resume"])

    def test_refused(self) -> None:
        """A call that rings, or is over: 102, and nobody has to wait."""
        self.incoming()
        for call_id in (self.c + 1, 9999):
            self.assertEqual(self.code(action="swapcalls", callid=call_id), 102)
        self.assertEqual(self.far_a.requests, [])


class EarlyHoldTests(TogetherCase):
    def test_wish(self) -> None:
        """A call that is being made is held as soon as it is answered; until then it hears nothing of us."""
        call_id = self.done(action="startcall", number="32")["callId"]
        far = self.world.signalling.calls[-1]
        far.listener.ringing(180, None)
        self.done(action="sethold", callid=call_id, hold=True)
        self.assertEqual((far.requests, self.stream(call_id).silent), ([], True))
        far.listener.answered(AGREEMENT)
        self.assertEqual(far.requests, ["hold"])
        far.listener.hold_answered(HOLDING)
        (event,) = [one for one in self.world.take_events() if isinstance(one, HoldChanged)]
        self.assertEqual((event.call_id, event.local), (call_id, True))

    def test_changed_mind(self) -> None:
        """Whoever does not wish it any more before the answer is heard at once, and nothing is asked."""
        call_id = self.done(action="startcall", number="32")["callId"]
        far = self.world.signalling.calls[-1]
        for hold in (True, False):
            self.done(action="sethold", callid=call_id, hold=hold)
        far.listener.answered(AGREEMENT)
        self.assertEqual((far.requests, self.stream(call_id).silent), ([], False))

    def test_incoming(self) -> None:
        """One that rings here is refused in words; one that we have answered is held when the ACK has come."""
        far = self.world.signalling.call_in()
        assert isinstance(far, FakeCall)
        self.assertEqual(self.code(action="sethold", callid=self.c + 1, hold=True), 102)
        self.assertIn("rings here", str(self.refusal))
        self.done(action="acceptcall", callid=self.c + 1)
        self.done(action="sethold", callid=self.c + 1, hold=True)
        self.assertEqual(far.requests, ["ring waiting", "accept"])
        far.listener.answered(AGREEMENT)
        self.assertEqual(far.requests[-1], "hold")


class VolumeTests(TogetherCase):
    def test_volume(self) -> None:
        """It is set, listed and told once; as it came is 100."""
        self.assertEqual(self.done(action="listcalls")["calls"][0]["volume"], 100)
        for _ in range(2):
            self.done(action="setvolume", callid=self.a, percent="150")
        self.assertEqual(self.stream(self.a).volume, 150)
        self.assertEqual(self.done(action="listcalls")["calls"][0]["volume"], 150)
        told = [event for event in self.world.take_events() if isinstance(event, VolumeChanged)]
        self.assertEqual([(event.call_id, event.percent) for event in told], [(self.a, 150)])

    def test_taken_over(self) -> None:
        """Whoever takes the place of a call is heard as loud as that one was."""
        self.done(action="setvolume", callid=self.a, percent=40)
        new = self.world.signalling.call_in(details=CallDetails(), replaced=self.far_a)
        assert isinstance(new, FakeCall)
        new.listener.answered(AGREEMENT)
        self.assertEqual([call["volume"] for call in self.done(action="listcalls")["calls"]][-1], 40)
        self.assertEqual(self.stream(max(self.world.media.streams)).volume, 40)

    def test_malformed(self) -> None:
        """What is no percentage, and a call that is not up, are 102."""
        malformed: tuple[object, ...] = (None, "", -1, 201, "loud", 1.5, [])
        for percent in malformed:
            self.assertEqual(self.code(action="setvolume", callid=self.a, percent=percent), 102, percent)
        self.assertEqual(self.code(action="setvolume", callid=9999, percent=50), 102)
