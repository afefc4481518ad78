"""What the verbs of neonctl do: a function each, from the parsed command line and a connection to what is printed."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Final

from neon.ctl import accounts, calls, devices, extensions, history, members, operators, tables, trace
from neon.ctl.browser import open_in_browser
from neon.ctl.connection import Connection
from neon.ctl.exits import Failed
from neon.ctl.speech import Data, Verb, say

# The daemon


def status(options: argparse.Namespace, neon: Connection) -> None:
    data: Data = {}
    for action in ("getversion", "listaccounts", "listcalls"):
        data |= neon.command(action)
    text = (
        f"NEON {data['version']} is running.\n\n{accounts.accounts_table(data['accounts'])}"
        f"\n\n{calls.calls_table(data['calls'])}"
    )
    say(options, data, text)


def version(options: argparse.Namespace, neon: Connection) -> None:
    from neon import __version__

    daemon = neon.command("getversion")
    data = {"neonctl": __version__, "daemon": daemon["version"]}
    say(options, data, f"neonctl {__version__}, daemon {daemon['version']}")


def show(options: argparse.Namespace, neon: Connection) -> None:
    wanted = options.verb == "show"
    data = neon.command("showui", show=wanted)
    nothing = wanted and not data.get("ui", True)
    say(options, data, "No panel is open, and NEON has no display to open one on: neonctl panel" if nothing else None)


def panel(options: argparse.Namespace, neon: Connection) -> None:
    data = neon.command("panelticket")
    opened = not options.print and open_in_browser(str(data["url"]), os.environ)
    words = f"Opened in your browser. It signs in by itself, once, within {data['seconds']:.0f} s."
    say(options, {**data, "opened": opened}, words if opened else str(data["url"]))


def link(options: argparse.Namespace, neon: Connection) -> None:
    # What the desktop gave to the program it started for the link, so that the window may take the keyboard.
    token = os.environ.get("XDG_ACTIVATION_TOKEN") or os.environ.get("DESKTOP_STARTUP_ID")
    data = neon.command("openlink", link=options.link, activation=token)
    if data["called"]:
        say(options, data, f"Call {data['callId']}.")
    elif data["ui"]:
        say(options, data, f"{data['number']} is in the panel's dial pad.")
    else:
        raise Failed(f"there is no panel to put {data['number']} into; to call it: neonctl dial {data['number']}")


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


def websocket(options: argparse.Namespace, neon: Connection) -> None:
    wanted = {} if options.switch is None else {"enabled": options.switch == "on"}
    data = neon.command("websocketserver", **wanted)
    words = f"The WebSocket server is on, at {data['url']}" if data["enabled"] else "The WebSocket server is off."
    say(options, data, words)


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
    "accounts": accounts.accounts,
    "register": accounts.register,
    "unregister": accounts.unregister,
    "extensions": extensions.extensions,
    "watch": extensions.watch,
    "unwatch": extensions.watch,
    "calls": calls.calls,
    "dial": calls.dial,
    "answer": calls.answer,
    "reject": calls.reject,
    "hangup": calls.hangup,
    "consent": calls.consent,
    "dnd": calls.dnd,
    "forward": calls.forward,
    "hold": calls.hold,
    "resume": calls.hold,
    "mute": calls.mute,
    "unmute": calls.mute,
    "conference": calls.conference,
    "leave": calls.leave,
    "swap": calls.swap,
    "volume": calls.volume,
    "record": calls.record,
    "play": calls.play,
    "stop-playing": calls.stop_playing,
    "transfer": calls.transfer,
    "dtmf": calls.dtmf,
    "devices": devices.devices,
    "device": devices.device,
    "levels": devices.levels,
    "test-audio": devices.test_audio,
    "events": events,
    "history": history.history,
    "signup": operators.signup,
    "provision": operators.provision,
    "balance": operators.balance,
    "activate": operators.activate,
    "operator": operators.operator,
    "origin": origin,
    "app": app,
    "agent": members.agent,
    "supervisor": members.supervisor,
    "explain": explain,
    "websocket": websocket,
    "trace": trace.trace,
    "show": show,
    "hide": show,
    "panel": panel,
    "open": link,
    "version": version,
}
"""Every verb that needs the daemon."""
