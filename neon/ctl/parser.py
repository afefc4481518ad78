"""The command line of neonctl. The manual page, the completions and the tests read this parser too."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Final, NoReturn

from neon.ctl.exits import USAGE

SCOPES: Final = ("call", "dtmf", "events", "ui", "account", "audio")
SHELLS: Final = ("bash", "zsh", "fish")
RESULTS: Final = (
    "answered", "missed", "refused", "forwarded", "dnd", "busy", "unanswered", "cancelled", "failed",
)  # fmt: skip
LANGUAGES: Final = ("pt", "es", "en")
DEVICE_KINDS: Final = ("microphone", "speaker", "ring")

DESCRIPTION: Final = "Drive a running NEON: accounts, calls, events, and who may use its APIs."


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(self._stderr())
        self.exit(USAGE, f"neonctl: {message}\n")

    @staticmethod
    def _stderr() -> Any:
        import sys

        return sys.stderr


def _common(suppress: bool) -> argparse.ArgumentParser:
    """Options that may stand before and behind the verb; behind it they are not to undo what stood before."""

    def default(value: object) -> object:
        return argparse.SUPPRESS if suppress else value

    common = argparse.ArgumentParser(add_help=False)
    group = common.add_argument_group("options of every command")
    group.add_argument("--json", action="store_true", default=default(False), help="print JSON, for programs")
    group.add_argument(
        "--state-dir", type=Path, metavar="DIR", default=default(None), help="the daemon's --state-dir, if it has one"
    )
    group.add_argument(
        "--timeout", type=_seconds, metavar="SECONDS", default=default(15.0), help="how long NEON may take to answer"
    )
    return common


def build() -> argparse.ArgumentParser:
    """The parser. C{verb} says what was asked for, with C{what} for C{operator}, C{origin} and C{app}."""
    parser = _Parser(prog="neonctl", description=DESCRIPTION, parents=[_common(False)], allow_abbrev=False)
    verbs = parser.add_subparsers(dest="verb", metavar="COMMAND", required=True, parser_class=_Parser)
    common = _common(True)

    def verb(name: str, about: str, to: Any = verbs) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = to.add_parser(
            name, help=about, description=about, parents=[common], allow_abbrev=False
        )
        return made

    verb("status", "show how the daemon, its accounts and its calls are")
    _accounts(verb)
    _calls(verb)
    _rules(verb)
    events = verb("events", "show what happens, one event a line")
    events.add_argument("--follow", "-f", action="store_true", help="go on until interrupted")
    events.add_argument("--since", type=_number, metavar="SEQ", help="begin behind this event; 0: all remembered ones")
    events.add_argument(
        "--extra", action="append", default=[], metavar="EVENT", help="this extension event too; may be repeated"
    )
    _devices(verb)
    _operators(verb)
    _brands(verb)
    _history(verb)
    _origins(verb)
    _applications(verb)
    _members(verb)
    explain = verb("explain", "say why a call or a registration went as it did, with its SIP messages")
    explain.add_argument(
        "case", nargs="?", metavar="CALLID|ACCOUNT", help="a call, or an account by URI, number or id (the last call)"
    )
    explain.add_argument("--lang", choices=LANGUAGES, help="the language of the words (that of the locale)")
    websocket = verb("websocket", "say whether the WebSocket server is on, or switch it on or off for good")
    websocket.add_argument("switch", nargs="?", choices=("on", "off"), help="nothing: only say how it is")
    doctor = verb("doctor", "look for what keeps NEON from working, and say what to do about it")
    doctor.add_argument("--lang", choices=LANGUAGES, help="the language of the words (that of the locale)")
    report = verb("bug-report", "write a file for somebody who is to help, without passwords and numbers")
    report.add_argument("file", nargs="?", type=Path, metavar="FILE", help="where to (neon-report-TIME.tar.gz, here)")
    report.add_argument("--log", type=Path, metavar="FILE", help="the daemon's log, if the journal does not have it")
    trace = verb("trace", "show the SIP messages that come and go, without passwords, until interrupted")
    trace.add_argument("file", nargs="?", type=Path, metavar="FILE", help="write them as pcapng, for Wireshark")
    trace.add_argument("--seconds", type=_seconds, metavar="SECONDS", help="end after so many seconds")
    link = verb("open", "put the number of a tel:, sip:, sips: or callto: link into the panel's dial pad")
    link.add_argument("link", metavar="LINK", help="the link; with dial-links in the configuration it is called")
    autostart = verb("autostart", "say whether NEON starts when you log in, or switch that on or off")
    autostart.add_argument("switch", nargs="?", choices=("on", "off"), help="nothing: only say how it is")
    verb("show", "show the panel")
    verb("hide", "hide the panel")
    panel = verb("panel", "open the panel in the browser, signed in")
    panel.add_argument("--print", action="store_true", help="only print its address, which works once, for a minute")
    verb("version", "show which versions neonctl and the daemon are")
    completion = verb("completion", "print the completions for a shell")
    completion.add_argument("shell", choices=SHELLS, help="the shell")
    return parser


def _accounts(verb: Any) -> None:
    verb("accounts", "list the SIP accounts")
    register = verb("register", "register a SIP account, and wait for the outcome")
    register.add_argument("uri", metavar="NUMBER@DOMAIN", help="the account; the domain may have a :port")
    register.add_argument(
        "--password-file",
        type=Path,
        metavar="FILE",
        help="its first line is the password (asked for on a terminal, else read from standard input)",
    )
    register.add_argument("--auth-user", metavar="NAME", help="the name to authenticate with, if not the number")
    register.add_argument("--display-name", metavar="NAME", help="the name that others see")
    register.add_argument("--proxy", metavar="HOST[:PORT]", help="the outbound proxy")
    register.add_argument("--expires", type=_number, metavar="SECONDS", help="the lifetime that is asked for")
    register.add_argument("--no-wait", action="store_true", help="do not wait for the outcome")
    unregister = verb("unregister", "give an account up")
    unregister.add_argument("account", nargs="?", metavar="ACCOUNT", help="its id, URI or number (the only one)")
    verb("extensions", "list the extensions that are watched, and what they are doing")
    for name, about in (("watch", "watch what an extension is doing"), ("unwatch", "watch an extension no longer")):
        watch = verb(name, about)
        watch.add_argument("extension", metavar="EXTENSION", help="a number of the account's domain, or user@host")
        watch.add_argument("--account", metavar="ACCOUNT", help="by this account: its id, URI or number (the first)")


def _operators(verb: Any) -> None:
    signup = verb("signup", "become a customer of a VoIP operator, and register the account that it gives")
    provision = verb("provision", "fetch a customer's account from a VoIP operator, and register it")
    for made in (signup, provision):
        made.add_argument("login", metavar="LOGIN", help="the user name at the operator")
        made.add_argument(
            "--password-file",
            type=Path,
            metavar="FILE",
            help="its first line is the password (asked for on a terminal, else read from standard input)",
        )
        made.add_argument("--no-wait", action="store_true", help="do not wait for the registration")
    for option, about in (("--name", "name"), ("--email", "address for mail"), ("--phone", "phone number")):
        signup.add_argument(option, metavar="TEXT", help=f"the person's {about}")
    balance = verb("balance", "ask an operator what is left to spend")
    balance.add_argument("account", nargs="?", metavar="ACCOUNT", help="its id, URI or number (the only one)")
    activate = verb("activate", "have an operator check the licence")
    activate.add_argument("--key-file", type=Path, metavar="FILE", help="its first line is a licence key, to be kept")
    for made in (signup, provision, balance, activate):
        made.add_argument("--operator", metavar="NAME", help="which operator (the only one that offers this)")
        made.add_argument("--lang", choices=LANGUAGES, help="the language of the words (the operator's)")
    operator = verb("operator", "see which operators there are, and make files about them")
    whats = operator.add_subparsers(dest="what", metavar="WHAT", required=True, parser_class=_Parser)
    verb("list", "list them, with the logins whose accounts are kept", whats)
    forget = verb("forget", "keep an account no longer", whats)
    forget.add_argument("login", metavar="LOGIN", help="the user name at the operator")
    forget.add_argument("--operator", metavar="NAME", help="which operator (the only one)")
    wsdl = verb("wsdl", "print the file about an operator that its WSDL describes", whats)
    wsdl.add_argument("source", metavar="URL|FILE", help="the WSDL")
    wsdl.add_argument("--allow-http", action="store_true", help="fetch it by http, which others can change on the way")


def _brands(verb: Any) -> None:
    brand = verb("brand", "make a Debian package of an operator's name, logo, colours and default settings")
    whats = brand.add_subparsers(dest="what", metavar="WHAT", required=True, parser_class=_Parser)
    check = verb("check", "say whether a brand's directory is good", whats)
    build = verb("build", "make the package of it", whats)
    for made in (check, build):
        made.add_argument("directory", type=Path, metavar="DIR", help="where brand.conf is")
    build.add_argument("--output", type=Path, metavar="FILE", help="the package (neon-brand-NAME_VERSION_all.deb)")
    build.add_argument("--version", default="1.0", metavar="VERSION", help="the version of the package (1.0)")
    build.add_argument("--maintainer", metavar="NAME <MAIL>", help="who makes it ([brand] support, if it is a mailto:)")


def _calls(verb: Any) -> None:
    verb("calls", "list the calls that have not ended")
    dial = verb("dial", "call a number or a SIP URI")
    dial.add_argument("number", metavar="NUMBER", help="whom to call")
    dial.add_argument("--account", metavar="ACCOUNT", help="with this account: its id, URI or number")
    dial.add_argument(
        "--header", action="append", default=[], metavar="NAME=VALUE", help="send this header field; may be repeated"
    )
    dial.add_argument("--wait", action="store_true", help="wait until it is answered or has failed")
    _call_id(verb("answer", "answer a ringing call"), "the only one that rings")
    reject = verb("reject", "refuse a ringing call")
    _call_id(reject, "the only one that rings")
    reject.add_argument("--status", type=_number, metavar="STATUS", help="what the caller hears: 486, 603, 480 (486)")
    hangup = verb("hangup", "hang a call up, or refuse it")
    _call_id(hangup)
    hangup.add_argument("--all", action="store_true", help="every call")
    _call_id(verb("hold", "put a call on hold"))
    _call_id(verb("resume", "take a call off hold"))
    _call_id(verb("mute", "let the far end hear nothing of this side"))
    _call_id(verb("unmute", "let the far end hear this side again"))
    conference = verb("conference", "let the far ends of calls hear each other, too")
    conference.add_argument(
        "call_ids", nargs="*", type=_number, metavar="CALLID", help="which calls (all that were answered)"
    )
    conference.add_argument("--hold", action="store_true", help="put the whole conference on hold")
    conference.add_argument("--resume", action="store_true", help="take it off hold")
    conference.add_argument("--mute", action="store_true", help="let nobody in the conference hear this side")
    conference.add_argument("--unmute", action="store_true", help="let all of them hear this side again")
    _call_id(verb("leave", "let a call of the conference go on alone"), "the only one")
    _call_id(verb("swap", "talk to a call that is on hold, and hold the others"), "the only one on hold")
    volume = verb("volume", "hear the far end of a call louder or softer")
    volume.add_argument("percent", type=_number, metavar="PERCENT", help="0 to 200; 100 is as it comes")
    _call_id(volume)
    record = verb("record", "record a call into a file")
    whats = record.add_subparsers(dest="what", metavar="WHAT", required=True, parser_class=_Parser)
    for what, about in (
        ("start", "begin, and say where the file will be"),
        ("stop", "end it before the call does"),
        ("pause", "record silence for a while"),
        ("resume", "record the call again"),
    ):
        _call_id(verb(what, about, whats))
    play = verb("play", "let the far end hear a WAV file")
    play.add_argument("file", metavar="FILE", help="its name in the daemon's directory for sounds ([playing])")
    _call_id(play)
    play.add_argument("--loop", action="store_true", help="over and over")
    play.add_argument("--mix", action="store_true", help="together with the microphone")
    _call_id(verb("stop-playing", "let the far end hear the file no more"))
    transfer = verb("transfer", "connect the far end of a call with somebody else")
    transfer.add_argument("to", metavar="TO", help="a number or a SIP URI; with --attended, a CALLID")
    _call_id(transfer)
    transfer.add_argument("--attended", action="store_true", help="join two calls: TO is a CALLID")
    transfer.add_argument("--wait", action="store_true", help="wait until it is done or has failed")
    consent = verb("consent", "say whether the far end of a call may transfer us")
    consent.add_argument("answer", choices=("yes", "no"), help="whether we call whom it wishes us to call")
    _call_id(consent)
    dtmf = verb("dtmf", "send digits")
    dtmf.add_argument("digits", metavar="DIGITS", help="0-9 * # A-D, and commas for pauses")
    _call_id(dtmf)


def _rules(verb: Any) -> None:
    dnd = verb("dnd", "refuse every call, or no longer")
    dnd.add_argument("switch", choices=("on", "off"), help="whether calls are refused")
    forward = verb("forward", "send calls elsewhere, or no longer")
    forward.add_argument("when", choices=("always", "busy", "noanswer"), help="which calls")
    forward.add_argument("to", nargs="?", metavar="TO", help="a number or a SIP URI (none: let them ring again)")
    forward.add_argument("--seconds", type=_number, metavar="SECONDS", help="with noanswer, after how many seconds")
    for parser in (dnd, forward):
        parser.add_argument("--account", metavar="ACCOUNT", help="of this account: its id, URI or number (all)")


def _devices(verb: Any) -> None:
    verb("devices", "list the microphones and loudspeakers, and which are used")
    device = verb("device", "use another microphone or loudspeaker, also in calls that are up")
    device.add_argument("kind", choices=DEVICE_KINDS, help="for speaking, for hearing, or for ringing")
    device.add_argument("device", metavar="ID", help="an id of neonctl devices, or default")
    levels = verb("levels", "show how loud microphone and loudspeaker are, until interrupted")
    levels.add_argument("--count", type=_number, metavar="N", help="end after so many lines")
    test = verb("test-audio", "try microphone and loudspeaker, and say whether they work")
    test.add_argument("--seconds", type=_number, default=3, metavar="SECONDS", help="how long to listen to you (3)")


def _call_id(parser: argparse.ArgumentParser, otherwise: str = "the only one") -> None:
    parser.add_argument("call_id", nargs="?", type=_number, metavar="CALLID", help=f"which call ({otherwise})")


def _history(verb: Any) -> None:
    history = verb("history", "list the calls that are over, the newest first")
    history.add_argument("--limit", type=_number, metavar="N", help="so many at most (20; with --csv all)")
    history.add_argument("--since", metavar="TIME", help="calls that began then or later: a day or a time, UTC")
    history.add_argument("--until", metavar="TIME", help="calls that began before")
    history.add_argument("--party", metavar="TEXT", help="part of an address or a name")
    history.add_argument("--account", metavar="URI", help="calls of one account")
    history.add_argument("--direction", choices=("incoming", "outgoing"), help="calls of one direction")
    history.add_argument("--result", choices=RESULTS, help="calls that ended so")
    history.add_argument("--csv", action="store_true", help="print CSV")


def _origins(verb: Any) -> None:
    origin = verb("origin", "decide which web pages may use NEON")
    whats = origin.add_subparsers(dest="what", metavar="WHAT", required=True, parser_class=_Parser)
    verb("list", "list the decisions", whats)
    verb("pending", "list the web pages that wait for a decision", whats)
    for what, about in (
        ("allow", "let a web page use NEON, from now on"),
        ("deny", "refuse a web page this time"),
        ("block", "refuse a web page, from now on, without asking again"),
        ("forget", "forget what was decided about a web page"),
    ):
        made = verb(what, about, whats)
        made.add_argument("origin", metavar="ORIGIN", help="for example https://crm.example.com")
        if what == "allow":
            made.add_argument("--once", action="store_true", help="only until NEON ends")


def _applications(verb: Any) -> None:
    app = verb("app", "manage the application accounts of the APIs")
    whats = app.add_subparsers(dest="what", metavar="WHAT", required=True, parser_class=_Parser)
    verb("list", "list them", whats)
    add = verb("add", "make one, with a password that is shown once", whats)
    add.add_argument("name", metavar="NAME", help="what the application calls itself")
    add.add_argument(
        "--scopes", type=_scopes, metavar="SCOPE,...", help=f"what it may do: {', '.join(SCOPES)} (everything)"
    )
    verb("remove", "take one away; its sessions end", whats).add_argument("name", metavar="NAME", help="which one")
    verb("passwd", "give one a new password, shown once; its sessions end", whats).add_argument(
        "name", metavar="NAME", help="which one"
    )


def _members(verb: Any) -> None:
    for role, about in (
        ("agent", "manage who may log in to the feed, each for an extension of their own"),
        ("supervisor", "manage who may log in to the feed to watch every extension"),
    ):
        member = verb(role, about)
        whats = member.add_subparsers(dest="what", metavar="WHAT", required=True, parser_class=_Parser)
        verb("list", "list them", whats)
        add = verb("add", "let somebody log in, with a password that is shown once", whats)
        add.add_argument("name", metavar="NAME", help="the name to log in with")
        if role == "agent":
            add.add_argument("extension", metavar="EXTENSION", help="the number of their account, or number@domain")
        else:
            add.add_argument("--act", action="store_true", help="may also dial, transfer and hang up for extensions")
        for what, about_what in (
            ("remove", "let somebody log in no longer"),
            ("passwd", "give somebody a new password, shown once"),
        ):
            verb(what, about_what, whats).add_argument("name", metavar="NAME", help="who")


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds up to 3600")
    return seconds


def _scopes(text: str) -> str:
    wanted = [word.strip().lower() for word in text.split(",")]
    if unknown := [word for word in wanted if word not in SCOPES]:
        raise argparse.ArgumentTypeError(f"there is no scope {unknown[0]!r}; there are {', '.join(SCOPES)}")
    return ",".join(dict.fromkeys(wanted))


def subcommands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The verbs of a parser (or what an C{origin} or C{app} does), by name."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def about(parser: argparse.ArgumentParser, name: str) -> str:
    """The one line that says what a verb does."""
    return subcommands(parser)[name].description or ""
