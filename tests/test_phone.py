"""The phone with its ports faked: verbs, actions carried out, and what happens when something breaks."""

from __future__ import annotations

import dataclasses

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from neon.bus import Published
from neon.details import NO_RULES
from neon.errors import InvalidArgument, NotRegistered
from neon.events import (
    CallAccepted,
    CallEvent,
    CallFinalized,
    CallMissed,
    CallRinging,
    CallStarted,
    Registered,
    RegistrationCancelled,
    RegistrationFailed,
    RegistrationFinalized,
    Unregistered,
)
from neon.phone import PhoneSettings
from neon.ports import IncomingCall
from neon.values import (
    AccountOptions,
    AccountSettings,
    CallState,
    Cause,
    Codec,
    DigitsBy,
    Direction,
    MediaDirection,
    RegistrationState,
)
from tests.fakes import ACCOUNT, AGREEMENT, FakeCall, FakeWorld

BYE = Cause()
BUSY = Cause(486, "Busy Here")
MOVED = dataclasses.replace(AGREEMENT, remote=("192.0.2.9", 5000))
HELD = dataclasses.replace(AGREEMENT, direction=MediaDirection.SENDONLY)


class PhoneTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.make_world()

    def make_world(self, settings: PhoneSettings | None = None) -> None:
        self.world = FakeWorld(settings)
        self.phone = self.world.phone
        self.clock = self.world.clock
        self.connection_id = self.world.registered()
        self.world.take_events()

    def dial(self) -> tuple[int, FakeCall]:
        call_id = self.phone.start_call("32")
        return call_id, self.world.signalling.calls[-1]

    def call_in(self) -> tuple[int, FakeCall]:
        call = self.world.signalling.call_in(self.connection_id)
        assert isinstance(call, FakeCall)
        return self.phone.calls()[-1].call_id, call

    def connected(self) -> tuple[int, FakeCall]:
        """An outgoing call that was answered; its events are taken."""
        call_id, call = self.dial()
        call.listener.answered(AGREEMENT)
        self.world.take_events()
        return call_id, call

    def taken_kinds(self) -> list[type]:
        return [type(event) for event in self.world.take_events()]

    def final_cause(self) -> Cause:
        final = self.world.take_events()[-1]
        assert isinstance(final, CallFinalized)
        return final.cause

    def assert_nothing_left(self) -> None:
        self.assertEqual(self.phone.calls(), ())
        self.assertEqual(self.clock.getDelayedCalls(), [])
        for stream in self.world.media.streams.values():
            self.assertTrue(stream.closed)



class AccountOptionTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.world = FakeWorld(PhoneSettings(digits_by=DigitsBy.EVENTS))
        options = AccountOptions(codecs=(Codec.PCMU,), dtmf=DigitsBy.INFO)
        self.plain = self.world.registered()
        self.own = self.world.registered(dataclasses.replace(ACCOUNT, number="32", options=options))

    def test_codecs(self) -> None:
        """An account's own codecs are offered and answered with; the others' are as they were."""
        everything = (Codec.PCMA, Codec.PCMU)
        for account, codecs in ((self.plain, everything), (self.own, (Codec.PCMU,))):
            self.world.phone.start_call("600", account)
            media = self.world.signalling.calls[-1].media
            call = self.world.signalling.call_in(account)
            assert isinstance(call, FakeCall) and media is not None and call.media is not None
            self.assertEqual((media.codecs, call.media.codecs), (codecs, codecs))

    def test_an_application_registers_it_too(self) -> None:
        """An application that registers an account of the configuration takes neither its name nor its rules away."""
        rules = dataclasses.replace(NO_RULES, dnd=True)
        configured = dataclasses.replace(ACCOUNT, number="33", name="boss", rules=rules)
        connection_id = self.world.registered(configured)
        again = dataclasses.replace(ACCOUNT, number="33", password="other")
        self.assertEqual(self.world.phone.register(again), connection_id)
        settings = self.world.signalling.registrations[connection_id].settings
        self.assertEqual((settings.password, settings.name, settings.rules), ("other", "boss", rules))

    def test_digits(self) -> None:
        """So it is with the way that digits go."""
        for account, asked in ((self.plain, []), (self.own, ["digit 5"])):
            number = self.world.phone.start_call("600", account)
            call = self.world.signalling.calls[-1]
            call.listener.answered(AGREEMENT)
            self.world.phone.control.send_digits(number, "5")
            self.world.clock.advance(1)
            self.assertEqual(call.requests, asked)


