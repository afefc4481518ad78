"""Device names in the configuration."""

from __future__ import annotations

import os

from twisted.trial.unittest import SynchronousTestCase

from neon.media import devices
from neon.media.devices import FileCapture, FilePlayback, NullDevice, PortAudioDevice, ToneDevice


class CaptureTests(SynchronousTestCase):
    """L{devices.parse_capture}"""

    def test_good(self) -> None:
        """Every form of the documentation is understood."""
        for text, device in {
            "null": NullDevice(),
            " NULL ": NullDevice(),
            "tone": ToneDevice(440, -16),
            "tone:1004": ToneDevice(1004, -16),
            "tone:1004.5:-10": ToneDevice(1004.5, -10),
            "tone:20:3.14": ToneDevice(20, 3.14),
            "file:/a/b.wav": FileCapture("/a/b.wav"),
            "file:/a/b?loop=yes": FileCapture("/a/b", loop=True),
            "file:/a/b?loop=no": FileCapture("/a/b", loop=False),
            "file:/a/why?.wav?loop=no": FileCapture("/a/why?.wav", loop=False),
            "file:/a:b/c d.wav": FileCapture("/a:b/c d.wav"),
            "portaudio": PortAudioDevice(),
            "portaudio:alsa_input.usb: mic": PortAudioDevice("alsa_input.usb: mic"),
        }.items():
            self.assertEqual(devices.parse_capture(text), device, text)

    def test_written_form_is_readable(self) -> None:
        """What a device says of itself names the same device."""
        for text in ("null", "tone:500:-3", "file:/a/b.wav", "file:/a/b.wav?loop=no", "portaudio", "portaudio:x"):
            device = devices.parse_capture(text)
            self.assertEqual(devices.parse_capture(str(device)), device)

    def test_home(self) -> None:
        """A path may begin with ~."""
        self.assertEqual(devices.parse_capture("file:~/a.wav"), FileCapture(os.path.expanduser("~/a.wav")))

    def test_bad(self) -> None:
        """What names no device is refused with a sentence that names the part that was wrong."""
        for text, part in {
            "": "''",
            "microphone": "'microphone'",
            "null:1": "'1'",
            "tone:": "''",
            "tone:high": "'high'",
            "tone:nan": "'nan'",
            "tone:19": "20 to 7800",
            "tone:8000": "'8000'",
            "tone:440:4": "level",
            "tone:440:-16:2": "tone:HZ:DBM0",
            "file": "needs a path",
            "file:": "needs a path",
            "file:/a/b/": "directory",
            "file:/a?loop=maybe": "'loop=maybe'",
            "file:/a?speed=2": "'speed=2'",
            "portaudio:": "name after the colon",
            "portaudio:a\nb": "control character",
        }.items():
            error = self.assertRaises(devices.DeviceError, devices.parse_capture, text)
            self.assertIsInstance(error, ValueError)
            self.assertIn(part, str(error))


class PlaybackTests(SynchronousTestCase):
    """L{devices.parse_playback}"""

    def test_good(self) -> None:
        """Every form of the documentation is understood."""
        for text, device in {
            "null": NullDevice(),
            "file:/a/b.wav": FilePlayback("/a/b.wav"),
            "file:/a/b?loop=no": FilePlayback("/a/b?loop=no"),
            "portaudio": PortAudioDevice(),
            "portaudio:spk": PortAudioDevice("spk"),
        }.items():
            self.assertEqual(devices.parse_playback(text), device, text)
            self.assertEqual(devices.parse_playback(str(device)), device, text)

    def test_file_per_call(self) -> None:
        """{call_id} in the path makes a file per call; without it there is one."""
        device = devices.parse_playback("file:/a/{call_id}/call-{call_id}.wav")
        assert isinstance(device, FilePlayback)
        self.assertTrue(device.per_call)
        self.assertEqual(device.path_for(55), "/a/55/call-55.wav")
        single = FilePlayback("/a/b.wav")
        self.assertFalse(single.per_call)
        self.assertEqual(single.path_for(55), "/a/b.wav")

    def test_bad(self) -> None:
        """What names no device is refused with a sentence that names the part that was wrong."""
        for text, part in {
            "tone": "captured",
            "speaker": "'speaker'",
            "null:": "''",
            "file:": "needs a path",
            "file:/a/{call}.wav": "{call_id}",
            "file:/a/{call_id.wav": "{call_id}",
        }.items():
            self.assertIn(part, str(self.assertRaises(devices.DeviceError, devices.parse_playback, text)))


class RingTests(SynchronousTestCase):
    """Where it rings."""

    def test_named(self) -> None:
        """A loudspeaker, or nowhere; a file hears nothing."""
        self.assertEqual(devices.parse_ring("portaudio:bell"), devices.PortAudioDevice("bell"))
        self.assertEqual(devices.parse_ring("null"), devices.NullDevice())
        self.assertRaises(devices.DeviceError, devices.parse_ring, "file:/tmp/ring.wav")

    def test_unnamed(self) -> None:
        """Where calls are heard, if that is a loudspeaker."""
        self.assertEqual(devices.ring_like(devices.PortAudioDevice("spk")), devices.PortAudioDevice("spk"))
        self.assertEqual(devices.ring_like(devices.FilePlayback("/x.wav")), devices.NullDevice())
