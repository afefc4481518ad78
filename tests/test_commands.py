"""Every command, well-formed and malformed, without a skin: what it does and which code it is refused with."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from neon import arguments, commands
from neon.api.sessions import Session, Sessions
from neon.arguments import Parameter
from neon.commands import Command, Commands, Data, Subscribed, access
from neon.errors import NeonError
from neon.phone import PhoneSettings
from neon.soundports import AudioReader
from neon.values import AccountOptions, AccountSettings, CallState, Cause, Codec, DigitsBy, ReliablePolicy
from tests.fakes import ACCOUNT, AGREEMENT, FakeCall, FakeWorld


class OneApplication:
    """An application called crm whose password is secret."""

    def verify(self, user: str, password: str) -> Deferred[bool]:
        return succeed((user, password) == ("crm", "secret"))


class OneClient:
    """Records what commands tell their client."""

    key = "one"
    origin: str | None = None
    audio: AudioReader | None = None

    def __init__(self) -> None:
        self.session: Session | None = None
        self.guarded: dict[int, bool] = {}
        self.warnings: list[str] = []
        self.wishes: list[tuple[int | None, str | None, tuple[str, ...] | None]] = []

    def authenticated(self, session: Session) -> None:
        self.session = session

    def autodisconnect(self, session: Session, connection_id: int, wanted: bool) -> None:
        self.guarded[connection_id] = wanted

    def warn(self, sentence: str) -> None:
        self.warnings.append(sentence)

    def subscribe(
        self, session: Session, since: int | None, boot: str | None, events: tuple[str, ...] | None
    ) -> Subscribed:
        self.wishes.append((since, boot, events))
        return Subscribed(events or (), 0, gap=False)

    def manual(self) -> Mapping[str, Any]:
        return {"version": "0"}


class CommandCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.world = FakeWorld()
        self.sessions = Sessions(self.world.clock, 3600)
        self.addCleanup(self.sessions.stop)
        self.client = OneClient()
        self.commands = Commands(self.world.phone, self.sessions, OneApplication())
        self.token, self.session = self.sessions.open("crm")

    def execute(self, *pairs: tuple[str, object], **named: object) -> Deferred[Data]:
        return self.commands.execute((*pairs, *named.items()), self.client)

    def done(self, *pairs: tuple[str, object], **named: object) -> Data:
        return self.successResultOf(self.execute(*pairs, token=self.token, **named))

    def code(self, *pairs: tuple[str, object], **named: object) -> int:
        """The code that a command, with a good token unless there is one in it, is refused with."""
        failure = self.failureResultOf(self.execute(*pairs, **({"token": self.token} | named)), NeonError)
        self.refusal: NeonError = failure.value
        code: int = self.refusal.code
        return code

    def incoming(self) -> FakeCall:
        call = self.world.signalling.call_in()
        assert isinstance(call, FakeCall)
        return call


class TableTests(SynchronousTestCase):
    def test_functions_take_their_parameters(self) -> None:
        """Each row's parameters are the keyword arguments of its function."""
        for row in commands.TABLE:
            accepted = list(inspect.signature(row.function).parameters)[1:]
            self.assertEqual(sorted(parameter.keyword for parameter in row.parameters), sorted(accepted), row.name)

    def test_lower_case(self) -> None:
        """Names in the table are lower case, as they are looked up."""
        for row in commands.TABLE:
            names = [row.name, *row.aliases, *(name for p in row.parameters for name in (p.name, *p.aliases))]
            self.assertEqual(names, [name.lower() for name in names])

    def test_one_name_one_command(self) -> None:
        """Two rows of one name are a bug that shows at the start."""
        row = Command("logout", access.logout)
        twice = (row, Command("leave", access.logout, aliases=("logout",)))
        world = FakeWorld()
        sessions = Sessions(world.clock, 3600)
        self.assertRaises(ValueError, Commands, world.phone, sessions, OneApplication(), twice)

    def test_misprints_and_aliases(self) -> None:
        """A row brings its other names, and its parameters theirs: C{tdmf} and C{dtfm} are C{dtmf}."""
        heard: list[str] = []

        def send(context: commands.Context, dtmf: str) -> Data:
            heard.append(dtmf)
            return {}

        dtmf = Parameter("dtmf", arguments.text, aliases=("tdmf", "dtfm"))
        row = Command("senddtmf", send, (dtmf,), needs=commands.Needs.NOTHING, aliases=("dtmf",))
        world = FakeWorld()
        executor = Commands(world.phone, Sessions(world.clock, 3600), OneApplication(), (row,))
        for action, name in (("SendDTMF", "DTMF"), ("dtmf", "tdmf"), ("senddtmf", "dtFm")):
            self.successResultOf(executor.execute([("action", action), (name, "5")], OneClient()))
        self.assertEqual(heard, ["5", "5", "5"])
        both = executor.execute([("action", "dtmf"), ("tdmf", "5"), ("dtmf", "6")], OneClient())
        self.assertEqual(self.failureResultOf(both, NeonError).value.code, 102)


