"""Whole calls between two phones over a network that loses what the test wants lost."""

from __future__ import annotations

import random

from neon.sip.sdp import parse
from neon.values import Codec, LocalMedia, MediaDirection
from tests.sip.calls import CallCase, Ear
from tests.sip.network import Datagram

ALICE = ("127.0.0.1", 5060)
BOB = ("127.0.0.2", 5060)


class Losing:
    """Drops datagrams by a list of booleans, one a datagram; True is lost, and what follows the list arrives."""

    def __init__(self, *pattern: bool, first_line: str = "") -> None:
        self._pattern = list(pattern)
        self._first_line = first_line

    def __call__(self, datagram: Datagram) -> bool:
        return self._first_line in datagram.first_line and bool(self._pattern) and self._pattern.pop(0)


class TwoPhones(CallCase):
    def setUp(self) -> None:
        super().setUp()
        self.bob = self.side(BOB)

    def test_caller_hangs_up(self) -> None:
        """INVITE, 180, 200, ACK, BYE: both sides hear the same call, and nothing is left of it."""
        call, ear = self.alice.call(BOB)
        self.wait()
        self.assertEqual(ear.heard, ["ringing 180"])
        self.bob.incoming[0].accept()
        self.wait()
        call.hang_up()
        self.wait()
        self.assertEqual(ear.heard, ["ringing 180", "answered", "ended 0"])
        self.assertEqual(self.bob.ears[0].heard, ["answered", "ended 0"])
        self.assert_nothing_left()

    def test_callee_hangs_up(self) -> None:
        """BYE goes the other way as well."""
        _, ear = self.alice.call(BOB)
        self.bob.on_invitation = lambda call: call.accept()
        self.wait()
        self.bob.incoming[0].hang_up()
        self.wait()
        self.assertEqual(ear.heard, ["answered", "ended 0"])
        self.assertEqual(self.bob.ears[0].heard, ["answered", "ended 0"])
        self.assert_nothing_left()

    def test_both_hang_up(self) -> None:
        """Two BYEs that cross end the call once on each side."""
        call, ear = self.alice.call(BOB)
        self.bob.on_invitation = lambda call: call.accept()
        self.wait()
        call.hang_up()
        self.bob.incoming[0].hang_up()
        self.wait()
        self.assertEqual((ear.heard[-1], self.bob.ears[0].heard[-1]), ("ended 0", "ended 0"))
        self.assert_nothing_left()

    def test_agreement_fits(self) -> None:
        """What one side sends is what the other receives: ports, payload types, telephone-event."""
        self.alice.media = LocalMedia(20000, (Codec.PCMU, Codec.PCMA), telephone_event=100)
        self.bob.media = LocalMedia(30000, (Codec.PCMA, Codec.PCMU), telephone_event=110)
        self.bob.on_invitation = lambda call: call.accept()
        _, ear = self.alice.call(BOB)
        self.wait()
        ours, theirs = ear.agreements[0], self.bob.ears[0].agreements[0]
        self.assertEqual((ours.remote, theirs.remote), (("127.0.0.2", 30000), ("127.0.0.1", 20000)))
        self.assertEqual((ours.codec, theirs.codec), (Codec.PCMA, Codec.PCMA))
        self.assertEqual(ours.payload_type, theirs.receive_payload_type)
        self.assertEqual(ours.telephone_event, theirs.receive_telephone_event)
        self.assertEqual((ours.telephone_event, ours.receive_telephone_event), (100, 100))

    def test_who_calls(self) -> None:
        """The callee learns caller, called number and display name as plain values."""
        self.alice.call(BOB)
        self.wait()
        (invitation,) = self.bob.invitations
        self.assertEqual((invitation.caller, invitation.called), ("sip:1000@example.org", "sip:bob@example.org"))
        self.assertEqual((invitation.user, invitation.display_name), ("bob", "Alice"))

    def test_refused(self) -> None:
        """A refusal ends the call with its status and its words, without a pause."""
        for status in (486, 603, 404, 480):
            self.bob.refuse_with = status
            _, ear = self.alice.call(BOB)
            self.wait()
            self.assertEqual(ear.heard, [f"ended {status}"])
            assert ear.cause is not None
            self.assertTrue(ear.cause.reason)
        self.assert_nothing_left()

    def test_rejected_while_ringing(self) -> None:
        """A user who says no: the caller hears the status, the callee that it is over."""
        _, ear = self.alice.call(BOB)
        self.wait()
        self.bob.incoming[0].reject(603)
        self.wait()
        self.assertEqual(ear.heard, ["ringing 180", "ended 603"])
        self.assertEqual(self.bob.ears[0].heard, ["ended 603"])
        self.assert_nothing_left()

    def test_cancelled_while_ringing(self) -> None:
        """CANCEL: 487 on both sides."""
        call, ear = self.alice.call(BOB)
        self.wait()
        call.hang_up()
        self.wait()
        self.assertEqual(ear.heard, ["ringing 180", "ended 487"])
        self.assertEqual(self.bob.ears[0].heard, ["ended 487"])
        self.assertEqual(len(self.sent("BYE")), 0)
        self.assert_nothing_left()

    def test_hung_up_before_anything_was_heard(self) -> None:
        """The CANCEL waits for the first provisional response (RFC 3261, section 9.1)."""
        call, ear = self.alice.call(BOB)
        call.hang_up()
        self.assertEqual(self.sent("CANCEL"), [])
        self.wait()
        self.assertEqual(len(self.sent("CANCEL")), 1)
        self.assertEqual(ear.heard, ["ended 487"])
        self.assert_nothing_left()

    def test_answer_crosses_cancel(self) -> None:
        """A 200 that crosses the CANCEL is acknowledged and followed by BYE; the caller never counts as answered."""
        call, ear = self.alice.call(BOB)
        self.wait()
        call.hang_up()
        self.bob.incoming[0].accept()
        self.wait()
        self.assertEqual((len(self.sent("ACK")), len(self.sent("BYE"))), (1, 1))
        self.assertEqual(ear.heard, ["ringing 180", "ended 487"])
        self.assertEqual(self.bob.ears[0].heard, ["answered", "ended 0"])
        self.assert_nothing_left()

    def test_nobody_answers(self) -> None:
        """After three minutes of ringing the call is cancelled and ends with 408."""
        _, ear = self.alice.call(BOB)
        self.wait(179)
        self.assertEqual(ear.heard[-1], "ringing 180")
        self.wait(2)
        self.assertEqual(ear.heard[-1], "ended 408")
        self.assertEqual(self.bob.ears[0].heard, ["ended 487"])
        self.assert_nothing_left()

    def test_nobody_there(self) -> None:
        """Silence ends the call with 408 after 32 s; the INVITE was sent seven times."""
        self.network.lost = lambda datagram: True
        _, ear = self.alice.call(BOB)
        self.wait(31)
        self.assertEqual(ear.heard, [])
        self.wait(2)
        self.assertEqual(ear.heard, ["ended 408"])
        self.assertEqual(self.bob.invitations, [])

    def test_hang_up_into_silence(self) -> None:
        """Hanging up is reported in four seconds, even if nobody has ever answered the INVITE."""
        self.network.lost = lambda datagram: True
        call, ear = self.alice.call(BOB)
        self.wait(1)
        call.hang_up()
        self.wait(3.9)
        self.assertEqual(ear.heard, [])
        self.wait(0.3)
        self.assertEqual(ear.heard, ["ended 487"])
        self.assert_nothing_left()

    def test_late_ringing_of_a_call_given_up(self) -> None:
        """Given up in silence; the callee rings at last, and is cancelled then."""
        self.network.lost = Losing(*[True] * 4)
        call, ear = self.alice.call(BOB)
        call.hang_up()
        self.wait(5)
        self.assertEqual(ear.heard, ["ended 487"])
        self.wait(10)
        self.assertEqual(self.bob.ears[0].heard, ["ended 487"])
        self.assert_nothing_left()

    def test_bye_into_silence(self) -> None:
        """A BYE that nobody answers: the end is reported after four seconds, retransmission goes on to 32."""
        call, ear = self.alice.call(BOB)
        self.bob.on_invitation = lambda call: call.accept()
        self.wait()
        self.network.lost = lambda datagram: True
        call.hang_up()
        self.wait(4.1)
        self.assertEqual(ear.heard[-1], "ended 0")
        self.assertLess(len(self.sent("BYE")), 6)
        self.wait(40)
        self.assertGreater(len(self.sent("BYE")), 6)

    def test_first_packets_lost(self) -> None:
        """Whatever single packet of the exchange is lost, the call is made and ended on both sides."""
        for lost in range(9):
            self.network.lost = Losing(*[False] * lost, True)
            self.network.sent.clear()
            call, ear = self.alice.call(BOB)
            self.wait(3)
            callee = self.bob.incoming[-1]
            callee.accept()
            self.wait(6)
            call.hang_up()
            self.wait(3)
            self.assertEqual(ear.heard[-2:], ["answered", "ended 0"], f"packet {lost} lost")
            self.assertEqual(self.bob.ears[-1].heard, ["answered", "ended 0"], f"packet {lost} lost")
        self.assert_nothing_left()

    def test_a_third_of_all_packets_lost(self) -> None:
        """Thirty calls over a bad network: every one is made, and ends once on each side."""
        dice = random.Random(3261)
        self.network.lost = lambda datagram: dice.random() < 0.3
        for number in range(30):
            call, ear = self.alice.call(BOB)
            self.wait(15)
            self.bob.incoming[-1].accept()
            self.wait(20)
            call.hang_up()
            self.wait(30)
            self.assertEqual(ear.heard[-2:], ["answered", "ended 0"], f"call {number}")
            self.assertEqual(self.bob.ears[-1].heard, ["answered", "ended 0"], f"call {number}")
        self.assert_nothing_left()

    def test_answer_never_acknowledged(self) -> None:
        """No ACK in 32 s: the callee sends BYE and hears 408."""
        self.bob.on_invitation = lambda call: call.accept()
        self.network.lost = lambda datagram: datagram.first_line.startswith("ACK")
        self.alice.call(BOB)
        self.wait(31)
        self.assertEqual(self.bob.ears[0].heard, [])
        self.wait(3)
        self.assertEqual(self.bob.ears[0].heard, ["ended 408"])
        self.assertEqual(self.alice.agent.live_calls, 0)
        self.assert_nothing_left()

    def test_answer_is_repeated_until_acknowledged(self) -> None:
        """A lost ACK is sent again for every repetition of the 200."""
        self.bob.on_invitation = lambda call: call.accept()
        self.network.lost = Losing(True, True, first_line="ACK")
        self.alice.call(BOB)
        self.wait(0.3)
        self.assertEqual(self.bob.ears[0].heard, [])
        self.wait(3)
        self.assertEqual(self.bob.ears[0].heard, ["answered"])
        self.assertEqual(len(self.sent("ACK")), 3)

    def test_hang_up_before_the_ack(self) -> None:
        """A callee that answers and hangs up at once sends no BYE before the ACK (RFC 3261, section 15)."""

        self.bob.on_invitation = lambda call: None
        _, ear = self.alice.call(BOB)
        self.wait()
        callee = self.bob.incoming[0]
        callee.accept()
        callee.hang_up()
        self.assertEqual(self.sent("BYE"), [])
        self.wait()
        self.assertEqual(len(self.sent("BYE")), 1)
        self.assertEqual(self.bob.ears[0].heard, ["ended 0"])
        self.assertEqual(ear.heard, ["answered", "ended 0"])
        self.assert_nothing_left()

    def test_hang_up_from_inside_answered(self) -> None:
        """A listener may hang up in the very moment of the answer; the end comes later, not from inside."""
        ear = Ear()
        call, _ = self.alice.call(BOB, ear=ear)
        ear.on_answered = call.hang_up
        self.bob.on_invitation = lambda call: call.accept()
        self.wait()
        self.assertEqual(ear.heard, ["answered", "ended 0"])
        self.assert_nothing_left()

    def test_requests_out_of_season(self) -> None:
        """Requests that make no sense do nothing: twice, too late, on the wrong side."""
        call, ear = self.alice.call(BOB)
        self.wait()
        callee = self.bob.incoming[0]
        callee.accept()
        for request in (callee.ring, callee.accept, call.accept, call.ring):
            request()
        callee.reject(486)
        call.reject(486)
        self.wait()
        self.assertEqual(ear.heard, ["ringing 180", "answered"])
        for one in (call, callee):
            one.hang_up()
            one.hang_up()
        self.wait()
        call.hang_up()
        callee.accept()
        callee.reject(486)
        self.wait()
        self.assertEqual((len(self.sent("INVITE")), len(self.sent("BYE"))), (1, 2))
        self.assert_nothing_left()

    def test_busy_with_four_calls(self) -> None:
        """The fifth call at once is answered with 486 (the setting's default)."""
        self.bob.on_invitation = lambda call: call.accept()
        ears = []
        for _ in range(5):
            ears.append(self.alice.call(BOB)[1])
            self.wait()
        self.assertEqual([ear.heard[-1] for ear in ears], ["answered"] * 4 + ["ended 486"])

    def test_two_calls_do_not_mix(self) -> None:
        """Each BYE ends its own call."""
        self.bob.on_invitation = lambda call: call.accept()
        first, first_ear = self.alice.call(BOB)
        _, second_ear = self.alice.call(BOB)
        self.wait()
        first.hang_up()
        self.wait()
        self.assertEqual((first_ear.heard[-1], second_ear.heard[-1]), ("ended 0", "answered"))
        self.assertEqual([ear.heard[-1] for ear in self.bob.ears], ["ended 0", "answered"])

    def test_shutdown(self) -> None:
        """Everything is ended: what rings here gets 480, what rings there CANCEL, what talks BYE."""
        self.alice.on_invitation = lambda call: call.ring()
        self.bob.on_invitation = lambda call: call.accept()
        _, talking = self.alice.call(BOB)
        self.wait()
        self.bob.on_invitation = lambda call: call.ring()
        _, ringing_there = self.alice.call(BOB)
        _, ringing_here = self.bob.call(ALICE)
        self.wait()
        done = self.alice.agent.shutdown(5.0)
        self.assertNoResult(done)
        self.wait()
        self.successResultOf(done)
        self.assertEqual((talking.heard[-1], ringing_there.heard[-1]), ("ended 0", "ended 487"))
        self.assertEqual(ringing_here.heard[-1], "ended 480")
        self.assert_nothing_left()

    def test_shutdown_does_not_wait_for_ever(self) -> None:
        """A far end that is gone costs no more than the time given."""
        self.bob.on_invitation = lambda call: call.accept()
        self.alice.call(BOB)
        self.wait()
        self.network.lost = lambda datagram: True
        done = self.alice.agent.shutdown(2.0)
        self.wait(1.9)
        self.assertNoResult(done)
        self.wait(0.2)
        self.successResultOf(done)

    def test_no_common_codec(self) -> None:
        """A callee that speaks nothing of what is offered says 488, and is then offered all that we can."""
        self.alice.media = LocalMedia(20000, (Codec.PCMU,))
        self.bob.media = LocalMedia(20000, (Codec.PCMA,))
        call, ear = self.alice.call(BOB)
        self.wait()
        self.assertEqual(ear.heard, ["ringing 180", "ringing 180"])
        self.assertEqual(self.bob.ears[0].heard, ["ended 488"])
        self.bob.incoming[1].accept()
        self.wait()
        self.assertEqual(ear.agreements[0].codec, Codec.PCMA)
        call.hang_up()
        self.wait()
        self.assert_nothing_left()

    def test_direction_default(self) -> None:
        """A plain call sends and receives."""
        self.bob.on_invitation = lambda call: call.accept()
        _, ear = self.alice.call(BOB)
        self.wait()
        self.assertEqual(ear.agreements[0].direction, MediaDirection.SENDRECV)
        body = self.sent("INVITE")[0].text.partition("\r\n\r\n")[2]
        self.assertEqual(len(parse(body).media), 1)
