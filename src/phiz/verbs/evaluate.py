"""`phiz evaluate`: how good a generator is, how varied, and how much of it is copied."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from phiz import artefacts
from phiz.errors import PhizError, UsageError
from phiz.evaluation import extractors, features, measures, memorisation, words
from phiz.evaluation.during import Distance
from phiz.evaluation.extractors import Extractor
from phiz.evaluation.figures import Evaluation
from phiz.evaluation.measures import Tables
from phiz.evaluation.neighbours import nearest, realism
from phiz.evaluation.thumbnails import Thumbnails
from phiz.model import Model, check_truncation, load
from phiz.verbs.reals import Reals, beside, check_size, find, run_of
from phiz.verbs.report import Copying, Found, Nearest, write_report

DEFAULT_SAMPLES = 5000
LEAST_SAMPLES = 32
_NEIGHBOURS, _NEAREST = 8, 4

Bar = Callable[[str], AbstractContextManager[Callable[[int, int], None]]]
"""Opens a bar for some work in words and gives what is told (done, total)."""


@dataclass(frozen=True)
class Asked:
    """Which faces to make: how many, from which seed, with which truncation."""

    samples: int
    seed: int
    truncation: float


@dataclass
class Evaluated:
    """What an evaluation came to: its folder, what it found of each model, and lines that say so."""

    folder: Path
    evaluations: list[Evaluation]
    lines: list[str] = field(default_factory=list)


def evaluate(
    source: str | Path,
    against: str | Path | None = None,
    *,
    compare: str | Path | None = None,
    trained_on: str | Path | None = None,
    out: str | Path | None = None,
    samples: int = DEFAULT_SAMPLES,
    seed: int = 0,
    truncation: float = 1.0,
    extractor: str | Path = "filters",
    threads: int | None = None,
    ray: str | None = None,
    force: bool = False,
    bar: Bar | None = None,
) -> Evaluated:
    """Measure a model, and write evaluation.json and report.html.

    Args:
        source: a run or a model.
        against: a face set of the model's size, best of faces it did not learn from; by default those it
            learned from, where they are at hand.
        compare: another run or model, measured in the same way and shown beside it.
        trained_on: the face set the model learned from, where it is not found by itself: the memorisation
            check needs it.
        out: the folder to write; RUN/evaluation, or MODEL-evaluation, by default.
        samples: how many faces to make, fewer where there are fewer real ones.
        seed: the first seed.
        truncation: psi.
        extractor: a name of phiz.evaluation.extractors.EXTRACTORS, or an ONNX file.
        threads: how many threads extract.
        ray: address of a Ray cluster to extract on.
        force: replace a folder that an evaluation wrote; one at its default place is replaced anyway.
        bar: shows how far the work is.

    Raises:
        UsageError: an unknown extractor, too few samples, a truncation or seed out of range.
        PhizError: no model, no face set, another size, an empty set, NaN in the model's output.
        MissingExtra: the extractor needs torch, or Ray is not installed.
        Surroundings: weights are neither here nor to be had; the disk is full.
    """
    check_truncation(truncation)
    if samples < LEAST_SAMPLES:
        raise UsageError(f"--samples {samples}: at least {LEAST_SAMPLES} faces are needed to measure.")
    models = [load(source)] + ([load(compare)] if compare is not None else [])
    folder = _folder(Path(source), models[0], out, force)
    reals = find(Path(source), models[0], against, trained_on)
    for model in models:
        check_size(reals.against.faces, model)
    bar = bar or _silent
    asked = Asked(samples, seed, truncation)
    places = [source] if compare is None else [source, compare]
    others = list(zip(places, models, strict=True))[1:]
    each = [reals, *(beside(reals, models[0], Path(place), model) for place, model in others)]
    with _extractor(extractor, threads, ray, bar) as sees:
        found = [
            _measured(model, place, real, sees, asked, bar)
            for model, place, real in zip(models, places, each, strict=True)
        ]
    command = _command(source, reals, asked, extractor, compare)
    lines = [line for one in found for line in _lines(one.evaluation)]
    with artefacts.building(folder, "evaluation", force=True) as place:
        write_report(place, found, command)
    return Evaluated(folder, [one.evaluation for one in found], [*lines, f"See {folder / 'report.html'}."])


@contextmanager
def _extractor(name: str | Path, threads: int | None, ray: str | None, bar: Bar) -> Iterator[Extractor]:
    """Yield the extractor, here or on the cluster at `ray`."""
    if ray is None:
        with bar("fetching weights") as tick:
            sees = extractors.extractor(name, threads, tick)
        yield sees
        return
    from phiz.evaluation.cluster import Cluster

    cluster = Cluster(ray, name, threads or 1)
    try:
        yield cluster
    finally:
        cluster.close()


def _command(
    place: str | Path, reals: Reals, asked: Asked, extractor: str | Path, compare: str | Path | None
) -> str:
    """Return the command that measures all this again."""
    said = ["phiz", "evaluate", str(place), "--against", str(reals.against.faces.path)]
    if reals.learned is False and reals.trained is not None:
        said += ["--trained-on", str(reals.trained.faces.path)]
    if compare is not None:
        said += ["--compare", str(compare)]
    said += ["--extractor", str(extractor), "--samples", str(asked.samples), "--seed", str(asked.seed)]
    if asked.truncation != 1.0:
        said += ["--truncation", repr(float(asked.truncation))]
    return shlex.join(said)


def _silent(doing: str) -> AbstractContextManager[Callable[[int, int], None]]:
    from contextlib import nullcontext

    return nullcontext(lambda done, total: None)


def _folder(source: Path, model: Model, out: str | Path | None, force: bool) -> Path:
    """Return where the evaluation goes, refusing what may not be replaced."""
    if out is not None:
        artefacts.check_target(Path(out), "evaluation", force)
        return Path(out)
    run = artefacts.kind_of(source) == "run"
    place = model.path.absolute() if source.exists() else Path(source.name)  # a bundled one lies in the cache
    folder = source / "evaluation" if run else place.with_name(f"{place.name}-evaluation")
    artefacts.check_target(folder, "evaluation", force=True)
    return folder


def _measured(
    model: Model, place: str | Path, reals: Reals, sees: Extractor, asked: Asked, bar: Bar
) -> Found:
    """Extract what is needed, and take every figure of one model."""
    count = min(asked.samples, len(reals.other))
    with bar("real faces") as tick:
        real = reals.against.features(sees, tick)
    with bar("other real faces") as tick:
        other = reals.other.features(sees, tick)
    with bar("made faces") as tick:
        fake = features.of_model(model, sees, count, asked.seed, asked.truncation, tick).values
    tables = Tables(real, fake, other[features.chosen(len(other), count)])
    copies, close = _copies(reals, model, [sees, Thumbnails()], count, asked, bar)
    evaluation = Evaluation(
        model=_about_model(model, place),
        against={
            "name": str(reals.against.faces.path),
            "id": reals.against.faces.id,
            "count": len(tables.real),
            "split": reals.split,
        },
        extractor=extractors.about(sees),
        samples=count,
        seed=asked.seed,
        truncation=asked.truncation,
        figures=measures.measure(tables, sees.name),
        copying=_said(copies, [sees.name, Thumbnails.name]) if copies else None,
        notes=[*_fewer(asked.samples, count), *measures.warnings(tables), *_notes(reals)],
        course=_course(Path(place)),
    )
    scores = realism(tables.real, fake, measures.K)
    return Found(evaluation, model, reals, scores, copies, close)


def _copies(
    reals: Reals, model: Model, eyes: Sequence[Extractor], count: int, asked: Asked, bar: Bar
) -> tuple[Copying | None, Nearest | None]:
    """Look for copies among the made faces by each of `eyes`; return what the one that sees most found."""
    if reals.trained is None or reals.held is None:
        return None, None
    found: list[tuple[Copying, Nearest | None]] = []
    for sees in eyes:
        with bar(f"copies by {sees.name}: training faces") as tick:
            train = reals.trained.features(sees, tick)
        with bar(f"copies by {sees.name}: mirrored") as tick:
            mirrored = reals.trained.features(sees, tick, mirrored=True)
        held = reals.held.features(sees, None)
        made = features.of_model(model, sees, count, asked.seed, asked.truncation).values
        try:
            copies = memorisation.copies(made, train, held, mirrored)
        except PhizError as fault:
            found.append((Copying(sees.name, None, str(fault)), None))
            continue
        first = copies.closest[:_NEIGHBOURS]
        distances, rows = nearest(made[first], train, min(_NEAREST, len(train)), mirrored)
        close = Nearest(first, reals.trained.indices[rows], distances)
        found.append((Copying(sees.name, copies, copies.verdict), close))
    return max(found, key=lambda pair: (pair[0].flagged, pair[0].found is not None))


def _said(copying: Copying, eyes: Sequence[str]) -> dict[str, Any]:
    said = {
        "verdict": copying.verdict,
        "flagged": copying.flagged,
        "by": copying.by,
        "looked with": " and ".join(eyes),
    }
    if copying.found is None:
        return said
    tail = copying.found.tail
    return said | {
        "close": tail.share,
        "expected": tail.expected,
        "interval": list(tail.interval),
        "threshold": tail.threshold,
        "neighbours": copying.found.k,
    }


def _fewer(asked: int, count: int) -> list[str]:
    """Say that fewer faces were made than the user asked for; as many as by default are not missed."""
    if asked in (count, DEFAULT_SAMPLES):
        return []
    return [
        f"{asked:,} faces were asked for and {count:,} made: as many as there are other real ones, by which "
        "the floor is found."
    ]


def _notes(reals: Reals) -> list[str]:
    notes = []
    if reals.trained is None:
        notes.append(
            "Copying could not be checked: the faces it learned from are not at hand, or are those that it "
            "is compared with. Evaluate this model alone, and name them with --trained-on FACESET."
        )
    half = " Only half of those it learned from were searched, so that about twice as many may be copied."
    if reals.learned:
        notes.append(
            "Compared with faces it learned from. Faces held out of the training tell more: prepare them "
            "apart and give them with --against." + half * (reals.trained is not None)
        )
    elif reals.learned is None:
        notes.append("Whether it learned from the faces that it is compared with is not known.")
    return notes


def _about_model(model: Model, place: str | Path) -> dict[str, Any]:
    config = model.config
    return {
        "name": Path(place).resolve().name,
        "hash": model.hash,
        "recipe": config.recipe,
        "steps": config.steps,
        "size": config.size,
        "learned_from": config.learned_from,
    }


def _course(source: Path) -> list[dict[str, float]]:
    """Return what was measured during the training of a run, from its metrics."""
    run = run_of(source)
    if run is None or not (run / "metrics.jsonl").is_file():
        return []
    name, course = Distance.name, []
    for text in (run / "metrics.jsonl").read_text("utf-8").splitlines():
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if name in line:
            course.append({"step": line["step"], name: line[name]})
    return course


def _lines(evaluation: Evaluation) -> list[str]:
    """Return the figures as lines for a terminal, and what they mean."""
    about = evaluation.model
    sees = evaluation.extractor["name"]
    lines = [f"{about['name']} ({about['hash']}), {evaluation.samples:,} made faces, {sees} features"]
    width = max(len(figure.name) for figure in evaluation.figures)
    for figure in evaluation.figures:
        value, interval, floor = words.of_figure(figure)
        lines.append(
            f"  {figure.name:{width}}  {value:>8}   {interval or '':<18}   real faces {floor or '-'}"
        )
    said = [words.BLIND] if sees == "filters" else []
    return [
        *lines,
        *(f"  {line}" for line in (*said, words.copying(evaluation))),
        *(f"  Note: {note}" for note in evaluation.notes),
    ]
