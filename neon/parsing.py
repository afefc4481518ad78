"""Turns words that people and programs write into values: one spelling table for configuration and commands.

Every function takes text and raises C{ValueError} with the end of a sentence that begins with the name of the
parameter: C{"must be a whole number from 1 to 4"}. What was given is quoted only where it cannot be a secret.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Final, TypeVar

from neon.details import ReferPolicy
from neon.srtp import SrtpPolicy
from neon.values import Address, Codec, DigitsBy, ReliablePolicy, Scope

T = TypeVar("T")

Parser = Callable[[str], T]

TRUE_WORDS: Final = frozenset({"true", "yes", "on", "1", "sim", "si", "sí"})
FALSE_WORDS: Final = frozenset({"false", "no", "off", "0", "não", "nao"})

_DIGITS = re.compile(r"[0-9]{1,16}\Z")
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_LABELS = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*\.?\Z")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
# The user part of RFC 3261 section 25.1, without the ":" of its password and without escapes we would have to undo.
_SIP_USER = re.compile(r"[A-Za-z0-9_.!~*'()&=+$,;?/-]{1,64}\Z")


def quoted(text: str) -> str:
    """What was given, short enough for a message."""
    return repr(text if len(text) <= 40 else text[:37] + "...")


def boolean(text: str) -> bool:
    """The spellings of spec section 2."""
    word = text.strip().lower()
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    raise ValueError(f"must be yes or no, not {quoted(text)}")


def boolean_or_auto(text: str) -> bool | None:
    """The same, or None for C{auto}."""
    return None if text.strip().lower() == "auto" else boolean(text)


def whole_number(lowest: int, highest: int) -> Parser[int]:
    """A decimal number between two limits, both included."""

    def parse(text: str) -> int:
        if _DIGITS.match(text.strip()) and lowest <= (number := int(text)) <= highest:
            return number
        raise ValueError(f"must be a whole number from {lowest} to {highest}, not {quoted(text)}")

    return parse


def choice(*words: str) -> Parser[str]:
    """One of some words, in any case; comes back as the table spells it."""

    def parse(text: str) -> str:
        for word in words:
            if word.lower() == text.strip().lower():
                return word
        raise ValueError(f"must be one of {', '.join(words)}, not {quoted(text)}")

    return parse


def digits_by(text: str) -> DigitsBy:
    """How digits are sent."""
    return DigitsBy(choice(*(way.value for way in DigitsBy))(text))


def reliable_policy(text: str) -> ReliablePolicy:
    """Whether provisional responses are acknowledged."""
    return ReliablePolicy(choice(*(policy.value for policy in ReliablePolicy))(text))


def srtp_policy(text: str) -> SrtpPolicy:
    """Whether audio is encrypted."""
    return SrtpPolicy(choice(*(policy.value for policy in SrtpPolicy))(text))


def line(text: str) -> str:
    """Text without control characters: nothing in it can end a header line."""
    if _CONTROL.search(text):
        raise ValueError("must not contain control characters")
    if len(text) > 255:
        raise ValueError("is longer than 255 characters")
    return text


def topic_word(text: str) -> str:
    """A name that is a level of an MQTT topic."""
    word = text.strip()
    if not re.fullmatch(r"[A-Za-z0-9_.@-]{1,128}", word):
        raise ValueError(f"must be letters, digits and _ . @ - only, not {quoted(text)}")
    return word


def optional_topic_word(text: str) -> str:
    """The same, or nothing."""
    return topic_word(text) if text.strip() else ""


def directory(text: str) -> str:
    """An absolute path, or nothing."""
    if text and not text.startswith("/"):
        raise ValueError(f"must be an absolute path, not {quoted(text)}")
    return line(text)


def sound_name(text: str) -> str:
    """The name of a sound, relative to the directory for sounds."""
    name = line(text).strip()
    if not name or name.startswith("/") or any(part.startswith(".") or not part for part in name.split("/")):
        raise ValueError("must be a relative path, without .. and hidden files")
    return name


def sound_file(text: str) -> str | None:
    """The same, or an absolute path, or nothing."""
    name = line(text).strip()
    return name if name.startswith("/") else sound_name(name) if name else None


_RECORDING_FIELDS = ("account", "callid", "direction", "number")


def recording_name(text: str) -> str:
    """The name of a recording: text with C{{callid}} and the like, and the % directives of time that have no spaces."""
    name = line(text).strip()
    if not name or name.startswith("/") or any(part.startswith(".") or not part for part in name.split("/")):
        raise ValueError("must be a relative path, without .. and hidden files")
    rest = re.sub(r"\{([a-z]*)\}", lambda match: "" if match[1] in _RECORDING_FIELDS else "{", name)
    if "{" in rest or "}" in rest:
        fields = ", ".join(f"{{{field}}}" for field in _RECORDING_FIELDS)
        raise ValueError(f"has a field that there is not; there are {fields}")
    if "%" in re.sub("%[YmdHMSyjuVG]", "", rest):
        raise ValueError("may have only %Y %m %d %H %M %S %y %j %u %V %G of the % directives")
    return name


def secret(text: str) -> str:
    """A password: any text but control characters and nothing. Never quoted in a message."""
    if not text:
        raise ValueError("must not be empty")
    return line(text)


def sip_user(text: str) -> str:
    """The user part of a SIP URI: a number or a name."""
    if not _SIP_USER.match(text):
        raise ValueError(f"must be a number or name as it stands in a SIP URI, not {quoted(text)}")
    return text


def ip_address(text: str) -> str:
    """A numeric address, IPv4 or IPv6, in its usual spelling."""
    try:
        return str(ipaddress.ip_address(text.strip().strip("[]")))
    except ValueError:
        raise ValueError(f"must be an IP address, not {quoted(text)}") from None


EVERYWHERE = "*"
"""All addresses of the machine, of both families."""


def ip_address_or_all(text: str) -> str:
    """A numeric address, or C{*}."""
    return EVERYWHERE if text.strip() == EVERYWHERE else ip_address(text)


def name_servers(text: str) -> tuple[Address, ...]:
    """Numeric addresses, C{host} or C{host:port}, of servers that answer DNS; separated by commas or spaces."""
    found = []
    for word in text.replace(",", " ").split():
        host, port = host_port(word)
        found.append((ip_address(host), port or 53))
    return tuple(found)


def server_or_none(text: str) -> tuple[str, int | None] | None:
    """C{host} or C{host:port}; None if there is nothing."""
    return host_port(text) if text.strip() else None


def address_per_family(text: str) -> tuple[str, ...]:
    """A numeric address, or one of IPv4 and one of IPv6, separated by a comma or spaces; or C{*}, for all of both."""
    if text.strip() == EVERYWHERE:
        return (EVERYWHERE,)
    found = tuple(ip_address(word) for word in text.replace(",", " ").split())
    if not found or len(found) != len({":" in address for address in found}):
        raise ValueError(f"must be an IP address, or one of IPv4 and one of IPv6, not {quoted(text)}")
    return found


def path_or_none(text: str) -> str | None:
    """The path of a file; nothing for none."""
    return line(text).strip() or None


def loopback_address(text: str) -> str:
    """A numeric address that only this machine can reach."""
    address = ip_address(text)
    if not ipaddress.ip_address(address).is_loopback:
        raise ValueError(f"must be a loopback address such as 127.0.0.1 or ::1, not {quoted(text)}")
    return address


MOST_EXTENSIONS: Final = 200


def extension(text: str) -> str:
    """Somebody whose state can be watched: a number or name of the account's domain, or C{user@host}."""
    user, at, host = text.strip().removeprefix("sip:").partition("@")
    if at:
        host_port(host)
    return sip_user(user) + at + host


