"""C{neonctl brand}: an operator's brand (L{neon.brand}) checked, and made into a Debian package of its configuration.

Neither needs a daemon that runs. Whether the configuration is good is asked of C{neon --check-config}, about the
files as they would be installed.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from neon import brand, config, inifile
from neon.brandvalues import Brand
from neon.ctl import debian
from neon.ctl.exits import Failed, Usage
from neon.ctl.speech import say
from neon.inifile import ConfigError
from neon.sections import NAMED

MAX_FILE: Final = 1 << 20
MAX_FILES: Final = 100
CHECK_SECONDS: Final = 60.0
OPERATORS: Final = "operators.d"

_VERSION: Final = re.compile(r"[0-9][A-Za-z0-9.+~]{0,40}\Z")
_MAINTAINER: Final = re.compile(r"[^<>\n]+ <[^<>@\s]+@[^<>@\s]+>\Z")
_FILE_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}\Z")


@dataclass(frozen=True, slots=True)
class Contents:
    """What a brand's directory holds: C{files} by their names under C{/etc/neon}; C{warnings} are sentences."""

    brand: Brand
    files: dict[str, bytes]
    warnings: tuple[str, ...]


def verb(options: argparse.Namespace) -> None:
    """C{brand check} and C{brand build}.

    @raise Failed: the brand is not good, or no package can be made.
    """
    contents = read(options.directory)
    with tempfile.TemporaryDirectory(prefix="neon-brand-") as folder:
        stage = Path(folder)
        put(contents.files, stage)
        _check(stage / "etc" / "neon", options.directory)
        for warning in contents.warnings:
            sys.stderr.write(f"neonctl: {warning}\n")
        data = {"name": contents.brand.name, "files": sorted(contents.files), "warnings": list(contents.warnings)}
        if options.what == "check":
            say(options, data, f"The brand {contents.brand.name} is good ({', '.join(sorted(contents.files))}).")
            return
        package = _package(options, contents.brand)
        made = debian.build(package, stage, options.output or Path(package.file_name))
    complaints = debian.lint(made)
    if complaints:
        sys.stderr.write(f"neonctl: lintian says of the package:\n{complaints}\n")
    say(options, {**data, "package": str(made)}, f"{made} is made; apt install {made.resolve()} installs it.")


def _package(options: argparse.Namespace, brand: Brand) -> debian.Package:
    plain = unicodedata.normalize("NFKD", brand.name).encode("ascii", "ignore").decode().lower()
    word = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    if not word:
        raise Failed("the name of the brand has no letter or digit that the name of a package could have")
    if not _VERSION.match(options.version):
        raise Usage(f"{options.version!r} is no version; 1.0 is one")
    maintainer = options.maintainer
    if maintainer is None and brand.support.startswith("mailto:"):
        maintainer = f"{brand.name} <{brand.support.removeprefix('mailto:').partition('?')[0]}>"
    if maintainer is None or not _MAINTAINER.match(maintainer):
        raise Usage("a package needs --maintainer 'NAME <MAIL>', unless [brand] support is a mailto:")
    return debian.Package(f"neon-brand-{word}", options.version, maintainer, brand.name, brand.website)


def read(directory: Path) -> Contents:
    """Everything that belongs to a brand, its logo made harmless.

    @raise Failed: something is missing, or must not be in a package.
    """
    path = directory / brand.FILE
    try:
        written = inifile.read(path)
        loaded = config.load(path)
        found = brand.read(loaded.brand)
    except ConfigError as error:
        raise Failed(str(error)) from None
    for section in written:
        if section.kind in NAMED:
            raise Failed(f"{section.place}: {section.title} has a password, and a package is for everybody")
    warnings = []
    if not any(section.kind == "brand" for section in written):
        warnings.append(f"{path} has no section [brand]")
    files = {f"brand/{brand.FILE}": _bytes(path)}
    name = loaded.brand.logo.text
    if found.logo is not None:
        if not _FILE_NAME.match(name):
            raise Failed(f"{path}: the logo must be a file beside it, and {name!r} is not the name of one")
        files[f"brand/{name}"] = found.logo.data
        warnings += [f"{name}: {flaw}" for flaw in found.logo.flaws]
    for operator in _operators(directory):
        files[f"{OPERATORS}/{operator.name}"] = data = _bytes(operator)
        if re.search(rb"(?mi)^\s*password\s*=", data):
            warnings.append(f"{operator}: everybody who gets the package can read the password in it")
    known = {brand.FILE, name, OPERATORS}
    others = sorted(entry.name for entry in directory.iterdir() if entry.name not in known)
    if others:
        warnings.append(f"{', '.join(others[:10])}: not part of a brand, and left out")
    return Contents(found, files, tuple(warnings))


def _operators(directory: Path) -> Iterator[Path]:
    folder = directory / OPERATORS
    entries = sorted(folder.iterdir()) if folder.is_dir() else []
    if len(entries) > MAX_FILES:
        raise Failed(f"{folder} has more than {MAX_FILES} files")
    for entry in entries:
        if not entry.is_file() or not _FILE_NAME.match(entry.name):
            raise Failed(f"{entry} is no file with a plain name")
        yield entry


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE + 1)
    except OSError as error:
        raise Failed(f"{path} cannot be read: {error.strerror}") from None
    if len(data) > MAX_FILE:
        raise Failed(f"{path} is longer than 1 MB")
    return data


def put(files: dict[str, bytes], stage: Path) -> None:
    """Write the files where a package has them, readable for everybody."""
    for name, data in files.items():
        path = stage / "etc" / "neon" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(0o644)


def _check(etc: Path, directory: Path) -> None:
    """Let the daemon judge.

    @raise Failed: with its sentence, about the files as they stand in C{directory}.
    """
    argv = [sys.executable, "-c", "from neon.program import run; run()", "--config", str(etc), "--check-config"]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=CHECK_SECONDS, cwd=etc, check=False)
    except subprocess.TimeoutExpired:
        raise Failed("the configuration could not be checked in time") from None
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "the configuration is not good").splitlines()[-1]
        said = said.removeprefix("neon: ")
        for place in (etc / "brand", etc):
            said = said.replace(str(place), str(directory))
        raise Failed(said)
