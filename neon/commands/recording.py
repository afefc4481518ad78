"""The commands about recording calls."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from neon.commands.context import Context, Data
from neon.errors import InvalidArgument
from neon.recorder import Recorder


def start_recording(context: Context, call_id: int) -> Deferred[Data]:
    """Record a call that was answered: on the left what the far end hears of us, on the right what we hear of it.

    A hold is silent in the file. Digits that are typed here are not in it.
    """
    return _recorder(context).start(call_id).addCallback(lambda path: {"path": path})


def stop_recording(context: Context, call_id: int) -> Data:
    """Record a call no more. OnRecording tells when the file is complete; the end of a call ends its recording too."""
    _recorder(context).stop(call_id)
    return {}


def pause_recording(context: Context, call_id: int, pause: bool) -> Data:
    """Record silence until told otherwise, for example while a card's number is said; time in the file goes on."""
    _recorder(context).pause(call_id, pause)
    return {}


def _recorder(context: Context) -> Recorder:
    if context.recorder is None:
        raise InvalidArgument("recording is not to be had here")
    return context.recorder
