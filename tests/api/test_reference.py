"""/openapi.json and /asyncapi.json as they are served, and the HTTP API held to the first of them."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from neon.api import reference
from neon.api.openapi import openapi
from neon.commands import TABLE
from tests.api.test_schema import values
from tests.api.web import PORT, HttpCase

SCHEMAS = openapi()["components"]["schemas"]


class ServedTests(HttpCase):
    def test_served(self) -> None:
        """Both documents are there, as JSON, with the addresses of this daemon."""
        self.root.pages.update(reference.pages(f"localhost:{PORT}", "localhost:1234"))
        for path, place in (
            ("/openapi.json", ("servers", 0, "url")),
            ("/AsyncAPI.json", ("servers", "local", "host")),
        ):
            reply = self.get(path)
            self.assertEqual((reply.status, reply.header("Content-Type")), (200, "application/json"))
            found: Any = json.loads(reply.body)
            for step in place:
                found = found[step]
            self.assertIn(found, (f"http://localhost:{PORT}", "localhost:1234"))

    def test_without_websocket(self) -> None:
        """What is switched off is not described."""
        self.assertEqual(list(reference.pages("localhost:1", None)), ["/openapi.json"])


class ConformityTests(HttpCase):
    @settings(max_examples=150, deadline=None)
    @given(st.data())
    def test_forms(self, data: st.DataObject) -> None:
        """A form that the document allows is answered with 200 and a document as it says, and never with 500."""
        token = self.authenticate()
        command = data.draw(st.sampled_from(TABLE))
        form = SCHEMAS[command.spelled or command.name]
        fields: dict[str, Any] = {}
        for name, described in form["properties"].items():
            if name == "token":
                fields[name] = token
            elif name == "action":
                fields[name] = command.name
            elif name in form["required"] or data.draw(st.booleans()):
                fields[name] = written(data.draw(values(described)))
        reply = data.draw(st.sampled_from([self.get, self.post]))("/Command", fields)
        self.assertEqual(reply.status, 200)
        self.assertNotEqual(reply.code, 500)
        self.assertNotIn(reply.code, (100, *((102,) if command.name in HARMLESS else ())))
        self.check(reply.xml, SCHEMAS["ReturnData"])
        if reply.code == 0 and command.name != "help":
            self.check(reply.xml.find("Data"), SCHEMAS[f"{command.spelled or command.name}Data"])

    def check(self, element: etree._Element | None, described: dict[str, Any]) -> None:
        """An element holds what its schema requires, in types that its texts can be read as, and nothing else."""
        assert element is not None
        known = described.get("properties", {})
        self.assertLessEqual(set(described.get("required", ())), {str(child.tag) for child in element})
        for child in element:
            self.assertIn(child.tag, known)
            inner = known[str(child.tag)]
            if inner.get("type") == "array":
                for item in child:
                    if "properties" in inner["items"]:
                        self.check(item, inner["items"])
            elif "properties" in inner:
                self.check(child, inner)
            elif "anyOf" not in inner:
                validator = jsonschema.Draft202012Validator(inner)
                self.assertTrue(any(validator.is_valid(value) for value in readings(child.text or "")), child.tag)


HARMLESS = frozenset(
    {"authenticate", "logout", "listcalls", "listaccounts", "getversion", "help", "showui", "subscribe"}
)
"""Commands whose well-formed arguments cannot be wrong."""


def written(value: Any) -> str:
    """A value as a form has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def readings(text: str) -> list[Any]:
    """What the text of an element may stand for."""
    found: list[Any] = [text]
    if text in ("true", "false"):
        found.append(text == "true")
    if text.lstrip("-").isdigit():
        found.append(int(text))
    return found
