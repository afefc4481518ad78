"""A real D-Bus daemon, and somebody on it who speaks as logind does."""

from __future__ import annotations

from jeepney import DBusAddress, message_bus, new_signal
from jeepney.io.blocking import DBusConnection, open_dbus_connection
from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from neon.dbus.messagebus import MessageBus
from neon.network.logind import INTERFACE, SERVICE, SIGNAL, Logind
from tests.integration.processes import IntegrationCase, pause, until

CONFIGURATION = """\
<busconfig><type>session</type><listen>unix:path={path}</listen><auth>EXTERNAL</auth><policy context="default">
<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>
"""
LIES = 200


class LogindTests(IntegrationCase):
    programs_needed = ("dbus-daemon",)

    async def test_wakes(self) -> None:
        """The end of a sleep is heard, its beginning is not, and nobody but logind is believed."""
        path = self.folder / "bus"
        (self.folder / "bus.conf").write_text(CONFIGURATION.format(path=path))
        daemon = self.start("dbus", "dbus-daemon", f"--config-file={self.folder}/bus.conf", "--nofork")
        await until(path.exists, "the bus")
        heard: list[bool] = []
        logind = Logind(MessageBus(reactor, str(path)), lambda: heard.append(True))
        logind.start()
        self.at_end(logind.stop)

        def speak(owner: str, *sleeping: bool) -> DBusConnection:
            connection = open_dbus_connection(f"unix:path={path}")
            connection.send_and_get_reply(message_bus.RequestName(owner))
            manager = DBusAddress("/org/freedesktop/login1", interface=INTERFACE)
            for state in sleeping:
                connection.send(new_signal(manager, SIGNAL, "b", (state,)))
            return connection

        speaker = await deferToThread(speak, SERVICE)
        self.at_end(speaker.close)
        manager = DBusAddress("/org/freedesktop/login1", interface=INTERFACE)

        def sleep_and_wake() -> bool:
            # Said again until it is heard: nobody here sees when the daemon has our match rule.
            for state in (True, False):
                speaker.send(new_signal(manager, SIGNAL, "b", (state,)))
            return bool(heard)

        await until(sleep_and_wake, "the news that the machine woke up")
        other = await deferToThread(speak, "org.example.liar", *([False] * LIES))
        self.at_end(other.close)
        # The bus keeps the order: with this answer it has passed on all that was said before.
        await deferToThread(other.send_and_get_reply, message_bus.GetId())
        await pause(0.2)
        self.assertLess(len(heard), LIES)
        await daemon.stop()

    async def test_no_bus(self) -> None:
        """Without a bus there is nothing to hear."""
        bus = MessageBus(reactor, str(self.folder / "none"))
        logind = Logind(bus, lambda: self.fail("heard something"))
        logind.start()
        logind.stop()
