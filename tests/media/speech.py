"""Something like speech, made from numbers, and measures of how much of it is left: for the tests of what is heard.

Voiced syllables of a gliding pitch through three formants, hissing consonants, and pauses, the same for the same
arguments. It is no speech that anybody would understand, but its pitch, onsets and silences are those of speech,
which is what concealment and time scaling work on.
"""

from __future__ import annotations

import functools
import math
import random
from array import array

_VOWELS = (
    (730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480), (570, 840, 2410), (660, 1720, 2410)
)  # fmt: skip


class _Resonator:
    """One formant: a second-order filter."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.one = self.two = 0.0

    def __call__(self, sample: float, hz: float, bandwidth: float) -> float:
        radius = math.exp(-math.pi * bandwidth / self.rate)
        turn = 2 * radius * math.cos(2 * math.pi * hz / self.rate)
        out = (1 - turn + radius * radius) * sample + turn * self.one - radius * radius * self.two
        self.two, self.one = self.one, out
        return out


@functools.lru_cache(maxsize=4)
def speech(seconds: float, rate: int = 8000, seed: int = 1) -> array[int]:
    """A voice, with peaks of about half of the scale."""
    dice = random.Random(seed)
    formants = [_Resonator(rate) for _ in range(3)]
    heard: list[float] = []
    wanted = round(seconds * rate)
    phase = 0.0
    while len(heard) < wanted:
        kind = dice.choices(("vowel", "hiss", "pause"), (6, 2, 2))[0]
        length = round(dice.uniform(*{"vowel": (0.1, 0.3), "hiss": (0.05, 0.12), "pause": (0.05, 0.35)}[kind]) * rate)
        vowel, pitch, glide = dice.choice(_VOWELS), dice.uniform(90, 230), dice.uniform(-40, 40)
        last = 0.0
        for i in range(length):
            part = i / length
            loudness = min(1.0, part * 8, (1 - part) * 5)
            if kind == "pause":
                sample = dice.gauss(0, 12)
            elif kind == "hiss":
                noise = dice.gauss(0, 1)
                sample, last = 1800 * loudness * (noise - last) / 2, noise
            else:
                phase += (pitch + glide * part) / rate
                pulse = 0.0
                if phase >= 1:
                    phase -= 1
                    pulse = rate / pitch
                source = pulse + dice.gauss(0, 0.05)
                for formant, hz, width in zip(formants, vowel, (60, 90, 120), strict=True):
                    source = formant(source, hz, width)
                sample = 90 * loudness * source
            heard.append(sample)
    return array("h", (max(-32768, min(32767, round(sample))) for sample in heard[:wanted]))


def segmental_snr(heard: array[int], reference: array[int], size: int = 160) -> float:
    """The mean over frames of the ratio of speech to error, in dB, each from -10 to 35; frames of silence are out."""
    ratios = []
    for at in range(0, min(len(heard), len(reference)) - size + 1, size):
        power = sum(sample * sample for sample in reference[at : at + size])
        if power / size < 10_000:
            continue
        error = sum((heard[i] - reference[i]) ** 2 for i in range(at, at + size))
        ratios.append(max(-10.0, min(35.0, 10 * math.log10(power / error) if error else 35.0)))
    return sum(ratios) / len(ratios)


def silences(heard: array[int], size: int = 40) -> int:
    """How many stretches of C{size} samples at least are nothing but zeros."""
    found = run = 0
    for sample in heard:
        run = run + 1 if sample == 0 else 0
        found += run == size
    return found


def loudest_click(heard: array[int]) -> int:
    """The greatest second difference: what sounds as a click, of which speech itself has little."""
    return max(abs(heard[i + 1] - 2 * heard[i] + heard[i - 1]) for i in range(1, len(heard) - 1))


def followed_snr(
    heard: array[int], reference: array[int], size: int = 160, reach: int = 130, every: int = 1
) -> list[float]:
    """The ratio of speech to error of each frame that is not silence, in dB, when time was made up in between.

    Where a frame is not what follows in the reference, it is looked for C{reach} samples around. Only one frame in
    C{every} is looked at.
    """
    ratios = []
    offset = 0

    def ratio(at: int, shift: int) -> float:
        frame = heard[at : at + size]
        wanted = reference[at + shift : at + shift + size]
        if len(wanted) < size:
            return -10.0
        error = sum((one - other) ** 2 for one, other in zip(frame, wanted, strict=True))
        power = sum(sample * sample for sample in wanted)
        return max(-10.0, min(35.0, 10 * math.log10((power + 1) / error) if error else 35.0))

    for at in range(2 * size, len(heard) - size + 1, every * size):
        if sum(sample * sample for sample in heard[at : at + size]) / size < 10_000:
            continue
        here = ratio(at, offset)
        if here < 15:
            near = range(max(-at, offset - reach), offset + reach + 1)
            offset = max(near, key=lambda shift: ratio(at, shift))
            here = ratio(at, offset)
        ratios.append(here)
    return ratios
