"""A desktop of a test's own: a session bus, and where it is wanted a screen with a window manager."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from twisted.internet.threads import deferToThread

from tests.integration.daemon import ROOT
from tests.integration.processes import ARTEFACTS, IntegrationCase, Program, pause, until

PATIENCE: Final = 60.0
"""Seconds. WebKit takes its time to start on a machine that has other things to do."""

PEER: Final = str(Path(__file__).parent / "desktop_peer.py")
"""A program that is much of a desktop; it says so itself."""

BUS: Final = """\
<busconfig><type>session</type><listen>unix:path={path}</listen><auth>EXTERNAL</auth>
<servicedir>{services}</servicedir><policy context="default"><allow send_destination="*" eavesdrop="true"/>
<allow eavesdrop="true"/><allow own="*"/></policy></busconfig>
"""

SERVICE: Final = """\
[D-BUS Service]
Name=org.neonsoftphone.Panel
Exec={root}/desktop/neon-panel --gapplication-service
"""


class Desktop:
    """C{env} is what programs of this desktop have in their environment."""

    def __init__(self, test: IntegrationCase, folder: Path, env: dict[str, str]) -> None:
        self._test = test
        self._folder = folder
        self._bus: Program | None = None
        self.env = env

    @property
    def bus_path(self) -> str:
        return str(self._folder / "bus")

    @property
    def kept(self) -> Path:
        """Where the window remembers its size."""
        return Path(self.env["XDG_STATE_HOME"]) / "neon-panel" / "window.json"

    async def start_bus(self) -> None:
        """Start the session bus; what it starts has the environment as it is now."""
        path = self._cleared()
        self._bus = self._test.start("dbus", "dbus-daemon", f"--config-file={self._folder}/bus.conf", "--nofork",
                                     env=self.env)  # fmt: skip
        await until(path.exists, "the session bus", PATIENCE)

    def _cleared(self) -> Path:
        path = Path(self.bus_path)
        path.unlink(missing_ok=True)
        return path

    async def stop_bus(self) -> None:
        assert self._bus is not None
        await self._bus.stop()

    async def start_screen(self) -> None:
        """Start an X server and a window manager on it, before the bus."""
        # Not -displayfd: without a lock two servers may take the same number.
        number = random.SystemRandom().randrange(1000, 60000)
        # -noreset: else it begins anew, and refuses connections, whenever the last of its programs has gone.
        self._test.start("xvfb", "Xvfb", f":{number}", "-noreset", "-screen", "0", "1024x800x24", "-nolisten", "tcp")
        self.env["DISPLAY"] = f":{number}"
        # Its socket is there a little before it answers.
        await until(lambda: self._run("xprop", "-root"), "the X server", PATIENCE)
        self._test.start("openbox", "openbox", env=self.env)
        await until(lambda: "_NET_SUPPORTING_WM_CHECK(WINDOW)" in self._run("xprop", "-root"), "the window manager",
                    PATIENCE)  # fmt: skip

    def forward(self, state_dir: Path) -> None:
        """Let C{neonctl} on this desktop speak to the daemon that has that state."""
        import sys

        program = self._folder / "bin" / "neonctl"
        program.write_text(
            f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m neon.ctl.main --state-dir {state_dir} "$@"\n'
        )
        program.chmod(0o755)

    def take_links(self) -> None:
        """Have links to numbers opened as the installed desktop file says."""
        places = Path(self.env["XDG_DATA_HOME"]) / "applications"
        places.mkdir(parents=True)
        name = "org.neonsoftphone.Links.desktop"
        shutil.copy(ROOT / "desktop" / name, places / name)
        chosen = Path(self.env["XDG_CONFIG_HOME"]) / "mimeapps.list"
        chosen.parent.mkdir(parents=True, exist_ok=True)
        written = (places / name).read_text("utf-8")
        types = re.findall(r"x-scheme-handler/\w+", written)
        chosen.write_text("[Default Applications]\n" + "".join(f"{kind}={name}\n" for kind in types))

    def run(self, *argv: str) -> str:
        """Start a program on this desktop, and wait for it; returns what it printed."""
        return self._run(*argv)

    def windows(self) -> list[str]:
        """The windows of the panel that can be seen."""
        return self._run("xdotool", "search", "--onlyvisible", "--class", "neon-panel").split()

    def is_shown(self) -> bool:
        return bool(self.windows())

    def put_away(self, key: str) -> bool:
        """Press a key, for whoever has the keyboard; returns whether there is no window any more."""
        self._run("xdotool", "key", key)
        return not self.is_shown()

    async def painted(self, name: str) -> Path:
        """Wait until there is more than an empty window, and keep a picture of it among the artefacts."""
        ARTEFACTS.mkdir(exist_ok=True)
        path = ARTEFACTS / f"{name}.png"

        def look() -> bool:
            self._run("import", "-window", "root", str(path))
            colours = self._run("identify", "-format", "%k", str(path))
            return colours.isdigit() and int(colours) > 64

        for _ in range(int(PATIENCE)):
            if await deferToThread(look):
                return path
            await pause(1)
        raise AssertionError(f"the window stayed empty: {path}")

    def brightness(self, path: Path) -> float:
        """Of a window's middle, from 0 to 1."""
        cropped = ("-gravity", "center", "-crop", "200x200+0+0", "-colorspace", "Gray")
        return float(self._run("convert", str(path), *cropped, "-format", "%[fx:mean]", "info:"))

    def _run(self, *argv: str) -> str:
        done = subprocess.run(
            argv, capture_output=True, text=True, check=False, timeout=PATIENCE, env={**os.environ, **self.env}
        )
        return done.stdout


