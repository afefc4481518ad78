"""The words that the table of commands is written in: a row, what it needs, and what its function works with."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias

from twisted.internet.defer import Deferred

from neon.arguments import Parameter, Schema
from neon.bus import Bus
from neon.callaudio import CallAudio
from neon.callback import Callbacks
from neon.gate import Gate
from neon.history import History
from neon.phone import Phone
from neon.playing import Playing
from neon.ports import Operators, Screen
from neon.recorder import Recorder
from neon.sounddevices import Sound
from neon.soundports import AudioReader
from neon.values import Scope

Data: TypeAlias = dict[str, Any]

NO_ACCOUNT: Final = "no SIP account is registered"


@dataclass(frozen=True, slots=True)
class Subscribed:
    """What became of a wish for events: the extension events that are sent from now on, how many earlier events
    follow, whether some were missed for good, and the names that no extension event has.
    """

    events: tuple[str, ...]
    replayed: int
    gap: bool
    unknown: tuple[str, ...] = ()


class Session(Protocol):
    """What a token stands for; C{heard} are the aliases of actions that were sent with it."""

    application: str
    accounts: set[int]
    prose: bool
    heard: set[str]


class Sessions(Protocol):
    """Who is authenticated."""

    def open(self, application: str, *, prose: bool = False) -> tuple[str, Any]:
        """Begin a session; returns its token and itself."""

    def find(self, token: object) -> Any:
        """The live session of a token, or None."""

    def close(self, session: Any) -> None:
        """End a session."""


class Applications(Protocol):
    """Who may authenticate."""

    def verify(self, user: str, password: str) -> Deferred[bool]:
        """Whether this is an application and its password."""


class Client(Protocol):
    """Where a command came from, as far as commands have to know: one connection of a skin."""

    @property
    def key(self) -> str:
        """Tells this client, a connection or a mailbox, from every other; nobody outside gets to see it."""

    @property
    def origin(self) -> str | None:
        """The web page's origin, normalised; None for a program of this machine."""

    @property
    def audio(self) -> AudioReader | None:
        """What takes the audio of calls, where the client has a way for it."""

    def warn(self, sentence: str) -> None:
        """Something was tolerated in the command that is being carried out: the answer shall say so."""

    def authenticated(self, session: Any) -> None:
        """The client showed the token of this session."""

    def autodisconnect(self, session: Any, connection_id: int, wanted: bool) -> None:
        """The account shall, or shall no longer, go when this client goes."""

    def subscribe(
        self, session: Any, since: int | None, boot: str | None, events: tuple[str, ...] | None
    ) -> Subscribed:
        """Send this client, after the answer, what happened after number C{since}, unless that is None.

        C{events}, unless None, are the extension events that it wants from now on.
        """

    def manual(self) -> Mapping[str, Any]:
        """The JSON Schema of what this client may send and will get."""


class Needs(enum.Enum):
    """What has to be there before a command runs."""

    NOTHING = enum.auto()
    TOKEN = enum.auto()
    REGISTERED = enum.auto()


@dataclass(frozen=True, slots=True)
class Context:
    """What a command's function works with; C{session} is None for those that need no token.

    C{history} is the call log, None where it is switched off; C{callbacks}, C{recorder}, C{playing}, C{audio} and
    C{sound} are None where there is no such thing.
    """

    phone: Phone
    bus: Bus
    screen: Screen
    sessions: Sessions
    applications: Applications
    client: Client
    session: Any
    gate: Gate
    history: History | None
    callbacks: Callbacks | None
    operators: Operators
    recorder: Recorder | None
    playing: Playing | None
    audio: CallAudio | None
    sound: Sound | None
    brand: str


@dataclass(frozen=True, slots=True)
class Field:
    """Something in the data of an answer: its name, its JSON Schema, a sentence, and whether the documents lack it."""

    name: str
    schema: Schema
    about: str = ""
    optional: bool = False
    extension: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """One row: C{function(context, **arguments)} returns the answer's data, or a Deferred of it.

    C{scope} is what an application has to be allowed; C{dials} the keyword argument that names who is called,
    C{dials_later} whether that is only for calls to come.
    C{own_page} is whether it is for NEON's own pages alone, with its owner's session (L{neon.gate.Gate.allow}).
    C{waits} is whether it takes seconds, for which those after it do not wait.
    C{once} is whether a C{requestId} suppresses a repetition: not where a command only looks, or is about the
    connection that it came by. C{spelled} is the name in the documents' capitals, C{extension} whether they lack it.
    The first paragraph of the function's docstring is the reference documentation's.
    """

    name: str
    function: Callable[..., Data | Deferred[Data]]
    parameters: tuple[Parameter, ...] = ()
    needs: Needs = Needs.TOKEN
    aliases: tuple[str, ...] = ()
    scope: Scope | None = None
    own_page: bool = False
    dials: str | None = None
    dials_later: bool = False
    once: bool = True
    waits: bool = False
    answer: tuple[Field, ...] = ()
    spelled: str = ""
    extension: bool = False


def moment(context: Context) -> Data:
    """Which event was the last one, for snapshots: whoever subscribes from there misses nothing."""
    return {"seq": context.bus.last_seq, "boot": context.bus.boot}
