"""The floors of the house (docs/architecture.rst), read from the imports with C{ast}: only downwards, never sideways.

A part is a module or package right under C{neon}. A new one has to be given its floor here.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

ROOT = Path(__file__).resolve().parent.parent

FLOORS: dict[str, int] = {
    part: floor
    for floor, parts in {
        0: """
            audioframes brandvalues causes challenge config csvlog details errors explain headers heap inherited inifile
            journald operatorvalues opus parsing passwords places plainrequest privatefile quality records redaction
            safexml sections signals sounddevices srtp stunmessage values watched
        """,
        1: """
            brand bus cases dbus dialling digits events history ladder links localboard log logos model ports siptrace
            soundports switchboard tones wsdl
        """,
        2: """
            accountline arguments callaudio callback callcontrol closing commands conference gate journal leftovers
            line phone playing qualitywatch reception recorder ringer rulebook speechwatch toneplayer watching
        """,
        3: """
            access desks desktop media network operators panel sip store testbed
        """,
        4: """
            api ctl
        """,
        5: """
            accesspart admission banner certificates controlpart deskpart desktoppart devicepart doctorpart feedpart
            httppart journalpart keptpart metricspart networkpart notify operatorpart options panelpart parts phonepart
            program qualitypart recordingpart retirepart sippart soundpart tap testbedpart tidypart trycall
            websocketpart
        """,
    }.items()
    for part in parts.split()
}

SAME_FLOOR: dict[str, set[str]] = {
    "values": {"details", "opus", "srtp"},
    "headers": {"details"},
    "quality": {"values"},
    "parsing": {"values", "details", "srtp"},
    "config": {"values", "parsing", "inifile", "sections", "details"},
    "brand": {"logos"},
    "brandvalues": {"parsing"},
    "sections": {"brandvalues", "values", "parsing", "passwords", "inifile", "details", "headers", "srtp"},
    "records": {"values"},
    "stunmessage": {"values"},
    "watched": {"values"},
    "leftovers": {"journal"},
    "model": {"events"},
    "operatorvalues": {"values"},
    "bus": {"events", "ports"},
    "dbus": {"ports"},
    "cases": {"bus", "events", "ladder"},
    "digits": {"ports"},
    "links": {"dialling"},
    "localboard": {"bus", "events", "switchboard"},
    "history": {"bus", "events", "ports"},
    "ladder": {"ports"},
    "siptrace": {"ports"},
    "callcontrol": {"line"},
    "conference": {"line"},
    "accountline": {"line"},
    "phone": {"line", "accountline", "callcontrol", "conference", "reception", "rulebook", "watching", "closing"},
    "reception": {"line"},
    "closing": {"line", "accountline"},
    "callback": {"phone"},
    "callaudio": {"phone"},
    "playing": {"phone"},
    "speechwatch": {"phone"},
    "soundports": {"tones"},
    "recorder": {"phone"},
    "commands": {"arguments", "callaudio", "callback", "gate", "phone", "playing", "recorder"},
    # The embedded service is a peer of ours, built on the same dialogs, streams and database.
    "testbed": {"sip", "media", "store"},
    "accesspart": {"banner", "parts"},
    "admission": {"parts"},
    "sippart": {"parts"},
    "controlpart": {"parts"},
    "operatorpart": {"parts"},
    "options": {"operatorpart"},
    "testbedpart": {"operatorpart", "parts"},
    "panelpart": {"admission", "httppart"},
    "desktoppart": {"admission", "panelpart"},
    "feedpart": {"certificates", "deskpart", "parts"},
    "deskpart": {"certificates", "parts"},
    "tap": {part for part, floor in FLOORS.items() if floor == 5} - {"tap", "trycall", "program"},
}
"""What a part may import of its own floor."""

REACHES: dict[int, set[str]] = {
    # The world knows values, events and seams; what is decided on floor 2 is none of its business.
    3: {part for part, floor in FLOORS.items() if floor <= 1},
    # A skin decodes, executes and encodes. It knows no SIP, no media and no machine.
    4: {part for part, floor in FLOORS.items() if floor <= 1} - {"model"} | {"arguments", "commands", "gate"},
}
"""Where a floor may not import everything below it."""

ONLY_IN: dict[str, tuple[str, ...]] = {
    "sippy": ("neon.sip", "neon.testbed"),
    "pyaudio": ("neon.media.portaudio",),
    "automat": ("neon.model", "neon.phone", "neon.callcontrol", "neon.conference"),
    "jeepney": ("neon.dbus", "neon.desktop"),
    "autobahn": ("neon.api", "neon.ctl", "neon.trycall"),
    "sqlite3": ("neon.store",),
    "paho": ("neon.desks",),
    "twisted.internet.reactor": ("neon.tap", "neon.ctl", "twisted.plugins.neon_plugin"),
}
"""Modules of others, and who alone may import them."""

MODEL_IMPORTS = {"__future__", "automat", "collections", "dataclasses", "enum", "typing", "neon"}
"""All that the model may import: no I/O, no clock, no thread, no Twisted."""


def imports(source: str, package: str) -> Iterator[tuple[int, str]]:
    """Every import in C{source}, a module of C{package}, wherever it stands: line number and dotted name."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")
                parents = parents[: len(parents) - node.level + 1]
                base = ".".join([*parents, base] if base else parents)
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def within(name: str, places: tuple[str, ...]) -> bool:
    """Whether a dotted name is one of some modules or packages, or in one of them."""
    return any(name == place or name.startswith(place + ".") for place in places)


