"""The commands about the sound devices of this machine."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from neon.commands.context import Context, Data
from neon.errors import InvalidArgument
from neon.sounddevices import AudioTest, DeviceKind, Sound


def list_devices(context: Context) -> Deferred[Data]:
    """The sound devices of this machine, and which are to be used. OnDevices tells when that changes.

    A machine without any is fine: C{available} is false then, and calls are silent.
    """
    return _sound(context).devices().addCallback(lambda devices: devices.data())


def set_device(context: Context, kind: DeviceKind, device: str) -> Deferred[Data]:
    """Use another sound device from now on, also in calls that are up, which go on.

    The choice is kept. While the device is not there the default one is used in its place.
    """
    return _sound(context).choose(kind, device).addCallback(lambda devices: devices.data())


def watch_levels(context: Context, on: bool) -> Data:
    """See how loud microphone and speaker are: OnAudioLevels, five times a second, for those that subscribed to it.

    The microphone is open meanwhile, also without a call. A wish lasts for five minutes: repeat it.
    """
    _sound(context).watch_levels(context.client.key, on)
    return {}


def test_audio(context: Context, seconds: int) -> Deferred[Data]:
    """Try microphone and speaker: a tone is played, then the microphone is recorded and played back. The answer comes
    when that is over, and says what came of it.

    Refused while there is a call.
    """
    return _sound(context).test(seconds).addCallback(_tested)


def _tested(result: tuple[AudioTest, str]) -> Data:
    test, words = result
    levels = {"level": test.level, "peak": test.peak, "heard": test.heard}
    measured = {name: level for name, level in levels.items() if level is not None}
    problem = {"problem": test.problem} if test.problem else {}
    return {"verdict": test.verdict.value, "description": words, **measured, **problem}


def _sound(context: Context) -> Sound:
    if context.sound is None:
        raise InvalidArgument("there are no sound devices here")
    return context.sound
