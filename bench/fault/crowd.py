"""So many clients of the WebSocket API that hear every event: C{python -m bench.fault.crowd PORT USER COUNT}, the
password on standard input. Prints C{ready}, and at the end of its input how many messages came to the one that got
fewest and to the one that got most.
"""

from __future__ import annotations

import selectors
import sys

from bench.fanout import RawWebSocket


def main() -> None:
    port, user, count = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    password = sys.stdin.readline().rstrip("\n")
    heard: dict[RawWebSocket, int] = {}
    look = selectors.DefaultSelector()
    for _ in range(count):
        client = RawWebSocket(port)
        client.send({"action": "authenticate", "user": user, "password": password})
        client.receive()
        heard[client] = 0
        look.register(client.socket, selectors.EVENT_READ, client)
    look.register(sys.stdin, selectors.EVENT_READ)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        for key, _ in look.select():
            if key.data is None:
                sys.stdout.write(f"{min(heard.values())} {max(heard.values())}\n")
                return
            heard[key.data] += key.data.read()


if __name__ == "__main__":
    main()
