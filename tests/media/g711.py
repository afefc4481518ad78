"""ITU-T G.711 as its tables 1a, 1b, 2a and 2b define it, written for reading: the judge of the C kernels.

The recommendation defines decision values on a uniform scale of 13 bits (A-law, full scale 4096) or 14 bits
(µ-law, full scale 8159). A 16-bit sample is such a value with three (A) or two (µ) bits after the binary point, so the
decision values are multiplied by 8 or 4 here and nothing is rounded beforehand. What happens exactly at a decision
value the recommendation leaves open; like the ITU's own software tools (G.191) every interval here contains its lower
end on the number axis, which for negative values is the end further from zero.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import accumulate

A_LAW_STEPS = [2] * 32 + [4] * 16 + [8] * 16 + [16] * 16 + [32] * 16 + [64] * 16 + [128] * 16
"""The widths of the 128 positive intervals of table 1a, from zero up."""

MU_LAW_STEPS = [1] + [2] * 15 + [4] * 16 + [8] * 16 + [16] * 16 + [32] * 16 + [64] * 16 + [128] * 16 + [256] * 16
"""The same of table 2a; the first interval is half a step, as it meets its negative twin at zero."""


class Law:
    """One law: its decision values scaled to 16 bits, and the character signals of the intervals."""

    def __init__(self, steps: list[int], scale: int) -> None:
        self.decisions = [scale * value for value in accumulate(steps, initial=0)]

    def interval(self, sample: int) -> int:
        """The number, 0 to 127, of the interval on the sample's side of zero."""
        side = bisect_right(self.decisions, sample) if sample >= 0 else bisect_left(self.decisions, -sample)
        return min(side - 1, 127)

    def middle(self, number: int) -> int:
        """The quantized value of an interval: half-way between its decision values."""
        return (self.decisions[number] + self.decisions[number + 1]) // 2

    def encode(self, sample: int) -> int:
        raise NotImplementedError

    def decode(self, code: int) -> int:
        raise NotImplementedError


class ALaw(Law):
    """Table 1: bit 1 is the sign, 1 for positive; even bits are inverted for transmission."""

    def encode(self, sample: int) -> int:
        return ((0x80 if sample >= 0 else 0) | self.interval(sample)) ^ 0x55

    def decode(self, code: int) -> int:
        code ^= 0x55
        value = self.middle(code & 0x7F)
        return value if code & 0x80 else -value


class MuLaw(Law):
    """Table 2: bit 1 is the sign, 1 for positive; the others count downwards."""

    def encode(self, sample: int) -> int:
        return (0xFF if sample >= 0 else 0x7F) - self.interval(sample)

    def decode(self, code: int) -> int:
        number = 0x7F - (code & 0x7F)
        value = self.middle(number) if number else 0  # y0 of table 2a is 0: the two halves are one interval
        return value if code & 0x80 else -value


A_LAW = ALaw(A_LAW_STEPS, 8)
MU_LAW = MuLaw(MU_LAW_STEPS, 4)
