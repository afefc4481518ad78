"""An echo over the WebSocket layer of the APIs, for Autobahn's fuzzing client, whose cases want their words back.

    python -m tests.fuzz.websocket_echo 9001
    wstest -m fuzzingclient -s fuzzing.json        # {"servers": [{"url": "ws://127.0.0.1:9001/"}], "cases": ["*"], ...}

C{wstest} is a program for Python 2 (C{pip install autobahntestsuite}), and no part of ./test; docs/reliability.rst has
its counts. What is tested is how NEON configures autobahn (L{neon.api.paced}), with room for the longest cases.
"""

from __future__ import annotations

import sys
from typing import Any

from autobahn.twisted.websocket import WebSocketServerFactory
from twisted.internet import reactor as _reactor

from neon.api.paced import Paced, configure

LONGEST = 20 << 20
"""Bytes in a message; the APIs take 64 KiB."""


class Echo(Paced):
    def onOpen(self) -> None:
        self.keep_pace()

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self._lag.allow(len(payload))
        self.sendMessage(payload, isBinary)


reactor: Any = _reactor


def main() -> None:
    """Serve the port that is named, until interrupted."""
    factory = WebSocketServerFactory()
    configure(factory, LONGEST)
    factory.protocol = Echo
    reactor.listenTCP(int(sys.argv[1]), factory, interface="127.0.0.1")
    reactor.run()


if __name__ == "__main__":
    main()
