"""Daemon and neonctl agree where the control socket is."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from pathlib import Path
from unittest.mock import patch

from twisted.trial.unittest import SynchronousTestCase

from neon import places


class PlacesTests(SynchronousTestCase):
    def test_socket(self) -> None:
        """Beside the state that was named; else systemd's place, the user's runtime directory, the state directory."""
        runtime_dir = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, runtime_dir)
        home = {"HOME": "/home/ana"}
        runtime = {**home, "XDG_RUNTIME_DIR": runtime_dir}
        service = {**runtime, "RUNTIME_DIRECTORY": "/run/neon:/x"}
        for environ, told, place in (
            (service, Path("/st"), "/st/ctl.sock"),
            (service, None, "/run/neon/ctl.sock"),
            (runtime, None, f"{runtime_dir}/neon/ctl.sock"),
            ({**home, "XDG_RUNTIME_DIR": "/nonexistent"}, None, "/home/ana/.local/state/neon/ctl.sock"),
            (home, None, "/home/ana/.local/state/neon/ctl.sock"),
        ):
            self.assertEqual(places.control_socket(environ, told), Path(place))

    def test_somebody_elses_runtime_directory(self) -> None:
        """What su or sudo left in the environment is not used."""
        with patch("os.geteuid", return_value=os.geteuid() + 1), tempfile.TemporaryDirectory() as theirs:
            environ = {"HOME": "/home/ana", "XDG_RUNTIME_DIR": theirs}
            self.assertEqual(places.control_socket(environ), Path("/home/ana/.local/state/neon/ctl.sock"))

    def test_found(self) -> None:
        """Wherever a daemon of this user or the system's has its socket, neonctl looks; and nowhere twice."""
        environ = {"HOME": "/home/ana", "XDG_RUNTIME_DIR": tempfile.gettempdir()}
        looked = places.likely_sockets(environ)
        self.assertEqual(looked[0], places.control_socket(environ))
        self.assertIn(places.control_socket({"HOME": "/home/ana"}), looked)
        self.assertEqual(looked[-1], places.control_socket({"RUNTIME_DIRECTORY": "/run/neon"}))
        self.assertEqual(len(set(looked)), len(looked))
        self.assertEqual(places.likely_sockets(environ, Path("/st")), [Path("/st/ctl.sock")])

    def test_short_name(self) -> None:
        """A path that fits is used as it is."""
        self.assertEqual(places.short_name(Path("/st/ctl.sock")), ("/st/ctl.sock", None))

    def test_long_name(self) -> None:
        """A path too long for a socket's address is reached by its directory."""
        directory = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, directory)
        deep = directory / ("x" * 100) / ("y" * 100)
        deep.mkdir(parents=True)
        name, descriptor = places.short_name(deep / "ctl.sock")
        assert descriptor is not None
        self.addCleanup(os.close, descriptor)
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(name)
        self.assertTrue((deep / "ctl.sock").is_socket())
