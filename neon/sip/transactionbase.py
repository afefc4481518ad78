"""What both halves of the transaction layer share: one socket, bounded memory, and callers that may raise."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

from sippy.SipResponse import SipResponse
from sippy.SipTransactionManager import SipTransactionManager
from sippy.Time.Timeout import Timeout
from twisted.logger import Logger

from neon.sip.messages import new_tag
from neon.sip.transport import CannotSend
from neon.sip.written import Field
from neon.values import Destination

_log = Logger()

T1 = 0.5
T2 = 4.0
TIMEOUT = 32.0  # 64 * T1: timers B, F, H and J of RFC 3261
LONGEST_INVITE = 180
_REMEMBERED = 2048
_TIMERS = ("teA", "teB", "teC", "teD", "teE", "teF", "teG")


class TransactionUser(Protocol):
    """Who hears of requests and of responses that belong to nothing."""

    def request_arrived(self, request: Any, transaction: Any) -> None:
        """A new server transaction began."""

    def request_finished(self, transaction: Any) -> None:
        """It has its final response, or was given up."""

    def stray_response(self, response: Any, source: Destination) -> None:
        """A 2xx to an INVITE belongs to no transaction."""

    def path(self, destination: Destination) -> Any:
        """The way to a destination: a L{LocalPath<neon.sip.transport.LocalPath>} or a L{Flow<neon.sip.flow.Flow>}."""

    def sent(self, peer: Destination, message: str) -> None:
        """A message left (for the trace)."""


LastWords: TypeAlias = tuple[Any, str, Destination]
"""By which way, what, and where to."""


class Memory:
    """What finished transactions still have to say to retransmissions: two generations of bounded size."""

    def __init__(self) -> None:
        self._young: OrderedDict[Any, LastWords | None] = OrderedDict()
        self._old: OrderedDict[Any, LastWords | None] = OrderedDict()

    def __setitem__(self, key: Any, value: LastWords | None) -> None:
        self._young[key] = value
        if len(self._young) > _REMEMBERED:
            self._young.popitem(last=False)

    def __contains__(self, key: Any) -> bool:
        return key in self._young or key in self._old

    def __getitem__(self, key: Any) -> LastWords | None:
        return self._young[key] if key in self._young else self._old[key]

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def age(self) -> None:
        self._old, self._young = self._young, OrderedDict()

    def clear(self) -> None:
        self._young.clear()
        self._old.clear()


class _NoCache(dict[Any, Any]):
    """In the place of sippy's caches, which grow with every datagram."""

    def __setitem__(self, key: Any, value: Any) -> None:
        pass


class TransactionBase(SipTransactionManager):  # type: ignore[misc]
    """sippy's transaction manager without its sockets and caches."""

    provisional_retr = 60  # RFC 3261, section 13.3.1.1: for proxies on the way

    def __init__(self, user: TransactionUser, server: str) -> None:
        # Not sippy's own constructor: it opens sockets.
        self._user = user
        self._server = Field("server", server)
        self.compact = False
        """Whether header names are written in their short forms (RFC 3261, section 7.3.3)."""
        self.tclient: dict[Any, Any] = {}
        self.tserver: dict[Any, Any] = {}
        self.req_consumers: dict[Any, Any] = {}
        self.l1rcache = _NoCache()
        self.l2rcache = _NoCache()
        self.open: set[Any] = set()
        self._answered: dict[Any, Any] = {}
        self._memory = Memory()
        self._source = Destination("", 0)
        self._key: tuple[Any, str] = ((), "")
        self._ageing: Any = None

    def start(self) -> None:
        """Begin to forget what is old."""
        self._ageing = Timeout(self._memory.age, TIMEOUT, -1)

    def shutdown(self) -> None:
        """Forget everything; no timer stays behind and no callback is called."""
        if self._ageing is not None:
            self._ageing.cancel()
        for t in {id(t): t for t in (*self.tclient.values(), *self.tserver.values())}.values():
            for name in _TIMERS:
                stop(t, name)
            t.cleanup()
        for table in (self.tclient, self.tserver, self.open, self._answered, self._memory):
            table.clear()

    def path_to(self, destination: Destination) -> Any:
        """The way to a destination."""
        return self._user.path(destination)

    def _name_server(self, response: Any) -> None:
        if response.countHFs("server") == 0:
            response.headers.append(self._server)

    def transmitMsg(self, userv: Any, msg: Any, address: Any, cachesum: Any, compact: bool = False) -> None:
        """A message without a transaction: a response goes to the source of what is being answered."""
        if isinstance(msg, SipResponse):
            address = self._source
            msg.tag(new_tag())
            self._name_server(msg)
        self.transmitData(userv, self._text(msg, userv), address)

    def _text(self, message: Any, path: Any) -> str:
        """The message as it goes this way: the path knows what Via says."""
        text: str = message.localStr(path.getSIPaddr(), self.compact)
        return text

    def transmitData(
        self, userv: Any, data: str, address: Destination, cachesum: Any = None, lossemul: int = 0
    ) -> str | None:
        """Send by a way; returns in words why it did not leave, None if it did."""
        try:
            userv.send_to(data, address)
        except CannotSend as error:
            _log.debug("a SIP message was not sent: {reason}", reason=str(error))
            return str(error)
        self._user.sent(address, data)
        return None


def patience(invite: Any) -> int:
    """For how many seconds a final response to an INVITE is waited for: its Expires, within bounds."""
    wanted = [body.getNum() for body in invite.getHFBodys("expires")]
    return min(wanted[0], LONGEST_INVITE) if wanted and wanted[0] > 0 else LONGEST_INVITE


def stop(t: Any, name: str) -> None:
    """Cancel a timer of a transaction, if it runs."""
    timer = getattr(t, name, None)
    if timer is not None:
        timer.cancel()
    setattr(t, name, None)


def restart(t: Any, name: str, callback: Callable[[Any], None], delay: float) -> None:
    """Let a timer of a transaction run from now, in the place of the one that runs."""
    stop(t, name)
    setattr(t, name, Timeout(callback, delay, 1, t))


def contained(callback: Callable[..., object], *args: object) -> None:
    """Call the user; what it raises is its bug, and the transaction goes on."""
    try:
        callback(*args)
    except Exception:
        _log.failure("a SIP callback failed")
