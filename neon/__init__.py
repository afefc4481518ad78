"""NEON: a SIP softphone daemon that other programs drive."""

from importlib.metadata import version

__version__ = version("neon-softphone")
