"""Secrets stay here."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from neon import redaction

MESSAGE = (
    "INVITE sip:bob:pass1@h SIP/2.0\r\n"
    "Proxy-Authorization: Digest username=\"u\",\r\n response=\"pass2\"\r\n"
    "authorization : Digest pass3\r\n"
    "WWW-Authenticate: Digest nonce=\"public\"\r\n\r\n"
    "v=0\r\nk=clear:pass4\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:pass5\r\n"
    "a=ice-pwd:pass6\r\nm=audio 1 RTP/AVP 0\r\n"
)  # fmt: skip


class RedactTests(SynchronousTestCase):
    def test_secrets(self) -> None:
        """Credentials, media keys and URI passwords are withheld; the rest stays."""
        text = redaction.message(MESSAGE)
        self.assertNotIn("pass", text)
        for kept in ("INVITE sip:bob:", "@h SIP/2.0", 'nonce="public"', "m=audio 1 RTP/AVP 0", "a=crypto:"):
            self.assertIn(kept, text)

    def test_settings(self) -> None:
        """A configuration file loses the values of what is secret by name, and keeps the rest."""
        text = redaction.settings(
            "[account home]\nuri = sip:101@h\npassword = pass1\nauth-user = pass3\n  Secret=pass2\n"
            "[operator o]\nLicence-Key: pass4\nurl = https://me:pass5@h/x\ntls_key = pass6\nkeypad = shown\n"
        )
        for number in range(1, 7):
            self.assertNotIn(f"pass{number}", text)
        for kept in ("uri = sip:101@h", "password =", "https://me:", "@h/x", "keypad = shown"):
            self.assertIn(kept, text)
