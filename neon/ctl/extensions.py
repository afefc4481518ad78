"""The verbs about extensions that are watched."""

from __future__ import annotations

import argparse

from neon.ctl import tables
from neon.ctl.accounts import account_id
from neon.ctl.connection import Connection
from neon.ctl.speech import say


def extensions(options: argparse.Namespace, neon: Connection) -> None:
    data = neon.command("listextensions")
    rows = []
    for row in data["extensions"]:
        party = row.get("partyName") or row.get("party") or row.get("reason")
        rows.append((row["extension"], row["state"], party, row["connectionId"]))
    say(options, data, tables.table(("EXTENSION", "STATE", "WITH", "ACCOUNT"), rows, "No extension is watched."))


def watch(options: argparse.Namespace, neon: Connection) -> None:
    connection_id = None if options.account is None else account_id(neon, options.account)
    say(options, neon.command(f"{options.verb}extension", extension=options.extension, connectionid=connection_id))
