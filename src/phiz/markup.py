"""HTML from Python: tags that balance, and text that is escaped unless it is already HTML."""

from __future__ import annotations

from html import escape

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


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


def page(title: str, style: str, *body: Part) -> str:
    """Return a whole page that asks for nothing from outside and runs no program; `style` is CSS."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="generator", content="phiz"),
        tag("title", title),
        tag("style", Html(style)),
    )
    return f"<!doctype html>\n{tag('html', head, tag('body', *body), lang='en')}\n"
