"""The C extension; everything else about the distribution is in setup.cfg.

C{NEON_SANITIZE=1} builds it with AddressSanitizer and UndefinedBehaviorSanitizer (see tests/sanitize.sh).
"""

import os
import shlex
import subprocess
from pathlib import Path

from setuptools import Extension, setup

ENGINE = Path("neon/media/_engine")
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer", "-g"]
sanitize = SANITIZE if os.environ.get("NEON_SANITIZE") == "1" else []

# pkg-config's name, the least version that was tried, and the package of Debian and Ubuntu.
LIBRARIES = (("libsrtp2", "2.5.0", "libsrtp2-dev"), ("spandsp", "0.0.6", "libspandsp-dev"))


def flags(of: str) -> list[str]:
    """What pkg-config says for all libraries; C{of} is C{--cflags} or C{--libs}."""
    pkg_config = os.environ.get("PKG_CONFIG", "pkg-config")
    found: list[str] = []
    for name, least, package in LIBRARIES:
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


setup(
    ext_modules=[
        Extension(
            "neon.media._engine",
            sources=sorted(str(path) for path in ENGINE.glob("*.c")),
            depends=sorted(str(path) for path in ENGINE.glob("*.h")),
            extra_compile_args=[
                "-std=c11",
                "-O2",
                "-fno-math-errno",
                "-pthread",
                "-Wall",
                "-Wextra",
                "-Werror",
                "-fvisibility=hidden",
                *flags("--cflags"),
                *sanitize,
            ],
            extra_link_args=["-pthread", *flags("--libs"), *sanitize],
            libraries=["m"],
        )
    ]
)
