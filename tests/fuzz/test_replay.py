"""The fuzzer's regression run: every kept input, and a fixed number of mutations, without atheris."""

from __future__ import annotations

import random
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.fuzz.fuzz_sip import HERE, inputs, mutate, words
from tests.fuzz.target import OURS_V6, PEER_V6, Box, Broken, run

MUTATIONS = 300


class ReplayTests(SynchronousTestCase):
    def test_kept_inputs(self) -> None:
        """The corpus, the seeds and what once broke the phone do not break it, on either family."""
        for path in inputs():
            data = path.read_bytes()
            for way in ((), (OURS_V6, PEER_V6)):
                try:
                    run(data, *way)
                except Exception as error:
                    raise AssertionError(f"{path.name}: {error}") from error

    def test_seeds_reach_dialogs(self) -> None:
        """The seeds meet what they are for: a BYE its call, a 200 its ACK, a 423 its REGISTER, a gap its SUBSCRIBE."""
        wanted_of = {
            "call-bye-twice": "SIP/2.0 200 OK",
            "calling-answered": "ACK sip:",
            "registering-too-brief": "REGISTER sip:",
            "watching-full-and-partial": "SUBSCRIBE sip:",
        }
        for name, wanted in wanted_of.items():
            sent = run((HERE / "seeds" / f"{name}.sip").read_bytes())
            self.assertTrue(any(one.first_line.startswith(wanted) for one in sent), (name, sent))

    def test_mutations(self) -> None:
        """A few hundred mutations, always the same ones."""
        dice = random.Random(20261121)
        seeds, dictionary = [path.read_bytes() for path in inputs()], words()
        for _ in range(MUTATIONS):
            data = mutate(dice.choice(seeds), dice, seeds, dictionary)
            try:
                run(data)
            except Exception as error:
                raise AssertionError(f"{data!r}: {error}") from error

    def test_a_breakage_is_seen(self) -> None:
        """The box does notice: a phone whose user agent raises, or that keeps a timer, is broken."""
        box = Box()
        broken: Any = box.agent
        broken.receive = lambda request, transaction: 1 // 0
        with self.assertRaises(Broken):
            box.feed((HERE.parent / "data" / "torture" / "no-space-before-bracket.sip").read_bytes())
        self.flushLoggedErrors(ZeroDivisionError)
        box.clock.callLater(1000, lambda: None)
        with self.assertRaises(Broken):
            box.close()
