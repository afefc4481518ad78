"""The file of one recording: C{NAME.wav.part} while it grows, locked; C{NAME.wav} when it is complete.

So a name without C{.part} is always a complete recording that nobody writes to, and a crash leaves a file that plays
and that can be told from one that is being written: nobody holds its lock. L{take_in} gives such files their names.
Everything here may wait for a disk: not for the reactor's thread.
"""

from __future__ import annotations

import fcntl
import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from neon import __version__
from neon.media.wavewriter import COMMENT, SOFTWARE, WaveWriter, read_info, repair

PART: Final = ".part"
SUFFIX: Final = ".wav"
_MOST_NAMESAKES: Final = 1000
_MOST_FILES: Final = 200_000
_COMMENT: Final = re.compile(r"callId ([0-9]{1,16})\b")
_OURS: Final = "NEON "


@dataclass(frozen=True, slots=True)
class Left:
    """A recording that a crash left behind, with its name now; C{call_id} is 0 if nobody knows."""

    path: Path
    call_id: int
    seconds: float


class RecordingFile:
    """A stereo file that grows under C{directory}."""

    def __init__(self, directory: Path, name: str, call_id: int, info: Mapping[str, str] | None = None) -> None:
        """C{name} is relative, without the suffix; the first name that is free is taken: C{name-2} and so on.

        @raise OSError: the file cannot be made.
        """
        about = {SOFTWARE: _OURS + __version__, **(info or {}), COMMENT: f"callId {call_id}"}
        wanted = directory / (name + SUFFIX)
        wanted.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in _namesakes(wanted):
            if path.exists():
                continue
            try:
                self._writer = WaveWriter(f"{path}{PART}", channels=2, info=about, exclusive=True)
            except FileExistsError:
                continue
            except OSError:
                with suppress(OSError):
                    os.unlink(f"{path}{PART}")  # made, and without a header
                raise
            # A descriptor of its own holds the lock until the file has its name, after the writer has closed it.
            self._lock = os.dup(self._writer.fileno())
            with suppress(OSError):  # a file system without locks: what a crash leaves waits until somebody renames it
                fcntl.flock(self._lock, fcntl.LOCK_EX)
            if _is_named(self._lock, Path(f"{path}{PART}")):
                self.path = path
                break
            self._writer.close()  # another daemon that starts in the same directory took the empty file for left behind
            os.close(self._lock)
        else:
            raise FileExistsError(f"{wanted} and {_MOST_NAMESAKES} more names are taken")

    @property
    def seconds(self) -> float:
        return self._writer.seconds

    def write(self, pcm: bytes) -> None:
        """Append; from then on the file plays up to here.

        @raise OSError: the disk is full, or worse.
        """
        self._writer.write(pcm)
        self._writer.patch()

    def close(self) -> Path | None:
        """Complete the file, and give it its name; returns that, or None if nothing was said: there is no file then.

        @raise OSError: it keeps its C{.part}.
        """
        part = Path(f"{self.path}{PART}")
        nothing = self._writer.length < self._writer.block
        try:
            try:
                self._writer.close()
            finally:
                if nothing:
                    part.unlink(missing_ok=True)
            if nothing:
                return None
            self.path = _complete(part, self.path)
            return self.path
        finally:
            os.close(self._lock)


def take_in(directory: Path) -> Iterator[Left]:
    """Give the recordings that a crash left behind their names; those that are being written stay as they are.

    One that cannot be completed now is left for the next time.
    """
    for part in _files(directory, SUFFIX + PART):
        try:
            descriptor = os.open(part, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            info = read_info(part)
            if not _is_named(descriptor, part) or not info.get(SOFTWARE, "").startswith(_OURS):
                continue
            seconds = repair(descriptor)
            if seconds == 0:
                part.unlink()
                continue
            path = _complete(part, part.with_name(part.name.removesuffix(PART)))
        except (OSError, ValueError):
            continue
        finally:
            os.close(descriptor)
        match = _COMMENT.match(info.get(COMMENT, ""))
        yield Left(path, int(match[1]) if match else 0, seconds)


def tidy(directory: Path, now: float, keep_days: int, keep_megabytes: int) -> list[Path]:
    """Take out our recordings that are older, or the oldest if they are more; 0 is no limit. Returns which went.

    Files that are not ours are left alone, whatever they are called. C{now} is the wall clock's.
    """
    kept: list[tuple[float, int, Path]] = []
    gone: list[Path] = []
    for path in _files(directory, SUFFIX):
        try:
            status = path.lstat()
            if not stat.S_ISREG(status.st_mode) or not read_info(path).get(SOFTWARE, "").startswith(_OURS):
                continue
        except OSError:
            continue  # it went meanwhile, or is not ours to read
        kept.append((status.st_mtime, status.st_size, path))
    kept.sort(key=lambda one: one[0])
    total = sum(size for _, size, _ in kept)
    for modified, size, path in kept:
        too_old = keep_days and modified < now - keep_days * 86400
        too_much = keep_megabytes and total > keep_megabytes * 1_000_000
        if not too_old and not too_much:
            break
        path.unlink(missing_ok=True)
        total -= size
        gone.append(path)
    return gone


def _complete(part: Path, wanted: Path) -> Path:
    """Rename without ever replacing a file."""
    for path in _namesakes(wanted):
        try:
            os.link(part, path)
        except FileExistsError:
            continue
        except OSError:
            # No hard links on this file system: the gap between the look and the renaming is small.
            if path.exists():
                continue
            part.rename(path)
            return path
        part.unlink()
        return path
    raise FileExistsError(f"{wanted} and {_MOST_NAMESAKES} more names are taken")


def _is_named(descriptor: int, path: Path) -> bool:
    """Whether C{path} is (still) the name of that file: between a look and a lock it may have got another."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False


def _namesakes(path: Path) -> Iterator[Path]:
    yield path
    for number in range(2, _MOST_NAMESAKES):
        yield path.with_name(f"{path.name.removesuffix(SUFFIX)}-{number}{SUFFIX}")


def _files(directory: Path, suffix: str) -> Iterator[Path]:
    """The files below a directory whose names end so, without following links."""
    seen = 0
    for folder, _, names in os.walk(directory):
        for name in names:
            seen += 1
            if seen > _MOST_FILES:
                return
            if name.endswith(suffix):
                yield Path(folder, name)
