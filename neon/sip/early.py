"""The early dialogs of one INVITE: one for each place where it rings (RFC 3261, sections 12.1 and 13.2.2).

Early media are heard from whoever began them last, because that is what the caller is meant to hear: the announcement
after the ringing, the second phone after the first did not answer. RFC 3960 leaves it open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sippy.SipRequest import SipRequest
from sippy.SipResponse import SipResponse
from twisted.logger import Logger

from neon.sip import messages, reliable
from neon.sip.dialog import Dialog
from neon.sip.negotiation import Negotiation
from neon.sip.sdp import SdpError
from neon.values import MediaAgreement

_log = Logger()

MOST_FORKS = 8
"""So many early dialogs of one INVITE are kept apart; more only ring."""


class Fork:
    """One early dialog.

    C{settled}: its answer came reliably, so offers may follow (RFC 6337, section 2.2). C{moved}: one did, and an answer
    to the INVITE that is repeated in the 2xx is out of date.
    """

    def __init__(self, dialog: Dialog, negotiation: Negotiation) -> None:
        self.dialog = dialog
        self.negotiation = negotiation
        self.settled = False
        self.moved = False
        self._sequence = reliable.Sequence()

    def acknowledge(self, response: SipResponse, number: int) -> bool:
        """PRACK a reliable response if it is new and in its turn; whether it was."""
        if not self._sequence.is_next(number):
            return False
        # What is answered does not matter: whoever misses the PRACK gives the INVITE up (RFC 3262, section 3).
        self.dialog.send("PRACK", lambda final: None, headers=reliable.acknowledgement(response, number))
        return True

    def read(self, response: SipResponse, *, reliably: bool) -> MediaAgreement | None:
        """The answer in a provisional response; None if there is none, or it is known already."""
        answer = messages.description_of(response)
        if answer is None or self.settled or (self.negotiation.agreement is not None and not reliably):
            return None  # one answer to one offer; repetitions are not new ones (RFC 3261, section 13.2.1)
        try:
            agreement = self.negotiation.read_answer(answer)
        except SdpError as error:
            _log.info("early media of {call_id} cannot be used: {reason}", call_id=self.dialog.call_id,
                      reason=str(error))  # fmt: skip
            return None
        self.settled = reliably
        return agreement


class Forks:
    """The forks of one INVITE by their To tags."""

    def __init__(self) -> None:
        self._forks: dict[str, Fork] = {}

    def __iter__(self) -> Iterator[Fork]:
        return iter(self._forks.values())

    def clear(self) -> None:
        """The INVITE is sent anew: what rang is not heard of again."""
        self._forks.clear()

    def get(self, tag: str | None) -> Fork | None:
        """The fork that answers with this tag."""
        return None if tag is None else self._forks.get(tag)

    def of(self, response: SipResponse, make: Callable[[], Fork]) -> Fork | None:
        """The fork that a provisional response comes from; None if it has no tag, or there are too many."""
        tag = messages.tag_of(response, "to")
        if tag is not None and tag not in self._forks and len(self._forks) < MOST_FORKS:
            self._forks[tag] = make()
        return self.get(tag)

    def holding(self, request: SipRequest) -> Fork | None:
        """The fork whose dialog a request belongs to."""
        return next((fork for fork in self if fork.dialog.matches(request)), None)

    def with_dialog(self, dialog: Dialog) -> Fork | None:
        """The fork of a dialog."""
        return next((fork for fork in self if fork.dialog is dialog), None)

    def highest_cseq(self) -> int:
        """The highest number of our requests in any of them."""
        return max((fork.dialog.local_cseq for fork in self), default=0)