class OutgoingTests(PhoneTestCase):
    def test_whole_call(self) -> None:
        """INVITE with the stream's media, audio from early media on, events in order, and everything given back."""
        call_id, call = self.dial()
        stream = self.world.media.streams[call_id]
        self.assertEqual((call.target, call.media), ("32", stream.local))
        call.listener.ringing(183, AGREEMENT)
        self.assertEqual(stream.started, [AGREEMENT])
        call.listener.answered(AGREEMENT)
        call.listener.media_changed(MOVED)
        self.assertEqual(stream.started, [AGREEMENT, MOVED])
        self.clock.advance(2.5)
        call.listener.ended(BYE)
        us, them = "sip:31@sip.acme.com", "sip:32@sip.acme.com"
        common = (call_id, self.connection_id, Direction.OUTGOING, us, them, None)
        self.assertEqual(
            self.world.take_events(),
            [
                CallStarted(*common),
                CallRinging(*common, status=183),
                CallAccepted(*common),
                CallFinalized(*common, duration_ms=2500, cause=BYE),
            ],
        )
        self.assertEqual(call.requests, [])
        self.assertEqual(stream.closed, 1)
        self.assert_nothing_left()

    def test_answer_before_events(self) -> None:
        """The callId is known before the first event of the call is delivered."""
        call_id = self.phone.start_call("32")
        self.assertEqual(self.world.published, [])
        event = self.world.take_events()[0]
        assert isinstance(event, CallEvent)
        self.assertEqual(event.call_id, call_id)

    def test_number_and_uri(self) -> None:
        """A SIP URI is called as it is."""
        self.phone.start_call("sip:bob@example.org")
        self.assertEqual(self.world.signalling.calls[-1].target, "sip:bob@example.org")
        self.assertEqual(self.phone.calls()[0].callee, "sip:bob@example.org")

    def test_refused_by_them(self) -> None:
        """The status of a refusal reaches the event."""
        _, call = self.dial()
        call.listener.ended(BUSY)
        self.assertEqual(self.final_cause(), BUSY)
        self.assert_nothing_left()

    def test_cancelled(self) -> None:
        """Finalizing a call that rings cancels it; finalizing again is a success, and sends nothing more."""
        call_id, call = self.dial()
        call.listener.ringing(180, None)
        self.phone.finalize_call(call_id)
        self.phone.finalize_call(call_id)
        self.assertEqual(call.requests, ["hang_up"])
        call.listener.ended(Cause(487, "Request Terminated"))
        self.assertEqual(self.final_cause().status, 487)
        self.assert_nothing_left()

    def test_hung_up(self) -> None:
        """Finalizing an answered call ends it with status 0."""
        call_id, call = self.connected()
        self.phone.finalize_call(call_id)
        self.assertEqual(call.requests, ["hang_up"])
        self.assertEqual(self.phone.calls()[0].state, CallState.RELEASING)
        call.listener.ended(BYE)
        self.assertEqual(self.final_cause().status, 0)
        self.assert_nothing_left()

    def test_not_registered(self) -> None:
        """Without a registered account there is no call: 601."""
        world = FakeWorld()
        self.assertRaises(NotRegistered, world.phone.start_call, "32")
        world.phone.register(ACCOUNT)
        self.assertRaises(NotRegistered, world.phone.start_call, "32")
        self.assertEqual(world.media.streams, {})

    def test_choice_of_account(self) -> None:
        """The account asked for, else a preferred one, else the first; but only registered ones."""
        second = self.world.registered(AccountSettings("other.example", "77", "secret"))
        third = self.phone.register(AccountSettings("third.example", "88", "secret"))

        def used(connection_id: int | None = None, preferred: tuple[int, ...] = ()) -> int:
            self.phone.start_call("32", connection_id, preferred=preferred)
            return self.phone.calls()[-1].connection_id

        self.assertEqual(used(second), second)
        self.assertEqual(used(preferred=(third, second)), second)
        self.assertEqual(used(preferred=(third,)), self.connection_id)
        self.assertEqual(used(), self.connection_id)
        self.assertEqual(self.phone.calls()[0].caller, "sip:77@other.example")
        self.assertRaises(NotRegistered, used, third)
        self.assertRaises(InvalidArgument, used, 99)

    def test_no_media(self) -> None:
        """Without a free port the call is started and finalized with 503, and no INVITE leaves."""
        self.world.media.room = 0
        self.phone.start_call("32")
        events = self.world.take_events()
        self.assertEqual([type(event) for event in events], [CallStarted, CallFinalized])
        assert isinstance(events[1], CallFinalized)
        self.assertEqual(events[1].cause, Cause(503, "no port is left"))
        self.assertEqual(self.world.signalling.calls, [])
        self.assert_nothing_left()

    def test_signalling_breaks(self) -> None:
        """An INVITE that raises ends the call with 500; the ports are given back."""
        self.world.signalling.broken = True
        self.phone.start_call("32")
        self.assertEqual(self.final_cause().status, 500)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.assert_nothing_left()

    def test_stream_breaks(self) -> None:
        """Media that cannot start end the call with 500."""
        call_id, call = self.dial()
        self.world.media.streams[call_id].broken = True
        call.listener.answered(AGREEMENT)
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)
        self.assertEqual(call.requests, ["hang_up"])
        call.listener.ended(BYE)
        self.assertEqual(self.final_cause().status, 500)
        self.assert_nothing_left()

    def test_hang_up_breaks(self) -> None:
        """A BYE that raises ends the call all the same."""
        call_id, call = self.connected()
        call.broken.add("hang_up")
        self.phone.finalize_call(call_id)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.assertEqual(self.taken_kinds(), [CallFinalized])
        self.assert_nothing_left()

    def test_forgotten_by_the_signalling(self) -> None:
        """A dialog that never reports its end is given up on, long after every transaction has timed out."""
        call_id, call = self.connected()
        self.phone.finalize_call(call_id)
        self.clock.advance(32.5)
        self.assertEqual(len(self.phone.calls()), 1)
        self.clock.advance(10)
        self.assertEqual(self.taken_kinds(), [CallFinalized])
        call.listener.ended(BYE)
        self.assertEqual(self.taken_kinds(), [])
        self.assert_nothing_left()

    def test_reported_from_inside(self) -> None:
        """An end that is reported from inside a request, against the rules, cannot disorder the events."""
        call_id, call = self.dial()
        stream = self.world.media.streams[call_id]
        stream.on_start = lambda: call.listener.ended(BYE)
        call.listener.answered(AGREEMENT)
        self.assertEqual(self.taken_kinds(), [CallStarted, CallAccepted, CallFinalized])
        self.assert_nothing_left()

    def test_late_network(self) -> None:
        """Whatever comes after the end changes nothing."""
        _, call = self.connected()
        call.listener.ended(BYE)
        self.world.take_events()
        call.listener.ringing(183, AGREEMENT)
        call.listener.answered(AGREEMENT)
        call.listener.media_changed(MOVED)
        call.listener.ended(BUSY)
        self.assertEqual(self.taken_kinds(), [])
        self.assert_nothing_left()


