"""An operator's brand: a directory with C{brand.conf}, a logo, and files about the operator's web services.

    brand.conf          [brand] and, as defaults for this operator's customers, any other section of neon.conf
    logo.svg            as [brand] logo says
    operators.d/*.conf  for L{neon.operators}, with the files that they name

C{brand.conf} is read before neon.conf, which therefore wins key by key.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from neon import logos, sections
from neon.brandvalues import Brand
from neon.inifile import ConfigError

FILE: Final = "brand.conf"


def read(section: sections.Brand) -> Brand:
    """The brand that the configuration describes. Reads the logo: for start-up only.

    @raise ConfigError: the logo cannot be read, or is none.
    """
    logo = None
    setting = section.logo
    if setting.text:
        path = Path(setting.place.path).parent / setting.text
        try:
            with path.open("rb") as file:
                logo = logos.read(file.read(logos.MAX_BYTES + 1))
        except OSError as error:
            raise setting.error(f"'logo' cannot be read: {error.strerror}") from None
        except logos.BadLogo as error:
            raise setting.error(f"'logo' {error}") from None
    return Brand(section.name, section.colour, section.accent_colour, section.website, section.support, logo)


def load(section: sections.Brand) -> Brand:
    """As L{read}; a bad logo ends the program with a sentence."""
    try:
        return read(section)
    except ConfigError as error:
        raise SystemExit(f"neon: {error}") from None
