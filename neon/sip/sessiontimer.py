"""A session that is refreshed, and ended when that stops (RFC 4028).

Who refreshes is agreed on with every INVITE and UPDATE anew. The refresher sends at half of the interval; both sides
give up shortly before its end. A far end that knows nothing of this has no session timer and is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from sippy.SipRequest import SipRequest
from sippy.SipResponse import SipResponse
from twisted.logger import Logger

from neon.ports import Clock, Timer
from neon.sip import extensions, messages
from neon.sip.stack import CallSettings
from neon.values import Cause

_log = Logger()

LEAST = 90
"""Seconds: no interval may be shorter (section 5), and a message that names a shorter one means this."""

LONGEST = 7 * 86400
MOST_RAISES = 3
"""So often in one call a 422 makes us ask for more."""

RETRY = 10.0
"""Seconds until a refresh that failed is tried again, if there is so much time left."""

EXPIRED = Cause(408, "the session was not refreshed in time")

_INTERVAL = re.compile(r"\s*([0-9]{1,10})\s*(?:;|\Z)")
_REFRESHER = re.compile(r";\s*refresher\s*=\s*(uac|uas)\s*(?:;|\Z)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SessionExpires:
    """A Session-Expires header field: seconds, and who refreshes (C{uac}, C{uas} or not said)."""

    seconds: int
    refresher: str | None = None

    @classmethod
    def of(cls, message: SipRequest | SipResponse) -> SessionExpires | None:
        """The one in a message, None if there is none or it cannot be read."""
        for field in message.getHFs("session-expires"):
            text = str(field.body)
            seconds, refresher = _INTERVAL.match(text), _REFRESHER.search(text)
            if seconds is not None:
                return cls(min(int(seconds[1]), LONGEST), None if refresher is None else refresher[1].lower())
        return None


def least_interval(message: SipRequest | SipResponse) -> int:
    """The value of Min-SE, 0 if there is none."""
    for field in message.getHFs("min-se"):
        seconds = _INTERVAL.match(str(field.body))
        if seconds is not None:
            return min(int(seconds[1]), LONGEST)
    return 0


def too_brief(request: SipRequest, settings: CallSettings) -> SipResponse | None:
    """The 422 for an INVITE or UPDATE whose interval is shorter than ours may be; None if it is not.

    Only whoever knows session timers can ask for a longer one; for others a proxy wrote the header (section 9).
    """
    asked = SessionExpires.of(request)
    if asked is None or asked.seconds >= settings.min_se or extensions.TIMER not in extensions.words(
        request, "supported"
    ):
        return None
    return messages.build_response(request, 422, headers=(("Min-SE", str(settings.min_se)),))


class SessionTimer:
    """The timer of one session.

    C{refresh} sends a refresh and reports with L{accepted} or L{failed} how it went; C{expired} ends the call.
    Neither is called from inside one of these methods.
    """

    def __init__(
        self, clock: Clock, settings: CallSettings, *, refresh: Callable[[], None], expired: Callable[[Cause], None]
    ) -> None:
        self._clock = clock
        self._settings = settings
        self._refresh = refresh
        self._expired = expired
        self._interval: int | None = None
        self._ours = False
        self._least = settings.min_se
        self._raises = 0
        self._refreshing: Timer | None = None
        self._ending: Timer | None = None

    # Our requests

    def asking(self) -> messages.Headers:
        """What the INVITE that begins a session says of it."""
        if not self._settings.session_expires:
            return ()
        return self._ask(self._settings.session_expires, "")

    def continuing(self) -> messages.Headers:
        """What our re-INVITEs and UPDATEs say: who refreshes now does so from then on."""
        if self._interval is None:
            return ()
        return self._ask(self._interval, ";refresher=uac" if self._ours else ";refresher=uas")

    def _ask(self, seconds: int, refresher: str) -> messages.Headers:
        headers = [("Session-Expires", f"{max(seconds, self._least)}{refresher}")]
        if self._least != LEAST:
            headers.append(("Min-SE", str(self._least)))
        return tuple(headers)

    def raised(self, response: SipResponse) -> bool:
        """Take note of a 422; whether asking again makes sense (section 7.3)."""
        least = least_interval(response)
        asked = max(self._interval or self._settings.session_expires, self._least)
        if least <= asked or self._raises >= MOST_RAISES:
            return False
        self._raises += 1
        self._least = least
        return True

    def accepted(self, response: SipResponse) -> None:
        """A 2xx to our INVITE or UPDATE: begin again, or stop if the far end wants none (section 7.2)."""
        agreed = SessionExpires.of(response)
        if agreed is None:
            self.stop()
        else:
            self._start(agreed.seconds, ours=agreed.refresher != "uas")

    def failed(self) -> None:
        """Our refresh was refused: try again while there is time."""
        if self._ending is None or not self._ending.active() or not self._ours or self._interval is None:
            return
        self._cancel(self._refreshing)
        self._refreshing = self._clock.callLater(min(RETRY, self._interval / 6), self._refresh)

    # Their requests

    def answer(self, request: SipRequest) -> messages.Headers:
        """Begin anew with the 2xx to this INVITE or UPDATE; what the 2xx has to say (section 9)."""
        knows = extensions.TIMER in extensions.words(request, "supported")
        asked = SessionExpires.of(request)
        wanted = self._settings.session_expires
        refresher = "uac" if self._interval is not None and not self._ours else "uas"
        if asked is not None:
            seconds = max(asked.seconds, min(LEAST, self._settings.min_se))
            if wanted:
                # It may be made shorter, but not than the request allows.
                seconds = min(seconds, max(wanted, least_interval(request), self._settings.min_se))
            refresher = asked.refresher or refresher
        elif knows and wanted:
            seconds = max(wanted, least_interval(request), self._settings.min_se)
        else:
            self.stop()
            return ()
        if not knows:
            refresher = "uas"
        self._start(seconds, ours=refresher == "uas")
        headers = [("Session-Expires", f"{seconds};refresher={refresher}")]
        if knows:
            headers.append(("Require", extensions.TIMER))
        return tuple(headers)

    # Time

    def _start(self, seconds: int, *, ours: bool) -> None:
        self.stop()
        self._interval = seconds = max(seconds, min(LEAST, self._settings.min_se))
        self._ours = ours
        if ours:
            self._refreshing = self._clock.callLater(seconds / 2, self._refresh)
        # Shortly before the end, so that our BYE still finds the proxies' state (section 10).
        self._ending = self._clock.callLater(seconds - min(32, seconds / 3), self._end)

    def _end(self) -> None:
        _log.info("a session was not refreshed for {seconds} s", seconds=self._interval)
        self.stop()
        self._expired(EXPIRED)

    def stop(self) -> None:
        """There is no session, or none that expires."""
        self._cancel(self._refreshing)
        self._cancel(self._ending)
        self._interval = None

    @staticmethod
    def _cancel(timer: Timer | None) -> None:
        if timer is not None and timer.active():
            timer.cancel()
