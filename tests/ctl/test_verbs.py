"""What each verb asks of the daemon, and what it prints."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from neon.ctl.exits import Failed, Refused, Usage
from tests.ctl.daemon import FakeConnection, drive, drive_json


def call(number: int, state: str = "confirmed", kind: str = "outgoing") -> dict[str, Any]:
    return {
        "callId": number, "connectionId": 1, "type": kind, "state": state, "from": "sip:31@h", "to": f"sip:{number}@h"
    }


ACCOUNT = {"connectionId": 1, "uri": "sip:31@sip.acme.com", "state": "registered", "displayName": "Ana"}
OTHER = {"connectionId": 2, "uri": "sip:31@example.org", "state": "refused"}


class VerbCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.neon = FakeConnection()

    def calls(self, *calls: dict[str, Any]) -> None:
        self.neon.answers["listcalls"] = {"calls": list(calls)}

    def accounts(self, *accounts: dict[str, Any]) -> None:
        self.neon.answers["listaccounts"] = {"accounts": list(accounts)}

    def asked(self, *argv: str, typed: str = "") -> tuple[str, dict[str, object]]:
        """The last thing that a verb asked for."""
        drive(self.neon, *argv, typed=typed)
        return self.neon.asked[-1]


class TableTests(VerbCase):
    def test_calls(self) -> None:
        """Calls in aligned columns."""
        held = {"hold": True, "remoteHold": False, "muted": True}
        self.calls({**call(5), **held}, {**call(10432, "early", "incoming"), "displayName": "José Ñandú\x1b[2J"})
        self.assertEqual(
            drive(self.neon, "calls"),
            "CALLID  TYPE      STATE                    FROM      TO           NAME\n"
            "5       outgoing  confirmed (held, muted)  sip:31@h  sip:5@h      -\n"
            "10432   incoming  early                    sip:31@h  sip:10432@h  José Ñandú?[2J\n",
        )

    def test_accounts(self) -> None:
        """Accounts in aligned columns."""
        self.accounts(ACCOUNT, OTHER)
        self.assertEqual(
            drive(self.neon, "accounts"),
            "ACCOUNT  URI                  STATE       NAME  MESSAGES\n"
            "1        sip:31@sip.acme.com  registered  Ana   -\n"
            "2        sip:31@example.org   refused     -     -\n",
        )

    def test_messages(self) -> None:
        """How many messages are new; whether there are any where nobody counts; the name in the configuration."""
        waiting = [{"waiting": True, "new": 3}, {"waiting": True}, {"waiting": False}]
        self.accounts(*({**ACCOUNT, "name": "boss", "messages": one} for one in waiting))
        rows = drive(self.neon, "accounts").splitlines()[1:]
        self.assertEqual([row.split()[-2:] for row in rows], [["boss", "3"], ["boss", "some"], ["boss", "none"]])

    def test_extensions(self) -> None:
        """Extensions, whom they talk to, or why nothing is known."""
        self.neon.answers["listextensions"] = {
            "extensions": [
                {"connectionId": 1, "extension": "201", "state": "busy", "party": "sip:32@h"},
                {"connectionId": 1, "extension": "202", "state": "unknown", "reason": "489 Bad Event"},
            ]
        }
        self.assertEqual(
            drive(self.neon, "extensions"),
            "EXTENSION  STATE    WITH           ACCOUNT\n"
            "201        busy     sip:32@h       1\n"
            "202        unknown  489 Bad Event  1\n",
        )

    def test_watch(self) -> None:
        """An extension is watched by an account, also one that is named as the configuration names it."""
        self.accounts({**ACCOUNT, "name": "boss"}, OTHER)
        asked = {"extension": "201", "connectionid": 1}
        self.assertEqual(self.asked("watch", "201", "--account", "boss"), ("watchextension", asked))
        self.assertEqual(self.asked("unwatch", "201", "--account", "boss"), ("unwatchextension", asked))

    def test_nothing(self) -> None:
        """No rows: a sentence, and no titles."""
        self.calls()
        self.assertEqual(drive(self.neon, "calls"), "No call.\n")

    def test_status(self) -> None:
        """One look at everything; as JSON the three answers in one."""
        self.calls(call(5))
        self.accounts(ACCOUNT)
        self.neon.answers["getversion"] = {"version": "1.2"}
        self.assertIn("NEON 1.2 is running.", drive(self.neon, "status"))
        self.assertEqual(
            drive_json(self.neon, "status"), {"version": "1.2", "calls": [call(5)], "accounts": [ACCOUNT]}
        )


class CallTests(VerbCase):
    def test_dial(self) -> None:
        """The number as it was typed; the account by any of its names."""
        self.neon.answers["startcall"] = {"callId": 55}
        self.accounts(ACCOUNT, {**OTHER, "uri": "sip:32@example.org"})
        self.assertEqual(self.asked("dial", "+55 21 555"), ("startcall", {"number": "+55 21 555"}))
        for word in ("2", "32", "32@example.org", "sip:32@example.org"):
            asked = self.asked("dial", "600", "--account", word)
            self.assertEqual(asked, ("startcall", {"number": "600", "connectionid": 2}))
        self.assertEqual(drive(self.neon, "dial", "600"), "Call 55.\n")
        self.assertEqual(drive_json(self.neon, "dial", "600"), {"callId": 55})

    def test_which_account(self) -> None:
        """An account that is not there, or a number that several have."""
        self.accounts(ACCOUNT, OTHER)
        for word in ("3", "31", "nobody@h"):
            self.assertRaises(Usage, drive, self.neon, "dial", "600", "--account", word)

    def test_dial_and_wait(self) -> None:
        """Answered is success; ended before is not, with the status. Other calls do not count."""
        self.neon.answers["startcall"] = {"callId": 55}
        self.neon.happens("OnNewCall", callId=55)
        self.neon.happens("OnFinalizedCall", callId=54, SIPError=486)
        self.neon.happens("OnAcceptCall", callId=55)
        self.assertEqual(drive(self.neon, "dial", "600", "--wait"), "Call 55 is answered.\n")
        self.neon.happens("OnFinalizedCall", callId=55, SIPError=486, reason="Busy Here")
        error = self.assertRaises(Failed, drive, self.neon, "dial", "600", "--wait")
        self.assertIn("486 Busy Here", str(error))
        self.assertEqual(error.status, 5)

    def test_the_only_call(self) -> None:
        """A CALLID may be left out where just one call comes into question."""
        self.calls(call(5), call(6, "early", "incoming"), call(7, "releasing"))
        for argv, asked in (
            (["answer"], ("acceptcall", {"callid": 6})),
            (["hold"], ("sethold", {"callid": 5, "hold": True})),
            (["resume"], ("sethold", {"callid": 5, "hold": False})),
            (["mute"], ("setmute", {"callid": 5, "mute": True})),
            (["unmute"], ("setmute", {"callid": 5, "mute": False})),
            (["record", "stop", "5"], ("stoprecording", {"callid": 5})),
            (["record", "pause", "5"], ("pauserecording", {"callid": 5, "pause": True})),
            (["record", "resume", "5"], ("pauserecording", {"callid": 5, "pause": False})),
            (["stop-playing"], ("stopaudio", {"callid": 5})),
            (["volume", "50"], ("setvolume", {"callid": 5, "percent": 50})),
            (["conference", "5", "6"], ("startconference", {"callids": [5, 6]})),
            (["conference"], ("startconference", {"callids": [5]})),
            (["conference", "--hold"], ("holdconference", {"hold": True})),
            (["conference", "--resume"], ("holdconference", {"hold": False})),
            (["conference", "--mute"], ("muteconference", {"mute": True})),
            (["conference", "--unmute"], ("muteconference", {"mute": False})),
            (["leave", "5"], ("leaveconference", {"callid": 5})),
            (["swap", "5"], ("swapcalls", {"callid": 5})),
            (["dtmf", "12#"], ("senddtmf", {"callid": 5, "dtmf": "12#"})),
            (["hangup", "9"], ("finalizecall", {"callid": 9})),
            (["reject"], ("rejectcall", {"callid": 6})),
            (["reject", "6", "--status", "603"], ("rejectcall", {"callid": 6, "status": 603})),
            (["consent", "yes"], ("answertransfer", {"callid": 5, "allow": True})),
            (["consent", "no", "5"], ("answertransfer", {"callid": 5, "allow": False})),
            (["transfer", "32", "5"], ("transfercall", {"callid": 5, "to": "32"})),
            (["transfer", "6", "--attended"], ("transfercall", {"callid": 5, "to": "6", "tocallid": 6})),
        ):
            self.assertEqual(self.asked(*argv), asked)

    def test_record(self) -> None:
        """record start says where the file will be; the other three mean the only call that is recorded."""
        self.calls(call(5), {**call(6), "recording": True})
        self.neon.answers["startrecording"] = {"path": "/r/5.wav"}
        self.assertEqual(drive(self.neon, "record", "start", "5"), "Call 5 is recorded: /r/5.wav\n")
        self.assertEqual(self.asked("record", "stop"), ("stoprecording", {"callid": 6}))
        self.assertIn("confirmed (recorded)", drive(self.neon, "calls"))

    def test_play(self) -> None:
        """play says how long the file is; it is said once and alone unless told otherwise."""
        self.calls(call(5))
        self.neon.answers["playaudio"] = {"seconds": 2.5}
        self.assertEqual(drive(self.neon, "play", "a/b.wav"), "Call 5 hears a/b.wav (2.5 s).\n")
        asked = {"callid": 5, "file": "b.wav", "loop": True, "mix": True}
        self.assertEqual(self.asked("play", "b.wav", "5", "--loop", "--mix"), ("playaudio", asked))

    def test_rules(self) -> None:
        """What becomes of calls to come, of all accounts or of one."""
        self.accounts(ACCOUNT, OTHER)
        for argv, asked in (
            (["dnd", "on"], ("setdnd", {"dnd": True})),
            (["dnd", "off", "--account", "2"], ("setdnd", {"dnd": False, "connectionid": 2})),
            (["forward", "always", "33"], ("setforward", {"when": "always", "to": "33"})),
            (["forward", "noanswer", "33", "--seconds", "9"],
             ("setforward", {"when": "noanswer", "to": "33", "seconds": 9})),
            (["forward", "busy"], ("setforward", {"when": "busy"})),
        ):  # fmt: skip
            self.assertEqual(self.asked(*argv), asked)

    def test_header_fields(self) -> None:
        """Header fields go with a call; one without a value is the user's mistake."""
        self.neon.answers["startcall"] = {"callId": 5}
        asked = self.asked("dial", "32", "--header", "X-CRM-Id=7", "--header", "X-A=b=c")
        self.assertEqual(asked, ("startcall", {"number": "32", "headers": {"X-CRM-Id": "7", "X-A": "b=c"}}))
        self.assertRaises(Usage, drive, self.neon, "dial", "32", "--header", "X-CRM-Id")

    def test_transfer_and_wait(self) -> None:
        """Done when the far end was passed on; a transfer that failed is told with its status."""
        self.neon.happens("OnHold", callId=5)
        self.neon.happens("OnTransferedCall", callId=5)
        drive(self.neon, "transfer", "32", "5", "--wait")
        self.assertEqual(self.neon.asked[0], ("subscribe", {"events": ["OnTransferFailed"]}))
        self.neon.happens("OnTransferFailed", callId=5, SIPError=603, reason="Decline")
        error = self.assertRaises(Failed, drive, self.neon, "transfer", "32", "5", "--wait")
        self.assertIn("603 Decline", str(error))

    def test_which_call(self) -> None:
        """Several calls, or none: the user has to say which, and nothing is done."""
        self.calls(call(5), call(6))
        for verb in (["hangup"], ["hold"], ["answer"], ["transfer", "32"], ["dtmf", "1"]):
            error = self.assertRaises(Usage, drive, self.neon, *verb)
            self.assertEqual(error.status, 2)
        self.assertEqual({action for action, _ in self.neon.asked}, {"listcalls"})

    def test_hang_up_everything(self) -> None:
        """Every call; one that ended by itself meanwhile is no failure, but a refusal is."""
        self.calls(call(5), call(6))
        drive(self.neon, "hangup", "--all")
        ended = [parameters for action, parameters in self.neon.asked if action == "finalizecall"]
        self.assertEqual(ended, [{"callid": 5}, {"callid": 6}])
        self.neon.refusals["finalizecall"] = (102, "there is no call 5")
        self.assertEqual(drive_json(self.neon, "hangup", "--all"), {"callIds": [5, 6]})
        self.neon.refusals["finalizecall"] = (500, "internal error")
        self.assertRaises(Refused, drive, self.neon, "hangup", "--all")
        self.assertRaises(Usage, drive, self.neon, "hangup", "5", "--all")

    def test_panel(self) -> None:
        """Shown and hidden."""
        self.assertEqual(self.asked("show"), ("showui", {"show": True}))
        self.assertEqual(self.asked("hide"), ("showui", {"show": False}))

    def test_no_panel(self) -> None:
        """Where nothing could be shown a person is told what helps."""
        self.neon.answers["showui"] = {"ui": False}
        self.assertIn("neonctl panel", drive(self.neon, "show"))
        self.assertEqual(drive(self.neon, "hide"), "")

    def test_panel_address(self) -> None:
        """The address of the panel, where no browser is to be opened."""
        url = "http://localhost:15060/#ticket=abc"
        self.neon.answers["panelticket"] = {"url": url, "seconds": 60}
        self.assertEqual(drive(self.neon, "panel", "--print"), url + "\n")
        told = {"url": url, "seconds": 60, "opened": False}
        self.assertEqual(drive_json(self.neon, "panel", "--print"), told)

    def test_link(self) -> None:
        """A link goes to the daemon; what became of it is said, and without a panel it is a failure."""
        self.patch(os, "environ", {"XDG_ACTIVATION_TOKEN": "t"})
        answer = {"number": "600", "called": False, "ui": True}
        self.neon.answers["openlink"] = answer
        self.assertEqual(drive(self.neon, "open", "tel:600"), "600 is in the panel's dial pad.\n")
        self.assertEqual(self.neon.asked, [("openlink", {"link": "tel:600", "activation": "t"})])
        self.neon.answers["openlink"] = {**answer, "called": True, "callId": 7}
        self.assertEqual(drive(self.neon, "open", "tel:600"), "Call 7.\n")
        self.neon.answers["openlink"] = {**answer, "ui": False}
        self.assertIn("neonctl dial 600", str(self.assertRaises(Failed, drive, self.neon, "open", "tel:600")))


