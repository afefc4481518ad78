"""Web pages in a real browser: those that may use NEON, those that may not, and the doctor page."""

from __future__ import annotations

import json
import random
import sys
from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.integration.browser import Browser, Page, WebServer, here, start_browser
from tests.integration.cutter import Cutter
from tests.integration.daemon import ROOT, Client, Daemon, start_daemon
from tests.integration.processes import IntegrationCase, pause, until

REBOUND = "rebound.example"


class BrowserCase(IntegrationCase):
    """A daemon with its testbed, a browser, and somebody's web server with an approved and an unapproved name."""

    programs_needed = ("chromium",)
    timeout = 90

    daemon: Daemon
    browser: Browser

    async def started(
        self, *, websocket: bool = True, ask_seconds: int = 1, language: str = "en", capture: str = "null"
    ) -> None:
        # "localhost" is the approved page, "127.0.0.1" the other one: another origin, though the server is the same.
        self.pages = {"/plain": here("plain.html"), "/hostile": here("hostile.html"), "/": ""}
        self.web = WebServer(self, self.pages)
        origins = f"[origins]\nallow = {self.web.origin()}\nask-seconds = {ask_seconds}\n"
        application = "[application crm]\npassword = a password\n"
        self.more = f"{origins}{application}"
        self.daemon = await start_daemon(self, testbed=True, websocket=websocket, capture=capture, more=self.more)
        self.http: str = self.daemon.access["http"].replace("127.0.0.1", "localhost")
        self.websocket: str = (self.daemon.access["websocket"] or "").replace("127.0.0.1", "localhost")
        self.browser = await start_browser(self, {REBOUND: "127.0.0.1"}, language)

    async def registered(self) -> Client:
        """A program of this machine with a registered account."""
        client = await self.daemon.connect()
        sip = self.daemon.access["sip"]
        await client.register(sip["domain"], sip["number"], sip["password"])
        return client


class PlainPageTests(BrowserCase):
    async def test_documented_page(self) -> None:
        """A page written as the documents teach authenticates, registers, calls, hears it answered, and hangs up."""
        await self.started()
        page = await self.browser.page(self.web.origin() + "/plain")
        sip = self.daemon.access["sip"]
        settings = {
            "url": self.websocket,
            "user": "crm",
            "password": "a password",
            "domain": sip["domain"],
            "number": sip["number"],
            "sipPassword": sip["password"],
            "call": "600",
        }
        await page.run(f"begin({json.dumps(settings)})")
        await page.until("answers[4] && told.includes('OnSIPUnRegister')", "the whole conversation")
        told = await page.run("told")
        self.assertEqual(
            [name for name in told if "Call" in name], ["OnNewCall", "OnAcceptCall", "OnFinalizedCall"], told
        )
        answers = await page.run("answers")
        self.assertTrue(all(answer["success"] for answer in answers.values()), answers)
        new_call = next(event for event in await page.run("events") if event["name"] == "OnNewCall")
        self.assertEqual(new_call["data"]["callId"], answers["2"]["data"]["callId"])
        self.assertEqual(new_call["data"]["type"], "outgoing")
        self.assertTrue(new_call["data"]["to"].startswith("sip:600@"), new_call)
        self.assertNotIn("disconnected", told)
        self.assertEqual(self.daemon.complaints(), [])

    async def test_guide(self) -> None:
        """The page of the integrators' guide, as it stands there, calls at a click and shows who calls back."""
        await self.started()
        guide = (ROOT / "docs/examples/click-to-call.html").read_text()
        for written, real in (("http://localhost:15060/", self.http), ("ws://localhost:15070/", self.websocket)):
            self.assertIn(written, guide)
            guide = guide.replace(written, real)
        self.pages["/crm"] = guide
        await self.registered()
        page = await self.browser.page(self.web.origin() + "/crm")
        await page.until("document.getElementById('state').textContent.startsWith('Ready')", "the connection")
        await page.run("document.querySelector(\"a[href='tel:602']\").click()")
        await page.until("document.querySelector('h2').textContent === 'Incoming call'", "the call back")
        self.assertTrue(await page.run("document.getElementById('record').open"))
        await page.run("document.getElementById('answer').click()")
        await page.until("document.querySelector('h2').textContent === 'In a call'", "the answer")
        await page.run("document.getElementById('hangup').click()")
        await page.until("document.getElementById('state').textContent.startsWith('The call took')", "the end")
        self.assertEqual(self.daemon.complaints(), [])

    async def test_autodisconnect(self) -> None:
        """When its tab is closed, the account that a page registered with autodisconnect goes, and its call ends."""
        await self.started()
        page = await self.browser.page(self.web.origin() + "/plain")
        watcher = await self.daemon.connect()
        sip = self.daemon.access["sip"]
        settings = {
            "url": self.websocket,
            "user": "crm",
            "password": "a password",
            "domain": sip["domain"],
            "number": sip["number"],
            "sipPassword": sip["password"],
            "call": "604",
        }
        await page.run(f"begin({json.dumps(settings)})")
        await watcher.event("OnNewCall")
        await page.close()
        await watcher.event("OnFinalizedCall", 15)
        await watcher.event("OnSIPUnRegister", 15)
        self.assertEqual((await watcher.command("listaccounts"))["accounts"], [])


