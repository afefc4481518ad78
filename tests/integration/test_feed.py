"""Supervisors and agents of a running daemon."""

from __future__ import annotations

import csv
import json
from typing import Any

import treq

from tests.integration.browser import WebServer, start_browser
from tests.integration.daemon import Client, Daemon, start_daemon
from tests.integration.feed import FeedClient, feed_client, feed_section, member
from tests.integration.processes import IntegrationCase, until

PAGE = """\
<!doctype html><title>Supervisor</title><script>
  const told = [];
  function watch(url, user, passwd) {
    const feed = new WebSocket(url + "ws");
    feed.onmessage = ({data}) => {
      const message = JSON.parse(data);
      if (message.type === "welcome") feed.send(JSON.stringify({type: "auth-plain", user, passwd}));
      told.push(message.action || message.type);
    };
    feed.onclose = () => told.push("closed");
  }
</script>
"""


class FeedCase(IntegrationCase):
    daemon: Daemon
    client: Client

    async def started(self, **feed: Any) -> None:
        self.daemon = await start_daemon(self, testbed=True, more=feed_section(**feed))
        self.client = await self.daemon.connect()
        sip = self.daemon.access["sip"]
        await self.client.register(sip["domain"], sip["number"], sip["password"])

    async def agent(self, tls: bool = False) -> FeedClient:
        password = member(self.daemon, "agentadd", name="ana", extension="1000")
        agent = await feed_client(self.daemon, "/agent", tls=tls)
        await agent.log_in("ana", password)
        return agent

    async def supervisor(self) -> FeedClient:
        password = member(self.daemon, "supervisoradd", name="luz")
        supervisor = await feed_client(self.daemon, "/ws")
        await supervisor.log_in("luz", password)
        return supervisor


