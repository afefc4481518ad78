"""The HTTP API (spec section 4): commands as forms, answers in XML, events by long polling (L{neon.api.mailbox}).

    GET /Command?action=startcall&number=32&token=...
    <ReturnData><Success>true</Success><Error>...</Error><Data><CallId>43</CallId></Data></ReturnData>

    GET /Events?token=...
    <EventData><Name>OnNewCall</Name><Data>...</Data>...</EventData>

Every command that was answered is a 200, refused or not; the other statuses are for requests that are no commands:
204 OPTIONS, 403 and 421 from where it may not come, 404, 405.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final, TypeAlias

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from neon.api import cors, form, upgrade, wire, xml
from neon.api.autodisconnect import Autodisconnect
from neon.api.failures import Refusal, explain
from neon.api.mailbox import Mailbox, Mailboxes
from neon.api.sessions import Session
from neon.bus import Published
from neon.commands import Commands, Subscribed
from neon.errors import DataFormatError, DeadToken, InvalidArgument, InvalidCredentials, NeonError, NotAuthorised

MAX_CLIENT_NAME: Final = 64

_CODES: Final[Mapping[type[NeonError], int]] = {DeadToken: InvalidCredentials.code}
"""Where this API's table of codes differs from the errors' own."""


@dataclass(frozen=True, slots=True)
class Page:
    """Something to read at a path of its own."""

    content_type: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class Exchange:
    """One request and its answer; implements L{neon.commands.Client}."""

    _log = Logger()

    audio: None = None

    def __init__(self, request: Any, root: Root) -> None:
        self._request = request
        self._root = root
        self._gone = False
        self._session: Session | None = None
        self._warnings: list[str] = []
        self.client = ""
        self.method: str = request.method.decode("latin-1")
        self.path: str = request.uri.partition(b"?")[0].decode("latin-1").lower().removesuffix("/")
        here, there = request.getHost(), request.getClientAddress()
        self.verdict = root.policy.decide(
            cors.Visitor(
                peer=(there.host, there.port),
                local=(here.host, here.port),
                host=self.header("Host"),
                origin=self.header("Origin"),
                fetch_site=self.header("Sec-Fetch-Site"),
                preflight=self.method == "OPTIONS",
                connection=request.channel,
            )
        )
        request.notifyFinish().addErrback(self._lost)

    @property
    def origin(self) -> str | None:
        return self.verdict.origin

    def header(self, name: str) -> str | None:
        """A header's value, those of a header that came several times joined."""
        values = self._request.requestHeaders.getRawHeaders(name.encode("ascii"))
        return None if values is None else b", ".join(values).decode("latin-1")

    def pairs(self) -> list[form.Pair]:
        """The fields of query and body.

        @raise DataFormatError: they are no form, or too long.
        """
        uri: bytes = self._request.uri
        if len(uri) > form.MAX_URL:
            raise DataFormatError(f"the URL is longer than {form.MAX_URL} bytes")
        fields = form.query(uri.partition(b"?")[2])
        if self.method == "POST":
            self._request.content.seek(0)
            # One more than there may be, for a server that keeps more than ours.
            body = self._request.content.read(form.MAX_BODY + 1)
            if len(body) > form.MAX_BODY or getattr(self._request, "too_long", False):
                raise DataFormatError(f"the body is longer than {form.MAX_BODY} bytes")
            fields += form.body(self.header("Content-Type"), body)
        if len(fields) > form.MAX_FIELDS:
            raise DataFormatError(f"the form has more than {form.MAX_FIELDS} fields")
        return fields

    def send(
        self, status: int, headers: Iterable[tuple[str, str]] = (), body: bytes = b"", *, sure: bool = False
    ) -> bool:
        """Answer; returns whether somebody was there to whom it could be written.

        C{sure}: rather not answer than answer somebody who may be gone. A client that has closed its own half of the
        connection may still wait for the answer to a command, but for an event it is as good as gone.
        """
        request = self._request
        if self._gone or (sure and not getattr(request.channel, "is_there", _yes)()):
            return False
        self.begin(headers, status)
        if status != 204 and (body or self.method != "HEAD"):
            request.setHeader(b"Content-Length", b"%d" % len(body))
        request.write(b"" if self.method == "HEAD" else body)
        if not getattr(request.channel, "flushed", _yes)():
            return False
        request.finish()
        return True

    def begin(self, headers: Iterable[tuple[str, str]], status: int = 200) -> None:
        """Set status and headers; the body is somebody else's."""
        # Twisted has no words for 421.
        self._request.setResponseCode(status, HTTPStatus(status).phrase.encode("ascii"))
        for name, value in (*cors.headers(self.verdict), *_ALWAYS, *headers):
            self._request.setHeader(name.encode("ascii"), value.encode("latin-1", "replace"))

    def send_xml(
        self, body: bytes, status: int = 200, headers: Iterable[tuple[str, str]] = (), *, sure: bool = False
    ) -> bool:
        """Answer as the document says."""
        return self.send(status, [("Content-Type", xml.CONTENT_TYPE), *headers], body, sure=sure)

    def refuse(self, refusal: Refusal, status: int = 200) -> bool:
        """Answer a command that was not carried out."""
        return self.send_xml(xml.refusal(refusal.code, refusal.description, refusal.system_code), status)

    def fail(self, failure: Failure, action: str) -> None:
        """Answer a command that failed."""
        refusal = explain(failure, action, self._log, _CODES)
        self.send_xml(xml.refusal(refusal.code, refusal.description, refusal.system_code, self._warnings))

    def succeed(self, data: Mapping[str, Any]) -> None:
        """Answer a command that was carried out."""
        self.send_xml(xml.success(data, self._warnings))

    # neon.commands.Client

    @property
    def key(self) -> str:
        # What counts is the tab, not the one request: C{client} names it.
        return "" if self._session is None else self._root.mailboxes.key(self._session, self.client)

    def warn(self, sentence: str) -> None:
        if sentence not in self._warnings:
            self._warnings.append(sentence)

    def authenticated(self, session: Session) -> None:
        self._session = session

    def autodisconnect(self, session: Session, connection_id: int, wanted: bool) -> None:
        # There is no connection here whose end could be waited for.
        if not wanted:
            self._root.autodisconnect.forget(connection_id)

    def subscribe(
        self, session: Session, since: int | None, boot: str | None, events: tuple[str, ...] | None
    ) -> Subscribed:
        return self._root.mailboxes.subscribe(session, self.client, since, boot, events)

    def manual(self) -> Mapping[str, Any]:
        return self._root.manual()

    def _lost(self, reason: Failure) -> None:
        self._gone = True


