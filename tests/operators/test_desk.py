"""The accounts that operators give, as applications meet them: sign-up, provisioning, and what is kept of them."""

from __future__ import annotations

import json
from typing import Any

from neon.commands import Commands
from neon.errors import InvalidArgument, OperatorFailed
from neon.operatorvalues import StoredAccount
from neon.values import AccountSettings, Cause
from tests.operators.deskcase import DOWN, DeskCase, Sessions
from tests.operators.operatorcase import ACCOUNT, Reply, xml


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