class OrderTests(CommandCase):
    def test_no_action(self) -> None:
        """No action is a format error, whatever else is there."""
        actions: tuple[object, ...] = (None, "", "  ", 5, True, [])
        for action in actions:
            self.assertEqual(self.code(action=action), 100, action)
        self.assertEqual(self.code(), 100)

    def test_token_before_arguments(self) -> None:
        """Without a live token nothing else is looked at: neither the arguments nor whether the action exists."""
        tokens: tuple[object, ...] = (None, "", "24b806ff", 24, True, [], {}, "f" * 32, self.token.upper() + "0")
        for token in tokens:
            self.assertEqual(self.code(action="startcall", token=token), 602, token)
            self.assertEqual(self.code(action="nonsense", token=token), 602, token)

    def test_two_tokens(self) -> None:
        """Two different tokens are none."""
        self.assertEqual(self.code(("Token", "f" * 32), action="listcalls"), 602)
        self.assertEqual(self.done(("Token", self.token), action="listcalls")["calls"], [])

    def test_unknown_action(self) -> None:
        """An unknown action is an invalid argument."""
        for action in ("nonsense", "__init__", "start call", "startcall\n\0", "x" * 10000):
            self.assertEqual(self.code(action=action), 102, action)
            self.assertLess(len(str(self.refusal)), 200)

    def test_arguments_before_registration(self) -> None:
        """A malformed argument is 102 even while nothing is registered."""
        self.assertEqual(self.code(action="startcall"), 102)
        self.assertEqual(self.code(action="startcall", number="32"), 601)
        self.assertEqual(self.code(action="finalizecall", callid="x"), 102)
        self.assertEqual(self.code(action="finalizecall", callid=1), 601)
        self.assertEqual(self.code(action="acceptcall", callid=1), 601)

    def test_any_case(self) -> None:
        """Actions and parameter names are read in any case."""
        self.world.registered()
        for action, number in (("startcall", "number"), ("StartCall", "Number"), (" STARTCALL ", "NUMBER")):
            self.assertIn("callId", self.successResultOf(
                self.execute(("Action", action), ("TOKEN", self.token), (number, "32"))
            ))

    def test_twice(self) -> None:
        """The same parameter twice: fine with one value, however it is written, and 102 with two."""
        self.world.registered()
        call_id = self.done(action="startcall", number="32")["callId"]
        self.done(("callid", call_id), ("callId", str(call_id)), ("CallId", float(call_id)), action="finalizecall")
        self.assertEqual(self.code(("callid", call_id), ("callId", 7), action="finalizecall"), 102)
        self.assertEqual(self.code(("action", "startcall"), ("Action", "finalizecall")), 102)

    def test_unknown_parameters(self) -> None:
        """What a command does not know it ignores, and null is the same as nothing."""
        self.assertEqual(self.done(action="listcalls", fruit="apple", nested={"a": []})["calls"], [])
        self.assertEqual(self.code(action="startcall", number=None), 102)


