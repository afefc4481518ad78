"""What an operator wants to say to a new customer in HTML, made harmless.

nh3 (ammonia, in Rust) parses as browsers do and builds anew from a list of what is allowed; lxml's cleaner works on a
list of what is forbidden and has been got around before, and bleach is no longer kept.
"""

from __future__ import annotations

from typing import Final

LONGEST: Final = 64 * 1024
"""Characters of HTML that are looked at at all."""

TAGS: Final = {
    *("p", "br", "hr", "div", "span", "h1", "h2", "h3", "h4", "b", "strong", "i", "em", "u", "small", "code", "pre"),
    *("ul", "ol", "li", "dl", "dt", "dd", "table", "thead", "tbody", "tr", "th", "td", "a", "blockquote"),
}
ATTRIBUTES: Final = {"*": set[str](), "a": {"href"}, "td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan"}}
"""By tag. nh3 would let C{title} and C{lang} stand everywhere if C{*} were not there."""
SCHEMES: Final = {"https", "http", "mailto", "tel"}
REMOVED: Final = {"script", "style", "title", "template", "noscript", "iframe", "object", "svg", "math"}
"""Gone with all that is in them."""


def sanitised(html: str) -> str:
    """Text, structure and links; no images, styles, scripts, forms, frames, classes or ids."""
    import nh3  # seldom needed

    if len(html) > LONGEST:
        html = html[:LONGEST]
    return nh3.clean(
        html,
        tags=TAGS,
        attributes=ATTRIBUTES,
        clean_content_tags=REMOVED,
        strip_comments=True,
        link_rel="noopener noreferrer nofollow",
        url_schemes=SCHEMES,
        attribute_filter=_absolute,
    ).strip()


def _absolute(tag: str, attribute: str, value: str) -> str | None:
    """No link without a scheme: where this is shown it would lead to a page of ours."""
    if attribute == "href" and value.partition(":")[0].strip().lower() not in SCHEMES:
        return None
    return value
