"""The verbs about SIP accounts."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from typing import Final

from neon.ctl import tables
from neon.ctl.connection import Connection
from neon.ctl.exits import Failed, Usage
from neon.ctl.speech import Data, outcome, say, wait

PATIENCE: Final = 60.0
"""Seconds that a registration may take to come to an outcome that ends C{register}."""

REGISTRATION_ENDS: Final = (
    "OnSIPRegisterRefused",
    "OnSIPRegisterError",
    "OnSIPRegisterExpired",
    "OnSIPRegisterCancelled",
)


def accounts(options: argparse.Namespace, neon: Connection) -> None:
    data = neon.command("listaccounts")
    say(options, data, accounts_table(data["accounts"]))


def accounts_table(rows: Iterable[Data]) -> str:
    """For people."""
    return tables.table(
        ("ACCOUNT", "URI", "STATE", "NAME", "MESSAGES"),
        [
            (row["connectionId"], row["uri"], row["state"], row.get("name") or row.get("displayName"), _messages(row))
            for row in rows
        ],
        "No account.",
    )


def _messages(row: Data) -> str | None:
    """How many voice messages are new, where the PBX has told."""
    messages = row.get("messages")
    if messages is None:
        return None
    return str(messages.get("new", "some" if messages["waiting"] else "none"))


def register(options: argparse.Namespace, neon: Connection) -> None:
    number, at, domain = options.uri.removeprefix("sip:").rpartition("@")
    if not at or not number or not domain:
        raise Usage(f"{options.uri!r} is no account: NUMBER@DOMAIN")
    data = neon.command(
        "sipregister",
        number=number,
        domain=domain,
        password=read_password(options, options.uri),
        authuser=options.auth_user,
        displayname=options.display_name,
        proxy=options.proxy,
        expires=options.expires,
    )
    connection_id = data["connectionId"]
    if options.no_wait:
        say(options, data, f"Account {connection_id} is being registered.")
        return
    happened = wait(neon, PATIENCE, "connectionId", connection_id, ("OnSIPRegister", *REGISTRATION_ENDS))
    if happened is None or happened["name"] != "OnSIPRegister":
        why = "no outcome yet" if happened is None else outcome(happened["data"])
        raise Failed(f"account {connection_id} is not registered: {why} (neonctl explain {options.uri})")
    say(options, data, f"Account {connection_id} is registered.")


def read_password(options: argparse.Namespace, whose: str) -> str:
    """From the file, the terminal or standard input: never from the command line, which other users can read."""
    if options.password_file is not None:
        try:
            with options.password_file.open(encoding="utf-8") as file:
                return str(file.readline().rstrip("\r\n"))
        except (OSError, UnicodeDecodeError) as error:
            raise Usage(f"{options.password_file} cannot be read: {error}") from None
    if sys.stdin.isatty():
        import getpass

        return getpass.getpass(f"Password of {whose}: ")
    return sys.stdin.readline().rstrip("\r\n")


def unregister(options: argparse.Namespace, neon: Connection) -> None:
    if options.account is not None:
        connection_id = account_id(neon, options.account)
    else:
        there = neon.command("listaccounts")["accounts"]
        if len(there) != 1:
            several = f"more than one account; say which:\n{accounts_table(there)}"
            raise Usage(several if there else "there is no account")
        connection_id = int(there[0]["connectionId"])
    say(options, {"connectionId": connection_id, **neon.command("sipunregister", connectionid=connection_id)})


def account_id(neon: Connection, word: str) -> int:
    """The connectionId of an account by that id, its name in the configuration, URI, C{user@host} or number."""
    found = []
    for account in neon.command("listaccounts")["accounts"]:
        bare = account["uri"].removeprefix("sip:")
        if word in (str(account["connectionId"]), account.get("name")):
            return int(account["connectionId"])
        if word.removeprefix("sip:") in (bare, bare.partition("@")[0]):
            found.append(int(account["connectionId"]))
    if len(found) != 1:
        raise Usage(f"there {'is no account' if not found else 'are several accounts'} {word}; see neonctl accounts")
    return found[0]