class RegisterTests(VerbCase):
    def setUp(self) -> None:
        super().setUp()
        self.neon.answers["sipregister"] = {"connectionId": 3}
        self.neon.happens("OnSIPRegister", connectionId=2)

    def test_registered(self) -> None:
        """The password from standard input; done when the registrar said yes to this account."""
        self.neon.happens("OnSIPRegister", connectionId=3)
        argv = ("register", "sip:31@sip.acme.com:5080", "--proxy", "p", "--auth-user", "a", "--display-name", "n",
                "--expires", "60")
        self.assertEqual(drive(self.neon, *argv, typed="se cret\nmore\n"), "Account 3 is registered.\n")
        self.assertEqual(
            self.neon.asked,
            [("sipregister", {"number": "31", "domain": "sip.acme.com:5080", "password": "se cret", "proxy": "p",
                              "authuser": "a", "displayname": "n", "expires": 60})],
        )

    def test_password_file(self) -> None:
        """The first line of a file; one that cannot be read is said."""
        with tempfile.NamedTemporaryFile("w") as file:
            file.write("from file\nnot this\n")
            file.flush()
            _, parameters = self.asked("register", "31@h", "--no-wait", "--password-file", file.name)
        self.assertEqual(parameters["password"], "from file")
        self.assertRaises(Usage, drive, self.neon, "register", "31@h", "--password-file", str(Path(file.name)))

    def test_refused(self) -> None:
        """A registrar's no ends it with its own status."""
        self.neon.happens("OnSIPRegisterRefused", connectionId=3, SIPError=403, reason="Forbidden")
        error = self.assertRaises(Failed, drive, self.neon, "register", "31@h", typed="x\n")
        self.assertIn("403 Forbidden", str(error))

    def test_no_account(self) -> None:
        """What has no number or no domain."""
        for uri in ("31", "@h", "31@", ""):
            self.assertRaises(Usage, drive, self.neon, "register", uri, typed="x\n")
        self.assertEqual(self.neon.asked, [])

    def test_unregister(self) -> None:
        """The one that was named, or the only one."""
        self.accounts(ACCOUNT)
        self.assertEqual(self.asked("unregister"), ("sipunregister", {"connectionid": 1}))
        self.accounts(ACCOUNT, OTHER)
        self.assertEqual(self.asked("unregister", "31@example.org"), ("sipunregister", {"connectionid": 2}))
        self.assertRaises(Usage, drive, self.neon, "unregister")


