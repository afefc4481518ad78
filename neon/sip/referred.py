"""Being transferred: a REFER within a call of ours, and the NOTIFYs that tell its sender how that goes (RFC 3515).

The REFER is accepted with 202 at once, since a request must not wait for a person; the first NOTIFY says C{100 Trying},
the last one has the outcome. One wish at a time. Whether it is followed is not decided here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final
from urllib.parse import unquote

from sippy.SipRequest import SipRequest
from sippy.SipResponse import SipResponse
from sippy.SipURL import SipURL

from neon import dialling
from neon.details import Referral
from neon.errors import InvalidArgument
from neon.ports import Timer
from neon.sip import identity, messages, replaces
from neon.sip.dialog import Dialog
from neon.sip.stack import ServerTransaction, Stack

FRAGMENT: Final = "message/sipfrag;version=2.0"
SPARE_SECONDS: Final = 60.0
"""The subscription outlives the longest ringing by so much."""

_URI: Final = re.compile(r'\s*(?:(?:"(?:[^"\\]|\\.){0,256}"|[^<"]{0,256}?)\s*<([^<>\s]{1,1024})>|([^<>\s;]{1,1024}))')
_REFERRED_BY: Final = re.compile(r"[^\x00-\x1f\x7f]{1,512}\Z")


def read_referral(request: SipRequest, settings_status: int) -> Referral | int:
    """What a REFER asks for, or the status to refuse it with."""
    targets = request.getHFs("refer-to")
    if len(targets) != 1:
        return 400  # RFC 3515, section 2.4.2: exactly one
    match = _URI.match(str(targets[0].body))
    text = (match[1] or match[2]) if match is not None else ""
    if not text.lower().startswith("sip:"):
        return 416 if text else 400
    plain, _, embedded = text.partition("?")
    plain, method = _without_method(plain)
    if method not in (None, "INVITE"):
        return settings_status  # section 2.1 knows other methods; we place calls only
    try:
        target = dialling.parse(plain)
        SipURL(target)
    except (InvalidArgument, ValueError):
        return 400
    headers: list[tuple[str, str]] = []
    for field in embedded.split("&")[:16]:
        name, _, value = field.partition("=")
        if name.lower() == "replaces":  # nobody else's header goes into our INVITE
            try:
                replaces.parse(unquote(value))
            except ValueError:
                return 400
            headers.append(("Replaces", unquote(value)))
            headers.append(("Require", "replaces"))
    if len(headers) > 2:
        return 400
    by = request.getHFs("referred-by")
    if len(by) == 1 and _REFERRED_BY.match(str(by[0].body)):
        headers.append(("Referred-By", str(by[0].body).strip()))
    who = identity.first_uri(request, "referred-by")
    return Referral(target, who, tuple(headers), replaces=any(name == "Replaces" for name, _ in headers))


def _without_method(uri: str) -> tuple[str, str | None]:
    place, *parameters = uri.split(";")
    method = next((one[7:].upper() for one in parameters if one.lower().startswith("method=")), None)
    kept = [one for one in parameters if not one.lower().startswith(("method=", "transport=", "maddr=", "ttl="))]
    return ";".join((place, *kept)), method


class Wishes:
    """The REFERs that came in one call, one after the other; C{wished} hears each, later."""

    def __init__(self, stack: Stack, wished: Callable[[Referral], None]) -> None:
        self._stack = stack
        self._wished = wished
        self._dialog: Dialog | None = None
        self._event = "refer"
        self._seen = 0
        self._deadline = 0.0
        self._timer: Timer | None = None
        self._told = 0

    @property
    def open(self) -> bool:
        """Whether the sender of a REFER waits for the outcome."""
        return self._dialog is not None

    def receive(self, dialog: Dialog, request: SipRequest, transaction: ServerTransaction) -> None:
        """Serve a REFER within C{dialog}, which is up."""
        settings = self._stack.settings
        refused = self.open or not settings.takes_referrals
        wish = settings.refer_status if refused else read_referral(request, settings.refer_status)
        if isinstance(wish, int):
            transaction.respond(messages.build_response(request, wish))
            return
        # RFC 3515, section 2.4.6: from the second on they have to be told apart.
        self._event = "refer" if self._seen == 0 else f"refer;id={messages.cseq_of(request)}"
        self._seen += 1
        lasts = settings.no_answer_seconds + SPARE_SECONDS
        self._dialog = dialog
        self._deadline = self._stack.clock.seconds() + lasts
        headers = (("Expires", str(round(lasts))),)
        transaction.respond(messages.build_response(request, 202, contact=dialog.contact, headers=headers))
        self._timer = self._stack.clock.callLater(lasts, self._expired)
        self._told = 0
        self.tell(100, "Trying")
        self._stack.clock.callLater(0.0, self._say, wish)

    def tell(self, status: int, reason: str = "") -> None:
        """Notify the sender of the REFER; a final status is the last word. What was told already is not repeated."""
        if self._dialog is None or status == self._told:
            return
        self._told = status
        self._notify(status, reason or messages.REASONS.get(status, ""), "noresource" if status < 600 else "rejected")

    def stop(self) -> None:
        """The call is ending: nothing more is told."""
        self._dialog = None
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    def _say(self, wish: Referral) -> None:
        if self.open:
            self._wished(wish)

    def _expired(self) -> None:
        self._notify(self._told or 100, messages.REASONS.get(self._told, "Trying"), "timeout", last=True)

    def _notify(self, status: int, reason: str, why: str, *, last: bool = False) -> None:
        dialog = self._dialog
        assert dialog is not None
        last = last or status >= 200
        left = max(1, round(self._deadline - self._stack.clock.seconds()))
        state = f"terminated;reason={why}" if last else f"active;expires={left}"
        if last:
            self.stop()
        dialog.send(
            "NOTIFY",
            self._answered,
            body=f"SIP/2.0 {status} {reason}\r\n",
            content_type=FRAGMENT,
            headers=(("Event", self._event), ("Subscription-State", state), *messages.ALLOW),
        )

    def _answered(self, response: SipResponse) -> None:
        # 481: whoever asked does not want to know (RFC 6665, section 4.2.2).
        if int(response.getSCode()[0]) in (481, 489):
            self.stop()
