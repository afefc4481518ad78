"""A registrar of one socket that asks its phone with OPTIONS, steadily: C{python -m bench.fault.pinger HOST PORT RATE}.

It says yes to every REGISTER and begins to ask at the first. At the end of its input it prints, as JSON, one pair for
each OPTIONS that is older than a second: when it was sent (monotonic), and the milliseconds to its answer or null. An
OPTIONS is not sent again: what is lost shows.
"""

from __future__ import annotations

import json
import re
import select
import socket
import sys
import time


def main() -> None:
    host, port, rate = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    wire.bind((host, port))
    phone: tuple[str, int] | None = None
    asked: dict[int, float] = {}
    answered: dict[int, float] = {}
    due = time.monotonic()
    while True:
        now = time.monotonic()
        ready = select.select([wire, sys.stdin], [], [], max(0.0, due - now) if phone else None)[0]
        if sys.stdin in ready:
            break
        if wire in ready:
            data, source = wire.recvfrom(16384)
            now = time.monotonic()
            text = data.decode("latin-1")
            found = re.search(r"^Call-ID: ping(\d+)@", text, re.MULTILINE)
            if text.startswith("SIP/2.0 200") and found:
                answered.setdefault(int(found[1]), now)
            elif text.startswith("REGISTER"):
                phone = phone or source
                wire.sendto(granted(text), source)
        while phone and due <= time.monotonic():
            number = len(asked)
            wire.sendto(options(number, f"{host}:{port}", phone), phone)
            asked[number] = time.monotonic()
            due = max(due + 1 / rate, time.monotonic() - 0.5)
    ripe = [number for number, at in asked.items() if at < time.monotonic() - 1.0]
    pairs = [(asked[n], (answered[n] - asked[n]) * 1000 if n in answered else None) for n in ripe]
    sys.stdout.write(json.dumps(pairs) + "\n")


def granted(register: str) -> bytes:
    """The 200 of a REGISTER."""
    lines = register.split("\r\n")
    kept = [line for line in lines if line.partition(":")[0] in ("Via", "From", "Call-ID", "CSeq")]
    to = next(line for line in lines if line.startswith("To:"))
    contact = next(line for line in lines if line.startswith("Contact:"))
    return "\r\n".join(["SIP/2.0 200 OK", *kept, f"{to};tag=r", contact, "Content-Length: 0", "", ""]).encode()


def options(number: int, here: str, phone: tuple[str, int]) -> bytes:
    """One OPTIONS for account 2001."""
    lines = [
        f"OPTIONS sip:2001@{phone[0]}:{phone[1]} SIP/2.0", f"Via: SIP/2.0/UDP {here};branch=z9hG4bKping{number}",
        "Max-Forwards: 70", f"From: <sip:ping@{here}>;tag=p{number}", f"To: <sip:2001@{here}>",
        f"Call-ID: ping{number}@{here}", "CSeq: 1 OPTIONS", "Content-Length: 0", "", "",
    ]  # fmt: skip
    return "\r\n".join(lines).encode()


if __name__ == "__main__":
    main()