class ApprovalTests(BrowserCase):
    async def neonctl(self, *arguments: str) -> str:
        """What neonctl prints."""
        command = (sys.executable, "-m", "neon.ctl.main", "--state-dir", str(self.daemon.state_dir), *arguments)
        program = self.start("neonctl", *command, env={"PYTHONPATH": str(ROOT)})
        self.assertEqual(await program.ended(), 0, program.output)
        return program.output

    async def test_asked(self) -> None:
        """The WebSocket of a page that nobody has decided about waits, and opens when the user says yes."""
        await self.started(ask_seconds=15)
        origin = self.web.origin("127.0.0.1")
        page = await self.browser.page(origin + "/plain")
        await page.run(f"void (globalThis.socket = new WebSocket({json.dumps(self.websocket)}))")
        await pause(0.5)
        self.assertEqual(await page.run("socket.readyState"), 0)
        self.assertIn(origin, await self.neonctl("origin", "pending"))
        await self.neonctl("origin", "allow", origin)
        await page.until("socket.readyState === 1", "the WebSocket")
        # What was decided counts for HTTP as well.
        answer = f"fetch('{self.http}Command?action=getversion').then((answer) => answer.status)"
        self.assertEqual(await page.run(answer), 200)

    async def test_blocked(self) -> None:
        """A no ends the page's connections, and its next ones at once."""
        await self.started()
        page = await self.browser.page(self.web.origin() + "/plain")
        await page.run(f"void (globalThis.socket = new WebSocket({json.dumps(self.websocket)}))")
        await page.until("socket.readyState === 1", "the WebSocket")
        await self.neonctl("origin", "block", self.web.origin())
        await page.until("socket.readyState === 3", "the end of the WebSocket")
        await page.run(f"void (globalThis.socket = new WebSocket({json.dumps(self.websocket)}))")
        await page.until("socket.readyState === 3", "the refusal", 5)


