"""Joins the recorder to the configuration, the media side and the call log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from neon import sections
from neon.history import History
from neon.media.manager import MediaManager
from neon.media.recordingfile import Left
from neon.media.recordings import Recordings
from neon.phone import Phone
from neon.recorder import Recorder


class RecordingPart:
    """C{recorder} is for the commands; start and stop go around those of the media side."""

    def __init__(
        self,
        reactor: Any,
        settings: sections.Recording,
        state_dir: Path,
        media: MediaManager,
        phone: Phone,
        history: History | None,
    ) -> None:
        self._history = history
        directory = Path(settings.directory) if settings.directory else state_dir / "recordings"
        self._recordings = Recordings(
            reactor,
            media.set_tap,
            directory,
            keep_days=settings.keep_days,
            keep_megabytes=settings.keep_megabytes,
        )
        self._recordings.on_left = self._left
        self.recorder = Recorder(phone, self._recordings, settings.name, always=settings.always, note=self._note)
        self.start = self._recordings.start
        self.stop = self._recordings.stop

    def _left(self, left: Left) -> None:
        if left.call_id:
            self._note(left.call_id, str(left.path))

    def _note(self, call_id: int, path: str) -> None:
        if self._history is not None:
            self._history.note(call_id, recording=path)
