"""How what a PBX tells without a call is spelled, in events and in answers alike."""

from __future__ import annotations

from typing import Any

from neon.watched import ExtensionStatus, MessageSummary


def extension_data(extension: str, status: ExtensionStatus) -> dict[str, Any]:
    """An extension, as the event and the list tell of it."""
    optional = {
        "party": status.party,
        "partyName": status.party_name,
        "type": None if status.direction is None else status.direction.value,
        "reason": status.reason or None,
    }
    told = {name: value for name, value in optional.items() if value is not None}
    return {"extension": extension, "state": status.state.value, **told}


def message_data(summary: MessageSummary) -> dict[str, Any]:
    """Waiting messages, as the event and the list of accounts tell of them."""
    counts = {
        "new": summary.new,
        "old": summary.old,
        "urgentNew": summary.urgent_new,
        "urgentOld": summary.urgent_old,
    }
    return {"waiting": summary.waiting, **{name: count for name, count in counts.items() if count is not None}}
