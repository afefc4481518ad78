"""What went wrong with an operator's service, in words for people, in three languages."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final

from neon import operatorvalues as codes

LANGUAGES: Final = ("pt", "es", "en")
LONGEST: Final = 200


class Kind(enum.Enum):
    """Why an operator's service gave us nothing."""

    REFUSED = "refused"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    TLS = "tls"
    STATUS = "status"
    ACCESS = "access"
    REDIRECT = "redirect"
    TOO_LONG = "too long"
    NONSENSE = "nonsense"
    INCOMPLETE = "incomplete"
    NO_BALANCE = "no balance"


class Trouble(Exception):
    """A service gave us nothing. C{code} is the operator's error code, for L{Kind.REFUSED}; C{said} its own words.

    C{detail} is for the log: it never holds what was sent or what came.
    """

    def __init__(self, kind: Kind, detail: str = "", *, code: int = 0, said: str = "") -> None:
        super().__init__(f"{kind.value} {detail or code or ''}".strip())
        self.kind = kind
        self.detail = detail
        self.code = code
        self.said = said

    @property
    def definite(self) -> bool:
        """Whether the operator has decided something, and does not merely have a bad day."""
        return self.kind is Kind.REFUSED and self.code not in (codes.INTERNAL, codes.UNKNOWN)


_CODES: Final[Mapping[str, Mapping[int, str]]] = {
    "en": {
        codes.INVALID_ARGUMENT: "the operator does not accept something that was filled in",
        codes.INVALID_FORMAT: "something is not written in the way that the operator wants it",
        codes.NOT_FOUND: "the operator does not know this user or account",
        codes.USER_EXISTS: "this user exists already at the operator",
        codes.INVALID_PASSWORD: "the password is wrong, or the operator does not accept it",
        codes.INTERNAL: "the operator's service failed inside; try again later",
        codes.UNKNOWN: "the operator's service failed and does not say why",
    },
    "pt": {
        codes.INVALID_ARGUMENT: "a operadora não aceita algum dos dados informados",
        codes.INVALID_FORMAT: "algum dado não está no formato que a operadora pede",
        codes.NOT_FOUND: "a operadora não conhece este usuário ou esta conta",
        codes.USER_EXISTS: "este usuário já existe na operadora",
        codes.INVALID_PASSWORD: "a senha está errada, ou a operadora não a aceita",
        codes.INTERNAL: "o serviço da operadora falhou internamente; tente mais tarde",
        codes.UNKNOWN: "o serviço da operadora falhou e não diz por quê",
    },
    "es": {
        codes.INVALID_ARGUMENT: "el operador no acepta alguno de los datos indicados",
        codes.INVALID_FORMAT: "algún dato no está en el formato que pide el operador",
        codes.NOT_FOUND: "el operador no conoce este usuario o esta cuenta",
        codes.USER_EXISTS: "este usuario ya existe en el operador",
        codes.INVALID_PASSWORD: "la contraseña es incorrecta, o el operador no la acepta",
        codes.INTERNAL: "el servicio del operador falló internamente; inténtelo más tarde",
        codes.UNKNOWN: "el servicio del operador falló y no dice por qué",
    },
}

_KINDS: Final[Mapping[str, Mapping[Kind, str]]] = {
    "en": {
        Kind.TIMEOUT: "the operator's service did not answer in time",
        Kind.UNREACHABLE: "the operator's service cannot be reached",
        Kind.TLS: "the operator's service could not prove who it is, so nothing was sent to it",
        Kind.STATUS: "the operator's service does not work",
        Kind.ACCESS: "the operator's service does not let this NEON in; its administrator has to look",
        Kind.REDIRECT: "the operator's service has moved; its administrator has to look",
        Kind.TOO_LONG: "the operator's service answered more than NEON reads",
        Kind.NONSENSE: "the operator's service answered something that cannot be understood",
    },
    "pt": {
        Kind.TIMEOUT: "o serviço da operadora não respondeu a tempo",
        Kind.UNREACHABLE: "não foi possível alcançar o serviço da operadora",
        Kind.TLS: "o serviço da operadora não conseguiu provar quem é, e nada lhe foi enviado",
        Kind.STATUS: "o serviço da operadora não funciona",
        Kind.ACCESS: "o serviço da operadora não deixa este NEON entrar; o administrador precisa verificar",
        Kind.REDIRECT: "o serviço da operadora mudou de endereço; o administrador precisa verificar",
        Kind.TOO_LONG: "o serviço da operadora respondeu mais do que o NEON lê",
        Kind.NONSENSE: "o serviço da operadora respondeu algo incompreensível",
    },
    "es": {
        Kind.TIMEOUT: "el servicio del operador no respondió a tiempo",
        Kind.UNREACHABLE: "no se puede alcanzar el servicio del operador",
        Kind.TLS: "el servicio del operador no pudo probar quién es, y no se le envió nada",
        Kind.STATUS: "el servicio del operador no funciona",
        Kind.ACCESS: "el servicio del operador no deja entrar a este NEON; el administrador tiene que revisarlo",
        Kind.REDIRECT: "el servicio del operador cambió de dirección; el administrador tiene que revisarlo",
        Kind.TOO_LONG: "el servicio del operador respondió más de lo que NEON lee",
        Kind.NONSENSE: "el servicio del operador respondió algo incomprensible",
    },
}

