"""Where the files about operators are. Most people have none: what reads them is loaded where there is one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from neon import inifile
from neon.inifile import ConfigError


def directories(
    configured: str, environ: Mapping[str, str], *, only: bool, etc: Path = Path("/etc/neon")
) -> tuple[Path, ...]:
    """Where to look. C{configured} is C{[operators] directory}; C{only}: NEON was told to read one file only."""
    if configured:
        return (Path(configured),)
    if only:
        return ()
    home = environ.get("XDG_CONFIG_HOME") or str(Path(environ.get("HOME", "/")) / ".config")
    return etc / "operators.d", Path(home) / "neon" / "operators.d"


def find(places: tuple[Path, ...]) -> tuple[Path, ...]:
    """The file of every operator, by name; a later place's takes that of an earlier one's with the same name.

    @raise ConfigError: with a sentence, and the line in a file that cannot be read.
    """
    found: dict[str, Path] = {}
    for place in places:
        try:
            files = sorted(place.glob("*.conf"))
        except OSError as error:
            raise ConfigError(f"{place}: cannot be read: {error.strerror}") from None
        found |= {path.stem: path for path in files if path.is_file()}
    # A file in which everything is commented out describes nobody.
    return tuple(path for _, path in sorted(found.items()) if inifile.read(path))