class AuthenticateTests(CommandCase):
    def test_token(self) -> None:
        """A right password gives a token of 128 bits in lower-case hex, which works."""
        answer = self.successResultOf(self.execute(action="authenticate", user="crm", password="secret"))
        self.assertRegex(answer["token"], r"\A[0-9a-f]{32}\Z")
        self.assertIs(self.client.session, self.sessions.find(answer["token"]))
        self.successResultOf(self.execute(action="listcalls", token=answer["token"]))

    def test_wrong(self) -> None:
        """A wrong user and a wrong password are the same error, in the same words."""
        self.assertEqual(self.code(action="authenticate", user="crm", password="wrong"), 600)
        wrong_password = str(self.refusal)
        self.assertEqual(self.code(action="authenticate", user="nobody", password="secret"), 600)
        self.assertEqual(str(self.refusal), wrong_password)
        self.assertIsNone(self.client.session)

    def test_malformed(self) -> None:
        """Missing or senseless credentials are 102."""
        for user, password in (("crm", None), (None, "x"), ("", "x"), ("crm", ""), ("crm", True), ("crm", ["x"])):
            self.assertEqual(self.code(action="authenticate", user=user, password=password), 102, (user, password))
        self.assertEqual(self.code(action="authenticate", user="a\r\nb", password="x"), 102)
        self.assertEqual(self.code(action="authenticate", user="crm", password="secret", spelling="poetry"), 102)

    def test_spelling(self) -> None:
        """The session remembers which spelling of event names was asked for."""
        for spelling, prose in (("prose", True), ("table", False), (None, False)):
            self.successResultOf(self.execute(action="authenticate", user="crm", password="secret", spelling=spelling))
            assert self.client.session is not None
            self.assertEqual(self.client.session.prose, prose)

    def test_logout(self) -> None:
        """Logout kills the token and gives up the accounts that the session registered, no others."""
        mine = self.done(action="sipregister", domain="a", number="1", password="x")["connectionId"]
        self.world.registered()
        self.assertEqual(self.done(action="logout"), {})
        self.assertEqual(self.world.signalling.unregistrations, [mine])
        self.assertEqual(self.code(action="listcalls"), 602)


