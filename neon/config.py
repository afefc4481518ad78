"""The configuration: read once, checked completely, and from then on frozen values.

The dataclasses of L{neon.sections} are the schema.

Files are read in this order, a later one overriding key by key: C{/etc/neon/brand/brand.conf} (L{neon.brand}),
C{/etc/neon/neon.conf}, C{/etc/neon/conf.d/*.conf}, C{$CREDENTIALS_DIRECTORY/neon.conf} (passwords that systemd hands
over, systemd.exec(5)), C{$XDG_CONFIG_HOME/neon/neon.conf}; or one file only, when one is
named, or those of one directory that is laid out as C{/etc/neon}.
"""

from __future__ import annotations

import dataclasses
import os
import stat
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from neon import inifile, parsing
from neon.details import IncomingRules
from neon.inifile import ConfigError, Place, Section, Setting
from neon.sections import NAMED, SECTIONS, SINGLE, Account, Application, Config
from neon.values import AccountOptions, AccountSettings

S = TypeVar("S")


ETC = Path("/etc/neon")


def directory_files(etc: Path) -> tuple[Path, ...]:
    """The configuration files that exist in a directory that is laid out as C{/etc/neon}, in reading order."""
    candidates = [etc / "brand" / "brand.conf", etc / "neon.conf", *sorted((etc / "conf.d").glob("*.conf"))]
    return tuple(path for path in candidates if path.is_file())


def standard_files(environ: Mapping[str, str], etc: Path = ETC) -> tuple[Path, ...]:
    """The configuration files that exist, in reading order."""
    home = environ.get("XDG_CONFIG_HOME") or str(Path(environ.get("HOME", "/")) / ".config")
    own = [Path(home) / "neon" / "neon.conf"]
    if credentials := environ.get("CREDENTIALS_DIRECTORY"):
        own.insert(0, Path(credentials) / "neon.conf")
    return directory_files(etc) + tuple(path for path in own if path.is_file())


def load(path: Path | None = None, environ: Mapping[str, str] = os.environ) -> Config:
    """Read the file at C{path}, those in the directory at C{path}, or the standard ones.

    @raise ConfigError: with file, line and a sentence.
    """
    if path is not None and path.is_dir():
        files = directory_files(path)
        if not files:
            raise ConfigError(f"{path}: holds neither neon.conf nor brand/brand.conf")
    else:
        files = standard_files(environ) if path is None else (path,)
    return build([section for file in files for section in inifile.read(file)], files)


def build(sections: Iterable[Section], files: tuple[Path, ...] = ()) -> Config:
    """Check the sections, merge those of the same title, and freeze.

    @raise ConfigError: as L{load}.
    """
    merged: dict[tuple[str, str], dict[str, Setting]] = {}
    places: dict[tuple[str, str], Place] = {}
    warnings: list[str] = []
    for section in sections:
        _check_title(section)
        title = (section.kind, section.name)
        known = keys(SECTIONS[section.kind])
        for entry in section.entries:
            if entry.key not in known:
                raise entry.setting.error(f"{section.title} has no key {entry.key!r}{nearest(entry.key, known)}")
            if known[entry.key].metadata["secret"]:
                warnings += exposed(entry.setting.place.path)
        merged.setdefault(title, {}).update({entry.key: entry.setting for entry in section.entries})
        places[title] = section.place
    single = {kind: fill(cls, merged.get((kind, ""), {})) for kind, cls in SINGLE.items()}
    named: dict[str, dict[str, Any]] = {"application": {}, "account": {}}
    finish: Mapping[str, Callable[..., Any]] = {"application": _application, "account": _account}
    for (kind, name), settings in merged.items():
        if kind in NAMED:
            named[kind][name] = finish[kind](name, fill(NAMED[kind], settings), settings, places[kind, name])
    _check_twins(named["account"], places)
    return Config(
        **single,
        applications=named["application"],
        accounts=named["account"],
        files=files,
        warnings=tuple(dict.fromkeys(warnings)),
    )


def _check_title(section: Section) -> None:
    if section.kind not in SECTIONS:
        raise ConfigError.at(section.place, f"there is no section {section.title}{nearest(section.kind, SECTIONS)}")
    if section.kind in SINGLE and section.name:
        raise ConfigError.at(section.place, f"section [{section.kind}] takes no name")
    if section.kind in NAMED and not section.name:
        raise ConfigError.at(section.place, f"section [{section.kind}] needs a name: [{section.kind} NAME]")
    if len(section.name) > 64:
        raise ConfigError.at(section.place, "the name of this section is longer than 64 characters")
    if section.kind == "application" and section.name in OWN:
        raise ConfigError.at(section.place, f"the application {section.name!r} is NEON's own; take another name")


