"""What PBXs tell of others: who has messages waiting, which extension is doing what. Publishes what changed.

Implements L{neon.ports.WatchListener}; its other methods are verbs of L{neon.commands}.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from neon.bus import Bus, Published
from neon.errors import InvalidArgument
from neon.events import ExtensionChanged, MessagesWaiting, RegistrationCancelled, Unregistered
from neon.ports import Signalling
from neon.values import AccountSnapshot
from neon.watched import ExtensionStatus, MessageSummary

UNHEARD = ExtensionStatus(reason="nothing was heard yet")


@dataclass(frozen=True, slots=True)
class Watched:
    """One extension, by the account whose PBX tells of it."""

    connection_id: int
    extension: str
    status: ExtensionStatus


class Watching:
    """C{accounts} are the phone's; the configuration of an account names extensions as well."""

    def __init__(self, bus: Bus, signalling: Signalling, accounts: Callable[[], Iterable[AccountSnapshot]]) -> None:
        self._bus = bus
        self._signalling = signalling
        self._accounts = accounts
        self._extensions: dict[tuple[int, str], ExtensionStatus] = {}
        self._messages: dict[int, MessageSummary] = {}
        bus.subscribe(self._happened, Unregistered, RegistrationCancelled)

    def watch(self, connection_id: int, extension: str) -> None:
        """Hear of an extension: a number of the account's domain, or C{user@host}.

        @raise InvalidArgument: it is no extension, or there are too many.
        """
        self._signalling.watch(connection_id, extension)
        self._extensions.setdefault((connection_id, extension), UNHEARD)

    def unwatch(self, connection_id: int, extension: str) -> None:
        """Hear of it no more.

        @raise InvalidArgument: it is not watched.
        """
        if not self._signalling.unwatch(connection_id, extension):
            raise InvalidArgument(f"{extension} is not watched")
        self._extensions.pop((connection_id, extension), None)

    def extensions(self) -> tuple[Watched, ...]:
        """The extensions that are watched, as they were last heard of."""
        named = {(one.connection_id, name): UNHEARD for one in self._accounts() for name in one.options.blf}
        return tuple(Watched(account, name, status) for (account, name), status in (named | self._extensions).items())

    def messages(self, connection_id: int) -> MessageSummary | None:
        """What is known of an account's messages."""
        return self._messages.get(connection_id)

    # WatchListener

    def messages_waiting(self, connection_id: int, summary: MessageSummary) -> None:
        if self._messages.get(connection_id) != summary:
            self._messages[connection_id] = summary
            self._bus.publish(MessagesWaiting(connection_id, summary))

    def extension_changed(self, connection_id: int, extension: str, status: ExtensionStatus) -> None:
        if self._extensions.get((connection_id, extension)) != status:
            self._extensions[connection_id, extension] = status
            self._bus.publish(ExtensionChanged(connection_id, extension, status))

    def _happened(self, published: Published) -> None:
        event = published.event
        if not isinstance(event, (Unregistered, RegistrationCancelled)):
            return
        if all(one.connection_id != event.connection_id for one in self._accounts()):
            self._messages.pop(event.connection_id, None)
            for key in [key for key in self._extensions if key[0] == event.connection_id]:
                del self._extensions[key]
