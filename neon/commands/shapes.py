"""What rows of the table have in common: parameters, and the schemas of answers."""

from __future__ import annotations

from typing import Any, Final

from neon import arguments, parsing
from neon.arguments import MAX_ID, Parameter
from neon.commands.context import Field

REQUEST_ID: Final = Parameter(
    "requestid",
    arguments.request_id,
    into="request_id",
    default=None,
    spelled="requestId",
    about="Made up by the client, new for each thing it wants done: the same one within 30 seconds runs nothing and "
    "gets the first answer again.",
    extension=True,
)
CALL_ID: Final = Parameter(
    "callid", arguments.identifier, into="call_id", spelled="callId", about="The call, as OnNewCall named it."
)
CONNECTION_ID: Final = Parameter(
    "connectionid",
    arguments.identifier,
    into="connection_id",
    default=None,
    spelled="connectionId",
    about="The SIP account, as sipregister named it.",
    extension=True,
)
ACCOUNT: Final = Parameter(
    "account",
    arguments.account,
    default=None,
    about="The SIP account by its name in the configuration, its number, or its address (31@acme.com); instead of its "
    "connectionId.",
    extension=True,
)

SOUND: Final = arguments.written(
    parsing.sound_name, pattern=r"^[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*$", maxLength=255
)
"""A file in the directory for sounds; names that are not of ASCII are taken as well."""

ID: Final = {"type": "integer", "minimum": 1, "maximum": MAX_ID}
TEXT: Final = {"type": "string"}
YES_NO: Final = {"type": "boolean"}
URI: Final = {"type": "string", "description": "a bare SIP URI"}

MOMENT: Final = (
    Field("seq", {"type": "integer", "minimum": 0}, "The number of the last event so far."),
    Field("boot", TEXT, "Names this life of the daemon: event numbers begin again with each."),
)


def listed(name: str, about: str, *fields: Field) -> Field:
    """A list of objects in an answer."""
    properties: dict[str, Any] = {field.name: field.schema for field in fields}
    required = [field.name for field in fields if not field.optional]
    item = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    return Field(name, {"type": "array", "items": item}, about)
