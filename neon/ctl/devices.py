"""The verbs about the sound devices of the machine."""

from __future__ import annotations

import argparse
import sys

from neon.ctl import tables
from neon.ctl.connection import Connection
from neon.ctl.exits import Failed
from neon.ctl.speech import Data, say

BAR: int = 30
LOWEST: float = -60.0


def devices(options: argparse.Namespace, neon: Connection) -> None:
    data = neon.command("listdevices")
    say(options, data, _shown(data))


def device(options: argparse.Namespace, neon: Connection) -> None:
    data = neon.command("setdevice", kind=options.kind, device=options.device)
    say(options, data, _shown(data))


def levels(options: argparse.Namespace, neon: Connection) -> None:
    neon.command("subscribe", events=["OnAudioLevels"])
    neon.command("watchlevels", on=True)
    try:
        left = options.count
        while left is None or left > 0:
            event = neon.event()
            if event is None or event["name"] != "OnAudioLevels":
                continue
            left = None if left is None else left - 1
            data = event["data"]
            say(options, data, "  ".join(f"{side} {_bar(data.get(side))}" for side in ("microphone", "speaker")))
    finally:
        neon.command("watchlevels", on=False)


def test_audio(options: argparse.Namespace, neon: Connection) -> None:
    sys.stderr.write("A tone is played; then say something, and hear it played back.\n")
    neon.timeout += 2 * options.seconds + 20
    data = neon.command("testaudio", seconds=options.seconds)
    words = [str(data["description"])]
    if "level" in data:
        words.append(f"(microphone {data['level']:.0f} dB, at its loudest {data['peak']:.0f} dB)")
    if "problem" in data:
        words.append(f"({tables.shown(data['problem'])})")
    say(options, data, " ".join(words))
    if data["verdict"] not in ("heard", "not-heard"):
        raise Failed("the sound devices do not work as they should")


def _shown(data: Data) -> str:
    chosen = data["chosen"]
    uses = {"microphones": ("microphone",), "speakers": ("speaker", "ring")}
    rows = []
    for side, kinds in uses.items():
        ids = {found["id"] for found in data[side]}
        for found in data[side]:
            used = [
                kind
                for kind in kinds
                if chosen.get(kind) == found["id"]
                or (found["default"] and kind in chosen and chosen[kind] not in ids)
            ]
            default = "default" if found["default"] else ""
            rows.append((side[:-1], found["name"], found["id"], default, ", ".join(used)))
    text = tables.table(("", "NAME", "ID", "", "USED FOR"), rows, "There is no sound device: calls are silent.")
    gone = [
        f"{kind}: {id} is not there now"
        for kind, id in chosen.items()
        if id != "default" and id not in {found["id"] for side in uses for found in data[side]}
    ]
    return "\n".join([text, *map(tables.shown, gone)])


def _bar(level: float | None) -> str:
    if level is None:
        return f"{'closed':{BAR + 8}}"
    filled = round(BAR * max(0.0, min(1.0, (level - LOWEST) / -LOWEST)))
    return f"{'#' * filled:.<{BAR}} {level:4.0f} dB"
