"""The commands about playing files into calls."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from neon.commands.context import Context, Data
from neon.errors import InvalidArgument
from neon.playing import Playing


def play_audio(context: Context, call_id: int, file: str, loop: bool, mix: bool) -> Deferred[Data]:
    """Say a WAV file to the far end of a call that was answered, instead of one that is being said.

    OnAudioPlayed tells its end. While the call is on hold it waits. A call that is muted says it all the same: what is
    muted is the microphone. It is in a recording of the call. In a conference all far ends hear it.
    """
    d = _playing(context).start(call_id, file, loop=loop, mix=mix)
    return d.addCallback(lambda seconds: {"seconds": round(seconds, 3)})


def stop_audio(context: Context, call_id: int) -> Data:
    """Say no more of the file that is being said in a call."""
    _playing(context).stop(call_id)
    return {}


def _playing(context: Context) -> Playing:
    if context.playing is None:
        raise InvalidArgument("playing into calls is not to be had here")
    return context.playing