class Poll:
    """A request for an event."""

    def __init__(self, exchange: Exchange, request: Any, mailbox: Mailbox, session: Session) -> None:
        self._exchange = exchange
        self._mailbox = mailbox
        self._session = session
        answer = self._answer
        request.notifyFinish().addErrback(lambda _: mailbox.vanished(answer))
        mailbox.poll(answer)

    def _answer(self, event: Published | None) -> bool:
        try:
            body = xml.NO_EVENT if event is None else xml.event(event, wire.Spelling.of(self._session))
        except Exception as error:
            # The next poll would fail on it as well: it has to go.
            self._exchange.fail(Failure(error), "events")  # type: ignore[no-untyped-call]
            return True
        return self._exchange.send_xml(body, headers=[("X-NEON-Discarded", str(self._mailbox.discarded))], sure=True)


Served: TypeAlias = Page | Callable[[Exchange], Page]
"""A page, or what makes it for somebody who asks."""


Socket: TypeAlias = Callable[[Exchange, Any], bool]
"""What takes the connection of a request that wants a WebSocket; False if it does not."""


Answer: TypeAlias = Callable[[Exchange, list[form.Pair], Any], None]
"""What answers a form."""


class Root(Resource):
    """All paths of the server. L{pages} may be added to."""

    isLeaf = True

    def __init__(
        self, commands: Commands, mailboxes: Mailboxes, autodisconnect: Autodisconnect, policy: cors.OriginPolicy
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.commands = commands
        self.mailboxes = mailboxes
        self.autodisconnect = autodisconnect
        self.policy = policy
        self.pages: dict[str, Served] = {}
        self.sockets: dict[str, Socket] = {}
        self.manual: Callable[[], Mapping[str, Any]] = dict
        self._forms: dict[str, Answer] = {"/command": self._command, "/events": self._events}

    def add_file(self, path: str, answer: Answer) -> None:
        """Something that is read with a token: at C{path}, in lower case, for whoever may have events."""

        def checked(exchange: Exchange, pairs: list[form.Pair], request: Any) -> None:
            self.commands.listener(pairs, exchange)
            answer(exchange, pairs, request)

        self._forms[path] = checked

    def render(self, request: Any) -> Any:
        """Answer, now or later."""
        exchange = Exchange(request, self)
        try:
            self._render(exchange, request)
        except Exception as error:
            exchange.fail(Failure(error), exchange.path)  # type: ignore[no-untyped-call]
        return NOT_DONE_YET

    def _render(self, exchange: Exchange, request: Any) -> None:
        verdict = exchange.verdict
        if exchange.method == "OPTIONS" and verdict.status in (200, 403):
            # A page that may not ask learns it from the headers that are missing.
            exchange.send(204, cors.preflight_headers(verdict, exchange.header))
            return
        if not verdict.admitted:
            exchange.refuse(Refusal(NotAuthorised.code, verdict.reason), verdict.status)
            return
        socket = self.sockets.get(exchange.path)
        if socket is not None and upgrade.is_wanted(request) and socket(exchange, request):
            return
        run = self._forms.get(exchange.path)
        page = self.pages.get(exchange.path)
        if run is None and page is None:
            exchange.refuse(Refusal(DataFormatError.code, "there is nothing at this path"), 404)
        elif exchange.method not in ("GET", "HEAD", "POST") or (run is None and exchange.method == "POST"):
            refused = xml.refusal(DataFormatError.code, "the method must be GET or POST")
            exchange.send_xml(refused, 405, [("Allow", cors.METHODS)])
        elif page is not None:
            page = page if isinstance(page, Page) else page(exchange)
            exchange.send(200, [("Content-Type", page.content_type), *page.headers.items()], page.body)
        elif exchange.method == "HEAD":
            exchange.send_xml(b"")
        elif run is not None:
            try:
                pairs = exchange.pairs()
                exchange.client = _client(pairs)
                run(exchange, pairs, request)
            except NeonError as error:
                exchange.fail(Failure(error), exchange.path)  # type: ignore[no-untyped-call]

    def _command(self, exchange: Exchange, pairs: list[form.Pair], request: Any) -> None:
        action = next((value for name, value in pairs if name.strip().lower() == "action"), "")
        answer = self.commands.execute(pairs, exchange)
        answered: Deferred[None] = answer.addCallback(exchange.succeed)
        answered.addErrback(exchange.fail, action)

    def _events(self, exchange: Exchange, pairs: list[form.Pair], request: Any) -> None:
        session = self.commands.listener(pairs, exchange)
        Poll(exchange, request, self.mailboxes.of(session, exchange.client), session)


def _client(pairs: Iterable[form.Pair]) -> str:
    """Which of the tabs with the same token this is.

    @raise InvalidArgument: more than one, or a name that is too long.
    """
    names = {value for name, value in pairs if name.strip().lower() == "client"}
    if len(names) > 1 or any(len(name) > MAX_CLIENT_NAME for name in names):
        raise InvalidArgument(f"client must be one name of up to {MAX_CLIENT_NAME} characters")
    return "".join(names)


_ALWAYS: Final = (("Server", "NEON"), ("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"))


def _yes() -> bool:
    return True
