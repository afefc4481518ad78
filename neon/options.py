"""The command line of C{twistd neon}, and what can be said about it before anything starts."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.python import usage

from neon import __version__, brand, config, log, operatorpart, sections
from neon.inifile import ConfigError, Setting
from neon.media import devices
from neon.passwords import PasswordHash

if TYPE_CHECKING:
    from neon.operators.settings import Settings as Operator


class Options(usage.Options):
    """The command line."""

    synopsis = "[options]"
    longdesc = "NEON, a SIP softphone that other programs drive. etc/neon.conf explains the configuration."
    optParameters = [
        ["config", "c", None, "a file, or a directory like /etc/neon (default: /etc/neon, ~/.config/neon/neon.conf)"],
        ["state-dir", "s", None, "keep the state here (default: $STATE_DIRECTORY, else ~/.local/state/neon)"],
        ["log-level", "l", "info", "debug, info, warn, error or critical"],
    ]
    optFlags = [
        ["check-config", None, "check the configuration and end"],
        ["hash-password", None, "read a password, print what goes after password-hash =, and end"],
        ["banner", None, "print where the APIs are, and the generated password, once everything listens"],
    ]

    def opt_version(self) -> None:
        """Print NEON's version and end."""
        sys.stdout.write(f"NEON {__version__}\n")
        sys.exit(0)

    def postOptions(self) -> None:
        if self["log-level"] not in log.LEVELS:
            raise usage.UsageError(f"--log-level is one of {', '.join(log.LEVELS)}, not {self['log-level']!r}")
        if self["hash-password"]:
            sys.stdout.write(f"{PasswordHash.of(_read_password())}\n")
            sys.exit(0)
        if self["check-config"]:
            loaded = load(self["config"])
            named_devices(loaded.media)
            brand.load(loaded.brand)
            operators = load_operators(self["config"], loaded)
            read = [*loaded.files, *(operator.path for operator in operators)]
            files = ", ".join(str(path) for path in read) or "no file, everything at its default"
            warnings = [*loaded.warnings, *(warning for operator in operators for warning in operator.warnings)]
            sys.stdout.write("".join(f"{warning}\n" for warning in warnings))
            sys.stdout.write(f"The configuration is good ({files}).\n")
            sys.exit(0)


def load(path: str | None) -> sections.Config:
    """The configuration; a bad one ends the program with a sentence."""
    try:
        return config.load(None if path is None else Path(path))
    except ConfigError as error:
        raise SystemExit(f"neon: {error}") from None


def load_operators(path: str | None, loaded: sections.Config) -> tuple[Operator, ...]:
    """The operators that belong to the configuration at C{path}; a bad file ends the program with a sentence."""
    directory = loaded.operators.directory
    if not directory and path is not None and Path(path).is_dir():
        directory = str(Path(path) / "operators.d")
    return operatorpart.load(directory, only=path is not None)


def named_devices(
    media: sections.Media,
) -> tuple[devices.CaptureDevice, devices.PlaybackDevice, devices.PlaybackDevice]:
    """The devices that the configuration names, the one for ringing last.

    A bad one ends the program with file, line and sentence.
    """

    def parsed(setting: Setting, parse: Any) -> Any:
        try:
            return parse(setting.text)
        except devices.DeviceError as error:
            raise SystemExit(f"neon: {setting.error(str(error))}") from None

    playback = parsed(media.playback, devices.parse_playback)
    ring = parsed(media.ring, devices.parse_ring) if media.ring.text.strip() else devices.ring_like(playback)
    return parsed(media.capture, devices.parse_capture), playback, ring


def own_log(options: Options) -> bool:
    """Whether we decide where log lines go: in the foreground, unless twistd was told something else."""
    twistd: Mapping[str, Any] = getattr(options, "parent", None) or {}
    elsewhere = any(twistd.get(name) for name in ("logfile", "logger", "syslog"))
    return bool(twistd.get("nodaemon")) and not elsewhere


def _read_password() -> str:
    if sys.stdin.isatty():
        return getpass.getpass("Password: ")
    return sys.stdin.readline().rstrip("\n")
