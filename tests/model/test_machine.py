"""Automat's machines with an index."""

from __future__ import annotations

from typing import Any, Protocol

from automat import NoTransition, TypeMachineBuilder
from twisted.trial.unittest import SynchronousTestCase

from neon.model import machine


class Inputs(Protocol):
    def press(self) -> None: ...

    def never(self) -> None: ...


def _note(inputs: Inputs, heard: list[str]) -> None:
    heard.append("pressed")


def make() -> Any:
    builder = TypeMachineBuilder(Inputs, list[str])
    off, on = builder.state("off"), builder.state("on")
    off.upon(Inputs.press).to(on)(_note)
    on.upon(Inputs.press).to(off).returns(None)
    on.upon(Inputs.never).loop().returns(None)
    return machine.build(builder)


class MachineTests(SynchronousTestCase):
    def test_transitions(self) -> None:
        """The machine does what was built, each on its own."""
        made = make()
        heard: list[str] = []
        lamp, other = made(heard), made([])
        for _ in range(3):
            lamp.press()
        self.assertEqual(heard, ["pressed"] * 2)
        lamp.never()
        self.assertRaises(NoTransition, other.never)

    def test_no_search(self) -> None:
        """A transition that exists is found without a search through all of them."""
        made = make()
        made.__automat_automaton__._transitions.clear()
        lamp = made([])
        lamp.press()
        lamp.press()
        self.assertRaises(NoTransition, lamp.never)
