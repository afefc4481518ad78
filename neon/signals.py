"""Being told to stop, once: whoever stops a daemon often does it twice, by its process group and by its parent.

Twisted stops at the first signal, and logs an exception for each more that comes before it has begun to.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any, Final

STOPPING: Final = (signal.SIGINT, signal.SIGTERM)


def heed_once(
    get: Callable[[signal.Signals], Any] = signal.getsignal,
    put: Callable[[signal.Signals, Callable[..., None]], object] = signal.signal,
) -> None:
    """Let only the first of the signals that stop a program reach the handlers that are there now."""
    heard: list[int] = []

    def only_first(handler: Callable[..., object]) -> Callable[..., None]:
        def handle(number: int, *more: object) -> None:
            if not heard:
                heard.append(number)
                handler(number, *more)

        return handle

    for number in STOPPING:
        handler = get(number)
        if callable(handler):  # neither ignored nor the system's default
            put(number, only_first(handler))
