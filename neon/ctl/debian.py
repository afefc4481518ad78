"""A Debian package of configuration files, made by C{dpkg-deb}: the same files give the same bytes."""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import subprocess
import textwrap
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Final

from neon.ctl.exits import Failed

EPOCH: Final = 946_684_800
"""When its files are from, unless C{SOURCE_DATE_EPOCH} says it: 2000-01-01, UTC."""

BUILD_SECONDS: Final = 120.0


@dataclass(frozen=True, slots=True)
class Package:
    """Names and words of a package; C{title} is what people call the brand, C{homepage} may be empty."""

    name: str
    version: str
    maintainer: str
    title: str
    homepage: str

    @property
    def file_name(self) -> str:
        return f"{self.name}_{self.version}_all.deb"


def build(package: Package, stage: Path, output: Path) -> Path:
    """Make C{output} of the files that are in C{stage} already; its C{etc} are configuration files.

    @raise Failed: there is no C{dpkg-deb}, or it fails.
    """
    epoch = _epoch()
    configuration = sorted(f"/{path.relative_to(stage)}" for path in (stage / "etc").rglob("*") if path.is_file())
    _documents(package, stage, epoch)
    files = sorted(path for path in stage.rglob("*") if path.is_file())
    control = stage / "DEBIAN"
    control.mkdir()
    (control / "control").write_text(_control(package, files))
    (control / "conffiles").write_text("".join(f"{name}\n" for name in configuration))
    sums = (f"{hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()}  {path.relative_to(stage)}\n"
            for path in files if not str(path.relative_to(stage)).startswith("etc/"))  # fmt: skip
    (control / "md5sums").write_text("".join(sums))
    for path in (stage, *stage.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
        os.utime(path, (epoch, epoch))
    argv = ["dpkg-deb", "--root-owner-group", "-Zxz", "--build", str(stage), str(output)]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch), "LC_ALL": "C"}
    try:
        done = subprocess.run(
            argv, capture_output=True, text=True, timeout=BUILD_SECONDS, env=environment, check=False
        )
    except FileNotFoundError:
        raise Failed("dpkg-deb is not installed; apt install dpkg") from None
    except subprocess.TimeoutExpired:
        raise Failed("dpkg-deb does not end") from None
    if done.returncode:
        raise Failed(f"dpkg-deb failed: {(done.stderr.strip() or 'no reason given').splitlines()[-1]}")
    return output


def lint(path: Path) -> str:
    """What lintian has against a package, where it is installed; empty for nothing."""
    program = shutil.which("lintian")
    if program is None:
        return ""
    argv = [program, "--fail-on", "error,warning", "--allow-root", str(path)]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return "lintian does not end"
    return (done.stdout.strip() or done.stderr.strip()) if done.returncode else ""


def _epoch() -> int:
    text = os.environ.get("SOURCE_DATE_EPOCH", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else EPOCH


def _control(package: Package, files: list[Path]) -> str:
    size = sum(-(-path.stat().st_size // 1024) for path in files)
    lines = [
        f"Package: {package.name}",
        f"Version: {package.version}",
        "Architecture: all",
        f"Maintainer: {package.maintainer}",
        f"Installed-Size: {size}",
        # One brand at a time: they have the same files.
        "Provides: neon-brand",
        "Conflicts: neon-brand",
        "Enhances: neon-softphone",
        "Section: comm",
        "Priority: optional",
        *([f"Homepage: {package.homepage}"] if package.homepage else []),
        f"Description: NEON softphone as {package.title} delivers it",
        *(
            f" {line}"
            for line in textwrap.wrap(
                f"The name, the colours, the logo and the default settings of {package.title} for the NEON softphone,"
                " and how its web services are asked. Settings in /etc/neon/neon.conf win over these.",
                78,
            )
        ),
    ]
    return "\n".join(lines) + "\n"


def _documents(package: Package, stage: Path, epoch: int) -> None:
    """What Debian wants to be told about every package (policy, sections 12.5 and 12.7)."""
    folder = stage / "usr" / "share" / "doc" / package.name
    folder.mkdir(parents=True)
    when = datetime.fromtimestamp(epoch, UTC)
    (folder / "copyright").write_text(
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\n"
        f"Files: *\nCopyright: {when.year} {package.maintainer}\nLicense: brand\n"
        f" The name and the logo belong to {package.title}.\n"
    )
    changes = (
        f"{package.name} ({package.version}) unstable; urgency=medium\n\n  * Made by neonctl brand build.\n\n"
        f" -- {package.maintainer}  {format_datetime(when)}\n"
    )
    with (folder / "changelog.gz").open("wb") as file:
        file.write(gzip.compress(changes.encode(), 9, mtime=0))
