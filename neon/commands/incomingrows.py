"""The rows of the commands about calls to come, and about calls that want something of us."""

from __future__ import annotations

from typing import Final

from neon import arguments, parsing
from neon.arguments import Parameter
from neon.commands import incoming
from neon.commands.context import Command, Field, Needs
from neon.commands.shapes import CALL_ID, CONNECTION_ID
from neon.details import ForwardKind
from neon.values import Scope

_TARGET: Final = {"type": "string", "description": "where to: a number, or a SIP URI"}

RULES: Final = Field(
    "incoming",
    {
        "type": "object",
        "properties": {
            "dnd": {"type": "boolean"},
            "always": _TARGET,
            "busy": _TARGET,
            "noanswer": _TARGET,
            "seconds": {"type": "integer", "minimum": 1},
            "autoAnswer": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["dnd"],
        "additionalProperties": False,
    },
    "What was said about calls to it (setdnd, setforward), where something was.",
    optional=True,
)
"""Part of a row of listaccounts."""

ROWS: Final = (
    Command(
        "rejectcall",
        incoming.reject_call,
        (
            CALL_ID,
            Parameter(
                "status",
                arguments.status_of(*parsing.REJECT_STATUSES),
                default=486,
                about="What the caller hears: 486 busy here, 603 decline (no other phone rings either), 480 not "
                "available, 600 busy everywhere, 403 forbidden, 404 not found, 607 unwanted.",
            ),
        ),
        needs=Needs.REGISTERED,
        scope=Scope.CALL,
        extension=True,
    ),
    Command(
        "setdnd",
        incoming.set_dnd,
        (
            Parameter("dnd", arguments.boolean, about="Whether calls are refused."),
            CONNECTION_ID,
        ),
        scope=Scope.ACCOUNT,
        extension=True,
    ),
    Command(
        "setforward",
        incoming.set_forward,
        (
            Parameter(
                "when",
                arguments.choice(*(kind.value for kind in ForwardKind)),
                about="Which calls: always, busy (one call too many), or noanswer.",
            ),
            Parameter(
                "to",
                arguments.forward_target,
                default=None,
                about="Where to: a number, a sip: or tel: URI, user@host. Nothing is nowhere: they ring again.",
            ),
            Parameter(
                "seconds",
                arguments.whole_number(1, 3600),
                default=None,
                about="With noanswer, after how many seconds of ringing; 20 until something else was said.",
            ),
            CONNECTION_ID,
        ),
        scope=Scope.ACCOUNT,
        dials="to",
        dials_later=True,
        extension=True,
    ),
    Command(
        "answertransfer",
        incoming.answer_transfer,
        (CALL_ID, Parameter("allow", arguments.boolean, about="Whether we call.")),
        needs=Needs.REGISTERED,
        scope=Scope.CALL,
        extension=True,
    ),
)