LOCAL = "local"
"""The application whose password is generated and written to access.json."""

NEONCTL = "neonctl"
"""What neonctl is called in the audit log; it needs no password."""

PANEL = "panel"
"""What the panel's page authenticates as, with a ticket in place of a password (L{neon.panel.tickets})."""

OWN = (LOCAL, NEONCTL, PANEL)


def keys(cls: type[Any]) -> dict[str, dataclasses.Field[Any]]:
    """The keys that a section's dataclass has, as they are written."""
    return {item.name.replace("_", "-"): item for item in dataclasses.fields(cls)}


def nearest(word: str, known: Iterable[str]) -> str:
    """The rest of a complaint about an unknown word: which one was probably meant."""
    import difflib  # 0.2 MB for what is misspelt

    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""


def fill(cls: type[S], settings: Mapping[str, Setting]) -> S:
    """The dataclass with the settings parsed and everything else at its default."""
    values: dict[str, object] = {}
    for name, item in keys(cls).items():
        if (setting := settings.get(name)) is None:
            continue
        parse: Callable[[str], object] | None = item.metadata["parse"]
        try:
            values[item.name] = setting if parse is None else parse(setting.text)
        except ValueError as error:
            raise setting.error(f"{name!r} {error}") from None
    return cls(**values)


def exposed(path: str) -> list[str]:
    """A warning if other users can read a file with passwords."""
    try:
        mode = Path(path).stat().st_mode
    except OSError:
        return []
    return [f"{path} contains passwords and every user can read it; chmod 600 it"] if mode & stat.S_IROTH else []


def _application(name: str, raw: Application, settings: Mapping[str, Setting], place: Place) -> Application:
    if (raw.password is None) == (raw.password_hash is None):
        raise ConfigError.at(place, "an application needs one of 'password' and 'password-hash'")
    return raw


def _account(section: str, raw: Account, settings: Mapping[str, Setting], place: Place) -> AccountSettings:
    """Complete one account: domain with port and transport, password from its file."""
    for name in ("domain", "number"):
        if name not in settings:
            raise ConfigError.at(place, f"an account needs {name!r}")
    if (raw.password is None) == (raw.password_file is None):
        raise ConfigError.at(place, "an account needs one of 'password' and 'password-file'")
    assert raw.domain is not None
    assert raw.number is not None
    try:
        host, port = parsing.host_port(raw.domain)
    except ValueError as error:
        raise settings["domain"].error(f"'domain' {error}") from None
    password = raw.password
    if raw.password_file is not None:
        password = password_from(raw.password_file, settings["password-file"])
    assert password is not None
    return AccountSettings(
        domain=host,
        port=port,
        number=raw.number,
        password=password,
        transport=raw.transport,
        auth_user=raw.auth_user or None,
        display_name=raw.display_name or None,
        proxy=raw.proxy,
        expires=raw.expires,
        name=section,
        rules=IncomingRules(
            raw.dnd,
            raw.forward_always,
            raw.forward_busy,
            raw.forward_no_answer,
            raw.forward_seconds,
            raw.auto_answer,
        ),
        options=AccountOptions(**{item.name: getattr(raw, item.name) for item in dataclasses.fields(AccountOptions)}),
    )


def _check_twins(accounts: Mapping[str, AccountSettings], places: Mapping[tuple[str, str], Place]) -> None:
    """One SIP account has one section: a second one would silently take the first one's place."""
    seen: dict[str, str] = {}
    for name, account in accounts.items():
        if (first := seen.setdefault(account.uri, name)) != name:
            raise ConfigError.at(places["account", name], f"{account.uri} is [account {first}] already")


def password_from(name: str, setting: Setting) -> str:
    """The first line of a password file; a relative name starts at the file that mentions it."""
    path = Path(setting.place.path).parent / name
    try:
        with path.open("rb") as file:
            exposed = os.fstat(file.fileno()).st_mode & stat.S_IROTH
            text = file.read(4096).decode("utf-8").split("\n", 1)[0].rstrip("\r")
    except OSError as error:
        raise setting.error(f"'password-file' cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise setting.error("'password-file' is not UTF-8 text") from None
    if exposed:
        raise setting.error("'password-file' can be read by every user; chmod 600 it")
    try:
        return parsing.secret(text)
    except ValueError as error:
        raise setting.error(f"the password in 'password-file' {error}") from None
