"""The WebSocket API, through real handshakes and frames."""

from __future__ import annotations

import json
from typing import Any, cast

import txaio
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.internet.defer import Deferred
from twisted.internet.testing import StringTransportWithDisconnection

from neon.api import frames, lag, paced, websocket
from neon.commands import Command, Commands, Context, Data, Needs
from neon.errors import NeonError
from neon.events import RegistrationCancelled, Unregistered
from neon.values import Cause
from tests.api.websockets import PORT, Client, WebSocketCase
from tests.fakes import AGREEMENT, FakeCall

autobahn_timers: Any = vars(txaio)["config"]

NOT_REQUESTS: tuple[tuple[bytes, str], ...] = (
    (b"", "not JSON"),
    (b"hello", "not JSON"),
    (b"\xff\xfe", "not UTF-8"),
    (b"{id: 1, action: listcalls}", "not JSON"),
    (b'{"action": "listcalls",,}', "not JSON"),
    (b'{"action": "listcalls"} {}', "not JSON"),
    (b'{"action": "list\ncalls"}', "not JSON"),
    (b"null", "not a JSON object"),
    (b"5", "not a JSON object"),
    (b'"authenticate"', "not a JSON object"),
    (b"[]", "not a JSON object"),
    (b'[["action", "listcalls"]]', "not a JSON object"),
    (b"{}", "no action"),
    (b'{"action": null}', "no action"),
    (b'{"action": 5}', "no action"),
    (b'{"action": {"action": "x"}}', "no action"),
    (b'{"action": "listcalls", "x": NaN}', "NaN is not JSON"),
    (b'{"action": "listcalls", "x": -Infinity}', "-Infinity is not JSON"),
    (b'{"action": "listcalls", "x": 1e999}', "too large"),
    (b'{"action": "listcalls", "x": ' + b"9" * 41 + b"}", "more than 40 digits"),
    (b'{"action": "listcalls", "id": [1]}', "id must be"),
    (b'{"action": "listcalls", "id": {}}', "id must be"),
    (b'{"action": "listcalls", "x": ' + b"[" * 8 + b"]" * 8 + b"}", "nested deeper than 8"),
    (b"[" * 60_000, "nested deeper than 8"),
    (b'{"a":' * 9 + b"1" + b"}" * 9, "nested deeper than 8"),
    (b'{"action": "' + b"x" * frames.MAX_BYTES + b'"}', "longer than 65536 bytes"),
)


