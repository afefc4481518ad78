"""NEON: a SIP softphone daemon that other programs drive."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    __version__: str
else:

    def __getattr__(name: str) -> str:
        """C{__version__}, looked up when it is asked for: that takes longer than all else neonctl does."""
        if name != "__version__":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib.metadata import version

        globals()[name] = found = version("neon-softphone")
        return found
