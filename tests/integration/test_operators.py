"""Operators' services over real sockets: servers that lie, break, flood and dawdle, and ones that do not."""

from __future__ import annotations

import gzip
import logging
import struct
from functools import partial
from pathlib import Path
from typing import Any

import zeep
from lxml import etree
from spyne import Application, ComplexModel, Fault, ServiceBase, Unicode, rpc
from spyne.protocol.soap import Soap11
from spyne.server.wsgi import WsgiApplication
from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import Portal
from twisted.internet import reactor
from twisted.web.client import Agent, readBody
from twisted.web.guard import BasicCredentialFactory, DigestCredentialFactory, HTTPAuthSessionWrapper
from twisted.web.resource import IResource, Resource
from twisted.web.server import NOT_DONE_YET
from twisted.web.wsgi import WSGIResource

from neon import operatorpart
from neon.operators import settings
from neon.operators.answers import Answer
from neon.operators.messages import Messages
from neon.operators.service import Services
from neon.operators.words import Kind, Trouble
from neon.operatorvalues import Service
from neon.wsdl import Wsdl, written
from tests.integration.processes import IntegrationCase
from tests.integration.webservice import Authority, Page, bomb, drip, listen, raw, site
from tests.operators.operatorcase import ACCOUNT, xml

GOOD = xml(ACCOUNT).body
BALANCE = xml("<Balance>20.15</Balance>").body


class OperatorCase(IntegrationCase):
    timeout = 30

    def setUp(self) -> None:
        super().setUp()
        self.authority = Authority(self.folder)

    def listening(self, factory: Any, context: Any = None) -> int:
        port = listen(factory, context)
        self.at_end(port.stopListening)
        return int(port.getHost().port)

    def services(self, url: str, more: str = "", sections: str = "[signup]\n[provisioning]\n[balance]\n") -> Services:
        path = self.folder / "acme.conf"
        path.write_text(f"[operator]\nurl = {url}\nallow-http = yes\ntimeout-seconds = 2\n{more}\n{sections}")
        path.chmod(0o600)
        (read,) = settings.load((self.folder,))
        return operatorpart.services(reactor, read)

    async def ask(self, services: Services, service: Service = Service.BALANCE) -> Answer | Trouble:
        values = {"login": "ana", "password": "hidden-1", "number": "31"}
        try:
            return await services.ask(service, values)
        except Trouble as trouble:
            return trouble

    async def refused(self, services: Services, service: Service = Service.BALANCE) -> Kind:
        answer = await self.ask(services, service)
        assert isinstance(answer, Trouble), answer
        return answer.kind

    async def balance(self, services: Services) -> str:
        answer = await self.ask(services)
        assert isinstance(answer, Answer), answer
        return answer.fields["balance"]


class TlsTests(OperatorCase):
    def page(self) -> Page:
        return Page(lambda request: BALANCE)

    async def test_trusted(self) -> None:
        """A server whose certificate is of the operator's authority is asked, also with one of ours."""
        for clients in (False, True):
            port = self.listening(site(self.page()), self.authority.context("127.0.0.1", clients=clients))
            more = f"ca-file = {self.authority.path}\n"
            if clients:
                certificate, key = self.authority.issue("client.example")
                more += f"client-certificate = {certificate}\nclient-key = {key}\n"
            self.assertEqual(await self.balance(self.services(f"https://127.0.0.1:{port}/", more)), "20.15")

    async def test_no_client_certificate(self) -> None:
        """A server that wants a certificate and gets none hears nothing of us."""
        page = self.page()
        port = self.listening(site(page), self.authority.context("127.0.0.1", clients=True))
        kind = await self.refused(self.services(f"https://127.0.0.1:{port}/", f"ca-file = {self.authority.path}\n"))
        self.assertIn(kind, (Kind.TLS, Kind.UNREACHABLE))
        self.assertEqual(page.asked, [])

    async def test_bad_certificates(self) -> None:
        """Unknown authority, wrong name, lapsed: nothing is sent."""
        page = self.page()
        trusted = f"ca-file = {self.authority.path}\n"
        for more, context in (
            ("", self.authority.context("127.0.0.1")),
            (trusted, self.authority.context("127.0.0.2")),
            (trusted, self.authority.context("ws.example.com")),
            (trusted, self.authority.context("127.0.0.1", days=-1)),
        ):
            port = self.listening(site(page), context)
            services = self.services(f"https://127.0.0.1:{port}/", more)
            self.assertEqual(await self.refused(services, Service.SIGNUP), Kind.TLS)
        self.assertEqual(page.asked, [])

    async def test_no_tls(self) -> None:
        """A server that speaks no TLS where it should."""
        page = self.page()
        port = self.listening(site(page))
        kind = await self.refused(self.services(f"https://127.0.0.1:{port}/"), Service.SIGNUP)
        self.assertIn(kind, (Kind.TLS, Kind.UNREACHABLE, Kind.TIMEOUT))
        self.assertEqual(page.asked, [])


