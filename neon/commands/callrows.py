"""The rows of the commands about calls."""

from __future__ import annotations

from typing import Final

from neon import arguments
from neon.arguments import Parameter
from neon.commands import calls
from neon.commands.context import Command, Field, Needs
from neon.commands.history import CUSTOM_FIELDS
from neon.commands.shapes import ACCOUNT, CALL_ID, CONNECTION_ID, ID, MOMENT, TEXT, URI, YES_NO, listed
from neon.sounddevices import EchoState
from neon.values import CallState, Direction, Scope

ROWS: Final = (
    Command(
        "startcall",
        calls.start_call,
        (
            Parameter("number", arguments.dial_string, about="Whom to call: a number, a sip: or tel: URI, user@host."),
            CONNECTION_ID,
            ACCOUNT,
            Parameter(
                "headers",
                arguments.header_fields,
                default=None,
                about="Header fields to send with the call, by name; the configuration says which (headers-out). "
                "Over HTTP, the text of a JSON object.",
                extension=True,
            ),
            *CUSTOM_FIELDS,
        ),
        needs=Needs.REGISTERED,
        scope=Scope.CALL,
        dials="number",
        answer=(Field("callId", ID, "The call's number, in its events."),),
        spelled="StartCall",
    ),
    Command(
        "callback",
        calls.call_back,
        (
            Parameter("number", arguments.dial_string, about="Whom to call: a number, a sip: or tel: URI, user@host."),
            CONNECTION_ID,
            ACCOUNT,
            *CUSTOM_FIELDS,
        ),
        needs=Needs.REGISTERED,
        scope=Scope.CALL,
        dials="number",
        answer=(Field("callId", ID, "The number of the call that rings here."),),
        extension=True,
    ),
    Command(
        "acceptcall",
        calls.accept_call,
        (CALL_ID,),
        needs=Needs.REGISTERED,
        scope=Scope.CALL,
        answer=(
            Field(
                "alreadyAnswered",
                {"const": True},
                "There where the call had been answered before.",
                optional=True,
                extension=True,
            ),
        ),
        spelled="AcceptCall",
    ),
    Command(
        "finalizecall",
        calls.finalize_call,
        (CALL_ID,),
        needs=Needs.REGISTERED,
        scope=Scope.CALL,
        spelled="FinalizeCall",
    ),
    Command(
        "transfercall",
        calls.transfer_call,
        (
            CALL_ID,
            Parameter(
                "to",
                arguments.dial_string,
                default=None,
                about="Whom the far end shall talk to: a number, a sip: or tel: URI, user@host. "
                "Needed unless toCallId is there.",
            ),
            Parameter(
                "tocallid",
                arguments.identifier,
                into="to_call_id",
                default=None,
                spelled="toCallId",
                about="Another call that was answered: the two far ends get each other.",
                extension=True,
            ),
        ),
        needs=Needs.REGISTERED,
        aliases=("transferecall", "transfer"),
        scope=Scope.CALL,
        dials="to",
        spelled="TransferCall",
    ),
    Command(
        "senddtmf",
        calls.send_dtmf,
        (
            CALL_ID,
            Parameter(
                "dtmf",
                arguments.dtmf,
                aliases=("tdmf", "dtfm"),
                about="One or more of 0-9 * # A-D; a comma is a pause of two seconds.",
            ),
        ),
        needs=Needs.REGISTERED,
        scope=Scope.DTMF,
        spelled="SendDTMF",
    ),
    Command(
        "sethold",
        calls.set_hold,
        (CALL_ID, Parameter("hold", arguments.boolean, about="Whether the far end is to wait.")),
        needs=Needs.REGISTERED,
        scope=Scope.CALL,
        spelled="SetHold",
    ),
    Command(
        "setmute",
        calls.set_mute,
        (CALL_ID, Parameter("mute", arguments.boolean, about="Whether the far end is to hear nothing.")),
        needs=Needs.REGISTERED,
        scope=Scope.CALL,
        extension=True,
    ),
    Command(
        "listcalls",
        calls.list_calls,
        scope=Scope.EVENTS,
        once=False,
        answer=(
            *MOMENT,
            listed(
                "calls",
                "The calls, oldest first.",
                Field("callId", ID),
                Field("connectionId", ID),
                Field("type", {"enum": [direction.value for direction in Direction]}),
                Field("state", {"enum": [state.value for state in CallState]}),
                Field("from", URI),
                Field("to", URI),
                Field("hold", YES_NO, "The far end waits for us."),
                Field("remoteHold", YES_NO, "We wait for the far end."),
                Field("muted", YES_NO, "The far end hears nothing of us."),
                Field(
                    "volume",
                    {"type": "integer", "minimum": 0, "maximum": 200},
                    "At how many percent of its amplitude it is heard here.",
                ),
                Field("conference", YES_NO, "Its far end hears those of the other calls with this mark."),
                Field("encrypted", YES_NO, "Its audio is encrypted (SRTP)."),
                Field("duration", {"type": "integer", "minimum": 0}, "Milliseconds since it was answered, 0 before."),
                Field("recording", YES_NO, "It is being recorded, or the recording pauses."),
                Field("audioOpen", YES_NO, "A program hears and speaks in it (openaudio)."),
                Field(
                    "echoCancelling",
                    {"enum": [state.value for state in EchoState]},
                    "Whether the echo of its microphone is cancelled; off also where it has none.",
                ),
                Field("displayName", TEXT, optional=True),
            ),
        ),
        extension=True,
    ),
)
