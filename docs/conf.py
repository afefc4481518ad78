"""How Sphinx builds this documentation: C{sphinx-build docs DIR}, with C{-D language=pt_BR} or C{es} in that language.

What is generated from the code (the manual of neonctl) is written when a build begins.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from neon import __version__  # noqa: E402
from neon.ctl import exits, manpage, parser  # noqa: E402

project = "NEON"
version = release = __version__
language = "en"
locale_dirs = ["locale"]
gettext_compact = False
gettext_location = False
extensions: list[str] = []
exclude_patterns = ["_build", "locale", "examples"]
html_theme = "alabaster"
html_theme_options = {"description": "A softphone that other programs drive", "fixed_sidebar": True}
html_sidebars = {"**": ["about.html", "navigation.html", "searchbox.html"]}
html_copy_source = False
nitpicky = True
# Bold words in lists and arrows are as they are meant.
smartquotes = False


def _write_reference(app: Any) -> None:
    """The reference of neonctl, from its parser."""
    target = HERE / "reference-neonctl.rst"
    text = _reference()
    if not target.exists() or target.read_text("utf-8") != text:
        target.write_text(text, "utf-8")


def _reference() -> str:
    built = parser.build()
    lines = ["neonctl", "=======", "", "``neonctl [OPTION...] COMMAND [ARGUMENT...]``", ""]
    lines += [*manpage.INTRODUCTION.splitlines(), "", "Options of every command:", "", *_arguments(built, True)]
    for name, verb in parser.subcommands(built).items():
        inner = parser.subcommands(verb)
        for path, parsed in [(f"{name} {what}", found) for what, found in inner.items()] or [(name, verb)]:
            title = f"neonctl {path}"
            lines += [title, "-" * len(title), "", _sentence(parsed.description or ""), "", *_arguments(parsed, False)]
    lines += ["Exit status", "-----------", ""]
    for status, meaning in exits.MEANINGS:
        lines += [f"{status}", f"    {_sentence(meaning)}", ""]
    lines += ["Files", "-----", ""]
    for path, what in manpage.FILES:
        lines += [f"``{path}``", f"    {_sentence(what)}", ""]
    lines += ["Examples", "--------", ""]
    for command, what in manpage.EXAMPLES:
        lines += [f"``{command}``", f"    {what}", ""]
    return "\n".join(lines)


def _arguments(parsed: argparse.ArgumentParser, common: bool) -> list[str]:
    lines: list[str] = []
    for action in parsed._actions:
        if isinstance(action, argparse._SubParsersAction):
            continue
        if action.option_strings and not common and action.dest in ("help", "json", "state_dir", "timeout"):
            continue
        name = str(action.metavar or "|".join(map(str, action.choices or [action.dest])))
        if action.option_strings:
            name = ", ".join(action.option_strings) + ("" if action.nargs == 0 else f" {name}")
        lines += [f"``{name}``", f"    {_sentence(action.help or '')}", ""]
    return lines


def _sentence(text: str) -> str:
    text = text.replace("*", "\\*").replace("`", "\\`")
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def setup(app: Any) -> None:
    app.connect("builder-inited", _write_reference)
