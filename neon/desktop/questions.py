"""Notifications about web pages that ask to use NEON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

from neon.desktop.notifications import Notice, Notifier, plain

ANSWERS: Final = ("allow-once", "allow", "deny")
"""The words of L{neon.api.approvals.Answer} that have a button; blocking is for the panel, where it can be undone."""


class Requests(Protocol):
    """The questions that are open."""

    @property
    def origins(self) -> tuple[str, ...]: ...

    def answer(self, origin: str, word: str) -> None:
        """Decide, by one of L{ANSWERS}."""

    def show(self, token: str) -> None:
        """The panel, which has them too."""


class Questions:
    """Say L{look} whenever questions came or went."""

    def __init__(self, requests: Requests, notifier: Notifier, words: Mapping[str, str]) -> None:
        self._requests = requests
        self._notifier = notifier
        self._words = words
        self._shown: set[str] = set()

    def look(self) -> None:
        """Show what is new, and take away what was answered."""
        origins = self._requests.origins
        for origin in self._shown.difference(origins):
            self._notifier.close(_key(origin))
        for origin in origins:
            if origin not in self._shown:
                self._notifier.show(_key(origin), self._notice(origin))
        self._shown = set(origins)

    def _notice(self, origin: str) -> Notice:
        def chosen(key: str, token: str) -> None:
            if key in ANSWERS:
                self._requests.answer(origin, key)
            else:
                self._requests.show(token)

        actions = tuple((answer, self._words[answer]) for answer in ANSWERS)
        return Notice(self._words["question"], plain(origin), "network", chosen, actions, urgent=True)


def _key(origin: str) -> str:
    return f"origin {origin}"
