"""Automat's machines with an index over their transitions.

Automat looks through all transitions of a machine for each input, comparing states field by field: for a call some
seventy comparisons. What a machine does is unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from automat import TypeMachineBuilder

Inputs = TypeVar("Inputs")
Core = TypeVar("Core")


def build(builder: TypeMachineBuilder[Inputs, Core]) -> Callable[[Core], Inputs]:
    """The machine, finished."""
    machine: Any = builder.build()
    automaton = machine.__automat_automaton__
    search = automaton.outputForInput
    # A state is one object for as long as there is a machine.
    index = {
        (id(state), symbol): (target, list(outputs)) for state, symbol, target, outputs in automaton.allTransitions()
    }

    def look_up(state: Any, symbol: str) -> tuple[Any, Sequence[Any]]:
        found = index.get((id(state), symbol))
        return search(state, symbol) if found is None else found

    automaton.outputForInput = look_up
    return machine  # type: ignore[no-any-return]