class ClientTests(BrowserCase):
    """neon-client.js, imported by an approved page, behind a connection that breaks."""

    async def client_page(self) -> Page:
        self.cutter = Cutter(self, urlsplit(self.websocket).port or 0)
        page = await self.browser.page(self.web.origin() + "/")
        await page.run(
            f"""(async () => {{
                const {{ NeonClient }} = await import("{self.http}neon-client.js");
                globalThis.neon = new NeonClient({{ url: "ws://localhost:{self.cutter.port}/" }});
                globalThis.heard = [];
                globalThis.resumed = [];
                neon.addEventListener("event", ({{ detail }}) => heard.push([detail.seq, detail.name]));
                neon.addEventListener("resumed", ({{ detail }}) => resumed.push(detail));
                await neon.authenticate("crm", "a password");
            }})()"""
        )
        return page

    async def over(self, watcher: Client, call: int) -> None:
        await until(lambda: "OnFinalizedCall" in watcher.happened(call), "the end of a call")

    async def test_loses_nothing(self) -> None:
        """Every event arrives once and in order, however often the connection breaks."""
        await self.started()
        watcher = await self.registered()
        watcher.events.clear()
        page = await self.client_page()
        before = self.cutter.cuts
        dice = random.Random(15070)
        for number in range(30):
            if number % 5 == 2:
                self.cutter.cut()
            call = await watcher.call("603")
            await pause(dice.random() * 0.1)
            if number % 7 == 3:
                self.cutter.cut()
            await self.over(watcher, call)
        seen = [[event["seq"], event["name"]] for event in watcher.events]
        last = seen[-1][0]
        await page.until(f"heard.length && heard[heard.length - 1][0] >= {last}", "the last event")
        self.assertEqual(await page.run("heard"), seen)
        self.assertGreaterEqual(self.cutter.cuts - before, 4)
        resumed = await page.run("resumed")
        self.assertGreaterEqual(len(resumed), 2)
        self.assertGreater(sum(one["replayed"] for one in resumed), 0)
        self.assertFalse(any(one["gap"] or one["restarted"] for one in resumed), resumed)
        self.assertEqual(self.daemon.complaints(), [])

    async def test_commands_once(self) -> None:
        """A command whose answer was lost with the connection is answered after all, and was carried out once."""
        await self.started()
        watcher = await self.registered()
        watcher.events.clear()
        page = await self.client_page()
        for count in range(1, 4):
            self.cutter.swallowing = True
            answer = await page.run("neon.startCall('604')")
            self.assertEqual(self.cutter.swallowed, count)
            calls = (await watcher.command("listcalls"))["calls"]
            self.assertEqual([call["callId"] for call in calls], [answer["callId"]])
            await page.run(f"neon.finalizeCall({answer['callId']})")
            await watcher.event("OnFinalizedCall", callId=answer["callId"])

    async def test_while_away(self) -> None:
        """A command that is given while the connection is lost waits for it."""
        await self.started()
        await self.registered()
        page = await self.client_page()
        self.cutter.cut()
        await page.until("neon.state === 'waiting'", "noticing")
        self.assertEqual((await page.run("neon.listAccounts()"))["accounts"][0]["state"], "registered")

    async def test_keeps_its_account(self) -> None:
        """An account registered with autodisconnect outlives a connection that breaks."""
        await self.started()
        watcher = await self.daemon.connect()
        page = await self.client_page()
        sip = self.daemon.access["sip"]
        account = {**sip, "autodisconnect": True}
        registered = await page.run(f"neon.sipRegister({json.dumps(account)})")
        await watcher.event("OnSIPRegister")
        self.cutter.cut()
        await page.until("resumed.length === 1", "coming back")
        await pause(6)
        accounts = (await watcher.command("listaccounts"))["accounts"]
        self.assertEqual([one["connectionId"] for one in accounts], [registered["connectionId"]])

    async def test_page_left(self) -> None:
        """A page that is left lets go of its connection, though the browser keeps the page; and then comes back."""
        await self.started()
        watcher = await self.registered()
        page = await self.client_page()
        self.assertEqual(len(self.cutter.open), 1)
        await page.run("globalThis.kept = true")
        await page.open(self.web.origin() + "/plain")
        await until(lambda: not self.cutter.open, "the end of the connection")
        call = await watcher.call("603")
        await watcher.event("OnFinalizedCall", callId=call)
        await page.run("void history.back()")
        await page.until("globalThis.kept && resumed.length === 1", "coming back")
        await page.until("heard.some(([, name]) => name === 'OnFinalizedCall')", "what happened meanwhile")

    async def test_daemon_restarted(self) -> None:
        """After a restart of the daemon it gets a new token, says that there is a gap, and hears events again."""
        await self.started()
        await self.registered()
        page = await self.client_page()
        first = await page.run("neon.listCalls()")
        await self.daemon.program.stop()
        await page.until("neon.state !== 'ready'", "noticing")
        self.daemon = await start_daemon(self, testbed=True, more=self.more, name="neon-again")
        self.cutter.target = urlsplit(self.daemon.access["websocket"]).port or 0
        await page.until("resumed.length === 1", "coming back", 30)
        resumed = await page.run("resumed[0]")
        self.assertEqual((resumed["gap"], resumed["restarted"]), (True, True))
        again = await page.run("neon.listCalls()")
        self.assertNotEqual(again["boot"], first["boot"])
        await page.run("heard.length = 0")
        await self.registered()
        await page.until("heard.some(([, name]) => name === 'OnSIPRegister')", "an event of the new life")

    async def test_refused_command(self) -> None:
        """A refusal is a NeonError with the daemon's code."""
        await self.started()
        page = await self.client_page()
        refused = await page.run("neon.startCall('600').catch((error) => [error.name, error.code])")
        self.assertEqual(refused, ["NeonError", 601])
        self.assertEqual(await page.run("neon.finalizeCall(99).catch((error) => error.code)"), 601)


