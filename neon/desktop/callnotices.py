"""Notifications about calls: one with Answer and Decline for each that rings, one for all that were missed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Protocol

from neon.desktop.callwatch import CallWatch
from neon.desktop.notifications import Notice, Notifier, plain
from neon.details import Why
from neon.events import CallEvent, CallMissed

MOST: Final = 4
"""So many calls that ring are shown; nobody could look at more."""

MISSED: Final = "missed"


class Verbs(Protocol):
    """What buttons do. None of it raises: a call may have ended under the pointer."""

    def answer(self, call_id: int) -> None: ...

    def decline(self, call_id: int) -> None: ...

    def show(self, number: str | None = None, token: str = "") -> None:
        """The panel, and C{number} in its dial pad."""


class CallNotices:
    """C{words} are L{neon.desktop.words}' of one language. C{short} makes of a SIP URI what people call it."""

    def __init__(
        self, calls: CallWatch, notifier: Notifier, verbs: Verbs, words: Mapping[str, str], short: Callable[[str], str]
    ) -> None:
        self._calls = calls
        self._notifier = notifier
        self._verbs = verbs
        self._words = words
        self._short = short
        self._shown: set[int] = set()
        self._missed = 0
        calls.subscribe(self._look)
        calls.on_missed(self._was_missed)

    def _look(self) -> None:
        for call_id in [call_id for call_id in self._shown if call_id not in self._calls.ringing]:
            self._shown.discard(call_id)
            self._notifier.close(f"call {call_id}")
        for call_id, event in self._calls.ringing.items():
            if call_id not in self._shown and len(self._shown) < MOST:
                self._shown.add(call_id)
                self._notifier.show(f"call {call_id}", self._incoming(event))

    def _incoming(self, event: CallEvent) -> Notice:
        call_id = event.call_id

        def chosen(key: str, token: str) -> None:
            if key == "answer":
                self._verbs.answer(call_id)
            elif key == "decline":
                self._verbs.decline(call_id)
            else:
                self._verbs.show(token=token)

        actions = (("answer", self._words["answer"]), ("decline", self._words["decline"]))
        who = self._caller(event)
        return Notice(self._words["incoming"], who, "call.incoming", chosen, actions, urgent=True)

    def _caller(self, event: CallEvent) -> str:
        number = plain(self._short(event.caller))
        name = plain(event.display_name or "")
        if number.startswith("anonymous"):
            return name or self._words["anonymous"]
        return number if name in ("", number) else f"{name} ({number})"

    def _was_missed(self, event: CallMissed) -> None:
        # Whoever does not want to be disturbed is not; what was forwarded somebody else has.
        if event.why in (Why.DND, Why.FORWARDED):
            return
        if MISSED not in self._notifier:
            self._missed = 0
        self._missed += 1
        words = self._words
        many = words["missed-many"].format(count=self._missed)
        number = plain(self._short(event.caller))
        dialable = not number.startswith("anonymous")

        def chosen(key: str, token: str) -> None:
            self._verbs.show(number if key == "call-back" else None, token)
            self._notifier.close(MISSED)

        actions = (("call-back", words["call-back"]),) if dialable else ()
        title = words["missed"] if self._missed == 1 else many
        self._notifier.show(MISSED, Notice(title, self._caller(event), "call.unanswered", chosen, actions))
