"""What users have said about calls to come: DND and forwarding, for each account and for all, kept over restarts.

A rule comes from the account's configuration until a command says otherwise. What is said for all accounts undoes what
was said for single ones before; what is said for one afterwards holds for that one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from neon.details import ForwardKind, IncomingRules
from neon.ports import SaveRules

ALL: Final = ""
"""Stands for every account in the book, where an address of record would be."""

Change: TypeAlias = dict[str, Any]
"""What was said about one account: fields of L{IncomingRules} by name."""

_FIELDS: Final = {
    ForwardKind.ALWAYS: "forward_always",
    ForwardKind.BUSY: "forward_busy",
    ForwardKind.NO_ANSWER: "forward_no_answer",
}


class Rulebook:
    """Accounts are known by their address of record, which is the same after a restart."""

    def __init__(self, save: SaveRules = lambda account, rules: None) -> None:
        self.save = save
        self._said: dict[str, Change] = {}

    def restore(self, said: Mapping[str, Mapping[str, Any]]) -> None:
        """What was kept of an earlier life; what is not understood is left out."""
        for account, rules in said.items():
            change = {name: value for name, value in rules.items() if _fits(name, value)}
            if change:
                self._said[account] = change

    def effective(self, account: str, configured: IncomingRules) -> IncomingRules:
        """What holds for an account now."""
        said = {**self._said.get(ALL, {}), **self._said.get(account, {})}
        return dataclasses.replace(configured, **said) if said else configured

    def set_dnd(self, account: str | None, on: bool) -> None:
        """Refuse calls, or no longer; None is every account."""
        self._say(account, {"dnd": on})

    def set_forward(self, account: str | None, kind: ForwardKind, target: str | None, seconds: int | None) -> None:
        """Send calls to a dial string, or no longer (None); C{seconds} only matters for L{ForwardKind.NO_ANSWER}."""
        change: Change = {_FIELDS[kind]: target}
        if kind is ForwardKind.NO_ANSWER and seconds is not None:
            change["seconds"] = seconds
        self._say(account, change)

    def _say(self, account: str | None, change: Change) -> None:
        if account is None:
            for other, said in list(self._said.items()):
                if other != ALL and said.keys() & change.keys():
                    self._keep(other, {name: value for name, value in said.items() if name not in change})
        key = ALL if account is None else account
        self._keep(key, {**self._said.get(key, {}), **change})

    def _keep(self, account: str, said: Change) -> None:
        if said:
            self._said[account] = said
        else:
            del self._said[account]
        self.save(account, said)


def _fits(name: str, value: object) -> bool:
    """Whether a row of an earlier life still is a rule: the database may have been written by another version."""
    match name:
        case "dnd":
            return isinstance(value, bool)
        case "forward_always" | "forward_busy" | "forward_no_answer":
            return value is None or isinstance(value, str)
        case "seconds":
            return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 3600
    return False
