"""Session descriptions: reading what the world writes, offering and answering (RFC 3264, RFC 8866)."""

from __future__ import annotations

import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from neon.sip import sdp
from neon.sip.formats import Events
from neon.sip.negotiation import Negotiation
from neon.values import Codec, LocalMedia, MediaAgreement, MediaDirection

HOST = "192.0.2.10"
LOCAL = LocalMedia(20000)


# Lines that are nearly right, which find more than noise does.
_PORTS = st.integers(-1, 70000)
_FORMATS = st.text("0123456789 \u0660x", max_size=12)
_NUMBERS = st.text("0123456789 INP4.", max_size=20)
LINES = st.one_of(
    st.text(max_size=30),
    st.builds("{}={}".format, st.sampled_from("vosctmab"), st.text(max_size=40)),
    st.builds(
        "m={} {} {} {}".format,
        st.sampled_from(["audio", "video", "\u0661"]),
        _PORTS,
        st.sampled_from(["RTP/AVP", "RTP/SAVP", "udptl", "/"]),
        _FORMATS,
    ),
    st.builds("c=IN {} {}".format, st.sampled_from(["IP4", "IP6"]), st.text("0123456789.:", max_size=12)),
    st.builds("a=rtpmap:{} {}/{}".format, st.integers(-1, 300), st.text(max_size=8), _PORTS),
    st.builds("a={}:{}".format, st.sampled_from(["ptime", "maxptime", "rtcp"]), _NUMBERS),
)


def description(*media: str, head: tuple[str, ...] = ("c=IN IP4 192.0.2.7",), end: str = "\r\n") -> str:
    return end.join(["v=0", "o=- 7 1 IN IP4 192.0.2.7", "s=-", *head, "t=0 0", *media, ""])


def answer(*media: str, local: LocalMedia = LOCAL, head: tuple[str, ...] = ("c=IN IP4 192.0.2.7",)) -> MediaAgreement:
    return Negotiation(local).answer(description(*media, head=head), HOST)[1]


