"""Licences: what they let through and what they stop, and how long a yes is good."""

from __future__ import annotations

from datetime import timedelta

from neon.errors import InvalidArgument, NotAuthorised, OperatorFailed
from neon.events import LicenceChanged
from neon.operators.licence import FIRST_RETRY, REFUSED_AGAIN
from neon.operatorvalues import LicenceRecord, Standing
from neon.values import AccountSettings
from tests.fakes import EPOCH, FakeCall
from tests.operators.deskcase import DOWN, DeskCase
from tests.operators.operatorcase import Reply, xml


class LicenceTests(DeskCase):
    YES = xml("")
    NO = xml("", success="false", code="102")

    def start(self, *replies: Reply, more: str = "", record: LicenceRecord | None = None, key: str = "") -> None:
        self.operator.replies = list(replies)
        self.open(f"[licence]\n{more}", licence=(record, key))
        self.world.phone.register(AccountSettings("sip.example.com", "31", "x"))
        self.world.turn()
        self.registered()

    def standing(self) -> Standing:
        keeper = self.desk._houses["acme"].licence
        assert keeper is not None
        return keeper.licence().standing

    def test_good(self) -> None:
        """Checked at the start; a yes lets calls through, and is asked for again when it is due."""
        self.start(self.YES)
        self.assertEqual(self.standing(), Standing.ACTIVE)
        self.assertTrue(self.command("startcall", number="32")["callId"])
        asked = len(self.operator.asked)
        for _ in range(5):
            self.clock.advance(5 * 3600)
        self.assertEqual(len(self.operator.asked), asked + 1)
        self.assertEqual([record.active for record in self.memory.licences], [True, True])

    def test_refused(self) -> None:
        """A no: calls are refused with 602 and a sentence, incoming ones cannot be answered, help can be called."""
        self.start(self.NO, more="emergency = 190\n")
        error = self.refused(NotAuthorised, "startcall", number="32")
        self.assertEqual(error.code, 602)
        self.assertIn("the licence is not active", str(error))
        self.assertTrue(self.command("startcall", number="190")["callId"])
        call = self.world.signalling.call_in()
        assert isinstance(call, FakeCall)
        call_id = max(one.call_id for one in self.world.phone.calls())
        self.refused(NotAuthorised, "acceptcall", callid=call_id)
        self.command("finalizecall", callid=call_id)
        # The customer pays, and is believed a few minutes later.
        self.operator.replies = [self.YES]
        self.clock.advance(REFUSED_AGAIN)
        self.assertEqual(self.standing(), Standing.ACTIVE)
        self.assertTrue(self.command("startcall", number="32")["callId"])
        (event,) = [event for event in self.happened(LicenceChanged) if event.licence.standing is Standing.ACTIVE]
        self.assertEqual(event.operator, "acme")

    def test_refused_before_there_was_an_account(self) -> None:
        """A no about nobody is asked about again as soon as an account is there, and a no about that one is not."""
        self.operator.replies = [self.NO]
        self.open("[licence]\n")
        self.world.turn()
        self.assertEqual(self.standing(), Standing.REFUSED)
        self.operator.replies = [self.YES]
        self.world.phone.register(AccountSettings("sip.example.com", "31", "x"))
        self.world.turn()
        connection_id = self.registered()
        self.assertEqual(self.standing(), Standing.ACTIVE)
        self.assertTrue(self.command("startcall", number="32")["callId"])
        self.operator.replies = [self.NO]
        self.assertFalse(self.command("activatelicense")["active"])
        asked = len(self.operator.asked)
        self.world.signalling.answer_registration(connection_id)
        self.world.turn()
        self.assertEqual(len(self.operator.asked), asked)

    def test_never_checked(self) -> None:
        """Nobody could be asked ever: no calls, and more tries."""
        self.start(DOWN)
        self.assertIn("not checked yet", str(self.refused(NotAuthorised, "startcall", number="32")))
        self.operator.replies = [self.YES]
        self.clock.advance(FIRST_RETRY)
        self.assertTrue(self.command("startcall", number="32")["callId"])

    def test_grace(self) -> None:
        """A yes that cannot be renewed is good for the grace time, with a warning, and then no more."""
        record = LicenceRecord("acme", True, EPOCH - timedelta(hours=25))
        self.start(DOWN, record=record)
        self.assertEqual(self.standing(), Standing.GRACE)
        self.command("startcall", number="32")
        self.assertIn("could not be checked again", self.client.warnings[0])
        self.clock.pump([3600.0] * 80)
        self.assertEqual(self.standing(), Standing.EXPIRED)
        self.assertIn("for too long", str(self.refused(NotAuthorised, "startcall", number="32")))
        told = [event.licence.standing for event in self.happened(LicenceChanged)]
        self.assertEqual(told, [Standing.EXPIRED])

    def test_kept(self) -> None:
        """A yes of an earlier life counts, and is not asked for before it is due."""
        self.start(DOWN, record=LicenceRecord("acme", True, EPOCH - timedelta(hours=1)))
        self.assertEqual((self.standing(), self.operator.asked), (Standing.ACTIVE, []))

    def test_clock_set_back(self) -> None:
        """A yes from the future is none."""
        self.start(DOWN, record=LicenceRecord("acme", True, EPOCH + timedelta(hours=1)))
        self.assertEqual(self.standing(), Standing.UNCHECKED)

    def test_key(self) -> None:
        """activatelicense checks now; a key is kept when the operator takes it, and a mistyped one harms nothing."""
        self.start(self.YES, key="good-key")
        self.assertIn(b"<Key>good-key</Key>", self.operator.asked[0].body)
        self.operator.replies = [self.NO]
        self.refused(InvalidArgument, "activatelicense", key="typo-key")
        self.assertEqual((self.standing(), self.memory.keys), (Standing.ACTIVE, {}))
        self.operator.replies = [xml("<Active>true</Active>")]
        answer = self.command("activatelicense", key="new-key")
        self.assertEqual((answer["active"], answer["standing"]), (True, "active"))
        self.assertEqual(self.memory.keys, {"acme": "new-key"})
        self.operator.replies = [xml("<Active>false</Active>")]
        self.assertFalse(self.command("activatelicense")["active"])
        self.operator.replies = [DOWN]
        self.refused(OperatorFailed, "activatelicense")
