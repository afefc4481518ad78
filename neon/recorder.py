"""Who records which call: the verbs, the calls of accounts that are always recorded, and the names of files.

Nothing is recorded before the answer. A call has one recording at a time; each is told on the bus, kept in the call
log, and over before the file has its name.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from twisted.internet.defer import Deferred, fail
from twisted.logger import Logger
from twisted.python.failure import Failure

from neon.bus import Bus, Published, utc_now
from neon.errors import InvalidArgument, NeonError, RecordingFailed
from neon.events import CallAccepted, RecordingChanged
from neon.phone import Phone
from neon.ports import CannotRecord, Recorded, Recording, Recordings
from neon.values import CallSnapshot, CallState, Direction, RecordingState

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_.+@-]+")
_LONGEST_WORD: Final = 64


@dataclass(eq=False, slots=True)
class _Running:
    connection_id: int
    recording: Recording
    path: str = ""
    paused: bool = False


class Recorder:
    """The recordings of the phone's calls.

    C{name} is a template of L{file_name}. C{always}: every call of an account that does not say otherwise. C{note} is
    told the path of each recording by callId, for the call log.
    """

    _log = Logger()

    def __init__(
        self,
        phone: Phone,
        recordings: Recordings,
        name: str,
        *,
        always: bool = False,
        note: Callable[[int, str], None] = lambda call_id, path: None,
        wall: Callable[[], datetime] = utc_now,
    ) -> None:
        self._phone = phone
        self._bus: Bus = phone.bus
        self._recordings = recordings
        self._name = name
        self._always = always
        self._note = note
        self._wall = wall
        self._running: dict[int, _Running] = {}
        self._bus.subscribe(self._happened, CallAccepted)

    def is_recording(self, call_id: int) -> bool:
        """Whether a file grows with this call; also while it pauses."""
        return call_id in self._running

    def start(self, call_id: int) -> Deferred[str]:
        """Record a call that is up; fires with the path that the file will have.

        The Deferred fails with L{InvalidArgument}: there is no such call, it is not up, it is recorded already; or with
        L{RecordingFailed}: the file cannot be made.
        """
        call = next((call for call in self._phone.calls() if call.call_id == call_id), None)
        if call is None:
            return fail(InvalidArgument(f"there is no call {call_id}, or it has ended"))
        if call.state is not CallState.CONFIRMED:
            return fail(InvalidArgument(f"call {call_id} is not up: only a call that was answered can be recorded"))
        if call_id in self._running:
            return fail(InvalidArgument(f"call {call_id} is being recorded already"))
        try:
            recording = self._recordings.record(call_id, file_name(self._name, call, self._account(call), self._wall()))
        except CannotRecord as error:
            return fail(InvalidArgument(str(error)))
        running = self._running[call_id] = _Running(call.connection_id, recording)
        recording.over.addCallback(self._over, call_id, running)
        recording.over.addErrback(lambda failure: self._log.failure("the end of a recording went unheard", failure))
        return recording.began.addCallbacks(
            self._began, self._refused, callbackArgs=(call_id, running), errbackArgs=(call_id, running)
        )

    def stop(self, call_id: int) -> None:
        """Record a call no more.

        @raise InvalidArgument: it is not being recorded.
        """
        self._find(call_id).recording.stop()

    def pause(self, call_id: int, on: bool) -> None:
        """Record silence for a while, or the call again; asking for what is so already is a success.

        @raise InvalidArgument: it is not being recorded.
        """
        running = self._find(call_id)
        if running.paused != on:
            running.paused = on
            running.recording.pause(on)
            self._tell(call_id, running, RecordingState.PAUSED if on else RecordingState.RESUMED)

    def _find(self, call_id: int) -> _Running:
        try:
            return self._running[call_id]
        except KeyError:
            raise InvalidArgument(f"call {call_id} is not being recorded") from None

    def _happened(self, published: Published) -> None:
        event = published.event
        if not isinstance(event, CallAccepted) or event.call_id in self._running:
            return
        account = self._phone.account(event.connection_id)
        wanted = None if account is None else account.options.record
        if self._always if wanted is None else wanted:
            self.start(event.call_id).addErrback(self._not_started, event)

    def _not_started(self, failure: Failure, event: CallAccepted) -> None:
        failure.trap(NeonError)  # type: ignore[no-untyped-call]
        self._log.warn("call {call_id} is not recorded: {why}", call_id=event.call_id, why=str(failure.value))

    def _began(self, path: str, call_id: int, running: _Running) -> str:
        running.path = path
        self._note(call_id, path)
        self._log.info("call {call_id} is recorded: {path}", call_id=call_id, path=path)
        self._tell(call_id, running, RecordingState.STARTED)
        if running.paused:
            self._tell(call_id, running, RecordingState.PAUSED)
        return path

    def _refused(self, failure: Failure, call_id: int, running: _Running) -> Any:
        self._running.pop(call_id, None)
        failure.trap(CannotRecord)  # type: ignore[no-untyped-call]
        self._tell(call_id, running, RecordingState.FAILED, str(failure.value))
        raise RecordingFailed(f"the call cannot be recorded: {failure.value}")

    def _over(self, recorded: Recorded, call_id: int, running: _Running) -> None:
        self._running.pop(call_id, None)
        if recorded.path != running.path:
            self._note(call_id, recorded.path)
        running.path = recorded.path
        state = RecordingState.FAILED if recorded.problem else RecordingState.STOPPED
        self._tell(call_id, running, state, recorded.problem)

    def _tell(self, call_id: int, running: _Running, state: RecordingState, reason: str = "") -> None:
        if running.path or state is RecordingState.FAILED or state is RecordingState.STOPPED:
            # The answer to the command that made it so comes first.
            with self._bus.held():
                self._bus.publish(RecordingChanged(call_id, running.connection_id, state, running.path, reason))

    def _account(self, call: CallSnapshot) -> str:
        account = self._phone.account(call.connection_id)
        if account is None:
            return ""
        return account.name or account.uri.removeprefix("sip:").partition("@")[0]


def file_name(template: str, call: CallSnapshot, account: str, now: datetime) -> str:
    """What a recording of a call that begins C{now} is called (L{neon.parsing.recording_name}), in local time.

    What comes from others is reduced to letters, digits and C{_.+@-}, and cannot lead to another directory.
    """
    party = call.callee if call.direction is Direction.OUTGOING else call.caller
    number, _, _ = party.removeprefix("sips:").removeprefix("sip:").partition("@")
    words = {
        "callid": str(call.call_id),
        "number": _safe(number),
        "direction": call.direction.value,
        "account": _safe(account),
    }
    return now.astimezone().strftime(template).format_map(words)


def _safe(word: str) -> str:
    return _UNSAFE.sub("_", word)[:_LONGEST_WORD].lstrip(".") or "unknown"
