"""The messages of RFC 4475 and RFC 5118, rewritten: each meets the outcome its section asks for, on both families.

C{tests/data/torture} has one file for every rule, named for it, and C{index.toml} the rules and outcomes.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from sippy.SipURL import SipURL
from twisted.trial.unittest import SynchronousTestCase

from neon.sip import messages
from neon.values import Destination
from tests.fuzz.target import OURS, OURS_V6, PEER, PEER_V6, Box
from tests.sip.network import Datagram

CORPUS = Path(__file__).parent.parent / "data" / "torture"
FAMILIES = {"IPv4": (OURS, PEER), "IPv6": (OURS_V6, PEER_V6)}


def index() -> list[dict[str, Any]]:
    return list(tomllib.loads((CORPUS / "index.toml").read_text(encoding="utf-8"))["message"])


class TortureTests(SynchronousTestCase):
    def run_message(self, entry: dict[str, Any], family: str) -> None:
        data = (CORPUS / entry["file"]).read_bytes()
        ours, peer = FAMILIES[family]
        box = Box(ours, peer)
        try:
            if entry["outcome"] == "delivered":
                self._respond(box, data)
            else:
                self._request(box, entry, data)
            # 35 s later nothing is left, nothing was logged that fails, and the phone answers.
            box.settle()
        finally:
            box.close()

    def _respond(self, box: Box, data: bytes) -> None:
        """The response reaches whoever sent the request that it names."""
        heard: list[int] = []
        peer = Destination(*box.peer)
        sender = messages.named_address(SipURL("sip:caio@example.test"))
        request = messages.build_request(
            "OPTIONS", SipURL("sip:bia@example.test"), sender=sender, sender_tag="us", to=sender, to_tag=None,
            call_id="ours@192.0.2.1", cseq=1, remote=peer, branch="z9hG4bKours",
        )  # fmt: skip
        box.endpoint.send_request(request, peer, lambda response: heard.append(response.getSCode()[0]))
        if ":" in box.ours[0]:
            data = data.replace(b"UDP 192.0.2.1:", b"UDP [%s]:" % box.ours[0].encode())
        self.assertEqual(box.receive(data), [])
        self.assertEqual(heard, [int(data.split()[1])])

    def _request(self, box: Box, entry: dict[str, Any], data: bytes) -> None:
        outcome = str(entry["outcome"])
        sent = box.receive(data)
        if outcome == "silence":
            self.assertEqual([one.first_line for one in sent], [])
            return
        answer = sent[-1]
        self.assertEqual(answer.target, box.peer)
        if outcome == "accepted":
            # The phone of these tests declines every call, after it has looked at the offer.
            outcome = "603" if b"INVITE" in data.partition(b"\r\n")[0] else "200"
            self.assertEqual(len(box.invitations), int(outcome == "603"))
        else:
            self.assertEqual(box.invitations, [])
        self.assertEqual(answer.first_line.split()[:2], ["SIP/2.0", outcome])
        self._details(box, entry, answer)
        if entry.get("twice"):
            [again] = box.receive(data.replace(b"Call-ID: ", b"Call-ID: another-"))
            self.assertIn("another-", again.header("Call-ID") or "")

    def _details(self, box: Box, entry: dict[str, Any], answer: Datagram) -> None:
        if "user" in entry:
            self.assertEqual(box.invitations[0].user, entry["user"])
        if "header" in entry:
            self.assertIn(entry["header"], answer.text.split("\r\n"))
        if "vias" in entry:
            self.assertEqual(answer.text.lower().count("\r\nvia:"), entry["vias"])

    def test_complete(self) -> None:
        """Every file of the corpus has its rule, and every rule its file."""
        self.assertEqual(sorted(entry["file"] for entry in index()), sorted(path.name for path in CORPUS.glob("*.sip")))


def _promise(entry: dict[str, Any], family: str) -> Any:
    def test(self: TortureTests) -> None:
        self.run_message(entry, family)

    test.__doc__ = f"{entry['rfc']}, over {family}: {entry['rule']} Outcome: {entry['outcome']}."
    return test


for _entry in index():
    for _family in FAMILIES:
        _name = f"test_{_entry['file'].removesuffix('.sip').replace('-', '_')}_over_{_family.lower()}"
        setattr(TortureTests, _name, _promise(_entry, _family))
