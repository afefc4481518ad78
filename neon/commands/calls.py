"""The commands about calls."""

from __future__ import annotations

from neon.commands.context import Context, Data


def start_call(context: Context, number: str, connection_id: int | None) -> Data:
    """Dial."""
    return {"callId": context.phone.start_call(number, connection_id, preferred=context.session.accounts)}


def accept_call(context: Context, call_id: int) -> Data:
    """Answer."""
    return {"alreadyAnswered": True} if context.phone.accept_call(call_id) else {}


def finalize_call(context: Context, call_id: int) -> Data:
    """Cancel, reject or hang up, whichever fits."""
    context.phone.finalize_call(call_id)
    return {}


def list_calls(context: Context) -> Data:
    """The live calls."""
    return {
        "calls": [
            {
                "callId": call.call_id,
                "connectionId": call.connection_id,
                "type": call.direction.value,
                "state": call.state.value,
                "from": call.caller,
                "to": call.callee,
                **({} if call.display_name is None else {"displayName": call.display_name}),
            }
            for call in context.phone.calls()
        ]
    }
