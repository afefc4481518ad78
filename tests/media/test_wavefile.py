"""WAV files in and out."""

from __future__ import annotations

import os
import stat
import struct
from array import array
from collections.abc import Sequence

from twisted.trial.unittest import SynchronousTestCase

from neon.media import _engine, wavefile
from neon.media.wavefile import WaveError
from neon.media.wavewriter import WaveWriter
from tests import audio


def chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def fmt(rate: int = 8000, channels: int = 1, bits: int = 16, tag: int = 1) -> bytes:
    block = channels * bits // 8
    return struct.pack("<HHIIHH", tag, channels, rate, rate * block, block, bits)


def riff(*chunks: bytes) -> bytes:
    return chunk(b"RIFF", b"WAVE" + b"".join(chunks))


def wav(pcm: bytes, rate: int = 8000, channels: int = 1, bits: int = 16) -> bytes:
    return riff(chunk(b"fmt ", fmt(rate, channels, bits)), chunk(b"data", pcm))


class ReadTests(SynchronousTestCase):
    """L{wavefile.parse_wave}"""

    def test_same_rate_is_untouched(self) -> None:
        """8 kHz mono 16-bit samples come out bit for bit."""
        pcm = audio.pcm_of(range(-1000, 1000))
        self.assertEqual(wavefile.parse_wave(wav(pcm)), pcm)

    def test_eight_bits(self) -> None:
        """8-bit samples are unsigned."""
        self.assertEqual(audio.samples_of(wavefile.parse_wave(wav(b"\x00\x80\xff", bits=8))), [-32768, 0, 32512])

    def test_stereo(self) -> None:
        """Both ears become one: the mean."""
        pcm = audio.pcm_of([100, 300, -32768, -32768, 32767, 32767])
        self.assertEqual(audio.samples_of(wavefile.parse_wave(wav(pcm, channels=2))), [200, -32768, 32767])

    def test_extensible(self) -> None:
        """WAVE_FORMAT_EXTENSIBLE with the PCM sub-format is PCM."""
        extra = struct.pack("<HHIH", 22, 16, 4, 1) + bytes.fromhex("000000001000800000aa00389b71")
        form = fmt(tag=0xFFFE) + extra
        self.assertEqual(wavefile.parse_wave(riff(chunk(b"fmt ", form), chunk(b"data", b"\1\0"))), b"\1\0")

    def test_other_chunks(self) -> None:
        """Chunks that are not ours are passed over, also those of odd length."""
        data = riff(chunk(b"LIST", b"odd"), chunk(b"fmt ", fmt()), chunk(b"fact", b""), chunk(b"data", b"\1\0"))
        self.assertEqual(wavefile.parse_wave(data), b"\1\0")

    def test_crashed_writer(self) -> None:
        """A data length beyond the end of the file means all there is, in whole samples."""
        for length in (100, 0xFFFFFFFF):
            data = riff(chunk(b"fmt ", fmt())) + b"data" + struct.pack("<I", length) + b"\1\0\2\0\3"
            self.assertEqual(wavefile.parse_wave(data), b"\1\0\2\0")

    def test_bad(self) -> None:
        """What cannot be played is refused with a sentence that names the part that was wrong."""
        form, sound = chunk(b"fmt ", fmt()), chunk(b"data", b"\1\0")
        for data, part in {
            b"": "RIFF",
            b"RIFX" + wav(b"\1\0")[4:]: "RIFF",
            wav(b"\1\0")[:14]: "no fmt chunk",
            riff(form): "no data chunk",
            riff(sound, form): "no fmt chunk",
            riff(chunk(b"fmt ", fmt()[:14]), sound): "14 bytes",
            riff(chunk(b"fmt ", fmt(tag=3)), sound): "number 3",
            riff(chunk(b"fmt ", fmt(tag=0xFFFE)), sound): "number 65534",
            riff(chunk(b"fmt ", fmt(bits=24)), sound): "24 bits",
            riff(chunk(b"fmt ", fmt(channels=6)), sound): "6 channels",
            riff(chunk(b"fmt ", fmt(channels=0)), sound): "0 channels",
            riff(chunk(b"fmt ", fmt(rate=0)), sound): "0 Hz",
            riff(chunk(b"fmt ", fmt(rate=4_000_000)), sound): "4000000 Hz",
            riff(chunk(b"fmt ", fmt()[:12] + b"\7\0\x10\0"), sound): "block size 7",
            riff(form, chunk(b"data", b"")): "empty",
            riff(form, chunk(b"data", b"\1")): "empty",
            wav(bytes(2 * 8000 * 600 + 2)): "600 s",
        }.items():
            self.assertIn(part, str(self.assertRaises(WaveError, wavefile.parse_wave, data)))

    def test_every_cut(self) -> None:
        """A file cut at any byte is refused or played, never anything else."""
        whole = wav(audio.pcm_of([1, 2, 3]), channels=1)
        for length in range(len(whole)):
            try:
                wavefile.parse_wave(whole[:length])
            except WaveError:
                continue
            self.assertGreater(length, 45)

    def test_missing_file(self) -> None:
        """A file that is not there is the operating system's error."""
        self.assertRaises(FileNotFoundError, wavefile.read_wave, os.path.join(self.mktemp(), "none.wav"))


