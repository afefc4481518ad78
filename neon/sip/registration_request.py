"""A REGISTER as a registrar reads it (RFC 3261, section 10.3), in plain values.

For servers outside this package, which do not touch sippy's classes themselves.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

from sippy.SipRequest import SipRequest
from sippy.SipResponse import SipResponse

Request: TypeAlias = SipRequest
Response: TypeAlias = SipResponse


class BadRegister(ValueError):
    """A REGISTER that deserves a 400; C{str(error)} says why."""


@dataclass(frozen=True, slots=True)
class RegisterRequest:
    """What a REGISTER asks for.

    C{contacts} are bare URIs with the lifetime that each wants: its own expires parameter, else the Expires
    header, else None. C{star} is C{Contact: *}, all bindings.
    """

    user: str
    call_id: str
    cseq: int
    contacts: tuple[tuple[str, int | None], ...]
    star: bool
    expires: int | None

    @classmethod
    def read(cls, request: SipRequest) -> RegisterRequest:
        """Take the request apart.

        @raise BadRegister: it contradicts itself or cannot be understood.
        """
        expires = None
        for header in request.getHFs("expires"):
            expires = _seconds(str(header.body))
        contacts: list[tuple[str, int | None]] = []
        star = False
        for header in request.getHFs("contact"):
            try:
                contact = header.getBody()
            except Exception as error:
                # sippy's parser raises whatever its string handling runs into.
                raise BadRegister("a Contact cannot be read") from error
            if contact.asterisk:
                star = True
                continue
            address = contact.address
            wanted = [value for name, value in address.params.items() if name.strip().lower() == "expires"]
            contacts.append((str(address.url), _seconds(wanted[0] or "") if wanted else expires))
        if star and (contacts or expires != 0):
            raise BadRegister("Contact: * stands alone and with Expires: 0")
        return cls(
            user=str(request.getHFBody("to").getUrl().username or ""),
            call_id=str(request.getHFBody("call-id")),
            cseq=int(request.getHFBody("cseq").getCSeqNum()),
            contacts=tuple(contacts),
            star=star,
            expires=expires,
        )


def _seconds(text: str) -> int | None:
    """A delta-seconds; a malformed one counts as not given (RFC 3261, section 10.2.1.1), up to 2**32-1."""
    return min(int(text), 2**32 - 1) if re.fullmatch(r"\s*\d{1,12}\s*", text) else None
