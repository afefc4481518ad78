"""The desktop of whoever runs NEON, as a part of the daemon: joins what L{neon.desktop} has to the phone and the panel.

The daemon of a machine without a desktop has no session bus; then there is nothing here, and nothing is loaded for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import resources
from typing import TYPE_CHECKING, Any

from twisted.application.service import Service
from twisted.logger import Logger

from neon.admission import Admission
from neon.api.approvals import Answer
from neon.bus import Bus
from neon.errors import NeonError
from neon.explain import language_of
from neon.panel.screen import Screen
from neon.phone import Phone
from neon.ports import Operators
from neon.sections import Desktop

if TYPE_CHECKING:
    from neon.dbus.messagebus import MessageBus
    from neon.desktop.callwatch import CallWatch
    from neon.desktop.window import Window

_log = Logger()


class DesktopPart(Service):
    """C{settings} say what is wanted. Made first, so that the panel can have its C{window}, None where there is no
    session bus; L{offer} when there is a panel.
    """

    name = "the desktop"

    def __init__(self, reactor: Any, settings: Desktop, environ: Mapping[str, str]) -> None:
        self._reactor = reactor
        self._settings = settings
        self._environ = environ
        self._session: MessageBus | None = None
        self._system: MessageBus | None = None
        self._calls: CallWatch | None = None
        self._stopping: list[Callable[[], None]] = []
        self.window: Window | None = None
        if not settings.enabled:
            return
        # A name that is no D-Bus costs no more than this look.
        if not environ.get("DBUS_SESSION_BUS_ADDRESS") and not environ.get("XDG_RUNTIME_DIR"):
            return
        from neon.dbus.messagebus import MessageBus, session_bus, system_bus
        from neon.desktop.window import Window

        if (path := session_bus(environ)) is None:
            return
        self._session = MessageBus(reactor, path)
        self.window = Window(self._session)
        if settings.keep_awake and (path := system_bus(environ)) is not None:
            self._system = MessageBus(reactor, path, descriptors=True)

    def offer(
        self, bus: Bus, phone: Phone, operators: Operators, screen: Screen, admission: Admission, brand: str
    ) -> None:
        """Tell what happens on the desktop from now on. C{operators} may have something against an answer."""
        session = self._session
        if session is None:
            return
        from neon.desktop.callwatch import CallWatch
        from neon.desktop.words import WORDS

        settings = self._settings
        words = WORDS[language_of(self._environ) if settings.language == "auto" else settings.language]
        session.on_connected(lambda: self._connected(screen))
        calls = self._calls = CallWatch(bus)
        verbs = Verbs(phone, operators, screen)
        if settings.show_on_call:
            self._show_on_call(calls, screen)
        if settings.notifications:
            self._notify(session, calls, verbs, admission, screen, words, brand)
        if settings.media_keys:
            from neon.desktop.mediakeys import MediaKeys

            MediaKeys(session, calls, verbs, words, brand)
        if settings.pause_players:
            from neon.desktop.players import Players

            self._stopping.append(Players(self._reactor, session, calls).stop)
        if settings.keep_awake:
            from neon.desktop.awake import Awake

            Awake(session, self._system, calls, brand, words["reason"])

    def _connected(self, screen: Screen) -> None:
        _log.info("NEON has a desktop: it is on the session's bus")
        screen.greet()

    def _show_on_call(self, calls: CallWatch, screen: Screen) -> None:
        ringing: set[int] = set()

        def look() -> None:
            before = set(ringing)
            ringing.clear()
            ringing.update(calls.ringing)
            if ringing - before:
                screen.ring()
            elif before and not calls.any:
                screen.calm()

        calls.subscribe(look)

    def _notify(
        self,
        session: MessageBus,
        calls: CallWatch,
        verbs: Verbs,
        admission: Admission,
        screen: Screen,
        words: Mapping[str, str],
        brand: str,
    ) -> None:
        from neon.desktop.callnotices import CallNotices
        from neon.desktop.notifications import Notifier
        from neon.desktop.questions import Questions

        notifier = Notifier(session, brand, _icon(), words["show"])
        CallNotices(calls, notifier, verbs, words, short)
        questions = Questions(Requests(admission, screen), notifier, words)
        self._stopping.append(admission.approvals.subscribe(questions.look))

    def startService(self) -> None:
        super().startService()  # type: ignore[no-untyped-call]
        for bus in (self._session, self._system):
            if bus is not None:
                bus.start()

    def stopService(self) -> None:
        super().stopService()  # type: ignore[no-untyped-call]
        if self._calls is not None:
            self._calls.stop()
        for stop in self._stopping:
            stop()
        for bus in (self._session, self._system):
            if bus is not None:
                bus.stop()


class Verbs:
    """What a person does with buttons and keys. A call may have ended under the pointer; that is no failure."""

    def __init__(self, phone: Phone, operators: Operators, screen: Screen) -> None:
        self._phone = phone
        self._operators = operators
        self._screen = screen

    def answer(self, call_id: int) -> None:
        self._try(lambda: self._answer(call_id))

    def decline(self, call_id: int) -> None:
        self._try(lambda: self._phone.finalize_call(call_id))

    hang_up = decline

    def _answer(self, call_id: int) -> None:
        if (account := self._phone.account_called(call_id)) is not None:
            self._operators.admit(account, None)
        self._phone.accept_call(call_id, "", "the desktop")

    def show(self, number: str | None = None, token: str = "") -> None:
        self._screen.show(True, number, token)

    def _try(self, verb: Callable[[], object]) -> None:
        try:
            verb()
        except NeonError as error:
            _log.info("what was asked for on the desktop cannot be done: {error}", error=str(error))


class Requests:
    """Implements L{neon.desktop.questions.Requests}."""

    def __init__(self, admission: Admission, screen: Screen) -> None:
        self._approvals = admission.approvals
        self._screen = screen

    @property
    def origins(self) -> tuple[str, ...]:
        return tuple(question.origin for question in self._approvals.pending)

    def answer(self, origin: str, word: str) -> None:
        # Only a question that is still open: the button may be older than another answer.
        if origin in self.origins:
            decided = self._approvals.decide(origin, Answer(word))
            decided.addErrback(lambda failure: _log.failure("a decision was not kept", failure))

    def show(self, token: str) -> None:
        self._screen.show(True, None, token)


def short(uri: str) -> str:
    """A SIP URI as people call it: a number without its domain, and everything without C{sip:}."""
    address = uri.partition(":")[2] if uri.startswith(("sip:", "sips:")) else uri
    user, _, _ = address.partition("@")
    return user if user and user.lstrip("+").isdigit() else address


def _icon() -> str:
    """A file, since the icon has a name only where the window is installed."""
    return str(resources.files("neon.desktop") / "neon.svg")

