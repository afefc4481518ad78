"""The scenarios of L{tests.api.scenarios}, over each skin."""

from __future__ import annotations

from tests.api import scenarios
from tests.api.scenarios import JsonClientMixin, XmlClientMixin


class JsonAuthenticationTests(JsonClientMixin, scenarios.AuthenticationScenarios):
    pass


class XmlAuthenticationTests(XmlClientMixin, scenarios.AuthenticationScenarios):
    pass


class JsonStartCallTests(JsonClientMixin, scenarios.StartCallScenarios):
    pass


class XmlStartCallTests(XmlClientMixin, scenarios.StartCallScenarios):
    pass


class JsonIncomingTests(JsonClientMixin, scenarios.IncomingScenarios):
    pass


class XmlIncomingTests(XmlClientMixin, scenarios.IncomingScenarios):
    pass


class JsonRegistrationTests(JsonClientMixin, scenarios.RegistrationScenarios):
    pass


class XmlRegistrationTests(XmlClientMixin, scenarios.RegistrationScenarios):
    pass


class JsonEventTests(JsonClientMixin, scenarios.EventScenarios):
    pass


class XmlEventTests(XmlClientMixin, scenarios.EventScenarios):
    pass


class JsonExtensionTests(JsonClientMixin, scenarios.ExtensionScenarios):
    pass


class XmlExtensionTests(XmlClientMixin, scenarios.ExtensionScenarios):
    pass
