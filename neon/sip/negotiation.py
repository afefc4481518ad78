"""One dialog's offers and answers (RFC 3264): who said what, under which payload types and which o= version.

A L{Negotiation} makes our descriptions and reads theirs. The version in o= grows when our description changes
and only then (section 8), the number of m= sections never shrinks, and what failed leaves it as it was.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from neon.sip import sdp
from neon.values import Codec, LocalMedia, MediaAgreement, MediaDirection


@dataclass(frozen=True, slots=True)
class _Layout:
    """The m= sections of the session: theirs as they stood, and which of them is our stream."""

    media: tuple[sdp.Media, ...] = ()
    index: int = 0
    time: str = "0 0"
    telephone_event: int | None = None


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
        self._layout = _Layout(telephone_event=local.telephone_event)
        self._offered: dict[Codec, int] = {}
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

        False if that is what was offered already.
        """
        if self._plain:
            return False
        self._plain, self._layout = True, _Layout()
        return True

    def offer(self, host: str, direction: MediaDirection | None = None) -> str:
        """Describe what we want: all our codecs by preference, in the m= section that is ours already.

        C{direction} is said instead of our wish, which goes on to be what the answer is read by.
        """
        codecs = tuple(Codec) if self._plain else self.local.codecs
        self._offered = {codec: codec.payload_type for codec in codecs}
        self.host = host
        host = self._beside(host, None if self.agreement is None else self.agreement.remote[0])
        (_, port), rtcp = self.local.reached_at(host)
        ours = sdp.write_audio(
            port, direction or self.direction, tuple(self._offered.items()), self._layout.telephone_event,
            plain=self._plain, rtcp=rtcp,
        )  # fmt: skip
        return self._write(host, self._layout, ours)

    def answer(self, offer: str, host: str) -> tuple[str, MediaAgreement]:
        """Answer an offer: one codec, under the payload types that the offer gave it.

        @raise sdp.SdpError: nothing in it can be used; the session stays as it was.
        """
        description = sdp.parse(offer)
        index, codec = sdp.find_audio(description, self.local.codecs)
        media = description.media[index]
        payload, events = media.codecs[codec], media.telephone_event
        agreement = self._agree(media, codec, payload, events)
        # The event payload type of the peer stays that of later offers (section 8.3.2).
        known = events if events is not None else self._layout.telephone_event
        layout = _Layout(description.media, index, description.time, known)
        self.host = host
        host = self._beside(host, agreement.remote[0])
        (_, port), rtcp = self.local.reached_at(host)
        ours = sdp.write_audio(port, agreement.direction, ((codec, payload),), events, rtcp=rtcp)
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
        if not media.is_rtp_audio:
            raise sdp.NotAcceptable("the answer is not for our audio")
        if media.port == 0:
            raise sdp.NotAcceptable("the answer refuses audio")
        # The first that the answer names is what the peer prefers to receive (section 7).
        codec = next((known for known in media.codecs if known in self._offered), None)
        if codec is None:
            raise sdp.NotAcceptable("the answer has none of the offered codecs")
        agreement = self._agree(media, codec, self._offered[codec], self._layout.telephone_event)
        self._layout = _Layout(description.media, index, self._layout.time, self._layout.telephone_event)
        self.agreement = agreement
        return agreement

    def _beside(self, host: str, remote: str | None) -> str:
        """Our address for audio: of the far end's family, even if its signalling is of the other one (RFC 6157)."""
        if remote is None or self._locate is None or (":" in remote) == (":" in host):
            return host
        return self._locate(remote)

    def _agree(self, media: sdp.Media, codec: Codec, payload: int, events: int | None) -> MediaAgreement:
        agreement = sdp.agree(media, codec, payload, events, self.direction)
        version = 6 if ":" in agreement.remote[0] else 4
        if version not in self.local.families:
            raise sdp.NotAcceptable(f"there is no IPv{version} for media here")
        return agreement

    def _write(self, host: str, layout: _Layout, ours: list[str]) -> str:
        refused = [sdp.write_refused(media) for media in layout.media]
        sections = refused or [[]]
        sections[layout.index] = ours
        lines = [line for section in sections for line in section]
        if self._content != (host + layout.time, lines):
            self._content = (host + layout.time, lines)
            self._version += 1
        (host, _), _ = self.local.reached_at(host)
        return sdp.write(host, self._session, self._version, layout.time, lines)
