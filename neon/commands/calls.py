"""The commands about calls."""

from __future__ import annotations

from neon.commands import accounts
from neon.commands.context import Context, Data, moment
from neon.details import Headers
from neon.errors import InvalidArgument
from neon.sounddevices import EchoState


def start_call(
    context: Context,
    number: str,
    connection_id: int | None,
    account: str | None,
    headers: Headers | None,
    custom1: str,
    custom2: str,
) -> Data:
    """Call somebody. What comes of it arrives as events."""
    caller = _caller(context, number, connection_id, account)
    call_id = context.phone.start_call(number, caller, headers=headers or ())
    _note(context, call_id, custom1, custom2)
    return {"callId": call_id}


def call_back(
    context: Context, number: str, connection_id: int | None, account: str | None, custom1: str, custom2: str
) -> Data:
    """Ring here first, and call somebody when that is answered, which it is by itself unless a setting says otherwise.

    Two calls come of it, an incoming one and an outgoing one; OnBridge tells which belong together. The end of one is
    the end of the other.
    """
    if context.callbacks is None:
        raise InvalidArgument("callback is not to be had here")
    caller = _caller(context, number, connection_id, account)
    call_id = context.callbacks.start(number, caller)
    _note(context, call_id, custom1, custom2)
    return {"callId": call_id}


def _caller(context: Context, number: str, connection_id: int | None, account: str | None) -> int:
    """The account to call with, if its operator has nothing against it."""
    chosen = accounts.chosen(context, connection_id, account)
    caller = context.phone.account_to_call_with(chosen, context.session.accounts).snapshot()
    for warning in context.operators.admit(caller, number):
        context.client.warn(warning)
    return caller.connection_id


def _note(context: Context, call_id: int, custom1: str, custom2: str) -> None:
    if context.history is not None:
        context.history.note(
            call_id, application=context.session.application, custom1=custom1, custom2=custom2
        )


def accept_call(context: Context, call_id: int) -> Data:
    """Answer an incoming call. Of several clients that ring, the first one has it.

    The others that subscribed to it get OnCallClaimed.
    """
    _admit(context, call_id)
    already = context.phone.accept_call(call_id, context.session.application, context.client.key)
    return {"alreadyAnswered": True} if already else {}


def _admit(context: Context, call_id: int) -> None:
    """Let the operator of the account that is called have its say.

    @raise NotAuthorised: there is no licence to answer it.
    """
    account = context.phone.account_called(call_id)
    if account is not None:
        context.operators.admit(account, None)


def finalize_call(context: Context, call_id: int) -> Data:
    """Cancel, reject or hang up, whichever fits."""
    context.phone.finalize_call(call_id)
    return {}


def transfer_call(context: Context, call_id: int, to: str | None, to_call_id: int | None) -> Data:
    """Pass a call on: an answered one by REFER, one that rings here by 302.

    An answered call is held first, and ends when the new party has answered; if that fails it goes on as before.
    """
    context.phone.control.transfer(call_id, to, to_call_id)
    return {}


def send_dtmf(context: Context, call_id: int, dtmf: str) -> Data:
    """Type digits into a call that was answered, one after the other."""
    context.phone.control.send_digits(call_id, dtmf)
    return {}


def set_hold(context: Context, call_id: int, hold: bool) -> Data:
    """Have the far end wait, or go on with it. Whether it agreed arrives as OnHold.

    A call that is being made can be told so before its answer: nothing is said into it meanwhile, and it waits as soon
    as it is answered. One that rings here has to be answered first.
    """
    context.phone.control.set_hold(call_id, hold)
    return {}


def set_mute(context: Context, call_id: int, mute: bool) -> Data:
    """Let the far end hear nothing of us, or hear us again. It is not told; the call is not held."""
    context.phone.control.set_mute(call_id, mute)
    return {}


def list_calls(context: Context) -> Data:
    """The calls that have not ended, and the number of the last event that this list knows of."""
    return {
        **moment(context),
        "calls": [
            {
                "callId": call.call_id,
                "connectionId": call.connection_id,
                "type": call.direction.value,
                "state": call.state.value,
                "from": call.caller,
                "to": call.callee,
                "hold": call.held,
                "remoteHold": call.held_remotely,
                "muted": call.muted,
                "volume": call.volume,
                "conference": call.conference,
                "encrypted": call.encrypted,
                "duration": 0 if call.answered_at is None else round((context.phone.now - call.answered_at) * 1000),
                "recording": context.recorder is not None and context.recorder.is_recording(call.call_id),
                "audioOpen": context.audio is not None and context.audio.is_open(call.call_id),
                "echoCancelling": (
                    EchoState.OFF if context.sound is None else context.sound.echo_of(call.call_id)
                ).value,
                **({} if call.display_name is None else {"displayName": call.display_name}),
            }
            for call in context.phone.calls()
        ]
    }
