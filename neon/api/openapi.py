"""The HTTP API as an OpenAPI 3.1 document, made from the table of commands; served at C{/openapi.json}."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from neon import __version__
from neon.api import schema, wire
from neon.arguments import REQUIRED, Parameter
from neon.commands import TABLE, Command, Needs

FORM: Final = "application/x-www-form-urlencoded"
XML: Final = "text/xml"

TOKEN: Final = {"type": "string", "description": "What authenticate answered."}
CLIENT: Final = {
    "type": "string",
    "maxLength": 64,
    "description": "Extension: the name of one of several tabs that share a token; each gets every event.",
}
_COMMA: Final = {"style": "form", "explode": False}


def openapi(address: str = "localhost:15060") -> dict[str, Any]:
    """The document; C{address} is the host and port of the server."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "NEON HTTP API",
            "version": __version__,
            "summary": "A SIP softphone that other programs drive.",
            "description": "Every command that was answered is a 200, carried out or not: Success and Error/Code "
            "tell. Names of actions and parameters are read in any case.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "jsonSchemaDialect": schema.DIALECT,
        "servers": [{"url": f"http://{address}"}],
        "paths": {"/Command": _command_path(), "/Events": _events_path()},
        "components": {
            "schemas": {
                **{_title(command): _form(command) for command in TABLE},
                **{f"{_title(command)}Data": _data(command) for command in TABLE},
                "ReturnData": _return_data(),
                "EventData": _event_data(),
            },
            "responses": {
                "Answer": {
                    "description": "The command was carried out, or refused.",
                    "content": {XML: {"schema": {"$ref": "#/components/schemas/ReturnData"}}},
                },
                "Forbidden": {
                    "description": "The page that asks has not been approved, or may not ask at all (code 602).",
                    "content": {XML: {"schema": {"$ref": "#/components/schemas/ReturnData"}}},
                },
                "Misdirected": {
                    "description": "The Host is not a name of this machine with our port (code 602).",
                    "content": {XML: {"schema": {"$ref": "#/components/schemas/ReturnData"}}},
                },
            },
        },
    }


def _title(command: Command) -> str:
    return command.spelled or command.name


def _command_path() -> dict[str, Any]:
    commands = [{"$ref": f"#/components/schemas/{_title(command)}"} for command in TABLE]
    mapping = {command.name: f"#/components/schemas/{_title(command)}" for command in TABLE}
    body = {"oneOf": commands, "discriminator": {"propertyName": "action", "mapping": mapping}}
    lists = {
        schema.spelled(parameter): _COMMA
        for command in TABLE
        for parameter in command.parameters
        if parameter.parse.schema.get("type") == "array"
    }
    return {
        "get": {
            "operationId": "getCommand",
            "summary": "Carry out a command that stands in the query.",
            "description": "Which parameters a command takes is told by the schemas of its POST.",
            "parameters": _query(),
            "responses": _responses(),
        },
        "post": {
            "operationId": "postCommand",
            "summary": "Carry out a command that stands in a form.",
            "requestBody": {
                "required": True,
                "content": {FORM: {"schema": body, "encoding": lists}, "multipart/form-data": {"schema": body}},
            },
            "responses": _responses(),
        },
    }


def _events_path() -> dict[str, Any]:
    answers = {"oneOf": [{"$ref": "#/components/schemas/EventData"}, {"$ref": "#/components/schemas/ReturnData"}]}
    discarded = {
        "description": "How many events this client has lost, in all.",
        "schema": {"type": "integer", "minimum": 0},
    }
    return {
        "get": {
            "operationId": "getEvent",
            "summary": "Wait for an event (RFC 6202).",
            "description": "Answers with one event as soon as there is one, or after 30 seconds with an empty Name. "
            "Ask again at once: ten seconds after an answer what is pending is dropped.",
            "parameters": [
                {"name": "token", "in": "query", "required": True, "schema": TOKEN},
                {"name": "client", "in": "query", "schema": CLIENT},
            ],
            "responses": {
                **_responses(),
                "200": {
                    "description": "An event, nothing, or a refusal.",
                    "headers": {"X-NEON-Discarded": discarded},
                    "content": {XML: {"schema": answers}},
                },
            },
        }
    }


def _responses() -> dict[str, Any]:
    return {
        "200": {"$ref": "#/components/responses/Answer"},
        "403": {"$ref": "#/components/responses/Forbidden"},
        "421": {"$ref": "#/components/responses/Misdirected"},
    }


