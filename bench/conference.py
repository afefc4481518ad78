"""What a conference costs: CPU of the engine's thread for each party, beside the same streams without one.

    python -m bench.conference [--parties 48] [--seconds 2] [--rounds 4]

Every party is a stream that talks to another stream of the same engine over loopback, both two-way, 20 ms, G.711 unless
said otherwise. All rows are from one run; compare within it only.
"""

from __future__ import annotations

import argparse
import time

from neon.media.engine import Engine, Stream, Tone
from neon.values import Codec, MediaAgreement

HOST = "127.0.0.1"
PORTS = range(24000, 34000)
SETTLE = 1.0


def start(stream: Stream, port: int, codec: Codec) -> None:
    stream.set_source(Tone(700, -20))
    stream.start(MediaAgreement((HOST, port), codec, codec.payload_type, codec.payload_type))


def microseconds(parties: int, size: int, seconds: float, *, wide: bool, together: bool) -> float:
    """CPU microseconds a second for each party and its far end; conferences of C{size}, if they are C{together}.

    With C{wide} one party in so many speaks G.722, and all others of its conference are converted.
    """
    engine = Engine()
    engine.start()
    try:
        streams: list[Stream] = []
        for number in range(parties):
            if number % size == 0:
                conference = engine.open_conference()
            codec = Codec.G722 if wide and number % size == 0 else Codec.PCMA
            ours, theirs = engine.open_stream(HOST, PORTS), engine.open_stream(HOST, PORTS)
            start(ours, theirs.local_port, codec)
            start(theirs, ours.local_port, codec)
            if together:
                ours.join(conference)
            streams += ours, theirs
        time.sleep(SETTLE)
        before, began = engine.thread_cpu_seconds(), time.monotonic()
        time.sleep(seconds)
        spent, lasted = engine.thread_cpu_seconds() - before, time.monotonic() - began
        if sum(stream.statistics().packets_received for stream in streams) < 0.9 * 50 * lasted * len(streams):
            raise SystemExit("packets are missing: the figures mean nothing")
        return spent / lasted / parties * 1e6
    finally:
        engine.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parties", type=int, default=48)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=4, help="the best of so many counts")
    arguments = parser.parse_args()
    print(f"{'':22}{'apart':>10}{'together':>10}{'for being together':>21}  (us a party and second)")
    for wide, codecs in ((False, "all G.711"), (True, "one G.722")):
        for size in (3, 8):
            found: dict[bool, list[float]] = {False: [], True: []}
            for together in (False, True) * arguments.rounds:
                spent = microseconds(arguments.parties, size, arguments.seconds, wide=wide, together=together)
                found[together].append(spent)
            apart, joined = min(found[False]), min(found[True])
            print(f"{f'{size} parties, {codecs}':22}{apart:10.0f}{joined:10.0f}{joined - apart:21.0f}")


if __name__ == "__main__":
    main()
