"""Reads an operator's WSDL 1.1 and writes the file about the operator that it describes, for somebody to look over.

What cannot be known from it, such as which authentication is wanted, stands in the file as a comment. Documents that
it imports are asked for by the function that is handed over, a few at most.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import urljoin

from lxml import etree

from neon import safexml
from neon.safexml import BadXml

WSDL: Final = "{http://schemas.xmlsoap.org/wsdl/}"
XSD: Final = "{http://www.w3.org/2001/XMLSchema}"
SOAP_11: Final = "{http://schemas.xmlsoap.org/wsdl/soap/}"
SOAP_12: Final = "{http://schemas.xmlsoap.org/wsdl/soap12/}"

MAX_DOCUMENTS: Final = 20

OPERATIONS: Final = {
    "signup": ("signup", "createaccount", "createuser", "registeruser", "cadastro", "cadastrar", "cadastrarusuario"),
    "provisioning": ("provisioning", "provision", "getprovisioning", "getaccount", "provisionamento", "autoprovision"),
    "balance": ("getbalance", "balance", "getsaldo", "saldo", "consultasaldo", "consultarsaldo", "getcredit"),
    "licence": ("activatelicense", "activatelicence", "checklicense", "checklicence", "ativarlicenca", "license"),
}
"""The sections of an operator's file, and what their operations are called."""

PLACES: Final = {
    "login": ("login", "user", "username", "usuario", "userid"),
    "password": ("password", "senha", "pass", "passwd", "secret", "clave", "contrasena"),
    "name": ("name", "nome", "nombre", "fullname"),
    "email": ("email", "mail", "correo"),
    "phone": ("phone", "telefone", "telefono", "telephone", "fone", "phonenumber"),
    "number": ("number", "numero", "account", "accountnumber", "ramal", "extension", "sipnumber"),
    "domain": ("domain", "dominio"),
    "key": ("key", "licensekey", "licencekey", "chave", "serial", "code"),
}
"""The places of parameters, and what parameters are called."""

SECTION_PLACES: Final = {
    "signup": ("login", "password", "name", "email", "phone"),
    "provisioning": ("login", "password"),
    "balance": ("number", "domain", "login"),
    "licence": ("key", "number", "domain", "login"),
}

Fetch = Callable[[str], bytes]


class BadWsdl(ValueError):
    """This describes no service that could be asked; C{str(error)} is a sentence."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a SOAP port, as far as a request needs to know it."""

    name: str
    action: str | None
    element: str
    namespace: str
    qualified: bool
    parameters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Description:
    """A port: where it is, which SOAP it speaks, and what it does."""

    address: str
    soap12: bool
    operations: tuple[Operation, ...]


class Wsdl:
    """A WSDL with everything that it imports."""

    def __init__(self, place: str, fetch: Fetch) -> None:
        self._documents: dict[str, etree._Element] = {}
        self._load(place, fetch)
        roots = list(self._documents.values())
        self._definitions = [root for root in roots if root.tag == f"{WSDL}definitions"]
        self._schemas = [schema for root in roots for schema in root.iter(f"{XSD}schema")]
        if not self._definitions:
            raise BadWsdl("this is no WSDL 1.1")

    def _load(self, place: str, fetch: Fetch) -> None:
        waiting = [place]
        while waiting:
            place = waiting.pop(0)
            if place in self._documents:
                continue
            if len(self._documents) >= MAX_DOCUMENTS:
                raise BadWsdl(f"it imports more than {MAX_DOCUMENTS} documents")
            try:
                root = safexml.parse(fetch(place), keep_namespaces=True).root
            except BadXml as error:
                raise BadWsdl(f"{place} cannot be read: {error}") from None
            self._documents[place] = root
            for tag, attribute in (
                (f"{WSDL}import", "location"), (f"{XSD}import", "schemaLocation"), (f"{XSD}include", "schemaLocation")
            ):
                waiting += [_joined(place, str(where)) for one in root.iter(tag) if (where := one.get(attribute))]

    def description(self) -> Description:
        """The first SOAP port, SOAP 1.1 if there is one.

        @raise BadWsdl: there is none.
        """
        for soap in (SOAP_11, SOAP_12):
            for port in self._all(f"{WSDL}port"):
                address = port.find(f"{soap}address")
                binding = self._named(f"{WSDL}binding", port.get("binding"))
                if address is None or binding is None or not address.get("location"):
                    continue
                operations = tuple(self._operations(binding, soap))
                return Description(str(address.get("location")), soap == SOAP_12, operations)
        raise BadWsdl("it describes no SOAP service")

    def _operations(self, binding: etree._Element, soap: str) -> Iterator[Operation]:
        port_type = self._named(f"{WSDL}portType", binding.get("type"))
        transport = binding.find(f"{soap}binding")
        style = (transport.get("style") if transport is not None else None) or "document"
        for bound in binding.iterfind(f"{WSDL}operation"):
            name = str(bound.get("name"))
            about = bound.find(f"{soap}operation")
            action = about.get("soapAction") if about is not None else None
            own_style = (about.get("style") if about is not None else None) or style
            abstract = None
            for one in port_type.iterfind(f"{WSDL}operation") if port_type is not None else ():
                abstract = one if one.get("name") == name and abstract is None else abstract
            taken = abstract.find(f"{WSDL}input") if abstract is not None else None
            message = self._named(f"{WSDL}message", taken.get("message")) if taken is not None else None
            if message is None:
                continue
            parts = list(message.iterfind(f"{WSDL}part"))
            if own_style == "rpc":
                body = bound.find(f"{WSDL}input/{soap}body")
                namespace = (body.get("namespace") if body is not None else None) or ""
                yield Operation(name, action, name, namespace, False, tuple(str(part.get("name")) for part in parts))
            elif len(parts) == 1 and parts[0].get("element"):
                element, namespace = self._resolved(parts[0], str(parts[0].get("element")))
                qualified, parameters = self._parameters(element, namespace)
                yield Operation(name, action, element, namespace, qualified, parameters)

    def _parameters(self, element: str, namespace: str) -> tuple[bool, tuple[str, ...]]:
        """Whether the elements in an element are qualified, and their names in order."""
        for schema in self._schemas:
            if (schema.get("targetNamespace") or "") != namespace:
                continue
            for declared in schema.iterfind(f"{XSD}element"):
                if declared.get("name") != element:
                    continue
                kind = declared.find(f"{XSD}complexType")
                if kind is None and declared.get("type"):
                    kind = self._type(*self._resolved(declared, str(declared.get("type"))))
                inside = [] if kind is None else list(kind.iter(f"{XSD}element"))
                names = tuple(str(one.get("name") or str(one.get("ref")).rpartition(":")[2]) for one in inside)
                return schema.get("elementFormDefault") == "qualified", names
        return False, ()

    def _type(self, name: str, namespace: str) -> etree._Element | None:
        for schema in self._schemas:
            if (schema.get("targetNamespace") or "") == namespace:
                for kind in schema.iterfind(f"{XSD}complexType"):
                    if kind.get("name") == name:
                        return kind
        return None

    def _all(self, tag: str) -> Iterator[etree._Element]:
        return (element for root in self._definitions for element in root.iter(tag))

    def _named(self, tag: str, name: str | None) -> etree._Element | None:
        local = (name or "").rpartition(":")[2]
        return next((element for element in self._all(tag) if element.get("name") == local), None)

    @staticmethod
    def _resolved(element: etree._Element, name: str) -> tuple[str, str]:
        """A qualified name as local name and namespace."""
        prefix, _, local = name.rpartition(":")
        return local, element.nsmap.get(prefix or None, "") or ""