_SENTENCES: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "unchecked": "the licence was not checked yet: the operator's service has to answer once before calls are made",
        "refused": "the licence is not active: the operator does not confirm it",
        "expired": "the licence could not be checked for too long: the operator's service does not answer",
        "grace": "the licence could not be checked again: the operator's service does not answer",
        "low": "the balance is low: {balance}",
        "minutes": "the balance is low: {balance}, about {minutes} minutes",
        "stored": "the operator's service does not work; the account is used as it was kept",
        "no operator": "no operator is configured that offers this",
        "which operator": "there are several operators: say which ({names})",
        "unknown operator": "there is no operator {name}",
        "no account": "this operator has no SIP account here",
        "incomplete": "the operator's answer lacks what an account needs: {what}",
        "no balance": "the operator's answer has no balance that can be read",
    },
    "pt": {
        "unchecked": "a licença ainda não foi verificada: a operadora precisa responder uma vez antes das ligações",
        "refused": "a licença não está ativa: a operadora não a confirma",
        "expired": "a licença não pôde ser verificada por tempo demais: o serviço da operadora não responde",
        "grace": "a licença não pôde ser verificada de novo: o serviço da operadora não responde",
        "low": "o saldo está baixo: {balance}",
        "minutes": "o saldo está baixo: {balance}, cerca de {minutes} minutos",
        "stored": "o serviço da operadora não funciona; a conta é usada como estava guardada",
        "no operator": "não há operadora configurada que ofereça isto",
        "which operator": "há várias operadoras: diga qual ({names})",
        "unknown operator": "não há operadora {name}",
        "no account": "esta operadora não tem conta SIP aqui",
        "incomplete": "falta na resposta da operadora o que uma conta precisa: {what}",
        "no balance": "a resposta da operadora não tem um saldo legível",
    },
    "es": {
        "unchecked": "la licencia aún no se verificó: el operador tiene que responder una vez antes de las llamadas",
        "refused": "la licencia no está activa: el operador no la confirma",
        "expired": "la licencia no se pudo verificar por demasiado tiempo: el servicio del operador no responde",
        "grace": "la licencia no se pudo verificar de nuevo: el servicio del operador no responde",
        "low": "el saldo es bajo: {balance}",
        "minutes": "el saldo es bajo: {balance}, unos {minutes} minutos",
        "stored": "el servicio del operador no funciona; la cuenta se usa como estaba guardada",
        "no operator": "no hay operador configurado que ofrezca esto",
        "which operator": "hay varios operadores: diga cuál ({names})",
        "unknown operator": "no hay operador {name}",
        "no account": "este operador no tiene cuenta SIP aquí",
        "incomplete": "falta en la respuesta del operador lo que una cuenta necesita: {what}",
        "no balance": "la respuesta del operador no tiene un saldo legible",
    },
}


def sentence(key: str, language: str, **values: object) -> str:
    """One of our own sentences."""
    return _SENTENCES[language if language in _SENTENCES else "en"][key].format(**values)


def explain(trouble: Trouble, language: str) -> str:
    """What to tell the user, with the operator's own words where it had some."""
    language = language if language in _CODES else "en"
    if trouble.kind is Kind.INCOMPLETE:
        return sentence("incomplete", language, what=trouble.said)
    if trouble.kind is Kind.NO_BALANCE:
        return sentence("no balance", language)
    if trouble.kind is not Kind.REFUSED:
        return _KINDS[language][trouble.kind]
    ours = _CODES[language].get(trouble.code, _CODES[language][codes.UNKNOWN])
    theirs = one_line(trouble.said)
    return f"{ours} ({trouble.code}): {theirs}" if theirs else f"{ours} ({trouble.code})"


def one_line(text: str) -> str:
    """What a stranger wrote, as a short line of text that cannot do anything."""
    words = " ".join("".join(letter if letter.isprintable() else " " for letter in text[: LONGEST * 4]).split())
    return words if len(words) <= LONGEST else words[: LONGEST - 1] + "…"
