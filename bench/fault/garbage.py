"""Sends garbage to a SIP port: C{python -m bench.fault.garbage KIND TARGET-PORT RATE SECONDS}.

C{strangers}: from 200 addresses of 127.0.3.0/24. C{registrar}: from 127.0.0.2, as if the registrar had gone mad, so
that the phone reads every packet. Noise, broken SIP, and requests that are SIP but for somebody else, in turn. Prints
how many it sent and how many seconds that took.
"""

from __future__ import annotations

import contextlib
import random
import socket
import sys
import time

PACKETS = 2000
BURST_SECONDS = 0.002


def packets(dice: random.Random) -> list[bytes]:
    """A repertoire of garbage."""
    made = []
    for number in range(PACKETS):
        request = (
            f"OPTIONS sip:100@1.1.1.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.3.1:5060;branch=z9hG4bK{number}\r\n"
            f"From: <sip:scan@1.1.1.1>;tag={number}\r\nTo: <sip:100@1.1.1.1>\r\nCall-ID: {number}@scan\r\n"
            f"CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nUser-Agent: scanner\r\nContent-Length: 0\r\n\r\n"
        ).encode()
        damaged = bytearray(request)
        for _ in range(dice.randrange(1, 8)):
            damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        port = request.replace(b":5060;", b":65536;")
        cut = request[: dice.randrange(40, len(request))]
        made.append(dice.choice((dice.randbytes(dice.randrange(20, 500)), bytes(damaged), port, cut, request)))
    return made


def main() -> None:
    kind, target, rate, seconds = sys.argv[1], ("127.0.0.1", int(sys.argv[2])), float(sys.argv[3]), float(sys.argv[4])
    repertoire = packets(random.Random(4))
    hosts = ["127.0.0.2"] if kind == "registrar" else [f"127.0.3.{number}" for number in range(1, 201)]
    sockets = []
    for host in hosts:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind((host, 0))
        made.setblocking(False)
        sockets.append(made)
    began = time.monotonic()
    sent = 0
    while (now := time.monotonic() - began) < seconds:
        # What is due by now goes out at once, at most a fiftieth of a second's worth.
        for _ in range(min(int(now * rate) - sent, int(rate / 50))):
            with contextlib.suppress(BlockingIOError):
                sockets[sent % len(sockets)].sendto(repertoire[sent % PACKETS], target)
            sent += 1
        time.sleep(BURST_SECONDS)
    sys.stdout.write(f"{sent} {time.monotonic() - began:.2f}\n")


if __name__ == "__main__":
    main()
