"""The trace keeps secrets."""

from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from neon.sip.trace import log_message, redact

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
        text = redact(MESSAGE)
        self.assertNotIn("pass", text)
        for kept in ("INVITE sip:bob:", "@h SIP/2.0", 'nonce="public"', "m=audio 1 RTP/AVP 0", "a=crypto:"):
            self.assertIn(kept, text)

    def test_logged(self) -> None:
        """What reaches the log is the redacted message, at debug level."""
        events: list[dict[str, object]] = []
        globalLogPublisher.addObserver(events.append)  # type: ignore[arg-type]
        self.addCleanup(globalLogPublisher.removeObserver, events.append)  # type: ignore[arg-type]
        log_message("->", ("192.0.2.1", 5060), MESSAGE)
        [event] = events
        self.assertEqual(str(event["log_level"]), "<LogLevel=debug>")
        self.assertNotIn("pass", str(event))
