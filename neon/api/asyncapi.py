"""The WebSocket API as an AsyncAPI 3 document, made from the tables of commands and events; at C{/asyncapi.json}.

As AsyncAPI has it, the document is written from the daemon's side: it receives commands and sends events.
"""

from __future__ import annotations

from typing import Any, Final

from neon import __version__
from neon.api import schema, wire
from neon.commands import TABLE, Command

CHANNEL: Final = {"$ref": "#/channels/neon"}


def asyncapi(address: str = "localhost:15070") -> dict[str, Any]:
    """The document; C{address} is the host and port of the server."""
    messages: dict[str, Any] = {}
    for command in TABLE:
        request, success = schema.request_schema(command), schema.success_schema(command)
        messages[command.name] = _message(_title(command), schema.about(command.function), request)
        messages[_answer(command)] = _message(f"Answer to {_title(command)}", "It was carried out.", success)
    messages["refusal"] = _message("Refusal", "The command was not carried out.", schema.refusal_schema())
    for kind, name in wire.ALL_NAMES.items():
        messages[name] = _message(name, schema.about(kind), schema.event_schema(kind))
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "NEON WebSocket API",
            "version": __version__,
            "description": "A SIP softphone that other programs drive. Messages are JSON objects in text frames; "
            "answers and events come by the same connection, and only events have an action.",
            "license": {"name": "MIT", "url": "https://opensource.org/license/mit"},
        },
        "defaultContentType": "application/json",
        "servers": {"local": {"host": address, "pathname": "/", "protocol": "ws"}},
        "channels": {
            "neon": {
                "address": "/",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
            }
        },
        "operations": {
            **{command.name: _operation(command) for command in TABLE},
            "event": {
                "action": "send",
                "channel": CHANNEL,
                "summary": "Something happened.",
                "description": "Extension events go only to connections that asked for them by subscribe: "
                f"{', '.join(wire.EXTENSIONS.values())}.",
                "messages": [_in_channel(name) for name in wire.ALL_NAMES.values()],
            },
        },
        "components": {"messages": messages},
    }


def _operation(command: Command) -> dict[str, Any]:
    return {
        "action": "receive",
        "channel": CHANNEL,
        "summary": schema.about(command.function),
        "messages": [_in_channel(command.name)],
        "reply": {"channel": CHANNEL, "messages": [_in_channel(_answer(command)), _in_channel("refusal")]},
    }


def _message(title: str, summary: str, payload: dict[str, Any]) -> dict[str, Any]:
    return {
        "title": title,
        "summary": summary,
        "contentType": "application/json",
        "payload": payload,
    }


def _in_channel(name: str) -> dict[str, str]:
    return {"$ref": f"#/channels/neon/messages/{name}"}


def _answer(command: Command) -> str:
    return f"{command.name}.answer"


def _title(command: Command) -> str:
    return command.spelled or command.name
