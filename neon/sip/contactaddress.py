"""The address in our Contact: the local one towards the registrar, or the public one that the registrar sees.

Behind a NAT nobody can reach the local one; received and rport (RFC 3581) in the registrar's answers tell the other.
"""

from __future__ import annotations

from typing import Protocol

from sippy.SipResponse import SipResponse

from neon.sip import binding
from neon.values import Destination


class Locator(Protocol):
    """What is needed of an Endpoint."""

    def local_address(self, remote: Destination) -> Destination: ...


class ContactAddress:
    """C{learns}: whether the public address counts at all."""

    def __init__(self, endpoint: Locator, *, learns: bool) -> None:
        self.current: Destination | None = None
        """What the last REGISTER said."""
        self.obsolete: Destination | None = None
        """What an earlier one had bound, which the next is to take away."""
        self._endpoint = endpoint
        self._learns = learns
        self._bound: Destination | None = None
        self._public: Destination | None = None
        self._moved = False

    def begin(self) -> None:
        """An attempt begins: the address may move once in it. A NAT that gives every packet another port must not
        make a loop."""
        self._moved = False

    def forget(self) -> None:
        """We are somewhere else now: what was learnt there is no use here."""
        self._public = None

    def choose(self, target: Destination, registered: bool) -> Destination:
        """The address for a REGISTER to C{target}; the one that is bound is obsolete if it is another.

        In between there may have been attempts, without a network, whose address nobody has heard of.
        """
        address = self._public or self._endpoint.local_address(target)
        self.obsolete = self._bound if registered and self._bound != address else None
        self.current = address
        return address

    def bound(self) -> None:
        """The registrar has taken what the last REGISTER said."""
        self._bound, self.obsolete = self.current, None

    def learn(self, response: SipResponse) -> bool:
        """Take over the address that the registrar sees us at; whether it is another than our Contact's."""
        seen = binding.seen_address(response)
        if not self._learns or seen is None or self.current is None or seen == self.current.address:
            return False
        self._public = self.current._replace(host=seen[0], port=seen[1])
        return True

    def move(self, response: SipResponse) -> bool:
        """After a 2xx: whether it bound the wrong address, so that another REGISTER is wanted at once."""
        moved = self.learn(response) and not self._moved
        self._moved = self._moved or moved
        return moved

    def is_public(self, target: Destination) -> bool:
        """Whether there is a NAT between us and C{target}."""
        return self._public is not None and self._public.address != self._endpoint.local_address(target).address
