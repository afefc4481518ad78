"""How good a call sounds, from what its stream counted: figures (RFC 3550), and the E-model's opinion (ITU-T G.107).

The E-model is used as far as a phone can know its inputs: delay, loss with its burstiness, and the codec. Echo, noise
and levels stand at their defaults, which cost nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from neon.values import MediaStatistics

BEST_R: Final = 93.2
"""The rating of a connection whose every parameter is at its default (G.107, section 7.7)."""

OWN_DELAY_MS: Final = 40.0
"""What a packet and a sound card add to the network's delay and the jitter buffer's, about."""

_IMPAIRMENTS: Final[Mapping[str, tuple[float, float]]] = {
    "PCMU": (0.0, 25.1),
    "PCMA": (0.0, 25.1),
    "G722": (0.0, 25.1),
    "opus": (0.0, 25.1),
}
"""The impairment and the robustness to loss of codecs (G.113, appendix I: G.711 with concealment; there is none for
wide band on this scale, so it counts as G.711)."""


@dataclass(frozen=True, slots=True)
class Figures:
    """A stretch of a call. Percentages are of packets; C{remote} is what the far end says about us, if it does.

    C{late} came too late to be played, C{mos} is what listeners would say of what we hear, from 1 to 4.5: None if
    nothing arrived. C{sent_dbov} is the level of our side against the loudest possible sound, None if nothing was sent.
    C{recovered} was lost and yet heard, since the next packet repeated it (in-band FEC of Opus). C{playout_delay_ms}:
    what the jitter buffer adds to the way of the audio, at the end of the stretch.
    """

    packets_sent: int
    packets_received: int
    loss: float
    late: float
    jitter_ms: float
    round_trip_ms: float | None
    remote_loss: float | None
    remote_jitter_ms: float | None
    mos: float | None
    sent_dbov: float | None
    recovered: float = 0.0
    playout_delay_ms: float = 0.0

    def data(self) -> dict[str, Any]:
        """As JSON, with what is known only."""
        known = {
            "packetsSent": self.packets_sent,
            "packetsReceived": self.packets_received,
            "loss": round(self.loss, 1),
            "late": round(self.late, 1),
            "jitter": round(self.jitter_ms, 1),
            "roundTrip": None if self.round_trip_ms is None else round(self.round_trip_ms, 1),
            "remoteLoss": None if self.remote_loss is None else round(self.remote_loss, 1),
            "remoteJitter": None if self.remote_jitter_ms is None else round(self.remote_jitter_ms, 1),
            "mos": None if self.mos is None else round(self.mos, 1),
            "recovered": round(self.recovered, 1) or None,
            "playoutDelay": round(self.playout_delay_ms, 1) or None,
        }
        return {name: value for name, value in known.items() if value is not None}


def figures(before: MediaStatistics, after: MediaStatistics, codec: str = "PCMA") -> Figures:
    """What happened between two looks at the same counters; the first may be empty ones, for the whole call."""
    received = _more(before.packets_received, after.packets_received)
    lost = _more(before.packets_lost, after.packets_lost)
    late = min(received, _more(before.packets_late, after.packets_late))
    recovered = min(lost, _more(before.packets_recovered, after.packets_recovered))
    expected = received + lost
    share = 100.0 / expected if expected else 0.0
    missing = (lost + late - recovered) * share
    mos = None
    if received:
        burst = burst_ratio(lost + late - recovered, _more(before.gaps, after.gaps), missing)
        delay = OWN_DELAY_MS + after.playout_delay_ms + (after.round_trip_ms or 0.0) / 2
        mos = opinion(rating(delay, missing, burst, codec))
    remote_loss = None
    if after.remote_packets_lost is not None and after.packets_sent:
        remote_loss = min(100.0, 100.0 * after.remote_packets_lost / after.packets_sent)
    return Figures(
        _more(before.packets_sent, after.packets_sent),
        received,
        lost * share,
        late * share,
        after.jitter_ms,
        after.round_trip_ms,
        remote_loss,
        after.remote_jitter_ms,
        mos,
        level_dbov(
            (after.sent_energy - before.sent_energy) % 2**64, (after.sent_samples - before.sent_samples) % 2**64
        ),
        recovered * share,
        after.playout_delay_ms,
    )


def rating(delay_ms: float, loss_percent: float, burst: float = 1.0, codec: str = "PCMA") -> float:
    """The transmission rating R, from 0 to 93.2 (G.107, section 7): one-way delay, loss, and its burst ratio."""
    delayed = 0.0
    if delay_ms > 100:
        x = math.log2(delay_ms / 100)
        delayed = 25 * ((1 + x**6) ** (1 / 6) - 3 * (1 + (x / 3) ** 6) ** (1 / 6) + 2)
    equipment, robustness = _IMPAIRMENTS.get(codec, _IMPAIRMENTS["PCMA"])
    equipment += (95 - equipment) * loss_percent / (loss_percent / burst + robustness) if loss_percent else 0.0
    return max(0.0, BEST_R - delayed - equipment)


def opinion(rating: float) -> float:
    """The mean opinion score of a rating (G.107, annex B)."""
    if rating <= 0:
        return 1.0
    return max(1.0, 1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6)


def burst_ratio(missing: int, gaps: int, loss_percent: float) -> float:
    """How much longer the runs of missing packets are than they would be by chance; at least 1 (G.107, section 7.5)."""
    if not missing or not gaps or loss_percent >= 100:
        return 1.0
    by_chance = 1 / (1 - loss_percent / 100)
    return max(1.0, missing / gaps / by_chance)


def level_dbov(energy: int, samples: int) -> float | None:
    """The level of samples by the sum of their squares, against a square wave of full scale; -100 for zeros."""
    if not samples:
        return None
    mean = energy / samples
    return -100.0 if mean <= 0 else max(-100.0, 10 * math.log10(mean / 32768.0**2))


def _more(before: int, after: int) -> int:
    """The difference of two counters; a far end that begins anew may set one of them back."""
    return max(0, after - before)
