"""Three desks, a real broker and a hub; any of them is killed."""

from __future__ import annotations

import random
import signal

from tests.certificates import Authority
from tests.integration.daemon import Client, Daemon, start_again, start_daemon
from tests.integration.feed import FeedClient, Mosquitto, feed_client, feed_section, member
from tests.integration.processes import IntegrationCase, pause, until

BROKER = """\
[broker]
role = {role}
host = localhost
port = {port}
site = floor
desk = {name}
keep-alive = 3
"""

SECURED = """\
user = neon
password-file = {folder}/broker.password
ca-file = {folder}/{ca}
"""



class DeskCase(IntegrationCase):
    programs_needed = ("mosquitto",)
    timeout = 150
    persistent = False

    how = "tls = no\n"
    """How desks and hub reach the broker."""

    async def desk(self, name: str) -> Daemon:
        """A desk, whose extension goes by its test service's account."""
        more = BROKER.format(role="desk", port=self.broker.port, name=name) + self.how
        return await start_daemon(self, testbed=True, more=more, name=name)

    async def use(self, daemon: Daemon) -> Client:
        """Register the desk's account."""
        client = await daemon.connect()
        sip = daemon.access["sip"]
        await client.register(sip["domain"], sip["number"], sip["password"])
        return client

    async def floor(self, *names: str) -> None:
        self.broker = self.make_broker()
        await self.broker.start()
        hub = BROKER.format(role="hub", port=self.broker.port, name="hub") + self.how + feed_section("hub")
        self.hub = await start_daemon(self, more=hub, name="hub")
        self.password = member(self.hub, "supervisoradd", name="luz")
        self.desks = {name: await self.desk(name) for name in names}
        self.clients = {name: await self.use(desk) for name, desk in self.desks.items()}
        self.supervisor = await self.watch()

    def make_broker(self) -> Mosquitto:
        return Mosquitto(self, persistent=self.persistent)

    async def watch(self) -> FeedClient:
        supervisor = await feed_client(self.hub, "/ws")
        await supervisor.log_in("luz", self.password)
        return supervisor

    async def statuses(self, *wanted: str, within: float = 15.0) -> None:
        """Wait until the hub's supervisor sees these, in any order: all testbeds have one number."""
        await until(
            lambda: sorted(self.supervisor.status.values()) == sorted(wanted),
            f"{wanted} (there is {self.supervisor.status})",
            within,
        )


class DeskTests(DeskCase):
    async def test_floor(self) -> None:
        """The hub shows the calls of every desk, with no account of its own."""
        await self.floor("one", "two")
        await self.statuses("idle", "idle")
        call = await self.clients["one"].call("600")
        await self.clients["one"].event("OnAcceptCall", callId=call)
        await self.supervisor.hears(action="call-state", callid=f"one/{call}", state=6)
        await self.statuses("inuse", "idle")
        await self.clients["one"].command("finalizecall", callid=call)
        await self.supervisor.hears(action="hangup", callid=f"one/{call}", cause=16)
        await self.statuses("idle", "idle")
        await self.desks["two"].program.stop()
        await self.statuses("idle", "unavailable")

    async def test_broker_goes(self) -> None:
        """The broker is killed in a call: the call goes on, and all is seen again when it is back, nothing stale."""
        await self.floor("one")
        call = await self.clients["one"].call("600")
        await self.clients["one"].event("OnAcceptCall", callId=call)
        await self.statuses("inuse")
        await self.broker.program.stop(with_signal=signal.SIGKILL)
        await self.statuses("unavailable")
        other = await self.clients["one"].call("601")
        await self.clients["one"].event("OnAcceptCall", callId=other)
        await self.clients["one"].command("finalizecall", callid=call)
        await self.clients["one"].event("OnFinalizedCall", callId=call)
        await self.broker.start()
        await self.statuses("inuse")
        await until(lambda: list(*self.supervisor.calls.values()) == [f"one/{other}"], "the call that is left")

    async def test_anything_is_killed(self) -> None:
        """Desks, hub and broker are killed at odd moments; what the hub shows at last is so."""
        dice = random.Random(1888)  # every kind of victim
        await self.floor("one", "two", "three")
        await self.statuses("idle", "idle", "idle")
        for _ in range(4):
            victim = dice.choice(["one", "two", "three", "hub", "broker"])
            if victim == "broker":
                await self.broker.program.stop(with_signal=signal.SIGKILL)
                await pause(dice.random())
                await self.broker.start()
            elif victim == "hub":
                await self.hub.crash()
                self.hub = await start_again(self, self.hub)
                self.supervisor = await self.watch()
            else:
                await self.desks[victim].crash()
                self.desks[victim] = await start_again(self, self.desks[victim])
                self.clients[victim] = await self.use(self.desks[victim])
            await pause(dice.random())
        await self.statuses("idle", "idle", "idle")
        self.assertEqual([call for calls in self.supervisor.calls.values() for call in calls], [])


class PersistentBrokerTests(DeskCase):
    persistent = True

    async def test_desk_dies_while_the_broker_is_gone(self) -> None:
        """What a broker remembers of a desk that has died meanwhile is not shown for long."""
        await self.floor("one", "two")
        await self.statuses("idle", "idle")
        await pause(1.5)  # the broker writes once a second
        await self.broker.program.stop(with_signal=signal.SIGKILL)
        await self.desks["one"].crash()
        await self.broker.start()
        await self.statuses("idle", "unavailable")


class SecuredTests(DeskCase):
    def make_broker(self) -> Mosquitto:
        authority = Authority()
        authority.write(self.folder, "ca.pem")
        Authority("Somebody else").write(self.folder, "other.pem")
        secret = self.folder / "broker.password"
        secret.write_text("a password\n")
        secret.chmod(0o600)
        self.how = SECURED.format(folder=self.folder, ca="ca.pem")
        return Mosquitto(self, secured=authority.certificate("localhost", domains=["localhost"]))

    async def test_tls(self) -> None:
        """Desk and hub meet over TLS with user and password; a broker that somebody else vouches for gets nothing."""
        await self.floor("one")
        await self.statuses("idle")
        self.how = SECURED.format(folder=self.folder, ca="other.pem")
        other = await self.desk("two")
        await other.program.says("the broker cannot be reached: .*certificate verify failed")
        self.assertNotIn("linked with the broker", other.program.output)
        self.assertEqual(list(self.supervisor.status.values()), ["idle"])
