"""Tells the far end of a call where we are, after the machine's address has changed (RFC 3261, section 14; RFC 5626).

A re-INVITE with the new Contact and the new address of our audio, if one of them is not what the far end knows. The
new network may need a moment before it carries packets, so what could not be sent is tried again.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import TypeAlias

from sippy.SipURL import SipURL
from twisted.logger import Logger

from neon.ports import Timer
from neon.sip.dialog import Dialog
from neon.sip.negotiation import Negotiation
from neon.sip.stack import Stack
from neon.sip.transport import unbracketed
from neon.values import Cause, Destination, LocalMedia

_log = Logger()

ContactOf: TypeAlias = Callable[[SipURL, Destination], SipURL]
"""What the Contact of a dialog should be now, from what it is and where its far end is."""

ATTEMPTS = 6
PAUSE = 2.0
NOT_CARRIED = (408, 503)
"""What the transaction layer says of a request that did not leave, or was not answered."""


class Relocation:
    """C{modify} sends a re-INVITE and calls the function it is given if that was refused.

    C{located} says where our audio is reached now, None if that is as it was.
    """

    def __init__(
        self,
        stack: Stack,
        modify: Callable[[Callable[[Cause], None]], None],
        located: Callable[[], LocalMedia | None],
    ) -> None:
        self._stack = stack
        self._modify = modify
        self._located = located
        self._contact_of: ContactOf | None = None
        self._unknown = False
        self._attempts = 0
        self._timer: Timer | None = None

    def wanted(
        self, contact_of: ContactOf, dialog: Dialog | None, negotiation: Negotiation | None, *, unknown: bool
    ) -> None:
        """Our address may have changed. C{dialog} and C{negotiation} are those of a call that is up, else None:
        then the far end is told when the call is answered, if it is C{unknown} to it where we are now."""
        self.stop()
        self._contact_of = contact_of
        self._attempts = 0
        # What the far end was to be told before, and was not, it has to be told now.
        self._unknown = self._unknown or unknown
        self.go(dialog, negotiation)

    def go(self, dialog: Dialog | None, negotiation: Negotiation | None) -> None:
        """Tell the far end, if there is something to tell and it can be told now."""
        contact_of = self._contact_of
        if contact_of is None or dialog is None or negotiation is None:
            return
        host = self._stack.endpoint.local_address(dialog.home).host
        if _is_loopback(host) and not _is_loopback(dialog.home.host):
            self._unknown = True
            return  # there is no way to the far end at the moment; the next change of the network may bring one
        contact = contact_of(dialog.contact, dialog.home)
        located = self._located() or negotiation.local
        local = negotiation.local.seen_as(located)
        if (
            not self._unknown
            and local == negotiation.local
            and not self.differs(contact_of, dialog.contact, dialog.home, negotiation.host)
        ):
            return
        dialog.contact = contact
        negotiation.local = local
        self._unknown = False
        self._attempts += 1
        _log.info("{call_id}: moves to {host}", call_id=dialog.call_id, host=host)

        def refused(cause: Cause) -> None:
            _log.info("{call_id}: the move was answered {status}", call_id=dialog.call_id, status=cause.status)
            if cause.status in NOT_CARRIED and self._attempts < ATTEMPTS:
                self._unknown = True
                self._timer = self._stack.clock.callLater(PAUSE, self.go, dialog, negotiation)

        self._modify(refused)

    def differs(self, contact_of: ContactOf, contact: SipURL | None, home: Destination, host: str | None) -> bool:
        """Whether a far end at C{home} that was told this Contact and this C{host} of our audio has to be told others.

        None is what it was not told yet.
        """
        elsewhere = contact is not None and str(contact_of(contact, home)) != str(contact)
        return elsewhere or host not in (None, self._stack.endpoint.local_address(home).host)

    def stop(self) -> None:
        """Try no more."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        self._contact_of = None


def _is_loopback(host: str) -> bool:
    """Whether a numeric host is the machine itself, which stands for "no route" where another one is to be reached."""
    return ipaddress.ip_address(unbracketed(host)).is_loopback