def part_of(name: str) -> str | None:
    """The part of NEON that a dotted name belongs to; None for C{neon} itself and for what is not ours."""
    words = name.split(".")
    return words[1] if words[0] == "neon" and len(words) > 1 and not words[1].startswith("__") else None


def complaints(module: str, source: str, is_package: bool = False) -> list[str]:
    """What is wrong with the imports of a module."""
    wrong = []
    part = part_of(module)
    floor = 5 if module.startswith("twisted.") else 0 if part is None else FLOORS.get(part)
    if floor is None:
        return [f"{module}: give {part} a floor in {Path(__file__).name}"]
    for line, name in imports(source, module if is_package else module.rpartition(".")[0]):
        for theirs, places in ONLY_IN.items():
            if within(name, (theirs,)) and not within(module, places):
                wrong.append(f"{module}:{line}: {theirs} is imported by {', '.join(places)} only")
        if part == "model" and name.split(".")[0] not in MODEL_IMPORTS:
            wrong.append(f"{module}:{line}: the model may not import {name}")
        other = part_of(name)
        if other is None or other == part:
            continue
        if other not in FLOORS:
            wrong.append(f"{module}:{line}: {name} has no floor")
            continue
        sideways = part is not None and other in SAME_FLOOR.get(part, set())
        below = FLOORS[other] < floor and other in REACHES.get(floor, FLOORS)
        if not (sideways or below):
            wrong.append(f"{module}:{line}: floor {floor} may not import {name} of floor {FLOORS[other]}")
    return wrong


def modules() -> Iterator[tuple[str, Path]]:
    """Every Python file that is installed, with its dotted name."""
    for top in ("neon", "twisted"):
        for path in sorted((ROOT / top).rglob("*.py")):
            words = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(words[:-1] if words[-1] == "__init__" else words), path


class FloorTests(SynchronousTestCase):
    def test_every_module(self) -> None:
        """Nobody imports upwards or sideways, and everybody keeps to the modules of others that are theirs."""
        wrong = []
        found = list(modules())
        for module, path in found:
            wrong += complaints(module, path.read_text("utf-8"), path.name == "__init__.py")
        self.assertEqual(wrong, [], "\n".join(wrong))
        self.assertIn("neon.phone", [module for module, _ in found])

    def assert_complaint(self, module: str, source: str) -> None:
        self.assertEqual(len(complaints(module, source)), 1, (module, source))

    def assert_fine(self, module: str, source: str) -> None:
        self.assertEqual(complaints(module, source), [])

    def test_upwards(self) -> None:
        """An import of a higher floor is found, however it is written."""
        self.assert_complaint("neon.phone", "import neon.api.websocket")
        self.assert_complaint("neon.phone", "from neon import api")
        self.assert_complaint("neon.phone", "from neon.sip.agent import SipAgent")
        self.assert_complaint("neon.sip.agent", "from ..phone import Phone")
        self.assert_complaint("neon.sip.agent", "def later():\n    from neon.phone import Phone")
        self.assert_complaint("neon.values", "if TYPE_CHECKING:\n    from neon.events import Event")
        self.assert_complaint("neon", "from neon.values import Cause")

    def test_sideways(self) -> None:
        """Nobody on floor 3 imports a neighbour, but the testbed, which is built on three of them."""
        self.assert_complaint("neon.sip.agent", "from neon.media.engine import Engine")
        self.assert_complaint("neon.media.manager", "from neon.testbed import Testbed")
        self.assert_complaint("neon.store.ids", "from neon.sip import agent")
        self.assert_fine("neon.testbed.service", "from neon.media.engine import Engine\nfrom neon.sip import uas")

    def test_skins(self) -> None:
        """A skin sees commands, events and the bus, and nothing of phone, model, SIP or media."""
        self.assert_fine("neon.api.websocket", "from neon.commands import Commands\nfrom neon.bus import Bus")
        for part in ("phone", "line", "model.call", "sip.agent", "media.engine", "store.ids", "tap"):
            self.assert_complaint("neon.api.websocket", f"import neon.{part}")

    def test_downwards(self) -> None:
        """Imports downwards and within a package are fine."""
        self.assert_fine("neon.phone", "from neon import __version__\nfrom neon.model.call import Call")
        self.assert_fine("neon.sip.agent", "from . import uac\nfrom .uas import Uas\nfrom neon.ports import Clock")
        self.assert_fine("neon.tap", "from neon.api.websocket import X\nfrom twisted.internet import reactor")

    def test_one_way_on_a_floor(self) -> None:
        """Commands know the phone; the phone does not know commands."""
        self.assert_fine("neon.commands", "from neon.phone import Phone")
        self.assert_complaint("neon.phone", "from neon.commands import Commands")

    def test_model(self) -> None:
        """The model imports nothing that could do anything."""
        for name in ("twisted.internet.defer", "time", "socket", "threading", "asyncio", "os", "random"):
            self.assert_complaint("neon.model.call", f"import {name}")

    def test_modules_of_others(self) -> None:
        """sippy, pyaudio and the global reactor stay where they belong."""
        self.assert_complaint("neon.media.manager", "import pyaudio")
        self.assert_complaint("neon.phone", "from sippy.SipRequest import SipRequest")
        self.assert_complaint("neon.sip.endpoint", "from twisted.internet import reactor")
        self.assert_complaint("neon.bus", "from twisted.internet.reactor import callLater")
        self.assert_fine("neon.sip.endpoint", "from neon.sip import reactor\nfrom twisted.internet import defer")

    def test_without_a_floor(self) -> None:
        """A new part, and an import of one, is not let through unseen."""
        self.assert_complaint("neon.gadgets", "")
        self.assert_complaint("neon.tap", "from neon.gadgets import Gadget")
