"""Whether the built-in extractor puts models in the order that a network does.

    python benchmarks/builtin_ranking.py PICTURES --recipe slim --size 32 --steps 2000
    python benchmarks/builtin_ranking.py PICTURES --series FOLDER_OF_MODELS --size 32

Trains on PICTURES (a zip of faces, exact duplicates dropped, the last share by the order of their SHA-256
held out) and looks at the generator at eight steps, evenly spaced; or takes the models in the folders of
FOLDER_OF_MODELS, in the order of their names. At each, 2,000 faces are compared with the held-out ones by
both extractors. Printed, and appended to benchmarks/results/builtin_ranking.jsonl: the Frechet distances
over the trace of the real covariance, and Spearman's correlation of the two orders. To reach: 0.8 at least.

`--avatars` in place of PICTURES trains on faces that phiz draws. Needs phiz[train] and scipy.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

import phiz
from phiz import artefacts, latents, pictures
from phiz.evaluation import features
from phiz.evaluation.distances import relative_frechet
from phiz.evaluation.extractors import Extractor, extractor
from phiz.evaluation.statistics import Statistics
from phiz.faceset import FaceSet
from phiz.faceset_writer import FaceSetWriter
from phiz.model import to_uint8

HERE = Path(__file__).resolve().parent


def faces_of(source: Path | None, size: int) -> np.ndarray:
    """Return faces uint8 (N, size, size, 3): distinct ones of a zip by their SHA-256, or 6,000 drawn ones."""
    if source is None:
        from phiz import avatars

        return np.stack([avatars.draw(index, size) for index in range(6000)])
    found = {}
    with zipfile.ZipFile(source) as archive:
        for name in archive.namelist():
            if name.lower().endswith((".jpg", ".jpeg", ".png", ".webp")):
                data = archive.read(name)
                found[hashlib.sha256(data).hexdigest()] = data
    made = np.empty((len(found), size, size, 3), np.uint8)
    for place, digest in zip(made, sorted(found), strict=True):
        square = pictures.centre_crop(pictures.decode(found[digest], digest))[0]
        place[:] = np.asarray(pictures.resize(square, size))
    return made


def written(faces: np.ndarray, folder: Path) -> FaceSet:
    """Write `faces` as a face set."""
    size = faces.shape[1]
    with artefacts.building(folder, "faceset") as place, FaceSetWriter(place, size, {}, {}) as writer:
        for index, face in enumerate(faces):
            writer.add(face, f"{index}", (0, 0, size, size))
        writer.finish()
    return FaceSet.open(folder)


def trained(faces: FaceSet, args: argparse.Namespace) -> Iterator[tuple[str, np.ndarray]]:
    """Train, and yield (step, faces) at evenly spaced steps."""
    import torch

    from phiz.training import gan, loop, plan
    from phiz.training import recipe as recipes
    from phiz.training.precision import resolve

    settings = dict(text.split("=", 1) for text in args.set)
    given = {"size": str(faces.size), "seed": str(args.seed), "steps": str(args.steps), **settings}
    recipe = recipes.changed(recipes.find(args.recipe), given)
    device = torch.device("cpu")
    loop.deterministic(args.threads)
    task = gan.GAN(recipe.model_copy(update={"precision": resolve(recipe.precision, device)}), faces, device)
    planned = plan.fixed(task, args.steps)
    looks = {round(args.steps * (i + 1) / args.models) for i in range(args.models)}
    for step in range(args.steps):
        task.step(planned.position(step))
        if step + 1 in looks:
            network = task.finished(planned.position(step + 1))
            codes = torch.from_numpy(latents.latents(range(args.made), recipe.z))
            with torch.no_grad():
                made = torch.cat([network(part) for part in codes.split(100)]).float().numpy()
            yield str(step + 1), to_uint8(made, task.output_range)


def kept(folder: Path, count: int) -> Iterator[tuple[str, np.ndarray]]:
    """Yield (name, faces) of the models in the folders of `folder`."""
    for path in sorted(path for path in folder.iterdir() if path.is_dir()):
        yield path.name, phiz.load(path).sample(count)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    shared = HERE.parent.parent / "shared"
    parser.add_argument("pictures", type=Path, nargs="?", default=shared / "data" / "anime96.zip")
    parser.add_argument("--avatars", action="store_true", help="faces that phiz draws, not PICTURES")
    parser.add_argument("--network", type=Path, default=shared / "weights" / "squeezenet-fire9.onnx")
    parser.add_argument("--series", type=Path, help="a folder of models, instead of training")
    parser.add_argument("--recipe", default="slim")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--models", type=int, default=8)
    parser.add_argument("--made", type=int, default=2000, help="faces of each model")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()

    everything = faces_of(None if args.avatars else args.pictures, args.size)
    held = everything[-min(3 * args.made // 2, len(everything) // 3) :]
    judges: dict[str, Extractor] = {
        "network": extractor(args.network, args.threads),
        "built in": extractor("filters", args.threads),
    }

    def judged(faces: np.ndarray) -> dict[str, Statistics]:
        seen = {name: features.extract([faces], judge, len(faces)) for name, judge in judges.items()}
        return {name: Statistics.of(values) for name, values in seen.items()}

    real = judged(held)
    rows: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as scratch:
        learn = everything[: -len(held)]
        models = (
            kept(args.series, args.made)
            if args.series
            else trained(written(learn, Path(scratch) / "set"), args)
        )
        for name, made in models:
            fake = judged(made)
            rows.append({judge: relative_frechet(real[judge], fake[judge]) for judge in judges})
            print(f"{name:>10s}  " + "  ".join(f"{k} {v:.3f}" for k, v in rows[-1].items()), flush=True)
    floor = judged(learn[: args.made])
    found = float(spearmanr(*([row[judge] for row in rows] for judge in judges)).statistic)
    said = {
        "data": "avatars" if args.avatars else args.pictures.name,
        "size": args.size,
        "recipe": str(args.series or args.recipe),
        "steps": args.steps,
        "seed": args.seed,
        "spearman": round(found, 3),
        "floor": {judge: round(relative_frechet(real[judge], floor[judge]), 4) for judge in judges},
        **{judge: [round(row[judge], 4) for row in rows] for judge in judges},
        "extractor": judges["built in"].sha256[:12],
        "phiz": phiz.__version__,
    }
    (HERE / "results").mkdir(exist_ok=True)
    with open(HERE / "results" / "builtin_ranking.jsonl", "a", encoding="utf-8") as file:
        file.write(json.dumps(said) + "\n")
    print(f"Spearman {found:.2f} over {len(rows)} models; real against real {said['floor']}")


if __name__ == "__main__":
    main()
