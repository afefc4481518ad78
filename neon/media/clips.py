"""WAV files as clips: read, checked and resampled by threads, and kept for a while if they are small.

A name stays within one directory, wherever C{..} and symbolic links lead.
"""

from __future__ import annotations

import os
import stat
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.threads import deferToThreadPool

from neon.media.sound import Clip
from neon.media.wavefile import WaveError, parse_sound
from neon.soundports import CannotPlay

MOST_OCTETS: Final = 64 << 20
"""Larger files are refused: more than ten minutes of mono at 48 kHz."""

KEPT_OCTETS: Final = 8 << 20
"""So much sound is kept: four minutes at 16 kHz."""

AT_ONCE: Final = 2


@dataclass(frozen=True, slots=True)
class _Version:
    """What a file is known by: another one has another."""

    inode: int
    size: int
    modified: int


class Clips:
    """The sounds in C{directory}, and files elsewhere by their absolute paths."""

    def __init__(self, reactor: Any, directory: Path) -> None:
        self._reactor = reactor
        self._directory = directory
        self._turns = DeferredSemaphore(AT_ONCE)
        self._kept: OrderedDict[str, tuple[_Version, Clip]] = OrderedDict()

    def load(self, name: str) -> Deferred[Clip]:
        """As L{neon.soundports.Sounds.load}."""
        d: Deferred[Clip] = self._turns.run(self._load, name)
        return d

    def _load(self, name: str) -> Deferred[Clip]:
        kept = self._kept.get(name)
        pool = self._reactor.getThreadPool()
        d = deferToThreadPool(self._reactor, pool, read_clip, self._directory, name, kept)
        return d.addCallback(self._loaded, name)

    def _loaded(self, loaded: tuple[_Version, Clip], name: str) -> Clip:
        self._kept[name] = loaded
        self._kept.move_to_end(name)
        while sum(clip.octets for _, clip in self._kept.values()) > KEPT_OCTETS:
            self._kept.popitem(last=False)
        return loaded[1]


def read_clip(
    directory: Path, name: str, kept: tuple[_Version, Clip] | None = None
) -> tuple[_Version, Clip]:
    """The sound of a file, for a thread; C{kept} if the file is still the same.

    @raise CannotPlay: there is none, or it cannot be played.
    """
    try:
        with open(os.open(_path(directory, name), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise CannotPlay(f"{name} is no file")
            if status.st_size > MOST_OCTETS:
                raise CannotPlay(f"{name} has more than {MOST_OCTETS >> 20} MB")
            version = _Version(status.st_ino, status.st_size, status.st_mtime_ns)
            if kept is not None and kept[0] == version:
                return kept
            samples, rate = parse_sound(file.read(MOST_OCTETS + 1))
    except WaveError as error:
        raise CannotPlay(f"{name} cannot be played: {error}") from None
    except FileNotFoundError:
        raise CannotPlay(f"there is no sound {name}") from None
    except (OSError, ValueError) as error:  # ValueError: a name with a zero octet
        words = error.strerror if isinstance(error, OSError) else str(error)
        raise CannotPlay(f"{name} cannot be read: {words}") from None
    return version, Clip(samples, rate)


def _path(directory: Path, name: str) -> str:
    if name.startswith("/"):
        return name
    root = os.path.realpath(directory)
    path = os.path.realpath(os.path.join(root, name))
    if os.path.commonpath((root, path)) != root or path == root:
        raise CannotPlay(f"{name} is not in the directory for sounds")
    return path