class EventTests(VerbCase):
    def test_remembered(self) -> None:
        """Without C{--follow}: what is remembered, and then the end."""
        self.neon.answers["subscribe"] = {"replayed": 2, "gap": False}
        for number in (1, 2, 3):
            self.neon.happens("OnNewCall", callId=number)
        printed = drive(self.neon, "events")
        self.assertEqual(self.neon.asked, [("subscribe", {"since": 0})])
        self.assertEqual(
            printed.splitlines(),
            ["12:00:00.250     7 OnNewCall callId=1", "12:00:00.250     7 OnNewCall callId=2"],
        )

    def test_follow(self) -> None:
        """As JSON, one object a line."""
        self.neon.happens("OnNewCall", callId=1)
        self.neon.happens("OnFinalizedCall", callId=1)
        printed = drive(self.neon, "events", "--follow", "--json", "--extra", "OnDTMF")
        self.assertEqual([json.loads(line)["name"] for line in printed.splitlines()], ["OnNewCall", "OnFinalizedCall"])
        self.assertEqual(self.neon.asked, [("subscribe", {"events": ["OnDTMF"]})])

    def test_since_and_follow(self) -> None:
        """First what was missed, then what comes."""
        self.neon.answers["subscribe"] = {"replayed": 1, "gap": True}
        self.neon.happens("OnNewCall", callId=1)
        self.neon.happens("OnNewCall", callId=2)
        self.assertEqual(len(drive(self.neon, "events", "-f", "--since", "5").splitlines()), 2)
        self.assertEqual(self.neon.asked, [("subscribe", {"since": 5})])


