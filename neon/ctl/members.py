"""The verbs about who may log in to the feed: C{agent} and C{supervisor}."""

from __future__ import annotations

import argparse

from neon.ctl import tables
from neon.ctl.connection import Connection
from neon.ctl.speech import Data, say


def agent(options: argparse.Namespace, neon: Connection) -> None:
    if options.what == "list":
        data = neon.command("agentlist")
        rows = [(row["name"], row["extension"]) for row in data["agents"]]
        say(options, data, tables.table(("NAME", "EXTENSION"), rows, "No agent."))
    elif options.what == "add":
        data = neon.command("agentadd", name=options.name, extension=options.extension)
        say(options, data, _given(data, f"Agent {data['name']} may log in for extension {data['extension']}."))
    else:
        _common(options, neon)


def supervisor(options: argparse.Namespace, neon: Connection) -> None:
    if options.what == "list":
        data = neon.command("supervisorlist")
        rows = [(row["name"], "acts" if row["act"] else "watches") for row in data["supervisors"]]
        say(options, data, tables.table(("NAME", "MAY"), rows, "No supervisor."))
    elif options.what == "add":
        data = neon.command("supervisoradd", name=options.name, act=True if options.act else None)
        may = "watch and act for" if data["act"] else "watch"
        say(options, data, _given(data, f"Supervisor {data['name']} may {may} every extension."))
    else:
        _common(options, neon)


def _common(options: argparse.Namespace, neon: Connection) -> None:
    data = neon.command(f"{options.verb}{options.what}", name=options.name)
    who = f"{options.verb.capitalize()} {data['name']}"
    if options.what == "remove":
        say(options, data, f"{who} is removed.")
    else:
        say(options, data, _given(data, f"{who} has a new password."))


def _given(data: Data, sentence: str) -> str:
    return f"{sentence}\nPassword: {data['password']}\nIt is not shown again."
