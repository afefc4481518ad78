"""The operators' desk as applications meet it: through the table of commands, over a phone whose world is faked."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from twisted.internet.defer import Deferred, succeed

from neon.commands import Commands
from neon.errors import InvalidArgument, NotAuthorised, OperatorFailed
from neon.events import BalanceKnown, BalanceLow, Event, LicenceChanged
from neon.operators.answers import Answer
from neon.operators.desk import Desk
from neon.operators.licence import FIRST_RETRY, REFUSED_AGAIN
from neon.operatorvalues import LicenceRecord, Service, Standing, StoredAccount
from neon.values import AccountSettings, Cause
from tests.fakes import EPOCH, FakeCall, FakeWorld
from tests.operators.operatorcase import ACCOUNT, GENERAL, Operator, OperatorCase, Reply, xml

DOWN = Reply(b"", 503)


class FakeMemory:
    """Implements the desk's memory: keeps what it is given."""

    def __init__(self) -> None:
        self.accounts: dict[tuple[str, str], StoredAccount] = {}
        self.licences: list[LicenceRecord] = []
        self.keys: dict[str, str] = {}

    def save_account(self, stored: StoredAccount) -> Deferred[None]:
        self.accounts[stored.operator, stored.login] = stored
        return succeed(None)

    def remove_account(self, operator: str, login: str) -> Deferred[bool]:
        return succeed(self.accounts.pop((operator, login), None) is not None)

    def save_licence(self, record: LicenceRecord) -> Deferred[None]:
        self.licences.append(record)
        return succeed(None)

    def save_key(self, operator: str, key: str) -> Deferred[None]:
        self.keys[operator] = key
        return succeed(None)


class Client:
    """Implements L{neon.commands.Client} as far as these commands go."""

    key = "client"
    origin = None

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, sentence: str) -> None:
        self.warnings.append(sentence)

    def authenticated(self, session: Any) -> None:
        """Nobody cares."""

    def autodisconnect(self, session: Any, connection_id: int, wanted: bool) -> None:
        """Nobody cares."""


class Session:
    """A session that may do everything."""

    application = "crm"
    prose = False

    def __init__(self) -> None:
        self.accounts: set[int] = set()
        self.heard: set[str] = set()


class Sessions:
    """There is one session."""

    def __init__(self) -> None:
        self.session = Session()

    def find(self, token: object) -> Any:
        return self.session


class DeskCase(OperatorCase):
    """C{self.operator} is the web service; L{open} makes the desk for an operator's file."""

    def setUp(self) -> None:
        super().setUp()
        self.world = FakeWorld()
        self.clock = self.world.clock
        self.operator = Operator(xml(ACCOUNT))
        self.memory = FakeMemory()
        self.client: Any = Client()

    def open(
        self,
        sections: str,
        stored: list[StoredAccount] | None = None,
        licence: tuple[LicenceRecord | None, str] = (None, ""),
        general: str = GENERAL,
    ) -> Desk:
        services = self.services(general + sections, self.operator)
        desk = self.desk = Desk(
            [services], self.world.phone, self.world.bus.publish, self.memory, self.clock, "en"
        )
        keeper = desk._houses["acme"].licence
        if keeper is not None:
            keeper._wall = self.wall
            keeper._uniform = lambda low, high: 1.0
        desk._houses["acme"].balances._uniform = lambda low, high: 1.0
        self.world.bus.subscribe(desk.happened)
        desk.start(stored or [], {"acme": licence})
        sessions: Any = Sessions()
        nobody: Any = None
        self.commands = Commands(self.world.phone, sessions, nobody, operators=desk)
        return desk

    def wall(self) -> datetime:
        return EPOCH + timedelta(seconds=self.clock.seconds())

    def command(self, action: str, **parameters: object) -> Any:
        pairs = [("action", action), ("token", "t"), *parameters.items()]
        return self.successResultOf(self.commands.execute(pairs, self.client))

    def refused(self, kind: type[Exception], action: str, **parameters: object) -> Any:
        pairs = [("action", action), ("token", "t"), *parameters.items()]
        return self.failureResultOf(self.commands.execute(pairs, self.client), kind).value

    def happened(self, kind: type[Event]) -> list[Any]:
        return [event for event in self.world.take_events() if isinstance(event, kind)]

    def registered(self) -> int:
        """The account that the operator gave is registered now."""
        (connection_id,) = self.world.signalling.registrations
        self.world.signalling.answer_registration(connection_id)
        self.world.turn()
        self.world.turn()
        return connection_id

    def settings_of(self, connection_id: int = 1) -> AccountSettings:
        return self.world.signalling.registrations[connection_id].settings