def extensions(text: str) -> tuple[str, ...]:
    """Several of them, separated by commas or spaces."""
    words = tuple(dict.fromkeys(extension(word) for word in text.replace(",", " ").split()))
    if len(words) > MOST_EXTENSIONS:
        raise ValueError(f"names more than {MOST_EXTENSIONS} extensions")
    return words


def host_port(text: str) -> tuple[str, int | None]:
    """C{host}, C{host:port} or C{[address]:port}; an IPv6 address comes back without its brackets."""
    wrong = ValueError(f"must be host or host:port, not {quoted(text)}")
    match = re.match(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<name>[^:\[\]]+))(?::(?P<port>[0-9]{1,5}))?\Z", text.strip())
    if match is None:
        raise wrong
    port = int(match["port"]) if match["port"] else None
    if port is not None and not 1 <= port <= 65535:
        raise ValueError(f"must have a port from 1 to 65535, not {match['port']}")
    if match["six"] is not None:
        try:
            return str(ipaddress.IPv6Address(match["six"])), port
        except ValueError:
            raise wrong from None
    name = match["name"]
    if not _LABELS.match(name) or _looks_numeric(name):
        raise wrong
    return name.lower().rstrip("."), port


def _looks_numeric(name: str) -> bool:
    """Whether a name ends like an IPv4 address but is none: 300.1.1.1, 10.0.0."""
    if not name.rsplit(".", 1)[-1].isdigit():
        return False
    try:
        ipaddress.IPv4Address(name)
    except ValueError:
        return True
    return False


