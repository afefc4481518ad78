"""C{twistd neon}: reads the options and the configuration, joins the parts, starts and stops them in order.

The only module that knows all others.
"""

from __future__ import annotations

import gc

# A thousand modules make much that is kept: looking through it again and again takes a tenth of the time to start.
gc.disable()

import os
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.internet.base import ReactorBase
from twisted.internet.defer import DeferredSemaphore
from twisted.internet.threads import deferToThreadPool
from twisted.logger import ILogObserver, Logger

from neon import __version__, brand, config, heap, inherited, log, sections
from neon.access import (
    Applications,
    access_document,
    configured_hashes,
)
from neon.accesspart import AccessFile
from neon.admission import Admission
from neon.api import brandpages, reference
from neon.api.administration import ApplicationAccounts
from neon.api.autodisconnect import Autodisconnect
from neon.api.diagnosis import Diagnosis
from neon.api.links import Links
from neon.api.overview import Overview
from neon.api.sessions import Sessions
from neon.api.websocket import Api
from neon.bus import Bus
from neon.callback import Callbacks
from neon.cases import Cases
from neon.commands import TABLE, Commands
from neon.controlpart import ControlSocket
from neon.desktoppart import DesktopPart
from neon.details import ReferPolicy
from neon.devicepart import DevicePart
from neon.doctorpart import diagnosis, doctor
from neon.errors import InvalidArgument
from neon.feedpart import FeedServer
from neon.httppart import HttpServer
from neon.journalpart import JournalPart
from neon.keptpart import KeptAccounts
from neon.ladder import Ladder
from neon.media.engine import Engine
from neon.metricspart import Metrics
from neon.networkpart import NetworkWatch, resolver, stun_finder, with_every_family
from neon.notify import Activation, ServiceManager
from neon.operatorpart import OperatorPart
from neon.options import Options, load, load_operators, named_devices, own_log
from neon.panelpart import PanelPart
from neon.parts import CannotStart, Part, Parts
from neon.passwords import PasswordHash
from neon.phone import Phone
from neon.phonepart import RulesPart, call_log, phone_settings
from neon.places import control_socket, default_state_dir
from neon.qualitypart import quality_watch
from neon.recordingpart import RecordingPart
from neon.retirepart import Retirement
from neon.signals import heed_once
from neon.sip.agent import AgentSettings, SipAgent
from neon.sip.door import DoorPolicy
from neon.sip.endpoint import Endpoint, OnRequest
from neon.sip.stack import CallSettings
from neon.sippart import start_sip, transports
from neon.siptrace import SipTrace
from neon.soundpart import SoundPart
from neon.store.applications import ApplicationTable
from neon.store.database import Database, StoreError
from neon.store.ids import Ids
from neon.tidypart import Tidying
from neon.websocketpart import WebSocketServer

gc.enable()

if TYPE_CHECKING:
    from neon.operators.settings import Settings as Operator
    from neon.testbedpart import TestbedPart

USER_AGENT = f"NEON/{__version__}"
STOP_SECONDS = 5.0
PASSWORD_CHECKS_AT_ONCE = 2

_log = Logger()


def makeService(options: Options) -> Parts:
    """Everything, not started yet; a bad configuration ends the program with a sentence."""
    from twisted.internet import reactor

    use_monotonic_time()
    heap.return_large_blocks()
    reactor.callWhenRunning(heed_once)  # not before: the reactor puts its own handlers in place when it starts
    loaded = load(options["config"])
    told = None if options["state-dir"] is None else Path(options["state-dir"]).absolute()
    return Neon(
        reactor,
        loaded,
        told or default_state_dir(os.environ).absolute(),
        options["log-level"],
        show_banner=bool(options["banner"]),
        own_log=own_log(options),
        control=control_socket(os.environ, told),
        operators=load_operators(options["config"], loaded),
    )


def use_monotonic_time() -> None:
    """Let timers follow a clock that nobody can set: with Twisted's own, a jump back by an hour stops them for one."""
    ReactorBase.seconds = staticmethod(time.monotonic)


