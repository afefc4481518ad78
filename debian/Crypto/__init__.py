# ruff: noqa: N999
"""pycryptodome under the name that sippy imports it by; Debian has it as Cryptodome."""

import Cryptodome

__path__ = Cryptodome.__path__
