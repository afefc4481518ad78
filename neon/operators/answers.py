"""What an operator's answer means: whether it is a yes, what it says went wrong, and the fields in its data.

The document of the web services wants C{Success}, C{Error} with C{Code} or C{ErrorCode}, C{Description} or
C{ErrorDescription}, and C{Data}; its examples put that into C{<XResponse><XResult>}, its recommendation into
C{<ReturnData>}. All of that is found here wherever it stands, in any case, in XML and JSON; a service without such a
structure is believed where it answers the fields that were asked for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from neon import operatorvalues as codes
from neon import parsing
from neon.operators import documents
from neon.operators.documents import BadDocument, Document, Expression, Node
from neon.operators.words import Kind, Trouble

NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "number": ("number", "accountnumber", "sipnumber", "sipuser", "extension", "numero", "ramal", "username", "user"),
    "password": ("password", "sippassword", "secret", "senha", "contrasena", "clave"),
    "domain": ("domain", "sipdomain", "dominio", "realm", "sipserver", "server", "servidor", "host"),
    "display_name": ("displayname", "nomeparaexibicao", "nombreparamostrar", "fullname"),
    "auth_user": ("authuser", "authname", "authusername", "authenticationname", "authid", "authenticationid"),
    "proxy": ("proxy", "outboundproxy", "sipproxy"),
    "transport": ("transport", "transporte", "protocol"),
    "port": ("port", "sipport", "porta", "puerto"),
    "expires": ("expires", "registerexpires", "registrationexpires"),
    "html": documents.HTML_NAMES,
    "balance": ("balance", "saldo", "credit", "credito", "amount", "getbalanceresult", "text"),
    "currency": ("currency", "moeda", "moneda", "currencycode"),
    "rate": ("rate", "tarifa", "rateperminute", "priceperminute"),
    "active": ("active", "licensed", "activated", "valid", "ativa", "activa", "ativo", "activo"),
}
"""The fields, and what operators call them; compared without case, C{-} and C{_}."""

_SUCCESS: Final = ("success", "sucesso", "exito", "ok")
_CODE: Final = ("code", "errorcode", "codigo", "faultcode")
_DESCRIPTION: Final = ("description", "errordescription", "descricao", "descripcion", "message", "errormessage")
_ERROR: Final = ("error", "erro", "errors")
_DATA: Final = ("data", "dados", "datos")
_STRUCTURE: Final = (*_SUCCESS, *_ERROR, "errorcode")
_NUMBER: Final = re.compile(r"\s*(\d{1,6})\s*\Z")
MAX_LEAVES: Final = 2_000

_STATUSES: Final[Mapping[int, int]] = {400: 100, 404: 102, 409: 103, 410: 102, 422: 101}
"""What HTTP statuses mean as error codes, where a REST service says no more than that."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A yes: its fields by L{NAMES}, all that were there. C{flaws} are sentences about what was wrong with its form."""

    fields: Mapping[str, str] = field(repr=False)
    flaws: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Verdict:
    success: bool | None
    code: int | None
    said: str


def read(
    body: bytes, kind: str, charset: str | None, status: int, expressions: Mapping[str, Expression]
) -> Answer:
    """The answer, if it is a yes. C{status} is HTTP's; C{expressions} say where fields are that stand elsewhere.

    @raise Trouble: it is a no, or nothing that can be understood.
    """
    good = 200 <= status < 300
    try:
        document = documents.read(body, kind, charset)
    except BadDocument as error:
        if not good:
            raise _by_status(status) from None
        raise Trouble(Kind.NONSENSE, str(error)) from None
    result, structured = _result(document)
    if (fault := _fault(document.root)) is not None:
        raise fault
    verdict = _verdict(document, result, expressions)
    if not good and not (verdict.code or verdict.success is False):
        raise _by_status(status)
    fields = _fields(document, result, expressions)
    success = verdict.success
    if success is None:
        told = fields.keys() - {"html"}  # every error page has that
        success = verdict.code == codes.NO_ERROR if verdict.code is not None else bool(told) and not structured
        if not success and verdict.code is None:
            raise Trouble(Kind.NONSENSE, "it has neither a result nor any field that is known")
    if not (success and good):
        code = verdict.code or codes.UNKNOWN
        raise Trouble(Kind.REFUSED, f"code {code}", code=code, said=verdict.said)
    flaws = document.flaws
    if verdict.code:
        flaws = (*flaws, f"it says success and error code {verdict.code}")
    return Answer(fields, flaws)


