"""The panel through a long day: what is refused, what is clicked twice, what goes away meanwhile, and rude callers."""

from __future__ import annotations

import re
import socket
from typing import Any, Final

from tests.integration.daemon import Daemon, start_again
from tests.integration.stage import Tab
from tests.integration.test_panel import READY, PanelCase
from tests.integration.webservice import Page, listen, site
from tests.operators.operatorcase import xml

RULES: Final = "[toll]\ncalls-per-minute = 0\ncalls-at-once = 0\ndeny = 0900\n[api]\nmessages-per-second = 0\n"

PASTED: Final = {
    "(71) 7155-0000": "(71) 7155-0000",
    "tel:%2B55-11-5555;phone-context=x": "+55-11-5555",
    "callto://600?chat": "600",
    "Telefone: +55 71 7155": "+55 71 7155",
    "sip:ana@example.com": "sip:ana@example.com",
    "\u202e0055\u202c": "0055",
    "5" * 10_000: "5" * 255,
}


class DailyTests(PanelCase):
    async def test_refused(self) -> None:
        """In Portuguese: every kind of refusal says why in that language, where the person looks at that moment."""
        nowhere = self.folder / "file"
        nowhere.write_text("no directory")
        await self.started(registered=False, limits=RULES, more=f"[recording]\ndirectory = {nowhere}/recordings\n")
        tab = await self.panel("pt-BR")
        await self.dial(tab, "600")
        await tab.shows("#trouble", "Agora não é possível ligar: nenhuma conta está registrada")
        await tab.click("#open-settings")
        fields = {"number": "a b", "domain": "sip.example.com:0", "password": "x"}
        for name, value in fields.items():
            await tab.fill(f"#settings .new [name={name}]", value)
        await tab.press("Enter")
        await tab.shows("#settings .new .problem", "a porta em “Servidor” deve ser de 1 a 65535")
        await tab.fill("#settings .new [name=domain]", "sip.example.com")
        await tab.press("Enter")
        await tab.shows("#settings .new .problem", "“Número ou usuário” só pode ter letras")
        await self.look(tab, "refused-pt")
        await tab.press("Escape")
        await self.client.register(self.sip["domain"], self.sip["number"], self.sip["password"])
        await tab.shows("neon-status", "pronta")
        await self.dial(tab, "ana maria?")
        await tab.shows("#trouble", "não é um número: use dígitos")
        await self.dial(tab, "0900 555")
        await tab.shows("#trouble", "Isso não é permitido: daqui não se pode ligar para esse número")
        await self.dial(tab, "600")
        call = (await self.client.event("OnAcceptCall"))["callId"]
        await tab.click("neon-call [data-do=record]")
        await tab.shows("#trouble", "não foi possível gravar a chamada")
        await self.client.command("finalizecall", callid=call)
        # What was said of a call that is gone by then, as when two people press at once.
        said = await tab.run(
            """async () => {
                const { Speaking } = await import("/panel/refusals.js");
                const client = new Speaking({ url: `ws://${location.host}/panel/socket`, storage: sessionStorage });
                await client.connect();
                try { return await client.command("acceptcall", { callId: 987654 }); }
                catch (error) { return [error.code, error.message]; }
                finally { client.close(); }
            }"""
        )
        self.assertEqual(said, [102, "a chamada já terminou"])
        # The same commands speak English to programs, as they always did.
        with self.assertRaisesRegex(Exception, "^102 there is no call 987654, or it has ended$"):
            await self.client.command("acceptcall", callid=987654)

    async def dial(self, tab: Tab, number: str) -> None:
        await tab.fill("#number", number)
        await tab.press("Enter")

    async def test_clicks(self) -> None:
        """Pasted, called once by a double click, hung up before the answer, called again by Enter alone; answered
        by a double click that hits nothing else; and the transfer dialog of a call that ends goes with it."""
        await self.started()
        client = self.client
        tab = await self.panel()
        for text, value in PASTED.items():
            await tab.fill("#number", "")
            await tab.run(
                """(text) => {
                    const clipboardData = new DataTransfer();
                    clipboardData.setData("text/plain", text);
                    document.querySelector("#number").dispatchEvent(
                        new ClipboardEvent("paste", { clipboardData, cancelable: true, bubbles: true }));
                }""",
                text,
            )
            self.assertEqual(await tab.run("document.querySelector('#number').value"), value)
        await tab.fill("#number", "604")
        place = await tab.place("neon-dial .call")
        await tab.tap(place)
        await tab.tap(place, 2)
        first = (await client.event("OnNewCall"))["callId"]
        await tab.shows("neon-call .state", "Ringing…")
        self.assertEqual([call["callId"] for call in (await client.command("listcalls"))["calls"]], [first])
        self.assertEqual(await tab.run("document.querySelector('#number').value"), "")
        await tab.click("neon-call [data-do=hangup]")
        await client.event("OnFinalizedCall", callId=first)
        await self.again(tab, "604")
        await tab.press("Enter")
        second = (await client.event("OnNewCall", to=f"sip:604@{self.sip['domain']}"))["callId"]
        await tab.has(f"neon-call[data-call='{second}'] [data-do=hangup]")
        await tab.run(f"document.querySelector('neon-call[data-call=\"{second}\"] [data-do=hangup]').focus()")
        await tab.press("Enter")
        await client.event("OnFinalizedCall", callId=second)
        # The button is gone, and the focus is not lost: it is at the call, and in the dial pad when that goes.
        button = f"document.querySelector('neon-call[data-call=\"{second}\"] [data-do=hangup]:not([hidden])')"
        await tab.until(f"{button} === null && document.activeElement !== document.body")
        await self.answer(tab)
        await self.passed(tab)
        self.quiet(tab)

    async def again(self, tab: Tab, number: str) -> None:
        """Enter in an empty pad brings back the number that was called last, and calls nobody."""
        # Tried more than once: shortly after a call it is taken for one more click of that.
        field = "document.querySelector('#number')"
        await tab.until(f"{field}.form.requestSubmit() ?? {field}.value === '{number}'")
        self.assertEqual((await self.client.command("listcalls"))["calls"], [])
        await tab.run("document.querySelector('#number').focus()")

    async def answer(self, tab: Tab) -> None:
        """What takes the place of the button that was clicked gets no second click."""
        client = self.client
        await client.call("602")
        await tab.has("neon-call.ringing")
        place = await tab.place("neon-call.ringing [data-do=answer]")
        await tab.tap(place)
        call = (await client.event("OnAcceptCall", type="incoming"))["callId"]
        await tab.shows(f"neon-call[data-call='{call}'] .state", "Connected")
        under = "document.elementFromPoint(...place)?.closest('button')?.dataset.do"
        self.assertEqual(await tab.run(f"(place) => {under}", list(place)), "mute")
        await tab.tap(place, 2)
        (up,) = (one for one in (await client.command("listcalls"))["calls"] if one["callId"] == call)
        self.assertFalse(up["muted"])
        await tab.tap(place)
        await client.event("OnMute", callId=call, muted=True)
        await client.command("finalizecall", callid=call)
        await client.event("OnFinalizedCall", callId=call)

    async def passed(self, tab: Tab) -> None:
        """The dialog for passing a call on closes when that call has ended."""
        call = await self.client.call("600")
        await self.client.event("OnAcceptCall", callId=call)
        await tab.click(f"neon-call[data-call='{call}'] [data-do=transfer]")
        await tab.has("#transfer")
        await self.client.command("finalizecall", callid=call)
        await tab.has("#transfer", 0)
        await tab.shows(f"neon-call[data-call='{call}'] .state", "Ended")

    async def test_two_tabs_and_a_restart(self) -> None:
        """Two tabs show the same; when NEON goes both say so, and when it is back they come back by themselves."""
        await self.started()
        client = self.client
        one, two = await self.panel(), await self.panel("es-ES")
        call = await client.call("600")
        await one.shows("neon-call .state", "Connected")
        await two.shows("neon-call .state", "Conectada")
        await one.click("neon-call [data-do=hold]")
        await two.shows("neon-call .state", "En espera")
        await two.click("neon-call [data-do=hangup]")
        await one.shows("neon-call .state", "Ended")
        await client.event("OnFinalizedCall", callId=call)
        # The panel needs no microphone: the daemon has the sound.
        self.assertFalse(await one.run("document.featurePolicy.allowsFeature('microphone')"))
        self.quiet(one)
        await self.restarted(one, two)

    async def restarted(self, one: Tab, two: Tab) -> None:
        """The daemon ends, and begins anew at the same port."""
        configuration = self.daemon.state_dir / "test.conf"
        port = self.daemon.access["http"].rstrip("/").rpartition(":")[2]
        text = configuration.read_text()
        configuration.write_text(re.sub(r"(\[http\]\nhost = .*\nport = )0", rf"\g<1>{port}", text))
        await self.daemon.program.stop()
        await one.shows("#trouble", "NEON does not answer")
        await two.shows("#trouble", "NEON no responde")
        again: Daemon = await start_again(self, self.daemon)
        await one.shows("#signin .problem", "NEON was restarted")
        await two.shows("#signin .problem", "NEON se reinició")
        await one.has("neon-call", 0)
        await self.look(one, "restarted")
        await one.fill("#signin [name=password]", again.access["password"])
        await one.press("Enter")
        await one.has("#signin", 0)
        await one.until(READY)
        client = await again.connect()
        sip = again.access["sip"]
        await client.register(sip["domain"], sip["number"], sip["password"])
        await one.shows("neon-status", "ready")
        self.assertEqual(again.complaints(), [])