class AccessTests(VerbCase):
    def test_applications(self) -> None:
        """Added with a password that is shown; listed without."""
        self.neon.answers["appadd"] = {"name": "crm", "password": "s3cret", "scopes": ["call"]}
        printed = drive(self.neon, "app", "add", "crm", "--scopes", "Call, call")
        self.assertEqual(self.neon.asked, [("appadd", {"name": "crm", "scopes": "call"})])
        self.assertIn("Password: s3cret\n", printed)
        self.assertEqual(drive_json(self.neon, "app", "add", "crm")["password"], "s3cret")
        crm = {"name": "crm", "scopes": ["call", "ui"], "source": "neonctl"}
        self.neon.answers["applist"] = {"applications": [crm]}
        self.assertIn("crm   call,ui  neonctl  -", drive(self.neon, "app", "list"))
        self.assertEqual(self.asked("app", "remove", "crm"), ("appremove", {"name": "crm"}))

    def test_new_password(self) -> None:
        """Shown once, too."""
        self.neon.answers["apppasswd"] = {"name": "crm", "password": "n3w", "scopes": []}
        self.assertIn("Password: n3w\n", drive(self.neon, "app", "passwd", "crm"))

    def test_origins(self) -> None:
        """Each decision is a command of its own."""
        for what in ("deny", "block", "forget"):
            self.assertEqual(self.asked("origin", what, "https://x"), (f"origin{what}", {"origin": "https://x"}))
        self.assertEqual(self.asked("origin", "allow", "https://x"), ("originallow", {"origin": "https://x"}))
        self.assertEqual(
            self.asked("origin", "allow", "https://x", "--once"), ("originallow", {"origin": "https://x", "once": True})
        )
        self.neon.answers["originpending"] = {"origins": [{"origin": "https://x", "asked": "now"}]}
        self.assertIn("https://x  now", drive(self.neon, "origin", "pending"))
        self.neon.answers["originlist"] = {"origins": [{"origin": "https://y", "standing": "allowed"}]}
        self.assertIn("https://y  allowed", drive(self.neon, "origin", "list"))


