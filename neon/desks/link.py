"""The connection to an MQTT 5 broker: paho's client, driven by the reactor.

paho would look names up, connect and shake hands by itself, and block while it does; Twisted does that here, and paho
gets a L{Pipe} to it where it expects a socket. The link comes back by itself, after a pause that grows a little and
has chance in it, so that a thousand desks do not return in the same moment.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import paho.mqtt.client as mqtt
from paho.mqtt.subscribeoptions import SubscribeOptions
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, connectionDone
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from neon.ports import Clock, Timer

FIRST_RETRY: Final = 0.5
HANDSHAKE_SECONDS: Final = 10.0
HOUSEKEEPING_SECONDS: Final = 1.0

MAX_UNACKNOWLEDGED: Final = 500
"""So many messages may wait for the broker's acknowledgement; what is published beyond is refused."""

_log = Logger()


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who connects. C{client_id} has to be nobody else's: a broker cuts the older of two."""

    client_id: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker publishes, retained, when the connection breaks."""

    topic: str
    payload: bytes


class Listener(Protocol):
    """Hears how the link goes."""

    def linked(self) -> None:
        """The broker has let us in: subscribe and publish. Nothing of before is there any more."""

    def lost(self) -> None:
        """The broker is gone."""

    def arrived(self, topic: str, payload: bytes, kept: bool) -> None:
        """A message of a subscription; C{kept}: it was not sent now, the broker had kept it."""

    def caught_up(self) -> None:
        """There is room again, after a L{Link.publish} that was refused."""


class Endpoint(Protocol):
    """Twisted's IStreamClientEndpoint."""

    def connect(self, factory: Any) -> Deferred[Any]: ...


