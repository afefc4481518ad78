"""The test operator: the web services of a VoIP operator, small but real, for the accounts of the embedded SIP service.

    POST /Signup, /Provisioning, /GetBalance, /ActivateLicense    SOAP 1.1 or 1.2, at / too; or a form
    GET  /GetBalance?Number=1001                                   a form
    POST /customers                {login, password, name...}      REST, in JSON
    POST /customers/LOGIN/account  {password}
    GET  /accounts/1001/balance
    POST /accounts/1001/licence    {key}
    GET  /?wsdl                                                    the WSDL, which nobody has to sign in for

It knows no sockets (L{neon.testbed.site} does). For everything but the WSDL one has to be the user L{USER}, whose
password only this daemon and access.json know: pages in a browser and other users of the machine have no business here.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any, Final, TypeAlias
from urllib.parse import unquote

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.logger import Logger

from neon import operatorvalues as codes
from neon.store.customers import Customer
from neon.testbed import wire
from neon.testbed.customers import CENTS_PER_SECOND, CURRENCY, Customers, Refusal, account, amount
from neon.testbed.wsdl import wsdl

USER: Final = "neon"

SOAP: Final = "application/soap+xml; charset=utf-8"
XML: Final = "text/xml; charset=utf-8"
JSON: Final = "application/json"

STATUSES: Final[Mapping[int, int]] = {
    codes.INVALID_ARGUMENT: 400,
    codes.INVALID_FORMAT: 422,
    codes.NOT_FOUND: 404,
    codes.USER_EXISTS: 409,
    codes.INVALID_PASSWORD: 403,
}
"""How REST says the error codes; everything else is a 500."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request of HTTP; C{path} without the query, C{body} is bounded by whoever read it."""

    method: str
    path: str
    query: str = ""
    content_type: str = ""
    authorization: str = field(default="", repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Told:
    """The answer to it."""

    status: int
    content_type: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)


Data: TypeAlias = Mapping[str, str]


