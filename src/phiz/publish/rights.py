"""Whose model it is and under which licence: asked once, kept in the user's settings."""

from __future__ import annotations

import json
from collections.abc import Callable

from phiz import artefacts, settings
from phiz.errors import UsageError

_LONGEST = 200
_EXAMPLES = {"author": "--author Ada", "licence": "--licence cc-by-4.0"}


def rights(
    author: str | None,
    licence: str | None,
    own: tuple[str | None, str | None],
    ask: Callable[[str], str] | None = None,
) -> tuple[str, str]:
    """Return author and licence: those given, else the model's own, else those given the last time.

    Args:
        author: what the command says.
        licence: likewise.
        own: author and licence of the model's config.json.
        ask: asks a person for one of the two, where there is one to ask.

    Raises:
        UsageError: none was ever given, or it is no line of text.
    """
    kept = _read()
    chosen, new = {}, {}
    for name, given, model in (("author", author, own[0]), ("licence", licence, own[1])):
        value = (given if given is not None else model or kept.get(name) or "").strip()
        if not value and given is None and ask:
            value = given = ask(name).strip()
        if not value:
            raise UsageError(
                f"A page says who made its model and what others may do with it: give --{name} once "
                f"(such as {_EXAMPLES[name]}); phiz keeps it."
            )
        if len(value) > _LONGEST or not value.isprintable():
            raise UsageError(f"--{name} is one line of at most {_LONGEST} characters.")
        chosen[name] = value
        if given is not None:
            new[name] = value
    if new and kept != kept | new:
        _write(kept | new)
    return chosen["author"], chosen["licence"]


def _write(said: dict[str, str]) -> None:
    place = settings.folder() / "rights.json"
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        artefacts.write_json(place, said)
    except OSError:
        pass  # it serves this time all the same


def _read() -> dict[str, str]:
    try:
        kept = json.loads((settings.folder() / "rights.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return {k: v for k, v in kept.items() if isinstance(v, str)} if isinstance(kept, dict) else {}
