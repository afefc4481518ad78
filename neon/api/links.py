"""C{openlink}, of the control socket: a person followed a link to a number, and the desktop gave it to neonctl.

Web pages can follow a link without anybody's doing. So the number goes into the panel's dial pad, and the person calls;
unless the configuration says that links call.
"""

from __future__ import annotations

from typing import Final, Protocol

from twisted.internet.defer import Deferred, succeed

from neon import arguments, links
from neon.arguments import Parameter
from neon.commands import Command, Context, Data, Needs
from neon.commands.calls import start_call

LINK: Final = arguments.written(links.parse, maxLength=links.LONGEST)


class Screen(Protocol):
    """Where the dial pad is (L{neon.panel.screen.Screen})."""

    def show(self, visible: bool, number: str | None = None, token: str = "") -> Deferred[bool]: ...


class Links:
    """C{dials}: links call."""

    def __init__(self, screen: Screen, *, dials: bool) -> None:
        self._screen = screen
        self._dials = dials

    def open(self, context: Context, number: str, token: str) -> Deferred[Data]:
        """Put a number into the dial pad; with C{dial-links}, call it, unless it is a code that an exchange obeys.

        C{token} lets a window take the keyboard (xdg-activation).
        """
        if self._dials and links.is_harmless(number):
            call = start_call(context, number, None, None, None, "", "")
            return succeed({"number": number, "called": True, "ui": False, **call})
        shown: Deferred[Data] = self._screen.show(True, number, token).addCallback(
            lambda there: {"number": number, "called": False, "ui": there}
        )
        return shown

    def rows(self) -> tuple[Command, ...]:
        activation = Parameter("activation", arguments.text, into="token", default="")
        parameters = (Parameter("link", LINK, into="number"), activation)
        needs = Needs.REGISTERED if self._dials else Needs.TOKEN
        return (
            Command(
                "openlink",
                self.open,
                parameters,
                needs=needs,
                dials="number" if self._dials else None,
                once=False,
                waits=True,
            ),
        )

