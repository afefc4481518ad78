"""Reads the files about operators, one C{NAME.conf} each, and checks them completely before anything is asked.

They stand in C{/etc/neon/operators.d} and C{~/.config/neon/operators.d}, the latter's taking the place of the former's
with the same name; or in the directory that C{[operators] directory} names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from neon import config, inifile
from neon.inifile import ConfigError, Place, Setting
from neon.operators import files, templates
from neon.operators.documents import Expression
from neon.operators.sections import SECTIONS, UNSET, Account, Balance, Common, General, Licence, Provisioning
from neon.operators.templates import Template
from neon.operatorvalues import Service

MAX_NAME: Final = 64
MAX_FILE: Final = 256 * 1024

OPERATIONS: Final[Mapping[Service, str]] = {
    Service.SIGNUP: "Signup",
    Service.PROVISIONING: "Provisioning",
    Service.BALANCE: "GetBalance",
    Service.LICENCE: "ActivateLicense",
}
"""The names of the document of the web services; each is also the path that is asked."""

CONTENT_TYPES: Final[Mapping[str, str]] = {
    # A SOAP 1.1 envelope under SOAP 1.2's type: so the document has it, and so its operators read it.
    "soap": "application/soap+xml; charset=utf-8",
    "soap12": "application/soap+xml; charset=utf-8",
    "form": "application/x-www-form-urlencoded",
    "json": "application/json",
    "xml": "text/xml; charset=utf-8",
}

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*\Z")
_XML_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*\Z")
_ANSWER: Final = "answer_"


@dataclass(frozen=True, slots=True)
class Operation:
    """One service, ready to be asked. C{url} is absolute, with places; C{answers} finds fields by expressions."""

    service: Service
    url: Template
    operation: str
    method: str
    content_type: str
    soap_action: str | None
    parameters: tuple[tuple[str, Template], ...]
    body: Template | None
    answers: Mapping[str, Expression]
    policy: Any

    @property
    def sends_secrets(self) -> bool:
        """Whether a password or a licence key is in the request."""
        texts = [self.url, *(template for _, template in self.parameters), *((self.body,) if self.body else ())]
        return any(text.names() & {"password", "key"} for text in texts)


@dataclass(frozen=True, slots=True)
class Files:
    """Paths of PEM files; None is not there."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """One operator: C{name} is that of its file."""

    name: str
    general: General
    account: Account
    operations: Mapping[Service, Operation]
    password: str = field(repr=False)
    files: Files
    path: Path
    warnings: tuple[str, ...] = ()

    @property
    def provisioning(self) -> Provisioning:
        operation = self.operations.get(Service.PROVISIONING)
        return operation.policy if operation is not None else Provisioning()

    @property
    def balance(self) -> Balance:
        operation = self.operations.get(Service.BALANCE)
        return operation.policy if operation is not None else Balance()

    @property
    def licence(self) -> Licence | None:
        operation = self.operations.get(Service.LICENCE)
        return None if operation is None else operation.policy


def load(places: tuple[Path, ...]) -> tuple[Settings, ...]:
    """Every operator, by name.

    @raise ConfigError: with file, line and a sentence.
    """
    return tuple(read(path) for path in files.find(places))


def read(path: Path) -> Settings:
    """One operator's file.

    @raise ConfigError: with file, line and a sentence.
    """
    if not _NAME.match(path.stem) or len(path.stem) > MAX_NAME:
        raise ConfigError(f"{path}: the name of an operator's file is letters, digits, '-', '_' and '.', then .conf")
    given: dict[str, Mapping[str, Setting]] = {}
    places: dict[str, Place] = {}
    warnings: list[str] = []
    for section in inifile.read(path):
        if section.kind not in SECTIONS or section.name:
            close = config.nearest(section.kind, SECTIONS)
            raise ConfigError.at(section.place, f"an operator's file has no section {section.title}{close}")
        known = config.keys(SECTIONS[section.kind])
        for entry in section.entries:
            if entry.key not in known:
                close = config.nearest(entry.key, known)
                raise entry.setting.error(f"{section.title} has no key {entry.key!r}{close}")
            if known[entry.key].metadata["secret"]:
                warnings += config.exposed(str(path))
        given[section.kind] = {entry.key: entry.setting for entry in section.entries}
        places[section.kind] = section.place
    if "operator" not in given:
        raise ConfigError(f"{path}: an operator's file needs a section [operator] with 'url'")
    general: General = config.fill(General, given["operator"])
    _check_general(general, given["operator"], places["operator"])
    password = general.password or ""
    if general.password_file is not UNSET:
        if general.password is not None:
            raise general.password_file.error("give one of 'password' and 'password-file'")
        password = config.password_from(general.password_file.text, general.password_file)
    if general.auth != "none" and not password:
        raise ConfigError.at(places["operator"], f"'auth' {general.auth} needs 'password' or 'password-file'")
    operations = {}
    for service in Service:
        if service.value in given:
            raw: Any = config.fill(SECTIONS[service.value], given[service.value])
            if raw.enabled:
                operations[service], more = _operation(service, general, raw, places[service.value])
                warnings += more
    return Settings(
        path.stem,
        general,
        config.fill(Account, given.get("account", {})),
        operations,
        password,
        Files(*(_pem(setting) for setting in (general.ca_file, general.client_certificate, general.client_key))),
        path,
        tuple(dict.fromkeys(warnings)),
    )


def _check_general(general: General, given: Mapping[str, Setting], place: Place) -> None:
    if general.url is UNSET:
        raise ConfigError.at(place, "an operator needs 'url'")
    check_url(general.url.text, general.allow_http, general.url)
    if general.auth in ("wsse", "wsse-digest", "soap-header") and not general.protocol.startswith("soap"):
        raise given["auth"].error(f"'auth' {general.auth} stands in a SOAP header, and 'protocol' is not soap")
    if len(general.soap_header_names) != 2:
        raise given["soap-header-names"].error("'soap-header-names' must be two names, of the user and the password")
    for name in (general.string_parameter, general.soap_header, *general.soap_header_names):
        if not _XML_NAME.match(name):
            raise ConfigError.at(place, f"{name!r} is no name of an XML element")
    if (general.client_key is UNSET) != (general.client_certificate is UNSET):
        raise ConfigError.at(place, "'client-certificate' and 'client-key' belong together")


def check_url(url: str, allow_http: bool, setting: Setting) -> None:
    """Whether an operator may be asked there.

    @raise ConfigError: it is no URL, has a password in it, or is not https and C{allow-http} is not set.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise setting.error("'url' is no URL") from None
    if parts.scheme not in ("https", "http") or not parts.hostname or port == 0 or not url.isascii():
        raise setting.error("'url' must be an address such as https://ws.example.com/")
    if parts.username is not None or parts.password is not None:
        raise setting.error("'url' must not have a user or password in it; see 'auth'")
    if parts.fragment:
        raise setting.error("'url' must not have a # in it")
    if parts.scheme == "http" and not allow_http:
        raise setting.error("'url' is http, which others can read and change on the way: allow-http = yes permits it")


