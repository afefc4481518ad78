"""What the doctor page and C{neonctl doctor} are told, gathered from the parts of the daemon."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from neon import __version__, sections
from neon.api.origins import Origins, Standing
from neon.api.pages import Doctor, Facts, Sound
from neon.brandvalues import Brand
from neon.media.manager import MediaManager
from neon.phone import Phone
from neon.values import RegistrationState

_WORDS = {Standing.APPROVED: "approved", Standing.BLOCKED: "blocked", Standing.UNKNOWN: "unknown"}


def doctor(
    media: MediaManager,
    settings: sections.Media,
    phone: Phone,
    origins: Origins,
    websocket: Callable[[], str | None],
    brand: Brand,
) -> Doctor:
    """The page; C{websocket} is the address of that server, while there is one."""

    def facts() -> Facts:
        address = websocket()
        states = [account.state for account in phone.accounts()]
        return Facts(
            None if address is None else int(address.rpartition(":")[2]),
            _sound(media, settings),
            accounts=len(states),
            registered=states.count(RegistrationState.REGISTERED),
        )

    return Doctor(facts, lambda origin: _WORDS[origins.standing(origin)], brand)


def diagnosis(
    media: MediaManager,
    loaded: sections.Config,
    warnings: Sequence[str],
    state_dir: Path,
    listening: Callable[[], Mapping[str, str]],
    turned_away: Mapping[str, int],
) -> Callable[[], dict[str, Any]]:
    """What the daemon knows of itself, whenever it is asked: no secrets, nobody's numbers.

    C{listening} are the addresses of the APIs that are on; C{warnings} are about the configuration; C{turned_away}
    counts what the SIP door did not let in, by reason.
    """

    # Absolute from the beginning: a daemon may go to another directory.
    files = [str(path.absolute()) for path in loaded.files]

    def facts() -> dict[str, Any]:
        return {
            "version": __version__,
            "configuration": files,
            "warnings": list(warnings),
            "stateDir": str(state_dir),
            "listening": dict(listening()),
            "sound": asdict(_sound(media, loaded.media)),
            "mediaPriority": media.engine.priority,
            "roundsSkipped": media.engine.rounds_skipped,
            "eventsLost": media.engine.events_lost,
            "turnedAway": dict(turned_away),
        }

    return facts


def _sound(media: MediaManager, settings: sections.Media) -> Sound:
    # Of a device only its kind: names and paths are the user's own business.
    capture, playback = (setting.text.partition(":")[0] for setting in (settings.capture, settings.playback))
    talk = media.talk
    if talk is None:
        return Sound(capture, playback, "none")
    if talk.problem is not None:
        return Sound(capture, playback, "fails", talk.problem)
    return Sound(capture, playback, "works" if talk.card.has_worked else "untried")
