"""The verbs about calls. Where just one call comes into question its CALLID may be left out."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable

from neon.ctl import tables
from neon.ctl.accounts import account_id
from neon.ctl.connection import Connection
from neon.ctl.exits import Failed, Refused, Usage
from neon.ctl.speech import Data, outcome, say, wait


def calls(options: argparse.Namespace, neon: Connection) -> None:
    data = neon.command("listcalls")
    say(options, data, calls_table(data["calls"]))


def calls_table(rows: Iterable[Data]) -> str:
    """For people."""
    return tables.table(
        ("CALLID", "TYPE", "STATE", "FROM", "TO", "NAME"),
        [
            (row["callId"], row["type"], _state(row), row["from"], row["to"], row.get("displayName"))
            for row in rows
        ],
        "No call.",
    )


def _state(call: Data) -> str:
    """In one word, with what else there is to say: C{confirmed (held, muted)}."""
    facts = (
        ("hold", "held"),
        ("remoteHold", "held by the other side"),
        ("muted", "muted"),
        ("recording", "recorded"),
        ("audioOpen", "open to a program"),
        ("conference", "in the conference"),
    )
    words = [word for name, word in facts if call.get(name)]
    if call.get("volume", 100) != 100:
        words.append(f"volume {call['volume']}%")
    if call.get("echoCancelling") == "unavailable":
        words.append("echo not cancelled")
    more = ", ".join(words)
    return f"{call['state']} ({more})" if more else str(call["state"])


def dial(options: argparse.Namespace, neon: Connection) -> None:
    connection_id = None if options.account is None else account_id(neon, options.account)
    fields = dict(_field(text) for text in options.header) or None
    data = neon.command("startcall", number=options.number, connectionid=connection_id, headers=fields)
    call_id = data["callId"]
    if not options.wait:
        say(options, data, f"Call {call_id}.")
        return
    happened = wait(neon, None, "callId", call_id, ("OnAcceptCall", "OnFinalizedCall"))
    if happened is None or happened["name"] != "OnAcceptCall":
        why = "" if happened is None else outcome(happened["data"])
        raise Failed(f"call {call_id} was not answered: {why} (neonctl explain {call_id})")
    say(options, data, f"Call {call_id} is answered.")


def answer(options: argparse.Namespace, neon: Connection) -> None:
    call_id = _call(options, neon, lambda call: call["type"] == "incoming" and call["state"] == "early", "rings")
    say(options, {"callId": call_id, **neon.command("acceptcall", callid=call_id)})


def _field(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise Usage(f"{text!r} is no header field; write NAME=VALUE")
    return name.strip(), value.strip()


def reject(options: argparse.Namespace, neon: Connection) -> None:
    call_id = _call(options, neon, lambda call: call["type"] == "incoming" and call["state"] == "early", "rings")
    say(options, {"callId": call_id, **neon.command("rejectcall", callid=call_id, status=options.status)})


def consent(options: argparse.Namespace, neon: Connection) -> None:
    call_id = _call(options, neon, _is_up, "is up")
    say(options, {"callId": call_id, **neon.command("answertransfer", callid=call_id, allow=options.answer == "yes")})


def dnd(options: argparse.Namespace, neon: Connection) -> None:
    connection_id = None if options.account is None else account_id(neon, options.account)
    say(options, neon.command("setdnd", dnd=options.switch == "on", connectionid=connection_id))


def forward(options: argparse.Namespace, neon: Connection) -> None:
    connection_id = None if options.account is None else account_id(neon, options.account)
    rule = {"when": options.when, "to": options.to, "seconds": options.seconds}
    say(options, neon.command("setforward", connectionid=connection_id, **rule))


def hangup(options: argparse.Namespace, neon: Connection) -> None:
    if not options.all:
        call_id = _call(options, neon, lambda call: call["state"] != "releasing", "is there")
        say(options, {"callId": call_id, **neon.command("finalizecall", callid=call_id)})
        return
    if options.call_id is not None:
        raise Usage("say a CALLID or --all, not both")
    ended = [int(call["callId"]) for call in neon.command("listcalls")["calls"]]
    for call_id in ended:
        try:
            neon.command("finalizecall", callid=call_id)
        except Refused as refusal:
            if refusal.code != 102:  # it ended by itself meanwhile
                raise
    say(options, {"callIds": ended})


def hold(options: argparse.Namespace, neon: Connection) -> None:
    call_id = _call(options, neon, _is_up, "is up")
    say(options, {"callId": call_id, **neon.command("sethold", callid=call_id, hold=options.verb == "hold")})


def mute(options: argparse.Namespace, neon: Connection) -> None:
    call_id = _call(options, neon, _is_up, "is up")
    say(options, {"callId": call_id, **neon.command("setmute", callid=call_id, mute=options.verb == "mute")})


def conference(options: argparse.Namespace, neon: Connection) -> None:
    wishes = [options.hold, options.resume, options.mute, options.unmute]
    if any(wishes):
        if options.call_ids or sum(wishes) > 1:
            raise Usage("say CALLIDs, or one of --hold, --resume, --mute and --unmute")
        if options.mute or options.unmute:
            say(options, neon.command("muteconference", mute=options.mute))
        else:
            say(options, neon.command("holdconference", hold=options.hold))
        return
    call_ids = options.call_ids or [int(call["callId"]) for call in neon.command("listcalls")["calls"] if _is_up(call)]
    if not call_ids:
        raise Usage("no call is up")
    say(options, {"callIds": call_ids, **neon.command("startconference", callids=call_ids)})


def leave(options: argparse.Namespace, neon: Connection) -> None:
    call_id = _call(options, neon, lambda call: bool(call.get("conference")), "is in the conference")
    say(options, {"callId": call_id, **neon.command("leaveconference", callid=call_id)})


def swap(options: argparse.Namespace, neon: Connection) -> None:
    call_id = _call(options, neon, lambda call: _is_up(call) and bool(call.get("hold")), "is held")
    say(options, {"callId": call_id, **neon.command("swapcalls", callid=call_id)})


def volume(options: argparse.Namespace, neon: Connection) -> None:
    call_id = _call(options, neon, _is_up, "is up")
    say(options, {"callId": call_id, **neon.command("setvolume", callid=call_id, percent=options.percent)})


def record(options: argparse.Namespace, neon: Connection) -> None:
    if options.what == "start":
        call_id = _call(options, neon, _is_up, "is up")
        data = {"callId": call_id, **neon.command("startrecording", callid=call_id)}
        say(options, data, f"Call {call_id} is recorded: {data['path']}")
        return
    call_id = _call(options, neon, lambda call: bool(call.get("recording")), "is recorded")
    if options.what == "stop":
        data = neon.command("stoprecording", callid=call_id)
    else:
        data = neon.command("pauserecording", callid=call_id, pause=options.what == "pause")
    say(options, {"callId": call_id, **data})


def play(options: argparse.Namespace, neon: Connection) -> None:
    call_id = _call(options, neon, _is_up, "is up")
    data = neon.command("playaudio", callid=call_id, file=options.file, loop=options.loop, mix=options.mix)
    say(options, {"callId": call_id, **data}, f"Call {call_id} hears {options.file} ({data['seconds']:.1f} s).")


def stop_playing(options: argparse.Namespace, neon: Connection) -> None:
    call_id = _call(options, neon, _is_up, "is up")
    say(options, {"callId": call_id, **neon.command("stopaudio", callid=call_id)})


def transfer(options: argparse.Namespace, neon: Connection) -> None:
    other: int | None = None
    if options.attended:
        if not options.to.isascii() or not options.to.isdigit():
            raise Usage(f"{options.to!r} is no CALLID; with --attended TO is the other call")
        other = int(options.to)
        call_id = _call(options, neon, lambda call: _is_up(call) and call["callId"] != other, "is up beside it")
    else:
        call_id = _call(options, neon, _is_up_or_rings, "can be transferred")
    if options.wait:
        neon.command("subscribe", events=["OnTransferFailed"])
    data = neon.command("transfercall", callid=call_id, to=options.to, tocallid=other)
    if options.wait:
        happened = wait(neon, None, "callId", call_id, ("OnTransferedCall", "OnTransferFailed", "OnFinalizedCall"))
        if happened is None or happened["name"] != "OnTransferedCall":
            why = "" if happened is None else outcome(happened["data"])
            raise Failed(f"call {call_id} was not transferred: {why} (neonctl explain {call_id})")
    say(options, {"callId": call_id, **data})


def dtmf(options: argparse.Namespace, neon: Connection) -> None:
    call_id = _call(options, neon, _is_up, "is up")
    say(options, {"callId": call_id, **neon.command("senddtmf", callid=call_id, dtmf=options.digits)})


def _is_up(call: Data) -> bool:
    return bool(call["state"] == "confirmed")


def _is_up_or_rings(call: Data) -> bool:
    return _is_up(call) or bool(call["type"] == "incoming" and call["state"] == "early")


def _call(options: argparse.Namespace, neon: Connection, fits: Callable[[Data], bool], how: str) -> int:
    """The call that was named, or the only one that fits."""
    if options.call_id is not None:
        return int(options.call_id)
    candidates = [call for call in neon.command("listcalls")["calls"] if fits(call)]
    if len(candidates) != 1:
        several = f"more than one call {how}; say which:\n{calls_table(candidates)}"
        raise Usage(several if candidates else f"no call {how}")
    return int(candidates[0]["callId"])