def _pem(setting: Setting) -> Path | None:
    if setting is UNSET or not setting.text:
        return None
    path = Path(setting.place.path).parent / setting.text
    if not path.is_file():
        raise setting.error(f"there is no file {path}")
    return path


def _operation(service: Service, general: General, raw: Common, place: Place) -> tuple[Operation, list[str]]:
    def template(setting: Setting, name: str) -> Template:
        try:
            return Template.parse(setting.text, service)
        except ValueError as error:
            raise setting.error(f"{name!r} {error}") from None

    operation = raw.operation or OPERATIONS[service]
    if not _XML_NAME.match(operation):
        raise ConfigError.at(place, "'operation' must be the name of an XML element")
    path = Setting(OPERATIONS[service], place) if raw.path is UNSET else raw.path
    url = _joined(general, path)
    parameters = raw.parameters
    try:
        pairs = templates.parameters(
            templates.DEFAULT_PARAMETERS[service] if parameters is UNSET else parameters.text, service
        )
    except ValueError as error:
        raise parameters.error(f"'parameters' {error}") from None
    body = _body(raw, general, template)
    if body is not None and (parameters is not UNSET or raw.method == "GET"):
        raise ConfigError.at(place, "'body' takes the place of 'parameters', and a GET request has none")
    if raw.method == "GET" and general.protocol not in ("form", "json"):
        raise ConfigError.at(place, f"GET cannot carry {general.protocol}; 'protocol' form can be sent by GET")
    made = Operation(
        service,
        template(Setting(url, path.place), "path"),
        operation,
        raw.method,
        raw.content_type or CONTENT_TYPES[general.protocol],
        raw.soap_action,
        pairs,
        body,
        _answers(general, raw),
        raw,
    )
    in_url = made.url.names() | (
        frozenset().union(*(one.names() for _, one in pairs)) if raw.method == "GET" else frozenset()
    )
    warnings = []
    if in_url & {"password", "key"}:
        warnings.append(f"{place}: the password stands in the URL, which servers and proxies write into their logs")
    return made, warnings


def _joined(general: General, path: Setting) -> str:
    """The absolute URL; a path that is absolute itself has to be as good as C{url}."""
    if "://" in path.text.partition("?")[0]:
        check_url(re.sub(r"[{}]", "", path.text), general.allow_http, path)
        if urlsplit(re.sub(r"[{}]", "", path.text)).netloc != urlsplit(path.text).netloc:
            raise path.error("'path' must not have a place in its host")
        return path.text
    return f"{general.url.text.rstrip('/')}/{path.text.lstrip('/')}" if path.text else general.url.text


def _body(raw: Common, general: General, template: Any) -> Template | None:
    setting = raw.body
    if raw.body_file is not UNSET:
        if raw.body is not UNSET:
            raise raw.body_file.error("give one of 'body' and 'body-file'")
        path = Path(raw.body_file.place.path).parent / raw.body_file.text
        try:
            text = path.read_bytes()[:MAX_FILE].decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise raw.body_file.error(f"'body-file' cannot be read: {error}") from None
        setting = Setting(text, raw.body_file.place)
    if setting is UNSET:
        return None
    made: Template = template(setting, "body")
    try:
        if general.protocol == "json":
            json.loads(made.render({}, templates.in_json))
        elif general.protocol != "form":
            from lxml import etree

            etree.fromstring(made.render({}, templates.in_xml).encode("utf-8"))
    except (ValueError, SyntaxError):  # which lxml's errors are
        raise setting.error(f"'body' is no {'JSON' if general.protocol == 'json' else 'XML'}") from None
    return made


def _answers(general: General, raw: Common) -> Mapping[str, Expression]:
    kind = general.answer
    if kind == "auto":
        kind = {"json": "json", "form": "auto"}.get(general.protocol, "xml")
    found = {}
    for name in (name.replace("-", "_") for name in config.keys(type(raw))):
        setting = getattr(raw, name)
        if not name.startswith(_ANSWER) or setting is UNSET:
            continue
        if kind == "auto":
            raise setting.error("say with 'answer' in [operator] what the answers are, so that this can be understood")
        try:
            found[name.removeprefix(_ANSWER)] = Expression.parse(setting.text, kind)
        except ValueError as error:
            raise setting.error(f"{name.replace('_', '-')!r} {error}") from None
    return found