def _query() -> list[dict[str, Any]]:
    """All parameters of all commands, each once."""
    actions = {"type": "string", "enum": [command.name for command in TABLE]}
    query: list[dict[str, Any]] = [
        {"name": "action", "in": "query", "required": True, "schema": actions},
        {"name": "token", "in": "query", "schema": TOKEN},
        {"name": "client", "in": "query", "schema": CLIENT},
    ]
    users: dict[str, list[tuple[Command, Parameter]]] = {}
    for command in TABLE:
        for parameter in schema.parameters_of(command):
            users.setdefault(schema.spelled(parameter), []).append((command, parameter))
    for name, uses in users.items():
        different = {repr(parameter.parse.schema): dict(parameter.parse.schema) for _, parameter in uses}
        schemas = list(different.values())
        row: dict[str, Any] = {
            "name": name,
            "in": "query",
            "description": f"For {', '.join(command.name for command, _ in uses)}.",
            "schema": schemas[0] if len(schemas) == 1 else {"anyOf": schemas},
        }
        if schemas[0].get("type") == "array":
            row |= _COMMA
        query.append(row)
    return query


def _form(command: Command) -> dict[str, Any]:
    """What is sent."""
    properties: dict[str, Any] = {"action": {"const": command.name}}
    required = ["action"]
    if command.needs is not Needs.NOTHING:
        properties["token"] = TOKEN
        required.append("token")
    parameters = schema.parameters_of(command)
    properties |= {schema.spelled(parameter): schema.parameter_schema(parameter) for parameter in parameters}
    required += [schema.spelled(parameter) for parameter in parameters if parameter.default is REQUIRED]
    return {
        "type": "object",
        "title": _title(command),
        "description": schema.about(command.function),
        "properties": properties,
        "required": required,
    }


def _data(command: Command) -> dict[str, Any]:
    """What the Data of the answer holds."""
    data = schema.data_schema(command.answer)
    return {
        "type": "object",
        "description": f"Data in the answer to {command.name}.",
        "properties": {_capital(name): _element(value) for name, value in data["properties"].items()},
    }


def _element(value: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON value as XML: names with a capital letter, a list as an element with an element per item."""
    if value.get("type") == "array":
        return {**value, "items": _element(value["items"]), "xml": {"wrapped": True}}
    if "properties" in value:
        return {
            "type": "object",
            "properties": {_capital(name): _element(item) for name, item in value["properties"].items()},
        }
    return dict(value)


def _return_data() -> dict[str, Any]:
    error = {
        "type": "object",
        "properties": {
            "Code": {"type": "integer", "enum": list(schema.ERRORS), "description": _codes()},
            "SystemCode": {
                "type": "string",
                "description": "The SIP status behind it, or the operator's error code, where there is one.",
            },
            "Description": {"type": "string"},
        },
        "required": ["Code", "SystemCode", "Description"],
    }
    return {
        "type": "object",
        "xml": {"name": "ReturnData"},
        "properties": {
            "Success": {"type": "boolean"},
            "Error": error,
            "Data": {"anyOf": [{"$ref": f"#/components/schemas/{_title(command)}Data"} for command in TABLE]},
            "Warnings": {
                "type": "array",
                "items": {"type": "string", "xml": {"name": "Warning"}},
                "xml": {"wrapped": True},
                "description": "Extension: what was tolerated, where something was.",
            },
        },
        "required": ["Success", "Error", "Data"],
    }


def _event_data() -> dict[str, Any]:
    fields = {name: schema.field_schema(name) for kind in wire.ALL_NAMES for name in schema.event_fields(kind)}
    return {
        "type": "object",
        "xml": {"name": "EventData"},
        "properties": {
            "Name": {"type": "string", "enum": ["", *wire.ALL_NAMES.values(), *wire.OTHER_NAMES]},
            "Data": {
                "type": "object",
                "properties": {_capital(name): value for name, value in fields.items()},
            },
            "Seq": {"type": "integer", "description": "Extension: the number of the event."},
            "Ts": {"type": "string", "format": "date-time", "description": "Extension: when it happened, in UTC."},
        },
        "required": ["Name", "Data"],
    }


def _codes() -> str:
    return "; ".join(f"{code}: {meaning}" for code, meaning in schema.ERRORS.items())


def _capital(name: str) -> str:
    return name[:1].upper() + name[1:]