def resident(peak: bool) -> int:
    """Octets of memory that this process has, or had at most since L{forget_peak}."""
    name = "VmHWM:" if peak else "VmRSS:"
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


class FloodTests(OperatorCase):
    async def test_gzip_bomb(self) -> None:
        """314 MB in 305 kB: refused, and never unpacked beyond what is read."""
        packed = bomb(314)
        self.assertLess(len(packed), 400_000)

        def answer(request: Any) -> bytes:
            request.setHeader("content-encoding", "gzip")
            return packed

        services = self.services(f"http://127.0.0.1:{self.listening(site(Page(answer)))}/")
        forget_peak()
        before = resident(peak=False)
        self.assertEqual(await self.refused(services), Kind.TOO_LONG)
        self.assertLess(resident(peak=True) - before, 32 << 20)

    async def test_gzip(self) -> None:
        """A gzip body of a sane size is read, though nobody asked for it; a broken or unknown one is not."""


        packed = gzip.compress(BALANCE)
        for encoding, body, wanted in (
            ("gzip", packed, "20.15"), ("gzip", packed[:-9], Kind.NONSENSE), ("gzip", b"no", Kind.NONSENSE),
            ("br", packed, Kind.NONSENSE), ("gzip, gzip", packed, Kind.NONSENSE), ("identity", BALANCE, "20.15"),
        ):
            def answer(request: Any, encoding: str = encoding, body: bytes = body) -> bytes:
                request.setHeader("content-encoding", encoding)
                return body

            services = self.services(f"http://127.0.0.1:{self.listening(site(Page(answer)))}/")
            found = await self.ask(services)
            self.assertEqual(found.kind if isinstance(found, Trouble) else found.fields["balance"], wanted, encoding)

    async def test_endless(self) -> None:
        """A body without an end, and headers without an end, end when they are too long."""
        def pour(head: bytes, octets: bytes) -> int:
            def speak(protocol: Any) -> None:
                protocol.transport.write(head)
                more(protocol.transport)

            def more(transport: Any) -> None:
                if transport.connected:
                    transport.write(octets * 10_000)
                    where: Any = reactor
                    where.callLater(0, more, transport)

            return self.listening(raw(speak))

        for head, octets, kinds in (
            (b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\n", b"<a>", {Kind.TOO_LONG}),
            (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n", {Kind.UNREACHABLE, Kind.NONSENSE, Kind.TIMEOUT}),
            (b"", b"HTTP/1.1 100 Continue\r\n\r\n", {Kind.UNREACHABLE, Kind.NONSENSE, Kind.TIMEOUT}),
            (b"HTTP/1.1 200 OK\r\n", b"X", {Kind.UNREACHABLE, Kind.NONSENSE, Kind.TIMEOUT}),
        ):
            forget_peak()
            before = resident(peak=False)
            self.assertIn(await self.refused(self.services(f"http://127.0.0.1:{pour(head, octets)}/")), kinds)
            # Both ends are in this process, and headers cost more as objects than on the wire.
            self.assertLess(resident(peak=True) - before, 192 << 20)

    async def test_slow(self) -> None:
        """Silence, a body drop by drop, headers that never end: the deadline is for everything together."""
        silent = raw(lambda protocol: None)
        dripping = site(Page(lambda request: drip(request, b"<a>", 0.1)))
        never = site(Page(lambda request: NOT_DONE_YET))
        for factory in (silent, dripping, never):
            services = self.services(f"http://127.0.0.1:{self.listening(factory)}/")
            self.assertEqual(await self.refused(services), Kind.TIMEOUT)

    async def test_not_http(self) -> None:
        """Something else than HTTP, a reset, nobody there."""
        def reset(protocol: Any) -> None:
            sock = protocol.transport.getHandle()
            sock.setsockopt(1, 13, struct.pack("ii", 1, 0))  # SOL_SOCKET, SO_LINGER
            protocol.transport.abortConnection()

        def babble(protocol: Any) -> None:
            protocol.transport.write(b"220 mail.example.com ESMTP\r\n\r\n")
            protocol.transport.loseConnection()

        closed = listen(site(Page(lambda request: b"")))
        gone = closed.getHost().port
        await closed.stopListening()
        for port in (self.listening(raw(reset)), self.listening(raw(babble)), gone):
            kind = await self.refused(self.services(f"http://127.0.0.1:{port}/"))
            self.assertIn(kind, (Kind.UNREACHABLE, Kind.NONSENSE))


def _say(body: bytes, request: Any) -> bytes:
    return body


class AttackTests(OperatorCase):
    async def test_documents(self) -> None:
        """DTDs, entities, files of ours, depth, other people's pages."""
        secret = self.folder / "secret.txt"
        secret.write_text("top secret")
        external = f'<!DOCTYPE r [<!ENTITY x SYSTEM "file://{secret}">]><r><balance>&x;</balance></r>'
        laughs = "<!DOCTYPE r [<!ENTITY a 'ha'>" + "".join(
            f"<!ENTITY {chr(98 + n)} '{f'&{chr(97 + n)};' * 50}'>" for n in range(6)
        ) + "]><r><balance>&g;</balance></r>"
        for body in (external, laughs, "<a>" * 200_000, "[" * 200_000, "<html><h1>Login</h1></html>", ""):
            page = Page(partial(_say, body.encode()))
            services = self.services(f"http://127.0.0.1:{self.listening(site(page))}/")
            self.assertEqual(await self.refused(services), Kind.NONSENSE, body[:30])

    async def test_redirects(self) -> None:
        """A redirect carries no password anywhere; one without secrets is followed, but not to other schemes."""
        target = Page(lambda request: b"20.15")
        there = f"http://127.0.0.1:{self.listening(site(target))}/x"

        def redirect(status: int, location: str) -> Page:
            def answer(request: Any) -> bytes:
                request.setResponseCode(status)
                request.setHeader("location", location)
                return b""

            return Page(answer)

        for status in (301, 302, 303, 307, 308):
            for more in ("", "protocol = form\n"):
                port = self.listening(site(redirect(status, there)))
                kind = await self.refused(self.services(f"http://127.0.0.1:{port}/", more), Service.PROVISIONING)
                self.assertEqual(kind, Kind.REDIRECT)
        get = "[balance]\nmethod = GET\n"
        for more in ("auth = basic\nuser = a\npassword = hidden-2\n", "auth = bearer\npassword = hidden-3\n"):
            port = self.listening(site(redirect(302, there)))
            services = self.services(f"http://127.0.0.1:{port}/", f"protocol = form\n{more}", get)
            self.assertEqual(await self.refused(services), Kind.REDIRECT)
        self.assertEqual(target.asked, [])
        bad = ("ftp://x/", "http://a:b@127.0.0.1/", "/again", "//", "file:///etc/passwd", "http://[", "")
        for location, wanted in ((there, "20.15"), *((location, Kind.REDIRECT) for location in bad)):
            port = self.listening(site(redirect(302, location)))
            found = await self.ask(self.services(f"http://127.0.0.1:{port}/", "protocol = form\n", get))
            self.assertEqual(found.kind if isinstance(found, Trouble) else found.fields["balance"], wanted, location)

    async def test_once_more(self) -> None:
        """What only reads is tried a second time, and no more; a sign-up never is."""
        def busy(request: Any) -> bytes:
            request.setResponseCode(503)
            return b""

        for service, times in ((Service.BALANCE, 2), (Service.PROVISIONING, 2), (Service.SIGNUP, 1)):
            page = Page(busy)
            services = self.services(f"http://127.0.0.1:{self.listening(site(page))}/")
            self.assertEqual(await self.refused(services, service), Kind.STATUS)
            self.assertEqual(len(page.asked), times, service)


class _Realm:
    def __init__(self, page: Resource) -> None:
        self._page = page

    def requestAvatar(self, avatar: object, mind: object, *interfaces: object) -> tuple[object, Resource, Any]:
        return IResource, self._page, lambda: None


class AuthenticationTests(OperatorCase):
    async def test_twisted(self) -> None:
        """Basic and digest, judged by twisted.web's own guard; a wrong password is asked about once."""
        page = Page(lambda request: BALANCE)
        checker: Any = InMemoryUsernamePasswordDatabaseDontUse(neon=b"s:cr\xc3\xa9t")
        for kind, factory in (
            ("basic", BasicCredentialFactory(b"acme")),
            ("digest", DigestCredentialFactory(b"md5", b"acme")),
        ):
            realm: Any = _Realm(page)
            portal = Portal(realm, [checker])
            wrapper: Any = HTTPAuthSessionWrapper(portal, [factory])
            port = self.listening(site(wrapper))
            for password, good in (("s:crét", True), ("wrong", False)):
                services = self.services(
                    f"http://127.0.0.1:{port}/", f"auth = {kind}\nuser = neon\npassword = {password}\n"
                )
                if good:
                    self.assertEqual(await self.balance(services), "20.15")
                    self.assertEqual(await self.balance(services), "20.15")
                else:
                    self.assertEqual(await self.refused(services), Kind.ACCESS)


class _Account(ComplexModel):  # type: ignore[misc]
    Number = Unicode
    Password = Unicode
    Domain = Unicode


class _Error(ComplexModel):  # type: ignore[misc]
    Code = Unicode
    Description = Unicode


class _Result(ComplexModel):  # type: ignore[misc]
    Success = Unicode
    Error = _Error
    Data = _Account


class Operator(ServiceBase):  # type: ignore[misc]
    """An operator that somebody built with spyne."""

    @rpc(Unicode, Unicode, _returns=_Result)  # type: ignore[untyped-decorator]
    def Provisioning(ctx: Any, Login: str, Password: str) -> _Result:  # noqa: N805 - spyne's way
        if Login == "nobody":
            raise Fault("Client.NotFound", "no such user")
        if Password != "hidden-1":
            return _Result(Success="false", Error=_Error(Code="104", Description=f"senha de {Login}"))
        account = _Account(Number="31", Password="p<>&", Domain="a.b")
        return _Result(Success="true", Error=_Error(Code="0"), Data=account)


def shape(element: etree._Element) -> Any:
    """What an element says: its name, its text, and what is in it."""
    return element.tag, (element.text or "").strip(), [shape(child) for child in element]


class SpyneTests(OperatorCase):
    timeout = 60

    def served(self) -> int:
        """The port of a spyne server."""
        application = Application(
            [Operator], "urn:acme:voip", in_protocol=Soap11(validator="lxml"), out_protocol=Soap11()
        )
        logging.getLogger("spyne").setLevel(logging.CRITICAL + 1)  # it shows a traceback for every fault
        where: Any = reactor
        resource: Any = WSGIResource(where, where.getThreadPool(), WsgiApplication(application))
        return self.listening(site(resource))

    async def test_wsdl(self) -> None:
        """The file that we make of spyne's WSDL works as it is, and says what zeep makes of the same WSDL."""
        port = self.served()
        got = await Agent(reactor).request(b"GET", f"http://127.0.0.1:{port}/?wsdl".encode())
        document = await readBody(got)
        path = self.folder / "spyne.wsdl"
        path.write_bytes(document)
        text = written(Wsdl(path.as_uri(), lambda place: document).description(), "spyne.wsdl")
        (self.folder / "acme.conf").write_text(text.replace("#allow-http", "allow-http"))
        (read,) = settings.load((self.folder,))
        values = {"login": "José <&> ñ", "password": "hidden-1"}
        answer = await operatorpart.services(reactor, read).ask(Service.PROVISIONING, values)
        self.assertEqual(answer.fields["number"], "31")
        ours = etree.fromstring(Messages(read).build(read.operations[Service.PROVISIONING], values).body)
        client = zeep.Client(str(path))
        theirs = client.create_message(client.service, "Provisioning", Login="José <&> ñ", Password="hidden-1")
        self.assertEqual(shape(ours[0][0]), shape(theirs[0][0]))

    async def test_spyne(self) -> None:
        """A SOAP server that is none of ours understands our requests, and we its answers and faults."""
        services = self.services(
            f"http://127.0.0.1:{self.served()}/",
            "namespace = urn:acme:voip\nqualified = yes\n",
            "[provisioning]\npath =\nsoap-action = Provisioning\ncontent-type = text/xml; charset=utf-8\n",
        )
        answer = await services.ask(Service.PROVISIONING, {"login": "ana", "password": "hidden-1"})
        self.assertEqual(answer.fields, {"number": "31", "password": "p<>&", "domain": "a.b"})
        for login, password, code, said in (
            ("José <&> ñ", "wrong", 104, "senha de José <&> ñ"), ("nobody", "x", 500, "no such user")
        ):
            try:
                await services.ask(Service.PROVISIONING, {"login": login, "password": password})
            except Trouble as trouble:
                self.assertEqual((trouble.kind, trouble.code, trouble.said), (Kind.REFUSED, code, said))
            else:
                self.fail("it was not refused")