class ReadingTests(SynchronousTestCase):
    def test_static_types_need_no_rtpmap(self) -> None:
        """0 and 8 are PCMU and PCMA without a word (RFC 3551)."""
        media = sdp.parse(description("m=audio 4000 RTP/AVP 0 8 18")).media[0]
        self.assertEqual(media.codecs, {Codec.PCMU: 0, Codec.PCMA: 8})

    def test_dynamic_types(self) -> None:
        """G.711 and telephone-event under dynamic numbers, in any case, with or without a channel count."""
        media = sdp.parse(
            description(
                "m=audio 4000 RTP/AVP 97 98 99",
                "a=rtpmap:97 pcma/8000/1", "a=rtpmap:98 PCMU/8000", "a=rtpmap:99 Telephone-Event/8000",
            )
        ).media[0]  # fmt: skip
        self.assertEqual(media.codecs, {Codec.PCMA: 97, Codec.PCMU: 98})
        self.assertEqual(media.events(Codec.PCMA), Events(99))

    def test_other_rates_are_other_codecs(self) -> None:
        """PCMA at 16 kHz or in stereo, or telephone-event at 48 kHz, is not what we speak."""
        media = sdp.parse(
            description(
                "m=audio 4000 RTP/AVP 97 98 99",
                "a=rtpmap:97 PCMA/16000", "a=rtpmap:98 PCMU/8000/2", "a=rtpmap:99 telephone-event/48000",
            )
        ).media[0]  # fmt: skip
        self.assertEqual((media.codecs, media.events(Codec.PCMA)), ({}, None))

    def test_rtpmap_overrules_static(self) -> None:
        """An rtpmap says what a number is, even a static one."""
        media = sdp.parse(description("m=audio 4000 RTP/AVP 8", "a=rtpmap:8 G726-32/8000")).media[0]
        self.assertEqual(media.codecs, {})

    def test_line_ends(self) -> None:
        """CR LF, LF and CR end lines; blank lines and unknown types are skipped."""
        for end in ("\r\n", "\n", "\r", "\r\n\r\n"):
            body = description("m=audio 4000 RTP/AVP 8", "z=unknown", end=end)
            self.assertEqual(len(sdp.parse(body).media), 1, repr(end))

    def test_levels(self) -> None:
        """What is said at session level holds where the media say nothing else."""
        body = description(
            "m=audio 4000 RTP/AVP 8", "m=audio 4002 RTP/AVP 8", "c=IN IP4 192.0.2.8", "a=sendrecv", "a=ptime:30",
            head=("c=IN IP4 192.0.2.7", "a=sendonly", "a=ptime:40"),
        )  # fmt: skip
        first, second = sdp.parse(body).media
        self.assertEqual((first.host, first.direction, first.ptime_ms), ("192.0.2.7", MediaDirection.SENDONLY, 40))
        self.assertEqual((second.host, second.direction, second.ptime_ms), ("192.0.2.8", MediaDirection.SENDRECV, 30))

    def test_port_count(self) -> None:
        """m=audio 4000/2: the first port counts."""
        self.assertEqual(sdp.parse(description("m=audio 4000/2 RTP/AVP 8")).media[0].port, 4000)

    def test_nonsense(self) -> None:
        """What is no description is BadSdp, which deserves a 400."""
        for body in (
            "hello", "v=1\r\n", description("m=audio"), description("m=audio x RTP/AVP 0"),
            description("m=audio 70000 RTP/AVP 0"), description("m=audio 4000 RTP/AVP"),
            description("m=audio 4000 RTP/AVP 200"), description("m=audio 4000 RTP/AVP x"),
            description("m=aud\x01io 4000 RTP/AVP 0"), description("m=audio 4000 RTP//AVP 0"),
            description("m=audio 4000 RTP/AVP 8", head=("c=IN",)), description("m=audio -1 RTP/AVP 0"),
        ):  # fmt: skip
            error = self.assertRaises(sdp.BadSdp, sdp.parse, body)
            self.assertEqual(error.status, 400)

    def test_bounds(self) -> None:
        """Sixteen media, 64 formats, 512 lines, 16 kB: one more is refused."""
        sdp.parse(description(*["m=audio 4000 RTP/AVP 8"] * 16))
        formats = " ".join(str(number) for number in range(65))
        for body in (
            description(*["m=audio 4000 RTP/AVP 8"] * 17),
            description(f"m=audio 4000 RTP/AVP {formats}"),
            description(*["a=x"] * 600),
            description("a=" + "x" * 17000),
        ):
            self.assertRaises(sdp.BadSdp, sdp.parse, body)

    @settings(max_examples=300, deadline=None)
    @given(st.lists(LINES, max_size=20))
    def test_never_raises_anything_else(self, lines: list[str]) -> None:
        """Whatever arrives is read, answered, or refused with an SdpError."""
        for body in ("\r\n".join(lines), description(*lines), description("m=audio 4000 RTP/AVP 8", *lines)):
            negotiation = Negotiation(LOCAL)
            try:
                written, agreement = negotiation.answer(body, HOST)
            except sdp.SdpError:
                pass
            else:
                self.assertEqual(len(sdp.parse(written).media), len(sdp.parse(body).media))
                self.assertGreaterEqual(agreement.remote[1], 1024)
            negotiation = Negotiation(LOCAL)
            negotiation.offer(HOST)
            with contextlib.suppress(sdp.SdpError):
                negotiation.read_answer(body)


