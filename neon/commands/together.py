"""The commands about several calls at once, and about how loud one is."""

from __future__ import annotations

from neon.commands.context import Context, Data


def start_conference(context: Context, call_ids: tuple[int, ...]) -> Data:
    """Put calls together: their far ends hear each other as well as us. They are taken off hold.

    Calls that are together already stay so; up to eight are. There is one conference. While a call in it is on hold, by
    either side, it neither hears the others nor is heard by them.
    """
    context.phone.conference.start(call_ids)
    return {}


def leave_conference(context: Context, call_id: int) -> Data:
    """Let a call go on alone; it is not put on hold. The last of a conference is alone by itself."""
    context.phone.conference.leave(call_id)
    return {}


def mute_conference(context: Context, mute: bool) -> Data:
    """Have nobody in the conference hear the user's side, or all of them again; they still hear each other.

    It is as C{setmute} for each call of it, and each is told of by OnMute. A call that comes to a conference to all of
    which the user is muted is muted as well, and one that leaves stays as it is.
    """
    context.phone.conference.mute(mute)
    return {}


def hold_conference(context: Context, hold: bool) -> Data:
    """Have everybody in the conference wait, also for each other, or go on with it."""
    context.phone.conference.hold(hold)
    return {}


def swap_calls(context: Context, call_id: int) -> Data:
    """Talk to this call: it is taken off hold, and every other call that is up is put on hold.

    A call of the conference stands for all of it.
    """
    context.phone.conference.swap(call_id)
    return {}


def set_volume(context: Context, call_id: int, percent: int) -> Data:
    """Hear the far end of a call louder or softer here. Recordings and others in a conference hear no difference."""
    context.phone.control.set_volume(call_id, percent)
    return {}
