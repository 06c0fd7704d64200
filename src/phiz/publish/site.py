"""The site: a folder that any web server can hand out, or one HTML file.

Everything is named relatively. What is named for its content (programs, runtime, weights) may be kept by
browsers for good. The service worker's list, the manifest and the words for the two usual hosts are here too.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import phiz
from phiz import artefacts
from phiz.publish import page

FORMAT = 1
NAME = "site.json"


@dataclass(frozen=True)
class Shown:
    """A model as a page shows it: `data` as web/src/site.ts has it, but for what this file adds."""

    data: dict[str, Any]
    weights: bytes
    pictures: list[str]
    icons: dict[int, bytes]
    larger: bytes | None = None
    """What makes its faces larger, packed; `data["larger"]` says of it what the page needs to know."""


def packed(content: bytes) -> bytes:
    """Return `content` as gzip, the same bytes every time."""
    plain = gzip.compress(content, 9, mtime=0)
    weights = zlib.compressobj(9, zlib.DEFLATED, 31, 9, zlib.Z_FILTERED)  # fewer copies, shorter codes
    return min(plain, weights.compress(content) + weights.flush(), key=len)


def write_folder(place: Path, title: str, models: Sequence[Shown], graphics: bool = True) -> int:
    """Write the site of `models` into the empty folder `place`; return the bytes of a first visit.

    Args:
        place: an empty folder.
        title: what stands above the faces.
        models: the first is shown first.
        graphics: bring the runtime for graphics cards, 7 MB that only visitors with one fetch.
    """
    files: dict[str, bytes] = {}

    def put(name: str, content: bytes) -> str:
        stem, dot, ending = name.rpartition(".")
        stem, dot, ending = (stem, dot, ending) if dot else (name, "", "")
        if ending == "gz":
            stem, _, inner = stem.rpartition(".")
            ending = f"{inner}.gz"
        named = f"{stem}-{page.version(content)}.{ending}"
        files[named] = content
        return named

    runtimes: dict[str, dict[str, Any]] = {}
    between = put("runtime/runtime.mjs", page.read("runtime.mjs"))
    for name, parts in page.RUNTIMES.items():
        if name == "wasm" or graphics:
            ort, glue, binary = (put(f"runtime/{part}", page.read(f"runtime/{part}")) for part in parts)
            runtimes[name] = {"ort": ort, "glue": glue, "between": between, "binary": binary}
            runtimes[name]["bytes"] = len(files[binary])
    entries, walls = [], []
    for shown in models:
        weights = put(f"models/{shown.data['hash']}.onnx.gz", shown.weights)
        wall = put(f"models/{shown.data['hash']}-faces.json", json.dumps(shown.pictures).encode())
        walls.append(wall)
        larger = put(f"models/{shown.data['hash']}-larger.onnx.gz", shown.larger) if shown.larger else None
        entries.append(_entry(shown, weights, wall, larger))
    main, worker = (put(f"assets/{name}.js", page.read(f"{name}.js")) for name in ("main", "worker"))
    data = _site(title, False, worker, "sw.js", runtimes, entries)
    links = (
        '<link rel="manifest" href="manifest.webmanifest">\n<link rel="icon" href="icon-192.png">\n'
        '<link rel="apple-touch-icon" href="icon-192.png">\n'
        f'<link rel="modulepreload" href="{main}">\n'
    )
    text = page.fill(data, _lead(models[0]), models[0].pictures, main, links=links)
    first = [main, worker, *(str(runtimes["wasm"][part]) for part in ("ort", "glue", "between", "binary"))]
    first += [entries[0]["weights"], "manifest.webmanifest", "icon-192.png"]
    files["index.html"] = text.encode("utf-8")
    files["manifest.webmanifest"] = _manifest(title or page.TITLE)
    files |= {f"icon-{side}.png": content for side, content in models[0].icons.items()}
    plan = {"version": page.version(files["index.html"]), "first": ["./", *first, *walls]}
    files["sw.js"] = f"self.plan={json.dumps(plan)};\n".encode() + page.read("sw.js")
    files["runtime/NOTICE.txt"] = page.read("runtime/NOTICE.txt")
    files["README.md"] = _readme(title or page.TITLE, models).encode("utf-8")
    files[".nojekyll"] = b""
    for name, content in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(content)
    said: dict[str, Any] = {"phiz": "site", "format": FORMAT, "made by": phiz.__version__}
    said["title"] = title or page.TITLE
    said["models"] = [{"hash": entry["hash"], "name": entry["name"]} for entry in entries]
    said["files"] = [*files, NAME]
    artefacts.write_json(place / NAME, said)
    return sum(len(files[name]) for name in [*first, "index.html"])


def renew(old: Path, new: Path) -> None:
    """Move the files of the site `new` into the folder `old`; what the site there had besides is deleted.

    What others put there (a CNAME, a repository) is not touched. At any moment the folder is a site that
    works: what is named for its content comes first, what names it last.
    """
    names, last = _listed(new), ("sw.js", "index.html")
    for name in [*sorted(names - {*last, NAME}), *last]:
        (old / name).parent.mkdir(parents=True, exist_ok=True)
        os.replace(new / name, old / name)
    for name in _listed(old) - names:
        (old / name).unlink(missing_ok=True)
    os.replace(new / NAME, old / NAME)  # last: until then it tells what is to be deleted
    shutil.rmtree(new, ignore_errors=True)


def _listed(folder: Path) -> set[str]:
    """Return the files that the site in `folder` says are its own."""
    said = artefacts.read_json(folder / NAME, "site", FORMAT) if (folder / NAME).is_file() else {}
    files = said.get("files")
    own = {name for name in files if isinstance(name, str)} if isinstance(files, list) else set()
    return {name for name in own if not PurePosixPath(name).is_absolute() and ".." not in name.split("/")}


def one_file(title: str, models: Sequence[Shown]) -> bytes:
    """Return the site of `models` as one HTML file that works from a disk, without a server."""
    parts = {"worker.js": page.read("worker.js"), "runtime.mjs": page.read("runtime.mjs")}
    ort, glue, binary = page.RUNTIMES["wasm"]
    for name in (ort, glue, binary):
        content = page.read(f"runtime/{name}")
        parts[name] = content if name.endswith(".gz") else packed(content)
    entries = []
    for shown in models:
        names = f"{shown.data['hash']}.onnx.gz", f"{shown.data['hash']}-faces.json"
        larger = f"{shown.data['hash']}-larger.onnx.gz" if shown.larger else None
        if larger and shown.larger:
            parts[larger] = shown.larger
        parts[names[0]] = shown.weights
        parts[names[1]] = json.dumps(shown.pictures).encode() if shown is not models[0] else b"[]"
        entries.append(_entry(shown, *names, larger))
    runtime: dict[str, Any] = {"ort": ort, "glue": glue, "between": "runtime.mjs", "binary": binary}
    runtime["bytes"] = len(parts[binary])
    data = _site(title, True, "worker.js", None, {"wasm": runtime}, entries)
    notice = "<!--\n" + page.read("runtime/NOTICE.txt").decode("utf-8").replace("--", "- -") + "-->\n"
    text = page.fill(data, _lead(models[0]), models[0].pictures, page.read("main.js"), parts)
    return (text + notice).encode("utf-8")


def _site(
    title: str, single: bool, worker: str, offline: str | None, runtimes: dict[str, Any], models: list[Any]
) -> dict[str, Any]:
    said = {"format": FORMAT, "title": title, "phiz": phiz.__version__, "single": single}
    return said | {"worker": worker, "offline": offline, "runtimes": runtimes, "models": models}


def _entry(shown: Shown, weights: str, wall: str, larger: str | None) -> dict[str, Any]:
    more = {"weights": weights, "bytes": len(shown.weights)}
    more["wall"] = {**shown.data["wall"], "count": len(shown.pictures), "pictures": wall}
    if larger and shown.larger:
        more["larger"] = {**shown.data["larger"], "weights": larger, "bytes": len(shown.larger)}
    return shown.data | more


def _lead(shown: Shown) -> str:
    learned = shown.data["card"]["learned_from"]
    return f"Learned from {learned}." if learned else ""


def _manifest(title: str) -> bytes:
    icons = [
        {"src": f"icon-{side}.png", "sizes": f"{side}x{side}", "type": "image/png"} for side in (192, 512)
    ]
    said = {
        "name": title,
        "short_name": title[:24],
        "start_url": "./",
        "scope": "./",
        "display": "standalone",
    }
    return json.dumps(
        said | {"background_color": "#fbf9f5", "theme_color": "#fbf9f5", "icons": icons}
    ).encode()


def _readme(title: str, models: Sequence[Shown]) -> str:
    """Return words for whoever finds the folder, with the front matter of a static Hugging Face Space."""
    first = models[0].data["card"]
    headers = [
        ("cross-origin-embedder-policy", "require-corp"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "cross-origin"),
    ]
    lines = ["---", f"title: {json.dumps(title, ensure_ascii=False)}", "sdk: static", "app_file: index.html"]
    lines += ["custom_headers:", *(f"  {name}: {value}" for name, value in headers)]
    lines += ["tags:", *(f"- {tag}" for tag in ("phiz", "gan", "faces", "synthetic", "onnx")), "---"]
    lines += [
        "",
        f"# {title}",
        "",
        "A page that makes synthetic faces in the visitor's own browser, by phiz.",
    ]
    for shown in models:
        card = shown.data["card"]
        learned = f", learned from {card['learned_from']}" if card["learned_from"] else ""
        lines += [
            "",
            f"- {shown.data['name']} (`{shown.data['hash']}`){learned}. {card['author']}, {card['licence']}.",
        ]
    lines += [
        "",
        "The folder is all there is: copy it to any web server, a branch of GitHub Pages or a static Hugging "
        f"Face Space. Licence of the model: {first['licence']}; of the runtime: runtime/NOTICE.txt.",
    ]
    return "\n".join(lines) + "\n"
