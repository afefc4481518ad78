"""Says which libraries an installation of NEON stands on.

Without options: one line for each requirement of setup.cfg, with version and place; the status is 1 if one is missing
or too old, or comes neither from Debian's packages nor from what debian/vendor.txt pins. With C{--extra NAME}: the
requirements of that extra, as pip takes them.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from configparser import ConfigParser
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
DEBIAN = Path("/usr/lib/python3/dist-packages")


def requirements(extra: str | None) -> Iterator[Requirement]:
    """Those of the daemon, or of an extra."""
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg")
    lines = setup["options"]["install_requires"] if extra is None else setup["options.extras_require"][extra]
    yield from map(Requirement, filter(None, lines.splitlines()))


def normal(name: str) -> str:
    """PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pinned() -> dict[str, str]:
    """The versions that debian/vendor.txt has."""
    text = (ROOT / "debian/vendor.txt").read_text()
    return {normal(name): version for name, version in re.findall(r"(?m)^([^#\s=]+)==(\S+)", text)}


def complaint(wanted: Requirement, vendored: dict[str, str]) -> str:
    """Prints what is there; what is wrong with it, or nothing."""
    try:
        found = distribution(wanted.name)
    except PackageNotFoundError:
        return "is missing"
    place = Path(str(found.locate_file("")))
    print(f"{wanted.name:<20} {found.version:<12} {place}")
    if not wanted.specifier.contains(found.version, prereleases=True):
        return f"has to be {wanted.specifier}"
    if place != DEBIAN and vendored.get(normal(wanted.name)) != found.version:
        return "is neither Debian's nor in debian/vendor.txt"
    return ""


def main() -> int:
    """The status to exit with."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--extra")
    extra = parser.parse_args().extra
    if extra is not None:
        print(*requirements(extra), sep="\n")
        return 0
    vendored = pinned()
    wrong = {wanted.name: problem for wanted in requirements(None) if (problem := complaint(wanted, vendored))}
    for name, problem in wrong.items():
        print(f"{name} {problem}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
