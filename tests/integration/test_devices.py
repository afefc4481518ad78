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
from tests.integration.pulse import NEEDED, NEEDED_PIPEWIRE, PipeWire, SoundServer
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
        """A microphone that hears the loudspeaker is told of by the test of the two; in a call, what it hears does not
        come back to the far end, unless nobody cancels it.
        """
        noise = random.Random(7)
        speech = [round(noise.gauss(0, 2000)) if n // 1600 % 3 else 0 for n in range(16000)]
        server = self.join(they_say=Samples(audio.pcm_of(speech), True), processing=Processing(gain=False))
        await server.start()
        server.pactl("load-module", "module-loopback", "source=spk.monitor", "sink=air", "latency_msec=20")
        await self.follow()
        heard, words = await self.system.test(1)
        self.assertEqual((heard.verdict, words), (Verdict.HEARD, "heard"))
        assert heard.heard is not None
        self.assertApproximates(heard.heard, -20, 3)

        self.call()
        await until(lambda: self.system.echo_of(1) is EchoState.ON, "the module", PATIENCE)
        loudspeaker = server.listen()
        await until(lambda: audio.level_dbm0(loudspeaker.samples()[-4000:]) > -40, "the far end's words", PATIENCE)
        # It learns the way of the echo within a second or two.
        await pause(2.5)
        cancelled = self._loudness()
        talk = self.manager.talk
        assert talk is not None
        talk._canceller = talk._module = None
        talk.settle()
        await until(lambda: self._loudness() > max(-40, cancelled + 12), f"more echo than {cancelled}", PATIENCE)

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


class PipeWireTests(DeviceCase):
    """PipeWire, by its own PulseAudio face."""

    programs_needed = NEEDED_PIPEWIRE
    kind = PipeWire

    async def test_everything(self) -> None:
        """Devices are listed; a call is heard where it should be, before and after a change, an unplugging and a
        restart; the microphone is heard, and its echo is cancelled by PipeWire's own module.
        """
        server = self.join(processing=Processing(noise=False, gain=False))
        await server.start()
        await self.follow()
        server.speak(*OUR_TONE, seconds=60)
        call = self.call()
        await server.listen().hears(*THEIR_TONE, within=PATIENCE, tolerance=3)
        await self.ear.hears(*OUR_TONE, within=PATIENCE, tolerance=6)
        await until(lambda: self.system.echo_of(1) is EchoState.ON, "the module", PATIENCE)
        self.assertEqual(len(server.echo_modules()), 1)

        headset = server.add_speaker("headset")
        await self.has("spk", "air", "headset")
        await self.system.choose(DeviceKind.SPEAKER, "headset")
        await server.listen("headset").hears(*THEIR_TONE, within=PATIENCE, tolerance=3)
        server.unplug(headset)
        await self.has("spk", "air")
        await server.listen().hears(*THEIR_TONE, within=PATIENCE, tolerance=3)

        await server.kill()
        assert self.followed is not None
        followed = self.followed
        await until(lambda: followed.state is None, "the loss of the server", PATIENCE)
        await server.start()
        await server.listen().hears(*THEIR_TONE, within=PATIENCE, tolerance=3)
        await until(lambda: self.system.echo_of(1) is EchoState.ON, "the module", PATIENCE)
        call.close()
        await until(lambda: not server.echo_modules(), "the end of the module", PATIENCE)
