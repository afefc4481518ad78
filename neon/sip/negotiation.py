"""One dialog's offers and answers (RFC 3264): who said what, under which payload types and which o= version.

A L{Negotiation} makes our descriptions and reads theirs. The version in o= grows when our description changes
and only then (section 8), the number of m= sections never shrinks, and what failed leaves it as it was.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace

from neon.sip import crypto, formats, sdp, sdpwriting
from neon.sip.crypto import CryptoLine
from neon.sip.formats import Events, Numbers
from neon.srtp import SrtpKeys, SrtpPolicy
from neon.values import Codec, LocalMedia, MediaAgreement, MediaDirection


@dataclass(frozen=True, slots=True)
class _Layout:
    """The m= sections of the session: theirs as they stood, which of them is our stream, and what its numbers mean."""

    media: tuple[sdp.Media, ...] = ()
    index: int = 0
    time: str = "0 0"
    numbers: Numbers = formats.NO_NUMBERS


class Negotiation:
    """Our side of the exchanges of one dialog."""

    def __init__(
        self, local: LocalMedia, *, session: int | None = None, locate: Callable[[str], str] | None = None
    ) -> None:
        """C{locate} says which address of ours a numeric host reaches: for audio of another family than signalling."""
        self.local = local
        self._locate = locate
        self.direction = MediaDirection.SENDRECV
        # Below 2**53, so that no peer that reads it into a float changes it.
        self._session = secrets.randbits(48) if session is None else session
        self._version = 0
        self._content: tuple[str, list[str]] | None = None
        self._layout = _Layout(numbers=Numbers(events={formats.CLOCK_RATE: local.telephone_event}))
        self._offered: dict[Codec, int] = {}
        self._offered_events: dict[int, Events] = {}
        self._offered_crypto: tuple[CryptoLine, ...] = ()
        self._plain = False
        self.agreement: MediaAgreement | None = None
        self.host: str | None = None
        """Where our audio is, as the far end was told last."""

    def copy(self) -> Negotiation:
        """The same state, for another dialog that our offer leads to (forking)."""
        twin = Negotiation(self.local, session=self._session)
        twin.__dict__.update(self.__dict__)
        return twin

    def simplify(self) -> bool:
        """From now on offer what the simplest telephone takes: G.711 in both laws, and nothing beside it.

        Encryption stays where it is mandatory. False if that is what was offered already.
        """
        if self._plain:
            return False
        self._plain, self._layout = True, _Layout()
        return True

    def offer(self, host: str, direction: MediaDirection | None = None) -> str:
        """Describe what we want: all our codecs by preference, in the m= section that is ours already.

        C{direction} is said instead of our wish, which goes on to be what the answer is read by.
        """
        codecs = (Codec.PCMU, Codec.PCMA) if self._plain else self.local.codecs
        numbers = self._layout.numbers.of(codecs)
        rates = () if self._plain else dict.fromkeys(codec.clock_rate for codec in codecs)
        self._offered = {codec: numbers.number(codec) for codec in codecs}
        self._offered_events = {rate: Events(numbers.events[rate], rate) for rate in rates}
        self.host = host
        host = self._beside(host, None if self.agreement is None else self.agreement.remote[0])
        (_, port), rtcp = self.local.reached_at(host)
        protocol, self._offered_crypto = self._security()
        ours = sdpwriting.audio(
            port, direction or self.direction, tuple(self._offered.items()), self._offered_events.values(),
            plain=self._plain, rtcp=rtcp, protocol=protocol, crypto=self._offered_crypto,
            ptime_ms=self.local.ptime_ms, comfort_noise=self.local.comfort_noise,
        )  # fmt: skip
        body = self._write(host, self._layout, ours)
        self._layout = replace(self._layout, numbers=numbers)
        return body

    def answer(self, offer: str, host: str) -> tuple[str, MediaAgreement]:
        """Answer an offer: one codec, under the payload types that the offer gave it.

        @raise sdp.SdpError: nothing in it can be used; the session stays as it was.
        """
        description = sdp.parse(offer)
        index, codec = sdp.find_audio(description, self.local.codecs, self.local.srtp)
        media = description.media[index]
        payload, events = media.codecs[codec], media.events(codec)
        lines, keys = self._answer_crypto(media)
        agreement = self._agree(media, codec, payload, events, keys)
        numbers = self._layout.numbers.learn(media.codecs, media.all_events, media.formats)
        layout = _Layout(description.media, index, description.time, numbers)
        self.host = host
        host = self._beside(host, agreement.remote[0])
        (_, port), rtcp = self.local.reached_at(host)
        ours = sdpwriting.audio(
            port, agreement.direction, ((codec, payload),), () if events is None else (events,),
            rtcp=rtcp, protocol=media.protocol, crypto=lines, ptime_ms=self.local.ptime_ms,
            comfort_noise=self.local.comfort_noise and media.comfort_noise and codec is not Codec.OPUS,
        )  # fmt: skip
        body = self._write(host, layout, ours)
        self._layout = layout
        self.agreement = agreement
        return body, agreement

    def read_answer(self, answer: str) -> MediaAgreement:
        """Read the answer to the offer that L{offer} made last.

        @raise sdp.SdpError: it refuses, or does not fit the offer.
        """
        description = sdp.parse(answer)
        index = self._layout.index
        if len(description.media) <= index:
            raise sdp.NotAcceptable("the answer has no section for our audio")
        media = description.media[index]
        if not media.is_audio or not (media.is_plain or media.is_secure):
            raise sdp.NotAcceptable("the answer is not for our audio")
        if media.port == 0:
            raise sdp.NotAcceptable("the answer refuses audio")
        # The first that the answer names is what the peer prefers to receive (section 7).
        codec = next((known for known in media.codecs if known in self._offered), None)
        if codec is None:
            raise sdp.NotAcceptable("the answer has none of the offered codecs")
        keys = self._read_crypto(media)
        theirs = media.events(codec)
        events = None if theirs is None else self._offered_events.get(theirs.rate)
        agreement = self._agree(media, codec, self._offered[codec], events, keys)
        self._layout = _Layout(description.media, index, self._layout.time, self._layout.numbers)
        self.agreement = agreement
        return agreement

    def _beside(self, host: str, remote: str | None) -> str:
        """Our address for audio: of the far end's family, even if its signalling is of the other one (RFC 6157)."""
        if remote is None or self._locate is None or (":" in remote) == (":" in host):
            return host
        return self._locate(remote)

    # Encryption (RFC 4568)

    def _security(self) -> tuple[str, tuple[CryptoLine, ...]]:
        """Over which protocol we offer, and with which keys: as the session has it, or else as the account wants it."""
        now, policy = self.agreement, self.local.srtp
        if now is not None:
            lines = () if now.srtp is None else crypto.offer(now.srtp)
            return self._layout.media[self._layout.index].protocol, lines
        if policy is SrtpPolicy.MANDATORY:
            return sdp.SECURE, crypto.offer(None)
        # Under RTP/AVP the keys are an offer that whoever does not know them passes over, as phones have it. Two m=
        # sections, or RFC 5939, would say it more properly, and be refused or answered twice by many.
        return sdp.PLAIN, crypto.offer(None) if policy is SrtpPolicy.OPTIONAL and not self._plain else ()

    def _answer_crypto(self, media: sdp.Media) -> tuple[tuple[CryptoLine, ...], SrtpKeys | None]:
        """Our line for an offered section, and the keys that are agreed on by it."""
        if not sdp.encrypted(media, self.local.srtp):
            return (), None
        now = self.agreement
        before = None if now is None else now.srtp
        moved = now is not None and now.remote != (media.host, media.port)
        answered = crypto.answer(media.crypto, before, moved=moved)
        if answered is None:
            raise sdp.NotAcceptable("the offer has our own key in it")
        return (answered[0],), answered[1]

    def _read_crypto(self, media: sdp.Media) -> SrtpKeys | None:
        """The keys that an answer agrees on; None where it may be in clear, and is."""
        if not self._offered_crypto and media.is_plain:
            return None
        keys = crypto.accepted(self._offered_crypto, media.crypto)
        if keys is not None:
            return keys
        if media.encrypts:
            raise sdp.NotAcceptable("the answer does not fit the keys that were offered")
        if media.is_secure or self.local.srtp is SrtpPolicy.MANDATORY:
            raise sdp.NotAcceptable(sdp.NOT_ENCRYPTED)
        return None

    def _agree(
        self, media: sdp.Media, codec: Codec, payload: int, events: Events | None, keys: SrtpKeys | None
    ) -> MediaAgreement:
        agreement = sdp.agree(media, codec, payload, events, self.direction, keys, self.local.ptime_ms)
        version = 6 if ":" in agreement.remote[0] else 4
        if version not in self.local.families:
            raise sdp.NotAcceptable(f"there is no IPv{version} for media here")
        return agreement

    def _write(self, host: str, layout: _Layout, ours: list[str]) -> str:
        refused = [sdpwriting.refused(media) for media in layout.media]
        sections = refused or [[]]
        sections[layout.index] = ours
        lines = [line for section in sections for line in section]
        if self._content != (host + layout.time, lines):
            self._content = (host + layout.time, lines)
            self._version += 1
        (host, _), _ = self.local.reached_at(host)
        return sdpwriting.description(host, self._session, self._version, layout.time, lines)
