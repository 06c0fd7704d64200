"""HTML from Python: tags that balance, and text that is escaped unless it is already HTML."""

from __future__ import annotations

from html import escape


class Html(str):
    """Text that is HTML already; any other text is escaped where it enters a tag."""

    __slots__ = ()


Part = str | None
"""What a tag takes in: Html as it is, other text escaped, None left out."""

_VOID = frozenset({"br", "hr", "img", "link", "meta", "source"})


def tag(name: str, /, *parts: Part, **attributes: object) -> Html:
    """Return <name attributes>parts</name>, everything in it escaped.

    Attributes are named as in HTML, with a trailing underscore where Python needs one (class_) and
    underscores for hyphens (aria_label). None and False leave an attribute out, True gives its name alone.
    """
    said = []
    for key, value in attributes.items():
        key = key.rstrip("_").replace("_", "-")
        if value is True:
            said.append(f" {key}")
        elif value is not None and value is not False:
            said.append(f' {key}="{escape(str(value))}"')
    start = f"<{name}{''.join(said)}>"
    return Html(start) if name in _VOID else Html(f"{start}{join(*parts)}</{name}>")


def join(*parts: Part, by: str = "") -> Html:
    """Return the parts in a row, text escaped, with `by` between them."""
    texts = (part if isinstance(part, Html) else escape(part) for part in parts if part is not None)
    return Html(escape(by).join(texts))