EVIL: Final = "<img src=x onerror=globalThis.owned=1><script>globalThis.owned=1</script>"

INVITE: Final = """\
{method} sip:{user}@127.0.0.1:{there} SIP/2.0\r
Via: SIP/2.0/UDP 127.0.0.1:{here};branch=z9hG4bK{here}\r
From: "{name}" <sip:{sender}@127.0.0.1:{here}>;tag=t{here}\r
To: <sip:{user}@127.0.0.1:{there}>\r
Call-ID: rude{here}@127.0.0.1\r
CSeq: 1 {method}\r
Max-Forwards: 70\r
Contact: <sip:rude@127.0.0.1:{here}>\r
X-CRM-Id: {evil}\r
Content-Length: 0\r
\r
"""


class RudeCaller:
    """Somebody who calls the account of the test service, and gives up."""

    def __init__(self, daemon: Daemon, user: str, name: str, sender: str) -> None:
        self._there = int(daemon.sip_address.rpartition(":")[2])
        self._user, self._name, self._sender = user, name, sender
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(10.0)

    def _send(self, method: str, until: str) -> None:
        here = self._socket.getsockname()[1]
        told = {"method": method, "user": self._user, "name": self._name, "sender": self._sender, "evil": EVIL}
        text = INVITE.format(there=self._there, here=here, **told)
        self._socket.sendto(text.encode(), ("127.0.0.1", self._there))
        while until not in self._socket.recv(65536).decode().partition("\r\n")[0]:
            pass

    def call(self, status: str = "180") -> None:
        """Ring there, or be refused."""
        self._send("INVITE", status)

    def give_up(self) -> None:
        """Cancel."""
        self._send("CANCEL", "487")
        self._socket.close()


