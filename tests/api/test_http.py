"""Commands over HTTP, through real requests."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from neon.api.http import Page
from neon.commands import Command, Commands, Context, Data, Needs
from neon.errors import InvalidArgument
from tests.api.web import HttpCase

DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'
NO_ERROR = b"<Error><Code>0</Code><SystemCode/><Description/></Error>"


class CommandTests(HttpCase):
    def test_golden(self) -> None:
        """The document's calls, byte for byte: authenticate, startcall, and the event."""
        self.world.registered()
        reply = self.get("/Command", {"action": "authenticate", "user": "crm", "password": "secret"})
        token = reply.text("Data/Token")
        assert token is not None
        self.assertRegex(token, "^[0-9a-f]{32}$")
        self.assertEqual(
            reply.body,
            DECLARATION
            + b"<ReturnData><Success>true</Success>"
            + NO_ERROR
            + f"<Data><Token>{token}</Token></Data></ReturnData>".encode(),
        )
        self.assertEqual((reply.status, reply.header("Content-Type")), (200, "text/xml; charset=utf-8"))
        reply = self.get("/Command", {"action": "startcall", "number": "32", "token": token})
        self.assertEqual(
            reply.body,
            DECLARATION
            + b"<ReturnData><Success>true</Success>"
            + NO_ERROR
            + b"<Data><CallId>43</CallId></Data></ReturnData>",
        )
        self.world.turn()
        reply = self.successResultOf(self.poll(token))
        self.assertEqual(
            reply.body,
            DECLARATION + b"<EventData><Name>OnNewCall</Name><Data><CallId>43</CallId><Type>outgoing</Type>"
            b"<From>sip:31@sip.acme.com</From><To>sip:32@sip.acme.com</To></Data>"
            b"<Seq>3</Seq><Ts>2024-05-01T12:00:00.000Z</Ts></EventData>",
        )

    def test_refused_is_200(self) -> None:
        """A refused command is answered with status 200; the code is in the document."""
        token = self.authenticate()
        for fields, code in (
            ({"action": "startcall", "number": "32", "token": token}, 601),
            ({"action": "startcall", "token": token}, 102),
            ({"action": "nonsense", "token": token}, 102),
            ({"action": "authenticate", "user": "crm", "password": "wrong"}, 600),
            ({"action": "listcalls"}, 600),
            ({"action": "listcalls", "token": "0123"}, 600),
            ({"token": token}, 100),
        ):
            reply = self.get("/Command", fields)
            self.assertEqual((reply.status, reply.code, reply.text("Success")), (200, code, "false"), fields)

    def test_paths(self) -> None:
        """Paths match in any case, with or without a final slash."""
        for path in ("/Command", "/command", "/COMMAND", "/Command/", "/cOMMAND/"):
            self.assertEqual(self.get(path, {"action": "listcalls"}).code, 600, path)
        for path in ("/Events", "/events/", "/EVENTS"):
            self.assertEqual(self.get(path).code, 600, path)

    def test_other_paths(self) -> None:
        """Anything else is not found, and runs nothing."""
        token = self.authenticate()
        self.world.registered()
        for path in ("/", "/Commands", "/Command/x", "//Command", "/Command//", "/..%2fCommand", "/%43ommand"):
            reply = self.request("GET", path, params={"action": "startcall", "number": "1", "token": token})
            self.assertEqual((reply.status, reply.code), (404, 100), path)
        self.assertEqual(self.world.signalling.calls, [])

    def test_post(self) -> None:
        """A POST may have its fields in the body, in the query, or in both."""
        token = self.authenticate()
        self.assertEqual(self.post("/Command", {"action": "listcalls", "token": token}).text("Success"), "true")
        reply = self.request("POST", f"/Command?token={token}", data={"action": "listcalls"})
        self.assertEqual(reply.text("Success"), "true")
        reply = self.request("POST", f"/Command?token={token}&action=listcalls")
        self.assertEqual(reply.text("Success"), "true")

    def test_multipart(self) -> None:
        """multipart/form-data is accepted."""
        token = self.authenticate()
        body = "".join(
            f'--XX\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in (("action", "ListCalls"), ("Token", token))
        )
        headers = {"Content-Type": "multipart/form-data; boundary=XX"}
        reply = self.request("POST", "/Command", data=f"{body}--XX--\r\n".encode(), headers=headers)
        self.assertEqual(reply.text("Success"), "true")

    def test_contradiction(self) -> None:
        """The same parameter twice with different values is 102, also between query and body."""
        token = self.authenticate()
        self.world.registered()
        path = f"/Command?action=startcall&token={token}&number=1"
        self.assertEqual(self.request("GET", f"{path}&Number=2").code, 102)
        self.assertEqual(self.request("POST", path, data={"number": "2"}).code, 102)
        self.assertEqual(self.request("GET", f"{path}&number=1").code, 0)

    def test_plus(self) -> None:
        """An unescaped + in front of a number is a +."""
        token = self.authenticate()
        self.world.registered()
        for written in ("+5571", "%2B5571", "+55+71"):
            self.request("GET", f"/Command?action=startcall&number={written}&token={token}")
        self.assertEqual([call.target for call in self.world.signalling.calls], ["+5571"] * 3)

    def test_bad_forms(self) -> None:
        """What is no form is error 100, with status 200."""
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        for reply in (
            self.request("GET", "/Command?action=%zz"),
            self.request("GET", "/Command?action=%ff"),
            self.request("POST", "/Command", data=b"action=%", headers=form),
            self.request("POST", "/Command", data=b'{"action": 1}', headers={"Content-Type": "application/json"}),
            self.request("POST", "/Command", data=b"x", headers={"Content-Type": "multipart/form-data; boundary=x"}),
            self.request("GET", "/Command?" + "&".join(["a=1"] * 101)),
            self.request("GET", "/Command?a=" + "x" * 8192),
            self.request("POST", "/Command", data=b"a=" + b"x" * 65536, headers=form),
            self.request("POST", "/Events", data=b"action=%", headers=form),
        ):
            self.assertEqual((reply.status, reply.code), (200, 100), reply.body)

    def test_longest(self) -> None:
        """What is as long as allowed is read: a command of 64 kB is judged by its parameters."""
        body = b"action=x&a="
        body += b"x" * (65536 - len(body))
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        self.assertEqual(self.request("POST", "/Command", data=body, headers=headers).code, 600)

    def test_system_code(self) -> None:
        """SystemCode is the SIP status that was the reason."""

        def refused(context: Context) -> Data:
            raise InvalidArgument("the far end is busy", system_code=486)

        self.table(refused)
        reply = self.get("/Command", {"action": "refused"})
        self.assertEqual((reply.code, reply.text("Error/SystemCode")), (102, "486"))

    def test_internal_error(self) -> None:
        """A bug is answered with 500 in the document and a reference that stands in the log, and nothing of the bug."""

        def broken(context: Context) -> Data:
            raise ZeroDivisionError("secret detail")

        self.table(broken)
        reply = self.get("/Command", {"action": "broken"})
        self.assertEqual((reply.status, reply.code), (200, 500))
        self.assertNotIn(b"secret", reply.body)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_unspeakable(self) -> None:
        """The same where the answer cannot be written down."""

        class Unspeakable:
            def __str__(self) -> str:
                raise ZeroDivisionError

        def unspeakable(context: Context) -> Data:
            return {"x": Unspeakable()}

        self.table(unspeakable)
        self.assertEqual(self.get("/Command", {"action": "unspeakable"}).code, 500)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def table(self, function: Any) -> None:
        row = Command(function.__name__, function, needs=Needs.NOTHING)
        self.root.commands = Commands(self.world.phone, self.sessions, self.applications, [row])

    def test_slow_command(self) -> None:
        """A command that takes a while is answered when it is done, and the others are not kept waiting."""
        self.applications.slow = True
        fields = {"action": "authenticate", "user": "crm", "password": "secret"}
        slow = self.begin("GET", "/Command", params=fields)
        self.assertNoResult(slow)
        self.assertEqual(self.get("/Command", {"action": "listcalls"}).code, 600)
        self.applications.finish()
        self.http.flush()
        self.assertEqual(self.successResultOf(slow).text("Success"), "true")

    def test_gone_before_the_answer(self) -> None:
        """A client that goes while its command runs breaks nothing."""
        self.applications.slow = True
        server, transport = self.raw()
        server.dataReceived(
            b"GET /Command?action=authenticate&user=crm&password=secret HTTP/1.1\r\nHost: localhost:15060\r\n\r\n"
        )
        transport.loseConnection()
        self.applications.finish()
        self.assertEqual(len(self.sessions), 1)

    def test_autodisconnect(self) -> None:
        """There is no connection here that an account could go with; to say no is heeded."""
        token = self.authenticate()
        account = {"domain": "sip.acme.com", "number": "31", "password": "x", "token": token}
        reply = self.post("/Command", {"action": "sipregister", **account, "autodisconnect": "true"})
        self.assertEqual(reply.text("Data/ConnectionId"), "1")
        session = self.sessions.find(token)
        assert session is not None
        channel = object()
        self.autodisconnect.guard(session, 1, channel)
        self.post("/Command", {"action": "sipregister", **account, "autodisconnect": "false"})
        self.autodisconnect.closed(channel)
        self.clock.advance(60)
        self.assertEqual(self.world.signalling.unregistrations, [])