class FrameTests(WebSocketCase):
    def test_golden(self) -> None:
        """The messages of the document, byte for byte."""
        self.world.registered()
        client = self.authenticated()
        client.send({"id": 1, "token": client.token, "action": "startcall", "number": "7155555555"})
        self.world.turn()
        client.pump.flush()
        answer, event = client.protocol.arrived
        self.assertEqual(answer, b'{"id":1,"success":true,"data":{"callId":43}}')
        self.assertEqual(
            event,
            b'{"action":"event","name":"OnNewCall","seq":3,"ts":"2024-05-01T12:00:00.000Z","data":{"callId":43,'
            b'"type":"outgoing","from":"sip:31@sip.acme.com","to":"sip:7155555555@sip.acme.com"}}',
        )

    def test_golden_refusal(self) -> None:
        """A refusal has the code, words, and an empty data."""
        client = self.authenticated()
        client.send({"id": "x", "token": client.token, "action": "startcall", "number": "32"})
        self.assertEqual(
            client.protocol.arrived,
            [
                b'{"id":"x","success":false,"error":{"code":601,"description":"no SIP account is registered"},'
                b'"data":{}}'
            ],
        )

    def test_not_requests(self) -> None:
        """Everything that is no request is answered with 100 and words, and the socket stays open."""
        client = self.connected()
        for payload, words in NOT_REQUESTS:
            answer = client.ask(payload, binary=True)
            found = (answer["success"], answer["error"]["code"], answer["data"])
            self.assertEqual(found, (False, 100, {}), payload[:50])
            self.assertIn(words, answer["error"]["description"])
        self.assertEqual(client.ask(b'{"action":"listcalls"}')["error"]["code"], 602)

    def test_binary(self) -> None:
        """A binary frame that holds UTF-8 JSON is a request like any other."""
        client = self.authenticated()
        message = json.dumps({"id": "é", "token": client.token, "action": "listcalls"}, ensure_ascii=False)
        answer = client.ask(message.encode(), binary=True)
        self.assertEqual((answer["id"], answer["success"], answer["data"]["calls"]), ("é", True, []))

    def test_id(self) -> None:
        """Any scalar id comes back as it was, of the same type; without one there is none."""
        client = self.authenticated()
        for number in (0, 1, -5, 1.5, "", "a\u2028\ud800b", True, False, None, 10**30):
            answer = client.ask({"id": number, "action": "listcalls", "token": client.token})
            self.assertEqual((answer["id"], type(answer["id"])), (number, type(number)))
        self.assertNotIn("id", client.ask({"action": "listcalls", "token": client.token}))
        self.assertEqual(client.ask({"ID": 5, "action": "nonsense", "token": client.token})["id"], 5)
        self.assertEqual(client.ask(b'{"id": 7}')["id"], 7)

    def test_two_ids(self) -> None:
        """Two different ids are an invalid argument; 1 and true are different."""
        client = self.connected()
        for payload in (b'{"id": 1, "id": 2, "action": "x"}', b'{"id": 1, "Id": true, "action": "x"}'):
            self.assertEqual(client.ask(payload)["error"]["code"], 102)
        self.assertEqual(client.ask(b'{"id": 1, "id": 1, "action": "x"}')["error"]["code"], 602)

    def test_duplicate_keys(self) -> None:
        """A key given twice with different values is 102, also within one JSON object."""
        self.world.registered()
        client = self.authenticated()
        head = f'{{"token": "{client.token}", "action": "startcall", '.encode()
        self.assertEqual(client.ask(head + b'"number": "1", "number": "2"}')["error"]["code"], 102)
        self.assertTrue(client.ask(head + b'"number": "1", "number": "1"}')["success"])

    def test_huge(self) -> None:
        """A message beyond all reason closes the connection with 1009, and only that connection."""
        client, other = self.connected(), self.authenticated()
        client.send(b"x" * (websocket.HARD_LIMIT_BYTES + 1))
        self.assertEqual(client.protocol.closing[0] if client.protocol.closing else None, 1009)
        self.assertTrue(other.command("listcalls")["success"])

    @given(st.binary(max_size=200) | st.text(alphabet='{}[]":,\\ue1-.tnfaid \n', max_size=200).map(str.encode))
    def test_decoder(self, payload: bytes) -> None:
        """Whatever arrives, the decoder gives a request or a NeonError with a code, and nothing else."""
        try:
            request = frames.decode(payload)
        except NeonError as error:
            self.assertIn(error.code, (100, 102))
        else:
            frames.success(request.reply, {})

    @given(st.dictionaries(st.text(max_size=5), st.none() | st.booleans() | st.integers(-(10**39), 10**39) | st.text()))
    def test_decoder_reads_json(self, message: dict[str, Any]) -> None:
        """What a JSON encoder wrote the decoder reads, id included."""
        ids = [value for key, value in message.items() if key.lower() == "id"]
        if len(ids) < 2:
            request = frames.decode(json.dumps(message).encode())
            self.assertEqual(dict(request.pairs) | {}, {k: v for k, v in message.items() if k.lower() != "id"})
            self.assertEqual(list(request.reply.values()), ids)

    def test_object_for_text(self) -> None:
        """An object where text is wanted is called an object, not by what our decoder makes of it."""
        client = self.authenticated()
        answer = client.ask({"action": "startcall", "token": client.token, "number": {"a": 1}})
        self.assertEqual(answer["error"], {"code": 102, "description": "number must be text, not this object"})


