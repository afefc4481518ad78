"""What the verbs of neonctl do: a function each, from the parsed command line and a connection to what is printed."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeAlias

from neon.ctl import tables
from neon.ctl.connection import Connection
from neon.ctl.exits import Failed, Refused, Usage

PATIENCE: Final = 60.0
"""Seconds that a registration may take to come to an outcome that ends C{register}."""

SETTLE: Final = 0.3
"""Seconds in which remembered events arrive after C{events --since} was answered."""

REGISTRATION_ENDS: Final = (
    "OnSIPRegisterRefused",
    "OnSIPRegisterError",
    "OnSIPRegisterExpired",
    "OnSIPRegisterCancelled",
)

Data: TypeAlias = dict[str, Any]
Verb: TypeAlias = Callable[[argparse.Namespace, Connection], None]


def say(options: argparse.Namespace, data: object, text: str | None = None) -> None:
    """Print for programs, or for people; nothing where there is nothing to say to them."""
    if options.json:
        sys.stdout.write(json.dumps(data, ensure_ascii=False) + "\n")
    elif text:
        sys.stdout.write(text + "\n")
    sys.stdout.flush()


# The daemon


def status(options: argparse.Namespace, neon: Connection) -> None:
    version, accounts, calls = (neon.command(action) for action in ("getversion", "listaccounts", "listcalls"))
    data = {**version, **accounts, **calls}
    text = (
        f"NEON {version['version']} is running.\n\n{_accounts_table(accounts['accounts'])}"
        f"\n\n{_calls_table(calls['calls'])}"
    )
    say(options, data, text)


def version(options: argparse.Namespace, neon: Connection) -> None:
    from neon import __version__

    daemon = neon.command("getversion")
    data = {"neonctl": __version__, "daemon": daemon["version"]}
    say(options, data, f"neonctl {__version__}, daemon {daemon['version']}")


def show(options: argparse.Namespace, neon: Connection) -> None:
    say(options, neon.command("showui", show=options.verb == "show"))


# Accounts


def accounts(options: argparse.Namespace, neon: Connection) -> None:
    data = neon.command("listaccounts")
    say(options, data, _accounts_table(data["accounts"]))


def _accounts_table(rows: Iterable[Data]) -> str:
    return tables.table(
        ("ACCOUNT", "URI", "STATE", "NAME"),
        [(row["connectionId"], row["uri"], row["state"], row.get("displayName")) for row in rows],
        "No account.",
    )


def register(options: argparse.Namespace, neon: Connection) -> None:
    number, at, domain = options.uri.removeprefix("sip:").rpartition("@")
    if not at or not number or not domain:
        raise Usage(f"{options.uri!r} is no account: NUMBER@DOMAIN")
    data = neon.command(
        "sipregister",
        number=number,
        domain=domain,
        password=_password(options),
        authuser=options.auth_user,
        displayname=options.display_name,
        proxy=options.proxy,
        expires=options.expires,
    )
    connection_id = data["connectionId"]
    if options.no_wait:
        say(options, data, f"Account {connection_id} is being registered.")
        return
    happened = _wait(neon, PATIENCE, "connectionId", connection_id, ("OnSIPRegister", *REGISTRATION_ENDS))
    if happened is None or happened["name"] != "OnSIPRegister":
        why = "no outcome yet" if happened is None else _outcome(happened["data"])
        raise Failed(f"account {connection_id} is not registered: {why} (neonctl explain {options.uri})")
    say(options, data, f"Account {connection_id} is registered.")


def _password(options: argparse.Namespace) -> str:
    """From the file, the terminal or standard input: never from the command line, which other users can read."""
    if options.password_file is not None:
        try:
            with options.password_file.open(encoding="utf-8") as file:
                return str(file.readline().rstrip("\r\n"))
        except (OSError, UnicodeDecodeError) as error:
            raise Usage(f"{options.password_file} cannot be read: {error}") from None
    if sys.stdin.isatty():
        import getpass

        return getpass.getpass(f"Password of {options.uri}: ")
    return sys.stdin.readline().rstrip("\r\n")


def unregister(options: argparse.Namespace, neon: Connection) -> None:
    if options.account is not None:
        connection_id = _account(neon, options.account)
    else:
        there = neon.command("listaccounts")["accounts"]
        if len(there) != 1:
            several = f"more than one account; say which:\n{_accounts_table(there)}"
            raise Usage(several if there else "there is no account")
        connection_id = int(there[0]["connectionId"])
    say(options, {"connectionId": connection_id, **neon.command("sipunregister", connectionid=connection_id)})


def _account(neon: Connection, word: str) -> int:
    """The connectionId of an account by that id, its URI, C{user@host} or number."""
    found = []
    for account in neon.command("listaccounts")["accounts"]:
        bare = account["uri"].removeprefix("sip:")
        if word == str(account["connectionId"]):
            return int(word)
        if word.removeprefix("sip:") in (bare, bare.partition("@")[0]):
            found.append(int(account["connectionId"]))
    if len(found) != 1:
        raise Usage(f"there {'is no account' if not found else 'are several accounts'} {word}; see neonctl accounts")
    return found[0]


# Calls


def calls(options: argparse.Namespace, neon: Connection) -> None:
    data = neon.command("listcalls")
    say(options, data, _calls_table(data["calls"]))


def _calls_table(rows: Iterable[Data]) -> str:
    return tables.table(
        ("CALLID", "TYPE", "STATE", "FROM", "TO", "NAME"),
        [
            (row["callId"], row["type"], _state(row), row["from"], row["to"], row.get("displayName"))
            for row in rows
        ],
        "No call.",
    )


def _state(call: Data) -> str:
    """In one word, with what else there is to say: C{confirmed (held, muted)}."""
    facts = (("hold", "held"), ("remoteHold", "held by the other side"), ("muted", "muted"))
    more = ", ".join(word for name, word in facts if call.get(name))
    return f"{call['state']} ({more})" if more else str(call["state"])


def dial(options: argparse.Namespace, neon: Connection) -> None:
    connection_id = None if options.account is None else _account(neon, options.account)
    data = neon.command("startcall", number=options.number, connectionid=connection_id)
    call_id = data["callId"]
    if not options.wait:
        say(options, data, f"Call {call_id}.")
        return
    happened = _wait(neon, None, "callId", call_id, ("OnAcceptCall", "OnFinalizedCall"))
    if happened is None or happened["name"] != "OnAcceptCall":
        why = "" if happened is None else _outcome(happened["data"])
        raise Failed(f"call {call_id} was not answered: {why} (neonctl explain {call_id})")
    say(options, data, f"Call {call_id} is answered.")


def _wait(
    neon: Connection, within: float | None, key: str, number: int, names: tuple[str, ...]
) -> dict[str, Any] | None:
    deadline = None if within is None else time.monotonic() + within
    while True:
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        event = neon.event(left)
        if event is None or (event["name"] in names and event["data"].get(key) == number):
            return event


def _outcome(data: Data) -> str:
    return f"{data.get('SIPError', 0)} {data.get('reason', '')}".strip()


def answer(options: argparse.Namespace, neon: Connection) -> None:
    call_id = _call(options, neon, lambda call: call["type"] == "incoming" and call["state"] == "early", "rings")
    say(options, {"callId": call_id, **neon.command("acceptcall", callid=call_id)})


def hangup(options: argparse.Namespace, neon: Connection) -> None:
    if not options.all:
        call_id = _call(options, neon, lambda call: call["state"] != "releasing", "is there")
        say(options, {"callId": call_id, **neon.command("finalizecall", callid=call_id)})
        return
    if options.call_id is not None:
        raise Usage("say a CALLID or --all, not both")
    ended = [int(call["callId"]) for call in neon.command("listcalls")["calls"]]
    for call_id in ended:
        try:
            neon.command("finalizecall", callid=call_id)
        except Refused as refusal:
            if refusal.code != 102:  # it ended by itself meanwhile
                raise
    say(options, {"callIds": ended})


def hold(options: argparse.Namespace, neon: Connection) -> None:
    call_id = _call(options, neon, _is_up, "is up")
    say(options, {"callId": call_id, **neon.command("sethold", callid=call_id, hold=options.verb == "hold")})


def mute(options: argparse.Namespace, neon: Connection) -> None:
    call_id = _call(options, neon, _is_up, "is up")
    say(options, {"callId": call_id, **neon.command("setmute", callid=call_id, mute=options.verb == "mute")})


def transfer(options: argparse.Namespace, neon: Connection) -> None:
    other: int | None = None
    if options.attended:
        if not options.to.isascii() or not options.to.isdigit():
            raise Usage(f"{options.to!r} is no CALLID; with --attended TO is the other call")
        other = int(options.to)
        call_id = _call(options, neon, lambda call: _is_up(call) and call["callId"] != other, "is up beside it")
    else:
        call_id = _call(options, neon, _is_up_or_rings, "can be transferred")
    if options.wait:
        neon.command("subscribe", events=["OnTransferFailed"])
    data = neon.command("transfercall", callid=call_id, to=options.to, tocallid=other)
    if options.wait:
        happened = _wait(neon, None, "callId", call_id, ("OnTransferedCall", "OnTransferFailed", "OnFinalizedCall"))
        if happened is None or happened["name"] != "OnTransferedCall":
            why = "" if happened is None else _outcome(happened["data"])
            raise Failed(f"call {call_id} was not transferred: {why} (neonctl explain {call_id})")
    say(options, {"callId": call_id, **data})


def dtmf(options: argparse.Namespace, neon: Connection) -> None:
    call_id = _call(options, neon, _is_up, "is up")
    say(options, {"callId": call_id, **neon.command("senddtmf", callid=call_id, dtmf=options.digits)})


def _is_up(call: Data) -> bool:
    return bool(call["state"] == "confirmed")


def _is_up_or_rings(call: Data) -> bool:
    return _is_up(call) or bool(call["type"] == "incoming" and call["state"] == "early")


def _call(options: argparse.Namespace, neon: Connection, fits: Callable[[Data], bool], how: str) -> int:
    """The call that was named, or the only one that fits."""
    if options.call_id is not None:
        return int(options.call_id)
    candidates = [call for call in neon.command("listcalls")["calls"] if fits(call)]
    if len(candidates) != 1:
        several = f"more than one call {how}; say which:\n{_calls_table(candidates)}"
        raise Usage(several if candidates else f"no call {how}")
    return int(candidates[0]["callId"])


# Events


def events(options: argparse.Namespace, neon: Connection) -> None:
    wanted = {"events": options.extra} if options.extra else {}
    if options.since is not None or not options.follow:
        answer = neon.command("subscribe", since=options.since or 0, **wanted)
        if answer.get("gap"):
            sys.stderr.write("neonctl: events are missing: they are older than what NEON remembers\n")
        left = int(answer.get("replayed", 0))
        while left > 0 and (event := neon.event(options.timeout)) is not None:
            left -= 1
            say(options, event, tables.event(event))
    elif wanted:
        neon.command("subscribe", **wanted)
    while options.follow and (event := neon.event()) is not None:
        say(options, event, tables.event(event))


# Who may use the APIs


def origin(options: argparse.Namespace, neon: Connection) -> None:
    if options.what == "list":
        data = neon.command("originlist")
        rows = [(row["origin"], row["standing"]) for row in data["origins"]]
        say(options, data, tables.table(("ORIGIN", "STANDING"), rows, "No web page was decided about."))
    elif options.what == "pending":
        data = neon.command("originpending")
        waiting = [(row["origin"], row.get("asked")) for row in data["origins"]]
        say(options, data, tables.table(("ORIGIN", "ASKED"), waiting, "No web page waits."))
    else:
        once = True if options.what == "allow" and options.once else None
        data = neon.command(f"origin{options.what}", origin=options.origin, once=once)
        words = {"allow": "may use NEON", "deny": "was refused", "block": "is blocked", "forget": "is forgotten"}
        say(options, data, f"{data.get('origin', options.origin)} {words[options.what]}.")


def app(options: argparse.Namespace, neon: Connection) -> None:
    if options.what == "list":
        data = neon.command("applist")
        rows = [
            (row["name"], ",".join(row["scopes"]), row["source"], row.get("created")) for row in data["applications"]
        ]
        say(options, data, tables.table(("NAME", "SCOPES", "FROM", "SINCE"), rows, "No application."))
    elif options.what == "remove":
        say(options, neon.command("appremove", name=options.name), f"Application {options.name} is removed.")
    else:
        data = (
            neon.command("appadd", name=options.name, scopes=options.scopes)
            if options.what == "add"
            else neon.command("apppasswd", name=options.name)
        )
        scopes = ", ".join(data["scopes"])
        say(
            options,
            data,
            f"Application {data['name']} may authenticate (scopes: {scopes}).\n"
            f"Password: {data['password']}\nIt is not shown again.",
        )


# Why


def explain(options: argparse.Namespace, neon: Connection) -> None:
    from neon.explain import diagnose, language_of
    from neon.explain import explain as in_words

    language = options.lang or language_of(os.environ)
    case = neon.command("explain", case=options.case)
    what, todo = in_words(case, language)
    data = {**case, "diagnosis": diagnose(case), "language": language, "what": what, "todo": todo}
    say(options, data, _explained(case, what, todo))


def _explained(case: Data, what: str, todo: str) -> str:
    if case["kind"] == "call":
        title = f"Call {case['callId']}, {case['type']}: {case['from']} -> {case['to']}"
        when = [f"{name} {case[name]}" for name in ("started", "answered", "ended") if case[name]]
        if case["answered"] and case["ended"]:
            when.append(f"{case['duration'] / 1000:.1f} s")
    else:
        title = f"Account {case['connectionId']}: {case['uri']}"
        when = [f"{case['outcome']} {case['at'] or ''}".strip()]
    outcome = f"SIP {case['SIPError']}" if case["SIPError"] else ""
    lines = [tables.shown(title), ", ".join(when), ""]
    lines += [what] + ([todo] if todo else [])
    if (transfer := case.get("transfer")) and transfer["outcome"] == "failed":
        lines.append(f"(transfer: SIP {transfer['SIPError']} {tables.shown(transfer['reason'])})".replace("SIP 0 ", ""))
    if outcome or case["reason"]:
        lines.append(f"({tables.shown(' '.join(filter(None, (outcome, case['reason']))))})")
    if case["ladder"]:
        lines += ["", tables.ladder(case["ladder"], case["omitted"])]
    return "\n".join(lines)


VERBS: Final[dict[str, Verb]] = {
    "status": status,
    "accounts": accounts,
    "register": register,
    "unregister": unregister,
    "calls": calls,
    "dial": dial,
    "answer": answer,
    "hangup": hangup,
    "hold": hold,
    "resume": hold,
    "mute": mute,
    "unmute": mute,
    "transfer": transfer,
    "dtmf": dtmf,
    "events": events,
    "origin": origin,
    "app": app,
    "explain": explain,
    "show": show,
    "hide": show,
    "version": version,
}
"""Every verb that needs the daemon."""
