"""The manual page, made from the parser: C{python -m neon.ctl.manpage > docs/neonctl.1}. A test keeps it up to date."""

from __future__ import annotations

import argparse
import sys
from typing import Final

from neon.ctl import parser
from neon.ctl.exits import MEANINGS

INTRODUCTION: Final = """\
drives a running NEON, a SIP softphone daemon, from a terminal or a script: it registers accounts, places and ends
calls, shows what happens, decides which programs and web pages may use NEON, and explains why a call failed.

It talks to the daemon over a UNIX socket that only the daemon's own user, and root, can open; no password is needed.

A CALLID may be left out where exactly one call comes into question."""

FILES: Final = (
    ("$XDG_RUNTIME_DIR/neon/ctl.sock", "the control socket of the user's daemon"),
    ("DIR/ctl.sock", "that of a daemon started with --state-dir DIR"),
    ("~/.local/state/neon/ctl.sock", "that of a daemon without $XDG_RUNTIME_DIR"),
    ("/run/neon/ctl.sock", "that of the system's daemon"),
)

EXAMPLES: Final = (
    ("neonctl register 1000@sip.example.com --password-file secret", "Register an account, and wait for the outcome."),
    ("neonctl dial 600 --wait && sleep 5; neonctl hangup", "Call the echo for five seconds."),
    ("neonctl explain --lang pt", "Why the last call failed, in Portuguese."),
    ("neonctl app add crm --scopes call,events", "Make an application account that can call and listen."),
    ("neonctl origin allow https://crm.example.com", "Let a web page use NEON."),
    ("neonctl --json events --follow | jq .name", "The names of the events, as they happen."),
)


def page() -> str:
    """The page, in man(7)."""
    built = parser.build()
    lines = [
        '.TH NEONCTL 1 "" "NEON" "User commands"',
        ".SH NAME",
        "neonctl \\- drive a running NEON softphone",
        ".SH SYNOPSIS",
        ".B neonctl",
        "[\\fIOPTION\\fR...] \\fICOMMAND\\fR [\\fIARGUMENT\\fR...]",
        ".SH DESCRIPTION",
        ".B neonctl",
        *_paragraphs(INTRODUCTION),
        ".SH OPTIONS",
        "These may stand before or behind the command.",
        *_options(built),
        ".SH COMMANDS",
    ]
    for name, verb in parser.subcommands(built).items():
        inner = parser.subcommands(verb)
        for path, parsed in [(f"{name} {what}", found) for what, found in inner.items()] or [(name, verb)]:
            lines += [".SS " + _roman(f"{path} {_synopsis(parsed)}".strip()), _sentence(parsed.description or "")]
            lines += _positionals(parsed) + _options(parsed, common=False)
    lines += [".SH EXIT STATUS"]
    for status, meaning in MEANINGS:
        lines += [".TP", f".B {status}", _roman(meaning)]
    lines += [
        ".PP",
        "With \\fB\\-\\-json\\fR a failure is also an object on standard output, "
        '\\fB{"error": {"code": ..., "description": ..., "status": ...}}\\fR, where \\fBstatus\\fR is the exit status.',
        ".SH FILES",
    ]
    for path, what in FILES:
        lines += [".TP", f".I {_roman(path)}", _roman(what)]
    lines += [".SH EXAMPLES"]
    for command, what in EXAMPLES:
        lines += [".TP", f".B {_roman(command)}", _roman(what)]
    return "\n".join(lines) + "\n"


def _synopsis(parsed: argparse.ArgumentParser) -> str:
    words = []
    for action in parsed._actions:
        if not action.option_strings:
            name = str(action.metavar or "|".join(map(str, action.choices or [action.dest])))
            words.append(f"[{name}]" if action.nargs == "?" else name)
    return " ".join(words)


def _positionals(parsed: argparse.ArgumentParser) -> list[str]:
    lines = []
    for action in parsed._actions:
        if not action.option_strings and action.help:
            name = str(action.metavar or "|".join(map(str, action.choices or [action.dest])))
            lines += [".TP", f".I {_roman(name)}", _sentence(action.help)]
    return lines


def _options(parsed: argparse.ArgumentParser, common: bool = True) -> list[str]:
    lines = []
    for action in parsed._actions:
        if not action.option_strings or (not common and action.dest in ("help", "json", "state_dir", "timeout")):
            continue
        flags = ", ".join(f"\\fB{_roman(flag)}\\fR" for flag in action.option_strings)
        if action.nargs != 0:
            flags += f" \\fI{_roman(str(action.metavar or '|'.join(map(str, action.choices or []))))}\\fR"
        lines += [".TP", flags, _sentence(action.help or "")]
    return lines


def _paragraphs(text: str) -> list[str]:
    return [line if line else ".PP" for line in map(_roman, text.splitlines())]


def _sentence(text: str) -> str:
    return _roman(text[:1].upper() + text[1:] + ".")


def _roman(text: str) -> str:
    """Text as it is: hyphens that can be copied, no accidental requests."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + escaped if escaped.startswith((".", "'")) else escaped


if __name__ == "__main__":
    sys.stdout.write(page())