class IncomingTests(PhoneTestCase):
    def test_whole_call(self) -> None:
        """It rings, we answer, the ACK confirms; caller and display name are in the events."""
        call = self.world.signalling.call_in(self.connection_id, "sip:32@sip.acme.com", "Ana")
        assert isinstance(call, FakeCall)
        self.assertEqual(call.requests, ["ring"])
        call_id = self.phone.calls()[0].call_id
        stream = self.world.media.streams[call_id]
        self.assertEqual(call.media, stream.local)
        self.assertFalse(self.phone.accept_call(call_id))
        self.assertEqual(call.requests, ["ring", "accept"])
        call.listener.answered(AGREEMENT)
        self.assertEqual(stream.started, [AGREEMENT])
        self.clock.advance(1)
        call.listener.ended(BYE)
        us, them = "sip:31@sip.acme.com", "sip:32@sip.acme.com"
        common = (call_id, self.connection_id, Direction.INCOMING, them, us, "Ana")
        self.assertEqual(
            self.world.take_events(),
            [CallStarted(*common), CallAccepted(*common), CallFinalized(*common, duration_ms=1000, cause=BYE)],
        )
        self.assert_nothing_left()

    def test_accepted_twice(self) -> None:
        """The second accept of a call is a success that says so, before and after the ACK."""
        call_id, call = self.call_in()
        self.assertFalse(self.phone.accept_call(call_id))
        self.assertTrue(self.phone.accept_call(call_id))
        call.listener.answered(AGREEMENT)
        self.assertTrue(self.phone.accept_call(call_id))
        self.assertEqual(call.requests, ["ring", "accept"])

    def test_accept_what_cannot_be(self) -> None:
        """Unknown, outgoing, ending and ended calls are not answered: 102."""
        self.assertRaises(InvalidArgument, self.phone.accept_call, 999)
        outgoing, _ = self.dial()
        self.assertRaises(InvalidArgument, self.phone.accept_call, outgoing)
        call_id, call = self.call_in()
        self.phone.finalize_call(call_id)
        self.assertRaises(InvalidArgument, self.phone.accept_call, call_id)
        call.listener.ended(BYE)
        self.assertRaises(InvalidArgument, self.phone.accept_call, call_id)

    def test_rejected(self) -> None:
        """Finalizing a ringing call refuses it with the configured status."""
        self.make_world(PhoneSettings(reject_status=603))
        call_id, call = self.call_in()
        self.phone.finalize_call(call_id)
        self.assertEqual(call.requests, ["ring", "reject 603"])
        call.listener.ended(BYE)
        self.assertEqual(self.final_cause().status, 603)
        self.assert_nothing_left()

    def test_caller_gives_up(self) -> None:
        """A cancelled call ends with the status of the cancellation."""
        _, call = self.call_in()
        call.listener.ended(Cause(487, "Request Terminated"))
        self.assertEqual(self.final_cause().status, 487)
        self.assert_nothing_left()

    def test_busy(self) -> None:
        """One call more than the limit is busy and only missed; when a call has ended there is room again."""
        self.make_world(PhoneSettings(max_calls=2))
        self.dial()
        _, call = self.call_in()
        self.world.take_events()
        self.assertEqual(self.world.signalling.call_in(self.connection_id), 486)
        self.assertEqual(self.taken_kinds(), [CallMissed])
        call.listener.ended(BYE)
        self.call_in()

    def test_not_busy_while_hanging_up(self) -> None:
        """A call that was hung up here no longer counts, though its far end has not agreed yet."""
        self.make_world(PhoneSettings(max_calls=1))
        call_id, _ = self.connected()
        self.phone.finalize_call(call_id)
        self.call_in()

    def test_no_media(self) -> None:
        """Without a free port the caller hears 503."""
        self.world.media.room = 0
        self.assertEqual(self.world.signalling.call_in(self.connection_id), 503)
        self.assertEqual(self.phone.calls(), ())

    def test_accept_breaks(self) -> None:
        """A 200 that raises ends the call, with an event."""
        call_id, call = self.call_in()
        call.broken.add("accept")
        self.phone.accept_call(call_id)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.assertEqual(call.requests, ["ring", "hang_up"])
        call.listener.ended(BYE)
        self.assertEqual(self.final_cause().status, 500)


    def test_reject_breaks(self) -> None:
        """A refusal that raises ends the call all the same, as refused."""
        call_id, call = self.call_in()
        call.broken.add("reject")
        self.phone.finalize_call(call_id)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.assertEqual(self.final_cause().status, 486)
        self.assert_nothing_left()

    def test_ring_breaks(self) -> None:
        """A 180 that raises costs nothing but the 180."""
        call = FakeCall()
        call.broken.add("ring")
        self.assertNotIsInstance(self.phone.incoming(IncomingCall(1, "sip:a@b", "sip:c@d", None), call), int)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.assertEqual(self.phone.calls()[0].state, CallState.EARLY)

    def test_forgotten_by_the_signalling(self) -> None:
        """A refused call whose end is never reported is finalized in the end."""
        call_id, _ = self.call_in()
        self.phone.finalize_call(call_id)
        self.clock.advance(45)
        self.assertEqual(self.final_cause().status, 486)
        self.assert_nothing_left()


