"""C{python -m neon.api.docs}: writes docs/api.rst, the reference of both APIs, from the tables that run.

C{--check} writes nothing and ends with 1 if the file is not what it would write.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from neon.api import form, frames, lenient, mailbox, schema, wire
from neon.api.guard import Limits
from neon.arguments import REQUIRED, Parameter
from neon.commands import TABLE, Command, Field, Needs
from neon.commands.once import SECONDS

PATH: Final = Path(__file__).resolve().parent.parent.parent / "docs" / "api.rst"

EXTENSION: Final = "*Extension.* "

LIMITS: Final = Limits()

OPERATORS: Final = ", ".join(f"``{command.name}``" for command in TABLE if command.waits)

INTRODUCTION: Final = f"""\
.. Made by ``python -m neon.api.docs`` from the tables of commands and events. Change those, not this file.

The NEON APIs
=============

NEON is driven by two APIs with the same commands and events. Both listen on this machine only.

* **WebSocket**, ``ws://localhost:15070/``: a JSON object per message.
* **HTTP**, ``http://localhost:15060/``: commands as forms at ``/Command``, answers in XML, events by long polling at
  ``/Events``.

The running daemon serves this reference to programs: ``help`` answers a JSON Schema (draft 2020-12),
``/openapi.json`` is an OpenAPI 3.1 document of the HTTP API, ``/asyncapi.json`` an AsyncAPI 3 document of the
WebSocket API.

What the original documents do not have is marked *extension*. A client written from those documents alone never
meets an event that they do not name.

Common rules
------------

* Every command but ``authenticate`` needs a ``token``, which ``authenticate`` answers. A token is good on both APIs,
  for the program or the origin that it was given to. It dies by ``logout``, when NEON restarts, and when it was not
  used for twelve hours (a setting).
* Names of actions and parameters are read in any case. Numbers may be JSON numbers or text; booleans may be ``true``
  and ``false``, ``1`` and ``0``, ``yes`` and ``no``, ``on`` and ``off``, ``sim`` and ``não``, ``si`` and ``no``.
* A parameter given twice with different values is refused (102); a name that no parameter has is ignored.
* Numbers to call may have spaces, ``-``, ``(``, ``)`` and ``.`` in them, which are dropped.
* What is wrong is looked for in this order: the format (100), the token (602, over HTTP 600), the action (102), the
  scope of the application (602), the parameters (102), the registration (601).
* A command is answered when NEON has accepted it. What comes of it arrives as events, after the answer.
* ``requestId`` (extension): a command with the same ``requestId`` and token as one up to {SECONDS:.0f} seconds ago is
  not run again; it gets the first answer, also if the first is still running. ``id`` suppresses nothing.
* ``warnings`` (extension): sentences in an answer about what was tolerated in the command, such as a misprint.

Who may connect
---------------

Programs of this machine's user need the name and password of an application: one that ``neonctl app add`` made or
that the configuration has, or the one in ``access.json`` in NEON's state directory.

A web page needs these too, and that its origin was approved: in the configuration, by
``neonctl origin allow https://crm.example.com``, or by the user when NEON asks. Meanwhile a WebSocket waits, 15 seconds
at most, and an HTTP request is answered with status 403 and code 602. Pages without an origin (``null``: files,
sandboxed frames) are refused unless a setting approves them. ``Host`` must be ``localhost``, ``127.0.0.1`` or ``[::1]``
with the port, else the status is 421. ``http://localhost:15060/doctor`` tells a page's developer what works and what
does not.

Limits:

* {LIMITS.connections} connections, {LIMITS.connections_per_origin} of them of one origin;
* {LIMITS.messages_per_second} messages a second from a connection, where more of them wait, and as many HTTP requests
  from an origin, where the status of more is 429;
