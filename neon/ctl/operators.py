"""The verbs about VoIP operators: sign-up, provisioning, balance, licence; and an operator's file out of its WSDL."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

from neon.ctl import tables
from neon.ctl.accounts import PATIENCE, REGISTRATION_ENDS, account_id, read_password
from neon.ctl.connection import Connection
from neon.ctl.exits import Failed, Usage
from neon.ctl.speech import Data, outcome, say, wait

MAX_DOCUMENT: Final = 1 << 20
FETCH_SECONDS: Final = 10.0


def signup(options: argparse.Namespace, neon: Connection) -> None:
    given = {"name": options.name, "email": options.email, "phone": options.phone}
    _account(options, neon, "signup", **given)


def provision(options: argparse.Namespace, neon: Connection) -> None:
    _account(options, neon, "provision")


def _account(options: argparse.Namespace, neon: Connection, action: str, **given: object) -> None:
    password = read_password(options, options.login)
    data = neon.command(
        action, login=options.login, password=password, operator=options.operator, language=options.lang, **given
    )
    if data.get("note"):
        sys.stderr.write(f"neonctl: {data['note']}\n")
    connection_id = data["connectionId"]
    if options.no_wait:
        say(options, data, f"Account {connection_id}, {data['uri']}, is being registered.")
        return
    happened = wait(neon, PATIENCE, "connectionId", connection_id, ("OnSIPRegister", *REGISTRATION_ENDS))
    if happened is None or happened["name"] != "OnSIPRegister":
        why = "no outcome yet" if happened is None else outcome(happened["data"])
        raise Failed(f"account {connection_id} is not registered: {why} (neonctl explain {data['uri']})")
    say(options, data, f"Account {connection_id}, {data['uri']}, is registered.")


def balance(options: argparse.Namespace, neon: Connection) -> None:
    connection_id = None if options.account is None else account_id(neon, options.account)
    data = neon.command("getbalance", connectionid=connection_id, operator=options.operator, language=options.lang)
    text = f"{data['balance']} {data['currency']}".strip()
    text += "" if data.get("minutesLeft") is None else f" (about {data['minutesLeft']} minutes)"
    say(options, data, text + (" - low" if data["low"] else ""))


def activate(options: argparse.Namespace, neon: Connection) -> None:
    key = None if options.key_file is None else first_line(options.key_file)
    data = neon.command("activatelicense", key=key, operator=options.operator, language=options.lang)
    say(options, data, data.get("reason") or f"The licence is {data['standing']}.")
    if not data["active"]:
        raise Failed(f"the licence is not active: {data['standing']}")


def operator(options: argparse.Namespace, neon: Connection) -> None:
    if options.what == "list":
        data = neon.command("operatorlist")
        rows = [
            (row["operator"], row["title"], ",".join(row["services"]), ",".join(row["logins"]) or None,
             row["licence"] or None)
            for row in data["operators"]
        ]
        titles = ("OPERATOR", "TITLE", "SERVICES", "LOGINS", "LICENCE")
        say(options, data, tables.table(titles, rows, "No operator."))
    else:
        data = neon.command("operatorforget", login=options.login, operator=options.operator)
        say(options, data, f"The account of {options.login} is forgotten.")


def wsdl(options: argparse.Namespace) -> None:
    """C{operator wsdl}: the only one that needs no daemon."""
    from neon.wsdl import BadWsdl, Wsdl, written

    local = "://" not in options.source
    source = Path(options.source).resolve().as_uri() if local else options.source

    def get(place: str) -> bytes:
        # What a document from the network names is not read from this machine's disk.
        if place.startswith("file:") and local:
            return _file(place)
        return _fetch(place, options.allow_http)

    try:
        made = written(Wsdl(source, get).description(), options.source)
    except BadWsdl as error:
        raise Failed(str(error)) from None
    data: Data = {"file": made}
    say(options, data, made.rstrip("\n"))


def first_line(path: Path) -> str:
    """Of a file with a secret.

    @raise Usage: it cannot be read.
    """
    try:
        with path.open(encoding="utf-8") as file:
            return file.readline().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise Usage(f"{path} cannot be read: {error}") from None


def _file(place: str) -> bytes:
    from urllib.parse import unquote, urlsplit

    path = Path(unquote(urlsplit(place).path))
    try:
        with path.open("rb") as file:
            return file.read(MAX_DOCUMENT + 1)
    except OSError as error:
        raise Usage(f"{path} cannot be read: {error.strerror}") from None


def _fetch(place: str, allow_http: bool) -> bytes:
    """A document over HTTPS, its server verified, redirects not followed.

    @raise Usage: C{http} was not asked for.
    @raise Failed: it cannot be fetched.
    """
    import urllib.error
    import urllib.request

    class NoRedirect(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *args: object) -> None:
            return None

    if not place.startswith("https://") and not (allow_http and place.startswith("http://")):
        raise Usage(f"{place} is not https; --allow-http permits http")
    try:
        with urllib.request.build_opener(NoRedirect).open(place, timeout=FETCH_SECONDS) as answer:
            return bytes(answer.read(MAX_DOCUMENT + 1))
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise Failed(f"{place} cannot be fetched: {reason}") from None
