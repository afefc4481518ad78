"""The parameters of Opus (RFC 7587, section 6.1): read from whatever others write, written for them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from neon import opus
from neon.opus import OpusWishes

RATES = (8_000, 12_000, 16_000, 24_000, 48_000)
WISHES = st.builds(
    OpusWishes,
    fec=st.booleans(),
    dtx=st.booleans(),
    constant=st.booleans(),
    bitrate=st.none() | st.integers(6_000, 510_000),
    playback=st.sampled_from(RATES),
)
NAMES = st.sampled_from(
    ["useinbandfec", "usedtx", "cbr", "maxaveragebitrate", "maxplaybackrate", "stereo", "sprop-stereo", "minptime", "x"]
)
PARAMETERS = st.builds("{}={}".format, NAMES, st.integers(-5, 10**12) | st.text(max_size=6)) | st.text(max_size=12)


class ParametersTests(SynchronousTestCase):
    @given(WISHES)
    def test_both_ways(self, wishes: OpusWishes) -> None:
        """What is written is read as it was meant."""
        self.assertEqual(opus.parse(opus.write(wishes)), wishes)

    @given(st.lists(PARAMETERS, max_size=12).map("; ".join))
    def test_anything(self, text: str) -> None:
        """Whatever is written is understood as something within the bounds of the RFC, and of our encoder."""
        wishes = opus.parse(text)
        self.assertIn(wishes.playback, RATES)
        self.assertTrue(wishes.bitrate is None or 6_000 <= wishes.bitrate <= 510_000)
        self.assertTrue(6_000 <= wishes.speech_bitrate <= 510_000)
        self.assertEqual(opus.parse(opus.write(wishes)), wishes)

    @given(WISHES, st.randoms())
    def test_order_and_case(self, wishes: OpusWishes, random: object) -> None:
        """Parameters may stand in any order, in any case, with or without blanks."""
        parts = opus.write(wishes).split(";")
        random.shuffle(parts)  # type: ignore[attr-defined]
        for between in (";", "; ", " ; "):
            self.assertEqual(opus.parse(between.join(parts).upper()), wishes)

    def test_examples(self) -> None:
        """As browsers and the RFC write them."""
        self.assertEqual(opus.parse("minptime=10;useinbandfec=1"), OpusWishes(fec=True))
        self.assertEqual(
            opus.parse("maxplaybackrate=16000; sprop-maxcapturerate=8000; maxaveragebitrate=20000; stereo=1; usedtx=0"),
            OpusWishes(bitrate=20_000, playback=16_000),
        )
        self.assertEqual(opus.parse(""), OpusWishes())

    def test_between_two_rates(self) -> None:
        """A receiver of 44,100 Hz can use no more than 24,000, and one of less than 8,000 is sent 8,000."""
        for written, meant in ((44_100, 24_000), (11_025, 8_000), (7_000, 8_000), (96_000, 48_000)):
            self.assertEqual(opus.parse(f"maxplaybackrate={written}").playback, meant)

    def test_bounds(self) -> None:
        """A bitrate that Opus has not is the nearest that it has."""
        for written, meant in ((1, 6_000), (999_999, 510_000)):
            self.assertEqual(opus.parse(f"maxaveragebitrate={written}").bitrate, meant)

    def test_speech(self) -> None:
        """Speech needs fewer bits for who plays less of it, and never more than was allowed."""
        bitrates = [OpusWishes(playback=rate).speech_bitrate for rate in RATES]
        self.assertEqual(bitrates, sorted(bitrates))
        self.assertEqual(OpusWishes(bitrate=9_000).speech_bitrate, 9_000)

    def test_packet_times(self) -> None:
        """A packet is one frame: 30 ms are 20."""
        self.assertEqual([opus.packet_time(ms) for ms in (10, 20, 30, 40, 50, 60)], [10, 20, 20, 40, 40, 60])
