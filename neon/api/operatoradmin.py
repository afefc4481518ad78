"""The commands about operators that only the control socket has: C{operatorlist}, C{operatorforget}."""

from __future__ import annotations

from typing import Any, Protocol

from twisted.internet.defer import Deferred

from neon import arguments
from neon.arguments import Parameter
from neon.commands import Command, Context, Data
from neon.errors import InvalidArgument


class Desk(Protocol):
    """What the operators' desk tells its owner."""

    def listing(self) -> list[dict[str, Any]]: ...

    def forget(self, operator: str | None, login: str) -> Deferred[bool]: ...


class OperatorDecisions:
    """Shows what is kept of operators, and forgets it."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def list(self, context: Context) -> Data:
        """Every operator, what it offers, and the logins whose accounts are kept."""
        return {"operators": self._desk.listing()}

    def forget(self, context: Context, login: str, operator: str | None) -> Deferred[Data]:
        """Keep an account no longer; it stays registered until NEON ends or it is given up."""

        def forgotten(known: bool) -> Data:
            if not known:
                raise InvalidArgument(f"no account of {login} is kept")
            return {"login": login}

        return self._desk.forget(operator, login).addCallback(forgotten)

    def rows(self) -> tuple[Command, ...]:
        return (
            Command("operatorlist", self.list),
            Command(
                "operatorforget",
                self.forget,
                (Parameter("login", arguments.text), Parameter("operator", arguments.text, default=None)),
            ),
        )