def new_desktop(test: IntegrationCase) -> Desktop:
    """Nothing of it is started yet."""
    folder = test.folder / "desktop"
    for name in ("services", "run", "home", "bin", "data"):
        (folder / name).mkdir(mode=0o700, parents=True)
    (folder / "services" / "org.neonsoftphone.Panel.service").write_text(SERVICE.format(root=ROOT))
    (folder / "bus.conf").write_text(BUS.format(path=folder / "bus", services=folder / "services"))
    env = {
        "DBUS_SESSION_BUS_ADDRESS": f"unix:path={folder / 'bus'}",
        "DISPLAY": "",
        "WAYLAND_DISPLAY": "",
        "GDK_BACKEND": "x11",
        "HOME": str(folder / "home"),
        "XDG_RUNTIME_DIR": str(folder / "run"),
        "XDG_STATE_HOME": str(folder / "home" / "state"),
        "XDG_CONFIG_HOME": str(folder / "home" / "config"),
        "XDG_DATA_HOME": str(folder / "data"),
        "XDG_CACHE_HOME": str(folder / "home" / "cache"),
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "GTK_THEME": "",
        # Nobody here needs to have it read out.
        "NO_AT_BRIDGE": "1",
        "GTK_USE_PORTAL": "0",
    }
    del env["GTK_THEME"]
    return Desktop(test, folder, env)


def has_glib() -> bool:
    """Whether the system's Python speaks D-Bus by GLib."""
    if not Path("/usr/bin/python3").exists():
        return False
    argv = ("/usr/bin/python3", "-I", "-c", "from gi.repository import Gio")
    return subprocess.run(argv, capture_output=True, check=False, timeout=PATIENCE).returncode == 0


def has_window_programs() -> bool:
    """Whether neon-panel can run here at all, on the system's Python."""
    code = (
        "import gi; [gi.require_version(*one) for one in (('Gdk', '3.0'), ('Gtk', '3.0'), ('WebKit2', '4.1'))]; "
        "from gi.repository import WebKit2"
    )
    if shutil.which("Xvfb") is None or not Path("/usr/bin/python3").exists():
        return False
    done = subprocess.run(("/usr/bin/python3", "-I", "-c", code), capture_output=True, check=False, timeout=PATIENCE)
    return done.returncode == 0
