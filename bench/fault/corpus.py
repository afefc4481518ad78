"""The messages of RFC 4475 and RFC 5118, as the unit tests run them: how many meet their section's outcome."""

from __future__ import annotations

import unittest
from typing import Any

from twisted.trial.reporter import TestResult

from bench.fault.harness import Bench, Row
from tests.sip.test_torture import TortureTests, index


async def measure(bench: Bench, quick: bool) -> list[Row]:
    """The same in both forms: it takes a second."""
    rows = []
    for family in ("ipv4", "ipv6"):
        names = [name for name in dir(TortureTests) if name.startswith("test_") and name.endswith(family)]
        make: Any = TestResult  # trial's constructors have no types
        result = make()
        unittest.TestSuite(map(TortureTests, names)).run(result)
        bad = len(result.failures) + len(result.errors) + len(result.expectedFailures)
        shown = f"{result.testsRun - bad} of {len(index())}"
        reached = bad == 0 and result.testsRun == len(index())
        rows.append(Row("RFC 4475 and 5118", f"as the section says, {family}", shown, "every one", reached))
    return rows
