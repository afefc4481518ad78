"""The rows of the commands about VoIP operators' services."""

from __future__ import annotations

from typing import Final

from neon import arguments
from neon.arguments import Parameter
from neon.commands import operators
from neon.commands.context import Command, Field
from neon.commands.shapes import CONNECTION_ID, ID, TEXT, URI, YES_NO
from neon.operatorvalues import Standing
from neon.values import Scope

TIME: Final = {"type": "string", "format": "date-time"}

OPERATOR: Final = Parameter(
    "operator",
    arguments.text,
    default=None,
    about="Which operator: the name of its file. Not needed where only one offers this.",
)
LANGUAGE: Final = Parameter(
    "language",
    arguments.choice("pt", "es", "en"),
    default=None,
    about="The language of the sentences in errors and notes.",
)
LOGIN: Final = Parameter("login", arguments.text, about="The user name at the operator.")
PASSWORD: Final = Parameter("password", arguments.password, about="The password at the operator.")

ACCOUNT: Final = (
    Field("connectionId", ID, "The account's number, in its events."),
    Field("uri", URI, "The account."),
    Field("number", TEXT),
    Field("domain", TEXT),
    Field("displayName", TEXT, optional=True),
    Field("html", TEXT, "What the operator wants to say, in HTML that is safe to show.", optional=True),
    Field("stored", YES_NO, "The operator's service did not work, and the account is the one that was kept."),
    Field("note", TEXT, "A sentence about that.", optional=True),
)

ROWS: Final = (
    Command(
        "signup",
        operators.signup,
        (
            LOGIN,
            PASSWORD,
            Parameter("name", arguments.text, default=None, about="The person's name."),
            Parameter("email", arguments.text, default=None, about="The person's address for mail."),
            Parameter("phone", arguments.text, default=None, about="The person's phone number."),
            OPERATOR,
            LANGUAGE,
        ),
        scope=Scope.ACCOUNT,
        answer=ACCOUNT,
        waits=True,
        extension=True,
    ),
    Command(
        "provision",
        operators.provision,
        (LOGIN, PASSWORD, OPERATOR, LANGUAGE),
        scope=Scope.ACCOUNT,
        answer=ACCOUNT,
        waits=True,
        extension=True,
    ),
    Command(
        "getbalance",
        operators.get_balance,
        (CONNECTION_ID, OPERATOR, LANGUAGE),
        scope=Scope.EVENTS,
        once=False,
        answer=(
            Field("operator", TEXT, "The operator."),
            Field("connectionId", ID, "The account."),
            Field(
                "balance",
                {"type": "string", "pattern": "^-?[0-9]+(\\.[0-9]+)?$"},
                "What is left, exactly as the operator gave it, with a point before the decimals.",
            ),
            Field("currency", TEXT, "ISO 4217, for example BRL; empty where nobody said it."),
            Field("low", YES_NO, "It is below the operator's threshold."),
            Field(
                "minutesLeft",
                {"type": "integer", "minimum": 0},
                "About how many minutes of calls, where a rate is known.",
                optional=True,
            ),
            Field("at", TIME, "When the operator said so, in UTC."),
        ),
        waits=True,
        extension=True,
    ),
    Command(
        "activatelicense",
        operators.activate_license,
        (
            Parameter("key", arguments.password, default=None, about="A licence key, kept once the operator takes it."),
            OPERATOR,
            LANGUAGE,
        ),
        scope=Scope.ACCOUNT,
        answer=(
            Field("operator", TEXT, "The operator."),
            Field("active", YES_NO, "Calls are allowed."),
            Field("standing", {"enum": [standing.value for standing in Standing]}, "How the licence stands."),
            Field("reason", TEXT, "A sentence, where it is not simply good.", optional=True),
            Field("checked", TIME, "When the operator last decided about it, in UTC.", optional=True),
            Field("until", TIME, "How long it is good without a new check, in UTC.", optional=True),
        ),
        waits=True,
        extension=True,
    ),
)
