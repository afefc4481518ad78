"""The sentences of refusals, as they stand in the daemon's source: what the panel has to have words for."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import Final

SOURCE: Final = Path(__file__).parents[2] / "neon"

ERRORS: Final = frozenset(
    ("InvalidArgument", "InvalidCredentials", "NotAuthorised", "DeadToken", "NotRegistered", "RecordingFailed",
     "CannotRecord")
)  # fmt: skip

ELSEWHERE: Final = (
    "testbed/", "desks/", "ctl/", "api/feed/", "api/form.py", "api/frames.py", "api/http.py", "api/administration.py",
    "api/operatoradmin.py", "api/panel.py", "callaudio.py", "commands/audio.py", "playing.py", "commands/playing.py",
    "links.py",
)  # fmt: skip
"""Where only others than the panel get to: neonctl, supervisors' feeds, bots, and forms over HTTP."""


@cache
def templates() -> dict[str, str]:
    """Each sentence that a command of the panel can be refused with, {} in place of values; and where it stands."""
    found: dict[str, str] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        name = path.relative_to(SOURCE).as_posix()
        if name.startswith(ELSEWHERE):
            continue
        for call in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(call, ast.Call) and (text := _sentence(call)) is not None:
                found.setdefault(text, f"{name}:{call.lineno}")
    return found


def _sentence(call: ast.Call) -> str | None:
    function = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
    if function in ERRORS and call.args:
        return _text(call.args[0])
    # callcontrol's: the end of a sentence that begins with the call.
    if function == "_attempt" and len(call.args) > 1 and (text := _text(call.args[1])) is not None:
        return f"call {{}} {text}"
    return None


def _text(argument: ast.expr) -> str | None:
    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
        return argument.value
    if isinstance(argument, ast.JoinedStr):
        parts = (part.value if isinstance(part, ast.Constant) else "{}" for part in argument.values)
        return "".join(map(str, parts))
    return None


def matches(template: str, sentence: str) -> bool:
    """Whether a sentence was made of this template."""
    return _pattern(template).fullmatch(sentence) is not None


@cache
def _pattern(template: str) -> re.Pattern[str]:
    return re.compile("(.+?)".join(map(re.escape, template.split("{}"))), re.DOTALL)
