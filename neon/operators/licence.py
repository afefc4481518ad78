"""The licence of one operator: a check that has to pass before calls are made, with a grace time for bad days.

A yes is good until the next check is due and, where the operator cannot be asked then, for the grace time after it.
A no is a no at once, and is asked about again every few minutes, because a customer may have paid meanwhile, and when
another account is there than the one, or none, that it was said about.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from neon.events import Event, LicenceChanged
from neon.operators import answers
from neon.operators.answers import Answer
from neon.operators.words import Trouble, explain, sentence
from neon.operatorvalues import Licence, LicenceRecord, Service, Standing
from neon.ports import Clock, Timer

if TYPE_CHECKING:
    from neon.operators.service import Services

REFUSED_AGAIN: Final = 600.0
FIRST_RETRY: Final = 60.0
LAST_RETRY: Final = 3600.0
LONGEST_SLEEP: Final = 6 * 3600.0


class Memory(Protocol):
    """Where the last check is kept (L{neon.store.operators.OperatorTable})."""

    def save_licence(self, record: LicenceRecord) -> Deferred[None]: ...

    def save_key(self, operator: str, key: str) -> Deferred[None]: ...


class LicenceKeeper:
    """The licence of one operator. C{values} says what the operator is told about us beside the key."""

    _log = Logger()

    def __init__(
        self,
        services: Services,
        values: Callable[[], Mapping[str, str]],
        publish: Callable[[Event], object],
        memory: Memory,
        clock: Clock,
        *,
        language: str = "en",
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        settings = services.settings.licence
        assert settings is not None
        self._services = services
        self._settings = settings
        self._recheck = timedelta(hours=settings.recheck_hours)
        self._grace = timedelta(hours=settings.grace_hours)
        self._values = values
        self._publish = publish
        self._memory = memory
        self._clock = clock
        self._language = language
        self._wall = wall
        self._uniform = uniform
        self._record: LicenceRecord | None = None
        self._key = ""
        self._failures = 0
        self._timer: Timer | None = None
        self._check: list[Deferred[Licence]] | None = None
        self._told: tuple[Standing, str] | None = None
        self._asked_about: Mapping[str, str] | None = None
        self._stopped = False

    def start(self, record: LicenceRecord | None, key: str) -> None:
        """Go on from what was kept: a check that is due is made now."""
        self._record = record
        self._key = key
        # A clock that was set back would make a check good for ever.
        if record is not None and record.checked > self._wall() + timedelta(minutes=5):
            self._record = None
        self._told = (self.licence().standing, self.licence().reason)
        self._schedule()

    def stop(self) -> None:
        """Check nothing any more."""
        self._stopped = True
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def licence(self, language: str | None = None) -> Licence:
        """How it stands now."""
        record = self._record
        language = language or self._language
        name = self._services.name
        if record is None:
            return Licence(name, Standing.UNCHECKED, sentence("unchecked", language))
        if not record.active:
            reason = record.reason or sentence("refused", language)
            return Licence(name, Standing.REFUSED, reason, record.checked)
        now = self._wall()
        due = record.checked + self._recheck
        until = due + self._grace
        if now <= due:
            return Licence(name, Standing.ACTIVE, "", record.checked, until)
        if now <= until:
            return Licence(name, Standing.GRACE, sentence("grace", language), record.checked, until)
        return Licence(name, Standing.EXPIRED, sentence("expired", language), record.checked, until)

    def is_emergency(self, target: str | None) -> bool:
        """Whether somebody calls for help, which needs no licence."""
        if target is None:
            return False
        number = target.partition("@")[0].removeprefix("sip:")
        return number in self._settings.emergency

    def check(self, key: str | None = None, language: str | None = None) -> Deferred[Licence]:
        """Ask the operator now; fires with how the licence stands then.

        Fails with L{Trouble} if the operator could not be asked. A C{key} is kept if the operator says yes to it.
        """
        answered: Deferred[Licence] = Deferred()
        about = self._values()
        if self._check is not None and (key is None or key == self._key) and about == self._asked_about:
            self._check.append(answered)
            return answered
        self._asked_about = about
        waiting = [answered]
        if self._check is None:
            self._check = waiting
        used = self._key if key is None else key
        asked: Deferred[Any] = self._services.ask(
            Service.LICENCE, {**about, "key": used}, language or self._language
        )
        asked.addCallbacks(self._decided, self._not_decided, callbackArgs=(used,), errbackArgs=(used,))
        asked.addBoth(self._done, waiting)
        return answered

    def somebody_registered(self) -> None:
        """Ask now, if the operator has not said yes and there is another account now than it was asked about."""
        if self.licence().standing in (Standing.UNCHECKED, Standing.REFUSED) and self._values() != self._asked_about:
            self.check().addErrback(self._unanswered)

    def _decided(self, answer: Answer, key: str) -> None:
        active = answers.truth(answer.fields.get("active"))
        self._failures = 0
        self._keep(LicenceRecord(self._services.name, active is not False, self._wall()))
        if active is not False and key != self._key:
            self._key = key
            self._memory.save_key(self._services.name, key).addErrback(
                lambda failure: self._log.failure("a licence key was not kept", failure)
            )

    def _not_decided(self, failure: Any, key: str) -> Any:
        trouble = failure.value
        if isinstance(trouble, Trouble) and trouble.definite:
            if key != self._key:
                return failure  # somebody mistyped a new key; what the kept one is good for stays as it is
            self._failures = 0
            reason = f"{sentence('refused', self._language)}: {explain(trouble, self._language)}"
            self._keep(LicenceRecord(self._services.name, False, self._wall(), reason))
            return None
        self._failures += 1
        return failure

    def _keep(self, record: LicenceRecord) -> None:
        self._record = record
        self._memory.save_licence(record).addErrback(
            lambda failure: self._log.failure("a licence check was not kept", failure)
        )

    def _done(self, outcome: Any, waiting: list[Deferred[Licence]]) -> None:
        if self._check is waiting:
            self._check = None
        self._tell()
        self._schedule()
        for one in waiting:
            if outcome is None:
                one.callback(self.licence())
            else:
                one.errback(outcome)

    def _tell(self) -> None:
        """Publish how it stands, if that is new."""
        licence = self.licence()
        if self._told != (licence.standing, licence.reason):
            self._told = (licence.standing, licence.reason)
            self._publish(LicenceChanged(licence.operator, licence))

    def _schedule(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        if not self._stopped:
            self._timer = self._clock.callLater(self._wait(), self._due)

    def _wait(self) -> float:
        """Seconds until the next check, or the next look at the wall clock, which is not the one that timers follow."""
        record = self._record
        if self._failures:
            seconds = min(LAST_RETRY, FIRST_RETRY * 2.0 ** min(10, self._failures - 1))
        elif record is None:
            return 0.0
        elif not record.active:
            seconds = REFUSED_AGAIN
        else:
            left = (record.checked + self._recheck - self._wall()).total_seconds()
            return max(0.0, min(left, LONGEST_SLEEP))
        return seconds * self._uniform(0.75, 1.25)

    def _due(self) -> None:
        self._tell()
        record = self._record
        good = record is not None and record.active and self._wall() < record.checked + self._recheck
        if good and not self._failures:
            self._schedule()
            return
        self.check().addErrback(self._unanswered)

    def _unanswered(self, failure: Any) -> None:
        """The services have said it in the log already; anything else is ours."""
        if not isinstance(failure.value, Trouble):
            self._log.failure("a licence was not checked", failure)
