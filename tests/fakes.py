"""Small worlds for the phone: the ports implemented by recorders that a test drives by hand.

Typed against L{neon.ports}, so that mypy tells when a port changed and a fake did not.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from twisted.internet.task import Clock

from neon.bus import Bus, Published
from neon.details import NO_DETAILS, CallDetails, Headers
from neon.events import Event
from neon.phone import Phone, PhoneSettings
from neon.ports import (
    CallListener,
    Ids,
    IncomingCall,
    IncomingCallListener,
    Media,
    MediaStream,
    MediaUnavailable,
    RegistrationListener,
    Signalling,
    SignallingCall,
)
from neon.records import DialogRecord
from neon.values import AccountSettings, Cause, Codec, LocalMedia, MediaAgreement, MediaStatistics

ACCOUNT = AccountSettings("sip.acme.com", "31", "very secret")

AGREEMENT = MediaAgreement(("192.0.2.7", 4000), Codec.PCMA, 8, 8, telephone_event=101, receive_telephone_event=101)

EPOCH = datetime(2024, 5, 1, 12, 0, 0, tzinfo=UTC)


_numbers = itertools.count(1)


class FakeCall:
    """The signalling side of one call: C{requests} is what the phone asked; C{listener} is for the test to drive."""

    def __init__(self, target: str | None = None, media: LocalMedia | None = None) -> None:
        self.requests: list[str] = []
        self.call_id = f"{next(_numbers):x}"
        self.target = target
        self.media = media
        self.broken: set[str] = set()
        self.headers: Headers = ()
        self.on_changed: Callable[[], None] = lambda: None
        self.recorded: DialogRecord | None = None
        self._listener: CallListener | None = None

    @property
    def listener(self) -> CallListener:
        assert self._listener is not None, "the phone refused the call"
        return self._listener

    @listener.setter
    def listener(self, listener: CallListener) -> None:
        self._listener = listener

    def record(self) -> DialogRecord | None:
        return self.recorded

    def ring(self, *, waiting: bool = False) -> None:
        self._request("ring waiting" if waiting else "ring")

    def accept(self) -> None:
        self._request("accept")

    def reject(self, status: int) -> None:
        self._request(f"reject {status}")

    def deflect(self, uri: str, reason: str = "deflection") -> None:
        self._request(f"deflect {uri}" if reason == "deflection" else f"deflect {uri} {reason}")

    def hang_up(self) -> None:
        self._request("hang_up")

    def hold(self, on: bool) -> None:
        self._request("hold" if on else "resume")

    def send_digit(self, digit: str, duration_ms: int) -> None:
        self._request(f"digit {digit}")

    def refer(self, uri: str, other: SignallingCall | None = None) -> None:
        self._request(f"refer {uri}" if other is None else f"refer {uri} replacing {other.call_id}")

    def notify_referral(self, status: int, reason: str) -> None:
        self._request(f"notify {status}")

    def _request(self, request: str) -> None:
        if request.split()[0] in self.broken:
            raise RuntimeError(f"{request} is broken")
        self.requests.append(request)


@dataclass
class FakeRegistration:
    """What L{Signalling.register} was last given for one account."""

    settings: AccountSettings
    listener: RegistrationListener
    times: int = 1


@dataclass
class FakeSignalling:
    """Records; the test answers through the listeners it finds here.

    C{calls} are those the phone made, in order. C{incoming_listener} takes the calls that L{call_in} makes.
    """

    incoming_listener: IncomingCallListener | None = None
    registrations: dict[int, FakeRegistration] = field(default_factory=dict)
    unregistrations: list[int] = field(default_factory=list)
    watched: list[tuple[int, str]] = field(default_factory=list)
    calls: list[FakeCall] = field(default_factory=list)
    broken: bool = False
    turned_away: FakeCall | None = None

    def register(self, connection_id: int, account: AccountSettings, listener: RegistrationListener) -> None:
        if self.broken:
            raise RuntimeError("the signalling is broken")
        times = self.registrations[connection_id].times + 1 if connection_id in self.registrations else 1
        self.registrations[connection_id] = FakeRegistration(account, listener, times)

    def unregister(self, connection_id: int) -> None:
        if self.broken:
            raise RuntimeError("the signalling is broken")
        self.unregistrations.append(connection_id)

    def invite(
        self, connection_id: int, target: str, media: LocalMedia, listener: CallListener, headers: Headers = ()
    ) -> SignallingCall:
        if self.broken:
            raise RuntimeError("the signalling is broken")
        call = FakeCall(target, media)
        call.headers = headers
        call.listener = listener
        self.calls.append(call)
        return call

    def target_uri(self, connection_id: int, target: str) -> str:
        if target.startswith("sip:"):
            return target
        return f"sip:{target}@{self.registrations[connection_id].settings.domain}"

    def watch(self, connection_id: int, extension: str) -> None:
        self.watched.append((connection_id, extension))

    def unwatch(self, connection_id: int, extension: str) -> bool:
        if (connection_id, extension) not in self.watched:
            return False
        self.watched.remove((connection_id, extension))
        return True

    # For tests

    def answer_registration(self, connection_id: int) -> None:
        """The registrar says 200."""
        self.registrations[connection_id].listener.registered(renewed=False)

    def end_registration(self, connection_id: int) -> None:
        """The registrar says 200 to the un-REGISTER."""
        self.registrations.pop(connection_id).listener.unregistered(Cause())

    def call_in(
        self,
        connection_id: int = 1,
        caller: str = "sip:32@sip.acme.com",
        display_name: str | None = None,
        details: CallDetails = NO_DETAILS,
        replaced: SignallingCall | None = None,
    ) -> FakeCall | int:
        """Somebody calls: the call, or the status that the phone refused it with. C{turned_away} is the last call."""
        assert self.incoming_listener is not None
        call = self.turned_away = FakeCall()
        incoming = IncomingCall(connection_id, caller, "sip:31@sip.acme.com", display_name, details, replaced)
        taken = self.incoming_listener.incoming(incoming, call)
        if isinstance(taken, int):
            return taken
        if taken is None:
            return 302
        call.listener, call.media = taken
        return call


class FakeStream:
    """The media of one call."""

    def __init__(self, local: LocalMedia) -> None:
        self._local = local
        self.has_audio = True
        self.started: list[MediaAgreement] = []
        self.closed = 0
        self.silent = False
        self.digits = ""
        self.beeps = 0
        self.mixed = False
        self.volume = 100
        self.broken = False
        self.on_start: Callable[[], None] | None = None

    @property
    def local(self) -> LocalMedia:
        return self._local

    def start(self, agreement: MediaAgreement) -> None:
        if self.broken:
            raise OSError("the stream is broken")
        assert not self.closed, "started after its end"
        self.started.append(agreement)
        if self.on_start is not None:
            self.on_start()

    def silence(self, on: bool) -> None:
        if self.broken:
            raise OSError("the stream is broken")
        self.silent = on

    def mix(self, on: bool) -> None:
        if self.broken:
            raise OSError("the stream is broken")
        self.mixed = on

    def set_volume(self, percent: int) -> None:
        self.volume = percent

    def beep(self) -> None:
        self.beeps += 1

    def send_digit(self, digit: str, duration_ms: int) -> None:
        assert not self.closed, "a digit after the end"
        self.digits += digit

    def statistics(self) -> MediaStatistics:
        return MediaStatistics()

    def close(self) -> None:
        self.closed += 1


@dataclass
class FakeMedia:
    """C{streams} by call id; C{room} is for how many calls there is room, in all."""

    streams: dict[int, FakeStream] = field(default_factory=dict)
    room: int = 1000

    def open(self, call_id: int) -> MediaStream:
        if len(self.streams) >= self.room:
            raise MediaUnavailable("no port is left")
        stream = self.streams[call_id] = FakeStream(LocalMedia(20000 + 2 * len(self.streams)))
        return stream


@dataclass
class FakeIds:
    """1, 2, 3 for accounts; 43, 44, 45 for calls."""

    call: int = 42
    connection: int = 0

    def next_call_id(self) -> int:
        self.call += 1
        return self.call

    def next_connection_id(self) -> int:
        self.connection += 1
        return self.connection


class FakeWorld:
    """A phone with its bus on a L{Clock}, and everything around it faked.

    C{published} is what a subscriber got; the wall clock starts at L{EPOCH} and goes with the clock.
    """

    def __init__(self, settings: PhoneSettings | None = None) -> None:
        self.clock = Clock()
        self.signalling = FakeSignalling()
        self.media = FakeMedia()
        self.bus = Bus(self.clock, lambda: EPOCH + timedelta(seconds=self.clock.seconds()))
        signalling: Signalling = self.signalling
        media: Media = self.media
        ids: Ids = FakeIds()
        self.phone = Phone(signalling, media, self.bus, ids, self.clock, settings or PhoneSettings())
        self.signalling.incoming_listener = self.phone
        self.published: list[Published] = []
        self.bus.subscribe(self.published.append)

    def turn(self) -> None:
        """Let the reactor turn once: what waits on the bus is delivered."""
        self.clock.advance(0)

    def take_events(self) -> list[Event]:
        """What was delivered since the last time, after a turn."""
        self.turn()
        events = [published.event for published in self.published]
        self.published.clear()
        return events

    def registered(self, settings: AccountSettings = ACCOUNT) -> int:
        """Register an account, successfully; its events are delivered."""
        connection_id = self.phone.register(settings)
        self.signalling.answer_registration(connection_id)
        self.turn()
        return connection_id
