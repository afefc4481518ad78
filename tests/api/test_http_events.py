"""Events over HTTP: long polling, through real requests."""

from __future__ import annotations

from neon.events import RegistrationCancelled, Unregistered
from neon.values import Cause
from tests.api.web import PORT, HttpCase, Reply
from tests.fakes import FakeCall

DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'


class EventTests(HttpCase):
    def happened(self, count: int = 1) -> None:
        for _ in range(count):
            self.world.bus.publish(Unregistered(1, Cause()))
        self.world.turn()
        self.http.flush()

    def polled(self, token: str, **extra: str) -> str | None:
        """The number of the event that a poll gets at once; None for an answer that says nothing."""
        reply: Reply = self.successResultOf(self.poll(token, **extra))
        return reply.text("Seq")

    def test_held(self) -> None:
        """A poll is held until something happens."""
        poll = self.poll(self.authenticate())
        self.clock.advance(20)
        self.http.flush()
        self.assertNoResult(poll)
        self.happened()
        reply = self.successResultOf(poll)
        self.assertEqual((reply.status, reply.header("Content-Type")), (200, "text/xml; charset=utf-8"))
        self.assertEqual((reply.text("Name"), reply.text("Data/ConnectionId")), ("OnSIPUnRegister", "1"))

    def test_nothing(self) -> None:
        """After thirty seconds a poll is answered with empty Name and Data."""
        poll = self.poll(self.authenticate())
        self.clock.advance(30)
        self.http.flush()
        self.assertEqual(
            self.successResultOf(poll).body, DECLARATION + b"<EventData><Name/><Data/></EventData>"
        )

    def test_queue(self) -> None:
        """Events between two polls come one by one, in order."""
        token = self.authenticate()
        self.happened(3)
        self.assertEqual([self.polled(token) for _ in range(3)], ["1", "2", "3"])
        self.assertNoResult(self.poll(token))

    def test_ten_seconds(self) -> None:
        """Without a poll for ten seconds the pending events are dropped, and X-NEON-Discarded says how many."""
        token = self.authenticate()
        self.happened(3)
        self.assertEqual(self.polled(token), "1")
        self.clock.advance(10.1)
        self.happened()
        reply = self.successResultOf(self.poll(token))
        self.assertEqual((reply.text("Seq"), reply.header("X-NEON-Discarded")), ("4", "2"))

    def test_newest_wins(self) -> None:
        """The newest poll wins, the older is answered empty; with names of their own they do not meet."""
        token = self.authenticate()
        older, newer, other = self.poll(token), self.poll(token), self.poll(token, client="other")
        self.http.flush()
        self.assertEqual(self.successResultOf(older).text("Name"), "")
        self.happened()
        self.assertEqual([self.successResultOf(poll).text("Seq") for poll in (newer, other)], ["1", "1"])

    def test_bad_token(self) -> None:
        """A missing or dead token is answered at once with a ReturnData of code 600."""
        for fields in ({}, {"token": "24b806ff"}, {"token": ""}):
            reply = self.get("/Events", fields)
            self.assertEqual((reply.status, reply.code, reply.xml.tag), (200, 600, "ReturnData"))

    def test_bad_client(self) -> None:
        """A client name that is too long, or two of them, are invalid arguments."""
        token = self.authenticate()
        self.assertEqual(self.get("/Events", {"token": token, "client": "x" * 65}).code, 102)
        self.assertEqual(self.request("GET", f"/Events?token={token}&client=a&Client=b").code, 102)

    def test_logout(self) -> None:
        """A poll that is held when its token dies is answered empty, the next one with 600."""
        token = self.authenticate()
        poll = self.poll(token)
        self.get("/Command", {"action": "logout", "token": token})
        self.http.flush()
        self.assertEqual(self.successResultOf(poll).text("Name"), "")
        self.assertEqual(self.get("/Events", {"token": token}).code, 600)

    def test_vanished(self) -> None:
        """A poll whose client has gone swallows nothing."""
        token = self.authenticate()
        for _ in range(3):
            server, transport = self.raw()
            server.dataReceived(f"GET /Events?token={token} HTTP/1.1\r\nHost: localhost:{PORT}\r\n\r\n".encode())
            transport.loseConnection()
        self.happened(2)
        self.assertEqual([self.polled(token) for _ in range(2)], ["1", "2"])

    def test_vanished_unnoticed(self) -> None:
        """The same where the reactor has not noticed yet that the connection is gone."""
        token = self.authenticate()
        server, transport = self.raw()
        server.dataReceived(f"GET /Events?token={token} HTTP/1.1\r\nHost: localhost:{PORT}\r\n\r\n".encode())
        server.is_there = lambda: False
        self.happened(2)
        self.assertEqual(transport.value(), b"")
        self.assertEqual([self.polled(token) for _ in range(2)], ["1", "2"])

    def test_pipelined(self) -> None:
        """Polls sent ahead on one connection are answered in order, each with an event of its own."""
        token = self.authenticate()
        server, transport = self.raw()
        server.dataReceived(3 * f"GET /Events?token={token} HTTP/1.1\r\nHost: localhost:{PORT}\r\n\r\n".encode())
        self.happened(3)
        answered = [b"<Seq>%d</Seq>" % seq in transport.value() for seq in (1, 2, 3, 4)]
        self.assertEqual(answered, [True, True, True, False])
        self.assertEqual(transport.value().count(b"<EventData>"), 3)

    def test_answer_before_event(self) -> None:
        """The answer to a command is written before the event that it causes."""
        self.world.registered()
        token = self.authenticate()
        poll = self.poll(token)
        call = self.begin("GET", "/Command", params={"action": "startcall", "number": "1", "token": token})
        self.assertEqual(self.successResultOf(call).text("Data/CallId"), "43")
        self.assertNoResult(poll)
        self.world.turn()
        self.http.flush()
        self.assertEqual(self.successResultOf(poll).text("Name"), "OnNewCall")

    def test_spelling(self) -> None:
        """A session that asked for the prose names gets those."""
        token = self.authenticate(spelling="prose")
        self.world.bus.publish(RegistrationCancelled(1, Cause()))
        self.world.turn()
        self.assertEqual(self.successResultOf(self.poll(token)).text("Name"), "OnSIPRegisterCanceled")

    def test_call(self) -> None:
        """The events of a call, with the fields of the document in its order."""
        self.world.registered()
        token = self.authenticate()
        call = self.world.signalling.call_in(display_name="Zé & Cia")
        assert isinstance(call, FakeCall)
        self.world.turn()
        call.listener.ended(Cause(487, "cancelled"))
        self.world.turn()
        started, finalized = (self.successResultOf(self.poll(token)).xml for _ in range(2))
        self.assertEqual(
            [child.tag for child in finalized.find("Data")],
            ["CallId", "Type", "From", "To", "Duration", "SIPError", "Reason", "DisplayName"],
        )
        self.assertEqual(started.findtext("Data/DisplayName"), "Zé & Cia")
        self.assertEqual(finalized.findtext("Data/SIPError"), "487")

    def test_unspeakable_event(self) -> None:
        """An event that cannot be written is logged and goes: it does not stand in the way of the next."""
        token = self.authenticate()
        self.world.bus.publish(Unregistered(1, None))  # type: ignore[arg-type]  # on purpose
        self.happened()
        self.assertEqual(self.successResultOf(self.poll(token)).code, 500)
        self.assertEqual(len(self.flushLoggedErrors(AttributeError)), 1)
        self.assertEqual(self.polled(token), "2")

    def test_nothing_left(self) -> None:
        """When everybody has gone no timer is left."""
        self.poll(self.authenticate(), client="a")
        self.mailboxes.close()
        self.sessions.stop()
        self.http.flush()
        for channel in tuple(self.http._agent._serverFactory._channels):
            channel.transport.abortConnection()
        self.assertEqual(self.clock.getDelayedCalls(), [])
