"""The connection to a bus: over its bytes, kept alive, and believing only whom it should."""

from __future__ import annotations

import os
import socket
import tempfile
from pathlib import Path
from typing import Any

from jeepney import DBusAddress, HeaderFields, MessageType
from twisted.trial.unittest import SynchronousTestCase

from neon.dbus.connection import LARGEST_MESSAGE
from neon.dbus.messagebus import (
    DISCONNECTED,
    LAST_RETRY,
    MOST_CALLS,
    NO_REPLY,
    PATIENCE,
    UNKNOWN_OBJECT,
    Answer,
    Body,
    BusError,
    MessageBus,
    session_bus,
    system_bus,
)
from tests.dbus.fakebus import SERVER, FakeBus

NAME = "org.example.Clock"
CLOCK = DBusAddress("/clock", NAME, NAME)


class BusCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.bus = FakeBus()
        self.client = MessageBus(self.bus, "/run/bus", descriptors=True)

    def assert_refused(self, deferred: Any, name: str) -> None:
        self.assertEqual(self.failureResultOf(deferred, BusError).value.name, name)


class CallTests(BusCase):
    def test_answer(self) -> None:
        """A call is answered with the body of the reply that names it, in whatever order replies come."""
        self.client.start()
        first, second = (self.client.call(CLOCK, "Tell", "u", (number,)) for number in (1, 2))
        one, two = self.bus.taken("Tell"), self.bus.taken("Tell")
        self.assertEqual((one.body, one.header.fields[HeaderFields.path]), ((1,), "/clock"))
        self.bus.reply(two, "s", ("two",))
        self.bus.reply(one, "s", ("one",))
        self.assertEqual((self.successResultOf(first), self.successResultOf(second)), (("one",), ("two",)))
        self.assertEqual(self.bus.getDelayedCalls(), [])

    def test_refused(self) -> None:
        """An error is a BusError with D-Bus' name."""
        self.client.start()
        asked = self.client.call(CLOCK, "Tell")
        self.bus.refuse(self.bus.taken("Tell"), "org.example.Error.Late")
        self.assert_refused(asked, "org.example.Error.Late")

    def test_no_answer(self) -> None:
        """Nobody is waited for without end, and a reply after that is nothing."""
        self.client.start()
        asked = self.client.call(CLOCK, "Tell")
        self.bus.advance(PATIENCE)
        self.assert_refused(asked, NO_REPLY)
        self.bus.reply(self.bus.taken("Tell"))

    def test_absent(self) -> None:
        """Without a connection a call fails at once."""
        self.bus.there = False
        self.client.start()
        self.assert_refused(self.client.call(CLOCK, "Tell"), DISCONNECTED)

    def test_bounded(self) -> None:
        """Calls that nobody answers do not pile up."""
        self.client.start()
        asked = [self.client.call(CLOCK, "Tell") for _ in range(MOST_CALLS)]
        self.assert_refused(self.client.call(CLOCK, "Tell"), DISCONNECTED)
        self.client.stop()
        for one in asked:
            self.assert_refused(one, DISCONNECTED)
        self.assertEqual(self.bus.getDelayedCalls(), [])

    def test_descriptor(self) -> None:
        """A file descriptor in an answer is the caller's if it takes it, and closed if not."""
        self.client.start()
        read, write = os.pipe()
        self.addCleanup(os.close, read)
        kept: list[int] = []
        self.client.call(CLOCK, "Lock").addCallback(lambda body: kept.append(body[0].to_raw_fd()))
        self.client.call(CLOCK, "Lock").addCallback(lambda body: None)
        for end in (write, os.dup(write)):
            call = self.bus.taken("Lock")
            reply_body = (end,)
            self.bus.reply(call, "h", reply_body, descriptors=(end,))
        self.assertEqual(kept, [write])
        os.set_blocking(read, False)
        self.assertRaises(BlockingIOError, os.read, read, 1)
        os.close(write)
        self.assertEqual(os.read(read, 1), b"")