class AccountTests(DeskCase):
    def test_signup(self) -> None:
        """Sign-up gives an account that registers by itself; the answer has no password, and HTML that is harmless."""
        html = "<p onclick='x()'>Hi <script>evil()</script><img src='x'><a href='javascript:x'>y</a></p>"
        html = f"<Html><![CDATA[{html}]]></Html>"
        self.operator.replies = [xml(ACCOUNT + "<DisplayName>Ana</DisplayName>" + html)]
        self.open("[signup]\n")
        answer = self.command("signup", login="ana", password="hidden-1", name="Ana", email="a@b.c", phone="1")
        self.assertEqual(
            answer,
            {
                "connectionId": 1, "uri": "sip:31@sip.example.com", "number": "31", "domain": "sip.example.com",
                "displayName": "Ana", "stored": False,
                "html": '<p>Hi <a rel="noopener noreferrer nofollow">y</a></p>',
            },
        )
        self.assertNotIn("sip-secret", json.dumps(answer))
        self.assertEqual(self.settings_of().password, "sip-secret")
        kept = self.memory.accounts["acme", "ana"]
        self.assertEqual((kept.login_password, kept.account.number), ("hidden-1", "31"))
        self.assertNotIn("hidden-1", repr(kept) + repr(self.operator.asked))

    def test_refusals(self) -> None:
        """The operator's error codes, as clear words in the language that was asked for, with the code beside them."""
        self.open("[signup]\n")
        for code, language, words in (
            (103, "pt", "já existe"), (104, "es", "contraseña"), (100, "en", "does not accept"),
        ):
            self.operator.replies = [xml("", success="false", code=str(code))]
            error = self.refused(InvalidArgument, "signup", login="a", password="b", language=language)
            self.assertIn(words, str(error))
            self.assertEqual(error.system_code, code)
        for reply in (xml("", success="false", code="500"), DOWN, Reply(b"<nonsense/>"), xml("<Number>3</Number>")):
            self.operator.replies = [reply]
            self.refused(OperatorFailed, "signup", login="a", password="b")
        self.assertEqual(self.world.signalling.registrations, {})

    def test_only_listed_settings(self) -> None:
        """What an answer sets is what is listed, each checked like a user's; what makes no sense is left out."""
        self.operator.replies = [
            xml(
                "<Number>31</Number><Password>x</Password><Domain>SIP.Example.com:5070</Domain>"
                "<Proxy>p.example.com</Proxy><Expires>5</Expires><AuthUser>ana\r\nVia: x</AuthUser>"
                "<Codecs>G729</Codecs><AutoAnswer>yes</AutoAnswer>"
            )
        ]
        self.open("[provisioning]\n")
        self.command("provision", login="ana", password="b")
        self.assertEqual(
            self.settings_of(), AccountSettings("sip.example.com", "31", "x", 5070, proxy="p.example.com", expires=600)
        )
        for bad in (
            "<Number>3 1</Number><Password>x</Password><Domain>a.b</Domain>",
            "<Number>31</Number><Password>x</Password><Domain>a b</Domain>",
            "<Number>31</Number><Password>x\x7f</Password><Domain>a.b</Domain>",
        ):
            self.operator.replies = [xml(bad)]
            self.refused(OperatorFailed, "provision", login="ana", password="other")

    def test_defaults(self) -> None:
        """What the operator's file says need not be in its answers."""
        self.operator.replies = [xml("<Number>31</Number><Password>x</Password>")]
        self.open("[provisioning]\n[account]\ndomain = sip.acme.com\nproxy = p.acme.com\nexpires = 120\n")
        self.command("provision", login="ana", password="b")
        self.assertEqual(
            self.settings_of(), AccountSettings("sip.acme.com", "31", "x", proxy="p.acme.com", expires=120)
        )

    def test_which(self) -> None:
        """Without operators, of no such name, and for a service that the operator has not: 102, in words."""
        self.open("[provisioning]\n")
        self.refused(InvalidArgument, "signup", login="a", password="b")
        self.refused(InvalidArgument, "provision", login="a", password="b", operator="other")
        self.command("provision", login="a", password="b", operator="ACME")
        nobody: Any = None
        sessions: Any = Sessions()
        self.commands = Commands(self.world.phone, sessions, nobody)
        self.refused(InvalidArgument, "getbalance")


