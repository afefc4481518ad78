"""The panel in a real browser, against a running daemon with its test service: what a person does with it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from twisted.internet.utils import getProcessOutput

from tests.integration.browser import Page, WebServer, start_browser
from tests.integration.daemon import ROOT, Client, Daemon, start_daemon
from tests.integration.processes import IntegrationCase, pause, until

CHECKS = (Path(__file__).parent / "pages" / "accessibility.js").read_text("utf-8")


class PanelCase(IntegrationCase):
    """A daemon with a registered account, and a browser."""

    programs_needed = ("chromium",)
    timeout = 120

    daemon: Daemon

    async def started(self, *, language: str = "en", more: str = "", env: dict[str, str] | None = None) -> None:
        self.daemon = await start_daemon(self, testbed=True, more=more, env=env)
        self.browser = await start_browser(self, language=language)
        self.http: str = self.daemon.access["http"].replace("127.0.0.1", "localhost")

    async def registered(self) -> Client:
        """A program of this machine that has registered the account of the test service."""
        client = await self.daemon.connect()
        sip = self.daemon.access["sip"]
        await client.register(sip["domain"], sip["number"], sip["password"])
        return client

    async def address(self) -> str:
        """An address of the panel with a fresh ticket."""
        argv = ("-m", "neon.ctl.main", "--state-dir", str(self.daemon.state_dir), "panel", "--print")
        printed = await getProcessOutput(sys.executable, argv, env={"PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"})
        return bytes(printed).decode().strip()

    async def panel(self, address: str | None = None) -> Page:
        """The panel, signed in. What it shows at the end of the test is kept if that goes wrong."""
        page = await self.browser.page(address or await self.address())
        self.at_end(lambda: page.picture(self.folder / "panel.png"))
        await page.until("document.documentElement?.dataset.panel === 'ready'", "the panel")
        return page

    async def click(self, page: Page, selector: str) -> None:
        """Click on what is there and can be seen."""
        found = f"document.querySelector({json.dumps(selector)})"
        await page.until(f"{found} && {found}.checkVisibility() && !{found}.disabled", f"{selector} to be seen")
        await page.run(f"{found}.click()")

    async def text(self, page: Page, selector: str) -> str:
        return str(await page.run(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''"))

    async def shows(self, page: Page, selector: str, text: str, within: float = 20.0) -> None:
        """Wait until it says so."""
        looked = f"(document.querySelector({json.dumps(selector)})?.innerText ?? '').includes({json.dumps(text)})"
        await page.until(looked, f"{text!r} in {selector}", within)

    def quiet(self, page: Page) -> None:
        """Neither the browser nor the daemon has anything to complain about."""
        self.assertEqual([line for line in page.console if "favicon" not in line], [])
        self.assertEqual(self.daemon.complaints(), [])


class StoryTests(PanelCase):
    async def test_call(self) -> None:
        """Signed in by a ticket, a person dials 600, types digits, holds, resumes, mutes, hangs up, and dials again."""
        await self.started()
        client = await self.registered()
        page = await self.panel()
        self.assertEqual(await page.run("location.hash + history.length"), "2")
        await self.shows(page, "neon-status", "ready")
        await page.run("document.querySelector('#number').focus()")
        await page.press("6", "0", "0", "Enter")
        await self.shows(page, "neon-call .state", "Connected")
        call = (await client.event("OnNewCall"))["callId"]
        await client.command("subscribe", events=["all"])
        await self.click(page, "neon-call [data-do=keypad]")
        await page.press("1", "#")
        await self.click(page, "neon-call .keys button:nth-child(11)")
        await self.shows(page, "neon-call .typed", "1#0")
        await self.click(page, "neon-call [data-do=hold]")
        await client.event("OnHold", local=True, callId=call)
        await self.shows(page, "neon-call .state", "On hold")
        await self.click(page, "neon-call [data-do=hold]")
        await self.shows(page, "neon-call .state", "Connected")
        await self.click(page, "neon-call [data-do=mute]")
        await client.event("OnMute", muted=True, callId=call)
        await page.until("document.querySelector('[data-do=mute]').ariaPressed === 'true'", "the button to be pressed")
        await self.click(page, "neon-call [data-do=record]")
        recorded = await client.event("OnRecording", callId=call)
        self.assertEqual(recorded["state"], "started")
        await page.until("document.querySelector('[data-do=record]').ariaPressed === 'true'", "the recording")
        await self.click(page, "neon-call [data-do=record]")
        await client.event("OnRecording", callId=call, state="stopped")
        await self.shows(page, "neon-call .quality", "Sound:")
        await self.click(page, "neon-call [data-do=hangup]")
        await client.event("OnFinalizedCall", callId=call)
        await self.shows(page, "neon-history ul", "600")
        self.assertEqual(await page.run("document.querySelector('#numbers option').value"), "600")
        await page.run("document.querySelector('#search').focus()")
        await page.press("7", "7")
        await self.shows(page, "neon-history .empty", "No calls.")
        await page.run("document.querySelector('#search').value = '60'")
        await page.press("0")
        await self.click(page, "neon-history li button")
        await client.event("OnNewCall", to=f"sip:600@{self.daemon.access['sip']['domain']}")
        await self.click(page, "neon-call:last-child [data-do=hangup]")
        await client.event("OnFinalizedCall")
        self.quiet(page)

    async def test_called(self) -> None:
        """A call that comes in rings in the panel; one is answered, another is rejected, a failure is explained."""
        await self.started()
        client = await self.registered()
        page = await self.panel()
        await client.call("602")
        await self.shows(page, "neon-call.ringing", "Incoming call")
        self.assertTrue((await page.run("document.title")).startswith("☎"))
        await self.click(page, "neon-call.ringing [data-do=answer]")
        await client.event("OnAcceptCall", type="incoming")
        await self.click(page, "neon-call[data-state=confirmed] [data-do=hangup]")
        await client.event("OnFinalizedCall", type="incoming")
        await client.call("602")
        await self.click(page, "neon-call.ringing [data-do=reject]")
        await client.event("OnFinalizedCall", type="incoming")
        await client.call("603")
        await self.shows(page, "neon-calls", "busy")
        self.quiet(page)

    async def test_transfer(self) -> None:
        """A call is passed on to a number; with two calls up, each can be connected with the other."""
        await self.started()
        client = await self.registered()
        page = await self.panel()
        await client.command("subscribe", events=["all"])
        first = await client.call("600")
        await client.event("OnAcceptCall", callId=first)
        await page.run("document.querySelector('#number').value = '601'")
        await self.click(page, "neon-dial .call")
        await client.event("OnHold", callId=first, local=True)
        await page.until("document.querySelectorAll('neon-call[data-state=confirmed]').length === 2", "two calls")
        await self.click(page, f"neon-call[data-call='{first}'] [data-do=transfer]")
        await self.shows(page, "#transfer .others", "Connect with 601")
        await page.run("document.querySelector('#transfer input').value = '604'")
        await self.click(page, "#transfer .good")
        # The test service passes nobody on: that is told, and the call goes on.
        await client.event("OnTransferFailed", callId=first)
        await self.shows(page, f"neon-call[data-call='{first}'] .note", "ransfer")
        await self.click(page, f"neon-call[data-call='{first}'] [data-do=transfer]")
        await self.click(page, "#transfer .others button")
        await client.event("OnTransferFailed", callId=first)
        self.assertEqual(len((await client.command("listcalls"))["calls"]), 2)
        self.quiet(page)

    async def test_accounts(self) -> None:
        """An account is refused in words for a wrong password, works with the right one, gets DND, and goes."""
        await self.started()
        page = await self.panel()
        sip = self.daemon.access["sip"]
        await self.shows(page, "neon-status", "No account yet")
        client = await self.daemon.connect()
        await self.click(page, "#open-settings")
        for name, value in (("number", sip["number"]), ("domain", sip["domain"]), ("password", "wrong")):
            await page.run(f"document.querySelector('#settings .new [name={name}]').value = {json.dumps(value)}")
        await self.click(page, "#settings .new .good")
        await client.event("OnSIPRegisterRefused")
        await self.shows(page, "neon-status", "refused by the provider")
        await self.shows(page, "neon-status", "password")
        for name, value in (("number", sip["number"]), ("domain", sip["domain"]), ("password", sip["password"])):
            await page.run(f"document.querySelector('#settings .new [name={name}]').value = {json.dumps(value)}")
        await self.click(page, "#settings .new .good")
        await self.shows(page, "neon-status", "ready")
        await page.run("document.querySelector('#settings .list [name=always]').value = '604'")
        await self.click(page, "#settings .list [name=dnd]")
        await self.click(page, "#settings .list .good")
        await self.shows(page, "#settings .list .state", "Saved")
        account = (await client.command("listaccounts"))["accounts"][0]
        self.assertTrue(account["incoming"]["dnd"], account)
        self.assertIn("604", account["incoming"]["always"])
        await self.click(page, "#settings .list .remove")
        await client.event("OnSIPUnRegister")
        await self.shows(page, "neon-status", "No account yet")
        self.quiet(page)


    async def test_signup(self) -> None:
        """A person signs up with an operator: the number, its message in a frame that runs nothing, and the balance."""
        await self.started()
        page = await self.panel()
        client = await self.daemon.connect()
        await self.click(page, "#open-signup")
        fields = {"login": "maria", "password": "a secret of hers", "name": "Maria Silva", "email": "maria@example.com"}
        for name, value in {**fields, "phone": "7155555555"}.items():
            await page.run(f"document.querySelector('#signup [name={name}]').value = {json.dumps(value)}")
        await self.click(page, "#signup form .good")
        await self.shows(page, "#signup .outcome", "Your number is")
        await client.event("OnSIPRegister")
        frame = await page.run(
            "(({ sandbox, srcdoc, contentDocument }) => [sandbox.length, srcdoc.length > 10, contentDocument])"
            "(document.querySelector('#signup iframe'))"
        )
        self.assertEqual(frame, [0, True, None])
        await self.click(page, "#signup section .close")
        await self.shows(page, "neon-status", "ready")
        await self.shows(page, "neon-status", "Balance: R$")
        audit = self.daemon.state_dir / "audit.log"
        asked = audit.read_text().count("getbalance")
        await self.click(page, "neon-status button")
        await until(lambda: audit.read_text().count("getbalance") > asked, "the operator to be asked again")
        await page.until("!document.querySelector('neon-status button').disabled", "its answer")
        self.assertEqual(await self.text(page, "#trouble"), "")
        self.quiet(page)


class DoorTests(PanelCase):
    async def test_tickets(self) -> None:
        """A ticket opens the panel, once; a wrong one asks for a name and password, which do as well."""
        await self.started()
        address = await self.address()
        page = await self.panel(address)
        token = await page.run("JSON.parse(sessionStorage.getItem('neon-client')).token")
        program = await self.daemon.connect(authenticate=False)
        program.token = token
        with self.assertRaisesRegex(Exception, "^602"):
            await program.command("listcalls")
        await page.run("void (document.documentElement.dataset.panel = '', location.reload())")
        await page.until("document.documentElement?.dataset.panel === 'ready'", "the panel after a reload")
        for again in (address, f"{self.http}#ticket=wrong"):
            other = await self.browser.page(again)
            await self.shows(other, "#signin .problem", "used before")
        self.assertNotIn("ticket", await other.run("location.href"))
        await other.run(
            f"document.querySelector('#signin [name=password]').value = {json.dumps(self.daemon.access['password'])}"
        )
        await self.click(other, "#signin .good")
        await other.until("document.documentElement?.dataset.panel === 'ready'", "the panel after a password")
        self.assertNotIn(address.partition("=")[2], self.daemon.program.output)

    async def test_foreign_page(self) -> None:
        """No other page can show the panel in a frame, or read what it consists of."""
        await self.started()
        web = WebServer(self, {"/": f"<iframe id=panel src='{self.http}'></iframe>"})
        page = await self.browser.page(web.origin())
        await until(lambda: "GET / 403" in self.daemon.program.output, "the refusal")
        read = await page.run(f"fetch('{self.http}').then((answer) => answer.status)")
        self.assertEqual(read, 403)
        told = await page.run(f"import('{self.http}panel/phone.js').then(() => 'read', () => 'refused')")
        self.assertEqual(told, "refused")
        # Not even NEON's own page can: the policy of the page itself is what the browser goes by then.
        own = await self.panel()
        await own.run(
            "void document.body.append(Object.assign(document.createElement('iframe'), { src: '/', id: 'framed' }))"
        )
        await own.until("document.querySelector('#framed').contentDocument === null", "the frame to be refused")

    async def test_questions(self) -> None:
        """A page that asks to use the phone is a question in the panel; the answer there lets it in."""
        await self.started(more="[origins]\nask-seconds = 15\n")
        page = await self.panel()
        web = WebServer(self, {"/": "<title>CRM</title>"})
        crm = await self.browser.page(web.origin())
        socket = json.dumps(self.daemon.access["websocket"])
        await crm.run(f"void (globalThis.socket = new WebSocket({socket}))")
        await self.shows(page, "neon-questions", web.origin())
        await self.click(page, "neon-questions .good")
        await crm.until("socket.readyState === WebSocket.OPEN", "the page to be let in")
        await page.until("document.querySelector('neon-questions').children.length === 0", "the question to go")
        await self.click(page, "#open-settings")
        await self.shows(page, "#settings .origins", "allowed until NEON ends")
        await self.click(page, "#settings .origins button")
        await self.shows(page, "#settings .origins", "Nothing was decided")
        await crm.until("socket.readyState !== WebSocket.OPEN", "the page to be cut off")
        self.quiet(page)


class ScreenTests(PanelCase):
    async def test_opened(self) -> None:
        """ShowUI opens the person's browser, signed in, where there is a display; an open panel is told instead."""
        programs = self.folder / "bin"
        programs.mkdir()
        opener = programs / "xdg-open"
        told = self.folder / "opened"
        opener.write_text(f'#!/bin/sh\necho "$1" >> {told}\n')
        opener.chmod(0o755)
        await self.started(env={"DISPLAY": ":99", "PATH": f"{programs}:/usr/bin:/bin"})
        client = await self.daemon.connect()
        for _ in range(3):
            self.assertEqual(await client.command("showui", show=True), {"ui": True})
        await until(lambda: told.exists() and told.read_text(), "xdg-open")
        await pause(0.3)
        (address,) = told.read_text().split()
        page = await self.panel(address)
        await page.run("globalThis.focused = 0; addEventListener('focusin', () => { focused += 1; })")
        await client.command("subscribe", events=["OnShowUI"])
        self.assertEqual(await client.command("showui", show=True), {"ui": True})
        await client.event("OnShowUI", show=True)
        await page.until("focused > 0", "the panel to hear of it")
        self.assertEqual(len(told.read_text().split()), 1)