class HandshakeTests(WebSocketCase):
    """Handshakes written by hand, to see the status that comes back."""

    def raw(self, peer: str = "127.0.0.1") -> tuple[websocket.Connection, StringTransportWithDisconnection]:
        server = self.server()
        transport = StringTransportWithDisconnection(
            IPv4Address("TCP", "127.0.0.1", PORT), IPv4Address("TCP", peer, 40000)
        )
        transport.protocol = cast(Any, server)
        server.makeConnection(cast(Any, transport))
        return server, transport

    def status(self, host: str, peer: str = "127.0.0.1") -> int:
        server, transport = self.raw(peer)
        server.dataReceived(
            f"GET / HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: MDEyMzQ1Njc4OTAxMjM0NQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        return int(transport.value().split()[1])

    def test_server_header(self) -> None:
        """The handshake says NEON, as the HTTP API does, and not which library speaks."""
        self.assertEqual(self.connect().protocol.http_headers["server"], "NEON")

    def test_local_names(self) -> None:
        """The three names of this machine, with our port, are served."""
        for name in ("localhost", "127.0.0.1", "[::1]", "LocalHost"):
            self.assertEqual(self.status(f"{name}:{PORT}"), 101, name)

    def test_rebinding(self) -> None:
        """Any other Host is refused with 421: a page may have had its name rebound to us."""
        for host in (
            "evil.example",
            f"evil.example:{PORT}",
            "localhost:80",
            "localhost",
            "[::1]",
            f"127.0.0.2:{PORT}",
            f"localhost.:{PORT}",
            f"localhost.evil.example:{PORT}",
        ):
            self.assertEqual(self.status(host), 421, host)

    def test_foreign_peer(self) -> None:
        """Only programs of this machine are served."""
        self.assertEqual(self.status(f"localhost:{PORT}", peer="192.0.2.1"), 403)
        self.assertEqual(self.status(f"localhost:{PORT}", peer="127.0.0.9"), 101)

    def test_no_websocket(self) -> None:
        """A plain HTTP request gets an error, not a page."""
        server, transport = self.raw()
        server.dataReceived(f"GET / HTTP/1.1\r\nHost: localhost:{PORT}\r\n\r\n".encode())
        self.assertIn(b" 426 ", transport.value())

    def test_too_many(self) -> None:
        """The 65th connection is refused; when one of the others goes there is room again."""
        clients = [self.connected() for _ in range(self.guard.limits.connections)]
        self.assertEqual(self.status(f"localhost:{PORT}"), 503)
        clients[0].drop()
        self.connected()

    def test_endless_header(self) -> None:
        """A handshake without an end is cut off."""
        server, transport = self.raw()
        for _ in range(20):
            self.assertFalse(transport.disconnected)
            server.dataReceived(b"x" * 1000)
            if transport.disconnected:
                break
        self.assertTrue(transport.disconnected)

    def test_slow_handshake(self) -> None:
        """A handshake that is not finished in ten seconds is cut off."""
        self.patch(autobahn_timers, "loop", self.clock)
        _, transport = self.raw()
        self.clock.pump([1.0] * 11)
        self.assertTrue(transport.disconnected)

    def test_no_delay(self) -> None:
        """TCP_NODELAY is set on every connection."""
        server, _ = self.raw()
        asked: list[bool] = []

        class Transport(StringTransportWithDisconnection):
            def setTcpNoDelay(self, enabled: bool) -> None:
                asked.append(enabled)

        server = self.server()
        here = IPv4Address("TCP", "127.0.0.1", PORT)
        server.makeConnection(cast(Any, Transport(here, here)))
        self.assertEqual(asked[-1:], [True])

    def test_internal_error(self) -> None:
        """A bug in the check of a handshake is logged, not swallowed."""
        server, transport = self.raw()
        transport.peerAddr = UNIXAddress(None)
        server.dataReceived(
            f"GET / HTTP/1.1\r\nHost: localhost:{PORT}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: MDEyMzQ1Njc4OTAxMjM0NQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        self.assertIn(b" 500 ", transport.value())
        self.assertEqual(len(self.flushLoggedErrors(AttributeError)), 1)


class OrderTests(WebSocketCase):
    def test_answers_in_order(self) -> None:
        """A slow command delays the later ones of its connection: answers come in the order of the questions."""
        client, other = self.connected(), self.authenticated()
        self.applications.slow = True
        client.send({"id": 1, "action": "authenticate", "user": "crm", "password": "secret"})
        client.send({"id": 2, "action": "listcalls", "token": other.token})
        self.assertEqual(client.take(), [])
        self.assertTrue(other.command("listcalls")["success"])
        self.applications.finish()
        self.assertEqual([answer["id"] for answer in client.take()], [1, 2])

    def test_flood(self) -> None:
        """A client that sends faster than it is answered is read no further, and loses nothing."""
        client = self.connected()
        self.applications.slow = True
        for number in range(100):
            client.send({"id": number, "action": "authenticate", "user": "crm", "password": "wrong"})
        self.assertEqual(len(self.applications.pending), 1)
        for _ in range(100):
            self.applications.finish()
            self.clock.advance(0.02)
        self.assertEqual([answer["id"] for answer in client.take()], list(range(100)))

    def test_gone_before_the_answer(self) -> None:
        """A connection that closes while its command runs takes nothing with it."""
        client = self.connected()
        self.applications.slow = True
        client.send({"action": "authenticate", "user": "crm", "password": "secret"})
        client.drop()
        self.applications.finish()
        self.applications.slow = False
        self.authenticated()

    def test_internal_error(self) -> None:
        """A bug is answered with 500 and a reference that stands in the log, and the connection goes on."""

        def broken(context: Context) -> Data:
            raise ZeroDivisionError("secret detail")

        def late(context: Context) -> Deferred[Data]:
            later: Deferred[Data] = Deferred()
            later.errback(ZeroDivisionError("secret detail"))
            return later

        def unspeakable(context: Context) -> Data:
            return {"set": {1}}

        table = [Command(f.__name__, f, needs=Needs.NOTHING) for f in (broken, late, unspeakable)]
        self.api.commands = Commands(self.world.phone, self.sessions, self.applications, table)
        client = self.connected()
        for action in ("broken", "late"):
            error = client.command(action)["error"]
            self.assertEqual(error["code"], 500)
            self.assertRegex(error["description"], r"\Ainternal error, reference [0-9a-f]{8}\Z")
            self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(client.command("unspeakable")["error"]["code"], 500)
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)


class EventTests(WebSocketCase):
    def test_only_authenticated(self) -> None:
        """Events go to connections that showed a live token, and to no others."""
        client, stranger = self.authenticated(), self.connected()
        wrong = self.connected()
        wrong.command("authenticate", user="crm", password="wrong")
        self.world.registered()
        self.assertEqual([event["name"] for event in client.take()], ["OnSIPRegister", "OnSIPRegisterFinalized"])
        self.assertEqual(stranger.take() + wrong.take(), [])

    def test_token_on_another_connection(self) -> None:
        """A connection that shows a token gets events as the one that authenticated does."""
        first, second = self.authenticated(), self.connected()
        second.token = first.token
        second.command("listcalls")
        self.world.registered()
        self.assertEqual(first.take(), second.take())

    def test_numbered(self) -> None:
        """Events have increasing numbers and a time."""
        client = self.authenticated()
        self.world.registered()
        self.clock.advance(0.25)
        self.world.signalling.call_in()
        self.world.turn()
        events = client.take()
        self.assertEqual([event["seq"] for event in events], [1, 2, 3])
        self.assertEqual(events[2]["ts"], "2024-05-01T12:00:00.250Z")

    def test_logout(self) -> None:
        """After logout there are no events."""
        client = self.authenticated()
        client.command("logout")
        self.world.registered()
        self.assertEqual(client.take(), [])

    def test_idle(self) -> None:
        """A token that was not used for its time is dead; one that is connected is in use."""
        client = self.authenticated()
        self.clock.advance(7300)
        self.assertTrue(client.command("listcalls")["success"])
        client.drop()
        self.clock.advance(3599)
        self.assertEqual(len(self.sessions), 1)
        again = self.connected()
        again.token = client.token
        self.assertTrue(again.command("listcalls")["success"])
        again.drop()
        self.clock.advance(3602)
        again = self.connected()
        again.token = client.token
        self.assertEqual(again.command("listcalls")["error"]["code"], 602)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_prose(self) -> None:
        """A session asked for the prose names gets those, another the names of the tables, each event once."""
        tables, prose = self.authenticated(), self.connected()
        prose.authenticate(spelling="prose")
        self.world.bus.publish(Unregistered(1, Cause()))
        self.world.bus.publish(RegistrationCancelled(1, Cause()))
        self.world.turn()
        self.assertEqual([e["name"] for e in tables.take()], ["OnSIPUnRegister", "OnSIPRegisterCancelled"])
        self.assertEqual([e["name"] for e in prose.take()], ["OnSIPUnregister", "OnSIPRegisterCanceled"])

    def test_call(self) -> None:
        """A call's events, with the fields of the documents."""
        self.world.registered()
        client = self.authenticated()
        call = self.world.signalling.call_in(display_name="Zé")
        assert isinstance(call, FakeCall)
        self.world.turn()
        self.assertTrue(client.take()[0]["name"], "OnNewCall")
        client.command("acceptcall", callid=43)
        call.listener.answered(AGREEMENT)
        self.world.turn()
        self.clock.advance(61)
        call.listener.ended(Cause(0, "hung up"))
        self.world.turn()
        accepted, finalized = client.take()
        common = {
            "callId": 43,
            "type": "incoming",
            "from": "sip:32@sip.acme.com",
            "to": "sip:31@sip.acme.com",
            "displayName": "Zé",
        }
        self.assertEqual(accepted["name"], "OnAcceptCall")
        self.assertEqual(accepted["data"], common | {"duration": 0, "SIPError": 0})
        self.assertEqual(finalized["name"], "OnFinalizedCall")
        self.assertEqual(
            finalized["data"], common | {"duration": 61000, "SIPError": 0, "reason": finalized["data"]["reason"]}
        )


class SlowReaderTests(WebSocketCase):
    def test_closed(self) -> None:
        """A client that does not read is closed at 256 kB behind, the others notice nothing."""
        slow, other = self.authenticated(), self.authenticated()
        slow.server.pauseProducing()  # what the transport says when its buffer is full
        sent = 0
        while slow.server.state == slow.server.STATE_OPEN:
            self.world.bus.publish(Unregistered(1, Cause(0, "x" * 200)))
            self.world.turn()
            sent += 1
            self.assertLess(sent, 3000)
        self.assertEqual(len(other.take()), sent)
        self.assertGreater(sent * 300, lag.MAX_BYTES // 2)
        slow.take()
        self.assertEqual(slow.protocol.closing[0] if slow.protocol.closing else None, paced.TOO_SLOW)

    def test_caught_up(self) -> None:
        """A client that catches up in time stays."""
        slow = self.authenticated()
        for _ in range(20):
            slow.server.pauseProducing()
            for _ in range(100):
                self.world.bus.publish(Unregistered(1, Cause(0, "x" * 200)))
            self.world.turn()
            slow.server.resumeProducing()
        self.assertEqual(len(slow.take()), 2000)


class AutodisconnectTests(WebSocketCase):
    def registered(self, wanted: object = True) -> Client:
        client = self.authenticated()
        client.command("sipregister", domain="sip.acme.com", number="31", password="x", autodisconnect=wanted)
        self.world.signalling.answer_registration(1)
        self.world.turn()
        client.take()
        return client

    def gone(self) -> list[int]:
        return self.world.signalling.unregistrations

    def test_close(self) -> None:
        """Five seconds after the connection closed the account goes, and its calls are ended."""
        client = self.registered()
        client.command("startcall", number="32")
        client.protocol.sendClose(1000)
        client.pump.flush()
        self.clock.advance(4.9)
        self.assertEqual(self.gone(), [])
        self.clock.advance(0.2)
        self.assertEqual(self.gone(), [1])
        self.assertIn("hang_up", self.world.signalling.calls[0].requests)

    def test_reset(self) -> None:
        """The same when the connection breaks."""
        self.registered().drop()
        self.clock.advance(5.1)
        self.assertEqual(self.gone(), [1])

    def test_back_in_time(self) -> None:
        """The same token on another connection keeps the account, which from then on depends on that one."""
        first = self.registered()
        first.drop()
        self.clock.advance(4)
        second = self.connected()
        second.token = first.token
        second.command("listcalls")
        self.clock.advance(60)
        self.assertEqual(self.gone(), [])
        second.drop()
        self.clock.advance(5.1)
        self.assertEqual(self.gone(), [1])

    def test_other_token(self) -> None:
        """Another session of the same application keeps nothing."""
        self.registered().drop()
        self.authenticated()
        self.clock.advance(5.1)
        self.assertEqual(self.gone(), [1])

    def test_not_wanted(self) -> None:
        """Without autodisconnect the account stays; also if it was asked for once and not the second time."""
        client = self.registered(wanted=True)
        client.command("sipregister", domain="sip.acme.com", number="31", password="x", autodisconnect="não")
        client.drop()
        self.clock.advance(60)
        self.assertEqual(self.gone(), [])

    def test_unregistered_before(self) -> None:
        """An account that was given up before the connection closed is not given up twice."""
        client = self.registered()
        client.command("sipunregister")
        client.drop()
        self.clock.advance(60)
        self.assertEqual(self.gone(), [1])

    def test_ping_timeout(self) -> None:
        """The same when the client vanishes without a word and no longer answers pings, but not if it only rests."""
        self.patch(autobahn_timers, "loop", self.clock)
        client = self.registered()
        client.protocol.deaf = True

        def wait(seconds: int) -> None:
            for _ in range(seconds):
                self.clock.advance(1)
                client.pump.flush()

        wait(40)
        self.assertEqual(self.gone(), [])
        wait(21)
        self.assertEqual(self.gone(), [1])


class ClosingTests(WebSocketCase):
    def test_close(self) -> None:
        """Closing says good-bye to everybody and waits until they are gone."""
        clients = [self.connected(), self.authenticated()]
        closed = self.api.close()
        self.assertNoResult(closed)
        for client in clients:
            client.pump.flush()
        self.successResultOf(closed)
        self.assertEqual([client.protocol.closing for client in clients], [(1000, "NEON is stopping")] * 2)

    def test_nobody(self) -> None:
        """With nobody there it is done at once."""
        self.successResultOf(self.api.close())