class KeptTests(DeskCase):
    STORED = StoredAccount("acme", "ana", "hidden-1", AccountSettings("sip.example.com", "31", "old"))

    def test_once(self) -> None:
        """What was kept is registered at the start, and nobody is asked."""
        self.open("[provisioning]\n", [self.STORED])
        self.assertEqual(self.settings_of(), self.STORED.account)
        self.assertEqual(self.operator.asked, [])

    def test_always(self) -> None:
        """The operator is asked before the account registers, and what it says now counts."""
        self.open("[provisioning]\nmode = always\n", [self.STORED])
        self.assertEqual(len(self.operator.asked), 1)
        self.assertEqual(self.settings_of().password, "sip-secret")

    def test_always_down(self) -> None:
        """Where the service does not work the account is registered as it was kept."""
        self.operator.replies = [DOWN]
        self.open("[provisioning]\nmode = always\n", [self.STORED])
        self.assertEqual(self.world.signalling.registrations, {})
        self.clock.advance(1.1)
        self.assertEqual(self.settings_of().password, "old")
        self.assertEqual(len(self.operator.asked), 2)

    def test_always_refused(self) -> None:
        """Where the operator does not know the customer any more, the account is not registered."""
        self.operator.replies = [xml("", success="false", code="102")]
        self.open("[provisioning]\nmode = always\n", [self.STORED])
        self.assertEqual(self.world.signalling.registrations, {})

    def test_stored_answer(self) -> None:
        """provision while the service is down: the kept account and a note, for who knows the password only."""
        self.open("[provisioning]\nmode = always\n")
        self.command("provision", login="ana", password="hidden-1")
        self.operator.replies = [Reply(b"<nonsense/>")]
        answer = self.command("provision", login="ana", password="hidden-1", language="pt")
        self.assertTrue(answer["stored"])
        self.assertIn("serviço da operadora", answer["note"])
        self.refused(OperatorFailed, "provision", login="ana", password="hidden-2")
        self.operator.replies = [xml("", success="false", code="104")]
        self.refused(InvalidArgument, "provision", login="ana", password="hidden-1")

    def test_changed_password(self) -> None:
        """A registrar that refuses the account makes us ask again, but not all the time."""
        self.open("[provisioning]\nmode = always\n", [self.STORED])
        self.operator.replies = [xml(ACCOUNT.replace("sip-secret", "newer"))]
        listener = self.world.signalling.registrations[1].listener
        self.clock.advance(301)
        for _ in range(3):
            listener.refused(Cause(403, "Forbidden"))
            self.world.turn()
            self.world.turn()
        self.assertEqual(self.settings_of().password, "newer")
        self.assertEqual(len(self.operator.asked), 2)

    def test_forget(self) -> None:
        """What was kept can be forgotten."""
        desk = self.open("[provisioning]\n")
        self.command("provision", login="ana", password="hidden-1")
        self.assertEqual(desk.listing()[0]["logins"], ["ana"])
        self.assertTrue(self.successResultOf(desk.forget(None, "ana")))
        self.assertFalse(self.successResultOf(desk.forget("acme", "ana")))
        self.assertEqual((desk.listing()[0]["logins"], self.memory.accounts), ([], {}))


