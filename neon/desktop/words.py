"""What NEON says on the desktop, in Portuguese, Spanish and English."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "incoming": "Incoming call",
        "missed": "Missed call",
        "missed-many": "{count} missed calls",
        "answer": "Answer",
        "decline": "Decline",
        "call-back": "Call back…",
        "show": "Show NEON",
        "question": "May this web page use your telephone?",
        "allow-once": "Allow once",
        "allow": "Always allow",
        "deny": "Deny",
        "call": "Call",
        "reason": "A call is up",
        "anonymous": "Unknown caller",
    },
    "pt": {
        "incoming": "Chamada recebida",
        "missed": "Chamada perdida",
        "missed-many": "{count} chamadas perdidas",
        "answer": "Atender",
        "decline": "Recusar",
        "call-back": "Ligar de volta…",
        "show": "Mostrar o NEON",
        "question": "Esta página pode usar o seu telefone?",
        "allow-once": "Permitir uma vez",
        "allow": "Permitir sempre",
        "deny": "Negar",
        "call": "Chamada",
        "reason": "Há uma chamada em curso",
        "anonymous": "Número desconhecido",
    },
    "es": {
        "incoming": "Llamada entrante",
        "missed": "Llamada perdida",
        "missed-many": "{count} llamadas perdidas",
        "answer": "Contestar",
        "decline": "Rechazar",
        "call-back": "Devolver la llamada…",
        "show": "Mostrar NEON",
        "question": "¿Puede esta página usar su teléfono?",
        "allow-once": "Permitir una vez",
        "allow": "Permitir siempre",
        "deny": "Denegar",
        "call": "Llamada",
        "reason": "Hay una llamada en curso",
        "anonymous": "Número desconocido",
    },
}
