"""Make the model `avatars` that comes with phiz: draw faces, train on them, pack the model into the package.

    python benchmarks/prior.py ../prior --faces 20000 --steps 5000
    python benchmarks/prior.py ../further --further --steps 4000 --set classifier=0.4
    python benchmarks/prior.py ../again --further --steps 2000 --set classifier=0.8

Writes FOLDER/faces and FOLDER/run (gone on with where they are there already), and then
src/phiz/bundled/avatars: weights in 16 bits, a preview, a card. Steps, not minutes: on a CPU, with the same
torch and as many threads, the same model comes of it. Prints the bytes, and how far 16 bits move a pixel.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save

import phiz
from phiz import artefacts, bundled, marks, networks
from phiz.card import CONFIG, WEIGHTS, model_card
from phiz.model import DISCRIMINATOR, Model
from phiz.onnx import export
from phiz.sampling import sheets
from phiz.verbs.demo import draw

SIZE = 64
MADE = "## How it was made\n"
HERE = Path(__file__).resolve().parent


def halved(tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return tensors in 16 bits; counters are left out of what is stored anyway."""
    return {name: a.astype(np.float16) if a.dtype == np.float32 else a for name, a in tensors.items()}


def plain_onnx(model: Model, weights: dict[str, np.ndarray]) -> bytes:
    """Return the ONNX file of `model` with `weights`, each under its own name."""
    import torch

    network = networks.generator(model.config.network.name, **model.config.network.arguments)
    tensors = {name: torch.from_numpy(a.copy()) for name, a in weights.items()}
    centres = tensors.pop(model.config.centres).numpy() if model.config.centres else None
    network.load_state_dict(tensors)
    return export(network, model.config.z, len(model.config.labels), centres, plain=True)


def pack(model: Model, place: Path, made_by: str, further: bool = False) -> None:
    """Write `model` as phiz.bundled reads it; `further`: it went on from the one that lies there."""
    small = {
        bundled.GENERATOR: halved(model.weights()),
        bundled.CRITIC: halved(load_file(model.path / DISCRIMINATOR)),
    }
    weights = {name: a.astype(np.float32) if a.dtype == np.float16 else a
               for name, a in small[bundled.GENERATOR].items()}  # fmt: skip
    graph = bundled.bare(plain_onnx(model, weights), weights)
    place.mkdir(parents=True, exist_ok=True)
    for name, tensors in small.items():
        (place / name).write_bytes(save(tensors, {"format": "pt"}))
    (place / bundled.GRAPH).write_bytes(graph)
    files = bundled.whole(weights, graph, place / bundled.CRITIC)
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    config = model.config.model_copy(
        update={
            "files": hashes,
            "steps": (model.config.steps or 0) + (_steps(place) if further else 0),
            "author": "The phiz authors",
            "licence": "apache-2.0",
            "learned_from": "the drawn faces of phiz.avatars, in all their styles",
        }
    )
    artefacts.write_json(place / CONFIG, config.model_dump(mode="json"))
    values = sum(a.size for a in weights.values())
    said = (place / "README.md").read_text("utf-8") if further else ""
    before = said.partition(MADE)[2].partition("\n## ")[0]
    card = f"{MADE}{before.rstrip()}\n\n`{made_by}`\n"
    (place / "README.md").write_text(model_card(config, values, card), "utf-8")
    sheet = sheets.sheet(model.sample(64), SIZE, (8, 8), scale=1)
    marked = {"phiz": "preview", "format": marks.FORMAT, "synthetic": True, "model": hashes[WEIGHTS][:16]}
    (place / bundled.PREVIEW).write_bytes(marks.encode(sheet, ".webp", marked))


def _steps(place: Path) -> int:
    """Return how many steps the model that is packed at `place` has taken."""
    return int(json.loads((place / CONFIG).read_text("utf-8"))["steps"])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--faces", type=int, default=20_000)
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--further", action="store_true", help="start from the model that is packed by now")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--place", type=Path, default=HERE.parent / "src" / "phiz" / "bundled" / "avatars")
    args = parser.parse_args()
    faces = draw(args.folder / "faces", args.faces, SIZE)
    run = args.folder / "run"
    there = artefacts.kind_of(run) == "run"
    done = phiz.train(
        faces.path, run, steps=args.steps, start_from="avatars" if args.further else None, resume=there,
        settings=dict(item.split("=", 1) for item in args.set),
    )  # fmt: skip
    model = done.model
    asked = [f"--faces {args.faces} --steps {args.steps}", *(f"--set {item}" for item in args.set)]
    command = f"python benchmarks/prior.py {args.folder.name}{' --further' if args.further else ''}"
    pack(model, args.place, " ".join([command, *asked]), args.further)
    unpacked = args.folder / "unpacked"
    shutil.rmtree(unpacked, ignore_errors=True)
    unpacked.mkdir()
    bundled.unpack(args.place, unpacked)
    made = [one.sample(64).astype(int) for one in (phiz.load(unpacked), model)]
    apart = round(float(np.abs(made[0] - made[1]).mean()), 4)
    size = {path.name: path.stat().st_size for path in sorted(args.place.iterdir())}
    print(json.dumps({"bytes": size, "all": sum(size.values()), "mean of 255": apart}))


if __name__ == "__main__":
    main()