class FinalizeTests(PhoneTestCase):
    def test_ended_lately(self) -> None:
        """Finalizing a call that ended under 30 s ago is a success; later it is an unknown call."""
        call_id, call = self.connected()
        call.listener.ended(BYE)
        self.clock.advance(29)
        self.phone.finalize_call(call_id)
        self.assertEqual(call.requests, [])
        self.clock.advance(2)
        self.assertRaises(InvalidArgument, self.phone.finalize_call, call_id)

    def test_unknown(self) -> None:
        """A call that never was: 102."""
        self.assertRaises(InvalidArgument, self.phone.finalize_call, 999)


class SilenceTests(PhoneTestCase):
    def test_hung_up(self) -> None:
        """A call whose audio has stopped is ended."""
        call_id, call = self.connected()
        self.phone.silent(call_id)
        self.assertEqual(call.requests, ["hang_up"])
        call.listener.ended(BYE)
        self.assertEqual(self.final_cause(), Cause(0, "no audio from the far end"))

    def test_on_hold(self) -> None:
        """A call on hold is silent by agreement."""
        call_id, call = self.connected()
        call.listener.media_changed(HELD)
        self.phone.silent(call_id)
        self.assertEqual(call.requests, [])

    def test_not_up(self) -> None:
        """A call that still rings, or is gone, is not ended for silence."""
        call_id, call = self.dial()
        self.phone.silent(call_id)
        self.assertEqual(call.requests, [])
        call.listener.ended(BUSY)
        self.phone.silent(call_id)
        self.assertEqual(call.requests, [])