def _joined(place: str, where: str) -> str:
    try:
        return urljoin(place, where)
    except ValueError:
        raise BadWsdl("it imports something from a place that is no URL") from None


def written(description: Description, source: str) -> str:
    """The file about the operator.

    @raise BadWsdl: none of its operations is one that NEON knows.
    """
    chosen: dict[str, Operation] = {}
    for section, names in OPERATIONS.items():
        found = [one for one in description.operations if _folded(one.name) in names]
        if found:
            chosen[section] = min(found, key=lambda one: names.index(_folded(one.name)))
    if not chosen:
        known = ", ".join(one.name for one in description.operations[:50]) or "none"
        raise BadWsdl(f"none of its operations is a sign-up, a provisioning, a balance or a licence (it has: {known})")
    first = next(iter(chosen.values()))
    strings = {one.parameters[0] for one in chosen.values() if _is_string(one)}
    as_string = len(strings) == 1 and all(_is_string(one) for one in chosen.values())
    lines = [
        f"# Made by: neonctl operator wsdl {_line(source)}",
        "# Look it over. What WSDL does not tell, such as authentication, is explained in example.conf.",
        "",
        "[operator]",
        f"url = {_line(description.address)}",
    ]
    if description.address.startswith("http:"):
        lines.append("# Others can read and change this on the way: ask the operator for https.\n#allow-http = yes")
    lines += ["protocol = soap12"] if description.soap12 else []
    lines += [f"namespace = {_line(first.namespace)}"] if first.namespace else []
    lines += ["qualified = yes"] if first.qualified else []
    lines += ["arguments = string", f"string-parameter = {_line(next(iter(strings)))}"] if as_string else []
    lines.append("#auth = basic")
    for section, operation in chosen.items():
        lines += ["", f"[{section}]", "path =", f"operation = {_line(operation.element)}"]
        lines += [f"soap-action = {_line(operation.action)}"] if operation.action is not None else []
        lines += [] if description.soap12 else ["content-type = text/xml; charset=utf-8"]
        if (operation.namespace, operation.qualified) != (first.namespace, first.qualified):
            lines.append("# This one has another namespace than the first: NEON knows one for all. It needs a 'body'.")
        if not as_string:
            lines += _parameters(section, operation)
    others = [one.name for one in description.operations if one not in chosen.values()]
    lines += ["", f"# Not used: {_line(', '.join(others[:50]))}"] if others else []
    return "\n".join(lines) + "\n"


def _is_string(operation: Operation) -> bool:
    return len(operation.parameters) == 1 and _place("", operation.parameters[0]) is None


def _parameters(section: str, operation: Operation) -> list[str]:
    pairs, unknown = [], []
    for name in operation.parameters:
        place = _place(section, name)
        if place is None:
            unknown.append(name)
        else:
            pairs.append(f"{name}={{{place}}}")
    lines = [f"parameters = {', '.join(pairs)}"]
    if unknown:
        lines.append(f"# Nobody knows what these are; add them to parameters: {_line(', '.join(unknown))}")
    return lines


def _place(section: str, name: str) -> str | None:
    places = SECTION_PLACES.get(section, tuple(PLACES))
    return next((place for place in places if _folded(name) in PLACES[place]), None)


def _folded(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "").removeprefix("str")


def _line(text: str) -> str:
    """In a line of a file: nothing that a WSDL says can begin another one."""
    return "".join(letter if letter.isprintable() else " " for letter in text).strip()
