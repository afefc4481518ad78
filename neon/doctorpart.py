"""What the doctor page is told, gathered from the parts of the daemon."""

from __future__ import annotations

from collections.abc import Callable

from neon import sections
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


def _sound(media: MediaManager, settings: sections.Media) -> Sound:
    # Of a device only its kind: names and paths are the user's own business.
    capture, playback = (setting.text.partition(":")[0] for setting in (settings.capture, settings.playback))
    card = media.sound_card
    if card is None:
        return Sound(capture, playback, "none")
    if card.problem is not None:
        return Sound(capture, playback, "fails", card.problem)
    return Sound(capture, playback, "works" if card.has_worked else "untried")
