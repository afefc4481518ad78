"""Payload types in offers and answers: Opus, telephone events of its clock, and numbers that keep their meaning."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from neon.opus import OpusWishes
from neon.sip import sdp
from neon.sip.formats import NO_NUMBERS, Events
from neon.sip.negotiation import Negotiation
from neon.values import Codec, LocalMedia
from tests.sip.test_sdp import HOST, answer, description

OPUS_FIRST = LocalMedia(20000, (Codec.OPUS, Codec.PCMA))
THEIR_OFFER = (
    "m=audio 4000 RTP/AVP 8 96 97 98",
    "a=rtpmap:96 opus/48000/2",
    "a=fmtp:96 useinbandfec=1; maxplaybackrate=8000; maxaveragebitrate=15000; usedtx=1",
    "a=rtpmap:97 telephone-event/8000",
    "a=rtpmap:98 telephone-event/48000",
)


class ReadingTests(SynchronousTestCase):
    def test_opus(self) -> None:
        """Opus has a clock of 48 kHz and says two channels (RFC 7587); who leaves the channels out means it, too."""
        for written in ("opus/48000/2", "OPUS/48000/2", "opus/48000"):
            media = sdp.parse(description("m=audio 4000 RTP/AVP 111", f"a=rtpmap:111 {written}")).media[0]
            self.assertEqual(media.codecs, {Codec.OPUS: 111}, written)
        for other in ("opus/8000", "opus/16000/2", "opus/48000/6", "multiopus/48000/2", "PCMA/48000/2", "G722/16000"):
            media = sdp.parse(description("m=audio 4000 RTP/AVP 111", f"a=rtpmap:111 {other}")).media[0]
            self.assertEqual(media.codecs, {}, other)

    def test_events(self) -> None:
        """Each codec has the telephone events of its clock; Opus those of 8 kHz if there are no others."""
        both = sdp.parse(description(*THEIR_OFFER)).media[0]
        self.assertEqual(both.events(Codec.OPUS), Events(98, 48000))
        self.assertEqual(both.events(Codec.PCMA), Events(97))
        one = sdp.parse(description(*THEIR_OFFER[:4])).media[0]
        self.assertEqual(one.events(Codec.OPUS), Events(97))
        other = sdp.parse(description(*THEIR_OFFER[:3], THEIR_OFFER[4])).media[0]
        self.assertIsNone(other.events(Codec.PCMA))

    @given(st.text("0123456789 ;=abmx\x00", max_size=40))
    def test_parameters_of_any_kind(self, text: str) -> None:
        """No a=fmtp can make a description unreadable."""
        media = sdp.parse(description("m=audio 4000 RTP/AVP 96", "a=rtpmap:96 opus/48000/2", f"a=fmtp:{text}")).media[0]
        self.assertIsInstance(media.opus_wishes, OpusWishes)


class AnswerTests(SynchronousTestCase):
    def test_answer(self) -> None:
        """Under the numbers of the offer, with what we would like, and for sending what they would like."""
        body, agreement = Negotiation(OPUS_FIRST).answer(description(*THEIR_OFFER), HOST)
        self.assertIn("m=audio 20000 RTP/AVP 96 98\r\n", body)
        self.assertIn("a=rtpmap:96 opus/48000/2\r\n", body)
        self.assertIn("a=fmtp:96 maxplaybackrate=16000;useinbandfec=1\r\n", body)
        self.assertIn("a=rtpmap:98 telephone-event/48000\r\n", body)
        self.assertEqual((agreement.codec, agreement.payload_type), (Codec.OPUS, 96))
        self.assertEqual(agreement.opus, OpusWishes(fec=True, dtx=True, bitrate=15000, playback=8000))
        self.assertEqual((agreement.telephone_event, agreement.event_rate), (98, 48000))

    def test_other_codec(self) -> None:
        """Who prefers G.711 gets it, with events of its clock and no wishes."""
        agreement = answer(*THEIR_OFFER, local=LocalMedia(20000, (Codec.PCMA, Codec.OPUS)))
        self.assertEqual((agreement.codec, agreement.opus), (Codec.PCMA, None))
        self.assertEqual((agreement.telephone_event, agreement.event_rate), (97, 8000))

    def test_packet_time(self) -> None:
        """Opus has no packets of 30 ms; G.711 has."""
        for codec, ptime in ((Codec.OPUS, 20), (Codec.PCMA, 30)):
            agreement = answer(*THEIR_OFFER, "a=ptime:30", local=LocalMedia(20000, (codec,)))
            self.assertEqual(agreement.ptime_ms, ptime)


class OfferTests(SynchronousTestCase):
    def test_offer(self) -> None:
        """Both clocks have telephone events."""
        offer = Negotiation(OPUS_FIRST).offer(HOST)
        self.assertIn("m=audio 20000 RTP/AVP 111 8 110 101\r\n", offer)
        self.assertIn("a=rtpmap:110 telephone-event/48000\r\n", offer)

    def test_both_sides(self) -> None:
        """Our answer to our offer is understood by both, whoever prefers what."""
        for codecs in ((Codec.OPUS, Codec.PCMA), (Codec.PCMA, Codec.OPUS), (Codec.OPUS,), (Codec.PCMU, Codec.OPUS)):
            ours, theirs = Negotiation(OPUS_FIRST), Negotiation(LocalMedia(30000, codecs))
            body, at_theirs = theirs.answer(ours.offer(HOST), "192.0.2.20")
            at_ours = ours.read_answer(body)
            self.assertEqual(at_ours.codec, at_theirs.codec)
            self.assertEqual(at_ours.payload_type, at_theirs.receive_payload_type)
            self.assertEqual(at_ours.telephone_event, at_theirs.receive_telephone_event)
            self.assertEqual(at_ours.receive_telephone_event, at_theirs.telephone_event)
            self.assertEqual(at_ours.event_rate, at_theirs.event_rate)
            self.assertEqual(at_ours.event_rate, at_ours.codec.clock_rate)

    def test_answer_with_events_of_8_khz_only(self) -> None:
        """An answer with Opus and events of 8 kHz has these, under the numbers that we and they gave them."""
        negotiation = Negotiation(OPUS_FIRST)
        negotiation.offer(HOST)
        agreement = negotiation.read_answer(
            description(
                "m=audio 4000 RTP/AVP 111 99", "a=rtpmap:111 opus/48000/2", "a=rtpmap:99 telephone-event/8000"
            )
        )
        self.assertEqual((agreement.telephone_event, agreement.receive_telephone_event), (99, 101))
        self.assertEqual(agreement.event_rate, 8000)

    def test_numbers_stay(self) -> None:
        """What a number has meant in their offer it means in all of ours after it (RFC 3264, section 8.3.2)."""
        negotiation = Negotiation(OPUS_FIRST)
        negotiation.answer(description(*THEIR_OFFER), HOST)
        self.assertIn("m=audio 20000 RTP/AVP 96 8 98 97\r\n", negotiation.offer(HOST))

    def test_taken_numbers(self) -> None:
        """A number that they use for something else is not ours for Opus."""
        negotiation = Negotiation(OPUS_FIRST)
        negotiation.answer(
            description(
                "m=audio 4000 RTP/AVP 8 111 110", "a=rtpmap:111 telephone-event/8000", "a=rtpmap:110 speex/16000"
            ),
            HOST,
        )
        offer = negotiation.offer(HOST)
        media = sdp.parse(offer).media[0]
        self.assertEqual(media.events(Codec.PCMA), Events(111))
        self.assertNotIn(media.codecs[Codec.OPUS], (110, 111))
        self.assertEqual(len(set(media.formats)), len(media.formats))
        self.assertEqual(negotiation.offer(HOST), offer)

    @given(st.sets(st.integers(96, 127), max_size=28), st.permutations(list(Codec)))
    def test_any_numbers_taken(self, taken: set[int], codecs: list[Codec]) -> None:
        """As long as there are free ones, no number means two things."""
        theirs = {Codec.PCMA: 8}
        numbers = NO_NUMBERS.learn(theirs, {}, map(str, taken)).of(codecs)
        chosen = [*(numbers.number(codec) for codec in codecs), *numbers.events.values()]
        self.assertEqual(len(set(chosen)), len(chosen))
        self.assertFalse(set(chosen) & taken)
