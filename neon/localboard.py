"""The switchboard of this daemon: its extensions, painted from the bus (L{neon.switchboard})."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace

from neon import causes
from neon.bus import Bus, Published
from neon.details import CallDetails
from neon.events import (
    CallAccepted,
    CallBridged,
    CallEvent,
    CallFinalized,
    CallRinging,
    CallStarted,
    ConferenceChanged,
    DeviceEvent,
    Event,
    HoldChanged,
    OperatorEvent,
    PanelEvent,
    RecordingChanged,
    Registered,
    RegistrationEvent,
    RegistrationFinalized,
)
from neon.switchboard import REMEMBERED_ENDS, Board, CallPicture, Ended, ExtensionPicture, Phase, Watcher
from neon.values import AccountSnapshot, Direction, RecordingState, RegistrationState


class LocalSwitchboard:
    """The extensions of this daemon: implements L{Switchboard}.

    It is painted as the bus delivers, so a picture and the changes after it never overlap. C{accounts} are the
    phone's.
    """

    def __init__(self, bus: Bus, accounts: Callable[[], Iterable[AccountSnapshot]]) -> None:
        self._accounts = accounts
        self._board = Board()
        self._owners: dict[int, str] = {}
        self._settled = 0
        self._calls: dict[int, int] = {}
        bus.subscribe(self._happened)

    def pictures(self) -> tuple[ExtensionPicture, ...]:
        return self._board.pictures()

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        return self._board.watch(watcher)

    def extension_of(self, call_id: int) -> str | None:
        """Whose call this is, None if there is no such call."""
        return self._owners.get(self._calls.get(call_id, 0))

    def connection_of(self, extension: str) -> int | None:
        """The account of an extension."""
        return next((connection_id for connection_id, name in self._owners.items() if name == extension), None)

    def _happened(self, published: Published) -> None:
        event = published.event
        if isinstance(event, CallEvent):
            self._call_happened(event)
            return
        if isinstance(event, (OperatorEvent, PanelEvent, DeviceEvent)):
            return
        if isinstance(event, ConferenceChanged):
            self._confer(event.call_ids)
            return
        if self._is_known_to_register(event):
            return
        if isinstance(event, RegistrationEvent) or event.connection_id not in self._owners:
            self._look_at_accounts()
        if isinstance(event, RecordingChanged):
            self._recorded(event)

    def _call_happened(self, event: CallEvent) -> None:
        if event.connection_id not in self._owners:
            self._look_at_accounts()
        name = self._owners.get(event.connection_id)
        if name is None:
            return
        before = self._board.find(name)
        assert before is not None
        self._board.put(_after(before, event))
        if isinstance(event, CallFinalized):
            self._calls.pop(event.call_id, None)
        else:
            self._calls[event.call_id] = event.connection_id

    def _confer(self, together: tuple[int, ...]) -> None:
        """Each call of a conference is bridged with the next one."""
        following = dict(zip(together, (*together[1:], *together[:1]), strict=True))
        for before in self._board.pictures():
            calls = []
            for call in before.calls:
                other = following.get(call.call_id) if isinstance(call.call_id, int) else None
                if other is not None or call.conference:
                    call = replace(call, bridge=other, conference=other is not None)
                calls.append(call)
            self._board.put(replace(before, calls=tuple(calls)))

    def _recorded(self, event: RecordingChanged) -> None:
        """The file of a call that is over may be complete only now; nobody sees that call any more."""
        before = self._board.find(self._owners.get(event.connection_id, ""))
        if before is not None:
            on = event.state not in (RecordingState.STOPPED, RecordingState.FAILED)
            calls = (replace(one, recorded=on) if one.call_id == event.call_id else one for one in before.calls)
            self._board.put(replace(before, calls=tuple(calls)))

    def _is_known_to_register(self, event: Event) -> bool:
        """The usual case without a look at every account: one that is known has registered, and that is all."""
        if isinstance(event, RegistrationFinalized) and event.connection_id == self._settled:
            self._settled = 0
            return True
        name = self._owners.get(event.connection_id) if isinstance(event, Registered) else None
        before = None if name is None else self._board.find(name)
        if before is None:
            return False
        assert isinstance(event, Registered)
        self._settled = event.connection_id
        self._board.put(replace(before, registered=True))
        return True

    def _look_at_accounts(self) -> None:
        snapshots = tuple(self._accounts())
        names = dict(zip((account.connection_id for account in snapshots), _names(snapshots), strict=True))
        # A name is kept as long as its account is there, even if another account would now share it.
        names |= {connection_id: name for connection_id, name in self._owners.items() if connection_id in names}
        for connection_id, name in self._owners.items():
            if connection_id not in names:
                self._board.remove(name)
        self._owners = names
        for account in snapshots:
            name = names[account.connection_id]
            registered = account.state is RegistrationState.REGISTERED
            before = self._board.find(name) or ExtensionPicture(name, account.uri, registered=False)
            self._board.put(replace(before, registered=registered))


def _names(accounts: Collection[AccountSnapshot]) -> list[str]:
    """The number of each account; the whole address where two accounts have the same number."""
    addresses = [account.uri.removeprefix("sip:") for account in accounts]
    numbers = [address.partition("@")[0] for address in addresses]
    return [
        number if numbers.count(number) == 1 else address for number, address in zip(numbers, addresses, strict=True)
    ]


def _after(before: ExtensionPicture, event: CallEvent) -> ExtensionPicture:
    """The picture when this has happened."""
    calls = {call.call_id: call for call in before.calls}
    if isinstance(event, CallFinalized):
        calls.pop(event.call_id, None)
        end = Ended(event.call_id, causes.from_status(event.cause.status))
        # Whoever it was bridged with talks to nobody now.
        left = tuple(replace(call, bridge=None) if call.bridge == event.call_id else call for call in calls.values())
        return replace(before, calls=left, ended=(*before.ended, end)[-REMEMBERED_ENDS:])
    call = calls.get(event.call_id)
    if call is None:
        did_a, did_b = _dids(event.details) if isinstance(event, CallStarted) else ("", "")
        call = CallPicture(
            event.call_id,
            event.direction,
            phone_a=_phone(event.caller),
            phone_b=_phone(event.callee),
            did_a=did_a,
            did_b=did_b,
            phase=Phase.DIALING if event.direction is Direction.OUTGOING else Phase.RINGING,
        )
    match event:
        case CallStarted():
            pass
        case CallAccepted():
            call = replace(call, phase=Phase.UP)
        case CallRinging(direction=Direction.OUTGOING):
            call = replace(call, phase=Phase.RING)
        case HoldChanged():
            call = replace(call, hold=event.local or event.remote)
        case CallBridged():
            call = replace(call, bridge=event.other)
        case _:
            return before
    calls[event.call_id] = call
    return replace(before, calls=tuple(calls.values()))


def _phone(uri: str) -> str:
    """The number in a bare SIP URI, the whole of it where there is none."""
    user, at, _ = uri.removeprefix("sip:").removeprefix("sips:").rpartition("@")
    return user if at else uri


def _dids(details: CallDetails) -> tuple[str, str]:
    """The numbers that the network knows the two by: who it vouches for, and whom the call was for at first."""
    asserted = "" if details.asserted is None else _phone(details.asserted)
    return asserted, _phone(details.diversions[-1].uri) if details.diversions else ""