class RegisterTests(CommandCase):
    def test_register(self) -> None:
        """The account is registered as described, and its connectionId comes back."""
        answer = self.done(
            ("displayName", "Zé"),
            ("authUser", "u"),
            action="SIPRegister",
            domain="SIP.acme.com:5070",
            number=31,
            password="p w",
            proxy="proxy.acme.com",
            expires="300",
        )
        self.assertEqual(answer, {"connectionId": 1})
        self.assertEqual(
            self.world.signalling.registrations[1].settings,
            AccountSettings(
                "sip.acme.com", "31", "p w", 5070, "udp", "u", display_name="Zé", proxy="proxy.acme.com", expires=300
            ),
        )

    def test_options(self) -> None:
        """What holds for the account only; what is not given stays as it was, and listaccounts shows it."""
        account = {"action": "sipregister", "domain": "a", "number": "1", "password": "x"}
        self.done(
            **account, codecs=["pcmu"], dtmf="INFO", mwi="yes", blf="201, 202", rejectStatus=603, maxCalls="2"
        )
        options = AccountOptions((Codec.PCMU,), DigitsBy.INFO, 603, 2, mwi=True, blf=("201", "202"))
        self.assertEqual(self.world.signalling.registrations[1].settings.options, options)
        self.done(**account, reliableResponses="no", sessionExpires=0, minSE="120")
        policy = dataclasses.replace(options, reliable_responses=ReliablePolicy.NO, session_expires=0, min_se=120)
        self.assertEqual(self.world.signalling.registrations[1].settings.options, policy)
        [listed] = self.done(action="listaccounts")["accounts"]
        shown = {name: listed["options"][name] for name in ("reliableResponses", "sessionExpires", "minSE")}
        self.assertEqual(shown, {"reliableResponses": "no", "sessionExpires": 0, "minSE": 120})
        self.done(**account, mwi=False)
        options = policy
        without = dataclasses.replace(options, mwi=False)
        self.assertEqual(self.world.signalling.registrations[1].settings.options, without)
        [listed] = self.done(action="listaccounts")["accounts"]
        self.assertEqual(listed["options"], {
            "codecs": ["PCMU"], "dtmf": "info", "rejectStatus": 603, "maxCalls": 2, "blf": ["201", "202"], **shown})

    def test_chosen(self) -> None:
        """startcall takes an account by name, number or address; one that is not there, or that several are, is 102."""
        for domain in ("a", "b"):
            for number in ("1", "2") if domain == "a" else ("2",):
                self.done(action="sipregister", domain=domain, number=number, password="x")
        self.world.phone.register(AccountSettings("a", "3", "x", name="boss"))
        for connection_id in (1, 2, 3, 4):
            self.world.signalling.answer_registration(connection_id)
        for word, chosen in (("1", 1), ("2@b", 3), ("sip:2@a", 2), ("boss", 4), ("3", 4)):
            self.done(action="startcall", number="600", account=word)
            self.assertEqual(self.world.phone.calls()[-1].connection_id, chosen, word)
        for word in ("2", "9", "nobody", "2@c"):
            self.assertEqual(self.code(action="startcall", number="600", account=word), 102, word)
        self.assertEqual(self.code(action="startcall", number="600", account="1", connectionId=2), 102)

    def test_domains(self) -> None:
        """Hosts, ports and the transport that may follow."""
        for domain, *expected in (
            ("sip.acme.com", "sip.acme.com", None, "udp"),
            ("127.0.0.1:5062", "127.0.0.1", 5062, "udp"),
            ("[::1]:5062", "::1", 5062, "udp"),
            ("[::1]", "::1", None, "udp"),
            (" sip.acme.com:5060 ; Transport=UDP", "sip.acme.com", 5060, "udp"),
            ("sip.acme.com;transport=tcp", "sip.acme.com", None, "tcp"),
            ("sip.acme.com:5061;transport=TLS", "sip.acme.com", 5061, "tls"),
        ):
            connection_id = self.done(action="sipregister", domain=domain, number="1", password="x")["connectionId"]
            settings = self.world.signalling.registrations[connection_id].settings
            self.assertEqual([settings.domain, settings.port, settings.transport], expected)

    def test_malformed(self) -> None:
        """Every malformed parameter is 102, and nothing is registered."""
        good: dict[str, object] = {"domain": "a", "number": "1", "password": "x"}
        bad: dict[str, tuple[object, ...]] = {
            "domain": (None, "", " ", 5.5, True, "a b", "a:0", "a:65536", "a:b", "a:5060:5060", "300.1.1.1", "a\r\nb",
                       "sip:a", "1@a", "a;x=y", "a;transport=", "[::1", "::1",
                       "a" * 300, "-a", ["a"]),
            "number": (None, "", "1 2", "1@a", "1\r\nX: y", "<1>", "x" * 65, '"', True, {}),
            "password": (None, "", "a\0b", "a\nb", "x" * 256, False, []),
            "autodisconnect": ("maybe", 2, -1, "", [], 0.5),
            "authuser": ("", "a\nb", []),
            "displayname": ("a\r\nb", "\ud800", {}),
            "proxy": ("", "a b", "a:0"),
            "expires": (0, 9, 86401, "soon", True, 60.5),
            "codecs": ("", [], ["speex"], [1], {}),
            "dtmf": ("", "morse", 5),
            "rejectstatus": (200, 999, "no"),
            "maxcalls": (0, 1001, "many", True),
            "mwi": ("maybe",),
            "reliableresponses": ("", "perhaps", 5),
            "sessionexpires": (-1, 86401, "long"),
            "minse": (0, 2, 86401, True),
            "blf": (["2@"], [5], "x" * 65),
        }
        for name, values in bad.items():
            for value in values:
                self.assertEqual(self.code(action="sipregister", **(good | {name: value})), 102, (name, value))
        self.assertEqual(self.world.signalling.registrations, {})

    def test_booleans(self) -> None:
        """Booleans in every spelling of the documents' clients."""
        for value, meaning in (
            *((word, True) for word in (True, "true", "True", 1, "1", 1.0, "yes", "on", "sim", "SI", "sí")),
            *((word, False) for word in (False, "false", 0, "0", "no", "off", "não", "nao", None)),
        ):
            answer = self.done(action="sipregister", domain="a", number="1", password="x", autodisconnect=value)
            self.assertIs(self.client.guarded[answer["connectionId"]], meaning, value)

    def test_unregister_own(self) -> None:
        """Without connectionId the accounts that this application registered go, and only those."""
        self.world.registered()
        own = [
            self.done(action="sipregister", domain="a", number=number, password="x")["connectionId"]
            for number in "12"
        ]
        self.assertEqual(self.done(action="sipunregister"), {})
        self.assertEqual(self.world.signalling.unregistrations, own)
        self.assertEqual(self.session.accounts, set())

    def test_unregister_only(self) -> None:
        """Without own accounts the only one there is goes; of several, none, and that is 102."""
        first = self.world.registered()
        self.world.registered(AccountSettings("sip.acme.com", "32", "x"))
        self.assertEqual(self.code(action="sipunregister"), 102)
        self.assertEqual(self.done(action="sipunregister", connectionid=2), {})
        self.world.signalling.end_registration(2)
        self.assertEqual(self.done(action="sipunregister"), {})
        self.assertEqual(self.world.signalling.unregistrations, [2, first])

    def test_unregister_nothing(self) -> None:
        """Nothing registered is 601; an unknown connectionId is 102."""
        self.assertEqual(self.code(action="sipunregister"), 601)
        self.assertEqual(self.code(action="sipunregister", connectionId=9), 102)
        self.assertEqual(self.code(action="sipunregister", connectionId="x"), 102)


