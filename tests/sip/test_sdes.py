"""Keys for SRTP in session descriptions (RFC 4568): lines that are read, offered, answered, and refused."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from neon.sip import crypto, sdp
from neon.sip.negotiation import Negotiation
from neon.srtp import SrtpKeys, SrtpPolicy, SrtpSuite
from neon.values import LocalMedia
from tests.sip.test_sdp import description

HOST = "192.0.2.10"
OFF, OPTIONAL, MANDATORY = (LocalMedia(20000, srtp=policy) for policy in SrtpPolicy)
KEY = b64encode(bytes(range(30))).decode()
OTHER = b64encode(bytes(range(1, 31))).decode()
GCM_KEY = b64encode(bytes(range(44))).decode()
CM_80 = f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}"
GCM = f"a=crypto:2 AEAD_AES_256_GCM inline:{GCM_KEY}"
CLEAR_AUDIO, SECURE_AUDIO = "m=audio 4000 RTP/AVP 8", "m=audio 4000 RTP/SAVP 8"


def lines_of(body: str) -> list[str]:
    return [line for line in body.split("\r\n") if line.startswith("a=crypto:")]


def media_line(body: str) -> str:
    [line] = [line for line in body.split("\r\n") if line.startswith("m=")]
    return line


def met(one: LocalMedia, other: LocalMedia) -> tuple[Negotiation, Negotiation]:
    """Two of us after an offer of the first and the answer of the second."""
    offerer, answerer = Negotiation(one), Negotiation(other)
    body, _ = answerer.answer(offerer.offer(HOST), HOST)
    offerer.read_answer(body)
    return offerer, answerer


def keys_of(negotiation: Negotiation) -> SrtpKeys:
    assert negotiation.agreement is not None
    assert negotiation.agreement.srtp is not None
    return negotiation.agreement.srtp


class LineTests(SynchronousTestCase):
    """a=crypto, one at a time."""

    def test_usual(self) -> None:
        """What phones write is read: padding or none, lower case, a lifetime, an MKI, a window, unknown extras."""
        gcm = GCM_KEY
        for value, suite, mki in (
            (f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}", "AES_CM_128_HMAC_SHA1_80", b""),
            (f"1 aes_cm_128_hmac_sha1_32 INLINE:{KEY}", "AES_CM_128_HMAC_SHA1_32", b""),
            (f"999999999 AEAD_AES_256_GCM inline:{gcm}", "AEAD_AES_256_GCM", b""),
            (f"1 AEAD_AES_256_GCM inline:{gcm.rstrip('=')}", "AEAD_AES_256_GCM", b""),
            (f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20", "AES_CM_128_HMAC_SHA1_80", b""),
            (f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|1048576", "AES_CM_128_HMAC_SHA1_80", b""),
            (f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^31|1:1", "AES_CM_128_HMAC_SHA1_80", b"\x01"),
            (f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|66051:4", "AES_CM_128_HMAC_SHA1_80", b"\0\1\2\3"),
            (f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} WSH=128 -x=7", "AES_CM_128_HMAC_SHA1_80", b""),
        ):
            line = crypto.parse(value)
            assert line is not None, value
            self.assertEqual((line.suite.value, line.key.mki), (suite, mki), value)
            self.assertEqual(len(line.key.data), line.suite.key_octets)

    def test_unusable(self) -> None:
        """Less protection, unknown suites and words, several keys, keys of another length: no line at all."""
        good = f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}"
        for value in (
            "", "1", "1 AES_CM_128_HMAC_SHA1_80", f"x AES_CM_128_HMAC_SHA1_80 inline:{KEY}",
            f"-1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}", f"1234567890 AES_CM_128_HMAC_SHA1_80 inline:{KEY}",
            f"\u0661 AES_CM_128_HMAC_SHA1_80 inline:{KEY}",
            f"1 F8_128_HMAC_SHA1_80 inline:{KEY}", f"1 NULL_HMAC_SHA1_80 inline:{KEY}", f"1 NULL inline:{KEY}",
            f"1 AES_CM_128_HMAC_SHA1_80 {KEY}", f"1 AES_CM_128_HMAC_SHA1_80 uri:{KEY}",
            "1 AES_CM_128_HMAC_SHA1_80 inline:", "1 AES_CM_128_HMAC_SHA1_80 inline:====",
            f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY[:-4]}", f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}AAAA",
            f"1 AEAD_AES_256_GCM inline:{KEY}", f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY[:-1]}*",
            f"1 AES_CM_128_HMAC_SHA1_80 inline:{'A' * 5000}",
            f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY};inline:{OTHER}",
            f"{good}|2^49", f"{good}|0", f"{good}|2^", f"{good}|1:0", f"{good}|1:129", f"{good}|256:1",
            f"{good}|{'9' * 40}:4", f"{good}|2^20|2^20", f"{good}|1:1|1:1", f"{good}|1:1|2^20|1:1", f"{good}|",
            f"{good} UNENCRYPTED_SRTP", f"{good} UNENCRYPTED_SRTCP", f"{good} UNAUTHENTICATED_SRTP",
            f"{good} KDR=10", f"{good} FEC_ORDER=FEC_SRTP", f"{good} WSH=x", good + " -a" * 20,
        ):  # fmt: skip
            self.assertIsNone(crypto.parse(value), value)

    def test_secret(self) -> None:
        """A line does not show its key to whoever prints it."""
        self.assertNotIn(KEY, repr(crypto.parse(CM_80.partition(":")[2])))

    @settings(max_examples=300)
    @given(st.text(max_size=120))
    def test_anything(self, text: str) -> None:
        """Nothing that anybody writes raises; what is taken can be written and read again."""
        for value in (text, f"1 AES_CM_128_HMAC_SHA1_80 inline:{text}", f"1 AEAD_AES_128_GCM inline:{GCM_KEY}|{text}"):
            line = crypto.parse(value)
            if line is not None:
                plain = replace(line, key=replace(line.key, mki=b""))
                self.assertEqual(crypto.parse(str(line).partition(":")[2]), plain)

    def test_bounded(self) -> None:
        """Of a thousand lines sixteen are looked at, and a body of them is refused for its length."""
        body = description(SECURE_AUDIO, *(f"a=crypto:{tag} NULL inline:x" for tag in range(100)), CM_80)
        [media] = sdp.parse(body).media
        self.assertEqual((media.crypto, media.encrypts), ((), True))


class OfferTests(SynchronousTestCase):
    """What we offer, and the answers to it."""

    def test_policies(self) -> None:
        """Off offers as ever; optional adds keys to RTP/AVP; mandatory offers RTP/SAVP and nothing else."""
        plain, optional, mandatory = (Negotiation(local).offer(HOST) for local in (OFF, OPTIONAL, MANDATORY))
        self.assertEqual([media_line(body).split()[2] for body in (plain, optional, mandatory)],
                         ["RTP/AVP", "RTP/AVP", "RTP/SAVP"])  # fmt: skip
        self.assertEqual(lines_of(plain), [])
        for body in (optional, mandatory):
            names = [line.split()[1] for line in lines_of(body)]
            self.assertEqual(names, [suite.value for suite in SrtpSuite if not suite.short])

    def test_new_keys_each_time(self) -> None:
        """No key is offered twice, in one offer or to two servers."""
        negotiation = Negotiation(MANDATORY)
        lines = lines_of(negotiation.offer(HOST)) + lines_of(negotiation.offer(HOST))
        self.assertEqual(len({line.split()[2] for line in lines}), len(lines))

    def test_agreed(self) -> None:
        """Two of us agree, with one key for each direction, whichever policies they have."""
        for one, other in ((OPTIONAL, OPTIONAL), (OPTIONAL, MANDATORY), (MANDATORY, OPTIONAL), (MANDATORY, MANDATORY)):
            ours, theirs = (keys_of(negotiation) for negotiation in met(one, other))
            self.assertEqual((ours.send, ours.receive), (theirs.receive, theirs.send))
            self.assertNotEqual(ours.send, ours.receive)

    def test_in_clear(self) -> None:
        """Optional with somebody who does not is in clear, whoever offers."""
        for one, other in ((OPTIONAL, OFF), (OFF, OPTIONAL)):
            for negotiation in met(one, other):
                assert negotiation.agreement is not None
                self.assertIsNone(negotiation.agreement.srtp)

    def test_never_in_clear(self) -> None:
        """Mandatory with somebody who does not is no call, whoever offers; nobody has an agreement then."""
        for one, other in ((MANDATORY, OFF), (OFF, MANDATORY)):
            offerer, answerer = Negotiation(one), Negotiation(other)
            offer = offerer.offer(HOST)
            self.assertRaises(sdp.NotAcceptable, answerer.answer, offer, HOST)
            self.assertEqual((offerer.agreement, answerer.agreement), (None, None))

    def test_answers_refused(self) -> None:
        """An answer that is in clear, or fits no line of ours, or sends our own key back, is refused."""
        for local in (MANDATORY, OPTIONAL):
            negotiation = Negotiation(local)
            offer = negotiation.offer(HOST)
            protocol = media_line(offer).split()[2]
            ours = lines_of(offer)[3].split()
            audio = f"m=audio 4000 {protocol} 8"
            good = f"{ours[0]} {ours[1]} inline:{KEY}"
            bad: list[tuple[str, ...]] = [
                (good, good), (f"a=crypto:9 {ours[1]} inline:{KEY}",), (f"a=crypto:1 {ours[1]} inline:{KEY}",),
                (f"{ours[0]} {ours[1]} inline:{KEY[:8]}",), (" ".join(ours),), (good + " UNENCRYPTED_SRTP",),
                (f"{ours[0]} AES_CM_128_HMAC_SHA1_32 inline:{KEY}",),
            ]  # fmt: skip
            for lines in bad:
                self.assertRaises(sdp.NotAcceptable, negotiation.read_answer, description(audio, *lines))
            self.assertIsNone(negotiation.agreement)
            agreement = negotiation.read_answer(description(audio, good))
            assert agreement.srtp is not None
            self.assertEqual(agreement.srtp.receive.data, bytes(range(30)))
        for audio in (SECURE_AUDIO, CLEAR_AUDIO):
            negotiation = Negotiation(MANDATORY)
            negotiation.offer(HOST)
            self.assertRaises(sdp.NotAcceptable, negotiation.read_answer, description(audio))

    def test_unasked(self) -> None:
        """Who offers in clear takes no answer that would be encrypted, and passes over keys that nobody asked for."""
        negotiation = Negotiation(OFF)
        negotiation.offer(HOST)
        self.assertRaises(sdp.NotAcceptable, negotiation.read_answer, description(SECURE_AUDIO, CM_80))
        self.assertIsNone(negotiation.read_answer(description(CLEAR_AUDIO, CM_80)).srtp)

    def test_simplified(self) -> None:
        """The plainest offer leaves optional keys out; mandatory ones it never does."""
        for local, count in ((OPTIONAL, 0), (MANDATORY, 4)):
            negotiation = Negotiation(local)
            negotiation.simplify()
            body = negotiation.offer(HOST)
            self.assertEqual(len(lines_of(body)), count)
            self.assertEqual("RTP/SAVP" in body, count > 0)


class AnswerTests(SynchronousTestCase):
    """Offers of others."""

    def test_first_that_can_be(self) -> None:
        """The first line that we know is answered, under its number, with one line and another key."""
        unknown = f"a=crypto:1 F8_128_HMAC_SHA1_80 inline:{KEY}"
        body, agreement = Negotiation(OPTIONAL).answer(description(SECURE_AUDIO, unknown, GCM, CM_80), HOST)
        assert agreement.srtp is not None
        self.assertEqual(agreement.srtp.suite, SrtpSuite.AEAD_AES_256_GCM)
        self.assertEqual(agreement.srtp.receive.data, bytes(range(44)))
        [line] = lines_of(body)
        self.assertTrue(re.match(r"a=crypto:2 AEAD_AES_256_GCM inline:\S{60}$", line), line)
        self.assertNotIn(GCM_KEY, line)
        self.assertEqual(media_line(body), "m=audio 20000 RTP/SAVP 8")

    def test_protocol_is_repeated(self) -> None:
        """Keys under RTP/AVP are answered under RTP/AVP."""
        body, agreement = Negotiation(OPTIONAL).answer(description(CLEAR_AUDIO, CM_80), HOST)
        self.assertIsNotNone(agreement.srtp)
        self.assertEqual(media_line(body), "m=audio 20000 RTP/AVP 8")

    def test_encrypted_one_of_two(self) -> None:
        """Of one section in clear and one encrypted the encrypted one is taken, and the other declined."""
        body, agreement = Negotiation(OPTIONAL).answer(description(CLEAR_AUDIO, SECURE_AUDIO, CM_80), HOST)
        self.assertIsNotNone(agreement.srtp)
        ports = [line.split()[1] for line in body.split("\r\n") if line.startswith("m=")]
        self.assertEqual(ports, ["0", "20000"])

    def test_refused(self) -> None:
        """RTP/SAVP without a key that we can use, with whichever policy; and any of it where SRTP is off."""
        unknown = f"a=crypto:1 F8_128_HMAC_SHA1_80 inline:{KEY}"
        for local, lines in (
            (OFF, (SECURE_AUDIO, CM_80)), (OPTIONAL, (SECURE_AUDIO,)), (OPTIONAL, (SECURE_AUDIO, unknown)),
            (MANDATORY, (CLEAR_AUDIO,)), (MANDATORY, (CLEAR_AUDIO, unknown)), (MANDATORY, (SECURE_AUDIO, unknown)),
            (MANDATORY, ("m=audio 4000 UDP/TLS/RTP/SAVP 8", CM_80)),
        ):  # fmt: skip
            with self.assertRaises(sdp.NotAcceptable) as caught:
                Negotiation(local).answer(description(*lines), HOST)
            self.assertNotIn('"', str(caught.exception))

    def test_unknown_keys_in_clear(self) -> None:
        """Keys that we cannot use, under RTP/AVP, are passed over where clear is allowed."""
        unknown = f"a=crypto:1 F8_128_HMAC_SHA1_80 inline:{KEY}"
        self.assertIsNone(Negotiation(OPTIONAL).answer(description(CLEAR_AUDIO, unknown), HOST)[1].srtp)


class ChangeTests(SynchronousTestCase):
    """Offers in the middle of a call (RFC 4568, section 7.1.4)."""

    def test_ours_keeps_the_keys(self) -> None:
        """Hold, resume and refresh offer the key that is in use, alone; nothing begins anew at either end."""
        offerer, answerer = met(MANDATORY, MANDATORY)
        before = keys_of(offerer), keys_of(answerer)
        again = offerer.offer(HOST)
        self.assertEqual(len(lines_of(again)), 1)
        body, _ = answerer.answer(again, HOST)
        offerer.read_answer(body)
        self.assertEqual((keys_of(offerer), keys_of(answerer)), before)

    def test_either_side(self) -> None:
        """The one who answered first may offer next."""
        offerer, answerer = met(OPTIONAL, OPTIONAL)
        before = keys_of(offerer)
        body, _ = offerer.answer(answerer.offer(HOST), HOST)
        answerer.read_answer(body)
        self.assertEqual(keys_of(offerer), before)

    def test_their_new_key(self) -> None:
        """A new key of theirs gets a new one of ours: who is there now may never have counted our rollovers."""
        negotiation = Negotiation(MANDATORY)
        negotiation.answer(description(SECURE_AUDIO, CM_80), HOST)
        before = keys_of(negotiation)
        negotiation.answer(description(SECURE_AUDIO, CM_80.replace(KEY, OTHER)), HOST)
        self.assertNotEqual(keys_of(negotiation).send, before.send)
        self.assertEqual(keys_of(negotiation).receive.data, bytes(range(1, 31)))

    def test_moved(self) -> None:
        """So does the same key from another place."""
        negotiation = Negotiation(MANDATORY)
        negotiation.answer(description(SECURE_AUDIO, CM_80), HOST)
        before = keys_of(negotiation)
        negotiation.answer(description(SECURE_AUDIO.replace("4000", "4002"), CM_80), HOST)
        self.assertNotEqual(keys_of(negotiation).send, before.send)

    def test_our_key_back(self) -> None:
        """An offer with our own key in it is refused, and the session goes on."""
        negotiation = Negotiation(MANDATORY)
        body, before = negotiation.answer(description(SECURE_AUDIO, CM_80), HOST)
        [ours] = lines_of(body)
        self.assertRaises(sdp.NotAcceptable, negotiation.answer, description(SECURE_AUDIO, ours), HOST)
        self.assertEqual(negotiation.agreement, before)

    def test_no_way_back(self) -> None:
        """In the middle of a call, too, mandatory does not let anybody go over to clear."""
        negotiation = Negotiation(MANDATORY)
        negotiation.answer(description(SECURE_AUDIO, CM_80), HOST)
        before = negotiation.agreement
        self.assertRaises(sdp.NotAcceptable, negotiation.answer, description(CLEAR_AUDIO), HOST)
        negotiation.offer(HOST)
        self.assertRaises(sdp.NotAcceptable, negotiation.read_answer, description(SECURE_AUDIO))
        self.assertEqual(negotiation.agreement, before)