class RudeTests(PanelCase):
    def answer(self, request: Any) -> bytes:
        """An operator that would like to run something in the panel."""
        if request.path == b"/GetBalance":
            return xml(f"<Balance><![CDATA[4.20 {EVIL}]]></Balance>").body
        html = f"<Html><![CDATA[<p>Welcome</p>{EVIL}<a href='javascript:parent.owned=1'>x</a>]]></Html>"
        fields = self.daemon.access["sip"].items()
        account = "".join(f"<{name.title()}>{value}</{name.title()}>" for name, value in fields)
        return xml(account + html).body

    async def test_rude(self) -> None:
        """Names that are markup, that turn the writing round, or that are endless are words on a line, here and in the
        history; what an operator sends is no more than that either."""
        port = listen(site(Page(self.answer)))
        self.at_end(port.stopListening)
        operators = self.folder / "operators.d"
        operators.mkdir()
        url = f"http://127.0.0.1:{port.getHost().port}/"
        file = f"[operator]\nurl = {url}\nallow-http = yes\ntitle = {EVIL}\n[signup]\n[balance]\n"
        (operators / "acme.conf").write_text(file)
        await self.started(more=f"[operators]\ndirectory = {operators}\n")
        tab = await self.panel("pt-BR")
        await tab.size(360, 800)
        for name, sender, shown in (
            (EVIL, "%3Cimg%20src=x%3E", "<img src=x"),
            ("\u202egnp.exe\u202c \u2067Banco", "32", "gnp.exe Banco"),
            ("Ana " * 500, "33", "Ana Ana"),
        ):
            caller = RudeCaller(self.daemon, self.sip["number"], name, sender)
            caller.call()
            await tab.shows("neon-call.ringing h3", shown)
            await self.plain(tab)
            if sender == "33":
                await self.look(tab, "rude-pt")
            caller.give_up()
            await tab.has("neon-call.ringing", 0)
            await tab.shows("neon-history .party", shown)
        # What would be endless does not get that far.
        RudeCaller(self.daemon, self.sip["number"], "Ana " * 2500, "34").call("400")
        await self.plain(tab)
        await tab.click("#open-signup")
        await tab.choose("#signup select", "acme")
        for field, value in {"login": "maria", "password": "a secret"}.items():
            await tab.fill(f"#signup [name={field}]", value)
        await tab.press("Enter")
        await tab.shows("#signup .outcome", "Seu número é")
        shown = await tab.run("document.querySelector('#signup iframe').srcdoc")
        self.assertIn("Welcome", shown)
        for word in ("script", "onerror", "javascript"):
            self.assertNotIn(word, shown)
        await self.plain(tab)

    async def plain(self, tab: Tab) -> None:
        """Nothing ran, nothing became an element, nothing is wider than the page or turned round."""
        found = await tab.run(
            """() => ({
                owned: globalThis.owned ?? null,
                elements: document.querySelectorAll("main img, header img:not(#logo), dialog img, body script").length,
                wide: document.documentElement.scrollWidth - innerWidth,
                turned: /[\\u202a-\\u202e\\u2066-\\u2069]/.test(document.body.textContent + document.title),
                longest: Math.max(...[...document.querySelectorAll("h3, .party")].map((one) => one.textContent.length)),
            })"""
        )
        self.assertLessEqual(found.pop("longest"), 121)
        self.assertLessEqual(found.pop("wide"), 0)
        self.assertEqual(found, {"owned": None, "elements": 0, "turned": False})
