"""One endpoint on a clock and a network in memory; the test is the far end."""

from __future__ import annotations

from sippy.SipRequest import SipRequest
from sippy.SipResponse import SipResponse
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from neon.sip import reactor as glue
from neon.sip.door import DoorPolicy
from neon.sip.endpoint import ClientTransaction, Endpoint, ServerTransaction
from neon.values import Address
from tests.sip.messages import OURS, PEER, THERE, build_request
from tests.sip.network import Datagram, Network


class EndpointCase(SynchronousTestCase):
    """One endpoint that trusts everybody; the test is the far end."""

    policy = DoorPolicy(trusted=lambda host, transport: True)

    def setUp(self) -> None:
        self.clock = Clock()
        self.addCleanup(glue.install(self.clock).restore)
        self.network = Network(self.clock)
        self.requests: list[tuple[SipRequest, ServerTransaction]] = []
        self.responses: list[tuple[float, int]] = []
        self.endpoint = self.make(self.policy)

    def tearDown(self) -> None:
        self.assertEqual(self.endpoint.pending(), (0, 0), "a transaction was left behind")
        self.successResultOf(self.endpoint.stop())
        self.assertEqual(self.clock.getDelayedCalls(), [], "a timer was left behind")

    def make(self, policy: DoorPolicy) -> Endpoint:
        endpoint = Endpoint(
            self.network, self.clock, host=OURS[0], port=OURS[1], door=policy,
            on_request=self.on_request, user_agent="NEON/test",
        )  # fmt: skip
        endpoint.start()
        return endpoint

    def on_request(self, request: SipRequest, transaction: ServerTransaction) -> None:
        self.requests.append((request, transaction))

    def on_response(self, response: SipResponse) -> None:
        self.responses.append((self.clock.seconds(), response.getSCode()[0]))

    def wait(self, seconds: float) -> None:
        self.clock.pump([0.125] * round(seconds * 8))

    def receive(self, data: str | bytes, source: Address = PEER) -> list[Datagram]:
        """Let a datagram arrive; returns what was sent because of it."""
        self.network.taken()
        self.network.deliver(data, source, OURS)
        return self.network.taken()

    def times(self, start: str = "") -> list[float]:
        return [datagram.at for datagram in self.network.taken() if datagram.first_line.startswith(start)]

    def send(self, method: str = "INVITE", *, manual_ack: bool = False) -> tuple[ClientTransaction, Datagram]:
        request = build_request(method)
        transaction = self.endpoint.send_request(request, THERE, self.on_response, manual_ack=manual_ack)
        return transaction, self.network.taken()[-1]
