"""Memory that is free is the system's again."""

from __future__ import annotations

import os
import subprocess
import sys
from unittest import skipUnless

from twisted.trial.unittest import SynchronousTestCase

GLIBC = hasattr(os, "confstr") and "CS_GNU_LIBC_VERSION" in os.confstr_names

# What RSS grows by, in kB, when 16 MB come and go and then 8 MB below something that stays.
SCRIPT = """
import sys
from neon import heap
if sys.argv[1] == "bounded":
    heap.return_large_blocks()
def rss():
    return int(open("/proc/self/statm").read().split()[1]) * 4
before = rss()
del_me = bytes(range(256)) * 65536
del del_me
large = [bytes([1]) * 200_000 for _ in range(40)]
kept = [bytes([2]) * 100_000 for _ in range(3)]
del large
print(rss() - before)
"""


class HeapTests(SynchronousTestCase):
    def grown(self, how: str) -> int:
        """In a process of its own: the setting is for good."""
        run = subprocess.run([sys.executable, "-c", SCRIPT, how], capture_output=True, check=True, timeout=60)
        return int(run.stdout)

    @skipUnless(GLIBC and sys.platform == "linux", "another C library keeps memory in another way")
    def test_large_blocks(self) -> None:
        """Large blocks are given back although smaller ones were made after them, which glibc alone would not do."""
        self.assertLess(self.grown("bounded"), 4_000)
        self.assertGreater(self.grown("as ever"), 6_000)
