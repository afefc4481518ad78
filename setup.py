"""The C extension; everything else about the distribution is in setup.cfg.

C{NEON_SANITIZE=1} builds it with AddressSanitizer and UndefinedBehaviorSanitizer (see tests/sanitize.sh).
"""

import os
from pathlib import Path

from setuptools import Extension, setup

ENGINE = Path("neon/media/_engine")
SANITIZE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer", "-g"]
sanitize = SANITIZE if os.environ.get("NEON_SANITIZE") == "1" else []

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
                *sanitize,
            ],
            extra_link_args=["-pthread", *sanitize],
            libraries=["m"],
        )
    ]
)