* {frames.MAX_BYTES // 1024} kB in a message or form, {form.MAX_URL // 1024} kB in a URL (100);
* five wrong passwords in a minute, and from a page ten wrong tokens; the next ones have to wait (602);
* a WebSocket that does not read its events is closed.

WebSocket
---------

A command, its answer, and the answer to one that was refused::

    {{"id": 1, "token": "9f0c…", "action": "startcall", "number": "7155555555"}}
    {{"id": 1, "success": true, "data": {{"callId": 55}}}}
    {{"id": 1, "success": false, "error": {{"code": 601, "description": "no SIP account is registered"}}, "data": {{}}}}

``id`` may be any JSON scalar. It comes back as it was, and is absent where it was absent. Answers come in the order
of the commands, but for those of {OPERATORS}
with an ``id``: these take a while, and the commands after them do not wait for them. A text that is not strict
JSON, up to {lenient.MAX_BYTES} bytes, is tried once as JSON5 and answered with a warning.

An event::

    {{"action": "event", "name": "OnNewCall", "seq": 812, "ts": "2024-05-01T12:00:00.250Z",
     "data": {{"callId": 55, "type": "outgoing", "from": "sip:31@sip.acme.com", "to": "sip:32@sip.acme.com"}}}}

Nothing but an event has an ``action``. A connection gets events once it has shown a token.

Audio for programs
~~~~~~~~~~~~~~~~~~

*Extension.* After ``openaudio`` the audio of that call goes over the connection in binary messages, both ways: what the
far end says, 20 ms in each message, and what it shall hear. A message is a header of 24 octets and 16-bit samples; all
numbers are little-endian.

.. list-table::
   :header-rows: 1

   * - Octets
     - What
   * - 0
     - 1, the version
   * - 1
     - flags, 0. From a program, 1: do not say what waits to be said
   * - 2-3
     - from NEON: how many milliseconds wait to be said; from a program 0
   * - 4-7
     - the rate in hertz, 8000 or 16000, as ``openaudio`` has it
   * - 8-15
     - the ``callId``
   * - 16-19
     - from NEON: the number of the message, from 0; from a program it does not matter
   * - 20-23
     - from NEON: the number of the first sample, from 0; from a program it does not matter
   * - 24...
     - the samples; a program may send any number of them, or none

A program may send ahead of time: up to ten seconds wait. What is too much is lost, and ``OnAudioLost`` tells how much.
A program that does not read is not cut off for that, but loses what is older than a second, which is a hole in the
numbers of the messages. Up to 500 messages a second are looked at. What is no such message is answered like a command
that is refused, without an ``id``. ``docs/bots.rst`` has examples.

Coming back
~~~~~~~~~~~

Every event has a number, ``seq``, and NEON remembers the last thousand. A client that lost its connection connects
again and sends, first of all, ``subscribe`` with ``since``, the number of the last event that it has seen, and
``boot``, which names the life of the daemon that the number is from::

    {{"action": "subscribe", "token": "9f0c…", "since": 812, "boot": "d3b07384d113edec"}}

The events that it missed follow the answer, in order and each once. If the answer says ``"gap": true``, some are gone
for good: ``listcalls`` and ``listaccounts`` tell how things are, and carry the ``seq`` and ``boot`` to go on from.
The choice of extension events belongs to the connection: name them again in the same ``subscribe``.

Calls that were up when NEON itself was cut off (killed, or without power) are ended when it starts again. Each has
its ``OnFinalizedCall`` then, with the ``callId`` that it had before, the duration by the wall clock, and a ``reason``.
It is sent two seconds after the first application has authenticated, so that the others can be back too, or a minute
after the start if nobody comes; who comes later finds it with ``since`` 0.

HTTP
----

``GET`` or ``POST /Command`` with the same names as form fields::

    GET /Command?action=startcall&number=32&token=9f0c…

    <?xml version="1.0" encoding="UTF-8"?>
    <ReturnData><Success>true</Success><Error><Code>0</Code><SystemCode/><Description/></Error>
    <Data><CallId>55</CallId></Data></ReturnData>

Names in XML are those of the tables below with a capital first letter. The status is 200 for every command that was
answered, carried out or not. ``SystemCode`` is the SIP status behind a failure, where there is one.

In a URL write ``%2B`` for ``+`` and ``%23`` for ``#``. A ``+`` at the beginning of ``number`` or ``to`` is understood
as it is; a ``#`` never arrives, so ``dtmf`` also takes the words ``hash``, ``pound`` and ``star``. In the body of a
POST a ``+`` is a space, as in every form.

``GET /Events?token=…`` waits for one event::

    <EventData><Name>OnNewCall</Name><Data><CallId>43</CallId><Type>outgoing</Type>
    <From>sip:31@sip.acme.com</From><To>sip:32@sip.acme.com</To></Data><Seq>812</Seq><Ts>…</Ts></EventData>

With nothing to tell it is answered with an empty ``Name``, after {mailbox.POLL_SECONDS:.0f} seconds
(a setting). Ask again at once: when no poll has come for {mailbox.GRACE_SECONDS:.0f} seconds,
or {mailbox.FIRST_SECONDS:.0f} after ``authenticate``, what is pending is dropped. Of two polls at the same time the
newer one wins; the older one is answered empty. Several tabs with one token each get every event if they say
``client=`` and a name of their own, in ``/Events`` and in ``/Command``.
``X-NEON-Discarded`` counts what a client has lost.
"""


def render() -> str:
    """The whole document."""
    documented = [command for command in TABLE if not command.extension]
    extensions = [command for command in TABLE if command.extension]
    parts = [
        INTRODUCTION,
        _heading("Errors", "-"),
        _table(("Code", "Meaning"), ((str(code), meaning) for code, meaning in schema.ERRORS.items())),
        _heading("Commands", "-"),
        *(_command(command) for command in documented),
        _heading("Extensions", "-"),
        *(_command(command) for command in extensions),
        _heading("Events", "-"),
        "Events of calls come in the order OnNewCall, OnAcceptCall, OnTransferedCall, OnFinalizedCall; the last comes\n"
        "for every call, exactly once. Each registration, and each un-registration, ends with one\n"
        "OnSIPRegisterFinalized.\n",
        *(_event(kind) for kind in wire.NAMES),
        _heading("Extension events", "-"),
        "Only clients that named them in ``subscribe`` get these.\n",
        *(_event(kind) for kind in wire.EXTENSIONS),
    ]
    return "\n".join(parts)


def _command(command: Command) -> str:
    title = command.spelled or command.name
    lines = [_heading(title, "~"), f"``{command.name}``: {_marked_up(schema.about(command.function))}\n"]
    facts = []
    if command.aliases:
        facts.append(f"Also called {', '.join(f'``{alias}``' for alias in command.aliases)}.")
    if command.needs is Needs.REGISTERED:
        facts.append("Needs a registered SIP account (601).")
    if command.scope is not None:
        facts.append(f"Scope: ``{command.scope.value}``.")
    if facts:
        lines.append(" ".join(facts) + "\n")
    if command.parameters:
        rows = ((f"``{schema.spelled(p)}``", _kind(p), _explained(p)) for p in command.parameters)
        lines.append(_table(("Parameter", "Kind", "Meaning"), rows))
    if command.answer:
        fields = ((f"``{field.name}``", _answer(command, field)) for field in command.answer)
        lines.append(_table(("Answer", "Meaning"), fields))
    return "\n".join(lines)


_OTHERS: Final = (
    (wire.PROSE, "that asked for the ``spelling`` of the ``prose``"),
    (wire.TRANSFERRED, "that have sent ``transferecall``"),
)


def _event(kind: wire.EventType) -> str:
    name = wire.ALL_NAMES[kind]
    others = [f"{spelling[name]} to clients {who}" for spelling, who in _OTHERS if name in spelling]
    also = f" Spelled {', '.join(others)}." if others else ""
    fields = schema.event_fields(kind)
    rows = (
        (f"``{field}``", ("" if always else "Not always. ") + schema.field_schema(field)["description"])
        for field, always in fields.items()
    )
    words = f"{_marked_up(schema.about(kind))}{also}\n"
    return "\n".join((_heading(name, "~"), words, _table(("Data", "Meaning"), rows)))


def _kind(parameter: Parameter) -> str:
    described = parameter.parse.schema
    if "enum" in described and described.get("type") == "string":
        return " or ".join(f"``{word}``" for word in described["enum"])
    kind = described.get("type")
    if isinstance(kind, list):
        kind = kind[0]
    return {"string": "text", "integer": "number", "array": "list of names"}.get(str(kind), str(kind))


def _explained(parameter: Parameter) -> str:
    words = [f"{EXTENSION if parameter.extension else ''}{parameter.about}"]
    if parameter.default is not REQUIRED:
        words.append("Optional." if parameter.default in (None, "") else f"Default: {_default(parameter.default)}.")
    if parameter.aliases:
        words.append(f"Also read as {', '.join(parameter.aliases)}.")
    return " ".join(words)


def _default(value: object) -> str:
    return f"``{str(value).lower() if isinstance(value, bool) else value}``"


def _answer(command: Command, field: Field) -> str:
    extension = EXTENSION if field.extension and not command.extension else ""
    return f"{extension}{'Not always. ' if field.optional else ''}{field.about}"


def _heading(text: str, underline: str) -> str:
    return f"{text}\n{underline * len(text)}\n"


def _marked_up(text: str) -> str:
    """A docstring's sentence: its C{code} as reStructuredText has it."""
    for mark in ("C{", "L{"):
        while mark in text:
            before, _, rest = text.partition(mark)
            inner, _, after = rest.partition("}")
            text = f"{before}``{inner}``{after}"
    return text


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in (head, *rows):
        for number, cell in enumerate(row):
            lines.append(f"   {'*' if number == 0 else ' '} - {cell}".rstrip())
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Write the file, or compare it."""
    text = render()
    if "--check" in arguments:
        return 0 if PATH.is_file() and PATH.read_text("utf-8") == text else 1
    PATH.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
