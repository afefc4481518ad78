"""The commands about calls to come, and about calls that want something of us."""

from __future__ import annotations

from neon.commands.context import Context, Data
from neon.details import NO_RULES, ForwardKind, IncomingRules


def reject_call(context: Context, call_id: int, status: int) -> Data:
    """Refuse an incoming call that rings, with a status of your choice."""
    context.phone.control.reject(call_id, status)
    return {}


def set_dnd(context: Context, dnd: bool, connection_id: int | None) -> Data:
    """Refuse every call to an account, or to all accounts, or take calls again. Kept over restarts."""
    context.phone.set_dnd(connection_id, dnd)
    return {}


def set_forward(context: Context, when: str, to: str | None, seconds: int | None, connection_id: int | None) -> Data:
    """Send the calls to an account, or to all accounts, elsewhere (302), or no longer. Kept over restarts.

    A call that was sent on five times already, or that was at the target before, is not sent on.
    """
    context.phone.set_forward(connection_id, ForwardKind(when), to, seconds)
    return {}


def rules_of(context: Context, connection_id: int) -> Data:
    """What was said about calls to an account, for its row in listaccounts; nothing where nothing was."""
    rules = context.phone.incoming_rules(connection_id)
    return {} if rules == NO_RULES else {"incoming": rules_data(rules)}


def rules_data(rules: IncomingRules) -> Data:
    """The rules of an account, in the words of the APIs."""
    data: Data = {
        "dnd": rules.dnd,
        "always": rules.forward_always,
        "busy": rules.forward_busy,
        "noanswer": rules.forward_no_answer,
        "seconds": rules.seconds if rules.forward_no_answer is not None else None,
        "autoAnswer": list(rules.auto_answer) or None,
    }
    return {name: value for name, value in data.items() if value is not None}


def answer_transfer(context: Context, call_id: int, allow: bool) -> Data:
    """Say whether we call whom the far end of a call wishes us to call (OnTransferRequest)."""
    context.phone.control.answer_transfer(call_id, allow)
    return {}
