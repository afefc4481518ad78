"""Whatever the far end and the user do, in whatever order: one end for each call, nothing after it, nothing left."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import settings as bounded
from hypothesis import strategies as st
from sippy.SipURL import SipURL

from neon.ports import SignallingCall
from neon.sip.digest import DigestClient
from neon.sip.session import Session
from neon.sip.stack import CallSettings
from tests.sip.calls import CONTACT, SDP, VIDEO_SDP, WITH_SDP, Ear, WireCase
from tests.sip.messages import OURS, PEER, ack_text, request_text, response_text
from tests.sip.network import Datagram

CHALLENGE = 'Digest realm="neon", nonce="{}", qop="auth"'

STATUSES = (100, 180, 183, 183, 200, 200, 202, 302, 401, 407, 408, 422, 481, 486, 488, 491, 500, 503, 603, 699)
EXTRAS: tuple[tuple[str, ...], ...] = (
    (),
    ("Require: 100rel", "RSeq: 1", "Session-Expires: 6;refresher=uac", "Min-SE: 3", "Retry-After: 1"),
    ("Require: 100rel", "RSeq: 2", "Session-Expires: 6;refresher=uas", "Min-SE: 2000", "Retry-After: 3"),
    ("Allow: INVITE, ACK, BYE, CANCEL, UPDATE", "Session-Expires: 6", "Min-SE: 99999"),
)
"""What a message may bring besides, each with what makes no sense in it."""
BODIES = ("", SDP, VIDEO_SDP, "nonsense")
FRAGMENTS = ("SIP/2.0 100 Trying", "SIP/2.0 200 OK", "SIP/2.0 486 Busy Here", "")
TAGS = ("one", "two", "")

Steps = list[tuple[str, int, int, int]]
STEP = st.tuples(
    st.sampled_from(["respond", "respond", "request", "user", "wait", "ack"]),
    st.integers(0, 19),
    st.integers(0, 3),
    st.integers(0, 2),
)


class PromiseTests(WireCase):
    """C{respond}, C{request} and C{ack} are the far end's, C{user} ours, C{wait} the clock's."""

    settings = CallSettings(session_expires=6, min_se=3)

    def begin(self) -> None:
        """A new world for each example: hypothesis runs many in one test."""
        self.doCleanups()
        self.setUp()
        self.nonce = self.holds = self.transfers = 0

    def far_response(self, requests: list[Datagram], which: int, body: int, tag: int) -> None:
        """Answer one of our latest requests."""
        if not requests:
            return
        request = requests[-1 - body % min(2, len(requests))]
        status = STATUSES[which]
        self.nonce += 1
        extra = [CONTACT, f"WWW-Authenticate: {CHALLENGE.format(self.nonce)}", *EXTRAS[(which + body + tag) % 4]]
        if status == 302:
            extra = [f"Contact: <sip:other{body}@127.0.0.9>"]
        if BODIES[body]:
            extra.append(WITH_SDP[1])
        text = response_text(request, status, tag=TAGS[tag] or "x", extra=tuple(extra), body=BODIES[body])
        self.network.deliver(text if TAGS[tag] else text.replace(";tag=x", ""), PEER, OURS)

    def far_request(self, call_id: str, to: str, caller: str, number: int, which: int, body: int) -> None:
        """Send a request in what may be the dialog."""
        method = (
            "BYE", "INVITE", "INVITE", "UPDATE", "INFO", "REFER", "NOTIFY", "NOTIFY", "CANCEL", "PRACK", "UPDATE"
        )[which % 11]  # fmt: skip
        headers: dict[str, str] = {}
        text = BODIES[body] if method in ("INVITE", "UPDATE", "PRACK") else ""
        extra: tuple[str, ...] = EXTRAS[(which + number) % 4] if method in ("INVITE", "UPDATE") else ()
        ringing = [one.header("RSeq") for one in self.network.sent if one.header("RSeq")]
        if method == "PRACK" and ringing:
            extra = (f"RAck: {ringing[-1]} {1 + which % 2} INVITE",)
        if method == "NOTIFY":
            text = FRAGMENTS[body]
            headers = {"event": "refer", "content_type": "message/sipfrag"}
            headers["subscription_state"] = ("active;expires=30", "terminated;reason=noresource")[which % 2]
        elif method == "INFO":
            text, headers = "Signal=5", {"content_type": ("application/dtmf-relay", "application/x")[body % 2]}
        made = request_text(
            method, body=text, call_id=call_id, to=to, caller=caller, extra=extra,
            via=f"SIP/2.0/UDP 127.0.0.9:5080;branch=z9hG4bKr{number}", cseq=f"{number} {method}", **headers,
        )  # fmt: skip
        self.network.deliver(made, PEER, OURS)

    def control(self, call: SignallingCall, ear: Ear, which: int) -> None:
        """We hold, resume, type or refer; one hold and one transfer at a time, as the phone does it."""
        if which % 5 == 4 and isinstance(call, Session):
            call.relocate(lambda contact, peer: SipURL(username="moved", host=f"127.0.0.{which}", port=5060))
            return
        if ear.cause is not None or "answered" not in ear.heard:
            return
        done = {kind: sum(what.startswith(kind) for what in ear.heard) for kind in ("hold", "transfer")}
        if which % 4 < 2 and self.holds == done["hold"]:
            self.holds += 1
            call.hold(which % 4 == 0)
        elif which % 4 == 2:
            call.send_digit("5", 100)
        elif which % 4 == 3 and self.transfers == done["transfer"]:
            self.transfers += 1
            call.refer("sip:33@example.org")

    def far_ack(self, body: int) -> None:
        """Acknowledge our latest 2xx to an INVITE."""
        for datagram in reversed(self.network.sent):
            if datagram.first_line.startswith("SIP/2.0 200") and "INVITE" in (datagram.header("CSeq") or ""):
                text = ack_text(datagram, branch=f"z9hG4bKa{len(self.network.sent)}").partition("content-length")[0]
                sdp = BODIES[body]
                head = "content-type: application/sdp\r\n" if sdp else ""
                self.network.deliver(f"{text}{head}content-length: {len(sdp)}\r\n\r\n{sdp}", PEER, OURS)
                return

    def finish(self, ear: Ear | None, hang_up: Callable[[], None]) -> None:
        """We hang up whatever is left; the call ends in four seconds, and everything of it in two minutes."""
        hang_up()
        self.wait(5)
        if ear is not None:
            self.assertIsNotNone(ear.cause, ear.heard)
            self.assertEqual(sum(what.startswith("ended") for what in ear.heard), 1)
            self.assertLessEqual(ear.heard.count("answered"), 1)
            self.assertLessEqual(sum(what.startswith("hold") for what in ear.heard), self.holds)
            self.assertLessEqual(sum(what.startswith("transfer") for what in ear.heard), self.transfers)
        self.assert_nothing_left()
        self.assertEqual(self.flushLoggedErrors(), [])

    @bounded(max_examples=150, deadline=None)
    @given(st.booleans(), st.lists(STEP, max_size=14))
    def test_outgoing(self, answered: bool, steps: Steps) -> None:
        """A call that we make; half of them are up when chaos begins."""
        self.begin()
        self.alice.digest = DigestClient("1000", "secret")
        call, ear = self.alice.call(PEER, ("127.0.0.9", 5081))
        if answered:
            self.respond(200, *WITH_SDP, body=SDP, tag=TAGS[0])
        for number, (kind, which, body, tag) in enumerate(steps):
            ours = self.sent("INVITE", "BYE", "CANCEL", "INFO", "REFER", "PRACK", "UPDATE")
            if kind == "respond":
                self.far_response(ours, which, body, tag)
            elif kind == "request":
                invite = ours[0]
                self.far_request(
                    invite.header("Call-ID") or "", invite.header("From") or "",
                    f"<sip:bob@example.org>;tag={TAGS[tag] or 'x'}", number + 2, which, body,
                )  # fmt: skip
            elif kind == "ack":
                self.far_ack(body)
            elif kind == "user" and which < 4:
                call.hang_up()
            elif kind == "user":
                self.control(call, ear, which)
            elif kind == "wait":
                self.wait((0.01, 0.6, 5, 40)[body])
        self.finish(ear, call.hang_up)

    @bounded(max_examples=150, deadline=None)
    @given(st.booleans(), st.integers(0, 3), st.lists(STEP, max_size=14))
    def test_incoming(self, delayed: bool, extra: int, steps: Steps) -> None:
        """A call that comes in, with an offer or without, and with what the caller wants besides."""
        self.begin()
        self.network.deliver(request_text("INVITE", body="" if delayed else SDP, extra=EXTRAS[extra]), PEER, OURS)
        call, ear = self.alice.incoming[0], self.alice.ears[0]
        to = self.network.sent[-1].header("To") or ""
        for number, (kind, which, body, tag) in enumerate(steps):
            if kind == "respond":
                ours = [one for one in self.sent("BYE", "INVITE", "INFO", "REFER", "UPDATE") if one.source == OURS]
                self.far_response(ours, which, body, tag)
            elif kind == "request":
                caller = "<sip:bob@127.0.0.9>;tag=" + ("bob" if tag else "eve")
                self.far_request("call@127.0.0.9", to, caller, number + 2, which, body)
            elif kind == "ack":
                self.far_ack(body)
            elif kind == "user" and which < 8:
                (call.accept, call.accept, call.ring, call.hang_up)[which % 4]()
            elif kind == "user":
                self.control(call, ear, which)
            elif kind == "wait":
                self.wait((0.01, 0.6, 5, 40)[body])
        self.finish(ear, call.hang_up)