class CallTests(CommandCase):
    def setUp(self) -> None:
        super().setUp()
        self.world.registered()

    def test_start(self) -> None:
        """A call is placed, and answered with its id before anything happened."""
        self.assertEqual(self.done(action="startcall", number="(71) 5555-5555"), {"callId": 43})
        self.assertEqual(self.world.signalling.calls[0].target, "7155555555")

    def test_numbers(self) -> None:
        """Numbers as JSON numbers and as text, URIs as they are."""
        for given, target in ((600, "600"), ("+55 71", "+5571"), ("sip:32@b.com", "sip:32@b.com"), (600.0, "600")):
            self.done(action="startcall", number=given)
            self.assertEqual(self.world.signalling.calls[-1].target, target)

    def test_malformed_numbers(self) -> None:
        """What cannot be dialled is 102, and nothing is sent."""
        numbers: tuple[object, ...] = (
            "", " ", "abc", "32\r\nTo: x", "sip:", "@", True, [], {}, 1.5, "9" * 300, "3\0", 1e300,
        )
        for number in numbers:
            self.assertEqual(self.code(action="startcall", number=number), 102, number)
        self.assertEqual(self.world.signalling.calls, [])

    def test_own_account_first(self) -> None:
        """A call goes out by an account that this application registered, if it has one; connectionId overrules."""
        own = self.done(action="sipregister", domain="a", number="1", password="x")["connectionId"]
        self.world.signalling.answer_registration(own)
        self.done(action="startcall", number="32")
        self.done(action="startcall", number="32", connectionId=1)
        self.assertEqual([call.connection_id for call in self.world.phone.calls()], [own, 1])
        self.assertEqual(self.code(action="startcall", number="32", connectionId=99), 102)

    def test_call_ids(self) -> None:
        """A call id is a positive whole number, in digits or not; an unknown one is 102."""
        ids: tuple[object, ...] = (None, "", "x", 0, -1, 1.5, True, [], "4\n3", 1 << 53, "9" * 30, 9999)
        for call_id in ids:
            for action in ("acceptcall", "finalizecall"):
                self.assertEqual(self.code(action=action, callid=call_id), 102, call_id)

    def test_wrong_types(self) -> None:
        """A value of the wrong JSON type is told what was wanted and what it was."""
        for wrong, kind in ((1.5, "number"), (10**30, "number"), (True, "boolean"), ([], "list")):
            self.code(action="finalizecall", callid=wrong)
            wanted = "callid must be a whole number from 1 to 9007199254740991"
            self.assertEqual(str(self.refusal), f"{wanted}, not this {kind}")

    def test_accept(self) -> None:
        """A ringing call is answered; doing it twice is a success that says so."""
        call = self.incoming()
        self.assertEqual(self.done(action="acceptcall", callid="43"), {})
        self.assertIn("accept", call.requests)
        self.assertEqual(self.done(action="acceptcall", callid=43), {"alreadyAnswered": True})

    def test_accept_outgoing(self) -> None:
        """Our own call cannot be answered by us: 102."""
        call_id = self.done(action="startcall", number="32")["callId"]
        self.assertEqual(self.code(action="acceptcall", callid=call_id), 102)

    def test_finalize(self) -> None:
        """A call ends, and ending it again within 30 s is a success; later it is unknown."""
        call_id = self.done(action="startcall", number="32")["callId"]
        self.assertEqual(self.done(action="finalizecall", callid=call_id), {})
        self.world.signalling.calls[0].listener.ended(Cause())
        self.assertEqual(self.done(action="finalizecall", callid=call_id), {})
        self.world.clock.advance(31)
        self.assertEqual(self.code(action="finalizecall", callid=call_id), 102)

    def test_end_without_registration(self) -> None:
        """A call whose account was lost can still be ended; others are 601."""
        call_id = self.done(action="startcall", number="32")["callId"]
        self.world.signalling.calls[0].listener.answered(AGREEMENT)
        self.world.signalling.registrations[1].listener.lapsed(Cause())
        self.assertEqual(self.code(action="startcall", number="32"), 601)
        self.assertEqual(self.code(action="finalizecall", callid=9999), 601)
        self.assertEqual(self.done(action="finalizecall", callid=call_id), {})
        self.assertIn("hang_up", self.world.signalling.calls[0].requests)

    def test_lists(self) -> None:
        """What there is, without passwords."""
        self.incoming()
        calls = self.done(action="listcalls")["calls"]
        self.assertEqual(
            calls,
            [
                {
                    "callId": 43,
                    "connectionId": 1,
                    "type": "incoming",
                    "state": CallState.EARLY.value,
                    "from": "sip:32@sip.acme.com",
                    "to": "sip:31@sip.acme.com",
                    "hold": False,
                    "muted": False,
                    "recording": False,
                    "audioOpen": False,
                    "duration": 0,
                    "encrypted": False,
                    "volume": 100,
                    "conference": False,
                    "remoteHold": False,
                    "echoCancelling": "off",
                }
            ],
        )
        accounts = self.done(action="listaccounts")
        self.assertEqual(
            accounts["accounts"], [{"connectionId": 1, "uri": ACCOUNT.uri, "state": "registered"}]
        )
        self.assertNotIn(ACCOUNT.password, repr(accounts))

    def test_version(self) -> None:
        """Which NEON this is."""
        self.assertRegex(self.done(action="getversion")["version"], r"\A\d+\.\d+")