class MemberTests(VerbCase):
    def test_agent(self) -> None:
        """An agent has an extension, and a password that is shown once."""
        self.neon.answers["agentadd"] = {"name": "ana", "password": "s3cret", "extension": "101"}
        printed = drive(self.neon, "agent", "add", "ana", "101")
        self.assertEqual(self.neon.asked[-1], ("agentadd", {"name": "ana", "extension": "101"}))
        self.assertIn("Password: s3cret", printed)
        self.neon.answers["agentlist"] = {"agents": [{"name": "ana", "extension": "101"}]}
        self.assertEqual(drive(self.neon, "agent", "list"), "NAME  EXTENSION\nana   101\n")

    def test_supervisor(self) -> None:
        """A supervisor watches, and acts where that was said."""
        self.neon.answers["supervisoradd"] = {"name": "luz", "password": "s3cret", "act": True}
        self.assertIn("watch and act", drive(self.neon, "supervisor", "add", "luz", "--act"))
        self.assertEqual(self.neon.asked[-1], ("supervisoradd", {"name": "luz", "act": True}))
        self.neon.answers["supervisoradd"] = {"name": "luz", "password": "s3cret", "act": False}
        self.assertEqual(self.asked("supervisor", "add", "luz"), ("supervisoradd", {"name": "luz"}))

    def test_common(self) -> None:
        """Both can be removed, and given another password."""
        self.neon.answers["agentremove"] = {"name": "ana"}
        self.assertEqual(drive(self.neon, "agent", "remove", "ana"), "Agent ana is removed.\n")
        self.neon.answers["supervisorpasswd"] = {"name": "luz", "password": "other", "act": False}
        self.assertIn("Password: other", drive(self.neon, "supervisor", "passwd", "luz"))


