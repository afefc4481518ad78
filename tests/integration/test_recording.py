"""Calls in files: what is on which side, what a crash and a full disk leave, and who hears of it."""

from __future__ import annotations

import stat
import subprocess
import wave
from pathlib import Path
from typing import Any

from neon.testbed.numbers import TONE_DBM0, TONE_HZ
from tests import audio
from tests.integration.daemon import Client, Daemon, start_again, start_daemon
from tests.integration.feed import feed_client, feed_section, member
from tests.integration.processes import IntegrationCase, pause, until
from tests.integration.sound import complaint, pure_complaint

OWN_HZ, OWN_DBM0 = 440, -16

ALWAYS = """\
[recording]
always = yes
directory = {directory}
name = {name}
"""


def sides(path: Path) -> tuple[list[int], list[int]]:
    """What we said, and what we heard."""
    with wave.open(str(path)) as file:
        assert file.getparams()[:3] == (2, 2, audio.RATE)
        samples = audio.samples_of(file.readframes(file.getnframes()))
    return samples[::2], samples[1::2]


def mode(path: Path) -> int:
    """Who may read it."""
    return stat.S_IMODE(path.stat().st_mode)


def mounted(directory: Path, size: str) -> bool:
    """Put a small disk there; whether we may."""
    argv = ("mount", "-t", "tmpfs", "-o", f"size={size}", "neon-test", str(directory))
    return subprocess.run(argv, check=False, capture_output=True).returncode == 0


class RecordingCase(IntegrationCase):
    daemon: Daemon
    client: Client

    async def started(self, more: str = "") -> None:
        capture = f"tone:{OWN_HZ}:{OWN_DBM0}"
        self.daemon = await start_daemon(self, testbed=True, capture=capture, more=more)
        await self.connected()

    async def connected(self) -> None:
        self.client = await self.daemon.connect()
        await self.client.command("subscribe", events="OnRecording")
        sip = self.daemon.access["sip"]
        await self.client.register(sip["domain"], sip["number"], sip["password"])

    async def called(self, number: str = "601") -> int:
        call = await self.client.call(number)
        await self.client.event("OnAcceptCall", callId=call)
        return call

    async def recording(self, call: int, state: str) -> dict[str, Any]:
        return await self.client.event("OnRecording", callId=call, state=state)


