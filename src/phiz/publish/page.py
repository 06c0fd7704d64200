"""The page as it was built from web/, and how it is filled: title, policy, first faces, data.

What runs is what lies in `page/` beside this file; `make page` builds it. No text of a model's gets into the
page unescaped, and the page's own policy lets in nothing that it was not published with.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Sequence
from importlib import resources
from typing import Any

from phiz.errors import PhizError

WORDS = (
    "Every face here is synthetic: a program made it, and it is nobody's portrait."  # as web/src/words/en.ts
)
TITLE = "Faces of nobody"
"""What stands above the faces where the publisher says nothing; the page says it in its languages."""

RUNTIMES = {
    "wasm": ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm.gz"),
    "webgpu": (
        "ort.webgpu.min.mjs",
        "ort-wasm-simd-threaded.asyncify.mjs",
        "ort-wasm-simd-threaded.asyncify.wasm.gz",
    ),
}
"""Of each runtime: its library, its glue, its WebAssembly."""


def read(name: str) -> bytes:
    """Return a file of the built page.

    Raises:
        PhizError: the page was not built.
    """
    try:
        return resources.files("phiz.publish").joinpath("page", name).read_bytes()
    except OSError:
        raise PhizError(
            "This copy of phiz comes without its page: build it (make page), or pip install phiz."
        ) from None


def version(*contents: bytes) -> str:
    """Return eight digits that change with `contents`, for names that may be kept for good."""
    digest = hashlib.sha256()
    for content in contents:
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()[:8]


def fill(
    data: dict[str, Any],
    lead: str,
    pictures: Sequence[str],
    script: bytes | str,
    parts: dict[str, bytes] | None = None,
    links: str = "",
) -> str:
    """Return the page as HTML.

    Args:
        data: what the page reads as its site (web/src/site.ts).
        lead: the sentence under the title.
        pictures: the first model's first faces, as data: addresses.
        script: the page's program, or where it lies.
        parts: of a page in one file: everything else, by name.
        links: further lines for the head.
    """
    style = read("style.css").decode("utf-8").strip()
    text = read("page.html").decode("utf-8")
    inline = script.decode("utf-8").replace("</script", "<\\/script") if isinstance(script, bytes) else None
    model, title = data["models"][0], data["title"] or TITLE
    filled = {
        "policy": f'<meta http-equiv="Content-Security-Policy" content="{policy(style, inline)}">',
        "head": f"<title>{html.escape(title)}</title>\n"
        f'<meta name="description" content="{html.escape(f"{WORDS} {lead}".strip())}">\n'
        f"{links}<style>{style}</style>",
        "title": html.escape(title),
        "lead": html.escape(f"{WORDS} {lead}".strip()),
        "wall": _wall(pictures, model["wall"]["seed"], model["size"]),
        "rights": html.escape(f"{model['card']['author']} · {model['card']['licence']}"),
        "card": "",
        "opened": f"<script>{_OPENED}</script>" if inline is None else "",
        "data": _data(data, parts or {}) + _program(script, inline),
    }
    for name, value in filled.items():
        text = text.replace(f"<!--phiz:{name}-->", value)
    return text


_OPENED = 'document.getElementById("opened").hidden = location.protocol !== "file:";'
"""Programs in files of their own do not run from a disk; this line does, and says so."""


def policy(style: str, inline: str | None) -> str:
    """Return the page's content security policy; `inline` is the program of a page in one file."""
    own = f"'self' {_hash(_OPENED)}" if inline is None else f"{_hash(inline)} blob:"
    asks = "'self'" if inline is None else "blob:"
    return (
        f"default-src 'none'; script-src {own} 'wasm-unsafe-eval'; worker-src {asks}; connect-src {asks}; "
        f"style-src {_hash(style)}; img-src 'self' data: blob:; manifest-src {asks}; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode()}'"


def _wall(pictures: Sequence[str], seed: int, size: int) -> str:
    faces = "".join(
        f'<li><img src="{source}" width="{size}" height="{size}" alt="Synthetic face, seed {seed + i}">'
        "</li>\n"
        for i, source in enumerate(pictures)
    )
    return f'<ul class="wall">\n{faces}</ul>'


def _data(data: dict[str, Any], parts: dict[str, bytes]) -> str:
    text = json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")
    lines = [f'<script type="application/json" id="site">{text}</script>\n']
    for name, content in parts.items():
        packed = base64.b64encode(content).decode()
        lines.append(f'<script type="text/plain" data-part="{html.escape(name)}">{packed}</script>\n')
    return "".join(lines)


def _program(script: bytes | str, inline: str | None) -> str:
    if inline is None:
        return f'<script type="module" src="{html.escape(str(script))}"></script>'
    return f'<script type="module">{inline}</script>'
