"""What a person does when something is wrong: ask the doctor, trace SIP for Wireshark, write a report."""

from __future__ import annotations

import json
import signal
import sys
import tarfile

from tests.integration.daemon import ROOT, start_daemon
from tests.integration.processes import IntegrationCase, Program, until


class DiagnosisTests(IntegrationCase):
    programs_needed = ("tshark",)

    def _start(self, name: str, *argv: str) -> Program:
        program = (sys.executable, "-m", "neon.ctl.main", "--state-dir", str(self.daemon.state_dir))
        return self.start(name, *program, *argv, env={"PYTHONPATH": str(ROOT), "LC_ALL": "C"})

    async def test_everything(self) -> None:
        """A call is traced, Wireshark's own program reads the trace, and neither it nor the report holds a secret."""
        self.daemon = await start_daemon(self, testbed=True)
        sip = self.daemon.access["sip"]
        capture, report = self.folder / "sip.pcapng", self.folder / "report.tar.gz"
        trace = self._start("trace", "trace", str(capture))
        shown = self._start("shown", "trace")
        client = await self.daemon.connect()
        connection = await client.register(sip["domain"], sip["number"], sip["password"])
        while "REGISTER" not in shown.output or not capture.exists() or b"REGISTER" not in capture.read_bytes():
            await client.command("SIPUnRegister", connectionId=connection)
            connection = await client.register(sip["domain"], sip["number"], sip["password"])
        call = await client.call("600")
        await client.event("OnAcceptCall", callId=call)
        await client.command("finalizecall", callid=call)
        await client.event("OnFinalizedCall", callId=call)
        doctor = self._start("doctor", "--json", "doctor")
        self.assertEqual(await doctor.ended(), 0, doctor.output)
        self.assertTrue(json.loads(doctor.output)["healthy"])
        bug = self._start("bug-report", "bug-report", str(report))
        self.assertEqual(await bug.ended(), 0, bug.output)
        await until(lambda: capture.read_bytes().count(b" BYE\r\n") > 1 or None, "the BYE and its answer in the trace")
        self.assertEqual(await trace.stop(with_signal=signal.SIGINT), 0, trace.output)
        self.assertIn("messages are in", trace.output)

        fields = ("sip.Method", "sip.Status-Code", "sip.CSeq.method", "exported_pdu.ipv4_src", "sdp.media")
        wanted = [option for field in fields for option in ("-e", field)]
        shark = self.start("tshark", "tshark", "-r", str(capture), "-T", "fields", "-E", "separator=|", *wanted)
        self.assertEqual(await shark.ended(60), 0, shark.output)
        rows = [line.split("|") for line in shark.output.splitlines() if line.count("|") == 4]
        self.assertTrue({"INVITE", "ACK", "BYE"} <= {row[0] for row in rows}, shark.output)
        self.assertIn(["", "200", "BYE"], [row[:3] for row in rows], shark.output)
        self.assertEqual({row[3] for row in rows}, {"127.0.0.1"})
        self.assertTrue(any("audio" in row[4] for row in rows if row[0] == "INVITE"), shark.output)

        with tarfile.open(report) as archive:
            files = {member.name: archive.extractfile(member) for member in archive}
            told = {name: file.read() for name, file in files.items() if file is not None}
        self.assertIn(f"neon-report/cases/{call}.json", told)
        for text in (capture.read_bytes(), *told.values()):
            self.assertNotIn(sip["password"].encode(), text)
        for text in told.values():
            self.assertNotIn(f"sip:{sip['number']}@".encode(), text)
        self.assertEqual(self.daemon.complaints(), [])