def transport(text: str) -> str:
    """A SIP transport; C{auto} is the one that DNS prefers."""
    return choice("udp", "tcp", "tls", "auto")(text)


def proxy(text: str) -> str:
    """An outbound proxy, C{host} or C{host:port}, as L{neon.values.AccountSettings} keeps it."""
    host_port(text)
    return text.strip()


def packet_time(text: str) -> int:
    """Milliseconds of audio in a packet."""
    return int(choice("10", "20", "30", "40", "50", "60")(text))


def delay_range(text: str) -> range:
    """C{least-most}: milliseconds that the jitter buffer may wait; both are in the range."""
    match = re.match(r"([0-9]{1,4})\s*-\s*([0-9]{1,4})\Z", text.strip())
    if match is None or not 20 <= int(match[1]) <= int(match[2]) <= 200:
        raise ValueError(f"must be a range of milliseconds within 20-200, such as 20-200, not {quoted(text)}")
    return range(int(match[1]), int(match[2]) + 1)


def port_range(text: str) -> range:
    """C{first-last}, the first one even (RFC 3550, section 11) and room for at least one pair."""
    match = re.match(r"([0-9]{1,5})\s*-\s*([0-9]{1,5})\Z", text.strip())
    if match is None:
        raise ValueError(f"must be a range of ports such as 16384-16584, not {quoted(text)}")
    first, last = int(match[1]), int(match[2])
    if not (1024 <= first < last <= 65535):
        raise ValueError(f"must be a range within 1024-65535, the lower port first, not {quoted(text)}")
    if first % 2:
        raise ValueError(f"must begin with an even port, not {first}")
    return range(first, last + 1)


def addresses(text: str) -> tuple[str, ...]:
    """Loopback addresses, separated by commas or spaces."""
    words = text.replace(",", " ").split()
    if not words:
        raise ValueError("must name at least one address")
    return tuple(dict.fromkeys(loopback_address(word) for word in words))


def any_addresses(text: str) -> tuple[str, ...]:
    """Numeric addresses to listen on, separated by commas or spaces."""
    words = text.replace(",", " ").split()
    if not words:
        raise ValueError("must name at least one address")
    return tuple(dict.fromkeys(ip_address(word) for word in words))


def codecs(text: str) -> tuple[Codec, ...]:
    """Codec names by preference, separated by commas or spaces."""
    names = choice(*(codec.value for codec in Codec))
    words = text.replace(",", " ").split()
    if not words:
        raise ValueError("must name at least one codec")
    chosen = tuple(Codec(names(word)) for word in words)
    if len(set(chosen)) != len(chosen):
        raise ValueError("names a codec twice")
    return chosen


