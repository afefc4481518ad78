"""The messages of a call's audio: whole, damaged, and whatever else may come."""

from __future__ import annotations

import struct

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from neon.audioframes import HEADER_LENGTH, AudioFrame, BadFrame

FRAMES = st.builds(
    AudioFrame,
    st.integers(1, 2**53 - 1),
    st.binary(max_size=700).map(lambda data: data[: len(data) // 2 * 2]),
    st.sampled_from((8000, 16000)),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**16 - 1),
    st.booleans(),
)


class FrameTests(SynchronousTestCase):
    def test_layout(self) -> None:
        """The octets are where the documentation has them."""
        frame = AudioFrame(0x0102030405, b"\x11\x12", 16000, 7, 320, 60, forget=True)
        self.assertEqual(
            frame.encode().hex(" "),
            "01 01 3c 00 80 3e 00 00 05 04 03 02 01 00 00 00 07 00 00 00 40 01 00 00 11 12",
        )

    def test_wraps(self) -> None:
        """Counters begin again beyond 32 bits; more than a minute that waits is a minute."""
        frame = AudioFrame.decode(AudioFrame(1, b"", 8000, 2**32 + 5, 2**32, 10**6).encode())
        self.assertEqual((frame.sequence, frame.timestamp, frame.waiting_ms), (5, 0, 65535))

    @settings(max_examples=50)
    @given(FRAMES)
    def test_round_trip(self, frame: AudioFrame) -> None:
        """What was written is what is read."""
        self.assertEqual(AudioFrame.decode(frame.encode()), frame)

    @settings(max_examples=100)
    @given(st.one_of(st.binary(max_size=100), st.binary(max_size=60).map(lambda data: b"\x01\x00\x00\x00" + data)))
    def test_anything(self, data: bytes) -> None:
        """Whatever comes is a message or is refused with a sentence; what is taken is written the same again."""
        try:
            frame = AudioFrame.decode(data)
        except BadFrame as error:
            self.assertIn("audio message", str(error))
        else:
            self.assertEqual(frame.encode(), data)

    @settings(max_examples=50)
    @given(FRAMES, st.data())
    def test_cut(self, frame: AudioFrame, data: st.DataObject) -> None:
        """A message that was cut in its header, or in the middle of a sample, is none."""
        whole = frame.encode()
        length = data.draw(st.integers(0, HEADER_LENGTH - 1))
        self.assertRaises(BadFrame, AudioFrame.decode, whole[:length])
        self.assertRaises(BadFrame, AudioFrame.decode, whole + b"\0")

    def test_mistakes(self) -> None:
        """Each mistake has a sentence of its own."""
        good = AudioFrame(1, b"").encode()
        for data, words in (
            (b"\x02" + good[1:], "version 2"),
            (b"\x01\x82" + good[2:], "flags 0x82"),
            (good[:4] + struct.pack("<I", 44100) + good[8:], "44100 Hz"),
            (good[:5], "shorter"),
            (good + b"1", "half a sample"),
        ):
            self.assertIn(words, str(self.assertRaises(BadFrame, AudioFrame.decode, data)))
