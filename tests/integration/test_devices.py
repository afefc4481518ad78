"""Sound devices that come, go and change during a call, at a real PulseAudio and a real PipeWire."""

from __future__ import annotations

import random
from typing import Any

from twisted.internet import reactor

from neon.media.chosendevices import ChosenDevices
from neon.media.devices import PortAudioDevice
from neon.media.echocancel import Processing
from neon.media.engine import Samples
from neon.media.soundsystem import SoundSystem
from neon.media.talkdevice import NO_DEVICE
from neon.sounddevices import AudioTest, DeviceKind, EchoState, Verdict
from tests import audio
from tests.integration.processes import pause, until
from tests.integration.pulse import NEEDED, SoundServer
from tests.integration.soundcase import OUR_TONE, THEIR_TONE, SoundCase

PATIENCE = 20.0


class DeviceCase(SoundCase):
    """The sound devices as commands see them, at a server that is followed."""

    timeout = 120

    def join(self, **more: Any) -> SoundServer:
        """Microphone and loudspeaker of the sound server, and an ear at the far end."""
        server = self.begin(PortAudioDevice(), PortAudioDevice(), follow=True, **more)
        assert self.followed is not None
        anything: Any = reactor
        self.system = SoundSystem(
            reactor, self.followed, self.manager, ChosenDevices(anything, self.folder), ring="", words=_verdict_of
        )
        self.at_end(self.system.stop)
        return server

    async def follow(self) -> None:
        """Begin to follow the server; returns when it is known what it has."""
        self.system.start()
        assert self.followed is not None
        followed = self.followed
        await until(lambda: followed.state, "the devices", PATIENCE)

    async def has(self, *speakers: str) -> None:
        """Wait until exactly these loudspeakers are known."""

        def look() -> bool:
            assert self.followed is not None
            state = self.followed.state
            return state is not None and {device.id for device in state.speakers} == {*speakers}

        await until(look, f"{speakers}", PATIENCE)


def _verdict_of(test: AudioTest) -> str:
    return test.verdict.value


