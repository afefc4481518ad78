"""Garbage collection when it disturbs nobody: a full one takes hundreds of milliseconds with many calls up."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sized
from typing import Any, Final

from twisted.application.service import Service
from twisted.internet.task import LoopingCall

from neon import heap

TIDY_SECONDS: Final = 60.0


class Tidying(Service):
    """Collects once a minute while C{calls} are none, and hardly ever otherwise. Starts when everything is loaded."""

    name = "the garbage collector"

    def __init__(self, reactor: Any, calls: Callable[[], Sized]) -> None:
        self._calls = calls
        self._tidy = LoopingCall(self._tidy_up)
        self._tidy.clock = reactor

    def startService(self) -> None:
        super().startService()  # type: ignore[no-untyped-call]
        gc.collect()
        gc.freeze()
        heap.trim()
        # Often, so that none takes long: the young ones of 50,000 allocations take up to 25 ms.
        gc.set_threshold(5_000, 500, 1_000)
        self._tidy.start(TIDY_SECONDS, now=False)

    def stopService(self) -> None:
        super().stopService()  # type: ignore[no-untyped-call]
        self._tidy.stop()

    def _tidy_up(self) -> None:
        if not self._calls():
            gc.collect()
            heap.trim()
