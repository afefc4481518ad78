"""One operator's services: asks one with values, and gets fields, or L{Trouble}."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from twisted.internet.defer import Deferred, fail
from twisted.logger import Logger

from neon import __version__
from neon.operators import answers
from neon.operators.answers import Answer
from neon.operators.client import Received, WebClient
from neon.operators.messages import Messages
from neon.operators.settings import Operation, Settings
from neon.operators.words import Kind, Trouble
from neon.operatorvalues import Service

READS: Final = frozenset({Service.PROVISIONING, Service.BALANCE})
"""The services that change nothing, and may be asked a second time at once."""

FLAW_SECONDS: Final = 3600.0
"""How often the same flaw of an operator's answers is worth a line."""


class Services:
    """What one operator offers."""

    _log = Logger()

    def __init__(self, settings: Settings, client: WebClient, clock: Any, messages: Messages | None = None) -> None:
        self.settings = settings
        self._client = client
        self._clock = clock
        self._messages = Messages(settings) if messages is None else messages
        self._told: dict[tuple[Service, str], float] = {}

    @property
    def name(self) -> str:
        return self.settings.name

    def offers(self, service: Service) -> bool:
        """Whether the operator has this service."""
        return service in self.settings.operations

    def ask(self, service: Service, values: Mapping[str, str], language: str = "en") -> Deferred[Answer]:
        """Ask a service; fires with a yes, fails with L{Trouble}."""
        operation = self.settings.operations.get(service)
        if operation is None:
            return fail(Trouble(Kind.STATUS, "this service is not configured"))
        try:
            request = self._messages.build(operation, {"version": __version__, "language": language, **values})
        except Exception:
            self._log.failure("operator {name}: no request for {service}", name=self.name, service=service.value)
            return fail(Trouble(Kind.STATUS, "the request could not be made"))
        asked = self._client.ask(request, again=service in READS)
        answered: Deferred[Answer] = asked.addCallback(self._read, operation)
        answered.addErrback(self._failed, service, request.host)
        return answered

    def _read(self, received: Received, operation: Operation) -> Answer:
        general = self.settings.general
        kind = general.answer
        if kind == "auto" and general.protocol != "form" and operation.answers:
            kind = "json" if general.protocol == "json" else "xml"
        try:
            answer = answers.read(received.body, kind, received.charset, received.status, operation.answers)
        except Trouble:
            raise
        except Exception:
            # An answer is a stranger's: whatever it does to our reader is its fault, but we want to see it.
            self._log.failure("operator {name}: its answer could not be read", name=self.name)
            raise Trouble(Kind.NONSENSE, "it broke our reader") from None
        for flaw in answer.flaws:
            self._tell(operation.service, flaw)
        return answer

    def _tell(self, service: Service, flaw: str) -> None:
        now = self._clock.seconds()
        if now - self._told.get((service, flaw), -FLAW_SECONDS) < FLAW_SECONDS or len(self._told) > 1000:
            return
        self._told[service, flaw] = now
        self._log.warn(
            "operator {name}, {service}: its answer was read, but {flaw}",
            name=self.name,
            service=service.value,
            flaw=flaw,
        )

    def _failed(self, failure: Any, service: Service, host: str) -> Any:
        if isinstance(failure.value, Trouble):
            self._log.warn(
                "operator {name}, {service} at {host}: {trouble}",
                name=self.name,
                service=service.value,
                host=host,
                trouble=failure.value,
            )
        return failure


Make = Callable[[Settings], Services]
"""How the services of an operator are made of its settings."""