class Operator:
    """Answers requests. C{domain} is the SIP service's, C{url} ours; both are known once they run."""

    _log = Logger()

    def __init__(
        self, customers: Customers, password: str, domain: Callable[[], str], url: Callable[[], str]
    ) -> None:
        self._customers = customers
        self._password = password
        self._domain = domain
        self._url = url

    def answer(self, asked: Asked) -> Deferred[Told]:
        """What to answer; it never fails."""
        if asked.method == "GET" and asked.path == "/" and asked.query.lower() == "wsdl":
            return succeed(Told(200, XML, wsdl(self._url())))
        if not self._signed_in(asked.authorization):
            challenge = {"WWW-Authenticate": 'Basic realm="NEON testbed", charset="UTF-8"'}
            return succeed(Told(401, "text/plain; charset=utf-8", b"user and password are needed\n", challenge))
        words = [unquote(word) for word in asked.path.strip("/").split("/")]
        if asked.method not in ("GET", "POST"):
            return succeed(Told(405, "text/plain; charset=utf-8", b"GET and POST only\n", {"Allow": "GET, POST"}))
        if words[0] in ("customers", "accounts"):
            return self._rest(asked, words)
        operation = {name.lower(): name for name in wire.OPERATIONS}.get("/".join(words).lower())
        if asked.method == "POST" and _is_xml(asked.content_type) and (operation is not None or words == [""]):
            return self._soap(asked)
        if operation is not None:
            return self._form(asked, operation)
        return succeed(Told(404, "text/plain; charset=utf-8", b"there is nothing here\n"))

    def _signed_in(self, authorization: str) -> bool:
        scheme, _, rest = authorization.partition(" ")
        try:
            given = base64.b64decode(rest.strip(), validate=True)
        except (binascii.Error, ValueError):
            return False
        return scheme.lower() == "basic" and hmac.compare_digest(given, f"{USER}:{self._password}".encode())

    # The languages

    def _soap(self, asked: Asked) -> Deferred[Told]:
        kind = XML if asked.content_type.lower().startswith("text/xml") else SOAP
        try:
            call = wire.read_soap(asked.body, None)
        except wire.Fault as fault:
            envelope = wire.SOAP_12 if wire.SOAP_12.encode() in asked.body[:1000] else wire.SOAP_11
            status = 400 if envelope == wire.SOAP_12 and fault.code == "Client" else 500
            return succeed(Told(status, kind, wire.write_fault(fault, envelope)))
        except Refusal as refusal:
            return succeed(Told(500, kind, wire.write_fault(wire.Fault("Client", str(refusal)))))
        done = self._do(call.operation, call.arguments)
        return done.addCallback(lambda data: Told(200, kind, wire.write_soap(call, data)))

    def _form(self, asked: Asked, operation: str) -> Deferred[Told]:
        def arguments() -> Data:
            text = asked.query if asked.method == "GET" else asked.body.decode("utf-8", "replace")
            return wire.arguments(operation, wire.read_form(text))

        done = self._do(operation, arguments)
        return done.addCallback(lambda data: Told(200, XML, wire.write_xml(data)))

    def _rest(self, asked: Asked, words: list[str]) -> Deferred[Told]:
        match asked.method, words:
            case "POST", ["customers"]:
                operation, given = "Signup", []
            case "POST", ["customers", login, "account"]:
                operation, given = "Provisioning", [("Login", login)]
            case "GET", ["accounts", number, "balance"]:
                operation, given = "GetBalance", [("Number", number)]
            case "POST", ["accounts", number, "licence"]:
                operation, given = "ActivateLicense", [("Number", number)]
            case _:
                refusal = Refusal(codes.NOT_FOUND, "there is nothing here")
                return succeed(Told(404, JSON, wire.write_json(refusal)))
        body = asked.body if asked.method == "POST" else b""
        done = self._do(operation, lambda: wire.arguments(operation, [*given, *wire.read_json(body)]))

        def told(data: Data | Refusal) -> Told:
            status = 201 if operation == "Signup" else 200
            if isinstance(data, Refusal):
                status = STATUSES.get(data.code, 500)
            return Told(status, JSON, wire.write_json(data))

        return done.addCallback(told)

    # The services

    def _do(self, operation: str, arguments: Data | Callable[[], Data]) -> Deferred[Data | Refusal]:
        """Carry an operation out; fires with its data, or with why it is refused."""

        def run() -> Any:
            given = arguments() if callable(arguments) else arguments
            return self._carry_out(operation, given)

        def refused(failure: Any) -> Refusal:
            if isinstance(failure.value, Refusal):
                return failure.value
            self._log.failure("the test operator failed at {operation}", failure, operation=operation)
            return Refusal(codes.INTERNAL, "this operator has trouble of its own")

        done: Deferred[Any] = maybeDeferred(run)
        return done.addErrback(refused)

    def _carry_out(self, operation: str, given: Data) -> Deferred[Data] | Data:
        customers = self._customers
        if operation == "Signup":
            made = customers.signup(*(given[name] for name in wire.OPERATIONS["Signup"]))
            return made.addCallback(lambda new: {**account(new, self._domain()), "Html": welcome(new)})
        if operation == "Provisioning":
            found = customers.provisioning(given["Login"], given["Password"])
            return found.addCallback(account, self._domain())
        if operation == "GetBalance":
            left = amount(customers.customer(given["Number"]).cents)
            return {"Balance": left, "Currency": CURRENCY, "Rate": amount(CENTS_PER_SECOND * 60)}
        return {"Active": "true" if customers.licensed(given["Number"], given["Key"]) else "false"}


def welcome(customer: Customer) -> str:
    """What a new customer is shown."""
    name = escape(customer.name or customer.login or "")
    left, minute = amount(customer.cents), amount(CENTS_PER_SECOND * 60)
    return (
        f"<h1>Welcome, {name}</h1><p>Your number is <b>{customer.number}</b>, and {left} {CURRENCY} are a present."
        f" A minute costs {minute}.</p><p>Call <b>600</b> to hear yourself.</p>"
    )


def configuration(url: str, password: str, host: str, *, licence: bool) -> str:
    """The file about this operator, as NEON wants it (L{neon.operators.settings})."""
    last = "\n[licence]\n" if licence else ""
    return f"""\
# The test operator of this daemon ([testbed] in neon.conf), written anew at every start; changes here are lost.
# docs/operators.rst explains it.

[operator]
title = Test operator
url = {url}
# Nothing of this leaves the machine.
allow-http = yes
domains = {host}
auth = basic
user = {USER}
password = {password}

[signup]

# The SIP service may have another port after each start, so the operator is asked.
[provisioning]
mode = always

[balance]
low = 5.00
{last}"""


def _is_xml(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() in ("application/soap+xml", "text/xml", "application/xml")
