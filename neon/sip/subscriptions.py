"""What the accounts of one agent subscribe to: their waiting messages (RFC 3842) and other extensions (RFC 4235).

An account's subscriptions begin when it is registered, are checked when it is registered anew, and end before it
is given up. A registrar may also tell of waiting messages without being asked (RFC 3842, section 4.2).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from sippy.SipRequest import SipRequest
from sippy.SipURL import SipURL
from twisted.logger import Logger

from neon.errors import InvalidArgument
from neon.parsing import MOST_EXTENSIONS
from neon.ports import Timer, WatchListener
from neon.sip import dialoginfo, messages, messagesummary
from neon.sip.dialoginfo import DialogInfo
from neon.sip.stack import ServerTransaction, Stack
from neon.sip.subscription import Subscription, Table, Wish
from neon.sip.uac import Caller
from neon.values import AccountSettings, Cause, Destination
from neon.watched import ExtensionState, ExtensionStatus

SPREAD: Final = 0.02
"""Seconds between the SUBSCRIBEs of one account."""

_log = Logger()


class AccountSubscriptions:
    """Those of one account. C{way} says as whom and by which way, None while it is not registered."""

    def __init__(
        self,
        stack: Stack,
        table: Table,
        connection_id: int,
        settings: AccountSettings,
        way: Callable[[], Caller | None],
        listener: Callable[[], WatchListener | None],
    ) -> None:
        self._stack = stack
        self._table = table
        self._connection_id = connection_id
        self._settings = settings
        self._way = way
        self._listener = listener
        self._messages: Subscription | None = None
        self._extensions: dict[str, Subscription] = {}
        self._starting: dict[Subscription, Timer] = {}
        self._registered = False
        self._place: SipURL | None = None
        self.adopt(settings)

    def adopt(self, settings: AccountSettings) -> None:
        """These are the account's settings now; what they ask for is begun, what they no longer do is ended."""
        before, self._settings = self._settings, settings
        if settings.uri != before.uri:
            self.stop()
        options = settings.options
        if options.mwi and self._messages is None:
            self._messages = self._made(
                Wish("message-summary", messagesummary.TYPE, self._url(settings.number)), self._messages_heard,
                lambda cause: None,
            )  # fmt: skip
        elif not options.mwi and self._messages is not None:
            self._drop(self._messages)
            self._messages = None
        for extension in set(before.options.blf) - set(options.blf):
            self.unwatch(extension)
        for extension in options.blf:
            self.watch(extension)

    def watch(self, extension: str) -> None:
        """Hear of an extension from now on.

        @raise InvalidArgument: it is no extension, or there are too many.
        """
        if extension in self._extensions:
            return
        if len(self._extensions) >= MOST_EXTENSIONS:
            raise InvalidArgument(f"an account can watch {MOST_EXTENSIONS} extensions")
        wish = Wish("dialog", dialoginfo.TYPE, self._url(extension))
        info = DialogInfo()
        self._extensions[extension] = self._made(
            wish, partial(self._extension_heard, extension, info), partial(self._extension_lost, extension)
        )

    def unwatch(self, extension: str) -> bool:
        """Hear of it no more; whether it was watched."""
        subscription = self._extensions.pop(extension, None)
        if subscription is not None:
            self._drop(subscription)
        return subscription is not None

    def registered(self, renewed: bool, contact: SipURL | None) -> None:
        """The registrar has our binding; C{contact} is what it has."""
        moved = str(contact) != str(self._place)
        self._place = contact
        if self._registered and renewed and not moved:
            return
        self._registered = True
        for number, subscription in enumerate(self._all()):
            self._soon(subscription, subscription.check, number)

    def stop(self) -> None:
        """Unsubscribe from everything."""
        for subscription in self._all():
            self._drop(subscription)
        self._messages = None
        self._extensions.clear()
        self._registered = False

    def _all(self) -> list[Subscription]:
        return [*([self._messages] if self._messages else ()), *self._extensions.values()]

    def _url(self, extension: str) -> SipURL:
        if "@" in extension:
            return messages.target_url(f"sip:{extension}", self._settings.domain, self._settings.port)
        # Not a number to dial: it may be a name.
        port = None if self._settings.port == 5060 else self._settings.port
        return SipURL(username=extension, host=messages.uri_host(self._settings.domain), port=port)

    def _made(self, wish: Wish, heard: Callable[[str, bytes], None], lost: Callable[[Cause], None]) -> Subscription:
        made = Subscription(self._stack, self._table, wish, self._way, heard, lost)
        if self._registered:
            self._soon(made, made.start, len(self._starting))
        return made

    def _soon(self, subscription: Subscription, begin: Callable[[], None], number: int) -> None:
        self._not_soon(subscription)

        def now() -> None:
            self._starting.pop(subscription, None)
            begin()

        self._starting[subscription] = self._stack.clock.callLater(number * SPREAD, now)

    def _not_soon(self, subscription: Subscription) -> None:
        timer = self._starting.pop(subscription, None)
        if timer is not None and timer.active():
            timer.cancel()

    def _drop(self, subscription: Subscription) -> None:
        self._not_soon(subscription)
        subscription.stop()

    # What comes

    def _messages_heard(self, kind: str, body: bytes) -> None:
        listener = self._listener()
        if kind != messagesummary.TYPE or listener is None:
            return
        try:
            summary = messagesummary.parse(body.decode("utf-8", "replace"))
        except ValueError as error:
            _log.info("a message summary cannot be read: {reason}", reason=str(error))
        else:
            listener.messages_waiting(self._connection_id, summary)

    def unsolicited(self, kind: str, body: bytes) -> None:
        """The registrar tells of messages without being asked."""
        self._messages_heard(kind, body)

    def _extension_heard(self, extension: str, info: DialogInfo, kind: str, body: bytes) -> None:
        subscription, listener = self._extensions.get(extension), self._listener()
        if kind not in (dialoginfo.TYPE, "") or subscription is None or listener is None:
            return
        try:
            # A notifier that has nothing to tell says so with an empty body (kamailio until the first call).
            status = info.take(body) if kind else info.take_nothing()
        except dialoginfo.Stale:
            return
        except dialoginfo.Gap:
            subscription.refresh()
        except ValueError as error:
            _log.info("the state of an extension cannot be read: {reason}", reason=str(error))
        else:
            listener.extension_changed(self._connection_id, extension, status)

    def _extension_lost(self, extension: str, cause: Cause) -> None:
        listener = self._listener()
        if listener is not None and extension in self._extensions:
            reason = f"{cause.status} {cause.reason}" if cause.status else cause.reason
            status = ExtensionStatus(ExtensionState.UNKNOWN, reason=reason)
            listener.extension_changed(self._connection_id, extension, status)


