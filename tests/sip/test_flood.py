"""The door and the endpoint under load and under garbage: nothing raises, stays, or silences them."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from neon.sip import reactor as glue
from neon.sip.door import DoorPolicy
from neon.sip.endpoint import Endpoint
from neon.values import Address
from tests.sip.messages import OURS, PEER, ack_text, answer, request_text
from tests.sip.network import Network


class LoadTests(SynchronousTestCase):
    """The limits on what is pending, through an endpoint."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.addCleanup(glue.install(self.clock).restore)
        self.network = Network(self.clock)

    def make(self, **limits: int) -> tuple[Endpoint, list[tuple[object, object]]]:
        seen: list[tuple[object, object]] = []
        policy = DoorPolicy(direct_calls=True, **limits)  # type: ignore[arg-type]
        endpoint = Endpoint(self.network, self.clock, host=OURS[0], port=OURS[1], door=policy, user_agent="x",
                            on_request=lambda request, transaction: seen.append((request, transaction)))  # fmt: skip
        endpoint.start()
        self.addCleanup(endpoint.stop)
        return endpoint, seen

    def invite(self, number: int, source: Address = PEER, method: str = "INVITE") -> list[str]:
        self.network.taken()
        self.network.deliver(request_text(method, call_id=f"{number}@x"), source, OURS)
        return [sent.first_line for sent in self.network.taken()]

    def test_invites_of_a_source(self) -> None:
        """The fifth pending INVITE of a source is 486; a retransmission of the fourth is not."""
        endpoint, seen = self.make()
        for number in range(4):
            self.assertEqual(self.invite(number), [])
        self.assertEqual(self.invite(5), ["SIP/2.0 486 Busy Here"])
        self.assertEqual(self.invite(3), [])
        self.assertEqual((len(seen), endpoint.pending()), (4, (0, 4)))

    def test_room_again(self) -> None:
        """An answered INVITE makes room, and so does an expired one."""
        _, seen = self.make()
        for number in range(4):
            self.invite(number)
        request, transaction = seen[0]
        transaction.respond(answer(request, 486))  # type: ignore
        self.assertEqual(self.invite(5), [])
        self.assertEqual(self.invite(6), ["SIP/2.0 486 Busy Here"])
        self.clock.pump([1.0] * 181)
        self.assertEqual(self.invite(7), [])

    def test_invites_of_all(self) -> None:
        """Sixteen pending INVITEs in all, then 503."""
        self.make()
        for number in range(16):
            self.assertEqual(self.invite(number, (f"127.0.1.{number // 4}", 5060)), [])
        self.assertEqual(self.invite(17, ("127.0.2.1", 5060)), ["SIP/2.0 503 Service Unavailable"])

    def test_pending_messages(self) -> None:
        """So many requests may wait for their answer, then 503."""
        self.make(pending_messages=10)
        for number in range(10):
            self.assertEqual(self.invite(number, method="MESSAGE"), [])
        self.assertEqual(self.invite(10, method="MESSAGE"), ["SIP/2.0 503 Service Unavailable"])


