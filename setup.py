"""The C extensions; everything else about the distribution is in setup.cfg.

C{NEON_SANITIZE=1} builds it with AddressSanitizer and UndefinedBehaviorSanitizer (see tests/sanitize.sh).
"""

import os
import shlex
import subprocess
from pathlib import Path

from setuptools import Extension, setup

ENGINE, CODECS = Path("neon/media/_engine"), Path("neon/media/_codecs")
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer", "-g"]
sanitize = SANITIZE if os.environ.get("NEON_SANITIZE") == "1" else []

# pkg-config's name, the least version that was tried, and the package of Debian and Ubuntu.
LIBRARIES = {
    "libsrtp2": ("2.5.0", "libsrtp2-dev"),
    "spandsp": ("0.0.6", "libspandsp-dev"),
    "opus": ("1.3.1", "libopus-dev"),
}


def flags(of: str, *names: str) -> list[str]:
    """What pkg-config says for libraries; C{of} is C{--cflags} or C{--libs}."""
    pkg_config = os.environ.get("PKG_CONFIG", "pkg-config")
    found: list[str] = []
    for name in names:
        least, package = LIBRARIES[name]
        try:
            answer = subprocess.run(
                [pkg_config, of, f"{name} >= {least}"], check=True, capture_output=True, text=True
            )
        except FileNotFoundError:
            raise SystemExit(f"NEON cannot be built without {pkg_config}: apt-get install pkg-config") from None
        except subprocess.CalledProcessError as error:
            raise SystemExit(
                f"NEON needs {name} {least} or newer to be built (apt-get install {package}): {error.stderr.strip()}"
            ) from None
        found += shlex.split(answer.stdout)
    return found


def extension(name: str, sources: Path, *libraries: str) -> Extension:
    """A module and what it is linked with."""
    return Extension(
        f"neon.media.{name}",
        sources=sorted(map(str, sources.glob("*.c") if sources.is_dir() else [sources])),
        depends=sorted(map(str, ENGINE.glob("*.h"))),
        extra_compile_args=[
            "-std=c11",
            "-O2",
            "-fno-math-errno",
            "-pthread",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-fvisibility=hidden",
            *flags("--cflags", *libraries),
            *sanitize,
        ],
        extra_link_args=["-pthread", *flags("--libs", *libraries), *sanitize],
        libraries=["m"],
    )


setup(
    ext_modules=[
        extension("_engine", ENGINE),
        # Loaded with the first call that needs them.
        extension("_g722", CODECS / "g722.c", "spandsp"),
        extension("_opus", CODECS / "opus.c", "opus"),
        extension("_srtp", CODECS / "srtp.c", "libsrtp2"),
    ]
)
