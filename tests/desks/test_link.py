"""The link with a broker: paho's client on a connection in memory, and a broker of a few lines at the other end."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionDone, ConnectionRefusedError
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from neon.desks.link import MAX_UNACKNOWLEDGED, Credentials, Link, Will

CONNACK = b"\x20\x03\x00\x00\x00"
REFUSED = b"\x20\x03\x00\x87\x00"  # not authorised


class Transport(StringTransport):
    """Tells the protocol when it is closed."""

    protocol: Any = None
    aborted = False

    def loseConnection(self) -> None:
        if not self.disconnecting:
            super().loseConnection()
            self.protocol.connectionLost(Failure(ConnectionDone()))

    def abortConnection(self) -> None:
        self.aborted = True
        self.loseConnection()


class Endpoint:
    """Connects at once, or refuses, or makes wait."""

    def __init__(self) -> None:
        self.transports: list[Transport] = []
        self.up = True

    def connect(self, factory: Any) -> Deferred[Any]:
        if not self.up:
            return fail(ConnectionRefusedError())
        protocol = factory.buildProtocol(None)
        transport = Transport()
        transport.protocol = protocol
        self.transports.append(transport)
        protocol.makeConnection(transport)
        return succeed(protocol)


class Notes:
    """Implements L{neon.desks.link.Listener}."""

    def __init__(self) -> None:
        self.heard: list[object] = []

    def linked(self) -> None:
        self.heard.append("linked")

    def lost(self) -> None:
        self.heard.append("lost")

    def arrived(self, topic: str, payload: bytes, kept: bool) -> None:
        self.heard.append((topic, payload, kept))

    def caught_up(self) -> None:
        self.heard.append("room")


def packets(data: bytes) -> list[tuple[int, bytes]]:
    """What a client wrote: the types of MQTT's packets and their bodies."""
    found = []
    while data:
        length, shift, at = 0, 0, 1
        while True:
            length |= (data[at] & 0x7F) << shift
            at += 1
            if not data[at - 1] & 0x80:
                break
            shift += 7
        found.append((data[0] >> 4, data[at : at + length]))
        data = data[at + length :]
    return found


def publish(topic: str, payload: bytes, retained: bool = False) -> bytes:
    """A PUBLISH from the broker, QoS 0."""
    body = len(topic).to_bytes(2, "big") + topic.encode() + b"\x00" + payload
    return bytes([0x30 | retained, len(body)]) + body


class LinkTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.endpoint = Endpoint()
        self.notes = Notes()
        self.link = Link(
            self.clock,
            self.endpoint,
            Credentials("desk-1", "neon", "secret"),
            self.notes,
            will=Will("a/state", b"gone"),
            keep_alive=10,
            chance=lambda: 1.0,
        )

    @property
    def transport(self) -> Transport:
        return self.endpoint.transports[-1]

    def broker_says(self, data: bytes) -> None:
        self.transport.protocol.dataReceived(data)

    def written(self) -> list[tuple[int, bytes]]:
        self.clock.advance(0)
        found = packets(self.transport.value())
        self.transport.clear()
        return found

    def up(self) -> None:
        self.link.start()
        self.broker_says(CONNACK)
        self.written()

    def test_connect(self) -> None:
        """MQTT 5, a clean start, two thirds of the keep-alive, will, user and password; then the broker says yes."""
        self.link.start()
        ((kind, body),) = self.written()
        self.assertEqual(kind, 1)
        self.assertEqual(body[:7], b"\x00\x04MQTT\x05")
        self.assertEqual((body[7] & 0x02, body[8:10]), (2, (7).to_bytes(2, "big")))
        for part in (b"desk-1", b"a/state", b"gone", b"neon", b"secret"):
            self.assertIn(part, body)
        self.assertEqual(self.notes.heard, [])
        self.broker_says(CONNACK)
        self.assertEqual(self.notes.heard, ["linked"])

    def test_refused(self) -> None:
        """A broker that refuses us is asked again, later."""
        self.link.start()
        self.broker_says(REFUSED)
        self.clock.advance(0)
        self.assertEqual((self.notes.heard, self.link.linked), ([], False))
        self.clock.advance(0.5)
        self.assertEqual(len(self.endpoint.transports), 2)

    def test_messages(self) -> None:
        """What arrives is told with its topic, and whether the broker had kept it; in pieces too."""
        self.up()
        data = publish("a/b", b"one") + publish("a/c", b"two", retained=True)
        for octet in data:
            self.broker_says(bytes([octet]))
        self.assertEqual(self.notes.heard[1:], [("a/b", b"one", False), ("a/c", b"two", True)])

    def test_publish(self) -> None:
        """QoS 1, retained, and nothing while there is no broker."""
        self.assertFalse(self.link.publish("a/b", b"x"))
        self.up()
        self.assertTrue(self.link.publish("a/b", b"x"))
        self.link.subscribe(("a/+",))
        self.assertEqual([kind for kind, _ in self.written()], [3, 8])

    def test_garbage(self) -> None:
        """A broker that talks nonsense is left, and looked for again."""
        self.up()
        self.broker_says(b"\xff\xff\xff\xff\xff\xff\xff")
        self.assertEqual(self.notes.heard, ["linked", "lost"])
        self.clock.advance(1)
        self.assertEqual(len(self.endpoint.transports), 2)

    def test_back_off(self) -> None:
        """The pauses grow to the longest, and begin anew after a success."""
        self.endpoint.up = False
        self.link.start()
        waits = []
        for _ in range(5):
            (retry,) = self.clock.getDelayedCalls()
            waits.append(round(retry.getTime() - self.clock.seconds(), 3))  # type: ignore[misc]
            self.clock.advance(waits[-1])
        self.assertEqual(waits, [0.5, 1.0, 2.0, 3.0, 3.0])
        self.endpoint.up = True
        self.clock.advance(3)
        self.broker_says(CONNACK)
        self.transport.loseConnection()
        self.assertEqual(self.notes.heard, ["linked", "lost"])
        self.clock.advance(0.5)
        self.assertEqual(len(self.endpoint.transports), 2)

    def test_silent_broker(self) -> None:
        """A broker that does not answer pings is gone."""
        self.up()
        for _ in range(60):
            self.clock.advance(1)
        # paho has a clock of its own: what counts here is that it is asked.
        self.assertEqual(self.notes.heard, ["linked"])
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)

    def test_never_answers(self) -> None:
        """A connection on which the broker says nothing is given up."""
        self.link.start()
        self.clock.advance(10)
        self.assertTrue(self.transport.aborted)

    def test_no_room(self) -> None:
        """What a broker does not take is refused, and told when there is room again."""
        self.up()
        self.transport.protocol.pauseProducing()
        self.assertFalse(self.link.publish("a/b", b"x"))
        self.transport.protocol.resumeProducing()
        self.assertEqual(self.notes.heard[1:], ["room"])

    def test_unacknowledged(self) -> None:
        """So it is with a broker that acknowledges nothing."""
        self.up()
        sent = 0
        while self.link.publish("a/b", b"x"):
            sent += 1
        self.assertEqual(sent, MAX_UNACKNOWLEDGED)
        for number in range(1, sent + 1):
            self.broker_says(b"\x40\x02" + number.to_bytes(2, "big"))
        self.clock.advance(0)
        self.assertIn("room", self.notes.heard)
        self.assertTrue(self.link.publish("a/b", b"x"))

    def test_stop(self) -> None:
        """Good-bye is said, so that no will is published, and nothing is left."""
        self.up()
        stopped = self.link.stop()
        self.successResultOf(stopped)
        self.assertEqual([kind for kind, _ in self.written()], [14])
        self.clock.advance(100)
        self.assertEqual((len(self.endpoint.transports), self.clock.getDelayedCalls()), (1, []))

    def test_stop_without_a_broker(self) -> None:
        """So it is when there never was one."""
        self.endpoint.up = False
        self.link.start()
        self.successResultOf(self.link.stop())
        self.clock.advance(100)
        self.assertEqual(self.clock.getDelayedCalls(), [])