class ConnectionTests(BusCase):
    def test_lost(self) -> None:
        """When the bus goes calls fail, and it is looked for again, ever more seldom."""
        self.client.start()
        asked = self.client.call(CLOCK, "Tell")
        self.bus.there = False
        self.bus.lose()
        self.assert_refused(asked, DISCONNECTED)
        for _ in range(100):
            self.bus.advance(LAST_RETRY / 10)
        self.assertTrue(8 <= self.bus.attempts <= 20, self.bus.attempts)
        self.client.stop()
        self.assertEqual(self.bus.getDelayedCalls(), [])

    def test_again(self) -> None:
        """What was asked for once is asked for again on the next connection."""
        heard: list[Body] = []
        ups: list[bool] = []
        self.bus.owners[NAME] = SERVER
        service = self.client.service(NAME)
        self.client.listen(service, NAME, "Struck", heard.append)
        self.client.own("org.example.Neon")
        self.client.on_connected(lambda: ups.append(True))
        self.client.start()
        for _ in range(2):
            self.bus.signal("/clock", NAME, "Struck", "u", (12,))
            self.assertIn("org.example.Neon", self.bus.owners)
            del self.bus.owners["org.example.Neon"]
            self.bus.lose()
            self.assertEqual(service.owner, None)
            self.bus.advance(1)
        self.assertEqual((heard, ups), ([(12,), (12,)], [True] * 3))

    def test_no_descriptors(self) -> None:
        """A bus that passes no descriptors is left, and tried again later."""
        self.bus.descriptors = False
        self.client.start()
        self.assertFalse(self.client.connected)
        self.bus.advance(1)
        self.assertEqual(self.bus.attempts, 2)

    def test_nonsense(self) -> None:
        """What is not D-Bus, or is too long, costs the connection and nothing else."""
        long = b"l\1\0\1" + (2 * LARGEST_MESSAGE).to_bytes(4, "little") + bytes(8)
        for said in (b"REJECTED EXTERNAL\r\n", b"\xff" * 100, long, bytes(64)):
            bus = FakeBus()
            client = MessageBus(bus, "/run/bus")
            client.start()
            bus.protocol.dataReceived(said)
            self.assertFalse(client.connected)
            bus.advance(1)
            self.assertTrue(client.connected)


class SignalTests(BusCase):
    def setUp(self) -> None:
        super().setUp()
        self.heard: list[Body] = []
        self.changes: list[str | None] = []
        self.service = self.client.service(NAME, lambda: self.changes.append(self.service.owner))
        self.client.listen(self.service, NAME, "Struck", self.heard.append)
        self.client.start()

    def test_sender(self) -> None:
        """Only whoever has the name is believed, as long as they have it."""
        self.bus.signal("/clock", NAME, "Struck", "u", (1,))
        self.bus.own(NAME, SERVER)
        self.bus.signal("/clock", NAME, "Struck", "u", (2,))
        self.bus.signal("/clock", NAME, "Struck", "u", (3,), sender=":1.66")
        self.bus.own(NAME, ":1.66")
        self.bus.signal("/clock", NAME, "Struck", "u", (4,))
        self.assertEqual(self.heard, [(2,)])
        self.assertEqual(self.changes, [SERVER, ":1.66"])

    def test_forged_owner(self) -> None:
        """Nobody but the bus says who has a name."""
        self.bus.signal("/x", "org.freedesktop.DBus", "NameOwnerChanged", "sss", (NAME, "", ":1.66"), sender=":1.66")
        self.assertEqual(self.service.owner, None)


class ServedTests(BusCase):
    def setUp(self) -> None:
        super().setUp()
        self.client.serve("/neon", self.answer)
        self.client.start()

    def answer(self, interface: str, member: str, body: Body) -> Answer:
        if member == "Break":
            raise ZeroDivisionError
        if member == "Refuse":
            raise BusError("org.example.Error.No", "no")
        return "ss", (interface, member)

    def test_answers(self) -> None:
        """An object of ours answers; what it refuses, and what breaks in it, are errors of D-Bus."""
        reply = self.bus.call("/neon", NAME, "Do")
        self.assertEqual((reply.header.message_type, reply.body), (MessageType.method_return, (NAME, "Do")))
        for member, path, name in (
            ("Refuse", "/neon", "org.example.Error.No"),
            ("Break", "/neon", "org.freedesktop.DBus.Error.Failed"),
            ("Do", "/other", UNKNOWN_OBJECT),
        ):
            reply = self.bus.call(path, NAME, member)
            self.assertEqual(reply.header.fields[HeaderFields.error_name], name)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class AddressTests(SynchronousTestCase):
    def test_environment(self) -> None:
        """The environment says where the bus is; what it says and we cannot use is no bus."""
        for given, found in (
            ("unix:path=/run/x", "/run/x"),
            ("unix:abstract=/tmp/x,guid=12", "\0/tmp/x"),
            ("tcp:host=a,port=1;unix:path=/run/%20x", "/run/ x"),
            ("disabled:", None),
            ("", None),
            ("tcp:host=a,port=1", None),
            ("nonsense", None),
        ):
            self.assertEqual(session_bus({"DBUS_SESSION_BUS_ADDRESS": given}), found, given)
        self.assertEqual(system_bus({}), "/run/dbus/system_bus_socket")

    def test_systemd(self) -> None:
        """Where it says nothing, the bus of systemd's is used, if it is a socket and our own."""
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(session_bus({"XDG_RUNTIME_DIR": folder}), None)
            place = Path(folder) / "bus"
            place.touch()
            self.assertEqual(session_bus({"XDG_RUNTIME_DIR": folder}), None)
            place.unlink()
            with socket.socket(socket.AF_UNIX) as listening:
                listening.bind(str(place))
                self.assertEqual(session_bus({"XDG_RUNTIME_DIR": folder}), str(place))
        self.assertEqual(session_bus({}), None)