def resample(samples: Sequence[int], rate: int, wanted: int, channels: int = 1) -> list[int]:
    """The engine's, on lists."""
    return array("h", _engine.resample(array("h", samples), channels, rate, wanted)).tolist()


class ResampleTests(SynchronousTestCase):
    """C{_engine.resample} keeps what the telephone band can hold, and removes what it cannot."""

    def test_tone_survives(self) -> None:
        """A tone keeps its frequency, its level and its length at every usual rate."""
        for rate in (11025, 16000, 22050, 44100, 48000):
            for hz in (300.0, 1004.0, 3100.0):
                samples = resample(audio.tone(hz, -10, 0.25, rate), rate, 8000)
                self.assertApproximates(len(samples), 2000, 1)
                self.assertApproximates(audio.tone_level_dbm0(samples[100:-100], hz), -10, 0.2)
                self.assertApproximates(audio.level_dbm0(samples[100:-100]), -10, 0.2)

    def test_aliases_do_not(self) -> None:
        """What lies above the telephone band does not come back mirrored into it."""
        for rate in (16000, 44100, 48000):
            samples = resample(audio.tone(5000, 0, 0.25, rate), rate, 8000)
            self.assertLess(audio.level_dbm0(samples[100:-100]), -55)

    def test_odd_rates(self) -> None:
        """Rates without a common divisor, and higher rates out, work as well."""
        samples = resample(audio.tone(1000, -10, 0.2, 7919), 7919, 8000)
        self.assertApproximates(audio.tone_level_dbm0(samples[100:-100], 1000), -10, 0.2)
        samples = resample(audio.tone(1000, -10, 0.2, 96001), 96001, 8000)
        self.assertApproximates(audio.tone_level_dbm0(samples[100:-100], 1000), -10, 0.2)

    def test_no_overflow(self) -> None:
        """The overshoot of the filter at full scale is clipped, not wrapped."""
        square = ([32767] * 20 + [-32768] * 20) * 20
        samples = resample(square, 16000, 8000)
        self.assertEqual((max(samples), min(samples)), (32767, -32768))


    def test_empty_and_short(self) -> None:
        """Less sound than the filter is long is sound all the same, and no sound is none."""
        self.assertEqual(resample([], 44100, 8000), [])
        self.assertEqual(len(resample([1000], 44100, 8000)), 1)
        self.assertEqual(len(resample([1000, 1000], 8000, 16000)), 4)

    def test_refused(self) -> None:
        """Half a block, and rates and channels that nothing has, are refused."""
        for samples, channels, rate in ((b"1", 1, 8000), (b"12", 2, 8000), (b"12", 1, 0), (b"12", 0, 8000)):
            self.assertRaises(ValueError, _engine.resample, samples, channels, rate, 8000)

    def test_wide(self) -> None:
        """A file with more than the telephone band keeps it, at 16 kHz; one without stays as it is."""
        pcm = audio.pcm_of(audio.tone(6000, -10, 0.25, 44100))
        samples, rate = wavefile.parse_sound(wav(pcm, 44100))
        self.assertEqual(rate, 16000)
        self.assertApproximates(audio.tone_level_dbm0(audio.samples_of(samples)[100:-100], 6000, 16000), -10, 0.2)
        self.assertEqual(wavefile.parse_sound(wav(pcm, 8000)), (pcm, 8000))


class WriteTests(SynchronousTestCase):
    """L{WaveWriter}"""

    def setUp(self) -> None:
        self.path = self.mktemp()

    def content(self) -> bytes:
        with open(self.path, "rb") as file:
            return file.read()

    def test_round_trip(self) -> None:
        """What was written is what is read."""
        pcm = audio.pcm_of(audio.tone(440, -16, 0.1))
        with WaveWriter(self.path) as writer:
            for start in range(0, len(pcm), 320):
                writer.write(pcm[start : start + 320])
        self.assertEqual(wavefile.read_wave(self.path), pcm)
        self.assertEqual(self.content(), wav(pcm))

    def test_crash(self) -> None:
        """Without a close the header counts all but the last second."""
        writer = WaveWriter(self.path)
        self.addCleanup(writer.close)
        for _ in range(119):
            writer.write(bytes(320))
        data = self.content()
        self.assertEqual(struct.unpack_from("<I", data, 40), (2 * 16000,))
        self.assertEqual(struct.unpack_from("<I", data, 4), (2 * 16000 + 36,))
        self.assertEqual(len(data), 44 + 119 * 320)

    def test_empty(self) -> None:
        """A file without audio is a well-formed one."""
        writer = WaveWriter(self.path)
        writer.close()
        writer.close()
        self.assertEqual(self.content(), wav(b""))

    def test_private(self) -> None:
        """What people said is for the owner's eyes."""
        WaveWriter(self.path).close()
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o600)

    def test_overwritten(self) -> None:
        """Nothing of an older, longer file is left."""
        with open(self.path, "wb") as file:
            file.write(bytes(1000))
        WaveWriter(self.path).close()
        self.assertEqual(self.content(), wav(b""))