class ExplainTests(VerbCase):
    CASE = {
        "kind": "call", "callId": 5, "type": "outgoing", "from": "sip:31@h", "to": "sip:603@h",
        "started": "2024-05-01T12:00:00.000Z", "answered": None, "ended": "2024-05-01T12:00:01.000Z", "duration": 0,
        "SIPError": 486, "reason": "Busy Here", "omitted": 0,
        "ladder": [
            {"ts": "2024-05-01T12:00:00.000Z", "sent": True, "peer": "h:5060", "message": "INVITE sip:603@h",
             "cseq": "1 INVITE", "notes": ["with credentials"], "repeats": 2},
            {"ts": "2024-05-01T12:00:00.500Z", "sent": False, "peer": "h:5060", "message": "486 Busy Here",
             "cseq": "1 INVITE", "notes": [], "repeats": 0},
        ],
    }  # fmt: skip

    def setUp(self) -> None:
        super().setUp()
        self.neon.answers["explain"] = self.CASE

    def test_languages(self) -> None:
        """What happened and what to do, in the language that was asked for."""
        for language, words in (("en", "is busy"), ("pt", "está ocupado."), ("es", "está ocupado.")):
            printed = drive(self.neon, "explain", "5", "--lang", language)
            self.assertIn(words, printed)
            self.assertIn("SIP 486 Busy Here", printed)
        self.assertEqual(self.neon.asked[0], ("explain", {"case": "5"}))

    def test_ladder(self) -> None:
        """Each message is an arrow, with seconds and notes."""
        lines = drive(self.neon, "explain", "--lang", "en").splitlines()
        sent, received = lines[-2:]
        self.assertRegex(sent, r"^   \+0\.000  INVITE sip:603@h -+->  1 INVITE; x3; with credentials$")
        self.assertRegex(received, r"^   \+0\.500  <-+ 486 Busy Here  1 INVITE$")

    def test_transfer_that_failed(self) -> None:
        """A call that goes on because it could not be passed on: why."""
        transfer = {"outcome": "failed", "SIPError": 603, "reason": "Decline"}
        self.neon.answers["explain"] = {
            **self.CASE, "answered": self.CASE["started"], "ended": None, "SIPError": 0, "reason": "",
            "transfer": transfer,
        }  # fmt: skip
        printed = drive(self.neon, "explain", "5", "--lang", "en")
        self.assertIn("could not be passed on", printed)
        self.assertIn("(transfer: SIP 603 Decline)", printed)

    def test_json(self) -> None:
        """Everything, with the words."""
        told = drive_json(self.neon, "explain", "--lang", "es")
        self.assertEqual((told["diagnosis"], told["language"], told["SIPError"]), ("busy", "es", 486))
        self.assertEqual(told["ladder"], self.CASE["ladder"])

    def test_registration(self) -> None:
        """An account, with its outcome."""
        self.neon.answers["explain"] = {
            "kind": "registration", "connectionId": 1, "uri": "sip:31@h", "outcome": "refused", "at": "then",
            "SIPError": 403, "reason": "Forbidden", "ladder": [], "omitted": 0,
        }  # fmt: skip
        printed = drive(self.neon, "explain", "31", "--lang", "en")
        self.assertIn("Account 1: sip:31@h\nrefused then\n", printed)
        self.assertIn("does not allow this account", printed)