def format_address(address: Address) -> str:
    """C{host:port}, with the brackets that an IPv6 address needs in a URL."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{0,31}\Z")
_ORIGIN = re.compile(r"(?P<scheme>[^:/]+)://(?P<host>\[[0-9A-Fa-f:.]+\]|[^/?#@:\[\]\s]+)(?::(?P<port>[0-9]{1,5}))?\Z")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def origin(text: str) -> str:
    """The origin of web pages, C{scheme://host[:port]}, as browsers write it (RFC 6454, section 6.2).

    Comes back in lower case, without a default port, a name with other letters than ASCII in its C{xn--} form.
    """
    wrong = ValueError(f"must be an origin such as https://crm.example.com, not {quoted(text)}")
    match = _ORIGIN.match(text.strip())
    if match is None:
        raise wrong
    scheme, host, port = match["scheme"].lower(), match["host"].lower(), match["port"]
    if not _SCHEME.match(scheme) or scheme == "file":
        raise wrong
    try:
        if host.startswith("["):
            host = f"[{ipaddress.IPv6Address(host[1:-1])}]"
        elif not host.isascii():
            host = host.encode("idna").decode("ascii")
    except ValueError:
        raise wrong from None
    if not host.startswith("[") and (not _LABELS.match(host) or _looks_numeric(host.rstrip("."))):
        raise wrong
    if port is not None and not 1 <= int(port) <= 65535:
        raise wrong
    if port is None or int(port) == _DEFAULT_PORTS.get(scheme):
        return f"{scheme}://{host}"
    return f"{scheme}://{host}:{int(port)}"


def origins(text: str) -> tuple[str, ...]:
    """Origins, separated by commas or spaces; a final slash, as address bars show it, is forgiven."""
    return tuple(dict.fromkeys(origin(word.removesuffix("/")) for word in text.replace(",", " ").split()))


def scopes(text: str) -> frozenset[Scope]:
    """What an application may do, separated by commas or spaces."""
    names = choice(*(scope.value for scope in Scope))
    words = text.replace(",", " ").split()
    if not words:
        raise ValueError(f"must name at least one of {', '.join(scope.value for scope in Scope)}")
    return frozenset(Scope(names(word)) for word in words)


REJECT_STATUSES: Final = (403, 404, 480, 486, 600, 603, 607)
"""What a call may be refused with (RFC 3261, sections 21.4 and 21.6; 607 is RFC 8197's, for unwanted calls)."""


def status_of(*statuses: int) -> Parser[int]:
    """One of some SIP statuses."""
    words = choice(*(str(status) for status in statuses))
    return lambda text: int(words(text))


reject_status: Final = status_of(*REJECT_STATUSES)
dnd_status: Final = status_of(480, 486, 600, 603)


def refer_policy(text: str) -> ReferPolicy:
    """What a far end that transfers us hears."""
    return ReferPolicy(choice(*(policy.value for policy in ReferPolicy))(text))


def dial_target(text: str) -> str | None:
    """A number, or a SIP URI; None for nothing."""
    word = text.strip()
    if not word:
        return None
    if not re.match(r"(?:[0-9+*#]{1,64}|sip:[^\s@<>\"?]{1,64}@[A-Za-z0-9.:\[\]-]{1,255})\Z", word):
        raise ValueError(f"must be a number or a SIP URI, not {quoted(text)}")
    return word


def callers(text: str) -> tuple[str, ...]:
    """Who calls: C{user} or C{user@host}, separated by commas or spaces."""
    words = [word.removeprefix("sip:") for word in text.replace(",", " ").split()]
    for word in words:
        user, at, host = word.partition("@")
        sip_user(user)
        if at and not _LABELS.match(host):
            raise ValueError(f"must be numbers, or number@host, not {quoted(word)}")
    return tuple(dict.fromkeys(words))


def dial_prefixes(text: str) -> tuple[str, ...]:
    """Beginnings of numbers, separated by commas or spaces."""
    words = text.replace(",", " ").split()
    for word in words:
        if not re.match(r"[0-9+*#]{1,32}\Z", word):
            raise ValueError(f"must be beginnings of numbers, of digits, + * and #, not {quoted(word)}")
    return tuple(dict.fromkeys(words))
