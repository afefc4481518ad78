"""Joins the phone to the configuration and to the state: its settings, and what was said about calls to come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from neon import sections
from neon.api.toll import number
from neon.bus import Bus
from neon.history import History
from neon.phone import Phone, PhoneSettings
from neon.ports import Clock
from neon.sections import Sip, Toll
from neon.store.database import Database
from neon.store.history import HistoryTable
from neon.store.rules import RuleTable

_log = Logger()


def phone_settings(sip: Sip, *, stop_patience: float) -> PhoneSettings:
    """C{[sip]}, as far as it is the phone's."""
    return PhoneSettings(
        max_calls=sip.max_calls,
        call_waiting=sip.call_waiting,
        dnd_status=sip.dnd_status,
        reject_status=sip.reject_status,
        digits_by=sip.dtmf,
        refer=sip.refer,
        headers_out=sip.headers_out,
        stop_patience=stop_patience,
    )


class RulesPart:
    """Keeps the phone's rulebook over restarts, and what no application may dial from being dialled for a far end."""

    def __init__(self, database: Database, phone: Phone, toll: Toll) -> None:
        self._table = RuleTable(database)
        self._phone = phone
        phone.rules.save = self._save
        phone.barred = lambda target: number(target).startswith(toll.deny)

    def load(self) -> Deferred[None]:
        """Take over what was said in an earlier life; while the state is opened."""
        return self._table.all().addCallback(self._phone.rules.restore)

    def _save(self, account: str, rules: Mapping[str, Any]) -> None:
        self._table.save(account, rules).addErrback(
            lambda failure: _log.failure("what becomes of calls was not kept", failure)
        )


def call_log(
    clock: Clock, settings: sections.History, bus: Bus, database: Database, phone: Phone
) -> History | None:
    """The log of every call, None if it is not wanted."""
    if not settings.enabled:
        return None
    return History(bus, clock, HistoryTable(database), phone.account_uri, settings.keep_days)
