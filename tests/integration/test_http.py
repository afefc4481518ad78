"""The HTTP API of a real daemon, by real requests: what a script with nothing but an HTTP library can do."""

from __future__ import annotations

import json
import random
import socket
import urllib.parse
from typing import Any

from lxml import etree
from treq.client import HTTPClient
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.web.client import Agent, HTTPConnectionPool

from tests.integration.daemon import Daemon, start_daemon
from tests.integration.processes import IntegrationCase, pause, until


class Script:
    """A program that polls."""

    def __init__(self, daemon: Daemon) -> None:
        self.url: str = daemon.access["http"].rstrip("/")
        self.port = int(urllib.parse.urlsplit(self.url).port or 0)
        self._access = daemon.access
        self._pool = HTTPConnectionPool(reactor)
        agent: Any = Agent(reactor, pool=self._pool)
        self._http: Any = HTTPClient(agent)
        self.token = ""

    async def text(self, path: str, **fields: str) -> bytes:
        """What comes back."""
        response = await self._http.get(self.url + path, params=fields)
        assert response.code == 200, response.code
        content: bytes = await response.content()
        return content

    async def get(self, path: str, **fields: str) -> Any:
        """The document that comes back."""
        return etree.fromstring(await self.text(path, **fields))

    async def command(self, action: str, **fields: str) -> Any:
        """The Data of a command that succeeds."""
        answer = await self.get("/Command", action=action, token=self.token, **fields)
        assert answer.findtext("Success") == "true", etree.tostring(answer)
        return answer.find("Data")

    async def authenticate(self) -> None:
        fields = {"user": self._access["user"], "password": self._access["password"]}
        answer = await self.get("/Command", action="authenticate", **fields)
        self.token = answer.findtext("Data/Token")

    async def event(self) -> tuple[str, dict[str, str]]:
        """The next event: its name and its data."""
        event = await self.get("/Events", token=self.token)
        return event.findtext("Name"), {item.tag: item.text or "" for item in event.find("Data")}

    async def close(self) -> None:
        closed: Deferred[None] = self._pool.closeCachedConnections()
        await closed


class HttpTests(IntegrationCase):
    async def _script(self) -> Script:
        self.daemon = await start_daemon(self, testbed=True)
        script = Script(self.daemon)
        self.addCleanup(lambda: Deferred.fromCoroutine(script.close()))
        await script.authenticate()
        return script

    async def _registered(self) -> Script:
        script = await self._script()
        sip = self.daemon.access["sip"]
        await script.command("sipregister", domain=sip["domain"], number=sip["number"], password=sip["password"])
        while (await script.event())[0] != "OnSIPRegisterFinalized":
            pass
        return script

    async def test_call(self) -> None:
        """A script that polls sees a whole call: it starts, is answered, and ends when it is told to."""
        script = await self._registered()
        call = (await script.command("startcall", number="600")).findtext("CallId")
        started = await script.event()
        self.assertEqual((started[0], started[1]["CallId"], started[1]["Type"]), ("OnNewCall", call, "outgoing"))
        accepted = await script.event()
        self.assertEqual((accepted[0], accepted[1]["CallId"]), ("OnAcceptCall", call))
        await pause(0.3)
        await script.command("finalizecall", callid=call)
        finalized = await script.event()
        self.assertEqual((finalized[0], finalized[1]["CallId"]), ("OnFinalizedCall", call))
        self.assertGreaterEqual(int(finalized[1]["Duration"]), 250)
        self.assertEqual(finalized[1]["SIPError"], "0")
        self.assertEqual(self.daemon.complaints(), [])

    async def test_both_apis(self) -> None:
        """A token works on both APIs, and each hears of what the other does."""
        script = await self._registered()
        client = await self.daemon.connect(authenticate=False)
        client.token = script.token
        call = await client.call("600")
        self.assertEqual((await script.event())[1]["CallId"], str(call))
        await client.event("OnAcceptCall", callId=call)
        self.assertEqual((await script.event())[0], "OnAcceptCall")
        await script.command("finalizecall", callid=str(call))
        await client.event("OnFinalizedCall", callId=call)
        self.assertEqual((await script.event())[0], "OnFinalizedCall")

    async def test_vanishing_polls(self) -> None:
        """Clients that poll and vanish, before and after the event, on real sockets: whoever stays loses nothing."""
        script = await self._registered()
        chance = random.Random(5)
        client = await self.daemon.connect(authenticate=False)
        client.token = script.token
        expected: list[str] = []
        seen: list[str] = []
        for _ in range(15):
            vanished = []
            for _ in range(chance.randrange(3)):
                connection = socket.create_connection(("127.0.0.1", script.port))
                connection.sendall(
                    f"GET /Events?token={script.token} HTTP/1.1\r\nHost: localhost:{script.port}\r\n\r\n".encode()
                )
                vanished.append(connection)
            await pause(0.02)
            for connection in vanished:
                connection.close()
            # The daemon has this command and the end of those connections to read at the same time.
            call = await client.call("603")
            await client.event("OnFinalizedCall", callId=call)
            expected += [f"OnNewCall {call}", f"OnFinalizedCall {call}"]
            while len(seen) < len(expected):
                name, data = await script.event()
                seen.append(f"{name} {data['CallId']}")
        self.assertEqual(seen, expected)
        self.assertEqual(self.daemon.complaints(), [])

    async def test_stop(self) -> None:
        """Stopping the daemon answers the poll that is held, first with how the call ended."""
        script = await self._registered()
        await script.command("startcall", number="600")
        for name in ("OnNewCall", "OnAcceptCall"):
            self.assertEqual((await script.event())[0], name)
        last = Deferred.fromCoroutine(script.event())
        await pause(0.2)
        await self.daemon.program.stop(within=8)
        self.assertEqual((await last)[0], "OnFinalizedCall")
        self.assertEqual(self.daemon.complaints(), [])

    async def test_secrets(self) -> None:
        """Neither tokens nor passwords stand in the log of a daemon that logs everything."""
        script = await self._registered()
        await script.get("/Command", action="authenticate", user="x", password="hunter2")
        await script.get("/Events", token="hunter3")
        await script.get("/Command", action="startcall", number="600", token=script.token)
        await until(lambda: "GET /Command" in self.daemon.program.output, "a line about a request")
        for secret in ("hunter2", "hunter3", script.token, self.daemon.access["password"]):
            self.assertNotIn(secret, self.daemon.program.output)

    async def test_descriptions(self) -> None:
        """The description of the API is served where the API is."""
        script = await self._script()
        document = json.loads(await script.text("/openapi.json"))
        self.assertTrue(document["openapi"].startswith("3.1"))
        self.assertIn("/Command", document["paths"])