class BalanceTests(DeskCase):
    def start(self, more: str = "", amount: str = "20.15") -> int:
        self.operator.replies = [xml(f"<Balance>{amount}</Balance>")]
        self.open(f"[balance]\n{more}")
        self.world.phone.register(AccountSettings("sip.example.com", "31", "x"))
        connection_id = self.registered()
        self.assertEqual(len(self.operator.asked), 1)
        return connection_id

    def say(self, amount: str) -> None:
        self.operator.replies = [xml(f"<Balance>{amount}</Balance>")]

    def test_on_register(self) -> None:
        """An account that registers is asked about, by its number; the answer is an event, exact."""
        self.start("currency = BRL\nrate = 0.12\n")
        (event,) = self.happened(BalanceKnown)
        balance = event.balance
        self.assertEqual((f"{balance.amount:f}", balance.currency, balance.minutes_left), ("20.15", "BRL", 167))
        self.assertIn(b"<Number>31</Number>", self.operator.asked[0].body)

    def test_command(self) -> None:
        """On demand; just after an answer nobody is asked again."""
        self.start()
        self.assertEqual(self.command("getbalance")["balance"], "20.15")
        self.assertEqual(len(self.operator.asked), 1)
        self.clock.advance(3)
        self.say("R$ 1.234,56")
        answer = self.command("getbalance", connectionid=1)
        self.assertEqual((answer["balance"], answer["currency"]), ("1234.56", "BRL"))
        self.refused(InvalidArgument, "getbalance", connectionid=9)
        self.clock.advance(3)
        self.say("1,234")
        self.assertIn("no balance", str(self.refused(OperatorFailed, "getbalance")))

    def test_calls(self) -> None:
        """When a call begins, and a little after it ended."""
        self.start()
        self.command("startcall", number="32")
        self.world.turn()
        self.world.turn()
        self.assertEqual(len(self.operator.asked), 2)
        self.world.signalling.calls[0].listener.ended(Cause(486, "Busy"))
        self.world.turn()
        self.assertEqual(len(self.operator.asked), 2)
        self.clock.advance(2)
        self.assertEqual(len(self.operator.asked), 3)

    def test_every_few_minutes(self) -> None:
        """Every N minutes while it is registered, and no more when it is not."""
        connection_id = self.start("every-minutes = 5\n")
        for _ in range(3):
            self.clock.advance(300)
        self.assertEqual(len(self.operator.asked), 4)
        self.world.phone.unregister(connection_id)
        self.world.signalling.end_registration(connection_id)
        self.world.turn()
        self.clock.advance(3600)
        self.assertEqual(len(self.operator.asked), 4)

    def test_coalesced(self) -> None:
        """Whoever asks while an answer is awaited gets that answer; what happens meanwhile makes one more question."""
        self.start()
        self.clock.advance(10)
        waiting: list[Deferred[Any]] = []

        def ask(service: Service, values: Any, language: str = "en") -> Deferred[Any]:
            waiting.append(Deferred())
            return waiting[-1]

        house = self.desk._houses["acme"]
        house.services.ask = ask  # type: ignore[method-assign]
        asked = [self.commands.execute([("action", "getbalance"), ("token", "t")], self.client) for _ in range(5)]
        self.assertEqual(len(waiting), 1)
        waiting[0].callback(Answer({"balance": "7"}))
        self.assertEqual([self.successResultOf(one)["balance"] for one in asked], ["7"] * 5)
        self.assertEqual(len(waiting), 1)
        self.command("startcall", number="32")
        self.world.turn()
        self.assertEqual(len(waiting), 2)
        self.world.signalling.calls[0].listener.ringing(180, None)
        self.world.signalling.calls[0].listener.ended(Cause(486, "Busy"))
        self.clock.advance(0)
        self.clock.advance(2)
        self.assertEqual(len(waiting), 2)
        waiting[1].callback(Answer({"balance": "6"}))
        self.assertEqual(len(waiting), 3)
        waiting[2].callback(Answer({"balance": "5"}))
        self.assertEqual(len(waiting), 3)

    def test_low(self) -> None:
        """Below the threshold: an event once, and with every call a warning and an event before it is made."""
        self.start("low = 5\nrate = 0.5\ncurrency = BRL\n")
        self.assertEqual(self.happened(BalanceLow), [])
        self.clock.advance(10)
        self.say("4.99")
        self.assertTrue(self.command("getbalance")["low"])
        self.assertEqual(len(self.happened(BalanceLow)), 1)
        self.clock.advance(10)
        self.command("getbalance")
        self.assertEqual(self.happened(BalanceLow), [])
        self.command("startcall", number="32")
        self.assertEqual(self.client.warnings, ["the balance is low: 4.99 BRL, about 9 minutes"])
        self.assertEqual(len(self.happened(BalanceLow)), 1)

    def test_other_operators_accounts(self) -> None:
        """An account of somebody else's domain is nobody's business here."""
        self.open("[balance]\n", general=GENERAL + "domains = sip.other.com\n")
        self.world.phone.register(AccountSettings("sip.example.com", "31", "x"))
        self.registered()
        self.assertEqual(self.operator.asked, [])
        self.refused(InvalidArgument, "getbalance", connectionid=1)

    def test_stop(self) -> None:
        """Nothing is left to do when the desk is closed."""
        self.start()
        self.desk.stop()
        self.world.turn()
        self.assertEqual(self.clock.getDelayedCalls(), [])


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