class AccountTests(PhoneTestCase):
    def test_registered(self) -> None:
        """The facts of the signalling become events and snapshots."""
        world = FakeWorld()
        connection_id = world.phone.register(ACCOUNT)
        self.assertFalse(world.phone.is_registered)
        self.assertIs(world.phone.accounts()[0].state, RegistrationState.REGISTERING)
        world.signalling.answer_registration(connection_id)
        self.assertTrue(world.phone.is_registered)
        self.assertEqual(
            world.take_events(), [Registered(connection_id, BYE), RegistrationFinalized(connection_id, BYE)]
        )
        snapshot = world.phone.accounts()[0]
        self.assertEqual(
            (snapshot.connection_id, snapshot.uri, snapshot.state),
            (connection_id, "sip:31@sip.acme.com", RegistrationState.REGISTERED),
        )

    def test_same_address_of_record(self) -> None:
        """Registering the same address again keeps its connectionId and takes the new settings."""
        again = dataclasses.replace(ACCOUNT, domain="SIP.ACME.COM", password="changed", port=5060)
        self.assertEqual(self.phone.register(again), self.connection_id)
        registration = self.world.signalling.registrations[self.connection_id]
        self.assertEqual((registration.settings, registration.times), (again, 2))
        self.assertTrue(self.phone.is_registered)
        self.assertEqual(len(self.phone.accounts()), 1)

    def test_other_address_of_record(self) -> None:
        """Another user, domain or port is another account."""
        ids = {
            self.connection_id,
            self.phone.register(dataclasses.replace(ACCOUNT, number="32")),
            self.phone.register(dataclasses.replace(ACCOUNT, domain="example.org")),
            self.phone.register(dataclasses.replace(ACCOUNT, port=5070)),
        }
        self.assertEqual(len(ids), 4)

    def test_unregistered(self) -> None:
        """An account that was given up is gone once the registrar knows."""
        self.phone.unregister(self.connection_id)
        self.assertEqual(self.world.signalling.unregistrations, [self.connection_id])
        self.assertFalse(self.phone.is_registered)
        self.phone.unregister(self.connection_id)
        self.world.signalling.end_registration(self.connection_id)
        self.assertEqual(self.taken_kinds(), [Unregistered, RegistrationFinalized])
        self.assertEqual(self.phone.accounts(), ())
        self.assertRaises(InvalidArgument, self.phone.unregister, self.connection_id)

    def test_registered_while_leaving(self) -> None:
        """The same address, registered while its un-registration runs, is an account of its own."""
        self.phone.unregister(self.connection_id)
        again = self.phone.register(ACCOUNT)
        self.assertNotEqual(again, self.connection_id)
        self.world.signalling.end_registration(self.connection_id)
        self.assertEqual([account.connection_id for account in self.phone.accounts()], [again])

    def test_cancelled(self) -> None:
        """Given up before the registrar answered."""
        world = FakeWorld()
        connection_id = world.phone.register(ACCOUNT)
        world.phone.unregister(connection_id)
        self.assertEqual([type(event) for event in world.take_events()], [RegistrationCancelled, RegistrationFinalized])

    def test_calls_go_on(self) -> None:
        """Un-registering leaves the account's calls alone, unless asked to end them."""
        call_id, call = self.connected()
        self.phone.unregister(self.connection_id)
        self.assertEqual(call.requests, [])
        self.phone.unregister(self.connection_id, end_calls=True)
        self.assertEqual(call.requests, ["hang_up"])
        self.assertEqual(self.phone.calls()[0].call_id, call_id)

    def test_calls_of_others_go_on(self) -> None:
        """Ending an account's calls ends no others."""
        _, call = self.connected()
        other = self.world.registered(AccountSettings("other.example", "77", "secret"))
        self.phone.unregister(other, end_calls=True)
        self.assertEqual(call.requests, [])

    def test_signalling_breaks(self) -> None:
        """A registration or un-registration that raises is a failure like any other."""
        world = FakeWorld()
        world.signalling.broken = True
        connection_id = world.phone.register(ACCOUNT)
        self.assertEqual([type(event) for event in world.take_events()], [RegistrationFailed, RegistrationFinalized])
        world.phone.unregister(connection_id)
        self.assertEqual(world.phone.accounts(), ())
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 2)


