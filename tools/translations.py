"""Compares the translated guides with what they are translations of.

C{python tools/translations.py POTS} fails if a sentence of theirs is missing, out of date or no longer there, and names
it; with C{--update} the files in docs/locale are brought up to date first, so that what is missing can be filled in.
"""

from __future__ import annotations

import sys
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

LOCALE = Path(__file__).resolve().parent.parent / "docs" / "locale"
LANGUAGES = ("pt_BR", "es")
GUIDES = ("user", "integrators")


def main(arguments: list[str]) -> int:
    """Returns how many sentences are wrong."""
    update = "--update" in arguments
    [pots] = [Path(argument) for argument in arguments if argument != "--update"]
    wrong = 0
    for guide in GUIDES:
        template = _read(pots / f"{guide}.pot")
        for language in LANGUAGES:
            path = LOCALE / language / "LC_MESSAGES" / f"{guide}.po"
            catalog = _read(path, language)
            if update:
                path.parent.mkdir(parents=True, exist_ok=True)
                catalog.update(template, no_fuzzy_matching=True)
                catalog.obsolete.clear()
                catalog.fuzzy, catalog.header_comment = False, f"# {guide}.rst, {language}"
                with path.open("wb") as file:
                    write_po(file, catalog, width=120, omit_header=False, sort_output=False)
            for complaint in _complaints(template, catalog):
                wrong += 1
                print(f"{path.relative_to(LOCALE.parent.parent)}: {complaint}")
    return wrong


def _complaints(template: Catalog, catalog: Catalog) -> list[str]:
    found = []
    for message in template:
        if not message.id:
            continue
        known = catalog.get(message.id)
        if known is None or not known.string:
            found.append(f"not translated: {message.id!r}")
        elif known.fuzzy:
            found.append(f"not checked: {message.id!r}")
    known_ids = {message.id for message in template}
    found += [f"no longer there: {message.id!r}" for message in catalog if message.id and message.id not in known_ids]
    return found


def _read(path: Path, language: str | None = None) -> Catalog:
    if not path.exists():
        return Catalog(locale=language, project="NEON", charset="utf-8")
    with path.open("rb") as file:
        return read_po(file, locale=language)


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 100))