class AnswerTests(SynchronousTestCase):
    def test_our_preference_decides(self) -> None:
        """Among what is offered the first of our own codecs is taken, whatever the offer's order."""
        for ours, expected in (((Codec.PCMA, Codec.PCMU), Codec.PCMA), ((Codec.PCMU, Codec.PCMA), Codec.PCMU)):
            agreement = answer("m=audio 4000 RTP/AVP 0 8", local=LocalMedia(20000, ours))
            self.assertEqual(agreement.codec, expected)

    def test_numbers_of_the_offer(self) -> None:
        """The answer uses the offer's payload types in both directions (RFC 3264, section 6.1)."""
        body, agreement = Negotiation(LOCAL).answer(
            description("m=audio 4000 RTP/AVP 97 99", "a=rtpmap:97 PCMA/8000", "a=rtpmap:99 telephone-event/8000"), HOST
        )
        self.assertIn("m=audio 20000 RTP/AVP 97 99\r\n", body)
        self.assertEqual((agreement.payload_type, agreement.receive_payload_type), (97, 97))
        self.assertEqual((agreement.telephone_event, agreement.receive_telephone_event), (99, 99))

    def test_no_events(self) -> None:
        """Without telephone-event in the offer there is none in the answer."""
        body, agreement = Negotiation(LOCAL).answer(description("m=audio 4000 RTP/AVP 8"), HOST)
        self.assertNotIn("telephone-event", body)
        self.assertEqual((agreement.telephone_event, agreement.receive_telephone_event), (None, None))

    def test_other_sections_are_refused(self) -> None:
        """Every m= line has its place in the answer; only the first audio we can do has a port."""
        body, _ = Negotiation(LOCAL).answer(
            description(
                "m=video 4002 RTP/AVP 31", "m=audio 0 RTP/AVP 8", "m=audio 4004 RTP/SAVP 8", "m=audio 4000 RTP/AVP 8",
                "m=audio 4006 RTP/AVP 8", "m=image 4008 udptl t38",
            ),
            HOST,
        )  # fmt: skip
        lines = [line for line in body.split("\r\n") if line.startswith("m=")]
        self.assertEqual(
            lines,
            ["m=video 0 RTP/AVP 31", "m=audio 0 RTP/AVP 8", "m=audio 0 RTP/SAVP 8", "m=audio 20000 RTP/AVP 8",
             "m=audio 0 RTP/AVP 8", "m=image 0 udptl t38"],
        )  # fmt: skip

    def test_directions(self) -> None:
        """The answer mirrors the offer; 0.0.0.0 lets us send nothing."""
        zero = ("c=IN IP4 0.0.0.0",)
        for lines, head, expected in (
            (("a=sendonly",), (), "recvonly"), (("a=recvonly",), (), "sendonly"), (("a=inactive",), (), "inactive"),
            (("a=sendrecv",), (), "sendrecv"), ((), (), "sendrecv"), ((), zero, "recvonly"),
            (("a=inactive",), zero, "inactive"), (("a=recvonly",), zero, "inactive"),
        ):  # fmt: skip
            body, agreement = Negotiation(LOCAL).answer(
                description("m=audio 4000 RTP/AVP 8", *lines, head=head or ("c=IN IP4 192.0.2.7",)), HOST
            )
            self.assertEqual(agreement.direction.value, expected, lines)
            self.assertIn(f"a={expected}\r\n", body)

    def test_our_hold(self) -> None:
        """What we wish limits what we answer."""
        negotiation = Negotiation(LOCAL)
        negotiation.direction = MediaDirection.SENDONLY
        self.assertEqual(
            negotiation.answer(description("m=audio 4000 RTP/AVP 8"), HOST)[1].direction, MediaDirection.SENDONLY
        )
        _, agreement = negotiation.answer(description("m=audio 4000 RTP/AVP 8", "a=sendonly"), HOST)
        self.assertEqual(agreement.direction, MediaDirection.INACTIVE)

    def test_rtcp(self) -> None:
        """a=rtcp with and without an address (RFC 3605); junk in it is no reason to refuse."""
        for line, expected in (
            ("a=rtcp:4010", ("192.0.2.7", 4010)), ("a=rtcp:4010 IN IP4 192.0.2.9", ("192.0.2.9", 4010)),
            ("a=rtcp:80", None), ("a=rtcp:x", None), ("a=rtcp:4010 IN IP4 224.0.0.1", None), ("a=rtcp:99999", None),
            ("a=x", None),
        ):  # fmt: skip
            self.assertEqual(answer("m=audio 4000 RTP/AVP 8", line).rtcp, expected, line)

    def test_version_six(self) -> None:
        """IPv6 media are as good as any; :: holds as 0.0.0.0 does; RTCP may be of either family."""
        body = description("m=audio 4000 RTP/AVP 8", "a=rtcp:4010 IN IP6 2001:db8::9", head=("c=IN IP6 2001:DB8:0::7",))
        text, agreement = Negotiation(LOCAL).answer(body, "2001:db8::1")
        self.assertEqual((agreement.remote, agreement.rtcp), (("2001:db8::7", 4000), ("2001:db8::9", 4010)))
        self.assertIn("\r\nc=IN IP6 2001:db8::1\r\n", text)
        _, held = Negotiation(LOCAL).answer(description("m=audio 4000 RTP/AVP 8", head=("c=IN IP6 ::",)), HOST)
        self.assertEqual(held.direction, MediaDirection.RECVONLY)

    def test_other_family_than_signalling(self) -> None:
        """Who signals over IPv6 and has audio on IPv4 gets an IPv4 address from us, also in what we offer later."""
        body = description("m=audio 4000 RTP/AVP 8")
        negotiation = Negotiation(LOCAL, locate=lambda host: HOST)
        text, _ = negotiation.answer(body, "2001:db8::1")
        self.assertIn(f"\r\nc=IN IP4 {HOST}\r\n", text)
        self.assertIn(f"\r\nc=IN IP4 {HOST}\r\n", negotiation.offer("2001:db8::1"))
        self.assertEqual(negotiation.host, "2001:db8::1")

    def test_families(self) -> None:
        """Audio that is bound to one family only cannot be agreed on with the other."""
        for families, address, version in (((4,), "IP6 2001:db8::7", 6), ((6,), "IP4 192.0.2.7", 4)):
            local = LocalMedia(20000, families=families)
            body = description("m=audio 4000 RTP/AVP 8", head=(f"c=IN {address}",))
            error = self.assertRaises(sdp.NotAcceptable, Negotiation(local).answer, body, HOST)
            self.assertEqual(str(error), f"there is no IPv{version} for media here")

    def test_refusals(self) -> None:
        """What we cannot do is refused with 488 and a sentence."""
        for media, head in (
            (("m=audio 4000 RTP/AVP 18",), None), (("m=audio 0 RTP/AVP 8",), None),
            (("m=video 4000 RTP/AVP 31",), None), (("m=audio 4000 RTP/SAVPF 8",), None), ((), None),
            (("m=audio 80 RTP/AVP 8",), None),
            (("m=audio 4000 RTP/AVP 8",), ("c=IN IP6 192.0.2.7",)),
            (("m=audio 4000 RTP/AVP 8",), ("c=IN IP4 host.example",)),
            (("m=audio 4000 RTP/AVP 8",), ("c=IN IP4 224.2.1.1/127",)), (("m=audio 4000 RTP/AVP 8",), ("b=AS:64",)),
            (("m=audio 4000 RTP/AVP 8",), ("c=IN IP4 239.1.1.1",)),
            (("m=audio 4000 RTP/AVP 8",), ("c=IN IP6 ff05::7",)),
            (("m=audio 4000 RTP/AVP 8",), ("c=IN IP4 ::1",)), (("m=audio 4000 RTP/AVP 8",), ("c=IN IP6 fe80::1%2",)),
            (("m=audio 4000 RTP/AVP 8",), ("c=IN E164 1234",)),
        ):  # fmt: skip
            body = description(*media, head=head or ("c=IN IP4 192.0.2.7",))
            error = self.assertRaises(sdp.NotAcceptable, Negotiation(LOCAL).answer, body, HOST)
            self.assertEqual(error.status, 488)
            self.assertGreater(len(str(error)), 10)

    def test_time_is_repeated(self) -> None:
        """The answer's t= is the offer's (RFC 3264, section 6)."""
        offer = description("m=audio 4000 RTP/AVP 8").replace("t=0 0", "t=3034423619 3042462419")
        self.assertIn("\r\nt=3034423619 3042462419\r\n", Negotiation(LOCAL).answer(offer, HOST)[0])


class OfferTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.negotiation = Negotiation(LOCAL, session=5)
        self.offer = self.negotiation.offer(HOST)

    def test_offer(self) -> None:
        """All codecs by preference, events, packet time and direction, in the order of RFC 8866."""
        self.assertEqual(
            self.offer.split("\r\n"),
            ["v=0", "o=- 5 1 IN IP4 192.0.2.10", "s=-", "c=IN IP4 192.0.2.10", "t=0 0", "m=audio 20000 RTP/AVP 8 0 101",
             "a=rtpmap:8 PCMA/8000", "a=rtpmap:0 PCMU/8000", "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-15",
             "a=ptime:20", "a=maxptime:60", "a=sendrecv", ""],
        )  # fmt: skip

    def test_public_address(self) -> None:
        """An address of its own for audio takes the place of SIP's, of its family; RTCP is named where it is apart."""
        local = LocalMedia(20000, public=("203.0.113.7", 4242), public_rtcp=("203.0.113.7", 5353))
        lines = Negotiation(local).offer(HOST).split("\r\n")
        for line in ("c=IN IP4 203.0.113.7", "a=rtcp:5353 IN IP4 203.0.113.7"):
            self.assertIn(line, lines)
        self.assertIn("m=audio 4242 RTP/AVP 8 0 101", lines)
        beside = LocalMedia(20000, public=("203.0.113.7", 4242), public_rtcp=("203.0.113.7", 4243))
        self.assertNotIn("a=rtcp", Negotiation(beside).offer(HOST))
        six = Negotiation(local).offer("2001:db8::1")
        self.assertIn("\r\nc=IN IP6 2001:db8::1\r\n", six)
        self.assertIn("m=audio 20000 ", six)
        answer = Negotiation(local).answer(description("m=audio 4000 RTP/AVP 8"), HOST)[0]
        self.assertIn("m=audio 4242 RTP/AVP 8\r\n", answer)
        self.assertIn("c=IN IP4 203.0.113.7\r\n", answer)

    def test_version_six(self) -> None:
        """An IPv6 address is named as one."""
        self.assertIn("\r\nc=IN IP6 2001:db8::1\r\n", self.negotiation.offer("2001:db8::1"))

    def test_answer(self) -> None:
        """The answer's first codec; its numbers for what we send, ours for what we receive."""
        agreement = self.negotiation.read_answer(
            description("m=audio 4000 RTP/AVP 98 96", "a=rtpmap:98 PCMU/8000", "a=rtpmap:96 telephone-event/8000")
        )
        self.assertEqual((agreement.codec, agreement.payload_type, agreement.receive_payload_type), (Codec.PCMU, 98, 0))
        self.assertEqual((agreement.telephone_event, agreement.receive_telephone_event), (96, 101))

    def test_bad_answers(self) -> None:
        """An answer that refuses or does not fit is NotAcceptable."""
        for media in ((), ("m=audio 0 RTP/AVP 8",), ("m=video 4000 RTP/AVP 8",), ("m=audio 4000 RTP/AVP 18",),
                      ("m=audio 4000 RTP/SAVP 8",)):  # fmt: skip
            self.assertRaises(sdp.NotAcceptable, self.negotiation.read_answer, description(*media))

    def test_codec_that_was_not_offered(self) -> None:
        """PCMU in the answer to an offer of PCMA alone does not count."""
        negotiation = Negotiation(LocalMedia(20000, (Codec.PCMA,)))
        negotiation.offer(HOST)
        self.assertRaises(sdp.NotAcceptable, negotiation.read_answer, description("m=audio 4000 RTP/AVP 0"))

    def test_version(self) -> None:
        """The version grows when the description changes, and only then (RFC 3264, section 8)."""
        self.assertEqual(self.negotiation.offer(HOST), self.offer)
        self.assertIn("o=- 5 2 ", self.negotiation.offer("192.0.2.11"))
        self.negotiation.direction = MediaDirection.SENDONLY
        self.assertIn("o=- 5 3 ", self.negotiation.offer("192.0.2.11"))
        self.assertIn("o=- 5 3 ", self.negotiation.offer("192.0.2.11"))

    def test_failure_changes_nothing(self) -> None:
        """A refused offer or answer leaves the session as it was."""
        before = self.negotiation.read_answer(description("m=audio 4000 RTP/AVP 8"))
        self.assertRaises(sdp.SdpError, self.negotiation.answer, description("m=video 4000 RTP/AVP 31"), HOST)
        self.assertRaises(sdp.SdpError, self.negotiation.read_answer, "nonsense")
        self.assertEqual(self.negotiation.agreement, before)
        self.assertEqual(self.negotiation.offer(HOST), self.offer)

    def test_copy(self) -> None:
        """Forks have agreements of their own."""
        twin = self.negotiation.copy()
        twin.read_answer(description("m=audio 4000 RTP/AVP 8"))
        self.assertIsNone(self.negotiation.agreement)
        self.assertEqual(twin.offer(HOST), self.offer)

    def test_both_sides(self) -> None:
        """Our answer to our offer is understood by both."""
        other = Negotiation(LocalMedia(30000, telephone_event=110))
        body, theirs = other.answer(self.offer, "192.0.2.20")
        ours = self.negotiation.read_answer(body)
        self.assertEqual((ours.remote, theirs.remote), (("192.0.2.20", 30000), (HOST, 20000)))
        self.assertEqual((ours.payload_type, ours.telephone_event), (theirs.receive_payload_type, 101))
