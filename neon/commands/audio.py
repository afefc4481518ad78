"""The commands about the audio of calls for programs."""

from __future__ import annotations

from neon.callaudio import CallAudio
from neon.commands.context import Context, Data
from neon.errors import InvalidArgument


def open_audio(context: Context, call_id: int, rate: int, mix: bool) -> Data:
    """Hear the far end of a call that was answered, and speak to it, by binary messages of this WebSocket.

    A call's audio is open to one connection at a time, until closeaudio, the end of the connection or of the call. The
    user's loudspeaker plays the far end meanwhile as before. See "Audio for programs".
    """
    _audio(context).open(call_id, context.client.audio, rate, mix=mix)
    return {"rate": rate, "frameMilliseconds": 20}


def close_audio(context: Context, call_id: int) -> Data:
    """Let the microphone be heard again in a call whose audio this connection has opened."""
    _audio(context).close(call_id, context.client.audio)
    return {}


def _audio(context: Context) -> CallAudio:
    if context.audio is None:
        raise InvalidArgument("the audio of calls is not to be had here")
    return context.audio
