"""C{python -m neon.trycall [NUMBER]}: place one call through the WebSocket API and tell in words what happens.

The line that C{./run} prints. It is also the shortest complete client: read C{access.json}, authenticate,
C{startcall}, follow the events, C{finalizecall}. It ends with status 0 if the call was answered, and 1 if not.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol, connectWS
from twisted.internet import task
from twisted.internet.defer import Deferred
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

PATIENCE = 30.0
"""Seconds that the far end has to answer."""

NOT_REGISTERED = 601


class Caller:
    """One call's conversation with the daemon, without the socket: messages in, messages out by C{send}.

    C{call_later} is the reactor's; C{finished} fires with the exit status.
    """

    def __init__(
        self,
        call_later: Callable[[float, Callable[[], None]], Any],
        access: dict[str, Any],
        number: str,
        seconds: float,
        send: Callable[[dict[str, Any]], None],
        say: Callable[[str], None],
    ) -> None:
        self._call_later = call_later
        self._access = access
        self._number = number
        self._seconds = seconds
        self._send = send
        self._say = say
        self._token: str | None = None
        self._call_id: int | None = None
        self._action = ""
        self._answered = False
        self._registering = False
        self._patience = call_later(PATIENCE, self._impatient)
        self.finished: Deferred[int] = Deferred()

    def opened(self) -> None:
        """The WebSocket is open."""
        self._command("authenticate", user=self._access["user"], password=self._access["password"])

    def received(self, message: dict[str, Any]) -> None:
        """An answer or an event came."""
        if message.get("action") == "event":
            self._event(str(message["name"]), message["data"])
        elif message["success"]:
            self._succeeded(message["data"])
        else:
            self._refused(message["error"])

    def closed(self, reason: str) -> None:
        """The WebSocket is gone."""
        self._finish(f"The connection to NEON closed: {reason}", 1)

    def _command(self, action: str, **parameters: object) -> None:
        self._action = action
        token = {} if self._token is None else {"token": self._token}
        self._send({"id": action, **token, "action": action, **parameters})

    def _succeeded(self, data: dict[str, Any]) -> None:
        if self._action == "authenticate":
            self._token = data["token"]
            self._say("Authenticated.")
            self._dial()
        elif self._action == "startcall":
            self._call_id = data["callId"]
            self._say(f"Calling {self._number}: call {self._call_id}.")

    def _refused(self, error: dict[str, Any]) -> None:
        if self._action == "startcall" and error["code"] == NOT_REGISTERED and not self._registering:
            # The daemon knows no account yet: register the one that access.json describes, as any program may.
            self._registering = True
            self._say("No account is registered; registering one.")
            self._command("sipregister", **self._access["sip"])
            return
        self._finish(f"NEON refused {self._action}: {error['code']}, {error['description']}", 1)

    def _dial(self) -> None:
        self._command("startcall", number=self._number)

    def _event(self, name: str, data: dict[str, Any]) -> None:
        if name == "OnSIPRegister" and self._registering and self._call_id is None:
            self._dial()
        elif self._registering and name in ("OnSIPRegisterRefused", "OnSIPRegisterError", "OnSIPRegisterExpired"):
            self._finish(f"The account could not be registered ({name}, SIP status {data['SIPError']}).", 1)
        # Several calls may be going on in the daemon, and an event can overtake nothing: our answer came first.
        elif self._call_id is not None and data.get("callId") == self._call_id:
            self._call_event(name, data)

    def _call_event(self, name: str, data: dict[str, Any]) -> None:
        if name == "OnNewCall":
            self._say(f"Ringing from {data['from']} to {data['to']}.")
        elif name == "OnAcceptCall":
            self._answered = True
            self._say(f"Answered. Both sides hear each other; hanging up after {self._seconds:g} seconds.")
            self._patience.cancel()
            self._patience = self._call_later(self._seconds, self._impatient)
        elif name == "OnFinalizedCall":
            status, how = data["SIPError"], data.get("reason") or "ended"
            ending = f"after {data['duration'] / 1000:.1f} seconds" if not status else f"SIP status {status}, {how}"
            self._finish(f"The call is over ({ending}).", 0 if self._answered else 1)

    def _impatient(self) -> None:
        if self._call_id is None or self._action == "finalizecall":
            self._finish("NEON does not answer.", 1)
            return
        self._say("Hanging up." if self._answered else "Nobody answers; giving up.")
        self._patience = self._call_later(PATIENCE, self._impatient)
        self._command("finalizecall", callid=self._call_id)

    def _finish(self, words: str, status: int) -> None:
        if self.finished.called:
            return
        if self._patience.active():
            self._patience.cancel()
        self._say(words)
        self.finished.callback(status)


class CallerProtocol(WebSocketClientProtocol):
    """Carries a L{Caller}'s messages as JSON text frames."""

    def __init__(self, caller: Caller) -> None:
        super().__init__()
        self.caller = caller

    def onOpen(self) -> None:
        self.caller.opened()

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.caller.received(json.loads(payload))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        super().connectionLost(reason)
        self.caller.closed(reason.getErrorMessage())


class CallerFactory(WebSocketClientFactory):
    """Makes the one connection."""

    def __init__(self, url: str, protocol: CallerProtocol, reactor: Any) -> None:
        super().__init__(url, reactor=reactor)  # type: ignore[no-untyped-call]
        self._protocol = protocol

    def buildProtocol(self, addr: object) -> CallerProtocol:
        self._protocol.factory = self
        return self._protocol

    def clientConnectionFailed(self, connector: object, reason: Failure) -> None:
        self._protocol.caller.closed(reason.getErrorMessage())


def default_state_dir() -> Path:
    """Where C{./run} keeps its state unless told otherwise: C{.neon} beside the package, else the user's XDG place."""
    checkout = Path(__file__).parent.parent / ".neon"
    if checkout.is_dir():
        return checkout
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "neon"


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m neon.trycall", description="Place one call through NEON.")
    parser.add_argument("number", nargs="?", default="600", help="whom to call (default: 600, the echo)")
    parser.add_argument("--seconds", type=float, default=5.0, help="how long to talk (default: 5)")
    parser.add_argument("--state-dir", type=Path, default=None, help="the daemon's state directory, with access.json")
    return parser.parse_args(argv)


def main(reactor: Any, *argv: str) -> Deferred[None]:
    """Run for L{task.react}."""
    options = arguments(argv)
    path = (options.state_dir or default_state_dir()) / "access.json"
    try:
        access = json.loads(path.read_text())
    except OSError as error:
        raise SystemExit(f"Cannot read {path} ({error.strerror}): is NEON running? Start it with ./run") from None

    def send(message: dict[str, Any]) -> None:
        protocol.sendMessage(json.dumps(message).encode())  # type: ignore[no-untyped-call]

    def say(words: str) -> None:
        sys.stdout.write(words + "\n")
        sys.stdout.flush()

    caller = Caller(reactor.callLater, access, options.number, options.seconds, send, say)
    protocol = CallerProtocol(caller)
    connectWS(CallerFactory(access["websocket"], protocol, reactor))

    def end(status: int) -> None:
        if status:
            raise SystemExit(status)

    return caller.finished.addCallback(end)


if __name__ == "__main__":
    task.react(main, sys.argv[1:])
