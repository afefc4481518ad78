"""What a call's listener hears, and when it hears nothing any more.

The promise of L{neon.ports.CallListener}: C{ended} is said exactly once and last, whatever the network does; and
nothing but it from the moment on in which we leave.
"""

from __future__ import annotations

from neon.details import Referral as Wish
from neon.ports import CallListener
from neon.values import Cause, LocalMedia, MediaAgreement


class Report:
    """The half of a session that speaks to the listener. The other half sets C{_leaving} when the end is near."""

    def __init__(self) -> None:
        self._listener: CallListener | None = None
        self._agreed: MediaAgreement | None = None
        self._confirmed = False
        self._leaving = False
        self._ended = False

    def _report_ringing(self, status: int, early: MediaAgreement | None) -> None:
        if self._listener is not None and not self._ended and not self._leaving:
            self._listener.ringing(status, early)

    def _report_answered(self, agreement: MediaAgreement) -> None:
        self._confirmed = True
        self._agreed = agreement
        if self._listener is not None and not self._ended and not self._leaving:
            self._listener.answered(agreement)

    def _report_media(self, agreement: MediaAgreement) -> None:
        self._agreed = agreement
        if self._listener is not None and not self._ended and not self._leaving:
            self._listener.media_changed(agreement)

    def _located(self) -> LocalMedia | None:
        return None if self._listener is None else self._listener.located()

    @property
    def _heard(self) -> CallListener | None:
        """Who listens to what happens in a call that is up, None when it is not."""
        up = self._confirmed and not self._ended and not self._leaving
        return self._listener if up else None

    def _report_hold(self, agreement: MediaAgreement | None) -> None:
        if self._heard is not None and agreement is not None:
            self._agreed = agreement
            self._heard.hold_answered(agreement)

    def _report_hold_refused(self, cause: Cause) -> None:
        if self._heard is not None:
            self._heard.hold_refused(cause)

    def _report_digit(self, digit: str) -> None:
        if self._heard is not None:
            self._heard.digit_received(digit)

    def _report_digits_refused(self, digits: str) -> None:
        if self._heard is not None:
            self._heard.digits_refused(digits)

    def _report_transferred(self) -> None:
        if self._heard is not None:
            self._heard.transferred()

    def _report_transfer_failed(self, cause: Cause) -> None:
        if self._heard is not None:
            self._heard.transfer_failed(cause)

    def _report_referred(self, wish: Wish) -> None:
        if self._heard is not None:
            self._heard.referred(wish)

    def _report_ended(self, cause: Cause) -> None:
        if self._ended:
            return
        self._ended = True
        if self._listener is not None:
            self._listener.ended(cause)