class StopTests(PhoneTestCase):
    def stop(self) -> Deferred[None]:
        return self.phone.stop()

    def test_in_order(self) -> None:
        """Calls end first, then accounts leave, and then it is done; the last events are delivered by then."""
        _, call = self.connected()
        _, ringing = self.call_in()
        stopped = self.stop()
        self.assertEqual((call.requests, ringing.requests), (["hang_up"], ["ring waiting", "reject 486"]))
        call.listener.ended(BYE)
        self.assertEqual(self.world.signalling.unregistrations, [])
        ringing.listener.ended(BYE)
        self.assertEqual(self.world.signalling.unregistrations, [self.connection_id])
        self.assertNoResult(stopped)
        self.world.signalling.end_registration(self.connection_id)
        delivered: list[Published] = []
        stopped.addCallback(lambda _: delivered.extend(self.world.published))
        self.world.turn()
        self.successResultOf(stopped)
        self.assertEqual(
            [type(published.event) for published in delivered],
            [CallStarted, CallFinalized, CallFinalized, Unregistered, RegistrationFinalized],
        )
        self.assert_nothing_left()

    def test_nothing_to_stop(self) -> None:
        """A phone without calls and accounts stops in a turn."""
        world = FakeWorld()
        stopped = world.phone.stop()
        world.turn()
        self.successResultOf(stopped)
        self.assertEqual(world.clock.getDelayedCalls(), [])

    def test_bounded(self) -> None:
        """Neither a deaf peer nor a deaf registrar keeps it from stopping; the calls are finalized all the same."""
        self.connected()
        stopped = self.stop()
        self.clock.advance(3)
        self.assertEqual(self.taken_kinds(), [CallFinalized])
        self.assertNoResult(stopped)
        self.clock.advance(3)
        self.world.turn()
        self.successResultOf(stopped)
        self.assertEqual(self.taken_kinds(), [Unregistered, RegistrationFinalized])
        self.assert_nothing_left()

    def test_bounded_once(self) -> None:
        """A registrar that answers does not lengthen the wait for one that does not."""
        other = self.world.registered(AccountSettings("other.example", "77", "secret"))
        stopped = self.stop()
        self.clock.advance(2)
        self.world.signalling.end_registration(other)
        self.clock.advance(1)
        self.world.turn()
        self.successResultOf(stopped)

    def test_nothing_new(self) -> None:
        """A phone that stops takes no calls and no accounts."""
        self.connected()
        self.stop()
        self.assertEqual(self.world.signalling.call_in(self.connection_id), 503)
        self.assertRaises(NotRegistered, self.phone.start_call, "32")
        self.assertRaises(NotRegistered, self.phone.register, ACCOUNT)

    def test_twice(self) -> None:
        """Whoever stops it a second time waits for the same end, or has it at once."""
        _, call = self.connected()
        first, second = self.stop(), self.stop()
        call.listener.ended(BYE)
        self.world.signalling.end_registration(self.connection_id)
        self.world.turn()
        self.successResultOf(first)
        self.successResultOf(second)
        third = self.stop()
        self.world.turn()
        self.successResultOf(third)