class HistoryTests(VerbCase):
    def page(self, *numbers: int, more: bool = False) -> None:
        calls = [
            {
                "number": number, "callId": number, "type": "outgoing", "from": "sip:31@h", "to": f"sip:{number}@h",
                "started": "2024-05-01T12:00:00.250Z", "duration": 61_000, "result": "answered",
                "customField1": "=1+1",
            }
            for number in numbers
        ]  # fmt: skip
        self.neon.answers["callhistory"] = {"calls": calls, **({"next": numbers[-1]} if more else {})}

    def test_table(self) -> None:
        """A line for each call."""
        self.page(7)
        self.assertEqual(
            drive(self.neon, "history", "--direction", "outgoing"),
            "CALLID  STARTED (UTC)             WITH     TALKED  RESULT\n"
            "7       2024-05-01 12:00:00  out  sip:7@h  61 s    answered\n",
        )
        self.assertEqual(self.neon.asked, [("callhistory", {"limit": 20, "type": "outgoing"})])

    def test_limit(self) -> None:
        """More than a page has is asked for page by page, and no more than was wanted."""
        self.page(*range(500, 0, -1), more=True)
        drive(self.neon, "history", "--limit", "700")
        self.assertEqual(
            self.neon.asked, [("callhistory", {"limit": 500}), ("callhistory", {"limit": 200, "before": 1})]
        )

    def test_csv(self) -> None:
        """CSV that no spreadsheet carries out."""
        self.page(7)
        printed = drive(self.neon, "history", "--csv")
        self.assertTrue(printed.startswith("number,callId,started"))
        self.assertIn(",'=1+1,", printed)

    def test_json(self) -> None:
        """An object a line."""
        self.page(7, 6)
        lines = drive(self.neon, "history", "--json").splitlines()
        self.assertEqual([json.loads(line)["callId"] for line in lines], [7, 6])


DEVICES = {
    "microphones": [{"id": "mic", "name": "Microfone", "default": True}],
    "speakers": [
        {"id": "spk", "name": "Alto-falante", "default": True},
        {"id": "headset", "name": "Fone\x1b[2J", "default": False},
    ],
    "chosen": {"microphone": "default", "speaker": "headset", "ring": "gone"},
    "available": True,
}


class DeviceTests(VerbCase):
    """Sound devices."""

    def test_devices(self) -> None:
        """What there is, what for, and what was chosen and is not there; a name moves no cursor."""
        self.neon.answers["listdevices"] = DEVICES
        self.assertEqual(
            drive(self.neon, "devices"),
            "            NAME          ID                USED FOR\n"
            "microphone  Microfone     mic      default  microphone\n"
            "speaker     Alto-falante  spk      default  ring\n"
            "speaker     Fone?[2J      headset           speaker\n"
            "ring: gone is not there now\n",
        )
        self.neon.answers["listdevices"] = {"microphones": [], "speakers": [], "chosen": {}, "available": False}
        self.assertEqual(drive(self.neon, "devices"), "There is no sound device: calls are silent.\n")

    def test_device(self) -> None:
        """Another one is asked for by kind and id."""
        self.neon.answers["setdevice"] = DEVICES
        self.assertEqual(
            self.asked("device", "speaker", "headset"), ("setdevice", {"kind": "speaker", "device": "headset"})
        )

    def test_levels(self) -> None:
        """Levels as bars, and nobody watches any more afterwards."""
        self.neon.happens("OnAudioLevels", microphone=-30.0)
        self.assertEqual(
            drive(self.neon, "levels", "--count", "1").rstrip(),
            "microphone ###############...............  -30 dB  speaker closed",
        )
        self.assertEqual(
            self.neon.asked,
            [
                ("subscribe", {"events": ["OnAudioLevels"]}),
                ("watchlevels", {"on": True}),
                ("watchlevels", {"on": False}),
            ],
        )

    def test_test(self) -> None:
        """The verdict in words; a bad one is a failure for scripts, too."""
        good = {"verdict": "heard", "description": "Both work.", "level": -40.0, "peak": -12.0, "heard": -33.0}
        self.neon.answers["testaudio"] = good
        self.assertEqual(
            drive(self.neon, "test-audio", "--seconds", "2"),
            "Both work. (microphone -40 dB, at its loudest -12 dB)\n",
        )
        self.assertEqual(self.neon.asked, [("testaudio", {"seconds": 2})])
        self.assertGreater(self.neon.timeout, 20)
        self.neon.answers["testaudio"] = {"verdict": "no-device", "description": "Nothing."}
        self.assertRaises(Failed, drive, self.neon, "test-audio")