class DoctorTests(BrowserCase):
    async def states(self, page: Page) -> dict[str, str]:
        await page.until("document.documentElement.dataset.verdict", "the verdict", 45)
        pairs = "[...document.querySelectorAll('dt')].map(({ dataset }) => [dataset.check, dataset.state])"
        states: dict[str, str] = dict(await page.run(pairs))
        return states

    async def test_all_well(self) -> None:
        """With everything working, and an approved page, the doctor says so; the policy of the page blocks nothing."""
        await self.started()
        await self.registered()
        for name in ("localhost", "127.0.0.1"):
            page = await self.browser.page(f"{self.http.replace('localhost', name)}doctor?origin={self.web.origin()}")
            states = await self.states(page)
            self.assertEqual(
                states,
                {
                    "http": "ok",
                    "websocket": "ok",
                    "cors": "ok",
                    "origin": "ok",
                    "network": "ok",
                    "sound": "info",
                    "sip": "ok",
                },
                await page.run("document.body.innerText"),
            )
            self.assertEqual(await page.run("document.documentElement.dataset.verdict"), "well")
            self.assertEqual([line for line in page.console if "Refused" in line or "Content Security" in line], [])

    async def test_remedies(self) -> None:
        """What does not work is named with what to do, in the browser's language; names are shown as text."""
        await self.started(websocket=False, language="pt-BR")
        page = await self.browser.page(f"{self.http}doctor?origin=https://crm.example.com")
        states = await self.states(page)
        self.assertEqual((states["websocket"], states["origin"]), ("bad", "warn"))
        self.assertEqual(await page.run("document.documentElement.dataset.verdict"), "ill")
        text = await page.run("document.body.innerText")
        self.assertIn("neonctl origin allow https://crm.example.com", text)
        self.assertIn("O servidor WebSocket está desligado.", text)
        self.assertEqual(await page.run("document.documentElement.lang"), "pt")
        page = await self.browser.page(f"{self.http}doctor?{urlencode({'origin': '<img src=x onerror=alert(1)>'})}")
        self.assertEqual((await self.states(page))["origin"], "bad")
        self.assertEqual(await page.run("document.images.length"), 0)

    async def test_sound(self) -> None:
        """A sound device that is not there is noticed with the first call; until then it counts as ready."""
        await self.started(capture="portaudio:no such device")
        client = await self.registered()
        page = await self.browser.page(f"{self.http}doctor")
        self.assertEqual((await self.states(page))["sound"], "ok")
        call = await client.call("601")
        await client.event("OnAcceptCall", callId=call)
        failing = "fetch('doctor.json').then((answer) => answer.json()).then(({ sound }) => sound.state)"
        while await page.run(failing) != "fails":
            await pause(0.05)
        page = await self.browser.page(f"{self.http}doctor")
        self.assertEqual((await self.states(page))["sound"], "bad")
        text = await page.run("document.body.innerText")
        self.assertIn("pactl list short sources", text)
        self.assertEqual(await page.run("document.documentElement.dataset.verdict"), "ill")


