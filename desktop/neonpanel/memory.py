"""What the window remembers: how large it was, and how large its letters."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

LEAST: Final = (320, 360)
MOST: Final = 16384
LEAST_ZOOM: Final = 0.5
MOST_ZOOM: Final = 3.0


@dataclass(frozen=True)
class Shape:
    """Sizes in pixels of GTK; C{zoom} 1.0 is the page as it is."""

    width: int = 480
    height: int = 760
    maximized: bool = False
    zoom: float = 1.0


def place(environ: Mapping[str, str]) -> Path:
    """The file it is kept in."""
    home = Path(environ.get("HOME") or "/")
    state = environ.get("XDG_STATE_HOME", "")
    return (Path(state) if state.startswith("/") else home / ".local" / "state") / "neon-panel" / "window.json"


def read(path: Path) -> Shape:
    """What was kept; where that is nothing, or nonsense, the shape of a first start."""
    try:
        with path.open(encoding="utf-8") as file:
            kept = json.loads(file.read(4096))
    except (OSError, ValueError, RecursionError):
        return Shape()
    if not isinstance(kept, dict):
        return Shape()
    return Shape(
        int(_bounded(kept.get("width"), LEAST[0], MOST, Shape.width)),
        int(_bounded(kept.get("height"), LEAST[1], MOST, Shape.height)),
        kept.get("maximized") is True,
        _bounded(kept.get("zoom"), LEAST_ZOOM, MOST_ZOOM, Shape.zoom),
    )


def _bounded(value: Any, least: float, most: float, otherwise: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        return otherwise
    return value


def write(path: Path, shape: Shape) -> None:
    """Keep it. A disk that is full costs nothing but the memory."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".window-", delete=False) as file:
            file.write(json.dumps(asdict(shape)))
        os.replace(file.name, path)
    except OSError:
        return
