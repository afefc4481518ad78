"""What is written down of a call while it lives, so that it can be ended after a crash (L{neon.journal}).

Nothing in it is secret: no password, no nonce and nothing computed from one. Times are seconds since 1970, UTC.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from neon.values import Cause, Destination, Direction


@dataclass(frozen=True, slots=True)
class Party:
    """Who stands in From or To: the display name as it is on the wire, and the URI, without the tag."""

    name: str | None
    uri: str


@dataclass(frozen=True, slots=True)
class DialogRecord:
    """Everything that a request of ours in a dialog consists of (RFC 3261, section 12).

    While our INVITE has no final response there is no dialog to speak of: C{remote_tag} is empty, C{branch} is the
    INVITE's, and what can be sent is its CANCEL (section 9.1).
    """

    sip_call_id: str
    local: Party
    local_tag: str
    remote: Party
    remote_tag: str
    local_cseq: int
    remote_target: str
    route_set: tuple[str, ...]
    contact: str
    home: Destination
    branch: str = ""


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One call. C{dialog} is None while there is nothing that a BYE or a CANCEL could end.

    C{account} is the URI of the account it belongs to: its credentials may be needed. C{ended} and C{cause} are there
    once the network has been told, but no application yet.
    """

    call_id: int
    connection_id: int
    account: str
    direction: Direction
    caller: str
    callee: str
    display_name: str | None
    answered: float | None = None
    dialog: DialogRecord | None = None
    ended: float | None = None
    cause: Cause = field(default_factory=Cause)

    @property
    def duration_ms(self) -> int:
        """From the answer to the end, by the wall clock."""
        if self.answered is None or self.ended is None:
            return 0
        return max(0, round((self.ended - self.answered) * 1000))