class AgentTests(FeedCase):
    async def test_call(self) -> None:
        """call rings here, dials, and both legs are seen by the agent and the supervisor; hangup ends both."""
        await self.started()
        agent, supervisor = await self.agent(), await self.supervisor()
        agent.say(type="action", action="call", phone="600", customfield1="order 17")
        first = (await agent.hears(type="action-resp", action="call", result="ok"))["callid"]
        rang = await agent.hears(action="new-call", direction="incoming")
        self.assertEqual((rang["callid"], rang["phonea"], rang["phoneb"]), (first, "600", "1000"))
        dialled = await agent.hears(action="new-call", direction="outgoing", phonea="1000", phoneb="600")
        await agent.hears(action="call-state", callid=dialled["callid"], state=6, statedesc="Up")
        late = await feed_client(self.daemon, "/agent")
        member(self.daemon, "agentpasswd", name="ana")
        self.assertTrue(await until(lambda: agent.closed, "the end of the old password"))
        late.dropConnection(abort=True)
        supervisor.messages.clear()
        await self.client.command("finalizecall", callid=first)
        for call in (first, dialled["callid"]):
            ended = await supervisor.hears(action="hangup", callid=call)
            self.assertEqual((ended["cause"], ended["causedesc"]), (16, "Normal call clearing"))
        await supervisor.hears(action="extension-status", extension="1000", status="idle")
        self.assertEqual(self.daemon.complaints(), [])

    async def test_user_answers(self) -> None:
        """Without automatic answer nothing is dialled until the user has answered."""
        await self.started(auto_answer=False)
        agent = await self.agent()
        agent.say(type="action", action="call", phone="600")
        first = (await agent.hears(type="action-resp", result="ok"))["callid"]
        await agent.hears(action="extension-status", status="ringing")
        self.assertEqual(await self.client.incoming(), first)
        self.assertEqual([m for m in agent.messages if m.get("direction") == "outgoing"], [])
        await self.client.command("acceptcall", callid=first)
        second = (await agent.hears(action="new-call", direction="outgoing"))["callid"]
        await agent.hears(action="call-state", callid=second, state=6)
        agent.say(type="action", action="hangup", call=[second])
        await agent.hears(type="action-resp", action="hangup", result="ok")
        await agent.hears(action="hangup", callid=first)

    async def test_late_agent(self) -> None:
        """Whoever logs in during a call sees it in init, with hold and bridge, and then only what changes."""
        await self.started()
        agent = await self.agent()
        agent.say(type="action", action="call", phone="600")
        first = (await agent.hears(type="action-resp", result="ok"))["callid"]
        second = (await agent.hears(action="new-call", direction="outgoing"))["callid"]
        await agent.hears(action="call-state", callid=second, state=6)
        await self.client.command("sethold", callid=second, hold=True)
        await agent.hears(action="start-moh", callid=second)
        supervisor = await feed_client(self.daemon, "/ws")
        password = member(self.daemon, "supervisoradd", name="luz")
        (extension,) = (await supervisor.log_in("luz", password))["data"]
        calls = {call["CallID"]: call for call in extension["Calls"]}
        self.assertEqual((calls[first]["Bridge"], calls[second]["Bridge"]), (second, first))
        self.assertEqual(extension["Status"], "onhold")
        self.assertEqual((calls[second]["Hold"], calls[second]["StatusDesc"]), (True, "Up"))
        await self.client.command("sethold", callid=second, hold=False)
        await supervisor.hears(action="stop-moh", callid=second)
        await supervisor.hears(action="extension-status", status="inuse")
        self.assertEqual(supervisor.messages, [])

    async def test_call_log(self) -> None:
        """The custom fields of an agent's call stand in the log, in its CSV and in its JSON."""
        await self.started()
        agent = await self.agent()
        agent.say(type="action", action="call", phone="601", customfield1="=order", customfield2="b")
        await agent.hears(action="call-state", state=6)
        second = (await agent.hears(action="new-call", direction="outgoing"))["callid"]
        await agent.hears(action="call-state", callid=second, state=6)
        agent.say(type="action", action="hangup", call=[second])
        await self.client.event("OnFinalizedCall", callId=second)
        history = await self.client.command("callhistory", type="outgoing")
        (call,) = history["calls"]
        seen = call["customField1"], call["application"], call["result"]
        self.assertEqual(seen, ("=order", "agent ana", "answered"))
        rows = list(csv.DictReader((await self.download("csv")).splitlines()))
        self.assertEqual([row["customField1"] for row in rows if row["callId"] == str(second)], ["'=order"])
        calls = json.loads(await self.download("json", type="outgoing"))
        self.assertEqual([one["callId"] for one in calls], [second])

    async def download(self, kind: str, **filters: str) -> str:
        """The call log as a file."""
        url = f"{self.daemon.access['http']}CallLog.{kind}"
        reply = await treq.get(url, params={"token": self.client.token or "", **filters}, persistent=False)
        self.assertIn("attachment", reply.headers.getRawHeaders("Content-Disposition")[0])
        return str(await treq.text_content(reply))


class TransportTests(FeedCase):
    async def test_tls(self) -> None:
        """wss works with the certificate that NEON makes, which is private and stays the same."""
        await self.started(tls=True)
        agent = await self.agent(tls=True)
        self.assertEqual(agent.status, {"1000": "idle"})
        key = self.daemon.state_dir / "feed-key.pem"
        self.assertEqual(key.stat().st_mode & 0o777, 0o600)


class BrowserTests(FeedCase):
    programs_needed = ("chromium",)
    timeout = 90

    async def test_supervisor_page(self) -> None:
        """A page in a real browser watches a call from its beginning to its end."""
        await self.started()
        password = member(self.daemon, "supervisoradd", name="luz")
        web = WebServer(self, {"/": PAGE})
        page = await (await start_browser(self)).page(web.origin() + "/")
        await page.run(f"watch({json.dumps(self.daemon.access['feed']['ws'])}, 'luz', {json.dumps(password)})")
        await page.until("told.includes('init')", "the state of everything")
        call = await self.client.call("600")
        await self.client.event("OnAcceptCall", callId=call)
        await self.client.command("finalizecall", callid=call)
        await page.until("told.includes('hangup')", "the end of the call")
        await page.until("told.at(-1) === 'extension-status'", "what the extension does then")
        told = await page.run("told")
        self.assertEqual(told[:3], ["welcome", "auth-resp", "init"])
        self.assertLess(told.index("new-call"), told.index("hangup"))