class HostilePageTests(BrowserCase):
    """A page of another origin, with a good token in its hands, tries to place a call in every way a page has."""

    async def victim(self) -> None:
        await self.started()
        self.client = await self.registered()
        await self.client.event("OnSIPRegisterFinalized")
        self.client.events.clear()
        self.target = {
            "http": self.http,
            "websocket": self.websocket,
            "token": self.client.token,
            "number": "604",
        }

    async def attacked(self, page: Page, name: str) -> Any:
        """Run an attack; return what the page says it got."""
        return await page.run(f"attacks.{name}({json.dumps(self.target)})", 30)

    async def nothing_happened(self, what: object = None) -> None:
        """No call was made, then or now, and the account is still there."""
        await pause(0.3)
        self.assertEqual((await self.client.command("listcalls"))["calls"], [], what)
        self.assertEqual([event["name"] for event in self.client.events], [], what)
        self.assertEqual(len((await self.client.command("listaccounts"))["accounts"]), 1, what)

    def audited(self) -> list[dict[str, Any]]:
        lines = (self.daemon.state_dir / "audit.log").read_text().splitlines()
        return [json.loads(line) for line in lines]

    async def test_other_origin(self) -> None:
        """No form, element, fetch, beacon, event source, WebSocket or sandboxed frame of it runs a command."""
        await self.victim()
        page = await self.browser.page(self.web.origin("127.0.0.1") + "/hostile")
        names = await page.run("Object.keys(attacks)")
        self.assertGreater(len(names), 20)
        before = len(self.audited())
        told = {}
        for name in names:
            told[name] = await self.attacked(page, name)
        await self.nothing_happened(told)
        for name, result in told.items():
            self.assertNotIn("<Success>true", str(result), name)
            self.assertNotIn('"success":true', str(result).replace(" ", ""), name)
            self.assertNotIn("OnNewCall", str(result), name)
        ours = ("listcalls", "listaccounts")
        executed = [line for line in self.audited()[before:] if line["action"] not in ours]
        self.assertEqual([line for line in executed if line["outcome"] == 0], [])
        self.assertEqual(self.daemon.complaints(), [])

    async def test_approved_origin(self) -> None:
        """The same attempts are no attempts at all where they come from an approved page: the test can fail."""
        await self.victim()
        page = await self.browser.page(self.web.origin() + "/hostile")
        for name in ("fetchCors", "fetchPost", "fetchPreflighted"):
            self.target["token"] = await page.run(
                f"fetch('{self.http}Command?action=authenticate&user=crm&password=a%20password')"
                ".then((answer) => answer.text()).then((text) => /<Token>(.*)<.Token>/.exec(text)[1])"
            )
            self.assertIn("<Success>true", await self.attacked(page, name), name)
            call = (await self.client.event("OnNewCall"))["callId"]
            await self.client.command("finalizecall", callid=call)
            await self.client.event("OnFinalizedCall", callId=call)

    async def test_approved_sandbox(self) -> None:
        """A sandboxed frame has no origin, even in an approved page."""
        await self.victim()
        page = await self.browser.page(self.web.origin() + "/hostile")
        for name in ("sandboxFetch", "sandboxNoCors", "sandboxForm", "sandboxSocket"):
            await self.nothing_happened(await self.attacked(page, name))

    async def test_rebound_name(self) -> None:
        """A page whose name was made to point at this machine is of one origin with us, and gets nowhere."""
        await self.victim()
        http, websocket = urlsplit(self.http).port, urlsplit(self.websocket).port
        rebound = f"http://{REBOUND}:{http}/"
        query = urlencode({"action": "startcall", "number": "604", "token": self.target["token"]})
        # Our refusal is the page from which the attacker's script would run.
        page = await self.browser.page(f"{rebound}Command?{query}")
        self.assertEqual(await page.run("location.origin"), rebound.rstrip("/"))
        post = f"'/Command', {{ method: 'POST', body: new URLSearchParams('{query}') }}"
        for request in (f"'/Command?{query}'", post):
            self.assertEqual(await page.run(f"fetch({request}).then((answer) => answer.status)"), 421)
        socket = await page.run(
            f"""new Promise((resolve) => {{
                const ws = new WebSocket("ws://{REBOUND}:{websocket}/");
                ws.onopen = () => resolve("open");
                ws.onclose = () => resolve("closed");
            }})"""
        )
        self.assertEqual(socket, "closed")
        await self.nothing_happened()

    async def test_navigation(self) -> None:
        """A page that sends the whole tab to a command's address runs nothing; nor does a window that it opens."""
        await self.victim()
        query = urlencode({"action": "startcall", "number": "604", "token": self.target["token"]})
        page = await self.browser.page(self.web.origin("127.0.0.1") + "/hostile")
        await page.run(f"window.open('{self.http}Command?{query}') && null")
        await pause(0.5)
        await page.run(f"void (location.href = '{self.http}Command?{query}')")
        await pause(0.5)
        await self.nothing_happened()
