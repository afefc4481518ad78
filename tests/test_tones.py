"""The tones of countries and keys: their cadences in time, as the engine makes them, and their frequencies."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from neon.media import _engine
from neon.tones import TONES, Cadence, Tone, country_of, of_key
from tests import audio

EXPECTED = {
    # From ITU-T E.180, supplement 2: frequencies, then milliseconds on and off by turns.
    ("us", Tone.RING_BACK): ((440, 480), (2000, 4000)),
    ("us", Tone.BUSY): ((480, 620), (500, 500)),
    ("us", Tone.CONGESTION): ((480, 620), (250, 250)),
    ("us", Tone.CALL_WAITING): ((440,), (300, 9700)),
    ("br", Tone.RING_BACK): ((425,), (1000, 4000)),
    ("br", Tone.BUSY): ((425,), (250, 250)),
    ("br", Tone.CONGESTION): ((425,), (250, 250, 750, 250)),
    ("br", Tone.CALL_WAITING): ((425,), (50, 1000)),
    ("es", Tone.RING_BACK): ((425,), (1500, 3000)),
    ("es", Tone.BUSY): ((425,), (200, 200)),
    ("es", Tone.CONGESTION): ((425,), (200, 200, 200, 200, 200, 600)),
    ("es", Tone.CALL_WAITING): ((425,), (175, 175, 175, 3500)),
}


def made(cadence: Cadence, milliseconds: int) -> list[int]:
    """What is heard."""
    pcm = _engine.cadence(cadence.steps, cadence.dbm0, cadence.repeat, 8 * milliseconds)
    return audio.samples_of(pcm)


def runs(samples: list[int]) -> list[tuple[bool, int]]:
    """When there is sound and for how many milliseconds, to about five; the last one is cut."""
    frames = [any(abs(sample) > 200 for sample in samples[at : at + 40]) for at in range(0, len(samples), 40)]
    found: list[tuple[bool, int]] = []
    for sounds in frames:
        if found and found[-1][0] == sounds:
            found[-1] = sounds, found[-1][1] + 5
        else:
            found.append((sounds, 5))
    return found


class CadenceTests(SynchronousTestCase):
    def test_in_time(self) -> None:
        """Every tone of every country is on and off for as long as it should be, twice over."""
        self.assertEqual(set(EXPECTED), {(country, tone) for country in TONES for tone in Tone})
        for (country, tone), (_, lengths) in EXPECTED.items():
            heard = runs(made(TONES[country][tone], 2 * sum(lengths)))
            wanted = [(n % 2 == 0, length) for n, length in enumerate((*lengths, *lengths))]
            self.assertEqual([sounds for sounds, _ in heard], [sounds for sounds, _ in wanted], (country, tone))
            for (_, length), (_, expected) in zip(heard, wanted, strict=True):
                self.assertApproximates(length, expected, 10, (country, tone))

    def test_frequencies(self) -> None:
        """It has its frequencies at its level, and little else."""
        for (country, tone), (frequencies, lengths) in EXPECTED.items():
            cadence = TONES[country][tone]
            samples = made(cadence, lengths[0])[40:-40]
            for hz in frequencies:
                if lengths[0] >= 200:  # else nothing can tell them apart
                    self.assertApproximates(audio.tone_level_dbm0(samples, hz), cadence.dbm0, 0.5, (country, tone))
            everything = cadence.dbm0 + (3 if len(frequencies) == 2 else 0)
            self.assertApproximates(audio.level_dbm0(samples), everything, 0.7, (country, tone))

    def test_no_click(self) -> None:
        """It begins and ends softly."""
        samples = made(TONES["br"][Tone.BUSY], 250)
        for edge in (samples[:4], samples[-4:]):
            self.assertLess(max(map(abs, edge)), 300)

    def test_once(self) -> None:
        """A key is heard once, as the two tones of ITU-T Q.23."""
        for digit, low, high in (("1", 697, 1209), ("5", 770, 1336), ("#", 941, 1477), ("D", 941, 1633)):
            samples = made(of_key(digit, 100), 400)
            for hz in (low, high):
                self.assertApproximates(audio.tone_level_dbm0(samples[80:720], hz), -20, 0.7, digit)
            self.assertEqual(set(samples[800:]), {0})

    def test_refused(self) -> None:
        """What no device could play is refused."""
        for steps, dbm0 in (([(4000, 0, 10)], -20), ([(-1, 0, 10)], -20), ([(1, 0, 0)], -20), ([(1, 0, 5)] * 17, -20),
                            ([(1, 0, 10)], 1), ([(1, 0, 60001)], -20)):  # fmt: skip
            self.assertRaises(ValueError, _engine.cadence, steps, dbm0, False, 160)
        self.assertEqual(_engine.cadence([], -20, True, 80), bytes(160))


class CountryTests(SynchronousTestCase):
    def test_locales(self) -> None:
        """The region counts, then the language; whoever says nothing hears the tones of the United States."""
        for locale, country in {
            "pt_BR.UTF-8": "br",
            "pt_PT": "br",
            "es_ES.UTF-8": "es",
            "es_MX.UTF-8": "es",
            "es_US.UTF-8": "us",
            "en_GB": "us",
            "C.UTF-8": "us",
            "": "us",
        }.items():
            self.assertEqual(country_of({"LANG": locale}), country, locale)
        self.assertEqual(country_of({"LC_ALL": "es_ES", "LANG": "pt_BR"}), "es")
        self.assertEqual(country_of({}), "us")
