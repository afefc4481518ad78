"""The C extension; everything else about the distribution is in setup.cfg."""

from pathlib import Path

from setuptools import Extension, setup

ENGINE = Path("neon/media/_engine")

setup(
    ext_modules=[
        Extension(
            "neon.media._engine",
            sources=sorted(str(path) for path in ENGINE.glob("*.c")),
            depends=sorted(str(path) for path in ENGINE.glob("*.h")),
            extra_compile_args=["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-fvisibility=hidden"],
            libraries=["m"],
        )
    ]
)
