"""What an extension is doing, read from dialog-info documents, whole and in parts (RFC 4235)."""

from __future__ import annotations

import contextlib

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from neon.sip.dialoginfo import MOST_DIALOGS, DialogInfo, Gap, Stale
from neon.sip.messagesummary import parse
from neon.values import Direction
from neon.watched import ExtensionState, ExtensionStatus, MessageSummary

IDLE = ExtensionStatus(ExtensionState.IDLE)

ASTERISK = """<?xml version="1.0"?>
<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="1" state="full" entity="sip:201@acme.test">
<dialog id="201" call-id="pickup-1" local-tag="x" remote-tag="y" direction="recipient">
<remote><identity display="Zé &amp; Co">sip:32@acme.test</identity><target uri="sip:32@acme.test"/></remote>
<local><identity>sip:201@acme.test</identity><target uri="sip:201@acme.test"/></local>
<state>early</state></dialog></dialog-info>"""

HELD = """<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="0" state="full" entity="sip:201@acme.test">
<dialog id="1" direction="initiator"><state>confirmed</state><local><target uri="sip:201@192.0.2.7">
<param pname="+sip.rendering" pvalue="no"/></target></local>
<remote><target uri="sip:33@acme.test;x=y"/></remote></dialog></dialog-info>"""


def document(version: int, *dialogs: tuple[str, str, str], state: str = "full") -> bytes:
    """Dialogs as id, direction and state."""
    inner = "".join(
        f'<dialog id="{name}" {f"""direction="{direction}" """ if direction else ""}><state>{word}</state></dialog>'
        for name, direction, word in dialogs
    )
    return f'<d:dialog-info xmlns:d="urn:x" version="{version}" state="{state}">{inner}</d:dialog-info>'.encode()


class DialogInfoTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.info = DialogInfo()

    def state(self, *dialogs: tuple[str, str, str]) -> str:
        return DialogInfo().take(document(0, *dialogs)).state.value

    def test_ringing(self) -> None:
        """An extension that rings, and who calls it."""
        expected = ExtensionStatus(ExtensionState.RINGING, "sip:32@acme.test", "Zé & Co", Direction.INCOMING)
        self.assertEqual(self.info.take(ASTERISK.encode()), expected)

    def test_held(self) -> None:
        """A call on hold; the far party from its target where there is no identity."""
        expected = ExtensionStatus(ExtensionState.HOLD, "sip:33@acme.test", None, Direction.OUTGOING)
        self.assertEqual(self.info.take(HELD.encode()), expected)

    def test_states(self) -> None:
        """Nobody there is idle; talking is busy, and so is dialling; who is called rings."""
        self.assertEqual(self.state(), "idle")
        self.assertEqual(self.state(("1", "recipient", "terminated")), "idle")
        self.assertEqual(self.state(("1", "recipient", "confirmed")), "busy")
        self.assertEqual(self.state(("1", "initiator", "trying")), "busy")
        self.assertEqual(self.state(("1", "recipient", "trying")), "ringing")
        self.assertEqual(self.state(("1", "", "early")), "ringing")
        self.assertEqual(self.state(("1", "", "confirmed"), ("2", "recipient", "early")), "busy")

    def test_parts(self) -> None:
        """Changes add to what is known, and a dialog that has ended leaves."""
        self.info.take(document(7, ("1", "recipient", "early")))
        more = ("1", "recipient", "confirmed"), ("2", "recipient", "early")
        busy = self.info.take(document(8, *more, state="partial"))
        self.assertIs(busy.state, ExtensionState.BUSY)
        still = self.info.take(document(9, ("1", "recipient", "terminated"), state="partial"))
        self.assertIs(still.state, ExtensionState.RINGING)
        self.assertEqual(self.info.take(document(10, ("2", "recipient", "terminated"), state="partial")), IDLE)

    def test_versions(self) -> None:
        """A change that is old is not believed; one that is too new, or the first of all, wants the whole state."""
        self.assertRaises(Gap, self.info.take, document(0, state="partial"))
        self.info.take(document(3))
        self.assertRaises(Stale, self.info.take, document(3, state="partial"))
        self.assertRaises(Gap, self.info.take, document(5, ("1", "", "early"), state="partial"))
        self.assertEqual(self.info.take(document(4, state="partial")), IDLE)

    def test_full_again(self) -> None:
        """A full state replaces what was known, whatever its number: a notifier may have begun again."""
        self.info.take(document(9, ("1", "", "confirmed")))
        self.assertEqual(self.info.take(document(0)), IDLE)
        self.assertEqual(self.info.take(document(1, state="partial")), IDLE)

    def test_nothing(self) -> None:
        """A notifier that knows of no dialog means an idle extension."""
        self.info.take(document(3, ("1", "", "confirmed")))
        self.assertEqual(self.info.take_nothing(), IDLE)

    def test_hostile(self) -> None:
        """A DOCTYPE, other documents, absurd numbers and too many dialogs do no harm."""
        bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa">]><dialog-info version="1" state="full">&a;</dialog-info>'
        for bad in (bomb, b"", b"\xff\xfe", b"<presence/>", document(0).replace(b"full", b"half"),
                    document(0).replace(b'"0"', b'"-1"'), document(0).replace(b'"0"', b'"99999999999"')):  # fmt: skip
            self.assertRaises(ValueError, self.info.take, bad)
        many = [(str(number), "", "early") for number in range(10 * MOST_DIALOGS)]
        self.info.take(document(0, *many))
        self.assertEqual(len(self.info._dialogs), MOST_DIALOGS)
        party = ASTERISK.replace("sip:32@acme.test</", "javascript:alert(1)</").replace("Zé", "\u2028&#10;")
        self.assertEqual(DialogInfo().take(party.encode()).party, None)

    @given(st.binary(max_size=300))
    def test_any_bytes(self, data: bytes) -> None:
        """Whatever arrives, nothing but ValueError, Gap and Stale comes of it."""
        for text in (data, ASTERISK.encode()[: len(data)] + data, HELD.encode().replace(b"confirmed", data)):
            with contextlib.suppress(ValueError, Gap, Stale):
                DialogInfo().take(text)


class MessageSummaryTests(SynchronousTestCase):
    def test_whole(self) -> None:
        """All that RFC 3842 has."""
        text = "Messages-Waiting: yes\r\nMessage-Account: sip:31@acme.test\r\nVoice-Message: 2/8 (1/0)\r\n"
        self.assertEqual(parse(text), MessageSummary(True, 2, 8, 1, 0))

    def test_little(self) -> None:
        """Only whether, only how many, and odd spelling."""
        self.assertEqual(parse("Messages-Waiting: no"), MessageSummary(False))
        self.assertEqual(parse("voice-message : 3 / 0"), MessageSummary(True, 3, 0))
        self.assertEqual(parse("MESSAGES-WAITING:YES\nFax-Message: 9/9\n"), MessageSummary(True))

    def test_bad(self) -> None:
        """Anything else is refused."""
        for text in ("", "hello", "Messages-Waiting: maybe", "Voice-Message: x/y", "Voice-Message: 99999999/1"):
            self.assertRaises(ValueError, parse, text)

    @given(st.text(max_size=200))
    def test_any_text(self, text: str) -> None:
        """Whatever arrives, nothing but ValueError comes of it."""
        with contextlib.suppress(ValueError):
            parse(text)
