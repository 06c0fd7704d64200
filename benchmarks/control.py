"""Does a model show what its labels ask for? A classifier trained on real labels judges.

    python benchmarks/control.py RUN FACESET --attributes hair eyes
    python benchmarks/control.py avatars ../avatars-64 --draw 8000

FACESET is what the model was trained on, with its labels, or where `--draw` writes drawn faces; every
fourth face is held out from the classifier, a small convolutional network for all attributes at once. An
attribute's figures: how often the classifier is right on held-out real faces, and how often it agrees with
the label asked for on made ones. Each value is asked for as often as held-out faces have it, the other
labels being drawn from the seeds. The bar is agreement of at least 0.9 of the accuracy. F/T, recall and
spread follow, as in quick_cpu.py: whether faces obey at the cost of their variety. They are taken against
2,000 faces of FACESET, which the model has learned from, so they compare models of one set alone; with
`--draw` against 2,000 drawn faces that are not in it. Rows are appended to benchmarks/results/control.jsonl.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import phiz
from phiz import avatars
from phiz.faceset import FaceSet
from phiz.verbs.demo import draw
from quick_cpu import HERE, compare, features

BATCH = 64
OTHERS = range(20_000, 22_000)


class Classifier(nn.Module):
    """(N, 3, H, W) in [-1, 1] -> the logits of the values of each attribute."""

    def __init__(self, size: int, counts: list[int]) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before, width = 3, 32
        while size > 4:
            layers += [nn.Conv2d(before, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU()]
            layers += [nn.MaxPool2d(2)]
            before, width, size = width, min(192, 2 * width), size // 2
        self.body = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Dropout(0.3))
        self.heads = nn.ModuleList(nn.Linear(4 * before, count) for count in counts)

    def forward(self, pictures: Tensor) -> list[Tensor]:
        seen = self.body(pictures)
        return [head(seen) for head in self.heads]


def scaled(faces: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(faces)).permute(0, 3, 1, 2).float() / 127.5 - 1


def trained(faces: np.ndarray, labels: np.ndarray, counts: list[int], epochs: int) -> Classifier:
    """Return a classifier of uint8 faces (N, H, W, 3) with labels (N, A), -1 where missing."""
    torch.manual_seed(0)
    network = Classifier(faces.shape[1], counts)
    adam = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=0.01)
    steps = epochs * (len(faces) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, 2e-3, total_steps=steps + 1)
    for _ in range(epochs):
        for rows in torch.randperm(len(faces)).split(BATCH)[: len(faces) // BATCH]:
            pictures = scaled(faces[rows.numpy()])
            pictures = torch.where(torch.rand(BATCH, 1, 1, 1) < 0.5, pictures.flip(3), pictures)
            asked = torch.from_numpy(labels[rows.numpy()].astype(np.int64))
            logits = network(pictures)
            loss = sum(
                F.cross_entropy(said, asked[:, a], ignore_index=-1)
                for a, said in enumerate(logits)
                if (asked[:, a] >= 0).any()
            )
            adam.zero_grad()
            loss.backward()  # type: ignore[union-attr]
            adam.step()
            schedule.step()
    return network.eval()


def said(network: Classifier, faces: np.ndarray) -> np.ndarray:
    """Return the values that the classifier sees in faces: (N, A)."""
    with torch.no_grad():
        parts = [network(scaled(faces[i : i + 256])) for i in range(0, len(faces), 256)]
    return np.stack(
        [np.concatenate([p[a].argmax(1).numpy() for p in parts]) for a in range(len(parts[0]))], 1
    )


def figures(model: phiz.Model, others: np.ndarray, network: Path) -> dict[str, float]:
    """Return F/T, precision, recall and spread of a model against `others`."""
    real, found = features(others, network), features(model.sample(len(others), seed=10_000), network)
    spread = float(np.trace(np.cov(found.T)) / np.trace(np.cov(real.T)))
    return {key: round(value, 4) for key, value in {**compare(real, found), "spread": spread}.items()}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("faceset", type=Path)
    parser.add_argument("--attributes", nargs="+", help="by default all of the model's")
    parser.add_argument("--count", type=int, default=2000, help="made faces an attribute")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument(
        "--draw", type=int, help="how many avatars to draw into FACESET, where it is none yet"
    )
    weights = HERE.parent.parent / "shared" / "weights"
    parser.add_argument("--network", type=Path, default=weights / "squeezenet-fire9.onnx")
    args = parser.parse_args()

    model = phiz.load(args.run)
    faces = draw(args.faceset, args.draw, model.config.size) if args.draw else FaceSet.open(args.faceset)
    names = args.attributes or list(model.config.labels)
    columns = [list(faces.schema).index(name) for name in names]
    labels, pictures = np.asarray(faces.labels)[:, columns], faces[:]
    known = (labels >= 0).any(1)
    held = np.arange(len(faces)) % 4 == 3
    counts = [len(faces.schema[name]) for name in names]
    network = trained(pictures[known & ~held], labels[known & ~held], counts, args.epochs)
    seen = said(network, pictures[held])

    print("| attribute | values | right on real faces | agrees on made ones | ratio |\n|---|---|---|---|---|")
    for a, name in enumerate(names):
        there = labels[held][:, a] >= 0
        truth = labels[held][:, a][there]
        right = float((seen[:, a][there] == truth).mean())
        asked = np.random.default_rng(0).choice(truth, args.count)
        agreed, seed = 0, 50_000
        for value in np.unique(asked):
            count = int((asked == value).sum())
            made = model.sample(count, seed=seed, labels={name: faces.schema[name][value]})
            agreed += int((said(network, made)[:, a] == value).sum())
            seed += count
        row = {
            "run": args.run.name, "faces": len(faces), "size": faces.size, "attribute": name,
            "values": counts[a], "held out": int(there.sum()), "right": round(right, 4),
            "agrees": round(agreed / args.count, 4), "ratio": round(agreed / args.count / right, 4),
            "phiz": phiz.__version__, "torch": torch.__version__,
        }  # fmt: skip
        with open(HERE / "results" / "control.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        print(
            f"| {name} | {counts[a]} | {right:.3f} | {row['agrees']:.3f} | {row['ratio']:.2f} |", flush=True
        )
    if args.draw:
        others = np.stack([avatars.draw(index, model.config.size) for index in OTHERS])
    else:
        others = pictures[3::6][: len(OTHERS)]
    print(json.dumps({"learned from": not args.draw, **figures(model, others, args.network)}))


if __name__ == "__main__":
    main()
