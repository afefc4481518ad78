"""What a client is told when a command was not carried out, whatever skin it came through (spec section 2)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from twisted.logger import Logger
from twisted.python.failure import Failure

from neon.errors import NeonError


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error as the wire has it; C{system_code} is SIP's or the operator's, 0 where they had no part in it."""

    code: int
    description: str
    system_code: int = 0


def explain(failure: Failure, action: str, log: Logger, codes: Mapping[type[NeonError], int] | None = None) -> Refusal:
    """What to answer. A bug is logged under a reference, and the client gets no more of it than that.

    C{codes} are the skin's own numbers for some errors.
    """
    error = failure.value
    if isinstance(error, NeonError) and type(error) is not NeonError:
        return Refusal((codes or {}).get(type(error), error.code), str(error), error.system_code)
    reference = secrets.token_hex(4)
    log.failure("{action} failed, reference {reference}", failure, action=action, reference=reference)
    return Refusal(NeonError.code, f"internal error, reference {reference}")
