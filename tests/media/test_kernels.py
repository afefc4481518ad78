"""The G.711 kernels, judged by the definition in L{tests.media.g711} on every value there is."""

from __future__ import annotations

from array import array
from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from neon.media import _engine
from tests.media.g711 import A_LAW, MU_LAW, Law

EVERY_SAMPLE = array("h", range(-32768, 32768))
EVERY_CODE = bytes(range(256))


class DefinitionTests(SynchronousTestCase):
    """The definition itself, against numbers printed in the recommendation."""

    def test_segment_ends(self) -> None:
        """The decision values at the segments' ends are those of tables 1a and 2a."""
        self.assertEqual([A_LAW.decisions[n] // 8 for n in (0, 32, 48, 64, 80, 96, 112, 128)],
                         [0, 64, 128, 256, 512, 1024, 2048, 4096])
        self.assertEqual([MU_LAW.decisions[n] // 4 for n in (1, 16, 32, 48, 64, 80, 96, 112, 128)],
                         [1, 31, 95, 223, 479, 991, 2015, 4063, 8159])

    def test_character_signals(self) -> None:
        """Zero and full scale have the character signals that the tables print."""
        self.assertEqual([A_LAW.encode(x) ^ 0x55 for x in (32767, 0, -1, -32768)], [0xFF, 0x80, 0x00, 0x7F])
        self.assertEqual([MU_LAW.encode(x) for x in (32767, 0, -1, -32768)], [0x80, 0xFF, 0x7F, 0x00])

    def test_quantized_values(self) -> None:
        """The greatest quantized values are 4032 (A) and 8031 (µ), the least 1 and 0 (tables 1a, 2a)."""
        self.assertEqual([A_LAW.decode(code) / 8 for code in (0xFF ^ 0x55, 0x80 ^ 0x55)], [4032, 1])
        self.assertEqual([MU_LAW.decode(code) / 4 for code in (0x80, 0xFE, 0xFF)], [8031, 2, 0])


class KernelTests(SynchronousTestCase):
    """All 65,536 samples and all 256 codes, in the vector and the portable versions."""

    def assert_encodes(self, kernel: Callable[[bytes], bytes], law: Law) -> None:
        wanted = bytes(law.encode(sample) for sample in EVERY_SAMPLE)
        self.assertEqual(kernel(EVERY_SAMPLE.tobytes()), wanted)

    def assert_decodes(self, kernel: Callable[[bytes], bytes], law: Law) -> None:
        wanted = [law.decode(code) for code in EVERY_CODE]
        self.assertEqual(array("h", kernel(EVERY_CODE)).tolist(), wanted)

    def test_ulaw_encode(self) -> None:
        """µ-law encoding is exact."""
        self.assert_encodes(_engine.ulaw_encode, MU_LAW)

    def test_alaw_encode(self) -> None:
        """A-law encoding is exact."""
        self.assert_encodes(_engine.alaw_encode, A_LAW)

    def test_ulaw_decode(self) -> None:
        """µ-law decoding is exact."""
        self.assert_decodes(_engine.ulaw_decode, MU_LAW)

    def test_alaw_decode(self) -> None:
        """A-law decoding is exact."""
        self.assert_decodes(_engine.alaw_decode, A_LAW)

    def test_portable_versions(self) -> None:
        """So are the versions for processors without the vector instructions."""
        self.assert_encodes(_engine._ulaw_encode_scalar, MU_LAW)
        self.assert_encodes(_engine._alaw_encode_scalar, A_LAW)
        self.assert_decodes(_engine._ulaw_decode_scalar, MU_LAW)
        self.assert_decodes(_engine._alaw_decode_scalar, A_LAW)

    def test_any_length(self) -> None:
        """What does not fill a vector is converted like the rest."""
        for length in range(50):
            samples = EVERY_SAMPLE[30000 : 30000 + length * 40 : 40]
            self.assertEqual(_engine.alaw_encode(samples), bytes(A_LAW.encode(sample) for sample in samples))
            self.assertEqual(_engine.ulaw_encode(samples), bytes(MU_LAW.encode(sample) for sample in samples))
            self.assertEqual(len(_engine.alaw_decode(bytes(length))), 2 * length)
            self.assertEqual(array("h", _engine.ulaw_decode(bytes(length))).tolist(), [MU_LAW.decode(0)] * length)

    def test_any_alignment(self) -> None:
        """A view that begins at an odd address is read correctly."""
        data = bytearray(1) + EVERY_SAMPLE[:100].tobytes()
        self.assertEqual(_engine.ulaw_encode(memoryview(data)[1:]), _engine.ulaw_encode(EVERY_SAMPLE[:100]))

    def test_half_a_sample(self) -> None:
        """An odd number of bytes is refused."""
        self.assertRaises(ValueError, _engine.ulaw_encode, b"abc")
        self.assertRaises(ValueError, _engine.alaw_encode, bytearray(3))

    def test_no_buffer(self) -> None:
        """What is no buffer is a TypeError."""
        for kernel in (_engine.ulaw_encode, _engine.alaw_encode, _engine.ulaw_decode, _engine.alaw_decode):
            self.assertRaises(TypeError, kernel, "text")
