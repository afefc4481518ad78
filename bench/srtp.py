"""What encryption costs: CPU of the engine's thread for a two-way 20 ms G.711 stream, in clear and with each suite.

    python -m bench.srtp [--streams 200] [--seconds 5]

Streams of one engine talk to each other over loopback. All rows are from one run; compare within it only.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import replace

from neon.media.engine import Engine, Stream, Tone
from neon.srtp import SrtpKey, SrtpKeys, SrtpSuite
from neon.values import Codec, MediaAgreement

HOST = "127.0.0.1"
PORTS = range(24000, 34000)
SETTLE = 1.0


def keys(suite: SrtpSuite) -> tuple[SrtpKeys, SrtpKeys]:
    """For both ends."""
    one, other = (SrtpKey(os.urandom(suite.key_octets)) for _ in range(2))
    return SrtpKeys(suite, one, other), SrtpKeys(suite, other, one)


def start(stream: Stream, port: int, agreed: SrtpKeys | None) -> None:
    stream.set_source(Tone(700))
    stream.start(replace(MediaAgreement((HOST, port), Codec.PCMA, 8, 8), srtp=agreed))


def microseconds(suite: SrtpSuite | None, streams: int, seconds: float) -> float:
    """CPU microseconds a stream and second."""
    engine = Engine()
    engine.start()
    try:
        pairs = [(engine.open_stream(HOST, PORTS), engine.open_stream(HOST, PORTS)) for _ in range(streams // 2)]
        for one, other in pairs:
            ours, theirs = (None, None) if suite is None else keys(suite)
            start(one, other.local_port, ours)
            start(other, one.local_port, theirs)
        time.sleep(SETTLE)
        before, began = engine.thread_cpu_seconds(), time.monotonic()
        time.sleep(seconds)
        spent, lasted = engine.thread_cpu_seconds() - before, time.monotonic() - began
        everything = [stream.statistics() for pair in pairs for stream in pair]
        if any(counted.srtp_failures for counted in everything):
            raise SystemExit("packets were refused: the figures mean nothing")
        if sum(counted.packets_received for counted in everything) < 0.9 * 50 * lasted * streams:
            raise SystemExit("packets are missing: the figures mean nothing")
        return spent / lasted / streams * 1e6
    finally:
        engine.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=5.0)
    arguments = parser.parse_args()
    clear = microseconds(None, arguments.streams, arguments.seconds)
    print(f"{'in clear':26}{clear:8.0f} us a stream and second")
    for suite in SrtpSuite:
        spent = microseconds(suite, arguments.streams, arguments.seconds)
        print(f"{suite.value:26}{spent:8.0f}{spent / clear:8.2f} x")


if __name__ == "__main__":
    main()
