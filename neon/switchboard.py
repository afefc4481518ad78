"""Every extension at one moment, and each change after it: what supervisors and agents watch (spec section 5).

An extension is one SIP account. Its state is a picture, a frozen value; a change is what lies between two pictures
(L{changes}), so whoever has seen a picture and every change since knows the present one, whatever way it came: from
the bus of this daemon (L{neon.localboard}), or from other desks (L{neon.desks}).
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol, TypeAlias

from neon import causes
from neon.values import Direction

REMEMBERED_ENDS = 8
"""So many ended calls stay in a picture, with their causes."""


CallId: TypeAlias = int | str
"""A callId; where those of several desks are seen together, text that names the desk as well."""


class Status(enum.Enum):
    """What an extension does; the value is the wire's word for it. docs/agents.rst has the table."""

    IDLE = "idle"
    RINGING = "ringing"
    IN_USE = "inuse"
    ON_HOLD = "onhold"
    UNAVAILABLE = "unavailable"


class Phase(enum.Enum):
    """How far a call is; the value is the number that telephone exchanges have for it."""

    DIALING = 3
    RING = 4
    RINGING = 5
    UP = 6

    @property
    def words(self) -> str:
        """What the wire says beside the number."""
        return _PHASE_WORDS[self]


_PHASE_WORDS = {Phase.DIALING: "Dialing", Phase.RING: "Ring", Phase.RINGING: "Ringing", Phase.UP: "Up"}


@dataclass(frozen=True, slots=True)
class CallPicture:
    """A call of an extension.

    C{phone_a} calls C{phone_b}; C{did_a} and C{did_b} are the numbers by which they know each other outside, empty
    where nobody told. C{bridge} is the other leg of the same conversation; in a C{conference} another call of it.
    C{hold}: one of the two waits.
    """

    call_id: CallId
    direction: Direction
    phone_a: str
    phone_b: str
    did_a: str = ""
    did_b: str = ""
    phase: Phase = Phase.DIALING
    bridge: CallId | None = None
    hold: bool = False
    recorded: bool = False
    conference: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    """A call that is over, and why (ITU-T Q.850)."""

    call_id: CallId
    cause: int


@dataclass(frozen=True, slots=True)
class ExtensionPicture:
    """An extension: C{name} is its number, C{hint} its address of record. C{ended} are its last calls, oldest first."""

    name: str
    hint: str
    registered: bool
    calls: tuple[CallPicture, ...] = ()
    ended: tuple[Ended, ...] = ()

    @property
    def status(self) -> Status:
        """What a lamp beside its name would show: talking before ringing, ringing before waiting."""
        waiting = {call.call_id for call in self.calls if call.hold}
        # Two legs of one conversation wait together; those of a conference each for themselves.
        phases = {
            call.phase
            for call in self.calls
            if not waiting & {call.call_id, None if call.conference else call.bridge}
        }
        if phases - {Phase.RINGING}:
            return Status.IN_USE
        if phases:
            return Status.RINGING
        if self.calls:
            return Status.ON_HOLD
        return Status.IDLE if self.registered else Status.UNAVAILABLE

    def cause_of(self, call_id: CallId) -> int:
        """Why a call that was here is not here any more."""
        return next((end.cause for end in reversed(self.ended) if end.call_id == call_id), causes.NORMAL_CLEARING)


@dataclass(frozen=True, slots=True)
class StatusChanged:
    """The extension does something else now."""

    extension: str
    status: Status


@dataclass(frozen=True, slots=True)
class CallAppeared:
    """A call began."""

    extension: str
    call: CallPicture


@dataclass(frozen=True, slots=True)
class PhaseChanged:
    """A call went on."""

    extension: str
    call_id: CallId
    phase: Phase


@dataclass(frozen=True, slots=True)
class HoldSwitched:
    """Somebody in the call waits now, or nobody any more."""

    extension: str
    call_id: CallId
    on: bool


@dataclass(frozen=True, slots=True)
class RecordingSwitched:
    """The call is being recorded now, or no longer."""

    extension: str
    call_id: CallId
    on: bool


@dataclass(frozen=True, slots=True)
class CallGone:
    """A call is over; C{cause} is of ITU-T Q.850."""

    extension: str
    call_id: CallId
    cause: int


Change: TypeAlias = StatusChanged | CallAppeared | PhaseChanged | HoldSwitched | RecordingSwitched | CallGone
Watcher: TypeAlias = Callable[[Change], None]


class Switchboard(Protocol):
    """Where extensions are watched."""

    def pictures(self) -> tuple[ExtensionPicture, ...]:
        """Every extension as it is now."""

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Tell C{watcher} each change from now on; returns what ends that, even if called twice."""


def changes(before: ExtensionPicture | None, after: ExtensionPicture | None) -> Iterator[Change]:
    """What happened between two pictures of one extension, in an order in which it could have happened.

    None is an extension that is not there: whatever it had is gone, and it is unavailable.
    """
    known = after or before
    assert known is not None
    name = known.name
    old = {call.call_id: call for call in before.calls} if before is not None else {}
    new = {call.call_id: call for call in after.calls} if after is not None else {}
    for call_id in old:
        if call_id not in new:
            yield CallGone(name, call_id, known.cause_of(call_id))
    for call_id, call in new.items():
        was = old.get(call_id)
        if was is None:
            was = replace(call, phase=_first_phase(call), hold=False, recorded=False)
            yield CallAppeared(name, was)
            # The feed's message about a new call has no place for its state, so that is told as well.
            yield PhaseChanged(name, call_id, call.phase)
        elif call.phase is not was.phase:
            yield PhaseChanged(name, call_id, call.phase)
        if call.hold is not was.hold:
            yield HoldSwitched(name, call_id, call.hold)
        if call.recorded is not was.recorded:
            yield RecordingSwitched(name, call_id, call.recorded)
    status = Status.UNAVAILABLE if after is None else after.status
    if status is not (Status.UNAVAILABLE if before is None else before.status):
        yield StatusChanged(name, status)


def _first_phase(call: CallPicture) -> Phase:
    return Phase.DIALING if call.direction is Direction.OUTGOING else Phase.RINGING


class Board:
    """Pictures by extension, and who watches them."""

    def __init__(self) -> None:
        self._pictures: dict[str, ExtensionPicture] = {}
        self._watchers: dict[object, Watcher] = {}

    def pictures(self) -> tuple[ExtensionPicture, ...]:
        return tuple(self._pictures.values())

    def find(self, name: str) -> ExtensionPicture | None:
        """The extension of this name."""
        return self._pictures.get(name)

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        key = object()
        self._watchers[key] = watcher

        def unwatch() -> None:
            self._watchers.pop(key, None)

        return unwatch

    def put(self, picture: ExtensionPicture) -> None:
        """An extension is like this now."""
        before = self._pictures.get(picture.name)
        self._pictures[picture.name] = picture
        if self._watchers:  # comparing costs as much as there are calls
            self._tell(changes(before, picture))

    def remove(self, name: str) -> None:
        """An extension is no longer there."""
        before = self._pictures.pop(name, None)
        if before is not None:
            self._tell(changes(before, None))

    def _tell(self, told: Iterable[Change]) -> None:
        for change in told:
            for watcher in tuple(self._watchers.values()):
                watcher(change)