class Neon(Parts):
    """The daemon."""

    def __init__(
        self,
        reactor: Any,
        loaded: sections.Config,
        state_dir: Path,
        log_level: str,
        *,
        show_banner: bool = False,
        own_log: bool = False,
        control: Path,
        operators: Sequence[Operator] = (),
    ) -> None:
        super().__init__(reactor, STOP_SECONDS)
        self._reactor = reactor
        self._config = loaded
        self._brand = brand.load(loaded.brand)
        self._state_dir = state_dir
        self._log_level = log_level
        self._own_log = own_log
        self._control = ControlSocket(reactor, control)
        self._sockets = Activation(reactor, inherited.HANDED)
        self._http = HttpServer(reactor, loaded.http, self._sockets)
        # Each takes a core and 16 MB for a moment.
        self._checks = DeferredSemaphore(PASSWORD_CHECKS_AT_ONCE)
        self.devices = devices = DevicePart(reactor, loaded.media, state_dir, *named_devices(loaded.media))
        loaded = self._config = with_every_family(loaded)
        names = resolver(reactor, loaded.sip)

        self.bus = Bus(reactor)
        self.database = Database(state_dir / "neon.sqlite")
        self.ids = Ids(self.database)
        media = loaded.media
        engine = Engine(no_rtp_seconds=float(media.silence_seconds), playout_delay=media.playout_delay)
        self.media = devices.manager(engine, stun_finder(names, media))
        sip = loaded.sip
        calls = CallSettings(
            sip.max_calls,
            float(sip.no_answer_seconds),
            unwanted_status=sip.reject_status,
            reliable=sip.reliable_responses,
            session_expires=sip.session_expires,
            min_se=sip.min_se,
            takes_referrals=sip.refer is not ReferPolicy.REFUSE,
            srtp=media.srtp,
        )
        self.ladder = Ladder(clock=reactor)
        self.trace = SipTrace(reactor, self.ladder.record, logs=log_level == "debug")
        self.agent = SipAgent(
            self._endpoint,
            names,
            reactor,
            AgentSettings(
                calls,
                sip.direct_calls,
                shutdown_seconds=1.0,
                headers_in=sip.headers_in,
                keep_alive=sip.keep_alive,
                keep_alive_seconds=float(sip.keep_alive_seconds),
            ),
        )
        self.phone = Phone(
            self.agent,
            self.media,
            self.bus,
            self.ids,
            reactor,
            phone_settings(sip, stop_patience=STOP_SECONDS / 2 - 0.5),
        )
        self.agent.incoming_listener = self.phone
        self.agent.subscriptions.listener = self.phone.watching
        devices.join(self.phone, self.bus, os.environ)
        self.rules = RulesPart(self.database, self.phone, loaded.toll)
        self.cases = Cases(self.bus, self.ladder, self.phone.accounts, self.phone.account)
        self._feed = FeedServer(reactor, loaded, state_dir, self.bus, self.phone.accounts)
        self.history = call_log(reactor, loaded.history, self.bus, self.database, self.phone)
        self.callbacks = Callbacks(self.phone, self.ids, reactor, answers=loaded.feed.auto_answer)
        if self.history is not None:
            self.callbacks.dialled = self.history.share
        self.recording = RecordingPart(reactor, loaded.recording, state_dir, self.media, self.phone, self.history)
        self.sound = SoundPart(reactor, loaded, state_dir, self.media, self.phone, os.environ)
        self.quality = quality_watch(
            reactor, loaded.media, self.bus, self.phone, self.media, self.history, os.environ
        )
        self.sessions = Sessions(reactor, loaded.api.token_idle_seconds)
        self.journal = JournalPart(reactor, self.bus, self.database, self.phone, self.agent, self.cases, self.sessions)
        self.operators = OperatorPart(reactor, operators, self.bus, self.database, state_dir, self.phone)
        self.testbed: TestbedPart | None = None
        if loaded.testbed.enabled:
            from neon.testbedpart import TestbedPart  # a seldom guest, who costs the others no time to start

            self.testbed = TestbedPart(reactor, loaded.testbed, state_dir, self.media.engine, self.operators)
        self.metrics = Metrics(self.bus, self.phone.calls, self.phone.accounts, self.sessions)
        self._websocket = WebSocketServer(loaded.websocket, self._sockets, self.database)
        self._websocket.on_switch.append(self._websocket_switched)
        self._access = AccessFile(
            state_dir,
            self.database,
            self._access_document,
            wanted=loaded.api.access_file,
            show_banner=show_banner,
        )
        self.desktop = DesktopPart(reactor, loaded.desktop, os.environ)
        self.kept = KeptAccounts(state_dir, self.database, self.bus, self.phone)
        self.panel = PanelPart(reactor, self.bus, self.sessions, self._http, self.desktop.window)
        self.autodisconnect = Autodisconnect(reactor, self._drop_account)
        self.api: Api | None = None
        self.admission: Admission | None = None

        self._add("the state", self._open_state, self._close_state)
        if self.history is not None:
            self._add("the call log", self.history.start, self.history.stop)
        self._add("the watch over quality", None, self.quality.stop)
        self._add("the recorder", self.recording.start, self.recording.stop)
        self.add(self.media)
        self._add("the sound devices", self.devices.start, self.devices.stop)
        self._add("the tones", None, self.sound.stop)
        if self.testbed is not None:
            self.add(self.testbed)
        self._add("SIP", self._start_sip, self.agent.stop)
        self.agent.audio_locating = lambda: self.media.locating
        self.media.on_located = self.agent.audio_located
        self.add(NetworkWatch(reactor, names, self.media, self.agent))
        # The connections outlive the phone, so that clients hear how their calls end.
        self._add("the WebSocket connections", None, self._close_connections)
        self._add("the HTTP connections", None, self._http.close_connections)
        self._add("the control connections", None, self._control.close_connections)
        self._add("the feed's connections", None, self._feed.close_connections)
        self._add("the phone", self._register_accounts, self.phone.stop)
        self._add("the kept accounts", self.kept.start, self.kept.stop)
        self.add(self.journal)
        self.add(self.operators)
        self._add("the WebSocket API", self._websocket.start, self._websocket.stop)
        if loaded.http.enabled:
            self._add("the HTTP API", self._listen_http, self._http.stop_listening)
        self._add("systemd's sockets", self._sockets.close_rest, None)
        self._add("the feed", self._feed.start, self._feed.stop)
        self._add("the control socket", self._control.listen, self._control.stop_listening)
        self._add("access.json", self._access.write, None)
        self.add(self.desktop)
        self.add(self.metrics)
        self.add(Tidying(reactor, self.phone.calls))
        self.add(Retirement(reactor, self.phone.calls))
        self.add(ServiceManager(reactor, os.environ))

    def setServiceParent(self, parent: Any) -> None:
        """twistd hands over its application: that is where a program may say how it logs."""
        if self._own_log:
            parent.setComponent(ILogObserver, log.observer(self._log_level, sys.stdout))
        super().setServiceParent(parent)  # type: ignore[no-untyped-call]

    def startService(self) -> None:
        """Start; a part that cannot ends the program with a sentence and a status other than 0."""
        for warning in (*self._config.warnings, *self.operators.warnings):
            _log.warn("{warning}", warning=warning)
        try:
            super().startService()
        except (CannotStart, StoreError) as error:
            raise SystemExit(f"neon: {error}") from None

    def _add(self, name: str, start: Any, stop: Any) -> None:
        self.add(Part(name, start, stop))

    # The parts

    def _open_state(self) -> None:
        """Open the database, reserve numbers, and find or make the local password; in this thread, before the loop."""
        self.database.open()
        failures: list[Any] = []
        stored: list[Any] = []
        table = ApplicationTable(self.database)
        self.ids.start().addErrback(failures.append)
        self.rules.load().addErrback(failures.append)
        self.journal.open().addErrback(failures.append)
        hashes = configured_hashes(self._config.applications)
        table.all().addCallbacks(stored.extend, failures.append)
        self._websocket.load().addErrback(failures.append)
        if self._config.api.access_file:
            known: list[PasswordHash | None] = []
            table.find(config.LOCAL).addCallbacks(known.append, failures.append)
            if not failures:
                hashes[config.LOCAL] = self._access.password(known[0])
                if hashes[config.LOCAL] != known[0]:
                    table.save(config.LOCAL, hashes[config.LOCAL]).addErrback(failures.append)
        if failures:
            failures[0].raiseException()
        applications = Applications(self._in_thread, hashes)
        admission = self.admission = Admission(
            self._reactor, self._config, self._state_dir, self.database, self.sessions, applications, self.bus
        )
        self.operators.open()
        self.kept.load()
        self.database.start_thread(self._reactor)
        _log.info("the state is in {directory}", directory=str(self._state_dir))
        for row in stored:
            if row.name not in hashes and row.name != config.LOCAL:
                applications.put(row.name, row.password_hash, row.scopes)
        commands = partial(
            Commands,
            self.phone,
            self.sessions,
            applications,
            gate=admission.keeper,
            history=self.history,
            callbacks=self.callbacks,
            operators=self.operators.desk,
            brand=self._brand.name,
            recorder=self.recording.recorder,
            playing=self.sound.playing,
            audio=self.sound.audio,
            sound=self.devices.system,
            screen=self.panel.screen,
        )
        overview = Overview(self._reactor, self._feed.switchboard, acts=self._feed.acts)
        links = Links(self.panel.screen, dials=self._config.desktop.dial_links)
        more = (*self._websocket.rows(), *links.rows(), *overview.rows(), *self.kept.rows())
        own, control = self.panel.offer(applications, admission, self.cases, self.operators.desk, more)
        self.desktop.offer(self.bus, self.phone, self.operators.desk, self.panel.screen, admission, self._brand.name)
        own = (*TABLE, *own)
        self.api = Api(commands(own), self.sessions, self.autodisconnect, self.bus, self._reactor, admission.guard)
        self._websocket.offer(self.api, admission.origins.own)
        self._http.offer(commands(own), self.sessions, self.autodisconnect, self.bus, admission.guard, self.history)
        accounts = ApplicationAccounts(
            table, applications, self.sessions, self._in_thread, set(self._config.applications), config.LOCAL
        )
        feed = self._feed.offer(commands(), self.sessions, self.database, self._in_thread)
        warnings = (*self._config.warnings, *self.operators.warnings)
        facts = diagnosis(self.media, self._config, warnings, self._state_dir, self._listening, self._turned_away)
        asked = Diagnosis(self.trace, facts).rows()
        self._control.offer(commands, TABLE, (*accounts.rows(), *control, *feed, *asked), self.sessions, self.bus)

    def _close_state(self) -> Any:
        if self.admission is not None:
            self.admission.stop()
        self.journal.close()
        # One after the other in the database's thread, which also ends well when the reactor never ran.
        self.ids.stop().addErrback(lambda failure: _log.failure("the counters were not written", failure))
        return self.database.close()

    def _in_thread(self, function: Any, *args: object) -> Any:
        return self._checks.run(
            partial(deferToThreadPool, self._reactor, self._reactor.getThreadPool(), function, *args)
        )

    def _endpoint(self, door: DoorPolicy, on_request: OnRequest) -> Endpoint:
        sip = self._config.sip
        endpoint = Endpoint(
            self._reactor,
            self._reactor,
            host=sip.bind[0],
            port=sip.port,
            door=door,
            on_request=on_request,
            user_agent=USER_AGENT,
            transports=transports(sip),
        )
        self.trace.attach(endpoint)
        self._turned_away = endpoint.door.counters
        return endpoint

    def _start_sip(self) -> None:
        start_sip(self.agent)

    def _register_accounts(self) -> None:
        for name, account in self._config.accounts.items():
            connection_id = self.phone.register(account)
            _log.info("account {name} is {uri}, connectionId {id}", name=name, uri=account.uri, id=connection_id)

    def _drop_account(self, connection_id: int) -> None:
        with suppress(InvalidArgument):  # it went by itself meanwhile
            self.phone.unregister(connection_id, end_calls=True)

    def _listen_http(self) -> None:
        self._http.listen()
        assert self._http.address is not None
        self._http.add_pages(reference.pages(self._http.address, self._websocket.address))
        assert self.admission is not None
        origins = self.admission.origins
        served = lambda: self._websocket.address  # noqa: E731 - twice the same
        page = doctor(self.media, self._config.media, self.phone, origins, served, self._brand)
        self._http.add_pages(page.pages())
        self._http.add_pages(brandpages.pages(self._brand, served))
        self._http.add_pages(self.metrics.pages())
        assert self.api is not None
        self.panel.serve(self.api)

    def _listening(self) -> dict[str, str]:
        found = {"websocket": self._websocket.address, "http": self._http.address}
        feed = {f"feed-{scheme}": url for scheme, url in (self._feed.urls or {}).items()}
        return {name: address for name, address in found.items() if address is not None} | feed

    def _close_connections(self) -> Any:
        self.autodisconnect.stop()
        self.sessions.stop()
        return None if self.api is None else self.api.close()

    def _access_document(self, password: str) -> dict[str, Any]:
        control = str(self._control.path)
        document = access_document(self._websocket.url, password, self._http.url, control, self._feed.urls)
        if self.testbed is not None:
            document |= {"sip": self.testbed.sip, "operator": self.testbed.operator}
        return document

    def _websocket_switched(self) -> None:
        self._access.write_again()
        if self._http.address is not None:
            self._http.add_pages(reference.pages(self._http.address, self._websocket.address))
