"""C{/metrics} of the HTTP API, for Prometheus: how many of what, and never who (exposition format 0.0.4).

What happens is counted from the bus; what is, is looked at when somebody asks. All starts at zero with the daemon.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence, Sized
from enum import Enum
from typing import Any, Final

from twisted.application.service import Service

from neon import __version__
from neon.api.http import Page
from neon.bus import Bus, Published
from neon.events import (
    CallAccepted,
    CallFinalized,
    CallMissed,
    CallStarted,
    MediaStatsKnown,
    MediaWarned,
    Registered,
    RegistrationExpired,
    RegistrationFailed,
    RegistrationRefused,
)
from neon.values import AccountSnapshot, CallSnapshot, CallState, Direction, RegistrationState

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_OUTCOMES: Final = {
    Registered: "registered",
    RegistrationRefused: "refused",
    RegistrationFailed: "failed",
    RegistrationExpired: "expired",
}


class Metrics(Service):
    """Counts while it runs."""

    name = "the metrics"

    def __init__(
        self,
        bus: Bus,
        calls: Callable[[], Iterable[CallSnapshot]],
        accounts: Callable[[], Iterable[AccountSnapshot]],
        sessions: Sized,
    ) -> None:
        self._bus = bus
        self._calls = calls
        self._accounts = accounts
        self._sessions = sessions
        self._leave: Callable[[], None] | None = None
        self._started = dict.fromkeys(Direction, 0)
        self._happened = Counter[str]()
        self._seconds = 0.0
        self._registrations = dict.fromkeys(_OUTCOMES.values(), 0)
        self._sums = dict.fromkeys(("loss", "late", "jitter_ms", "mos"), 0.0)
        self._samples = dict.fromkeys(self._sums, 0)

    def startService(self) -> None:
        super().startService()  # type: ignore[no-untyped-call]
        self._leave = self._bus.subscribe(self._count)

    def stopService(self) -> None:
        super().stopService()  # type: ignore[no-untyped-call]
        if self._leave is not None:
            self._leave()

    def pages(self) -> Mapping[str, Callable[[object], Page]]:
        """What the HTTP server serves."""
        return {"/metrics": lambda exchange: Page(CONTENT_TYPE, self.text().encode())}

    def _count(self, published: Published) -> None:
        match published.event:
            case CallStarted(direction=direction):
                self._started[direction] += 1
            case CallAccepted():
                self._happened["answered"] += 1
            case CallFinalized(duration_ms=duration):
                self._happened["finalized"] += 1
                self._seconds += duration / 1e3
            case CallMissed():
                self._happened["missed"] += 1
            case MediaWarned(on=True):
                self._happened["warned"] += 1
            case MediaStatsKnown(figures=figures):
                for name in self._sums:
                    value: float | None = getattr(figures, name)
                    if value is not None:
                        self._sums[name] += value
                        self._samples[name] += 1
            case Registered() | RegistrationRefused() | RegistrationFailed() | RegistrationExpired() as outcome:
                self._registrations[_OUTCOMES[type(outcome)]] += 1

    def text(self) -> str:
        """Everything, as it is now."""
        calls, accounts = [call.state for call in self._calls()], [account.state for account in self._accounts()]
        happened = self._happened
        return "".join(
            (
                _one("neon_build_info", "gauge", "The version.", [(f'version="{__version__}"', 1)]),
                _each("neon_calls", "gauge", "Calls now, by state.", "state", CallState, Counter(calls)),
                _each("neon_calls_started_total", "counter", "Calls begun.", "direction", Direction, self._started),
                _one("neon_calls_answered_total", "counter", "Calls answered.", [("", happened["answered"])]),
                _one("neon_calls_missed_total", "counter", "Calls missed.", [("", happened["missed"])]),
                _one("neon_calls_finalized_total", "counter", "Calls over.", [("", happened["finalized"])]),
                _one(
                    "neon_calls_seconds_total", "counter", "Time of the calls over.", [("", self._seconds)]
                ),
                _each("neon_accounts", "gauge", "Accounts, by state.", "state", RegistrationState, Counter(accounts)),
                _one(
                    "neon_registrations_total",
                    "counter",
                    "What became of registrations.",
                    [(f'outcome="{name}"', count) for name, count in self._registrations.items()],
                ),
                _summary("neon_media_loss_percent", "Packets lost on the way to us.", *self._of("loss")),
                _summary("neon_media_late_percent", "Packets too late to be played.", *self._of("late")),
                _summary("neon_media_jitter_seconds", "Interarrival jitter.", *self._of("jitter_ms", 1e-3)),
                _summary("neon_media_mos", "Estimated opinion of listeners, 1 to 4.5.", *self._of("mos")),
                _one("neon_media_warnings_total", "counter", "Troubles with sound.", [("", happened["warned"])]),
                _one("neon_api_sessions", "gauge", "Sessions of applications.", [("", len(self._sessions))]),
                _one("neon_api_events_total", "counter", "Events for the APIs.", [("", self._bus.last_seq)]),
            )
        )

    def _of(self, name: str, unit: float = 1.0) -> tuple[float, int]:
        return self._sums[name] * unit, self._samples[name]


def _one(name: str, kind: str, words: str, samples: Sequence[tuple[str, float]]) -> str:
    lines = [f"# HELP {name} {words}", f"# TYPE {name} {kind}"]
    lines += [f"{name}{f'{{{labels}}}' if labels else ''} {value:.12g}" for labels, value in samples]
    return "\n".join(lines) + "\n"


def _each(name: str, kind: str, words: str, label: str, values: type[Enum], counts: Mapping[Any, int]) -> str:
    samples = [(f'{label}="{value.value}"', float(counts.get(value, 0))) for value in values]
    return _one(name, kind, words, samples)


def _summary(name: str, words: str, total: float, count: int) -> str:
    """One sample a stretch of five seconds or so of a call; the quotient of the two is the mean."""
    return f"# HELP {name} {words}\n# TYPE {name} summary\n{name}_sum {total:.12g}\n{name}_count {count}\n"