class AccessTests(PanelCase):
    async def looked(self, page: Page) -> dict[str, Any]:
        """What the checks of C{pages/accessibility.js} find: problems, and how many elements they looked at."""
        found: dict[str, Any] = await page.run(f"{CHECKS}; examine()")
        self.assertEqual(found["problems"], [])
        return found

    async def test_everybody(self) -> None:
        """Every control has a name, Tab reaches everything, and texts have contrast, in light and in dark."""
        await self.started()
        client = await self.registered()
        page = await self.panel()
        call = await client.call("600")
        await client.event("OnAcceptCall", callId=call)
        await self.click(page, "neon-call [data-do=keypad]")
        for scheme in ("dark", "light"):
            await page.colours(scheme)
            await page.picture(self.folder / f"{scheme}.png")
            found = await self.looked(page)
            self.assertGreater(found["controls"], 30)
            self.assertGreater(found["texts"], 30)
        await page.run("document.activeElement.blur()")
        reached = set()
        for _ in range(found["controls"] + 5):
            await page.press("Tab")
            reached.add(await page.run("number(document.activeElement)"))
        self.assertEqual(await page.run(f"missed({json.dumps(sorted(reached - {None}))})"), [])
        await self.click(page, "#open-settings")
        await self.looked(page)
        await page.press("Escape")
        await self.click(page, "neon-call [data-do=transfer]")
        await self.looked(page)
        await page.press("Escape")
        await page.until("document.querySelector('dialog[open]') === null", "the dialogs to be closed by Escape")

    async def test_languages(self) -> None:
        """The panel speaks the browser's language, is small, and loads and runs nothing but itself."""
        await self.started(language="pt-BR")
        page = await self.panel()
        self.assertEqual(await page.run("document.documentElement.lang"), "pt")
        await self.shows(page, "neon-dial .call", "Ligar")
        loaded = await page.run(
            "performance.getEntriesByType('resource').concat(performance.getEntriesByType('navigation'))"
            ".map((entry) => [entry.name, entry.decodedBodySize])"
        )
        self.assertLess(sum(size for _, size in loaded), 120_000, loaded)
        self.assertGreater(len(loaded), 10)
        self.assertEqual({urlsplit(name).hostname for name, _ in loaded}, {"localhost"})
        refused = await page.run(
            """(() => {
                const script = document.createElement("script");
                try { script.textContent = "globalThis.ran = true"; } catch (error) { return String(error); }
                document.body.append(script);
                return "taken";
            })()"""
        )
        self.assertIn("TrustedScript", refused)
        self.assertEqual(
            await page.run("fetch('http://127.0.0.1:1/').then(() => 'sent', () => 'refused')"), "refused"
        )
        self.assertTrue(any("Content Security Policy" in line for line in page.console), page.console)