class LateTests(HttpCase):
    def test_late_answer(self) -> None:
        """A command whose answer comes later is answered then."""
        later: Deferred[Data] = Deferred()
        row = Command("late", lambda context: later, needs=Needs.NOTHING)
        self.root.commands = Commands(self.world.phone, self.sessions, self.applications, [row])
        reply = self.begin("GET", "/Command", params={"action": "late"})
        self.assertNoResult(reply)
        later.callback({"x": 1})
        self.http.flush()
        self.assertEqual(self.successResultOf(reply).text("Data/X"), "1")


class MethodTests(HttpCase):
    def test_head(self) -> None:
        """HEAD runs nothing and has no body."""
        token = self.authenticate()
        self.world.registered()
        for path in (f"/Command?action=startcall&number=1&token={token}", f"/Events?token={token}"):
            reply = self.request("HEAD", path)
            self.assertEqual((reply.status, reply.body), (200, b""))
            self.assertEqual(reply.header("Content-Type"), "text/xml; charset=utf-8")
        self.assertEqual(self.world.signalling.calls, [])
        self.assertEqual(self.request("HEAD", "/nothing").status, 404)

    def test_options(self) -> None:
        """OPTIONS is 204 without a token, without a body, and runs nothing."""
        token = self.authenticate()
        self.world.registered()
        for path in (f"/Command?action=startcall&number=1&token={token}", "/Events", "/Command", "/nothing"):
            reply = self.request("OPTIONS", path)
            self.assertEqual((reply.status, reply.body), (204, b""))
            self.assertIsNone(reply.header("Content-Length"))
        self.assertEqual(self.world.signalling.calls, [])

    def test_other_methods(self) -> None:
        """Other methods run nothing: 405, and what is allowed."""
        token = self.authenticate()
        self.world.registered()
        for method in ("PUT", "DELETE", "PATCH", "TRACE", "X"):
            reply = self.request(method, f"/Command?action=startcall&number=1&token={token}")
            self.assertEqual((reply.status, reply.header("Allow")), (405, "GET, POST, HEAD, OPTIONS"), method)
        self.assertEqual(self.world.signalling.calls, [])


class PageTests(HttpCase):
    def test_page(self) -> None:
        """A page is read at its path, in any case; it takes no POST."""
        self.root.pages["/doctor"] = Page("text/html; charset=utf-8", b"<p>", {"Content-Security-Policy": "x"})
        reply = self.get("/Doctor/")
        self.assertEqual((reply.status, reply.body, reply.header("Content-Security-Policy")), (200, b"<p>", "x"))
        self.assertEqual(reply.header("Content-Type"), "text/html; charset=utf-8")
        self.assertEqual(self.request("HEAD", "/doctor").body, b"")
        self.assertEqual(self.request("POST", "/doctor").status, 405)