class PulseTests(DeviceCase):
    """PulseAudio."""

    programs_needed = NEEDED

    async def test_switch(self) -> None:
        """A call is heard at whichever loudspeaker was chosen: another one, the default one while that is unplugged,
        and again the other when it is back. The call never stops.
        """
        server = self.join()
        await server.start()
        await self.follow()
        call = self.call()
        await server.listen().hears(*THEIR_TONE, within=PATIENCE)

        headset = server.add_speaker("headset", "Fone é bom")
        await self.has("spk", "air", "headset")
        chosen = await self.system.choose(DeviceKind.SPEAKER, "headset")
        names = {device.id: device.name for device in chosen.speakers}
        self.assertEqual(names["headset"], "Fone é bom")
        await server.listen("headset").hears(*THEIR_TONE, within=PATIENCE)
        self.assertLess(audio.level_dbm0(await self._latest(server, "spk")), -60)

        server.unplug(headset)
        await self.has("spk", "air")
        await server.listen().hears(*THEIR_TONE, within=PATIENCE)
        server.add_speaker("headset")
        await self.has("spk", "air", "headset")
        await server.listen("headset").hears(*THEIR_TONE, within=PATIENCE)
        statistics = call.statistics()
        self.assertEqual(statistics.packets_lost, 0)
        self.assertGreater(statistics.packets_sent, 50)

    async def _latest(self, server: SoundServer, sink: str) -> list[int]:
        recording = server.listen(sink)
        return await until(lambda: samples if len(samples := recording.samples()) > 4000 else None, "half a second")

    async def test_echo_and_restart(self) -> None:
        """A call with a microphone has its echo cancelled, again after a restart of the server, and at the end nothing
        of that is left at the server.
        """
        server = self.join(processing=Processing())
        await server.start()
        await self.follow()
        self.assertEqual(server.echo_modules(), [])
        self.assertIs(self.system.echo_of(1), EchoState.OFF)
        call = self.call()
        await until(lambda: self.system.echo_of(1) is EchoState.ON, "the module", PATIENCE)
        (module,) = server.echo_modules()
        self.assertIn("source_master=mic sink_master=spk", module)
        await server.listen().hears(*THEIR_TONE, within=PATIENCE, tolerance=3)

        await server.kill()
        assert self.followed is not None
        followed = self.followed
        await until(lambda: followed.state is None, "the loss of the server", PATIENCE)
        self.assertIs(self.system.echo_of(1), EchoState.UNAVAILABLE)
        await server.start()
        await server.listen().hears(*THEIR_TONE, within=PATIENCE, tolerance=3)
        await until(lambda: self.system.echo_of(1) is EchoState.ON, "the module", PATIENCE)
        self.assertEqual(len(server.echo_modules()), 1)

        call.close()
        await until(lambda: not server.echo_modules(), "the end of the module", PATIENCE)

    async def test_echo_is_gone(self) -> None:
        """What the loudspeaker says into the microphone does not come back to the far end."""
        noise = random.Random(7)
        speech = [round(noise.gauss(0, 2000)) if n // 1600 % 3 else 0 for n in range(16000)]
        heard: dict[bool, float] = {}
        server = self.join(they_say=Samples(audio.pcm_of(speech), True), processing=Processing(gain=False))
        await server.start()
        server.pactl("load-module", "module-loopback", "source=spk.monitor", "sink=air", "latency_msec=20")
        await self.follow()
        assert self.manager.talk is not None
        canceller = self.manager.talk._canceller
        for cancel in (False, True):
            self.manager.talk._canceller = canceller if cancel else None
            call = self.call()
            if cancel:
                await until(lambda: self.system.echo_of(1) is EchoState.ON, "the module", PATIENCE)
            if not cancel:
                await until(lambda: self._loudness() > -40, "the echo", PATIENCE)
            await pause(3)
            heard[cancel] = self._loudness()
            if cancel:
                # It is only the echo that is gone.
                server.speak(*OUR_TONE, seconds=30)
                await self.ear.hears(*OUR_TONE, within=PATIENCE, tolerance=12)
            call.close()
            self.ear.forget()
            await until(lambda: self.manager.talk is not None and self.manager.talk.card.is_closed, "the end", PATIENCE)
        self.assertLess(heard[True], heard[False] - 10, heard)

    def _loudness(self) -> float:
        """Of the second before now, at the far end."""
        return audio.level_dbm0(self.ear.samples()[-8000:])

    async def test_no_devices(self) -> None:
        """A server without any device, and none at all, are fine: the call goes on, silent, and it is said why."""
        server = self.join()
        (server.folder / "null.pa").write_text(
            f"load-module module-native-protocol-unix auth-anonymous=1 socket={server.socket}\n"
        )
        call = self.call()
        await until(lambda: call.statistics().packets_sent > 20, "packets")
        await server.start_bare()
        await self.follow()
        await until(lambda: self.manager.device_problem == NO_DEVICE, "the reason", PATIENCE)
        devices = await self.system.devices()
        self.assertFalse(devices.data()["available"])
        self.assertIs((await self._test_without_call(call)).verdict, Verdict.NO_DEVICE)

    async def _test_without_call(self, call: Any) -> AudioTest:
        call.close()
        test, _ = await self.system.test(1)
        return test


class RingTests(DeviceCase):
    """The ring device, and the test of microphone and loudspeaker."""

    programs_needed = NEEDED

    async def test_ring(self) -> None:
        """It rings at the loudspeaker for ringing, not at the one for talking, and is silent at once when told to."""
        server = self.join()
        await server.start()
        server.add_speaker("bell")
        await self.follow()
        await self.has("spk", "air", "bell")
        await self.system.choose(DeviceKind.RING, "bell")
        bell, spk = server.listen("bell"), server.listen("spk")
        await until(lambda: bell.samples() and spk.samples(), "the recordings")
        self.system.ringer.ring(True)
        await until(lambda: _rings(bell.samples()), "the bell", PATIENCE)
        self.system.ringer.ring(False)
        self.assertFalse(any(spk.samples()))
        ours = 'application.name = "NEON"'
        await until(lambda: ours not in server.pactl("list", "sink-inputs"), "silence", PATIENCE)

    async def test_loop(self) -> None:
        """The test of microphone and loudspeaker tells whether one hears the other, is silent, or works alone."""
        server = self.join()
        await server.start()
        await self.follow()
        silent, _ = await self.system.test(1)
        self.assertIs(silent.verdict, Verdict.SILENT_MICROPHONE)
        server.pactl("load-module", "module-loopback", "source=spk.monitor", "sink=air", "latency_msec=20")
        heard, words = await self.system.test(1)
        self.assertEqual((heard.verdict, words), (Verdict.HEARD, "heard"))
        assert heard.heard is not None
        self.assertApproximates(heard.heard, -20, 3)


def _rings(samples: list[int]) -> bool:
    """Whether somewhere in it are both tones of our ringing."""
    return any(
        min(audio.tone_level_dbm0(samples[n : n + 1600], hz) for hz in (587.33, 739.99)) > -20
        for n in range(0, len(samples) - 1599, 800)
    )
