"""The commands, each once: what it is called, what it takes, what it needs first, and the function that does it.

A skin hands over what it decoded, as pairs of name and value, and gets a Deferred of an the answer's data, or of a
L{NeonError} with the code to send. C{table} has the rows, C{executor} the order of the checks; the functions stand
in a module per subject.
"""

from neon.commands.context import Applications, Client, Command, Context, Data, Field, Needs, Session, Subscribed
from neon.commands.executor import Commands
from neon.commands.table import TABLE

__all__ = [
    "TABLE",
    "Applications",
    "Client",
    "Command",
    "Commands",
    "Context",
    "Data",
    "Field",
    "Needs",
    "Session",
    "Subscribed",
]
