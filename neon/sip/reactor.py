"""sippy on the reactor's clock: its timers become C{callLater}, its prints become log lines.

sippy's C{ED2} is a process-wide event dispatcher with a loop of its own. L{install} replaces the two
methods through which everything else uses it (C{regTimer}, C{callFromThread}), so that nothing of sippy runs
outside the reactor's thread; on C{task.Clock} the same glue lets a test own the retransmission timers.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import sippy.Network_server
import sippy.SipConf
import sippy.SipMsg
import sippy.SipRequest
import sippy.SipTransactionManager
import sippy.SipURL
import sippy.SipVia
from sippy.Core.EventDispatcher import ED2, EventListener
from sippy.SipURL import SipURL
from sippy.Time.MonoTime import MonoTime
from twisted.internet.interfaces import IReactorFromThreads
from twisted.logger import Logger

from neon.ports import Clock, Timer

_log = Logger()

# What a URI or a quoted string of a peer looks like in the texts that sippy prints: never logged, since
# a URI may carry a password.
_FOREIGN = re.compile(r'"[^"]*"?|sips?:\S+', re.IGNORECASE)
_LONGEST_LINE = 200


class ClockTimer(EventListener):  # type: ignore[misc]
    """One sippy timer, run by a Twisted clock. Has the attributes that sippy's code looks at."""

    def __init__(
        self,
        clock: Clock,
        callback: Callable[..., object],
        interval: Any,
        ticks: int | None,
        absolute: bool,
        parameters: tuple[Any, ...],
    ) -> None:
        self.ed = ED2
        self.cb_func: Callable[..., object] | None = callback
        self.cb_params: tuple[Any, ...] | None = parameters
        self.ival = interval
        self.nticks = 1 if absolute else ticks
        self.abs_time = absolute
        self._clock = clock
        self._call: Timer | None = None

    def go(self) -> None:
        """Start; from now on for an interval, at the given L{MonoTime} for an absolute timer."""
        if self.abs_time:
            # MonoTime reads the system's monotonic clock; only the distance to now means anything to ours.
            self._schedule(max(0.0, self.ival.monot - MonoTime().monot))
        else:
            self._call = self._clock.callLater(self._interval(), self._run)

    def cancel(self) -> None:
        """Stop; harmless before C{go}, after the last run and twice."""
        call, self._call = self._call, None
        if call is not None and call.active():
            call.cancel()
        self.cleanup()

    def _interval(self) -> float:
        interval = float(self.ival)
        if self.randomize_runs is not None:
            interval = float(self.randomize_runs(interval))
        return interval if interval > 0.0 else 0.0

    def _schedule(self, delay: float) -> None:
        self._call = self._clock.callLater(delay, self._run)

    def _run(self) -> None:
        self._call = None
        callback, parameters = self.cb_func, self.cb_params
        if callback is None or parameters is None:
            return
        if self.nticks == -1 or (self.nticks is not None and self.nticks > 1):
            if self.nticks > 1:
                self.nticks -= 1
            self._schedule(self._interval())
        else:
            self.cleanup()
        try:
            if self.cb_with_ts:
                callback(MonoTime(), *parameters)
            else:
                callback(*parameters)
        except Exception:
            _log.failure("a SIP timer failed")


class Installation:
    """The glue as it was put in place; L{restore} brings back what was there before."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._before = {name: ED2.__dict__.get(name) for name in ("regTimer", "callFromThread")}
        ED2.regTimer = self._register
        ED2.callFromThread = self._call_from_thread

    def restore(self) -> None:
        """Undo; timers that run already stay with their clock."""
        for name, before in self._before.items():
            if before is None:
                ED2.__dict__.pop(name, None)
            else:
                setattr(ED2, name, before)
        if _current and _current[0] is self:
            _current.clear()

    def _register(
        self, callback: Callable[..., object], interval: Any, nticks: int | None = 1, abs_time: bool = False, *args: Any
    ) -> ClockTimer | None:
        if nticks == 0:
            return None
        if abs_time and not isinstance(interval, MonoTime):
            raise TypeError("an absolute timer wants a MonoTime")
        return ClockTimer(self.clock, callback, interval, nticks, abs_time, args)

    def _call_from_thread(self, callback: Callable[..., object], *args: Any) -> None:
        def run() -> None:
            try:
                callback(*args)
            except Exception:
                _log.failure("a call from another thread failed")

        reactor: Any = self.clock
        if IReactorFromThreads.providedBy(reactor):
            reactor.callFromThread(run)
        else:
            self.clock.callLater(0, run)


_current: list[Installation] = []
"""The installation in force: sippy's dispatcher is one for the process, so there is at most one."""


def install(clock: Clock) -> Installation:
    """Run sippy's timers on C{clock} from now on; installing the same clock again changes nothing."""
    tame()
    if _current and _current[0].clock is not clock:
        _current[0].restore()
    if not _current:
        _current.append(Installation(clock))
    return _current[0]


def _say(*words: object, **_options: object) -> None:
    """Stands in for C{print} in sippy's modules: one debug line, without anything a peer wrote."""
    text = str(words[0]) if words else ""
    _log.debug("sippy: {text}", text=_FOREIGN.sub("(withheld)", text)[:_LONGEST_LINE])


def _dump_exception(message: str, f: object = None, extra: object = None) -> None:
    """Stands in for sippy's function of that name, which prints the whole message: here only what failed."""
    error = sys.exc_info()[1]
    _log.error("sippy: an exception of type {kind} was raised", kind=type(error).__name__)


def _marked(thing: object) -> tuple[str, ...]:
    """Stands in for C{dir} where sippy asks C{'my' in dir(x)}: the costliest line of a whole call."""
    return ("my",) if getattr(type(thing), "my", False) else ()


_SPEAKING: tuple[ModuleType, ...] = (
    sippy.SipMsg,
    sippy.SipRequest,
    sippy.SipURL,
    sippy.SipTransactionManager,
)
_DUMPING: tuple[ModuleType, ...] = (sippy.Network_server, sippy.SipTransactionManager)
_LOOKING: tuple[ModuleType, ...] = (sippy.SipConf, sippy.SipURL, sippy.SipVia)


def _copy_of_url(url: SipURL) -> SipURL:
    """Stands in for C{SipURL.getCopy}, which makes a sip: URI of a sips: one."""
    copy = _plain_copy(url)
    copy.scheme = url.scheme
    return copy


_plain_copy = SipURL.getCopy


def tame() -> None:
    """Keep sippy from writing to standard output, and let it read tel: URIs.

    Its modules find C{print} and C{dir} among the builtins and have imported C{dump_exception} by name,
    so a module attribute of that name is the seam. Safe to call again.
    """
    sippy.SipConf.SipConf.autoconvert_tel_url = True
    SipURL.getCopy = _copy_of_url
    for module in _SPEAKING:
        module.__dict__["print"] = _say
    for module in _DUMPING:
        module.__dict__["dump_exception"] = _dump_exception
    for module in _LOOKING:
        module.__dict__["dir"] = _marked
