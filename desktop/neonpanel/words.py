"""What the window says when there is no page that could say it: in Portuguese, Spanish or English."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

WORDS: Final = {
    "en": {
        "absent": "NEON is not running.",
        "absent-more": "This window looks for it again by itself. To start it:\nsystemctl --user start neon",
        "again": "Try again",
    },
    "pt": {
        "absent": "O NEON não está em execução.",
        "absent-more": "Esta janela volta a procurá-lo sozinha. Para iniciá-lo:\nsystemctl --user start neon",
        "again": "Tentar de novo",
    },
    "es": {
        "absent": "NEON no está en marcha.",
        "absent-more": "Esta ventana lo busca de nuevo por sí sola. Para iniciarlo:\nsystemctl --user start neon",
        "again": "Probar otra vez",
    },
}


def words(languages: Sequence[str]) -> dict[str, str]:
    """Those of the first language that there are words for; C{languages} as GLib names them, C{pt_BR.UTF-8}."""
    for language in languages:
        if (found := WORDS.get(language.partition("_")[0].partition(".")[0].lower())) is not None:
            return found
    return WORDS["en"]