class Pipe(TwistedProtocol):
    """A Twisted connection with the face of a socket that does not block, as far as paho looks at one."""

    transport: Any

    def __init__(self, link: Link) -> None:
        self._link = link
        self._arrived = bytearray()
        self._over = False
        self.full = False

    # What Twisted calls

    def connectionMade(self) -> None:
        if hasattr(self.transport, "setTcpNoDelay"):
            self.transport.setTcpNoDelay(True)
        self.transport.registerProducer(self, True)
        self._link._connected(self)

    def dataReceived(self, data: bytes) -> None:
        self._arrived += data
        self._link._readable(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._over = True
        self._link._disconnected(self, reason)

    def pauseProducing(self) -> None:
        self.full = True

    def resumeProducing(self) -> None:
        self.full = False
        self._link._writable()

    def stopProducing(self) -> None:
        self.full = True

    # What paho calls

    def recv(self, size: int) -> bytes:
        """Octets that have arrived; none at the end."""
        if not self._arrived and not self._over:
            raise BlockingIOError
        data = bytes(self._arrived[:size])
        del self._arrived[:size]
        return data

    def send(self, data: bytes) -> int:
        """Hand over, all of it."""
        if self._over:
            raise BrokenPipeError
        self.transport.write(bytes(data))
        return len(data)

    def close(self) -> None:
        if not self._over:
            self.transport.loseConnection()

    def setblocking(self, blocking: bool) -> None:
        """It never is."""

    @property
    def waits(self) -> bool:
        """Whether something has arrived that was not read."""
        return bool(self._arrived)


class _Client(mqtt.Client):
    """paho's client on a connection that is there already."""

    pipe: Pipe

    def _create_socket_connection(self) -> Any:
        return self.pipe


class Link:
    """C{connect} makes the endpoint to connect to, anew each time. C{retry_seconds} is the longest pause."""

    def __init__(
        self,
        clock: Clock,
        endpoint: Endpoint,
        credentials: Credentials,
        listener: Listener,
        *,
        will: Will | None = None,
        keep_alive: int = 10,
        retry_seconds: float = 3.0,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._clock = clock
        self._endpoint = endpoint
        self._credentials = credentials
        self._listener = listener
        self._will = will
        # A broker gives up after one and a half keep-alives (MQTT 5, section 3.1.2.10).
        self._keep_alive = max(2, round(keep_alive / 1.5))
        self._retry_seconds = retry_seconds
        self._chance = chance
        self._running = False
        self._linked = False
        self._refused = False
        self._unacknowledged = 0
        self._failures = 0
        self._pipe: Pipe | None = None
        self._client: _Client | None = None
        self._connecting: Deferred[Any] | None = None
        self._timer: Timer | None = None
        self._stopped: Deferred[None] | None = None

    @property
    def linked(self) -> bool:
        """Whether the broker is there."""
        return self._linked

    def start(self) -> None:
        """Connect, and stay connected."""
        self._running = True
        self._try()

    def stop(self) -> Deferred[None]:
        """Say good-bye, so that no will is published; fires when the connection is closed."""
        self._running = False
        done: Deferred[None] = Deferred()
        self._set_timer(None)
        if self._connecting is not None:
            self._connecting.cancel()
        if self._pipe is None:
            done.callback(None)
            return done
        self._stopped = done
        if self._client is not None and self._linked:
            self._client.disconnect()
            # paho has only noted it, and whatever was published just now. Then it closes.
            self._client.loop_write()
        else:
            self._pipe.transport.loseConnection()
        if not done.called:
            self._set_timer(self._clock.callLater(2.0, self._abort))
        return done

    def publish(self, topic: str, payload: bytes, *, retain: bool = True) -> bool:
        """Publish (QoS 1); returns whether it could be: otherwise L{Listener.linked} or C{caught_up} tells when."""
        if not self._linked or self._client is None or self._pipe is None:
            return False
        if self._pipe.full or self._unacknowledged >= MAX_UNACKNOWLEDGED:
            self._refused = True
            return False
        self._unacknowledged += 1
        self._client.publish(topic, payload, qos=1, retain=retain)
        return True

    def subscribe(self, topics: Iterable[str]) -> None:
        """Get the messages of these from now on, retained ones first."""
        if self._linked and self._client is not None:
            self._client.subscribe([(topic, SubscribeOptions(qos=1)) for topic in topics])

    # Coming and going

    def _try(self) -> None:
        self._timer = None
        factory = Factory.forProtocol(lambda: Pipe(self))
        # Twisted logs every connection of a factory that is noisy.
        factory.noisy = False
        connecting = self._connecting = self._endpoint.connect(factory)
        connecting.addErrback(self._not_connected)

    def _not_connected(self, failure: Failure) -> None:
        self._connecting = None
        if self._running:
            _log.warn("the broker cannot be reached: {why}", why=failure.getErrorMessage())
            self._again()

    def _connected(self, pipe: Pipe) -> None:
        self._connecting = None
        self._pipe = pipe
        if not self._running:
            pipe.transport.abortConnection()
            return
        client = self._client = _make(self._credentials.client_id)
        client.pipe = pipe
        if self._credentials.user is not None:
            client.username_pw_set(self._credentials.user, self._credentials.password)
        if self._will is not None:
            client.will_set(self._will.topic, self._will.payload, qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.max_inflight_messages_set(MAX_UNACKNOWLEDGED)
        # paho asks so when it is called from within one of its own callbacks.
        client.on_socket_register_write = lambda *_: self._clock.callLater(0, self._write)
        client.connect("broker", 1883, self._keep_alive, clean_start=True)
        self._set_timer(self._clock.callLater(HANDSHAKE_SECONDS, self._abort))

    def _on_connect(self, client: Any, userdata: Any, flags: Any, reason: Any, properties: Any = None) -> None:
        refused = getattr(reason, "is_failure", None)
        if refused if refused is not None else reason != 0:
            _log.error("the broker refuses us: {why}", why=str(reason))
            self._clock.callLater(0, self._abort)
            return
        self._failures = 0
        self._unacknowledged = 0
        self._linked = True
        self._set_timer(self._clock.callLater(HOUSEKEEPING_SECONDS, self._housekeeping))
        _log.info("linked with the broker as {client}", client=self._credentials.client_id)
        self._listener.linked()

    def _on_message(self, client: Any, userdata: Any, message: Any) -> None:
        try:
            self._listener.arrived(message.topic, bytes(message.payload), bool(message.retain))
        except Exception:
            _log.failure("a message of the broker could not be handled")

    def _on_publish(self, *_: Any) -> None:
        self._unacknowledged -= 1
        if self._refused and self._unacknowledged <= MAX_UNACKNOWLEDGED // 2:
            self._clock.callLater(0, self._writable)

    def _housekeeping(self) -> None:
        self._timer = None
        if self._client is not None:
            self._client.loop_misc()  # pings, and notices when they are not answered
        if self._pipe is not None and self._linked:
            self._set_timer(self._clock.callLater(HOUSEKEEPING_SECONDS, self._housekeeping))

    def _readable(self, pipe: Pipe) -> None:
        client = self._client
        while client is not None and client is self._client and pipe is self._pipe and pipe.waits:
            if client.loop_read() != mqtt.MQTT_ERR_SUCCESS:
                pipe.transport.abortConnection()
                return

    def _write(self) -> None:
        if self._client is not None and self._pipe is not None:
            self._client.loop_write()

    def _writable(self) -> None:
        self._write()
        if self._refused and self._linked:
            self._refused = False
            self._listener.caught_up()

    def _abort(self) -> None:
        self._timer = None
        if self._pipe is not None:
            self._pipe.transport.abortConnection()

    def _disconnected(self, pipe: Pipe, reason: Failure) -> None:
        if pipe is not self._pipe:
            return
        was, self._linked = self._linked, False
        self._pipe = self._client = None
        self._refused = False
        self._set_timer(None)
        if was:
            _log.warn("the broker is gone: {why}", why=reason.getErrorMessage())
            self._listener.lost()
        elif self._running:
            # Its certificate, or what it thinks of ours.
            _log.warn("the broker cannot be reached: {why}", why=reason.getErrorMessage())
        if self._stopped is not None:
            stopped, self._stopped = self._stopped, None
            stopped.callback(None)
        elif self._running:
            self._again()

    def _again(self) -> None:
        pause = min(self._retry_seconds, FIRST_RETRY * 2.0**self._failures)
        self._failures = min(self._failures + 1, 16)
        self._set_timer(self._clock.callLater(pause * (0.5 + 0.5 * self._chance()), self._try))

    def _set_timer(self, timer: Timer | None) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = timer


def _make(client_id: str) -> _Client:
    """A client for MQTT 5, by either generation of paho."""
    made: Any = _Client
    versions = getattr(mqtt, "CallbackAPIVersion", None)
    client: _Client = made(client_id, protocol=mqtt.MQTTv5) if versions is None else made(
        versions.VERSION2, client_id, protocol=mqtt.MQTTv5
    )
    return client
