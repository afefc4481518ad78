"""Why a call or a registration went as it did, in plain words: what happened, and what to do about it.

L{diagnose} finds the key of a case (as L{neon.cases} tells it) and L{explain} its two sentences, in Portuguese,
Spanish or English. Every status that SIP can bring has words: its own, those of a group that means the same to a
person, or those of its class.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from neon.explain.en import WORDS as ENGLISH
from neon.explain.es import WORDS as SPANISH
from neon.explain.pt import WORDS as PORTUGUESE

Words: TypeAlias = Mapping[str, tuple[str, str]]

LANGUAGES: Final[Mapping[str, Words]] = {"pt": PORTUGUESE, "es": SPANISH, "en": ENGLISH}

STATUSES: Final[Mapping[int, str]] = {
    400: "bad-request",
    401: "password",
    402: "payment",
    403: "forbidden",
    404: "no-such-number",
    405: "incompatible",
    406: "no-codec",
    407: "password",
    408: "timeout",
    410: "gone",
    413: "too-big",
    414: "too-big",
    415: "no-codec",
    416: "incompatible",
    420: "incompatible",
    421: "incompatible",
    422: "incompatible",
    423: "incompatible",
    469: "incompatible",
    480: "unavailable",
    481: "forgotten-there",
    482: "loop",
    483: "loop",
    484: "incomplete",
    485: "ambiguous",
    486: "busy",
    487: "cancelled",
    488: "no-codec",
    489: "incompatible",
    491: "crossed",
    493: "incompatible",
    494: "incompatible",
    500: "server-broken",
    501: "incompatible",
    502: "gateway",
    503: "overloaded",
    504: "gateway",
    505: "incompatible",
    513: "too-big",
    580: "no-codec",
    600: "busy",
    603: "declined",
    604: "no-such-number",
    606: "no-codec",
    607: "unwanted",
    608: "blocked",
}
"""What a status means to whoever called."""

REASONS: Final[Mapping[str, str]] = {
    "no audio from the far end": "silent",
    "NEON is stopping": "stopping",
    "SIP was shut down": "stopping",
    "transferred": "transferred",
    "transferred by the far end": "moved-on",
    "answered elsewhere": "answered-elsewhere",
    "the account was given up": "account-given-up",
    "internal error": "internal",
    "no end of the dialog was heard": "unfinished",
    "the answer was never acknowledged": "no-ack",
    "the session was not refreshed in time": "session-expired",
    "the caller never acknowledged that it rings here": "no-prack",
    "nobody answered in time": "unanswered",
    "audio has to be encrypted here (SRTP), and the other side does not do it": "not-encrypted",
    "none of the offered ways of encryption is supported": "encryption-differs",
    "the answer does not fit the keys that were offered": "encryption-differs",
    "the offer has our own key in it": "encryption-differs",
    "the name to call has no address": "no-address",
    "NEON was interrupted; the call was ended when it came back": "interrupted",
    "NEON was interrupted; the far end did not answer when the call was ended": "interrupted",
    "NEON was interrupted before the call was answered": "interrupted",
}
"""The reasons that are ours, whatever status they come with."""

CONNECTIONS: Final[Mapping[str, str]] = {
    "the certificate has expired": "certificate-expired",
    "the certificate is not valid yet": "certificate-early",
    "the certificate is by nobody who is trusted here": "certificate-issuer",
    "the certificate was revoked": "certificate-revoked",
    "the certificate is for another name": "certificate-name",
    "the certificate is not good for this": "certificate-bad",
    "the server wants a certificate of ours": "certificate-wanted",
    "the server does not accept our certificate": "certificate-refused",
    "no secure connection could be agreed on": "no-tls",
    "the connection was refused": "connection-refused",
    "no connection could be made": "no-connection",
    "no connection could be made in time": "no-connection",
    "the far end closed the connection": "connection-lost",
    "the connection broke": "connection-lost",
    "the far end answers no keep-alives any more": "connection-lost",
}
"""Why a connection to a server was not made, or went."""

REFUSALS: Final = frozenset((403, 404, 480, 486, 600, 603, 607))


def explain(case: Mapping[str, Any], language: str) -> tuple[str, str]:
    """What happened, and what to do (empty where nothing has to be done)."""
    return LANGUAGES[language][diagnose(case)]


def language_of(environ: Mapping[str, str]) -> str:
    """The user's language, from the locale's variables; English where it is none of ours."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := environ.get(name):
            return value[:2].lower() if value[:2].lower() in LANGUAGES else "en"
    return "en"


def diagnose(case: Mapping[str, Any]) -> str:
    """The key of a case."""
    heard = any(not step["sent"] for step in case.get("ladder", ()))
    return _registration(case, heard) if case["kind"] == "registration" else _call(case, heard)


def _call(case: Mapping[str, Any], heard: bool) -> str:
    status, reason, outgoing = case["SIPError"], case["reason"], case["type"] == "outgoing"
    transfer = (case.get("transfer") or {}).get("outcome")
    if transfer == "done":
        return "transferred"
    if case["ended"] is None:
        if transfer == "failed":
            return "transfer-failed"
        if case["answered"] is not None:
            return "up"
        return "calling" if outgoing else "ringing"
    if (key := REASONS.get(reason) or CONNECTIONS.get(reason)) is not None:
        return key
    if reason.endswith("took its place"):
        return "moved-on"
    if reason.startswith("the name to call"):
        return "no-address"
    if reason.startswith("the address that audio is bound to is gone"):
        return "no-audio-address"
    if status == 0:
        return "by-us" if reason else "by-them"
    if not outgoing:
        return _incoming(status)
    if status == 408:
        if not heard:
            return "no-server"
        return "unanswered" if _rang(case) else "timeout"
    if status == 503 and not heard:
        return "no-port" if not case["ladder"] else "no-server"
    return of_status(status)


def _incoming(status: int) -> str:
    if status == 487:
        return "caller-gave-up"
    if status // 100 == 3:
        return "deflected"
    if status in REFUSALS:
        return "refused-by-us"
    return "no-codec" if status in (406, 415, 488, 606) else "incoming-failed"


def _rang(case: Mapping[str, Any]) -> bool:
    return any(not step["sent"] and step["message"][:3] in ("180", "181", "182", "183") for step in case["ladder"])


def of_status(status: int) -> str:
    """The key of a SIP status that an outgoing call failed with."""
    return STATUSES.get(status) or {3: "moved", 4: "refused", 5: "server-broken", 6: "declined"}.get(
        status // 100, "unknown"
    )


def _registration(case: Mapping[str, Any], heard: bool) -> str:
    outcome, status = case["outcome"], case["SIPError"]
    if outcome in ("registered", "unregistered", "cancelled"):
        return f"account-{outcome}"
    if outcome == "registering":
        return "account-silent" if len(case["ladder"]) > 0 and not heard else "account-registering"
    if case["reason"] == "internal error":
        return "internal"
    if (key := CONNECTIONS.get(case["reason"])) is not None:
        return key
    if outcome == "expired" or status == 408 or (status == 503 and not heard):
        return "account-silent" if not heard else "account-expired"
    if status == 0:
        return "account-name" if outcome == "failed" else "account-malformed"
    if status in (401, 407):
        return "account-password"
    if status in (403, 404, 423):
        return f"account-{status}"
    return "account-broken" if status // 100 == 5 else "account-refused"