class GarbageTests(SynchronousTestCase):
    """Nothing that arrives raises, stays, or silences the endpoint."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.addCleanup(glue.install(self.clock).restore)
        self.network = Network(self.clock)
        policy = DoorPolicy(direct_calls=True, trusted=lambda host, transport: True)
        self.endpoint = Endpoint(
            self.network, self.clock, host=OURS[0], port=OURS[1], door=policy,
            user_agent="x", on_request=lambda request, transaction: transaction.respond(answer(request, 200)),
        )  # fmt: skip
        self.endpoint.start()

    def tearDown(self) -> None:
        self.assertIsInstance(self.check_alive(), str)
        self.clock.pump([1.0] * 35)
        self.assertEqual(self.endpoint.pending(), (0, 0))
        self.successResultOf(self.endpoint.stop())
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def check_alive(self) -> str:
        self.network.taken()
        self.network.deliver(request_text(call_id="alive"), PEER, OURS)
        [sent] = self.network.taken()
        self.assertEqual(sent.first_line, "SIP/2.0 200 Because")
        return sent.text

    def test_three_packets(self) -> None:
        """Three Vias with port 65536, which silence a stock sippy, change nothing."""
        for number in range(3):
            via = "SIP/2.0/UDP 127.0.0.9:65536;branch=z9hG4bKx"
            self.network.deliver(request_text(via=via, call_id=str(number)), PEER, OURS)
            self.network.deliver(request_text("INVITE", via=via + ";rport=65536", call_id=str(number)), PEER, OURS)
        self.assertEqual(self.network.taken(), [])

    def test_bad_fields(self) -> None:
        """Fields that the parser chokes on are 400."""
        good = request_text("MESSAGE", extra=("Route: <sip:a@b;lr>",))
        for old, new in (("<sip:bob@127.0.0.9:5080>", "<sip:bob@h:port>"), ("<sip:bob@127.0.0.9>", "sip"),
                         ("<sip:1000@127.0.0.1>", "<>"), ("<sip:bob@127.0.0.9:5080>", "no uri"),
                         ("<sip:a@b;lr>", "<sip:"), ("<sip:bob@127.0.0.9:5080>", "<tel:1>"),
                         ("<sip:1000@127.0.0.1>", "<sip:a\udcff@b>"),
                         ("<sip:1000@127.0.0.1>", "<unknown:x@y>")):  # fmt: skip
            self.network.taken()
            self.assertIn(old, good)
            self.network.deliver(good.replace(old, new).encode("utf-8", "surrogateescape"), PEER, OURS)
            self.assertEqual([sent.first_line for sent in self.network.taken()], ["SIP/2.0 400 Bad Request"], new)

    def test_telephone_numbers(self) -> None:
        """A caller may be a tel: URI (RFC 3966); the answer repeats it as it was."""
        self.network.deliver(request_text(caller="<tel:+5511;ext=1>;tag=x"), PEER, OURS)
        [sent] = self.network.taken()
        self.assertEqual((sent.first_line, sent.header("From")), ("SIP/2.0 200 Because", "<tel:+5511;ext=1>;tag=x"))

    @settings(max_examples=150, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.binary(max_size=300))
    def test_noise(self, data: bytes) -> None:
        """Octets at random."""
        self.network.deliver(data, PEER, OURS)
        self.network.deliver(b"OPTIONS sip:x@y SIP/2.0\r\n" + data, PEER, OURS)
        self.network.deliver(b"SIP/2.0 200 OK\r\n" + data, PEER, OURS)

    @settings(max_examples=200, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(("INVITE", "OPTIONS", "ACK", "CANCEL", "BYE")), st.data())
    def test_mutations(self, method: str, data: st.DataObject) -> None:
        """Good messages with pieces cut out, doubled or replaced."""
        message = request_text(method, body="v=0\r\nm=audio 1 RTP/AVP 0\r\n").encode()
        for _ in range(data.draw(st.integers(1, 4))):
            start = data.draw(st.integers(0, len(message)))
            end = data.draw(st.integers(start, min(len(message), start + 20)))
            marks = st.sampled_from((b"\r\n", b"<", b'"', b",", b":", b";", b"\xff", b"%00"))
            piece = data.draw(st.one_of(st.binary(max_size=6), st.just(message[start:end] * 2), marks))
            message = message[:start] + piece + message[end:]
        self.network.deliver(message, PEER, OURS)

    def test_ack_storm(self) -> None:
        """ACKs, CANCELs and responses for nothing leave nothing behind."""
        for number in range(100):
            self.network.deliver(request_text("ACK", call_id=str(number)), PEER, OURS)
            self.network.deliver(request_text("INVITE", call_id=f"i{number}"), PEER, OURS)
        for sent in self.network.taken():
            if "INVITE" in (sent.header("CSeq") or ""):
                self.network.deliver(ack_text(sent), PEER, OURS)
        self.assertEqual(self.endpoint.pending(), (0, 0))