class IncomingCommandTests(CommandCase):
    """What becomes of calls to come, and of those that ring."""

    def setUp(self) -> None:
        super().setUp()
        self.connection_id = self.world.registered()

    def test_reject(self) -> None:
        """A call that rings is refused with the status that was named, 486 by itself."""
        first, second = self.incoming(), self.incoming()
        self.done(action="RejectCall", callId="43")
        self.done(action="rejectcall", callid=44, status="603")
        self.assertEqual((first.requests[-1], second.requests[-1]), ("reject 486", "reject 603"))
        self.assertEqual(self.code(action="rejectcall", callid=43), 102)
        self.assertEqual(self.code(action="rejectcall", callid=99), 102)

    def test_reject_with_odd_statuses(self) -> None:
        """Only what a refusal may be, so that no application makes a caller believe something else."""
        call = self.incoming()
        for status in (200, 302, 401, 487, 500, "", "busy", True, None.__class__):
            given = "NoneType" if status is None.__class__ else status
            self.assertEqual(self.code(action="rejectcall", callid=43, status=given), 102, status)
        self.assertEqual(call.requests, ["ring"])

    def test_dnd(self) -> None:
        """For one account, and for all; it shows in listaccounts."""
        self.done(action="setdnd", dnd="sim", connectionid=self.connection_id)
        self.assertEqual(self.world.signalling.call_in(self.connection_id), 480)
        (account,) = self.done(action="listaccounts")["accounts"]
        self.assertEqual(account["incoming"], {"dnd": True})
        self.done(action="setdnd", dnd=False)
        (account,) = self.done(action="listaccounts")["accounts"]
        self.assertNotIn("incoming", account)
        self.assertEqual(self.code(action="setdnd"), 102)
        self.assertEqual(self.code(action="setdnd", dnd=True, connectionid=99), 102)

    def test_forward(self) -> None:
        """Numbers as they are dialled; nothing switches it off."""
        self.done(action="setforward", when="NoAnswer", to="(71) 33", seconds="9")
        (account,) = self.done(action="listaccounts")["accounts"]
        self.assertEqual(account["incoming"], {"dnd": False, "noanswer": "7133", "seconds": 9})
        self.done(action="setforward", when="noanswer", to="")
        self.done(action="setforward", when="always", to="sip:33@pbx.example.org")
        self.assertEqual(self.world.signalling.call_in(self.connection_id), 302)
        for wrong in (
            {"when": "never", "to": "3"}, {"to": "3"}, {"when": "busy", "to": "3\r\nX: y"}, {"when": "busy", "to": "@"},
            {"when": "noanswer", "to": "3", "seconds": 0}, {"when": "noanswer", "to": "3", "seconds": 99999},
            {"when": "busy", "to": "3", "connectionid": 99},
        ):  # fmt: skip
            self.assertEqual(self.code(action="setforward", **wrong), 102, wrong)

    def test_before_registration(self) -> None:
        """Rules need no registered account, calls do."""
        world = FakeWorld()
        self.commands = Commands(world.phone, self.sessions, OneApplication())
        self.done(action="setdnd", dnd=True)
        for action in ("rejectcall", "answertransfer"):
            self.assertEqual(self.code(action=action, callid=43, allow=True), 601, action)

    def test_nobody_transfers_us(self) -> None:
        """There has to be a question before there is an answer."""
        self.incoming()
        self.assertEqual(self.code(action="answertransfer", callid=43, allow=True), 102)
        self.assertEqual(self.code(action="answertransfer", callid=43), 102)

    def test_headers(self) -> None:
        """Header fields go with a call only if the configuration names them; what is no header field is 102."""
        self.assertEqual(self.code(action="startcall", number="32", headers={"X-CRM-Id": "7"}), 102)
        self.world = FakeWorld(PhoneSettings(headers_out=("X-CRM-*", "X-B")))
        self.world.registered()
        self.commands = Commands(self.world.phone, self.sessions, OneApplication())
        self.done(action="startcall", number="32", headers={"X-CRM-Id": 7, "x-b": " b "})
        self.done(action="startcall", number="32", headers='{"X-CRM-Id": "7"}')
        sent = [call.headers for call in self.world.signalling.calls]
        self.assertEqual(sent, [(("X-CRM-Id", "7"), ("x-b", "b")), (("X-CRM-Id", "7"),)])
        wrong: tuple[object, ...] = (
            {"X-Other": "1"}, {"From": "x"}, {"f": "x"}, {"Via": "x"}, {"P-Asserted-Identity": "x"}, {"X-B": ""},
            {"X-B": "1\r\nVia: x"}, {"X-B\r\nVia": "1"}, {"X-B:": "1"}, {"X B": "1"}, {"X-B": "1" * 300}, {"X-B": []},
            {"X-B": {}}, {"X-B": True}, {"X-B": "1", "x-b": "2"}, {f"X-CRM-{n}": "1" for n in range(17)}, [], 7,
            "X-B: 1", "[1]", "{", '{"X-B": "\\n"}',
        )  # fmt: skip
        for headers in wrong:
            self.assertEqual(self.code(action="startcall", number="32", headers=headers), 102, headers)
        self.assertEqual(len(self.world.signalling.calls), 2)
