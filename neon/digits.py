"""Digits that a user types into a call: reading them, and sending them one after the other at a human pace."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, TypeAlias

from neon import parsing
from neon.ports import Clock, Timer

DIGIT_MS: Final = 100
"""How long a digit sounds; ITU-T Q.24 asks for 40 ms at least."""

APART: Final = 0.18
"""Seconds from the beginning of a digit to that of the next: the digit, and 80 ms of quiet."""

PAUSE: Final = 2.0
"""Seconds of a comma, as modems have always counted them."""

LONGEST: Final = 128

_WORDS: Final = {"hash": "#", "pound": "#", "star": "*", "asterisk": "*"}
_DIGITS: Final = frozenset("0123456789*#ABCD")

Press: TypeAlias = Callable[[str], None]


def parse(text: str) -> str:
    """C{0-9 * # A-D} and commas, from how people and programs write them: C{"12 34 hash"}, C{"1,,pound"}.

    @raise ValueError: the end of a sentence about what is wrong.
    """
    rest, digits = text.lower(), ""
    while rest:
        word = next((word for word in _WORDS if rest.startswith(word)), None)
        if word is not None:
            digits, rest = digits + _WORDS[word], rest[len(word) :]
            continue
        character, rest = rest[0].upper(), rest[1:]
        if character in _DIGITS or character == ",":
            digits += character
        elif character != " ":
            raise ValueError(f"must be digits of 0-9 * # A-D, with commas for pauses, not {parsing.quoted(text)}")
    if not digits.strip(","):
        raise ValueError("must have at least one digit of 0-9 * # A-D")
    if len(digits) > LONGEST:
        raise ValueError(f"must have at most {LONGEST} digits")
    return digits


class Dialler:
    """Presses digits in their order, each by its own key; a comma is a pause. C{stop} forgets what is left."""

    def __init__(self, clock: Clock, pressed: Press | None = None) -> None:
        """C{pressed} hears of every key."""
        self._clock = clock
        self._pressed = pressed
        self._waiting: deque[tuple[str, Press]] = deque()
        self._timer: Timer | None = None

    def dial(self, digits: str, press: Press) -> None:
        """Go on with these digits when what was dialled before is done."""
        self._waiting.extend((digit, press) for digit in digits)
        if self._timer is None:
            self._next()

    def stop(self) -> None:
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _next(self) -> None:
        self._timer = None
        if not self._waiting:
            return
        digit, press = self._waiting.popleft()
        self._timer = self._clock.callLater(PAUSE if digit == "," else APART, self._next)
        if digit != ",":
            press(digit)
            if self._pressed is not None:
                self._pressed(digit)