class RecordingTests(RecordingCase):
    async def test_both_sides(self) -> None:
        """Our tone alone on the left, theirs on the right; a pause and a mute are silent; log, list and feed know."""
        await self.started(feed_section())
        supervisor = await feed_client(self.daemon, "/ws")
        await supervisor.log_in("luz", member(self.daemon, "supervisoradd", name="luz"))
        call = await self.called()
        path = Path((await self.client.command("startrecording", callid=call))["path"])
        self.assertEqual((await self.recording(call, "started"))["path"], str(path))
        self.assertEqual(path.parent, self.daemon.state_dir / "recordings")
        self.assertRegex(path.name, rf"^[0-9_-]{{19}}_outgoing_601_{call}\.wav$")
        await supervisor.hears(action="start-record", callid=call)
        (listed,) = (await self.client.command("listcalls"))["calls"]
        self.assertIs(listed["recording"], True)
        part = path.with_name(f"{path.name}.part")
        await until(lambda: len(sides(part)[0]) > 1.2 * audio.RATE, "more than a second")
        ours, theirs = sides(part)
        for side, hz, dbm0 in ((ours, OWN_HZ, OWN_DBM0), (theirs, TONE_HZ, TONE_DBM0)):
            self.assertIsNone(pure_complaint(side, hz, dbm0))

        await self.client.command("setmute", callid=call, mute=True)
        await pause(0.6)
        await self.client.command("pauserecording", callid=call, pause=True)
        await self.recording(call, "paused")
        await pause(0.6)
        await self.client.command("pauserecording", callid=call, pause=False)
        await self.recording(call, "resumed")
        await pause(0.3)
        await self.client.command("stoprecording", callid=call)
        self.assertEqual((await self.recording(call, "stopped"))["path"], str(path))
        await supervisor.hears(action="end-record", callid=call)
        self.assertFalse(part.exists())
        self.assertEqual(mode(path), 0o600)
        ours, theirs = sides(path)
        frames = [slice(start, start + 800) for start in range(0, len(ours) - 799, 800)]
        kinds = [tuple(audio.level_dbm0(side[frame]) > -60 for side in (ours, theirs)) for frame in frames]
        order = [kind for kind, after in zip(kinds, [*kinds[1:], None], strict=True) if kind != after]
        self.assertEqual(order, [(True, True), (False, True), (False, False), (False, True)])

        await self.client.command("finalizecall", callid=call)
        await self.client.event("OnFinalizedCall", callId=call)
        (logged,) = (await self.client.command("callhistory"))["calls"]
        self.assertEqual(logged["recording"], str(path))
        self.assertEqual(self.daemon.complaints(), [])

    async def test_always(self) -> None:
        """Every call of an account, from its answer until the far end or the daemon ends it; none without an answer."""
        directory = self.folder / "calls"
        await self.started(ALWAYS.format(directory=directory, name="%Y/{account}/{number}-{callid}"))
        ringing = await self.client.call("604")
        call = await self.called("602")
        began = await self.recording(call, "started")
        path = Path(began["path"])
        self.assertRegex(str(path.relative_to(directory)), rf"^20[0-9][0-9]/1000/602-{call}\.wav$")
        await self.client.event("OnFinalizedCall", callId=call)
        await self.recording(call, "stopped")
        ours, theirs = sides(path)
        self.assertIsNone(complaint(theirs, TONE_HZ, TONE_DBM0))
        self.assertLess(len(ours), 3 * audio.RATE)
        await self.client.command("finalizecall", callid=ringing)
        await self.client.event("OnFinalizedCall", callId=ringing)
        last = await self.called("600")
        await self.recording(last, "started")
        await pause(0.5)  # a file in which nothing was said would not be kept
        await self.daemon.program.stop(within=8)
        names = sorted(one.name for one in directory.rglob("*.wav*"))
        self.assertEqual(names, [f"600-{last}.wav", path.name], "the end of the daemon completes what it records")
        self.assertEqual(self.daemon.complaints(), [])

    async def test_killed(self) -> None:
        """After kill -9 the file plays up to the last second; the next start completes it, and the log knows it."""
        await self.started()
        call = await self.called()
        path = Path((await self.client.command("startrecording", callid=call))["path"])
        part = path.with_name(f"{path.name}.part")
        await until(lambda: len(sides(part)[0]) > 2 * audio.RATE, "more than two seconds")
        await pause(1.0)
        await self.daemon.crash()
        ours, theirs = sides(part)
        self.assertGreater(len(ours), 2.2 * audio.RATE)
        for side, hz, dbm0 in ((ours, OWN_HZ, OWN_DBM0), (theirs, TONE_HZ, TONE_DBM0)):
            self.assertIsNone(pure_complaint(side, hz, dbm0))
            self.assertIsNone(pure_complaint(side[-audio.RATE :], hz, dbm0))

        # The far end shall be where it was, so that it can be told of the end of the call.
        configuration = self.daemon.state_dir / "test.conf"
        port = self.daemon.access["sip"]["domain"].rpartition(":")[2]
        text = configuration.read_text()
        self.assertIn("enabled = yes\nport = 0", text)
        configuration.write_text(text.replace("enabled = yes\nport = 0", f"enabled = yes\nport = {port}"))
        self.daemon = await start_again(self, self.daemon)
        await until(path.exists, "the complete file")
        self.assertFalse(part.exists())
        again, _ = sides(path)
        self.assertEqual(again[: len(ours)], ours)
        await self.connected()
        await self.client.event("OnFinalizedCall", 15.0, callId=call)
        (logged,) = (await self.client.command("callhistory"))["calls"]
        self.assertEqual((logged["callId"], logged["recording"]), (call, str(path)))

    async def test_full_disk(self) -> None:
        """A disk that takes no more is told; the call goes on, and what there is plays."""
        directory = self.folder / "small"
        directory.mkdir()
        if not mounted(directory, "64k"):
            self.skipTest("only root can mount a small disk")
        self.addCleanup(subprocess.run, ["umount", "--lazy", str(directory)], check=True)
        await self.started(ALWAYS.format(directory=directory, name="{callid}"))
        call = await self.called()
        failed = await self.recording(call, "failed")
        self.assertIn("No space left", failed["reason"])
        self.assertEqual(failed["path"], str(directory / f"{call}.wav"))
        ours, theirs = sides(Path(failed["path"]))
        self.assertIsNone(complaint(theirs, TONE_HZ, TONE_DBM0))
        self.assertEqual(len(ours), len(theirs))
        (listed,) = (await self.client.command("listcalls"))["calls"]
        self.assertEqual((listed["state"], listed["recording"]), ("confirmed", False))
        with self.assertRaisesRegex(Exception, "500 .*No space left"):
            await self.client.command("startrecording", callid=call)
        await self.client.command("finalizecall", callid=call)
        self.assertEqual((await self.client.event("OnFinalizedCall", callId=call))["SIPError"], 0)
        self.assertEqual(self.daemon.complaints(), [])
