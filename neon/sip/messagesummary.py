"""Reads C{application/simple-message-summary} (RFC 3842, section 5): are messages waiting, and how many.

    Messages-Waiting: yes
    Message-Account: sip:31@acme.com
    Voice-Message: 2/8 (0/2)
"""

from __future__ import annotations

import re
from typing import Final

from neon.watched import MessageSummary

TYPE: Final = "application/simple-message-summary"

_STATUS: Final = re.compile(r"^[ \t]*Messages-Waiting[ \t]*:[ \t]*(yes|no)\b", re.IGNORECASE | re.MULTILINE)
_PAIR: Final = r"(\d{1,6})[ \t]*/[ \t]*(\d{1,6})"
_VOICE: Final = re.compile(
    rf"^[ \t]*Voice-Message[ \t]*:[ \t]*{_PAIR}(?:[ \t]*\([ \t]*{_PAIR}[ \t]*\))?", re.IGNORECASE | re.MULTILINE
)


def parse(text: str) -> MessageSummary:
    """Read a summary; other kinds of messages than voice only count for whether any wait.

    @raise ValueError: it does not say whether messages are waiting.
    """
    status, voice = _STATUS.search(text), _VOICE.search(text)
    if status is None and voice is None:
        raise ValueError("it does not say whether messages are waiting")
    numbers = [None if number is None else int(number) for number in voice.groups()] if voice else [None] * 4
    waiting = status[1].lower() == "yes" if status else bool(numbers[0])
    return MessageSummary(waiting, *numbers)