def _by_status(status: int) -> Trouble:
    if status in (401, 403, 407):
        return Trouble(Kind.ACCESS, f"HTTP status {status}")
    if status in _STATUSES:
        return Trouble(Kind.REFUSED, f"HTTP status {status}", code=_STATUSES[status])
    return Trouble(Kind.STATUS, f"HTTP status {status}")


def _result(document: Document) -> tuple[Node, bool]:
    """The node that holds the structure, or else everything; whether there is one."""
    waiting = [document.root]
    while waiting:
        # Breadth first: what an operator puts into Data is not taken for the result.
        node = waiting.pop(0)
        if node.child(*_STRUCTURE) is not None:
            return node, True
        waiting.extend(child for child in node.children if child.key not in _DATA)
        if len(waiting) > MAX_LEAVES:
            break
    return document.root, False


def _fault(root: Node) -> Trouble | None:
    """The SOAP fault that the answer is, of either version."""
    fault = None
    if root.key == "fault":
        fault = root
    elif root.key == "envelope":
        body = root.child("body")
        fault = body.child("fault") if body is not None else root.child("fault")
    if fault is None:
        return None
    code, said = None, ""
    detail = fault.child("detail")
    for node in detail.walk() if detail is not None else ():
        if node.key in _CODE and code is None:
            code = _number(node.text)
        elif node.key in _DESCRIPTION and not said:
            said = node.text
    reason = fault.child("faultstring", "reason")
    for node in reason.walk() if reason is not None else ():
        said = said or node.text
    code = code or _number(said) or codes.INTERNAL
    return Trouble(Kind.REFUSED, f"SOAP fault, code {code}", code=code, said=said)


def _verdict(document: Document, result: Node, expressions: Mapping[str, Expression]) -> _Verdict:
    error = result.child(*_ERROR)
    inside = error if error is not None and error.children else result
    found: dict[str, str | None] = {}
    for name, keys, place in (
        ("success", _SUCCESS, result), ("code", _CODE, inside), ("description", _DESCRIPTION, inside)
    ):
        if name in expressions:
            found[name] = expressions[name].find(document)
        else:
            node = place.child(*keys)
            found[name] = None if node is None else node.text
    code = None if found["code"] is None or not found["code"].strip() else _number(found["code"])
    if found["code"] and found["code"].strip() and code is None:
        code = codes.UNKNOWN
    said = found["description"] or ""
    if error is not None and not error.children and code is None and error.text.strip():
        # "error": "what went wrong", or a number of its own.
        code = _number(error.text)
        if code is None and not _no_error(error.text):
            code, said = codes.UNKNOWN, said or error.text
    return _Verdict(truth(found["success"]), code, said)


def _no_error(text: str) -> bool:
    return text.strip().lower() in ("", "none", "null", "false", "no", "ok")


def _number(text: str) -> int | None:
    match = _NUMBER.match(text)
    return int(match[1]) if match and match[1].isascii() else None


def truth(text: str | None) -> bool | None:
    """Yes, no, or neither."""
    if text is None:
        return None
    word = text.strip().lower()
    if word in ("ok", "success", "active", "ativa", "activa", "valid", "verdadeiro", "verdadero", "s", "y", "t"):
        return True
    if word in ("error", "failed", "inactive", "invalid", "falso", "n", "f"):
        return False
    try:
        return parsing.boolean(word)
    except ValueError:
        return None


def _fields(document: Document, result: Node, expressions: Mapping[str, Expression]) -> dict[str, str]:
    """By L{NAMES}: by the operator's file, else the first leaf of that name in the data, else in the result."""
    leaves: dict[str, Node] = {}
    data = result.child(*_DATA)
    for place in (data, result):
        for count, node in enumerate(place.walk() if place is not None else ()):
            if count > MAX_LEAVES:
                break
            if (node.markup and node is not place) or (not node.children and node.text.strip()):
                leaves.setdefault(node.key, node)
    fields: dict[str, str] = {}
    for name, keys in NAMES.items():
        if name in expressions:
            found = expressions[name].find(document)
        else:
            leaf = next((leaves[key] for key in keys if key in leaves), None)
            found = None if leaf is None else leaf.markup or leaf.text
        if found is not None and found.strip():
            fields[name] = found.strip()
    return fields