class Subscriptions:
    """Those of every account, and the NOTIFYs that come for them."""

    def __init__(self, stack: Stack, account_called: Callable[[str, Destination], AccountSubscriptions | None]) -> None:
        self._stack = stack
        self._account_called = account_called
        self._table: Table = {}
        self.listener: WatchListener | None = None

    def of(
        self, connection_id: int, settings: AccountSettings, way: Callable[[], Caller | None]
    ) -> AccountSubscriptions:
        """The subscriptions of one more account."""
        return AccountSubscriptions(self._stack, self._table, connection_id, settings, way, lambda: self.listener)

    def knows(self, call_id: str) -> bool:
        """Whether a SIP Call-ID is a subscription's."""
        return any(known == call_id for known, _ in self._table)

    def receive(self, request: SipRequest, transaction: ServerTransaction) -> bool:
        """Serve a NOTIFY, unless it is somebody else's; whether it was served."""
        if request.getMethod() != "NOTIFY":
            return False
        tag = messages.tag_of(request, "to")
        if tag is None:
            return self._unsolicited(request, transaction)
        subscription = self._table.get((messages.call_id_of(request), tag))
        if subscription is None:
            return False
        subscription.notified(request, transaction)
        return True

    def _unsolicited(self, request: SipRequest, transaction: ServerTransaction) -> bool:
        """Waiting messages that were not asked for. Whoever may call us may tell us so: the door has looked."""
        package = next((str(header.body) for header in request.getHFs("event")), "").partition(";")[0].strip().lower()
        account = self._account_called(str(request.getRURI().username or ""), transaction.source)
        if package != "message-summary" or account is None:
            return False
        transaction.respond(messages.build_response(request, 200))
        body = request.getBody()
        if body is not None:
            kind = str(body.getType()).partition(";")[0].strip().lower()
            account.unsolicited(kind, str(body).encode("utf-8", "surrogateescape"))
        return True
