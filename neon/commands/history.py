"""The commands about calls that are over."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from twisted.internet.defer import Deferred

from neon import arguments, parsing
from neon.arguments import MAX_ID, Parameter
from neon.commands.context import Context, Data, Field
from neon.commands.shapes import ID, TEXT, URI, listed
from neon.errors import InvalidArgument
from neon.history import Entry, History, Result, Wanted
from neon.values import Direction

MOST_AT_ONCE: Final = 500
CUSTOM_FIELD: Final = 255


def call_history(
    context: Context,
    limit: int,
    before: int | None,
    since: datetime | None,
    until: datetime | None,
    party: str | None,
    account: str | None,
    direction: Direction | None,
    result: Result | None,
) -> Deferred[Data]:
    """The calls that are over, the newest first. What before has to be for the next page stands in next."""
    history = log_of(context.history)
    wanted = Wanted(limit, before, since, until, party, account, direction, result)

    def answer(entries: list[Entry]) -> Data:
        more = len(entries) == limit
        return {"calls": [fields(entry) for entry in entries], **({"next": entries[-1].number} if more else {})}

    return history.page(wanted).addCallback(answer)


def log_of(history: History | None) -> History:
    """The log.

    @raise InvalidArgument: it is switched off.
    """
    if history is None:
        raise InvalidArgument("there is no call log: it is switched off")
    return history


def fields(entry: Entry) -> dict[str, Any]:
    """An entry as the APIs spell it; what is empty is not there."""
    note = entry.note
    optional: Mapping[str, Any] = {
        "answered": None if entry.answered is None else timestamp(entry.answered),
        "displayName": entry.display_name,
        "reason": entry.reason,
        "application": note.application,
        "customField1": note.custom1,
        "customField2": note.custom2,
        "recording": note.recording,
        "quality": dict(note.quality),
    }
    return {
        "number": entry.number,
        "callId": entry.call_id,
        "connectionId": entry.connection_id,
        "account": entry.account,
        "type": entry.direction.value,
        "from": entry.caller,
        "to": entry.callee,
        "started": timestamp(entry.started),
        "ended": timestamp(entry.ended),
        "duration": entry.duration_ms,
        "result": entry.result.value,
        "SIPError": entry.status,
        "cause": entry.cause,
        **{name: value for name, value in optional.items() if value},
    }


def timestamp(at: datetime) -> str:
    """UTC, ISO 8601, milliseconds."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def _moment(text: str) -> datetime:
    """A day, or a moment; without a zone it is UTC."""
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"must be a day or a time such as 2024-05-01T12:30:00Z, not {parsing.quoted(text)}") from None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _custom(text: str) -> str:
    if len(text) > CUSTOM_FIELD or not text.isprintable():
        raise ValueError(f"must be up to {CUSTOM_FIELD} printable characters")
    return text


MOMENT: Final = arguments.written(_moment, pattern="^20[0-9][0-9]-(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])$")
CUSTOM: Final = arguments.written(_custom, maxLength=CUSTOM_FIELD, pattern=r"^[ -~]*$")

CUSTOM_FIELDS: Final = tuple(
    Parameter(
        f"customfield{number}",
        CUSTOM,
        into=f"custom{number}",
        default="",
        spelled=f"customField{number}",
        about="Anything that shall stand in the call log beside the call.",
        extension=True,
    )
    for number in (1, 2)
)

FILTERS: Final = (
    Parameter("since", MOMENT, default=None, about="Calls that began then or later: a day or a time, UTC."),
    Parameter("until", MOMENT, default=None, about="Calls that began before."),
    Parameter(
        "party", arguments.text, default=None, about="Part of the caller's or callee's address, or of the display name."
    ),
    Parameter("account", arguments.text, default=None, about="The address of record of one account, a bare SIP URI."),
    Parameter(
        "type",
        arguments.one_of(Direction),
        into="direction",
        default=None,
        about="Calls of one direction.",
    ),
    Parameter(
        "result",
        arguments.one_of(Result),
        default=None,
        about="Calls that ended so.",
    ),
)
PAGE: Final = (
    Parameter("limit", arguments.whole_number(1, MOST_AT_ONCE), default=100, about="So many calls at most."),
    Parameter("before", arguments.identifier, default=None, about="Calls with a lower number: the next page."),
)

TIME: Final = {"type": "string", "format": "date-time"}

ANSWER: Final = (
    listed(
        "calls",
        "The calls, newest first.",
        Field("number", ID),
        Field("callId", ID),
        Field("connectionId", ID),
        Field("account", TEXT),
        Field("type", {"enum": [direction.value for direction in Direction]}),
        Field("from", URI),
        Field("to", URI),
        Field("started", TIME),
        Field("ended", TIME),
        Field("duration", {"type": "integer", "minimum": 0}),
        Field("result", {"enum": [result.value for result in Result]}),
        Field("SIPError", {"type": "integer", "minimum": 0, "maximum": 699}),
        Field("cause", {"type": "integer", "minimum": 1, "maximum": 127}),
        Field("answered", TIME, optional=True),
        Field("displayName", TEXT, optional=True),
        Field("reason", TEXT, optional=True),
        Field("application", TEXT, optional=True),
        Field("customField1", TEXT, optional=True),
        Field("customField2", TEXT, optional=True),
        Field("recording", TEXT, optional=True),
        Field("quality", {"type": "object"}, optional=True),
    ),
    Field(
        "next",
        {"type": "integer", "minimum": 1, "maximum": MAX_ID},
        "What before has to be for the next page; not there on the last one.",
        optional=True,
    ),
)
