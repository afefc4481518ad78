"""Joins the watch over calls' quality to the media side, the call log and the user's language."""

from __future__ import annotations

from collections.abc import Mapping

from neon.bus import Bus
from neon.explain import LANGUAGES, language_of
from neon.history import History
from neon.media.manager import MediaManager
from neon.phone import Phone
from neon.ports import Clock
from neon.qualitywatch import QualityWatch
from neon.sections import Media


def quality_watch(
    clock: Clock,
    settings: Media,
    bus: Bus,
    phone: Phone,
    media: MediaManager,
    history: History | None,
    environ: Mapping[str, str],
) -> QualityWatch:
    """Warnings are in the language of C{environ}."""
    words = LANGUAGES[language_of(environ)]
    watch = QualityWatch(
        bus,
        clock,
        phone.calls,
        media,
        words=lambda problem: words[problem.value],
        note=lambda call_id, quality: None if history is None else history.note(call_id, quality=quality),
        look_seconds=float(settings.stats_seconds),
    )
    media.on_closed = watch.closed
    return watch
