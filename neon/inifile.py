"""Reads INI-style text and remembers where everything stood, so that a mistake can be shown by file and line.

The syntax, all of it: C{[section]} or C{[section NAME]}, C{key = value}, blank lines, and comments, which are
whole lines that begin with C{#} or C{;}. There are no continuation lines, quotes or escapes, and a C{#} further
on in a line belongs to the value: passwords may contain anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

MAX_FILE_BYTES = 1 << 20

_HEADER = re.compile(r"\[\s*(?P<kind>[A-Za-z][A-Za-z0-9-]*)(?:\s+(?P<name>[^\[\]]*?))?\s*\]\Z")
_ENTRY = re.compile(r"(?P<key>[A-Za-z][A-Za-z0-9-]*)\s*=\s*(?P<value>.*)\Z")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x85\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Place:
    """Where something was written."""

    path: str
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


class ConfigError(Exception):
    """The configuration cannot be used; C{str(error)} is C{file:line: sentence}."""

    @classmethod
    def at(cls, place: Place, sentence: str) -> Self:
        return cls(f"{place}: {sentence}")


@dataclass(frozen=True, slots=True)
class Setting:
    """One value as it was written, for a reader further up that finds out later whether it makes sense."""

    text: str = field(repr=False)
    place: Place

    def error(self, sentence: str) -> ConfigError:
        return ConfigError.at(self.place, sentence)


@dataclass(frozen=True, slots=True)
class Entry:
    """C{key = value}."""

    key: str
    setting: Setting


@dataclass(frozen=True, slots=True)
class Section:
    """A header and what stood under it; C{name} is empty for the sections that exist once."""

    kind: str
    name: str
    place: Place
    entries: tuple[Entry, ...]

    @property
    def title(self) -> str:
        return f"[{self.kind} {self.name}]" if self.name else f"[{self.kind}]"


def read(path: Path) -> tuple[Section, ...]:
    """The sections of a file.

    @raise ConfigError: it cannot be read, or is not written in this syntax.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    if len(data) > MAX_FILE_BYTES:
        raise ConfigError(f"{path}: is longer than {MAX_FILE_BYTES} bytes, which no configuration is")
    return parse(data, str(path))


def parse(data: bytes, path: str) -> tuple[Section, ...]:
    """The sections of C{data}; keys and section kinds come back in lower case.

    @raise ConfigError: a line is neither header, entry nor comment, or something was given twice.
    """
    sections: dict[tuple[str, str], Section] = {}
    current: Section | None = None
    seen: dict[str, Place] = {}
    for place, line in _lines(data, path):
        if (header := _HEADER.match(line)) is not None:
            if current is not None:
                sections[current.kind, current.name] = current
            current = Section(header["kind"].lower(), header["name"] or "", place, ())
            seen = {}
            if (earlier := sections.get((current.kind, current.name))) is not None:
                raise ConfigError.at(place, f"{current.title} was begun already in line {earlier.place.line}")
        elif (match := _ENTRY.match(line)) is not None:
            key = match["key"].lower()
            if current is None:
                raise ConfigError.at(place, f"{key!r} stands before the first [section]")
            if key in seen:
                raise ConfigError.at(place, f"{key!r} was given already in line {seen[key].line}")
            seen[key] = place
            entry = Entry(key, Setting(match["value"], place))
            current = Section(current.kind, current.name, current.place, (*current.entries, entry))
        else:
            raise ConfigError.at(place, "this line is neither [section], nor key = value, nor a comment")
    if current is not None:
        sections[current.kind, current.name] = current
    return tuple(sections.values())


def _lines(data: bytes, path: str) -> Iterator[tuple[Place, str]]:
    """The lines that say something, stripped, each with its place."""
    for number, raw in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        place = Place(path, number)
        try:
            line = raw.decode("utf-8").strip(" \t\r")
        except UnicodeDecodeError:
            raise ConfigError.at(place, "this line is not UTF-8 text") from None
        if not line or line[0] in "#;":
            continue
        if _CONTROL.search(line):
            raise ConfigError.at(place, "this line contains a control character")
        yield place, line
